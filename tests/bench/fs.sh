#!/bin/sh
# What the mount costs, against targets: each row ends with `ok` or `MISSED`.
#
#   sudo sh tests/bench/fs.sh BUILD [SECTION...]      use buildtype=release; three to five minutes
#
# SECTION: read stat pending cycles; all of them when none is named. Needs nsd ldnsutils unbound
# bind9-dnsutils, and root (uids of many users, /dev/fuse).
#
# read: open+read+close of a cached name by the same client (open_read_close.c), against the least that a
# low-level libfuse file system can do (minimal_fs.c): the same text, path depth, direct_io, no FLUSH, and
# timeouts, a second for a name that DNS answered, none for a record written here, which costs a LOOKUP
# each time. `minimal` is that in a libevent loop, as kadns is: the ratio is to it. `bare` has libfuse's
# own loop, whose read waits. Rounds alternate: bare, minimal, kadns, bare, kadns, minimal, ...; the ratio
# is that of the two that stand together, in the same weather, and what is printed are medians.
# CPU placement decides more than the code does: on two CPUs a round trip waits for a wake-up, on one it is
# work only. `0/1` is the server on CPU 0 and the clients on CPU 1, `0/0` all on CPU 0. On a busy machine,
# `nice -n -15 sh ...` helps, and 0/1 means little.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
enter 1800 "$@"
shift
sections=${*:-read stat pending cycles}

ROUNDS=25
OPERATIONS=3000 # by all processes of a measurement together: short, so that all meet the same weather
CYCLES=1000
CPUS=${CPUS-0 1} # of the clients
USERS=50 OPENS=40 # 2,000 opens, within each user's share
missed=0
MINET_RUN=$dir/minet

verdict() { # VALUE <=|>= TARGET: prints ok or MISSED
	if awk -v a="$1" -v b="$3" "BEGIN { exit !(a $2 b) }"; then echo ok; else
		echo MISSED
		return 1
	fi
}

row() { # WHAT VALUE UNIT <=|>= TARGET
	v=$(verdict "$2" "$4" "$5") || missed=$((missed + 1))
	printf '%-66s %10s %-6s target %2s %-7s %s\n' "$1" "$2" "$3" "$4" "$5" "$v"
}

note() { printf '%-66s %10s %s\n' "$@"; }

minimal_start() { # LABEL NAME TIMEOUT [-e]: mounts $dir/mnt-LABEL
	mkdir "$dir/mnt-$1"
	# shellcheck disable=SC2086
	taskset -c 0 "$build/tests/bench/minimal_fs" ${4-} "$dir/$2" "$2" "$3" "$dir/mnt-$1" 2>"$dir/minimal.log" &
	echo $! >"$dir/$1.pid"
	wait_for "minimal_fs" test -r "$dir/mnt-$1/IN/A/$2"
}

cpu_time() { # PID: nanoseconds on a CPU, more exact than ticks; the servers have one thread
	awk '{ print $1 }' "/proc/$1/schedstat"
}

status_of() { # PID FIELD: of /proc/PID/status, a number
	sed -n "s/^$2:[^0-9]*\([0-9]*\).*/\1/p" "/proc/$1/status"
}

fds() { # PID
	find "/proc/$1/fd" -mindepth 1 | wc -l
}

client() { # FILE PID PATH CPU PROCESSES: appends `P50 P99 RATE US/OP` to FILE
	before=$(cpu_time "$2")
	printed=$(taskset -c "$4" "$build/tests/bench/open_read_close" "$3" "$5" $((OPERATIONS / $5)))
	echo "$printed $(($(cpu_time "$2") - before))" |
		awk -v n=$((OPERATIONS + 100 * $5)) '{ print $1, $2, $3, $4 / 1000 / n }' >>"$1"
}

column() { # FILE N: the median
	awk -v n="$2" '{ print $n }' "$1" | median
}

# One placement: the three servers in turn.
compare() { # LABEL NAME SUFFIX CPU PROCESSES
	rm -f "$dir"/rows.*
	for round in $(seq $ROUNDS); do
		order="minimal kadns"
		[ $((round % 2)) = 0 ] || order="kadns minimal"
		for server in bare $order; do
			pid=$node mnt=$dir/mnt
			[ $server = kadns ] || pid=$(cat "$dir/$server-$3.pid") mnt=$dir/mnt-$server-$3
			client "$dir/rows.$server" "$pid" "$mnt/IN/A/$2" "$4" "$5"
		done
	done
	place="$1, CPUs 0/$4, $5 reader$([ "$5" = 1 ] || echo s)"
	for server in bare minimal kadns; do
		f=$dir/rows.$server
		note "$place: $server" "$(column "$f" 1)" \
			"us p50, $(column "$f" 2) us p99, $(column "$f" 3) ops/s, server $(column "$f" 4) us/op"
	done
	ratio=$(paste "$dir/rows.kadns" "$dir/rows.minimal" | awk '{ printf "%.3f\n", $1 / $5 }' | median)
	row "$place: p50, kadns to minimal" "$ratio" times "<=" 1.1
	[ "$5" = 1 ] || row "$place: kadns" "$(column "$dir/rows.kadns" 3)" ops/s ">=" 25000
}

measure_read() {
	for name in $cached $own; do
		cat "$dir/mnt/IN/A/$name" >"$dir/$name"
		[ -s "$dir/$name" ] || die "kadns has no $name"
	done
	minimal_start bare-second $cached 1
	minimal_start minimal-second $cached 1 -e
	minimal_start bare-never $own 0
	minimal_start minimal-never $own 0 -e
	echo "# $cached: $(wc -c <"$dir/$cached") bytes, $own: $(wc -c <"$dir/$own") bytes;" \
		"medians of $ROUNDS rounds of $OPERATIONS operations"
	for cpu in $CPUS; do
		for processes in 1 4; do
			compare "DNS answer" $cached second $cpu $processes
			compare "own record" $own never $cpu $processes
		done
	done
	umount "$dir"/mnt-*
}

requests() { # how many requests of the kernel kadns has answered: a writev each
	awk '/^syscw/ { print $2 }' "/proc/$node/io"
}

# 3,000 stats take a few milliseconds, and the kernel may answer for a second: two requests are one
# expiry in their midst.
measure_stat() {
	cat "$dir/mnt/IN/A/$cached" >"$dir/none"
	before=$(requests)
	printed=$("$build/tests/bench/open_read_close" -s "$dir/mnt/IN/A/$cached" 1 3000)
	row "stat of a cached name, 3,000 times: requests that reached kadns" $(($(requests) - before)) "" "<=" 4
	row "stat of a cached name: p50" "${printed%% *}" us "<=" 5
}

# An upstream that takes questions and never answers.
silent_start() {
	/usr/bin/python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.53.0.99", 53))
time.sleep(900)' &
	silent=$!
}

waiting() { sed -n 's/^mount.waiting *//p' "$dir/slow/.kadns/status"; }

# A mount whose upstream says nothing: each time a new one, as an upstream that has not answered once is
# not waited for again.
slow_start() {
	mkdir "$dir/slow"
	taskset -c 0 "$build/fs/kadns" -f -o "state=$dir/slow-state,port=4002,dns=off,upstream=127.53.0.99,deadline=30s" \
		-o lookups=100000,lookup=rescue none "$dir/slow" 2>"$dir/slow.log" &
	slow=$!
	wait_for "the slow mount" grep -q " $dir/slow fuse.kadns " /proc/self/mounts
	echo 192.0.2.9 >"$dir/slow/IN/A/here.alt"
	"$build/tests/bench/open_read_close" "$dir/slow/IN/A/here.alt" 1 1000 >"$dir/none"
}

slow_stop() {
	wait $many || true
	wait_for "none waiting" grep -q '^mount.waiting *0$' "$dir/slow/.kadns/status"
	umount "$dir/slow"
	wait $slow || true
	rmdir "$dir/slow"
}

# Opens names below so many domains, and waits until as many as can wait do.
pend() { # DOMAINS
	rm -f "$dir/many"
	"$build/tests/bench/many_opens" "$dir/slow/IN/A" $USERS $OPENS "$1" 12 >"$dir/many" &
	many=$!
	wait_for "2,000 opens" grep -q waiting "$dir/many"
	for _ in $(seq 50); do
		[ "$(waiting)" -lt $((USERS * OPENS)) ] || break
		sleep 0.1
	done
}

others_p99() { # WHEN
	printed=$(setpriv --reuid 19999 --clear-groups "$build/tests/bench/open_read_close" -c "$dir/slow/IN/A/here.alt" 1 1000)
	row "$1: another user's cached cat, p99" "$(echo "$printed" | awk '{ printf "%.2f", $2 / 1000 }')" ms "<=" 10
}

# Names below many domains, as people ask for; and all below one, of which no more than half of all
# places are given away (resolver/domain_share).
measure_pending() {
	silent_start
	slow_start
	rss=$(status_of $slow VmRSS)
	pend $USERS
	row "opens waiting at once, of $USERS users below $USERS domains" "$(waiting)" "" ">=" $((USERS * OPENS))
	others_p99 meanwhile
	begin=$(date +%s%N)
	setpriv --reuid 19999 --clear-groups cat "$dir/slow/.kadns/status" "$dir/slow/.kadns/nodes" >"$dir/none"
	row "meanwhile: cat of .kadns/status and nodes" $((($(date +%s%N) - begin) / 1000000)) ms "<=" 50
	grown=$(($(status_of $slow VmRSS) - rss))
	row "meanwhile: RSS has grown by" "$(awk -v kb=$grown 'BEGIN { printf "%.2f", kb / 1024 }')" MB "<=" 8
	slow_stop
	slow_start
	pend 1
	note "as many opens below one domain, which has its share: waiting" "$(waiting)" ""
	others_p99 meanwhile
	slow_stop
	kill $silent
}

# The kernel lets go of a connection a moment after its last descriptor, those of before too.
fuse_connections() {
	sleep 1
	find /sys/fs/fuse/connections -mindepth 1 -maxdepth 1 | wc -l
}

# Twice: the mount alone in one process, where a leak shows in its memory; and the whole program, where
# it shows in the machine's.
measure_cycles() {
	mkdir "$dir/cycle"
	mounts=$(wc -l </proc/mounts)
	"$build/tests/bench/mount_cycles" $CYCLES "$dir/cycle" >"$dir/cycles" 2>&1 || die "$(cat "$dir/cycles")"
	first=$(head -n 1 "$dir/cycles") last=$(tail -n 1 "$dir/cycles")
	field() { echo "$1" | sed -n "s/.*$2[^0-9]*\([0-9]*\).*/\1/p"; }
	row "$CYCLES cycles in one process: RSS grows by" $(($(field "$last" VmRSS) - $(field "$first" VmRSS))) kB "<=" 256
	row "descriptors more" $(($(field "$last" fds) - $(field "$first" fds))) "" "<=" 0
	row "threads" "$(field "$last" Threads)" "" "<=" 1
	mount -t fusectl none /sys/fs/fuse/connections 2>"$dir/none" || true
	connections=$(fuse_connections)
	for i in $(seq $CYCLES); do
		"$build/fs/kadns" -o "state=$dir/cycle-state,port=4003,dns=off,upstream=none" none "$dir/cycle" ||
			die "cycle $i: no mount"
		cat "$dir/cycle/.kadns/key" >"$dir/none"
		pid=$(cat "$dir/cycle-state/lock") # of the starter
		node=$(pgrep -P "$pid" -x kadns-node)
		[ "$i" != $((CYCLES / 100 + 1)) ] || rss=$(status_of "$node" VmRSS) fd=$(fds "$node")
		[ "$i" != "$CYCLES" ] || rss_last=$(status_of "$node" VmRSS) fd_last=$(fds "$node")
		umount "$dir/cycle"
		while [ -d "/proc/$pid" ]; do sleep 0.005; done
		[ $((i % 100)) != 0 ] || echo "# $i of $CYCLES" >&2
	done
	row "$CYCLES cycles of the program: the last one's RSS is larger by" $((rss_last - rss)) kB "<=" 512
	row "its descriptors are more by" $((fd_last - fd)) "" "<=" 0
	row "mounts left" $(($(wc -l </proc/mounts) - mounts - $(grep -c fusectl /proc/mounts))) "" "<=" 0
	row "FUSE connections left" $(($(fuse_connections) - connections)) "" "<=" 0
	row "processes left" "$(pgrep -f "$dir/cycle-state" | wc -l)" "" "<=" 0
}

describe
cached=www.example.test own=printer.alt
case " $sections " in
*read* | *stat*)
	internet_start
	mkdir "$dir/mnt"
	kadns_start 0 -o port=4001,dns=off none "$dir/mnt"
	wait_for "the mount" grep -q " $dir/mnt fuse.kadns " /proc/self/mounts
	echo 192.0.2.7 >"$dir/mnt/IN/A/$own"
	cat "$dir/mnt/IN/A/$cached" >"$dir/none"
	;;
esac
for section in $sections; do
	"measure_$section"
done
[ ! -d "$MINET_RUN" ] || internet_stop
[ $missed = 0 ] || echo "$missed MISSED"
[ $missed = 0 ]
