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
is_past() { [ "$(status "$1")" -gt "$2" ]; } # COUNTER VALUE
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

# ---- mv and pins wait too; rm does not, for the directory is locked meanwhile ----
disk 0 0
echo 192.0.2.4 >"$A/old.alt"
disk 1000000 0
sleep 0.3 # what went on before has been counted
before=$(status disk.syncs)
rm "$A/old.alt" && ls "$A" >/dev/null
is "rm waits for no disk" "$(status disk.syncs)" "$before"
check "but the disk has it soon" eventually 5 is_past disk.syncs "$before"
disk 0 0
echo 192.0.2.4 >"$A/draft"
before=$(syncs) && mv "$A/draft" "$A/new.alt"
check "so is mv" [ "$(syncs)" -gt "$before" ]
key=$(cat "$M/.kadns/key")
before=$(syncs) && echo "$key example.com" >"$M/.kadns/pins"
check "so are pins" [ "$(syncs)" -gt "$before" ]

# ---- the disk fails ----
# The disk is the thread's again: while it is not, each write waits for it in the loop, and is not counted.
heals() {
	before=$(status disk.commits)
	echo "$1" >"$A/one.alt" && is_past disk.commits "$before"
} 2>/dev/null
refused() { # WHAT FILE TEXT
	disk 0 5
	said=$(LC_ALL=C sh -c "echo '$3' >$2" 2>&1)
	code=$?
	disk 0 0
	has "a disk that fails: $1 says so" "$said rc=$code" "I/O error rc=1"
}
refused "a new version" "$A/one.alt" 192.0.2.77
is "and the old one stands" "$(data_of "$A/one.alt")" 192.0.2.2
check "it heals by itself" eventually 10 heals 192.0.2.5
is "then what is written counts" "$(data_of "$A/one.alt")" 192.0.2.5
refused "a new name" "$A/never.alt" 192.0.2.77
lacks "and there is none" "$(ls "$A")" never.alt
check "again it heals" eventually 10 heals 192.0.2.6
refused pins "$M/.kadns/pins" "$key example.net"
has "and the old list stands" "$(cat "$M/.kadns/pins")" "$key example.com"
lacks "without the new" "$(cat "$M/.kadns/pins")" example.net
echo 192.0.2.78 >"$A/only-copy"
eventually 10 heals 192.0.2.6
disk 0 5
said=$(LC_ALL=C mv "$A/only-copy" "$A/new.alt" 2>&1)
disk 0 0
has "mv says so" "$said" "Input/output error"
is "and what was moved is there" "$(cat "$A/only-copy")" 192.0.2.78
is "and the old record" "$(data_of "$A/new.alt")" 192.0.2.4
check "and can be moved once more" eventually 10 mv "$A/only-copy" "$A/moved.alt"
is "then it is a record" "$(data_of "$A/moved.alt") $(ls "$A/only-copy" 2>&1 >/dev/null | wc -l)" "192.0.2.78 1"
echo "the only one" >"$A/backup"
eventually 10 heals 192.0.2.5
disk 0 5
said=$(LC_ALL=C mv "$A/moved.alt" "$A/backup" 2>&1)
disk 0 0
has "mv of a record onto a private file says so too" "$said" "Input/output error"
is "and that file is what it was" "$(cat "$A/backup")" "the only one"
eventually 10 heals 192.0.2.5
is "and so is the record" "$(data_of "$A/moved.alt")" 192.0.2.78
before=$(status disk.commits)
/usr/bin/python3 -c "import os; os.rename('$A/moved.alt', '$A/moved2.alt')"
is "a move between two names is one commit, and what nobody else must know of its end another" \
	"$(($(status disk.commits) - before))" 2
disk 500000 5 # it fails after rm has ended
rm "$A/new.alt"
check "the log tells what rm could not" eventually 5 \
	grep -q "A/new.alt. .*removed, but the disk has failed, and it stands again" "$T/log"
disk 0 0
eventually 10 sh -c "echo 192.0.2.8 >$A/one.alt"
is "and the record stands" "$(data_of "$A/new.alt")" 192.0.2.4
check "failures are counted" [ "$(status disk.failures)" -gt 0 ]
has "and logged" "$(cat "$T/log")" "what was written is lost, and what stood before stands"

# ---- a killed writer waits for nothing, and what the disk then loses is known all the same ----
killed() { # WHAT PID
	before=$(status disk.syncs)
	kill -9 "$2"
	wait "$2" 2>/dev/null
	is "kill -9 ends $1 that waits for the disk, at once" "$(status disk.syncs)" "$before"
}
echo 192.0.2.91 >"$A/killed-copy"
eventually 10 heals 192.0.2.8
disk 2000000 5
sh -c "echo 192.0.2.90 >$A/killed.alt" &
writer=$!
eventually 5 test -s "$A/killed.alt"
before=$(status disk.commits)
mv "$A/killed-copy" "$A/killedmv.alt" &
mover=$!
eventually 5 is_past disk.commits "$before" # a look at the name would wait with it
killed "a writer" "$writer"
killed "an mv" "$mover"
check "the record that was lost is in the log" eventually 8 grep -q "A/killed.alt. .*is lost" "$T/log"
check "and the renamed one" eventually 8 grep -q "A/killedmv.alt. .*is lost" "$T/log"
disk 0 0
check "whose copy is there" eventually 5 grep -q 192.0.2.91 "$A/killed-copy"
check "and the disk heals" eventually 10 sh -c "echo 192.0.2.8 >$A/one.alt"
lacks "and no record stands" "$(ls "$A")" "killed.alt"

# ---- and kill -9 loses nothing that was acknowledged ----
kill -9 "$pid"
wait "$pid" 2>/dev/null
start
is "kill -9 after it loses nothing" "$(data_of "$A/one.alt") $(data_of "$A/new.alt")" "192.0.2.8 192.0.2.4"
lacks "and brings nothing back that was refused" "$(ls "$A")" never.alt
# He has written so much that his close waits for time too (fs/pace).
as 1001 sh -c "for i in $(seq -s ' ' 250); do echo 192.0.2.\$i >$A/burst.alt; done"
# And he has fsynced: his close asks whether the network has it, once the disk has.
as 1002 /usr/bin/python3 -c "
import os, time
f = os.open('$A/synced.alt', os.O_WRONLY | os.O_CREAT)
os.write(f, b'192.0.2.10\n')
os.fsync(f)
while not os.path.exists('$T/go'):
    time.sleep(0.01)
os.write(f, b'192.0.2.11')
os.close(f)" 2>"$T/synced.err" &
synced=$!
eventually 5 as 1002 grep -q 192.0.2.10 "$A/synced.alt"
sleep 0.2
disk 900000 0
touch "$T/go"
sh -c "echo 192.0.2.10 >$A/last.alt" &
writer=$!
as 1001 sh -c "printf 192.0.2.10 >$A/burst.alt" & # counts when it is closed
closer=$!
eventually 5 test -s "$A/last.alt"
eventually 5 as 1001 grep -q '192\.0\.2\.10"' "$A/burst.alt"
eventually 5 as 1002 grep -q '192\.0\.2\.11"' "$A/synced.alt"
kill "$pid"
check "a write that waits when kadns ends is answered" wait "$writer"
check "so is a close" wait "$closer"
wait "$synced"
has "one that waits for the network too is told that there is none now" "$(cat "$T/synced.err")" "Errno 103"
check "and kadns ends well" wait "$pid"
lacks "and no mount is left" "$(cat /proc/mounts)" "$M"

# ---- a disk that does not answer holds up neither the unmount nor who waits ----
disk 0 0
start
disk 60000000 0
sh -c "echo 192.0.2.66 >$A/stalled.alt" 2>"$T/stalled" &
writer=$!
eventually 5 test -s "$A/stalled.alt"
rm "$A/one.alt"
has "a disk that stands still stops no cat" "$(cat "$A/new.alt")" 192.0.2.4
begin=$(date +%s%N)
kill "$pid"
check "nor the unmount" eventually 20 sh -c "! grep -q ' $M ' /proc/mounts"
wait "$writer"
is "who waited for it is told" "$?" 1
wait "$pid"
is "kadns ends, and not as if all were well" "$?" 1
took=$((($(date +%s%N) - begin) / 1000000))
# Five seconds it gives the disk; one that waited for it would take sixty.
check "long before the disk would: $took ms" [ "$took" -lt 25000 ]
has "it says what is not on the disk" "$(tail -n 1 "$T/log")" "does not answer: the last 3 commits may be lost"
has "by name" "$(cat "$T/log")" "A/stalled.alt. of uid 0: kadns ended before the disk had taken it"
disk 0 0
start
is "and nothing is lost, as the machine stayed up" "$(data_of "$A/stalled.alt") $(ls "$A/one.alt" 2>&1 >/dev/null | wc -l)" "192.0.2.66 1"

kill "$pid"
wait "$pid"
finish
