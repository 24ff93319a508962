#!/bin/sh
# The processes of a daemon that root has started: whose each is and what it may, who holds the mount, and what
# becomes of it all when one of them is killed.
#   sh tests/net/test_processes.sh BUILD
. "$(dirname "$0")/../lib.sh"

m=$T/m S=/var/lib/kadns/4001
mkdir "$m"
for file in passwd group; do
	cp /etc/$file "$T/etc/"
	sed -i '/^kadns/d' "$T/etc/$file"
done
printf 'kadns:x:990:990::/:/bin/false\nkadns-key:x:991:991::/:/bin/false\n' >>"$T/etc/passwd"
printf 'kadns:x:990:\nkadns-key:x:991:\n' >>"$T/etc/group"
mount --bind "$T/etc/passwd" /etc/passwd
mount --bind "$T/etc/group" /etc/group

start() { "$KADNS" -o dns=127.0.0.1:53,port=4001,bind=127.0.0.1,upstream=127.0.0.9 none "$m"; }
child() { pgrep -P "$(daemon_pid $S)" -x "kadns-$1"; }
field() { awk -v key="$2:" '$1 == key { print $2 }' "/proc/$1/status"; }
holders() { # of the mount's descriptor
	for p in $(pgrep kadns); do
		for fd in "/proc/$p/fd"/*; do
			[ "$(readlink "$fd")" = /dev/fuse ] && cat "/proc/$p/comm"
		done
	done
}
mine() { jq -r '.data[0]' "$m/IN/A/mine.alt"; }
answers() { [ "$(mine 2>/dev/null)" = 192.0.2.7 ]; }
asked() { [ "$(dig +short +time=1 +tries=1 @127.0.0.1 mine.alt)" = 192.0.2.7 ]; }

# What whoever starts it has open is his.
echo secret >"$T/his"
exec 9<"$T/his"
check "starts" start
exec 9<&-
starter=$(daemon_pid $S)
is "what was open at its start is not handed on" "$(for p in $(pgrep kadns); do readlink "/proc/$p/fd"/*; done | grep -c "$T/his")" 0
echo 192.0.2.7 >"$m/IN/A/mine.alt"
check "it works" answers
check "at port 53 too, which is root's to give" asked
for row in node:990 signer:991 validator:990; do
	p=$(child ${row%:*})
	is "${row%:*}: its user, capabilities, those it could gain, and no_new_privs" \
		"$(field "$p" Uid) $(field "$p" CapEff) $(field "$p" CapPrm) $(field "$p" CapBnd) $(field "$p" NoNewPrivs)" \
		"${row#*:} 0000000000000000 0000000000000000 0000000000000000 1"
	is "${row%:*}: in no group but its user's" "$(awk '/^Groups:/ { print $2 }' "/proc/$p/status")" ""
	# So that none has the terminal of who has started it with -f, and types into it (TIOCSTI).
	is "${row%:*}: in a session of its own" "$(ps -o sid= -p "$p" | tr -d ' ')" "$p"
done
for who in signer validator; do is "$who: filtered" "$(field "$(child $who)" Seccomp)" 2; done
is "the node alone holds the mount" "$(holders)" kadns-node
is "the state is the node's, the keys the signer's" "$(stat -c %u $S $S/own.db $S/keys $S/keys/0 | tr '\n' ' ')" "990 990 991 991 "

# ---- who has taken over a node says to a child what files it is to read: that is not done as root
cat >"$T/ask.py" <<'EOT'
import os, socket, struct, sys
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
words = b"\0" + b"".join(w.encode() + b"\0" for w in (sys.argv[3], sys.argv[3], "root"))
ours.send(struct.pack("=IIQ", 1, len(words), 0) + words)  # FRAME_CONFIG
if os.fork() == 0:
    os.dup2(theirs.fileno(), 3)
    os.execve(sys.argv[1], ["kadns", sys.argv[2]], {"KADNS_USER": "kadns"})
theirs.close()
ours.settimeout(20)
try:
    ours.recv(1)
except TimeoutError:
    print("it works with that file")
EOT
cp /usr/share/dns/root.key "$T/anchor"
chmod 600 "$T/anchor"
for child in --validator-child --dht-validator-child; do
	has "$child reads no file as root" "$(/usr/bin/python3 "$T/ask.py" "$KADNS" $child "$T/anchor" 2>&1)" "Permission denied"
done

# ---- each of them is killed, under readers and askers
(while :; do answers; asked; done) &
load=$!
for who in validator signer node; do
	before=$(child $who)
	kill -9 "$before"
	[ $who != node ] || has "who reads as the node dies is told at once" "$(timeout 2 cat "$m/.kadns/status" 2>&1 >"$T/none"; echo "rc=$?")" rc=1
	[ $who != signer ] || echo 192.0.2.9 >"$m/IN/A/again.alt" # who asks finds it dead
	another() { now=$(child $who) && [ "$now" != "$before" ]; }
	check "$who: another is started" eventually 10 another
	check "$who: it works again" eventually 10 answers
	check "$who: and is asked" eventually 10 asked
	is "$who: the starter is the same" "$(daemon_pid $S)" "$starter"
done
is "one mount" "$(grep -c " $m fuse.kadns " /proc/self/mounts)" 1
is "and one process that holds it" "$(holders)" kadns-node
echo 192.0.2.8 >"$m/IN/A/other.alt"
is "what is written is signed" "$(jq -r .trust "$m/IN/A/other.alt")" self

# ---- signals go to the starter
kill "$starter"
check "TERM ends it, under load" eventually 10 ended "$starter"
kill $load
wait $load 2>/dev/null
is "and all of them" "$(pgrep kadns)" ""
is "and the mount" "$(grep -c " $m fuse.kadns " /proc/self/mounts)" 0

# ---- the starter is killed
check "starts again" start
check "with what was written" answers
starter_killed $S
none_left() { for p in $(pgrep kadns); do ended "$p" || return 1; done; }
check "its death ends the rest" eventually 10 none_left
has "what it had mounted is dead" "$(ls "$m" 2>&1)" "not connected"
check "the next takes it away" start
is "and is not stacked" "$(grep -c " $m fuse.kadns " /proc/self/mounts)" 1
check "and works" answers
umount "$m"
check "umount ends it" eventually 10 none_left

# ---- the state is another user's by now, and who starts is root
echo precious >/var/lib/precious
rm $S/lock
ln /var/lib/precious $S/lock
has "another name of root's file is not taken for the lock" "$(start 2>&1)" "/lock: "
is "nor written to" "$(cat /var/lib/precious)" precious
finish
