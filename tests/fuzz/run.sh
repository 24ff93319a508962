#!/bin/sh
# Fuzzes the parsers with libFuzzer, ASan and UBSan: each target for SECONDS, from its kept corpus.
# What it finds is left in the current directory (crash-*): mend it, and add the file to the corpus.
#
#   sh tests/fuzz/run.sh [SECONDS [TARGET...]]      60 seconds, all targets
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
seconds=${1:-60}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- $(cd "$top/tests/fuzz" && ls fuzz_*.c | sed 's/fuzz_\(.*\)\.c/\1/')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

flags="-g -O1 -std=gnu17 -D_GNU_SOURCE -DKADNS_VERSION=\"fuzz\" -I$top
 -fsanitize=fuzzer-no-link,address,undefined $(pkg-config --cflags json-c)"
libs="$(pkg-config --libs libevent libcrypto sqlite3 json-c libidn2 libnghttp2 libcurl libssl) -lldns -lunbound"
echo "compiling"
for source in "$top"/dht/*.c "$top"/resolver/*.c "$top"/fs/local.c "$top"/fs/log.c "$top"/fs/log_output.c "$top"/fs/pace.c "$top"/fs/secret.c; do
	# shellcheck disable=SC2086
	clang $flags -c "$source" -o "$work/$(basename "$(dirname "$source")")_$(basename "$source" .c).o"
done
ar rcs "$work/libkadns.a" "$work"/*.o
status=0
for target; do
	# shellcheck disable=SC2086
	clang $flags -fsanitize=fuzzer "$top/tests/fuzz/fuzz_$target.c" "$work/libkadns.a" $libs -o "$work/$target"
	mkdir "$work/new"
	"$work/$target" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=512 -print_final_stats=1 \
		"$work/new" "$top/tests/fuzz/corpus/$target" >"$work/log" 2>&1 || {
		status=1
		tail -n 30 "$work/log"
	}
	printf '%-14s %s\n' "$target" "$(sed -n 's/stat::number_of_executed_units: */runs /p' "$work/log")"
	rm -rf "$work/new"
done
exit $status
