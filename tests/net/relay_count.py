#!/usr/bin/env python3
"""Passes datagrams on to a DNS server, if there is one, and back, and writes down each question.

usage: relay_count.py LISTEN SERVER LOG [lossy|servfail|slow]

Port 53 of both; a line of LOG is NAME TYPE, and CD where that is set. lossy: the first packet of each
question is lost; servfail: to each it says SERVFAIL by itself; slow: it takes 1.5 s."""
import selectors
import socket
import sys
import time


def question(packet):
    at, labels = 12, []
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1").lower())
        at += 1 + packet[at]
    return ".".join(labels) + ". " + str(packet[at + 1] << 8 | packet[at + 2]) + " CD" * (packet[3] >> 4 & 1)


def servfail(packet):
    end = 12
    while packet[end]:
        end += 1 + packet[end]
    return packet[:2] + bytes([packet[2] | 0x80, packet[3] & 0x10 | 0x82]) + packet[4:6] + bytes(6) + packet[12:end + 5]


def main():
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.bind((sys.argv[1], 53))
    log = open(sys.argv[3], "a", encoding="utf-8", buffering=1)
    mode = sys.argv[4] if len(sys.argv) > 4 else ""
    ready, asked, seen = selectors.DefaultSelector(), {}, set()
    ready.register(door, selectors.EVENT_READ)
    late = []  # answers, and when they are given
    while True:
        while late and late[0][0] <= time.monotonic():
            door.sendto(*late.pop(0)[1:])
        for key, _ in ready.select(max(0, late[0][0] - time.monotonic()) if late else None):
            if key.fileobj is door:
                packet, client = door.recvfrom(65535)
                asks = question(packet)
                log.write(asks + "\n")
                if mode == "servfail":
                    door.sendto(servfail(packet), client)
                    continue
                if mode == "lossy" and asks not in seen:
                    seen.add(asks)
                    continue
                out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                out.connect((sys.argv[2], 53))
                out.send(packet)
                asked[out] = client
                ready.register(out, selectors.EVENT_READ)
            else:
                out = key.fileobj
                try:
                    late.append((time.monotonic() + (1.5 if mode == "slow" else 0), out.recv(65535), asked.pop(out)))
                except ConnectionRefusedError:  # nobody is there: no answer
                    pass
                ready.unregister(out)
                out.close()


main()
