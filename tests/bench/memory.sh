#!/bin/sh
# Memory of an idle kadns: all of its processes, with mount, DHT, DNS door, and the validator used once.
#
#   sudo sh tests/bench/memory.sh BUILD  ten seconds; use buildtype=release
#
# Needs nsd ldnsutils unbound bind9-dnsutils, and /dev/fuse.
#
# To reach: RSS of all processes together at most 48 MB. RSS counts a page of a library in each process
# that has it, PSS its share; `own` is what no other process has, `heap` what is not of a file (from
# /proc/PID/smaps_rollup, kB). The peers, in the same run: Debian's unbound, which was asked the same
# question, and the minimal FUSE file system of this folder: a resolver and a mount, without DHT and database.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
enter 120 "$@"

NAME=www.example.test

row() { # LABEL PID
	awk -v label="$1" '
		{ kb[$1] = $2 }
		END { printf "%-28s %7d %7d %7d %7d\n", label, kb["Rss:"], kb["Pss:"],
			kb["Private_Clean:"] + kb["Private_Dirty:"], kb["Anonymous:"] }' "/proc/$2/smaps_rollup"
}

processes() { # of the program, by its file: the children have other arguments
	for exe in /proc/[0-9]*/exe; do
		[ "$(readlink "$exe")" != "$build/fs/kadns" ] || basename "$(dirname "$exe")"
	done
}

internet_start
mkdir "$dir/mnt" "$dir/mnt-minimal"
kadns_start 0,1 -o port=4001,dns=127.0.0.1:1053 none "$dir/mnt"
wait_for "the mount" grep -q " $dir/mnt fuse.kadns " /proc/self/mounts
cat "$dir/mnt/IN/A/$NAME" >"$dir/text"
dig -p 1053 @127.0.0.1 +time=5 +tries=1 "$NAME" | grep -q 'status: NOERROR' || die "the DNS door does not answer"
echo 192.0.2.7 >"$dir/mnt/IN/A/printer.alt"
"$build/tests/bench/minimal_fs" "$dir/text" $NAME 1 "$dir/mnt-minimal" &
minimal=$!
wait_for "minimal_fs" test -r "$dir/mnt-minimal/IN/A/$NAME"
dig @127.53.0.53 $NAME >/dev/null
sleep 3 # what starts, starts

describe
printf '%-28s %7s %7s %7s %7s\n' "kB" RSS PSS own heap
for pid in $(processes); do
	role=$(tr '\0' ' ' <"/proc/$pid/cmdline" | awk '{ print $2 }')
	[ "$pid" != "$kadns" ] || role=starter
	[ "$pid" != "$node" ] || role=node
	row "kadns, $role" "$pid"
done | tee "$dir/table"
awk '{ for (i = 0; i < 4; i++) sum[i] += $(NF - i) }
	END { printf "%-28s %7d %7d %7d %7d\n", "kadns, all together", sum[3], sum[2], sum[1], sum[0] }' "$dir/table"
row "unbound" "$(cat "$MINET_RUN/unbound.pid")"
row "minimal_fs" $minimal
