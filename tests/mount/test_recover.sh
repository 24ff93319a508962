#!/bin/sh
# Mountpoints, dead mounts, unmounting.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"

fake=$BUILD/tests/fake_kadns
mounts() { grep -c " $M fuse.kadns " /proc/mounts; }
unmounted() { [ "$(mounts)" = 0 ]; }

has "a mountpoint that is not there" "$(says "$fake" "$T/nowhere")" "the mountpoint does not exist rc=1"
has "nor its parent" "$(says "$fake" "$T/no/where")" "does not exist rc=1"
: >"$T/file"
has "a file" "$(says "$fake" "$T/file")" "is no directory rc=1"
mkdir "$T/full" && : >"$T/full/x"
has "a directory that is not empty" "$(says "$fake" "$T/full")" "is not empty rc=1"
mkdir "$T/his" && chown 1001 "$T/his" && chmod 755 "$T/his" "$T"
has "another user's directory" "$(says as 1002 "$fake" "$T/his")" "another user's rc=1"

check "mounts" start_fake
has "a live mount is left alone" "$(says "$fake" "$M")" "mounted there already rc=1"
has "by another spelling too" "$(cd "$M/.." && says "$fake" ./dns/)" "mounted there already rc=1"
ln -s "$M" "$T/link"
has "and by a link" "$(says "$fake" "$T/link")" "mounted there already rc=1"
is "one mount" "$(mounts)" 1

# ---- kill -9 ----
ls -l "$M" >"$T/none" # the kernel keeps the root's attributes
kill -KILL $FAKE
wait $FAKE 2>"$T/none"
has "a dead mount says so" "$(says cat "$M/IN/A/www.example.com")" "Transport endpoint is not connected"
check "mounts over it" start_fake
is "not on top of it" "$(mounts)" 1
check "and answers" cat "$A/www.example.com"
kill -KILL $FAKE
wait $FAKE 2>"$T/none"
exec 5<"$T" # an unrelated descriptor
check "again" start_fake
is "still one" "$(mounts)" 1

# ---- unmounting ----
umount "$M"
check "umount ends the daemon" eventually 5 ended $FAKE
wait $FAKE
is "well" $? 0
check "mounts" start_fake
fusermount3 -u "$M"
check "so does fusermount3 -u" eventually 5 ended $FAKE
wait $FAKE
check "mounts" start_fake
echo 192.0.2.1 >"$A/own.alt"
exec 6<"$A/own.alt"
check "SIGTERM ends it while a file is open" stop_fake
is "and unmounts" "$(mounts)" 0
exec 6<&-
check "mounts with a draft open" start_fake
exec 6>"$A/own.alt"
echo '{"data":' >&6
check "SIGTERM ends it" stop_fake
is "and unmounts then too" "$(mounts)" 0
exec 6>&-
mkdir -p "$T/a b\\c"
M="$T/a b\\c"
check "a mountpoint with a blank and a backslash" start_fake
has "a live one is seen there" "$(says "$fake" "$M")" "mounted there already"
kill -KILL $FAKE
wait $FAKE 2>"$T/none"
check "a dead one is taken away there" start_fake
check "ends" stop_fake
M=$T/dns

# ---- options ----
check "read-only" start_fake -o ro
has "is read-only" "$(says sh -c "echo 192.0.2.1 >$A/x.alt")" "Read-only file system"
stop_fake
check "suid,dev do not win" start_fake -o suid,dev,exec
has "nosuid,nodev,noexec" "$(grep " $M " /proc/mounts)" "nosuid,nodev,noexec"
stop_fake
has "an unknown option" "$(says "$fake" -o nonsense "$M")" "rc=1"
is "mounts nothing" "$(mounts)" 0

# ---- not root: by fusermount3, which wants its caller to have a name ----
user=$(id -u nobody)
mkdir "$T/home" && chown "$user" "$T/home"
mknod "$T/fuse" c 10 229 && chmod 666 "$T/fuse" && mount --bind "$T/fuse" /dev/fuse
M=$T/home A=$T/home/IN/A
start_as_user() {
	: >"$T/fake.log"
	setpriv --reuid "$user" --regid "$user" --clear-groups "$fake" "$M" >"$T/fake.log" 2>&1 &
	FAKE=$! # setpriv becomes it
	eventually 10 grep -q ready "$T/fake.log"
}
check "a user mounts" start_as_user
has "with safe flags" "$(grep " $M " /proc/mounts)" "nosuid,nodev,noexec"
is "and reads" "$(as "$user" jq -r '.data[0]' "$A/www.example.com")" 192.0.2.1
has "others may not" "$(says as 1002 ls "$M")" "Permission denied"
kill -KILL $FAKE
wait $FAKE 2>"$T/none"
check "and mounts again after kill -9" start_as_user
is "once" "$(mounts)" 1
check "and ends" stop_fake
is "and unmounts" "$(mounts)" 0
finish
