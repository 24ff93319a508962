#!/bin/sh
# Every program of 2009 as a configuration of this one (design, section 1), each started and driven: the node with its DNS
# door, 53 to 1053, HTTP to DNS, DNS to HTTP, the client; and the three ways to join a network.
. "$(dirname "$0")/../lib.sh"
export XDG_RUNTIME_DIR="$T/run"
mkdir -p "$T/run" "$T/one" "$T/two" "$T/three"
common="upstream=none,hosts=none"
dig1() { dig +short +time=5 +tries=1 @127.0.0.1 "$@"; }

# ---- dns2dht.py PORT [none | HOST PORT | FILE]: the node, its DNS door on 1053
check "dns2dht: starts a network" "$KADNS" -o "port=4001,bind=127.0.0.1,$common,http=127.0.0.1:8882,private_ok=." none "$T/one"
check "dns2dht: joins by HOST:PORT" "$KADNS" -o "port=4002,bind=127.0.0.1,$common,dns=127.0.0.1:1054,private_ok=." 127.0.0.1:4001 "$T/two"
printf '# the nodes that are known\n127.0.0.1 4001\n127.0.0.1:4002\n' >"$T/nodes.txt"
check "dns2dht: joins by a file" "$KADNS" -o "port=4003,bind=127.0.0.1,$common,dns=127.0.0.1:1055,private_ok=." "$T/nodes.txt" "$T/three"
for node in one two three; do
	joined() { [ "$(grep -c . "$T/$node/.kadns/nodes")" -ge 2 ]; }
	check "$node knows others" eventually 20 joined
done
# Nine types then: one of each that it could write, and one that it could not, on one node; read on the others.
publish() { printf '%s\n' "$3" >"$T/one/IN/$1/$2" || not_ok "publishes $1"; }
publish A www.heise.alt 193.99.144.85
publish AAAA www.heise.alt 2a02:2e0:3fe:1001:7777:772e:2:85
publish TXT www.heise.alt '"only the first" "was kept"'
publish MX heise.alt "10 relay.heise.alt."
publish SOA heise.alt "ns.heise.alt. postmaster.heise.alt. 2009122701 10800 3600 604800 3600"
publish NS heise.alt ns.heise.alt.
publish CNAME alias.heise.alt www.heise.alt.
publish PTR ptr.heise.alt www.heise.alt.
reads() { [ "$(cat "$T/$1/.kadns/wait/IN/$2/$3" 2>/dev/null; jq -r '.data[0]' "$T/$1/IN/$2/$3" 2>/dev/null)" = "$4" ]; }
for node in two three; do
	check "$node: an address, as a file" eventually 20 reads $node A www.heise.alt 193.99.144.85
done
is "dns2dht: DNS door of the second" "$(dig1 -p 1054 www.heise.alt A)" 193.99.144.85
is "all of it is published" "$(cat "$T/one/.kadns/wait/IN/AAAA/www.heise.alt" 2>&1 >/dev/null)" ""
over_tcp() { [ "$(dig1 -p 1055 +tcp www.heise.alt AAAA)" = 2a02:2e0:3fe:1001:7777:772e:2:85 ]; }
check "dns2dht: DNS door of the third, over TCP" eventually 20 over_tcp
is "what could not be deleted then" "$(rm "$T/one/IN/PTR/ptr.heise.alt" && cat "$T/one/IN/PTR/ptr.heise.alt" 2>&1 | grep -c 'No such file')" 1

# ---- http2dns.py: /PROXY and /SHORT on 8882, of the node that asks the DHT
proxy=http://127.0.0.1:8882
is "http2dns: PROXY" "$(curl -s $proxy/PROXY/IN/A/www.heise.alt | jq -r '.[0][0].payload.address')" 193.99.144.85
is "http2dns: SHORT" "$(curl -s $proxy/SHORT/IN/AAAA/www.heise.alt | jq -r '.[0].address')" 2a02:2e0:3fe:1001:7777:772e:2:85
is "http2dns: its error" "$(curl -s -o /dev/null -w '%{http_code}' $proxy/PROXY/CH/A/x.y)" 400

# ---- dns2dns.py: 53 to 1053
check "dns2dns: starts" "$KADNS" --no-dht --no-mount -o "port=4010,upstream=127.0.0.1:1053,dns=127.0.0.1:53,hosts=none,private_ok=."
is "dns2dns: an address" "$(dig1 www.heise.alt A)" 193.99.144.85
is "dns2dns: by what every program uses" "$(dig1 heise.alt MX)" "10 relay.heise.alt."
has "dns2dns: nothing there" "$(dig +time=5 +tries=1 @127.0.0.1 nothere.heise.alt A)" "ANSWER: 0"

# ---- dns2http.py, httpresolver.py: DNS on 1056, answered from /PROXY
check "dns2http: starts" "$KADNS" --no-dht --no-mount -o "port=4011,upstream=$proxy/PROXY,dns=127.0.0.1:1056,hosts=none,private_ok=."
for row in "A www.heise.alt 193.99.144.85" "AAAA www.heise.alt 2a02:2e0:3fe:1001:7777:772e:2:85" "NS heise.alt ns.heise.alt." \
	"SOA heise.alt ns.heise.alt. postmaster.heise.alt. 2009122701 10800 3600 604800 3600" "MX heise.alt 10 relay.heise.alt." \
	'TXT www.heise.alt "only the first" "was kept"'; do
	type=${row%% *} rest=${row#* }
	is "dns2http: $type" "$(dig1 -p 1056 "${rest%% *}" "$type")" "${rest#* }"
done
is "dns2http: an alias" "$(dig1 -p 1056 alias.heise.alt CNAME)" www.heise.alt.
lacks "dns2http: never AD" "$(dig +dnssec +time=5 -p 1056 @127.0.0.1 www.heise.alt A | grep flags:)" " ad"

# ---- tryhttp2dns.py: the client
for via in "--via $proxy/PROXY" "@127.0.0.1:1056" "@127.0.0.1" "--port 4003" "--port 4011"; do
	# shellcheck disable=SC2086
	is "tryhttp2dns: $via" "$("$KADNS" ask $via --short www.heise.alt A)" 193.99.144.85
done
is "tryhttp2dns: what cat prints" "$("$KADNS" ask --port 4002 www.heise.alt A)" "$(cat "$T/two/IN/A/www.heise.alt")"

# ---- all of them end
for state in 4010 4011; do
	pid=$(daemon_pid /var/lib/kadns/$state)
	kill "$pid"
	eventually 10 ended "$pid" && ok "$state ends" || not_ok "$state ends"
done
for node in three two one; do
	check "$node unmounts" umount "$T/$node"
done
finish
