#!/bin/sh
# Cached answers a second of the DNS door on one core, against unbound and a bare UDP echo.
#
#   sudo sh tests/bench/dns.sh BUILD     two minutes; use buildtype=release
#
# Needs dnsperf unbound nsd ldnsutils bind9-dnsutils.
#
# To reach: 60,000 a second. The server runs on CPU 0, dnsperf on CPU 1 (taskset). 10,000 names of a zone
# of the miniature Internet are asked once, through its recursor; then that Internet is stopped, so that what
# answers is memory. unbound is Debian's, forwarding to the same recursor, one thread. The echo (udp_echo.c:
# recvmmsg, sendmmsg) is what the kernel alone takes. Rounds alternate; the table has their medians.
# `us/q` is the server's own CPU time a query (/proc/PID/stat): 1,000,000 / us is what a core could do
# if dnsperf, which is the limit at about 200,000, could ask it.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
enter 400 "$@"
need dnsperf dnsperf

ROUNDS=3
SECONDS_EACH=4
NAMES=10000
KADNS_PORT=5301 UNBOUND_PORT=5302 ECHO_PORT=5303

queries() { # how dnsperf wants them: the addresses of a wildcard's names
	for i in $(seq $NAMES); do echo "n$i.wild.insecure.test A"; done
}

unbound_start() {
	cat >"$dir/unbound.conf" <<CONF
server:
  interface: 127.0.0.1@$UNBOUND_PORT
  username: ""
  chroot: ""
  directory: "$dir"
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  num-threads: 1
  do-ip6: no
  do-not-query-localhost: no
  trust-anchor-file: "$MINET_RUN/root.ds"
  local-zone: "test." nodefault
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: 127.53.0.53
CONF
	taskset -c 0 unbound -d -c "$dir/unbound.conf" >"$dir/unbound.log" 2>&1 &
	unbound=$!
}

ask() { # PORT ARGUMENT...
	port=$1
	shift
	taskset -c 1 dnsperf -s 127.0.0.1 -p "$port" -d "$dir/queries" "$@" 2>&1
}

warm() { # NAME PORT
	wait_for "$1" dig +time=1 +tries=1 -p "$2" @127.0.0.1 n1.wild.insecure.test
	ask "$2" -n 1 -q 50 >"$dir/warm"
	grep -q "NOERROR $NAMES (100.00%)" "$dir/warm" || die "$1 does not know the names: $(cat "$dir/warm")"
}

value() { # LABEL
	sed -n "s/^ *$1: *\([0-9.]*\).*/\1/p" "$dir/out"
}

# Appends `QPS US/Q LATENCY BYTES` to FILE. What is lost or no NOERROR is no measurement.
measure() { # FILE PID PORT ARGUMENT...
	file=$1 pid=$2 port=$3
	shift 3
	before=$(ticks "$pid")
	ask "$port" -l $SECONDS_EACH "$@" >"$dir/out"
	after=$(ticks "$pid")
	completed=$(value 'Queries completed')
	[ "$port" = $ECHO_PORT ] || grep -q 'Response codes:  *NOERROR [0-9]* (100.00%)' "$dir/out" ||
		die "not all were answered: $(cat "$dir/out")"
	[ "$(value 'Queries lost')" -le $((completed / 1000)) ] || die "too many were lost: $(cat "$dir/out")"
	bytes=$(sed -n 's/.*Average packet size:.*response \([0-9]*\).*/\1/p' "$dir/out")
	awk -v qps="$(value 'Queries per second')" -v t=$((after - before)) -v n="$completed" \
		-v latency="$(value 'Average Latency (s)')" -v bytes="$bytes" \
		'BEGIN { printf "%d %.2f %.0f %d\n", qps, t * 10000 / n, latency * 1e6, bytes }' >>"$file"
}

column() { # FILE N
	awk -v n="$2" '{ print $n }' "$1" | median
}

row() { # LABEL FILE
	printf '%-26s %9s %6s %9s %6s\n' "$1" "$(column "$2" 1)" "$(column "$2" 2)" "$(column "$2" 3)" \
		"$(column "$2" 4)"
}

queries >"$dir/queries"
internet_start
kadns_start 0 -o "dns=127.0.0.1:$KADNS_PORT" --no-dht --no-mount
unbound_start
taskset -c 0 "$build/tests/bench/udp_echo" 127.0.0.1 $ECHO_PORT &
echo=$!
warm kadns $KADNS_PORT
warm unbound $UNBOUND_PORT
internet_stop

UDP="-c 4 -q 100" ONE="-c 1 -q 1" TCP="-m tcp -c 4 -q 100"
for _ in $(seq $ROUNDS); do
	for server in echo:$echo:$ECHO_PORT unbound:$unbound:$UNBOUND_PORT kadns:$kadns:$KADNS_PORT; do
		IFS=: read -r name pid port <<<"$server"
		# shellcheck disable=SC2086
		measure "$dir/$name.udp" "$pid" "$port" $UDP
		# shellcheck disable=SC2086
		measure "$dir/$name.one" "$pid" "$port" $ONE
		# shellcheck disable=SC2086
		[ $name = echo ] || measure "$dir/$name.tcp" "$pid" "$port" $TCP
	done
done

describe
echo "# server on CPU 0, dnsperf $(dnsperf -h 2>&1 | sed -n 's/.*[Vv]ersion \([0-9.]*\).*/\1/p') on CPU 1, $(unbound -V | sed -n 's/^Version/unbound/p');" \
	"$NAMES names, $ROUNDS rounds of $SECONDS_EACH s, medians"
printf '%-26s %9s %6s %9s %6s\n' "" "answers/s" us/q "delay us" bytes
for name in echo unbound kadns; do row "$name, UDP" "$dir/$name.udp"; done
for name in unbound kadns; do row "$name, TCP" "$dir/$name.tcp"; done
for name in echo unbound kadns; do row "$name, UDP, one at a time" "$dir/$name.one"; done
