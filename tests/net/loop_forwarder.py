#!/usr/bin/env python3
"""A resolver that knows nothing and asks another for everything: each question as it came, with an id of
its own and from an address of its own, each answer back to who asked.

usage: loop_forwarder.py LISTEN TO PORT LOG    (port 53; each question is a line of LOG)"""
import select
import socket
import struct
import sys


def name(packet):
    at, labels = 12, []
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("ascii").lower())
        at += 1 + packet[at]
    return ".".join(labels) + "."


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((sys.argv[1], 53))
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.bind((sys.argv[1], 0))
    log = open(sys.argv[4], "w", encoding="ascii", buffering=1)
    waiting, serial = {}, 0
    while True:
        for s in select.select([server, out], [], [])[0]:
            packet, source = s.recvfrom(65535)
            if s is server:
                serial = (serial + 1) & 0xffff
                waiting[serial] = source, packet[:2]
                log.write(name(packet) + "\n")
                out.sendto(struct.pack(">H", serial) + packet[2:], (sys.argv[2], int(sys.argv[3])))
            elif packet[:2] in (struct.pack(">H", i) for i in waiting):
                client, id_ = waiting.pop(packet[0] << 8 | packet[1])
                server.sendto(id_ + packet[2:], client)


main()
