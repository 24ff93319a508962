#!/bin/sh
# Cached answers over HTTP on one core, against unbound and dnsdist.
#
#   sudo sh tests/bench/http.sh BUILD     three minutes; use buildtype=release
#
# Needs nghttp2-client (h2load) dnsperf unbound nsd ldnsutils bind9-dnsutils openssl; and of Debian's dnsdist, if it is
# to be compared: what is not installed is left out.
#
# To reach: server CPU a request of DNS over HTTPS, asked by h2load, at most 8 us; dnsperf's rate level with the fastest;
# /SHORT over HTTP/1.1 at least 30,000 a second.
#
# The servers run on CPU 0, the client on CPU 1 (taskset), 10,000 names as in dns.sh, all from memory. In each round all
# are measured, one after the other; the table has medians. `us/q` is the server's own CPU time a request
# (/proc/PID/task/*/schedstat). h2load: four connections with 50 requests under way each, GET of a DNS message in base64.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/dns_servers.sh"
enter 900 "$@"
need h2load nghttp2-client
need dnsperf dnsperf
need openssl openssl

ROUNDS=${HTTP_ROUNDS-5}
SECONDS_EACH=${HTTP_SECONDS-2}

# The same names as paths: for DNS over HTTPS, and as in 2009.
paths() {
	python3 - "$NAMES" <<'PYTHON'
import base64
import sys
with open(sys.stdin.fileno(), closefd=False), open("/mnt/doh", "w") as doh, open("/mnt/short", "w") as short:
    for i in range(1, int(sys.argv[1]) + 1):
        labels = f"n{i}.wild.insecure.test".split(".")
        name = b"".join(bytes([len(x)]) + x.encode() for x in labels) + b"\0"
        message = b"\0\0\1\0\0\1\0\0\0\0\0\0" + name + b"\0\1\0\1"
        doh.write("/dns-query?dns=" + base64.urlsafe_b64encode(message).rstrip(b"=").decode() + "\n")
        short.write("/SHORT/IN/A/" + ".".join(labels) + "\n")
PYTHON
}

# Appends `A-SECOND US/Q` to NAME.KIND. Where over one in a thousand is not answered with 200 it is no measurement.
measure_h2load() { # NAME KIND PATHS URL ARGUMENT...
	pid=pid_$1
	file=$dir/$1.$2 name=$1 list=$3 url=$4
	shift 4
	before=$(cpu_time "${!pid}")
	timeout 60 taskset -c 1 h2load -D "$SECONDS_EACH" -t 1 -B "$url" -i "$list" "$@" >"$dir/out" 2>&1
	after=$(cpu_time "${!pid}")
	good=$(sed -n 's/^status codes: \([0-9]*\) 2xx.*/\1/p' "$dir/out")
	total=$(sed -n 's/^requests: \([0-9]*\) total.*/\1/p' "$dir/out")
	[ "${good:-0}" -gt 0 ] && [ $((total - good)) -le $((total / 1000)) ] || die "$name: $(cat "$dir/out")"
	awk -v n="$good" -v ns=$((after - before)) -v s="$SECONDS_EACH" \
		'BEGIN { printf "%d %.2f\n", n / s, ns / 1000 / n }' >>"$file"
}

measure_dnsperf() { # NAME PORT
	pid=pid_$1
	before=$(cpu_time "${!pid}")
	ask "$2" -m doh -l "$SECONDS_EACH" -c 4 -q 100 >"$dir/out" || die "$1: $(cat "$dir/out")"
	after=$(cpu_time "${!pid}")
	n=$(sed -n 's/^ *Queries completed: *\([0-9]*\).*/\1/p' "$dir/out")
	[ "${n:-0}" -gt 0 ] || die "$1: dnsperf had no answer: $(cat "$dir/out")"
	awk -v n="$n" -v ns=$((after - before)) -v s="$SECONDS_EACH" \
		'BEGIN { printf "%d %.2f\n", n / s, ns / 1000 / n }' >>"$dir/$1.dnsperf"
}

row() { # NAME KIND LABEL
	file=$dir/$1.$2
	[ -s "$file" ] || return 0
	printf '%-42s %9s %7s %11s\n' "$1, $3" "$(column "$file" 1)" "$(column "$file" 2)" "$(ratio2 "$file" "$dir/unbound.$2")"
}

ratio2() { # FILE OTHER: of the time, the median of each round's
	[ -s "$2" ] || { echo -; return; }
	paste "$1" "$2" | awk '$4 { printf "%.2f\n", $2 / $4 }' | median
}

queries >"$dir/queries"
paths
certificate
internet_start
servers=unbound
if command -v dnsdist >/dev/null; then servers="$servers dnsdist"; else left_out=dnsdist; fi
servers="$servers kadns"
for name in $servers; do
	if [ "$name" = kadns ]; then kadns_as "$(number_of kadns)"; else ${name}_start "$(number_of "$name")"; fi
	warm "$name"
done
# What came by UDP is not always what a server keeps for HTTPS.
for name in $servers; do
	timeout 60 h2load -n $NAMES -c 1 -m 20 -B "https://127.0.0.1:$((4430 + $(number_of "$name")))" -i "$dir/doh" \
		>"$dir/warm.doh" 2>&1
	grep -q "^status codes: $NAMES 2xx" "$dir/warm.doh" || die "$name: $(cat "$dir/warm.doh")"
done
internet_stop

for _ in $(seq "$ROUNDS"); do
	for name in $servers; do
		port=$((4430 + $(number_of "$name")))
		measure_h2load "$name" doh "$dir/doh" "https://127.0.0.1:$port" -c 4 -m 50
		# dnsdist 1.7's library stalls under dnsperf (shared facts of libraries: two queries a connection).
		[ "$name" = dnsdist ] || measure_dnsperf "$name" "$port"
		[ "$name" = kadns ] || continue
		measure_h2load kadns short "$dir/short" "http://127.0.0.1:$((8880 + $(number_of kadns)))" --h1 -c 20 -m 1
	done
done

describe
echo "# servers on CPU 0, clients on CPU 1; $(dpkg-query -W -f '${Package} ${Version}, ' unbound dnsdist nghttp2-client 2>/dev/null)" \
	"$NAMES names, $ROUNDS rounds of $SECONDS_EACH s"
[ -z "${left_out-}" ] || echo "# not installed, left out: $left_out"
printf '%-42s %9s %7s %11s\n' "" "a second" us/q "of unbound"
for name in $servers; do row "$name" doh "DNS over HTTPS, h2load"; done
for name in $servers; do row "$name" dnsperf "DNS over HTTPS, dnsperf"; done
row kadns short "/SHORT, HTTP/1.1, 20 connections"
