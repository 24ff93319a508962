# What kadns needs of Debian 12, in one place: quickstart.sh builds with it, tests/run.sh tests.
# Sourced, not run.
BUILD_PACKAGES="gcc libc6-dev meson ninja-build pkg-config libfuse3-dev fuse3 libevent-dev libsqlite3-dev
 libldns-dev libidn2-dev libjson-c-dev libcurl4-openssl-dev libnghttp2-dev libssl-dev libunbound-dev dns-root-data"
# What the first things to type need: dig, jq.
USER_PACKAGES="bind9-dnsutils jq"
TEST_PACKAGES="attr aria2 curl nghttp2-client transmission-cli clang libclang-rt-14-dev libcmocka-dev valgrind nsd ldnsutils unbound
 bind9-dnsutils dnsperf knot-dnsutils knot-resolver python3-libtorrent python3-cryptography python3-dnspython jq mandoc
 iproute2 util-linux git procps psmisc vim-nox nano rsync strace ed emacs-nox zsh fish ksh93u+m busybox
 chromium moreutils plocate libglib2.0-bin bash-completion lsof libsystemd-shared gron systemd binutils"

# What a test unpacks for itself, because to install it would change the machine: systemd-resolved takes over
# resolv.conf, prometheus starts to watch.
FETCHED_PACKAGES="systemd-resolved prometheus"
FETCHED=/var/cache/kadns-tests

# The first client of pkarr, by its author, for tests/net/test_relay.py: of the npm registry, each package by its checksum, no
# script of theirs run. Debian has no client of pkarr.
fetch_pkarr() { # TOP
	[ ! -e "$FETCHED/pkarr_npm/node_modules/pkarr/index.js" ] || return 0
	command -v npm >/dev/null || return 1
	rm -rf "$FETCHED/pkarr_npm"
	cp -r "$1/tests/net/pkarr_npm" "$FETCHED/" &&
		(cd "$FETCHED/pkarr_npm" && timeout 120 npm ci --silent --ignore-scripts --omit=optional --no-audit --no-fund >/dev/null 2>&1)
}

# Fetches what is missing of the packages named.
fetch_packages() {
	mkdir -p "$FETCHED" || return 1
	for package in "$@"; do
		ls "$FETCHED/$package"_*.deb >/dev/null 2>&1 ||
			(cd "$FETCHED" && apt-get -qq download "$package" 2>/dev/null) || return 1
	done
}

# Installs what is missing of the packages named. Silent and quick when nothing is.
install_packages() {
	missing=
	for package in "$@"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
			missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" != 0 ]; then
		echo "kadns: these packages are needed:$missing" >&2
		echo "kadns: run this as root, or: sudo apt-get install$missing" >&2
		return 1
	fi
	echo "installing:$missing"
	export DEBIAN_FRONTEND=noninteractive
	apt-get -qq update || return 1
	# shellcheck disable=SC2086
	apt-get -qq install -y --no-install-recommends $missing >/dev/null
}
