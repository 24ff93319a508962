#!/bin/sh
# A directory of a hundred thousand names of which half come and go.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"

check "mounts" start_fake -n 100000
cat "$A/www.example.com" >"$T/none"
/usr/bin/python3 - "$A" <<'PY'
import ctypes, itertools, os, sys
os.chdir(sys.argv[1])
ok = lambda name, good: print(('ok ' if good else 'not ok ') + name)
stand = {'n%d.many.example.com' % i for i in range(0, 100000, 2)} | {'www.example.com'}
def names(entries):
    out = [e.name for e in entries]
    return len(out) == len(set(out)) and set(out) >= stand
with os.scandir() as entries:
    ok('what stands throughout is listed once, nothing twice', names(entries))

# Two who read in turns, page by page, while a third rewinds.
one, two, three = os.scandir(), os.scandir(), os.open('.', os.O_RDONLY)
seen = [], []
for pair in itertools.zip_longest(one, two):
    for entry, list_ in zip(pair, seen):
        if entry:
            list_.append(entry)
    if len(seen[0]) % 20000 == 0:
        ok('rewound', names(os.scandir(three)))
ok('two readers at once', names(seen[0]) and names(seen[1]))

# telldir and seekdir: an offset means the same place again.
libc = ctypes.CDLL(None, use_errno=True)
libc.opendir.restype = libc.readdir.restype = ctypes.c_void_p
libc.opendir.argtypes = [ctypes.c_char_p]
libc.readdir.argtypes = libc.telldir.argtypes = libc.closedir.argtypes = [ctypes.c_void_p]
libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
d = libc.opendir(b'.')
name = lambda: ctypes.string_at(libc.readdir(d) + 19)
for i in range(30000):
    name()
place = libc.telldir(d)
here = [name() for i in range(3000)]
for i in range(30000):
    name()
libc.seekdir(d, place)
ok('seekdir goes back to the same names', [name() for i in range(3000)] == here)
libc.closedir(d)

with os.scandir() as entries:
    some = [e for i, e in enumerate(entries) if i % 997 == 0]
ok('numbers are those of stat', all(e.inode() == os.stat(e.name).st_ino for e in some))
ok('sizes are of the text', all(os.stat(e.name).st_size == len(open(e.name).read()) for e in some))
ok('mtime is the answer\'s', all(os.stat(e.name).st_mtime == 1700000000 for e in some))
PY
[ $? = 0 ] || not_ok "listing"
before=$(count_of asks)
is "ls -l has whole lines of what stands" \
	"$(ls -lU "$A" 2>&1 | grep -c '^-rw-r--r-- .* [1-9][0-9]* .* n[0-9]*[02468]\.many')" 50000
is "and asks nothing" "$(count_of asks)" "$before"

# ---- sizes that cost as much as the texts: a page of them ends early, and goes on where it ended ----
is "large records are listed with their sizes" "$(/usr/bin/python3 - "$M/IN/TXT" <<'PY'
import os, sys
os.chdir(sys.argv[1])
for i in range(60):
    with open(f'large{i}.alt', 'wb', buffering=0) as f:
        f.write(b''.join(b'"%05d%0240d"\n' % (n, i) for n in range(200)))
with os.scandir() as entries:
    sizes = {e.name: e.stat().st_size for e in entries}
print(len(sizes), all(size == len(open(name).read()) > 90000 for name, size in sizes.items()))
PY
)" "60 True"
check "ends well" stop_fake
finish
