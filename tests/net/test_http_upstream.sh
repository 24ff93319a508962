#!/bin/sh
# upstream=https://ADDR/dns-query and upstream=http://ADDR:8882/PROXY of the real program: validated answers over HTTPS, whom
# it must not believe, servers that are of no use; and the form of 2009, on a server that is not ours.
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
rcode() { whole "$@" | sed -n 's/.*status: \([A-Z]*\).*/\1/p'; }
status() { sed -n "s/^$1  *//p" "$m/.kadns/status"; }
starts() { # NAME OPTION...
	name=$1
	shift
	check "$name: starts" "$KADNS" --no-dht -o "$roots,hosts=none,$1" none "$m"
}
ends() {
	running=$(daemon_pid $state)
	umount "$m"
	eventually 10 ended "$running"
}
https_unbound() { # ADDR CERT
	sed -e "s|interface: .*|interface: $1@443|" -e "s|pidfile: .*|pidfile: \"\"|" \
		-e "s|remote-control:|  https-port: 443\n  tls-service-pem: \"$c/$2.pem\"\n  tls-service-key: \"$c/$2.key\"\nremote-control:|" \
		"$MINET_RUN/unbound.conf" >"$T/unbound.$1"
	unbound -d -c "$T/unbound.$1" >"$T/unbound.$1.log" 2>&1 &
	echo $! >"$T/unbound.$1.pid"
	eventually 5 sh -c "kdig +https +time=1 +retry=0 @$1 . NS | grep -q NOERROR"
}
https_unbound 127.53.2.1 good
good="https://127.53.2.1/dns-query#dns.test"

# ---- words
refused() { # WORD PART
	said=$("$KADNS" --no-dht -n -o "upstream=$1" none "$m" 2>&1) && not_ok "upstream=$1"
	has "upstream=$1" "$said" "$2"
}
refused "https://127.0.0.1" "a path is to follow"
refused "https://dns.test/dns-query" "stands an address, not a name"
refused "https://127.0.0.1:0/dns-query" "stands an address"
refused "https://127.0.0.1/dns-query{?dns}" "the path is none"
refused "https://127.0.0.1/dns-query#" "no name of a host"
refused "https://127.0.0.1#dns.test/dns-query" "a path is to follow"
refused "http://127.0.0.1/dns-query" "the form of 2009"
refused "ftp://127.0.0.1/x" "neither system"
refused "http://127.0.0.1:8882/PROXY,http=127.0.0.1:8882" "that is our own door, http=127.0.0.1:8882"
refused "https://127.0.0.1:8443/dns-query,https=127.0.0.1:8443,tls_cert=$c/good.pem,tls_key=$c/good.key" "that is our own door, https="

# ---- all of the miniature Internet over it
# A proxy of the environment is asked for nothing.
https_proxy=http://127.0.0.1:9 http_proxy=http://127.0.0.1:9 ALL_PROXY=http://127.0.0.1:9 starts "https://" "upstream=$good"
is "an answer" "$(short www.example.test A)" 192.0.2.1
has "validated" "$(flags www.example.test A)" " ad "
is "two kilobytes" "$(short big.example.test TXT | wc -l)" 8
has "a denial" "$(whole nope.example.test A)" NXDOMAIN
has "a forgery" "$(whole www.bogus.test A)" SERVFAIL
is "unsigned" "$(short www.insecure.test A)" 192.0.2.1
sleep 1.2
is "the status has it by its word" "$(status upstream.1.server)" "$good"
is "with what it can" "$(status upstream.1.dnssec)" passes
is "one connection for all" "$(status relay.connections)" 1
check "questions and answers are counted" test "$(status relay.questions)" -ge 10 -a "$(status relay.answers)" -ge 10
seq -f "n%.0f.wild.insecure.test A" 500 >"$T/many"
has "five hundred at once" "$(dnsperf -s 127.0.0.1 -p 1053 -d "$T/many" -n 1 -q 100 2>&1)" "NOERROR 500 (100.00%)"
is "over the same one" "$(status relay.connections)" 1
kill "$(cat "$T/unbound.127.53.2.1.pid")"
wait "$(cat "$T/unbound.127.53.2.1.pid")" 2>/dev/null
has "while it is gone" "$(whole gone.wild.insecure.test A)" "kadns: HTTPS upstream refuses"
cat "$m/.kadns/explain/IN/A/gone2.wild.insecure.test" >"$T/explain" 2>&1
has "explain says why" "$(cat "$T/explain")" "$good: refused"
check "it is counted" test "$(status relay.failures)" -ge 1
https_unbound 127.53.2.1 good
again() { [ "$(short "again$(date +%N).wild.insecure.test" A)" = 192.0.2.7 ]; }
check "it comes back" eventually 15 again
ends

# ---- one name whose servers are slow is slow for who asks for it
/usr/bin/python3 -I -c 'import socket, time; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.53.9.9", 53)); time.sleep(60)' &
printf 'forward-zone:\n  name: "slow.test"\n  forward-addr: 127.53.9.9\n' >>"$MINET_RUN/unbound.conf"
https_unbound 127.53.2.5 good
starts "slow" "upstream=https://127.53.2.5/dns-query#dns.test,insecure_zone=slow.test"
dig +time=1 +tries=1 @127.0.0.1 -p 1053 x.slow.test A >/dev/null
got=
for i in 1 2 3 4 5 6; do
	got="$got $(short "slow$i.wild.insecure.test" A)"
	sleep 1
done
is "slow: others are answered" "$got" " 192.0.2.7 192.0.2.7 192.0.2.7 192.0.2.7 192.0.2.7 192.0.2.7"
check "slow: the one is given up" eventually 5 sh -c "! grep -q '^relay.dropped  *0' '$m/.kadns/status'"
is "slow: and the server is not taken for dead" "$(status relay.failures)" 0
ends

# ---- the longest name, each byte of it escaped, is asked for whole
long=$(printf '\\001%.0s' $(seq 60))
/usr/bin/python3 -I "$TESTS/net/server_2009.py" 127.0.0.8:8882 "$T/long.log" >"$T/long.out" 2>&1 &
eventually 5 grep -q ready "$T/long.out"
starts "long" "upstream=http://127.0.0.8:8882/PROXY"
whole "$long.$long.$long.$long.example" A >/dev/null
is "long: its last label too" "$(awk '{ n = 0; for (i = 1; i <= NF; i++) if ($i ~ /001/) { n = gsub(/001/, "", $i); print n, $i ~ /example$/; exit } }' "$T/long.log")" "240 1"
ends

# ---- who is not whom he should be gets nothing
https_unbound 127.53.2.2 other
https_unbound 127.53.2.3 expired
https_unbound 127.53.2.4 self
for bad in "2 dns.test hostname.mismatch" "3 dns.test certificate.has.expired" "4 dns.test self-signed.certificate" "1 - ip.address.mismatch"; do
	set -- $bad
	word="https://127.53.2.$1/dns-query#$2" said=$3
	[ "$2" != - ] || word=${word%#*}
	starts "$word" "upstream=$word"
	got=$(whole www.example.test A)
	has "$word: no answer" "$got" SERVFAIL
	has "$word: says so" "$got" "kadns: certificate of the HTTPS upstream"
	cat "$m/.kadns/explain/IN/A/www.nsec3.test" >"$T/explain" 2>&1
	check "$word: explain says why" grep -qi "$word: certificate: .*$said" "$T/explain"
	ends
done

# ---- the next in order has its turn, and a zone has its own
starts "failover" "upstream=https://127.53.2.4/dns-query#dns.test,upstream=https://127.53.2.9/dns-query,upstream=$RECURSOR,upstream=rsa.test@$good,upstream=nsec3.test@https://127.53.2.2/dns-query#dns.test"
is "the third answers" "$(short www.example.test A)" 192.0.2.1
is "a zone over HTTPS" "$(short www.rsa.test A)" 192.0.2.1
has "a zone is asked of nobody else" "$(whole www.nsec3.test A)" SERVFAIL
is "four servers over HTTPS" "$(status relay.servers)" 4
ends

# ---- servers of their own kind
n=10
fake() { # MODE
	n=$((n + 1))
	/usr/bin/python3 "$TESTS/net/fake_doh.py" "127.53.2.$n" "$c/good.pem" "$1" "$T/$1.log" >"$T/$1.out" 2>&1 &
	eventually 5 grep -q ready "$T/$1.out"
}
for mode in well close lost; do
	fake $mode
	starts "$mode" "upstream=https://127.53.2.$n/dns-query#dns.test"
	for name in a b c d; do
		is "$mode: $name" "$(short "$name.$mode.up" A)" 192.0.2.77
	done
	[ $mode = lost ] && check "lost: is asked again" test "$(status relay.again)" -ge 1
	[ $mode = close ] && check "close: is counted" test "$(status relay.connections)" -ge 4
	is "$mode: POST, its path, the name, the type, id 0, whole blocks" \
		"$(awk '{ print $1, $2, $3, $4, $5, $6 % 128 }' "$T/$mode.log" | sort -u)" "POST /dns-query dns.test application/dns-message 0000 0"
	ends
done
for mode in redirect status type junk other huge headers silent mute; do
	fake $mode
	case $mode in
	redirect) why="HTTP status 307" ;;
	status) why="HTTP status 503" ;;
	type) why="no application/dns-message" ;;
	junk | other) why="no answer to the question" ;;
	huge | headers) why="too large" ;;
	*) why=timeout ;;
	esac
	starts "$mode" "upstream=https://127.53.2.$n/dns-query#dns.test,upstream=$RECURSOR,deadline=8s"
	is "$mode: the next answers" "$(short www.example.test A)" 192.0.2.1
	[ $mode = redirect ] && lacks "redirect: is not followed" "$(cat "$T/redirect.log")" elsewhere
	ends
	[ $why = timeout ] && continue
	starts "$mode" "upstream=https://127.53.2.$n/dns-query#dns.test"
	has "$mode: explain says why" "$(cat "$m/.kadns/explain/IN/A/x.up" 2>&1)" "$why"
	ends
done 2>/dev/null

# ---- 2009
/usr/bin/python3 -I "$TESTS/net/server_2009.py" 127.0.0.9:8882 "$T/2009.log" >"$T/2009.out" 2>&1 &
eventually 5 grep -q ready "$T/2009.out"
check "2009: starts" "$KADNS" --no-dht -o "$roots,hosts=none,private_ok=.,upstream=http://127.0.0.9:8882/PROXY" none "$m"
is "an address" "$(short www.old.example A)" 193.99.144.85
is "an address of six" "$(short www.old.example AAAA)" 2001:db8::9
is "a text" "$(short txt.old.example TXT)" '"only the first"'
is "an SOA" "$(short soa.old.example SOA)" "ns.old.example. host.old.example. 2009122701 7200 3600 604800 300"
is "a pointer" "$(short ptr.old.example PTR)" ptr.old.example.
is "an alias, and where it leads" "$(short alias.old.example A | tr '\n' ' ')" "www.old.example. 193.99.144.85 "
has "never validated" "$(flags www.old.example A)" " ra "
lacks "never validated" "$(flags www.old.example A)" " ad "
is "the file says so" "$(jq -r .trust "$m/IN/A/www.old.example")" dns
is "and explain" "$(grep -c 'not validated' "$m/.kadns/explain/IN/A/www.old.example")" 1
is "no data" "$(rcode nodata.old.example A) $(short nodata.old.example A)" "NOERROR "
for row in "nothere NXDOMAIN" "refused SERVFAIL" "timeout SERVFAIL" "servfail SERVFAIL" "broken SERVFAIL" "format SERVFAIL" \
	"junk SERVFAIL" "half SERVFAIL" "two SERVFAIL"; do
	set -- $row
	is "2009: $1" "$(rcode "$1.old.example" A)" "$2"
done
is "what 2009 could not write is no denial" "$(rcode mx.old.example MX)" SERVFAIL
for odd in deep wrong big; do
	is "2009: $odd" "$(rcode $odd.old.example A)" SERVFAIL
	eventually 5 sh -c "dig +short +time=2 @127.0.0.1 -p 1053 s$odd.old.example A | grep -q 193" || not_ok "$odd: it goes on"
done
sleep 1.2
is "the status says that it is not validated" "$(status upstream.1.dnssec)" strips
has "the paths are those of 2009" "$(cat "$T/2009.log")" /PROXY/IN/A/www.old.example
lacks "and no probe is sent" "$(cat "$T/2009.log")" DNSKEY
ends
finish
