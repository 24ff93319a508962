"""An attempt to take over ordinary names: hostile publishers and the DHT nodes that serve them, every way
in which a record can be said to be a name's, and readers by the mount, the DNS door and getaddrinfo.
The short form is test_hijack.py, the full one tests/bench/hijack.py.

The nodes are all that the daemon knows, and collude: each returns another value of a slot, so that
more is said of a name than any one value holds. What is published under other keys than a slot's
(the key of 2009, the name as salt, a zone) is there too, should anybody look for it."""
import concurrent.futures
import hashlib
import itertools
import json
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import dnsraw
from lab import T, Kadns, bdecode, bencode, check, compact, eventually, run

Z_BASE_32 = "ybndrfg8ejkmcpqxot1uwisza345h769"
TYPES = {"A": 1, "CNAME": 5, "TXT": 16, "AAAA": 28}
NODES = 8
UPSTREAM = "127.53.0.53"
WRITER = 1399  # a user of this machine who writes records of such names himself


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


class Key:
    def __init__(self, seed=None):
        self.secret = Ed25519PrivateKey.from_private_bytes(seed or os.urandom(32))
        self.public = self.secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        bits = int.from_bytes(self.public, "big") << 4
        self.name = "".join(Z_BASE_32[bits >> 5 * (51 - i) & 31] for i in range(52))
        sum_ = 256 + (3 << 8 | 15) + sum(struct.unpack("!16H", self.public))
        self.tag = sum_ + (sum_ >> 16) & 0xffff

    def item(self, value, salt=b""):
        """What a node returns for a mutable item, and its target (BEP 44)."""
        seq = time.time_ns() // 1000
        signed = (b"4:salt" + bencode(salt) if salt else b"") + b"3:seqi%de1:v" % seq + bencode(value)
        return (hashlib.sha1(self.public + salt).digest(),
                {"k": self.public, "seq": seq, "sig": self.secret.sign(signed), "v": value})


def record(owner, kind, rdata, ttl=300):
    return wire(owner) + struct.pack("!HHIH", kind, 1, ttl, len(rdata)) + rdata


def packet(records):
    return struct.pack("!6H", 0, 0x8000, 0, len(records), 0, 0) + b"".join(records)


def rrsig(name, kind, rdata, signer, algorithm=15):
    """Over one record of `name`: by a key, or, forged, by a zone."""
    key = signer if isinstance(signer, Key) else None
    now = int(time.time())
    head = struct.pack("!HBBIIIH", kind, algorithm, len(name.split(".")), 300, now - 3600 + 7 * 86400,
                       now - 3600, key.tag if key else 4711) + wire(key.name if key else signer)
    signed = head + record(name.lower(), kind, rdata)
    return head + (key.secret.sign(signed) if key else os.urandom(64))


def claim(name, kind, rdata, signer, **more):
    return [record(name, kind, rdata), record(name, 46, rrsig(name, kind, rdata, signer, **more))]


def rdata_of(kind, i):
    """Whatever is answered with these is taken over."""
    if kind == "A":
        return bytes([203, 0, 113, 1 + i % 250])
    if kind == "AAAA":
        return bytes.fromhex("20010db80bad") + bytes(9) + bytes([1 + i % 250])
    return wire("evil.example") if kind == "CNAME" else b"\4evil"


def derive(kind, name):
    return hashlib.sha1(f"dns://IN/{kind}/{name}".encode()).digest()


class World:
    """What the hostile publishers say of these names, by target: a value for each node."""

    def __init__(self, publishers, names):
        self.publishers = [Key() for _ in range(publishers)]
        self.slots, self.others = {}, {}
        turn = itertools.cycle(range(publishers))
        for name in names:
            for kind in TYPES:
                self.publish_slot(name, kind, turn)
            self.publish_elsewhere(name, self.publishers[next(turn)])
        for i, key in enumerate(self.publishers):
            self.publish_zone(key, names[i % len(names)])

    def publish_slot(self, name, kind, turn):
        h = derive(kind, name)
        slot = Key(hashlib.sha256(b"kadns slot 1" + h).digest())
        number, zone = TYPES[kind], name.split(".", 1)[1]
        values = []
        for _ in range(NODES - 4):  # claims of four publishers in each
            chosen = [next(turn) for _ in range(4)]
            values.append([r for i in chosen
                           for r in claim(name, number, rdata_of(kind, i), self.publishers[i])])
        i = next(turn)
        key, rdata = self.publishers[i], rdata_of(kind, i)
        values.append([record(name, number, rdata)])  # a copy that nobody signed
        values.append(claim(name, number, rdata, zone, algorithm=13))  # as if by its zone
        values.append(claim(name.upper(), number, rdata, key) + claim("*." + zone, number, rdata, key))
        values.append(claim(name, TYPES["CNAME"], wire("evil.example"), key) +
                      claim("evil." + name, number, rdata, key))
        items = [slot.item(packet(v), h) for v in values]
        self.slots[items[0][0]] = [item for _, item in items]

    def publish_elsewhere(self, name, key):
        """Under every other key that may be thought to be the name's."""
        value = packet(claim(name, 1, rdata_of("A", 0), key))
        for text in (name, name.upper(), name + ".", name.replace(".", "")):
            for salt in (derive("A", text), f"dns://IN/A/{text}".encode(), text.encode()):
                target, item = key.item(value, salt[:64])
                self.others[target] = [item] * NODES
        h = derive("A", name)  # the DHT key of 2009 itself, and a slot for a spelling that is none
        self.others[h] = [{"v": value}] * NODES
        for text in (name.upper(), name + "."):
            h = derive("A", text)
            target, item = Key(hashlib.sha256(b"kadns slot 1" + h).digest()).item(value, h)
            self.others[target] = [item] * NODES

    def publish_zone(self, key, name):
        """A zone that says the name of itself, and beside itself."""
        rdata = rdata_of("A", 1)
        target, item = key.item(packet([record(f"{name}.{key.name}", 1, rdata),
                                        record(name, 1, rdata), record(key.name, 1, rdata)]))
        self.others[target] = [item] * NODES


class Network(threading.Thread):
    """DHT nodes on 127.7.0.x that know each other and return what a World has."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world, self.asked = world, set()
        self.nodes = []
        for i in range(NODES):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind((f"127.7.0.{i + 1}", 4001))
            self.nodes.append((s, os.urandom(20)))
        self.known = b"".join(i + compact(s.getsockname()) for s, i in self.nodes)
        self.start()

    def answer(self, i, message):
        a = message[b"a"]
        reply = {"id": self.nodes[i][1], "nodes": self.known, "token": b"token"}
        if message[b"q"] == b"get":
            target = a[b"target"]
            self.asked.add(target)
            values = self.world.slots.get(target) or self.world.others.get(target)
            reply.update(values[i] if values else {})
        return bencode({"t": message[b"t"], "y": "r", "r": reply})

    def run(self):
        sockets = {s: i for i, (s, _) in enumerate(self.nodes)}
        while True:
            for s in select.select(list(sockets), [], [])[0]:
                data, whence = s.recvfrom(2048)
                try:
                    message = bdecode(data)
                    if message[b"y"] == b"q":
                        s.sendto(self.answer(sockets[s], message), whence)
                except (ValueError, KeyError, IndexError):
                    pass


# ---- readers

MOUNT_READER = """
import concurrent.futures, json, sys
def read(path):
    try:
        with open(path) as f:
            return sorted(json.load(f)["data"])
    except OSError as e:
        return e.strerror
mount, kind, *names = sys.stdin.read().split()
with concurrent.futures.ThreadPoolExecutor(64) as pool:
    print(json.dumps(list(pool.map(read, [f"{mount}/IN/{kind}/{n}" for n in names]))))
"""


def by_mount(mount, names, uid=0, kind="A"):
    out = run("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", sys.executable, "-c",
              MOUNT_READER, input=" ".join([mount, kind, *names]), text=True, capture_output=True)
    return json.loads(out.stdout)


def text_of(kind, rdata):
    if kind in ("A", "AAAA"):
        return socket.inet_ntop(socket.AF_INET if kind == "A" else socket.AF_INET6, rdata)
    return repr(rdata)


def by_dns(endpoint, names, kind="A", at_once=64):
    """The data of each name; its rcode where there are none; None: no reply."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(endpoint)
    answers = [None] * len(names)
    for begin in range(0, len(names), at_once):
        waiting = range(begin, min(begin + at_once, len(names)))
        for i in waiting:
            s.send(dnsraw.query(names[i], TYPES[kind], id_=i))
        left = set(waiting)
        while left:
            s.settimeout(6)
            try:
                reply = dnsraw.Reply(s.recv(4096))
            except socket.timeout:
                break
            left.discard(reply.id)
            data = sorted(text_of(kind, r[3]) for r in reply.answer if r[1] == TYPES[kind])
            answers[reply.id] = data or reply.rcode
    return answers


def by_libc(names):
    def ask(name):
        try:
            return sorted({a[4][0] for a in socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)})
        except socket.gaierror as e:
            return e.errno
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        return list(pool.map(ask, names))


def is_taken(answer):
    return isinstance(answer, list) and any("203.0.113." in a or "bad:" in a or "evil" in a for a in answer)


def differ(got, want):
    return [f"{g} for {w}" for g, w in zip(got, want) if g != w]


# ---- the run

class Run:
    def __init__(self, publishers, names_len):
        self.names = [f"n{i:03}.{('example', 'insecure')[i % 2]}.test" for i in range(names_len)]
        self.publishers = publishers
        os.environ["MINET_RUN"] = f"{T}/minet"
        self.minet = os.path.join(os.path.dirname(os.path.realpath(__file__)), "minet.sh")
        run(self.minet, "build", stdout=subprocess.DEVNULL)
        for zone in ("example", "insecure"):
            with open(f"{T}/minet/zones/{zone}.test", "a", encoding="ascii") as f:
                f.writelines(f"{n}. A 198.51.100.{random.randrange(1, 255)}\n"
                             for n in self.names if zone in n)
        run(self.minet, "resign", "example", stdout=subprocess.DEVNULL)
        self.network = None

    def start_dns(self):
        run(self.minet, "start", "-r", stdout=subprocess.DEVNULL)
        return by_dns((UPSTREAM, 53), self.names[:1])[0] is not None

    def stop_dns(self):
        """They are our children by now: minet.sh would wait for each to be gone."""
        for server in ("unbound", "leaf", "tld", "root"):
            with open(f"{T}/minet/{server}.pid", encoding="ascii") as f:
                pid = int(f.read())
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def kadns(self, name, trust):
        daemon = Kadns(name, "127.7.0.1:4001", ("127.0.0.1", 4002), 53, trust=trust, upstream=UPSTREAM,
                       root_hints=f"{T}/minet/root.hints", trust_anchor=f"{T}/minet/root.ds",
                       deadline="1s")
        check(f"trust={trust}: the node knows the hostile ones",
              eventually(10, lambda: len(daemon.nodes()) == NODES), daemon.nodes)
        return daemon

    def begin(self):
        check("the ordinary names have DNS", self.start_dns())
        self.truth = by_dns((UPSTREAM, 53), self.names)
        check(f"{len(self.names)} names that DNS answers",
              all(isinstance(a, list) and not is_taken(a) for a in self.truth))
        self.network = Network(World(self.publishers, self.names))
        with open(f"{T}/resolv.conf", "w", encoding="ascii") as f:
            f.write("nameserver 127.0.0.1\noptions timeout:6 attempts:1\n")
        run("mount", "--bind", f"{T}/resolv.conf", "/etc/resolv.conf")

    def same(self, what, got, want=None):
        wrong = differ(got, want or self.truth)
        check(f"{what}: 0 of {len(got)} differ from what DNS says", not wrong,
              f"{len(wrong)}: {wrong[:3]}")

    def held(self, trust):
        """Nobody's answer changes but the writer's own."""
        daemon = self.kadns(trust, trust)
        mine = self.names[:5]
        for name in mine:
            run("setpriv", f"--reuid={WRITER}", "--clear-groups", "sh", "-c",
                f"echo 203.0.113.99 >{daemon.mount}/IN/A/{name}")
        self.same(f"trust={trust}: mount, root", by_mount(daemon.mount, self.names))
        self.same(f"trust={trust}: mount, another user", by_mount(daemon.mount, self.names, 1300))
        self.same(f"trust={trust}: door", by_dns(("127.0.0.1", 53), self.names))
        self.same(f"trust={trust}: getaddrinfo, no AAAA beside it", by_libc(self.names))
        self.same(f"trust={trust}: mount, who wrote five of them",
                  by_mount(daemon.mount, self.names, WRITER),
                  [["203.0.113.99"]] * len(mine) + self.truth[len(mine):])
        for kind in ("TXT", "CNAME"):
            got = by_dns(("127.0.0.1", 53), self.names, kind)
            check(f"trust={trust}: no {kind} of theirs", not any(map(is_taken, got)) and None not in got)
        others = self.network.asked & set(self.network.world.others)
        check(f"trust={trust}: only slots were looked for", not others, len(others))
        if trust == "guarded":
            read = self.network.asked & set(self.network.world.slots)
            check("guarded: they were asked, and answered", len(read) >= len(self.names), len(read))
        daemon.stop()

    def without_dns(self, trust):
        """A node that has never heard of any of these names."""
        daemon = self.kadns(trust + "-alone", trust)
        for what, got in (("mount", by_mount(daemon.mount, self.names, 1300)),
                          ("door", by_dns(("127.0.0.1", 53), self.names))):
            answered = [g for g, w in zip(got, self.truth) if isinstance(g, list) and g != w]
            check(f"trust={trust}, DNS stopped: {what}: an unknown key answers 0 of {len(got)}",
                  not answered, answered[:3])
        daemon.stop()

    def taken(self):
        """The attack is real. A look-up that came too late, on a machine that is busy, left a name to DNS: its
        answer then stands in that daemon's cache, so another is asked for those once more."""
        left = {"mount": self.names, "door": self.names, "getaddrinfo": self.names}
        for name in ("open", "again"):
            daemon = self.kadns(name, "open")
            for what, ask in (("mount", lambda names: by_mount(daemon.mount, names)),
                              ("door", lambda names: by_dns(("127.0.0.1", 53), names)), ("getaddrinfo", by_libc)):
                names = left[what]
                left[what] = [n for n, got in zip(names, ask(names)) if not is_taken(got)] if names else []
            daemon.stop()
            if not any(left.values()):
                break
        for what, names in left.items():
            check(f"trust=open: {what}: {len(self.names) - len(names)} of {len(self.names)} taken over", not names, names[:3])

    def all(self):
        self.begin()
        for trust in ("guarded", "strict"):
            self.held(trust)
        self.taken()
        self.stop_dns()
        for trust in ("guarded", "strict"):
            self.without_dns(trust)
