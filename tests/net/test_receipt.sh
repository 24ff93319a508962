#!/bin/sh
# Receipts: an fsynced file's close and .kadns/wait say whether other nodes have what was written; with three
# nodes, with the others stopped, and alone.
. "$(dirname "$0")/../lib.sh"

m1=$T/dns m2=$T/two m3=$T/three m4=$T/alone
mkdir -p "$m1" "$m2" "$m3" "$m4"

start1() { "$KADNS" -o port=4001,upstream=none,deadline=3s none "$m1"; }
start2() { "$KADNS" -o port=4002,upstream=none 127.0.0.1:4001 "$m2"; }
start3() { "$KADNS" -o port=4003,upstream=none 127.0.0.1:4001 "$m3"; }
start4() { "$KADNS" -o port=4004,upstream=none none "$m4"; }
knows_two() { [ "$(wc -l <"$1/.kadns/nodes")" = 2 ]; }
value() { sed -n "s/^$2 *//p" "$1/.kadns/status"; }
queued() { value "$1" publish.queued; }
none_queued() { [ "$(queued "$1")" = 0 ]; }
synced() { # TEXT FILE: dd, which fsyncs and closes, and says what went wrong
	printf '%s\n' "$1" | LC_ALL=C dd of="$2" conv=fsync,notrunc status=none 2>&1
}
# What each of write, fsync and close comes to, the process going on: 0 or the error's name.
cat >"$T/steps.py" <<'EOF'
import errno, os, sys
def step(f, *a):
    try: f(*a); return "0"
    except OSError as e: return errno.errorcode[e.errno]
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
print(*[step(os.write, fd, sys.argv[2].encode() + b"\n"), step(os.fsync, fd), step(os.close, fd)])
EOF
steps() { python3 "$T/steps.py" "$1" "$2"; }
waits() { # MOUNT NAME: what the file below wait/ says, or why not
	LC_ALL=C cat "$1/.kadns/wait/IN/A/$2" 2>&1 | sed 's/.*: //'
}

# ---- alone ----
check "a node alone starts" start4
is "alone: an fsynced file's close succeeds" "$(steps "$m4/IN/A/lone.alt" 192.0.2.1)" "0 0 0"
has "alone: so does the wait" "$(cat "$m4/.kadns/wait/IN/A/lone.alt")" '"replicas":0,"published":0'
is "alone: it is queued all the same" "$(queued "$m4")" 1
is "alone: without having waited" "$(value "$m4" mount.receipts)" 0
check "umount of the lone node" umount "$m4"

# ---- three ----
check "node 1 starts" start1
check "node 2 starts" start2
check "node 3 starts" start3
check "node 1 knows the others" eventually 10 knows_two "$m1"
check "node 3 too" eventually 10 knows_two "$m3"

is "an fsynced file's close succeeds" "$(steps "$m1/IN/A/host.alt" 192.0.2.1)" "0 0 0"
is "and two others hold it" "$(jq -c '[.replicas, .published > 1000000000, .next > .published]' "$m1/.kadns/wait/IN/A/host.alt")" \
	"[2,true,true]"
is "its file says the same" "$(jq -c '[.replicas, .published > 1000000000, .next > .published]' "$m1/IN/A/host.alt")" \
	"[2,true,true]"
is "and is as long as stat says" "$(stat -c %s "$m1/IN/A/host.alt")" "$(cat "$m1/IN/A/host.alt" | wc -c)"
is "twice the same" "$(cat "$m1/IN/A/host.alt")" "$(cat "$m1/IN/A/host.alt")"
is "not in what another is told" "$(jq -c '[has("replicas"), has("published"), has("next")]' "$m2/IN/A/host.alt")" \
	"[false,false,false]"
has "explain says it in words" "$(grep ^own: "$m1/.kadns/explain/IN/A/host.alt")" ", known to the network: 2 nodes took it at 20"
jq -c .ttl=60 "$m1/IN/A/host.alt" >"$T/changed"
is "what reading adds is ignored when it is written" \
	"$(dd if="$T/changed" of="$m1/IN/A/host.alt" conv=fsync,notrunc status=none 2>&1) $(jq .ttl "$m1/IN/A/host.alt")" " 60"
echo '{"ttl":60,"data":["192.0.2.1"],"replicas":99,"published":99,"next":99}' >"$m1/IN/A/host.alt"
is "whatever it says" "$(cat "$m1/.kadns/wait/IN/A/host.alt" >"$T/waited"; jq -c '[.ttl, .replicas]' "$m1/IN/A/host.alt")" "[60,2]"
echo 192.0.2.8 >"$m1/IN/A/mine.home.arpa"
is "a name that stays here" "$(jq 'has("replicas")' "$m1/IN/A/mine.home.arpa") $(waits "$m1" mine.home.arpa | jq .replicas)" "false 0"
has "explain knows that" "$(grep ^own: "$m1/.kadns/explain/IN/A/mine.home.arpa")" ", told to nobody"
is "nothing is queued then" "$(queued "$m1")" 0
is "another node reads it" "$(data_of "$m3/IN/A/host.alt")" 192.0.2.1
key=$(cat "$m1/.kadns/key")
is "dd conv=fsync of a name under a key" "$(synced 192.0.2.2 "$m1/IN/A/host.$key")" ""
is "two others hold that" "$(jq .replicas "$m1/.kadns/wait/IN/A/host.$key")" 2
waited=$(value "$m1" mount.receipts)
echo 192.0.2.3 >"$m1/IN/A/echo.alt"
is "a close without fsync waits for nobody" "$(queued "$m1") $(value "$m1" mount.receipts)" "1 $waited"
has "a wait for it" "$(waits "$m1" echo.alt)" '"replicas":2'
is "was one" "$(value "$m1" mount.receipts)" $((waited + 1))
is "who has no such record" "$(waits "$m1" nobody.alt)" "No such file or directory"
is "who has none, though another has" "$(setpriv --reuid=1234 --clear-groups cat "$m1/.kadns/wait/IN/A/host.alt" 2>&1 | sed 's/.*: //')" \
	"No such file or directory"
is "wait/ is not written" "$(sh -c "echo 1 >'$m1/.kadns/wait/IN/A/host.alt'" 2>&1 | sed 's/.*: //')" "Permission denied"
is "it lists nothing" "$(ls -A "$m1/.kadns/wait" "$m1/.kadns/wait/IN/A" | grep -v :)" ""
is "its size asks nobody" "$(stat -c '%s %A %U' "$m1/.kadns/wait/IN/A/host.alt")" "0 -r--r--r-- root"

# ---- the others are stopped ----
p2=$(node_pid /var/lib/kadns/4002) p3=$(node_pid /var/lib/kadns/4003)
kill -STOP "$p2" "$p3"
python3 "$T/steps.py" "$m1/IN/A/late.alt" 192.0.2.4 >"$T/late" &
late=$!
waiting() { [ "$(value "$m1" mount.waiting)" -ge 1 ]; }
check "the close waits" eventually 5 waiting
echo 192.0.2.5 >"$m1/IN/A/beside.alt"
is "others work in the directory meanwhile" "$(data_of "$m1/IN/A/beside.alt")" 192.0.2.5
wait "$late"
is "and ends with the deadline" "$(cat "$T/late")" "0 0 ETIMEDOUT"
is "as does wait/" "$(waits "$m1" late.alt)" "Connection timed out"
is "their files say that nobody has them" "$(jq -c '[.replicas, .published]' "$m1/IN/A/late.alt")" "[0,0]"
has "explain too" "$(grep ^own: "$m1/.kadns/explain/IN/A/late.alt")" ", not yet known to the network"
check "the records stay queued" test "$(queued "$m1")" = 2
python3 "$T/steps.py" "$m1/IN/A/late.alt" 192.0.2.6 >"$T/killed" &
late=$!
check "one more waits" eventually 5 waiting
kill -9 "$late"
none_waits() { [ "$(value "$m1" mount.waiting)" = 0 ]; }
check "and is let go when it is killed" eventually 10 none_waits
rm "$m1/IN/A/beside.alt"
kill -CONT "$p2" "$p3"
check "they go out when the others go on" eventually 20 none_queued "$m1"
has "and a wait says so" "$(waits "$m1" late.alt)" '"replicas":2'
is "the newest of them" "$(data_of "$m2/IN/A/late.alt")" 192.0.2.6

vim -es -u NONE -c 'set nobackup' -c '%s/192.0.2.1/192.0.2.9/g' -c 'wq' "$m1/IN/A/host.alt" >/dev/null 2>&1
is "vim saves" "$?" 0
is "and two others have it" "$(jq .replicas "$m1/.kadns/wait/IN/A/host.alt")" 2

for m in "$m1" "$m2" "$m3"; do
	check "umount ends the daemon of ${m##*/}" umount "$m"
done
finish
