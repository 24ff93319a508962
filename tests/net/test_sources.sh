#!/bin/sh
# Where conventional answers come from, in the real program: split DNS, insecure zones, the hosts file, a
# resolv.conf that says ourselves, a child that is killed under load, HUP under load, the counters of
# each upstream, and mistakes in the configuration by their line.
. "$(dirname "$0")/../lib.sh"
small_internet
m=$T/dns
mkdir -p "$m"
roots="root_hints=$MINET_RUN/root.hints,trust_anchor=$MINET_RUN/root.ds"
state=/var/lib/kadns/4001
RECURSOR=127.53.0.53 LEAF=127.53.0.3 DEAD=127.53.0.99
# One of an office, one of the provider: whom a question went to is seen by the address and the log.
/usr/bin/python3 "$TESTS/net/slow_upstream.py" 127.53.1.1 0 192.0.2.201 "$T/office.log" &
office=$!
/usr/bin/python3 "$TESTS/net/slow_upstream.py" 127.53.1.2 100 192.0.2.202 "$T/provider.log" &
provider=$!
/usr/bin/python3 "$TESTS/net/slow_upstream.py" 127.53.1.3 0 10.1.1.1 "$T/private.log" &
eventually 5 sh -c "dig +time=1 +tries=1 @127.53.1.1 x.up && dig +time=1 +tries=1 @127.53.1.2 x.up" >/dev/null

short() { dig +short +time=6 +tries=1 @127.0.0.1 -p 1053 "$@"; }
whole() { dig +time=6 +tries=1 @127.0.0.1 -p 1053 "$@"; }
rcode() { whole "$@" | sed -n 's/.*status: \([A-Z]*\),.*/\1/p'; }
flags() { whole +dnssec "$@" | sed -n 's/^;; flags: \([^;]*\);.*/ \1 /p'; }
pid() { daemon_pid $state; }
child() { pgrep -P "$(pid)" -f validator-child; }
cpu() { awk '{ print int($1 / 1000000) }' "/proc/$(node_pid $state)/schedstat"; } # milliseconds
starts() { # NAME OPTIONS
	check "$1: starts" "$KADNS" --no-dht -o "$2" none "$m"
}
ends() {
	running=$(pid)
	umount "$m"
	eventually 10 ended "$running"
}
status() { sed -n "s/^$1  *//p" "$m/.kadns/status"; }

# ---- split DNS
starts "split DNS" "$roots,hosts=none,upstream=$RECURSOR,upstream=office@127.53.1.1,upstream=lab.office@127.53.1.3,upstream=gone@$DEAD,upstream=gone@$LEAF,upstream=example.test@$LEAF,upstream=home.arpa@127.53.1.1,private_ok=lab.office,deadline=3s"
is "a name of the zone" "$(short www.office A)" 192.0.2.201
is "the zone itself" "$(short office A)" 192.0.2.201
is "the longer zone" "$(short a.lab.office A)" 10.1.1.1
is "other names go to the general list" "$(short www.nsec3.test A)" 192.0.2.1
is "a zone that has only the end of its name in common does too" "$(rcode xoffice A)" NXDOMAIN
is "a zone that is answered here by default" "$(short printer.home.arpa A)" 192.0.2.201
check "nobody else heard of it" grep -q '^www\.office\.$' "$T/office.log"
check "but its own" sh -c "! grep -q 'lab\.office\.$' '$T/office.log' && grep -q '^a\.lab\.office\.$' '$T/private.log'"
is "it never falls through to the general list" "$(rcode www.gone A)" SERVFAIL
is "a server of one zone and no other" "$(short www.example.test A)" 192.0.2.1
lacks "is not validated" "$(flags www.example.test A)" " ad "
has "and says so" "$(whole www.example.test A)" "EDE: 5 (DNSSEC Indeterminate)"
has "the general list is validated" "$(flags www.nsec3.test A)" " ad "
lacks "and says no such thing" "$(whole www.nsec3.test A)" "EDE:"
sleep 1.2
short www.rsa.test A >/dev/null
is "the status has each upstream by its word" "$(status 'upstream.2.server')" "office@127.53.1.1"
is "with what it can" "$(status 'upstream.1.dnssec') $(status 'upstream.2.dnssec')" "passes strips"
ends

# Private addresses come from nowhere without private_ok=, from the office neither.
starts "split DNS, private" "$roots,hosts=none,upstream=$RECURSOR,upstream=lab.office@127.53.1.3"
is "a private address is dropped" "$(short b.lab.office A)" ""
has "RFC 8914: and that is said" "$(whole b.lab.office A)" "EDE: 17 (Filtered)"
ends

# ---- a signed parent that knows nothing of the zone
starts "a private zone below a signed one" "$roots,hosts=none,upstream=$RECURSOR,upstream=recursive"
has "signed" "$(flags www.example.test A)" " ad "
is "bogus" "$(rcode www.bogus.test A)" SERVFAIL
ends
starts "insecure zones" "$roots,hosts=none,upstream=$RECURSOR,insecure_zone=bogus.test,insecure_zone=example.test"
is "what would be bogus is answered" "$(short +cd www.nokey.test A)$(rcode www.nokey.test A)" "192.0.2.1SERVFAIL"
lacks "an insecure zone is not said to be secure" "$(flags www.example.test A)" " ad "
has "others are" "$(flags www.nsec3.test A)" " ad "
ends
starts "insecure zones, recursively" "$roots,hosts=none,upstream=recursive,insecure_zone=bogus.test"
is "bogus no more" "$(short www.bogus.test A)" 192.0.2.66
ends

# ---- the hosts file
printf '10.9.8.7 printer.home printer\n192.0.2.77 www.example.test\n2001:db8::7 six.home\n0.0.0.0 ads.example.test\n' >"$T/hosts"
starts "hosts" "$roots,hosts=$T/hosts,upstream=$RECURSOR"
is "an address" "$(short printer.home A)" 10.9.8.7
is "of a single label" "$(short printer A)" 10.9.8.7
is "none of the other family, and nobody is asked" "$(rcode printer.home AAAA)$(short printer.home AAAA)" NOERROR
is "it comes before DNS" "$(short www.example.test A)" 192.0.2.77
is "also for what DNS alone has" "$(short www.example.test AAAA)" ""
is "other types are asked for" "$(short example.test MX)" "10 mail.example.test."
is "the name of an address" "$(short -x 10.9.8.7)" printer.home.
is "and of one of IPv6" "$(short -x 2001:db8::7)" six.home.
is "through the mount" "$(jq -c '[.data[0],.source,.trust,.ttl]' "$m/IN/A/printer.home")" '["10.9.8.7","hosts","self",60]'
check "ENOENT for the other family" sh -c "! cat '$m/IN/AAAA/printer.home' 2>/dev/null"
has "explained" "$(cat "$m/.kadns/explain/IN/A/www.example.test")" "verdict: hosts answers, trust self"
echo 192.0.2.88 >"$m/IN/A/printer.home"
is "below own records" "$(short printer.home A)" 192.0.2.88
rm "$m/IN/A/printer.home"
printf '10.9.8.6 printer.home\n' >"$T/hosts.new"
mv "$T/hosts.new" "$T/hosts"
check "a change is noticed" eventually 10 sh -c "[ \"\$(dig +short @127.0.0.1 -p 1053 printer.home A)\" = 10.9.8.6 ]"
is "and what went is gone" "$(short www.example.test A)" 192.0.2.1
is "counted" "$(status hosts.names)" 1
ends
seq 1 200000 | sed 's/.*/0.0.0.0 host&.ads.example.com/' >"$T/many"
starts "hosts of 200,000 lines" "$roots,hosts=$T/many,upstream=$RECURSOR"
is "the last is blocked" "$(short host200000.ads.example.com A)" 0.0.0.0
sed 's/^0\.0\.0\.0/192.0.2.9/' "$T/many" >"$T/many.new"
mv "$T/many.new" "$T/many"
sleep 1
before=$(cpu)
is "one that is being read is not answered from yet" "$(short host1.ads.example.com A)" 0.0.0.0
check "then it is whole" eventually 30 grep -q '^hosts.loads  *2$' "$m/.kadns/status"
is "and answers" "$(short host1.ads.example.com A)" 192.0.2.9
took=$(($(cpu) - before))
# Against somebody else's table of the same names, on the same machine: whoever compares each with all takes hundreds of times as long.
control=$(awk '{ of[$2] = $1 } END { getline < "/proc/self/schedstat"; print int($1 / 1000000) }' "$T/many")
check "which takes no more than ten times as long as awk ($took ms, $control ms)" test "$took" -lt $((10 * control))
ends

# ---- resolv.conf that says ourselves: the door stands on port 53, as with a resolver of the machine
conf() { mount --bind "$T/resolv.conf" "$(readlink -f /etc/resolv.conf)"; }
printf 'nameserver 127.0.0.1\nnameserver %s\n' $RECURSOR >"$T/resolv.conf"
if conf; then
	check "a loop: starts" "$KADNS" -f --no-dht -o "$roots,hosts=none,dns=127.0.0.1:53,deadline=20s" none "$m" 2>"$T/loop.log" &
	eventually 10 mountpoint -q "$m"
	is "our own door in resolv.conf is left out" "$(dig +short +time=3 +tries=1 @127.0.0.1 www.example.test A)" 192.0.2.1
	is "with one warning" "$(grep -c 'own DNS door' "$T/check.out" "$T/loop.log" | awk -F: '{ n += $2 } END { print n }')" 1
	printf 'nameserver 127.0.0.1\n' >"$T/resolv.conf"
	sleep 1.1
	is "with nobody else left it fails, long before its deadline" "$(dig +time=10 +tries=1 @127.0.0.1 www.rsa.test A | sed -n 's/.*status: \([A-Z]*\),.*/\1/p')" SERVFAIL
	umount "$m"
	wait_for=$(pid 2>/dev/null)
	[ -z "$wait_for" ] || eventually 10 ended "$wait_for"
	umount "$(readlink -f /etc/resolv.conf)"
else
	not_ok "resolv.conf can be replaced"
fi

# ---- the child, killed with 200 questions in flight
starts "under load" "$roots,hosts=none,upstream=127.53.1.2,deadline=25s"
short first.up A >/dev/null # the upstream is known to strip DNSSEC
for what in Seccomp:2 NoNewPrivs:1 CapEff:0000000000000000; do
	is "the child has ${what%:*}" "$(sed -n "s/^${what%:*}:	//p" "/proc/$(child)/status")" "${what#*:}"
done
# Sockets, its memory and its own end of the loop; no file of this machine, no state, not the mount's descriptor.
is "the child holds no file" "$(for fd in "/proc/$(child)/fd"/*; do readlink "$fd"; done | grep -v -E '^(socket:|anon_inode:|pipe:|/dev/null$)')" ""
rm -f "$T/mark"
kill -STOP $provider # so that nothing is answered before all are out
/usr/bin/python3 "$TESTS/net/many_questions.py" 127.0.0.1 1053 200 up 25 "$T/mark" >"$T/many.out" &
asker=$!
eventually 20 test -e "$T/mark"
check "200 questions are in flight" eventually 10 grep -q '^upstream.in_flight  *200$' "$m/.kadns/status"
kill -9 "$(child)"
kill -CONT $provider
wait $asker
is "all are answered, and nobody had to ask again" "$(cat "$T/many.out")" "200 200 0"
is "it was started again once" "$(status upstream.restarts)" 1
ends

# ---- HUP under load, with another list
printf 'upstream=127.53.1.2\nhosts=%s\n' "$T/hosts" >"$T/conf"
cd "$T" || exit 1
check "HUP: starts" "$KADNS" --no-dht -c conf -o "$roots,deadline=25s" none "$m"
cd / || exit 1
is "the first list" "$(short one.up A)" 192.0.2.202
rm -f "$T/mark"
kill -STOP $provider
/usr/bin/python3 "$TESTS/net/many_questions.py" 127.0.0.1 1053 200 hup.up 25 "$T/mark" >"$T/many.out" &
asker=$!
eventually 20 test -e "$T/mark"
printf 'upstream=127.53.1.1\nupstream=x@127.53.1.3\nhosts=%s\n' "$T/hosts2" >"$T/conf"
echo '10.9.8.5 printer.home' >"$T/hosts2"
kill -HUP "$(pid)"
is "the new list, at once" "$(short two.up A)" 192.0.2.201
is "not what the old one said" "$(short one.up A)" 192.0.2.201
is "the new hosts file" "$(short printer.home A)" 10.9.8.5
kill -CONT $provider
wait $asker
is "no question is lost" "$(cat "$T/many.out")" "200 200 0"
is "and no child ended" "$(status upstream.restarts)" 0
is "the status has the new list" "$(status upstream.2.server)" "x@127.53.1.3"
echo 'upstream=what' >>"$T/conf"
kill -HUP "$(pid)"
sleep 0.2
is "a mistake changes nothing" "$(short three.up A)" 192.0.2.201
is "a private address is dropped" "$(short a.x A)" ""
is "nor the mode" "$(status trust)" guarded
printf 'upstream=127.53.1.1\nupstream=x@127.53.1.3\nhosts=none\nprivate_ok=x\ntrust=strict\n' >"$T/conf"
kill -HUP "$(pid)"
is "private_ok= counts at once" "$(eventually 10 grep -q '^trust  *strict' "$m/.kadns/status"; short a.x A)" 10.1.1.1
is "trust= too" "$(status trust)" strict
is "hosts=none" "$(short printer.home A)" 192.0.2.201
short kept.up A >/dev/null
is "an upstream's answer" "$(short kept.up A)" 192.0.2.201
ends
starts "another upstream after a restart" "$roots,hosts=none,upstream=127.53.1.2"
is "nothing of the former is left" "$(short kept.up A)" 192.0.2.202
short kept.up A >/dev/null
asked=$(grep -c '^kept\.up\.$' "$T/provider.log")
ends
starts "the same after a restart" "$roots,hosts=none,upstream=127.53.1.2"
is "what it said is known still" "$(short kept.up A) $(grep -c '^kept\.up\.$' "$T/provider.log")" "192.0.2.202 $asked"
ends

# ---- after a restart in another network, whose server has the same address
at_home() { ip route change local 10.77.0.1 dev lo table local src "$1"; } # ADDRESS: which is given us there
for address in 10.77.0.1 10.77.0.5 10.77.0.6; do ip address add $address/32 dev lo; done
/usr/bin/python3 "$TESTS/net/slow_upstream.py" 10.77.0.1 0 192.0.2.205 "$T/router.log" &
echo "nameserver 10.77.0.1" >"$T/resolv.conf"
asked_router() { short kept.up A >/dev/null && grep -c '^kept\.up\.$' "$T/router.log"; }
if at_home 10.77.0.5 && conf; then
	starts "at home" "$roots,hosts=none,upstream=system"
	first_time=$(asked_router) # once for each question until it is known whether DNSSEC is stripped
	short kept.up A >/dev/null
	ends
	starts "there again" "$roots,hosts=none,upstream=system"
	is "what its server said is known still" "$(asked_router)" "$first_time"
	ends
	at_home 10.77.0.6
	starts "elsewhere" "$roots,hosts=none,upstream=system"
	check "it is not" test "$(asked_router)" -gt "$first_time"
	ends
	umount "$(readlink -f /etc/resolv.conf)"
else
	not_ok "a machine may be given an address"
fi

# ---- order, failover and return
/usr/bin/python3 "$TESTS/net/slow_upstream.py" 127.53.1.4 0 192.0.2.204 "$T/first.log" &
first=$!
starts "failover" "$roots,hosts=none,upstream=127.53.1.4,upstream=127.53.1.1"
eventually 10 sh -c "dig +time=1 +tries=1 @127.53.1.4 x.up"
is "the first answers" "$(short a.order A)" 192.0.2.204
kill -STOP $first
is "it falls silent: the second answers" "$(short b.order A)" 192.0.2.201
is "and from then on at once" "$(short c.order A)" 192.0.2.201
check "the first is said to be down" eventually 10 grep -q '^upstream.1.down  *1$' "$m/.kadns/status"
kill -CONT $first
i=0
while [ "$(short "d$i.order" A)" != 192.0.2.204 ] && [ $i -lt 300 ]; do
	i=$((i + 1))
	sleep 0.1
done
check "it is back: it answers again" test $i -lt 300
# What was sent to it while it was silent it reads when it goes on.
check "b.order had waited for it" grep -q '^b\.order' "$T/first.log"
is "c.order had not" "$(grep -c '^c\.order' "$T/first.log")" 0
check "and is not down" eventually 10 grep -q '^upstream.1.down  *0$' "$m/.kadns/status"
check "with a round trip" test "$(status upstream.1.rtt_us)" -gt 0
ends

# ---- mistakes, by their line
mistake() { # NAME LINE PART
	printf '# one\nport=4001\n%s\n' "$2" >"$T/bad.conf"
	"$KADNS" -n -c "$T/bad.conf" none "$m" >"$T/bad.out" 2>&1
	has "$1" "$(cat "$T/bad.out")" "bad.conf:3: $3"
}
mistake "an upstream that is none" "upstream=dns.example" "upstream=dns.example: neither system"
mistake "a zone that is none" "upstream=a..b@192.0.2.1" "upstream=a..b@192.0.2.1: what stands before @ is no name"
mistake "a zone of system" "upstream=corp@system" "upstream=corp@system: system is for all names"
# Every option of sources and doors, wrong: by its line.
while read -r wrong says; do
	mistake "$wrong" "$wrong" "${says:-$wrong: not good, should be ${wrong%%=*}=}"
done <<-END
	dns=1.2.3
	dns=127.0.0.1:0
	dns=127.0.0.1:99999
	dot=x
	dot=127.0.0.1:853 dot=127.0.0.1:853 needs tls_cert=
	tls_cert=/nowhere /nowhere: No such file
	tls_key=/nowhere /nowhere: No such file
	allow=10.0.0.0/33
	allow=office
	upstream=192.0.2.1:0 upstream=192.0.2.1:0: neither system
	upstream=tls://192.0.2.1 upstream=tls://192.0.2.1: the name
	insecure_zone=a..b
	hosts=/nowhere/hosts /nowhere/hosts: No such file
	root_hints=/nowhere /nowhere: No such file
	trust_anchor=/nowhere /nowhere: No such file
	trust=maybe
	tofu=a..b
	pin=x pin=x: a line begins with a key
	lookup=never
	private_ok=a..b
	deadline=4x
	deadline=0s
	user=nobody-of-this-name user=nobody-of-this-name: there is no such user
END
# And each is in the help and in the manual, which has an example of it that is good.
help=$("$KADNS" --help)
sed -n '/^\.Sh EXAMPLES/,$p' "$TOP/fs/kadns.conf.5" | awk '/^\.Bd -literal/ { n++; on = 1; next } /^\.Ed/ { on = 0 } on { print > "'"$T"'/example." n }'
touch "$T/hosts.example"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=office -days 2 -keyout "$T/key.pem" \
	-out "$T/fullchain.pem" 2>"$T/openssl.out"
for option in dns dot tls_cert tls_key allow upstream insecure_zone hosts root_hints trust_anchor trust tofu pin lookup private_ok \
	deadline user state; do
	has "$option= in the help" "$help" "
  $option="
	check "$option= in the manual" grep -q "^\.It Cm $option Ns = Ns" "$TOP/fs/kadns.conf.5"
done
for option in $(echo "$help" | sed -n 's/^  \([a-z_]*\)\(=[^ ]*\)\{0,1\}  .*/\1/p'); do
	check "$option has an example" grep -qE "^$option(=|\$)" "$T/example.1" "$T/example.2" "$T/example.3"
done
for example in 1 2 3; do
	sed -i "s#/etc/ssl/office/#$T/#; s#/etc/kadns.hosts#$T/hosts.example#; s/^user=.*/user=nobody/" "$T/example.$example"
	is "example $example is good" "$("$KADNS" -n -c "$T/example.$example" none "$m" 2>&1)" "kadns: the configuration is good"
done
printf 'dns=127.0.0.1:5353\nupstream=192.0.2.1\nupstream=127.0.0.1:5353\n' >"$T/bad.conf"
"$KADNS" -n -c "$T/bad.conf" none "$m" >"$T/bad.out" 2>&1
has "our own door" "$(cat "$T/bad.out")" "bad.conf:3: upstream=127.0.0.1:5353: that is our own door"
printf 'upstream=192.0.2.1\nupstream=corp.example@10.0.0.1\ninsecure_zone=corp.example\nhosts=none\n' >"$T/good.conf"
is "a good one" "$("$KADNS" -n -c "$T/good.conf" none "$m")" "kadns: the configuration is good"
kill $office
finish
