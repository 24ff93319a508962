#!/bin/sh
# limits=on, with real packets: a flood from one address and one from a thousand others are dropped and counted,
# few bytes go back to those who never showed that they are there, and a node that did is served meanwhile.
. "$(dirname "$0")/../lib.sh"

mkdir "$T/one" "$T/two"
cat >"$T/flood.py" <<'PYTHON'
"""flood.py SECONDS: gets from 127.7.0.1, and from 1,000 other /24s; prints packets and bytes that came back to each."""
import select, socket, sys, time

TO, GET = ("127.1.0.1", 4001), b"d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q3:get2:roi1e1:t2:aa1:y1:qe"


def bound(address):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, 6881))
    s.setblocking(False)
    return s


one = bound("127.7.0.1")
many = [bound(f"127.{20 + i // 250}.{i % 250}.1") for i in range(900)]
begin, back, n = time.monotonic(), {True: [0, 0], False: [0, 0]}, 0
poll = select.epoll()
sockets = {s.fileno(): s for s in [one, *many]}
for fd in sockets:
    poll.register(fd, select.EPOLLIN)
while time.monotonic() < begin + float(sys.argv[1]) or n < 1000:
    for s in (one, many[n % len(many)], many[(n + 450) % len(many)]):
        s.sendto(GET, TO)
    n += 1
    for fd, _ in poll.poll(0.0003):
        count = back[sockets[fd] is one]
        count[0] += 1
        count[1] += len(sockets[fd].recv(2048))
print(n, *back[True], *back[False], int(time.monotonic() - begin))
PYTHON
count() { sed -n "s/^$1  *//p" "$T/one/.kadns/status"; }
answers() { [ "$(data_of "$T/two/IN/A/$1")" = "$2" ]; }

check "starts" "$KADNS" -o port=4001,bind=127.1.0.1,limits=on,dns=off,upstream=none none "$T/one"
check "another joins" "$KADNS" -o port=4002,bind=127.2.0.1,limits=on,dns=off,upstream=none 127.1.0.1:4001 "$T/two"
knows() { [ "$(count dht.nodes)" = 1 ]; }
check "they know each other" eventually 10 knows
is "on loopback nobody sees an address of ours, nor gives us an id" \
	"$(count dht.address4) $(count dht.address6) $(count dht.id_changes) $(count dht.read_only)" "- - 0 0"
is "nothing is dropped among friends" "$(count dht.drop.rate) $(count dht.drop.budget) $(count dht.drop.bytes)" "0 0 0"
echo 192.0.2.7 >"$T/one/IN/A/before.alt"
check "a record passes between them" eventually 10 answers before.alt 192.0.2.7

/usr/bin/python3 "$T/flood.py" 4 >"$T/flood" 2>&1 &
flood=$!
sleep 1
echo 192.0.2.8 >"$T/one/IN/A/meanwhile.alt"
check "and during a flood" eventually 10 answers meanwhile.alt 192.0.2.8
wait $flood
read -r each one_packets one_bytes many_packets many_bytes seconds <"$T/flood" || cat "$T/flood"
echo "# $each queries each; back to one: $one_packets in $one_bytes bytes, to many: $many_packets in $many_bytes"
check "it was a flood" test "$each" -ge 1000
check "the one is answered, with no more than 5 kB a second" test "$one_packets" -gt 0 -a "$one_bytes" -le $((5000 * (seconds + 2)))
check "the many, with no more than 64 kB a second" test "$many_packets" -gt 0 -a "$many_bytes" -le $((64000 * (seconds + 2)))
check "what one sent too much is counted" test "$(count dht.drop.rate)" -ge $((each / 2))
check "and what was left unanswered" test "$(count dht.drop.bytes)" -gt 0
check "queries are counted by kind" test "$(count dht.in.get.packets)" -ge "$one_packets"
check "and replies" test "$(count dht.out.reply.bytes)" -ge $((one_bytes + many_bytes))
finish
