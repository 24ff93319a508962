#!/bin/sh
# The life of a mount with the tools of an administrator: mount(8), fstab(5), umount(8), fusermount3,
# df and findmnt, the real program; and that nothing stays, however it ends.
. "$(dirname "$0")/../lib.sh"

M=$T/dns S=$T/state
user=$(id -u nobody)
mkdir "$M" "$T/bin" "$T/two"
ln -s "$KADNS" "$T/bin/kadns"
mount --bind "$T/bin" /usr/local/sbin # where it is installed; mount(8) has a PATH of its own
rest=state=$S,dns=off,upstream=none

says() { # COMMAND...: what it prints, errors too, and its status
	said=$(LC_ALL=C "$@" 2>&1)
	printf '%s rc=%s\n' "$said" "$?"
}
mounts() { grep -c " $1 fuse.kadns " /proc/mounts; }
gone() { [ "$(mounts "$1")" = 0 ] && ! pidof -q kadns && ! pidof -q kadns-validator kadns-signer; }
answers() { [ -e "$1/.kadns/status" ]; }
fstab() { printf '%s\n' "$@" >"$T/fstab"; }
down() { # MOUNTPOINT
	umount "$1" && eventually 5 gone "$1"
}

# ---- mount -t fuse.kadns ----
check "mount -t fuse.kadns" mount -t fuse.kadns none "$M" -o "port=4001,$rest"
check "it answers at once" answers "$M"
has "/proc/mounts: source, type, flags" "$(grep " $M " /proc/mounts)" "none $M fuse.kadns rw,nosuid,nodev,noexec,"
is "findmnt: source and type" "$(findmnt -rno SOURCE,FSTYPE "$M")" "none fuse.kadns"
is "df MOUNTPOINT: source, type, no blocks" "$(df --output=source,fstype,size "$M" | tail -n 1 | tr -s ' ')" "none fuse.kadns 0"
is "df leaves it out of the list" "$(df 2>&1 | grep -c "$M")" 0
has "mount lists it" "$(mount -t fuse.kadns)" "none on $M type fuse.kadns (rw,nosuid,nodev,noexec"
echo 192.0.2.7 >"$M/IN/A/printer.alt"
is "it is used" "$(data_of "$M/IN/A/printer.alt")" 192.0.2.7
has "the same again is refused, in one line" "$(says mount -t fuse.kadns none "$M" -o "port=4002,state=$T/other,dns=off,upstream=none")" \
	"kadns: $M: a kadns is mounted there already"
is "and nothing is stacked" "$(mounts "$M")" 1
check "umount ends it" down "$M"
check "every word of fstab is taken" mount -t fuse.kadns none "$M" -o \
	"rw,suid,dev,exec,auto,user,async,relatime,diratime,_netdev,nofail,noauto,x-systemd.automount,x-systemd.requires=network.target,x-gvfs-hide,comment=x,$rest"
has "and the flags stay safe" "$(grep " $M " /proc/mounts)" "rw,nosuid,nodev,noexec,"
check "umount" down "$M"
for words in user group,owner users,nouser,defaults sync,dirsync,mand,iversion,lazytime,strictatime,nosymfollow,silent; do
	check "by hand too: -o $words" "$KADNS" -n -o "$words" none "$M"
done
has "user=NAME is still ours" "$(says "$KADNS" -n -o user=no-such-user none "$M")" "there is no such user rc=1"
has "a word with a value is not taken" "$(says "$KADNS" -n -o rw=1 none "$M")" "unknown option rw"
has "an unknown option, through mount(8)" "$(says mount -t fuse.kadns none "$M" -o "colour=blue,$rest")" "kadns: unknown option colour (see --help)"
has "mount(8) fails then" "$(says mount -t fuse.kadns none "$M" -o "port=0,$rest")" "rc=1"
has "default_permissions cannot work" "$(says "$KADNS" -n -o default_permissions none "$M")" "unknown option default_permissions"
check "a source with a comma and a colon" mount -t fuse.kadns 127.0.0.1:4999,127.0.0.1:4998 "$M" -o "$rest"
is "is shown as given" "$(findmnt -rno SOURCE "$M")" 127.0.0.1:4999,127.0.0.1:4998
check "umount" down "$M"
echo 127.0.0.1 4999 >"$T/nodes of mine.txt"
check "a source file with blanks" mount -t fuse.kadns "$T/nodes of mine.txt" "$M" -o "$rest"
is "is shown as given" "$(findmnt -no SOURCE "$M")" "$T/nodes of mine.txt"
check "umount" down "$M"
check "read-only" mount -t fuse.kadns none "$M" -o "ro,$rest"
has "is read-only" "$(says sh -c "echo 192.0.2.1 >$M/IN/A/x.alt")" "Read-only file system"
check "umount" down "$M"

# ---- fstab ----
fstab "none $M fuse.kadns _netdev,nofail,x-systemd.requires=network-online.target,port=4001,$rest 0 0" \
	"127.0.0.1:4001 $T/two fuse.kadns _netdev,nofail,port=4002,state=$T/s2,dns=off,upstream=none 0 0" \
	"none $T/three fuse.kadns noauto,port=4003,state=$T/s3 0 0"
check "mount MOUNTPOINT, from fstab" mount -T "$T/fstab" "$M"
check "umount" down "$M"
is "mount -a" "$(says mount -a -T "$T/fstab")" " rc=0"
is "mounts both" "$(mounts "$M") $(mounts "$T/two")" "1 1"
is "mount -a again says nothing" "$(says mount -a -T "$T/fstab")" " rc=0"
is "and mounts nothing anew" "$(grep -c fuse.kadns /proc/mounts) $(pgrep -cx kadns)" "2 2"
check "the second joins the first" eventually 10 grep -q '^bootstrap.state *joined' "$T/two/.kadns/status"
umount "$M"
check "when one has gone" eventually 5 test "$(mounts "$M")" = 0
check "the next mount -a" eventually 5 mount -a -T "$T/fstab"
is "brings that one back" "$(mounts "$M") $(mounts "$T/two")" "1 1"
umount -a -t fuse.kadns
check "umount -a -t fuse.kadns ends all" eventually 5 gone "$M"
fstab "none $M fuse.kadns $rest 0 0"
printf '%s\n' "kadns#none $M fuse $rest 0 0" >"$T/old"
check "the old form, PROGRAM#SOURCE" mount -T "$T/old" "$M"
check "umount" down "$M"

# ---- ends ----
start() { "$KADNS" -o "$rest" "$@" none "$M"; }
for signal in TERM INT QUIT; do
	check "starts" start
	exec 5<"$M/.kadns/status"
	(cd "$M/IN/A" && exec sleep 100) &
	holder=$!
	pid=$(daemon_pid "$S")
	eventually 5 test "$(readlink "/proc/$holder/cwd")" = "$M/IN/A"
	has "umount of a busy mount says so" "$(says umount "$M")" "target is busy"
	kill -"$signal" "$pid"
	check "SIG$signal ends it, a file and a directory being used" eventually 5 ended "$pid"
	check "nothing stays" eventually 5 gone "$M"
	has "what was open says so" "$(says cat <&5)" "not connected"
	exec 5<&-
	kill "$holder"
	wait "$holder" 2>"$T/none"
done
check "starts" start
pid=$(daemon_pid "$S")
exec 5<"$M/.kadns/status"
umount -l "$M"
is "umount -l of a busy one takes it away" "$(mounts "$M")" 0
check "its file still reads" cat <&5
exec 5<&-
check "it ends with the last file" eventually 5 ended "$pid"
for flag in -u "-u -z"; do
	check "starts" start
	# shellcheck disable=SC2086
	check "fusermount3 $flag" fusermount3 $flag "$M"
	check "ends it" eventually 5 gone "$M"
done

# ---- kill -9 ----
dead() { # leaves a mount whose daemon was killed
	start "$@" && ls -l "$M" >"$T/none" && starter_killed "$S"
}
check "kill -9" dead
has "leaves a dead mount" "$(says ls "$M/IN/A")" "not connected"
is "mount -a says nothing of it: it is listed" "$(mount -a -T "$T/fstab"; mounts "$M")" 1
check "kadns replaces it" start
is "not stacked" "$(mounts "$M")" 1
check "and answers" answers "$M"
pid=$(daemon_pid "$S")
kill -STOP "$(node_pid "$S")"
has "one that is only stopped is left alone" "$(says "$KADNS" -o "port=4002,state=$T/other,dns=off,upstream=none" none "$M")" \
	"a kadns is mounted there already rc=1"
kill -CONT "$(node_pid "$S")"
check "and goes on" answers "$M"
check "umount" down "$M"
check "kill -9" dead
check "twice" dead
is "one dead mount" "$(mounts "$M")" 1
check "mount(8) replaces it" mount -t fuse.kadns none "$M" -o "$rest"
is "not stacked" "$(mounts "$M")" 1
check "umount" down "$M"
check "kill -9" dead
check "umount of a dead one" umount "$M"
check "auto_unmount, and kill -9" dead -o auto_unmount
check "leaves no mount" eventually 30 gone "$M"
check "auto_unmount, and a node that is killed" start -o auto_unmount
for _ in 1 2; do
	before=$(node_pid "$S")
	kill -9 "$before"
	another() { [ "$(node_pid "$S")" != "$before" ] && answers "$M"; }
	check "the mount comes back" eventually 20 another
done
one_watches() { [ "$(pgrep -c fusermount3)" = 1 ]; }
check "and is watched by one" eventually 10 one_watches
check "umount" down "$M"

# ---- a start that fails half-way ----
half() { # NAME WHAT-IT-SAYS OPTION...: no mount, no process
	name=$1 word=$2
	shift 2
	has "fails: $name" "$(says "$KADNS" -o "$rest" "$@" none "$M")" "$word"
	check "and nothing stays" gone "$M"
}
/usr/bin/python3 -c '
import socket, time
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("0.0.0.0", 4009))
d = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); d.bind(("127.0.0.1", 1059))
time.sleep(600)' &
holder=$!
eventually 5 grep -q :0FA9 /proc/net/udp
half "the DHT's port is taken" "4009: Address already in use" -o port=4009
half "a door's port is taken" "dns=127.0.0.1:1059: Address already in use" -o dns=127.0.0.1:1059
kill "$holder"
wait "$holder" 2>"$T/none"
mount -t tmpfs none "$T/two"
has "no /dev/fuse" "$(unshare -m sh -c "mount --bind $T/none /dev/fuse && exec '$KADNS' -o '$rest' none '$M'" 2>&1)" "kadns: $M: "
check "and nothing stays" gone "$M"
closed() { "$KADNS" -o "$rest" none "$M" <&- >&- 2>&-; }
check "with 0, 1 and 2 closed" closed
is "they are /dev/null" "$(readlink "/proc/$(daemon_pid "$S")/fd/0" "/proc/$(daemon_pid "$S")/fd/2" | tr '\n' ' ')" "/dev/null /dev/null "
check "umount" down "$M"
is "\$(kadns) does not wait for its end" "$(timeout 10 sh -c "x=\$('$KADNS' -o '$rest' none '$M' 2>&1); echo \"[\$x]\"")" "[]"
check "umount" down "$M"

# ---- not root ----
mkdir "$T/home" "$T/sticky" && chown "$user" "$T/home" && chmod 755 "$T"
mknod "$T/fuse" c 10 229 && chmod 666 "$T/fuse" && mount --bind "$T/fuse" /dev/fuse
as_user() {
	setpriv --reuid "$user" --regid "$user" --clear-groups env HOME="$T/home" XDG_STATE_HOME="$T/home" "$@"
}
mkdir "$T/home/dns" && chown "$user" "$T/home/dns"
H=$T/home/dns
check "a user mounts" as_user "$KADNS" -o dns=off,upstream=none none "$H"
has "flags and user" "$(grep " $H " /proc/mounts)" "nosuid,nodev,noexec,relatime,user_id=$user"
check "writes" as_user sh -c "echo 192.0.2.8 >$H/IN/A/mine.alt"
is "reads" "$(as_user jq -r '.data[0]' "$H/IN/A/mine.alt")" 192.0.2.8
has "root may not look" "$(says ls "$H")" "Permission denied"
has "mounted already" "$(says as_user "$KADNS" -o port=4002,dns=off,upstream=none none "$H")" "mounted there already rc=1"
check "fusermount3 -u" as_user fusermount3 -u "$H"
check "ends it" eventually 5 gone "$H"
check "again" as_user "$KADNS" -o dns=off,upstream=none none "$H"
starter_killed "$T/home/kadns/4001"
check "a dead one is replaced" as_user "$KADNS" -o dns=off,upstream=none none "$H"
is "not stacked" "$(mounts "$H")" 1
kill -TERM "$(daemon_pid "$T/home/kadns/4001")"
check "SIGTERM unmounts" eventually 5 gone "$H"
said=$(says as_user "$KADNS" -o allow_other,dns=off,upstream=none none "$H")
has "fusermount3's own words reach the user" "$said" "allow_other only allowed if 'user_allow_other' is set"
is "in one line" "$(printf '%s\n' "$said" | wc -l)" 1
said=$(says as_user "$KADNS" -f -o allow_other,dns=off,upstream=none none "$H")
has "in the foreground too" "$said" "allow_other only allowed if 'user_allow_other' is set"
has "a mountpoint of somebody else" "$(says as_user "$KADNS" -o dns=off,upstream=none none "$T/sticky")" "the mountpoint is another user's rc=1"
chmod 600 "$T/fuse"
has "no access to /dev/fuse" "$(says as_user "$KADNS" -o dns=off,upstream=none none "$H")" "/dev/fuse: Permission denied rc=1"
check "and nothing stays" gone "$H"
chmod 666 "$T/fuse"

# ---- a user's mount, which root may not look at ----
check "a user mounts" as_user "$KADNS" -o dns=off,upstream=none none "$H"
has "root leaves what lives alone" "$(says "$KADNS" -o "port=4002,$rest" none "$H")" "mounted there already rc=1"
starter_killed "$T/home/kadns/4001"
check "and replaces what is dead" "$KADNS" -o "port=4002,$rest" none "$H"
is "not stacked" "$(mounts "$H")" 1
check "umount" down "$H"

# ---- root mounts, and gives its rights away before kadns runs ----
mkdir -m 700 "$T/s4" && chown "$user" "$T/s4"
given="setuid=nobody,drop_privileges,allow_other,state=$T/s4,log=info,dns=off,upstream=none"
mount -t fuse.kadns none "$M" -o "$given" 2>"$T/said"
check "mount -o setuid=nobody,drop_privileges: kadns refuses without the flags" \
	eventually 5 grep -q "nosuid,nodev,noexec" "$T/said"
check "no kadns runs" eventually 5 sh -c "! pidof kadns"
has "and nobody is served" "$(says ls "$M")" "not connected"
check "umount takes it away" umount "$M"
given=$given,nosuid,nodev,noexec
check "with the flags it starts" mount -t fuse.kadns none "$M" -o "$given"
check "answers" eventually 5 answers "$M"
has "the flags stand" "$(grep " $M " /proc/mounts)" " rw,nosuid,nodev,noexec,"
is "as nobody" "$(stat -c %u "/proc/$(daemon_pid "$T/s4")")" "$user"
check "umount" down "$M"
check "again" mount -t fuse.kadns none "$M" -o "$given"
check "answers" eventually 5 answers "$M"
pid=$(daemon_pid "$T/s4") node=$(node_pid "$T/s4")
kill -TERM "$pid"
check "SIGTERM ends it" eventually 5 ended "$pid"
check "and its node" eventually 5 ended "$node"
has "whoever mounted has to umount" "$(says ls "$M")" "not connected"
check "umount" umount "$M"
check "then the same starts again" mount -t fuse.kadns none "$M" -o "$given"
check "and answers" eventually 5 answers "$M"
check "umount" down "$M"

# ---- two at the same instant ----
flock --no-fork "$M" sleep 600 & # both have looked, and neither has mounted
holder=$!
check "somebody holds the directory" eventually 5 sh -c "! flock -n $M true"
for port in 4001 4002; do
	says "$KADNS" -o "port=$port,state=$T/at$port,dns=off,upstream=none" none "$M" >"$T/at$port.said" &
done
waits() { [ "$(pgrep -cx kadns)" = 2 ]; }
check "two start" eventually 5 waits
sleep 1
is "and mount only one after the other" "$(mounts "$M")" 0
kill "$holder"
both() { [ -s "$T/at4001.said" ] && [ -s "$T/at4002.said" ]; }
check "when they may" eventually 10 both
is "one does" "$(mounts "$M") $(cat "$T"/at400?.said | grep -c ' rc=0')" "1 1"
has "the other says why not" "$(cat "$T"/at400?.said)" "a kadns is mounted there already rc=1"
check "umount" down "$M"
finish
