#!/bin/sh
# Two users and root: what each sees, and may do. The daemon checks all of it itself.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"

alice=1001 bob=1002
check "mounts" start_fake -u 900
keyname() { echo "www.$(as "$1" cat "$M/.kadns/key")"; }
write() { # UID TEXT FILE
	says as "$1" bash -c "echo $2 >$3"
}
owner() { as "$1" stat -c %u "$2"; }

is "directories are the daemon's" "$(stat -c %u "$M" "$M/IN" "$A" | tr '\n' ' ')" "900 900 900 "
as "$bob" cat "$A/www.example.com" >"$T/none"
is "and so is an answer from elsewhere" "$(owner $alice "$A/www.example.com")" 900

# ---- a name under a key ----
mine=$A/$(keyname $alice)
has "alice writes under her key" "$(write $alice 192.0.2.1 "$mine")" "rc=0"
is "it is hers" "$(owner $alice "$mine")" $alice
for flags in ">" ">>" "<>"; do
	has "bob may not ($flags)" "$(says as $bob bash -c "echo 192.0.2.9 1$flags$mine")" "Permission denied"
done
has "not by cp" "$(echo 192.0.2.9 >"$T/new"; says as $bob cp "$T/new" "$mine")" "Permission denied"
has "not by mv" "$(says as $bob sh -c "cd $A && echo 192.0.2.9 >t && mv -f t $mine")" "rc=1"
has "not by truncation" "$(says as $bob truncate -s 0 "$mine")" "Permission denied"
has "nor root" "$(write 0 192.0.2.9 "$mine")" "Permission denied"
has "access says so" "$(says as $bob test -w "$mine")" "rc=1"
has "chmod is not his" "$(says as $bob chmod 777 "$mine")" "rc=1"
has "touch is not his" "$(says as $bob touch "$mine")" "rc=1"
is "it is what alice wrote" "$(as $alice jq -r '.data[0]' "$mine")" 192.0.2.1

# ---- a plain name is a view ----
N=$A/plain.alt
write $alice 192.0.2.1 "$N" >"$T/none"
has "bob sees nothing of it" "$(says as $bob cat "$N")" "No such file"
is "which does not hide it from alice" "$(as $alice jq -r '.data[0]' "$N")" 192.0.2.1
has "bob may write the same name" "$(write $bob 192.0.2.2 "$N")" "rc=0"
is "each reads his own" "$(as $alice jq -r '.data[0]' "$N") $(as $bob jq -r '.data[0]' "$N")" "192.0.2.1 192.0.2.2"
is "each owns his own" "$(owner $alice "$N") $(owner $bob "$N")" "$alice $bob"
is "each lists his own" "$(as $alice stat -c '%u %s' "$N") $(as $bob stat -c '%u %s' "$N")" "$alice 162 $bob 162"
has "bob removes his" "$(says as $bob rm "$N")" "rc=0"
is "alice's stands" "$(as $alice jq -r '.data[0]' "$N")" 192.0.2.1
has "bob has nothing to remove" "$(says as $bob rm -f "$N")" "rc=0"
is "alice's still stands" "$(as $alice jq -r '.data[0]' "$N")" 192.0.2.1
has "root's rm -rf does not withdraw it" "$(says rm -rf "$N"; says as $alice jq -r '.data[0]' "$N")" 192.0.2.1
has "alice renames hers" "$(says as $alice mv "$N" "$A/moved.alt")" "rc=0"
has "bob has nothing to rename" "$(says as $bob mv "$A/moved.alt" "$A/his.alt")" "rc=1"

# ---- an answer from elsewhere ----
D=$A/www.example.com
has "bob may not remove it" "$(says as $bob rm -f "$D")" "Operation not permitted"
has "nor root" "$(says rm -f "$D")" "Operation not permitted"
has "nor move it" "$(says as $bob mv "$D" "$A/x.alt")" "Operation not permitted"
has "but bob may write his own over it" "$(write $bob 192.0.2.2 "$D")" "rc=0"
is "and reads that" "$(as $bob jq -r '.data[0]' "$D")" 192.0.2.2
is "alice reads the other" "$(as $alice jq -r '.data[0]' "$D")" 192.0.2.1
has "he withdraws it" "$(says as $bob rm "$D")" "rc=0"
has "chown to oneself is accepted" "$(write $bob 192.0.2.2 "$A/b.alt"; says as $bob chown $bob "$A/b.alt")" "rc=0"
has "chown to another is not" "$(says as $bob chown $alice "$A/b.alt")" "Operation not permitted"
is "a mode is accepted and ignored" "$(as $bob chmod 4777 "$A/b.alt"; as $bob stat -c %a "$A/b.alt")" 644

# ---- root's records answer for all ----
write 0 192.0.2.3 "$A/root.alt" >"$T/none"
is "alice reads root's record" "$(as $alice jq -r '.data[0]' "$A/root.alt")" 192.0.2.3
has "alice may not write it" "$(write $alice 192.0.2.1 "$A/root.alt")" "Permission denied"
has "nor remove it" "$(says as $alice rm -f "$A/root.alt")" "Operation not permitted"
has "nor put a private file on it" "$(says as $alice sh -c "cd $A && echo 192.0.2.1 >t && mv -f t root.alt")" "rc=1"

# ---- private files ----
as $alice sh -c "echo secret >$A/draft"
has "bob does not see them" "$(says as $bob cat "$A/draft")" "No such file"
has "nor root" "$(says cat "$A/draft")" "No such file"
is "nor in a listing" "$(as $bob ls -A "$A" | grep -c draft)" 0
is "alice does" "$(as $alice ls -A "$A" | grep -c draft)" 1
as $bob sh -c "echo his >$A/draft"
is "the same name for both" "$(as $alice cat "$A/draft") $(as $bob cat "$A/draft")" "secret his"
has "by /proc neither" "$(as $alice sh -c "exec 3<$A/draft; sleep 2" & sleep 0.3
	says as $bob cat /proc/$!/fd/3)" "Permission denied"
for i in $(seq 70); do as $bob sh -c "echo x >$A/f$i" || break; done 2>"$T/full"
check "bob's share is bounded" grep -q "Disk quota exceeded" "$T/full"
has "alice's is her own" "$(says as $alice sh -c "echo x >$A/f1")" "rc=0"

# ---- open files keep what their OPEN decided ----
is "a descriptor handed to another user writes as its opener" "$(as $alice bash -c "exec 3>$A/handed.alt; sleep 0.5; echo 192.0.2.4 >&3" ; as $alice jq -r '.data[0]' "$A/handed.alt")" 192.0.2.4

# fstat of one that was handed over comes as a request of who has it now, by the inode only.
cat >"$T/handed.py" <<'PY'
import errno, os, sys
here, alice, bob, carol = sys.argv[1], 1001, 1002, 1003
def being(uid, does, *args):
    """In a process of its own, so that it is that user in every way."""
    r, w = os.pipe()
    if os.fork() == 0:
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        try:
            os.write(w, repr(does(*args)).encode())
        except OSError as e:
            os.write(w, errno.errorcode[e.errno].encode())
        os._exit(0)
    os.close(w)
    os.wait()
    with os.fdopen(r) as f:
        return f.read()
def held(name, text):
    os.seteuid(alice)
    fd = os.open(f'{here}/{name}', os.O_WRONLY | os.O_CREAT)
    os.write(fd, text)
    os.seteuid(0)
    return fd
size = lambda fd: os.fstat(fd).st_size
fd = held('handed2.alt', b'{"data":[')
print('handed', being(bob, size, fd))
path = f'{here}/handed2.alt'
def only_by_name():
    os.close(fd)
    return os.stat(path).st_size
print('by name', being(bob, only_by_name))
os.seteuid(carol)
also = os.open(path, os.O_WRONLY | os.O_CREAT)
os.write(also, b'{"data"')
os.seteuid(0)
def one_of_two():
    os.close(also)
    return size(fd)
print('of two', being(bob, one_of_two))
def above(number):
    """With no lower copy of it."""
    first = held('handed3.alt', b'')
    os.dup2(first, number)
    os.close(first)
    os.write(number, b'{"data":[')
    taken = being(bob, size, number), being(bob, os.write, number, b'"192.0.2.9"]}'), being(bob, size, number)
    os.close(number)
    return taken
for number in 31, 32, 33, 1000:
    print(number, *above(number))
PY
/usr/bin/python3 "$T/handed.py" "$A" >"$T/handed" 2>&1
is "who was handed a descriptor sees its size; nobody else does, nor where two could have handed it" \
	"$(head -n 3 "$T/handed" | tr '\n' ' ')" "handed 9 by name ENOENT of two 0 "
is "above 31 fstat says of it what stands for him, and it writes as its opener all the same" \
	"$(tail -n +4 "$T/handed" | tr '\n' ' ')" \
	"31 9 13 22 32 ENOENT 13 ENOENT 33 ENOENT 13 ENOENT 1000 ENOENT 13 ENOENT "

# ---- the control panel ----
is "each his own key" "$([ "$(as $alice cat "$M/.kadns/key")" = "$(as $bob cat "$M/.kadns/key")" ] || echo differs)" differs
has "bob adds no node" "$(says as $bob sh -c "echo 127.0.0.1 1 >$M/.kadns/nodes")" "Permission denied"
has "the daemon's user does" "$(says as 900 sh -c "echo 127.0.0.1 1 >$M/.kadns/nodes")" "rc=0"
is "all may read it" "$(as $bob cat "$M/.kadns/nodes")" "1 nodes"
has "bob makes no file in .kadns" "$(says as $bob touch "$M/.kadns/x")" "Permission denied"

# ---- shares ----
has "64 files may be written at once" "$(says as $bob /usr/bin/python3 -c "
import errno
files = []
try:
    for i in range(100):
        files.append(open('$A/d%d.alt' % i, 'w'))
except OSError as e:
    assert e.errno == errno.EDQUOT, e
assert len(files) == 64, len(files)")" "rc=0"
has "what an account with many uids writes is bounded, and root's share is left" "$(says /usr/bin/python3 -c "
import errno, os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
os.chdir('$A')
files, refused = [], 0
for uid in range(20000, 20032):
    os.seteuid(uid)
    for i in range(40):
        try:
            files.append(os.open('u%d.alt' % i, os.O_WRONLY | os.O_CREAT))
            os.write(files[-1], b'{' + b' ' * 60000)
        except OSError as e:
            assert e.errno == errno.EDQUOT, e
            refused += 1
    os.seteuid(0)
assert refused > 300, refused
f = open('rootsown.alt', 'w')
f.write('192.0.2.1')
f.close()
print('done')")" "done rc=0"
has "an open file of another's mount is no setuid" "$(grep " $M " /proc/mounts)" nosuid
check "ends well" stop_fake
finish
