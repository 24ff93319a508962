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


def two():
    with connect() as s:  # CVE-2023-44487
        s.sendall(PREFACE + frame(4, 0, 0))
        try:
            for i in range(1, 4001, 2):
                s.sendall(frame(1, 5, i, HEAD2) + frame(3, 0, i, struct.pack("!I", 8)))
        except OSError:
            pass
        got = read_all(s)
        check("rapid resets end the connection", b"\x07\x00\x00\x00\x00\x00" in got or not got)
    with connect() as s:  # CVE-2024-28182
        s.sendall(PREFACE + frame(4, 0, 0) + frame(1, 1, 1, b"\x82"))
        try:
            for _ in range(20000):
                s.sendall(frame(9, 0, 1, b"\x84"))
            read_all(s)
            ended = True
        except OSError:
            ended = True
        check("continuations without end", ended and served())
    before = rss()
    held = []
    for _ in range(20):
        s = connect()
        s.sendall(PREFACE + frame(4, 0, 0, struct.pack("!HI", 4, 0)))  # a window of nothing
        for i in range(1, 200, 2):
            s.sendall(frame(1, 5, i, b"\x82\x86\x04\x1e/resolve?name=www.example.test\x41\x09localhost"))
        held.append(s)
    check("windows that stay shut hold little", served() and rss() - before < 16384)
    for s in held:
        s.close()
    with connect() as s:
        s.sendall(PREFACE + frame(4, 0, 0) + b"".join(frame(6, 0, 0, b"12345678") for _ in range(20000)))
        check("pings without end leave others be", served())
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
    before = descriptors()
    held = [connect() for _ in range(20)]
    for s in held:  # never closes, and never stops
        s.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n")
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
with open(f"{MOUNT}/.kadns/status", encoding="ascii") as status:
    counted = dict(line.split(None, 1) for line in status if line.startswith("dns.http"))
check("they are counted", int(counted["dns.http.connections"]) > 300 and int(counted["dns.http.in"]) > 50 and
      int(counted["dns.https.handshakes"]) > 2 and int(counted["dns.http.displaced"]) > 0)
