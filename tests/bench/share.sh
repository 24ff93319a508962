#!/bin/sh
# What one user notices of another who takes all that he can get: opening, reading and closing a cached
# name, alone and beside floods. (Two thousand opens pending at once are a row of fs.sh.)
#
#   sudo sh tests/bench/share.sh BUILD      a minute; use buildtype=release
#
# Needs /dev/fuse and python3.
#
# To reach: the second user's p99 under 10 ms beside every flood, on a machine that does nothing else.
#
# The node is on CPU 0; he and the flood, which is nice 10, share CPU 1. `spin` is the measure: a flood that
# burns CPU and asks nothing of the mount. The upstream never answers, so that look-ups wait for the deadline
# as long as they may. `calls` and `refused` are the flood's (EAGAIN, EDQUOT, ENFILE); `cpu` is the node's time
# for both, in hundredths of a second.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
enter 240 "$@"

SECOND=1002 FLOOD=20000
N=500 # operations of the second user, per row
NAME=cached.alt

# A resolver that hears and says nothing.
python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.9', 53))
t = socket.socket(); t.bind(('127.0.0.9', 53)); t.listen(64)
while True: s.recv(4096)" &
mkdir "$dir/mnt"
start_node() { # OPTION
	taskset -c 0 "$build/fs/kadns" -f -o "state=$dir/state,port=4001,dns=off,upstream=127.0.0.9" \
		-o "deadline=10s,$1" none "$dir/mnt" >"$dir/kadns.log" 2>&1 &
	kadns=$!
	wait_for "the mount" grep -q " $dir/mnt fuse.kadns " /proc/self/mounts
	node=$(pgrep -P $kadns -x kadns-node)
}
start_node dht=on
A=$dir/mnt/IN/A
echo 192.0.2.7 >"$A/$NAME"
for i in $(seq 300); do echo 192.0.2.7 >"$A/listed$i.alt"; done

second_user() { # prints P50 P99 RATE
	taskset -c 1 setpriv --reuid $SECOND --regid $SECOND --clear-groups \
		"$build/tests/bench/open_read_close" -c "$dir/mnt/IN/A/$NAME" 1 "$1"
}
start_flood() { # KIND UID PROCESSES THREADS
	taskset -c 1 nice -n 10 "$build/tests/bench/mount_flood" "$1" "$A" "$2" "$3" "$4" >"$dir/flood" &
	flood=$!
	sleep 1
}
stop_flood() {
	kill $flood
	wait $flood || die "the flood ended badly"
}
row() { # LABEL KIND PROCESSES THREADS
	before=$(ticks $node)
	start_flood "$2" $FLOOD "$3" "$4"
	taken=$(second_user $N)
	stop_flood
	echo "$taken $(cat "$dir/flood") $(($(ticks $node) - before))" | awk -v label="$1" '{
		printf "%-34s %8.1f %8.1f %8d %9d %9d %5d\n", label, $1, $2, $3, $4, $5, $6 }'
	FLOOD=$((FLOOD + 100)) # the next is another user: what this one holds is not gone yet
}

describe
echo "# the second user's cat of a cached name: microseconds, and how many a second; and the flood beside it"
printf '%-34s %8s %8s %8s %9s %9s %5s\n' "" p50 p99 ops/s calls refused cpu
second_user $N | awk '{ printf "%-34s %8.1f %8.1f %8d %9s %9s\n", "alone", $1, $2, $3, "-", "-" }'
row "beside CPU, 4 processes" spin 4 1
row "look-ups without answer, 80" lookups 8 10
row "writes, 4" writes 4 1
row "drafts, 4" drafts 4 1
row "listings of 301 names, 4" listings 4 1
row "private files, 4" private 4 1

kill $kadns
wait $kadns || die "kadns ended badly: $(tail -n 3 "$dir/kadns.log")"

# A hundred thousand names of root's, which all users see. They are put where the node keeps them:
# writing them takes longer than all the rows.
python3 - "$dir/state/own.db" <<'PY'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute('BEGIN')
db.executemany('INSERT INTO record(uid, class, type, name, ttl, data, written, published)'
    ' VALUES(0, 1, 1, ?, 300, ?, 1, 1)', ((b'%c%s\3alt\0' % (len(n), n), b'\0\4\xc0\0\2\1')
    for n in (b'many%d' % i for i in range(100000))))
db.execute('COMMIT')
PY
start_node "quota=200000,no-dht"
row "listings of 100,000 names, 4" listings 4 1
A=$dir/mnt/IN/TXT # with nothing in it
row "listings of none beside them, 4" listings 4 1
kill $kadns
wait $kadns || die "kadns ended badly: $(tail -n 3 "$dir/kadns.log")"
