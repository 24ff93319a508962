#!/bin/sh
# Makes a Debian package of this checkout: a copy of the tree gets a debian/ (the top of the tree stays as it is),
# dpkg-buildpackage builds it. Debian 12 and later.
#
#   sh fs/debian.sh [OUT]            the package is put into OUT (.)
#   sh fs/debian.sh --tree DIR       only makes DIR, a source tree with its debian/
#
# VERSION=1.2.3 is another version than that of meson.build. As root it installs what it needs.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/fs/packages.sh"
version=${VERSION:-$(sed -n "s/^  version: '\(.*\)',/\1/p" "$top/meson.build" | head -n 1)}
# What is in git, as it is in the working tree; in a tree without git, all of it.
files() {
	cd "$top"
	git ls-files 2>/dev/null || find . -type f ! -path './build*' ! -path './debian/*'
}

make_tree() { # DIR
	mkdir -p "$1/debian/source"
	(cd "$top" && files | tar -cf - -T -) | tar -xf - -C "$1"
	cd "$1/debian"
	echo "3.0 (native)" >source/format
	cat >control <<TEXT
Source: kadns
Section: net
Priority: optional
Maintainer: kadns <root@localhost>
Rules-Requires-Root: no
Standards-Version: 4.6.2
Build-Depends: $(echo $BUILD_PACKAGES | sed 's/ /, /g')

Package: kadns
Architecture: linux-any
Depends: \${shlibs:Depends}, dns-root-data, fuse3, passwd
Recommends: jq, bind9-dnsutils
Description: mount a distributed hash table of DNS records as files
 cat /dns/IN/A/NAME looks NAME up in the BitTorrent Mainline DHT and in
 conventional DNS; writing to it signs and publishes a record. A DNS listener
 and an HTTP listener answer from the same resolver.
 .
 The service is not started by the installation, since to join a public
 network is for its administrator to say: systemctl enable --now kadns.
TEXT
	cat >changelog <<TEXT
kadns ($version) unstable; urgency=medium

  * As in the tree that it was made of.

 -- kadns <root@localhost>  $(LC_ALL=C date -R -u ${SOURCE_DATE_EPOCH:+-d "@$SOURCE_DATE_EPOCH"})
TEXT
	cat >copyright <<TEXT
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: kadns

Files: *
Copyright: the authors of kadns
License: GPL-3.0-or-later
 On Debian systems the text of this licence is in
 /usr/share/common-licenses/GPL-3.
TEXT
	# Nothing of debhelper: what there is to do is little, and stands here.
	cat >rules <<'TEXT'
#!/usr/bin/make -f
D = debian/kadns
OPTIONS = --prefix=/usr --sysconfdir=/etc --buildtype=debugoptimized -Db_ndebug=false

build build-arch build-indep:
	[ -f build-deb/build.ninja ] || meson setup build-deb $(OPTIONS)
	ninja -C build-deb fs/kadns fs/kadns-mount fs/kadns.bash fs/_kadns

clean:
	rm -rf build-deb $(D) debian/files debian/substvars

binary binary-arch: build
	rm -rf $(D)
	meson install -C build-deb --no-rebuild --strip --destdir $(CURDIR)/$(D)
	# Where Debian's zsh looks.
	mv $(D)/usr/share/zsh/site-functions $(D)/usr/share/zsh/vendor-completions
	find $(D)/usr/share/man -type f -exec gzip -9n {} +
	install -D -m 644 debian/copyright $(D)/usr/share/doc/kadns/copyright
	install -m 644 README.md $(D)/usr/share/doc/kadns/README.md
	gzip -9nc debian/changelog >$(D)/usr/share/doc/kadns/changelog.gz
	install -d $(D)/DEBIAN
	install -m 755 debian/postinst debian/prerm debian/postrm $(D)/DEBIAN/
	echo /etc/kadns.conf >$(D)/DEBIAN/conffiles
	dpkg-shlibdeps -Tdebian/substvars $(D)/usr/sbin/*
	cd $(D) && find * -type f ! -path 'DEBIAN/*' ! -path 'etc/*' -exec md5sum {} + >DEBIAN/md5sums
	dpkg-gencontrol -pkadns -Tdebian/substvars -P$(D)
	dpkg-deb --root-owner-group --build $(D) ..

binary-indep:
.PHONY: build build-arch build-indep clean binary binary-arch binary-indep
TEXT
	cat >postinst <<'TEXT'
#!/bin/sh
set -e
if [ "$1" = configure ]; then
	getent passwd kadns >/dev/null || useradd --system --user-group --no-create-home --home-dir /var/lib/kadns \
		--shell /usr/sbin/nologin --comment "kadns, DNS records of a DHT" kadns
	[ -e /dns ] || mkdir /dns
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload || true
		[ -z "$2" ] || systemctl try-restart kadns.service || true
	fi
fi
TEXT
	cat >prerm <<'TEXT'
#!/bin/sh
set -e
if [ "$1" = remove ] && command -v systemctl >/dev/null; then
	systemctl disable kadns.service kadns-mount.socket >/dev/null 2>&1 || true
	[ ! -d /run/systemd/system ] || systemctl stop kadns.service kadns-mount.socket kadns-mount.service || true
fi
TEXT
	# Keys are their users' names, and may have no other copy.
	cat >postrm <<'TEXT'
#!/bin/sh
set -e
[ ! -d /run/systemd/system ] || systemctl daemon-reload || true
if [ "$1" = remove ] || [ "$1" = purge ]; then
	rmdir /dns 2>/dev/null || true
fi
if [ "$1" = purge ]; then
	for state in /var/lib/kadns/*; do
		[ ! -d "$state" ] || (cd "$state" && rm -f guests.db guests.db-wal guests.db-shm cache cache.new lock)
		if [ -d "$state" ] && ! [ -d "$state/keys" ]; then
			rm -rf "$state"
		fi
	done
	rm -rf /run/kadns
	if rmdir /var/lib/kadns 2>/dev/null || ! [ -e /var/lib/kadns ]; then
		getent passwd kadns >/dev/null && userdel kadns >/dev/null 2>&1 || true
	else
		echo "kadns: the keys of users and what they have published stay in /var/lib/kadns" >&2
	fi
fi
TEXT
	chmod +x rules postinst prerm postrm
}

if [ "${1-}" = --tree ]; then
	make_tree "$2"
	exit 0
fi
# shellcheck disable=SC2086
install_packages $BUILD_PACKAGES dpkg-dev
out=$(cd "${1-.}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(make_tree "$work/kadns-$version")
cd "$work/kadns-$version"
dpkg-buildpackage -b -us -uc -d >"$work/log" 2>&1 || {
	tail -n 40 "$work/log" >&2
	exit 1
}
cp "$work"/kadns_*.deb "$out/"
ls "$out"/kadns_"$version"_*.deb
