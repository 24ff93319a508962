#!/usr/bin/python3
"""/metrics, /healthz, /status and /nodes: the very lines of the control panel, as Prometheus wants them. Its text format is
parsed strictly here, and promtool says what it thinks of them too."""
import http.client
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import T, Kadns, check, enter, eventually, main  # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\d+(?:\.\d+)?)")


def get(path, port=8881, method="GET"):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    c.request(method, path)
    r = c.getresponse()
    r.text = r.read().decode("ascii")
    c.close()
    return r


def parse(text):
    """{(name, labels): value}, and what is wrong."""
    samples, wrong, types, at = {}, [], {}, None
    if not text.endswith("\n"):
        wrong.append("no newline at the end")
    for line in text.splitlines():
        if m := re.fullmatch(rf"# HELP ({NAME}) ([^\\]+)", line):
            if m[1] in types:
                wrong.append(f"twice: {line}")
            at = m[1]
        elif m := re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge)", line):
            if m[1] != at or m[1] in types:
                wrong.append(f"TYPE without HELP: {line}")
            types[m[1]] = m[2]
            if (m[2] == "counter") != m[1].endswith("_total"):
                wrong.append(f"counters end in _total: {line}")
        elif m := SAMPLE.fullmatch(line):
            key = m[1], tuple(sorted(re.findall(LABEL, m[2] or "")))
            if m[1] != at or m[1] not in types or key in samples:
                wrong.append(f"out of place: {line}")
            samples[key] = float(m[m.lastindex])
        else:
            wrong.append(f"what is this: {line}")
    return samples, wrong


def value_of(samples, line, value):
    """Whether the status line is there, whatever its labels are called."""
    words = line.split(".")
    for (name, labels), number in samples.items():
        parts = [v for _, v in labels]
        if not value.isdigit() and value in parts and number == 1 and words[-1] in name:
            return True
        rest = words[::-1]
        for part in parts:
            if part in rest:
                rest.remove(part)
        rest.reverse()
        if value.isdigit() and len(words) - len(rest) == len(labels) and (
                name.replace("upstream_server", "upstream") in (
                    "kadns_" + "_".join(rest) + end for end in ("", "_total")) or
                ("rtt" in name and line.endswith("rtt_us"))):
            return True
    return False


def test():
    a = Kadns("a", "none", ("127.0.1.1", 4001), http="127.0.0.1:8881", upstream="127.0.9.1,upstream=127.0.9.2",
              door=1051, deadline="500ms")
    lost = Kadns("lost", "127.0.9.9:1", ("127.0.2.1", 4002), http="127.0.0.1:8882")
    a.write("printer.alt", "192.0.2.7")
    check("a node is well", eventually(5, lambda: (get("/healthz").status, get("/healthz").text) == (200, "ok\n")),
          lambda: get("/healthz").text)
    r = get("/healthz", 8882)
    check("one that knows nobody is not", (r.status, r.text) == (503, "no node of the DHT answers\n"), r.text)
    check("and is when it does", lost.text(".kadns/nodes") == "" and _introduce(lost, a) and
          eventually(10, lambda: get("/healthz", 8882).status == 200))

    r = get("/metrics")
    check("the type is Prometheus'", r.getheader("Content-Type") == "text/plain; version=0.0.4; charset=utf-8" and
          r.getheader("Cache-Control") == "no-store", r.headers.items())
    samples, wrong = parse(r.text)
    check("the text is clean", not wrong, wrong[:5])
    status = a.statuses()
    missing = [n for n in status if not value_of(samples, n, status[n])]
    check("every line of the status is there", not missing, missing)
    check("nor is there more", len(samples) == len(status), (len(samples), len(status)))
    before = samples[("kadns_dns_in_total", (("door", "udp"),))]
    a.dig("printer.alt")
    samples, _ = parse(get("/metrics").text)
    check("they move", samples[("kadns_dns_in_total", (("door", "udp"),))] == before + 1)
    check("HEAD", get("/metrics", method="HEAD").text == "")
    check("they are read only", get("/metrics", method="POST").status == 405)
    said = subprocess.run([promtool(), "check", "metrics"], input=r.text, capture_output=True, text=True, check=False)
    check("promtool finds nothing", (said.returncode, said.stdout, said.stderr) == (0, "", ""),
          said.stdout + said.stderr)
    check("a node whose servers are all silent is not well", eventually(
        10, lambda: a.data("www.example.com") and get("/healthz").status == 503))
    check("and says why", get("/healthz").text == "no server of conventional DNS answers\n")
    names = [line.split()[0] for line in get("/status").text.splitlines()]
    check("/status is .kadns/status", names == list(a.statuses()), names[:5])
    check("/nodes is .kadns/nodes", {line.split()[0] for line in get("/nodes").text.splitlines()} == a.nodes() and
          a.nodes(), a.nodes)


def promtool():
    """Of Debian's package, which tests/run.sh has fetched."""
    subprocess.run(
        ["sh", "-c", f'. {TOP}/fs/packages.sh; for deb in "$FETCHED"/prometheus_*.deb; do dpkg-deb --fsys-tarfile "$deb"; '
         f"done | tar -x -C {T} ./usr/bin/promtool"], check=True)
    return f"{T}/usr/bin/promtool"


def _introduce(node, other):
    with open(f"{node.mount}/.kadns/nodes", "w", encoding="ascii") as f:
        f.write("%s %d\n" % other.endpoint)
    return True


if __name__ == "__main__":
    enter(60)
    main(test)
