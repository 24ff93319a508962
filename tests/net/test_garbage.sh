#!/bin/sh
# Garbage on every port: random bytes, what is cut off, what is too large, what is never finished, and a
# thousand of each. It is counted and dropped, nobody gets more bytes back than he sent, the daemon serves on, and
# neither its memory nor its descriptors nor its work grow with what strangers send.
. "$(dirname "$0")/../lib.sh"

M=$T/dns
S=/var/lib/kadns/4001
mkdir "$M"
cat >"$T/send.py" <<'PYTHON'
"""send.py WHAT: sends it, and says what came back that should not."""
import random, select, socket, struct, sys, time

DHT, DOOR = ("127.0.0.1", 4001), ("127.0.0.1", 1053)
MANY = 1000
rng = random.Random(20091229)
ID = bytes(range(20))


def bencode(v):
    if isinstance(v, int):
        return b"i%de" % v
    if isinstance(v, bytes):
        return b"%d:%s" % (len(v), v)
    if isinstance(v, list):
        return b"l" + b"".join(map(bencode, v)) + b"e"
    return b"d" + b"".join(bencode(k) + bencode(v[k]) for k in sorted(v)) + b"e"


def query(method, more={}, **args):
    args = {k.encode(): v for k, v in args.items()}
    return bencode({b"t": b"aa", b"y": b"q", b"q": method, b"a": {b"id": ID, **args}, **more})


PING = query(b"ping")
# Read-only (BEP 43): else the node would ask back whether we are one, and hear from ICMP, which counts as junk too, that
# the socket is gone.
PROBE = query(b"ping", {b"ro": 1})
QUERIES = [
    PING, query(b"find_node", target=ID), query(b"get_peers", info_hash=ID), query(b"get", target=ID),
    query(b"announce_peer", info_hash=ID, port=1, token=b"none"),
    query(b"put", v=b"12:Hello World!", token=b"none", k=bytes(32), sig=bytes(64), seq=1, salt=b"x", cas=1),
]
REPLY = bencode({b"t": b"zz", b"y": b"r", b"r": {b"id": ID, b"nodes": bytes(26), b"token": b"t"}})
ERROR = bencode({b"t": b"zz", b"y": b"e", b"e": [201, b"no"]})


def question(name=b"\7printer\3alt\0", type_=1, flags=0x0100, counts=(1, 0, 0, 0), more=b""):
    return struct.pack("!6H", rng.randrange(65536), flags, *counts) + name + struct.pack("!2H", type_, 1) + more


OPT = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)
QUESTION = question(counts=(1, 0, 0, 1), more=OPT)


def random_bytes(most=1400):
    # Not beginning with "d" nor looking like a reply: what has no business at either port.
    return [bytes([rng.choice(b"\0\1Qx\xff")]) + rng.randbytes(rng.randrange(most)) for _ in range(MANY)]


def mutations(messages, count):
    for _ in range(count):
        m = bytearray(rng.choice(messages))
        for _ in range(rng.randrange(1, 4)):
            m[rng.randrange(len(m))] = rng.randrange(256)
        yield bytes(m)


class Sender:
    """Sends at the pace of the receiver: a question that is sure to be answered now and then."""

    def __init__(self, to, probe):
        self.to, self.probe = to, probe
        family = socket.AF_INET6 if ":" in to[0] else socket.AF_INET
        self.garbage = socket.socket(family, socket.SOCK_DGRAM)
        self.honest = socket.socket(family, socket.SOCK_DGRAM)
        self.honest.settimeout(5)
        self.sent = self.sent_bytes = self.back = self.back_bytes = self.largest = 0

    def pace(self):
        self.honest.sendto(self.probe, self.to)
        self.honest.recv(65535)
        while select.select([self.garbage], [], [], 0)[0]:
            n = len(self.garbage.recv(65535))
            self.back += 1
            self.back_bytes += n
            self.largest = max(self.largest, n)

    def send(self, datagrams):
        for d in datagrams:
            self.garbage.sendto(d, self.to)
            self.sent += 1
            self.sent_bytes += len(d)
            if self.sent % 20 == 0 or len(d) > 4096:  # a socket has room for few of the huge
                self.pace()
        self.pace()
        return self


def dht_junk(to=DHT):
    deep = b"l" * 700 + b"e" * 700
    odd = [b"", b"d", b"de", b"d1:", b"e", deep, b"d1:ad2:id20:", b"99999999999999999999:x", b"i99999999999999999999e",
           b"d1:q4:ping1:t2:aa1:y1:qe" + b"x", b"d1:t2:aa1:y1:xe", b"d1:t2:aa1:t2:aa1:y1:qe", bytes(65507), b"d" * 65507,
           PING + bytes(60000)]
    cut = [q[:n] for q in QUERIES for n in range(len(q))]
    return Sender(to, PROBE).send(odd * 10 + cut + random_bytes() + [REPLY, ERROR] * (MANY // 2))


def dht_mutated():
    # What is nearly right may get an answer: an error, or a short reply.
    return Sender(DHT, PROBE).send(mutations(QUERIES + [REPLY, ERROR], 3 * MANY))


def dht_strangers():
    # A thousand nodes that nobody asked for, and values that nobody has a token for.
    s = Sender(DHT, PROBE)
    s.send(bencode({b"t": b"aa", b"y": b"q", b"q": b"get_peers", b"a": {b"id": rng.randbytes(20), b"info_hash": rng.randbytes(20)}})
           for _ in range(MANY))
    return s.send(query(b"put", v=rng.randbytes(900), token=b"none") for _ in range(MANY))


def door_junk():
    # Too short, or a reply: never answered.
    short = [rng.randbytes(rng.randrange(12)) for _ in range(MANY)]
    replies = [question(flags=0x8180 | rng.randrange(0x8000)) + rng.randbytes(rng.randrange(500)) for _ in range(MANY)]
    huge = [bytes(65507), QUESTION + bytes(60000), b"\xff" * 65507] * 10
    return Sender(DOOR, QUESTION).send(short + replies + huge)


def door_queries():
    # A header is enough to be told what is wrong; never in more bytes than a header, a question and an OPT.
    odd = [question(counts=(65535, 0, 0, 0)), question(counts=(0, 0, 0, 0)), question(counts=(1, 65535, 65535, 65535)),
           question(counts=(2, 0, 0, 0)), question(counts=(1, 0, 0, 2), more=OPT + OPT), question(name=b"\xc0\x0c"),
           question(name=b"\x3f" + b"a" * 10), question(name=b"\x40" + b"a" * 64 + b"\0"), question(name=b"\x80\0"),
           question(name=(b"\x3f" + b"a" * 63) * 4 + b"\0"), question(name=b"\1a" * 200 + b"\0"), question(type_=252),
           question(type_=251), question(type_=255), question(type_=41), question(type_=250), question(flags=0x2000), question(flags=0x2800),
           question(flags=0x7800), question(more=b"\0" * 400)]
    cut = [QUESTION[:n] for n in range(12, len(QUESTION))]
    return Sender(DOOR, QUESTION).send(odd * 10 + cut + [rng.randbytes(rng.randrange(12, 500)) for _ in range(MANY)] +
                                       list(mutations([QUESTION], 2 * MANY)))


def connect():
    return socket.create_connection(DOOR, timeout=5)


def tcp_asks():
    with connect() as s:
        s.sendall(struct.pack("!H", len(QUESTION)) + QUESTION)
        head = s.recv(2, socket.MSG_WAITALL)
        return len(s.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL)) > 12


def tcp_junk():
    framed = struct.pack("!H", len(QUESTION)) + QUESTION
    pieces = [b"", b"\0", b"\0\0", b"\0\5abcde", b"\xff\xff" + bytes(70000), b"\xff", framed[:1], framed[:20], framed + b"\0",
              framed + b"\xff\xff", struct.pack("!H", 100) + QUESTION, struct.pack("!H", 12) + QUESTION] * 20
    pieces += [rng.randbytes(rng.randrange(3000)) for _ in range(200)]
    for n, piece in enumerate(pieces):
        s = connect()
        try:
            s.sendall(piece)
            if n % 3 == 0:  # a reset
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif n % 3 == 1:  # an end, and waiting for ours
                s.shutdown(socket.SHUT_WR)
                s.settimeout(3)
                while s.recv(65536):
                    pass
        except socket.timeout:
            print("a connection that we ended stays open after", piece[:20])
        except OSError:  # it has been closed already
            pass
        s.close()
    # Ten thousand questions, and no answer read.
    s = connect()
    s.settimeout(0.5)
    try:
        for _ in range(100):
            s.sendall(framed * 100)
    except (socket.timeout, ConnectionError):
        pass
    if not tcp_asks():
        print("one who does not read stops the others")
    s.close()


def tcp_half_open():
    # More than may be open at once: each has sent half of a question, or nothing.
    held = []
    for n in range(600):
        s = connect()
        if n % 2:
            s.sendall(b"\0\x30half")
        held.append(s)
    if not tcp_asks():
        print("no place for one who asks")
    open(sys.argv[2], "w").close()
    time.sleep(3)
    if not tcp_asks():
        print("no place for one who asks, later")
    for s in held:
        s.close()


what = sys.argv[1]
if what == "ports":  # what a scanner of ports does
    for port in 4001, 1053:
        for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
            with socket.socket(socket.AF_INET, kind) as s:
                s.settimeout(1)
                try:
                    s.connect(("127.0.0.1", port))
                    s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    s.recv(100)
                except OSError:
                    pass
elif what.startswith("tcp"):
    globals()[what]()
else:
    s = dht_junk(("::1", 4001)) if what == "dht_junk6" else globals()[what]()
    print(s.sent, s.back, s.sent_bytes, s.back_bytes, s.largest)
PYTHON
send() { # WHAT
	rm -f "$T/sent"
	/usr/bin/python3 "$T/send.py" "$@" >"$T/sent" 2>&1
	cat "$T/sent"
}
count() { # COUNTER
	sed -n "s/^$1  *//p" "$M/.kadns/status"
}
rss() { # kB, of all processes together
	total=0
	for status in /proc/[0-9]*/status; do
		if [ "$(readlink "${status%status}exe")" = "$KADNS" ]; then
			total=$((total + $(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "$status")))
		fi
	done
	echo $total
}
descriptors() { ls "/proc/$node/fd" | wc -l; }
serves() { # AFTER WHAT
	is "$1: the mount answers" "$(data_of "$M/IN/A/printer.alt")" 192.0.2.7
	is "$1: the door answers" "$(dig +short +time=10 +tries=1 @127.0.0.1 -p 1053 printer.alt A)" 192.0.2.7
	is "$1: by TCP" "$(dig +tcp +short +time=10 +tries=1 @127.0.0.1 -p 1053 printer.alt A)" 192.0.2.7
}
# The first round is to warm up: buffers and tables reach the size that they keep.
all_of_it() {
	for what in dht_junk dht_junk6 dht_mutated dht_strangers door_junk door_queries tcp_junk tcp_half_open ports; do
		send $what "$T/held" >>"$T/round"
	done
}

check "starts" "$KADNS" -o port=4001,dns=127.0.0.1:1053,upstream=none none "$M"
pid=$(daemon_pid $S) node=$(node_pid $S)
echo 192.0.2.7 >"$M/IN/A/printer.alt"
serves "before"
first_rss=$(rss) first_descriptors=$(descriptors)

# ---- the DHT's port
for what in dht_junk dht_junk6; do
	before=$(count dht.drop.junk)
	set -- $(send $what)
	is "$what: each is counted" "$(($(count dht.drop.junk) - before))" "$1"
	is "$what: none is answered" "$2" 0
done
serves "after junk"
before=$(count dht.packets_in)
set -- $(send dht_mutated)
check "nearly right: all were received" test "$(($(count dht.packets_in) - before))" -ge "$1"
check "nearly right: no more comes back than was sent ($3, $4 bytes)" test "$4" -le "$3"
set -- $(send dht_strangers)
check "a thousand strangers are answered" test "$2" -ge 1000
is "none of what they put is kept" "$(count dht.items_kept)" 0
is "none of them is believed to be a node" "$(count dht.nodes)" 0
serves "after strangers"

# ---- the DNS door
before=$(count dns.udp.junk)
set -- $(send door_junk)
is "what is no question is counted" "$(($(count dns.udp.junk) - before))" "$1"
is "and not answered" "$2" 0
serves "after no questions"
before=$(count dns.udp.formerr)
set -- $(send door_queries)
check "bad questions are counted" test "$(($(count dns.udp.formerr) - before))" -ge 500
check "bad questions: an answer to some" test "$2" -gt 100
check "none of more than 100 bytes ($5)" test "$5" -le 100
check "no more comes back than was sent ($3, $4 bytes)" test "$4" -le "$3"
serves "after bad questions"
before=$(count dns.tcp.junk)
is "TCP: cut off, reset, framed wrongly, never read" "$(send tcp_junk)" ""
check "what was framed wrongly is counted" test "$(($(count dns.tcp.junk) - before))" -ge 100
serves "after bad connections"
rm -f "$T/held"
send tcp_half_open "$T/held" >"$T/half_open" &
half=$!
check "600 connections that do not ask" eventually 20 test -e "$T/held"
serves "meanwhile"
check "they cost no work" idle "$node"
check "nor more descriptors than connections are allowed" test "$(descriptors)" -lt $((first_descriptors + 300))
wait $half
is "nor the place of one who asks" "$(cat "$T/half_open")" ""
send ports >"$T/ports"
serves "after a scan of ports"

# ---- nothing grows
one_rss=$(rss)
all_of_it
all_of_it
two_rss=$(rss)
lacks "all was sent" "$(cat "$T/round")" Error
echo "# RSS in kB: $first_rss at first, $one_rss after one round, $two_rss after three"
check "RSS of all processes has not grown by 6 MB" test "$two_rss" -le $((first_rss + 6144))
check "and hardly by the second and third round" test "$two_rss" -le $((one_rss + 1024))
as_at_first() { [ "$(descriptors)" -le "$first_descriptors" ]; }
check "no descriptor is left open" eventually 15 as_at_first
check "nothing is left to do" idle "$node"
is "it is the same process" "$(node_pid $S)" "$node"
is "its files have not grown" "$(find "$S" -size +1024k)" ""
serves "at the end"
check "umount ends it" umount "$M"
check "well" eventually 5 ended "$pid"
finish
