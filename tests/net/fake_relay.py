#!/usr/bin/env python3
"""fake_relay.py PORT DIR: a pkarr relay on 127.0.0.1 that lies as the file DIR/mode says, which is read for each request:
packet (what DIR/KEY holds, or 404), other (DIR/other, whatever is asked for), garbage, short, empty, huge (a body without end), 404, 500, 429,
redirect (to a place that would serve the packet), slow (says nothing), drip (a byte now and then), newer (409 to a PUT), full (204 to a PUT).
A path that begins with /500, /429 or /redirect has that, whatever the file says. DIR/log gets a line for each request: METHOD PATH LENGTH."""
import http.server
import os
import socketserver
import sys
import time

DIR = sys.argv[2]


def mode():
    with open(f"{DIR}/mode", encoding="ascii") as f:
        return f.read().strip()


def content(name):
    try:
        with open(f"{DIR}/{name}", "rb") as f:
            return f.read()
    except OSError:
        return None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def say(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def note(self, length):
        with open(f"{DIR}/log", "a", encoding="ascii") as f:
            f.write(f"{self.command} {self.path} {length}\n")

    def do_GET(self):
        self.note(0)
        how, key = mode(), self.path.split("?", maxsplit=1)[0].rsplit("/", maxsplit=1)[-1]
        first = self.path.split("/")[1]
        if first == "elsewhere":
            how = "packet"
        elif first in ("500", "429", "redirect"):
            how = first
        if how == "packet":
            packet = content(key)
            self.say(200 if packet else 404, packet or b"")
        elif how == "other":
            self.say(200, content("other"))
        elif how in ("garbage", "short", "empty"):
            self.say(200, os.urandom({"garbage": 300, "short": 71, "empty": 0}[how]))
        elif how == "redirect":
            self.say(307, location=f"/elsewhere/{key}")
        elif how == "slow":
            time.sleep(60)
        elif how == "drip":
            self.send_response(200)
            self.send_header("content-length", "300")
            self.end_headers()
            for _ in range(300):
                self.wfile.write(b"x")
                time.sleep(0.2)
        elif how == "huge":
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            while True:
                self.wfile.write(b"x" * 10000)
        else:
            self.say(int(how) if how.isdigit() else 404)

    def do_PUT(self):
        length = int(self.headers["content-length"])
        self.rfile.read(length)
        self.note(length)
        self.say({"newer": 409, "full": 204}.get(mode(), 500))

    def log_message(self, *args):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    server_bind = socketserver.TCPServer.server_bind  # or it asks for its own name

    def handle_error(self, request, client_address):
        pass


Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
