#!/bin/sh
# Runs one script of tests/net or tests/mount for tests/run.sh. What it says is printed at once when it has
# ended, for others run meanwhile; OUT/counts gets a line `PASSED FAILED`, OUT/failures what failed.
#
#   sh tests/run_script.sh OUT BUILD SCRIPT
set -u
out=$1 build=$2 path=$3
said=$out/said.$$

# One that ends badly without a `not ok` failed too.
case $path in
*.py) runner=/usr/bin/python3 ;;
*) runner=sh ;;
esac
began=$(date +%s)
timeout -k 10 420 "$runner" "$path" "$build" >"$said" 2>&1 </dev/null
status=$?
took=$(($(date +%s) - began))
good=$(grep -c '^ok ' "$said")
wrong=$(grep -c '^not ok ' "$said")

exec 9>>"$out/lock"
flock 9
echo "== $path ($took s)"
cat "$said"
if [ "$wrong" -gt 0 ]; then
	sed -n "s|^not ok |$path: |p" "$said" >>"$out/failures"
elif [ "$status" != 0 ] || [ "$good" = 0 ]; then
	wrong=1
	echo "$path (exit status $status)" >>"$out/failures"
fi
echo "$good $wrong" >>"$out/counts"
