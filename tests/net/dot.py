#!/usr/bin/env python3
"""dot.py DIR MOUNT HUP-PID: the door for DNS over TLS on 127.0.0.1:8853, with the certificates of certificates.py, and
cert.pem and key.pem that it was started with, in DIR. Prints ok and not ok."""
import os
import shutil
import signal
import sys
import time

from dnsraw import *  # pylint: disable=wildcard-import,unused-wildcard-import

DIR, MOUNT, PID = sys.argv[1], sys.argv[2], int(sys.argv[3])
TO, WWW = ("127.0.0.1", 8853), "www.example.test"
CA = f"{DIR}/ca.pem"


def say(name, good, got=""):
    print("ok" if good else "not ok", name, flush=True)
    if not good:
        print("  | got:", got, flush=True)


def counter(name):
    with open(f"{MOUNT}/.kadns/status", encoding="ascii") as f:
        return int(dict(line.split(None, 1) for line in f)[f"dns.tls.{name}"])


def eventually(condition, seconds=6):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def refused(context):
    """What the client is told; "": nothing, it was let in."""
    try:
        tls = Tls(TO, context)
        tls.ask(query(WWW))
        return ""
    except ssl.SSLError as e:
        return e.reason or str(e)


def versions():
    V = ssl.TLSVersion
    for version, text in (V.TLSv1_2, "TLSv1.2"), (V.TLSv1_3, "TLSv1.3"):
        before = counter("handshakes")
        tls = Tls(TO, tls_context(CA, version=version))
        say(f"{text}: an answer", tls.s.version() == text and tls.ask(query(WWW)).answer)
        say(f"{text}: ALPN is dot", tls.s.selected_alpn_protocol() == "dot")
        say(f"{text}: is counted", counter("handshakes") == before + 1)
    before = counter("failed")
    old = tls_context(CA, version=V.TLSv1_1)
    old.set_ciphers("ALL:@SECLEVEL=0")
    say("TLSv1.1 is refused", "PROTOCOL_VERSION" in refused(old), refused(old))
    said = refused(tls_context(CA, alpn=("h2", "http/1.1")))
    say("who offers other protocols only is refused", "no application protocol" in said.lower().replace("_", " "), said)
    say("who offers dot among others is not", refused(tls_context(CA, alpn=("h2", "dot"))) == "")
    say("nor who offers none", refused(tls_context(CA, alpn=())) == "")
    with socket.create_connection(TO, 6) as plain:
        plain.sendall(struct.pack(">H", 30) + query(WWW))
        say("plain DNS is refused", b"\0\1" not in plain.recv(2))
    say("failures are counted", counter("failed") >= before + 3)


def resumption():
    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        context, before = tls_context(CA, version=version), counter("resumed")
        first = Tls(TO, context)
        first.ask(query(WWW))
        again = Tls(TO, context, session=first.s.session)
        say(f"{version.name}: a session is resumed", not first.s.session_reused and again.s.session_reused and
            again.ask(query(WWW)).answer)
        say(f"{version.name}: is counted", counter("resumed") == before + 1)


def questions():
    tls = Tls(TO, tls_context(CA))
    names = [WWW, "nope.example.test", "big.example.test", "www.insecure.test"] * 10
    begin = counter("in"), counter("out")
    tls.send(*(query(n, TXT if n.startswith("big") else A, id_=i) for i, n in enumerate(names)))
    replies = {r.id: r for r in (tls.receive() for _ in names)}
    say("forty at once", sorted(replies) == list(range(40)) and len(replies[2].answer) == 8)
    say("are counted", (counter("in") - begin[0], counter("out") - begin[1]) == (40, 40))
    message = query("www.nsec3.test", id_=99)
    for octet in struct.pack(">H", len(message)) + message:
        tls.s.send(bytes([octet]))
        time.sleep(0.002)
    say("octet by octet", tls.receive().id == 99)
    tls.send(query("www.dead.test", id_=1), query(WWW, id_=2))
    say("a quick answer does not wait for a slow one", tls.receive().id == 2)
    tls.send(query("www.insecure.test", id_=3))
    say("nor one that is asked later", tls.receive().id == 3)
    say("the slow one comes", tls.receive().id == 1)
    many = 2000
    tls.send(*(query(WWW, id_=i) for i in range(many)))
    say("two thousand at once", sorted(tls.receive().id for _ in range(many)) == list(range(many)))
    r = tls.ask(query(WWW, edns=opt(option(11))))
    say("RFC 7828: the time is said", r.options.get(11) == struct.pack(">H", 100), r.options)
    tls.s.sendall(b"\0\5abcde")
    say("what is no message ends the connection", tls.receive() is None)
    tls = Tls(TO, tls_context(CA))
    tls.send(query(WWW))
    socket.socket.shutdown(tls.s, socket.SHUT_WR)
    r = tls.receive()
    say("who has said all is answered, then it ends", r and r.answer and tls.receive() is None)


def padding():
    tls = Tls(TO, tls_context(CA))
    ask = lambda name, type_=A, edns=None: tls.ask(query(name, type_, edns=edns))
    padded = opt(option(12, bytes(40)))
    sizes = {n: len(ask(n, edns=padded).bytes) for n in (WWW, "nope.example.test", "www.nsec3.test")}
    say("RFC 8467: replies have the size of a block", set(sizes.values()) == {468}, sizes)
    say("RFC 8467: or of several", len(ask("big.example.test", TXT, padded).bytes) % 468 == 0)
    say("RFC 8467: of nulls", set(ask(WWW, edns=padded).options[12]) <= {0})
    say("RFC 7830: who does not pad is not padded for", 12 not in ask(WWW, edns=opt()).options)
    say("RFC 8467: errors too", len(tls.ask(query(WWW, flags=0x2900, edns=padded)).bytes) <= 468)


def records():
    """Pipelined answers come in as few records as there can be: counted by their heads."""
    plain = socket.create_connection(TO, 6)
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = tls_context(CA, version=ssl.TLSVersion.TLSv1_3).wrap_bio(into, out, server_hostname="dns.test")

    def pump(step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                plain.sendall(out.read())
                into.write(plain.recv(65536))
    pump(tls.do_handshake)
    message = query(WWW)
    one = struct.pack(">H", len(message)) + message
    want, got, wire = len(message) + 16, 0, b""
    for _ in range(50):
        tls.write(one)
    plain.sendall(out.read())
    while got < 50 * (2 + want):
        try:
            got += len(tls.read(65536))
        except ssl.SSLWantReadError:
            data = plain.recv(65536)
            wire += data
            into.write(data)
    n, at = 0, 0
    while at < len(wire):
        n, at = n + 1, at + 5 + struct.unpack(">H", wire[at + 3:at + 5])[0]
    say("fifty answers come in a few records", n <= 10, n)


def install(name):
    for kind in "pem", "key":
        shutil.copy(f"{DIR}/{name}.{kind}", f"{DIR}/new.{kind}")
    os.rename(f"{DIR}/new.pem", f"{DIR}/cert.pem")
    os.rename(f"{DIR}/new.key", f"{DIR}/key.pem")


def serial():
    return Tls(TO, tls_context(CA)).s.getpeercert()["serialNumber"]


def reload():
    held = Tls(TO, tls_context(CA))
    held.ask(query(WWW))
    first = serial()
    install("next")
    say("a changed certificate is served", eventually(lambda: serial() != first))
    say("a connection that stood goes on", held.ask(query(WWW)).answer)
    second = serial()
    install("expired")
    time.sleep(1.2)
    say("one that has expired is not", serial() == second)
    shutil.copy(f"{DIR}/good.key", f"{DIR}/key.pem")
    time.sleep(1.2)
    say("nor one without its key", serial() == second)
    install("rsa")
    os.kill(PID, signal.SIGHUP)
    say("HUP reads it", eventually(lambda: serial() not in (first, second)))
    held.send(*(query(WWW, id_=i) for i in range(20)))
    os.kill(PID, signal.SIGHUP)
    say("no question is lost to HUP", sorted(held.receive().id for _ in range(20)) == list(range(20)))
    install("chain")
    say("a chain is sent whole", eventually(lambda: serial() and counter("failed") >= 0) and
        eventually(lambda: "middle" in str(Tls(TO, tls_context(CA)).s.getpeercert()["issuer"])))
    install("good")
    say("and back", eventually(lambda: serial() == first))


versions()
resumption()
questions()
padding()
records()
reload()
