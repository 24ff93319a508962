#!/bin/sh
# The door for DNS over TLS of the real program: what a start refuses, versions, ALPN, resumption, padding, questions in
# any order and any pieces, certificates that change, and those who only begin handshakes.
. "$(dirname "$0")/../lib.sh"
small_internet
m=$T/dns c=$T/c
mkdir -p "$m" "$c"
/usr/bin/python3 "$TESTS/net/certificates.py" "$c" || { echo "not ok certificates"; exit 1; }
roots="root_hints=$MINET_RUN/root.hints,trust_anchor=$MINET_RUN/root.ds"
S=/var/lib/kadns/4001
count() { sed -n "s/^$1  *//p" "$m/.kadns/status"; }

# ---- what is refused, at the check and at the start, in one line
refuses() { # NAME PART OPTION...
	what=$1 part=$2
	shift 2
	for n in -n ""; do
		# shellcheck disable=SC2086
		if said=$("$KADNS" $n --no-dht -o "upstream=none,dns=off,$1" none "$m" 2>&1); then
			not_ok "$what $n: refused"
			umount "$m"
		fi
		has "$what $n" "$said" "$part"
		is "$what $n: one line" "$(echo "$said" | wc -l)" 1
	done
}
files() { echo "dot=127.0.0.1:8853,tls_cert=$c/$1.pem,tls_key=$c/$2.key"; }
refuses "no certificate named" "dot=127.0.0.1:8853 needs tls_cert=FILE" "dot=127.0.0.1:8853"
refuses "no key named" "dot=127.0.0.1:8853 needs tls_key=FILE" "dot=127.0.0.1:8853,tls_cert=$c/good.pem"
refuses "a certificate that is not there" "No such file" "$(files nobody good)"
refuses "a key that is not there" "No such file" "$(files good nobody)"
refuses "a key of another" "tls_key=$c/next.key: the key is not that of the certificate" "$(files good next)"
refuses "one that has expired" "tls_cert=$c/expired.pem: the certificate has expired" "$(files expired expired)"
refuses "one that is not valid yet" "not valid yet" "$(files early early)"
refuses "a key with a password" "has a password" "$(files locked locked)"
refuses "no PEM" "no certificate in it" "dot=127.0.0.1:8853,tls_cert=$c/good.key,tls_key=$c/good.key"
refuses "no key in it" "no private key in it" "dot=127.0.0.1:8853,tls_cert=$c/good.pem,tls_key=$c/good.pem"
refuses "an empty file" "No data" "dot=127.0.0.1:8853,tls_cert=/dev/null,tls_key=$c/good.key"
refuses "an address for all the world" "say who may ask" "dot=0.0.0.0:8853,tls_cert=$c/good.pem,tls_key=$c/good.key"
refuses "no port" "not good" "dot=127.0.0.1,tls_cert=$c/good.pem,tls_key=$c/good.key"

# ---- it serves; the key is root's alone
cp "$c/good.pem" "$c/cert.pem"
cp "$c/good.key" "$c/key.pem"
chmod 600 "$c/key.pem"
ulimit -n 8192
check "starts" "$KADNS" --no-dht -o "$roots,upstream=recursive,dns=127.0.0.1:1053,deadline=2s" \
	-o "dot=127.0.0.1:8853,tls_cert=$c/cert.pem,tls_key=$c/key.pem" none "$m"
pid=$(daemon_pid $S) node=$(node_pid $S)
tls="kdig +short +time=5 +retry=0 @127.0.0.1 -p 8853 +tls-ca=$c/ca.pem"
is "dig +tls" "$(dig +tls +tls-ca="$c/ca.pem" +tls-hostname=dns.test +short -p 8853 @127.0.0.1 www.example.test)" 192.0.2.1
is "dig +tls, whoever it is" "$(dig +tls +short -p 8853 @127.0.0.1 www.example.test)" 192.0.2.1
is "kdig +tls" "$($tls +tls-host=dns.test www.example.test)" 192.0.2.1
has "with the certificate's name" "$($tls +tls-host=other.test www.example.test 2>&1)" "certificate"
has "openssl s_client -reconnect resumes" \
	"$(openssl s_client -connect 127.0.0.1:8853 -tls1_2 -reconnect </dev/null 2>/dev/null)" "Reused, TLSv1.2"
check "the door" /usr/bin/python3 -W ignore "$TESTS/net/dot.py" "$c" "$m" "$node"
cat "$T/check.out"
not_ok_count=$((not_ok_count + $(grep -c '^not ok' "$T/check.out")))

# ---- two thousand who only begin: UDP loses no question, a client is served
cat >"$T/half.py" <<'PYTHON'
"""half.py TESTS CA: 2,000 connections that each send the beginning of a handshake; while they come, questions over UDP.
Prints how many of these were answered."""
import sys
sys.path.insert(0, sys.argv[1] + "/net")
from dnsraw import *
into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = tls_context(sys.argv[2]).wrap_bio(into, out, server_hostname="dns.test")
try:
    tls.do_handshake()
except ssl.SSLWantReadError:
    pass
hello, clients, u, got = out.read(), [], Udp(("127.0.0.1", 1053), timeout=2), 0
for i in range(2000):
    s = socket.create_connection(("127.0.0.1", 8853), 6)
    s.sendall(hello if i % 4 else hello[:100])
    clients.append(s)
    got += u.ask(query("www.example.test", id_=i)) is not None
print(got)
tls = Tls(("127.0.0.1", 8853), tls_context(sys.argv[2]), timeout=5)
print(len(tls.ask(query("www.example.test")).answer))
PYTHON
before=$(count dns.tls.displaced)
said=$(/usr/bin/python3 "$T/half.py" "$TESTS" "$c/ca.pem")
is "two thousand half handshakes: no question over UDP is lost, and a new client is served" "$said" "2000
1"
# Each place at least once; on a slow machine many leave by themselves, after two idle seconds in a crowd.
check "those who came later displaced who was idle" test "$(count dns.tls.displaced)" -ge $((before + 256))
check "some waited for their turn" test "$(count dns.tls.queued)" -gt 0
descriptors() { ls "/proc/$node/fd" | wc -l; }
few() { [ "$(descriptors)" -lt 60 ]; }
check "no descriptor is left" eventually 12 few
check "it lives" kill -0 "$node"
is "over TLS afterwards" "$($tls +tls-host=dns.test www.example.test)" 192.0.2.1
umount "$m"
check "ends" eventually 5 ended "$pid"
finish
