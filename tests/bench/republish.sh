#!/bin/sh
# What it costs to keep 10,000 own items alive, in bytes a second sent.
#
#   sh tests/bench/republish.sh BUILD      five minutes; needs nothing but the build (buildtype=release)
#
# A hundred nodes in virtual time, round trips of 20 to 120 ms, one packet of a thousand lost; so many of
# them are replaced by empty ones every hour; nodes forget so many hours after a put (BEP 44: 2; a
# network of kadns alone: 168). "none" is how many items had no copy at all, at the worst of the moments
# 20 minutes apart; the last row's node is cut off for three hours, so all lapse, and is to recover.
# To reach: at most 5,000 B/s in the busiest ten minutes, and at the end nothing that another node does not
# find ("lost"). What 5 kB/s pay for: a question and a put are 370 bytes and the value, so with 10,000 items
# and 110 minutes between looks six copies of 100 bytes, five of 220. Where a tenth of the nodes goes an
# hour, all six are gone before the next look for one item in 34,000, all five for one in 6,000.
# The peer is the plain rule: put all eight copies again every hour, which is the last column, computed
# from the packets of such puts.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
enter 1800 "$@"

describe
echo " items bytes hours churn forget busiest  average  a look  looks  copies stand fewest  none   gone  late   lost   CPU   plain"
echo "                         hours  B/s       B/s    bytes an hour    put                    early              s     B/s"
status=0
row() { # ITEMS BYTES HOURS CHURN LIFETIME [OUTAGE]
	line=$("$build/tests/bench/sim_republish" "$@") || status=1
	echo "$line $(awk -v n="$1" -v v="$2" 'BEGIN { printf "%7.0f", n * (10 * 125 + 8 * (290 + v)) / 3600 }')" |
		grep -v '^#'
}
row 10000 100 6 0 2
row 10000 100 6 10 2
row 10000 220 6 10 2
row 10000 100 12 10 168
row 1000 500 12 10 2
row 1000 100 12 40 2
row 10000 100 12 0 2 3
exit $status
