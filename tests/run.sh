#!/bin/sh
# Runs every test: installs what they need (as root), builds with gcc, clang and sanitizers, runs unit,
# fuzz-corpus and simulation tests under ASan and UBSan, then the scripts on real mounts and servers.
# The last line is `N passed, N failed`; the exit status is 0 when nothing failed.
#
#   sudo sh tests/run.sh              everything
#   sudo sh tests/run.sh mount        only the scripts whose path has this in it (builds what they need)
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
only=${1-}
cd "$top" || exit 1
. fs/packages.sh
# shellcheck disable=SC2086
install_packages $BUILD_PACKAGES $USER_PACKAGES $TEST_PACKAGES || { echo "0 passed, 1 failed"; exit 1; }
# shellcheck disable=SC2086
fetch_packages $FETCHED_PACKAGES || echo "not fetched: $FETCHED_PACKAGES"
fetch_pkarr "$top" || echo "not fetched: npm's pkarr"

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
trap 'exit 1' INT TERM

# A line `PASSED FAILED` for each that ran, and what failed, a line each.
: >"$out/counts"
ok() { echo 1 0 >>"$out/counts"; }
bad() {
	echo 0 1 >>"$out/counts"
	echo "$1" >>"$out/failures"
}
passed() { awk '{ n += $1 } END { print n + 0 }' "$out/counts"; }
failed() { awk '{ n += $2 } END { print n + 0 }' "$out/counts"; }

# One build, warnings as errors. Counts as a test of its own.
build() { # NAME COMPILER [MESON OPTION...]
	name=$1 compiler=$2
	shift 2
	echo "== build $name"
	dir=$top/build-test/$name
	[ -f "$dir/build.ninja" ] || CC=$compiler meson setup "$dir" "$@" >"$out/setup" 2>&1 || {
		cat "$out/setup"
		bad "build $name (setup)"
		return 1
	}
	if ninja -C "$dir" >"$out/ninja" 2>&1; then
		ok
	else
		tail -n 40 "$out/ninja"
		bad "build $name"
		return 1
	fi
}

# Meson's own log has a line of JSON for each test.
meson_tests() { # NAME [ARGUMENT...]
	name=$1
	shift
	echo "== meson tests, $name"
	dir=$top/build-test/$name
	rm -f "$dir"/meson-logs/testlog*.json
	# Some only wait, for timers that are real: two for each processor.
	meson test -C "$dir" --no-rebuild --print-errorlogs --num-processes $((2 * $(nproc))) "$@" >"$out/meson" 2>&1
	grep -v -E '^(ninja|$)' "$out/meson" | tail -n 60
	for result in $(jq -r '"\(.name | gsub(" "; "_")):\(.result)"' "$dir"/meson-logs/testlog*.json); do
		case $result in
		*:OK) ok ;;
		*) bad "$name ${result%:*} (${result##*:})" ;;
		esac
	done
}

# A script prints `ok NAME` and `not ok NAME`. They wait more than they work, and none sees another, so one
# for each processor: more would do, but some measure how long an answer takes.
scripts() { # PATH...
	for path in "$@"; do
		[ -e "$path" ] || continue
		case $path in
		*"$only"*) echo "$path" ;;
		esac
	done | xargs -P "$(nproc)" -I '{}' sh tests/run_script.sh "$out" "$top/build-test/gcc" '{}' ||
		bad "not all scripts were run"
}

build gcc gcc
if [ -z "$only" ]; then
	build clang clang
	build asan gcc -Dbuildtype=debug -Db_sanitize=address,undefined -Db_lundef=false
	export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
	meson_tests asan --no-suite sim
	meson_tests gcc --suite sim
	unset ASAN_OPTIONS UBSAN_OPTIONS
	[ "$(passed)" -gt 20 ] || bad "there are hardly any unit tests: is cmocka installed?"
fi
scripts tests/check_*.sh tests/net/test_*.sh tests/net/test_*.py tests/mount/test_*.sh

if [ -e "$out/failures" ]; then
	echo "failed:"
	sed 's/^/  /' "$out/failures"
fi
echo "$(passed) passed, $(failed) failed"
[ "$(failed)" = 0 ]
