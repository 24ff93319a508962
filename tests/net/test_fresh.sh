#!/bin/sh
# The real program with records whose TTL is short: another user's listing keeps nothing old alive, and who
# waits for changes hears of them, at a bounded price in questions.
. "$(dirname "$0")/../lib.sh"

M=$T/dns
mkdir "$M"
chmod 755 "$T"
# chg.example: a TTL of 2 s, and another address each 4 s; zero.example: a TTL of 0. COUNT NAME tells how
# often it was asked for.
cat >"$T/upstream.py" <<'PY'
import collections, select, socket, struct, time
dns, count = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
dns.bind(('127.0.0.1', 5300))
count.bind(('127.0.0.1', 5301))
asked = collections.Counter()
while True:
    for s in select.select([dns, count], [], [])[0]:
        message, client = s.recvfrom(4096)
        if s is count:
            s.sendto(b'%d' % asked[message], client)
            continue
        end, labels = 12, []
        while message[end]:
            labels.append(message[end + 1:end + 1 + message[end]].lower())
            end += 1 + message[end]
        asked[labels[0] if labels else b''] += 1
        changes = labels[:1] == [b'chg']
        here = labels[1:] == [b'example'] and message[end + 1:end + 3] == b'\0\1'
        answer = message[:2] + struct.pack('>5H', 0x8180, 1, here, 0, 0) + message[12:end + 5]
        if here:
            answer += struct.pack('>HHHIH4B', 0xc00c, 1, 1, 2 * changes, 4, 192, 0, 2,
                                  int(time.time() / 4) % 200 if changes else 1)
        s.sendto(answer, client)
PY
/usr/bin/python3 "$T/upstream.py" &
asked() {
	/usr/bin/python3 -c "import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1)
s.sendto(sys.argv[1].encode(), ('127.0.0.1', 5301))
print(s.recv(99).decode())" "$1"
}
as() { # UID COMMAND...
	uid=$1
	shift
	setpriv --reuid "$uid" --clear-groups "$@"
}
cat >"$T/wait.py" <<'PY'
import os, select, sys, time
fd = os.open(sys.argv[1], os.O_RDONLY)
os.pread(fd, 4096, 0)
p = select.poll()
p.register(fd, select.POLLPRI)
print('changed' if p.poll(int(sys.argv[2]) * 1000) else 'unchanged')
PY
eventually 5 asked x
check "starts" "$KADNS" --no-dht -o "dns=off,upstream=127.0.0.1:5300,state=$T/state" none "$M"
f=$M/IN/A/chg.example z=$M/IN/A/zero.example

check "an answer" eventually 5 grep -q 192.0.2 "$f"
(while :; do as 1001 ls "$M/IN/A"; sleep 0.3; done) >/dev/null 2>&1 &
lister=$!
seen=$(for _ in $(seq 14); do cat "$f"; sleep 1; done | jq -r '.data[0]' | uniq | wc -l)
check "another user lists all the time: what is over is asked for again ($seen versions in 14 s)" test "$seen" -ge 3
is "and who waits is woken" "$(/usr/bin/python3 "$T/wait.py" "$f" 14)" changed
kill $lister

before=$(asked zero)
for uid in 1001 1002; do as $uid /usr/bin/python3 "$T/wait.py" "$z" 12 >"$T/waited.$uid" & done
sleep 13
is "two wait for a TTL of 0" "$(cat "$T"/waited.* | tr '\n' ' ')" "unchanged unchanged "
more=$(($(asked zero) - before))
check "at a question in five seconds each ($more)" test "$more" -le 14
umount "$M"
finish
