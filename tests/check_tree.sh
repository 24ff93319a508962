#!/bin/sh
# The tree is the architecture: includes point one way, a library's header stays in few files, and
# --help and kadns.conf(5) tell of the same options.
#   sh tests/check_tree.sh BUILD
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
build=${1:?usage: check_tree.sh BUILD}
cd "$top" || exit 1
bad=0

check() { # NAME, and what is wrong on standard input: nothing is good
	wrong=$(cat)
	if [ -z "$wrong" ]; then
		echo "ok $1"
	else
		echo "$wrong"
		echo "not ok $1"
		bad=1
	fi
}

grep -nE '#include "(resolver|fs)/' dht/*.[ch] | check "dht/ includes nothing above it"
grep -nE '#include "fs/' resolver/*.[ch] | check "resolver/ includes nothing above it"
grep -lE '#include "dht/' resolver/*.[ch] |
	grep -vE '^resolver/(cookie|misses|rrl)\.c$' | # dht/siphash.h only, below
	grep -vE '^resolver/(resolver|fetch|status|nodes|job|keep|mirror|pkarr|publish|relay_client|rescue|signer|slot_lookup|work|zone_held|zone_lookup|zone_relays)[a-z_]*\.[ch]$' |
	check "of resolver/ only the asking and the publishing side, and what shows the node, see dht/"
grep -nE '#include "dht/' resolver/cookie.c resolver/misses.c resolver/rrl.c | grep -v siphash |
	check "cookies, rates and places see its hash and nothing else of it"
grep -lE '#include "dht/' fs/*.[ch] | grep -vE '^fs/main\.c$' |
	check "of fs/ only main.c sees dht/"
grep -lE '#include <fuse' -r dht resolver fs | grep -vE '^fs/(mount|ops)[a-z_]*\.[ch]$' |
	check "libfuse is seen by the mount and its operations only"
grep -lE '#include <unbound' -r dht resolver fs | grep -vE '^resolver/(validator|ub_[a-z]+)\.[ch]$' |
	check "libunbound is seen by the validator only"
grep -lE '#include <(json-c|json)' -r dht resolver fs | grep -vE '^resolver/(json|rdata)[a-z0-9_]*\.[ch]$' |
	check "json-c is seen by json only"
grep -lE '#include <curl' -r dht resolver fs | grep -vE '^resolver/http_curl\.c$' |
	check "libcurl is seen by http_curl only"
grep -lE '#include <idn2' -r dht resolver fs | grep -vE '^resolver/idn\.c$' |
	check "libidn2 is seen by idn only"
grep -nE 'ldns_(resolver|tcp|udp|send)_' -r dht resolver fs | check "ldns's network code is not used"
grep -nE '\b(sleep|usleep|nanosleep) ?\(' -r tests --include=*.c | grep -vE '^tests/(bench|mount)/' |
	check "no unit test sleeps"
for entry in * .[!.]*; do
	case $entry in
	dht | resolver | fs | tests | meson.build | README.md | LICENSE | build | build-*) ;;
	.git | .gitignore | .ci | .clang-format) ;;
	*) [ -e "$entry" ] && echo "$entry" ;;
	esac
done | check "nothing else at the top"

# Options: --help and kadns.conf(5) say the same; README's table names only such.
"$build/fs/kadns" --help | sed -n 's/^  \([a-z_]*\)\(=[^ ]*\)\{0,1\}  .*/\1/p' | sort >"${TMPDIR:-/tmp}/kadns-help.$$"
for page in fs/kadns.conf.5; do
	while read -r option; do
		grep -q "^\.It Cm $option\b" "$page" || echo "$page does not tell of $option"
	done <"${TMPDIR:-/tmp}/kadns-help.$$"
	sed -n 's/^\.It Cm \([a-z_]*\).*/\1/p' "$page" | while read -r option; do
		grep -qx "$option" "${TMPDIR:-/tmp}/kadns-help.$$" || echo "$page tells of $option, --help does not"
	done
done | check "options: --help and the manual agree"
sed -n '/^## Options/,/^## /s/^| \(`[^|]*\)|.*/\1/p' README.md | grep -o '`[a-z_]*=' | tr -d '`=' | while read -r option; do
	grep -qx "$option" "${TMPDIR:-/tmp}/kadns-help.$$" || echo "README tells of $option, --help does not"
done | check "options: README names none that is not there"
[ -s "${TMPDIR:-/tmp}/kadns-help.$$" ] || echo "no options found in --help" | check "--help lists options"
rm -f "${TMPDIR:-/tmp}/kadns-help.$$"
mandoc -Tlint -Wwarning fs/*.[1-9] 2>&1 | check "mandoc has no complaint"
exit $bad
