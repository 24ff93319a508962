#!/bin/sh
# Are the targets of latency and of queries met in each of many networks of 100 nodes, in virtual time?
#
#   sh tests/bench/targets.sh BUILD [SEEDS]     20 networks: a minute and a half; use buildtype=release
#
# To reach, in each network: put to the sixth acknowledgement p50 200 ms, hit p50 29 ms, miss p50 120 ms;
# on average 20 queries a put and 12 a get; with a fifth of the nodes silently dead and 1 % loss: put p99
# 1 s (to its end), miss p99 500 ms. Exits non-zero where one is missed. tests/sim/scenarios hold the same to
# one network; tests/bench/dht.sh has libtorrent's numbers beside ours.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
enter 1200 "$@"

describe
"$build/tests/bench/sim_targets" "${2-20}" | grep -v '^# simulation'
exit "${PIPESTATUS[0]}"
