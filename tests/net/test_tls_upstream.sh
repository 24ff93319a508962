#!/bin/sh
# upstream=tls://ADDR#NAME of the real program: validated answers over TLS, certificates that must be refused, failover
# and zones, servers that close, lie, stand still or begin anew; never a question in the clear.
. "$(dirname "$0")/../lib.sh"
small_internet
m=$T/dns c=$T/c
mkdir -p "$m" "$c"
/usr/bin/python3 "$TESTS/net/certificates.py" "$c" || { echo "not ok certificates"; exit 1; }
roots="root_hints=$MINET_RUN/root.hints,trust_anchor=$MINET_RUN/root.ds"
state=/var/lib/kadns/4001
RECURSOR=127.53.0.53
export SSL_CERT_FILE="$c/ca.pem"
short() { dig +short +time=6 +tries=1 @127.0.0.1 -p 1053 "$@"; }
whole() { dig +time=6 +tries=1 @127.0.0.1 -p 1053 "$@"; }
flags() { whole +dnssec "$@" | sed -n 's/^;; flags: \([^;]*\);.*/ \1 /p'; }
pid() { daemon_pid $state; }
status() { sed -n "s/^$1  *//p" "$m/.kadns/status"; }
starts() { # NAME OPTION...
	name=$1
	shift
	check "$name: starts" "$KADNS" --no-dht -o "$roots,hosts=none,$1" none "$m"
}
ends() {
	running=$(pid)
	umount "$m"
	eventually 10 ended "$running"
}
# A real server: unbound, with each of the certificates at an address of its own.
tls_unbound() { # ADDR CERT
	sed -e "s|interface: .*|interface: $1@853|" -e "s|pidfile: .*|pidfile: \"\"|" \
		-e "s|remote-control:|  tls-port: 853\n  tls-service-pem: \"$c/$2.pem\"\n  tls-service-key: \"$c/$2.key\"\nremote-control:|" \
		"$MINET_RUN/unbound.conf" >"$T/unbound.$1"
	unbound -d -c "$T/unbound.$1" >"$T/unbound.$1.log" 2>&1 &
	echo $! >"$T/unbound.$1.pid"
	eventually 5 sh -c "kdig +tls +time=1 +retry=0 @$1 -p 853 . NS | grep -q NOERROR"
}
tls_unbound 127.53.2.1 good

# ---- all of the miniature Internet over it
starts "tls://" "upstream=tls://127.53.2.1#dns.test"
is "an answer" "$(short www.example.test A)" 192.0.2.1
has "validated" "$(flags www.example.test A)" " ad "
is "two kilobytes" "$(short big.example.test TXT | wc -l)" 8
has "a denial" "$(whole nope.example.test A)" NXDOMAIN
has "a forgery" "$(whole www.bogus.test A)" SERVFAIL
is "unsigned" "$(short www.insecure.test A)" 192.0.2.1
sleep 1.2
is "the status has it by its word" "$(status upstream.1.server)" "tls://127.53.2.1#dns.test"
is "with what it can" "$(status upstream.1.dnssec)" passes
is "one connection for all" "$(status relay.connections)" 1
check "questions and answers are counted" test "$(status relay.questions)" -ge 10 -a "$(status relay.answers)" -ge 10
seq -f "n%.0f.wild.insecure.test A" 500 >"$T/many"
has "five hundred at once" "$(dnsperf -s 127.0.0.1 -p 1053 -d "$T/many" -n 1 -q 100 2>&1)" "NOERROR 500 (100.00%)"
is "over the same one" "$(status relay.connections)" 1
# Who finds its socket says what he likes.
at=$(ss -Hulpn | awk -v pid="pid=$(node_pid $state)," 'index($0, pid) && $4 ~ /^127\./ && $4 !~ /:1053$/ { print $4 }')
cat >"$T/junk.py" <<'PYTHON'
import os, socket, sys
host, port = sys.argv[1].split(":")
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in 0, 1, 11, 12, 13, 100, 1024, 1025, 65000:
    s.sendto(os.urandom(n), (host, int(port)))
PYTHON
cat >"$T/asker.py" <<'PYTHON'
import sys
sys.path.insert(0, sys.argv[1] + "/net")
from dnsraw import *
host, port = sys.argv[2].split(":")
r = Udp((host, int(port)), timeout=1).ask(query("www.example.test"))
print(r.rcode if r else "silence")
PYTHON
asked_by() { setpriv --reuid="$1" --clear-groups /usr/bin/python3 -B "$T/asker.py" "$TESTS" "$at"; }
is "its own user may ask it" "$(asked_by 0)" NOERROR
is "another user of this machine may not" "$(asked_by 12345)" silence
check "junk at its door" /usr/bin/python3 "$T/junk.py" "$at"
has "changes nothing" "$(whole www.rsa.test A)" 192.0.2.1
is "and is counted" "$(status relay.dropped)" 10
# The server begins anew: what comes then is asked over another connection.
kill "$(cat "$T/unbound.127.53.2.1.pid")"
wait "$(cat "$T/unbound.127.53.2.1.pid")" 2>/dev/null
has "while it is gone" "$(whole gone.wild.insecure.test A)" "kadns: TLS upstream refuses"
cat "$m/.kadns/explain/IN/A/gone2.wild.insecure.test" >"$T/explain" 2>&1
has "explain says why" "$(cat "$T/explain")" "tls://127.53.2.1#dns.test: refused"
check "it is counted" test "$(status relay.failures)" -ge 1
tls_unbound 127.53.2.1 good
again() { [ "$(short "again$(date +%N).wild.insecure.test" A)" = 192.0.2.7 ]; }
check "it comes back" eventually 15 again
# HUP with other words: the new is asked, and what was asked goes on.
ends

# ---- who is not whom he should be gets nothing
tls_unbound 127.53.2.2 other
tls_unbound 127.53.2.3 expired
tls_unbound 127.53.2.4 self
tls_unbound 127.53.2.5 chain
for bad in "2 hostname.mismatch" "3 certificate.has.expired" "4 self-signed.certificate"; do
	set -- $bad
	starts "127.53.2.$1" "upstream=tls://127.53.2.$1#dns.test"
	said=$(whole www.example.test A)
	has "127.53.2.$1: no answer" "$said" SERVFAIL
	has "127.53.2.$1: says so" "$said" "kadns: certificate of the TLS upstream"
	check "127.53.2.$1: explain says why" grep -q "tls://127.53.2.$1#dns.test: certificate: .*$2" \
		"$m/.kadns/explain/IN/A/www.nsec3.test"
	ends
done
starts "an authority in between" "upstream=tls://127.53.2.5#dns.test"
is "an authority in between" "$(short www.example.test A)" 192.0.2.1
ends
starts "no authorities at all" "upstream=tls://127.53.2.1#dns.test" >"$T/none"
ends
SSL_CERT_FILE=/dev/null starts "of no authority that we know" "upstream=tls://127.53.2.1#dns.test"
has "of no authority that we know" "$(whole www.example.test A)" SERVFAIL
ends

# ---- the next in order has its turn
starts "failover" "upstream=tls://127.53.2.4#dns.test,upstream=tls://127.53.2.9#dns.test,upstream=$RECURSOR,upstream=rsa.test@tls://127.53.2.1#dns.test,upstream=nsec3.test@tls://127.53.2.2#dns.test"
is "the third answers" "$(short www.example.test A)" 192.0.2.1
is "a zone over TLS" "$(short www.rsa.test A)" 192.0.2.1
has "a zone is asked of nobody else" "$(whole www.nsec3.test A)" SERVFAIL
is "three servers over TLS, and one that is named twice" "$(status relay.servers)" 4
ends

# ---- servers of their own kind
fake() { # ADDR MODE
	/usr/bin/python3 "$TESTS/net/fake_dot.py" "$1" "$c/good.pem" "$2" "$T/$2.log" >"$T/$2.out" 2>&1 &
	eventually 5 grep -q ready "$T/$2.out"
}
n=10
for mode in well octets backwards close forgets liar; do
	n=$((n + 1))
	fake 127.53.2.$n $mode
	starts "$mode" "upstream=tls://127.53.2.$n#dns.test"
	for name in a b c d; do
		(short "$name.$mode.up" A >"$T/got.$name") &
		pids="${pids-} $!"
	done
	# shellcheck disable=SC2086
	wait $pids
	pids=
	is "$mode: four at once" "$(cat "$T/got.a" "$T/got.b" "$T/got.c" "$T/got.d" | sort | uniq -c | tr -s ' ')" " 4 192.0.2.77"
	connections=$(grep -c '^connection' "$T/$mode.log")
	case $mode in
	close)
		check "close: connections are resumed" test "$(grep -c '^connection resumed' "$T/close.log")" -ge 1
		check "close: is counted" test "$(status relay.resumed)" -ge 1 -a "$(status relay.connections)" -ge 2
		;;
	forgets)
		check "forgets: what was lost is asked again" test "$(status relay.again)" -ge 1
		is "forgets: over another connection" "$connections" 2
		;;
	*) is "$mode: one connection" "$connections" 1 ;;
	esac
	has "$mode: ALPN and the server's name" "$(cat "$T/$mode.log")" "TLSv1.3 dot dns.test"
	is "$mode: queries have the length of a block" "$(awk '!/connection/ && $2 % 128' "$T/$mode.log" | wc -l)" 0
	ends
done
n=$((n + 1))
fake 127.53.2.$n huge
starts huge "upstream=tls://127.53.2.$n#dns.test"
has "huge: 65,000 bytes" "$(whole +tcp 65000.huge TXT)" "MSG SIZE  rcvd: 650"
has "huge: what no datagram can hold" "$(whole +tcp 65535.huge TXT)" SERVFAIL
asked=$(grep -c "^05$(printf 65535 | od -An -tx1 | tr -d ' \n')" "$T/huge.log")
check "huge: is an error at once ($asked times asked)" test "$asked" -ge 1 -a "$asked" -le 2
is "huge: and the server none the worse" "$(status upstream.1.down)" 0
ends
for mode in junk silent mute; do
	n=$((n + 1))
	fake 127.53.2.$n $mode
	starts "$mode" "upstream=tls://127.53.2.$n#dns.test,upstream=$RECURSOR,deadline=8s"
	is "$mode: the next answers" "$(short www.example.test A)" 192.0.2.1
	[ $mode != mute ] || sleep 3 # so long libunbound asks the relay, four times
	ends
done

# Of the one that only says nothing: www.example.test, as it is and with CD=1 (RFC 9520, 3.1; facts: trust, P20).
is "a question is asked of a silent one twice" "$(grep -c '^0377777707' "$T/mute.log")" 2

# ---- nobody is asked in the clear, whatever fails
cat >"$T/clear.py" <<'PYTHON'
import select, socket, sys
at = [socket.create_server(("127.53.3.1", 53))]
for port in 53, 853:
    at.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    at[-1].bind(("127.53.3.1", port))
print("ready", flush=True)
while True:
    for s in select.select(at, [], [])[0]:
        print("asked", s.getsockname(), s.type, flush=True)
        s.accept() if s.type == socket.SOCK_STREAM else s.recv(9999)
PYTHON
/usr/bin/python3 "$T/clear.py" >"$T/clear.out" 2>&1 &
/usr/bin/python3 "$TESTS/net/fake_dot.py" 127.53.3.1 "$c/self.pem" well "$T/self.log" >"$T/self.out" 2>&1 &
eventually 5 grep -q ready "$T/clear.out" "$T/self.out"
starts "in the clear" "upstream=tls://127.53.3.1#dns.test"
has "a false certificate" "$(whole www.example.test A)" SERVFAIL
is "nothing is asked in the clear" "$(cat "$T/clear.out")" ready
dig +time=1 +tries=1 @127.53.3.1 x >/dev/null
has "which would be seen" "$(cat "$T/clear.out")" asked
is "nor has the server heard a question" "$(cat "$T/self.log")" ""
ends

# ---- HUP
cat >"$T/conf" <<CONF
upstream=tls://127.53.2.1#dns.test
CONF
check "from a file: starts" "$KADNS" --no-dht -c "$T/conf" -o "$roots,hosts=none" none "$m"
is "before" "$(short www.example.test A)" 192.0.2.1
echo "upstream=tls://127.53.2.11#dns.test" >"$T/conf"
kill -HUP "$(pid)"
other() { [ "$(short "x$(date +%N).example" A)" = 192.0.2.77 ]; }
check "HUP: another is asked" eventually 5 other
is "HUP: both relays are there until the last answer" "$(status relay.servers)" 2
echo "upstream=tls://127.53.2.11" >"$T/conf"
kill -HUP "$(pid)"
sleep 0.3
check "HUP with a mistake: it stays" other
ends
finish
