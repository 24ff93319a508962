#!/usr/bin/env python3
"""hostile_http.py PID MOUNT: clients of the HTTP doors that hold, flood or smuggle. Counts, and does not time: memory, descriptors,
connections, and whether others are answered."""
import os
import socket
import ssl
import struct
import sys
import time

PID, MOUNT = sys.argv[1:3]
GET = b"GET /resolve?name=www.example.test HTTP/1.1\r\nhost: localhost\r\n\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def check(name, good):
    print(("ok " if good else "not ok ") + name)


def connect(port=8882):
    s = socket.create_connection(("127.0.0.1", port))
    s.settimeout(5)
    return s


def read_all(s):
    got = b""
    try:
        while True:
            piece = s.recv(65536)
            if not piece:
                return got
            got += piece
    except (ConnectionResetError, socket.timeout):
        return got


def read_reply(s):
    """One reply of HTTP/1.1 with its length."""
    got = b""
    while b"\r\n\r\n" not in got:
        piece = s.recv(65536)
        if not piece:
            return got
        got += piece
    head, body = got.split(b"\r\n\r\n", 1)
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += s.recv(65536)
    return head + b"\r\n\r\n" + body


def served():
    with connect() as s:
        s.sendall(GET)
        return read_reply(s).startswith(b"HTTP/1.1 200")


def counted(name, door="http"):
    with open(f"{MOUNT}/.kadns/status", encoding="ascii") as status:
        return int(dict(line.split(None, 1) for line in status)[f"dns.{door}.{name}"])


def rss():
    with open(f"/proc/{PID}/status", encoding="ascii") as f:
        return int(f.read().split("VmRSS:")[1].split()[0])


def descriptors():
    return len(os.listdir(f"/proc/{PID}/fd"))


def frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + \
        struct.pack("!I", stream) + payload


HEAD2 = b"\x82\x86\x04\x01/\x41\x09localhost"  # GET http / localhost


def one_version():
    with connect() as s:
        for i in range(len(GET)):
            s.sendall(GET[i:i + 1])
        check("octet by octet", read_reply(s).startswith(b"HTTP/1.1 200"))
        s.sendall(GET * 50)
        check("fifty at once, in order",
              all(read_reply_of(s) for _ in range(50)))
    with connect() as s:
        s.sendall(b"POST /dns-query HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/dns-message\r\n"
                  b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + GET)
        got = read_all(s)
        check("a smuggled request is not answered",
              got.startswith(b"HTTP/1.1 400") and got.count(b"HTTP/1.1") == 1)
    with connect() as s:
        s.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\nx: " + b"a" * 9000)
        check("a head without end", read_all(s).startswith(b"HTTP/1.1 431"))
    with connect() as s:
        s.sendall(b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03")
        check("TLS at the plain door", read_all(s).startswith(b"HTTP/1.1 400"))


PENDING = {}


def read_reply_of(s):
    """The next of several replies that came together."""
    got = PENDING.pop(s, b"")
    while True:
        if b"\r\n\r\n" in got:
            head, body = got.split(b"\r\n\r\n", 1)
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            if len(body) >= length:
                PENDING[s] = body[length:]
                return head.startswith(b"HTTP/1.1 200") and b"192.0.2.1" in body[:length]
        piece = s.recv(65536)
        if not piece:
            return False
        got += piece


class Attack:
    """What it may cost: memory at its height, the processor's time; and meanwhile others are answered."""
    def __init__(self, name, kilobytes=8192, seconds=2.0):
        self._name, self._kilobytes, self._seconds = name, kilobytes, seconds

    @staticmethod
    def _cost():
        with open(f"/proc/{PID}/status", encoding="ascii") as f:
            high = int(f.read().split("VmHWM:")[1].split()[0])
        with open(f"/proc/{PID}/schedstat", encoding="ascii") as f:
            return high, int(f.read().split()[0]) / 1e9

    def __enter__(self):
        with open(f"/proc/{PID}/clear_refs", "w", encoding="ascii") as f:
            f.write("5")  # its height begins here
        self._before = rss(), self._cost()[1]
        return self

    def __exit__(self, *error):
        good = served()
        high, seconds = self._cost()
        cost = high - self._before[0], round(seconds - self._before[1], 2)
        check(f"{self._name}: others are answered", good)
        check(f"{self._name}: at most {self._kilobytes} kB and {self._seconds} s"
              + ("" if cost[0] < self._kilobytes and cost[1] < self._seconds else f", but {cost}"),
              cost[0] < self._kilobytes and cost[1] < self._seconds)


def begin(settings=b""):
    s = connect()
    s.sendall(PREFACE + frame(4, 0, 0, settings))
    return s


def push(s, *pieces):
    """Sends until it is let; whether all went."""
    try:
        for piece in pieces:
            s.sendall(piece)
        return True
    except OSError:
        return False


def is_ended(s):
    """By GOAWAY, and then indeed."""
    return b"\x07\0\0\0\0\0" in read_all(s)


def refused_streams(s, seconds=1.0):
    """RST_STREAM with REFUSED_STREAM, in what comes for a while; whether it is ended too."""
    s.settimeout(seconds)
    got = read_all(s)
    return got.count(b"\0\0\4\3\0"), got.count(b"\0\0\0\7"), b"\x07\0\0\0\0\0" in got


def resets():
    with Attack("rapid resets"), begin() as s:  # CVE-2023-44487
        push(s, *(frame(1, 5, i, HEAD2) + frame(3, 0, i, struct.pack("!I", 8)) for i in range(1, 4001, 2)))
        check("rapid resets end the connection", is_ended(s))
    with Attack("resets of our own making"), begin() as s:  # CVE-2025-8671: a window that grows by nothing
        push(s, *(frame(1, 5, i, HEAD2) + frame(8, 0, i, struct.pack("!I", 0)) for i in range(1, 4001, 2)))
        check("resets of our own making end the connection", is_ended(s))
    with Attack("more streams than there may be"), begin() as s:
        push(s, frame(4, 1, 0), b"".join(frame(1, 4, i, HEAD2) for i in range(1, 301, 2)))
        count, codes, ended = refused_streams(s)
        check("more streams than there may be are refused", ended or (count >= 50 and codes >= 50))


def heads():
    with Attack("continuations"), begin() as s:  # CVE-2024-28182: of nothing, so that no other bound is met
        push(s, frame(1, 1, 1, b"\x82"), *[frame(9, 0, 1) * 100] * 500)
        check("continuations without end end the connection", is_ended(s))
    # A name and a value into the table, and then that entry, a byte each time: eight kilobytes that unfold to sixteen megabytes.
    entry = b"\x40\x01x\x7f" + bytes([0x80 | (3900 - 127) & 127, (3900 - 127) >> 7]) + b"y" * 3900
    with Attack("HPACK bombs"):
        ended = 0
        for _ in range(10):
            with begin() as s:
                push(s, frame(1, 5, 1, HEAD2 + entry + b"\xbe" * 4000), *(
                    frame(1, 5, i, HEAD2 + b"\xbe" * 8000) for i in range(3, 41, 2)))
                ended += is_ended(s)
        check("HPACK bombs end the connection", ended == 10)
    with Attack("a head that is a little too long"), begin() as s:
        push(s, frame(1, 5, 1, HEAD2 + entry + b"\xbe" * 3))
        s.settimeout(1)
        check("it is 431, and the connection goes on", b"431" in read_all(s) or served())


def frames_of_nothing():
    for name, piece in ("pings", frame(6, 0, 0, b"12345678")), ("settings", frame(4, 0, 0)), (
            "empty data", b"".join(frame(0, 0, 1) for _ in range(1))):
        with Attack(name + " without end", seconds=4.0), begin() as s:
            s.settimeout(1)
            push(s, frame(1, 4, 1, HEAD2), *[piece * 1000] * 300)  # and reads none of the replies


def shut_windows():
    """Replies that nobody takes, of nine kilobytes each: two thousand of them."""
    displaced = counted("displaced")
    with Attack("windows that stay shut", kilobytes=14000):
        held = []
        for _ in range(20):
            s = begin(struct.pack("!HI", 4, 0))
            push(s, *(frame(1, 5, i, b"\x82\x86\x04\x08/page.js\x41\x09localhost") for i in range(1, 200, 2)))
            held.append(s)
        time.sleep(0.5)
    check("nobody has to give way for them: each has its own bound", counted("displaced") == displaced)
    for s in held:
        s.close()


def two():
    resets()
    heads()
    frames_of_nothing()
    shut_windows()
    with connect() as s:
        s.sendall(b"PRI * HTTP/2.0\r\n\r\nxx\r\n\r\n")
        check("half a preface", read_all(s).startswith(b"HTTP/1.1"))


def unread():
    """A body that is refused at its beginning: the reply must not be lost in the reset for what nobody reads."""
    for name, head in (("by its length", b"content-length: 3000000\r\n\r\n"), ("in chunks", b"transfer-encoding: chunked\r\n\r\n2dc6c0\r\n")):
        with connect() as s:
            s.sendall(b"POST /dns-query HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/dns-message\r\n" + head)
            time.sleep(0.1)  # it has replied, and would have closed
            try:
                s.sendall(bytes(900000))
                time.sleep(0.1)
                got = read_all(s)
            except OSError as e:
                got = repr(e).encode()
            check(f"too long a body, {name}: the reply is read", got.startswith(b"HTTP/1.1 413"))
    with connect() as s:
        s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"x" * 200000)
        time.sleep(0.1)
        check("what is no HTTP/2 is told so", b"\x07\x00\x00\x00\x00\x00" in read_all(s))
    time.sleep(0.2)
    before = descriptors()
    held = [connect() for _ in range(20)]
    for s in held:  # never closes, and never stops
        s.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n")
    check("each is told", all(s.recv(65536).startswith(b"HTTP/1.1 413") for s in held))
    end = time.monotonic() + 5
    while descriptors() > before and time.monotonic() < end:
        for s in held:
            try:
                s.send(b"x")
            except OSError:
                pass
        time.sleep(0.1)
    check("nobody lingers for ever", descriptors() <= before)
    for s in held:
        s.close()


def silent_after_a_burst():
    """More than we write at once, asked for at once by one who then says nothing: all of it comes."""
    with connect() as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wide = struct.pack("!HI", 4, 2**31 - 1)
        s.sendall(PREFACE + frame(4, 0, 0, wide) + frame(8, 0, 0, struct.pack("!I", 2**31 - 65536)) + frame(4, 1, 0))
        asked = range(1, 200, 2)
        s.sendall(b"".join(frame(1, 5, i, HEAD2) for i in asked))
        got, ended = b"", set()
        try:
            while len(ended) < len(asked):
                piece = s.recv(65536)
                if not piece:
                    break
                got += piece
                while len(got) >= 9 and len(got) >= 9 + int.from_bytes(got[:3], "big"):
                    if got[3] in (0, 1) and got[4] & 1:
                        ended.add(int.from_bytes(got[5:9], "big"))
                    got = got[9 + int.from_bytes(got[:3], "big"):]
        except socket.timeout:
            pass
        check("a burst of a hundred, then silence: all are answered", len(ended) == len(asked))


def many():
    """Three hundred who say nothing, or half of something: 256 have a place, the rest displace."""
    before, fds = rss(), descriptors()
    held = []
    for i in range(300):
        s = connect()
        s.sendall((b"", b"GET / HT", PREFACE[:20], PREFACE)[i % 4])
        held.append(s)
    check("a new client is served at once", served())
    check("three hundred slow ones hold little", rss() - before < 16384 and descriptors() - fds <= 256)
    for s in held:
        s.close()
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    with context.wrap_socket(connect(8443), server_hostname="dns.test") as s:
        check("ALPN prefers HTTP/2", s.selected_alpn_protocol() == "h2")
    context.set_alpn_protocols(["http/1.1"])
    with context.wrap_socket(connect(8443), server_hostname="dns.test") as s:
        s.sendall(GET)
        check("and knows 1.1", s.selected_alpn_protocol() == "http/1.1" and
              read_reply(s).startswith(b"HTTP/1.1 200"))


one_version()
two()
unread()
silent_after_a_burst()
many()
check("they are counted", counted("connections") > 300 and counted("in") > 50 and counted("handshakes", "https") > 2 and
      counted("displaced") > 0)
