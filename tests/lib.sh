# For the scripts of tests/net and tests/mount: a place of one's own, and how results are said.
# Sourced as the first thing, with the script's arguments; BUILD is the first of them.
#
# The script runs again inside new mount, network and process namespaces, with a tmpfs as $T. When
# it ends, however it ends, the kernel ends every process and mount in there with it.

if [ -z "${KADNS_TEST_INSIDE-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "not ok $0 needs root"; exit 1; }
	export KADNS_TEST_INSIDE=1
	exec unshare -mnpf --mount-proc --propagation private --kill-child=KILL -- sh "$0" "$@"
fi

BUILD=${1:?usage: $0 BUILD}
BUILD=$(cd "$BUILD" && pwd)
TESTS=$(cd "$(dirname "$0")/.." && pwd)
TOP=$(dirname "$TESTS")
KADNS=$BUILD/fs/kadns
T=/mnt
not_ok_count=0
ip link set lo up
mount -t tmpfs -o mode=0755 none "$T"
# The machine's own state is seen, but what is written to it ends with the test.
mkdir -p "$T/varlib" "$T/work" "$T/etc"
mount -t overlay -o "lowerdir=/var/lib,upperdir=$T/varlib,workdir=$T/work" none /var/lib
rm -rf /var/lib/kadns
export HOME="$T" TMPDIR="$T"
# The socket of kadns ask, by its path, would be that of a kadns of the machine's own.
mkdir -p /run/kadns
mount -t tmpfs none /run/kadns

ok() { echo "ok $1"; }
not_ok() {
	echo "not ok $1"
	not_ok_count=$((not_ok_count + 1))
}
# check NAME COMMAND...: the command must succeed
check() {
	name=$1
	shift
	if "$@" >"$T/check.out" 2>&1; then ok "$name"; else
		sed 's/^/  | /' "$T/check.out"
		not_ok "$name"
	fi
}
# is NAME GOT WANT
is() {
	if [ "$2" = "$3" ]; then ok "$1"; else
		printf '  | got:  %s\n  | want: %s\n' "$2" "$3"
		not_ok "$1"
	fi
}
# has NAME GOT PART
has() {
	case $2 in
	*"$3"*) ok "$1" ;;
	*)
		printf '  | got:  %s\n  | lacks: %s\n' "$2" "$3"
		not_ok "$1"
		;;
	esac
}
# lacks NAME GOT PART
lacks() {
	case $2 in
	*"$3"*)
		printf '  | got: %s\n' "$2"
		not_ok "$1"
		;;
	*) ok "$1" ;;
	esac
}
# eventually SECONDS COMMAND...: succeeds as soon as the command does
eventually() {
	tries=$(($1 * 10))
	shift
	while ! "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}
daemon_pid() { # STATE: of the starter, which signals go to
	cat "$1/lock"
}
node_pid() { # STATE: of the process that does the work
	pgrep -P "$(daemon_pid "$1")" -x kadns-node
}
ended() { # PID
	! [ -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null
}
# How many system calls a process makes between the two: its work counted, whatever the machine's speed.
count_calls() { # PID
	strace -qq -c -U calls,name -o "$T/calls" -p "$1" &
	counter=$!
	eventually 20 grep -q '^TracerPid:.*[1-9]' "/proc/$1/status"
}
calls_made() { # sets `made`; in a subshell strace would be nobody's to wait for
	kill -TERM $counter
	wait $counter 2>/dev/null
	made=$(awk '$2 == "total" { print $1 }' "$T/calls")
}
# Not spinning: who sleeps makes a call or two for each event, who spins a hundred thousand in a second.
idle() { # PID
	count_calls "$1" || return 1
	sleep 1
	calls_made
	echo "$made system calls"
	[ "${made:-0}" -lt 2000 ]
}
waits() { ! ended "$1"; } # PID
# The starter is killed. Its death ends the node a moment later: until then the mount may answer, or say
# something else than that it is dead.
starter_killed() { # STATE
	killed_pid=$(daemon_pid "$1") killed_node=$(node_pid "$1")
	kill -KILL "$killed_pid"
	eventually 10 ended "$killed_pid" && eventually 10 ended "$killed_node"
}
# A signed Internet of our own on loopback; its files are in $MINET_RUN. Without it the script ends.
small_internet() {
	export MINET_RUN="$T/minet"
	"$TESTS/net/minet.sh" start -r >"$T/minet.out" 2>&1 && return
	cat "$T/minet.out"
	not_ok "the miniature Internet starts"
	finish
}
as() { # UID COMMAND...
	uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
}
error_of() { LC_ALL=C "$@" 2>&1 >/dev/null | sed 's/.*: //'; }
# ---- a mount of the program itself, by its path; its state is where root's is
count_of() { sed -n "s/^$2  *//p" "$1/.kadns/status"; } # MOUNT COUNTER
published() { [ "$(count_of "$1" publish.queued)" = 0 ]; }
knows_one() { [ "$(wc -l <"$1/.kadns/nodes")" = 1 ]; }
know_another() { eventually 10 knows_one "$1" && eventually 10 knows_one "$2"; }
stop() { # MOUNT PORT
	umount "$1"
	eventually 10 ended "$(daemon_pid "/var/lib/kadns/$2")"
}
data_of() { # FILE: its records, by spaces
	jq -r '.data | join(" ")' "$1" 2>/dev/null
}
finish() {
	[ $not_ok_count = 0 ]
	exit
}
