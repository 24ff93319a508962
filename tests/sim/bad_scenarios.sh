#!/bin/sh
# A scenario that is not understood, or that does not hold, fails and says where.
#
#   sh tests/sim/bad_scenarios.sh RUN_SCENARIO
run=$1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0

# refused CODE LINE WORDS: the scenario on stdin ends with CODE, and the message names LINE and has WORDS.
refused() {
	cat >"$dir/bad.txt"
	"$run" "$dir/bad.txt" >/dev/null 2>"$dir/said"
	code=$?
	if [ $code -eq "$1" ] && grep -q "^$dir/bad.txt:$2: .*$3" "$dir/said"; then
		echo "ok $3"
	else
		echo "not ok $3: ended with $code, said: $(cat "$dir/said")"
		failed=1
	fi
}

refused 2 2 '"wiat" is not a command' <<E2
nodes 1
wiat 10s
E2
refused 2 3 'a time is missing' <<E2
# comments count as lines
nodes 1
wait
E2
refused 2 2 '"ten" is not a time' <<E2
nodes 1
wait ten
E2
refused 2 2 '"10" is not a time' <<E2
nodes 1
wait 10
E2
refused 2 1 '"2.5" is not a number of nodes' <<E2
nodes 2.5
E2
refused 2 1 '"0" is not a number of nodes' <<E2
nodes 0
E2
refused 2 1 '"tomorrow" is not understood here' <<E2
nodes 3 ipv6 tomorrow
E2
refused 2 2 'this comes before the first nodes' <<E2
nodes 3
rtt 20ms 120ms
E2
refused 2 1 'the greatest time is less than the least' <<E2
rtt 120ms 20ms
E2
refused 2 1 'there are no nodes yet' <<E2
kill 2 nodes
E2
refused 2 2 'there are only 3 of them' <<E2
nodes 3
kill 4 nodes
E2
refused 2 2 '"9" is not the number of a node' <<E2
nodes 3
kill node 9
E2
refused 2 3 'there is no such node that is alive' <<E2
nodes 3
kill node 2
kill node 2
E2
refused 2 2 'there is no such node that is dead' <<E2
nodes 3
restart node 2
E2
refused 2 2 'nothing was put as "names"' <<E2
nodes 3
get names
E2
refused 2 3 '"names" is immutable' <<E2
nodes 3
put names 2 immutable
put names
E2
refused 2 3 'has no older version' <<E2
nodes 3
put names 2
keep names older
E2
refused 2 2 'nothing of that kind was measured yet' <<E2
nodes 3
expect put success = 100%
E2
refused 2 3 '"speed" is not measured' <<E2
nodes 3
put names 2
expect put speed >= 1
E2
refused 2 3 'is of another kind than what is measured' <<E2
nodes 3
put names 2
expect put time <= 1
E2
refused 2 3 '"<" is none of <= >= =' <<E2
nodes 3
put names 2
expect put time < 1s
E2
refused 1 4 'not so: expect put copies = 4 (it is 3)' <<E2
nodes 3
wait 1s
put names 2
expect put copies = 4
expect put copies = 3
E2
refused 2 2 'the scenario has no nodes' <<E2
# nothing
rtt 1ms 2ms
E2
exit $failed
