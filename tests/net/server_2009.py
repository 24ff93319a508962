#!/usr/bin/env python3
"""server_2009.py ADDR:PORT LOG: http2dns.py of 2009 as it is remembered, for the tests: GET /PROXY/IN/TYPE/NAME, JSON
without spaces, the nine types of then, its errors, HTTP/1.0. What a name begins with says what becomes of it."""
import http.server
import json
import socketserver
import sys
import time

HOST, PORT = sys.argv[1].rsplit(":", 1)
LOG = open(sys.argv[2], "a", buffering=1, encoding="ascii")
ERRORS = {"nothere": (404, "DNSNameError"), "refused": (403, "DNSQueryRefusedError"), "timeout": (408, "DNSQueryTimeoutError"),
          "servfail": (502, "DNSServerError"), "broken": (500, "DNSUnknownError"), "format": (400, "DNSFormatError")}


def record(name, kind, payload, ttl=3600):
    payload = dict(payload, ttl=ttl, __type__="Record_" + kind) if payload else {"__type__": kind, "notimplemented": True}
    return {"auth": False, "payload": payload, "ttl": ttl, "cls": "IN", "type": kind, "name": name, "__type__": "RRHeader"}


SOA = {"mname": "ns.old.example", "rname": "host.old.example", "serial": 2009122701, "refresh": 7200, "retry": 3600,
       "expire": 604800, "minimum": 300}
PAYLOADS = {"A": {"address": "193.99.144.85"}, "AAAA": {"address": "2001:db8::9"}, "NS": {"name": "ns.old.example"},
            "PTR": {"name": "ptr.old.example"}, "TXT": {"data": "only the first"}, "SOA": SOA, "MX": None, "SRV": None}


def answer(name, kind):
    if name.startswith("alias."):
        target = "www" + name[5:]
        return [[record(name, "CNAME", {"name": target}), record(target, kind, PAYLOADS[kind])], [], []]
    if name.startswith("nodata.") or kind not in PAYLOADS:
        return [[], [record("old.example", "SOA", SOA)], []]
    extra = [record("ns.old.example", "A", PAYLOADS["A"])] if kind == "NS" else []
    return [[record(name, kind, PAYLOADS[kind])], [], extra]


ODD = {"junk": b"<html>", "half": b"[[", "two": b"[[],[]]", "deep": b"[" * 50000, "wrong": json.dumps(
    [[record("wrong.old.example", "A", {"address": "1.2.3"})], [], []]).encode(), "big": b"[" + b" " * 70000 + b"]"}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        LOG.write(self.path + "\n")
        parts = self.path.split("/")
        first = parts[-1].split(".")[0]
        status, body = 200, b""
        if first == "lame":
            time.sleep(30)
        if len(parts) != 5 or parts[1] != "PROXY" or parts[2] != "IN":
            status, body = 404, b"<html>there is nothing here</html>"
        elif first in ODD:
            body = ODD[first]
        elif first in ERRORS:
            status, kind = ERRORS[first]
            body = json.dumps([[{"__type__": "error", "class": kind}]]).encode()
        else:
            body = json.dumps(answer(parts[4], parts[3]), separators=(",", ":")).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    server_bind = socketserver.TCPServer.server_bind  # or it asks for its own name


server = Server((HOST, int(PORT)), Handler)
print("ready", flush=True)
server.serve_forever()
