#!/usr/bin/python3
"""Joining when it is not easy: name servers that come late, say nothing, garbage, NXDOMAIN,
SERVFAIL or local addresses first; no network at all at the start; names in a list and in a file.
Each node joins by itself once it can, says once that it cannot, and prefers the nodes of its last
run.

usage: test_bootstrap.py BUILD"""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import (Host, Kadns, Sniffer, T, bridge, check, enter, eventually, main, run)  # noqa
from mainline_lab import (PUBLIC, PUBLIC6, NameServer, add_addresses, is_local)  # noqa

FIRST = PUBLIC[0]
FAULTS = ["silent", "garbage", "nxdomain", "servfail", "local"]
COMPLAINT = "can be looked up"


class Foreground(Kadns):
    """What it logs goes to a file as well."""

    def start(self):
        self.log = f"{T}/{os.path.basename(self.mount)}.log"
        command = [self._command[0], "-f", *self._command[1:]]
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.host.inside(*command) if self.host else command,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        assert eventually(10, lambda: os.path.exists(f"{self.mount}/.kadns/status"))

    def complaints(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read().count(COMPLAINT)

    def stop(self):
        run("umount", self.mount)
        self.process.wait(10)

    def joined(self):
        return f"{FIRST}:6881" in self.nodes()


def faults(plug_in):
    """All at once, each with a name server of its own at the node's own address."""
    servers, nodes = {}, {}
    for i, mode in enumerate(FAULTS):
        address = PUBLIC[i + 1]
        servers[mode] = NameServer(address, [FIRST], [PUBLIC6[0]], mode)
        nodes[mode] = Foreground(mode, "mainline", (address, 6881), upstream=address)
    late = Foreground("late", "mainline", (PUBLIC[6], 6881), upstream=PUBLIC[6])
    nodes["late"] = late
    check("names that cannot be looked up are complained of", eventually(
        20, lambda: all(n.complaints() for m, n in nodes.items())),
        lambda: {m: n.complaints() for m, n in nodes.items()})
    asked = {m: len(s.asked) for m, s in servers.items()}
    check("and asked for again",
          eventually(10, lambda: all(len(s.asked) > asked[m] for m, s in servers.items())), asked)
    seen = {m: [n.status(f"bootstrap.{k}") for k in ("state", "names", "names_resolved",
                                                     "addresses")] for m, n in nodes.items()}
    check("the status says so", all(s == ["searching", "5", "0", "0"] for s in seen.values()), seen)
    waits = {m: n.status("bootstrap.retry_in") for m, n in nodes.items()}
    check("and when the next round comes", all(0 <= int(w or -1) <= 15 for w in waits.values()),
          waits)
    for server in servers.values():
        server.mode = "good"
    servers["late"] = NameServer(PUBLIC[6], [FIRST], [PUBLIC6[0]])
    plug_in()
    start = time.monotonic()
    for mode, node in nodes.items():
        check(f"{mode}: joins once the name server answers", eventually(40, node.joined),
              node.statuses)
    print(f"  | all within {time.monotonic() - start:.0f} s", flush=True)
    said = {m: n.complaints() for m, n in nodes.items()}
    check("one line each was logged of it", set(said.values()) == {1}, said)
    return servers, nodes


def last_run(server, node):
    """The nodes of the last run are asked first: nobody is asked for names."""
    assert eventually(10, lambda: node.status("dht.nodes") != "0")
    node.stop()
    server.asked.clear()
    node.start()
    check("a node that was here before joins by its table", eventually(10, node.joined), node.nodes)
    time.sleep(3)       # a round of names would have come after two seconds
    names = [q for q in server.asked if q[0]]
    check("without asking for any name", not names, names)


def named():
    """A list of names and addresses, a file of them."""
    server = NameServer(PUBLIC[8], [FIRST])
    by_list = Foreground("list", "router.bittorrent.com:6881", (PUBLIC[8], 6881),
                         upstream=PUBLIC[8])
    with open(f"{T}/nodes.txt", "w", encoding="ascii") as f:
        f.write("# dead\n45.99.1.1 6881\nrouter.utorrent.com:6881\n")
    by_file = Foreground("file", f"{T}/nodes.txt", (PUBLIC[9], 6881), upstream=PUBLIC[8])
    for what, node in (("a list", by_list), ("a file", by_file)):
        check(f"a name in {what} is looked up and joined by", eventually(10, node.joined),
              node.nodes)
    check("with the name server that was configured", {n for n, _ in server.asked} >=
          {"router.bittorrent.com", "router.utorrent.com"}, server.asked)
    none = Foreground("none", "router.utorrent.com:6881,dht.libtorrent.org:25401",
                      (PUBLIC[10], 6881))
    with open(none.log, encoding="utf-8") as f:
        # All these nodes have one port, and so want one control socket: that is another warning.
        said = [line for line in f.read().splitlines() if "warning" in line and "/run/kadns" not in line]
    check("with upstream=none one line says that names are of no use", len(said) == 1 and
          "upstream=none" in said[0], said)


def no_network():
    """A machine before its network: no interface but lo, which is down; and what brings both up.
    Without lo nothing would be asked, for between libunbound and the name server there is a relay."""
    bridge("br0")
    run("ip", "address", "add", "193.99.1.1/24", "dev", "br0")
    NameServer("193.99.1.1", [FIRST])
    host = Host("dark", "br0")
    host.run("ip", "link", "set", "eth0", "down")
    host.run("ip", "link", "set", "lo", "down")
    node = Foreground("dark", "mainline", ("0.0.0.0", 6881), host=host, upstream="193.99.1.1")
    check("without a network a node starts", node.status("bootstrap.state") == "searching")

    def plug_in():
        host.run("ip", "link", "set", "lo", "up")
        host.run("ip", "link", "set", "eth0", "up")
        host.run("ip", "address", "add", "193.99.1.2/24", "dev", "eth0")
        host.run("ip", "route", "add", "default", "via", "193.99.1.1")
    return node, plug_in


def test():
    add_addresses()
    sniffer = Sniffer("lo")
    Kadns("first", "none", (FIRST, 6881), bind=f"{FIRST},bind={PUBLIC6[0]}", limits="off")
    dark, plug_in = no_network()
    servers, nodes = faults(plug_in)
    check("and joins by itself when there is one", eventually(20, dark.joined), dark.statuses)
    last_run(servers["nxdomain"], nodes["nxdomain"])
    named()
    sent = {to for _, to, _ in sniffer.seen if is_local(to[0]) and to[1] in (6881, 25401)}
    check("and nothing went to the local addresses", not sent, sent)


enter(170)
main(test)
