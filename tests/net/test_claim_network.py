#!/usr/bin/python3
"""Claims on a network, with an independent implementation of DNSSEC on one side: dnspython verifies what a
node of kadns has put, and kadns answers what dnspython has signed and put. And who claims a name
beside others leaves theirs where they are: a node refuses what would drop them, and kadns does not
try to."""
import hashlib
import time

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset

import hijack
import lab
from lab import Client, Kadns, check, eventually
from test_claim_dnspython import dnskey_of, key_name

WEEK = 7 * 86400


def slot_of(name):
    """The key pair that anybody can derive, the salt, and the target."""
    h = hijack.derive("A", name)
    key = hijack.Key(hashlib.sha256(b"kadns slot 1" + h).digest())
    return key, h, hashlib.sha1(key.public + h).digest()


def claim(name, address, signer):
    """A record and its RRSIG, by dnspython."""
    now = int(time.time())
    rrset = dns.rrset.from_text(name + ".", 300, "IN", "A", address)
    rrsig = dns.dnssec.sign(rrset, signer.secret, key_name(signer.public), dnskey_of(signer.public),
                            inception=now - 3600, expiration=now - 3600 + WEEK, verify=True)
    return [rrset, dns.rrset.from_rdata(rrset.name, 300, rrsig)]


def pack(rrsets):
    message = dns.message.Message(id=0)
    message.flags = dns.flags.QR
    message.answer = rrsets
    return message.to_wire(origin=dns.name.root)


class Net:
    def __init__(self):
        self.one = Kadns("one", "none", ("127.0.0.1", 4001))
        self.two = Kadns("two", "127.0.0.1:4001", ("127.0.0.1", 4002))
        check("two nodes", eventually(10, lambda: self.one.nodes() and self.two.nodes()))
        self.client = Client("127.0.0.1")

    def read(self, name):
        """What node one holds of the slot, as dnspython reads it; its seq."""
        _, _, target = slot_of(name)
        r = self.client.get(self.one.endpoint, target)
        if b"v" not in r:
            return [], 0
        return dns.message.from_wire(r[b"v"], one_rr_per_rrset=True).answer, r[b"seq"]

    def put(self, name, rrsets, node):
        """The error's number; 0: it was taken."""
        key, h, target = slot_of(name)
        _, item = key.item(pack(rrsets), h)
        r = self.client.put(node.endpoint, target, salt=h, **item)
        return r[b"e"][0] if b"e" in r else 0


def claims_in(rrsets):
    """(records, RRSIG) of each claim, in order."""
    found = []
    for r in rrsets:
        if r.rdtype == dns.rdatatype.RRSIG:
            found[-1][1] = r
        else:
            found.append([r, None])
    return found


def verifies(record, rrsig, public):
    keys = {key_name(public): dns.rrset.from_rdata(key_name(public), 300, dnskey_of(public))}
    try:
        dns.dnssec.validate(record, rrsig, keys)
    except dns.dnssec.ValidationFailure:
        return False
    return True


def public_of(text):
    bits = 0
    for c in text:
        bits = bits << 5 | hijack.Z_BASE_32.index(c)
    return (bits >> 4).to_bytes(32, "big")


def test():
    n, stranger, now = Net(), hijack.Key(), time.time()
    n.one.write("printer.alt", "192.0.2.7")
    check("a claim goes out", eventually(10, n.one.published))
    ours, _ = n.read("printer.alt")
    (record, rrsig), = claims_in(ours)
    mine = n.one.text(".kadns/key").strip()
    check("it is one record and one RRSIG, by our key",
          record.to_text() == "printer.alt. 300 IN A 192.0.2.7" and rrsig[0].signer.to_text() == mine + ".")
    check("dnspython verifies it", verifies(record, rrsig, public_of(mine)))
    check("its life is a week at most, and has begun", rrsig[0].expiration - rrsig[0].inception <= WEEK and
          rrsig[0].inception <= now)

    # What dnspython signs.
    theirs = claim("scanner.alt", "192.0.2.44", stranger)
    check("what dnspython signs is taken", all(n.put("scanner.alt", theirs, x) == 0 for x in (n.one, n.two)))
    line = n.two.read("scanner.alt")
    check("and answered", line["data"] == ["192.0.2.44"] and line["trust"] == "tofu" and
          line["signer"] == stranger.name, line)
    spoilt = theirs[1][0].replace(signature=bytes(64))
    bad = [theirs[0], dns.rrset.from_rdata(theirs[1].name, 300, spoilt)]
    bad[0] = dns.rrset.from_text("forged.alt.", 300, "IN", "A", "192.0.2.66")
    bad[1].name = bad[0].name
    n.put("forged.alt", bad, n.one)
    check("what it did not sign is not", n.two.data("forged.alt") == "No such file or directory",
          n.two.data("forged.alt"))

    # Beside others.
    rival = claim("printer.alt", "192.0.2.66", stranger)
    check("a put that drops our claim is refused", n.put("printer.alt", rival, n.one) == 301)
    check("by the other node too", n.put("printer.alt", rival, n.two) == 301)
    check("one that keeps it is taken", n.put("printer.alt", ours + rival, n.one) == 0)
    n.one.write("scanner.alt", "192.0.2.9")
    check("a writer puts his claim", eventually(10, n.one.published))
    signers = {r[0].signer.to_text() for _, r in claims_in(n.read("scanner.alt")[0])}
    check("beside that of another", signers == {mine + ".", stranger.name + "."}, signers)
    check("whose is answered still, as the first", n.two.data("scanner.alt") == ["192.0.2.44"])
    n.one.remove("scanner.alt")
    check("he withdraws", eventually(10, n.one.published))
    left = [(r, s) for r, s in claims_in(n.read("scanner.alt")[0])
            if s[0].signer.to_text() == stranger.name + "."]
    check("and the other's claim stands, and verifies", len(left) == 1 and verifies(*left[0], stranger.public))
    n.two.stop()
    n.one.stop()


lab.enter(100)
lab.main(test)
