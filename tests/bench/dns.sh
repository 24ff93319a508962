#!/bin/sh
# Cached answers of the DNS door on one core, against unbound, dnsdist, kresd and a bare UDP echo.
#
#   sudo sh tests/bench/dns.sh BUILD     five minutes; use buildtype=release
#
# Needs dnsperf unbound nsd ldnsutils bind9-dnsutils openssl; and of Debian's dnsdist and knot-resolver those that
# are to be compared: what is not installed is left out.
#
# To reach: server CPU a query over UDP at most 1.25 times the echo's and at least 1.4 times less than unbound's; TCP
# 9 us, DNS over TLS 10 us; with one question outstanding no more delay than unbound.
#
# The servers run on CPU 0, dnsperf on CPU 1 (taskset). 10,000 names of a zone of the miniature Internet are asked
# once, through its recursor; then that Internet is stopped, so that what answers is memory. The others are Debian's,
# forwarding to the same recursor, with one thread for each transport. The echo (udp_echo.c: recvmmsg, sendmmsg)
# is what the kernel alone takes of who sends each reply for itself; the door sends those of one batch that are for one
# client as one (UDP_SEGMENT), and dnsperf is four clients. In each round all are measured, one after the other, so that the machine is the same for
# them; the table has medians, and the ratios are medians of each round's ratio.
# `us/q` is the server's own CPU time a query (/proc/PID/task/*/schedstat): 1,000,000 / us is what a core could do
# if dnsperf, which is the limit at about 200,000, could ask it. `of echo`, `of unbound`: that time, and in the last
# rows the delay, as a part of theirs. With one question outstanding dnsperf misses its own wake-ups now and then, of the
# echo's answers as well: the delay is of those that it saw, and how many these are says nothing.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/dns_servers.sh"
enter 900 "$@"
need dnsperf dnsperf
need openssl openssl

ROUNDS=${DNS_ROUNDS-5}
SECONDS_EACH=${DNS_SECONDS-2}

value() { # LABEL
	sed -n "s/^ *$1: *\([0-9.]*\).*/\1/p" "$dir/out"
}

# Appends `QPS US/Q DELAY BYTES` to NAME.KIND. What is lost or no NOERROR is no measurement.
measure() { # NAME KIND PORT ARGUMENT...
	pid=pid_$1
	file=$dir/$1.$2 name=$1 port=$3
	shift 3
	before=$(cpu_time "${!pid}")
	ask "$port" -l "$SECONDS_EACH" "$@" >"$dir/out"
	after=$(cpu_time "${!pid}")
	completed=$(value 'Queries completed')
	[ "$name" = echo ] || grep -q 'Response codes:  *NOERROR [0-9]* (100.00%)' "$dir/out" ||
		die "$name: not all were answered: $(cat "$dir/out")"
	[ "$(value 'Queries lost')" -le $((completed / 1000)) ] || die "$name: too many were lost: $(cat "$dir/out")"
	bytes=$(sed -n 's/.*Average packet size:.*response \([0-9]*\).*/\1/p' "$dir/out")
	awk -v qps="$(value 'Queries per second')" -v ns=$((after - before)) -v n="$completed" \
		-v latency="$(value 'Average Latency (s)')" -v bytes="$bytes" \
		'BEGIN { printf "%d %.2f %.1f %d\n", qps, ns / 1000 / n, latency * 1e6, bytes }' >>"$file"
}

row() { # NAME KIND LABEL N: which column the ratios are of
	file=$dir/$1.$2
	[ -s "$file" ] || return 0
	rate=$(column "$file" 1)
	[ "$2" != one ] || rate=-
	printf '%-26s %9s %6s %9s %6s %8s %11s\n' "$1, $3" "$rate" "$(column "$file" 2)" \
		"$(column "$file" 3)" "$(column "$file" 4)" "$(ratio "$file" "$dir/echo.$2" "$4")" \
		"$(ratio "$file" "$dir/unbound.$2" "$4")"
}

queries >"$dir/queries"
certificate
internet_start
servers=unbound
for peer in dnsdist kresd; do
	if command -v $peer >/dev/null; then servers="$servers $peer"; else left_out="${left_out-} $peer"; fi
done
servers="$servers kadns"
echo_start "$(number_of echo)"
for name in $servers; do
	if [ "$name" = kadns ]; then kadns_as "$(number_of kadns)"; else ${name}_start "$(number_of "$name")"; fi
	warm "$name"
done
internet_stop

for _ in $(seq "$ROUNDS"); do
	for name in echo $servers; do
		port=$((5300 + $(number_of "$name")))
		measure "$name" udp $port -c 4 -q 100
		measure "$name" one $port -c 1 -q 1
		[ "$name" != echo ] || continue
		measure "$name" tcp $port -m tcp -c 4 -q 100
		measure "$name" dot $((port + 3230)) -m dot -c 4 -q 100
	done
done

describe
echo "# servers on CPU 0, dnsperf $(dnsperf -h 2>&1 | sed -n 's/.*[Vv]ersion \([0-9.]*\).*/\1/p') on CPU 1;" \
	"$(dpkg-query -W -f '${Package} ${Version}, ' unbound dnsdist knot-resolver 2>/dev/null)" \
	"$NAMES names, $ROUNDS rounds of $SECONDS_EACH s"
[ -z "${left_out-}" ] || echo "# not installed, left out:$left_out"
printf '%-26s %9s %6s %9s %6s %8s %11s\n' "" "answers/s" us/q "delay us" bytes "of echo" "of unbound"
for name in echo $servers; do row "$name" udp UDP 2; done
for name in $servers; do row "$name" tcp TCP 2; done
for name in $servers; do row "$name" dot "DNS over TLS" 2; done
for name in echo $servers; do row "$name" one "UDP, one at a time" 3; done
