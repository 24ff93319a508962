#!/usr/bin/env python3
"""certificates.py DIR: a root and certificates under it, good and bad, for the tests of TLS.

ca.pem; NAME.pem with NAME.key for: good and next (dns.test), rsa (dns.test), other (other.test),
address (127.0.0.1), expired and early (dns.test), self (dns.test, signed by itself), locked (a key with a password), and
chain (dns.test, by an authority between it and the root, which is in the file too)."""
import datetime
import ipaddress
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.utcnow()
DIR = sys.argv[1]


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def make(subject, key, issuer, issuer_key, days=(-1, 30), authority=False):
    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(NOW + datetime.timedelta(days[0]))
    builder = builder.not_valid_after(NOW + datetime.timedelta(days[1]))
    builder = builder.add_extension(x509.BasicConstraints(authority, None), True)
    if not authority:
        try:
            san = x509.IPAddress(ipaddress.ip_address(subject))
        except ValueError:
            san = x509.DNSName(subject)
        builder = builder.add_extension(x509.SubjectAlternativeName([san]), False)
    return builder.sign(issuer_key, hashes.SHA256())


def pem(cert):
    return cert.public_bytes(ser.Encoding.PEM)


def write(file, key, *certs, lock=ser.NoEncryption()):
    with open(f"{DIR}/{file}.pem", "wb") as f:
        f.write(b"".join(map(pem, certs)))
    with open(f"{DIR}/{file}.key", "wb") as f:
        f.write(key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, lock))


def new():
    return ec.generate_private_key(ec.SECP256R1())


root = new()
with open(f"{DIR}/ca.pem", "wb") as out:
    out.write(pem(make("root of the test", root, "root of the test", root, authority=True)))


def leaf(file, subject="dns.test", key=None, **more):
    key = key or new()
    write(file, key, make(subject, key, "root of the test", root, **more))


leaf("good")
leaf("next")
leaf("rsa", key=rsa.generate_private_key(65537, 2048))
leaf("other", "other.test")
leaf("address", "127.0.0.1")
leaf("expired", days=(-10, -1))
leaf("early", days=(1, 10))
own = new()
write("self", own, make("dns.test", own, "dns.test", own))
own = new()
write("locked", own, make("dns.test", own, "root of the test", root),
      lock=ser.BestAvailableEncryption(b"secret"))
middle, own = new(), new()
write("chain", own, make("dns.test", own, "middle of the test", middle),
      make("middle of the test", middle, "root of the test", root, authority=True))
