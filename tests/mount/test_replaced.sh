#!/bin/sh
# A record that is replaced by way of its removal, with the program itself: what a refusal puts back is durable,
# and no other node hears that it was ever away; what rm removed stays removed.
. "$(dirname "$0")/../lib.sh"

m=$T/dns
mkdir "$m" "$T/two" "$T/in"
N=$m/IN/A/p.alt
echo rubbish >"$T/rubbish"
echo 192.0.2.9 >"$T/good"
start() { "$KADNS" -o port=4001,dns=off,upstream=none none "$m"; }
status_of() { sed -n "s/^$1 *//p" "$m/.kadns/status"; }
published() { [ "$(status_of publish.queued)" = 0 ]; }
knows_one() { [ "$(wc -l <"$m/.kadns/nodes")" = 1 ]; }
restart() {
	starter_killed /var/lib/kadns/4001
	start && eventually 10 knows_one # what goes out before that finds nobody
}
at_two() { # what the network says: a new node has it from nobody else
	"$KADNS" -o "port=4002,dns=off,upstream=none,state=$T/two.state" 127.0.0.1:4001 "$T/two"
	data_of "$T/two/IN/A/p.alt"
	pid=$(daemon_pid "$T/two.state")
	umount "$T/two"
	eventually 10 ended "$pid"
	rm -rf "$T/two.state"
}

check "starts" start
check "another joins" "$KADNS" -o "port=4003,dns=off,upstream=none" 127.0.0.1:4001 "$T/in"
check "they know each other" eventually 10 knows_one
echo 192.0.2.1 >"$N"
check "a record is out" eventually 10 published

cp "$T/rubbish" "$T/x"
check "mv of rubbish fails" sh -c "! mv $T/x $N 2>$T/err"
has "and says so" "$(cat "$T/err")" "Invalid argument"
is "the record stands" "$(data_of "$N")" 192.0.2.1
check "after a crash too" restart
is "as it was" "$(data_of "$N")" 192.0.2.1
check "the network hears no more of it" eventually 10 published
is "than that it stands" "$(at_two)" 192.0.2.1

for tool in "install $T/rubbish" "cp --remove-destination $T/rubbish"; do
	check "${tool%% *} fails" sh -c "! $tool $N 2>$T/err"
	is "${tool%% *}: the record stands" "$(data_of "$N")" 192.0.2.1
done
check "mv of what is good" sh -c "cp $T/good $T/x && mv $T/x $N"
check "after a crash too" restart
is "replaces it" "$(data_of "$N")" 192.0.2.9
check "and goes out" eventually 10 published
is "to the network" "$(at_two)" 192.0.2.9

# ---- a crash in between: removed is removed ----
node=$(node_pid /var/lib/kadns/4001)
/usr/bin/python3 - "$N" "$(daemon_pid /var/lib/kadns/4001)" <<'PY'
import os, signal, sys
os.unlink(sys.argv[1])
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_EXCL)
os.write(fd, b'{"data":')
os.kill(int(sys.argv[2]), signal.SIGKILL)
PY
pid=$(daemon_pid /var/lib/kadns/4001)
eventually 10 ended "$pid"
eventually 10 ended "$node"
check "starts after a crash in between" start
check "they know each other again" eventually 10 knows_one
has "the removal was durable" "$(LC_ALL=C cat "$N" 2>&1)" "No such file"

# ---- and so is a plain rm, whatever follows ----
echo 192.0.2.1 >"$N"
rm "$N"
check "rubbish after rm is refused" bash -c "! echo rubbish >$N" 2>"$T/none"
has "and what was removed stays removed" "$(LC_ALL=C cat "$N" 2>&1)" "No such file"
check "after a crash too" restart
has "it is not there" "$(LC_ALL=C cat "$N" 2>&1)" "No such file"
check "the withdrawal goes out" eventually 10 published
is "to the network" "$(at_two)" ""
umount "$m" "$T/in"
finish
