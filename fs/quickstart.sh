#!/bin/sh
# From a checkout to a mounted /dns: installs what Debian 12 lacks, builds, makes the system users
# kadns and kadns-key, mounts a new network.
#
#   sudo sh fs/quickstart.sh [OPTION...]   options go to kadns, as -o trust=open (another dns= means
#                                          another address in the dig line)
#   sudo sh fs/quickstart.sh stop          unmounts; keys and records stay in /var/lib/kadns
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
mountpoint=${MOUNTPOINT:-/dns}
example=${EXAMPLE:-www.debian.org}
. "$top/fs/packages.sh"

die() {
	echo "quickstart: $*" >&2
	exit 1
}

is_mounted() {
	grep -q "^[^ ]* $mountpoint fuse\.kadns " /proc/self/mounts
}

# Every daemon's lock says its process: ours is the one whose command line ends with the mountpoint.
daemon_lock() {
	for lock in /var/lib/kadns/*/lock; do
		[ -s "$lock" ] && tr '\0' ' ' <"/proc/$(cat "$lock")/cmdline" 2>/dev/null |
			grep -q "none $mountpoint \$" && echo "$lock" && return
	done
	return 0
}

show() {
	cat <<TEXT

Try these:
  cat $mountpoint/IN/A/$example
  echo 192.0.2.7 > $mountpoint/IN/A/printer.alt
  dig @127.0.0.1 -p 1053 printer.alt
TEXT
}

stop() {
	is_mounted || die "$mountpoint is not mounted"
	# umount ends the daemon; it holds its lock until it has written what it knows.
	lock=$(daemon_lock)
	umount "$mountpoint"
	[ -z "$lock" ] || flock -w 10 "$lock" true || die "kadns has not ended"
	rmdir "$mountpoint" 2>/dev/null || true
	echo "$mountpoint is unmounted; your keys and records stay in /var/lib/kadns"
}

[ "$(id -u)" = 0 ] || die "run it as root: sudo sh fs/quickstart.sh"
case ${1-} in
stop)
	stop
	exit 0
	;;
-h | --help)
	sed -n '2,8s/^# \{0,1\}//p' "$0"
	exit 0
	;;
esac

if is_mounted; then
	echo "$mountpoint is mounted already (sh fs/quickstart.sh stop undoes it)"
	show
	exit 0
fi

# shellcheck disable=SC2086
install_packages $BUILD_PACKAGES $USER_PACKAGES || die "packages could not be installed"

cd "$top"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() {
	"$@" >"$log" 2>&1 || {
		cat "$log" >&2
		die "$1 failed"
	}
}
[ -f build/build.ninja ] || {
	echo "configuring build/"
	run meson setup build
}
echo "compiling"
run meson compile -C build kadns

# The node, whom strangers talk to, and the process with the keys run as users of their own.
for user in $(awk '$1 == "u" { print $2 }' fs/kadns.sysusers); do
	getent passwd "$user" >/dev/null || {
		echo "making the system user $user"
		run useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin "$user"
	}
done

mkdir -p "$mountpoint"
build/fs/kadns "$@" none "$mountpoint"
echo "$mountpoint is mounted: a new network, of this node alone so far"
show
