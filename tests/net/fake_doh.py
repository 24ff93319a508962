#!/usr/bin/env python3
"""fake_doh.py ADDR CERT MODE LOG: a server for DNS over HTTPS on port 443 of ADDR, HTTP/1.1 only, for whom every name has
the address 192.0.2.77, and that does as MODE says: well; close (ends the connection behind each answer); lost (ends the first without any);
redirect (to another path); status (503); type (text/plain); junk (no DNS); other (answers another question); huge
(a body without end); headers (a head without end); silent (accepts, and says nothing); mute (after the handshake).
LOG gets a line for each request: METHOD PATH HOST TYPE ID LENGTH."""
import http.server
import socketserver
import ssl
import sys
import time

from dnsraw import answer

ADDRESS, CERT, MODE = sys.argv[1:4]
LOG = open(sys.argv[4], "a", buffering=1, encoding="ascii")
first = [True]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        LOG.write(f"POST {self.path} {self.headers['host']} {self.headers['content-type']} {body[:2].hex()} {len(body)}\n")
        said, kind, status = answer(body), "application/dns-message", 200
        if MODE == "lost" and first:
            first.clear()
            self.close_connection = True
            return
        if MODE == "mute":
            time.sleep(60)
        if MODE == "redirect" and self.path != "/elsewhere":
            status = 307
        if MODE == "status":
            status = 503
        if MODE == "type":
            kind = "text/plain"
        if MODE == "junk":
            said = b"abc"
        if MODE == "other":
            said = answer(body, b"\5other\0")
        self.send_response(status)
        if MODE == "redirect":
            self.send_header("location", "/elsewhere")
        if MODE == "close":
            self.send_header("connection", "close")
        while MODE == "headers":
            self.send_header("x", "y" * 1000)
            self.flush_headers()
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(said) if MODE != "huge" else 10 ** 9))
        self.end_headers()
        while MODE == "huge":
            self.wfile.write(b"x" * 10000)
        self.wfile.write(said)
        if MODE == "close":
            self.close_connection = True

    do_GET = do_POST

    def log_message(self, *args):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64
    server_bind = socketserver.TCPServer.server_bind  # or it asks for its own name

    def finish_request(self, request, client_address):
        if MODE == "silent":
            time.sleep(60)
        try:
            super().finish_request(context.wrap_socket(request, server_side=True), client_address)
        except OSError:
            pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERT, CERT.replace(".pem", ".key"))
server = Server((ADDRESS, 443), Handler)
print("ready", flush=True)
server.serve_forever()
