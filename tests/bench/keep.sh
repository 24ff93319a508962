#!/bin/sh
# A day without the publisher: records that keepers (.kadns/keep) keep alive.
#
#   sh tests/bench/keep.sh BUILD      some minutes; needs nothing but the build (buildtype=release)
#
# A hundred nodes in virtual time, round trips of 20 to 120 ms, one packet of a thousand lost; so many
# of them are replaced by empty ones every hour; nodes forget so many hours after a put. "away" is how
# many hours each keeper is cut off from all others, one after the other. Every hour each record is read
# by another node: "worst" is the part that was found at the worst hour, "end" at the last. What a keeper
# sends for it is the mean, and its busiest hour.
# To reach: 99.9 % of a thousand records at the worst hour of a day, with three keepers. The last row is
# the peer: nobody keeps them.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
enter 1800 "$@"

describe
echo "keepers records bytes hours churn forget away     worst       end  stand fewest" \
	"     B/s  busiest    CPU"
status=0
row() { "$build/tests/bench/sim_keep" "$@" || status=1; }
row 3 1000 200 24 10 2
row 3 1000 200 24 10 2 6
row 3 1000 200 24 40 2
row 3 1000 900 24 10 2
row 1 1000 200 24 10 2
"$build/tests/bench/sim_keep" 0 1000 200 3 10 2
exit $status
