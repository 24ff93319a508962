#!/bin/sh
# The three nodes of 2009 on one machine: written at one, read at another, through the mount and through
# DNS; after the writer was killed; after all were killed and started again.
. "$(dirname "$0")/../lib.sh"

m1=$T/dns m2=$T/two m3=$T/three
mkdir -p "$m1" "$m2" "$m3"
printf '# the nodes that we know\n127.0.0.1 4001\n127.0.0.1:4002\n' >"$T/nodes.txt"

start1() { "$KADNS" -o port=4001,upstream=none none "$m1"; }
start2() { "$KADNS" -o port=4002,dns=127.0.0.1:1054,upstream=none 127.0.0.1:4001 "$m2"; }
start3() { "$KADNS" -o port=4003,dns=127.0.0.1:1055,upstream=none "$T/nodes.txt" "$m3"; }
nodes_of() { wc -l <"$1/.kadns/nodes"; }
knows_two() { [ "$(nodes_of "$1")" = 2 ]; }
published() { # MOUNT: nothing waits
	[ "$(sed -n 's/^publish.queued *//p' "$1/.kadns/status")" = 0 ]
}
dig_at() { # PORT NAME TYPE
	dig +short +time=5 +tries=1 @127.0.0.1 -p "$1" "$2" "$3"
}

check "node 1 starts" start1
check "node 2 joins by a peer" start2
check "node 3 joins by a file" start3
check "each knows the other two" eventually 10 knows_two "$m1"
check "and so does node 3" eventually 10 knows_two "$m3"

echo 192.0.2.7 >"$m1/IN/A/printer.alt"
is "a record is read where it was written" "$(data_of "$m1/IN/A/printer.alt")" 192.0.2.7
check "and goes to the network" eventually 10 published "$m1"
is "node 3's mount reads it" "$(data_of "$m3/IN/A/printer.alt")" 192.0.2.7
is "node 3's DNS door answers it" "$(dig_at 1055 printer.alt A)" 192.0.2.7
is "over TCP too" "$(dig +tcp +short @127.0.0.1 -p 1055 printer.alt A)" 192.0.2.7
is "it says where it has it from" "$(jq -r '.source + " " + .trust' "$m3/IN/A/printer.alt")" "dht tofu"
printf '10 mx.alt\n20 mx2.alt\n' >"$m1/IN/MX/mail.alt"
echo '{"ttl":60,"data":["hello \"world\"","v=spf1 -all"]}' >"$m1/IN/TXT/txt.alt"
echo '{"rdata":[{"priority":1,"weight":2,"port":443,"target":"www.alt."}]}' >"$m1/IN/SRV/_s._tcp.srv.alt"
printf '\\# 3 010203\n' >"$m1/IN/TYPE65280/odd.alt"
check "other types go out" eventually 10 published "$m1"
is "MX" "$(dig_at 1055 mail.alt MX | tr '\n' ' ')" "10 mx.alt. 20 mx2.alt. "
has "TXT" "$(dig_at 1055 txt.alt TXT)" '"v=spf1 -all"'
is "SRV" "$(dig_at 1055 _s._tcp.srv.alt SRV)" "1 2 443 www.alt."
is "a type without a name" "$(data_of "$m3/IN/TYPE65280/odd.alt")" '\# 3 010203'

echo 192.0.2.99 >"$m2/IN/A/printer.alt"
check "a second writer of the name" eventually 10 published "$m2"
is "does not replace the first signer" "$(dig_at 1055 printer.alt A)" 192.0.2.7

rm "$m1/IN/TXT/txt.alt"
check "a withdrawal goes out" eventually 10 published "$m1"
check "withdrawn: gone at node 2" sh -c "! cat '$m2/IN/TXT/txt.alt'"

check "node 1 is killed" starter_killed /var/lib/kadns/4001
rm -f "$T/err"
cat "$m1/IN/A/printer.alt" 2>"$T/err"
has "its mount says so at once" "$(cat "$T/err")" "not connected"
is "node 3 still reads the record" "$(data_of "$m3/IN/A/printer.alt")" 192.0.2.7
is "and what it had not read before" "$(dig_at 1054 mail.alt MX | head -n 1)" "10 mx.alt."

for port in 4002 4003; do
	starter_killed /var/lib/kadns/$port
done
check "node 1 starts again over its dead mount" start1
check "node 2 starts again" start2
check "node 3 starts again" start3
is "there is one mount, not two" "$(grep -c " $m1 fuse.kadns" /proc/self/mounts)" 1
is "the record is still there at node 1" "$(data_of "$m1/IN/A/printer.alt")" 192.0.2.7
read_again() { [ "$(data_of "$m3/IN/A/printer.alt")" = 192.0.2.7 ]; }
check "and at node 3" eventually 10 read_again
is "and through its door" "$(dig_at 1055 printer.alt A)" 192.0.2.7

# dns2dns.py of 2009: a proxy for those who can only ask port 53.
check "a proxy without DHT and mount" "$KADNS" --no-dht --no-mount \
	-o "port=4004,upstream=127.0.0.1:1055,dns=127.0.0.1:53"
is "answers what the node behind it does" "$(dig_at 53 printer.alt A)" 192.0.2.7
kill "$(daemon_pid /var/lib/kadns/4004)"

for m in "$m1" "$m2" "$m3"; do
	check "umount ends the daemon of ${m##*/}" umount "$m"
done
none_left() { ! grep -q FLOCK /proc/locks; }
check "all have ended" eventually 10 none_left
finish
