#!/bin/sh
# kadns ask, publish and withdraw of the real program: by the Unix socket of a running one, whoever that is, and by each
# way to a resolver; what they print, how they end, and what a stranger at the socket can do.
. "$(dirname "$0")/../lib.sh"
small_internet
m=$T/dns c=$T/c
mkdir -p "$m" "$c"
/usr/bin/python3 "$TESTS/net/certificates.py" "$c" || { echo "not ok certificates"; exit 1; }
roots="root_hints=$MINET_RUN/root.hints,trust_anchor=$MINET_RUN/root.ds"
export SSL_CERT_FILE="$c/ca.pem"
unset XDG_RUNTIME_DIR
chmod 755 "$T"
check "starts" "$KADNS" -o "$roots,hosts=none,upstream=recursive,private_ok=.,lookups=20,http=127.0.0.1:8882,https=127.0.0.1:8443,dot=127.0.0.1:8853,tls_cert=$c/good.pem,tls_key=$c/good.key" none "$m"
pid=$(daemon_pid /var/lib/kadns/4001)
ask() { "$KADNS" ask "$@"; }
ends_with() { # NAME STATUS COMMAND...
	name=$1 want=$2
	shift 2
	"$@" >"$T/said" 2>&1
	is "$name: ends with" "$? $(wc -l <"$T/said")" "$want"
}
as() { # UID COMMAND...
	uid=$1
	shift
	setpriv --reuid="$uid" --regid="$uid" --clear-groups "$@"
}

# ---- what cat prints
is "what cat prints" "$(ask www.example.test)" "$(cat "$m/IN/A/www.example.test")"
is "a type" "$(ask big.example.test txt | jq '.data|length')" 8
is "several" "$(ask example.test SOA MX | jq -r .type | tr '\n' ' ')" "SOA MX "
is "the root" "$(ask @ NS | jq -r .name)" .
is "--short" "$(ask --short www.example.test)" 192.0.2.1
has "--dns" "$(ask --dns www.example.test)" "www.example.test.	"
has "--dns: signatures" "$(ask --dns www.example.test)" "RRSIG"
has "--dns: a denial" "$(ask --dns nope.example.test 2>/dev/null)" "status: NXDOMAIN"
is "--explain" "$(ask --explain www.example.test | sed 's/, at .*//')" "$(sed 's/, at .*//' "$m/.kadns/explain/IN/A/www.example.test")"

# ---- how it ends: status, and lines of what it has said
ends_with "an answer" "0 1" ask www.example.test
ends_with "no such name" "2 1" ask nope.example.test
ends_with "nothing of that type" "2 1" ask www.example.test SRV
ends_with "one of two" "2 2" ask www.example.test A SRV
ends_with "forged" "5 1" ask www.bogus.test
ends_with "--require=dnssec" "0 1" ask --require=dnssec www.example.test
ends_with "--require=dnssec, unsigned" "6 2" ask --require=dnssec www.insecure.test
ends_with "--require, either" "0 1" ask --require dns,dnssec www.insecure.test
for bad in "" "--no" "--via" "--require=much x.y" "--require= x.y" "--port 0 x.y" "--port 4x x.y" "--port=70000 x.y" "a..b" "x.y NONE" "x.y ANY" \
	"--via 127.0.0.1 --explain x.y" "--via system x.y" "--via https://x/y x.y" "--via 127.0.0.1:0 x.y" "--via= x.y" "x.y TYPE65536" "--port 4999 x.y"; do
	# shellcheck disable=SC2086
	ends_with "ask $bad" "1 1" ask $bad
done
for bad in "" "x.y" "x.y NONE" "x.y A --" "x.y A 1.2.3" "x.y ANY 1" "x.y RRSIG 1"; do
	# shellcheck disable=SC2086
	ends_with "publish $bad" "1 1" "$KADNS" publish $bad </dev/null
	# shellcheck disable=SC2086
	ends_with "withdraw $bad" "1 1" "$KADNS" withdraw $bad x </dev/null
done
has "--help" "$(ask --help)" "usage: kadns ask"

# ---- each way to a resolver
for via in @127.0.0.1:1053 "--via 127.0.0.1:1053" "--tls 127.0.0.1:8853#dns.test" "--via tls://127.0.0.1:8853#dns.test" \
	"--via https://127.0.0.1:8443/dns-query#dns.test" "--via http://127.0.0.1:8882/PROXY"; do
	# shellcheck disable=SC2086
	is "$via" "$(ask $via www.example.test | jq -c '[.data[0],.source]')" '["192.0.2.1","dns"]'
	# shellcheck disable=SC2086
	is "$via: two kilobytes" "$(ask --short $via big.example.test TXT | wc -l)" 8
	# shellcheck disable=SC2086
	ask $via nope.example.test >"$T/said" 2>&1
	is "$via: no such name" "$?" 2
done
ends_with "AD over TLS" "0 1" ask --require=dnssec --tls "127.0.0.1:8853#dns.test" www.example.test
ends_with "the form of 2009 proves nothing" "6 3" ask --require=dnssec --via http://127.0.0.1:8882/PROXY www.example.test
ends_with "not whom it should be" "4 2" ask --tls "127.0.0.1:8853#other.test" www.example.test
has "and why" "$(cat "$T/said")" "certificate: "
ends_with "nobody there" "3 1" ask @127.0.0.1:5999 www.example.test

# ---- publishing
ends_with "publish" "0 0" "$KADNS" publish mine.alt A 192.0.2.50 192.0.2.51
is "the mount has it" "$(jq -c '[.data,.trust]' "$m/IN/A/mine.alt")" '[["192.0.2.50","192.0.2.51"],"self"]'
is "and dig" "$(dig +short @127.0.0.1 -p 1053 mine.alt A | sort | tr '\n' ' ')" "192.0.2.50 192.0.2.51 "
echo '{"ttl":60,"data":"10 mx.alt."}' | "$KADNS" publish mine.alt MX
is "from standard input" "$(jq -c '[.ttl,.data[0]]' "$m/IN/MX/mine.alt")" '[60,"10 mx.alt."]'
ends_with "withdraw" "0 0" "$KADNS" withdraw mine.alt A
ends_with "is gone" "2 1" ask mine.alt
ends_with "withdraw again" "2 1" "$KADNS" withdraw mine.alt A
"$KADNS" publish roots.alt A 192.0.2.60
ends_with "another user: root's record" "1 1" as 4242 "$KADNS" publish roots.alt A 192.0.2.66
ends_with "another user: root's record stays" "1 1" as 4242 "$KADNS" withdraw roots.alt A
is "as the mount says" "$(as 4242 sh -c "echo 192.0.2.66 >'$m/IN/A/roots.alt'" 2>&1 | grep -c denied)" 1
is "it stands" "$(ask --short roots.alt)" 192.0.2.60
ends_with "another user: his own" "0 0" as 4242 "$KADNS" publish his.alt A 192.0.2.70
is "he reads it" "$(as 4242 "$KADNS" ask --short his.alt)" 192.0.2.70
is "it is his in the mount" "$(as 4242 stat -c %u "$m/IN/A/his.alt")" 4242
key=$(cat "$m/.kadns/key")
"$KADNS" publish "$key" A 192.0.2.80
"$KADNS" publish "www.$key" A 192.0.2.81
is "pk:KEY" "$(ask --short "pk:$key") $(ask --short "pk:www.$key")" "192.0.2.80 192.0.2.81"
is "is the key's name" "$(ask "pk:$key" | jq -c '[.name,.trust]')" "[\"$key.\",\"self\"]"
for bad in pk: pk:www.example.test "pk:${key%?}b" "pk:$key.x" "pk:pk:$key"; do
	ends_with "no key: $bad" "1 1" ask "$bad"
done
ends_with "another's key" "1 1" as 4242 "$KADNS" publish "www.$key" A 192.0.2.1

# ---- strangers at the socket
cat >"$T/junk.py" <<'PYTHON'
import os, socket, struct, sys
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect("/run/kadns/4001")
    return s
def closed(s):
    try:
        return s.recv(1) == b""
    except ConnectionError:
        return True
name = b"\3www\7example\4test\0"
good = b"\1\0\1\0\1" + name
for bad in b"", b"\0", b"\1\0\1\0\1", b"\7" + good[1:], good + b"x", b"\1\0\1\0\1\xc0\5", os.urandom(300), b"\3\0\1\0\1" + name + b"x" * 65537:
    s = connect()
    s.sendall(struct.pack(">I", len(bad)) + bad)
    print(closed(s), end=" ")
s = connect()
s.sendall(b"\xff\xff\xff\xff")
print(closed(s))
os.setuid(4343)
held = [connect() for _ in range(40)]
def answers(s):
    try:
        s.sendall(struct.pack(">I", len(good)) + good)
        return len(s.recv(4)) == 4
    except OSError:
        return False
print(sum(map(answers, held)))
PYTHON
is "junk, and how many one user may have" "$(/usr/bin/python3 -I "$T/junk.py" | tr '\n' ' ')" "True True True True True True True True True 16 "
# An account has many uids (subuid(5)): all of them together leave some to root.
cat >"$T/crowd.py" <<'PYTHON'
import os, socket, struct
def connect(uid):
    s = socket.socket(socket.AF_UNIX)
    os.seteuid(uid)
    s.connect("/run/kadns/4001")
    os.seteuid(0)
    s.settimeout(5)
    return s
def answers(s):
    try:
        good = b"\1\0\1\0\1\3www\7example\4test\0"
        s.sendall(struct.pack(">I", len(good)) + good)
        return len(s.recv(4)) == 4
    except OSError:
        return False
held = [connect(5000 + i % 30) for i in range(30 * 16)]
print(sum(map(answers, held)), answers(connect(0)))
PYTHON
is "so many have thirty uids of one account, and root has his" "$(/usr/bin/python3 -I "$T/crowd.py")" "96 True"
is "root still has an answer" "$(ask --short www.example.test)" 192.0.2.1
cat >"$T/many.py" <<'PYTHON'
import socket, struct
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect("/run/kadns/4001")
good = b"\1\0\1\0\1\3www\7example\4test\0"
s.sendall((struct.pack(">I", len(good)) + good) * 50)
f = s.makefile("rb")
print(sum(len(f.read(struct.unpack(">I", f.read(4))[0])) > 20 for _ in range(50)))
PYTHON
is "fifty on one connection, sent at once" "$(/usr/bin/python3 -I "$T/many.py")" 50

# ---- no faster than through the mount
cat >"$T/fast.py" <<'PYTHON'
import os, socket, struct
os.setuid(4444)
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect("/run/kadns/4001")
    return s
def send(s, kind, labels, text=b""):
    frame = bytes([kind]) + b"\0\1\0\1" + b"".join(bytes([len(x)]) + x for x in labels) + b"\0" + text
    s.sendall(struct.pack(">I", len(frame)) + frame)
def reply(s):
    return s.recv(struct.unpack(">I", s.recv(4, socket.MSG_WAITALL))[0], socket.MSG_WAITALL)
s = connect()
answers = []
for i in range(600):
    send(s, 1, [b"fast%d" % i, b"wild", b"insecure", b"test"])
    answers.append(reply(s)[:4])
print(len(set(answers)), answers[0] == answers[1], answers[0] != answers[-1])
PYTHON
is "who asks faster than lookups= is refused" "$(/usr/bin/python3 -I "$T/fast.py")" "2 True True"
is "others are not" "$(ask --short "other.wild.insecure.test")" 192.0.2.7

# ---- two of them, and after its death
check "another on this port begins" "$KADNS" --no-mount --no-dht -o "state=$T/other,upstream=none,dns=off" none
check "it ends" kill "$(daemon_pid "$T/other")"
eventually 5 ended "$(daemon_pid "$T/other")"
is "and the first still answers" "$(ask --short www.example.test)" 192.0.2.1
check "unmounts" umount "$m"
eventually 10 ended "$pid"
check "the socket is gone" test ! -e /run/kadns/4001
ends_with "nobody there" "1 1" ask www.example.test
finish
