#!/bin/sh
# Two users of one mount, and ways around permissions: other uids in one process, user namespaces,
# capabilities, /proc, links, `..`, setuid and devices, xattrs, what the kernel keeps. matrix.txt has
# what the plain calls say.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"

alice=1001 bob=1002
check "mounts, though suid, dev and exec are asked for" start_fake -u 900 -o suid,dev,exec
chmod 1777 "$T"
bobs=$A/www.$(as $bob cat "$M/.kadns/key")
as $bob sh -c "echo 192.0.2.2 >$bobs; echo 192.0.2.2 >$A/plain.alt; echo secret >$A/secret"
stands() { # bob's are as he left them
	[ "$(as $bob jq -r '.data[0]' "$bobs") $(as $bob jq -r '.data[0]' "$A/plain.alt") $(as $bob cat "$A/secret")" = \
		"192.0.2.2 192.0.2.2 secret" ]
}
py() { /usr/bin/python3 -c "
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
$1"; }
as_py() { # UID CODE
	uid=$1
	setpriv --reuid "$uid" --regid "$uid" --clear-groups /usr/bin/python3 -c "
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
$2"
}

# ---- who is asking ----
has "fsuid counts, not uid" "$(says py "
libc.setfsuid($alice)
try: open('$bobs', 'w').write('192.0.2.9')
except OSError as e: print(e.strerror)
open('$A/fsuid.alt', 'w').write('192.0.2.1\n')")" "Permission denied rc=0"
is "what such a process writes is alice's" "$(as $alice stat -c %u "$A/fsuid.alt")" $alice
has "and her process as bob is bob" "$(says py "
os.setresuid($alice, $bob, 0)
print(open('$A/secret').read())")" "secret"
has "root that has gone back to alice reads nothing of bob's" "$(says py "
os.setresuid($alice, $alice, 0)
print(open('$A/secret').read())")" "No such file"
ns="setpriv --reuid $alice --regid $alice --clear-groups unshare -r"
has "root of a user namespace is who made it: he writes nothing" "$(says $ns sh -c "echo 192.0.2.9 >$bobs")" "Permission denied"
has "removes nothing" "$(says $ns rm -f "$bobs")" "Operation not permitted"
has "reads no private file" "$(says $ns cat "$A/secret")" "No such file"
has "gives nothing away" "$(says $ns chown 1 "$bobs")" "rc=1"
has "adds no node" "$(says $ns sh -c "echo 127.0.0.1 1 >$M/.kadns/nodes")" "Permission denied"
$ns sh -c "echo 192.0.2.1 >$A/inside.alt"
is "writes as herself" "$(as $alice stat -c %u "$A/inside.alt")" $alice
has "and has her own key" "$([ "$($ns cat "$M/.kadns/key")" = "$(as $alice cat "$M/.kadns/key")" ] && echo same)" same
remounted=$(says setpriv --reuid $alice --regid $alice --clear-groups unshare -rm mount -o remount,suid,dev,exec "$M")
lacks "remounts nothing" "$remounted" "rc=0"
has "and the flags stand" "$(grep " $M " /proc/mounts)" "nosuid,nodev,noexec"
has "capabilities over files are none here: write" "$(says setpriv --reuid $alice --clear-groups --inh-caps +dac_override,+fowner,+chown,+dac_read_search \
	--ambient-caps +dac_override,+fowner,+chown,+dac_read_search sh -c "echo 192.0.2.9 >$bobs")" "Permission denied"
with="setpriv --reuid $alice --clear-groups --inh-caps +dac_override,+fowner,+chown,+dac_read_search --ambient-caps +dac_override,+fowner,+chown,+dac_read_search"
has "rm, in spite of the sticky bit" "$(says $with rm -f "$bobs")" "Operation not permitted"
has "mv" "$(says $with mv "$bobs" "$A/mine.alt")" "Operation not permitted"
has "chown" "$(says $with chown $alice "$bobs")" "Operation not permitted"
has "chmod" "$(says $with chmod 777 "$bobs")" "Operation not permitted"
has "private files" "$(says $with cat "$A/secret")" "No such file"
has "a handle that bob made opens nothing for another" "$(says py "
text, where = ctypes.create_string_buffer(b'\x80' + bytes(135)), ctypes.c_int()
os.seteuid($bob)
assert libc.name_to_handle_at(-100, b'$A/secret', text, ctypes.byref(where), 0) == 0
held = os.open('$A/secret', os.O_RDONLY)
os.seteuid(0)
at = os.open('$A', os.O_RDONLY)
for flags in os.O_RDONLY, os.O_RDWR:
    assert libc.open_by_handle_at(at, text, flags) == -1
print(os.strerror(ctypes.get_errno()))")" "Permission denied rc=0"

# ---- by another's process ----
as_py $bob "
import time
a, b = open('$A/secret'), open('$A/draft.alt', 'w'); os.chdir('$A'); print('ready', flush=True); time.sleep(60)" >"$T/bob" &
eventually 10 grep -q ready "$T/bob"
bobpid=$!
for fd in 3 4; do has "/proc/PID/fd/$fd" "$(says as $alice cat "/proc/$bobpid/fd/$fd")" "Permission denied"; done
has "/proc/PID/cwd" "$(says as $alice ls "/proc/$bobpid/cwd/")" "Permission denied"
has "/proc/PID/map_files and root" "$(says as $alice cat "/proc/$bobpid/root$A/secret")" "Permission denied"
kill $bobpid
is "a descriptor that bob hands on reads what it was opened for" "$(as_py 0 "
os.seteuid($bob); f = open('$A/secret'); os.seteuid(0); os.setresuid($alice, $alice, $alice); print(f.read().strip())")" secret

# ---- links, `..`, odd names ----
as $alice ln -s "$bobs" "$T/link"
as $alice ln -s "$A/secret" "$T/link2"
has "root writes through alice's link as little" "$(says sh -c "echo 192.0.2.9 >$T/link")" "Permission denied"
has "root reads by it what root sees" "$(says cat "$T/link2")" "No such file"
has "a link into the mount" "$(says as $alice ln "$T/link" "$A/l")" "rc=1"
has "out of it" "$(says as $alice ln "$bobs" "$T/l")" "rc=1"
has "a symbolic link in it" "$(says as $alice ln -s /etc/shadow "$A/shadow")" "Operation not permitted"
for name in '\046\046' '..%2f..%2fetc%2fpasswd' '\047etc\047passwd' '\046\046\047secret' '\000.alt' '%2e%2e'; do
	has "the name $name is a name" "$(says as $alice cat "$A/$name")" "No such file"
done
is "and no more" "$(as $alice ls -A "$A" | grep -c /)" 0
has "mv to .kadns" "$(says as $alice sh -c "cd $A && echo 1.2.3.4 1 >n && mv -f n ../../.kadns/nodes")" "rc=1"
has "mv from .kadns" "$(says as $alice mv "$M/.kadns/key" "$A/k")" "rc=1"
as $alice touch "$A/$(printf 'a\nb\033[31m')"
is "an odd private name is listed to its owner only" "$(as $bob ls -A "$A" | grep -ac 31m) $(ls -A "$A" | grep -ac 31m)" "0 0"

# ---- nothing runs, nothing is a device ----
for option in nosuid nodev noexec; do has "the mount is $option" "$(grep " $M " /proc/mounts)" "$option"; done
printf '#!/bin/sh\necho ran\n' | as $alice tee "$A/script" >"$T/none"
has "no mode makes a file run" "$(says as $alice sh -c "chmod 6755 $A/script; $A/script")" "Permission denied"
is "its mode stays" "$(as $alice stat -c %a "$A/script")" 600
has "root runs it as little" "$(says "$A/script")" "not found"
has "no capabilities" "$(says as_py 0 "os.setxattr('$A/www.example.com', 'security.capability', b'x' * 20)")" "rc=1"
# EPERM, or EEXIST where the kernel takes the name to be there.
has "no device" "$(says mknod "$A/null.alt" c 1 3)" "rc=1"
is "only directories and plain files, none to run" "$(find "$M" ! -type f ! -type d; find "$M" -type f -perm /7111)" ""
is "no attributes but those" "$(cat "$A/www.example.com" >"$T/none"; py "print(os.listxattr('$A/www.example.com'))" 2>&1 | tail -n 1 | grep -v "\[\]\|not supported")" ""

# ---- what the kernel keeps ----
as $bob stat "$A/plain.alt" >"$T/none"
has "attributes that bob asked for are not alice's" "$(says as $alice stat "$A/plain.alt")" "No such file"
has "nor the text" "$(says as $alice cat "$A/plain.alt")" "No such file"
is "nor the name in a listing" "$(as $alice ls -A "$A" | grep -c 'plain\|secret')" 0
has "nor after bob has it open" "$(as_py $bob "import time; f = open('$A/plain.alt'); time.sleep(1)" & sleep 0.5
	says as $alice cat "$A/plain.alt"; wait)" "No such file"
# The kernel has one inode for both, whose owner is that of who looked last; bob must not suffer.
as_py $alice "
while True:
    try: os.stat('$A/contended.alt')
    except OSError: pass" &
looker=$!
is "who looks keeps nobody from removing his own" "$(as_py $bob "
failed = 0
for i in range(300):
    f = os.open('$A/contended.alt', os.O_WRONLY | os.O_CREAT)
    os.write(f, b'192.0.2.2\n')
    os.close(f)
    try: os.unlink('$A/contended.alt')
    except OSError: failed += 1
print(failed)" 2>&1)" 0
kill $looker
check "bob's are as he left them" stands
has "root's rm -rf" "$(says rm -rf "$A"/* "$M/IN" 2>&1)" "rc=1"
check "withdraws nothing of bob's" stands
has "nor of root's find -delete" "$(says find "$M" -delete)" "rc=1"
check "they stand" stands
check "ends well" stop_fake
finish
