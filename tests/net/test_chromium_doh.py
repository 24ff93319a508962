#!/usr/bin/python3
"""Chromium with kadns as its secure DNS: the policies of an administrator name https://127.0.0.1:8443/dns-query and no other,
and it has to open pages of names that only kadns knows."""
import base64
import http.server
import json
import os
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from chromium import Chromium  # noqa: E402
from lab import Kadns, T, check, enter, main, run  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


class Page(http.server.BaseHTTPRequestHandler):
    hosts = []

    def do_GET(self):  # pylint: disable=invalid-name
        Page.hosts.append(self.headers["Host"])
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>reached</title>")

    def log_message(self, *args):  # pylint: disable=arguments-differ
        pass


def policies():
    """Where they are read, in our own mount namespace; the root of our certificates among them."""
    with open(f"{T}/c/ca.pem", encoding="ascii") as f:
        root = "".join(line.strip() for line in f if "-----" not in line)
    assert base64.b64decode(root)
    run("mount", "-t", "tmpfs", "none", "/etc/chromium")
    os.makedirs("/etc/chromium/policies/managed")
    with open("/etc/chromium/policies/managed/dns.json", "w", encoding="ascii") as f:
        json.dump({"DnsOverHttpsMode": "secure", "CACertificates": [root],
                   "DnsOverHttpsTemplates": "https://127.0.0.1:8443/dns-query"}, f)


def open_page(c, name):
    """None when it is there, else what Chromium says."""
    said = c.call("Page.navigate", url=f"http://{name}:8080/").get("errorText")
    return said or (None if c.until("document.title === 'reached'") else c.run("document.title"))


def test():
    os.makedirs(f"{T}/c")
    run("/usr/bin/python3", "-W", "ignore", f"{HERE}/certificates.py", f"{T}/c")
    a = Kadns("a", "none", ("127.0.1.1", 4001), https="127.0.0.1:8443", tls_cert=f"{T}/c/address.pem",
              tls_key=f"{T}/c/address.key")
    for name in "printer", "scanner", "later":
        a.write(f"{name}.alt", "127.0.0.1")
    pages = http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Page)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    said = subprocess.run(["getent", "hosts", "printer.alt"], check=False, capture_output=True)
    check("this machine's own DNS knows no such name", said.returncode == 2, said)
    policies()
    os.makedirs(f"{T}/profile")
    before = a.statuses()
    c = Chromium(f"{T}/profile")
    said = open_page(c, "printer.alt")
    check("a page of a name that only kadns knows opens", said is None, said)
    check("it was asked for", Page.hosts[:1] == ["printer.alt:8080"], Page.hosts)
    now = a.statuses()
    moved = {n: int(now[f"dns.https.{n}"]) - int(before[f"dns.https.{n}"]) for n in ("in", "out", "handshakes", "junk")}
    check("by questions over HTTPS, each answered", moved["in"] == moved["out"] >= 1 <= moved["handshakes"] and
          moved["junk"] == 0, moved)
    said = open_page(c, "scanner.alt")
    check("and another", said is None, said)
    said = open_page(c, "nobody.alt")
    check("one that nobody has does not", said == "net::ERR_NAME_NOT_RESOLVED", said)
    a.kill()
    said = open_page(c, "later.alt")
    check("nor one that kadns has, when it is gone", said == "net::ERR_NAME_NOT_RESOLVED", said)
    said = open_page(c, "127.0.0.1")
    check("though the page is there", said is None, said)
    check("nothing else was opened", list(dict.fromkeys(Page.hosts)) == ["printer.alt:8080", "scanner.alt:8080", "127.0.0.1:8080"], Page.hosts)
    c.close()


if __name__ == "__main__":
    enter(100)
    main(test)
