#!/usr/bin/python3
"""The pkarr relay: two nodes, one key each time; PUT at one, GET at the other, and the DHT between them. The client here
shares nothing with kadns: Ed25519 is python3-cryptography's, DNS python3-dnspython's, HTTP Python's. And one that is not ours
at all: `pkarr` of the npm registry, by the author of the protocol, which tests/run.sh fetches once (fs/packages.sh) into
/var/cache/kadns-tests, or $PKARR_NPM; without it, or without node, that part says `skipped`."""
import email.utils
import http.client
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dns.message  # noqa: E402
import dns.rdatatype  # noqa: E402
import dns.rrset  # noqa: E402
from cryptography.exceptions import InvalidSignature  # noqa: E402
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey  # noqa: E402
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: E402
from lab import Kadns, check, enter, eventually, main, run  # noqa: E402

ALPHABET = "ybndrfg8ejkmcpqxot1uwisza345h769"
TYPE = "application/pkarr.org/relays#payload"


def z32(key):
    bits = "".join(f"{b:08b}" for b in key) + "0000"
    return "".join(ALPHABET[int(bits[i:i + 5], 2)] for i in range(0, 260, 5))


def unz32(text):
    n = 0
    for c in text:
        n = n << 5 | ALPHABET.index(c)
    return (n >> 4).to_bytes(32, "big")


class Signer:
    def __init__(self):
        self._key = Ed25519PrivateKey.generate()
        self.public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.z32 = z32(self.public)

    def sign(self, packet, seq):
        text = b"3:seqi%de1:v%d:" % (seq, len(packet)) + packet
        return self._key.sign(text) + struct.pack("!Q", seq) + packet

    def packet(self, *records, flags=0x8000):
        """Records: (label, ttl, last byte of the address)."""
        message = dns.message.QueryMessage(id=0)
        message.flags = flags
        for label, ttl, last in records:
            owner = f"{label}.{self.z32}." if label else f"{self.z32}."
            message.answer.append(dns.rrset.from_text(owner, ttl, "IN", "A", f"192.0.2.{last}"))
        return message.to_wire()


def now():
    return time.time_ns() // 1000


class Client:
    def __init__(self, port):
        self._port = port

    def __call__(self, method, path, body=None, **headers):
        c = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        c.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        r = c.getresponse()
        r.payload = r.read()
        c.close()
        return r


def put_and_get(a, b, node):
    s = Signer()
    seq = now()
    payload = s.sign(s.packet(("www", 600, 1), ("", 1000, 2)), seq)
    check("nobody has it yet", b("GET", f"/{s.z32}").status == 404)
    r = a("PUT", f"/{s.z32}", payload)
    check("PUT", (r.status, r.payload) == (204, b"") and int(r.getheader("Pkarr-Dht-Stored-Nodes")) >= 1,
          (r.status, r.payload, r.headers.items()))
    check("and anyone may read how many have it", r.getheader("Access-Control-Allow-Origin") == "*" and
          "pkarr-dht-stored-nodes" in r.getheader("Access-Control-Expose-Headers"))
    r = b("GET", f"/pkarr/{s.z32}?policy=NetworkOnly")
    check("GET through the DHT: the very bytes", r.status == 200 and r.payload == payload, (r.status, r.payload))
    said = {(str(s.name), s.ttl, str(s[0])) for s in dns.message.from_wire(r.payload[72:]).answer}
    check("which another library reads", said == {(f"www.{s.z32}.", 600, "192.0.2.1"), (f"{s.z32}.", 1000, "192.0.2.2")}, said)
    check("its head", (r.getheader("Content-Type"), r.getheader("Cache-Control"), r.getheader("Content-Length")) ==
          (TYPE, "public, max-age=600", str(len(payload))), r.headers.items())
    check("when it was signed", r.getheader("Last-Modified") == email.utils.formatdate(seq // 10**6, usegmt=True))
    seen = email.utils.parsedate_to_datetime(r.getheader("Memento-Datetime")).timestamp()
    check("and seen", abs(seen - time.time()) < 20)
    check("CORS", r.getheader("Access-Control-Allow-Origin") == "*")
    r = b("HEAD", f"/{s.z32}")
    check("HEAD", r.status == 200 and r.payload == b"" and r.getheader("Content-Length") == str(len(payload)))
    check("the mount reads it by its name", node.data(f"www.{s.z32}") == ["192.0.2.1"], node.data(f"www.{s.z32}"))

    newer = s.sign(s.packet(("www", 30, 3)), seq + 1)
    check("a newer one", b("PUT", f"/{s.z32}", newer).status == 204)
    check("is held at once", b("GET", f"/{s.z32}?policy=CacheOnly").payload == newer)
    check("and answers by its name", node.data(f"www.{s.z32}") == ["192.0.2.3"], node.data(f"www.{s.z32}"))
    check("also elsewhere", a("GET", f"/{s.z32}?policy=NetworkOnly").payload == newer)
    check("an older one is refused where it is known", b("PUT", f"/{s.z32}", payload).status == 409)
    tie = [s.sign(s.packet(("www", 30, n)), seq + 2) for n in (8, 9)]
    check("of two of one time", a("PUT", f"/{s.z32}", tie[1]).status == 204)
    check("the smaller is the older", a("PUT", f"/{s.z32}", tie[0]).status == 409)
    check("nor where only the DHT knows better", b("PUT", f"/{s.z32}", tie[0]).status == 409)
    check("the same again is welcome", a("PUT", f"/{s.z32}", tie[1]).status == 204)
    return s


def conditions(a, b, node):
    s = Signer()
    second = now() // 10**6 - 5
    whole = s.sign(s.packet(), second * 10**6)
    check("an empty zone", a("PUT", f"/{s.z32}", whole).status == 204)
    date = [email.utils.formatdate(second + n, usegmt=True) for n in (-1, 0, 1)]
    get = [a("GET", f"/{s.z32}", If_Modified_Since=d) for d in date]
    check("304 from its second on", [r.status for r in get] == [200, 304, 304], [r.status for r in get])
    check("304 has no body, but dates", get[1].payload == b"" and get[1].getheader("Last-Modified") and
          get[1].getheader("Cache-Control") == "public, max-age=300", get[1].headers.items())
    check("half a second later", a("PUT", f"/{s.z32}", s.sign(s.packet(), second * 10**6 + 1)).status == 204)
    get = [a("GET", f"/{s.z32}", If_Modified_Since=d).status for d in date]
    check("is later than that second", get == [200, 200, 304], get)
    check("what is no date is nothing", a("GET", f"/{s.z32}", If_Modified_Since="yesterday").status == 200)
    later = s.sign(s.packet(("www", 600, 4), flags=0), now())
    check("a packet whose signer forgot QR is one, as for pkarr's own relays", a("PUT", f"/{s.z32}", later).status == 204)
    check("CacheOnly asks nobody", b("GET", f"/{s.z32}?policy=CacheOnly").status == 404)
    check("CacheFirst does", b("GET", f"/{s.z32}?policy=CacheFirst").status == 200)
    check("and then it is held", b("GET", f"/{s.z32}?policy=CacheOnly").status == 200)
    strangers = {"Sec_Fetch_Site": "cross-site"}, {"Origin": "http://evil.test"}, {"Origin": "null"}
    check("a page of elsewhere does not learn that", [b("GET", f"/{s.z32}?policy=CacheOnly", **h).status for h in strangers] == [404] * 3)
    check("nor by HEAD", b("HEAD", f"/{s.z32}?policy=CacheOnly", **strangers[0]).status == 404)
    before = int(node.statuses()["pkarr.gets"])
    check("nor from the time it takes: the DHT is asked", [b("GET", f"/{s.z32}", **h).status for h in strangers] == [200] * 3 and
          int(node.statuses()["pkarr.gets"]) == before + 3, (before, node.statuses()["pkarr.gets"]))
    check("a page of its own may", b("GET", f"/{s.z32}?policy=CacheOnly", Origin="http://127.0.0.1:8882").status == 200)


def refusals(a, b):
    s = Signer()
    good = s.sign(s.packet(("www", 60, 1)), now())
    time.sleep(1.1)  # ten at once, then ten a second
    for name, path, body, status in (
            ("another key's", "/" + Signer().z32, good, 400),
            ("a bit of the signature", "/" + s.z32, bytes([good[0] ^ 1]) + good[1:], 400),
            ("a bit of the time", "/" + s.z32, good[:71] + bytes([good[71] ^ 1]) + good[72:], 400),
            ("cut", "/" + s.z32, good[:71], 400),
            ("nothing", "/" + s.z32, b"", 400),
            ("no DNS", "/" + s.z32, s.sign(b"Hello World!", now()), 400),
            ("of next week", "/" + s.z32, s.sign(s.packet(), now() + 7 * 86400 * 10**6), 400),
            ("too long for the DHT", "/" + s.z32, s.sign(s.packet() + bytes(985), now()), 413),
            ("too long for anyone", "/" + s.z32, good + bytes(1073), 413),
            ("a key too short", "/pkarr/" + s.z32[:-1], good, 400)):
        r = a("PUT", path, body)
        check(f"400 and 413: {name}", r.status == status, (r.status, r.payload))
    check("none of it is held", a("GET", f"/{s.z32}?policy=CacheOnly").status == 404)
    for path, status in (("/" + s.z32[:-1] + "b", 400), ("/" + s.z32.upper(), 400), ("/pkarr/", 400), ("/pkarr", 404),
                         ("/" + s.z32 + "/", 404), (f"/{s.z32}?policy=Any", 400), (f"/{s.z32}?policy=", 400)):
        r = a("GET", path)
        check(f"GET {path.replace(s.z32[:-1], 'KEY').replace(s.z32.upper(), 'KEY in capitals')}", r.status == status, (r.status, r.payload))
    r = a("OPTIONS", "/" + s.z32)
    check("OPTIONS", r.status == 204 and r.getheader("Access-Control-Allow-Origin") == "*" and
          r.getheader("Access-Control-Allow-Methods") == "GET, PUT, OPTIONS", r.headers.items())
    check("nobody else has CORS", b("GET", "/resolve?name=a.alt").getheader("Access-Control-Allow-Origin") is None)
    check("no other method", a("POST", "/" + s.z32, good).status == 405)
    flood = [a("GET", "/" + Signer().z32).status for _ in range(40)]
    check("who looks up too much is told so", flood[0] in (404, 429) and 429 in flood, flood)
    check("what is held is had all the same", all(
        a("GET", f"/{s.z32}?policy=CacheOnly").status == 404 for _ in range(40)))
    time.sleep(1.1)


def invalid(b, node_endpoint):
    """A key whose newest item on the DHT is no zone."""
    from lab import bdecode, bencode  # pylint: disable=import-outside-toplevel
    import hashlib  # pylint: disable=import-outside-toplevel
    s, seq = Signer(), now()
    target = hashlib.sha1(s.public).digest()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        udp.bind(("127.0.7.7", 0))

        def ask(q, **a):
            udp.sendto(bencode({"a": {"id": b"\7" * 20, **a}, "q": q, "t": b"aa", "y": "q"}), node_endpoint)
            while True:
                m = bdecode(udp.recv(2048))
                if m[b"y"] != b"q":
                    return m
        token = ask("get", target=target)[b"r"][b"token"]
        signed = s.sign(b"Hello World!", seq)
        said = ask("put", token=token, v=b"Hello World!", k=s.public, sig=signed[:64], seq=seq)
        check("a node takes what is no zone", said[b"y"] == b"r", said)
    r = b("GET", f"/{s.z32}")
    check("404 says what supersedes it", r.status == 404 and
          r.getheader("Pkarr-Invalid-Signed-Packet-Seq") == str(seq), (r.status, r.headers.items()))
    check("and a zone of before is refused", b("PUT", f"/{s.z32}", s.sign(s.packet(), seq - 1)).status == 409)
    check("a later one is not", b("PUT", f"/{s.z32}", s.sign(s.packet(), seq + 1)).status == 204)


NPM = """
import Pkarr, { SignedPacket, generateKeyPair, z32 } from '%s/pkarr/index.js'
const [A, B] = ['http://127.0.0.1:8881', 'http://127.0.0.1:8882']
const keyPair = generateKeyPair(), key = keyPair.publicKey
const packet = (type, data, more) => SignedPacket.fromPacket(keyPair, { type, id: 0,
  answers: [{ name: 'www', type: 'A', ttl: 60, data }, { name: '_t', type: 'TXT', ttl: 30, data: 'hello' }], ...more })
const old = packet('response', '192.0.2.76')
await new Promise(r => setTimeout(r, 5))
const put = await Pkarr.relayPut(A, packet('response', '192.0.2.77'))
const got = await Pkarr.relayGet(B, key)
const late = await Pkarr.relayPut(B, old)
const again = await Pkarr.relayPut(A, packet('query', '192.0.2.78'))
const nobody = await Pkarr.relayGet(B, generateKeyPair().publicKey).catch(() => null)
console.log(JSON.stringify({ key: z32.encode(key), put: put.ok, got: got && got.packet().answers.map(a => String(a.data)),
  late: late.ok, again: again.ok, nobody: !!nobody }))
"""


def iroh(a, node):
    """What an iroh endpoint says of itself: where it can be reached (facts: pkarr)."""
    s = Signer()
    message = dns.message.QueryMessage(id=0)
    message.flags = 0x8000
    said = ["relay=https://relay.example./", "addr=192.0.2.1:4433 [2001:db8::1]:4433"]
    message.answer.append(dns.rrset.from_text(
        f"_iroh.{s.z32}.", 30, "IN", "TXT", *[f'"{text}"' for text in said]))
    name = f"_iroh.{s.z32}"
    check("an iroh endpoint publishes", a("PUT", f"/pkarr/{s.z32}", s.sign(message.to_wire(), now())).status == 204)
    there = json.loads(node.text(f"IN/TXT/{name}"))
    check("and is read as a file", sorted(there["data"]) == sorted(f'"{t}"' for t in said) and there["trust"] == "key", there)
    out = subprocess.run(["dig", "+short", "+time=5", "+tries=1", "@127.0.0.1", "-p", str(node.door), name, "TXT"],
                         capture_output=True, text=True, check=False).stdout
    check("and by dig", sorted(out.split("\n")[:-1]) == sorted(f'"{t}"' for t in said), out)


OURS = """
import Pkarr, { z32 } from '%s/pkarr/index.js'
const got = await Pkarr.relayGet('http://127.0.0.1:8882', z32.decode('%s'))
console.log(JSON.stringify(got.packet().answers.map(a => [a.name, a.type])))
"""


def ours(a, ask, npm):
    """What is written through the mount of one node, as another's relay has it from the DHT: signed, and in
    the form that pkarr has, as two libraries see it that know nothing of kadns."""
    key = a.text(".kadns/key").strip()
    wanted = {(f"www.{key}.", "A", "192.0.2.7"), (f"{key}.", "A", "192.0.2.8"), (f"{key}.", "A", "192.0.2.9"),
              (f"_iroh.{key}.", "TXT", '"relay=https://relay.example./"'), (f"alias.{key}.", "CNAME", "foobar.")}
    for owner, kind, _ in wanted:
        with open(f"{a.mount}/IN/{kind}/{owner[:-1]}", "w", encoding="ascii") as f:
            f.write("".join(f"{d}\n" for o, k, d in sorted(wanted) if (o, k) == (owner, kind)))
    check("our own zone is published", eventually(15, a.published), a.statuses)
    r = ask("GET", f"/{key}?policy=NetworkOnly")
    signature, seq, packet = r.payload[:64], struct.unpack("!Q", r.payload[64:72])[0], r.payload[72:]
    signed = b"3:seqi%de1:v%d:" % (seq, len(packet)) + packet
    try:
        Ed25519PublicKey.from_public_bytes(unz32(key)).verify(signature, signed)
        check("another library verifies it", True)
    except InvalidSignature as e:
        check("another library verifies it", False, e)
    check("its seq is the time", abs(seq - now()) < 60 * 10**6, seq)
    check("its head", packet[:12] == struct.pack("!6H", 0, 0x8000, 0, len(wanted), 0, 0), packet[:12])
    message = dns.message.from_wire(packet)
    said = {(str(s.name), dns.rdatatype.to_text(s.rdtype), d.to_text()) for s in message.answer for d in s}
    check("another library reads it", said == wanted, said)
    check("its names are compressed", packet.count(key.encode()) == 1, packet)
    if npm:
        out = run("node", "--input-type=module", "-e", OURS % (npm, key), capture_output=True, text=True, check=False)
        check("npm's pkarr verifies and reads it", sorted(map(tuple, json.loads(out.stdout or "[]"))) == sorted(
            (o[:-1], k) for o, k, _ in wanted), out.stdout + out.stderr)


def npm_pkarr():
    """Where it is; None."""
    where = os.environ.get("PKARR_NPM", "/var/cache/kadns-tests/pkarr_npm/node_modules")
    if os.path.exists(f"{where}/pkarr/index.js") and shutil.which("node"):
        return where
    print("skipped: npm's pkarr is not here", flush=True)
    return None


def original(node, where):
    time.sleep(1.1)  # ten at once, then ten a second
    r = subprocess.run(["node", "--input-type=module", "-e", NPM % where], capture_output=True, text=True, check=False, timeout=60)
    try:
        said = json.loads(r.stdout)
    except ValueError:
        check("npm's pkarr runs", False, r.stdout + r.stderr)
        return
    check("npm's pkarr puts", said["put"], said)
    check("and gets at the other", said["got"] == ["192.0.2.77", "hello"], said)
    check("its older packet is refused", not said["late"], said)
    check("one that it makes as a query is taken", said["again"], said)
    check("what nobody has is nothing to it", not said["nobody"], said)
    check("and the mount reads what it has put", eventually(5, lambda: node.data(f"www.{said['key']}") == ["192.0.2.78"]),
          lambda: node.read(f"www.{said['key']}"))


def test():
    a = Kadns("a", "none", ("127.0.1.1", 4001), http="127.0.0.1:8881")
    b = Kadns("b", "127.0.1.1:4001", ("127.0.2.1", 4002), door=1054, http="127.0.0.1:8882")
    lost = Kadns("lost", "127.0.9.9:1", ("127.0.9.1", 4009), http="127.0.0.1:8889")
    ask_a, ask_b, ask_lost = Client(8881), Client(8882), Client(8889)
    check("the nodes know each other", eventually(15, lambda: a.nodes() and b.nodes()))
    put_and_get(ask_a, ask_b, b)
    conditions(ask_a, ask_b, b)
    iroh(ask_a, b)
    npm = npm_pkarr()
    if npm:
        original(a, npm)
    ours(a, ask_b, npm)
    refusals(ask_a, ask_b)
    invalid(ask_b, a.endpoint)
    s = Signer()
    r = ask_lost("GET", f"/{s.z32}")
    check("503 where no node answers", r.status == 503, (r.status, r.payload))
    r = ask_lost("PUT", f"/{s.z32}", s.sign(s.packet(), now()))
    check("500 where nobody takes it", r.status == 500, (r.status, r.payload))
    counted = a.statuses()
    check("all of it is counted", all(int(counted[f"pkarr.{n}"]) > 0 for n in (
        "held", "gets", "puts", "refused", "limited")), {n: v for n, v in counted.items() if re.match("pkarr", n)})


if __name__ == "__main__":
    enter(100)
    main(test)
