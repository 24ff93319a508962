#!/bin/sh
# Latency of puts and gets, ours and libtorrent's, on a network with round trips of 20 to 120 ms.
#
#   sh tests/bench/dht.sh BUILD         ten minutes; needs python3-libtorrent and python3-cryptography
#
# First ours in the simulator (virtual time, SIM_SEED 1), then ours and libtorrent as real processes, their
# nodes on addresses of their own, with a relay between them that delays each pair by the same time for
# both (dht_relay). 20 and 100 nodes, then 100 of which a fifth has just died without a word while 1 %
# of packets are lost. Queries are those of one operation. To reach, with 100 nodes: put to the sixth
# acknowledgement p50 200 ms, hit 29 ms (first value), miss 120 ms, 20 queries a put and 12 a get; with
# the dead: put p99 1 s, miss p99 500 ms.
#
# What the relay itself adds to a round trip (it cannot wake up in time, and each datagram goes through
# two sockets more) is measured by datagrams that nobody works on, and printed as the last row.
#
# libtorrent does not tell when six nodes hold an item, so its put is compared with `put, all 8`.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
enter 1500 "$@"
/usr/bin/python3 -c 'import libtorrent, cryptography' 2>/dev/null ||
	die "libtorrent is needed (apt-get install python3-libtorrent python3-cryptography)"

# over_relay NODES living|dead DRIVER...: runs the driver; if dead, with the process id of the relay
over_relay() {
	nodes=$1
	state=$2
	shift 2
	"$build/tests/bench/dht_relay" "$nodes" 1 >"$dir/relay.log" 2>&1 &
	relay=$!
	wait_for "the relay" grep -q ready "$dir/relay.log"
	if [ "$state" = dead ]; then
		timeout -k 1 400 "$@" "$relay" || echo "$1 failed"
	else
		timeout -k 1 400 "$@" || echo "$1 failed"
	fi
	kill "$relay"
	wait "$relay" 2>/dev/null || true
}

describe
printf '%-37s %-18s %5s %5s %8s %8s %8s\n' "" "" ops good "p50 ms" "p99 ms" queries
for network in "20" "100" "100 dead"; do
	# shellcheck disable=SC2086
	SIM_SEED=1 "$build/tests/bench/dht_sim" $network | grep -v '^#'
done
for network in "20 living" "100 living" "100 dead"; do
	# shellcheck disable=SC2086
	set -- $network
	mkdir "$dir/nodes"
	over_relay "$1" "$2" "$build/tests/bench/dht_loopback" "$1" "$dir/nodes"
	rm -r "$dir/nodes"
	over_relay "$1" "$2" /usr/bin/python3 -W ignore "$here/dht_libtorrent.py" "$1"
done
over_relay 120 living "$build/tests/bench/dht_ping" 100 1
