#!/bin/sh
# Classes and types of the real program: which directories there are, and where nobody writes.
. "$(dirname "$0")/../lib.sh"

M=$T/dns
mkdir -p "$M"
check "starts" "$KADNS" -o "dht=off,dns=off,upstream=none,state=$T/state" none "$M"
says() {
	said=$(LC_ALL=C "$@" 2>&1)
	printf '%s rc=%s\n' "$said" "$?"
}

is "the root" "$(ls -A "$M" | tr '\n' ' ')" ".kadns IN "
usual="A AAAA CAA CNAME HTTPS MX NS PTR SOA SRV SSHFP SVCB TLSA TXT "
is "IN" "$(ls -A "$M/IN" | tr '\n' ' ')" "$usual"
echo '\# 1 00' >"$M/IN/TYPE65280/x.alt"
echo '10 x.alt.' >"$M/IN/KX/x.alt"
is "and types that hold something" "$(ls "$M/IN" | tr '\n' ' ')" \
	"A AAAA CAA CNAME HTTPS KX MX NS PTR SOA SRV SSHFP SVCB TLSA TXT TYPE65280 "
rm "$M/IN/TYPE65280/x.alt" "$M/IN/KX/x.alt"
is "no more when it has gone" "$(ls "$M/IN" | tr '\n' ' ')" "$usual"

for name in IN/ANY IN/AXFR IN/IXFR IN/OPT IN/TSIG IN/TKEY IN/MAILA IN/MAILB IN/TYPE0 IN/TYPE255 IN/TYPE1 \
	IN/TYPE01 IN/TYPE65536 IN/a IN/txt IN/type65280 in ANY NONE CLASS0 CLASS1 CLASS254 CLASS255 CLASS65536 cH; do
	has "$name is not there" "$(says stat "$M/$name")" "No such file or directory"
done
for name in IN/NAPTR IN/TYPE65535 CH HS CLASS2 CLASS65535 CH/TXT CLASS9/TYPE65280 IN/RRSIG IN/NSEC; do
	check "$name is" test -d "$M/$name"
done
for dir in IN/RRSIG IN/NSEC IN/NSEC3 IN/NSEC3PARAM CH/TXT HS/A CLASS9/A; do
	has "$dir: a new record" "$(says sh -c "echo x >$M/$dir/x.example")" "Operation not permitted"
	has "$dir: exclusively" "$(says sh -c "set -C; echo x >$M/$dir/y.example")" "Operation not permitted"
	has "$dir: a private file" "$(says touch "$M/$dir/.x.swp")" "Operation not permitted"
	has "$dir: a copy" "$(says cp /etc/hostname "$M/$dir/z.example")" "Operation not permitted"
	is "$dir: its mode" "$(stat -c %a "$M/$dir")" 555
	is "$dir: nobody writes there" "$(test -w "$M/$dir"; echo $?)" 1
	is "$dir: is empty" "$(ls -A "$M/$dir")" ""
done

# ---- listings while the network is a black hole ----
umount "$M"
eventually 10 sh -c "! pgrep -x kadns" || not_ok "ends"
# Ports that are open, and whose packets nobody reads.
/usr/bin/python3 -c "
import os, socket, time
holes = [socket.socket(socket.AF_INET, kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_DGRAM)]
for hole, port in zip(holes, (53, 53, 4001)):
    hole.bind(('127.0.0.9', port))
holes[1].listen()
open('$T/holes', 'w').close()
time.sleep(100)" &
HOLES=$!
eventually 10 test -e "$T/holes"
check "starts where nobody answers" "$KADNS" -o "dns=off,upstream=127.0.0.9,state=$T/state,port=4002" 127.0.0.9:4001 "$M"
for i in $(seq 50); do echo "192.0.2.$i" >"$M/IN/A/h$i.alt"; done
asks() { sed -n 's/^asks.total  *//p' "$M/.kadns/status"; }
has "a question is not answered" "$(says cat "$M/IN/A/www.example.com")" "timed out"
before=$(asks)
begin=$(date +%s%N)
ls -lR "$M" >"$T/all"
took=$((($(date +%s%N) - begin) / 1000000))
is "ls -lR asks nothing" "$(asks)" "$before"
# Four seconds is what the first name would take that somebody was asked for.
[ "$took" -le 3500 ] && ok "and waits for nobody" || not_ok "ls -lR took $took ms"
is "and shows all" "$(grep -c ' h[0-9]*\.alt$' "$T/all")" 50
is "an open record that is polled follows what is written" "$(/usr/bin/python3 - "$M/IN/A/h1.alt" <<'PY'
import os, select, sys, threading
fd = os.open(sys.argv[1], os.O_RDONLY)
p = select.poll()
p.register(fd, select.POLLPRI)
quiet = p.poll(100)
threading.Timer(0.1, lambda: print('192.0.2.99', file=open(sys.argv[1], 'w'))).start()
print(quiet, p.poll(3000) == [(fd, select.POLLPRI)], b'"192.0.2.99"' in os.pread(fd, 4096, 0))
PY
)" "[] True True"
now=$(date +%s)
signed=$(stat -c %Y "$M/IN/A/h1.alt")
[ $((now - signed)) -le 60 ] && [ "$signed" -le "$now" ] && ok "mtime is the time of writing" || not_ok "mtime $signed"
is "where everybody does" "$(stat -c %a "$M/IN/A" "$M/IN/TYPE65280" | tr '\n' ' ')" "1777 1777 "
check "everybody may" test -w "$M/IN/A"
kill $HOLES
check "ends" umount "$M"
finish
