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
# is what the kernel alone takes. In each round all are measured, one after the other, so that the machine is the same for
# them; the table has medians, and the ratios are medians of each round's ratio.
# `us/q` is the server's own CPU time a query (/proc/PID/task/*/schedstat): 1,000,000 / us is what a core could do
# if dnsperf, which is the limit at about 200,000, could ask it. `of echo`, `of unbound`: that time, and in the last
# rows the delay, as a part of theirs. With one question outstanding dnsperf misses its own wake-ups now and then, of the
# echo's answers as well: the delay is of those that it saw, and how many these are says nothing.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
enter 900 "$@"
need dnsperf dnsperf
need openssl openssl

ROUNDS=${DNS_ROUNDS-5}
SECONDS_EACH=${DNS_SECONDS-2}
NAMES=10000
export MINET_TTL=7200 # longer than this runs

queries() { # how dnsperf wants them: the addresses of a wildcard's names
	for i in $(seq $NAMES); do echo "n$i.wild.insecure.test A"; done
}

certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$dir/key.pem" \
		-out "$dir/cert.pem" -subj /CN=localhost -days 2 2>/dev/null
	chmod 644 "$dir/key.pem"
}

# Each sets pid_NAME; UDP and TCP are at 5300 + its number, DNS over TLS at 8530 + its number.
unbound_start() { # NUMBER
	cat >"$dir/unbound.conf" <<CONF
server:
  interface: 127.0.0.1@$((5300 + $1))
  interface: 127.0.0.1@$((8530 + $1))
  tls-port: $((8530 + $1))
  tls-service-key: "$dir/key.pem"
  tls-service-pem: "$dir/cert.pem"
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
	pid_unbound=$!
}

dnsdist_start() { # NUMBER
	cat >"$dir/dnsdist.conf" <<CONF
setLocal("127.0.0.1:$((5300 + $1))")
addTLSLocal("127.0.0.1:$((8530 + $1))", "$dir/cert.pem", "$dir/key.pem")
setMaxTCPClientThreads(1)
newServer({address="127.53.0.53"})
getServer(0):setUp()
getPool(""):setCache(newPacketCache(100000))
setSecurityPollSuffix("")
CONF
	taskset -c 0 dnsdist --supervised --disable-syslog -C "$dir/dnsdist.conf" >"$dir/dnsdist.log" 2>&1 &
	pid_dnsdist=$!
}

kresd_start() { # NUMBER
	mkdir "$dir/kresd"
	cat >"$dir/kresd.conf" <<CONF
net.listen('127.0.0.1', $((5300 + $1)), { kind = 'dns' })
net.listen('127.0.0.1', $((8530 + $1)), { kind = 'tls' })
net.tls("$dir/cert.pem", "$dir/key.pem")
net.ipv6 = false
trust_anchors.remove('.')
cache.size = 100 * MB
policy.add(policy.all(policy.FORWARD('127.53.0.53')))
CONF
	taskset -c 0 kresd -n -c "$dir/kresd.conf" "$dir/kresd" >"$dir/kresd.log" 2>&1 &
	pid_kresd=$!
}

kadns_as() { # NUMBER
	dot=
	! "$build/fs/kadns" --help | grep -q '^  dot=' ||
		dot=",dot=127.0.0.1:$((8530 + $1)),tls_cert=$dir/cert.pem,tls_key=$dir/key.pem"
	kadns_start 0 -o "dns=127.0.0.1:$((5300 + $1))$dot" --no-dht --no-mount
	pid_kadns=$kadns
}

echo_start() { # NUMBER
	taskset -c 0 "$build/tests/bench/udp_echo" 127.0.0.1 $((5300 + $1)) &
	pid_echo=$!
}

number_of() { # NAME
	case $1 in echo) echo 1 ;; unbound) echo 2 ;; dnsdist) echo 3 ;; kresd) echo 4 ;; kadns) echo 5 ;; esac
}

ask() { # PORT ARGUMENT...
	port=$1
	shift
	timeout 60 taskset -c 1 dnsperf -s 127.0.0.1 -p "$port" -d "$dir/queries" "$@" 2>&1
}

warm() { # NAME
	port=$((5300 + $(number_of "$1")))
	wait_for "$1" dig +time=1 +tries=1 -p $port @127.0.0.1 n1.wild.insecure.test
	# Twice, as kresd may lose some while it is new to the zone; dnsdist keeps what it says over TCP apart.
	for how in udp tcp udp tcp; do
		ask $port -n 1 -m $how -q 50 >"$dir/warm.$how" || true
	done
	for file in "$dir/warm.udp" "$dir/warm.tcp"; do
		grep -q "NOERROR $NAMES (100.00%)" "$file" || die "$1 does not know the names: $(tail -n 30 "$file")"
	done
}

value() { # LABEL
	sed -n "s/^ *$1: *\([0-9.]*\).*/\1/p" "$dir/out"
}

cpu_time() { # PID: nanoseconds, of all its threads
	awk '{ ns += $1 } END { printf "%.0f\n", ns }' /proc/"$1"/task/*/schedstat
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

column() { # FILE N
	awk -v n="$2" '{ print $n }' "$1" | median
}

ratio() { # FILE OTHER N: the median of each round's
	[ -s "$2" ] || { echo -; return; }
	paste "$1" "$2" | awk -v n="$3" '$(n + 4) { printf "%.2f\n", $n / $(n + 4) }' | median
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
		[ "$name" != kadns ] || [ -n "$dot" ] || continue
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
