#!/bin/sh
# Split DNS: who hears of which names, and whose answer counts, where aliases lead from one zone to
# another, in the DHT, and for addresses of this network.
. "$(dirname "$0")/../lib.sh"
small_internet
m=$T/dns
mkdir -p "$m"
roots="root_hints=$MINET_RUN/root.hints,trust_anchor=$MINET_RUN/root.ds"
state=/var/lib/kadns/4001
PUBLIC=198.51.100.1 OFFICE=127.53.1.1 LAB=127.53.1.3 LEAF=127.53.1.4
ip addr add $PUBLIC/32 dev lo
serve() { /usr/bin/python3 "$TESTS/net/alias_upstream.py" "$@" & }
serve $PUBLIC 192.0.2.1 "$T/public" . alias.up=host.office two.up=alias.up +told.up=host.office \
	circle.up=circle.office below.up=a.lab.office nxlab.up=nx.lab.office back.up=back.office
serve $OFFICE 192.0.2.2 "$T/office" office. out.office=www.up circle.office=circle.up \
	tolab.office=b.lab.office back.office=www.up
serve $LAB 192.0.2.3 "$T/lab" .
serve $LEAF 192.0.2.4 "$T/leaf" .
eventually 5 sh -c "for s in $PUBLIC $LAB $LEAF; do dig +time=1 +tries=1 @\$s x || exit 1; done" >/dev/null

whole() { dig +time=6 +tries=1 @127.0.0.1 -p 1053 "$@"; }
short() { whole +short "$@" | tr '\n' ' ' | sed 's/ $//'; }
rcode() { whole "$@" | sed -n 's/.*status: \([A-Z]*\),.*/\1/p'; }
flags() { whole +dnssec "$@" | sed -n 's/^;; flags: \([^;]*\);.*/ \1 /p'; }
starts() { # NAME OPTIONS...
	name=$1
	shift
	check "$name: starts" "$KADNS" -o "$@" none "$m"
}
ends() {
	running=$(daemon_pid $state)
	umount "$m"
	eventually 10 ended "$running"
}
heard() { grep -c "$2" "$T/$1"; }

# ---- aliases
zones="upstream=office@$OFFICE,upstream=lab.office@$LAB"
starts "aliases" "$roots,dht=off,hosts=none,upstream=$PUBLIC,$zones,deadline=3s"
is "an alias leads into the office" "$(short alias.up A)" "host.office. 192.0.2.2"
is "two do" "$(short two.up A)" "alias.up. host.office. 192.0.2.2"
is "one that is told with its end is followed all the same" "$(short told.up A)" "host.office. 192.0.2.2"
is "into a zone below a zone" "$(short below.up A)" "a.lab.office. 192.0.2.3"
is "where nothing may be" "$(rcode nxlab.up A) $(short nxlab.up A)" "NXDOMAIN nx.lab.office."
is "out of the office" "$(short out.office A)" "www.up. 192.0.2.1"
is "and in and out" "$(short back.up A)" "back.office. www.up. 192.0.2.1"
is "from one office to another" "$(short tolab.office A)" "b.lab.office. 192.0.2.3"
is "no data at the end" "$(rcode alias.up AAAA) $(short alias.up AAAA)" "NOERROR host.office."
is "the alias itself" "$(short alias.up CNAME)" "host.office."
is "a circle ends" "$(rcode circle.up A)" SERVFAIL

is "the public hears of no office" "$(heard public 'office\.')" 0
is "nor the office of its laboratory" "$(heard office '\.lab\.office')" 0
ends

# A zone of the signed Internet that has servers of its own, and an alias into it.
starts "aliases, recursively" "$roots,dht=off,hosts=none,upstream=recursive,upstream=www.example.test@$LEAF"
is "an alias leads into the zone" "$(short alias.example.test A | sed 's/.* //')" 192.0.2.4
lacks "its answer is not said to be secure" "$(flags alias.example.test A)" " ad "
has "other answers are" "$(flags www.nsec3.test A)" " ad "
ends

# ---- the DHT
printf 'upstream=%s\n' $PUBLIC >"$T/conf"
starts "the DHT" "$roots,trust=open,hosts=none" -c "$T/conf"
has "names without a zone are looked up" "$(cat "$m/.kadns/explain/IN/A/x.office")" "lookup=always"
lacks "as far as the rules go" "$(cat "$m/.kadns/explain/IN/A/x.office")" "only its servers"
printf 'upstream=%s\nupstream=office@%s\n' $PUBLIC $OFFICE >"$T/conf"
kill -HUP "$(daemon_pid $state)"
check "those of a zone are not, after HUP" eventually 5 grep -q "only its servers are told" "$m/.kadns/explain/IN/A/x.office"
is "and have its answer" "$(short x.office A)" 192.0.2.2
lacks "others are" "$(cat "$m/.kadns/explain/IN/A/y.xoffice")" "only its servers"
ends

# ---- names of this network's addresses
: >"$T/public"
starts "the reverse, public" "$roots,dht=off,hosts=none,upstream=$PUBLIC"
is "addresses of this network have no names" "$(rcode -x 10.1.2.3)$(rcode -x 192.168.1.1)$(rcode -x fd00::1)" NXDOMAINNXDOMAINNXDOMAIN
is "and the Internet is not told of them" "$(heard public arpa)" 0
is "of others it is" "$(rcode -x 203.0.112.9)$(heard public "9.112.0.203.in-addr.arpa")" NOERROR1
ends
: >"$T/lab"
starts "the reverse, both" "$roots,dht=off,hosts=none,upstream=$PUBLIC,upstream=$LAB"
is "a neighbour may know them" "$(rcode -x 10.1.2.3)" NOERROR
check "who is asked, though another is before it" test "$(heard lab '3\.2\.1\.10\.in-addr\.arpa')" -ge 1
is "and nobody else" "$(heard public '10\.in-addr')" 0
ends
starts "the reverse, named" "$roots,dht=off,hosts=none,upstream=$LAB,upstream=10.in-addr.arpa@$PUBLIC"
is "who was named for the zone is asked" "$(rcode -x 10.1.2.4)$(heard public '4\.2\.1\.10\.in-addr')" NOERROR1
is "for that one only" "$(rcode -x 192.168.1.7)$(heard public '168\.192')" NOERROR0
ends
finish
