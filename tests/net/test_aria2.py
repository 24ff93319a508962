#!/usr/bin/python3
"""kadns as the DHT of aria2: one aria2 has a file and announces it, another knows nothing but its
torrent and one kadns, and downloads it, over IPv4 and over IPv6. And kadns's own records in a
network half of which is aria2, which knows neither `get` nor `put`.

usage: test_aria2.py BUILD"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import (Client, Host, Kadns, T, bridge, check, compact, enter, eventually, holds,  # noqa
                 main, run, torrent)

FILE = os.urandom(50000)


class Aria2:
    """On a host of its own, because it listens on every address. No tracker, no peer exchange, no
    local discovery: what it finds, the DHT told it."""

    def __init__(self, name, host, entry, six=False):
        self.host, self.port = host, 6881
        self.directory = f"{T}/{name}"
        os.mkdir(self.directory)
        dht = ["--enable-dht=false", "--enable-dht6=true", f"--dht-entry-point6={entry}",
               f"--dht-listen-addr6={host.addresses[1]}"] if six else \
              ["--enable-dht=true", "--enable-dht6=false", f"--dht-entry-point={entry}"]
        self.command = [
            "aria2c", *dht, f"--dht-file-path={T}/{name}.dht", f"--dht-file-path6={T}/{name}.dht6",
            f"--dht-listen-port={self.port}", f"--listen-port={self.port}", "--no-conf=true",
            "--bt-enable-lpd=false", "--enable-peer-exchange=false", "--follow-torrent=false",
            "--bt-external-ip=" + host.addresses[six], "--check-integrity=true",
            "--seed-time=60", "--file-allocation=none", f"--dir={self.directory}"]

    def open(self, path):
        with open(f"{self.directory}.log", "w", encoding="utf-8") as log:
            self.host.start(*self.command, path, log=log)

    def has(self, name):
        return holds(f"{self.directory}/{name}", FILE)

    def log(self):
        with open(f"{self.directory}.log", encoding="utf-8") as f:
            return f.read()[-2000:]


def network():
    """Three kadns, each on IPv4 and IPv6, know each other on both."""
    nodes = []
    for i in range(3):
        host = Host(f"k{i}", "br0", f"10.{i + 1}.1.1/8", f"fd00:{i + 1}::1/16")
        source = "10.1.1.1:4001,[fd00:1::1]:4001" if i else "none"
        nodes.append(Kadns(f"k{i}", source, (host.addresses[0], 4001), host=host,
                           bind=f"{host.addresses[0]},bind={host.addresses[1]}"))
    check("three nodes of kadns know each other on IPv4 and IPv6",
          eventually(15, lambda: all(len(k.nodes()) == 4 for k in nodes)),
          lambda: [k.nodes() for k in nodes])
    return nodes


def shares(nodes, client, name, six):
    """`client` is of that family; the entry is the first kadns."""
    data, info_hash = torrent(name, FILE)
    path = f"{T}/{name}.torrent"
    with open(path, "wb") as f:
        f.write(data)
    what = "IPv6" if six else "IPv4"
    number = 20 if six else 10
    hosts = [Host(f"{name}{i}", "br0", f"10.{number + i}.1.1/8", f"fd00:{number + i}::1/16")
             for i in range(2)]
    entries = [k.host.addresses[six] for k in nodes]
    entry = f"[{entries[0]}]:4001" if six else f"{entries[0]}:4001"
    seed, leech = (Aria2(f"{name}{i}", host, entry, six) for i, host in enumerate(hosts))
    with open(f"{seed.directory}/{name}", "wb") as f:
        f.write(FILE)
    seed.open(path)
    peer = compact((hosts[0].addresses[six], seed.port))

    def told():
        return [client.ask((entry, 4001), "get_peers", info_hash=info_hash)[b"r"]
                .get(b"values", []) for entry in entries]

    check(f"{what}: aria2 announces its file to every kadns",
          eventually(30, lambda: all(peer in values for values in told())), told)
    leech.open(path)
    check(f"{what}: another aria2, which knows one kadns, downloads it",
          eventually(30, lambda: leech.has(name)), leech.log)
    return seed, leech


def records(nodes, aria2):
    """All the aria2s of IPv4 are in the tables, and hold nothing."""
    endpoints = {f"{a.host.addresses[0]}:{a.port}" for a in aria2}
    check("kadns keeps aria2 in its table",
          eventually(10, lambda: all(endpoints <= k.nodes() for k in nodes)),
          lambda: [k.nodes() for k in nodes])
    nodes[1].write("printer.alt", "192.0.2.7")
    check("kadns publishes a record among aria2s", eventually(10, nodes[1].published),
          nodes[1].statuses)
    data = [k.data("printer.alt") for k in nodes]
    check("and all read it", data == [["192.0.2.7"]] * 3, data)


def test():
    bridge("br0")
    run("ip", "address", "add", "10.200.1.1/8", "dev", "br0")
    run("ip", "address", "add", "fd00:200::1/16", "dev", "br0", "nodad")
    nodes = network()
    four = shares(nodes, Client("10.200.1.1"), "four", False)
    shares(nodes, Client("fd00:200::1"), "six", True)
    records(nodes, four)


enter(120)
main(test)
