#!/usr/bin/python3
"""kadns among transmissions, which know neither `get` nor `put` and do not even say so: kadns
walks them, stores nothing on them, and two kadns that know of each other only through them share
their records; and one transmission finds another's file by what a kadns tells it.

It waits for transmission: for nine nodes before it announces anything, two seconds and more for
each, and five to fifteen seconds a step of its search. Hence most of a minute.

usage: test_transmission.py BUILD"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import (Host, Kadns, Sniffer, T, bdecode, bencode, bridge, check, compact,  # noqa
                 enter, eventually, holds, main, torrent)

FILE = os.urandom(50000)
KADNS = [("10.1.1.1", 4001), ("10.2.1.1", 4001)]
TRANSMISSIONS = [(f"10.{101 + i}.1.1", 51413) for i in range(8)]
SETTINGS = {
    "dht-enabled": True, "lpd-enabled": False, "pex-enabled": False, "utp-enabled": False,
    "port-forwarding-enabled": False, "incomplete-dir-enabled": False, "peer-port": 51413,
    "encryption": 0, "preallocation": 0, "bind-address-ipv6": "::1",
}


class Transmission:
    """transmission-cli, which is one program for one torrent. What it knows of the DHT is the
    table that it is to have saved: in the order in which it will ask."""

    def __init__(self, name, host, known):
        self.host, self.directory = host, f"{T}/{name}"
        os.makedirs(self.directory + "/conf")
        settings = {**SETTINGS, "bind-address-ipv4": host.addresses[0]}
        with open(self.directory + "/conf/settings.json", "w", encoding="ascii") as f:
            json.dump(settings, f)
        with open(self.directory + "/conf/dht.dat", "wb") as f:
            f.write(bencode({"id": os.urandom(20), "nodes": b"".join(map(compact, known))}))

    def open(self, path):
        with open(f"{self.directory}.log", "w", encoding="utf-8") as log:
            self.host.start("transmission-cli", "-g", self.directory + "/conf", "-w",
                            self.directory, path, log=log)


def save_torrent(name, content):
    data, info_hash = torrent(name, content)
    with open(f"{T}/{name}.torrent", "wb") as f:
        f.write(data)
    return f"{T}/{name}.torrent", info_hash


def stored_on_transmission(sniffer):
    return sum(b"1:q3:put" in payload for _, to, payload in sniffer.seen if to in TRANSMISSIONS)


def sent(sniffer, method):
    """Queries of that method by kadns to transmissions."""
    return sum(source in KADNS and to in TRANSMISSIONS and b"1:q%d:%s" % (len(method), method) in p
               for source, to, p in list(sniffer.seen))


def answered(sniffer, method):
    """Queries of that method by kadns that a transmission has answered."""
    asked = {bdecode(p)[b"t"] for source, to, p in list(sniffer.seen)
             if source in KADNS and to in TRANSMISSIONS and b"1:q%d:%s" % (len(method), method) in p}
    return sum(source in TRANSMISSIONS and b"1:rd" in p and bdecode(p)[b"t"] in asked
               for source, _, p in list(sniffer.seen))


def records(first, sniffer):
    """A second kadns that is told of a transmission alone, not of the first kadns."""
    check("kadns knows all transmissions", eventually(
        20, lambda: {"%s:%d" % t for t in TRANSMISSIONS} <= first.nodes()), first.nodes)
    second = Kadns("k1", "%s:%d" % TRANSMISSIONS[5], KADNS[1], host=Host("k1", "br0", "10.2.1.1/8"))
    check("a second kadns finds the first through transmissions",
          eventually(20, lambda: "%s:%d" % KADNS[0] in second.nodes()), second.nodes)
    check("it has walked them by find_node", answered(sniffer, b"find_node") > 0)
    for i, (writer, reader) in enumerate(((first, second), (second, first))):
        name = f"printer{i}.alt"
        writer.write(name, f"192.0.2.{i}")
        check(f"record {i} is published", eventually(10, writer.published), writer.statuses)
        got = reader.data(name)
        check(f"record {i} is read by the other, within its deadline", got == [f"192.0.2.{i}"], got)
        kept = int(reader.status("dht.items_kept"))
        check(f"record {i}: the other keeps it too", kept > 0, kept)
    before = sent(sniffer, b"get"), sent(sniffer, b"find_node")
    for i in range(4):
        for kadns in (first, second):
            kadns.data(f"nobody{i}.alt")
    got, walked = sent(sniffer, b"get") - before[0], sent(sniffer, b"find_node") - before[1]
    check("by now transmissions are asked where others are, no longer for records",
          walked > 16 and got <= walked // 8, (got, walked))
    check("nothing was sent to a transmission to be stored", stored_on_transmission(sniffer) == 0)
    return second


def test():
    bridge("br0")
    sniffer = Sniffer()
    first = Kadns("k0", "none", KADNS[0], host=Host("k0", "br0", "10.1.1.1/8"))
    path, info_hash = save_torrent("file", FILE)
    filler, _ = save_torrent("filler", b"what the others wait for")
    all_of = []
    for i, endpoint in enumerate(TRANSMISSIONS):
        known = KADNS + [t for t in TRANSMISSIONS if t != endpoint]
        all_of.append(Transmission(f"t{i}", Host(f"t{i}", "br0", endpoint[0] + "/8"), known))
    seed = all_of[0]
    with open(f"{seed.directory}/file", "wb") as f:
        f.write(FILE)
    for t in all_of:
        t.open(path if t is seed else filler)
    records(first, sniffer)

    peer = compact(TRANSMISSIONS[0])
    check("a transmission announces its file to kadns", eventually(60, lambda: any(
        b"announce_peer" in p and info_hash in p and source == TRANSMISSIONS[0] and to in KADNS
        for source, to, p in list(sniffer.seen))))
    finder = Transmission("leech", Host("t9", "br0", "10.120.1.1/8"), KADNS + TRANSMISSIONS[1:])
    finder.open(path)
    check("another downloads it", eventually(60, lambda: holds(finder.directory + "/file", FILE)))
    check("and kadns has told it where", any(
        source in KADNS and to[0] == "10.120.1.1" and peer in p and b"6:values" in p
        for source, to, p in sniffer.seen))


enter(180)
main(test)
