#!/bin/sh
# systemd-resolved as a client: it resolves by kadns, validates what it says, and the two in a circle come to an end.
# Its package is unpacked and not installed, for installing it would take over resolv.conf of the machine.
. "$(dirname "$0")/../lib.sh"
deb=$(ls /var/cache/kadns-tests/systemd-resolved_*.deb 2>/dev/null | tail -n 1)
check "the package was fetched (fs/packages.sh)" test -n "$deb"
check "and is unpacked" dpkg -x "$deb" "$T/resolved"
export MINET_RUN="$T/minet"
"$TESTS/net/minet.sh" start -r >"$T/minet.out" 2>&1 || {
	cat "$T/minet.out"
	not_ok "the miniature Internet starts"
	finish
}
m=$T/dns
mkdir "$m" "$T/anchors"
roots="root_hints=$MINET_RUN/root.hints,trust_anchor=$MINET_RUN/root.ds"
# It asks nobody before this machine has an address that others could know.
ip link add outside0 type veth peer name outside1
ip addr add 198.18.0.5/24 dev outside0
ip link set outside0 up
ip link set outside1 up
mount -t tmpfs none /run
mkdir -p /run/systemd/resolve
mkdir -p /etc/systemd /etc/dnssec-trust-anchors.d
mount -t tmpfs none /etc/systemd
mount --bind "$T/anchors" /etc/dnssec-trust-anchors.d
{ cat /etc/passwd && echo 'systemd-resolve:x:9953:9953::/:/usr/sbin/nologin'; } >"$T/passwd"
{ cat /etc/group && echo 'systemd-resolve:x:9953:'; } >"$T/group"
mount --bind "$T/passwd" /etc/passwd
mount --bind "$T/group" /etc/group
chown 9953:9953 /run/systemd/resolve
# Its own list says that "test" is never signed; ours is another.
sed 's/^\(\.[[:space:]]*\)[0-9]*[[:space:]]*IN/\1IN/' "$MINET_RUN/root.ds" >"$T/anchors/root.positive" # without its TTL
echo "nothing.invalid" >"$T/anchors/ours.negative"

resolved() { # DNSSEC
	printf '[Resolve]\nDNS=127.0.0.1:1053\nFallbackDNS=\nDomains=~.\nDNSSEC=%s\nLLMNR=no\nMulticastDNS=no\n' "$1" >/etc/systemd/resolved.conf
	"$T/resolved/lib/systemd/systemd-resolved" >"$T/resolved.log" 2>&1 &
	resolved=$!
	check "DNSSEC=$1: systemd-resolved starts" eventually 5 dig +time=1 +tries=1 @127.0.0.53 localhost
}
stub() { dig +time=6 +tries=1 @127.0.0.53 "$@"; }
rcode() { stub "$@" | sed -n 's/.*status: \([A-Z]*\),.*/\1/p'; }

check "kadns starts" "$KADNS" -o "$roots,upstream=recursive,hosts=none" none "$m"
echo 192.0.2.7 >"$m/IN/A/printer.alt"
resolved no
is "an address" "$(stub +short www.example.test A)" 192.0.2.1
is "a chain" "$(stub +short alias.example.test AAAA | tail -n 1)" 2001:db8::1
is "a name that is not there" "$(rcode nope.example.test A)" NXDOMAIN
is "a type that is not there" "$(rcode www.example.test MX)" NOERROR
is "more than a datagram holds" "$(stub +short big.example.test TXT | wc -l)" 8
is "what is bogus" "$(rcode www.bogus.test A)" SERVFAIL
is "a name that only kadns has" "$(stub +short printer.alt A)" 192.0.2.7
echo 'nameserver 127.0.0.53' >"$T/etc/resolv.conf"
mount --bind "$T/etc/resolv.conf" /etc/resolv.conf
has "getent by it" "$(getent -s hosts:dns ahosts www.example.test)" 192.0.2.1
kill $resolved
wait $resolved
resolved yes
has "what it validates itself" "$(stub +dnssec www.example.test A)" "status: NOERROR"
has "is secure to it" "$(stub +dnssec www.example.test A)" " ad"
is "a denial too" "$(stub +dnssec nope.example.test A | sed -n 's/^;; flags:.* ad;.*/ad/p; s/.*status: \([A-Z]*\),.*/\1/p' | tr '\n' ' ')" "NXDOMAIN ad "
has "what is not signed" "$(stub +short www.insecure.test A)" 192.0.2.1
is "what is bogus" "$(rcode www.expired.test A)" SERVFAIL
pid=$(daemon_pid /var/lib/kadns/4001)
umount "$m"
eventually 5 ended "$pid"
kill $resolved
wait $resolved

# resolv.conf says systemd-resolved, and that says kadns, whose upstream is resolv.conf.
check "in a circle: starts" "$KADNS" --no-dht -o "hosts=none,upstream=system,deadline=2s" none "$m"
resolved no
is "a question has an end" "$(dig +time=6 +tries=1 @127.0.0.1 -p 1053 www.example.com A | sed -n 's/.*status: \([A-Z]*\),.*/\1/p')" SERVFAIL
is "and the circle is known" "$(sed -n 's/^upstream.1.loops  *//p' "$m/.kadns/status")" 1
# systemd-resolved asks again, with less and less of EDNS.
is "by the other way in too" "$(dig +time=20 +tries=1 @127.0.0.53 other.example.com A | sed -n 's/.*status: \([A-Z]*\),.*/\1/p')" SERVFAIL
asked=$(sed -n 's/^upstream.1.asked  *//p' "$m/.kadns/status")
check "and few are asked ($asked)" test "$asked" -le 10
pid=$(daemon_pid /var/lib/kadns/4001)
umount "$m"
eventually 10 ended "$pid"
kill $resolved
"$TESTS/net/minet.sh" stop
finish
