#!/bin/sh
# Questions for names that nobody knows, more than can be looked up at once, at an upstream that says nothing: who
# gets a place, who is told so at once, and that what is in memory is answered as ever.
. "$(dirname "$0")/../lib.sh"

M=$T/dns
mkdir "$M"
count() { sed -n "s/^$1  *//p" "$M/.kadns/status"; }
cat >"$T/ask.py" <<'PYTHON'
"""ask.py TESTS SOURCE N WORD: asks for N names from SOURCE; how many are refused at once?"""
import select, socket, sys, time
sys.path.insert(0, sys.argv[1] + "/net")
from dnsraw import *
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[2], 0))
s.connect(("127.0.0.1", 1053))
servfail = 0
for n in range(int(sys.argv[3])):
    s.send(query("%s%d.example.com" % (sys.argv[4], n)))
    time.sleep(0.0002)  # a socket holds so many
    while select.select([s], [], [], 0)[0]:
        servfail += s.recv(512)[3] & 15 == 2
while select.select([s], [], [], 0.3)[0]:
    servfail += s.recv(512)[3] & 15 == 2
print(servfail)
PYTHON
refused() { /usr/bin/python3 "$T/ask.py" "$TESTS" "$@"; }
/usr/bin/python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.9', 53))
t = socket.socket(); t.bind(('127.0.0.9', 53)); t.listen(64)
while True: s.recv(4096)" &
sleep 0.3

check "starts" "$KADNS" -o "dht=off,dns=127.0.0.1:1053,upstream=127.0.0.9,deadline=20s" none "$M"
echo 192.0.2.7 >"$M/IN/A/printer.alt"
serves() {
	is "$1: what is in memory is answered" "$(dig +short +time=10 +tries=1 @127.0.0.1 -p 1053 printer.alt)" 192.0.2.7
}
serves "before"
is "one source has half of the places" "$(refused 127.0.0.1 300 one)" $((300 - 256))
serves "then"
is "another has the other half" "$(refused 127.0.0.2 300 two)" $((300 - 256))
is "a third has none" "$(refused 127.0.0.3 20 three)" 20
is "each that was refused is counted" "$(count dns.udp.shed)" $((44 + 44 + 20))
serves "with all places taken"
is "so by TCP" "$(dig +tcp +short +time=10 +tries=1 @127.0.0.1 -p 1053 printer.alt)" 192.0.2.7
check "umount ends it" umount "$M"
finish
