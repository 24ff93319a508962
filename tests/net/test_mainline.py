#!/usr/bin/python3
"""`kadns mainline` without the Internet: nodes at addresses that look public find each other by the
names of the usual bootstrap hosts, carry records, come to ids that fit their addresses, and never
have to do with a local address, whatever a liar among the bootstrap hosts tells them.

usage: test_mainline.py BUILD"""
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import (Client, Kadns, Sniffer, bencode, check, endpoint_of, enter, eventually,  # noqa
                 main)
from mainline_lab import (LOCAL, PUBLIC, PUBLIC6, Liar, NameServer, add_addresses,  # noqa
                          bep42_fits, is_local)

# An address is believed at once when it leads by eight votes, or in seconds with two thirds of eight
# voters; and one voter is the liar.
NODES = 10
DNS, LIAR, ASKER, APART = PUBLIC[-1], PUBLIC[-2], PUBLIC[-3], PUBLIC[-4]


def network(sniffer):
    """The first is what the bootstrap names lead to, beside the liar and beside addresses that
    no public name should have."""
    server = NameServer(DNS, [PUBLIC[0], LIAR, "127.0.0.1", "10.0.0.1"],
                        [PUBLIC6[0], "::1", "fd00::1"])
    nodes = []
    for i in range(NODES):
        nodes.append(Kadns(f"n{i}", "mainline", (PUBLIC[i], 6881), door=1053 + i, upstream=DNS,
                           bind=f"{PUBLIC[i]},bind={PUBLIC6[i]}"))
    everybody = {f"{a}:6881" for a in PUBLIC[:NODES]} | {f"[{a}]:6881" for a in PUBLIC6[:NODES]}
    # Each of itself: one on either family.
    check("ten nodes join by the names of the bootstrap hosts and know each other, on both "
          "families", eventually(30, lambda: all(len(everybody & n.nodes()) == 2 * NODES - 2
                                                 for n in nodes)),
          lambda: [everybody - n.nodes() for n in nodes])
    asked = {(name, kind) for name, kind in server.asked if "router" in name or "dht" in name}
    check("A and AAAA of the names were asked of the name server that is configured",
          len({kind for _, kind in asked} & {1, 28}) == 2 and len(asked) >= 8, asked)
    states = {n.status("bootstrap.state") for n in nodes}
    check("their status says: joined", states == {"joined"}, states)
    counts = nodes[1].statuses()
    check("and that five names led to one node and the liar, not to local addresses",
          (counts["bootstrap.names"], counts["bootstrap.names_resolved"],
           counts["bootstrap.addresses"]) == ("5", "5", "15"), counts)
    return nodes


def ids(nodes):
    """The id follows from the address, and the address is what others say (BEP 42)."""
    def fit():
        return [bep42_fits(bytes.fromhex(n.status("dht.id")), PUBLIC[i])
                for i, n in enumerate(nodes)]
    check("ids come to fit their nodes' addresses", eventually(30, lambda: all(fit())), fit)


def records(nodes):
    for i in (0, 3):
        name = f"printer{i}.alt"
        nodes[i].write(name, f"192.0.2.{i}")
        check(f"node {i} publishes a record", eventually(10, nodes[i].published), nodes[i].statuses)
        got = [n.data(name) for n in nodes]
        check("and all read it", got == [[f"192.0.2.{i}"]] * NODES, got)


def returned(nodes, clients):
    """What a node names to others, for targets everywhere."""
    named = set()
    for node in nodes:
        for client in clients:  # asked twice by one, it keeps to the limits of bytes to strangers
            target = os.urandom(20)
            reply = client.ask(node.endpoint, "find_node", target=target, want=["n4", "n6"])[b"r"]
            for key, size in ((b"nodes", 26), (b"nodes6", 38)):
                packed = reply.get(key, b"")
                named |= {endpoint_of(packed[at + 20:at + size])
                          for at in range(0, len(packed), size)}
    check("nodes of both families are returned", {":" in a for a, _ in named} == {True, False}, named)
    local = {e for e in named if is_local(e[0])}
    check("no local address is returned", not local, local)


def locals_ignored(nodes):
    """A query from a local address gets no answer and no place."""
    ping = bencode({"a": {"id": os.urandom(20)}, "q": "ping", "t": "aaaa", "y": "q"})
    sockets = []
    for address in LOCAL[:4]:
        sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sockets[-1].bind((address, 6881))
        sockets[-1].sendto(ping, nodes[0].endpoint)
    nodes[0].text(".kadns/nodes")       # by now it has read them: its loop has turned
    Client(DNS).ask(nodes[0].endpoint, "ping")
    silent = 0
    for s in sockets:
        s.setblocking(False)
        try:
            s.recv(2048)
        except BlockingIOError:
            silent += 1
    check("queries from local addresses are not answered", silent == 4, silent)
    try:
        with open(f"{nodes[0].mount}/.kadns/nodes", "w", encoding="ascii") as f:
            f.write("127.0.0.1 6881\n")
        refused = False
    except OSError:
        refused = True
    check("nor can one be added by hand", refused)


def to_local(sniffer, senders):
    return {(source, to) for source, to, _ in list(sniffer.seen)
            if source[0] in senders and is_local(to[0]) and to[1] == 6881}


def test():
    add_addresses()
    sniffer = Sniffer("lo")
    liar = Liar(LIAR)
    nodes = network(sniffer)
    records(nodes)
    returned(nodes, [Client(ASKER), Client(APART)])
    locals_ignored(nodes)
    ids(nodes)
    check("the liar was asked often and named local addresses each time", liar.answered > NODES,
          liar.answered)
    held = {e for n in nodes for e in n.nodes() if is_local(e.rsplit(":", 1)[0].strip("[]"))}
    check("none is in a table", not held, held)
    sent = to_local(sniffer, PUBLIC[:NODES] + PUBLIC6[:NODES])
    check("and not one packet has gone there", not sent, sent)

    # The same liar on a network of one's own, where local addresses are as good as others: the
    # packets are there to be seen.
    private = Kadns("private", f"{LIAR}:6881", (APART, 6881))
    check("(a node on a private network does send there)",
          eventually(10, lambda: to_local(sniffer, {APART})), private.nodes)


enter(120)
main(test)
