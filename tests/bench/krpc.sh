#!/bin/sh
# Answers a second of one DHT node on one core: ours, and libtorrent's in the same run on the same core.
#
#   sh tests/bench/krpc.sh BUILD        a minute or two; use buildtype=release
#
# Each node is one of 21 in its process, on CPU 0; the client floods it from CPU 1, 64 queries in flight,
# a second for each row, three times; the best counts (KRPC_SECONDS, KRPC_RUNS say otherwise). Beside answers a second stands the CPU time of
# one answer, which a busy machine changes less. The first row
# is a bare UDP echo: what the kernel leaves to anybody. To reach: get (miss) 1.6 times libtorrent's,
# byte-identical mutable puts 8 times; exits non-zero where that is missed. Needs python3-libtorrent for the
# peer; without it ours stand alone, and nothing is asserted.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
enter 400 "$@"

flood() { # ADDRESS WORKLOAD PID: answers a second, CPU an answer, size, errors, lost
	for _ in $(seq "${KRPC_RUNS-3}"); do
		taskset -c 1 "$build/tests/bench/krpc_flood" "$1" 6881 "$2" "${KRPC_SECONDS-1}" "$3"
	done | sort -n | tail -n 1
}

ready() {
	grep -q ready "$1"
}

status=0
at_least() { # TIMES OURS THEIRS
	[ "$(echo "$2 >= $1 * $3" | bc -l)" = 1 ] && return
	status=1
	printf '   MISSED: %s times' "$1"
}

row() { # WORKLOAD NAME [TIMES]: so many times libtorrent's are wanted
	read -r ours cpu size errors lost <<<"$(flood 127.9.0.1 "$1" "$node")"
	if [ -n "${peer-}" ]; then
		read -r theirs their_cpu their_size their_errors their_lost \
			<<<"$(flood 127.10.0.1 "$1" "$peer")"
		printf '%-18s %8d %8d %6d B %9d %8d %6d B %8.2f %8.2f' "$2" "$ours" "$cpu" "$size" \
			"$theirs" "$their_cpu" "$their_size" "$(echo "$ours / $theirs" | bc -l)" \
			"$(echo "$their_cpu / $cpu" | bc -l)"
		[ "$((errors + lost + their_errors + their_lost))" = 0 ] ||
			printf '   errors and losses %d+%d, %d+%d' "$errors" "$lost" "$their_errors" "$their_lost"
		[ -z "${3-}" ] || at_least "$3" "$ours" "$theirs"
	else
		printf '%-18s %8d %8d %6d B' "$2" "$ours" "$cpu" "$size"
		[ "$((errors + lost))" = 0 ] || printf '   errors and losses %d+%d' "$errors" "$lost"
	fi
	echo
}

describe
taskset -c 0 "$build/tests/bench/udp_echo" 127.8.0.1 6881 &
echo_pid=$!
mkdir "$dir/ours"
taskset -c 0 "$build/tests/bench/krpc_node" "$dir/ours" >"$dir/ours.log" 2>&1 &
node=$!
if /usr/bin/python3 -c 'import libtorrent' 2>/dev/null; then
	taskset -c 0 /usr/bin/python3 -W ignore "$here/krpc_libtorrent.py" >"$dir/peer.log" 2>&1 &
	peer=$!
	for _ in $(seq 60); do
		ready "$dir/peer.log" && break
		sleep 1
	done
	ready "$dir/peer.log" || die "libtorrent did not come up: $(cat "$dir/peer.log")"
fi
wait_for "our node" ready "$dir/ours.log"
read -r floor floor_cpu _ <<<"$(flood 127.8.0.1 echo "$echo_pid")"
kill "$echo_pid"
printf '%-18s %8s %8s %8s %9s %8s %8s %8s %8s\n' "" "kadns/s" "ns CPU" size "libtor./s" "ns CPU" size \
	"times/s" "/CPU"
printf '%-18s %8s %8s\n' "UDP echo" "$floor" "$floor_cpu"
row ping ping
row find_node find_node
row miss "get, miss" 1.6
row hit "get, hit"
row get_peers get_peers
row same "mutable put, same" 8
row new "mutable put, new"
exit $status
