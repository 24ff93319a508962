#!/usr/bin/env python3
"""The cache in front of DNS, with the real program, at the door and in the mount: what ends, what stands
in for a DNS that is silent (RFC 8767), failures that are not asked for again and again (RFC 9520),
popular names that are asked for before they end, and what a restart leaves."""
import os
import re
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from lab import Kadns, check, enter, eventually, main


class Upstream(threading.Thread):
    """A name server without DNSSEC, for whom every name has an address that says how often it was
    asked for, with the TTL of its first label's digits; bad.* is SERVFAIL."""

    def __init__(self, endpoint):
        super().__init__(daemon=True)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(endpoint)
        self.silent, self.asked = False, {}
        self.start()

    def run(self):
        while True:
            packet, source = self._socket.recvfrom(2048)
            at = 12
            while packet[at]:
                at += 1 + packet[at]
            question = packet[12:at + 5]
            label = question[1:1 + question[0]].decode()
            if question[-4:] == b"\0\1\0\1":
                self.asked[label] = self.asked.get(label, 0) + 1
            if self.silent:
                continue
            a = question[-4:] == b"\0\1\0\1" and label != "bad"
            reply = packet[:2] + struct.pack("!BBHHHH", 0x81, 0x82 if label == "bad" else 0x80, 1,
                                             a, 0, 0) + question
            if a:
                reply += b"\xc0\x0c\0\1\0\1" + struct.pack(
                    "!IHBBBB", int(re.sub(r"\D", "", label) or 60), 4, 192, 0, 2,
                    self.asked[label])
            self._socket.sendto(reply, source)


def timed(function, *arguments):
    begun = time.monotonic()
    result = function(*arguments)
    return result, time.monotonic() - begun


def ttl_of(name, reply):
    found = re.search(rf"ANSWER SECTION: {name}\. (\d+) IN A", reply)
    return int(found[1]) if found else None


def stale(node, upstream):
    name = "ttl1.example.com"
    first = node.dig(name)
    check("what DNS says has its TTL", ttl_of(name, first) in (0, 1), first)
    time.sleep(2.1)
    upstream.silent = True
    reply, took = timed(node.dig, name)
    check("silent, it is stood in for with what it said", "192.0.2.1" in reply, reply)
    check("with a TTL of 30", ttl_of(name, reply) == 30, reply)
    check("and says so", "EDE: 3" in reply, reply)
    check("after 1.8 s of patience", 1.7 < took < 20, took)
    line, took = timed(node.read, name)
    check("a reader of the file gets it too", line["data"] == ["192.0.2.1"], line)
    check("at once, for somebody has waited already", took < 1.7, took)
    check("it may be believed from now on", line["ttl"] == 30 and
          25 < line["expires"] - time.time() <= 30, (line, time.time()))
    with open(f"{node.mount}/.kadns/explain/IN/A/{name}", encoding="ascii") as f:
        text = f.read()
    check("explain says why", "stale: DNS does not answer" in text, text)
    check("it is counted", node.status("cache.stale") != "0", node.status("cache.stale"))
    check("by its door too", node.status("dns.udp.stale") == "1", node.status("dns.udp.stale"))
    node.dig("never.example.com")
    check("a name that was never answered for is out of time",
          node.data("never.example.com") == os.strerror(110), node.data("never.example.com"))
    upstream.silent = False
    check("DNS again, it answers again", eventually(
        20, lambda: "EDE: 3" not in (r := node.dig(name)) and "192.0.2." in r), lambda: node.dig(name))


def failures(node):
    before = int(node.status("upstream.asked"))
    end = time.monotonic() + 3.5
    while time.monotonic() < end:
        node.dig("bad.example.com")
    asked = int(node.status("upstream.asked")) - before
    check("a failure is asked for after 1 s and 2 s more, and not between", 2 <= asked <= 3, asked)


def prefetch(node, upstream):
    name = "ttl10.example.com"
    node.dig("first.example.com")  # asked twice, while it is found out whether DNSSEC is stripped
    node.dig(name)
    time.sleep(9.2)
    node.dig("other.example.com")  # libunbound keeps the last that it was told, whatever we say
    node.dig(name)
    node.dig(name)
    check("a popular name is asked for before it ends", eventually(
        3, lambda: upstream.asked["ttl10"] == 2), upstream.asked)
    time.sleep(1.2)
    reply = node.dig(name)
    check("so that nobody waits for it", "192.0.2.2" in reply and ttl_of(name, reply) >= 7, reply)
    check("and once", upstream.asked["ttl10"] == 2, upstream.asked)
    check("counted", node.status("cache.prefetched") != "0", node.status("cache.prefetched"))


def restart(node, upstream):
    name = "ttl300.example.com"
    node.dig(name)
    node.dig(name)
    asked = dict(upstream.asked)
    node.stop()
    mode = os.stat(f"{node.state}/cache").st_mode & 0o7777
    check("what is left is the daemon's alone", mode == 0o600, oct(mode))
    time.sleep(1.1)
    node.start()
    eventually(10, lambda: "NOERROR" in node.dig(name))
    reply = node.dig(name)
    check("after a restart it is known still", "192.0.2." in reply and "EDE: 3" not in reply, reply)
    check("its TTL went on", 200 < ttl_of(name, reply) < 300, reply)
    check("and nobody was asked", upstream.asked["ttl300"] == asked["ttl300"], upstream.asked)


def test():
    upstream = Upstream(("127.0.5.1", 53))
    node = Kadns("a", "none", ("127.0.1.1", 4001), door=1051, upstream="127.0.5.1", deadline="4s")
    prefetch(node, upstream)
    failures(node)
    stale(node, upstream)
    restart(node, upstream)


if __name__ == "__main__":
    enter(100)
    main(test)
