"""DNS messages by hand, for what no client sends."""
import socket
import ssl
import struct
import time

RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 16: "BADVERS", 23: "BADCOOKIE"}
A, NS, SOA, TXT, AAAA, OPT = 1, 2, 6, 16, 28, 41
CLIENT = b"CLIENT01"


def wire(name):
    return b"".join(bytes([len(x)]) + x for x in name.encode().split(b".") if x) + b"\0"


def option(code, data=b""):
    return struct.pack(">HH", code, len(data)) + data


def opt(options=b"", size=1232, flags=0, version=0):
    return b"\0" + struct.pack(">HHBBHH", OPT, size, 0, version, flags, len(options)) + options


def query(name, type_=A, id_=0x1234, flags=0x0100, edns=None, class_=1):
    more = edns or b""
    return (struct.pack(">6H", id_, flags, 1, 0, 0, 1 if edns else 0) + wire(name) +
            struct.pack(">HH", type_, class_) + more)


def answer(m, name=None):
    """A reply to the query `m`, or to another name: each has the address 192.0.2.77, and nothing else."""
    end = skip_name(m, 12) + 4
    q = name + m[end - 4:end] if name else m[12:end]
    a = q[-4:] == b"\0\1\0\1"
    reply = m[:2] + b"\x81\x80\0\1" + bytes([0, a]) + b"\0\0\0\0" + q
    return reply + (b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes([192, 0, 2, 77]) if a else b"")


def skip_name(m, at):
    while m[at]:
        if m[at] >= 0xc0:
            return at + 2
        at += 1 + m[at]
    return at + 1


class Reply:
    """What there is in a message: header, records by section as (owner bytes, type, ttl, rdata), and the OPT."""

    def __init__(self, m):
        self.bytes = m
        self.id, self.flags, *counts = struct.unpack(">6H", m[:12])
        self.tc, self.aa, self.ad = (bool(self.flags & bit) for bit in (0x200, 0x400, 0x20))
        self.rd, self.ra, self.cd, self.z = (bool(self.flags & bit) for bit in (0x100, 0x80, 0x10, 0x40))
        self.edns, self.options, self.version, self.edns_flags = False, {}, None, None
        rcode, at = self.flags & 15, 12
        self.questions = counts[0]
        for _ in range(counts[0]):
            end = skip_name(m, at) + 4
            self.question = m[at:end]
            at = end
        self.sections = [[], [], []]
        for section, count in zip(self.sections, counts[1:]):
            for _ in range(count):
                begin, at = at, skip_name(m, at)
                type_, class_, ttl, length = struct.unpack(">HHIH", m[at:at + 10])
                rdata = m[at + 10:at + 10 + length]
                at += 10 + length
                if type_ != OPT:
                    section.append((m[begin:at - 10 - length], type_, ttl, rdata))
                    continue
                assert not self.edns, "two OPT"
                self.edns, self.size, self.version, self.edns_flags = True, class_, ttl >> 16 & 255, ttl & 0xffff
                rcode |= ttl >> 24 << 4
                while rdata:
                    code, n = struct.unpack(">HH", rdata[:4])
                    self.options[code] = rdata[4:4 + n]
                    rdata = rdata[4 + n:]
        assert at == len(m), "bytes behind the end"
        self.answer, self.authority, self.additional = self.sections
        self.rcode = RCODES.get(rcode, str(rcode))

    def types(self):
        return [r[1] for r in self.answer]


class Udp:
    def __init__(self, to, source=None, timeout=6):
        self.s = socket.socket(socket.AF_INET6 if ":" in to[0] else socket.AF_INET, socket.SOCK_DGRAM)
        self.s.settimeout(timeout)
        if source:
            self.s.bind((source, 0))
        self.s.connect(to)

    def send(self, message):
        self.s.send(message)

    def receive(self):
        """None: nothing came."""
        try:
            return Reply(self.s.recv(65535))
        except socket.timeout:
            return None

    def ask(self, message):
        self.send(message)
        return self.receive()


def flood(to, message, n):
    """n of them at once: the replies, until none comes for a second, and how many of them the rate of a
    network (ten at once, ten a second) allows in the time that it took."""
    u, begun = Udp(to, timeout=1), time.monotonic()
    for _ in range(n):
        u.send(message)
    replies = []
    ended = begun
    while len(replies) < n and (r := u.receive()):
        replies.append(r)
        ended = time.monotonic()
    return replies, 11 + 10 * (ended - begun)


class Tcp:
    def __init__(self, to, source=None, timeout=6):
        self.s = socket.create_connection(to, timeout, (source, 0) if source else None)
        self.f = self.s.makefile("rb")

    def send(self, *messages):
        self.s.sendall(b"".join(struct.pack(">H", len(m)) + m for m in messages))

    def receive(self):
        """None: the connection ended."""
        try:
            head = self.f.read(2)
            return Reply(self.f.read(struct.unpack(">H", head)[0])) if len(head) == 2 else None
        except ConnectionError:
            return None

    def ask(self, message):
        self.send(message)
        return self.receive()


class Tls(Tcp):
    """The same over TLS; `context` as tls_context makes it."""

    def __init__(self, to, context, session=None, timeout=6):
        plain = socket.create_connection(to, timeout)
        try:
            self.s = context.wrap_socket(plain, server_hostname="dns.test", session=session)
        except OSError:
            plain.close()
            raise
        self.f = self.s.makefile("rb")


def tls_context(ca, alpn=("dot",), version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if version:
        context.minimum_version = context.maximum_version = version
    return context
