#!/usr/bin/python3
"""kadns and libtorrent on one DHT over IPv6: nodes of libtorrent that know nobody but kadns, what
each side stores read by the other, and peers. What does not depend on the address family is in
test_libtorrent.py.

usage: test_libtorrent6.py BUILD"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Client, Kadns, check, compact, enter, eventually, main, run  # noqa: E402

enter(120)
from libtorrent_node import Key, Node, immutable_item, refusals, z32, zone  # noqa: E402 (loads libtorrent: inside only)

ENDPOINT = ("fd00:1::1", 4001)
SECOND = ("fd00:2::1", 4001)


def join():
    nodes, addresses = [], [f"fd00:{20 + i}::1" for i in range(7)]
    for address in [ENDPOINT[0], SECOND[0], *addresses]:
        run("ip", "address", "add", address + "/128", "dev", "lo", "nodad")
    kadns = Kadns("one", "none", ENDPOINT, 1053)
    nodes = [Node(address, ENDPOINT) for address in addresses]

    # libtorrent saves no IPv6 table where it may be seen; but those who answer a look-up of its
    # own are known at once, and an item that all take shows that all were found.
    for node in nodes:
        node.get(os.urandom(20))
    check("seven nodes of libtorrent join by kadns, and it knows them",
          eventually(20, lambda: kadns.nodes() == {f"[{a}]:6881" for a in addresses}), kadns.nodes)
    return kadns, nodes


def items(nodes, client):
    immutable_item(nodes, client, ENDPOINT)
    for salt in (b"", b"foobar"):
        key = Key()
        put = nodes[3].put_mutable(key, b"mutable", salt)
        check("a mutable item is taken by all eight", put == (1, 8), put)
        got = nodes[4].get_mutable(key.public, salt)
        check("and read", got and got[:2] == (b"mutable", 1), got)


def written_by_libtorrent(kadns, nodes):
    """By libtorrent's own API, read as a file and by dig."""
    key = Key()
    name = z32(key.public)
    for seq, address in ((1, "192.0.2.20"), (2, "192.0.2.21")):
        put = nodes[seq].put_mutable(key, zone(f"www.{name}", address, ttl=1))
        check(f"libtorrent puts a zone, seq {seq}", put == (seq, 8), put)
        check("kadns reads it", eventually(20, lambda a=address: kadns.data(f"www.{name}") == [a]), kadns.data(f"www.{name}"))
    reply = kadns.dig(f"www.{name}")
    check("the DNS door answers it", "IN A 192.0.2.21" in reply, reply)


def records(kadns, nodes):
    kadns.write("printer.alt", "192.0.2.6")
    check("kadns publishes a record", eventually(10, kadns.published), kadns.statuses)
    second = Kadns("two", "[%s]:%d" % nodes[5].endpoint, SECOND, 1054)
    check("a second kadns joins by a node of libtorrent",
          eventually(10, lambda: len(second.nodes()) >= 8), second.nodes)
    kadns.kill()
    got = second.data("printer.alt")
    check("and reads it, though the first is gone", got == ["192.0.2.6"], got)


def peers(kadns, nodes, client):
    """Named by kadns alone: nobody else was told."""
    info_hash = bytes.fromhex(kadns.status("dht.id"))[:-4] + os.urandom(4)
    token = client.ask(ENDPOINT, "get_peers", info_hash=info_hash)[b"r"][b"token"]
    client.ask(ENDPOINT, "announce_peer", info_hash=info_hash, port=7777, token=token)
    found = nodes[3].peers(info_hash)
    check("a peer announced to kadns is found by libtorrent", found == [(ENDPOINT[0], 7777)], found)
    nodes[1].announce(info_hash)
    wanted = {compact((ENDPOINT[0], 7777)), compact(nodes[1].endpoint)}
    values = []

    def named():
        values[:] = client.ask(ENDPOINT, "get_peers", info_hash=info_hash)[b"r"][b"values"]
        return set(values) == wanted
    check("kadns names both it and one that libtorrent announces", eventually(10, named), values)


def test():
    kadns, nodes = join()
    client = Client(ENDPOINT[0])
    items(nodes, client)
    refusals(nodes, client, ENDPOINT)
    written_by_libtorrent(kadns, nodes)
    peers(kadns, nodes, client)
    records(kadns, nodes)


main(test)
