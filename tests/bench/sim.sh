#!/bin/sh
# 200 puts and gets among 100 nodes in virtual time: real seconds, packets an operation, latency.
#
#   sh tests/bench/sim.sh BUILD         ten seconds; needs nothing but the build (use buildtype=release)
#
# Three courses of events (SIM_SEED 1, 2, 3). To reach: all puts and gets in less than 2 s of real time.
# The last row is the same number of Ed25519 verifications by OpenSSL alone, in the same run: the part
# that no implementation can leave out. One thread, on CPU 0.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
enter 120 "$@"

describe
for seed in 1 2 3; do
	echo
	SIM_SEED=$seed taskset -c 0 "$build/tests/bench/sim_put_get"
done
