#!/bin/sh
# No request that holds a lock waits for the network: while six look-ups never end, all others do.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"

check "mounts, no look-up ends" start_fake -d 60000 -t 60
timeout -s KILL 50 /usr/bin/python3 "$TESTS/mount/beside.py" "$A" "$M/.kadns/status" >"$T/beside" 2>&1
is "everything ends while they wait" $? 0
not_ok_count=$((not_ok_count + $(grep -c "^not ok" "$T/beside")))
cat "$T/beside"
# What these files serve comes under a lock (FLUSH in ops_io.c does not, but asks nobody either).
is "nor could they ask" "$(cd "$TOP/fs" && grep -l '\(ops\|pending\|resolver\)_ask(' \
	ops_lookup.c ops_dir.c ops_name.c ops_io.c edit.c record.c draft.c scratch.c)" ""
check "ends well" stop_fake
finish
