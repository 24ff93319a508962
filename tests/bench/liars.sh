#!/bin/sh
# Reads among liars, in virtual time: how many of all found the newest value, in how many queries.
#
#   sh tests/bench/liars.sh BUILD [SEEDS [NODES]]    20 networks of 100 nodes: three minutes; use
#                                                    buildtype=release
#
# To reach: with 50 % silent liars 99 % of reads, with 20, 33 and 50 % that forge ids together 99, 95 and 80 %;
# no read in more than 60 queries. Exits non-zero where it is missed.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
enter 3600 "$@"

describe
"$build/tests/bench/sim_liars" "${2-20}" "${3-100}" | grep -v '^# simulation'
exit "${PIPESTATUS[0]}"
