#!/bin/sh
# It cannot hang: while look-ups take two seconds, all else goes on; ^C and SIGKILL end them at once; the
# deadline ends all others.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"

check "mounts, every look-up takes two seconds" start_fake -d 2000
cat "$A/slow0.known.example.com" >"$T/none"
echo 192.0.2.1 >"$A/own.alt"

# beside NAME COMMAND...: ends before what was started by slow does, which was asked before it
beside() {
	name=$1
	shift
	"$@" >"$T/beside.out" 2>&1
	if waits "$SLOW"; then ok "$name"; else not_ok "$name"; fi
}
slow() { # COMMAND...: starts it in the background, 0.2 s before what follows
	"$@" >"$T/slow.out" 2>&1 &
	SLOW=$!
	sleep 0.2
}

# ---- with a slow open, stat and access pending, in the same directory ----
slow sh -c "cat $A/slow3000.a1.example.com & stat $A/slow3000.a2.example.com & cat $A/slow3000.a3.example.com & [ -r $A/slow3000.a4.example.com ] & wait"
beside "ls" ls "$A"
beside "ls -l" ls -l "$A"
beside "cat of a known name" cat "$A/slow0.known.example.com"
beside "cat of one's own" cat "$A/own.alt"
beside "echo to a new name" sh -c "echo 192.0.2.2 >$A/new.alt"
beside "echo to the name that is being asked" sh -c "echo 192.0.2.2 >$A/slow3000.a1.example.com"
beside "mv onto a known name" mv "$A/new.alt" "$A/own.alt"
beside "rename(2)" perl -e "rename '$A/own.alt', '$A/new2.alt' or die"
beside "rm" rm "$A/new2.alt"
echo 192.0.2.1 >"$A/own.alt"
beside "a private file" sh -c "echo x >$A/t; rm $A/t"
beside "mkdir" sh -c "mkdir $A/d.alt || :"
beside "df and the control panel" sh -c "df $M; cat $M/.kadns/status"
wait $SLOW
check "the slow ones found what they asked" grep -q slow3000.a3.example.com "$T/slow.out"
asked=$(count_of asks)
check "an answer that came for one is known to the next" cat "$A/slow3000.a3.example.com"
is "and nobody is asked again" "$(count_of asks)" "$asked"
echo 192.0.2.2 >"$A/new.alt"
slow mv "$A/new.alt" "$A/new3.alt" # looks whether it is there: -n and -i must know
beside "ls beside mv onto an unknown name" ls -l "$A"
wait $SLOW
check "which moves" grep -q 192.0.2.2 "$A/new3.alt"
slow cat "$M/IN/TXT/slow3000.b.example.com"
beside "writing where another waits" sh -c "echo hello >$M/IN/TXT/c.alt"
wait $SLOW

# ---- signals ----
asks_exceed() { [ "$(count_of asks)" -gt "$1" ]; }
cancels_are() { [ "$(count_of cancels)" = "$1" ]; }
# ends SIGNAL NAME COMMAND...
ends() {
	signal=$1 name=$2
	shift 2
	asked=$(count_of asks)
	"$@" >"$T/none" 2>&1 &
	pid=$!
	eventually 20 asks_exceed "$asked" # python may take its time to start
	begin=$(date +%s%N)
	kill "-$signal" "$pid"
	wait "$pid"
	took=$((($(date +%s%N) - begin) / 1000000))
	# Two seconds, by itself.
	if [ $took -lt 1500 ]; then ok "$name"; else not_ok "$name ($took ms)"; fi
}
for signal in INT TERM KILL HUP; do
	# A shell in the background ignores INT for its children; python has its own idea of it.
	ends $signal "$signal ends open" /usr/bin/python3 -c "
import signal; signal.signal(signal.SIGINT, signal.default_int_handler); open('$A/${signal}1.example.com')"
	ends $signal "$signal ends stat" /usr/bin/python3 -c "
import os, signal; signal.signal(signal.SIGINT, signal.SIG_DFL); os.stat('$A/${signal}2.example.com')"
done
check "what was interrupted was cancelled" eventually 5 cancels_are 8
# harmless NAME SIGNAL SECONDS: the open() of a program that has a handler for it
has "a harmless signal does not break open()" "$(says perl -e "
use POSIX; use Time::HiRes 'ualarm'; my \$n = 0;
POSIX::sigaction(POSIX::SIGALRM, POSIX::SigAction->new(sub { \$n++ }, POSIX::SigSet->new, 0));
ualarm(100000); sysopen(my \$f, '$A/harmless.example.com', 0) or die \"\$!\"; print \"handled \$n\";")" "handled 1 rc=0"
has "an alarm after a while does" "$(says perl -e "
use POSIX; my \$n = 0;
POSIX::sigaction(POSIX::SIGALRM, POSIX::SigAction->new(sub { \$n++ }, POSIX::SigSet->new, 0));
alarm(1); sysopen(my \$f, '$A/alarm.example.com', 0) or die \"\$!\"")" "Interrupted system call"
perl -e "
use POSIX; use Time::HiRes 'ualarm';
POSIX::sigaction(POSIX::SIGALRM, POSIX::SigAction->new(sub { }, POSIX::SigSet->new, 0));
ualarm(100000); sysopen(my \$f, '$A/slow60000.both.example.com', 0)" &
pid=$!
sleep 0.5
took=$(milliseconds sh -c "kill -KILL $pid; while [ -d /proc/$pid ] && ! grep -q '^State:.Z' /proc/$pid/status; do :; done")
if [ "$took" -lt 3500 ]; then ok "SIGKILL after a harmless signal"; else not_ok "SIGKILL after a harmless signal ($took ms)"; fi
wait $pid 2>"$T/none"
for signal in STOP TSTP TTIN TTOU; do # a debugger, ^Z, jobs in the background
	has "nor does $signal, when it goes on" "$(says /usr/bin/python3 -c "
import os, signal, subprocess, time
p = subprocess.Popen(['cat', '$A/stopped$signal.example.com'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
time.sleep(0.3)
os.kill(p.pid, signal.SIG$signal)
time.sleep(0.2)
os.kill(p.pid, signal.SIGCONT)
print(p.communicate()[0].decode(), p.returncode)")" "192.0.2.1"
done
has "nor do those of a runtime, as Go sends them" "$(says "$BUILD/tests/preempted" "$A/go1.example.com")" "192.0.2.1"
has "nor when the first comes late" "$(says "$BUILD/tests/preempted" "$A/go2.example.com" late)" "192.0.2.1"
# A program in Go: its runtime has a handler for SIGURG, and may send it to any of its threads.
asked=$(count_of asks) cancelled=$(count_of cancels)
gron "$A/gron.example.com" >"$T/gron" 2>&1 &
pid=$!
eventually 10 asks_exceed "$asked"
for _ in $(seq 10); do
	/usr/bin/python3 -c "
import ctypes, os
for thread in os.listdir('/proc/$pid/task'):
    ctypes.CDLL(None).tgkill($pid, int(thread), 23)"
	sleep 0.1
done
wait $pid
has "a slow open of a Go program" "$(cat "$T/gron")" 'json.data[0] = "192.0.2.1"'
is "is one question, that nothing broke off" "$(($(count_of asks) - asked)) $(($(count_of cancels) - cancelled))" "1 0"
has "python's open() goes on after an alarm" "$(says /usr/bin/python3 -c "
import signal; n = []
signal.signal(signal.SIGALRM, lambda *_: n.append(1)); signal.setitimer(signal.ITIMER_REAL, 0.1)
print(len(open('$A/python.example.com').read()) > 100, len(n))")" "True 1 rc=0"
has "and gives up if its handler says so" "$(says /usr/bin/python3 -c "
import signal
def give_up(*_): raise TimeoutError('given up')
signal.signal(signal.SIGALRM, give_up); signal.alarm(1); open('$A/python2.example.com')")" "given up"
for command in "cat $A/tty1.example.com" "stat $A/tty2.example.com" \
	"read x <$A/tty4.example.com" "ls -l $A/tty5.example.com" "test -e $A/tty6.example.com"; do
	has "^C ends ${command%% $A*}" "$(says /usr/bin/python3 "$TESTS/mount/terminal.py" "$M/.kadns/status" "$command")" interrupted
done

# ---- deadline, shares ----
took=$(milliseconds cat "$A/slow60000.example.com")
has "the deadline" "$(cat "$T/timed.out")" "Connection timed out"
if [ "$took" -ge 4500 ] && [ "$took" -lt 25000 ]; then ok "is kept"; else not_ok "is kept ($took ms)"; fi
asked=$(count_of asks)
as 1001 /usr/bin/python3 -c "
import os
for i in range(80):
    if os.fork() == 0:
        try:
            text = open('$A/slow3500.m%d.example.com' % i).read()
        except OSError as e:
            text = e.strerror + '\\n'
        os.write(1, text.encode())
        os._exit(0)
for i in range(80):
    os.wait()" >"$T/many" &
SLOW=$!
as_many() { [ $(($(count_of asks) - asked)) = 64 ]; }
check "as many are asked as he may" eventually 20 as_many
beside "another user has his own share" as 1002 cat "$A/own.alt"
has "and may ask" "$(as 1002 jq -r '.data[0]' "$A/m100.example.com")" 192.0.2.1
check "all end" eventually 20 ended "$SLOW"
is "64 were asked, the others heard EAGAIN" "$(grep -c '"name"' "$T/many") $(grep -c 'Resource temporarily unavailable' "$T/many")" "64 16"

# ---- the end of the daemon while somebody waits ----
slow cat "$A/slow60000.last.example.com"
took=$(milliseconds stop_fake)
wait $SLOW
has "who waits is told" "$(cat "$T/slow.out")" "cat: "
if [ "$took" -lt 3500 ]; then ok "and it ends at once"; else not_ok "and it ends at once ($took ms)"; fi
finish
