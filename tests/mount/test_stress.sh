#!/bin/sh
# Several users at once, at random, some of them killed in the middle. What counts is that all of them come
# back and that the daemon ends well: with a sanitizer in it, that is a statement.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"

SEED=${SEED:-$(date +%s)}
echo "# SEED=$SEED"
check "mounts" start_fake
cp "$TESTS/mount/stress.py" "$T"
pids=
for i in 1 2 3 4 5 6; do
	setpriv --reuid $((1000 + i % 3)) --clear-groups /usr/bin/python3 "$T/stress.py" "$A" $((SEED + i)) 6 >"$T/out.$i" 2>&1 &
	pids="$pids $!"
done
for i in $(seq 50); do # killed while they wait
	setpriv --reuid 1000 --clear-groups /usr/bin/python3 "$T/stress.py" "$A" $((SEED + 100 + i)) 5 >"$T/none" 2>&1 &
	sleep 0.1
	kill -KILL $!
	wait $! 2>"$T/none"
done
for pid in $pids; do check "a user comes to his end" wait "$pid"; done
tail -qn 1 "$T"/out.* | sed 's/^/# /'
check "the daemon still answers" cat "$A/www.example.com"
check "and ends well" stop_fake
is "its log has nothing but refusals" "$(grep -v -e '^ready' -e 'of uid 100[0-2]: ' -e 'more of that is not logged' "$T/fake.log")" ""
finish
