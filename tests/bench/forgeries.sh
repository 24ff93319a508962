#!/bin/sh
# A million forged values returned to who gets, a million put, and ten minutes of spoofed answers, 50,000
# a second, in virtual time: how many are accepted (promise P13)?
#
#   sh tests/bench/forgeries.sh BUILD [VALUES [ANSWERS]]     1000000 30000000: some minutes; use
#                                                            buildtype=release
#
# To reach: none. came: values, or answers; checked: signatures, all of them really, and most: for one get or put.
# A get checks sixteen at most, a put one; what no signature need tell costs none. Exits non-zero where one is
# accepted. test_forgeries in tests/sim is the same in short.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
enter 3600 "$@"

describe
"$build/tests/bench/sim_forgeries" "${2-1000000}" "${3-30000000}" | grep -v '^# simulation'
exit "${PIPESTATUS[0]}"
