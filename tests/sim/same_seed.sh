#!/bin/sh
# A seed is a course of events: with the same one all comes as it came, so what failed once can be looked at; with
# another one it is another network.
#
#   sh tests/sim/same_seed.sh RUN_SCENARIO
run=$1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

# Chance has a hand in all of it: round trips, ids, keys, loss, who goes and when, who asks.
cat >"$dir/chance.txt" <<E2
rtt 20ms 120ms
loss 5%
nodes 20
nodes 6 nat
wait 10s
put names 10
put pages 10 immutable
churn 1min
wait 1min
expect traffic >= 0
get names
get pages
miss 10
expect get time mean >= 0ms
expect get queries mean >= 0
expect miss time mean >= 0ms
expect put time mean >= 0ms
expect tables size mean >= 0
E2
for seed in 7:once 7:again 8:other; do
	SIM_SEED=${seed%:*} "$run" "$dir/chance.txt" >"$dir/${seed#*:}" || {
		echo "not ok the scenario holds with seed ${seed%:*}"
		exit 1
	}
done
failed=0
check() { # NAME COMMAND...
	name=$1
	shift
	if "$@"; then
		echo "ok $name"
	else
		echo "not ok $name"
		failed=1
	fi
}
differ() {
	[ "$(grep -c : "$dir/once")" = 7 ] && ! grep -v SIM_SEED "$dir/once" | cmp -s - "$dir/rest"
}
grep -v SIM_SEED "$dir/other" >"$dir/rest"
check "the seed is printed" grep -q "SIM_SEED=7$" "$dir/once"
check "the same seed, the same course of events" cmp "$dir/once" "$dir/again"
check "another seed, another course" differ
exit $failed
