#!/bin/sh
# The real program on a disk that takes its time, or fails: who writes waits for it and hears of it,
# many who write at once wait together, and nobody else waits.
#
#   sudo sh tests/net/test_disk.sh BUILD
. "$(dirname "$0")/../lib.sh"

M=$T/dns
A=$M/IN/A
mkdir "$M"
le32() { # NUMBER: its four bytes, the lowest first
	# shellcheck disable=SC2059
	printf "$(printf '\\%03o' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24)))"
}
disk() { # DELAY_US ERRNO
	{ le32 "$1" && le32 "$2"; } | dd of="$T/disk" bs=8 seek=1 conv=notrunc status=none
}
syncs() { echo $(($(od -An -tu8 -N8 "$T/disk"))); }
status() { sed -n "s/^$1  *//p" "$M/.kadns/status"; }
as() { # UID COMMAND...
	uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
}
start() {
	# With sanitizers theirs must be the first library, and is not: this one comes before it.
	ASAN_OPTIONS=verify_asan_link_order=0 SLOW_DISK=$T/disk LD_PRELOAD="$BUILD/tests/libslow_disk.so" \
		"$KADNS" -f -o "state=$T/state,dns=off,upstream=none,no-dht" none "$M" >"$T/log" 2>&1 &
	pid=$!
	eventually 20 test -e "$M/.kadns/status"
}
head -c 16 /dev/zero >"$T/disk"
start

echo 192.0.2.1 >"$A/one.alt"
before=$(syncs)
echo 192.0.2.2 >"$A/one.alt"
check "each write by itself costs the disk a sync" [ "$(syncs)" -gt "$before" ]
cat "$A/one.alt" >/dev/null
before=$(syncs) commits=$(status disk.commits)
cat "$A/one.alt" >/dev/null && ls -l "$A" >/dev/null
is "reading costs none" "$(($(syncs) - before)) $(($(status disk.commits) - commits))" "0 0"

# The first thing that a user writes makes his key, which is on the disk before anything else goes on.
for uid in 1001 $(seq 2001 2030); do
	as "$uid" cat "$M/.kadns/key" >/dev/null
done

# ---- while the disk takes two seconds ----
disk 2000000 0
as 1001 sh -c "echo 192.0.2.9 >$A/slow.alt; echo written >$T/slow" 2>"$T/slow.err" &
touch "$T/slow" && chmod 666 "$T/slow"
check "another process of his reads what is not durable yet" \
	eventually 5 as 1001 grep -q 192.0.2.9 "$A/slow.alt"
as 1002 cat "$A/one.alt" >"$T/cat"
ls -l "$A" "$M/IN" >/dev/null
cat "$M/.kadns/status" >/dev/null
as 1002 sh -c "echo half >$A/private; rm $A/private"
is "others read, list and make private files while the writer waits" "$(cat "$T/slow")" ""
has "and cat answers" "$(cat "$T/cat")" 192.0.2.2
check "the writer is answered in the end" eventually 10 grep -q written "$T/slow"
wait_writers() { for p in $writers; do wait "$p" || failed=1; done; }

# ---- many at once ----
disk 300000 0
before=$(syncs) writers='' failed=0
for i in $(seq 30); do
	as $((2000 + i)) sh -c "echo 192.0.2.3 >$A/many$i.alt" &
	writers="$writers $!"
done
wait_writers
is "thirty who write at once all succeed" "$failed" 0
made=$(($(syncs) - before))
check "and share their syncs: $made" [ "$made" -le 15 ]

# ---- rm, mv and pins wait too ----
disk 0 0
echo 192.0.2.4 >"$A/old.alt"
before=$(syncs) && rm "$A/old.alt"
check "rm is durable when it returns" [ "$(syncs)" -gt "$before" ]
echo 192.0.2.4 >"$A/draft"
before=$(syncs) && mv "$A/draft" "$A/new.alt"
check "so is mv" [ "$(syncs)" -gt "$before" ]
key=$(cat "$M/.kadns/key")
before=$(syncs) && echo "$key example.com" >"$M/.kadns/pins"
check "so are pins" [ "$(syncs)" -gt "$before" ]

# ---- the disk fails ----
refused() { # WHAT FILE TEXT
	disk 0 5
	said=$(LC_ALL=C sh -c "echo '$3' >$2" 2>&1)
	code=$?
	disk 0 0
	has "a disk that fails: $1 says so" "$said rc=$code" "I/O error rc=1"
}
refused "a new version" "$A/one.alt" 192.0.2.77
is "and the old one stands" "$(data_of "$A/one.alt")" 192.0.2.2
check "it heals by itself" eventually 10 sh -c "echo 192.0.2.5 >$A/one.alt"
is "then what is written counts" "$(data_of "$A/one.alt")" 192.0.2.5
refused "a new name" "$A/never.alt" 192.0.2.77
lacks "and there is none" "$(ls "$A")" never.alt
check "again it heals" eventually 10 sh -c "echo 192.0.2.6 >$A/one.alt"
refused pins "$M/.kadns/pins" "$key example.net"
has "and the old list stands" "$(cat "$M/.kadns/pins")" "$key example.com"
lacks "without the new" "$(cat "$M/.kadns/pins")" example.net
disk 0 5
said=$(LC_ALL=C rm "$A/new.alt" 2>&1)
disk 0 0
has "rm says so" "$said" "Input/output error"
eventually 10 sh -c "echo 192.0.2.8 >$A/one.alt"
is "and the record stands" "$(data_of "$A/new.alt")" 192.0.2.4
check "failures are counted" [ "$(status disk.failures)" -gt 0 ]
has "and logged" "$(cat "$T/log")" "what was written is lost, and what stood before stands"

# ---- and kill -9 loses nothing that was acknowledged ----
kill -9 "$pid"
wait "$pid" 2>/dev/null
start
is "kill -9 after it loses nothing" "$(data_of "$A/one.alt") $(data_of "$A/new.alt")" "192.0.2.8 192.0.2.4"
lacks "and brings nothing back that was refused" "$(ls "$A")" never.alt
disk 200000 0
sh -c "echo 192.0.2.10 >$A/last.alt" &
writer=$!
eventually 5 test -s "$A/last.alt"
kill "$pid"
check "a write that waits when kadns ends is answered" wait "$writer"
check "and kadns ends well" wait "$pid"
finish
