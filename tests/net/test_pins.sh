#!/bin/sh
# .kadns/pins with the real program: who is believed for a name, by whom, and what a write of the file
# does. Two nodes with a mount each, two users and root, and a miniature Internet between them.
. "$(dirname "$0")/../lib.sh"
small_internet
m1=$T/one m2=$T/two
mkdir -p "$m1" "$m2"
common="root_hints=$MINET_RUN/root.hints,trust_anchor=$MINET_RUN/root.ds,upstream=127.53.0.53"
pins=$m2/.kadns/pins

start_one() { "$KADNS" -o "port=4001,$common" none "$m1"; }
start_two() { # MORE ARGUMENTS
	"$KADNS" -o "port=4002,dns=127.0.0.1:1054,$common" "$@" 127.0.0.1:4001 "$m2" &&
		know_another "$m1" "$m2"
}
at2() { dig +short +time=6 +tries=1 @127.0.0.1 -p 1054 "$@"; }
read_as() { # UID TYPE/NAME: data and trust
	as "$1" cat "$m2/IN/$2" | jq -r '"\(.data[0]) \(.trust)"'
}
why() { # UID TYPE/NAME TAG
	as "$1" sed -n "s/^$3: //p" "$m2/.kadns/explain/IN/$2"
}
mine() { as "$1" grep -v '^#' "$pins"; }
put_as() { # UID [-a] LINE...: the error of the write, which dash would not name
	uid=$1 add=
	shift
	[ "$1" != -a ] || { add=-a && shift; }
	printf '%s\n' "$@" | LC_ALL=C as "$uid" tee $add "$pins" 2>&1 >/dev/null | sed 's/.*: //'
}

check "two nodes" start_one
check "start" start_two
# Two users of the first node publish; what they say of names that DNS has is theirs alone, but their
# zones have it.
alice=$(as 1234 cat "$m1/.kadns/key") mallory=$(as 1235 cat "$m1/.kadns/key")
as 1234 sh -c "echo 10.1.2.3 >'$m1/IN/A/www.example.test'; echo 192.0.2.11 >'$m1/IN/A/new.example.test'
	echo 192.0.2.12 >'$m1/IN/A/www.$alice'; echo 'hi there' >'$m1/IN/TXT/$alice'"
as 1235 sh -c "echo 192.0.2.66 >'$m1/IN/A/www.example.test'; echo 192.0.2.67 >'$m1/IN/A/mail.example.test'"
check "what the users of one node say goes out" eventually 10 published "$m1"
is "DNS answers" "$(read_as 1300 A/www.example.test) $(at2 www.example.test A)" "192.0.2.1 dnssec 192.0.2.1"

# ---- one user's pin is his alone
is "a list of one's own is empty" "$(as 1300 cat "$pins" | grep -vc '^#')" 0
is "the file is everybody's" "$(stat -c '%a %F' "$pins" | cut -d' ' -f1)" 666
is "a pin" "$(error_of as 1300 sh -c "echo '$alice example.test' >'$pins'")" ""
is "is read back" "$(mine 1300)" "$alice example.test"
is "its size is that of what I read" "$(as 1300 stat -c %s "$pins")" "$(as 1300 cat "$pins" | wc -c)"
is "the key answers to me, a private address too" "$(read_as 1300 A/www.example.test)" "10.1.2.3 pin"
is "and signs" "$(as 1300 jq -r '.signer + " " + .name' "$m2/IN/A/www.example.test")" "$alice www.example.test."
is "nobody else has it" "$(read_as 1301 A/www.example.test) $(at2 www.example.test A)" "192.0.2.1 dnssec 192.0.2.1"
is "root neither" "$(read_as 0 A/www.example.test)" "192.0.2.1 dnssec"
is "who reads my list reads his own" "$(mine 1301)" ""
is "my own name is listed" "$(as 1300 ls "$m2/IN/A" | grep -c '^www.example.test$')" 1
# ---- what the zone does not have
is "a name that the zone lacks is DNS's" "$(read_as 1300 A/mail.example.test)" "$(read_as 1301 A/mail.example.test)"
is "one that it has has no other types" "$(error_of as 1300 cat "$m2/IN/TXT/www.example.test")" "No such file or directory"
has "explain says whose pin it is, and what it reads" "$(why 1300 A/www.example.test pin)" \
	"$alice example.test, yours, reads www.example.test.$alice: 1 record, ttl 300"
is "and why it won" "$(why 1300 A/www.example.test verdict)" \
	"pin answers, trust pin: a pin of yours comes first, and its key's zone has the name"
has "or did not" "$(why 1300 A/mail.example.test pin)" "the zone does not have the name, signer $alice"
is "who has no pin is told of none" "$(why 1301 A/www.example.test pin)" ""

# ---- strict
as 1300 sh -c "echo '$alice example.test strict' >'$pins'"
is "strict: a name that the zone has" "$(read_as 1300 A/www.example.test)" "10.1.2.3 pin"
before=$(count_of "$m2" upstream.asked)
is "one that it lacks is nobody's" "$(error_of as 1300 cat "$m2/IN/A/mail.example.test")" "No such file or directory"
is "and nobody is asked for it" "$(error_of as 1300 cat "$m2/IN/A/deep.down.example.test") $(count_of "$m2" upstream.asked)" \
	"No such file or directory $before"
is "explain" "$(why 1300 A/deep.down.example.test dns)" "not asked: a strict pin: only its key may answer"
is "another reads on" "$(read_as 1301 A/www.example.test)" "192.0.2.1 dnssec"

# ---- nicknames
as 1300 sh -c "echo '$alice as alice' >>'$pins'"
is "a line is added" "$(mine 1300 | wc -l)" 2
is "alice is her key" "$(read_as 1300 A/www.alice.alt)" "192.0.2.12 pin"
is "itself" "$(read_as 1300 TXT/alice.alt)" '"hi there" pin'
is "to nobody else" "$(error_of as 1301 cat "$m2/IN/A/www.alice.alt")" "No such file or directory"
before=$(count_of "$m2" upstream.asked)
as 1300 cat "$m2/IN/A/nope.alice.alt" "$m2/IN/AAAA/www.alice.alt" >/dev/null 2>&1
is "and never sent upstream" "$(count_of "$m2" upstream.asked)" "$before"

# ---- a greedy user
as 1301 sh -c "printf '%s\n' '$mallory .' '$mallory test strict' '$mallory as alice' >'$pins'"
is "a pin for everything is for who has it" "$(read_as 1301 A/www.example.test)" "192.0.2.66 pin"
is "others have theirs" "$(read_as 1300 A/www.example.test) $(read_as 1300 A/www.alice.alt)" "10.1.2.3 pin 192.0.2.12 pin"
is "or DNS" "$(read_as 1302 A/www.example.test) $(at2 www.example.test A)" "192.0.2.1 dnssec 192.0.2.1"
is "names under a key are that key's" "$(read_as 1301 "A/www.$alice")" "192.0.2.12 key"
is "which nobody may pin" "$(put_as 1301 -a "$mallory www.$alice")" "Invalid argument"

# ---- what a write does
as 1300 cat "$pins" >"$T/list"
is "a bad line refuses the write" "$(put_as 1300 "$alice a.test" rubbish)" "Invalid argument"
is "and the list stands" "$(as 1300 cat "$pins")" "$(cat "$T/list")"
is "so does a bad line that is added" "$(put_as 1300 -a "$alice a..b")" "Invalid argument"
as 1300 sh -c ": >'$pins'; truncate -s0 '$pins'"
is "truncation empties nothing" "$(as 1300 cat "$pins")" "$(cat "$T/list")"
is "nor does an empty line" "$(put_as 1300 "")" "Invalid argument"
as 1300 sh -c "cat '$T/list' >'$pins'"
is "what was read can be written back" "$(as 1300 cat "$pins")" "$(cat "$T/list")"
as 1300 sh -c "cp '$T/list' '$pins' && printf '%s' '$alice c.test' >>'$pins' && dd if='$T/list' of='$pins' bs=16 status=none"
is "by cp and dd too" "$(as 1300 cat "$pins")" "$(cat "$T/list")"
as 1300 sh -c "printf '%s' '# last
$alice c.test' | tee '$pins' >/dev/null"
is "a last line needs no newline" "$(mine 1300)" "$alice c.test"
as 1300 sh -c "grep '^#' '$T/list' >'$pins'"
is "comments alone are an empty list" "$(mine 1300)" ""
is "and DNS answers again" "$(read_as 1300 A/www.example.test)" "192.0.2.1 dnssec"
as 1300 sh -c "cat '$T/list' >'$pins'"
# shellcheck disable=SC2046
is "a user has 256" "$(IFS='
' && put_as 1302 $(seq -f "$alice n%g.test" 257))" "Disk quota exceeded"
is "or none of them" "$(mine 1302)" ""
is "the file cannot be removed" "$(error_of as 1300 rm -f "$pins")" "Operation not permitted"

# ---- root's pins hold for all and for the door
echo "$alice www.example.test" >"$pins"
is "root's pin holds for all" "$(read_as 1303 A/www.example.test) $(at2 www.example.test A)" "10.1.2.3 pin 10.1.2.3"
is "behind one's own" "$(read_as 1301 A/www.example.test)" "192.0.2.66 pin"
has "everybody sees it" "$(as 1303 cat "$pins")" "# $alice www.example.test"
has "explain says whose" "$(why 1303 A/www.example.test pin)" "$alice www.example.test, root's, reads www.example.test.$alice: 1 record"
check "status counts pins" test "$(count_of "$m2" pins)" = 6 -a "$(count_of "$m2" asks.pinned)" -gt 0

# ---- root's own records are root's word too: behind a user's own pin
echo 192.0.2.90 >"$m2/IN/A/www.example.test"
echo 192.0.2.91 >"$m2/IN/A/mail.example.test"
is "root's record answers to all and to the door" \
	"$(read_as 1303 A/www.example.test) $(at2 www.example.test A)" "192.0.2.90 self 192.0.2.90"
is "but one's own pin comes first" "$(read_as 1301 A/www.example.test)" "192.0.2.66 pin"
as 1310 sh -c "echo '$alice example.test' >'$pins'"
is "and where its zone lacks the name, root's record is next" \
	"$(read_as 1310 A/mail.example.test) $(read_as 1310 A/www.example.test)" "192.0.2.91 self 10.1.2.3 pin"
is "one's own record comes before both" "$(as 1300 sh -c "echo 192.0.2.92 >$m2/IN/A/www.example.test")$(read_as 1300 A/www.example.test)" "192.0.2.92 self"
rm "$m2/IN/A/www.example.test" "$m2/IN/A/mail.example.test"
as 1300 rm "$m2/IN/A/www.example.test"

# ---- a writer who is killed half-way
as 1310 /usr/bin/python3 -c "
import os
f = os.open('$pins', os.O_WRONLY | os.O_TRUNC)
os.write(f, b'$mallory example.test strict\n$mallory other')
os.kill(os.getpid(), 9)"
is "a writer who is killed leaves the old list, whole" "$(mine 1310)" "$alice example.test"
as 1310 /usr/bin/python3 -c "
import os
f = os.open('$pins', os.O_WRONLY | os.O_TRUNC)
os.write(f, b'$mallory example.test strict\n')
os._exit(1)"
is "one who exits has written his" "$(mine 1310)" "$mallory example.test strict"
as 1310 sh -c "echo '#' >'$pins'"

# ---- restart, with the daemon's own pins
stop "$m2" 4002
check "a bad option is refused" sh -c "! '$KADNS' -n -o 'pin=$alice' none '$m2'"
check "after a restart" start_two "--pin=$mallory mail.example.test strict" "--pin=$alice as ali"
is "my list stands" "$(mine 1300)" "$(grep -v '^#' "$T/list")"
is "and root's" "$(read_as 1303 A/www.example.test)" "10.1.2.3 pin"
is "an option holds for all" "$(read_as 1303 A/mail.example.test) $(at2 mail.example.test A)" "192.0.2.67 pin 192.0.2.67"
is "a nickname too" "$(at2 www.ali.alt A)" 192.0.2.12
has "and is shown" "$(cat "$pins")" "# $mallory mail.example.test strict"
has "in explain" "$(why 1303 A/mail.example.test pin)" "an option, reads"

# ---- a zone that cannot be read: strict fails closed, others go on to DNS
silent=$(as 1399 cat "$m1/.kadns/key") # whose zone nobody here holds
as 1305 sh -c "echo '$silent rsa.test' >'$pins'"
as 1306 sh -c "echo '$silent rsa.test strict' >'$pins'"
kill -STOP "$(node_pid /var/lib/kadns/4001)"
is "an unreachable zone: DNS answers" "$(read_as 1305 A/www.rsa.test | cut -d' ' -f2)" dnssec
case $(error_of as 1306 cat "$m2/IN/A/www.rsa.test") in
"Network is unreachable" | "Connection timed out") ok "but not to who is strict" ;;
*) not_ok "but not to who is strict: $(error_of as 1306 cat "$m2/IN/A/www.rsa.test")" ;;
esac
kill -CONT "$(node_pid /var/lib/kadns/4001)"
starter_killed /var/lib/kadns/4002
umount -l "$m2"
check "after kill -9" start_two
is "what was acknowledged is there" "$(mine 1306)" "$silent rsa.test strict"
stop "$m2" 4002
stop "$m1" 4001
"$TESTS/net/minet.sh" stop
finish
