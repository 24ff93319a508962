#!/bin/sh
# Who may answer: names under keys; claims where DNS says that there is nothing, and only there; and the
# order of 2009 with trust=open. Two nodes, and a miniature Internet between them.
. "$(dirname "$0")/../lib.sh"
small_internet
m1=$T/one m2=$T/two
mkdir -p "$m1" "$m2"
common="root_hints=$MINET_RUN/root.hints,trust_anchor=$MINET_RUN/root.ds,upstream=127.53.0.53"

start_both() { # MORE OPTIONS
	"$KADNS" -o "port=4001,$common$1" none "$m1" &&
		"$KADNS" -o "port=4002,dns=127.0.0.1:1054,$common$1" 127.0.0.1:4001 "$m2" &&
		know_another "$m1" "$m2"
}
stop_both() {
	stop "$m1" 4001
	stop "$m2" 4002
}
at2() { dig +short +time=6 +tries=1 @127.0.0.1 -p 1054 "$@"; }

check "two nodes" start_both ""

# ---- names under a key
key=$(cat "$m1/.kadns/key")
is "a key has 52 characters" "${#key}" 52
is "the same each time" "$(cat "$m1/.kadns/key")" "$key"
theirs=$(as 1234 cat "$m1/.kadns/key")
check "another user has another" test "$theirs" != "$key" -a "${#theirs}" = 52
check "a record under my key" sh -c "echo 192.0.2.8 > '$m1/IN/A/www.$key'"
check "goes out" eventually 10 published "$m1"
is "the other node's cat reads it" "$(data_of "$m2/IN/A/www.$key")" 192.0.2.8
is "signed by the key" "$(jq -r '.trust + " " + .signer' "$m2/IN/A/www.$key")" "key $key"
is "and so does its door" "$(at2 "www.$key" A)" 192.0.2.8
check "another name of the key" sh -c "echo 'v=1 hello' > '$m1/IN/TXT/$key'"
check "goes out too" eventually 10 published "$m1"
is "the apex" "$(data_of "$m2/IN/TXT/$key")" '"v=1 hello"'
is "the first name is still there" "$(data_of "$m2/IN/A/www.$key")" 192.0.2.8
is "under another's key" "$(error_of sh -c "echo 192.0.2.9 > '$m1/IN/A/www.$theirs'")" "Permission denied"
is "at another node" "$(error_of sh -c "echo 192.0.2.9 > '$m2/IN/A/www.$key'")" "Permission denied"
is "a name that the key does not have" "$(error_of cat "$m2/IN/A/nope.$key")" "No such file or directory"
before=$(sed -n 's/^upstream.asked *//p' "$m2/.kadns/status")
cat "$m2/IN/A/never.$key" "$m2/IN/A/never.alt" >/dev/null 2>&1
is "names under keys and .alt are not asked of DNS" "$(sed -n 's/^upstream.asked *//p' "$m2/.kadns/status")" "$before"

# ---- guarded: DNS is final where it answers
echo 192.0.2.66 >"$m1/IN/A/www.example.test"
echo 192.0.2.67 >"$m1/IN/A/new.example.test"
echo 192.0.2.68 >"$m1/IN/A/www.bogus.test"
echo 10 mx.alt >"$m1/IN/MX/www.example.test"
check "claims of plain names go out" eventually 10 published "$m1"
is "what DNS answers a claim does not" "$(data_of "$m2/IN/A/www.example.test") $(at2 www.example.test A)" "192.0.2.1 192.0.2.1"
is "root's own record answers to all on its machine" "$(as 1234 cat "$m1/IN/A/www.example.test" | jq -r '.data[0]')" 192.0.2.66
is "where DNS says that there is nothing, a claim does" "$(data_of "$m2/IN/A/new.example.test") $(at2 new.example.test A)" "192.0.2.67 192.0.2.67"
is "a name that exists without the type is not open to claims" \
	"$(error_of cat "$m2/IN/MX/www.example.test") $(at2 www.example.test MX)" "No such file or directory "
is "where DNS is bogus, none does" "$(error_of cat "$m2/IN/A/www.bogus.test") $(at2 www.bogus.test A)" "Bad message "

# ---- own records, and whose view they are
as 1234 sh -c "echo 192.0.2.77 > '$m1/IN/A/mine.example.test'"
is "my record answers to me" "$(as 1234 cat "$m1/IN/A/mine.example.test" | jq -r '.trust')" self
check "and is listed to me" sh -c "setpriv --reuid 1234 --clear-groups ls '$m1/IN/A' | grep -qx mine.example.test"
asked=$(sed -n 's/^asks.total *//p' "$m1/.kadns/status")
check "listing asks nobody" sh -c "setpriv --reuid 1235 --clear-groups ls -l '$m1/IN/A'; find '$m1' -ls"
is "walking asks nothing" "$(sed -n 's/^asks.total *//p' "$m1/.kadns/status")" "$asked"
is "to others it is a claim" "$(jq -r '.trust' "$m1/IN/A/mine.example.test")" tofu
is "local names stay here" "$(echo 192.0.2.5 >"$m1/IN/A/nas.home.arpa" && data_of "$m1/IN/A/nas.home.arpa")" 192.0.2.5
is "and are not told" "$(error_of cat "$m2/IN/A/nas.home.arpa")" "No such file or directory"
echo 10.1.2.3 >"$m1/IN/A/private.example.test"
echo 10.1.2.4 >"$m1/IN/A/private.alt"
eventually 10 published "$m1"
is "a stranger's private address is dropped" "$(error_of cat "$m2/IN/A/private.example.test")" "No such file or directory"
is "but under .alt on a network of one's own" "$(data_of "$m2/IN/A/private.alt")" 10.1.2.4
stop_both

# ---- strict: no claims
check "strict: two nodes" start_both ",trust=strict"
is "strict: no claim answers" "$(error_of cat "$m2/IN/A/new.example.test")" "No such file or directory"
is "strict: keys do" "$(data_of "$m2/IN/A/www.$key")" 192.0.2.8
stop_both

# ---- open: the order of 2009
rm -rf /var/lib/kadns
check "open: two nodes" start_both ",trust=open"
is "open: DNS where there is no claim" "$(data_of "$m1/IN/A/www.example.test")" 192.0.2.1
stored() { [ "$(sed -n 's/^publish.slots_put *//p' "$m1/.kadns/status")" -ge 1 ]; }
check "open: what DNS said is stored back" eventually 10 stored
"$TESTS/net/minet.sh" stop >/dev/null
is "open: and outlives DNS" "$(jq -r '.data[0] + " " + .source + " " + .trust' "$m2/IN/A/www.example.test")" "192.0.2.1 dht open"
echo 192.0.2.66 >"$m1/IN/A/www.insecure.test"
check "open: a claim goes out" eventually 10 published "$m1"
"$TESTS/net/minet.sh" start -r >/dev/null 2>&1
is "open: a claim answers before DNS" "$(data_of "$m2/IN/A/www.insecure.test") $(at2 www.insecure.test A)" "192.0.2.66 192.0.2.66"
stop_both
"$TESTS/net/minet.sh" stop >/dev/null
finish
