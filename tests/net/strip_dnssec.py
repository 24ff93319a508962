#!/usr/bin/env python3
"""A forwarder as in many a home: it passes questions on without EDNS, so no RRSIG comes back.

usage: strip_dnssec.py LISTEN UPSTREAM    (addresses; port 53 of both)"""
import socket
import sys


def question_end(message):
    at = 12
    while message[at]:
        at += 1 + message[at]
    return at + 5


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((sys.argv[1], 53))
    upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    upstream.settimeout(3)
    while True:
        query, client = server.recvfrom(65535)
        # RD alone: no CD, no AD; one question, and no OPT record behind it.
        plain = query[:2] + bytes([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + query[12:question_end(query)]
        upstream.sendto(plain, (sys.argv[2], 53))
        try:
            server.sendto(upstream.recv(65535), client)
        except TimeoutError:
            pass


main()
