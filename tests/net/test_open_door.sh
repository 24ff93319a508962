#!/bin/sh
# A door that others can reach: who is let in, what a flood with a forged sender brings to whom it names, what a
# cookie is good for, and from which of its addresses the door answers.
. "$(dirname "$0")/../lib.sh"

mkdir "$T/dns"
count() { sed -n "s/^$1  *//p" "$T/dns/.kadns/status"; }
# Two machines beside this one, each in a network namespace of its own: one is allowed, one is not.
neighbour() { # NAME INDEX
	mkdir -p /run/netns
	ip netns add "$1"
	ip link add "to_$1" type veth peer name eth0 netns "$1"
	ip addr add "10.0.$2.1/24" dev "to_$1"
	ip addr add "fd00:$2::1/64" dev "to_$1" nodad
	ip link set "to_$1" up
	ip -n "$1" addr add "10.0.$2.2/24" dev eth0
	ip -n "$1" addr add "10.0.$2.3/24" dev eth0
	ip -n "$1" addr add "fd00:$2::2/64" dev eth0 nodad
	ip -n "$1" link set lo up
	ip -n "$1" link set eth0 up
	ip -n "$1" route add default via "10.0.$2.1"
}
mkdir -p /run/netns && mount -t tmpfs none /run/netns
neighbour friend 1
neighbour stranger 2
ip addr add 10.0.1.9/24 dev to_friend # a second address of this machine
ip addr add fd00:1::9/64 dev to_friend nodad
from() { # NAME COMMAND...
	who=$1
	shift
	ip netns exec "$who" "$@"
}
ask() { from "$@" +time=2 +tries=1 -p 1053 printer.alt A; }

refused=$("$KADNS" -o "dns=0.0.0.0:1053,upstream=none" none "$T/dns" 2>&1)
is "without allow= it is not opened" "$?:$refused" \
	"1:kadns: dns=0.0.0.0:1053 is not on loopback: say who may ask, with allow=NET"
refused=$("$KADNS" -n -o "dns=0.0.0.0:1053,upstream=none,allow=10.0.1.2/24" none "$T/dns" 2>&1)
has "a network that may be a host is not taken" "$refused" "allow=10.0.1.2/24: bits are set behind the prefix"
check "with it, it is" "$KADNS" -o "dns=0.0.0.0:1053,dns=[::]:1053,http=0.0.0.0:8882,http=[::]:8882,upstream=none,allow=10.0.1.0/24,allow=fd00:1::/64,allow_status=10.0.1.3,allow_status=10.0.2.0/24" none "$T/dns"
echo 192.0.2.7 >"$T/dns/IN/A/printer.alt"

# ---- who
is "this machine asks" "$(dig +short +time=10 +tries=1 @127.0.0.1 -p 1053 printer.alt A)" 192.0.2.7
is "a friend asks" "$(ask friend dig +short @10.0.1.1)" 192.0.2.7
is "by IPv6" "$(ask friend dig +short @fd00:1::1)" 192.0.2.7
is "by TCP" "$(ask friend dig +short +tcp @10.0.1.1)" 192.0.2.7
out=$(ask stranger dig @10.0.2.1)
has "a stranger is refused" "$out" "status: REFUSED"
has "and told why" "$out" "EDE: 18 (Prohibited)"
has "at the friends' address too" "$(ask stranger dig @10.0.1.1)" "status: REFUSED"
has "by IPv6 too" "$(ask stranger dig @fd00:2::1)" "status: REFUSED"
lacks "and has no connection" "$(ask stranger dig +tcp +short @10.0.2.1)" 192.0.2.7
check "that is counted" test "$(count dns.udp.not_allowed)" -ge 3 -a "$(count dns.tcp.not_allowed)" -ge 1
out=$(ask friend dig +norec @10.0.1.1)
has "without RD a friend is refused" "$out" "status: REFUSED"
has "and told why" "$out" "EDE: 20 (Not Authoritative)"
has "by TCP too" "$(ask friend dig +norec +tcp @10.0.1.1)" "status: REFUSED"
is "this machine is not" "$(dig +short +norec +time=10 +tries=1 @127.0.0.1 -p 1053 printer.alt A)" 192.0.2.7

# ---- HTTP: those who may ask are not told what others have asked
status() { from friend curl -s -o /dev/null --max-time 5 -w '%{http_code}' "$@"; }
for door in 10.0.1.1 '[fd00:1::1]'; do
	is "HTTP at $door: a friend asks" "$(from friend curl -s --max-time 5 "http://$door:8882/SHORT/IN/A/printer.alt" | jq -r '.[0].address')" 192.0.2.7
	for path in /metrics /status /nodes /explain/IN/A/printer.alt; do
		is "HTTP at $door: $path is not his" "$(status "http://$door:8882$path")" 403
	done
	is "HTTP at $door: whether it is well is" "$(status "http://$door:8882/healthz")" 200
done
for path in /metrics /status /nodes /explain/IN/A/printer.alt; do
	is "allow_status=: it is for this one: $path" "$(status --interface 10.0.1.3 "http://10.0.1.1:8882$path")" 200
done
is "allow_status= lets nobody in" "$(from stranger curl -s -o /dev/null --max-time 5 -w '%{http_code}' http://10.0.2.1:8882/status)" 000
for where in 10.0.1.1:403 127.0.0.1:200; do
	is "this machine, at ${where%:*}" "$(curl -s -o /dev/null -w '%{http_code}' "http://${where%:*}:8882/status")" "${where#*:}"
done

# ---- from which address: each of a door that is bound to all
for address in 10.0.1.1 10.0.1.9 fd00:1::1 fd00:1::9; do
	is "asked at $address it answers from there" "$(ask friend dig +short "@$address")" 192.0.2.7
	lacks "in time as well" "$(ask friend dig "@$address" 2>&1)" "reply from unexpected source"
	# Not in memory: the answer that comes later.
	has "and later" "$(from friend dig +time=2 +tries=1 -p 1053 "@$address" "at-$(echo $address | tr .: --).alt" A)" "status: NOERROR"
done
sleep 1.1 # the rate of the friends' network is whole again

# ---- what a flood brings
cat >"$T/flood.py" <<'PYTHON'
import sys
sys.path.insert(0, sys.argv[1] + "/net")
from dnsraw import *
def say(name, good, got=""):
    print(("ok " if good else f"  | got: {got}\nnot ok ") + name)
u = Udp(("10.0.1.1", 1053), timeout=1)
question = query("printer.alt", edns=opt())
def over(asker, q):
    """What q brings where the network's rate is used up. A tenth of a second gives it one answer more, and on a
    busy machine that goes by between two packets; who has no share in the rate is answered each time."""
    for _ in range(20):
        flooder = Udp(("10.0.1.1", 1053))
        for _ in range(30):
            flooder.send(question)
        r = asker.ask(q)
        if not r or r.tc or r.rcode == "BADCOOKIE":
            break
    return r
replies, most = flood(("10.0.1.1", 1053), question, 200)
whole = [r for r in replies if r.answer]
cut = [r for r in replies if r.tc]
say("two hundred at once without a cookie: about ten are answered", 10 <= len(whole) <= most, len(whole))
say("the others are sent to TCP", len(whole) + len(cut) == 200, len(cut))
say("none of these is larger than the question", all(len(r.bytes) <= len(question) and not r.answer for r in cut))
say("over TCP the answer is there", Tcp(("10.0.1.1", 1053)).ask(question).answer)
r = over(u, query("printer.alt"))
say("without EDNS they are no larger either", r.tc and len(r.bytes) == len(query("printer.alt")) and not r.edns)
say("what is an error gets nothing now", not over(u, query("printer.alt", 252)))
# Cookies.
half = query("printer.alt", edns=opt(option(10, CLIENT)))
r = over(u, half)
say("half a cookie is no proof", r.tc and len(r.bytes) <= len(half), r.rcode)
cookie = Tcp(("10.0.1.1", 1053)).ask(half).options[10]
say("by TCP it is made whole", len(cookie) == 24 and cookie[:8] == CLIENT)
good = query("printer.alt", edns=opt(option(10, cookie)))
replies, _ = flood(("10.0.1.1", 1053), good, 200)
say("with a cookie all two hundred are answered", len([r for r in replies if r.answer]) == 200, len(replies))
false = query("printer.alt", edns=opt(option(10, cookie[:23] + bytes([cookie[23] ^ 1]))))
r = over(u, false)
say("a false cookie over the rate: BADCOOKIE", r.rcode == "BADCOOKIE" and not r.answer, r.rcode)
say("in no more bytes than it had", len(r.bytes) <= len(false))
say("with one that is good", u.ask(query("printer.alt", edns=opt(option(10, r.options[10])))).answer)
other = Udp(("10.0.1.1", 1053), source="10.0.1.3", timeout=1)
r = over(other, good)
say("another address has no use for it", r.rcode == "BADCOOKIE", r.rcode)
say("and shares the rate of its network", over(other, query("printer.alt")).tc)
PYTHON
from friend /usr/bin/python3 "$T/flood.py" "$TESTS" 2>&1
cat >"$T/stranger.py" <<'PYTHON'
import sys
sys.path.insert(0, sys.argv[1] + "/net")
from dnsraw import *
q = query("printer.alt", edns=opt())
replies, most = flood(("10.0.2.1", 1053), q, 200)
print(10 <= len(replies) <= most, all(len(r.bytes) <= len(q) for r in replies))
PYTHON
is "a stranger's flood: ten REFUSED, as long as the question, then nothing" "$(from stranger /usr/bin/python3 "$T/stranger.py" "$TESTS")" "True True"
for counter in dns.udp.limited dns.udp.badcookie dns.udp.dropped; do
	check "$counter counts it" test "$(count $counter)" -ge 1
done
is "this machine has no rate" "$(for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do dig +short +nocookie @127.0.0.1 -p 1053 printer.alt; done | wc -l)" 15

# ---- a share of the connections
cat >"$T/hold.py" <<'PYTHON'
import socket, sys, time
held = [socket.create_connection(("10.0.1.1", 1053)) for _ in range(100)]
time.sleep(0.5)
gone = 0
for s in held:
    s.setblocking(False)
    try:
        gone += s.recv(1) == b""
    except BlockingIOError:
        pass
    except ConnectionError:
        gone += 1
print(gone)
PYTHON
is "of a hundred connections of one address 32 stay" "$(from friend /usr/bin/python3 "$T/hold.py")" 68
umount "$T/dns"
check "umount ends it" eventually 5 ended "$(daemon_pid /var/lib/kadns/4001)"
ip netns del friend
ip netns del stranger
finish
