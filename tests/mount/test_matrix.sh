#!/bin/sh
# Every operation by root, the daemon's user and two others on every kind of object: matrix.txt says what
# each must say, matrix.py does them and looks that nothing of another's changed.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"

check "mounts" start_fake -u 900 -l 100000
chmod 1777 "$T"
/usr/bin/python3 "$TESTS/mount/matrix.py" "$M" ${2-} >"$T/matrix"
not_ok_count=$((not_ok_count + $(grep -c "^not ok" "$T/matrix")))
cat "$T/matrix"
check "ends well" stop_fake
finish
