#!/bin/sh
# Tools that replace files: each in its own way.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"

check "mounts" start_fake
cd "$A" || exit 1
echo 192.0.2.77 >"$T/new"

reset_() { rm -f p.alt n.alt; echo 192.0.2.1 >p.alt; }
# try NAME WANT COMMAND...: p.alt is 192.0.2.1, then holds WANT; no temporary file is left
try() {
	name=$1 want=$2
	shift 2
	reset_
	said=$(says "$@")
	has "$name succeeds" "$said" "rc=0"
	is "$name writes" "$(data_of p.alt)" "$want"
	is "$name leaves nothing behind" "$(ls -A | grep -v -e '^p.alt$' -e '^n.alt$')" ""
}

try "sed -i" 192.0.2.2 sed -i 's/192.0.2.1/192.0.2.2/g' p.alt
try "sed -i.bak" 192.0.2.2 sh -c "sed -i.bak 's/192.0.2.1/192.0.2.2/g' p.alt; rm p.alt.bak"
try "perl -i" 192.0.2.2 perl -i -pe 's/192.0.2.1/192.0.2.2/g' p.alt
try "cp" 192.0.2.77 cp "$T/new" p.alt
try "cp -p" 192.0.2.77 cp -p "$T/new" p.alt
try "cp --remove-destination" 192.0.2.77 cp --remove-destination "$T/new" p.alt
try "cp -n" 192.0.2.1 sh -c "cp -n $T/new p.alt || :"
try "mv from elsewhere" 192.0.2.77 sh -c "cp $T/new $T/x; mv $T/x p.alt"
try "install" 192.0.2.77 install -m 600 "$T/new" p.alt
try "rsync" 192.0.2.77 rsync -a "$T/new" p.alt
try "rsync --inplace" 192.0.2.77 rsync --inplace "$T/new" p.alt
try "tee" 192.0.2.77 sh -c "tee p.alt <$T/new"
try "tee -a" "192.0.2.1 192.0.2.77" sh -c "tee -a p.alt <$T/new"
try "dd" 192.0.2.77 dd if="$T/new" of=p.alt conv=fsync
try "jq by a private file" 192.0.2.1 sh -c "jq -c .ttl=60 p.alt >t && mv t p.alt"
is "jq changed the TTL" "$(jq .ttl p.alt)" 60
try "jq by NAME.tmp" 192.0.2.1 sh -c "jq -c .ttl=61 p.alt >p.alt.tmp && mv p.alt.tmp p.alt"
is "jq changed the TTL again" "$(jq .ttl p.alt)" 61
try "vim" 192.0.2.2 vim -es -u NONE -c '%s/192.0.2.1/192.0.2.2/g' -c wq p.alt
try "vim with backup and swap" 192.0.2.2 sh -c \
	"vim -es -u NONE -N --cmd 'set backup writebackup backupcopy=no swapfile directory=.' -c '%s/192.0.2.1/192.0.2.2/g' -c wq p.alt; s=\$?; rm p.alt~; exit \$s"
try "vim, whole text" 192.0.2.9 vim -es -u NONE -N -c %d -c 'call setline(1,"192.0.2.9")' -c wq p.alt
try "ed" 192.0.2.9 sh -c "printf '%%d\na\n192.0.2.9\n.\nw\nq\n' | ed -s p.alt"
try "nano" 192.0.2.9 sh -c \
	"{ sleep 0.7; printf '\013192.0.2.9'; sleep 0.3; printf '\017\r'; sleep 0.3; printf '\030'; sleep 0.2; } |
	TERM=xterm script -qec 'nano p.alt' /dev/null >$T/nano.out"
try "git's way: lock, write, rename" 192.0.2.9 /usr/bin/python3 -c "
import os
fd = os.open('p.alt.lock', os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
os.write(fd, b'192.0.2.9\n'); os.fsync(fd); os.close(fd); os.rename('p.alt.lock', 'p.alt')"
try "emacs' way: lock, rename to NAME~, create" 192.0.2.9 sh -c \
	"ln -s me@here.1 .#p.alt 2>/dev/null || : >.#p.alt; mv p.alt p.alt~; cp $T/new p.alt; echo 192.0.2.9 >p.alt; chmod 644 p.alt; rm -f .#p.alt p.alt~"
try "python's atomic replace" 192.0.2.9 /usr/bin/python3 -c "
import os, tempfile
fd, name = tempfile.mkstemp(dir='.')
os.write(fd, b'192.0.2.9\n'); os.close(fd); os.replace(name, 'p.alt')"
try "sponge's way: O_RDWR without O_TRUNC" 192.0.2.9 /usr/bin/python3 -c "
import os
fd = os.open('p.alt', os.O_RDWR)
assert b'192.0.2.1' in os.read(fd, 4096)
os.ftruncate(fd, 0); os.lseek(fd, 0, 0); os.write(fd, b'192.0.2.9\n'); os.close(fd)"

# ---- renaming ----
for i in $(seq 40); do # one name in sixteen failed when LOOKUP let mv see a phantom
	echo 192.0.2.1 >"from$i.alt"
	mv "from$i.alt" "to$i.alt" || echo "$i"
done >"$T/mv.out" 2>&1
is "mv to a new name, forty times" "$(cat "$T/mv.out")" ""
is "all have moved" "$(ls | grep -c '^to') $(ls | grep -c '^from')" "40 0"
rm -f to*.alt
reset_
mv p.alt n.alt
is "mv moves the record" "$(data_of n.alt)" 192.0.2.1
has "and nothing is left at the old name" "$(says cat p.alt)" "No such file"
echo 192.0.2.2 >p.alt
mv -n p.alt n.alt
is "mv -n does not replace" "$(data_of n.alt)" 192.0.2.1
cat www.example.com >"$T/none"
mv p.alt www.example.com
is "mv onto a name that others answer" "$(data_of www.example.com)" 192.0.2.2
rm www.example.com
reset_
has "a bad private file is refused (mv has its own words for EINVAL)" "$(echo rubbish >t; says mv t p.alt)" "rc=1"
is "and kept" "$(cat t)" rubbish
is "as is the record" "$(data_of p.alt)" 192.0.2.1
rm t
has "to another type it is copied, and judged" "$(says mv p.alt ../AAAA/p.alt)" "Invalid argument"
is "and stays" "$(data_of p.alt)" 192.0.2.1
echo 192.0.2.3 >n.alt
has "RENAME_EXCHANGE is refused" "$(says /usr/bin/python3 -c "
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
assert libc.renameat2(-100, b'p.alt', -100, b'n.alt', 2) == -1
raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))")" "Invalid argument"
has "mv of what is not mine" "$(cat h.example.com >"$T/none"; says mv h.example.com x.alt)" "rc=1"

# ---- private files ----
echo hello >scratch
echo more >>scratch
is "append" "$(cat scratch)" "hello
more"
truncate -s 3 scratch
is "truncate" "$(cat scratch)" hel
is "mode" "$(mode_of scratch)" "600 root"
mv scratch .other
is "renamed" "$(cat .other)" hel
has "O_EXCL" "$(says bash -c 'set -C; echo x >.other')" "cannot overwrite"
is "unlinked while open" "$(bash -c 'exec 3<.other; rm .other; cat <&3')" hel
has "over 64 kB" "$(says dd if=/dev/zero of=big bs=70000 count=1)" "File too large"
rm -f big
is "mktemp and mkstemp do not loop" "$(for i in 1 2 3 4 5; do mktemp -p . tmpXXXXXX; done | wc -l)" 5
rm -f tmp*
for i in $(seq 70); do echo x >"s$i" || break; done >"$T/none" 2>&1
is "64 of them" "$(ls | grep -c '^s[0-9]')" 64
rm -f s[0-9]*
cd /
check "ends well" stop_fake
finish
