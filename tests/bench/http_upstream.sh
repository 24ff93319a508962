#!/bin/sh
# Questions that miss the cache, over one connection to a server for DNS over HTTPS: kadns, against dnsdist, which forwards
# in the same way and validates nothing.
#
#   sudo sh tests/bench/http_upstream.sh BUILD     a minute; use buildtype=release
#
# Needs dnsperf unbound nsd ldnsutils bind9-dnsutils openssl; and dnsdist, if it is to be compared.
#
# To reach: 20,000 questions a second on one connection and one core, so 50 us of our processes together: they are on CPU 0,
# and nothing else of the benchmark is. `a second` is what the client saw of it, where the other core (the server and dnsperf
# are on CPU 1) and what else the machine does keep up.
#
# The server is another kadns, which has all names in memory; each name is asked once in a round, so nothing is answered from
# the cache of who is measured; it is started anew for each. `us/q` is the CPU time a question of who is measured, its
# processes together (/proc/PID/task/*/schedstat); `node` the part of it that is not libunbound's, `child` what is;
# `switches` how often one of them gave the processor up, or lost it, for each question, which does not depend on the load.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/dns_servers.sh"
enter 600 "$@"
need dnsperf dnsperf
need openssl openssl

ROUNDS=${HTTP_ROUNDS-3}
NAMES=${HTTP_NAMES-40000}
SERVER=4439

serve() {
	kadns_start 1 -o "state=$dir/server,dns=127.0.0.1:5309,https=127.0.0.1:$SERVER,tls_cert=$dir/cert.pem,tls_key=$dir/key.pem" \
		--no-dht --no-mount
	wait_for server dig +time=1 +tries=1 -p 5309 @127.0.0.1 n1.wild.insecure.test
	for _ in 1 2 3; do
		timeout 60 dnsperf -s 127.0.0.1 -p 5309 -d "$dir/queries" -n 1 -q 50 -e -D >"$dir/warm" 2>&1
	done
	grep -q "NOERROR $NAMES (100.00%)" "$dir/warm" || die "the server does not know the names: $(tail -n 30 "$dir/warm")"
}

kadns_client() {
	SSL_CERT_FILE=$dir/cert.pem kadns_start 0 -o "dns=127.0.0.1:5305,upstream=none,upstream=https://127.0.0.1:$SERVER/dns-query#localhost" \
		--no-dht --no-mount
	pids=$node parent=$kadns
}

dnsdist_client() {
	cat >"$dir/dnsdist.conf" <<CONF
setLocal("127.0.0.1:5305")
newServer({address="127.0.0.1:$SERVER", tls="openssl", caStore="$dir/cert.pem", subjectName="localhost", dohPath="/dns-query"})
getServer(0):setUp()
setSecurityPollSuffix("")
CONF
	taskset -c 0 dnsdist --supervised --disable-syslog -C "$dir/dnsdist.conf" >"$dir/dnsdist.log" 2>&1 &
	pids=$! parent=$!
}

switches() { # PID...
	for pid; do cat /proc/"$pid"/task/*/status; done | awk '/ctxt_switches/ { n += $2 } END { print n }'
}

spent() { # PID...
	for pid; do cpu_time "$pid"; done | awk '{ ns += $1 } END { printf "%.0f\n", ns }'
}

# Appends `A-SECOND US/Q NODE'S CHILD'S SWITCHES` to NAME.rows.
measure() { # NAME
	"$1_client"
	wait_for "$1" dig +time=1 +tries=1 -p 5305 @127.0.0.1 x.wild.insecure.test
	sleep 1
	# shellcheck disable=SC2046,SC2086
	set -- "$1" $pids $(pgrep -P "$parent" | grep -vx "$pids" || true) # libunbound is in a process of its own
	before=$(spent "${@:2}") node=$(cpu_time "$2") switched=$(switches "${@:2}")
	timeout 60 taskset -c 1 dnsperf -s 127.0.0.1 -p 5305 -d "$dir/queries" -n 1 -q 200 >"$dir/out" 2>&1 || die "$1: $(cat "$dir/out")"
	after=$(spent "${@:2}") node=$(($(cpu_time "$2") - node)) switched=$(($(switches "${@:2}") - switched))
	good=$(sed -n 's/.*NOERROR \([0-9]*\) .*/\1/p' "$dir/out")
	[ $((NAMES - ${good:-0})) -le $((NAMES / 1000)) ] || die "$1: $(cat "$dir/out")"
	awk -v qps="$(sed -n 's/.*Queries per second: *//p' "$dir/out")" -v ns=$((after - before)) -v node="$node" -v n="$good" -v w="$switched" \
		'BEGIN { printf "%d %.1f %.1f %.1f %.2f\n", qps, ns / 1000 / n, node / 1000 / n, (ns - node) / 1000 / n, w / n }' >>"$dir/$1.rows"
	kill "$parent"
	while kill -0 "$parent" 2>/dev/null; do sleep 0.1; done
}

queries >"$dir/queries"
certificate
# A certificate says whom it is for in its alternative name.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$dir/key.pem" -out "$dir/cert.pem" \
	-subj /CN=localhost -addext subjectAltName=DNS:localhost -days 2 2>/dev/null
chmod 644 "$dir/key.pem"
internet_start
serve
clients=kadns
if command -v dnsdist >/dev/null; then clients="$clients dnsdist"; else left_out=dnsdist; fi
for _ in $(seq "$ROUNDS"); do
	for name in $clients; do measure "$name"; done
done

describe
echo "# client on CPU 0; its server and dnsperf on CPU 1; $NAMES names, each once, $ROUNDS rounds; medians"
[ -z "${left_out-}" ] || echo "# not installed, left out: $left_out"
printf '%-24s %9s %7s %7s %7s %9s\n' "" "a second" us/q node child switches
for name in $clients; do
	printf '%-24s %9d %7.1f %7.1f %7.1f %9.2f\n' "$name" $(for i in 1 2 3 4 5; do column "$dir/$name.rows" $i; done)
done
