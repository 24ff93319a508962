#!/bin/sh
# .kadns/explain and .kadns/claims with the real program: when they ask and when not, whom they tell what,
# and what becomes of each claim. Two nodes, and a miniature Internet between them.
. "$(dirname "$0")/../lib.sh"
small_internet
m1=$T/one m2=$T/two
mkdir -p "$m1" "$m2"
common="root_hints=$MINET_RUN/root.hints,trust_anchor=$MINET_RUN/root.ds"
up=$common,upstream=127.53.0.53

# What DNS proves is in no slot: what the slots say is what the test put there.
start_one() { "$KADNS" -o "port=4001,mirror=off,$up$1" none "$m1"; }
start_two() {
	"$KADNS" -o "port=4002,dns=off,mirror=off,$up$1" 127.0.0.1:4001 "$m2" &&
		know_another "$m1" "$m2"
}
why() { # MOUNT TYPE/NAME [TAG]: a line of explain, the verdict unless said
	sed -n "s/^${3:-verdict}: //p" "$1/.kadns/explain/IN/$2"
}
claims() { # MOUNT TYPE/NAME: signers by verdict
	jq -r '"\(.verdict | split(":")[0]) \(.signer) \(.data | join(" "))"' "$1/.kadns/claims/IN/$2" | sort
}

check "two nodes" start_one ""
check "start" start_two ""
e1=$m1/.kadns/explain/IN

# ---- what asks, and what does not
asked=$(count_of "$m1" asks.total)
is "directories list nothing" "$(find "$m1/.kadns/explain" "$m1/.kadns/claims" "$e1" "$e1/A" -mindepth 1 -maxdepth 1)" ""
is "a directory of a type is one" "$(stat -c '%F %a' "$e1/A")" "directory 555"
is "a file is there for every name, empty until somebody has asked" \
	"$(stat -c '%F %a %s %U' "$e1/A/www.example.test")" "regular empty file 444 0 root"
check "and none of that asks" test "$(count_of "$m1" asks.total)" = "$asked"
text=$(cat "$e1/A/www.example.test")
is "opening it asks once" "$(count_of "$m1" asks.total)" $((asked + 1))
# Not packets: the node's own upkeep sends some now and then, whoever reads what.
sources_asked() { echo "$(count_of "$m1" upstream.asked) $(count_of "$m1" dht.gets)"; }
before=$(sources_asked)
is "and again says the same" "$(cat "$e1/A/www.example.test")" "$text"
is "without asking DNS or the DHT" "$(sources_asked)" "$before"
is "open, its size is that of its text" \
	"$(sh -c 'stat -L -c %s /dev/fd/3; wc -c <&3' 3<"$e1/A/www.example.test" | uniq | wc -l)" 1
is "stat does not tell whether anybody has asked" \
	"$(stat -c %s "$e1/A/www.example.test" "$e1/A/never-asked.example.test" | tr '\n' ' ')" "0 0 "
cp "$e1/A/www.example.test" "$T/copy"
is "it can be copied" "$(cat "$T/copy")" "$text"
is "its lines, in order" "$(cut -d: -f1 "$T/copy" | tr '\n' ' ')" "question policy own cache zone dns slot verdict "
check "of printable ASCII" sh -c "! LC_ALL=C grep -q '[^ -~]' '$T/copy'"
is "the file asks no more" "$(data_of "$m1/IN/A/www.example.test") $(count_of "$m1" asks.total)" "192.0.2.1 $((asked + 1))"
cat "$m1/IN/A/mail.example.test" >/dev/null
asked=$(count_of "$m1" asks.total)
is "what a file was read from is explained without asking" "$(why "$m1" A/mail.example.test)" \
	"dns answers, trust dnssec: what DNS answers is final"
is "really" "$(count_of "$m1" asks.total)" "$asked"

# ---- names
is "types in lower case are none" "$(error_of cat "$e1/a/www.example.test")" "No such file or directory"
is "nor is ANY" "$(error_of cat "$e1/ANY/www.example.test")" "No such file or directory"
is "nor a name that no record has" "$(error_of cat "$e1/A/printer")" "No such file or directory"
is "an upper-case name is the same file" "$(stat -c %i "$e1/A/WWW.example.test")" "$(stat -c %i "$e1/A/www.example.test")"
check "claims are another" test "$(stat -c %i "$m1/.kadns/claims/IN/A/www.example.test")" != "$(stat -c %i "$e1/A/www.example.test")"
long=$(printf '%0300d' 0)
is "a name that is too long" "$(error_of cat "$e1/A/$long.test")" "File name too long"
is "nobody writes here" "$(error_of sh -c "echo 1 >'$e1/A/www.example.test'")" "Permission denied"
is "or makes something" "$(error_of mkdir "$e1/A/x") $(error_of touch "$m1/.kadns/x")" "Operation not permitted Permission denied"
is "or removes it" "$(error_of rm -f "$e1/A/www.example.test")" "Operation not permitted"
is "or moves it" "$(error_of mv "$e1/A/www.example.test" "$m1/IN/A/x.alt" | sed 's/.*cannot.*/no/')" "Operation not permitted"

# ---- whose view
as 1234 sh -c "echo 192.0.2.77 >'$m1/IN/A/mine.home.arpa'"
is "my record is explained to me" "$(as 1234 sed -n 's/^verdict: //p' "$e1/A/mine.home.arpa")" "own answers, trust self: your own record comes first"
is "and to nobody else" "$(as 1235 grep -c 1234 "$e1/A/mine.home.arpa")" 0
has "who is told what answers him" "$(as 1235 sed -n 's/^verdict: //p' "$e1/A/mine.home.arpa")" "ENOENT (No such file or directory)"
has "root too" "$(why "$m1" A/mine.home.arpa)" "ENOENT"

# ---- claims: two users of one node claim a name that DNS does not have
as 1234 sh -c "echo 192.0.2.34 >'$m1/IN/A/new.example.test'"
eventually 10 published "$m1"
as 1235 sh -c "echo 192.0.2.35 >'$m1/IN/A/new.example.test'"
check "two claims go out" eventually 10 published "$m1"
k4=$(as 1234 cat "$m1/.kadns/key") k5=$(as 1235 cat "$m1/.kadns/key")
is "the first time one is taken, the other refused" "$(claims "$m2" A/new.example.test | cut -d' ' -f1 | tr '\n' ' ')" "refused taken "
first=$(jq -r .signer "$m2/IN/A/new.example.test")
case $first in
"$k4") other=$k5 ;;
"$k5") other=$k4 ;;
*) not_ok "one of them answers" ;;
esac
has "explain says why" "$(why "$m2" A/new.example.test)" "slot answers, trust tofu: DNS says that there is no such name, and this is the first signer seen"
has "and of the other too" "$(why "$m2" A/new.example.test claim | grep "$other")" "refused: more nodes have another's, or its key is smaller"
stop "$m2" 4002
check "after a restart" start_two ""
has "the first is remembered" "$(why "$m2" A/new.example.test)" "signer answers, trust tofu: DNS says that there is no such name, and the zone of the signer who is remembered has it"
has "and read from his zone" "$(why "$m2" A/new.example.test signer)" "$first ., the first signer of the name, reads new.example.test.$first: 1 record"
has "and the other refused for that" "$(why "$m2" A/new.example.test claim | grep "$other")" "refused: another signer is remembered"
check "he is one of the signers" grep -q " new.example.test$" "$m2/.kadns/signers"
is "which is not everybody's to read" "$(error_of as 1300 cat "$m2/.kadns/signers")" "Permission denied"
is "nor to write" "$(echo forget new.example.test | as 1300 tee "$m2/.kadns/signers" 2>&1 >/dev/null | sed 's/.*: //')" "Permission denied"
is "nobody else was met" "$(echo forget mail.example.test | LC_ALL=C tee "$m2/.kadns/signers" 2>&1 >/dev/null | sed 's/.*: //')" "No such file or directory"
echo "forget new.example.test" >>"$m2/.kadns/signers"
is "he can be forgotten" "$(grep -vc '^#' "$m2/.kadns/signers")" 0
is "and the first be met anew" "$(data_of "$m2/IN/A/new.example.test" | wc -w) $(grep -vc '^#' "$m2/.kadns/signers")" "1 1"
is "a user sees which claim is his" "$(as 1234 jq -r 'select(.own) | .signer' "$m1/.kadns/claims/IN/A/new.example.test")" "$k4"
is "somebody else has none" "$(as 1300 jq -r 'select(.own) | .signer' "$m1/.kadns/claims/IN/A/new.example.test")" ""
is "a slot without claims is empty" "$(cat "$m2/.kadns/claims/IN/A/nope.example.test" | wc -c)" 0
is "where no slot is read" "$(error_of cat "$m2/.kadns/claims/IN/A/mine.home.arpa")" "Operation not supported"
# DNS is faster than a node that has stopped: a reader has his answer, explain waits for the slot too.
kill -STOP "$(node_pid /var/lib/kadns/4001)"
is "a silent node delays no reader" "$(timeout 3 cat "$m2/IN/A/mail.example.test" | jq -r .trust)" dnssec
has "who wants to know why waits" "$(why "$m2" A/www.rsa.test slot)" "ENETUNREACH, Network is unreachable, at "
is "and hears who won" "$(why "$m2" A/www.rsa.test)" "dns answers, trust dnssec: what DNS answers is final"
kill -CONT "$(node_pid /var/lib/kadns/4001)"
stop "$m2" 4002

# ---- lookup=rescue: strangers are not told of what DNS answers, unless the claims are asked for
check "lookup=rescue" start_two ",lookup=rescue"
packets=$(count_of "$m2" dht.gets)
is "a name that DNS has" "$(why "$m2" A/www.example.test slot)" "not asked: lookup=rescue: only where DNS says that there is no such name"
is "is not looked up" "$(count_of "$m2" dht.gets)" "$packets"
is "one that it does not have is" "$(why "$m2" A/new.example.test)" "signer answers, trust tofu: DNS says that there is no such name, and the zone of the signer who is remembered has it"
packets=$(count_of "$m2" dht.gets)
is "claims are read where they are asked for" "$(cat "$m2/.kadns/claims/IN/A/www.example.test")$(count_of "$m2" dht.gets)" $((packets + 1))
stop "$m2" 4002
stop "$m1" 4001

# ---- waiting: for the deadline, and not after ^C; whoever looks meanwhile is not delayed
check "a silent upstream" "$KADNS" --no-dht -o "$common,upstream=127.53.0.99,deadline=3s" none "$m1"
cat "$e1/A/slow.example.test" >"$T/slow" &
slow=$!
ls "$e1/A" >/dev/null
stat "$e1/A/slow.example.test" "$e1/A/else.example.test" >/dev/null
cat "$m1/.kadns/status" >/dev/null
check "nobody else waits" waits "$slow"
wait $slow
is "the deadline too" "$(sed -n 's/^verdict: //p' "$T/slow")" "ETIMEDOUT (Connection timed out): no answer within the deadline"
has "and says who is awaited" "$(grep ^dns: "$T/slow")" "ms ago, no answer yet"
cat "$e1/A/slower.example.test" >/dev/null &
slow=$!
timeout -s INT 0.3 cat "$e1/A/other.example.test" >/dev/null
check "^C ends it, before the deadline of one that began sooner" waits "$slow"
wait "$slow"
check "what was made is counted" test "$(count_of "$m1" asks.explained)" -gt 0
stop "$m1" 4001
"$TESTS/net/minet.sh" stop
finish
