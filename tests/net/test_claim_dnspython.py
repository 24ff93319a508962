#!/usr/bin/python3
"""Claims against an independent implementation of DNSSEC, both ways.

dnspython (Debian's python3-dnspython, python3-cryptography) verifies what kadns signs, and kadns
believes what dnspython signs, for types with and without names in their RDATA.

usage: test_claim_dnspython.py BUILD        prints "ok NAME" or "not ok NAME"
"""
import subprocess
import sys
import tempfile
import time

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dns.rdtypes.ANY.DNSKEY import DNSKEY

OWNER = "Printer.Alt."
WEEK = 7 * 86400
Z_BASE_32 = "ybndrfg8ejkmcpqxot1uwisza345h769"
SETS = {
    "A": ["192.0.2.7", "192.0.2.66", "192.0.2.5"],
    "AAAA": ["2001:db8::1", "2001:db8::"],
    "TXT": ['"Upper and lower" ""', '"x"'],
    # Folding changes the order of these, and makes two of them one.
    "MX": ["10 Z.example.", "10 a.example.", "10 A.example.", "5 mail"],
    "NS": ["NS2.Example.", "ns1.example."],
    "SOA": ["NS.Example. Admin.Example. 1 2 3 4 5"],
    "SRV": ["0 5 5060 SIP.Example."],
    "NAPTR": ['100 10 "U" "E2U+sip" "!^.*$!sip:Info@Example!" .', '1 1 "s" "SIP+D2U" "" SIP.Example.'],
    "DNAME": ["Elsewhere.Example."],
    "RP": ["Who.Example. Text.Example."],
    "SVCB": ["1 Svc.Example. alpn=h2", "0 ."],
    "HTTPS": ["1 . ipv4hint=192.0.2.1"],
    "CAA": ['0 issue "CA.example"'],
    "TLSA": ["3 1 1 " + "ab" * 32],
    "DS": ["1 15 2 " + "cd" * 32],
    "TYPE65280": ["\\# 3 414243"],
}


def key_name(public):
    """The key as a name: z-base-32, as pkarr writes it."""
    bits = int.from_bytes(public, "big") << 4
    return dns.name.from_text("".join(Z_BASE_32[bits >> 5 * (51 - i) & 31] for i in range(52)) + ".")


def rrset_of(type_text, ttl=300):
    return dns.rrset.from_text_list(OWNER, ttl, "IN", type_text, SETS[type_text], idna_codec=None,
                                    origin=dns.name.root, relativize=False)


def dnskey_of(public):
    return DNSKEY(dns.rdataclass.IN, dns.rdatatype.DNSKEY, 256, 3, 15, public)


class Lines:
    """The C side, one request and one reply a line."""

    def __init__(self, build, keys):
        self.process = subprocess.Popen([build + "/tests/claim_lines", keys], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, *words):
        self.process.stdin.write(" ".join(str(w) for w in words) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().split()


def dnspython_verifies(lines, type_text, now):
    """Our signature, their check; and one altered bit is noticed."""
    sent = [r.to_wire().hex() for r in rrset_of(type_text)]
    key, packet = lines.ask("sign", OWNER, type_text, 300, now - 3600, now - 3600 + WEEK, *sent)
    public = bytes.fromhex(key)
    message = dns.message.from_wire(bytes.fromhex(packet), one_rr_per_rrset=False)
    assert message.id == 0 and message.flags == dns.flags.QR and not message.question
    rrsets = {r.rdtype: r for r in message.answer}
    rrsig = rrsets.pop(dns.rdatatype.RRSIG)
    (signed,) = rrsets.values()
    assert len(rrsig) == 1 and rrsig[0].key_tag == dns.dnssec.key_id(dnskey_of(public))
    keys = {key_name(public): dns.rrset.from_rdata(key_name(public), 300, dnskey_of(public))}
    dns.dnssec.validate(signed, rrsig, keys, now=now)
    signed.ttl = 299  # not part of what is signed: the original TTL is
    dns.dnssec.validate(signed, rrsig, keys, now=now)
    spoilt = rrsig[0].replace(signature=bytes([rrsig[0].signature[0] ^ 1]) + rrsig[0].signature[1:])
    try:
        dns.dnssec.validate(signed, dns.rrset.from_rdata(rrsig.name, 300, spoilt), keys, now=now)
    except dns.dnssec.ValidationFailure:
        return
    raise AssertionError("an altered signature passed")


def kadns_believes(lines, type_text, now):
    """Their signature, our check; and not when it is of another set."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    rrset = rrset_of(type_text)
    rrsig = dns.dnssec.sign(rrset, private, key_name(public), dnskey_of(public), inception=now - 3600,
                            expiration=now - 3600 + WEEK, verify=True)
    packets = {}
    for ttl in (300, 301):
        message = dns.message.Message(id=0)
        message.flags = dns.flags.QR
        rrset.ttl = ttl
        message.answer = [rrset, dns.rrset.from_rdata(rrset.name, ttl, rrsig)]
        packets[ttl] = message.to_wire(origin=dns.name.root).hex()
    assert lines.ask("read", OWNER, type_text, now, packets[300]) == [public.hex()]
    assert lines.ask("read", OWNER, type_text, now, packets[301]) == ["none"]
    assert lines.ask("read", OWNER, type_text, now + WEEK, packets[300]) == ["none"]


def main():
    failed = False
    now = int(time.time())
    with tempfile.TemporaryDirectory() as directory:
        lines = Lines(sys.argv[1], directory + "/keys")
        for type_text in SETS:
            for check in (dnspython_verifies, kadns_believes):
                try:
                    check(lines, type_text, now)
                    print(f"ok claim_{check.__name__}_{type_text}")
                except Exception as error:  # each type is told on its own
                    print(f"not ok claim_{check.__name__}_{type_text}: {type(error).__name__} {error}")
                    failed = True
        lines.process.stdin.close()
        failed |= lines.process.wait() != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
