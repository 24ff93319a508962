#!/usr/bin/env python3
"""fake_dot.py ADDR CERT MODE LOG: a server for DNS over TLS on port 853 of ADDR, for whom every name has the address
192.0.2.77, and that does as MODE says: well; octets (an octet at a time); backwards (answers what it has got in the
opposite order); close (ends the connection behind each answer); forgets (ends the first one without any); junk (says what is no DNS); liar (answers other
questions, other ids, then rightly); huge (the TXT of 65508.huge. makes a message of so many bytes); silent (accepts, and says nothing); mute (finishes the handshake, and no more).
LOG gets a line for each connection, `connection resumed|new VERSION ALPN NAME`, and each question, `NAME LENGTH`, the name in hexadecimal."""
import select
import socket
import ssl
import struct
import sys
import threading
import time

ADDRESS, CERT, MODE = sys.argv[1:4]
LOG = open(sys.argv[4], "a", buffering=1, encoding="ascii")
first = [True]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERT, CERT.replace(".pem", ".key"))
context.set_alpn_protocols(["dot"])
context.sni_callback = lambda tls, name, _: setattr(tls, "asked_for", name)


def question_end(m):
    at = 12
    while m[at]:
        at += 1 + m[at]
    return at + 5


def answer(m, ident=None, name=None):
    q = m[12:question_end(m)]
    if name:
        q = name + q[-4:]
    if MODE == "huge" and q[-4:] == b"\0\x10\0\1":
        rest = int(q[1:1 + q[0]]) - 24 - len(q)
        reply = m[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0) + q + b"\xc0\x0c\0\x10\0\1\0\0\0\x3c" + struct.pack(">H", rest)
        while rest > 0:
            n = min(rest, 256)
            reply += bytes([n - 1]) + b"x" * (n - 1)
            rest -= n
        return struct.pack(">H", len(reply)) + reply
    a = q[-4:] == b"\0\1\0\1"
    reply = (ident or m[:2]) + struct.pack(">HHHHH", 0x8180, 1, a, 0, 0) + q
    if a:
        reply += b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes([192, 0, 2, 77])
    return struct.pack(">H", len(reply)) + reply


def replies(queries):
    """What is said of them."""
    if MODE == "mute":
        return b""
    if MODE == "junk":
        return b"\0\3abc"
    if MODE == "liar":
        return b"".join(answer(m, name=b"\5other\0") + answer(m, ident=bytes([m[0] ^ 1, m[1]])) +
                        struct.pack(">H", len(m)) + m + answer(m) for m in queries)
    return b"".join(map(answer, reversed(queries) if MODE == "backwards" else queries))


def serve(plain):
    if MODE == "silent":
        time.sleep(60)
        return
    try:
        tls = context.wrap_socket(plain, server_side=True)
        LOG.write(f"connection {'resumed' if tls.session_reused else 'new'} {tls.version()} "
                  f"{tls.selected_alpn_protocol()} {tls.asked_for}\n")
        data = b""
        while True:
            data += tls.recv(65536)
            while MODE == "backwards" and select.select([tls], [], [], 0.2)[0]:
                data += tls.recv(65536)
            queries = []
            while len(data) >= 2 and len(data) >= 2 + struct.unpack(">H", data[:2])[0]:
                n = struct.unpack(">H", data[:2])[0]
                queries.append(data[2:2 + n])
                data = data[2 + n:]
            if not queries:
                return
            for m in queries:
                name = m[12:question_end(m) - 5]
                LOG.write(f"{name.hex()} {len(m)}\n")
            if MODE == "forgets" and first:
                first.clear()
                return
            said = replies(queries)
            for piece in ([said] if MODE != "octets" else [bytes([b]) for b in said]):
                tls.sendall(piece)
            if MODE == "close":
                tls.close()
                return
    except OSError:
        pass
    finally:
        plain.close()


listener = socket.create_server((ADDRESS, 853), backlog=64)
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
