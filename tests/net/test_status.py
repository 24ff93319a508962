#!/usr/bin/env python3
"""The counters of .kadns/status: the manual and the file name the same ones, in the same order, and
each moves when what it counts happens, here with real daemons on loopback, or in the test of
its module. And the lines of .kadns/nodes, with a client that would like to break them."""
import hashlib
import io
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import tokenize

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from lab import Client, Kadns, bdecode, bencode, check, enter, eventually, main

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What needs hours, IPv6, a crowd or a full disk: moved by these tests, by this word of theirs.
ELSEWHERE = {
    # A silent forwarder has failed before the deadline comes.
    "asks.deadlines": ("resolver/test_race.c", "deadlines"),
    "asks.pinned": ("net/test_pins.sh", "asks.pinned"),
    **{f"attested.{n}": ("net/test_attested.sh", f"attested.{n}")
       for n in ("keys", "asked", "learnt", "ended")},
    "cache.prefetch_dropped": ("resolver/test_stale.c", "prefetch_dropped"),
    "cache.prefetched": ("resolver/test_stale.c", "prefetch_begun"),
    "cache.stale": ("net/test_cache.py", "cache.stale"),
    "dht.address4": ("sim/test_presence.c", "knows_address"),
    "dht.address6": ("sim/test_presence.c", "knows_address"),
    "dht.drop.budget": ("dht/test_limited.c", "drop_budget"),
    "dht.id_changes": ("sim/test_presence.c", "changes_of"),
    "dht.lookups": ("dht/test_lookup.c", "lookups"),
    "dht.suspects": ("dht/test_region.c", "suspects"),
    "dht.size6": ("dht/test_region.c", "size6"),
    "dht.wide": ("sim/test_liars.c", "wide"),
    "disk.failures": ("net/test_disk.sh", "disk.failures"),
    "dns.DOOR.badcookie": ("net/test_open_door.sh", "dns.udp.badcookie"),
    "dns.DOOR.displaced": ("net/test_slow_clients.sh", "dns.tcp.displaced"),
    "dns.DOOR.dropped": ("net/test_open_door.sh", "dns.udp.dropped"),
    "dns.DOOR.limited": ("net/test_open_door.sh", "dns.udp.limited"),
    "dns.DOOR.not_allowed": ("net/test_open_door.sh", "dns.udp.not_allowed"),
    "dns.DOOR.from.hosts": ("net/test_standards.sh", "dns.udp.from.hosts"),
    "dns.DOOR.handshakes": ("net/dot.py", "handshakes"),
    "dns.DOOR.resumed": ("net/dot.py", "resumed"),
    "dns.DOOR.failed": ("net/dot.py", "failed"),
    "dns.DOOR.queued": ("net/test_dot.sh", "dns.tls.queued"),
    "dns.DOOR.shed": ("net/test_flood.sh", "dns.udp.shed"),
    "dns.DOOR.stale": ("net/test_cache.py", "dns.udp.stale"),
    **{f"dns.DOOR.took.{t}": ("net/test_standards.sh", "took")
       for t in ("1ms", "5ms", "20ms", "50ms", "200ms", "1000ms", "5000ms", "longer")},
    **{f"keep.{n}": ("net/test_keep.py", f"keep.{n}") for n in ("keys", "missing", "parts", "readings", "taken")},
    "keep.damaged": ("resolver/test_keep.c", "damaged"),
    **{f"judge.{n}": ("net/test_mirror.py", f"judge.{n}")
       for n in ("asked", "secure", "wanted", "restarts", "running", "keys", "keys_used")},
    **{f"mirror.{n}": ("net/test_mirror.py", f"mirror.{n}")
       for n in ("put", "alive", "waiting", "failed", "dropped")},
    "mount.crowded": ("fs/test_pending.c", "crowded"),
    "mount.hasty": ("fs/test_pending.c", "hasty"),
    "mount.interrupted": ("fs/test_pending.c", "interrupted"),
    "mount.receipts": ("net/test_receipt.sh", "mount.receipts"),
    "mount.wakes": ("mount/test_poll.sh", "mount.wakes"),
    "mount.watches": ("fs/test_watch.c", "c.watches"),
    "pins": ("net/test_pins.sh", "pins"),
    **{f"pkarr.{n}": ("net/test_relay.py", n) for n in ("held", "gets", "puts", "refused", "limited")},
    "publish.conflicts": ("resolver/test_network.c", "conflicts"),
    "publish.pages_put": ("resolver/test_paged_zone.c", "pages_put"),
    "publish.signer_restarts": ("net/test_signer.py", "publish.signer_restarts"),
    "publish.outrun": ("resolver/test_two_daemons.c", "outrun"),
    "publish.prevailed": ("resolver/test_two_daemons.c", "prevailed"),
    "publish.yielded": ("resolver/test_two_daemons.c", "yielded"),
    "republish.bytes": ("sim/test_republish_budget.c", "refresh_bytes"),
    "republish.late": ("sim/test_republish_budget.c", "refresh_late"),
    "republish.looks": ("sim/test_republish.c", "refreshes"),
    "republish.lost": ("sim/test_republish.c", "refresh_lost"),
    "republish.puts": ("sim/test_republish.c", "refresh_puts"),
    **{f"relay.{n}": ("net/test_tls_upstream.sh", f"relay.{n}")
       for n in ("servers", "questions", "answers", "connections", "resumed", "failures", "again",
                 "dropped")},
    "store.evictions": ("dht/test_store.c", "evictions"),
    "store.reads": ("dht/test_store_index.c", "reads"),
    "store.refused_full": ("dht/test_store.c", "refused_full"),
    "store.refused_quota": ("dht/test_store_index.c", "refused_quota"),
    "hosts.answers": ("resolver/test_hosts.c", "c.answers"),
    "hosts.loads": ("resolver/test_hosts.c", "c.loads"),
    "hosts.names": ("resolver/test_hosts.c", "c.names"),
    **{f"zone_relay.{n}": ("net/test_zone_relay.py", f"zone_relay.{n}")
       for n in ("needed", "gets", "found", "missing", "puts", "taken", "newer", "forged", "failed")},
    "zone_relay.relays": ("net/test_zone_relay.py", "zone_relay.relays"),
    "upstream.N.down": ("net/test_sources.sh", "down"),
    "upstream.N.loops": ("net/test_loop.sh", "loops"),
    "upstream.bogus": ("net/test_trust.sh", "bogus"),
    "upstream.timeouts": ("resolver/test_upstream.c", "timeouts"),
    "upstream.restarts": ("resolver/test_upstream.c", "restarts"),
}
# Said of the node, not counted.
FACTS = {"version", "trust", "dht", "dht.id"}
NOTHING = {"0", "-", "alone"}
# Kinds of queries that the daemon answers and does not send.
NEVER_SENT = "get_peers", "announce_peer", "sample_infohashes", "unknown"


class Rogue(threading.Thread):
    """A node that answers, with a client name of its choice, values that do not verify, and an
    error to whatever else."""

    def __init__(self, endpoint, client):
        super().__init__(daemon=True)
        self.endpoint, self._client, self.id = endpoint, client, b"\x01" * 20
        self.silent = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(endpoint)
        self.start()

    def run(self):
        while not self.silent:
            packet, source = self._socket.recvfrom(2048)
            q = bdecode(packet)
            if self.silent or q.get(b"y") != b"q":
                continue
            answer = {"t": q[b"t"], "v": self._client, "y": "r",
                      "r": {"id": self.id, "nodes": b"", "token": b"12345678"}}
            if q[b"q"] == b"get":
                answer["r"].update({"v": b"junk", "k": bytes(32), "sig": bytes(64), "seq": 1 << 50})
            elif q[b"q"] == b"put":
                answer = {"t": q[b"t"], "v": self._client, "y": "e", "e": [202, "no"]}
            self._socket.sendto(bencode(answer), source)


class Upstream(threading.Thread):
    """A name server without DNSSEC, for whom every name has a private address, but for bad.*;
    slow.* gets no answer."""

    def __init__(self, endpoint):
        super().__init__(daemon=True)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(endpoint)
        self.start()

    def run(self):
        while True:
            packet, source = self._socket.recvfrom(2048)
            at = 12
            while packet[at]:
                at += 1 + packet[at]
            question = packet[12:at + 5]
            if question.startswith(b"\4slow"):
                continue
            a = question[-4:] == b"\0\1\0\1"
            rcode = 2 if question.startswith(b"\3bad") else 0
            reply = packet[:2] + struct.pack("!BBHHHH", 0x81, 0x80 | rcode, 1,
                                             a and not rcode, 0, 0) + question
            if a and not rcode:
                reply += b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes([192, 168, 0, 1])
            self._socket.sendto(reply, source)


def manual():
    with open(f"{TOP}/fs/kadns-files.7", encoding="ascii") as f:
        text = f.read()
    return re.findall(r"^\.It Cm ([a-z0-9_]+(?:\.[A-Za-z0-9_]+)*)$",
                      text.split(".Ss The lines of .kadns/status")[1], re.M)


def generic(name):
    name = re.sub(r"^upstream\.\d+\.", "upstream.N.", name)
    name = re.sub(r"^dns\.\w+\.", "dns.DOOR.", name)
    return re.sub(r"^(dht\.(?:in|out))\.\w+\.", r"\1.KIND.", name)


def in_order(names):
    return list(dict.fromkeys(map(generic, names)))


def krpc(node):
    client = Client("127.0.0.1")
    target = os.urandom(20)
    client.ask(node.endpoint, "ping")
    client.ask(node.endpoint, "find_node", target=target)
    token = client.ask(node.endpoint, "get_peers", info_hash=target)[b"r"][b"token"]
    client.ask(node.endpoint, "announce_peer", info_hash=target, port=99, token=token)
    client.ask(node.endpoint, "sample_infohashes", target=target)
    client.ask(node.endpoint, "vote", target=target)
    client.ask(node.endpoint, "put", token=b"wrong", v=b"abc")
    item = hashlib.sha1(b"3:abc").digest()
    for _ in range(2):  # the second is byte-identical
        client.put(node.endpoint, item, v=b"abc")


def send(endpoint, *datagrams):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for d in datagrams:
            s.sendto(d, endpoint)


def dns(node):
    def dig(*words):
        subprocess.run(["dig", "+time=6", "+tries=1", "@127.0.0.1", "-p", str(node.door), *words],
                       capture_output=True, check=False)
    for _ in range(3):
        dig("printer.alt", "A")
    dig("+tcp", "printer.alt", "A")
    dig("+opcode=4", "printer.alt", "A")
    dig("+edns=1", "+noednsneg", "printer.alt", "A")
    dig("www.example", "A")
    dig("bad.example", "A")
    dig("printer.alt", "AXFR")
    dig("nothing.invalid", "A")
    dig("www.example", "ANY")
    dig("+noedns", "-c", "CH", "version.bind", "TXT")
    send(("127.0.0.1", node.door), b"abc", b"\1\2\1\0\0\1\0\0\0\0\0\0" + b"\xff" * 9)


def flood(node):
    ping = bencode({"a": {"id": os.urandom(20)}, "q": "ping", "t": "aaaa", "y": "q"})
    find = bencode({"a": {"id": os.urandom(20), "target": os.urandom(20)}, "q": "find_node",
                    "t": "aaaa", "y": "q"})
    send(node.endpoint, *[find] * 300, *[ping] * 3000)


def rows(node):
    return [line.split(" ") for line in node.text(".kadns/nodes").splitlines()]


def listing(a, rogue):
    with open(f"{a.mount}/.kadns/nodes", "w", encoding="ascii") as f:
        f.write("%s %d\n" % rogue.endpoint)
    check("a node that is written into nodes is asked and listed",
          eventually(10, lambda: "%s:%d" % rogue.endpoint in a.nodes()), lambda: rows(a))
    check("each line has seven words", all(len(r) == 7 for r in rows(a)), lambda: rows(a))
    mine = [r for r in rows(a) if r[0] == "%s:%d" % rogue.endpoint]
    check("a client of strange bytes is escaped", mine and mine[0][5] == r"\010\032-255.0", mine)
    check("its id is there", mine and mine[0][1] == rogue.id.hex(), mine)
    other = [r for r in rows(a) if r[0] == "127.0.2.1:4002"][0]
    check("age, round trip and failures are numbers", re.fullmatch(
        r"\d+s \d+\.\d{3}ms \d+", " ".join(other[2:5])), other)
    check("a client of ours is named", other[5:] == ["KD01", "local"], other)


class Watch:
    """What each counter was ever seen to be, but nothing."""

    def __init__(self):
        self.names, self.moved = [], set()

    def look(self, *daemons):
        for node in daemons:
            now = node.statuses()
            self.names += [n for n in now if n not in self.names]
            self.moved |= {n for n in now if now[n] not in NOTHING}


def python_code(text):
    """Without comments and strings that stand alone. The words of a line stay on it."""
    kept, fresh = [], True
    for t in tokenize.generate_tokens(io.StringIO(text).readline):
        beside = t.type in (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT)
        if not beside and not (fresh and t.type == tokenize.STRING):
            kept.append(t.string)
        if not beside:
            fresh = t.type == tokenize.NEWLINE
    return " ".join(kept)


def code_of(path, text):
    """What a comment says moves nothing. What only looks like one, in a string of a shell script,
    goes as well: a word must stand somewhere else then."""
    if path.endswith(".py"):
        return python_code(text)
    if path.endswith(".sh"):
        return re.sub(r"(?m)(^|\s)#(\s.*)?$", r"\1", text)
    return re.sub(r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|/\*.*?\*/|//[^\n]*""",
                  lambda m: m[1] or " ", text, flags=re.S)


def moves(path, text, word):
    """Does the test assert of the counter, by the word that the code has for it, that it is not
    nothing?"""
    text, word = code_of(path, text), rf"\b{re.escape(word)}\b"
    if not path.endswith(".c"):
        return re.search(word, text)
    return any(re.search(r"\bassert_(true|in_range|(int_|memory_)?equal|int_not_equal)\b", said)
               and re.search(word, said)
               and not re.search(r", 0\)$|<", said) for said in re.split(r";\s", text))


def elsewhere(name):
    path, word = ELSEWHERE[name]
    with open(f"{TOP}/tests/{path}", encoding="utf-8") as f:
        return moves(path, f.read(), word)


def comments():
    """Else what follows would be satisfied with a test that was commented out."""
    for path, code, comment in (
            ("a.c", 'assert_true(said("/*") && c.counter > 1);\n',
             "/* assert_true(c.counter > 1); */ x = 1; // assert_true(c.counter)\n"),
            ("a.sh", 'x=${y#z}; grep -q "counter 1" status # it is\n',
             "# grep counter status\ntrue # counter\n#\tcounter\n"),
            ("a.py", 'check("#", a.status("counter"))\n',
             '"""counter"""\n# counter\nx = 1  # counter\ndef f():\n    """counter"""\n')):
        check(f"{path}: code counts, a comment does not",
              moves(path, comment + code, "counter") and not moves(path, comment, "counter"),
              lambda p=path, t=comment + code: code_of(p, t))


def counters(watch):
    every = {generic(n) for n in watch.names} - FACTS
    still = every - {generic(n) for n in watch.moved}
    check("what is not known to move elsewhere moves here", still <= set(ELSEWHERE),
          sorted(still - set(ELSEWHERE)))
    check("every kind of message moves, but queries that we never send",
          {n for n in watch.names if n.startswith("dht.in.") or n.startswith("dht.out.")} -
          watch.moved == {f"dht.out.{k}.{w}" for k in NEVER_SENT for w in ("packets", "bytes")},
          sorted(n for n in watch.names if n not in watch.moved))
    comments()
    for name in sorted(ELSEWHERE):
        check(f"{name} is moved by tests/{ELSEWHERE[name][0]}", name in every and elsewhere(name))


def test():
    Upstream(("127.0.5.1", 53))
    lost = Kadns("lost", "127.0.9.9:1,host.example:1", ("127.0.9.1", 4009), upstream="127.0.5.1",
                 dht="read-only", relay="http://127.0.9.9:9/")
    a = Kadns("a", "none", ("127.0.1.1", 4001), door=1051)
    b = Kadns("b", "127.0.1.1:4001", ("127.0.2.1", 4002), door=1052, upstream="127.0.5.1")
    c = Kadns("c", "127.0.1.1:4001", ("127.0.3.1", 4003), limits="on")
    watch, rogue = Watch(), Rogue(("127.0.4.1", 4004), b"\n \xff\0")
    watch.look(lost)
    check("daemons know each other", eventually(
        15, lambda: len(a.nodes()) == 2 and len(b.nodes()) == 2 and c.nodes()),
        lambda: [n.nodes() for n in (a, b, c)])
    watch.look(a, b, c)
    check("the manual lists what status says, in its order", manual() == in_order(watch.names),
          lambda: sorted(set(manual()) ^ set(in_order(watch.names))) or "another order")

    listing(a, rogue)
    a.write("printer.alt", "192.0.2.7")
    watch.look(a)  # it is queued for a moment at least: a second after the edit
    check("what is written goes out", eventually(10, a.published))
    b.write("printer.alt", "192.0.2.9")
    check("from two daemons", eventually(10, b.published))
    slow = threading.Thread(target=b.data, args=("slow.example.com",))
    slow.start()
    check("who waits is counted", eventually(
        3, lambda: "0" not in (b.status("asks.waiting"), b.status("upstream.in_flight"))))
    watch.look(b)
    slow.join()
    for name in "printer.alt", "nobody.alt", "www.example.com", "bad.example.com":
        b.data(name)
    b.text(".kadns/explain/IN/A/www.example.com")
    krpc(a)
    krpc(b)
    dns(a)
    dns(b)
    send(a.endpoint, b"junk", b"")
    flood(c)
    watch.look(a, b, c)
    rogue.silent = True
    a.data("silence.alt")
    check("silence is counted", eventually(10, lambda: a.status("dht.timeouts") != "0"))
    for node in b, c:
        node.kill()
    a.write("nobody-there.alt", "192.0.2.7")
    check("a failure is counted", eventually(20, lambda: a.status("publish.failures") != "0"))
    watch.look(a, lost)
    a.kill()
    a.start()
    watch.look(a)  # what was published waits for somebody to look for it at
    counters(watch)


if __name__ == "__main__":
    enter(100)
    main(test)
