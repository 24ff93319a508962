#!/usr/bin/python3
"""A network of six kadns that is cut in two for some seconds and heals: three and three, each on a
host of its own, behind two switches with one cable between them. Both halves write while it is
cut. What was acknowledged is read on its own side at once and everywhere after, the newest wins
within 60 s, and nothing that was withdrawn comes back.

A plain name that nobody had before is written on both sides, under two keys: afterwards the claims
of both are found from either side, each publisher reads his own, and who believes any claim reads
the later one.

The promise is about ten minutes; here the cut lasts 25 s, which is longer than any query waits and
than it takes to count a silent node as gone, so that a test can have it.

usage: test_partition.py BUILD"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Host, Kadns, bridge, check, enter, eventually, main, run  # noqa: E402

CUT, HEAL = 25, 60
SIZE = 6
LEFT, RIGHT = range(3), range(3, 6)
# These believe the latest claim of a name, whoever makes it; the others keep to the first they met.
OPEN = (1, 4)


def network():
    """All join by the first, as they would: the right half has nobody else to join by."""
    for name in ("left", "right"):
        bridge(name)
    run("ip", "link", "add", "cable", "type", "veth", "peer", "name", "cable-end")
    run("ip", "link", "set", "cable", "master", "left", "up")
    run("ip", "link", "set", "cable-end", "master", "right", "up")
    nodes = []
    for i in range(SIZE):
        host = Host(f"h{i}", "left" if i in LEFT else "right", f"10.{i + 1}.1.1/8")
        source = "10.1.1.1:4001" if i else "none"
        nodes.append(Kadns(f"n{i}", source, (f"10.{i + 1}.1.1", 4001), host=host,
                           trust="open" if i in OPEN else "guarded"))
    check("six nodes know each other",
          eventually(20, lambda: all(len(n.nodes()) == SIZE - 1 for n in nodes)),
          lambda: [n.nodes() for n in nodes])
    return nodes


def cable(state):
    run("ip", "link", "set", "cable", state)


def everywhere(nodes, name, wanted, which=range(SIZE)):
    """Asked from the node's memory, its own records or the network; a withdrawn name is ENOENT."""
    return all(nodes[i].data(name) == wanted for i in which)


def publish(node, name, address):
    node.write(name, address)
    return eventually(15, node.published)


GONE = "No such file or directory"


def ttl(address, seconds=1):
    """Short, so that what is read is what the network holds and not what a cache remembers."""
    return '{"ttl":%d,"data":["%s"]}' % (seconds, address)


def before(nodes, keys):
    """Each name is written by one node. Names under a key: those that only its owner can write."""
    ok = publish(nodes[0], f"both.{keys[0]}", ttl("192.0.2.1"))
    ok &= publish(nodes[1], f"left-gone.{keys[1]}", ttl("192.0.2.2"))
    ok &= publish(nodes[4], f"right-gone.{keys[4]}", ttl("192.0.2.3"))
    ok &= publish(nodes[0], "plain.alt", ttl("192.0.2.4"))
    ok &= publish(nodes[5], "plain-gone.alt", ttl("192.0.2.5"))
    check("records are published before the cut", ok)
    for name, address in ((f"both.{keys[0]}", 1), (f"left-gone.{keys[1]}", 2),
                          (f"right-gone.{keys[4]}", 3), ("plain.alt", 4), ("plain-gone.alt", 5)):
        check(f"{name[:10]} is read everywhere",
              eventually(5, lambda n=name, a=address: everywhere(nodes, n, [f"192.0.2.{a}"])),
              lambda n=name: [x.data(n) for x in nodes])


def during(nodes, keys):
    """Writes on both sides, acknowledged by a side alone; its own side reads them at once."""
    nodes[2].write("twice.alt", ttl("192.0.2.16"))
    second = int(time.time())
    acknowledged = [
        publish(nodes[0], f"both.{keys[0]}", ttl("192.0.2.11")),
        publish(nodes[2], f"new.{keys[2]}", ttl("192.0.2.12")),
        publish(nodes[3], f"new.{keys[3]}", ttl("192.0.2.13")),
        publish(nodes[0], "plain.alt", ttl("192.0.2.14")),
        publish(nodes[5], "right.alt", ttl("192.0.2.15")),
    ]
    nodes[1].remove(f"left-gone.{keys[1]}")
    nodes[4].remove(f"right-gone.{keys[4]}")
    nodes[5].remove("plain-gone.alt")
    # A claim says in whole seconds when it was made.
    time.sleep(max(0, second + 2 - time.time()))
    nodes[3].write("twice.alt", ttl("192.0.2.17"))
    acknowledged += [eventually(15, nodes[i].published) for i in (1, 2, 3, 4, 5)]
    check("both sides write and withdraw while it is cut", all(acknowledged), acknowledged)
    for side, name, address in ((LEFT, f"both.{keys[0]}", 11), (LEFT, f"new.{keys[2]}", 12),
                                (RIGHT, f"new.{keys[3]}", 13), (LEFT, "plain.alt", 14),
                                (RIGHT, "right.alt", 15), (LEFT, "twice.alt", 16),
                                (RIGHT, "twice.alt", 17)):
        check(f"{name[:10]} is read on its own side", eventually(
            3, lambda s=side, n=name, a=address: everywhere(nodes, n, [f"192.0.2.{a}"], s)),
            lambda s=side, n=name: [nodes[i].data(n) for i in s])


def claims(node, name):
    """What the claims say that are found for that name; the error's name where none can be asked."""
    try:
        lines = node.text(f".kadns/claims/IN/A/{name}").splitlines()
    except OSError as e:
        return [e.strerror]
    return sorted(address for line in lines for address in json.loads(line)["data"])


def after(nodes, keys, healed):
    wanted = {f"both.{keys[0]}": ["192.0.2.11"], f"new.{keys[2]}": ["192.0.2.12"],
              f"new.{keys[3]}": ["192.0.2.13"], "plain.alt": ["192.0.2.14"],
              "right.alt": ["192.0.2.15"], f"left-gone.{keys[1]}": GONE,
              f"right-gone.{keys[4]}": GONE, "plain-gone.alt": GONE}
    twice = ["192.0.2.16", "192.0.2.17"]
    more = {"both claims": lambda: all(claims(nodes[i], "twice.alt") == twice for i in OPEN),
            "the later": lambda: everywhere(nodes, "twice.alt", twice[1:], OPEN)}
    took = {}
    while time.monotonic() < healed + HEAL and len(took) < len(wanted) + len(more):
        for name, value in wanted.items():
            if name not in took and everywhere(nodes, name, value):
                took[name] = time.monotonic() - healed
        for name, holds in more.items():
            if name not in took and holds():
                took[name] = time.monotonic() - healed
        time.sleep(0.2)
    check(f"of a name that both sides wrote both claims are found from either within {HEAL} s",
          "both claims" in took, lambda: [claims(nodes[i], "twice.alt") for i in OPEN])
    check("and who believes any reads the later on either side", "the later" in took,
          lambda: [nodes[i].data("twice.alt") for i in OPEN])
    own = [nodes[i].data("twice.alt") for i in (2, 3)]
    check("but who wrote one reads his own", own == [twice[:1], twice[1:]], own)
    for name, value in wanted.items():
        what = "stays withdrawn" if value == GONE else "its newest is read"
        check(f"{name[:10]}: {what} everywhere within {HEAL} s", name in took,
              lambda n=name: [x.data(n) for x in nodes])
    print("  | seconds after the healing:",
          " ".join(f"{name[:10]} {t:.1f}" for name, t in took.items()), flush=True)
    # And it is not that some node had not looked yet.
    again = {name: [n.data(name) for n in nodes] for name in wanted}
    good = all(again[name] == [value] * SIZE for name, value in wanted.items())
    check("and so it remains", good and all(eventually(5, holds) for holds in more.values()), again)


def test():
    nodes = network()
    keys = [n.text(".kadns/key").strip() for n in nodes]
    before(nodes, keys)
    cable("down")
    start = time.monotonic()
    during(nodes, keys)
    check("the other side cannot read it: it is really cut",
          not everywhere(nodes, f"new.{keys[2]}", ["192.0.2.12"], RIGHT))
    time.sleep(max(0, start + CUT - time.monotonic()))
    cable("up")
    healed = time.monotonic()
    after(nodes, keys, healed)
    check("six nodes know each other again",
          eventually(HEAL, lambda: all(len(n.nodes()) == SIZE - 1 for n in nodes)),
          lambda: [n.nodes() for n in nodes])
    print(f"  | after {time.monotonic() - healed:.0f} s", flush=True)


enter(200)
main(test)
