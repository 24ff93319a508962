#!/bin/sh
# 100 to 100,000 nodes in one process in virtual time: hops, messages, time and success of puts and gets.
#
#   sh tests/bench/scale.sh BUILD [NODES...]     100 1000 10000 100000; use buildtype=release
#
# Needs nothing but the build, and for 100,000 nodes 13 GB of memory and a quarter
# of an hour of one core. To reach: 99.9 % of all puts and gets succeed, at most 20 messages a get, at most 4 more for each tenfold of nodes; it
# exits non-zero where one of these is missed. libtorrent takes 18 to 20 queries a put and 9 to 12 a get of a mutable item among 100 nodes (facts measured once; it
# cannot run in virtual time). SIM_SEED=N takes another course of events.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
sizes=("${@:2}")
enter 7200 "$@"

describe
[ ${#sizes[@]} -gt 0 ] || sizes=(100 1000 10000 100000)
printf '\n%7s  %-14s %6s %9s %7s %5s %5s %9s\n' nodes '' hops messages 'p50 ms' p90 p99 success
status=0
# Of each kind of get, from one network to the next that is larger: four for each tenfold, two for threefold.
more_than_four() { # TABLE
	awk '$2 == "get," { name = $2 $3; nodes = $1; messages = $5
		if (name in was && messages - was[name] > 4 * log(nodes / of[name]) / log(10) + 0.05) {
			printf "%s: from %d to %d nodes %.1f messages more\n", name, of[name], nodes, messages - was[name]
			bad = 1
		}
		was[name] = messages; of[name] = nodes }
		END { exit !bad }' "$1"
}
# Huge pages: every packet is for another node, and so for other pages.
export GLIBC_TUNABLES=glibc.malloc.hugetlb=1
for nodes in "${sizes[@]}"; do
	"$build/tests/bench/scale" "$nodes" | tee -a "$dir/table"
	[ "${PIPESTATUS[0]}" = 0 ] || status=1
done
if more_than_four "$dir/table"; then status=1; fi
[ $status = 0 ] || echo "missed: see the head of $(basename "$0")"
exit $status
