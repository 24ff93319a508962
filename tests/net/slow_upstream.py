#!/usr/bin/env python3
"""A resolver as it may stand in a home: no DNSSEC, an address for every name, and slow.

usage: slow_upstream.py LISTEN MILLISECONDS ADDRESS [LOG]    (port 53; each name asked is a line of LOG)"""
import heapq
import select
import socket
import sys
import time


def reply(packet, address):
    at = 12
    while packet[at]:
        at += 1 + packet[at]
    question = packet[12:at + 5]
    a = question[-4:] == b"\0\1\0\1"
    message = packet[:2] + b"\x81\x80\0\1" + bytes([0, a]) + b"\0\0\0\0" + question
    return message + (b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + address if a else b"")


def name(packet):
    at, labels = 12, []
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("ascii").lower())
        at += 1 + packet[at]
    return ".".join(labels) + "."


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    server.bind((sys.argv[1], 53))
    delay, address = int(sys.argv[2]) / 1000, socket.inet_aton(sys.argv[3])
    log = open(sys.argv[4], "w", encoding="ascii", buffering=1) if len(sys.argv) > 4 else None
    due, serial = [], 0
    while True:
        wait = max(0, due[0][0] - time.monotonic()) if due else None
        if select.select([server], [], [], wait)[0]:
            packet, client = server.recvfrom(65535)
            serial += 1
            heapq.heappush(due, (time.monotonic() + delay, serial, reply(packet, address), client))
            if log:
                log.write(name(packet) + "\n")
        while due and due[0][0] <= time.monotonic():
            _, _, message, client = heapq.heappop(due)
            server.sendto(message, client)


main()
