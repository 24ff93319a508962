#!/bin/sh
# The log of the real program: by a /dev/log of this script's own, and by stderr in the foreground.
. "$(dirname "$0")/../lib.sh"

M=$T/dns S=$T/state
mkdir "$M" "$T/dev"
# A /dev of our own: the machine's log is not ours to write to.
mount -t tmpfs none "$T/dev"
cp -a /dev/null /dev/zero /dev/random /dev/urandom /dev/fuse /dev/fd "$T/dev/"
mount --rbind "$T/dev" /dev
rest=state=$S,dns=off,upstream=none

cat >"$T/syslogd.py" <<'EOF'
# Each datagram as a line of its own; bytes that are not printable ASCII as repr shows them.
import os, socket, sys
open("/proc/sys/net/unix/max_dgram_qlen", "w").write("200")  # 10 are a burst that a busy machine loses
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/dev/log")
with open(sys.argv[1], "w") as out:
    print("listens", file=out, flush=True)
    while True:
        print(repr(s.recv(65536))[2:-1], file=out, flush=True)
EOF
listen() {
	rm -f /dev/log "$T/log"
	/usr/bin/python3 "$T/syslogd.py" "$T/log" &
	listener=$!
	eventually 5 grep -q listens "$T/log"
}
mounts() { grep -c " fuse.kadns " /proc/mounts; }
gone() { [ "$(mounts)" = 0 ] && ! pidof -q kadns; }
start() { "$KADNS" -o "$rest" "$@" none "$M"; }
down() { umount "$M" && eventually 5 gone; }
logged() { grep -q "$1" "$T/log"; }
bad_writes() { # N: each is refused, which is one line each
	for _ in $(seq "$1"); do echo nonsense >"$M/IN/A/bad.alt"; done 2>"$T/none"
}
lines() { # FILE: how many refusals its lines tell of, those that were held back included
	grep bad.alt "$1" | sed 's/.*(\([0-9]*\) more like it).*/\1/; t; s/.*/0/' | awk '{ n += $1 + 1 } END { print n + 0 }'
}
told() { [ "$(lines "$1")" = "$2" ]; }

# ---- syslog ----
check "a log daemon" listen
check "starts" start
check "its start is logged" eventually 10 logged "is mounted on"
has "as daemon.notice, once with the time, the name and the process" "$(grep 'is mounted on' "$T/log")" \
	"kadns[$(node_pid "$S")]: notice: none is mounted on $M"
is "in the form of syslog(3)" "$(grep -cE '^<29>[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} kadns\[[0-9]+\]: notice: none is mounted' "$T/log")" 1
bad_writes 200
check "each refusal is counted" eventually 20 told "$T/log" 200
# One at once and one in each second: a slow machine has some more of these.
is "in a few lines" "$([ "$(grep -c bad.alt "$T/log")" -le 40 ] && echo few)" few
has "that say what it was" "$(grep -m 1 bad.alt "$T/log")" "notice: IN/A/bad.alt. of uid 0: "
kill -TERM "$(daemon_pid "$S")"
check "its end is logged" eventually 10 logged "notice: ends: Terminated"
check "ends" eventually 5 gone
start && umount "$M"
check "and why" eventually 10 logged "notice: ends: unmounted"
eventually 5 gone

# ---- what strangers chose ----
odd=$(printf '%s/b\303\266se\n<0>x\033[31m' "$T")
mkdir "$odd"
good=$M M=$odd
check "a mountpoint with a newline, an escape and UTF-8" start
check "is logged in one line, escaped" eventually 10 logged 'b\\\\195\\\\182se\\\\010<0>x\\\\027\[31m'
check "umount" down
M=$good
is "no line begins in the middle of another" "$(grep -cvE '^(<|listens)' "$T/log")" 0

# ---- the validator's words and its end ----
printf 'nonsense\n' >"$T/anchor"
check "with a validator" "$KADNS" -o "state=$S,dns=off,upstream=127.0.0.1:9,trust_anchor=$T/anchor" none "$M"
eventually 5 pidof -q kadns
kill -KILL "$(pgrep -P "$(daemon_pid "$S")" -f validator-child)"
check "its death is logged" eventually 3 logged "warning: validator: ended or hung"
check "umount" down

# ---- levels ----
: >"$T/log"
kill "$listener" && wait "$listener" 2>"$T/none"
check "a log daemon that was started again" listen
check "log=warning" start -o log=warning
bad_writes 3
check "umount" down
is "leaves out notices" "$(grep -c kadns "$T/log")" 0
check "log=debug" start -o log=debug
bad_writes 50
counted() { [ "$(grep -c bad.alt "$T/log")" = "$1" ]; }
check "holds nothing back" eventually 5 counted 50
lacks "and puts nothing together" "$(grep bad.alt "$T/log")" "more like it"

# ---- nobody reads ----
kill -STOP "$listener"
bad_writes 2000
check "a log daemon that is stuck stops nobody" test -e "$M/.kadns/status"
kill -CONT "$listener"
sleep 0.2
bad_writes 1
check "what was lost is said" eventually 10 logged 'lost lines: [0-9]'
kill "$listener" && wait "$listener" 2>"$T/none"
bad_writes 3
check "without a log daemon it goes on" test -e "$M/.kadns/status"
listen
bad_writes 1
check "and logs again when there is one" eventually 10 logged bad.alt
check "umount" down
kill "$listener" && wait "$listener" 2>"$T/none"

# ---- a start that fails is said on the terminal and in the log ----
listen
: >"$T/full"
said=$("$KADNS" -o "$rest" none "$T/full" 2>&1)
is "on the terminal, without time" "$said" "kadns: $T/full: the mountpoint is no directory"
check "in the log" eventually 10 logged "error: $T/full: the mountpoint is no directory"
kill "$listener" && wait "$listener" 2>"$T/none"

# ---- foreground ----
front() { # COMMAND...
	"$@" -f -o "$rest" none "$M" 2>"$T/front" &
	pid=$!
	eventually 5 mountpoint -q "$M"
}
check "in the foreground" front "$KADNS"
bad_writes 2
umount "$M"
wait "$pid"
is "each line has its time and level" "$(grep -cvE '^20[0-9-]{8}T[0-9:]{8}Z kadns: (notice|warning): ' "$T/front")" 0
is "at the end nothing is held back" "$(lines "$T/front")" 2
journal() { # as systemd starts it: stderr is the journal's
	JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "$@"
}
check "in the foreground of systemd" front journal "$KADNS"
umount "$M"
wait "$pid"
is "each line has its level only" "$(grep -cvE '^<[45]>[a-z]' "$T/front")" 0
check "-d" front "$KADNS" -d
umount "$M"
wait "$pid"
has "tells of each request" "$(cat "$T/front")" "debug: unique: "
mkfifo "$T/pipe"
exec 7<>"$T/pipe"
"$KADNS" -f -o "$rest,log=debug" none "$M" 2>"$T/pipe" 7<&- &
pid=$!
eventually 5 mountpoint -q "$M"
bad_writes 2000
check "a pipe that nobody reads stops nobody" test -e "$M/.kadns/status"
umount "$M"
check "nor the end" eventually 5 ended "$pid"
finish
