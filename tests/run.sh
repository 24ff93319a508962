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

passed=0 failed=0 failures=
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
trap 'exit 1' INT TERM

ok() { passed=$((passed + 1)); }
bad() {
	failed=$((failed + 1))
	failures="$failures
  $1"
}

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

# A script prints `ok NAME` and `not ok NAME`; one that ends badly without a `not ok` failed too.
script() { # PATH
	echo "== $1"
	case $1 in
	*.py) runner=/usr/bin/python3 ;;
	*) runner=sh ;;
	esac
	timeout -k 10 420 "$runner" "$1" "$top/build-test/gcc" >"$out/script" 2>&1 </dev/null
	status=$?
	cat "$out/script"
	good=$(grep -c '^ok ' "$out/script")
	wrong=$(grep -c '^not ok ' "$out/script")
	passed=$((passed + good))
	if [ "$wrong" -gt 0 ]; then
		failed=$((failed + wrong))
		failures="$failures
$(sed -n "s|^not ok |  $1: |p" "$out/script")"
	elif [ "$status" != 0 ] || [ "$good" = 0 ]; then
		bad "$1 (exit status $status)"
	fi
}

build gcc gcc
if [ -z "$only" ]; then
	build clang clang
	build asan gcc -Dbuildtype=debug -Db_sanitize=address,undefined -Db_lundef=false
	export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
	meson_tests asan --no-suite sim
	meson_tests gcc --suite sim
	unset ASAN_OPTIONS UBSAN_OPTIONS
	[ "$passed" -gt 20 ] || bad "there are hardly any unit tests: is cmocka installed?"
fi
for path in tests/check_*.sh tests/net/test_*.sh tests/net/test_*.py tests/mount/test_*.sh; do
	[ -e "$path" ] || continue
	case $path in
	*"$only"*) script "$path" ;;
	esac
done

[ -z "$failures" ] || echo "failed:$failures"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
