#!/usr/bin/python3
"""kadns and libtorrent on one DHT: nodes of libtorrent that know nobody but kadns, and what each
side stores read by the other. Only libtorrent's own code and bytes made here speak for libtorrent.

usage: test_libtorrent.py BUILD"""
import hashlib
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Client, Kadns, check, enter, eventually, main  # noqa: E402

enter(120)
from libtorrent_node import Z32, Key, Node, immutable_item, refusals, z32, zone  # noqa: E402 (loads libtorrent: inside only)

ENDPOINT = ("127.9.1.1", 4001)


def key_of(text):
    bits = 0
    for c in text:
        bits = bits << 5 | Z32.index(c)
    return (bits >> 4).to_bytes(32, "big")


def know_each_other(kadns, nodes):
    """libtorrent asks one node that it was told of each five seconds; but those who answer a
    look-up of its own are known at once."""
    def all_known():
        for node in nodes:
            node.get(os.urandom(20))
        return (min(len(node.table()) for node in nodes) == len(nodes) and
                kadns.nodes() == {"%s:%d" % node.endpoint for node in nodes})
    return eventually(20, all_known)


def join():
    """Nodes that were told of kadns alone. Seven: with kadns they are the eight that keep an item,
    whatever their ids."""
    kadns = Kadns("one", "none", ENDPOINT, 1053)
    nodes = [Node(f"127.{20 + i}.1.1", ENDPOINT) for i in range(7)]
    check("seven nodes of libtorrent find each other through kadns, and it them",
          know_each_other(kadns, nodes), (kadns.nodes(), [node.table() for node in nodes]))
    tables = sum(ENDPOINT in node.table() for node in nodes)
    check("all have kadns in their routing tables", tables == 7, tables)
    return kadns, nodes


def items(kadns, nodes, client):
    kept = int(kadns.status("dht.items_kept"))
    target = immutable_item(nodes, client, ENDPOINT)
    for salt in (b"", b"foobar"):
        key, what = Key(), "with salt" if salt else "without salt"
        for seq in (1, 2):
            value = b"mutable %d" % seq
            put = nodes[3].put_mutable(key, value, salt)
            check(f"mutable item {what}, put {seq}: taken by all eight", put == (seq, 8), put)
            got = nodes[4].get_mutable(key.public, salt)
            check(f"mutable item {what}, put {seq}: read", got and got[:2] == (value, seq), got)
    kept = int(kadns.status("dht.items_kept")) - kept
    check("kadns counts the five that it took", kept == 5, kept)
    check("what nobody has is not found", nodes[5].get(os.urandom(20)) == b"")

    nodes.append(Node("127.27.1.1", ENDPOINT))
    check("an eighth node joins", know_each_other(kadns, nodes), kadns.nodes())
    check("and reads what was put before", nodes[7].get(target) == b"an immutable value")


def conflicts(kadns, nodes, client):
    """What BEP 44 lets a store refuse, by kadns and by libtorrent alike."""
    key = refusals(nodes, client, ENDPOINT)
    answer = client.put(ENDPOINT, key.target, v=b"another value", k=key.public, seq=7, sig=key.sign(7, b"another value"))
    check("kadns refuses another value of the same seq by 302", answer.get(b"e", [0])[0] == 302, answer)
    held = client.get(ENDPOINT, key.target)
    check("and holds what it took", (held[b"seq"], held[b"v"]) == (7, b"x"), held)

    # A plain name's slot, whose key anyone can derive, is held by libtorrent with a seq ahead of
    # the clock: kadns has to read it, and to go beyond it.
    salt = hashlib.sha1(b"dns://IN/A/ahead.alt").digest()
    slot = Key(hashlib.sha256(b"kadns slot 1" + salt).digest())
    ahead = time.time_ns() // 1000 + 60 * 1000000
    empty = struct.pack("!6H", 0, 0x8000, 0, 0, 0, 0)
    target = hashlib.sha1(slot.public + salt).digest()
    for node in nodes:
        answer = client.put(node.endpoint, target, v=empty, k=slot.public, salt=salt, seq=ahead,
                            sig=slot.sign(ahead, empty, salt))
        assert answer[b"y"] == b"r", answer
    kadns.write("ahead.alt", "192.0.2.50")
    check("kadns publishes into a slot that is ahead of the clock", eventually(10, kadns.published))
    value, seq, _ = nodes[2].get_mutable(slot.public, salt) or (b"", 0, b"")
    check("by a seq beyond it: libtorrent reads kadns's claim", seq > ahead and len(value) > 100,
          (seq - ahead, value))


def sampled(kadns, nodes, client):
    """BEP 51: the info-hashes that a node keeps peers for."""
    kept = [os.urandom(20) for _ in range(5)]
    for info_hash in kept:
        token = client.ask(ENDPOINT, "get_peers", info_hash=info_hash)[b"r"][b"token"]
        client.ask(ENDPOINT, "announce_peer", info_hash=info_hash, port=7777, token=token)
    interval, number, samples = nodes[4].samples(ENDPOINT, os.urandom(20)) or (None, 0, set())
    check("libtorrent samples the info-hashes that kadns knows", set(kept) <= samples and
          number == len(samples) and 0 <= interval <= 21600, (interval, number, samples))


def published_by_kadns(kadns, nodes, client):
    before = time.time_ns() // 1000
    own = kadns.text(".kadns/key").strip()
    kadns.write(f"www.{own}", "192.0.2.8")
    check("kadns publishes a zone", eventually(10, kadns.published))
    public = key_of(own)
    check("the key is spelled as pkarr does", z32(public) == own, own)
    value, seq, signature = nodes[6].get_mutable(public) or (b"", 0, b"")
    check("libtorrent reads it: a DNS packet",
          value == zone(f"www.{own}", "192.0.2.8"), value.hex())
    check("with a signature", len(signature) == 64, signature)
    # Its low 14 bits say which of several daemons has written it (resolver/zone_seen.h).
    check("whose seq is microseconds", before - 2**14 < seq <= time.time_ns() // 1000, (before, seq))
    target = hashlib.sha1(public).digest()
    holders = sum(b"sig" in client.get(node.endpoint, target) for node in nodes)
    check("eight nodes of libtorrent hold it", holders == 8, holders)

    kadns.write(f"www.{own}", "192.0.2.9")
    check("kadns publishes it anew", eventually(10, kadns.published))
    value, seq2, _ = nodes[7].get_mutable(public) or (b"", 0, b"")
    check("libtorrent reads the newer one", seq2 > seq and value == zone(f"www.{own}", "192.0.2.9"),
          (seq, seq2, value.hex()))
    return own


def published_by_libtorrent(kadns, nodes, client):
    """libtorrent counts seq from 1, which as a clock is 1970: stale, but the newest there is."""
    key = Key()
    name = z32(key.public)
    put = nodes[1].put_mutable(key, zone(f"www.{name}", "192.0.2.20", ttl=1))
    check("libtorrent puts a zone", put == (1, 8), put)
    answer = kadns.read(f"www.{name}")
    check("kadns reads it", answer["data"] == ["192.0.2.20"], answer)
    check("and says whose it is", [answer.get(m) for m in ("source", "trust", "signer", "seq")] ==
          ["dht", "key", name, 1], answer)
    reply = kadns.dig(f"www.{name}")
    check("the DNS door answers it", "IN A 192.0.2.20" in reply, reply)
    check("as stale", "EDE: 3" in reply, reply)
    put = nodes[2].put_mutable(key, zone(f"www.{name}", "192.0.2.21"))
    check("libtorrent puts it anew", put == (2, 8), put)
    check("kadns reads the newer one, after the TTL",
          eventually(5, lambda: kadns.data(f"www.{name}") == ["192.0.2.21"]),
          kadns.read(f"www.{name}"))

    key = Key()
    name, seq = z32(key.public), time.time_ns() // 1000
    value = zone(f"www.{name}", "192.0.2.22")
    put_signed(client, nodes, key, seq, value)
    reply = kadns.dig(f"www.{name}")
    check("a zone signed by pkarr's clock, held by libtorrent alone",
          "IN A 192.0.2.22" in reply, reply)
    check("is not stale", "EDE: 3" not in reply, reply)


def put_signed(client, nodes, key, seq, value):
    for node in nodes:
        answer = client.put(node.endpoint, key.target, v=value, k=key.public, seq=seq,
                            sig=key.sign(seq, value))
        assert answer[b"y"] == b"r", answer


def shadowed(kadns, nodes, client):
    """libtorrent files a put with `k` but without `sig` as immutable, under the key's target, and
    returns that junk to every get without `seq`: the genuine item is held, but not seen."""
    key = Key()
    name = z32(key.public)
    put_signed(client, nodes, key, time.time_ns() // 1000, zone(f"www.{name}", "192.0.2.30"))
    for node in nodes:
        client.put(node.endpoint, key.target, v=b"junk", k=key.public)
    seen = [client.get(node.endpoint, key.target) for node in nodes]
    check("every node of libtorrent is shadowed", all(r[b"v"] == b"junk" and b"sig" not in r
                                                      for r in seen), seen)
    check("libtorrent no longer reads the item", nodes[0].get_mutable(key.public) is None)
    for arguments in ({}, {"seq": 5}):
        answer = client.put(ENDPOINT, key.target, v=b"junk", k=key.public, **arguments)
        check(f"kadns refuses the junk {'with' if arguments else 'without'} seq: 203",
              answer.get(b"e", [0])[0] == 203, answer)
    check("and has nothing of it", b"v" not in client.get(ENDPOINT, key.target))
    check("kadns still reads the genuine item", kadns.data(f"www.{name}") == ["192.0.2.30"],
          kadns.read(f"www.{name}"))


def announces(kadns, nodes, client):
    """BEP 5: a peer announced by libtorrent, and one that only kadns was told of."""
    near_kadns = bytes.fromhex(kadns.status("dht.id"))[:-4]
    info_hash, peer = near_kadns + os.urandom(4), nodes[1].endpoint
    nodes[1].announce(info_hash)
    check("a peer that libtorrent announces is found by another",
          eventually(10, lambda: peer in nodes[2].peers(info_hash)))
    compact = socket.inet_aton(peer[0]) + struct.pack("!H", peer[1])
    check("and named by kadns", eventually(10, lambda: client.ask(
        ENDPOINT, "get_peers", info_hash=info_hash)[b"r"].get(b"values") == [compact]))
    info_hash = near_kadns + os.urandom(4)
    token = client.ask(ENDPOINT, "get_peers", info_hash=info_hash)[b"r"][b"token"]
    client.ask(ENDPOINT, "announce_peer", info_hash=info_hash, port=7777, token=token)
    peers = nodes[3].peers(info_hash)
    check("a peer announced to kadns is found by libtorrent", peers == [(ENDPOINT[0], 7777)], peers)


def carried(first, nodes, own):
    """Without the first kadns, libtorrent's nodes carry what it published."""
    first.write("printer.alt", "192.0.2.40")
    check("kadns publishes a plain name", eventually(10, first.published))
    first.kill()
    second = Kadns("two", "%s:%d" % nodes[5].endpoint, ("127.9.2.1", 4001), 1054)
    check("a kadns joins by a node of libtorrent", eventually(10, lambda: len(second.nodes()) >= 8),
          second.nodes())
    answer = second.read(f"www.{own}")
    check("it reads the zone of the one that is gone", answer["data"] == ["192.0.2.9"], answer)
    answer = second.read("printer.alt")
    check("and the plain name", (answer["data"], answer.get("signer")) == (["192.0.2.40"], own),
          answer)


def test():
    client = Client(ENDPOINT[0])
    kadns, nodes = join()
    items(kadns, nodes, client)
    own = published_by_kadns(kadns, nodes, client)
    published_by_libtorrent(kadns, nodes, client)
    shadowed(kadns, nodes, client)
    announces(kadns, nodes, client)
    conflicts(kadns, nodes, client)
    sampled(kadns, nodes, client)
    carried(kadns, nodes, own)


main(test)
