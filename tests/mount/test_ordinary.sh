#!/bin/sh
# A mount by an ordinary user, through fusermount3, as README says: what it needs, who may use it, and that
# it is as safe as root's. The user is nobody, with a /dev/fuse that all may open.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"

nobody=65534 alice=1001
chown $nobody:$nobody "$M"
mknod "$T/fuse" c 10 229
chmod 0600 "$T/fuse"
mount --bind "$T/fuse" /dev/fuse
: >"$T/fuse.conf"
[ -e /etc/fuse.conf ] || : >/etc/fuse.conf
mount --bind "$T/fuse.conf" /etc/fuse.conf
start_as_nobody() { # OPTION...
	: >"$T/fake.log"
	chown $nobody "$T/fake.log"
	# Not by `as`, a function, whose process would be the shell's.
	setpriv --reuid $nobody --regid $nobody --clear-groups \
		"$BUILD/tests/fake_kadns" "$@" "$M" >"$T/fake.log" 2>&1 &
	FAKE=$!
	eventually 10 grep -q '^ready' "$T/fake.log"
}
options() { sed -n "s|^[^ ]* $M fuse.kadns \([^ ]*\) .*|\1|p" /proc/mounts; }
safe() { # WHAT
	for option in nosuid nodev noexec; do has "$1 is $option" "$(options)" "$option"; done
}

has "without the right to open /dev/fuse" "$(says as $nobody "$BUILD/tests/fake_kadns" "$M")" "rc=1"
chmod 0666 "$T/fuse"
check "with it, nobody mounts" start_as_nobody
safe "it"
is "nobody reads" "$(as $nobody jq -r '.data[0]' "$A/www.example.com")" 192.0.2.1
has "and writes" "$(says as $nobody sh -c "echo 192.0.2.2 >$A/own.alt")" "rc=0"
has "without allow_other alice does not" "$(says as $alice cat "$A/www.example.com")" "Permission denied"
has "nor root" "$(says cat "$A/www.example.com")" "Permission denied"
has "alice does not unmount it" "$(says as $alice fusermount3 -u "$M")" "rc=1"
check "nobody does" as $nobody fusermount3 -u "$M"
check "which ends it" eventually 5 ended $FAKE
wait $FAKE
if start_as_nobody -o suid,dev,exec; then
	safe "it, though asked otherwise,"
	stop_fake
else
	has "suid is refused" "$(cat "$T/fake.log")" "suid"
	is "nothing is mounted" "$(options)" ""
fi

has "allow_other takes a line in /etc/fuse.conf" \
	"$(says as $nobody "$BUILD/tests/fake_kadns" -o allow_other "$M")" "rc=1"
echo user_allow_other >"$T/fuse.conf"
check "with it" start_as_nobody -o allow_other -u $nobody
safe "that"
is "alice reads" "$(as $alice jq -r '.data[0]' "$A/www.example.com")" 192.0.2.1
as $nobody sh -c "echo 192.0.2.2 >$A/www.$(as $nobody cat "$M/.kadns/key")"
named=$A/www.$(as $nobody cat "$M/.kadns/key")
has "and does not write what is nobody's" "$(says as $alice sh -c "echo 192.0.2.9 >$named")" "Permission denied"
has "nor does root" "$(says sh -c "echo 192.0.2.9 >$named")" "Permission denied"
has "or remove it" "$(says rm -f "$named")" "Operation not permitted"
has "alice is interrupted" "$(says as $alice timeout -s INT 0.5 cat "$A/slow3000.example.com")" "rc=124"
check "ends well" stop_fake

# ---- the program itself ----
mkdir "$T/state"
chown $nobody "$T/state"
setpriv --reuid $nobody --regid $nobody --clear-groups "$KADNS" -f -o \
	"state=$T/state,port=4001,dns=off,upstream=none,suid,dev,exec" none "$M" >"$T/kadns.log" 2>&1 &
kadns=$!
check "kadns mounts for nobody" eventually 10 grep -q " $M fuse.kadns " /proc/mounts
safe "kadns's mount, though asked otherwise,"
has "nobody writes" "$(says as $nobody sh -c "echo 192.0.2.2 >$A/own.alt")" "rc=0"
has "alice may use it where fuse.conf lets her" "$(says as $alice cat "$M/.kadns/key")" "rc=0"
kill $kadns
wait $kadns
is "it unmounts" "$(options)" ""

# ---- by mount(8), which as root asks for suid and dev ----
mkdir -p "$T/sbin"
ln -s "$BUILD/fs/kadns" "$T/sbin/kadns"
PATH=$T/sbin:$PATH mount.fuse3 kadns#none "$M" -o "state=$T/state2,port=4002,dns=off,upstream=none" >"$T/kadns.log" 2>&1
check "mount.fuse3 mounts for root" eventually 10 grep -q " $M fuse.kadns " /proc/mounts
safe "its mount"
umount "$M"
finish
