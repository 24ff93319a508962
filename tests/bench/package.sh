#!/bin/sh
# The Debian package on a clean Debian 12: made by fs/debian.sh, installed into a root that debootstrap has made,
# upgraded, removed, purged. As root, with a Debian mirror; a root once made is kept in /var/cache/kadns-tests.
#
#   sudo sh tests/bench/package.sh [DEB [NEWER]]     packages that are there already
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
if [ -z "${PACKAGE_INSIDE-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "needs root"; exit 1; }
	export PACKAGE_INSIDE=1
	exec unshare -mpf --mount-proc --propagation private --kill-child=KILL -- sh "$0" "$@"
fi
T=$(mktemp -d)
trap 'cd /; umount -Rl "$T" 2>/dev/null; rm -rf "$T"' EXIT
mount -t tmpfs -o mode=0755 none "$T"
R=$T/root kept=/var/cache/kadns-tests/bookworm.tar
not_ok=0
check() { # NAME COMMAND...
	name=$1
	shift
	if "$@" >"$T/said" 2>&1; then echo "ok $name"; else
		sed 's/^/  | /' "$T/said" | tail -n 20
		echo "not ok $name"
		not_ok=1
	fi
}
inside() { chroot "$R" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }
# All files, but what apt and dpkg write of their own.
files() {
	(cd "$R" && find . -xdev ! -path './var/lib/dpkg/*' ! -path './var/lib/apt/*' ! -path './var/cache/*' ! -path './var/log/*' \
		! -path './tmp/*' ! -path './proc/*' ! -path './dev/*' ! -path './sys/*' ! -path './etc/.pwd.lock' | sort)
}

deb=${1-} newer=${2-}
if [ -z "$deb" ]; then
	echo "building"
	mkdir "$T/one" "$T/two"
	check "the package is made" sh "$top/fs/debian.sh" "$T/one"
	deb=$(ls "$T"/one/*.deb)
fi
if [ -z "$newer" ]; then # the same, but for its version
	dpkg-deb -R "$deb" "$T/newer"
	sed -i 's/^Version: .*/Version: 999/' "$T/newer/DEBIAN/control"
	newer=$T/newer.deb
	dpkg-deb --root-owner-group -b "$T/newer" "$newer" >/dev/null
fi

if [ ! -f "$kept" ]; then
	echo "debootstrap"
	mkdir -p "${kept%/*}"
	check "a clean Debian 12" debootstrap --variant=minbase bookworm "$T/fresh"
	tar -C "$T/fresh" -cf "$kept" . && rm -rf "$T/fresh"
fi
mkdir "$R"
tar -C "$R" -xf "$kept"
cp /etc/resolv.conf "$R/etc/"
cp /etc/apt/apt.conf.d/*prox* "$R/etc/apt/apt.conf.d/" 2>/dev/null
mount -t proc none "$R/proc"
mount --bind /dev "$R/dev"
cp "$deb" "$R/tmp/kadns.deb"
cp "$newer" "$R/tmp/newer.deb"

# ---- what it needs, first: only what it brings itself is to be compared
needs=$(dpkg-deb -f "$deb" Depends | sed 's/([^)]*)//g; s/,//g')
# shellcheck disable=SC2086
check "what it depends on" sh -c "chroot '$R' apt-get -qq update && chroot '$R' env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $(echo $needs)"
files >"$T/before"
check "it installs" inside dpkg -i /tmp/kadns.deb
check "its files are whole" inside dpkg --verify kadns
check "it has its user" inside getent passwd kadns
check "it runs" inside kadns --version
check "nothing was started" sh -c "! pgrep -x kadns"

# ---- it works there: as two processes, as its service has them
works() {
	inside kadns-mount -u kadns -s /run/m /dns >"$T/mounter.log" 2>&1 &
	mounter=$!
	inside sh -c 'mkdir -p -m 700 /var/lib/kadns/service; chown kadns /var/lib/kadns /var/lib/kadns/service
		while ! [ -S /run/m ]; do sleep 0.1; done
		setpriv --reuid=kadns --regid=kadns --init-groups kadns -c /etc/kadns.conf -o state=/var/lib/kadns/service,bind=127.0.0.1 none unix:/run/m &&
		echo 192.0.2.7 >/dns/IN/A/printer.alt && cat /dns/IN/A/printer.alt'
	status=$?
	umount "$R/dns"
	kill $mounter
	wait $mounter
	rm -f "$R/run/m"
	return $status
}
check "it works" works

# ---- upgrade
sed -i 's/^#log=notice/log=info/' "$R/etc/kadns.conf"
cp "$R/var/lib/kadns/service/keys/0" "$T/key"
check "it is upgraded" inside dpkg -i /tmp/newer.deb
check "to the newer" sh -c "chroot '$R' dpkg-query -W -f '\${Version}' kadns | grep -x 999"
check "its configuration is as it was changed" grep -qx log=info "$R/etc/kadns.conf"
check "so are the keys" cmp "$T/key" "$R/var/lib/kadns/service/keys/0"
check "and it works" works

# ---- removal
check "it is removed" inside dpkg -r kadns
check "the configuration stays, and the keys" test -e "$R/etc/kadns.conf" -a -e "$R/var/lib/kadns/service/keys/0"
check "not the program" test ! -e "$R/usr/sbin/kadns"
check "it is purged" inside dpkg -P kadns
check "the configuration is gone" test ! -e "$R/etc/kadns.conf"
check "the keys are not, for there may be no other copy" cmp "$T/key" "$R/var/lib/kadns/service/keys/0"
check "what is kept for others is gone" test ! -e "$R/var/lib/kadns/service/guests.db"
rm -rf "$R/var/lib/kadns"
check "it installs again" inside dpkg -i /tmp/kadns.deb
check "and without keys" inside dpkg -P kadns
files >"$T/after"
# What useradd and userdel leave of former contents.
check "nothing is left" sh -c "diff '$T/before' '$T/after' | grep '^[<>]' | grep -vE '/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$' && exit 1 || true"
check "not even its user" sh -c "! chroot '$R' getent passwd kadns"
umount "$R/proc" "$R/dev"
exit $not_ok
