#!/bin/sh
# HUP, USR1 and TERM of the real program: what is read again, what is written to the log, and that it ends
# within two seconds whatever is going on.
. "$(dirname "$0")/../lib.sh"
m=$T/dns
mkdir -p "$m"
key=47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy
log=$T/log
pins() { grep -c "$key" "$m/.kadns/pins"; }
starts() { # OPTIONS...
	: >"$log"
	"$KADNS" -f -c "$T/conf" "$@" none "$m" >"$log" 2>&1 &
	daemon=$!
	eventually 10 test -e "$m/.kadns/status"
}
# Two seconds are promised. Ten are what a busy machine makes of them; a question may wait for thirty.
ends_at_once() { # NAME
	begin=$(date +%s%N)
	kill "$daemon"
	wait "$daemon"
	status=$?
	took=$((($(date +%s%N) - begin) / 1000000))
	is "$1: its exit status" "$status" 0
	check "$1: at once ($took ms)" test "$took" -lt 10000
	check "$1: nothing is mounted" sh -c "! grep -q ' $m ' /proc/self/mounts"
}

# ---- HUP
printf '127.0.0.9 one.example\n' >"$T/hosts"
cat >"$T/conf" <<TEXT
upstream=127.0.0.1:9
hosts=$T/hosts
pin=$key old.alt strict
log=error
TEXT
check "starts" starts -o port=4001,bind=127.0.0.1,dns=127.0.0.1:1053
is "the pin of the configuration" "$(pins)" 1
is "the hosts file" "$(data_of "$m/IN/A/one.example")" 127.0.0.9
printf '127.0.0.10 two.example\n' >"$T/hosts"
cat >"$T/conf" <<TEXT
upstream=127.0.0.1:9
hosts=$T/hosts
pin=$key new.alt strict
pin=$key as alice
log=error
TEXT
echo "$key mine.alt" >"$m/.kadns/pins"
kill -HUP "$daemon"
check "HUP: other pins" eventually 5 grep -q "as alice" "$m/.kadns/pins"
lacks "the old one has gone" "$(cat "$m/.kadns/pins")" old.alt
has "what users have written stays" "$(cat "$m/.kadns/pins")" "$key mine.alt"
has "and they are obeyed" "$(cat "$m/.kadns/explain/IN/A/www.new.alt")" "pin: $key new.alt strict, an option"
is "other hosts" "$(data_of "$m/IN/A/two.example")" 127.0.0.10
check "the old ones have gone" sh -c "! cat $m/IN/A/one.example 2>/dev/null"
echo "pin=nonsense" >>"$T/conf"
kill -HUP "$daemon"
check "with a mistake" eventually 5 grep -q "the configuration stays as it was" "$log"
is "all stays as it was" "$(pins)" 3
sed -i /pin/d "$T/conf"
kill -HUP "$daemon"
check "without any" eventually 5 sh -c "! grep -q 'as alice' $m/.kadns/pins"
is "only the user's is left" "$(pins)" 1

# ---- USR1, though nothing but errors is to be logged
kill -USR1 "$daemon"
check "USR1 writes counters" eventually 5 grep -q "mount.wakes" "$log"
sed -n 's/^.*counters: //p' "$log" | tr ',' '\n' | sed 's/^ *//; s/ .*//' >"$T/logged"
sed 's/ .*//' "$m/.kadns/status" >"$T/shown"
is "all of them" "$(diff "$T/logged" "$T/shown")" ""
is "with their values" "$(sed -n 's/.*\<trust \([a-z]*\).*/\1/p' "$log")" guarded
lines=$(grep -c counters: "$log")
kill -USR1 "$daemon"
check "once more, and nothing is held back" eventually 10 sh -c "[ \$(grep -c counters: $log) = $((2 * lines)) ]"

# ---- TERM
ends_at_once "idle"
check "starts again" starts -o port=4001,bind=127.0.0.1,dns=127.0.0.1:1053,deadline=30s,upstream=127.0.0.2:9
# Readers that wait for a DNS that is silent, writers, a walk, a client of the door that never ends.
/usr/bin/python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.2", 9))
while True: s.recv(4096)' &
silent=$!
for i in 1 2 3 4 5 6 7 8; do
	cat "$m/IN/A/slow$i.example" >/dev/null 2>&1 &
	(n=0; while echo "192.0.2.$i" >"$m/IN/A/w$i-$n.alt"; do n=$((n + 1)); done) >/dev/null 2>&1 &
	(while dig +time=1 +tries=1 @127.0.0.1 -p 1053 "d$i.example" A; do :; done) >/dev/null 2>&1 &
done
(while ls -lR "$m"; do :; done) >/dev/null 2>&1 &
exec 9<"$m/.kadns/status"
sleep 1
check "it works under load" grep -q . "$m/.kadns/key"
ends_at_once "under load"
exec 9<&-
kill "$silent"
finish
