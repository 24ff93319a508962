#!/bin/sh
# Opening, reading and closing a cached name through the mount, against the least that a FUSE file
# system can do (minimal_fs.c), by the same client (open_read_close.c), in the same run.
#
#   sudo sh tests/bench/fs.sh BUILD      about a minute; needs nsd ldnsutils unbound bind9-dnsutils, /dev/fuse
#
# To reach: at most 1.5 times as long as the minimal one. Both have the same text, path depth, direct_io,
# FLUSH and timeouts: a second for a name that DNS answered, none for a record written here, which costs a
# LOOKUP each time. Rounds alternate, minimal, kadns, minimal, ...; the table has the medians of the rounds.
#
# CPU placement decides more than the code does: on two CPUs a round trip waits for a wake-up, on one
# it is work only. So both placements are measured: `0/1` is the server on CPU 0 and the clients on CPU 1, `0/0` all
# on CPU 0; both servers always alike (taskset).
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
enter 400 "$@"

ROUNDS=5
OPERATIONS=6000 # by all processes of a measurement together

minimal_start() { # TEXT NAME TIMEOUT MOUNTPOINT
	mkdir "$4"
	taskset -c 0 "$build/tests/bench/minimal_fs" "$@" 2>"$dir/minimal.log" &
	wait_for "minimal_fs" test -r "$4/IN/A/$2"
}

client() { # FILE CPU PROCESSES CALLS: appends `P50 P99 RATE` to FILE
	flag=
	[ "$4" = orc ] || flag=-c
	# shellcheck disable=SC2086
	taskset -c "$2" "$build/tests/bench/open_read_close" $flag "$path" "$3" $((OPERATIONS / $3)) >>"$1"
}

column() { # FILE N
	awk -v n="$2" '{ print $n }' "$1" | median
}

# One row: both servers in turn.
compare() { # LABEL NAME MINIMAL KADNS CPU PROCESSES CALLS
	rm -f "$dir/a" "$dir/b"
	for _ in $(seq $ROUNDS); do
		path=$3/IN/A/$2 client "$dir/a" "$5" "$6" "$7"
		path=$4/IN/A/$2 client "$dir/b" "$5" "$6" "$7"
	done
	awk -v label="$1" -v place="0/$5" -v processes="$6" -v calls="$7" \
		-v a50="$(column "$dir/a" 1)" -v a99="$(column "$dir/a" 2)" -v a="$(column "$dir/a" 3)" \
		-v b50="$(column "$dir/b" 1)" -v b99="$(column "$dir/b" 2)" -v b="$(column "$dir/b" 3)" \
		'BEGIN { printf "%-11s %4s %5d %-4s | %7.1f %7.1f %7d | %7.1f %7.1f %7d | %5.2f %8.2f\n",
			label, place, processes, calls, a50, a99, a, b50, b99, b, b50 / a50, a / b }'
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
minimal_start "$dir/$cached" $cached 1 "$dir/mnt-minimal"
minimal_start "$dir/$own" $own 0 "$dir/mnt-minimal-0"

describe
echo "# $cached: $(wc -c <"$dir/$cached") bytes, $own: $(wc -c <"$dir/$own") bytes; $ROUNDS rounds of $OPERATIONS" \
	"operations each, medians; orc: open, read, close; cat: open, fstat, read to the end, close"
echo "# microseconds an operation; ratio: kadns to minimal, by p50 and by operations a second"
printf '%-11s %4s %5s %-4s | %7s %7s %7s | %7s %7s %7s | %5s %8s\n' "" CPUs procs "" minimal p99 ops/s \
	kadns p99 ops/s ratio "by ops/s"
for cpu in 1 0; do
	for processes in 1 4; do
		for calls in orc cat; do
			compare "DNS answer" $cached "$dir/mnt-minimal" "$dir/mnt" $cpu $processes $calls
		done
	done
done
for cpu in 1 0; do
	compare "own record" $own "$dir/mnt-minimal-0" "$dir/mnt" $cpu 1 orc
	compare "own record" $own "$dir/mnt-minimal-0" "$dir/mnt" $cpu 4 orc
done
