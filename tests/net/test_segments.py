#!/usr/bin/python3
"""What the doors over TCP cost in calls of the system and in waiting: one write for each reply, TCP_NODELAY on each connection,
and half a question acknowledged at once, or a client with Nagle's algorithm keeps the other half for 40 ms. Counted by strace."""
import os
import re
import socket
import ssl
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Kadns, T, check, enter, eventually, main, run  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
QUESTION = b"\0\7\1\0\0\1\0\0\0\0\0\0\7printer\3alt\0\0\1\0\1"
DNS = len(QUESTION).to_bytes(2, "big") + QUESTION
GET = b"GET /SHORT/IN/A/printer.alt HTTP/1.1\r\nhost: localhost\r\n\r\n"
POST = b"POST /dns-query HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/dns-message\r\ncontent-length: " + \
    str(len(QUESTION)).encode() + b"\r\n\r\n" + QUESTION


def request2(stream):
    path = b"/SHORT/IN/A/printer.alt"
    block = b"\x82\x86\x04" + bytes([len(path)]) + path + b"\x41\x09localhost"
    return len(block).to_bytes(3, "big") + b"\1\5" + stream.to_bytes(4, "big") + block


DOORS = {  # name: (port, TLS and its protocol, question n, where it is cut)
    "DNS over TCP": (1053, None, lambda n: DNS, 9),
    "DNS over TLS": (8853, "", lambda n: DNS, 9),
    "HTTP/1.1": (8882, None, lambda n: GET, 20),
    "HTTP/1.1, POST": (8882, None, lambda n: POST, len(POST) - len(QUESTION)),
    "HTTP/1.1 over TLS": (8443, "http/1.1", lambda n: GET, 20),
    "HTTP/2": (8882, None, lambda n: request2(2 * n + 1), 20),
    "HTTP/2 over TLS": (8443, "h2", lambda n: request2(2 * n + 1), 20),
}
ASKED = 10


def connect(port, protocol):
    s = socket.create_connection(("127.0.0.1", port), timeout=10)
    if protocol is None:
        return s
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocol:
        context.set_alpn_protocols([protocol])
    return context.wrap_socket(s)


class Trace:
    """What the daemon writes to its sockets, and sets on them."""
    def __init__(self, pid, name):
        self._path = f"{T}/trace.{name}"
        self._process = subprocess.Popen(["strace", "-f", "-qq", "-e", "trace=write,writev,sendto,sendmsg,setsockopt", "-o", self._path,
                                          "-p", pid], stderr=subprocess.DEVNULL)
        eventually(5, self._attached(pid))

    @staticmethod
    def _attached(pid):
        def attached():
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                return "TracerPid:\t0" not in f.read()
        return attached

    def end(self):
        self._process.terminate()
        self._process.wait()
        with open(self._path, encoding="ascii", errors="replace") as f:
            return f.read()


def receive_some(s):
    """Replies are short: each comes whole, in one segment or record."""
    return len(s.recv(65536)) > 0


def door(pid, name, port, protocol, question, cut):
    trace = Trace(pid, re.sub(r"\W", "", name))
    s = connect(port, protocol)
    raw = int(name.startswith("HTTP/2"))
    if raw:  # its preface and SETTINGS, and ours with an acknowledgment
        s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
        got = b""
        while got.count(b"\4\1\0\0\0\0") == 0:
            got += s.recv(65536)
        s.sendall(b"\0\0\0\4\1\0\0\0\0")
    good = 0
    for n in range(ASKED):
        s.sendall(question(n))
        good += receive_some(s)
    s.sendall(question(ASKED)[:cut])
    said = trace_half(s, question(ASKED)[cut:])
    s.close()
    text = trace.end()
    lines = text.splitlines()
    writes = [i for i, line in enumerate(lines) if re.search(r"\b(write|writev|sendto|sendmsg)\(", line)]
    check(f"{name}: all are answered", good == ASKED and said, good)
    check(f"{name}: TCP_NODELAY", "TCP_NODELAY, [1]" in text)
    check(f"{name}: half a question is acknowledged at once", any(
        "TCP_QUICKACK, [1]" in line for line in lines[writes[min(ASKED, len(writes)) - 1]:]), text)
    return len(writes), text


def trace_half(s, rest):
    """The other half when the first has been read; whether that is answered."""
    s.settimeout(0.2)
    try:
        s.recv(1)
        return False  # to half a question?
    except (TimeoutError, ssl.SSLWantReadError):
        pass
    s.settimeout(10)
    s.sendall(rest)
    return receive_some(s)


def test():
    os.makedirs(f"{T}/c")
    run("/usr/bin/python3", "-W", "ignore", f"{HERE}/certificates.py", f"{T}/c")
    a = Kadns("a", "none", ("127.0.1.1", 4001), door=1053, dot="127.0.0.1:8853", http="127.0.0.1:8882", https="127.0.0.1:8443",
              tls_cert=f"{T}/c/good.pem", tls_key=f"{T}/c/good.key", dht="off")
    a.write("printer.alt", "192.0.2.7")
    pid = str(a.node())
    for name, (port, protocol, question, cut) in DOORS.items():
        count, text = door(pid, name, port, protocol, question, cut)
        # Beside the replies: the handshake's two (tickets), HTTP/2's SETTINGS and its acknowledgment, the good-bye of TLS.
        spare = 3 * (protocol is not None) + 2 * name.startswith("HTTP/2")
        check(f"{name}: a write for each reply", ASKED + 1 <= count <= ASKED + 1 + spare, text)


if __name__ == "__main__":
    enter(60)
    main(test)
