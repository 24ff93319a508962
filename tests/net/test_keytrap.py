#!/usr/bin/env python3
"""Answers that are made to cost work (KeyTrap, CVE-2023-50387): a zone with many keys of one tag, and for
each record set as many signatures by that tag, of which none is good. No question may cost the validator
more than 20 ms of a processor (facts: trust, P20), and others are answered meanwhile."""
import os
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from cryptography.hazmat.primitives.asymmetric import rsa
import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataset
import dns.rdatatype
import dns.rrset
from lab import Kadns, T, check, enter, eventually, main, slowness
from memory import children

KEYS = SIGNATURES = 60
QUESTIONS = 10
ROOT = dns.name.root
dns.rdataset.random.shuffle = lambda records: None  # the good key stays the first, where it is found


def same_tag(tag):
    """Of no use as a key, but nobody knows before he has tried it."""
    head = b"\x01\x00\x03\x08\x03\x01\x00\x01"
    while True:
        modulus = bytearray(os.urandom(256))
        modulus[0] |= 0x80
        modulus[-1] |= 1
        modulus[2:4] = bytes(2)
        total = sum(struct.unpack("!132H", head + modulus))
        modulus[2:4] = struct.pack("!H", (tag - total - (total >> 16)) & 0xffff)
        key = dns.rdata.from_wire(1, dns.rdatatype.DNSKEY, head + modulus, 0, 264)
        if dns.dnssec.key_id(key) == tag:
            return key


class Zone:
    """The root, signed with one key that is good."""

    def __init__(self):
        self.private = private = rsa.generate_private_key(65537, 2048)
        self.key = good = dns.dnssec.make_dnskey(private.public_key(), dns.dnssec.RSASHA256, flags=257)
        self.tag = dns.dnssec.key_id(good)
        self.ds = dns.dnssec.make_ds(ROOT, good, "SHA256")
        self.keys = dns.rrset.from_rdata_list(ROOT, 3600, [good] + [same_tag(self.tag) for _ in range(KEYS)])
        self.good = dns.dnssec.sign(self.keys, private, ROOT, good, lifetime=86400)

    def bad(self, covered, labels):
        now = int(time.time())
        head = struct.pack("!HBBIIIH", covered, 8, labels, 3600, now + 3600, now - 3600, self.tag) + b"\0"
        return [dns.rdata.from_wire(1, dns.rdatatype.RRSIG, head + os.urandom(256), 0, len(head) + 256)
                for _ in range(SIGNATURES)]

    def answer(self, wire):
        query = dns.message.from_wire(wire)
        name, kind = query.question[0].name, query.question[0].rdtype
        reply = dns.message.make_response(query, recursion_available=True)
        if name == ROOT and kind == dns.rdatatype.DNSKEY:
            reply.answer = [self.keys, dns.rrset.from_rdata(ROOT, 3600, self.good)]
        elif name.labels[-2] == b"trap" and kind == dns.rdatatype.A:
            data = dns.rrset.from_text(name, 3600, "IN", "A", "192.0.2.66")
            signatures = self.bad(kind, len(name.labels) - 1)
            if name.labels[0] == b"good":
                signatures = [dns.dnssec.sign(data, self.private, ROOT, self.key, lifetime=86400)]
            reply.answer = [data, dns.rrset.from_rdata_list(name, 3600, signatures)]
        else:
            reply.set_rcode(dns.rcode.SERVFAIL)
        return reply.to_wire(max_size=65535)


def serve_tcp(zone, address):
    listener = socket.create_server((address, 53), backlog=64)
    while True:
        s, _ = listener.accept()
        with s:
            s.settimeout(5)
            n = struct.unpack("!H", s.recv(2))[0]
            reply = zone.answer(s.recv(n))
            s.sendall(struct.pack("!H", len(reply)) + reply)


def serve(zone, address):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, 53))
    threading.Thread(target=serve_tcp, args=(zone, address), daemon=True).start()
    while True:
        wire, client = s.recvfrom(4096)
        reply = zone.answer(wire)
        if len(reply) > 1232:
            reply = reply[:2] + bytes([reply[2] | 2]) + reply[3:6] + bytes(6) + wire[12:wire.index(0, 12) + 5]
        s.sendto(reply, client)


def test():
    zone = Zone()
    with open(f"{T}/root.ds", "w", encoding="ascii") as f:
        f.write(f". IN DS {zone.ds}\n")
    threading.Thread(target=serve, args=(zone, "127.0.5.1"), daemon=True).start()
    node = Kadns("a", "none", ("127.0.1.1", 4001), door=1051, upstream="127.0.5.1", trust_anchor=f"{T}/root.ds",
                 dht="off")
    check("starts", eventually(5, lambda: "kadns-validator" in children(node.pid())), lambda: children(node.pid()))
    validator = children(node.pid())["kadns-validator"]

    def worked():
        with open(f"/proc/{validator}/schedstat", encoding="ascii") as f:
            return int(f.read().split()[0]) / 1e6

    check("what is signed is secure", node.read("good.trap").get("trust") == "dnssec", node.read("good.trap"))
    check("what is signed by none of many keys is bogus", "EDE: 6" in node.dig("first.trap"), node.dig("first.trap"))
    before = worked()
    replies = [node.dig(f"n{i}.trap") for i in range(QUESTIONS)]
    took = (worked() - before) / QUESTIONS
    check("all of them are", all("SERVFAIL" in r and "192.0.2.66" not in r for r in replies), replies)
    check(f"one costs 20 ms of a processor at most ({took:.1f})", took <= 20 * slowness(), (took, slowness()))


if __name__ == "__main__":
    enter(60)
    main(test)
