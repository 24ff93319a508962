#!/bin/sh
# What stands in the mount: names, attributes, listings, errors, the control panel.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"

check "mounts" start_fake
has "the mount's source, type and flags" "$(grep " $M " /proc/mounts)" \
	"none,of\\040it $M fuse.kadns rw,nosuid,nodev,noexec,"
has "all users may use it" "$(grep " $M " /proc/mounts)" allow_other

# ---- directories ----
is "the root" "$(ls -A "$M" | tr '\n' ' ')" ".kadns IN "
is "a class" "$(ls "$M/IN" | tr '\n' ' ')" \
	"A AAAA CAA CNAME HTTPS MX NS PTR SOA SRV SSHFP SVCB TLSA TXT "
is "modes of directories" "$(stat -c %a "$M" "$M/IN" "$A" "$M/.kadns" | tr '\n' ' ')" "555 555 1777 555 "
for name in IN/TYPE65280 IN/DNSKEY CH CLASS77/A IN/A IN/NAPTR; do
	check "$name is a directory" test -d "$M/$name"
done
for name in IN/a in IN/ANY IN/AXFR IN/OPT IN/TYPE1 IN/TYPE065280 IN/TYPE65536 IN/NONSENSE ANY NONE CLASS1 x; do
	has "$name is not there" "$(says ls "$M/$name")" "No such file or directory"
done
is "df leaves it out" "$(df 2>&1 | grep -c "$M")" 0
is "statfs" "$(stat -f -c '%l %b' "$M")" "255 0"

# ---- records ----
line=$(cat "$A/www.example.com")
has "cat reads a line of JSON" "$line" '{"name":"www.example.com.","class":"IN","type":"A","ttl":300,"data":["192.0.2.1"]'
is "the size is the text's" "$(stat -c %s "$A/www.example.com")" $((${#line} + 1))
is "an answer from elsewhere is the daemon's" "$(mode_of "$A/www.example.com")" "644 root"
is "wc, tail and jq agree" "$(wc -c <"$A/www.example.com") $(tail -n 1 "$A/www.example.com" | jq -r .ttl)" "$((${#line} + 1)) 300"
is "another case is the same file" "$(stat -c %i "$A/WWW.Example.com")" "$(stat -c %i "$A/www.example.com")"
is "so is a final dot" "$(stat -c %i "$A/www.example.com.")" "$(stat -c %i "$A/www.example.com")"
is "what was read is listed" "$(ls -A "$A")" www.example.com
is "numbers in listings are those of stat" "$(ls -i "$A" | cut -d' ' -f1)" "$(stat -c %i "$A/www.example.com")"
check "test -e asks" test -e "$A/other.example.com"
check "access asks" /usr/bin/python3 -c "import os; assert os.access('$A/third.example.com', os.R_OK)"

# ---- errors tell the truth ----
for row in "nothing.alt|No such file or directory" "e110.example.com|Connection timed out" \
	"e121.example.com|Remote I/O error" "e74.example.com|Bad message" "e101.example.com|Network is unreachable"; do
	has "cat ${row%|*}" "$(says cat "$A/${row%|*}")" "${row#*|} rc=1"
	has "stat ${row%|*}" "$(says stat "$A/${row%|*}")" "${row#*|}"
done
long=$(printf '%0256d' 0)
label=$(printf '%064d' 0)
has "256 bytes" "$(says cat "$A/$long")" "File name too long"
has "256 bytes of a scratch name" "$(says touch "$A/$long")" "File name too long"
has "a label of 64" "$(says cat "$A/$label.alt")" "File name too long"
has "a directory of 256 bytes" "$(says ls "$M/$long")" "File name too long"
has "4000 bytes" "$(says cat "$A/$(printf '%04000d' 0)")" "File name too long"

# ---- what is asked ----
before=$(count_of asks)
cat "$A/.git" "$A/Makefile" "$A/.www.example.com.swp" "$A/www.example.com~" "$A/desktop.ini" "$A/*.json" \
	"$A/www.example.com,v" "$A/com" "$M/.hidden" 2>"$T/none"
is "probes of desktops and editors are not" "$(count_of asks)" "$before"
cat "$A/gone.alt" 2>"$T/none"
stat "$A/gone.alt" >"$T/none" 2>&1
cat "$A/gone.alt" 2>"$T/none"
is "a name that is not there is, once in five seconds" "$(count_of asks)" $((before + 1))
cat "$A/com." "$A/@" 2>"$T/none"
is "a single label with its dot and the root are" "$(count_of asks)" $((before + 3))
check "statting a directory full of names" sh -c "cat $A/h1.example.com $A/h2.example.com $M/IN/TXT/h3.example.com"
before=$(count_of asks)
ls -lR "$M" >"$T/none"
find "$M" -type f -size +0 >"$T/found"
tar -C "$M" -cf "$T/all.tar" IN
grep -r 192.0.2 "$M/IN" >"$T/none"
is "find, ls -lR, tar and grep -r cause no question" "$(count_of asks)" "$before"
check "tar has whole records" sh -c "tar -xOf $T/all.tar IN/A/h1.example.com | jq -e .data"
check "find sees every type" grep -q TXT/h3.example.com "$T/found"

# ---- what a directory of names does not have ----
has "mkdir" "$(says mkdir "$A/dir")" "Operation not permitted"
has "symlink" "$(says ln -s x "$A/link")" "Operation not permitted"
has "mknod" "$(says mknod "$A/pipe" p)" "Operation not permitted"
# The same under a name that a record may have: only the system call tells that nobody asks for it.
for row in "mkdir made1.alt" "mkdir -p made2.alt" "ln -s x made3.alt" "mknod made4.alt p" "mkfifo made5.alt"; do
	has "$row" "$(cd "$A" && says $row)" "Operation not permitted"
done
has "mkdir of what is there" "$(says mkdir "$A/www.example.com")" "File exists"
has "ln from elsewhere" "$(echo 192.0.2.1 >"$T/x"; says ln "$T/x" "$A/made6.alt")" "Invalid cross-device link"
is "and the names stay free" "$(says sh -c "cd $A; cat made*.example.com made1.alt" | grep -c 'No such file')" 2
has "rmdir" "$(says rmdir "$A")" "Operation not permitted"
has "mv of a type" "$(says mv "$A" "$M/IN/B")" "Operation not permitted"
echo 192.0.2.1 >"$A/own.alt"
has "link" "$(says link "$A/own.alt" "$A/l.alt")" "Operation not permitted"
rm "$A/own.alt"
has "a file in the root" "$(says sh -c "echo x >$M/x")" "Permission denied"
has "a file in a class" "$(says sh -c "echo x >$M/IN/x")" "Permission denied"
has "chmod of a directory" "$(says chmod 777 "$M")" "Operation not permitted"
has "xattrs" "$(says /usr/bin/python3 -c "import os; os.setxattr('$A/www.example.com', 'user.x', b'1')")" "not supported"

# ---- what is listed is there ----
cat "$A/listed.example.com" >"$T/none"
echo 192.0.2.5 >"$A/listed.example.com"
rm "$A/listed.example.com"
has "stat of what was removed" "$(says stat "$A/listed.example.com")" "No such file"
is "is what ls says" "$(ls "$A" | grep -c listed.example.com)" 0
check "ls -l has no complaint" sh -c "ls -l $A 2>&1 >/dev/null | grep . && exit 1 || :"

# ---- sizes and open files ----
py() { says /usr/bin/python3 -c "
import mmap, os, sys
os.chdir('$A')
$1"; }
P=$A/p.alt
echo 192.0.2.1 >"$P"
standing=$(cat "$P")
has "a copy beside an open draft is whole" "$(says bash -c "exec 3>$P; printf 192 >&3; cp $P $T/copy; stat -c %s $P")" \
	"$((${#standing} + 1)) rc=0"
is "and holds what stands" "$(cat "$T/copy")" "$standing"
has "a draft of what is new has its own size" "$(says bash -c "exec 3>$A/fresh.alt; printf 192 >&3; stat -c %s $A/fresh.alt")" "3 rc=0"
has "a look-up does not empty what others have mapped" "$(py "
fd = os.open('p.alt', os.O_RDONLY)
text = mmap.mmap(fd, os.fstat(fd).st_size, mmap.MAP_PRIVATE, mmap.PROT_READ)
os.system('sh -c \": <p.alt\"')
os.system('setpriv --reuid 1001 --clear-groups sh -c \": <p.alt\" 2>$T/none')
print(len(text[:]))")" "$((${#standing} + 1)) rc=0"
echo 192.0.2.6 >"$T/in"
has "a draft that another user inherits" "$(says sh -c "setpriv --reuid 1001 --clear-groups cat $T/in >$A/inh.alt")" "rc=0"
is "is written" "$(jq -r '.data[0]' "$A/inh.alt")" 192.0.2.6
has "a reader that another user inherits" "$(says sh -c "setpriv --reuid 1001 --clear-groups cat <$A/inh.alt")" "192.0.2.6"
has "an open file outlives its name" "$(says bash -c "exec 3<$A/inh.alt; rm $A/inh.alt; cat <&3")" "192.0.2.6"
has "O_RDWR of what is not kept has its size" "$(py "
fd = os.open('ttl0.example.com', os.O_RDWR)
print(os.fstat(fd).st_size - len(os.read(fd, 4096)))")" "0 rc=0"

# ---- what is not there may not be changed ----
has "access(W_OK) of what is not there" "$(py "print(os.access('none1.alt', os.W_OK), os.access('none2.alt', os.R_OK | os.W_OK))")" "False False rc=0"
has "of what is there" "$(py "print(os.access('w1.example.com', os.W_OK), os.access('p.alt', os.R_OK | os.W_OK))")" "True True rc=0"
has "chmod(2) of what is not there" "$(py "os.chmod('none3.alt', 0o600)")" "No such file"
has "truncate(2) of what is not there" "$(py "os.truncate('none4.alt', 0)")" "No such file"
has "chmod of what has just been missing" "$(py "
try: os.stat('none5.alt')
except OSError: pass
os.chmod('none5.alt', 0o600)")" "No such file"
has "touch of a new name" "$(says touch "$A/touched.alt")" "rc=0"
has "chmod of what is there" "$(says chmod 600 "$A/w1.example.com" "$P")" "rc=0"

# ---- the second name of a rename ----
has "a name after an O_PATH" "$(py "
os.open('p.alt', os.O_PATH)
os.close(os.open('real1.example.com', os.O_RDONLY))
os.open('p.alt', os.O_PATH)
print(os.path.exists('real2.example.com'))")" "True rc=0"
has "a name after a link(2) that fails" "$(py "
try: os.link('p.alt', 'l.alt')
except OSError: pass
os.close(os.open('real3.example.com', os.O_RDONLY))")" "rc=0"
echo 192.0.2.8 >"$A/new"
says mv -n "$A/new" "$A/real4.example.com" >"$T/none"
is "mv -n replaces no record that memory does not know" "$(jq -r '.data[0]' "$A/real4.example.com") $(cat "$A/new")" "192.0.2.1 192.0.2.8"
has "mv -n onto what is not there" "$(says mv -n "$A/new" "$A/movedn.alt")" "rc=0"
is "moves" "$(jq -r '.data[0]' "$A/movedn.alt")" 192.0.2.8
echo 192.0.2.9 >"$A/new"
has "plain mv onto a record" "$(says mv "$A/new" "$A/real5.example.com")" "rc=0"
is "replaces it" "$(jq -r '.data[0]' "$A/real5.example.com")" 192.0.2.9
echo 192.0.2.9 >"$A/new"
has "plain mv onto what is not there" "$(says mv "$A/new" "$A/moved.alt")" "rc=0"
is "makes it" "$(jq -r '.data[0]' "$A/moved.alt")" 192.0.2.9
rm "$P" "$A/moved.alt" "$A/movedn.alt"

# ---- the control panel ----
is "control files" "$(stat -c '%n %a' "$M"/.kadns/* | sed 's|.*/||' | tr '\n' ' ')" "claims 555 explain 555 keep 666 key 444 nodes 644 pins 666 signers 600 status 444 wait 555 "
is "root is not shown the secret that it may not read" "$(stat -c %a "$M/.kadns/secret") $(says cat "$M/.kadns/secret" | grep -o 'Permission denied rc=1')" "0 Permission denied rc=1"
has "others see theirs" "$(as 1001 ls "$M/.kadns" | tr '\n' ' ')" " secret "
is "a key is 52 characters" "$(wc -c <"$M/.kadns/key")" 53
echo 127.0.0.1 4001 >"$M/.kadns/nodes"
is "a node is added" "$(cat "$M/.kadns/nodes")" "1 nodes"
is "a line is not ended by another process" "$({ printf '127.0.0.1 '; sh -c :; echo 40; } >"$M/.kadns/nodes"; cat "$M/.kadns/nodes")" "2 nodes"
printf '127.0.0.1 41' >"$M/.kadns/nodes"
is "but by the end of the file" "$(cat "$M/.kadns/nodes")" "3 nodes"
has "what is no node is refused" "$(says sh -c "echo host 1 >$M/.kadns/nodes")" "rc=1"
has "status is not written" "$(says sh -c "echo 1 >$M/.kadns/status")" "Permission denied"
has "nor removed" "$(says rm -f "$M/.kadns/key")" "Operation not permitted"
has "nor moved" "$(says mv "$M/.kadns/key" "$A/key")" "rc=1"

# ---- many names ----
for i in $(seq 1000); do echo "192.0.2.7" >"$A/many$i.alt"; done
is "a long directory is listed whole" "$(ls "$A" | grep -c '^many')" 1000
is "and with attributes" "$(ls -l "$A" | grep -c ' many')" 1000
is "offsets stay while names go" "$(/usr/bin/python3 - "$A" <<'PY'
import os, sys
seen = set()
with os.scandir(sys.argv[1]) as entries:
    for i, entry in enumerate(entries):
        assert entry.name not in seen
        seen.add(entry.name)
        if i < 50 and entry.name.startswith('many'):
            os.unlink(entry.path)
print(sum(name.startswith('many') for name in seen))
PY
)" 1000

# ---- a kadns that is stopped ----
kill -STOP "$FAKE"
has "a stopped kadns is left alone, and not waited for" "$(says timeout 10 "$BUILD/tests/fake_kadns" "$M")" "a kadns is mounted there already rc=1"
kill -CONT "$FAKE"

check "ends well" stop_fake
is "unmounted" "$(grep -c " $M " /proc/mounts)" 0
finish
