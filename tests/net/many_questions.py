#!/usr/bin/env python3
"""Asks many questions at once over UDP, each for a name of its own, and each again when nothing has come
for RETRY seconds.

usage: many_questions.py ADDRESS PORT COUNT SUFFIX RETRY [MARK]
MARK is made as soon as all are out. Prints: ANSWERED ADDRESSES ASKED-AGAIN"""
import select
import socket
import struct
import sys
import time


def query(i, suffix):
    labels = [b"n%d" % i] + [label.encode() for label in suffix.split(".")]
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return struct.pack(">6H", i, 0x100, 1, 0, 0, 0) + name + b"\0\1\0\1"


def main():
    server, count, suffix = (sys.argv[1], int(sys.argv[2])), int(sys.argv[3]), sys.argv[4]
    retry = float(sys.argv[5])
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    for i in range(count):
        s.sendto(query(i, suffix), server)
        time.sleep(0.0002)  # a socket holds so many
    if len(sys.argv) > 6:
        open(sys.argv[6], "w", encoding="ascii").close()
    open_, good, again, asked = set(range(count)), 0, 0, time.monotonic()
    end = time.monotonic() + 40
    while open_ and time.monotonic() < end:
        if select.select([s], [], [], 0.1)[0]:
            packet = s.recv(65535)
            i, rcode, answers = packet[0] << 8 | packet[1], packet[3] & 15, packet[7]
            if i in open_:
                open_.discard(i)
                good += rcode == 0 and answers == 1
        elif time.monotonic() - asked > retry:
            asked = time.monotonic()
            for i in open_:
                s.sendto(query(i, suffix), server)
                again += 1
    print(count - len(open_), good, again)


main()
