#!/bin/sh
# Keys that a zone of DNS attests by _dhtkey.ZONE TXT: which names they answer, while DNS answers and while
# it is down, over a restart, and how they end. Two nodes, and a signed miniature Internet.
. "$(dirname "$0")/../lib.sh"
small_internet
m1=$T/one m2=$T/two
mkdir -p "$m1" "$m2"
common="root_hints=$MINET_RUN/root.hints,trust_anchor=$MINET_RUN/root.ds,upstream=recursive"
cp "$MINET_RUN/zones/example.test" "$T/example.plain"

start_two() {
	"$KADNS" -o "port=4002,dns=127.0.0.1:1054,deadline=3s,$common" 127.0.0.1:4001 "$m2" &&
		know_another "$m1" "$m2"
}
counts() { [ "$(count_of "$m2" "$1")" = "$2" ]; }
answer() { jq -r '"\(.data[0]) \(.trust)"' "$m2/IN/A/$1" 2>&1; } # NAME: data and trust
says() { [ "$(answer "$1")" = "$2" ]; }
attest() { # LINE...: what example.test says from now on
	cp "$T/example.plain" "$MINET_RUN/zones/example.test"
	printf '%s\n' "$@" >>"$MINET_RUN/zones/example.test"
	"$TESTS/net/minet.sh" resign example && eventually 5 taken "$(printf '%s' "$1" | wc -c)"
}
taken() { # LENGTH: of the line; 0: the record is gone
	text=$(dig +short +norec @127.53.0.3 _dhtkey.example.test TXT)
	if [ "$1" = 0 ]; then [ -z "$text" ]; else
		grep -qF "$(printf '%s' "$text" | tr -d '"')" "$MINET_RUN/zones/example.test"
	fi
}

check "node one" "$KADNS" -o "port=4001,dns=off,$common" none "$m1"
alice=$(as 1234 cat "$m1/.kadns/key") bob=$(as 1235 cat "$m1/.kadns/key")
as 1234 sh -c "echo 192.0.2.50 >'$m1/IN/A/www.example.test'; echo 192.0.2.51 >'$m1/IN/A/other.example.test'
	echo 192.0.2.52 >'$m1/IN/A/www.insecure.test'; echo 192.0.2.53 >'$m1/IN/A/www.rsa.test'"
as 1235 sh -c "echo 192.0.2.60 >'$m1/IN/A/www.example.test'"
check "node two" start_two
check "what they say goes out" eventually 10 published "$m1"
is "nothing is attested: DNS answers" "$(answer www.example.test)" "192.0.2.1 dnssec"
check "the zone was asked for a key, once" eventually 3 counts attested.asked 1
is "it has none" "$(count_of "$m2" attested.keys)" 0
is "another name of it asks no more" "$(answer mail.example.test) $(count_of "$m2" attested.asked)" "192.0.2.9 dnssec 1"
is "an unsigned zone is not asked" "$(answer www.insecure.test) $(count_of "$m2" attested.asked)" "192.0.2.1 dns 1"
stop "$m2" 4002

# ---- attested
check "the zone attests a key" attest "_dhtkey 1 TXT \"v=1 k=$alice\""
check "node two, anew" start_two
answer www.example.test >/dev/null
check "it is learnt behind the first answer" eventually 3 counts attested.keys 1
is "and speaks for the name" "$(answer www.example.test)" "192.0.2.50 dnssec-key"
has "the door says so" "$(dig @127.0.0.1 -p 1054 +dnssec www.example.test A)" "(kadns: dnssec-key)"
lacks "without AD" "$(dig @127.0.0.1 -p 1054 +dnssec www.example.test A | grep flags:)" " ad"
is "what the key's zone lacks DNS answers" "$(answer mail.example.test)" "192.0.2.9 dnssec"
is "what DNS does not have it may have" "$(answer other.example.test)" "192.0.2.51 dnssec-key"
is "what another zone signs is not its" "$(answer www.rsa.test)" "192.0.2.1 dnssec"
is "what nobody signs neither" "$(answer www.insecure.test)" "192.0.2.1 dns"
why=$(cat "$m2/.kadns/explain/IN/A/www.example.test")
has "explain says whose key it is" "$why" "attested: $alice example.test, attested by that zone, reads www.example.test.$alice: 1 record"
has "what DNS said" "$why" "dns: 1 record, ttl 300, secure"
has "and who won" "$why" "verdict: attested answers, trust dnssec-key: the zone that signs the name attests this key, whose zone has the name"

# ---- DNS is down
stop "$m2" 4002
"$TESTS/net/minet.sh" stop >/dev/null
check "DNS has stopped, and the node too: it starts again" start_two
is "it remembers the key" "$(count_of "$m2" attested.keys)" 1
is "which answers" "$(answer www.example.test)" "192.0.2.50 dnssec-key"
is "a name that was never asked for too" "$(dig +short @127.0.0.1 -p 1054 +time=4 +tries=1 other.example.test)" "192.0.2.51"
is "names of other zones are not answered" "$(cat "$m2/IN/A/www.rsa.test" 2>/dev/null)" ""

# ---- DNS is back, and says something else
"$TESTS/net/minet.sh" start >/dev/null
check "DNS is back, with another key" attest "_dhtkey 1 TXT \"v=1 k=$bob\""
other_key() { answer "$(date +%N).wild.example.test" >/dev/null; says www.example.test "192.0.2.60 dnssec-key"; }
check "which is obeyed" eventually 15 other_key
is "the old one has been ended" "$(count_of "$m2" attested.keys) $(count_of "$m2" attested.ended)" "1 1"
check "what it signed before a bound counts for nothing" attest "_dhtkey 1 TXT \"v=1 k=$bob min=9000000000000000\""
bounded() { answer "$(date +%N).wild.example.test" >/dev/null; says www.example.test "192.0.2.1 dnssec"; }
check "and DNS answers" eventually 15 bounded
is "though the key stands" "$(count_of "$m2" attested.keys)" 1
check "DNS says that there is no key" attest ""
no_key() { answer "$(date +%N).wild.example.test" >/dev/null; counts attested.keys 0; }
check "that ends it at once" eventually 15 no_key
is "and DNS answers" "$(answer www.example.test)" "192.0.2.1 dnssec"
check "what was learnt is counted" test "$(count_of "$m2" attested.learnt)" -ge 1
stop "$m2" 4002
stop "$m1" 4001
"$TESTS/net/minet.sh" stop >/dev/null
finish
