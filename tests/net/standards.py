"""standards.py ADDR PORT [PART...]: each row of the standards table that messages made by hand can show, against the miniature
Internet of minet.sh. Prints a line a check, `ok RFC...` or `not ok RFC...`."""
import sys
import threading
import time

from dnsraw import (A, AAAA, CLIENT, OPT, SOA, TXT, Reply, Tcp, Udp, opt, option, query, skip_name, socket, struct, wire)

TO = (sys.argv[1], int(sys.argv[2]))
RRSIG, NSEC, HINFO, HTTPS, SVCB, CNAME, DNAME, ANY, AXFR, IXFR, TSIG, TKEY = 46, 47, 13, 65, 64, 5, 39, 255, 252, 251, 250, 249
WWW = "www.example.test"
udp = Udp(TO)


def say(name, good, got=""):
    if not good:
        print("  | got:", got)
    print("ok" if good else "not ok", name)


def ask(name, type_=A, edns=None, flags=0x0100):
    return udp.ask(query(name, type_, edns=edns, flags=flags))


def raw(message):
    """The reply to this and to nothing else; None when a question behind it is answered first."""
    udp.send(message)
    udp.send(query(WWW, id_=0x7777))
    first = udp.receive()
    if first.id == 0x7777 and message[:2] != b"\x77\x77":
        return None
    udp.receive()
    return first


def head(flags=0x0100, counts=(1, 0, 0, 0), id_=0x4242):
    return struct.pack(">6H", id_, flags, *counts)


QUESTION = wire(WWW) + struct.pack(">HH", A, 1)


def rfc1035():
    say("RFC 1035: a packet with QR is not answered", raw(head(0x8180) + QUESTION) is None)
    say("RFC 1035: nor half a header", raw(head()[:11]) is None)
    rows = {"a question cut off": head() + QUESTION[:-1],
            "no question where one is promised": head(),
            "a name that points at itself": head() + b"\xc0\x0c\0\1\0\1",
            "a name that points ahead": head() + b"\xc0\x20\0\1\0\1" + bytes(20),
            "label type 01": head() + b"\x41" + b"a" * 65 + b"\0\0\1\0\1",
            "label type 10": head() + b"\x81" + b"a" * 129 + b"\0\0\1\0\1",
            "a name of 256 octets": head() + (b"\x3f" + b"a" * 63) * 4 + b"\0\0\1\0\1",
            "a label without its end": head() + b"\x3faaa",
            "an answer in a query": head(counts=(1, 1, 0, 0)) + QUESTION + b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\1\2\3\4",
            "a record that is promised and missing": head(counts=(1, 0, 0, 1)) + QUESTION,
            "65,535 records promised": head(counts=(1, 0, 0, 65535)) + QUESTION,
            "bytes behind the end": head() + QUESTION + b"x",
            "TC in a query": head(0x0300) + QUESTION}
    for name, message in rows.items():
        r = raw(message)
        say(f"RFC 1035: {name}: FORMERR", r and r.rcode == "FORMERR" and r.id == 0x4242, r and r.rcode)
    r = udp.ask(query((("a" * 63 + ".") * 3 + "a" * 48) + ".example.test"))
    say("RFC 1035: a name of 255 octets is answered", r.rcode == "NXDOMAIN", r.rcode)
    for opcode in 1, 2, 4, 5, 15:
        r = raw(head(0x0100 | opcode << 11) + QUESTION)
        say(f"RFC 1035: opcode {opcode}: NOTIMP, and the opcode comes back", r.rcode == "NOTIMP" and
            r.flags >> 11 & 15 == opcode and not r.answer, (r.rcode, r.flags))
    r = udp.ask(query("wWw.eXaMpLe.TeSt"))
    say("RFC 1035: the question comes back letter by letter", r.question == wire("wWw.eXaMpLe.TeSt") + b"\0\1\0\1", r.question)
    say("RFC 1035: and the answer", r.answer and r.rcode == "NOERROR")
    r = udp.ask(query(WWW, flags=0x01f0 & ~0x80 | 0x40))
    say("RFC 1035: QR, RD and RA; no AA, no TC, no Z", r.flags & 0x8000 and r.rd and r.ra and not (r.aa or r.tc or r.z), hex(r.flags))
    r = udp.ask(query(WWW, flags=0))
    say("RFC 1035: without RD what is known is answered, RD not set", r.answer and not r.rd, r.rcode)
    r = udp.ask(query("never-asked.insecure.test", flags=0))
    say("RFC 1035: without RD nobody is asked", r.rcode == "REFUSED" and not r.rd, r.rcode)
    for name, type_ in ("AXFR", AXFR), ("IXFR", IXFR), ("TSIG", TSIG), ("TKEY", TKEY), ("OPT", OPT), ("MAILB", 253), ("type 0", 0):
        r = udp.ask(query(WWW, type_))
        say(f"RFC 1035: {name} is no question here: REFUSED", r.rcode == "REFUSED", r.rcode)
    for name, class_ in ("CH", 3), ("HS", 4), ("ANY", 255), ("CLASS65000", 65000):
        r = udp.ask(query(WWW, class_=class_))
        say(f"RFC 1035: class {name}: no data of IN", r.rcode in ("REFUSED", "NOTIMP") and not r.answer, r.rcode)
    say("RFC 1035: without EDNS no more than 512 bytes", ask("many.example.test").tc)


def rfc2181():
    r = ask("many.example.test", edns=opt())
    say("RFC 2181: one TTL for a record set", len(r.answer) == 40 and len({x[2] for x in r.answer}) == 1)
    say("RFC 2181: no TTL over 2^31 - 1", all(x[2] < 1 << 31 for x in r.answer))
    for size in 512, 600, 1232, 4096:
        r = ask("big.example.test", TXT, edns=opt(size=size))
        say(f"RFC 2181: TC at {size} with no half of a set, and OPT", r.tc and not r.answer and r.edns, (r.tc, len(r.answer)))
    r = ask("many.example.test", edns=opt(size=len(ask("many.example.test", edns=opt()).bytes) - 1))
    say("RFC 2181: one byte too few: TC", r.tc and not r.answer)


def rfc2308():
    r = ask("nope.example.test")
    say("RFC 2308: NXDOMAIN with the zone's SOA", r.rcode == "NXDOMAIN" and [x[1] for x in r.authority] == [SOA], r.rcode)
    say("RFC 2308: its TTL is its MINIMUM, being less", r.authority[0][2] <= 60, r.authority[0][2])
    r = ask(WWW, 15)
    say("RFC 2308: NODATA with the SOA", r.rcode == "NOERROR" and not r.answer and r.authority[0][1] == SOA, r.rcode)
    r = ask("ent.example.test")
    say("RFC 2308: an empty non-terminal is NODATA", r.rcode == "NOERROR" and r.authority, r.rcode)
    r = ask("alias.example.test", AAAA)
    say("RFC 2308: a chain stands whole", r.types() == [CNAME, AAAA], r.types())
    r = ask("alias.example.test", 15)
    say("RFC 2308: a chain to nothing has both", r.types() == [CNAME] and r.authority, r.types())
    first = ask("www.rsa.test").answer[0][2]
    time.sleep(1.1)
    say("RFC 2308: TTLs count down", ask("www.rsa.test").answer[0][2] < first)


def rfc6891():
    r = ask(WWW)
    say("RFC 6891: no OPT unasked", not r.edns)
    r = ask(WWW, edns=opt())
    say("RFC 6891: OPT if asked, version 0, our size", r.edns and r.version == 0 and r.size == 1232 and not r.options, r.options)
    r = ask(WWW, edns=opt(option(0xfffe, b"what is this") + option(100)))
    say("RFC 6891: unknown options are ignored, and not sent back", r.answer and not r.options, r.options)
    r = ask(WWW, edns=opt(flags=0x7fff))
    say("RFC 6891: unknown flags likewise", r.answer and r.edns_flags == 0, r.edns_flags)
    r = ask(WWW, edns=opt(flags=0x8000))
    say("RFC 6891: DO comes back", r.edns_flags == 0x8000)
    for version in 1, 255:
        r = ask(WWW, edns=opt(version=version))
        say(f"RFC 6891: version {version}: BADVERS, and ours", r.rcode == "BADVERS" and r.version == 0 and not r.answer, r.rcode)
    r = raw(head(counts=(1, 0, 0, 2)) + QUESTION + opt() + opt())
    say("RFC 6891: two OPT: FORMERR", r.rcode == "FORMERR", r.rcode)
    r = raw(head(counts=(1, 0, 0, 1)) + QUESTION + b"\1a" + opt())
    say("RFC 6891: OPT of a name: FORMERR", r.rcode == "FORMERR", r.rcode)
    r = raw(head(counts=(1, 0, 0, 1)) + QUESTION + opt(b"\0\x0a\0\xff"))
    say("RFC 6891: an option longer than its OPT: FORMERR", r.rcode == "FORMERR", r.rcode)
    say("RFC 6891: a size below 512 is 512", not ask(WWW, edns=opt(size=0)).tc and ask("many.example.test", edns=opt(size=0)).tc)


def rfc9715():
    for size in 1233, 4096, 65535:
        r = ask("big.example.test", TXT, edns=opt(size=size))
        say(f"RFC 9715: asked for {size} bytes: 1232 at most", r.tc and len(r.bytes) <= 1232, len(r.bytes))


def rfc7766():
    tcp = Tcp(TO)
    names = [WWW, "www.insecure.test", "www.rsa.test", "nope.example.test", "big.example.test"] * 12
    tcp.send(*(query(n, TXT if n[0] == "b" else A, id_=i, edns=opt()) for i, n in enumerate(names)))
    replies = {r.id: r for r in (tcp.receive() for _ in names)}
    say("RFC 7766: sixty in one segment, each answered once", sorted(replies) == list(range(len(names))))
    say("RFC 7766: each with its own", all(replies[i].question.startswith(wire(n)) for i, n in enumerate(names)))
    say("RFC 7766: over TCP nothing is cut", not any(r.tc for r in replies.values()) and
        len(replies[names.index("big.example.test")].answer) == 8)
    message = query("www.nsec3.test", id_=99)
    for octet in struct.pack(">H", len(message)) + message:
        tcp.s.send(bytes([octet]))
        time.sleep(0.002)
    say("RFC 7766: octet by octet", tcp.receive().id == 99)
    tcp.send(query("www.dead.test", id_=1), query(WWW, id_=2))
    say("RFC 7766: a quick answer does not wait for a slow one", tcp.receive().id == 2)
    tcp.send(query("www.insecure.test", id_=3))
    say("RFC 7766: nor one that is asked later", tcp.receive().id == 3)
    say("RFC 7766: the slow one comes", tcp.receive().id == 1)
    tcp.send(query(WWW), query("half-closed.wild.insecure.test"))
    tcp.s.shutdown(socket.SHUT_WR)
    said = [tcp.receive(), tcp.receive()]
    say("RFC 7766: who has said all is answered, from afar too, then it ends", all(r and r.rcode != "SERVFAIL" for r in said) and
        tcp.receive() is None, said)
    tcp = Tcp(TO)
    tcp.s.sendall(b"\0\5abcde")
    say("RFC 7766: what is no message ends the connection", tcp.receive() is None)
    tcp = Tcp(TO)
    r = tcp.ask(head(counts=(2, 0, 0, 0)) + QUESTION * 2)
    say("RFC 9210: an error over TCP is an error, not an end", r.rcode == "FORMERR" and tcp.ask(query(WWW)).answer)
    say("RFC 9210: TC over UDP is whole over TCP", ask("big.example.test", TXT).tc and len(Tcp(TO).ask(query("big.example.test", TXT)).answer) == 8)


def rfc7828():
    tcp = Tcp(TO)
    r = tcp.ask(query(WWW, edns=opt(option(11))))
    say("RFC 7828: asked over TCP, the time is said", r.options.get(11) == struct.pack(">H", 100), r.options)
    say("RFC 7828: not unasked", not tcp.ask(query(WWW, edns=opt())).options)
    say("RFC 7828: not without EDNS", not tcp.ask(query(WWW)).edns)
    say("RFC 7828: never over UDP", not ask(WWW, edns=opt(option(11))).options)


def rfc7873():
    r = ask(WWW, edns=opt(option(10, CLIENT)))
    cookie = r.options.get(10, b"")
    say("RFC 7873: a client's cookie is answered with ours", len(cookie) == 24 and cookie[:8] == CLIENT, cookie)
    say("RFC 9018: version 1, nothing reserved, the time", cookie[8:12] == b"\1\0\0\0" and
        abs(struct.unpack(">I", cookie[12:16])[0] - time.time()) < 5, cookie)
    r = ask(WWW, edns=opt(option(10, cookie)))
    say("RFC 7873: which is good", r.answer and r.options[10] == cookie)
    r = ask(WWW, edns=opt(option(10, CLIENT + bytes(16))))
    say("RFC 7873: a false one is as none: an answer, and a good one", r.answer and r.options[10][8:] != bytes(16))
    for n in 0, 1, 7, 9, 15, 41, 100:
        r = ask(WWW, edns=opt(option(10, bytes(n))))
        say(f"RFC 7873: one of {n} octets: FORMERR", r.rcode == "FORMERR" and not r.answer, r.rcode)
    for n in 8, 16, 17, 39, 40:
        say(f"RFC 7873: one of {n} octets is a cookie", ask(WWW, edns=opt(option(10, bytes(n)))).answer)
    r = raw(head(counts=(0, 0, 0, 1)) + opt(option(10, CLIENT)))
    say("RFC 7873: a cookie may be all that is asked for", r.rcode == "NOERROR" and r.questions == 0 and len(r.options[10]) == 24, r.rcode)
    say("RFC 7873: none unasked", 10 not in ask(WWW, edns=opt()).options)
    say("RFC 7873: over TCP too", len(Tcp(TO).ask(query(WWW, edns=opt(option(10, CLIENT)))).options[10]) == 24)


def rfc9619():
    for n in 0, 2, 3, 65535:
        r = raw(head(counts=(n, 0, 0, 0)) + QUESTION * min(n, 3))
        say(f"RFC 9619: QDCOUNT {n}: FORMERR", r.rcode == "FORMERR" and not r.answer, r.rcode)


def rfc8482():
    for name in WWW, "nope.example.test":
        r = ask(name, ANY)
        say(f"RFC 8482: ANY of {name}: one HINFO", r.types() == [HINFO] and r.answer[0][3] == b"\7RFC8482\0" and r.rcode == "NOERROR", r.types())


def rfc8467():
    padded = opt(option(12, bytes(100)))
    for way, r in ("UDP", ask(WWW, edns=padded)), ("TCP", Tcp(TO).ask(query(WWW, edns=padded))):
        say(f"RFC 8467: in the clear, by {way}, nothing is padded", r.answer and 12 not in r.options, r.options)


def rfc4035():
    do, plain = opt(flags=0x8000), opt()
    r = ask(WWW, edns=do)
    say("RFC 4035: with DO the signatures, and AD", r.types() == [A, RRSIG] and r.ad, r.types())
    r = ask(WWW, edns=plain)
    say("RFC 4035: without it none", r.types() == [A], r.types())
    say("RFC 6840: AD only if asked for by AD or DO", not r.ad and ask(WWW, flags=0x0120).ad and not ask(WWW).ad)
    say("RFC 4035: no AD where nothing is signed", not ask("www.insecure.test", edns=do).ad)
    say("RFC 4035: nor for an island", not ask("www.island.test", edns=do, flags=0x0120).ad)
    r = ask("printer.alt", edns=do, flags=0x0120)
    say("RFC 4035: nor for what is this machine's own", r.answer and not r.ad, r.rcode)
    r = ask("nope.example.test", edns=do)
    say("RFC 4035: a denial is proved", r.ad and {NSEC, RRSIG, SOA} == {x[1] for x in r.authority}, r.authority)
    say("RFC 4035: to who wants it", {x[1] for x in ask("nope.example.test", edns=plain).authority} == {SOA})
    r = ask("x.y.wild.example.test", edns=do)
    say("RFC 4035: a wildcard comes with its proof", r.ad and RRSIG in r.types() and NSEC in {x[1] for x in r.authority})
    r = ask(WWW, RRSIG)
    say("RFC 4035: RRSIG may be asked for itself", r.rcode in ("NOERROR", "SERVFAIL"), r.rcode)
    for name in "bogus", "expired", "nokey", "badds":
        r = ask(f"www.{name}.test", edns=do)
        say(f"RFC 4035: {name}: SERVFAIL, no data", r.rcode == "SERVFAIL" and not r.answer and not r.ad, r.rcode)
        r = ask(f"www.{name}.test", edns=do, flags=0x0110)
        say(f"RFC 4035: {name} with CD: the data, CD, no AD", r.rcode == "NOERROR" and A in r.types() and r.cd and not r.ad, r.rcode)
        r = ask(f"www.{name}.test", edns=do)
        say(f"RFC 4035: {name}: what CD was shown is not shown to others", r.rcode == "SERVFAIL" and not r.answer, r.rcode)
    r = ask("www.tree.example.test", edns=do)
    say("RFC 4035: DNAME with its signature, and what follows from it", r.types()[:2] == [DNAME, RRSIG] and A in r.types() and r.ad, r.types())
    say("RFC 4035: CD comes back", ask(WWW, flags=0x0110).cd)


def rfc8914():
    def code(name, flags=0x0100):
        said = ask(name, edns=opt(), flags=flags).options.get(15, b"")
        return said[:2] and (struct.unpack(">H", said[:2])[0], said[2:].decode())
    for name, want in ("bogus", 6), ("expired", 7), ("nokey", 9), ("badds", 9):
        got = code(f"www.{name}.test")
        say(f"RFC 8914: {name}: {want}, and words", got and got[0] == want and got[1] == "kadns: DNSSEC validation failed", got)
    got = code("www.lame.test")
    say("RFC 8914: no reachable authority: 22", got and got[0] == 22, got)
    got = code("never-asked.insecure.test", flags=0)
    say("RFC 8914: without RD: 20", got == (20, "kadns: asked without RD"), got)
    got = code("printer.alt")
    say("RFC 8914: what no DNS vouches for: by whose word it is", got == (0, "kadns: self"), got)
    got = code("rebind.insecure.test")
    say("RFC 8914: nothing where all is well", not code(WWW) and not code("www.insecure.test") and not got, got)
    say("RFC 8914: nothing without EDNS", not ask("www.bogus.test").edns)


def rfc3597():
    r = ask("odd.example.test", 65280)
    say("RFC 3597: an unknown type, its bytes as they were", [(x[1], x[3]) for x in r.answer] == [(65280, b"\1\2\3")], r.answer)
    leaf = Udp(("127.53.0.3", 53))
    for name, type_ in ("svc.example.test", HTTPS), ("_dns.example.test", SVCB):
        ours, theirs = ask(name, type_), leaf.ask(query(name, type_))
        say(f"RFC 9460: type {type_} byte by byte as its server has it", ours.answer and
            [x[3] for x in ours.answer] == [x[3] for x in theirs.answer], ours.answer)


def rfc6761():
    def soa(r):
        return len(r.authority) == 1 and r.authority[0][1] == SOA
    r = ask("localhost")
    say("RFC 6761: localhost", r.answer and r.answer[0][3] == bytes([127, 0, 0, 1]), r.rcode)
    r = ask("localhost", AAAA)
    say("RFC 6761: localhost by IPv6", r.answer and r.answer[0][3] == bytes(15) + b"\1", r.rcode)
    r = ask("a.localhost")
    say("RFC 6761: and below it", r.answer and r.answer[0][3] == bytes([127, 0, 0, 1]), r.rcode)
    r = ask("localhost", 15)
    say("RFC 6761: localhost has no other types", r.rcode == "NOERROR" and not r.answer and soa(r), r.rcode)
    for number, name in (6761, "a.invalid"), (7686, "a.onion"), (8375, "a.home.arpa"), (6762, "a.local"):
        r = ask(name)
        say(f"RFC {number}: {name}: NXDOMAIN, to be kept", r.rcode == "NXDOMAIN" and soa(r) and
            r.authority[0][2] > 3600, (r.rcode, r.authority))
        r = ask(name[2:], SOA)
        say(f"RFC {number}: {name[2:]} is a zone", r.rcode == "NOERROR" and r.types() == [SOA], r.rcode)
    r = ask("1.1.1.1.alt")
    say("RFC 9476: alt is not for DNS", r.rcode in ("NOERROR", "NXDOMAIN") and not r.answer and soa(r) and not r.ad, r.rcode)
    for zone in ("10.in-addr.arpa", "168.192.in-addr.arpa", "16.172.in-addr.arpa", "31.172.in-addr.arpa", "254.169.in-addr.arpa",
                 "2.0.192.in-addr.arpa", "100.51.198.in-addr.arpa", "113.0.203.in-addr.arpa", "0.in-addr.arpa",
                 "255.255.255.255.in-addr.arpa", "d.f.ip6.arpa", "8.e.f.ip6.arpa", "b.e.f.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa"):
        r = ask("1." + zone, 12)
        say(f"RFC 6303: {zone} is answered here", r.rcode == "NXDOMAIN" and soa(r), (r.rcode, r.authority))
    r = ask("1.0.0.127.in-addr.arpa", 12)
    say("RFC 6303: 127.0.0.1 is localhost", r.answer and r.answer[0][3] == wire("localhost"), r.rcode)
    r = ask("1" + ".0" * 31 + ".ip6.arpa", 12)
    say("RFC 6303: and ::1", r.answer and r.answer[0][3] == wire("localhost"), r.rcode)
    r = ask("_dns.resolver.arpa", SVCB)
    say("RFC 9462: resolver.arpa is answered here", r.rcode == "NOERROR" and not r.answer and soa(r), r.rcode)


def datagrams():
    with open("/proc/net/snmp", encoding="ascii") as f:
        rows = [line.split() for line in f if line.startswith("Udp:")]
    return int(rows[1][rows[0].index("InDatagrams")])


def settled():
    """Nothing is under way any more: what an answer has asked behind it, of its zone's keys or for a mirror."""
    last = -1
    while last != (last := datagrams()):
        time.sleep(0.3)
    return last


def cost(name, type_=A):
    """Datagrams beside the question and its reply."""
    before = settled()
    r = ask(name, type_)
    return datagrams() - before - 2, r


def rfc8020():
    more, r = cost("gone.nsec3.test")
    say("RFC 8020: a name that is not there is asked for", more > 0 and r.rcode == "NXDOMAIN", (more, r.rcode))
    more, r = cost("below.gone.nsec3.test")
    say("RFC 8020: what is below it is not there either, and nobody is asked", more == 0 and r.rcode == "NXDOMAIN", (more, r.rcode))


def rfc9520():
    more, r = cost("www.lame.test", AAAA)
    say("RFC 9520: a failure", more > 0 and r.rcode == "SERVFAIL", (more, r.rcode))
    more, r = cost("www.lame.test", AAAA)
    say("RFC 9520: is remembered: nobody is asked again", more == 0 and r.rcode == "SERVFAIL", (more, r.rcode))


def rfc8198():
    cost("aaa.example.test")
    more, r = cost("aab.example.test")
    say("RFC 8198: the proof that covers another name answers that too", more == 0 and r.rcode == "NXDOMAIN", (more, r.rcode))


for part in (rfc8020, rfc8198, rfc9520, rfc1035, rfc2181, rfc2308, rfc6891, rfc9715, rfc7766, rfc7828, rfc7873, rfc9619, rfc8482, rfc8467, rfc4035, rfc8914,
             rfc3597, rfc6761):
    if not sys.argv[3:] or part.__name__ in sys.argv[3:]:
        part()
