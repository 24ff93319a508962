#!/bin/sh
# Conventional DNS through the mount and through the door, against a signed miniature Internet: the same
# questions recursively and by forwarding, what must fail, and how long that may take.
. "$(dirname "$0")/../lib.sh"
small_internet
m=$T/dns
mkdir -p "$m"
roots="root_hints=$MINET_RUN/root.hints,trust_anchor=$MINET_RUN/root.ds"

why() { # FILE: the words of the error that reading it gives
	LC_ALL=C cat "$1" 2>&1 >/dev/null | sed 's/.*: //'
}
status_of() { # NAME TYPE [OPTION...]
	name=$1 type=$2
	shift 2
	dig @127.0.0.1 -p 1053 +time=6 +tries=1 "$@" "$name" "$type" | sed -n 's/.*status: \([A-Z]*\),.*/\1/p'
}
flags_of() { dig @127.0.0.1 -p 1053 +time=6 +tries=1 "$@" | sed -n 's/^;; flags: \([^;]*\);.*/ \1 /p'; }
ms() { # COMMAND...: how long it took
	begin=$(date +%s%N)
	"$@" >/dev/null 2>&1
	echo $((($(date +%s%N) - begin) / 1000000))
}

questions() { # MODE
	is "$1: A" "$(data_of "$m/IN/A/www.example.test")" 192.0.2.1
	is "$1: AAAA" "$(data_of "$m/IN/AAAA/www.example.test")" 2001:db8::1
	is "$1: a CNAME is followed, and told of" "$(jq -c '[.data[0], .cname]' "$m/IN/A/alias.example.test")" \
		'["192.0.2.1",["www.example.test."]]'
	is "$1: wildcard" "$(data_of "$m/IN/A/x.y.wild.example.test")" 192.0.2.7
	is "$1: MX by field" "$(jq -c '.rdata' "$m/IN/MX/example.test")" \
		'[{"preference":10,"exchange":"mail.example.test."}]'
	is "$1: TXT" "$(jq -c '.rdata[0].strings' "$m/IN/TXT/txt.example.test")" '["hello","world"]'
	has "$1: SRV" "$(data_of "$m/IN/SRV/_s._tcp.example.test")" "0 5 443 www.example.test."
	has "$1: HTTPS" "$(data_of "$m/IN/HTTPS/svc.example.test")" "1 . alpn="
	is "$1: SOA" "$(jq -r '.rdata[0].minimum' "$m/IN/SOA/example.test")" 60
	is "$1: a type without a name" "$(data_of "$m/IN/TYPE65280/odd.example.test")" '\# 3 010203'
	is "$1: forty addresses" "$(jq '.data | length' "$m/IN/A/many.example.test")" 40
	is "$1: two kilobytes of TXT" "$(jq '.data | length' "$m/IN/TXT/big.example.test")" 8
	is "$1: a single label" "$(jq -r '.name' "$m/IN/NS/test.")" test.
	is "$1: the root" "$(data_of "$m/IN/NS/@")" a.root.
	is "$1: signed is said so" "$(jq -r '.source + " " + .trust' "$m/IN/A/www.example.test")" "dns dnssec"
	is "$1: unsigned is said so" "$(jq -r '.trust' "$m/IN/A/www.insecure.test")" dns
	is "$1: no such name" "$(why "$m/IN/A/nope.example.test")" "No such file or directory"
	is "$1: no such type" "$(why "$m/IN/MX/www.example.test")" "No such file or directory"
	is "$1: bogus is refused" "$(why "$m/IN/A/www.bogus.test")" "Bad message"
	is "$1: expired is refused" "$(why "$m/IN/A/www.expired.test")" "Bad message"
	is "$1: a lame server" "$(why "$m/IN/A/www.lame.test")" "Remote I/O error"

	is "$1: dig" "$(dig +short @127.0.0.1 -p 1053 www.example.test A)" 192.0.2.1
	is "$1: dig NXDOMAIN" "$(status_of nope.example.test A)" NXDOMAIN
	is "$1: dig NODATA" "$(status_of www.example.test MX)" NOERROR
	is "$1: dig bogus" "$(status_of www.bogus.test A)" SERVFAIL
	is "$1: dig bogus with CD" "$(dig +short +cd @127.0.0.1 -p 1053 www.bogus.test A)" 192.0.2.66
	has "$1: dig says why" "$(dig @127.0.0.1 -p 1053 www.bogus.test A)" "EDE: 6 (DNSSEC Bogus): (kadns: DNSSEC validation failed)"
	has "$1: and which of the reasons" "$(dig @127.0.0.1 -p 1053 www.expired.test A)" "EDE: 7 (Signature Expired)"
	has "$1: that the key is missing" "$(dig @127.0.0.1 -p 1053 www.nokey.test A)" "EDE: 9 (DNSKEY Missing)"
	has "$1: AD where it is signed" "$(flags_of +dnssec www.example.test A)" " ad "
	lacks "$1: no AD where it is not" "$(flags_of +dnssec www.insecure.test A)" " ad "
	lacks "$1: no AD unasked" "$(flags_of +noadflag +nodnssec www.example.test A)" " ad "
	has "$1: RRSIG with DO" "$(dig +dnssec @127.0.0.1 -p 1053 www.example.test A)" RRSIG
	lacks "$1: none without" "$(dig @127.0.0.1 -p 1053 www.example.test A)" RRSIG
	has "$1: a large answer is cut" "$(flags_of +ignore +bufsize=1232 big.example.test TXT)" " tc "
	is "$1: and whole over TCP" "$(dig +short @127.0.0.1 -p 1053 big.example.test TXT | wc -l)" 8
	has "$1: case is kept" "$(dig @127.0.0.1 -p 1053 wWw.eXample.test A)" "wWw.eXample.test.	"
	check "$1: pipelining over TCP" pipelined
	passed=$("$TESTS/net/minet.sh" check 127.0.0.1 1053 2>&1 | tail -n 1)
	is "$1: the test net's own questions" "$passed" "29 passed, 0 failed"
}

# Many questions in one segment, then one octet by octet: each is answered, whatever the order.
pipelined() {
	/usr/bin/python3 - <<'PYTHON'
import socket, struct, sys, time
def query(i, name):
    q = struct.pack(">6H", i, 0x100, 1, 0, 0, 0)
    q += b"".join(bytes([len(l)]) + l for l in name.split(b".")) + b"\0" + struct.pack(">2H", 1, 1)
    return struct.pack(">H", len(q)) + q
names = [b"www.example.test", b"www.insecure.test", b"www.rsa.test", b"nope.example.test"] * 8
s = socket.create_connection(("127.0.0.1", 1053), 6)
s.settimeout(6)
s.sendall(b"".join(query(i, n) for i, n in enumerate(names)))
for octet in query(99, b"www.nsec3.test"):
    s.send(bytes([octet]))
seen, f = set(), s.makefile("rb")
while len(seen) < len(names) + 1:
    reply = f.read(struct.unpack(">H", f.read(2))[0])
    assert reply[2] & 0x80 and reply[3] & 0xf in (0, 3), reply[:4]
    seen.add(struct.unpack(">H", reply[:2])[0])
assert seen == set(range(len(names))) | {99}
s.shutdown(socket.SHUT_WR)
assert f.read(1) == b""
PYTHON
}

check "recursively: starts" "$KADNS" -o "$roots,upstream=recursive" none "$m"
questions recursively
umount "$m"
eventually 10 ended "$(daemon_pid /var/lib/kadns/4001)"
check "forwarding: starts" "$KADNS" -o "$roots,upstream=127.53.0.53" none "$m"
questions forwarding

# The child that asks is killed: it is started again, and who asked hears nothing of it.
child=$(pgrep -P "$(daemon_pid /var/lib/kadns/4001)" -f validator-child)
check "there is a child" test -n "$child"
cat "$m/IN/TXT/nocache1.insecure.test" >/dev/null 2>&1 &
kill -9 "$child"
is "its death is not felt" "$(data_of "$m/IN/A/ns.insecure.test")$(dig +short @127.0.0.1 -p 1053 www.rsa.test AAAA)" 2001:db8::1
umount "$m"
eventually 10 ended "$(daemon_pid /var/lib/kadns/4001)"

# Nobody answers: the deadline holds, and an error is told from a name that is not there.
check "a dead upstream: starts" "$KADNS" -o "$roots,upstream=127.53.0.99,deadline=1s" none "$m"
took=$(ms cat "$m/IN/A/www.example.test")
check "a dead upstream ends at the deadline ($took ms)" test "$took" -ge 900 -a "$took" -lt 6000 # ten, by itself
is "as a timeout" "$(why "$m/IN/A/ns.example.test")" "Connection timed out"
is "and as SERVFAIL" "$(status_of www.rsa.test A)" SERVFAIL
umount "$m"
eventually 10 ended "$(daemon_pid /var/lib/kadns/4001)"

# No DHT, no mount: a resolver as dns2dns.py was one.
check "--no-dht --no-mount serves" "$KADNS" --no-dht --no-mount -o "$roots,upstream=recursive"
is "and answers" "$(dig +short @127.0.0.1 -p 1053 www.example.test A)" 192.0.2.1
kill "$(daemon_pid /var/lib/kadns/4001)"
check "and ends on TERM" eventually 5 ended "$(daemon_pid /var/lib/kadns/4001)"
"$TESTS/net/minet.sh" stop
check "recursively, every server dead: starts" "$KADNS" --no-dht -o "$roots,upstream=recursive,deadline=1s" none "$m"
took=$(ms cat "$m/IN/A/www.example.test")
check "ends at the deadline ($took ms)" test "$took" -lt 6000
is "as SERVFAIL too" "$(status_of www.rsa.test A)" SERVFAIL
case $(why "$m/IN/A/ns.example.test") in
"Connection timed out" | "Remote I/O error" | "Network is unreachable") ok "and says which failure" ;;
*) not_ok "and says which failure" ;;
esac
finish
