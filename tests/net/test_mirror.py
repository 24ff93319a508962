#!/usr/bin/python3
"""What DNS once said answers while DNS is down (rule 5): two nodes and a signed Internet on loopback.
One asks it; all its servers are stopped; the other, which never saw a name of it, answers each secure
question with AD, from slots alone. What was altered, has ended, is older or was never signed answers
nothing, with genuine proofs beside it or without, and changes nothing while DNS answers.

usage: test_mirror.py BUILD        prints "ok NAME" or "not ok NAME"
"""
import base64
import concurrent.futures
import glob
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from lab import Client, Kadns, T, bencode, check, enter, eventually, main, run

MINET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "minet.sh")
os.environ["MINET_RUN"] = NET = f"{T}/minet"
ROOTS = {"root_hints": f"{NET}/root.hints", "trust_anchor": f"{NET}/root.ds"}
DAY = 86400

# NAME TYPE RCODE, and what stands in the answer: every kind of secure answer.
SECURE = [
    ("www.example.test", "A", "NOERROR", "192.0.2.1"),
    ("www.example.test", "AAAA", "NOERROR", "2001:db8::1"),
    ("alias.example.test", "A", "NOERROR", "192.0.2.1"),
    ("x.y.wild.example.test", "A", "NOERROR", "192.0.2.7"),
    ("www.tree.example.test", "A", "NOERROR", "192.0.2.7"),
    ("nope.example.test", "A", "NXDOMAIN", ""),
    ("www.example.test", "MX", "NOERROR", ""),
    ("ent.example.test", "A", "NOERROR", ""),
    ("svc.example.test", "HTTPS", "NOERROR", "alpn="),
    ("big.example.test", "TXT", "NOERROR", "800000"),
    ("example.test", "DS", "NOERROR", "13 2"),
    ("nosuchtld", "A", "NXDOMAIN", ""),
    ("www.nsec3.test", "A", "NOERROR", "192.0.2.1"),
    ("nope.nsec3.test", "A", "NXDOMAIN", ""),
    ("www.nsec3.test", "MX", "NOERROR", ""),
    ("www.rsa.test", "A", "NOERROR", "192.0.2.1"),
]
# Of these a node that has just started has heard nothing, from anybody.
RESTARTED = [
    ("j.example.test", "A", "NOERROR", "192.0.2.5"),
    ("example.test", "DNSKEY", "NOERROR", ""),
    ("test", "DS", "NOERROR", ""),
    ("", "DNSKEY", "NOERROR", ""),
]
LATER = ("txt.example.test", "TXT")


def ask(node, name, kind="A", seconds=8):
    """The whole reply, by TCP if it is large; what dig prints is for people."""
    query = dns.message.make_query(name, kind, want_dnssec=True)
    query.flags |= dns.flags.AD
    reply, _ = dns.query.udp_with_fallback(query, "127.0.0.1", seconds, node.door)
    return reply


def ask_all(node, rows):
    with concurrent.futures.ThreadPoolExecutor(len(rows)) as pool:
        return list(pool.map(lambda row: ask(node, row[0], row[1]), rows))


def addresses(reply):
    return [r.to_text() for rrset in reply.answer if rrset.rdtype == dns.rdatatype.A for r in rrset]


def is_secure(reply):
    return bool(reply.flags & dns.flags.AD)


def number(node, name):
    return int(node.status(name))


# ---- slots by hand

class Slot:
    """The slot of a question, as anybody may write it."""

    def __init__(self, name, kind="A"):
        self.salt = hashlib.sha1(f"dns://IN/{kind}/{name}".encode()).digest()
        self._key = Ed25519PrivateKey.from_private_bytes(
            hashlib.sha256(b"kadns slot 1" + self.salt).digest())
        self.public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.target = hashlib.sha1(self.public + self.salt).digest()

    def held(self, client, node):
        return client.get(node.endpoint, self.target).get(b"v", b"")

    def put(self, client, nodes, records):
        """Of each node, beside what it has if that is a list of records already."""
        message = dns.message.Message(id=0)
        message.flags = dns.flags.QR
        message.answer = records
        packet = message.to_wire(origin=dns.name.root)
        assert len(packet) < 1000
        seq = int(time.time() * 1e6)
        signed = b"4:salt20:" + self.salt + b"3:seqi%de1:v" % seq + bencode(packet)
        for node in nodes:
            answer = client.put(node.endpoint, self.target, k=self.public, salt=self.salt, seq=seq,
                                sig=self._key.sign(signed), v=packet)
            assert b"r" in answer, answer


def claims(packet):
    """The records of a slot, in order."""
    return dns.message.from_wire(packet, one_rr_per_rrset=True).answer


def reference(client, nodes, kind, signer, inception, message):
    """A whole message in immutable pieces, and the record that refers to it."""
    pieces = [message[at:at + 996] for at in range(0, len(message), 996)]
    words = [f"answer {kind} {signer} {inception} {len(message)}"]
    for piece in pieces:
        target = hashlib.sha1(bencode(piece)).digest()
        words.append(target.hex())
        for node in nodes:
            assert b"r" in client.put(node.endpoint, target, v=piece)
    text = " ".join(f'"{w}"' for w in words)
    return dns.rrset.from_text("_kadns.", 0, "IN", "TXT", text)


# ---- the zone's own keys, for what it might have signed

class Zone:
    def __init__(self, name):
        self.name = dns.name.from_text(name)
        directory = f"{NET}/keys/{name}"
        with open(f"{directory}/zsk", encoding="ascii") as f:
            base = f"{directory}/{f.read().strip()}"
        with open(f"{base}.private", encoding="ascii") as f:
            secret = re.search(r"PrivateKey: (\S+)", f.read()).group(1)
        self._key = ec.derive_private_key(int.from_bytes(base64.b64decode(secret), "big"),
                                          ec.SECP256R1())
        with open(f"{base}.key", encoding="ascii") as f:
            words = f.read().split(";")[0].split("DNSKEY")[1]
        self._dnskey = dns.rdata.from_text("IN", "DNSKEY", words)

    def sign(self, owner, kind, texts, ttl=300, inception=None, expiration=None):
        now = int(time.time())
        rrset = dns.rrset.from_text_list(dns.name.from_text(owner), ttl, "IN", kind, texts)
        rrsig = dns.dnssec.sign(rrset, self._key, self.name, self._dnskey,
                                inception=inception or now - 3600,
                                expiration=expiration or now + 30 * DAY)
        return [rrset, dns.rrset.from_rdata(rrset.name, ttl, rrsig)]


Z_BASE_32 = "ybndrfg8ejkmcpqxot1uwisza345h769"


def stranger(seed, owner, address):
    """The claim of a key that nobody knows."""
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    bits = int.from_bytes(public, "big") << 4
    key = dns.name.from_text("".join(Z_BASE_32[bits >> 5 * (51 - i) & 31] for i in range(52)))
    now = int(time.time())
    rrset = dns.rrset.from_text(f"{owner}.", 300, "IN", "A", address)
    rrsig = dns.dnssec.sign(rrset, private, key, DNSKEY(1, 48, 256, 3, 15, public),
                            inception=now - 3600, expiration=now + DAY)
    return [rrset, dns.rrset.from_rdata(rrset.name, 300, rrsig)]


def signed(server, name, kind="A"):
    """What the leaf server itself says, with its RRSIGs."""
    query = dns.message.make_query(name, kind, want_dnssec=True)
    return dns.query.udp(query, server, 5).answer


def with_address(rrsets, address):
    name, ttl = rrsets[0].name, rrsets[0].ttl
    return [dns.rrset.from_text(name, ttl, "IN", "A", address), *rrsets[1:]]


def nodata(name, kind, rrsets):
    message = dns.message.make_response(dns.message.make_query(name, kind))
    message.id = 0
    message.flags |= dns.flags.RA
    message.authority = rrsets
    return message.to_wire()


# ---- the test

def quiet(node):
    """Nothing more is on its way into slots."""
    return number(node, "mirror.waiting") == 0 < number(node, "mirror.put")


def settled(node):
    def same():
        before = node.status("mirror.put")
        time.sleep(1)
        return quiet(node) and node.status("mirror.put") == before
    return eventually(40, same)


def lonely(node, others):
    """Copies that no node takes, and more of them than find a place in line."""
    for other in others:
        os.kill(other.node(), signal.SIGSTOP)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(("127.0.0.1", node.door))
    for i in range(400):
        s.send(dns.message.make_query(f"n{i}.example.test", "A").to_wire())
        if i % 40 == 39:
            time.sleep(0.1)
    check("what finds no place in line is let go",
          eventually(10, lambda: number(node, "mirror.dropped") > 0))
    check("what no node takes has failed",
          eventually(15, lambda: number(node, "mirror.failed") > 0))
    for other in others:
        os.kill(other.node(), signal.SIGCONT)
    node.stop()


def poison(client, nodes, zone):
    """Everything that somebody might leave in slots. Returns (name, the only address that is true
    of it, or None)."""
    now = int(time.time())
    leaf = "127.53.0.3"
    rows = []

    def slot(name, records, true=None):
        Slot(name).put(client, nodes, records)
        rows.append((name, true))

    # Altered after signing, alone and before the genuine one.
    slot("mail.example.test", with_address(signed(leaf, "mail.example.test"), "192.0.2.66"))
    genuine = signed(leaf, "short.example.test")
    slot("short.example.test", with_address(genuine, "192.0.2.66") + genuine, "192.0.2.10")
    # Signed for another name, by a zone that has no such key, by a zone beside.
    slot("a.example.test", with_address(signed(leaf, "www.example.test"), "192.0.2.1"))
    slot("b.example.test", zone.sign("b.example.test", "A", ["192.0.2.66"])[:1])
    other = Zone("island.test.")
    slot("c.example.test", other.sign("c.example.test", "A", ["192.0.2.66"]))
    # Ended.
    slot("www.expired.test", signed(leaf, "www.expired.test"))
    slot("d.example.test", zone.sign("d.example.test", "A", ["192.0.2.66"], inception=now - 9 * DAY,
                                     expiration=now - 60))
    # An older one beside a newer, in either order; each alone would be proven.
    older = zone.sign("e.example.test", "A", ["192.0.2.66"], inception=now - 20 * DAY)
    newer = zone.sign("e.example.test", "A", ["192.0.2.5"])
    slot("e.example.test", older + newer, "192.0.2.5")
    older = zone.sign("f.example.test", "A", ["192.0.2.66"], inception=now - 20 * DAY)
    newer = zone.sign("f.example.test", "A", ["192.0.2.5"])
    slot("f.example.test", newer + older, "192.0.2.5")
    # Never signed, as a claim and as a message, with the genuine proof beside it that its zone is not.
    unsigned = dns.rrset.from_text("www.insecure.test.", 300, "IN", "A", "192.0.2.66")
    slot("www.insecure.test", [unsigned])
    query = dns.message.make_query("insecure.test", "DS", want_dnssec=True)
    proof = dns.query.udp(query, "127.53.0.2", 5).authority
    message = dns.message.make_response(dns.message.make_query("y.wild.insecure.test", "A"))
    message.id = 0
    message.answer = [dns.rrset.from_text("y.wild.insecure.test.", 300, "IN", "A", "192.0.2.66")]
    message.authority = proof
    slot("y.wild.insecure.test", [
        reference(client, nodes, "A", "test.", proof[1][0].inception, message.to_wire())])
    # A record that is proven, though somebody has a proof that is later that there is none; and that
    # proof alone, altered so that it speaks of the name.
    nsec = zone.sign("g.example.test", "NSEC", ["h.example.test. TXT RRSIG NSEC"], inception=now - 60)
    denial = reference(client, nodes, "A", "example.test.", now - 60,
                       nodata("g.example.test", "A", nsec))
    slot("g.example.test", [denial, *zone.sign("g.example.test", "A", ["192.0.2.5"])], "192.0.2.5")
    moved = [dns.rrset.from_rdata_list(dns.name.from_text("h.example.test."), r.ttl, list(r))
             for r in nsec]
    slot("h.example.test", [reference(client, nodes, "A", "example.test.", now - 60,
                                      nodata("h.example.test", "A", moved))])
    # As many claims of strangers as find room beside it.
    slot("j.example.test", [r for seed in range(1, 5) for r in stranger(
        seed, "j.example.test", "192.0.2.66")] + zone.sign("j.example.test", "A", ["192.0.2.5"]),
         "192.0.2.5")
    # As many as a packet holds, forged, dated later, and about to end: that shortens no TTL either.
    forged = [r for i in range(6) for r in with_address(zone.sign(
        "k.example.test", "A", ["192.0.2.5"], inception=now - i, expiration=now + 3000), "192.0.2.66")]
    slot("k.example.test", forged + zone.sign("k.example.test", "A", ["192.0.2.5"], ttl=7200),
         "192.0.2.5")
    # The same at one node, while another has the genuine one alone.
    records = zone.sign("l.example.test", "A", ["192.0.2.5"])
    slot("l.example.test", records, "192.0.2.5")
    Slot("l.example.test").put(client, nodes[:1], [r for i in range(7) for r in with_address(zone.sign(
        "l.example.test", "A", ["192.0.2.5"], inception=now - i), "192.0.2.66")])
    # Junk.
    slot("i.example.test", [dns.rrset.from_text("_kadns.", 0, "IN", "TXT",
                                                f'"answer A example.test. {now} 900" "{"0" * 40}"')])
    return rows


def hidden(client, nodes, zone, asked):
    """More references than are followed for one question, dated later, before the one that leads to
    something: they hide it once, and come last from then on."""
    now = int(time.time())
    nsec = zone.sign("m.example.test", "NSEC", ["n.example.test. TXT RRSIG NSEC"], inception=now - 90)
    forged = [dns.rrset.from_text("_kadns.", 0, "IN", "TXT",
                                  f'"answer A example.test. {now - i} 900" "{i + 1:040x}"') for i in range(4)]
    Slot("m.example.test").put(client, nodes, [*forged, reference(
        client, nodes, "A", "example.test.", now - 90, nodata("m.example.test", "A", nsec))])
    first = ask(asked, "m.example.test")
    check("references to nothing hide a copy once", first.rcode() == dns.rcode.SERVFAIL, first)

    def found():
        reply = ask(asked, "m.example.test")
        return reply.rcode() == dns.rcode.NOERROR and not reply.answer and is_secure(reply)
    check("and come last then", eventually(20, found))


def long_and_short(client, nodes, zone):
    """TTLs: an hour at most, and no longer than it is signed."""
    Slot("long.example.test").put(client, nodes, zone.sign("long.example.test", "A", ["192.0.2.5"],
                                                           ttl=86400))
    Slot("soon.example.test").put(client, nodes, zone.sign(
        "soon.example.test", "A", ["192.0.2.5"], expiration=int(time.time()) + 90))


def kept(client, one, two, zone):
    """Keys of the root and of top-level domains, from disk: of the node that has asked DNS once."""
    names = [f"kept{i}.example.test" for i in range(4)]
    for name in names:
        Slot(name).put(client, [one, two], zone.sign(name, "A", ["192.0.2.5"]))
    path = f"{one.state}/root-keys"
    one.stop()
    with open(path, "rb") as f:
        good = f.read()
    check("for the daemon's user alone", os.stat(path).st_mode & 0o7777 == 0o600)
    one.start()
    eventually(10, lambda: len(one.nodes()) > 0)
    reply = ask(one, names[0])
    check("keys are kept over a restart", number(one, "judge.keys") >= 3 and is_secure(reply), reply)
    check("and spare look-ups", number(one, "judge.keys_used") >= 3)
    one.stop()
    # Each key in it is another now: the file is believed no more than a stranger is.
    evil, changed = re.subn(rb"(\x00\x30\x00\x01.{6}\x01[\x00\x01]\x03\x0d)....", rb"\1evil", good, flags=re.S)
    assert changed >= 4
    with open(path, "wb") as f:
        f.write(evil)
    one.start()
    eventually(10, lambda: len(one.nodes()) > 0)
    reply = ask(one, names[1])
    check("keys that somebody has changed on disk prove nothing, and hide nothing", is_secure(reply), reply)
    one.stop()
    with open(path, "wb") as f:
        f.write(good)
    one.start()
    eventually(10, lambda: len(one.nodes()) > 0)
    for burnt in (("", "DNSKEY"), ("test", "DS"), ("test", "DNSKEY")):
        Slot(*burnt).put(client, [one, two], [dns.rrset.from_text("_kadns.", 0, "IN", "TXT", "burnt")])
    check("who has none of them, and whose slots are burnt, proves nothing",
          ask(two, names[2]).rcode() == dns.rcode.SERVFAIL)
    reply = ask(one, names[3])
    check("who has them on disk does", is_secure(reply) and addresses(reply) == ["192.0.2.5"], reply)


def judges(node):
    """The processes that judge for it."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as f:
                if b"--dht-validator-child" in f.read():
                    found.append(int(path.split("/")[2]))
        except OSError:
            pass
    return found


def stop_dns():
    """As minet.sh stop, which waits for somebody to reap them."""
    def ended(pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as f:
                return f.read().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            return True

    pids = []
    for name in ("unbound", "leaf", "tld", "root"):
        with open(f"{NET}/{name}.pid", encoding="ascii") as f:
            pids.append(int(f.read()))
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
    return eventually(10, lambda: all(map(ended, pids)))


def test():
    run(MINET, "start", "-r", stdout=subprocess.DEVNULL)
    one = Kadns("one", "none", ("127.0.0.1", 4001), 1053, upstream="127.53.0.53", **ROOTS)
    two = Kadns("two", "127.0.0.1:4001", ("127.0.0.1", 4002), 1054, upstream="127.53.0.53", **ROOTS)
    three = Kadns("three", "127.0.0.1:4001", ("127.0.0.1", 4003), 1055, upstream="127.53.0.53",
                  **ROOTS)
    eventually(10, lambda: len(three.nodes()) == 2 and len(two.nodes()) == 2)

    replies = ask_all(one, SECURE)
    check("DNS answers all of it", all(is_secure(r) for r in replies) and is_secure(ask(one, *LATER)))
    ask(one, "www.insecure.test")
    check("and it goes into slots", settled(one))
    held = Slot("www.example.test").held(Client("127.0.0.1"), two)
    check("as a claim that anybody can read", b"example" in held and [
        r.rdtype for r in claims(held)] == [dns.rdatatype.A, dns.rdatatype.RRSIG], held)
    client = Client("127.0.0.1")
    check("of what is not signed there is nothing",
          not Slot("www.insecure.test").held(client, two) and not Slot("www.insecure.test").held(client, one))
    check("the keys have slots of their own", all(
        Slot(n, k).held(client, two) for n, k in (
            ("", "DNSKEY"), ("test", "DNSKEY"), ("test", "DS"), ("example.test", "DNSKEY"),
            ("example.test", "DS"), ("rsa.test", "DNSKEY"))))
    check("nobody sees what was asked for their sake",
          not [n for n in os.listdir(f"{one.mount}/IN/DNSKEY")] and
          os.listdir(f"{one.mount}/IN/DS") == ["example.test"])
    put = number(one, "mirror.put")
    ask_all(one, SECURE)
    check("it is not repeated", settled(one) and number(one, "mirror.put") == put)
    ask(three, "www.example.test")
    check("nor by another, while it lives", eventually(10, lambda: number(three, "mirror.alive") > 0))
    lonely(three, [one, two])

    zone = Zone("example.test.")
    rows = poison(client, [one, two], zone)
    long_and_short(client, [one, two], zone)
    names = [(name, "A") for name, _ in rows]
    recursor = [dns.query.udp(dns.message.make_query(*n), "127.53.0.53", 5) for n in names]
    # One that puts no denials beside what we have put there, and believes no first signer.
    four = Kadns("four", "127.0.0.1:4001", ("127.0.0.1", 4004), 1056, upstream="127.53.0.53",
                 mirror="off", tofu="none", **ROOTS)
    said = [[(r.rcode(), addresses(r)) for r in replies] for replies in (ask_all(four, names), recursor)]
    check("while DNS answers, no copy changes an answer", said[0] == said[1], said)
    check("mirror=off leaves nothing there", number(four, "mirror.put") == 0 == number(four, "mirror.waiting"))
    check("none is even judged", number(four, "judge.asked") == 0)
    check("the keys of the top are kept all the same", eventually(
        10, lambda: number(four, "judge.keys") >= 3))
    four.stop()

    check("every DNS server is stopped", stop_dns())
    replies = ask_all(two, SECURE)
    for (name, kind, rcode, text), reply in zip(SECURE, replies):
        good = dns.rcode.to_text(reply.rcode()) == rcode and is_secure(reply) and \
            text in "".join(r.to_text() for r in reply.answer)
        check(f"DNS is down: {name} {kind} {rcode}, secure", good, reply)
    check("who never asked DNS", number(two, "judge.secure") >= len(SECURE))
    check("a question costs packets within bounds", all(
        int(p) <= 210 for p in re.findall(r"^copy: .* (\d+) packet", two.text(
            ".kadns/explain/IN/A/alias.example.test"), re.M)) and
        number(two, "judge.wanted") < 30 * number(two, "judge.asked"))
    for (name, true), reply in zip(rows, ask_all(two, names)):
        good = (addresses(reply) == [true] and is_secure(reply)) if true else \
            reply.rcode() == dns.rcode.SERVFAIL and not reply.answer
        check(f"what lies in slots: {name} is {true}", good, reply)

    hidden(client, [one, two], zone, two)
    check("what was refuted shortens no TTL", ask(two, "k.example.test").answer[0].ttl > 3500)
    ttls = {n: ask(two, f"{n}.example.test").answer[0].ttl for n in ("long", "soon")}
    check("an hour at most, and no longer than it is signed",
          3500 < ttls["long"] <= 3600 and 0 < ttls["soon"] <= 90, ttls)
    record = json.loads(two.text("IN/A/www.example.test"))
    check("the file says how far to trust it, and where it is from",
          (record["source"], record["trust"], record["data"]) == ("dht", "dnssec", ["192.0.2.1"]), record)
    check("so does the DNS door", "kadns: dnssec copy" in str(ask(two, "www.example.test").options[-1]))
    text = two.text(".kadns/explain/IN/A/www.example.test")
    check("explain says why", "copy answers, trust dnssec" in text and "\ncopy: 1 record" in text, text)
    pids = judges(two)
    check("one process judges", len(pids) == 1 and number(two, "judge.running") == 1, pids)
    with open(f"/proc/{pids[0]}/status", encoding="ascii") as f:
        status = f.read()
    check("without rights, in a network of its own",
          re.search(r"CapEff:\s+0+\n", status) and re.search(r"Seccomp:\s+2", status) and
          os.stat(f"/proc/{pids[0]}/ns/net").st_ino != os.stat("/proc/self/ns/net").st_ino, status)
    os.kill(pids[0], signal.SIGKILL)
    check("when it is killed", eventually(5, lambda: number(two, "judge.restarts") == 1))
    check("it is reaped though nobody needs another", eventually(10, lambda: not os.path.exists(
        f"/proc/{pids[0]}")))
    check("another is started when it is needed", is_secure(ask(two, *LATER)))
    two.stop()
    two.start()
    eventually(10, lambda: len(two.nodes()) > 0)
    replies = ask_all(two, RESTARTED)
    check("after a restart too, with every DNS server stopped",
          [dns.rcode.to_text(r.rcode()) for r in replies] == [row[2] for row in RESTARTED] and
          all(is_secure(r) for r in replies) and number(two, "judge.secure") >= 1, replies)
    kept(client, one, two, zone)


if __name__ == "__main__":
    enter(300)
    main(test)
