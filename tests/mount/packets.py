"""packets.py FILE PORT: a line in FILE for each packet on lo by which the node at UDP port PORT, or anybody,
asks somebody for a name: "dht get 127.0.0.1:4002", "dns 127.53.0.53 1 www.example.test." (its type). Not what keeps a routing table
(ping, find_node), for which no walk is to blame. Ends with "lost N", on SIGTERM, for what the socket
missed."""
import ipaddress
import re
import signal
import socket
import struct
import sys

SOL_PACKET, PACKET_STATISTICS, DNS_PORTS = 263, 6, (53, 853)


def question_of(message):
    """TYPE NAME, for who reads what a test complains of."""
    at, labels = 12, []
    while at < len(message) and message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode("ascii", "replace"))
        at += 1 + message[at]
    return f"{int.from_bytes(message[at + 1:at + 3], 'big')} {'.'.join(labels)}."


def begins_or_says(packet, header):
    """Of TCP: a SYN, or data. The server ends an idle connection after 30 s: what answers that asks nothing."""
    data = int.from_bytes(packet[2:4], "big") - header - (packet[header + 12] >> 4) * 4
    return packet[header + 13] & 2 or data > 0


def kind_of(packet, port):
    """None: neither."""
    if len(packet) < 28 or packet[0] >> 4 != 4:
        return None
    header = (packet[0] & 15) * 4
    to, (source, destination) = ipaddress.ip_address(packet[16:20]), struct.unpack_from("!HH", packet, header)
    if destination in DNS_PORTS and (packet[9] == 17 or begins_or_says(packet, header)):
        return f"dns {to} {question_of(packet[header + 8:]) if packet[9] == 17 else 'TCP'}"
    query = re.search(rb"1:q\d+:([a-z_]+)", packet[header + 8:]) if packet[9] == 17 else None
    if query and source == port and query[1] not in (b"ping", b"find_node"):
        return f"dht {query[1].decode()} {to}:{destination}"
    return None


def main():
    seen = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    seen.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
    seen.bind(("lo", 3))
    file = open(sys.argv[1], "a", buffering=1, encoding="ascii")  # pylint: disable=consider-using-with

    def end(*_):
        print("lost", struct.unpack("II", seen.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1], file=file)
        sys.exit()
    signal.signal(signal.SIGTERM, end)
    print("ready", file=file)
    while True:
        packet, (_, _, direction, *_) = seen.recvfrom(65536)
        kind = kind_of(packet, int(sys.argv[2])) if direction != socket.PACKET_OUTGOING else None
        if kind:
            print(kind, file=file)


main()
