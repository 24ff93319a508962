#!/usr/bin/python3
"""What one question may cost, whatever DNS and the DHT say: two questions to DNS, 60 packets and 16 signature
checks for the DHT, 20 ms of CPU (facts: trust, P20). Chains and loops of aliases from one to the other,
slots full of claims, answers of thousands of records, and packets that grow when they are read.

Counted, not timed: by the counters of the status, and by what the kernel says of the node's CPU."""
import hashlib
import os
import select
import socket
import struct
import sys
import threading

import hijack
import lab
from dnsraw import wire
from hijack import Key, Network, claim, packet, record
from lab import Kadns, check, eventually

UPSTREAM = "127.9.0.1"
LABELS = ".".join(["a"] * 120)  # a name of 242 bytes: as many steps as a name can have


def bomb(question, kind, rdata, limit):
    """As many records as fit, each owned by a name of 120 labels, by pointer; the pointer leads to
    another pointer, 14 of them in a row."""
    out = [question + wire(LABELS)[:-1] + b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(rdata)) + rdata]
    at, count = 12 + len(question), 1
    length = 12 + len(out[0])
    for hop in range(14):
        out.append(struct.pack("!HHHIH", 0xc000 | at, kind, 1, 60, len(rdata)) + rdata)
        at, length, count = length, length + len(out[-1]), count + 1
    one = struct.pack("!HHHIH", 0xc000 | at, kind, 1, 60, len(rdata)) + rdata
    more = (limit - length) // len(one)
    return b"".join(out) + one * more, count + more


class Upstream(threading.Thread):
    """A server that strips DNSSEC and says what it is told, by UDP and TCP."""

    def __init__(self, answers):
        super().__init__(daemon=True)
        self.answers = answers  # name: (count, records) for the question as it stands at 12
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for s in (self.udp, self.tcp):
            s.bind((UPSTREAM, 53))
        self.tcp.listen(16)
        self.start()

    def reply(self, query, limit):
        end = query.index(b"\0", 12) + 5
        question = query[12:end]
        count, records = self.answers(question)
        if end + len(records) > limit:
            return query[:2] + struct.pack("!5H", 0x8380, 1, 0, 0, 0) + question
        return query[:2] + struct.pack("!5H", 0x8180, 1, count, 0, 0) + question + records

    def serve_tcp(self, c):
        with c:
            f = c.makefile("rb")
            while len(head := f.read(2)) == 2:
                reply = self.reply(f.read(struct.unpack("!H", head)[0]), 65535)
                c.sendall(struct.pack("!H", len(reply)) + reply)

    def run(self):
        while True:
            for s in select.select([self.udp, self.tcp], [], [])[0]:
                if s is self.tcp:
                    threading.Thread(target=self.serve_tcp, args=(s.accept()[0],), daemon=True).start()
                else:
                    query, whence = s.recvfrom(4096)
                    s.sendto(self.reply(query, 1232), whence)


def dns_says(question):
    name, kind = question[:-4], struct.unpack("!H", question[-4:-2])[0]
    own = b"\xc0\x0c"
    if name.startswith(b"\4many") and kind == 1:
        return 4000, b"".join(own + struct.pack("!HHIH", 1, 1, 60, 4) + struct.pack("!I", 0xc6336400 + i)
                              for i in range(4000))
    if name.startswith(b"\5empty") and kind == 16:
        return 5000, (own + struct.pack("!HHIHB", 16, 1, 60, 1, 0)) * 5000
    if name.startswith(b"\4bomb"):
        records, count = bomb(question, 1, b"\xc6\x33\x64\x01", 65000)
        return count, records[len(question):]
    if name.startswith(b"\4back"):  # an alias from DNS to a key's zone, which leads here
        target = wire(f"back.{KEYS[0].name}")
        return 1, own + struct.pack("!HHIH", 5, 1, 60, len(target)) + target
    if name.startswith(b"\4none") or kind in (48, 43):
        return 0, b""
    return (1, own + struct.pack("!HHIH", 1, 1, 60, 4) + b"\xc6\x33\x64\x01") if kind == 1 else (0, b"")


class Said:
    """What the nodes return, by target."""

    def __init__(self):
        self.slots, self.others = {}, {}

    def put(self, key, values, salt=b""):
        items = [key.item(v, salt) for v in values]
        self.others[items[0][0]] = [items[i % len(items)][1] for i in range(hijack.NODES)]

    def zone(self, key, *records):
        self.put(key, [packet(records)])

    def slot(self, name, kind, values):
        h = hijack.derive(kind, name)
        self.put(Key(hashlib.sha256(b"kadns slot 1" + h).digest()), values, h)


KEYS = [Key() for _ in range(24)]


def alias(i, label, to):
    return record(f"{label}.{KEYS[i].name}", 5, wire(to))


def fill(said):
    """Names, by what is tried with them."""
    for i in range(8):  # a chain of eight zones, one that ends after four, a loop of eight
        said.zone(KEYS[i], alias(i, "chain", f"chain.{KEYS[i + 1].name}"),
                  alias(i, "loop", f"loop.{KEYS[(i + 1) % 8].name}"),
                  alias(i, "back", "back.dns.example"), alias(i, "many", "many.dns.example"),
                  alias(i, "empty", "empty.dns.example"), alias(i, "bomb", "bomb.dns.example"),
                  alias(i, "alt", "full.alt"))
    for i in range(8, 16):  # the same chain, by zones that have a page each
        marker = b"v=1 pages=1 min=1"
        said.zone(KEYS[i], record(f"_kadns.{KEYS[i].name}", 16, bytes([len(marker)]) + marker))
        said.put(KEYS[i], [packet([alias(i, "chain", f"chain.{KEYS[i + 1].name}")])], b"kadns1:0")
    values = []
    for v in range(8):  # eight versions of a slot, each with claims of four keys
        values.append(packet([r for k in KEYS[:4]
                              for r in claim("full.alt", 1, bytes([198, 51, 100, v]), Key())]))
    said.slot("full.alt", "A", values)
    same = [record("tags.alt", 1, b"\xc6\x33\x64\x01")]
    for i in range(5):  # RRSIGs of one zone, all of the same key tag
        same.append(record("tags.alt", 46, hijack.rrsig("tags.alt", 1, b"\xc6\x33\x64\x01", "alt", algorithm=13)))
    said.slot("tags.alt", "A", [packet(same)] * 8)
    name = f"bomb.{KEYS[20].name}"
    blown, count = bomb(wire(name), 1, b"\xc6\x33\x64\x01", 980)
    said.put(KEYS[20], [struct.pack("!6H", 0, 0x8000, 0, count, 0, 0) + blown[len(wire(name)):]])
    blown, count = bomb(b"", 1, b"\xc6\x33\x64\x01", 980)
    said.slot("bomb.alt", "A", [struct.pack("!6H", 0, 0x8000, 0, count, 0, 0) + blown])
    key = KEYS[0].name
    return [("a chain of eight zones", f"chain.{key}", "A"), ("the same, with pages", f"chain.{KEYS[8].name}", "A"), ("a loop of eight zones", f"loop.{key}", "A"),
            ("zone to DNS and back", f"back.{key}", "A"), ("DNS to a zone and back", "back.dns.example", "A"),
            ("4,000 records behind an alias", f"many.{key}", "A"), ("4,000 records", "many.b.dns.example", "A"),
            ("5,000 records behind an alias", f"empty.{key}", "TXT"), ("5,000 records", "empty.b.dns.example", "TXT"),
            ("names of 120 labels by pointers of pointers", "bomb.b.dns.example", "A"),
            ("the same behind an alias", f"bomb.{key}", "A"), ("the same as a zone", f"www.{name}", "A"),
            ("the same as a slot", "bomb.alt", "A"), ("32 claims in eight versions", "full.alt", "A"),
            ("the same behind an alias", f"alt.{key}", "A"), ("signatures of one key tag", "tags.alt", "A"),
            ("a name that DNS denies and nobody has", "none.dns.example", "A")]


def cpu(pid):
    """Microseconds, of all its threads."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total // 1000


COUNTED = {"upstream.asked": 2, "dht.out.get.packets": 60, "dht.verifications": 16}
CPU_MAX = 20000
SANITIZED = 20  # so much slower is a build that checks each access


def test():
    said = Said()
    names = fill(said)
    Network(said)
    Upstream(dns_says)
    n = Kadns("bounded", "127.7.0.1:4001", ("127.0.0.1", 4002), 1053, upstream=UPSTREAM, tofu="alt",
              lookup="always", deadline="2s")
    check("the node knows eight others", eventually(10, lambda: len(n.nodes()) == hijack.NODES), n.nodes)
    door = ("127.0.0.1", 1053)
    hijack.by_dns(door, ["www.dns.example"])  # what is asked once of an upstream, to know it
    pid = n.node()
    with open(f"{sys.argv[1]}/fs/kadns", "rb") as f:
        cpu_max = CPU_MAX * (SANITIZED if b"__asan_init" in f.read() else 1)
    for what, name, kind in names:
        before, began = n.statuses(), cpu(pid)
        answer = hijack.by_dns(door, [name], kind)[0]
        took = cpu(pid) - began
        after = n.statuses()
        cost = {c: int(after[c]) - int(before[c]) for c in COUNTED}
        check(f"{what}: {'answered' if isinstance(answer, list) else answer}, "
              f"{', '.join(str(v) for v in cost.values())}, {took / 1000:.1f} ms",
              answer is not None and all(cost[c] <= most for c, most in COUNTED.items()) and took <= cpu_max * lab.slowness(),
              (cost, took))
    check("and it answers still", hijack.by_dns(door, ["last.dns.example"])[0] == ["198.51.100.1"])
    n.stop()


sys.setswitchinterval(0.001)
lab.enter(100)
lab.main(test)
