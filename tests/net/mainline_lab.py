"""The public network on `lo`: addresses that only look public, the hosts that everybody joins by,
a name server that knows them and can fail in several ways, and a node that lies about others."""
import ipaddress
import itertools
import os
import socket
import struct
import threading

from lab import bdecode, bencode, compact, run

# The names in fs/bootstrap.c, each with its port.
ROUTERS = {"router.bittorrent.com": 6881, "dht.transmissionbt.com": 6881,
           "router.utorrent.com": 6881, "dht.libtorrent.org": 25401, "relay.pkarr.org": 6881}
# Each in an /8 of its own, none of those that libtorrent takes for dark.
PUBLIC = [f"{first}.{i + 10}.1.1" for i, first in
          enumerate((45, 62, 78, 81, 93, 109, 130, 151, 176, 188, 193, 212, 213, 217))]
PUBLIC6 = [f"2a0{i:x}:{i + 16:x}::1" for i in range(len(PUBLIC))]
# Where nothing may be sent to from the public network.
LOCAL = ["127.0.0.1", "127.1.2.3", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.1.1",
         "100.64.0.1", "198.18.0.1"]
LOCAL6 = ["::1", "fd00::1", "fe80::1", "::ffff:127.0.0.1"]


def add_addresses():
    """Local ones too, so that what is wrongly sent there is seen: without them the kernel would
    not even send it."""
    for address in PUBLIC + LOCAL[2:]:
        run("ip", "address", "add", address + "/32", "dev", "lo")
    for address in PUBLIC6 + LOCAL6[1:2]:
        run("ip", "address", "add", address + "/128", "dev", "lo", "nodad")


def is_local(address):
    a = ipaddress.ip_address(address)
    return str(a) in LOCAL + LOCAL6 or a.is_private or a.is_loopback or a.is_link_local


def bep42_prefix(address, rand):
    """The first 21 bits that the id of a node at that address must have, in 24."""
    packed = ipaddress.ip_address(address).packed
    mask = bytes.fromhex("030f3fff" if len(packed) == 4 else "0103070f1f3f7fff")
    masked = bytearray(a & b for a, b in zip(packed, mask))
    masked[0] |= (rand & 7) << 5
    crc = 0xffffffff
    for byte in masked:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return (crc ^ 0xffffffff) >> 8 & 0xfffff8


def bep42_fits(node_id, address):
    return int.from_bytes(node_id[:3], "big") & 0xfffff8 == bep42_prefix(address, node_id[19])


def bep42_id(address):
    rand = os.urandom(20)
    return bep42_prefix(address, rand[19]).to_bytes(3, "big") + rand[3:]


class NameServer(threading.Thread):
    """Answers A and AAAA of ROUTERS with `four` and `six`, each name with all of them. `mode` may
    change while it runs: good, silent, garbage, nxdomain, servfail, local."""

    def __init__(self, address, four=(), six=(), mode="good"):
        super().__init__(daemon=True)
        self.address, self.four, self.six, self.mode = address, four, six, mode
        self.asked = []     # (name, type)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        self.start()

    def run(self):
        while True:
            query, client = self._socket.recvfrom(4096)
            reply = self._reply(query)
            if reply is not None:
                self._socket.sendto(reply, client)

    def _reply(self, query):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        kind, = struct.unpack("!H", query[at + 1:at + 3])
        name, question = ".".join(labels), query[12:at + 5]
        self.asked.append((name, kind))
        if self.mode == "silent":
            return None
        if self.mode == "garbage":
            return query[:2] + os.urandom(200)
        rcode = {"nxdomain": 3, "servfail": 2}.get(self.mode, 0 if name in ROUTERS else 3)
        addresses = {1: LOCAL if self.mode == "local" else self.four,
                     28: LOCAL6 if self.mode == "local" else self.six}.get(kind, ())
        if rcode:
            addresses = ()
        records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 1, len(packed)) + packed
                           for packed in (ipaddress.ip_address(a).packed for a in addresses))
        return (query[:2] + struct.pack("!5H", 0x8580 | rcode, 1, len(addresses), 0, 0) + question +
                records)


class Liar(threading.Thread):
    """A node that answers every query, and whose neighbours are all at local addresses, with ids
    next to what was asked for."""

    def __init__(self, address, port=6881):
        super().__init__(daemon=True)
        self.endpoint, self.answered = (address, port), 0
        self.id = bep42_id(address)
        self._socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
                                     socket.SOCK_DGRAM)
        self._socket.bind(self.endpoint)
        self.start()

    def run(self):
        wrong = itertools.cycle(["10.0.0.1", "8.8.8.8"])    # where it says that it sees the asker
        while True:
            datagram, sender = self._socket.recvfrom(4096)
            try:
                query = bdecode(datagram)
            except ValueError:
                continue
            if query.get(b"y") != b"q":
                continue
            a = query[b"a"]
            target = a.get(b"target", a.get(b"info_hash", self.id))
            near = [target[:19] + bytes([target[19] ^ i + 1]) for i in range(len(LOCAL))]
            reply = {"id": self.id, "token": b"12345678",
                     "nodes": b"".join(n + compact((ip, 6881)) for n, ip in zip(near, LOCAL)),
                     "nodes6": b"".join(n + compact((ip, 6881)) for n, ip in zip(near, LOCAL6)),
                     "values": [compact((ip, 6881)) for ip in LOCAL]}
            self._socket.sendto(bencode({"ip": compact((next(wrong), 6881)), "r": reply,
                                         "t": query[b"t"], "v": b"LI01", "y": "r"}), sender[:2])
            self.answered += 1
