# What the benchmarks of this folder share: a namespace of their own, a time limit, no leftovers.
# Sourced, not run:
#
#   . "$(dirname "$0")/common.sh"
#   enter SECONDS "$@"        starts the script again, inside; BUILD is its first argument
#
# Inside there are a network that has only loopback, private mounts with a tmpfs as $dir, and a process
# namespace: whatever a script made or started ends with it, however it ends. As root it needs nothing
# else; as an ordinary user, user namespaces and access to /dev/fuse.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tests=$(dirname "$here")

die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

need() { # PROGRAM PACKAGE
	command -v "$1" >/dev/null || die "$1 is needed (apt-get install $2)"
}

enter() { # SECONDS BUILD
	limit=$1
	[ -n "${2-}" ] || die "usage: $(basename "$0") BUILD"
	build=$(cd "$2" && pwd) || exit 1
	if [ "${KADNS_BENCH-}" != inside ]; then
		user=
		[ "$(id -u)" = 0 ] || user=-r
		# shellcheck disable=SC2086
		KADNS_BENCH=inside exec timeout -k 10 "$limit" \
			unshare $user --mount --net --pid --fork --mount-proc --kill-child \
			bash "$0" "$build" "${@:3}"
	fi
	ip link set lo up
	trap 'exit 1' INT TERM HUP
	dir=/mnt # of this namespace; 755, as the validator reads hints and anchor as nobody
	mount -t tmpfs -o mode=0755 none $dir
	[ -d "$build" ] || die "$build is hidden by $dir in here: build elsewhere"
}

# The program, its version and the machine: what a number means without them is anybody's guess.
describe() {
	options=$(meson introspect --buildoptions "$build" 2>/dev/null |
		tr '{' '\n' | sed -n 's/.*"name": "buildtype", "value": "\([a-z]*\)".*/\1/p')
	echo "# $(date -u +%Y-%m-%dT%H:%MZ), $(git -C "$here" describe --always --dirty 2>/dev/null || echo 'no git')," \
		"buildtype ${options:-unknown}, Linux $(uname -r), $(nproc) CPUs" \
		"(load $(cut -d" " -f1 /proc/loadavg)), $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)"
}

wait_for() { # WHAT COMMAND...: ten seconds, then it has failed
	what=$1
	shift
	for _ in $(seq 100); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	die "$what did not come up
$(tail -n 3 "$dir"/*.log)"
}

ticks() { # PID: user and system time of a process, in hundredths of a second
	awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"
}

median() { # of the numbers on standard input, one a line
	sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# The signed miniature Internet of tests/net, with its recursor on 127.53.0.53.
internet_start() {
	export MINET_RUN=$dir/minet
	bash "$tests/net/minet.sh" start -r >"$dir/minet.log" 2>&1 || die "$(cat "$dir/minet.log")"
}

internet_stop() {
	bash "$tests/net/minet.sh" stop >/dev/null
}

# Starts kadns in the foreground of a CPU; its process is $kadns, the one that does the work $node. The options lead to the miniature Internet.
kadns_start() { # CPU ARGUMENT...
	cpu=$1
	shift
	[ -x "$build/fs/kadns" ] || die "$build/fs/kadns is not there: build it first"
	taskset -c "$cpu" "$build/fs/kadns" -f -o "state=$dir/state,upstream=127.53.0.53" \
		-o "root_hints=$MINET_RUN/root.hints,trust_anchor=$MINET_RUN/root.ds" "$@" \
		>"$dir/kadns.log" 2>&1 &
	kadns=$!
	for _ in $(seq 100); do
		node=$(pgrep -P $kadns -x kadns-node) && return
		sleep 0.1
	done
	die "there is no node: $(cat "$dir/kadns.log")"
}
