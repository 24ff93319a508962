#!/usr/bin/python3
"""relay=: two hosts with two cables. Over one, 10.1.0.0/24, the DHT's packets go, and sometimes do not; over the other,
10.2.0.0/24, HTTP goes at all times. `real` is a kadns whose http= door is the relay; those on the other host use it, or one that
lies (fake_relay.py), while the DHT does not answer, and only then.

usage: test_zone_relay.py BUILD"""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Host, Kadns, T, bridge, check, enter, eventually, main, run  # noqa: E402
from test_relay import Signer, now  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
RELAY = "http://10.2.0.1:8882/"
FAKE = "http://127.0.0.1:9001/some/path"
UNREACHABLE = "Network is unreachable"


class Fake:
    """The lying relay, as everybody on that host sees it."""

    def __init__(self, host):
        self.dir = f"{T}/fake"
        os.mkdir(self.dir)
        self.mode("404")
        host.start(sys.executable, "-I", f"{HERE}/fake_relay.py", "9001", self.dir)
        check("the lying relay stands", eventually(5, lambda: host.run(
            "curl", "-s", "http://127.0.0.1:9001/x", check=False).returncode == 0))

    def mode(self, text):
        self.write("mode", text.encode())

    def write(self, name, data):
        with open(f"{self.dir}/{name}.new", "wb") as f:
            f.write(data)
        os.rename(f"{self.dir}/{name}.new", f"{self.dir}/{name}")

    def asked(self):
        try:
            with open(f"{self.dir}/log", encoding="ascii") as f:
                return f.read().splitlines()
        except OSError:
            return []


def cable(home, state):
    """What the relay's host would send to the other over the DHT's cable is lost: it hears, and is not heard."""
    for last in range(2, 9):
        home.run("ip", "route", "replace" if state == "cut" else "delete", "blackhole", f"10.1.0.{last}/32")


def signed(label, last, ttl=600):
    s = Signer()
    return s, s.sign(s.packet((label, ttl, last)), now())


def explain(node, name):
    return node.text(f".kadns/explain/IN/A/{name}")


def put(home, signer, payload):
    """At the relay itself, by who shares nothing with kadns."""
    with open(f"{T}/payload", "wb") as f:
        f.write(payload)
    said = home.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT", "--data-binary", f"@{T}/payload",
                    RELAY + signer.z32, capture_output=True, text=True).stdout
    check("the relay takes a packet", said == "204", said)


def node(name, host, last, *relays, **options):
    options = {"hosts": "none", "deadline": "8s", "relay": ",relay=".join(relays), **options}
    return Kadns(name, "10.1.0.1:4001", (f"10.1.0.{last}", 4001), host=host, **options)


def while_it_answers(home, away):
    """The DHT is there: no relay is asked for anything."""
    one = node("one", away, 2, RELAY)
    check("it joins", eventually(10, one.nodes))
    s, payload = signed("www", 1)
    put(home, s, payload)
    check("the DHT answers", one.data(f"www.{s.z32}") == ["192.0.2.1"])
    check("there is one", one.status("zone_relay.relays") == "1", one.statuses)
    check("no relay was asked", one.status("zone_relay.gets") == "0" and one.status("zone_relay.needed") == "0",
          one.statuses)
    check("explain says nothing of one", "relay" not in explain(one, f"www.{s.z32}"))
    return one


def while_it_is_silent(home, one):
    s, payload = signed("www", 2)
    put(home, s, payload)
    cable(home, "cut")
    name = f"www.{s.z32}"
    began = time.monotonic()
    got = one.read(name)
    check("a relay answers", got["data"] == ["192.0.2.2"], got)
    check("the DHT has its time, and no more", time.monotonic() - began < 20, time.monotonic() - began)
    check("what it says is as good as the DHT's", (got["trust"], got["signer"]) == ("key", s.z32), got)
    check("explain names it", f"from the relay \"{RELAY}\", for the DHT does not answer" in explain(one, name),
          lambda: explain(one, name))
    check("the status says that it is needed", one.status("zone_relay.needed") == "1", one.statuses)
    check("and counts", one.status("zone_relay.found") == "1", one.statuses)
    waited = time.monotonic() - began
    s, payload = signed("x", 3)
    put(home, s, payload)
    began = time.monotonic()
    check("the next does not wait for the DHT", one.data(f"x.{s.z32}") == ["192.0.2.3"] and
          time.monotonic() - began < waited, (time.monotonic() - began, waited))
    check("a name that the zone lacks", one.data(f"nope.{s.z32}") == "No such file or directory")
    s = Signer()
    check("a key that nobody knows", one.data(f"www.{s.z32}") == "No such file or directory")
    check("is counted", one.status("zone_relay.missing") == "1", one.statuses)


def publishing(home, real, one):
    key = one.text(".kadns/key").strip()
    mine = f"www.{key}"
    one.write(mine, "192.0.2.9")
    check("one's own zone goes to the relay", eventually(15, one.published), one.statuses)
    check("it is counted", one.status("zone_relay.puts") != "0" and one.status("zone_relay.taken") != "0", one.statuses)
    check("others have it", eventually(10, lambda: real.data(mine) == ["192.0.2.9"]), real.read(mine))
    one.write(mine, "192.0.2.10")
    check("a change too", eventually(15, one.published))
    check("others have that", eventually(10, lambda: real.data(mine) == ["192.0.2.10"]), real.read(mine))
    # Another who has the key wrote meanwhile: what he says is read and merged before it is written over.
    one.write(f"two.{key}", "192.0.2.11")
    check("a second name", eventually(15, one.published))
    check("both stand", (real.data(mine), real.data(f"two.{key}")) == (["192.0.2.10"], ["192.0.2.11"]))
    one.remove(f"two.{key}")
    check("what is withdrawn goes", eventually(15, lambda: real.data(f"two.{key}") == "No such file or directory"),
          real.read(f"two.{key}"))
    home.run("true")


def heals(home, one):
    cable(home, "whole")
    s, payload = signed("www", 4)
    put(home, s, payload)
    check("the DHT is asked again, and back", eventually(30, lambda: (
        one.data(f"www.{Signer().z32}"), one.status("zone_relay.needed"))[1] == "0"), one.statuses)
    gets = one.status("zone_relay.gets")
    check("it answers", one.data(f"www.{s.z32}") == ["192.0.2.4"])
    check("without a relay", one.status("zone_relay.gets") == gets, one.statuses)
    one.stop()


def liars(home, away, fake):
    """One who has but the liar; one who has both."""
    cable(home, "cut")
    alone = node("alone", away, 3, FAKE)
    both = node("both", away, 4, FAKE, RELAY)
    s, payload = signed("www", 5)
    put(home, s, payload)
    fake.write("other", signed("www", 66)[1])
    forged = 0
    for how in ("other", "garbage", "short", "empty", "huge"):
        fake.mode(how)
        s, payload = signed("www", 5)
        put(home, s, payload)
        got = alone.data(f"www.{s.z32}")
        check(f"{how}: is no answer", got == UNREACHABLE, got)
        forged += 1
        check(f"{how}: is counted", alone.status("zone_relay.forged") == str(forged), alone.statuses)
        check(f"{how}: the other relay answers", both.data(f"www.{s.z32}") == ["192.0.2.5"])
    fake.mode("packet")
    s = Signer()
    seq = now()
    put(home, s, s.sign(s.packet(("www", 600, 7)), seq))
    fake.write(s.z32, s.sign(s.packet(("www", 600, 6)), seq - 10**6))
    check("an older one: does not win", both.data(f"www.{s.z32}") == ["192.0.2.7"])
    check("an older one: who knows no better believes it", alone.data(f"www.{s.z32}") == ["192.0.2.6"])
    check("the path is the relay's, and the key", fake.asked()[-1] == f"GET /some/path/{s.z32} 0", fake.asked()[-1])
    s = Signer()
    put(home, s, s.sign(s.packet(("www", 600, 7)), seq))
    fake.write(s.z32, s.sign(s.packet(("www", 600, 8)), seq + 1))
    check("a newer one: wins", both.data(f"www.{s.z32}") == ["192.0.2.8"])
    s = Signer()
    fake.write(s.z32, s.sign(s.packet(("www", 600, 8)), seq + 2 * 86400 * 10**6))
    check("of a time to come: is no answer", alone.data(f"www.{s.z32}") == UNREACHABLE)
    s = Signer()
    fake.write(s.z32, s.sign(b"Hello World!", seq))
    check("signed, but no DNS: is no answer", alone.data(f"www.{s.z32}") == UNREACHABLE)
    fake.mode("404")
    check("404: nobody has it", alone.data(f"www.{s.z32}") in ("No such file or directory", UNREACHABLE))
    slow_and_broken(home, away, fake, both)
    alone.stop()
    both.stop()


def slow_and_broken(home, away, fake, both):
    for how in ("slow", "drip"):
        fake.mode(how)
        s, payload = signed("www", 5)
        put(home, s, payload)
        began = time.monotonic()
        check(f"{how}: the other relay answers", both.data(f"www.{s.z32}") == ["192.0.2.5"])
        check(f"{how}: nobody waits for it", time.monotonic() - began < 4, time.monotonic() - began)
    broken = node("broken", away, 5, *(f"http://127.0.0.1:9001/{how}" for how in ("500", "429", "redirect")), RELAY)
    check("500, 429, a redirect: the other relay answers", broken.data(f"www.{s.z32}") == ["192.0.2.5"])
    check("and they are counted", broken.status("zone_relay.failed") == "3", broken.statuses)
    s, payload = signed("www", 5)
    put(home, s, payload)
    asked = len(fake.asked())
    check("they rest a while", broken.data(f"www.{s.z32}") == ["192.0.2.5"] and len(fake.asked()) == asked)
    broken.stop()
    check("no redirect was followed", not any("elsewhere" in line for line in fake.asked()))


def refused_puts(away, fake):
    fake.mode("newer")
    n = node("refused", away, 6, FAKE)
    key = n.text(".kadns/key").strip()
    n.write(f"www.{key}", "192.0.2.1")
    check("409: it is read and put again", eventually(15, lambda: int(n.status("zone_relay.newer")) >= 2), n.statuses)
    check("and is not published", not n.published())
    fake.mode("full")
    check("until it is taken", eventually(40, n.published), n.statuses)
    check("asked for what the DHT says now", any(line == f"GET /some/path/{key}?policy=NetworkOnly 0"
                                                for line in fake.asked()), fake.asked())
    n.stop()


def answer_dns(server):
    """Every name has the address of the relay's host."""
    while True:
        packet, client = server.recvfrom(512)
        end = packet.index(b"\0", 12) + 5
        a = packet[end - 4:end - 2] == b"\0\1"
        server.sendto(packet[:2] + b"\x81\x80\0\1" + bytes([0, a]) + b"\0\0\0\0" + packet[12:end] +
                      (b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes([10, 2, 0, 1]) if a else b""), client)


DNS = """import socket, sys
sys.path.insert(0, sys.argv[1])
sys.argv[1:] = []
from test_zone_relay import answer_dns
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 5300))
answer_dns(s)
"""


def by_name(home, away, certificates):
    """The relay's name is looked up at upstream=, and the certificate must say it. With root_hints= `test` has names."""
    away.start(sys.executable, "-c", DNS, HERE)
    check("a resolver stands", eventually(5, lambda: away.run(
        "dig", "+short", "+time=1", "@127.0.0.1", "-p", "5300", "x.y", capture_output=True, text=True,
        check=False).stdout == "10.2.0.1\n"))
    os.environ["SSL_CERT_FILE"] = f"{certificates}/ca.pem"
    s, payload = signed("www", 5)
    put(home, s, payload)
    good = node("named", away, 2, "https://dns.test:8443", upstream="127.0.0.1:5300",
                root_hints="/usr/share/dns/root.hints")
    check("a relay by its name, over TLS", good.data(f"www.{s.z32}") == ["192.0.2.5"], lambda: explain(good, f"www.{s.z32}"))
    good.stop()
    bad = node("misnamed", away, 7, "https://other.test:8443", upstream="127.0.0.1:5300",
                root_hints="/usr/share/dns/root.hints")
    check("another's certificate", bad.data(f"www.{s.z32}") == UNREACHABLE, bad.read(f"www.{s.z32}"))
    check("is a failure", int(bad.status("zone_relay.failed")) >= 1, bad.statuses)
    bad.stop()
    address = node("address", away, 8, "https://10.2.0.1:8443/pkarr#dns.test")
    check("by its address, and a name for the certificate", address.data(f"www.{s.z32}") == ["192.0.2.5"])
    address.stop()
    none = node("nobody", away, 3, "https://dns.test:8443")
    check("without an upstream nobody knows a name", none.data(f"www.{s.z32}") == UNREACHABLE)
    none.stop()


def words():
    for word, why in (("ftp://x.y/", "a relay is https://"), ("http://relay.test/", "address of this network"),
                      ("http://192.0.2.1/", "address of this network"), ("https:///", "neither a name nor an address"),
                      ("https://x.y:0/", "no port"), ("https://x.y:99999/", "no port"), ("https://x.y/?a", "the path is none"),
                      ("https://x.y/#z.z", "is for an address"), ("https://192.0.2.1/#", "no name of a host"),
                      ("http://127.0.0.1:8882/\\,http=127.0.0.1:8882".replace("\\", ""), "that is our own door"),
                      ("https://x.y/,dht=off", "not with dht=off")):
        said = subprocess.run([f"{sys.argv[1]}/fs/kadns", "-n", "--no-mount", "-o", f"relay={word}", "none"], check=False,
                              capture_output=True, text=True)
        check(f"relay={word} is refused", said.returncode != 0 and why in said.stderr, said.stderr)


def test():
    words()
    certificates = f"{T}/c"
    os.mkdir(certificates)
    run(sys.executable, f"{HERE}/certificates.py", certificates)
    bridge("dht")
    bridge("web")
    hosts = [Host(name, "dht", f"10.1.0.{last}/24") for name, last in (("home", 1), ("away", 2))]
    home, away = hosts
    for last in range(3, 9):
        away.run("ip", "address", "add", f"10.1.0.{last}/24", "dev", "eth0")
    for i, host in enumerate(hosts):
        run("ip", "link", "add", f"w-{host.name}", "type", "veth", "peer", "name", "eth1", "netns", host.name)
        run("ip", "link", "set", f"w-{host.name}", "master", "web", "up")
        host.run("ip", "address", "add", f"10.2.0.{i + 1}/24", "dev", "eth1")
        host.run("ip", "link", "set", "eth1", "up")
    real = Kadns("real", "none", ("10.1.0.1", 4001), host=home, http="10.2.0.1:8882", https="10.2.0.1:8443",
                 http_host="dns.test", allow="10.2.0.0/24", tls_cert=f"{certificates}/good.pem",
                 tls_key=f"{certificates}/good.key")
    home.run("ip", "address", "add", "10.1.0.9/24", "dev", "eth0")
    mate = Kadns("mate", "10.1.0.1:4001", ("10.1.0.9", 4001), host=home)  # so that its DHT is not empty
    check("the relay's DHT", eventually(10, mate.nodes))
    fake = Fake(away)
    one = while_it_answers(home, away)
    while_it_is_silent(home, one)
    publishing(home, real, one)
    heals(home, one)
    liars(home, away, fake)
    refused_puts(away, fake)
    by_name(home, away, certificates)


if __name__ == "__main__":
    enter(240)
    main(test)
