#!/bin/sh
# The DNS door by the book: each standard that concerns a server, by messages made by hand (standards.py, a line a check) and
# by the tools as users type them: dig, kdig, delv, drill, getent. Against the miniature Internet.
. "$(dirname "$0")/../lib.sh"
small_internet
mkdir "$T/dns"
count() { sed -n "s/^$1  *//p" "$T/dns/.kadns/status"; }
roots="root_hints=$MINET_RUN/root.hints,trust_anchor=$MINET_RUN/root.ds"
echo 'nameserver 127.0.0.1' >"$T/etc/resolv.conf"
mount --bind "$T/etc/resolv.conf" /etc/resolv.conf

strace -f -qq -o "$T/strace" -e trace=setsockopt,bind "$KADNS" -f --no-dht --no-mount \
	-o "dns=127.0.0.1:53,dns=[::1]:53,upstream=none" 2>"$T/traced" &
traced=$!
check "a traced one starts" eventually 10 dig +time=1 +tries=1 @::1 localhost
kill "$(daemon_pid /var/lib/kadns/4001)"
wait $traced
for option in IP_MTU_DISCOVER IPV6_MTU_DISCOVER; do
	# 5 is OMIT of both; what follows is the bind of that socket.
	has "RFC 9715: $option, so that nobody makes us send fragments" \
		"$(grep -A 3 "$option, \[5\]" "$T/strace" | grep -o 'htons(53)' | head -n 1)" "htons(53)"
done
# Port 53, where tools and libraries look; localhost as a file has it that names one address of two.
echo "127.0.0.1 localhost" >"$T/hosts"
check "starts" "$KADNS" -o "$roots,upstream=recursive,hosts=$T/hosts,dns=127.0.0.1:53,dns=[::1]:53" none "$T/dns"
pid=$(daemon_pid /var/lib/kadns/4001)
echo 192.0.2.7 >"$T/dns/IN/A/printer.alt"
/usr/bin/python3 "$TESTS/net/standards.py" 127.0.0.1 53 >"$T/standards" 2>&1 || echo "not ok standards.py ended well" >>"$T/standards"
cat "$T/standards"
not_ok_count=$((not_ok_count + $(grep -c '^not ok' "$T/standards")))
check "there were many" test "$(grep -c '^ok RFC' "$T/standards")" -ge 150

# ---- counted
all() { awk -v name="$1" '{ split($1, word, "."); if ($1 ~ "^dns[.].*[.]" name "$") n += $2 } END { print n + 0 }' "$T/dns/.kadns/status"; }
check "took: answers that were not in memory, by time ($(all 'took[.].*'))" test "$(all 'took[.].*')" -ge 50
check "one of them took long" test "$(all 'took[.](1000|5000)ms')" -ge 1
check "most did not" test "$(all 'took[.](1|5|20)ms')" -ge 30
check "by rcode" test "$(all badvers)" -ge 2 -a "$(all formerr)" -ge 20 -a "$(all notimp)" -ge 5
check "by source" test "$(count dns.udp.from.hosts)" -ge 1 -a "$(count dns.udp.from.dns)" -ge 50 -a "$(all misses)" -ge 50

# ---- RFC 8906, section 8, as it is written there
d() { dig +noall +comments +answer +time=3 +tries=1 "$@" @127.0.0.1 2>&1; }
has "RFC 8906: minimal EDNS" "$(d +edns=0 +nocookie www.example.test SOA)" "EDNS: version: 0, flags:; udp: 1232"
has "RFC 8906: plain DNS" "$(d +noedns +noad +norec www.example.test A)" "status: NOERROR"
has "RFC 8906: EDNS version 1" "$(d +nocookie +edns=1 +noednsneg +noad +norec www.example.test)" "status: BADVERS"
has "RFC 8906: an unknown option" "$(d +nocookie +edns=0 +noad +norec +ednsopt=100 www.example.test A)" "status: NOERROR"
lacks "RFC 8906: is not sent back" "$(d +nocookie +edns=0 +noad +norec +ednsopt=100 www.example.test A)" "OPT=100"
has "RFC 8906: an unknown flag" "$(d +nocookie +edns=0 +noad +norec +ednsflags=0x40 www.example.test A)" "EDNS: version: 0, flags:; udp"
has "RFC 8906: version 1 with an option" "$(d +nocookie +edns=1 +noednsneg +noad +norec +ednsopt=100 www.example.test)" "status: BADVERS"
has "RFC 8906: an unknown opcode" "$(d +noedns +noad +opcode=15 +norec +header-only example.test)" "status: NOTIMP"
has "RFC 8906: an unknown type" "$(d +noedns +noad +norec odd.example.test TYPE65280)" "status: NOERROR"
has "RFC 8906: TCP" "$(d +noedns +noad +norec +tcp www.example.test A)" "status: NOERROR"
has "RFC 8906: a header alone" "$(d +noedns +noad +header-only +norec example.test)" "status: FORMERR"
has "RFC 8906: DO" "$(d +nocookie +edns=0 +noad +norec +dnssec www.example.test A)" "flags: do;"

# ---- tools as users type them
is "dig" "$(dig +short www.example.test)" 192.0.2.1
is "dig -6" "$(dig +short @::1 www.example.test)" 192.0.2.1
has "dig +cookie" "$(dig +cookie www.example.test)" "(good)"
is "dig -x" "$(dig +short -x 127.0.0.1)" localhost.
is "dig +tcp +keepopen" "$(dig +short +tcp +keepopen +keepalive www.example.test www.rsa.test)" "192.0.2.1
192.0.2.1"
has "dig ANY" "$(dig +noall +answer www.example.test ANY)" 'HINFO	"RFC8482" ""'
is "host" "$(host www.example.test | head -n 1)" "www.example.test has address 192.0.2.1"
has "nslookup" "$(nslookup www.example.test)" "Address: 192.0.2.1"
is "kdig" "$(kdig +short @127.0.0.1 www.example.test)" 192.0.2.1
is "kdig +tcp" "$(kdig +short +tcp @127.0.0.1 big.example.test TXT | wc -l)" 8
has "kdig +dnssec +padding" "$(kdig +dnssec +padding=128 @127.0.0.1 www.example.test)" "status: NOERROR"
has "drill" "$(drill www.example.test @127.0.0.1)" "192.0.2.1"
has "drill -D" "$(drill -D www.example.test @127.0.0.1)" "RRSIG"
has "drill -S: the chain from the root" "$(drill -S -k "$MINET_RUN/root.key" www.example.test @127.0.0.1 2>&1)" "Chase successful"
key=$(sed -n 's/^\. .*IN.*DNSKEY *//p; s/^\.	.*DNSKEY	//p' "$MINET_RUN/root.key" | head -n 1)
printf 'trust-anchors { "." static-key %s "%s"; };\n' "$(echo "$key" | cut -d' ' -f1-3)" "$(echo "$key" | cut -d' ' -f4- | sed 's/ *;.*//; s/ //g')" >"$T/anchors"
has "delv" "$(delv -a "$T/anchors" +root=. @127.0.0.1 www.example.test A 2>&1)" "; fully validated"
has "delv of what is not signed" "$(delv -a "$T/anchors" +root=. @127.0.0.1 www.insecure.test A 2>&1)" "; unsigned answer"
has "delv of what is bogus" "$(delv -a "$T/anchors" +root=. @127.0.0.1 www.bogus.test A 2>&1)" "resolution failed"
getent="getent -s hosts:dns"
has "getent ahosts" "$($getent ahosts www.example.test)" 192.0.2.1
has "getent hosts" "$($getent hosts alias.example.test)" www.example.test
is "getent of what is not there" "$($getent hosts nope.example.test; echo $?)" 2
has "getent with EDNS and DO" "$(RES_OPTIONS='edns0 trust-ad' $getent ahosts www.example.test)" 192.0.2.1
has "getent over TCP" "$(RES_OPTIONS=use-vc $getent ahosts many.example.test)" 198.51.100.40
is "getent of a name that only kadns has" "$($getent ahosts printer.alt | awk '{ print $1; exit }')" 192.0.2.7

check "by source: names that this machine answers for" test "$(count dns.udp.from.local)" -ge 10

umount "$T/dns"
check "umount ends it" eventually 5 ended "$pid"

# ---- special names, whatever the sources are: none at all, the DHT, a resolver of the provider
special() { # HOW OPTION...
	how=$1
	shift
	check "$how: starts" "$KADNS" -o "hosts=none,dns=127.0.0.1:53" "$@" none "$T/dns"
	/usr/bin/python3 "$TESTS/net/standards.py" 127.0.0.1 53 rfc6761 >"$T/special" 2>&1 || echo "not ok special names" >>"$T/special"
	sed "s/^\(ok\|not ok\) /&$how: /" "$T/special"
	not_ok_count=$((not_ok_count + $(grep -c '^not ok' "$T/special")))
	is "$how: each was said" "$(grep -c '^ok RFC' "$T/special")" 30
	is "$how: localhost as a file" "$(jq -c '[.data[0],.source,.trust]' "$T/dns/IN/A/localhost.")" '["127.0.0.1","local","self"]'
	is "$how: and by IPv6" "$(jq -r '.data[0]' "$T/dns/IN/AAAA/a.localhost")" ::1
	is "$how: a file of 127.0.0.1" "$(jq -r '.data[0]' "$T/dns/IN/PTR/1.0.0.127.in-addr.arpa")" localhost.
	for name in a.invalid a.onion a.home.arpa a.local; do
		has "$how: $name as a file" "$(cat "$T/dns/IN/A/$name" 2>&1)" "No such file"
	done
	has "$how: explained" "$(cat "$T/dns/.kadns/explain/IN/A/a.onion")" "verdict: ENOENT"
	pid=$(daemon_pid /var/lib/kadns/4001)
	umount "$T/dns"
	eventually 5 ended "$pid"
}
special "no source" --no-dht -o upstream=none
special "the DHT alone" -o upstream=none
/usr/bin/python3 "$TESTS/net/slow_upstream.py" 127.53.1.1 0 192.0.2.201 "$T/provider.log" &
eventually 5 dig +time=1 +tries=1 @127.53.1.1 x.up >/dev/null
special "a forwarder" -o upstream=127.53.0.53
check "a forwarder, its memory: starts" "$KADNS" --no-dht --no-mount -o "$roots,hosts=none,dns=127.0.0.1:53,upstream=127.53.0.53"
/usr/bin/python3 "$TESTS/net/standards.py" 127.0.0.1 53 rfc8020 rfc9520 >"$T/special" 2>&1 || echo "not ok its memory" >>"$T/special"
sed "s/^\(ok\|not ok\) /&a forwarder: /" "$T/special"
not_ok_count=$((not_ok_count + $(grep -c '^not ok' "$T/special")))
is "a forwarder: each was said" "$(grep -c '^ok RFC' "$T/special")" 4
pid=$(daemon_pid /var/lib/kadns/4001)
kill "$pid"
eventually 5 ended "$pid"
check "who logs what is asked: starts" "$KADNS" --no-dht --no-mount -o hosts=none,dns=127.0.0.1:53,upstream=127.53.1.1
/usr/bin/python3 "$TESTS/net/standards.py" 127.0.0.1 53 rfc6761 >"$T/special" 2>&1
is "it hears of no special name" "$(grep -c -E '(localhost|invalid|onion|home\.arpa|local|(^|\.)(127|0)\.in-addr\.arpa|resolver\.arpa)\.$' "$T/provider.log")" 0
check "but of private addresses, which a router at home may know" grep -q '^1\.10\.in-addr\.arpa\.$' "$T/provider.log"
kill "$(daemon_pid /var/lib/kadns/4001)"
"$TESTS/net/minet.sh" stop
finish
