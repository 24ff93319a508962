#!/bin/sh
# What a cat of a name that is in memory costs: requests of the kernel, and system calls for them.
# Counted in /proc, where each read is one (of a request, or in vain) and each reply one write.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"

check "mounts" start_fake
cat "$A/www.known.example.com" >"$T/none"
echo 192.0.2.1 >"$A/own.alt"
echo x >"$A/private"
N=1000

# counted PATH: `READS REPLIES` of N times open, read, close; in hundredths, for one
counted() {
	/usr/bin/python3 - "$1" "$FAKE" $N <<'PY'
import os, sys, time
path, pid, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
def counts():
    time.sleep(0.2) # RELEASE comes behind close(2)
    lines = dict(line.split(': ') for line in open(f'/proc/{pid}/io'))
    return int(lines['syscr']), int(lines['syscw'])
reads, replies = counts()
for i in range(n):
    fd = os.open(path, os.O_RDONLY)
    os.read(fd, 4096)
    os.close(fd)
reads, replies = (now - before for now, before in zip(counts(), (reads, replies)))
print(100 * reads // n, 100 * replies // n)
PY
}
# costs NAME PATH REPLIES READS: at most, in hundredths for one cat. A few more come from other
# requests: the kernel asks for a known name again each second.
costs() {
	# shellcheck disable=SC2046
	set -- "$1" "$3" "$4" $(counted "$2")
	if [ "$5" -le "$2" ]; then ok "$1: requests"; else not_ok "$1: requests: $5 in 100"; fi
	if [ "$4" -le "$3" ]; then ok "$1: reads"; else not_ok "$1: reads: $4 in 100"; fi
}
# Of OPEN, READ and RELEASE each is read once. Beside them RELEASE may come alone, and then one read is
# in vain; and each eighth turn looks whether there is more.
costs "a name from elsewhere" "$A/www.known.example.com" 305 450
costs "a record written here, with its LOOKUP" "$A/own.alt" 405 550
costs "a private file" "$A/private" 405 550

# ---- many at once: none is forgotten, and what was opened is closed ----
/usr/bin/python3 - "$A/www.known.example.com" "$A/own.alt" <<'PY' >"$T/many.out" 2>&1
import os, sys
children = []
for i in range(64):
    pid = os.fork()
    if pid == 0:
        for j in range(200):
            fd = os.open(sys.argv[1 + (i + j) % 2], os.O_RDONLY)
            if not os.read(fd, 4096):
                os._exit(1)
            os.close(fd)
        os._exit(0)
    children.append(pid)
print(sum(os.waitpid(pid, 0)[1] != 0 for pid in children))
PY
is "64 readers at once" "$(cat "$T/many.out")" 0
check "ends well" stop_fake
finish
