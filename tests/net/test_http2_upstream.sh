#!/bin/sh
# upstream=https://… against servers of HTTP/2 that are not ours and do as they like: what serves is used, what does not harms
# nobody else. Each is the server of a zone of its own, so that one daemon has them all.
. "$(dirname "$0")/../lib.sh"
m=$T/dns c=$T/c
mkdir -p "$m" "$c"
/usr/bin/python3 "$TESTS/net/certificates.py" "$c" || { echo "not ok certificates"; exit 1; }
export SSL_CERT_FILE="$c/ca.pem"
status() { sed -n "s/^$1  *//p" "$m/.kadns/status"; }
ask() { dig +short +time=7 +tries=1 @127.0.0.1 -p 1053 "$1.up" A; }
used="well one leaves narrow refuses late"
useless="moves status type junk other resets huge heads bomb drips silent shut http1 push pings gone zero"
n=0 words= upstreams=
for mode in $used $useless; do
	n=$((n + 1))
	words="$words 127.53.3.$n=$mode"
	upstreams="$upstreams,upstream=$mode.up@https://127.53.3.$n/dns-query#dns.test,insecure_zone=$mode.up"
done
# shellcheck disable=SC2086
/usr/bin/python3 "$TESTS/net/fake_h2.py" "$c/good.pem" "$T/log" $words >"$T/out" 2>&1 &
/usr/bin/python3 "$TESTS/net/fake_h2.py" "$c/address.pem" "$T/log" 127.0.0.1=well >"$T/out2" 2>&1 &
eventually 5 grep -q ready "$T/out"
eventually 5 grep -q ready "$T/out2"
upstreams="$upstreams,upstream=address.up@https://127.0.0.1/dns-query,insecure_zone=address.up"
check "starts" "$KADNS" --no-dht -o "upstream=none,hosts=none$upstreams" none "$m"
pid=$(daemon_pid /var/lib/kadns/4001) node=$(node_pid /var/lib/kadns/4001)

for mode in $used; do
	got=
	for i in 1 2 3 4; do got="$got$(ask "$i.$mode") "; done
	is "$mode: four answers" "$got" "192.0.2.77 192.0.2.77 192.0.2.77 192.0.2.77 "
done
is "well: over one connection" "$(grep '^well' "$T/log" | sort -u | wc -l)" 1
check "one: over many" test "$(grep '^one' "$T/log" | sort -u | wc -l)" -ge 4
check "one: and their sessions are resumed" test "$(status relay.resumed)" -ge 1
is "a server that proves its address" "$(ask x.address)" 192.0.2.77
check "leaves: it is asked again" test "$(status relay.again)" -ge 1
for i in 1 2 3 4 5 6 7 8; do ask "at-once$i.narrow" >"$T/narrow.$i" & pids="${pids-} $!"; done
# shellcheck disable=SC2086
wait $pids
is "narrow: eight at once" "$(cat "$T"/narrow.* | sort | uniq -c | tr -s ' ')" " 8 192.0.2.77"

# ---- of no use, each in its way
count_calls "$node"
pids=
for mode in $useless; do
	for i in 1 2 3 4 5 6; do
		ask "$i.$mode" >>"$T/$mode.answers" &
		pids="$pids $!"
	done
done
is "the others are answered meanwhile" "$(ask meanwhile.well)" 192.0.2.77
# shellcheck disable=SC2086
wait $pids
pids=
for mode in $useless; do
	cat "$m/.kadns/explain/IN/A/x.$mode.up" >"$T/$mode.explain" 2>&1 &
	pids="$pids $!"
done
# shellcheck disable=SC2086
wait $pids
calls_made # about four thousand; who spins, or answers a flood, makes as many in a moment
check "they cost little work: $made system calls" test "$made" -gt 0 -a "$made" -lt 12000
for mode in $useless; do
	case $mode in
	moves) why="HTTP status 307" ;;
	status) why="HTTP status 503" ;;
	type) why="no application/dns-message" ;;
	junk | other) why="no answer to the question" ;;
	resets) why="it resets requests" ;;
	huge) why="the reply is too large" ;;
	heads | bomb) why="the reply's head is too large" ;;
	http1 | push | pings) why="what it sends is no HTTP" ;;
	gone) why="reset by peer" ;;
	*) why="timed out\|timeout" ;; # while it passes for dead, or when it was asked once more
	esac
	is "$mode: no answer" "$(grep -c 192 "$T/$mode.answers")" 0
	check "$mode: explain says why" grep "$why" "$T/$mode.explain"
done
is "the others are answered afterwards" "$(ask afterwards.well)" 192.0.2.77
check "its memory has stayed small: $(awk '/VmHWM/ { print $2 }' "/proc/$node/status") kB" \
	test "$(awk '/VmHWM/ { print $2 }' "/proc/$node/status")" -lt 60000
umount "$m"
check "it ends" eventually 10 ended "$pid"
finish
