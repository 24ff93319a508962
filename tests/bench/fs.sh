#!/bin/sh
# Opening, reading and closing a cached name through the mount, against the least that a FUSE file
# system can do (minimal_fs.c), by the same client (open_read_close.c), in the same run.
#
#   sudo sh tests/bench/fs.sh BUILD      one to three minutes; use buildtype=release
#
# Needs nsd ldnsutils unbound bind9-dnsutils, and /dev/fuse.
#
# To reach: at most 1.5 times as long as the minimal one. Both have the same text, path depth, direct_io,
# FLUSH and timeouts: a second for a name that DNS answered, none for a record written here, which costs a
# LOOKUP each time. Rounds alternate, minimal, kadns, minimal, ...; the table has the medians of the rounds.
#
# CPU placement decides more than the code does: on two CPUs a round trip waits for a wake-up, on one
# it is work only. So both placements are measured: `0/1` is the server on CPU 0 and the clients on CPU 1,
# `0/0` all on CPU 0; both servers always alike (taskset). On a busy machine, `nice -n -15 sh ...` helps.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
enter 400 "$@"

ROUNDS=11
OPERATIONS=3000 # by all processes of a measurement together: short, so that both meet the same weather

minimal_start() { # LABEL NAME TIMEOUT: mounts $dir/mnt-LABEL
	mkdir "$dir/mnt-$1"
	taskset -c 0 "$build/tests/bench/minimal_fs" "$dir/$2" "$2" "$3" "$dir/mnt-$1" 2>"$dir/minimal.log" &
	echo $! >"$dir/$1.pid"
	wait_for "minimal_fs" test -r "$dir/mnt-$1/IN/A/$2"
}

cpu_time() { # PID: nanoseconds on a CPU, more exact than ticks; both servers have one thread
	awk '{ print $1 }' "/proc/$1/schedstat"
}

client() { # FILE PID CPU PROCESSES CALLS: appends `P50 P99 RATE US/OP` to FILE
	flag=
	[ "$5" = orc ] || flag=-c
	before=$(cpu_time "$2")
	# shellcheck disable=SC2086
	printed=$(taskset -c "$3" "$build/tests/bench/open_read_close" $flag "$path" "$4" $((OPERATIONS / $4)))
	echo "$printed $(($(cpu_time "$2") - before))" |
		awk -v n=$((OPERATIONS + 100 * $4)) '{ print $1, $2, $3, $4 / 1000 / n }' >>"$1"
}

columns() { # FILE: the medians of its columns
	for n in 1 2 3 4; do awk -v n=$n '{ print $n }' "$1" | median; done | tr '\n' ' '
}

# One row: both servers in turn.
compare() { # LABEL NAME MINIMAL CPU PROCESSES CALLS
	rm -f "$dir/a" "$dir/b"
	for _ in $(seq $ROUNDS); do
		path=$dir/mnt-$3/IN/A/$2 client "$dir/a" "$(cat "$dir/$3.pid")" "$4" "$5" "$6"
		path=$dir/mnt/IN/A/$2 client "$dir/b" "$kadns" "$4" "$5" "$6"
	done
	echo "$(columns "$dir/a") $(columns "$dir/b")" | awk -v label="$1" -v place="0/$4" -v processes="$5" -v calls="$6" '{
		printf "%-11s %4s %5d %-4s | %7.1f %7.1f %7d %5.1f | %7.1f %7.1f %7d %5.1f | %5.2f %8.2f\n", label, place,
			processes, calls, $1, $2, $3, $4, $5, $6, $7, $8, $5 / $1, $3 / $7 }'
}

internet_start
mkdir "$dir/mnt"
kadns_start 0 -o port=4001,dns=off none "$dir/mnt"
wait_for "the mount" grep -q " $dir/mnt fuse.kadns " /proc/self/mounts
cached=www.example.test own=printer.alt
echo 192.0.2.7 >"$dir/mnt/IN/A/$own"
for name in $cached $own; do
	cat "$dir/mnt/IN/A/$name" >"$dir/$name"
	[ -s "$dir/$name" ] || die "kadns has no $name"
done
internet_stop # from here on there is only memory
minimal_start second $cached 1
minimal_start never $own 0

describe
echo "# $cached: $(wc -c <"$dir/$cached") bytes, $own: $(wc -c <"$dir/$own") bytes; $ROUNDS rounds of $OPERATIONS" \
	"operations each, medians; orc: open, read, close; cat: open, fstat, read to the end, close"
echo "# microseconds an operation (p50 under the name; cpu: the server's own); ratio: kadns to minimal, by p50 and by ops/s"
printf '%-11s %4s %5s %-4s | %7s %7s %7s %5s | %7s %7s %7s %5s | %5s %8s\n' "" CPUs procs "" minimal p99 ops/s cpu \
	kadns p99 ops/s cpu ratio "by ops/s"
for cpu in 1 0; do
	for processes in 1 4; do
		for calls in orc cat; do
			compare "DNS answer" $cached second $cpu $processes $calls
		done
	done
done
for cpu in 1 0; do
	for processes in 1 4; do
		compare "own record" $own never $cpu $processes orc
	done
done
