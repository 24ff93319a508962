#!/usr/bin/env python3
"""A resolver with aliases: NAME=TARGET; +NAME=TARGET tells the target's address as well, its own.
Other names have the address, but for those whose first label is "nx".

usage: alias_upstream.py LISTEN ADDRESS LOG ZONE [NAME=TARGET...]    (port 53; "NAME TYPE" is a line of LOG)

It refuses what is not in ZONE; "." is all."""
import socket
import struct
import sys


def question(packet):
    at, labels = 12, []
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("ascii").lower())
        at += 1 + packet[at]
    return ".".join(labels) + ".", int.from_bytes(packet[at + 1:at + 3], "big"), packet[12:at + 5]


def wire(name):
    return b"".join(bytes([len(x)]) + x.encode() for x in name.rstrip(".").split(".") if x) + b"\0"


def record(owner, kind, rdata):
    return wire(owner) + struct.pack(">HHIH", kind, 1, 60, len(rdata)) + rdata


def reply(packet, address, zone, aliases):
    name, kind, asked = question(packet)
    rcode, answers = 0, []
    if zone != "." and not ("." + name).endswith("." + zone):
        rcode = 5
    elif name in aliases and kind in (1, 5, 28):
        target, whole = aliases[name]
        answers.append(record(name, 5, wire(target)))
        if whole and kind == 1:
            answers.append(record(target, 1, address))
    elif name.startswith("nx."):
        rcode = 3
    elif kind == 1:
        answers.append(record(name, 1, address))
    head = struct.pack(">HHHHH", 0x8180 | rcode, 1, len(answers), 0, 0)
    return name, kind, packet[:2] + head + asked + b"".join(answers)


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((sys.argv[1], 53))
    aliases = {}
    for word in sys.argv[5:]:
        name, target = word.lstrip("+").split("=")
        aliases[name + "."] = (target + ".", word[0] == "+")
    with open(sys.argv[3], "w", encoding="ascii", buffering=1) as log:
        while True:
            packet, client = server.recvfrom(65535)
            name, kind, message = reply(packet, socket.inet_aton(sys.argv[2]), sys.argv[4], aliases)
            log.write(f"{name} {kind}\n")
            server.sendto(message, client)


main()
