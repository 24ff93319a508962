# The servers that dns.sh and http.sh measure, and what both need of them. Sourced after common.sh, not run.
#
# Each server runs on CPU 0, and forwards to the recursor of the miniature Internet; once it has been asked for the
# names, that Internet can be stopped. Its ports are 5300 + its number (UDP and TCP), 8530 + (DNS over TLS) and
# 4430 + (HTTPS); kadns has HTTP at 8880 +.
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

# Each sets pid_NAME.
unbound_start() { # NUMBER
	cat >"$dir/unbound.conf" <<CONF
server:
  interface: 127.0.0.1@$((5300 + $1))
  interface: 127.0.0.1@$((8530 + $1))
  interface: 127.0.0.1@$((4430 + $1))
  tls-port: $((8530 + $1))
  https-port: $((4430 + $1))
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
addDOHLocal("127.0.0.1:$((4430 + $1))", "$dir/cert.pem", "$dir/key.pem", "/dns-query")
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
	kadns_start 0 -o "dns=127.0.0.1:$((5300 + $1)),dot=127.0.0.1:$((8530 + $1))" --no-dht --no-mount \
		-o "https=127.0.0.1:$((4430 + $1)),http=127.0.0.1:$((8880 + $1)),tls_cert=$dir/cert.pem,tls_key=$dir/key.pem"
	pid_kadns=$node
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

cpu_time() { # PID: nanoseconds, of all its threads
	awk '{ ns += $1 } END { printf "%.0f\n", ns }' /proc/"$1"/task/*/schedstat
}

column() { # FILE N
	awk -v n="$2" '{ print $n }' "$1" | median
}

ratio() { # FILE OTHER N: the median of each round's
	[ -s "$2" ] || { echo -; return; }
	paste "$1" "$2" | awk -v n="$3" '$(n + 4) { printf "%.2f\n", $n / $(n + 4) }' | median
}
