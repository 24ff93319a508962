#!/bin/sh
# Resolvers that ask each other: ours and one that sends us all that we send it. A loop is noticed, left out,
# said, and tried again; people with the same question, and an upstream that asks us before it asks others, are none.
. "$(dirname "$0")/../lib.sh"
small_internet
m=$T/dns
mkdir -p "$m" "$T/second"
roots="root_hints=$MINET_RUN/root.hints,trust_anchor=$MINET_RUN/root.ds,hosts=none"
RECURSOR=127.53.0.53 LOOP=127.53.2.1 KNOWS=127.53.2.2 UNBOUND=127.53.2.3 KRESD=127.53.2.4 SLOW=127.53.1.2 ZONE=127.53.2.5
/usr/bin/python3 "$TESTS/net/loop_forwarder.py" $LOOP 127.0.0.1 1053 "$T/loop.seen" &
/usr/bin/python3 "$TESTS/net/loop_forwarder.py" $KNOWS 127.0.0.1 1053 "$T/knows.seen" knows &
/usr/bin/python3 "$TESTS/net/loop_forwarder.py" $ZONE 127.0.0.1 1053 "$T/zone.seen" .looped. &
/usr/bin/python3 "$TESTS/net/slow_upstream.py" $SLOW 800 192.0.2.202 "$T/slow.log" &
mkdir "$T/unbound" "$T/kresd"
cat >"$T/unbound.conf" <<-END
	server:
	  directory: "$T/unbound"
	  chroot: ""
	  username: ""
	  pidfile: "$T/unbound/pid"
	  use-syslog: no
	  interface: $UNBOUND
	  do-not-query-localhost: no
	remote-control:
	  control-enable: no
	forward-zone:
	  name: "."
	  forward-addr: 127.0.0.1@1053
END
unbound -d -c "$T/unbound.conf" 2>"$T/unbound.log" &
cat >"$T/kresd.conf" <<-END
	net.listen('$KRESD', 53)
	cache.size = 10 * MB
	policy.add(policy.all(policy.STUB('127.0.0.1@1053')))
END
kresd -n -c "$T/kresd.conf" "$T/kresd" >"$T/kresd.log" 2>&1 &

whole() { dig +time=20 +tries=1 @127.0.0.1 -p 1053 "$@"; }
rcode() { whole "$@" | sed -n 's/.*status: \([A-Z]*\),.*/\1/p'; }
status() { sed -n "s/^$1  *//p" "$m/.kadns/status"; }
starts() { # NAME OPTIONS: its words are in $T/log
	"$KADNS" --no-dht -f -o "$roots,$2" none "$m" 2>"$T/log" &
	check "$1: starts" eventually 5 test -s "$m/.kadns/status"
}
ends() {
	umount "$m"
	wait_for=$(daemon_pid /var/lib/kadns/4001 2>/dev/null)
	[ -z "$wait_for" ] || eventually 10 ended "$wait_for"
}
said() { grep -c 'asks us what we ask it' "$T/log"; }
lines() { wc -l <"$1"; }
eventually 5 dig +time=1 +tries=1 @$SLOW localhost
for log in loop knows zone; do
	eventually 5 test -e "$T/$log.seen"
done

# ---- a loop and nothing else
starts "a loop" "upstream=$LOOP,deadline=18s"
before=$(lines "$T/loop.seen")
first=$(whole www.example.test A)
has "the first question fails" "$first" SERVFAIL
has "and says why" "$first" "EDE: 23 (Network Error): (kadns: the upstream asks us)"
check "long before its deadline" test "$(echo "$first" | sed -n 's/^;; Query time: \([0-9]*\) msec/\1/p')" -le 12000
is "the status names it" "$(status upstream.1.loops)" 1
is "the log too" "$(said)" 1
seen=$(lines "$T/loop.seen")
is "forty more have an end" "$(/usr/bin/python3 "$TESTS/net/many_questions.py" 127.0.0.1 1053 40 loop.up 6)" "40 0 0"
is "and none of them is sent" "$(lines "$T/loop.seen")" "$seen"
check "the first made few packets ($((seen - before)))" test $((seen - before)) -le 20
is "one of them a random name" "$(grep -c '^loop-[0-9a-f]*\.arpa\.$' "$T/loop.seen")" 1
kill -HUP "$(daemon_pid /var/lib/kadns/4001)"
check "after HUP it is asked again" eventually 5 sh -c "[ \"\$(sed -n 's/^upstream.1.loops  *//p' $m/.kadns/status)\" = 0 ]"
is "which fails" "$(rcode other.example.test A)" SERVFAIL
is "and is noticed" "$(status upstream.1.loops)" 1
ends

# ---- with others
starts "a loop before a server" "upstream=$LOOP,upstream=$RECURSOR"
is "the first question is answered" "$(whole +short www.example.test A)" 192.0.2.1
is "the loop is left out" "$(status upstream.1.loops) $(status upstream.2.loops)" "1 0"
seen=$(lines "$T/loop.seen")
is "others are answered" "$(whole +short www.nsec3.test A)" 192.0.2.1
is "without it" "$(lines "$T/loop.seen")" "$seen"
ends
for at in "unbound $UNBOUND" "kresd $KRESD"; do
	starts "${at% *} that forwards to us" "upstream=${at#* }"
	is "${at% *}: the question fails" "$(rcode www.example.test A)" SERVFAIL
	is "${at% *}: it is a loop" "$(status upstream.1.loops)" 1
	ends
done
starts "two kadns" "upstream=127.0.0.2:1054"
check "the other" "$KADNS" --no-dht -o "$roots,upstream=127.0.0.1:1053,dns=127.0.0.2:1054,port=4002" none "$T/second"
is "forty questions all have an end" "$(/usr/bin/python3 "$TESTS/net/many_questions.py" 127.0.0.1 1053 40 loop.up 6)" "40 0 0"
is "which is an error" "$(rcode a.loop.up A)" SERVFAIL
check "one of them knows why" test "$(status upstream.1.loops)$(sed -n 's/^upstream.1.loops  *//p' "$T/second/.kadns/status")" != 00
for at in "$m" "$T/second"; do
	asked=$(sed -n 's/^upstream.asked  *//p' "$at/.kadns/status")
	check "and few questions ($asked)" test "$asked" -le 100
done
other=$(daemon_pid /var/lib/kadns/4002)
umount "$T/second"
eventually 10 ended "$other"
ends

# ---- a loop for one domain's names is no storm: a question that comes back waits for itself; it is noticed, and said
starts "a zone" "upstream=$ZONE"
is "others have an answer" "$(rcode www.example A)" NXDOMAIN # and it is known that DNSSEC is stripped
first=$(whole www.looped A)
has "its names fail" "$first" SERVFAIL
has "and say why" "$first" "EDE: 23 (Network Error): (kadns: the upstream asks us)"
is "each for two packets" "$(grep -c '^www\.looped\.$' "$T/zone.seen")" 2
is "two random names tell" "$(grep -c '^loop-[0-9a-f]*\.' "$T/zone.seen")" 2
is "the log names the domain" "$(grep -c "upstream $ZONE asks us what we ask it below www.looped" "$T/log")" 1
is "the upstream is asked on" "$(status upstream.1.loops)" 0
is "and answers for others" "$(rcode other.example A)" NXDOMAIN
ends
starts "a server for a zone that asks us" "upstream=$RECURSOR,upstream=looped@$ZONE"
first=$(whole www2.looped A)
has "its names fail" "$first" SERVFAIL
has "and say why" "$first" "EDE: 23 (Network Error): (kadns: the upstream asks us)"
is "the status names it" "$(status upstream.1.loops) $(status upstream.2.loops)" "0 1"
seen=$(lines "$T/zone.seen")
is "others fail as well" "$(rcode www3.looped A)" SERVFAIL
is "and are not sent" "$(lines "$T/zone.seen")" "$seen"
is "what is not of the zone is answered" "$(whole +short www.example.test A)" 192.0.2.1
ends

# ---- no loops
starts "two people with one slow question" "upstream=$SLOW"
whole slow.up A >/dev/null & # a socket of its own
asked=$!
is "both are answered" "$(whole +short slow.up A)" 192.0.2.202
wait $asked
is "it was looked into" "$(grep -c '^loop-[0-9a-f]*\.arpa\.$' "$T/slow.log")" 1
is "and is no loop" "$(status upstream.1.loops) $(said)" "0 0"
whole slow2.up A >/dev/null &
asked=$!
whole slow2.up A >/dev/null
wait $asked
is "not each time" "$(grep -c '^loop-.*\.arpa\.$' "$T/slow.log")" 1
ends
starts "an upstream that asks us before it asks others" "upstream=$KNOWS,deadline=3s"
is "has the answer" "$(rcode www.example.test A)" NXDOMAIN
is "and is no loop" "$(status upstream.1.loops) $(said)" "0 0"
ends
starts "who is answered at once" "upstream=$RECURSOR"
for i in 1 2 3 4 5; do
	whole "n$i.insecure.test" A >/dev/null &
	whole "n$i.insecure.test" A >/dev/null
done
wait %% 2>/dev/null
is "asks for no random name, and no loop" "$(status upstream.1.loops) $(said)" "0 0"
ends
"$TESTS/net/minet.sh" stop
finish
