#!/bin/sh
# What a million hostile puts leave of the memory of a whole kadns: signed items of 300 bytes, each new, from one peer.
#
#   sudo sh tests/bench/million_puts.sh BUILD     some minutes; use buildtype=release; PUTS=1000000
#
# To reach: 128 MB of all processes together, at any time (P8). Limits by address are off, as on every private network:
# each put is verified and weighed against what is stored. Beside the node the puts are on the other CPU.
# taken: items that the store took, in all; kept: those it holds; disk: MB of the state directory; own: is a record, written before all, still read?
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
enter 3000 "$@"

PUTS=${PUTS-1000000} EACH=20000 # EACH: of one krpc_flood
processes() {
	for exe in /proc/[0-9]*/exe; do
		[ "$(readlink "$exe")" != "$build/fs/kadns" ] || basename "$(dirname "$exe")"
	done
}
peak() { # kB, of all of them together, each at its highest
	for pid in $(processes); do sed -n 's/^VmHWM:[^0-9]*//p' "/proc/$pid/status"; done | awk '{ kb += $1 } END { print kb }'
}
now() {
	for pid in $(processes); do sed -n 's/^VmRSS:[^0-9]*//p' "/proc/$pid/status"; done | awk '{ kb += $1 } END { print kb }'
}
counted() { sed -n "s/^$1  *//p" "$dir/mnt/.kadns/status"; }
row() {
	own=lost
	! grep -q 192.0.2.7 "$dir/mnt/IN/A/own.alt" || own=read
	printf '%9d %9d %9d %8.1f %8.1f %7.1f %5s\n' "$sent" "$(counted dht.items_kept)" "$(counted store.items)" \
		"$(echo "$(now) / 1024" | bc -l)" "$(echo "$(peak) / 1024" | bc -l)" "$(du -sk "$dir/state" | awk '{ print $1 / 1024 }')" "$own"
}

mkdir "$dir/mnt"
taskset -c 0 "$build/fs/kadns" -f -o "state=$dir/state,upstream=none,port=6881,bind=127.0.0.1,dns=127.0.0.1:5300" none "$dir/mnt" \
	>"$dir/kadns.log" 2>&1 &
kadns=$!
wait_for kadns test -e "$dir/mnt/.kadns/status"
node=$(pgrep -P $kadns -x kadns-node) || die "there is no node: $(cat "$dir/kadns.log")"
echo 192.0.2.7 >"$dir/mnt/IN/A/own.alt"
describe
printf '%9s %9s %9s %8s %8s %7s %5s\n' puts taken kept "MB now" "MB peak" "MB disk" own
sent=0
row
while [ "$sent" -lt "$PUTS" ]; do
	taskset -c 1 "$build/tests/bench/krpc_flood" 127.0.0.1 6881 new 60 "$node" >"$dir/flood" || die "krpc_flood: $(cat "$dir/flood")"
	sent=$((sent + EACH))
	[ $((sent % (PUTS / 10))) != 0 ] || row
done
[ "$own" = read ] && [ "$(peak)" -le $((128 * 1024)) ]
