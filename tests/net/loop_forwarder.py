#!/usr/bin/env python3
"""A resolver that knows nothing and asks another for everything: each question as it came, with an id of
its own and from an address of its own, each answer back to who asked. With KNOWS it asks no longer than half
a second, and then says itself that there is no such name, as also where the other fails. With ZONE it asks for names below that alone, and says of others that there are none.

usage: loop_forwarder.py LISTEN TO PORT LOG [knows|ZONE]    (port 53; each question is a line of LOG)"""
import select
import socket
import struct
import sys
import time


def name(packet):
    at, labels = 12, []
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("ascii").lower())
        at += 1 + packet[at]
    return ".".join(labels) + "."


def no_such(packet):
    end = 12
    while packet[end]:
        end += 1 + packet[end]
    return b"\x81\x83\0\1" + bytes(6) + packet[12:end + 5]


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((sys.argv[1], 53))
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.bind((sys.argv[1], 0))
    log = open(sys.argv[4], "w", encoding="ascii", buffering=1)
    how = sys.argv[5] if len(sys.argv) > 5 else "."
    knows, waiting, serial = how == "knows", {}, 0
    while True:
        for s in select.select([server, out], [], [], 0.1)[0]:
            packet, source = s.recvfrom(65535)
            if s is server:
                log.write(name(packet) + "\n")
                if not knows and not name(packet).endswith(how):
                    server.sendto(packet[:2] + no_such(packet), source)
                    continue
                serial = (serial + 1) & 0xffff
                waiting[serial] = source, packet, time.monotonic()
                out.sendto(struct.pack(">H", serial) + packet[2:], (sys.argv[2], int(sys.argv[3])))
            elif (packet[0] << 8 | packet[1]) in waiting:
                client, asked, _ = waiting.pop(packet[0] << 8 | packet[1])
                server.sendto(asked[:2] + (no_such(asked) if knows and packet[3] & 15 else packet[2:]), client)
        for i, (client, asked, since) in list(waiting.items()):
            if knows and time.monotonic() - since > 0.5:
                del waiting[i]
                server.sendto(asked[:2] + no_such(asked), client)


main()
