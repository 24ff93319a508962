#!/usr/bin/env python3
"""Passes datagrams on to a DNS server, if there is one, and back, and writes down each question.

usage: relay_count.py LISTEN SERVER LOG    (port 53 of both; a line of LOG is NAME TYPE)"""
import selectors
import socket
import sys


def question(packet):
    at, labels = 12, []
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1").lower())
        at += 1 + packet[at]
    return ".".join(labels) + ". " + str(packet[at + 1] << 8 | packet[at + 2])


def main():
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.bind((sys.argv[1], 53))
    log = open(sys.argv[3], "a", encoding="utf-8", buffering=1)
    ready, asked = selectors.DefaultSelector(), {}
    ready.register(door, selectors.EVENT_READ)
    while True:
        for key, _ in ready.select():
            if key.fileobj is door:
                packet, client = door.recvfrom(65535)
                log.write(question(packet) + "\n")
                out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                out.connect((sys.argv[2], 53))
                out.send(packet)
                asked[out] = client
                ready.register(out, selectors.EVENT_READ)
            else:
                out = key.fileobj
                try:
                    door.sendto(out.recv(65535), asked.pop(out))
                except ConnectionRefusedError:  # nobody is there: no answer
                    pass
                ready.unregister(out)
                out.close()


main()
