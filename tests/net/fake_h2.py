#!/usr/bin/env python3
"""fake_h2.py CERT LOG ADDR=MODE...: servers for DNS over HTTPS that speak HTTP/2, on port 443 of each ADDR, for whom every name has
the address 192.0.2.77, and that do as MODE says:
  well; one (a connection for each question: GOAWAY behind its answer); leaves (GOAWAY instead of the first, and is gone);
  narrow (a question at a time); refuses (the first stream of a connection); late (a farewell, and then the answer);
  moves, status, type, junk, other (an answer, but of no use);
  resets (every stream); huge (a body without end); heads (a head without end); bomb (one that unfolds without end);
  drips (a byte now and then); silent (says nothing after its settings); shut (takes no stream); http1 (words of it);
  push; pings (without end); gone (closes when it is asked); zero (a window in which no question fits).
LOG gets a line MODE CONNECTION for each question."""
import socket
import ssl
import struct
import sys
import threading
import time

from dnsraw import answer

CERT = sys.argv[1]
LOG = open(sys.argv[2], "a", buffering=1, encoding="ascii")
DATA, HEADERS, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 5, 6, 7, 8, 9
END, END_HEADERS, ACK = 1, 4, 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


def field(name, value):
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def head(status=b"200", kind=b"application/dns-message", more=b""):
    return field(b":status", status) + field(b"content-type", kind) + more


class Connection:
    count = 0

    def __init__(self, plain, mode):
        Connection.count += 1
        self.mode, self.number = mode, Connection.count
        self.s = context.wrap_socket(plain, server_side=True)
        self.bodies, self.asked = {}, 0

    def send(self, *parts):
        self.s.sendall(b"".join(parts))

    def read(self, n):
        got = b""
        while len(got) < n:
            piece = self.s.recv(n - len(got))
            if not piece:
                raise OSError
            got += piece
        return got

    def reply(self, stream, body, *args):
        self.send(frame(HEADERS, END_HEADERS, stream, head(*args)), frame(DATA, END, stream, body))

    def forever(self, *parts):
        while True:
            self.send(*parts)

    def answer(self, stream, m):
        self.asked += 1
        LOG.write(f"{self.mode} {self.number}\n")
        good = answer(m)
        mode = self.mode
        if mode == "one":
            self.reply(stream, good)
            self.send(frame(GOAWAY, 0, 0, struct.pack("!II", stream, 0)))
        elif mode == "late":
            self.send(frame(GOAWAY, 0, 0, struct.pack("!II", stream, 0)))
            time.sleep(0.3)
            self.reply(stream, good)
        elif mode == "leaves" and self.number == Connection.first:
            self.send(frame(GOAWAY, 0, 0, struct.pack("!II", 0, 0)))
            raise OSError
        elif mode == "refuses" and self.asked == 1:
            self.send(frame(RST, 0, stream, struct.pack("!I", 7)))
        elif mode == "moves":
            self.reply(stream, good, b"307", b"text/plain", field(b"location", b"/elsewhere"))
        elif mode == "status":
            self.reply(stream, good, b"503")
        elif mode == "type":
            self.reply(stream, good, b"200", b"text/plain")
        elif mode == "junk":
            self.reply(stream, b"abc")
        elif mode == "other":
            self.reply(stream, answer(m, b"\5other\0"))
        elif mode == "resets":
            self.send(frame(RST, 0, stream, struct.pack("!I", 2)))
        elif mode == "huge":
            self.send(frame(HEADERS, END_HEADERS, stream, head()))
            for _ in range(5):
                self.send(frame(DATA, 0, stream, b"x" * 16000))
        elif mode == "heads":
            self.send(frame(HEADERS, 0, stream, head()))
            self.forever(frame(CONTINUATION, 0, stream, field(b"x", b"y" * 100) * 100))
        elif mode == "bomb":
            self.send(frame(HEADERS, END_HEADERS | END, stream, head() + b"\x40\1x\x7f\x81\x1e" + b"y" * 3968 + b"\xbe" * 12000))
        elif mode == "drips":
            self.send(frame(HEADERS, END_HEADERS, stream, head()))
            for byte in good:
                time.sleep(0.5)
                self.send(frame(DATA, 0, stream, bytes([byte])))
        elif mode == "push":
            self.send(frame(PUSH, END_HEADERS, stream, struct.pack("!I", 2) + b"\x82\x87\x84"))
            self.reply(stream, good)
        elif mode == "pings":
            self.forever(frame(PING, 0, 0, b"12345678") * 100)
        elif mode == "gone":
            raise OSError
        elif mode not in ("silent", "shut", "zero"):
            self.reply(stream, good)

    def serve(self):
        if self.mode == "http1":
            self.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        streams = {"narrow": 1, "shut": 0}.get(self.mode, 100)
        window = 0 if self.mode == "zero" else 65535
        assert self.read(len(PREFACE)) == PREFACE
        self.send(frame(SETTINGS, 0, 0, struct.pack("!HIHI", 3, streams, 4, window)))
        while True:
            h = self.read(9)
            length, kind, flags = int.from_bytes(h[:3], "big"), h[3], h[4]
            stream, payload = int.from_bytes(h[5:], "big"), self.read(length)
            if kind == SETTINGS and not flags & ACK:
                self.send(frame(SETTINGS, ACK, 0))
            if kind == DATA:
                self.bodies[stream] = self.bodies.get(stream, b"") + payload
                if flags & END:
                    self.answer(stream, self.bodies.pop(stream))


def talk(plain, mode):
    try:
        connection = Connection(plain, mode)
        if mode == "leaves" and not hasattr(Connection, "first"):
            Connection.first = connection.number
        connection.serve()
    except (OSError, AssertionError):
        pass
    plain.close()


def listen(address, mode):
    listener = socket.create_server((address, 443))
    while True:
        threading.Thread(target=talk, args=(listener.accept()[0], mode), daemon=True).start()


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERT, CERT.replace(".pem", ".key"))
context.set_alpn_protocols(["h2"])
for word in sys.argv[3:]:
    threading.Thread(target=listen, args=word.split("="), daemon=True).start()
time.sleep(0.2)
print("ready", flush=True)
time.sleep(600)
