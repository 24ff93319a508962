#!/bin/sh
# As a service: kadns-mount makes the mount and hands it over, the daemon is an ordinary user's; the service manager
# is told READY=1 when the mount answers, and not before; each of the two may die.
. "$(dirname "$0")/../lib.sh"
m=$T/dns socket=$T/mount.socket user=nobody
mkdir -p "$m"
mkdir -p -m 0700 "$T/state"
chown $user "$T/state"
chmod 755 "$T"
uid=$(id -u $user)

# A service manager: a line for each thing it hears, and whether the mount answers then.
cat >"$T/manager.py" <<'TEXT'
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
while True:
    said = s.recv(4096).decode()
    answers = os.path.exists(sys.argv[2] + "/.kadns/status") if "READY=1" in said else "-"
    print(said.split("\n")[0], answers, flush=True)
TEXT
/usr/bin/python3 "$T/manager.py" "$T/notify" "$m" >"$T/heard" &
eventually 5 test -S "$T/notify"
heard() { grep -c "$1" "$T/heard"; }
mounter() {
	"$BUILD/fs/kadns-mount" -u $user -s "$socket" -n mine "$m" >>"$T/mounter.log" 2>&1 &
	mounter=$!
	eventually 5 test -S "$socket"
}
daemon() { # its pid is in $daemon
	: >"$T/heard"
	NOTIFY_SOCKET=$T/notify setpriv --reuid=$user --regid=nogroup --clear-groups --no-new-privs --bounding-set=-all \
		"$KADNS" -f -o port=4001,bind=127.0.0.1,dns=off,upstream=none,state="$T/state/4001" none "unix:$socket" >"$T/log" 2>&1 &
	daemon=$!
}
is_mounted() { grep -q " $m fuse.kadns " /proc/self/mounts; }

mounter
check "nothing is mounted before somebody asks" sh -c "! grep -q ' $m ' /proc/self/mounts"
daemon
check "READY=1" eventually 10 grep -q READY "$T/heard"
is "when the mount answers, and once" "$(cat "$T/heard")" "READY=1 True"
has "it is the machine's" "$(grep " $m " /proc/self/mounts)" "mine $m fuse.kadns rw,nosuid,nodev,noexec"
has "of that user" "$(grep " $m " /proc/self/mounts)" "user_id=$uid"
has "the daemon has no capability" "$(cat /proc/$daemon/status)" "CapEff:	0000000000000000"
check "it works" sh -c "echo 192.0.2.7 >$m/IN/A/printer.alt"
is "for everybody" "$(setpriv --reuid=1234 --clear-groups cat "$m/IN/A/printer.alt" | jq -r '.data[0]')" 192.0.2.7
lacks "who has mounted keeps no copy" "$(ls -l /proc/$mounter/fd)" fuse
kill -HUP "$daemon"
check "RELOADING=1, and READY=1 behind it" eventually 5 sh -c "[ \"\$(tail -n 2 $T/heard | tr '\n' ' ')\" = 'RELOADING=1 - READY=1 True ' ]"

# ---- who else asks
asks() { # UID
	setpriv --reuid="$1" --regid=nogroup --clear-groups /usr/bin/python3 -c "
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect('$socket')
print(s.recv(300).decode().rstrip(chr(0)))" 2>&1
}
has "another user" "$(asks 1234)" "Permission denied"
chmod 666 "$socket"
is "whatever the socket's mode" "$(asks 1234)" "this mount is another user's"
is "a second daemon" "$(asks "$uid")" "a kadns is mounted there already"
has "which says so" "$(setpriv --reuid=$user --regid=nogroup --clear-groups "$KADNS" -f -o port=4002,dns=off,state="$T/state/4002" none \
	"unix:$socket" 2>&1)" "a kadns is mounted there already"
check "the first is not disturbed" test -e "$m/.kadns/status"

# ---- the daemon dies
kill -9 "$daemon"
wait "$daemon" 2>/dev/null
check "its mount goes" eventually 5 sh -c "! grep -q ' $m ' /proc/self/mounts"
daemon
check "the next has a fresh one" eventually 10 grep -q "READY=1 True" "$T/heard"
is "with what was written" "$(jq -r '.data[0]' "$m/IN/A/printer.alt")" 192.0.2.7
kill "$daemon"
wait "$daemon"
is "TERM: its exit status" $? 0
check "STOPPING=1" eventually 3 grep -q STOPPING "$T/heard"
check "and the mount goes" eventually 5 sh -c "! grep -q ' $m ' /proc/self/mounts"

# ---- who mounts dies, or is ended
daemon
check "once more" eventually 10 grep -q "READY=1 True" "$T/heard"
kill "$mounter"
wait "$mounter"
check "unmounted by TERM" sh -c "! grep -q ' $m ' /proc/self/mounts"
check "the daemon ends with its mount" eventually 5 ended "$daemon"
has "and says why" "$(cat "$T/log")" "ends: unmounted"
daemon
wait "$daemon"
is "without it there is no daemon" $? 1
has "which says why" "$(cat "$T/log")" "unix:$socket: "
is "and is never ready" "$(heard READY)" 0
mounter
daemon
eventually 10 is_mounted
kill -9 "$mounter"
wait "$mounter" 2>/dev/null
check "killed, it leaves the daemon and the mount" sh -c "sleep 0.3; test -e '$m/.kadns/status'"
kill "$daemon"
wait "$daemon"
mounter
daemon
check "what is left of that is replaced" eventually 10 grep -q "READY=1 True" "$T/heard"
kill "$daemon"
wait "$daemon"

# ---- a mount that the daemon cannot see: it lives in a namespace of its own
: >"$T/heard"
NOTIFY_SOCKET=$T/notify unshare -m --propagation private setpriv --reuid=$user --regid=nogroup --clear-groups "$KADNS" -f \
	-o port=4001,bind=127.0.0.1,dns=off,upstream=none,state="$T/state/4001" none "unix:$socket" >"$T/log" 2>&1 &
hidden=$!
check "READY=1 is not said of a mount that does not answer" sh -c "
	sleep 1; ! grep -q READY $T/heard && grep -qE 'does not answer|not to be found' $T/log"
kill $hidden 2>/dev/null
wait $hidden
kill "$mounter"

# ---- what it calls is what its unit lets it call: everything else is EPERM there, as it comes
calls() { # GROUP or CALL: the calls of it
	case $1 in
	@*) for call in $(systemd-analyze syscall-filter "$1" | sed '1,2d; s/#.*//'); do calls "$call"; done ;;
	*) echo "$1" ;;
	esac
}
allowed() { # UNIT
	: >"$T/calls"
	sed -n 's/^SystemCallFilter=//p' "$1" | while read -r words; do
		for word in ${words#\~}; do calls "$word"; done | sort -u >"$T/these"
		case $words in
		\~*) sort -u "$T/calls" | comm -23 - "$T/these" >"$T/next" ;;
		*) sort -u "$T/calls" "$T/these" >"$T/next" ;;
		esac
		mv "$T/next" "$T/calls"
	done
	cat "$T/calls"
}
called() { sed -n 's/^[0-9]* *\([a-z_0-9]*\)(.*/\1/p' "$1" | sort -u; }
strace -f -qq -o "$T/mounter.strace" "$BUILD/fs/kadns-mount" -u $user -s "$socket" "$m" >/dev/null 2>&1 &
tracer=$!
eventually 5 test -S "$socket"
setpriv --reuid=$user --regid=nogroup --clear-groups --no-new-privs --bounding-set=-all strace -f -qq -o "$T/state/strace" \
	"$KADNS" -f -o port=4001,bind=127.0.0.1,dns=127.0.0.1:1053,http=127.0.0.1:8882,upstream=127.0.0.2,state="$T/state/4001" none "unix:$socket" \
	>"$T/log" 2>&1 &
traced=$!
check "the service under a tracer" eventually 20 is_mounted
eventually 10 test -e "$m/.kadns/status"
echo 192.0.2.8 >"$m/IN/A/traced.alt"
cat "$m/.kadns/key" "$m/IN/A/traced.alt" "$m/IN/A/www.example.com" >/dev/null 2>&1
dig +time=1 +tries=1 @127.0.0.1 -p 1053 traced.alt >/dev/null
curl -s -o "$T/none" http://127.0.0.1:8882/dns/IN/A/traced.alt
ls -l "$m/IN/A" >/dev/null
pkill -HUP -P $traced -x kadns
pkill -USR1 -P $traced -x kadns
sleep 0.5
pkill -TERM -P $traced -x kadns
wait $traced
pkill -TERM -P $tracer -x kadns-mount
wait $tracer
is "the daemon calls nothing that its unit forbids" "$(called "$T/state/strace" | comm -23 - "$(allowed "$BUILD/fs/kadns.service" >"$T/a"; echo "$T/a")" | tr '\n' ' ')" ""
is "nor does who mounts" "$(called "$T/mounter.strace" | comm -23 - "$(allowed "$BUILD/fs/kadns-mount.service" >"$T/a"; echo "$T/a")" | tr '\n' ' ')" ""
check "they called a lot" test "$(called "$T/state/strace" | wc -l)" -gt 40

# ---- a socket that is none: what is there stays
mknod "$T/device" c 1 3
has "a device is not taken for an old socket" "$(timeout 20 "$BUILD/fs/kadns-mount" -u $user -s "$T/device" "$m" 2>&1)" "File exists"
is "and stays" "$(stat -c %F "$T/device")" "character special file"

# ---- without one of these: NOTIFY_SOCKET for who mounts himself, or has no mount; as a daemon too
: >"$T/heard"
NOTIFY_SOCKET=$T/notify "$KADNS" -f -o port=4005,bind=127.0.0.1,dns=off,upstream=none none "$m" >"$T/log" 2>&1 &
check "READY=1 of root's own mount" eventually 10 grep -q "READY=1 True" "$T/heard"
lacks "its children do not know of the manager" "$(cat /proc/$!/task/$!/children | xargs -n 1 sh -c 'tr "\0" "\n" </proc/$0/environ')" "$T/notify"
umount "$m"
: >"$T/heard"
NOTIFY_SOCKET=$T/notify "$KADNS" -f -o port=4006,bind=127.0.0.1,dns=off,upstream=none --no-mount none >"$T/log" 2>&1 &
alone=$!
check "READY=1 without a mount" eventually 10 grep -q "READY=1" "$T/heard"
kill "$alone"
finish
