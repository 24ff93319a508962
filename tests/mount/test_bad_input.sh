#!/bin/sh
# What a user gets wrong: records, names, options, files, mountpoints. Each mistake gets one clear error, and
# nothing is lost: the record that stood before stands, no process and no mount stay behind.
. "$(dirname "$0")/../lib.sh"

M=$T/dns
A=$M/IN/A
S=$T/state
chmod 755 "$T"
mkdir "$M"

as_1234="setpriv --reuid 1234 --regid 1234 --clear-groups" # a user without a name
error_of() { # COMMAND...: the reason, and nothing when all went well
	LC_ALL=C "$@" 2>&1 >"$T/none" | sed 's/.*: //'
}
processes() { # of kadns, by number; those that have ended and wait for their parent do not count
	for exe in /proc/[0-9]*/exe; do
		[ "$(readlink "$exe" 2>"$T/none")" = "$KADNS" ] && basename "${exe%/exe}"
	done
}
mounts() { grep -c ' fuse.kadns ' /proc/mounts; }
as_before() { [ "$(processes)" = "$processes_before" ] && [ "$(mounts)" = "$mounts_before" ]; }
# What a wrong start left behind must not spoil the tests after it.
clean_up() {
	for pid in $(processes); do
		case " $(echo $processes_before) " in
		*" $pid "*) ;;
		*) kill -KILL "$pid" ;;
		esac
	done
	while [ "$(mounts)" -gt "$mounts_before" ]; do
		umount -l "$(grep ' fuse.kadns ' /proc/mounts | tail -n 1 | cut -d ' ' -f 2)" || break
	done
}
# refused NAME PART COMMAND...: exit status 1, one line of stderr with PART in it, and nothing left behind
refused() {
	name=$1 part=$2
	shift 2
	processes_before=$(processes) mounts_before=$(mounts)
	LC_ALL=C timeout -k 1 20 "$@" >"$T/out" 2>"$T/err"
	status=$?
	left=
	eventually 5 as_before || left="left behind: $(processes | tr '\n' ' ')$(grep ' fuse.kadns ' /proc/mounts)"
	clean_up
	if [ "$status" = 1 ] && [ "$(wc -l <"$T/err")" = 1 ] && ! [ -s "$T/out" ] && [ -z "$left" ] &&
		grep -qF -- "$part" "$T/err"; then
		ok "$name"
	else
		sed 's/^/  | stdout: /' "$T/out"
		sed 's/^/  | stderr: /' "$T/err"
		printf '  | want: %s\n  | exit status %s %s\n' "$part" "$status" "$left"
		not_ok "$name"
	fi
}
start() { # [OPTION,...]
	"$KADNS" -o "state=$S,dns=off,upstream=none${1:+,$1}" none "$M"
}
stop() {
	pid=$(daemon_pid "$S")
	umount "$M" && eventually 5 ended "$pid"
}

# ---- what is only asked
for option in -h --help -V --version; do
	is "$option: exit 0, no error" "$("$KADNS" $option 2>&1 >"$T/out"; echo $?)" 0
	check "$option: says something" test -s "$T/out"
done
is "-n: exit 0" "$("$KADNS" -n none "$M" 2>&1 >"$T/out"; echo $?)" 0
check "-n opens nothing" test ! -e /var/lib/kadns
is "and mounts nothing" "$(mounts)" 0

# ---- records
check "starts" start
N=$A/printer.alt
write() { # TEXT FILE: by a shell's echo
	error_of bash -c 'printf "%s\n" "$1" >"$2"' - "$1" "$2"
}
# By cp and by cat. Not in dash, which opens the file itself, before it forks: what cat closes is the shell's.
copy() { # TEXT FILE
	printf '%s' "$1" >"$T/source"
	echo "$(error_of cp "$T/source" "$2"), $(error_of bash -c 'cat "$1" >"$2"' - "$T/source" "$2")"
}
is "a good record is taken" "$(write 192.0.2.7 "$N")" ""
record() { jq -c 'del(.replicas, .published, .next)' "$N"; } # how far it has come is not what it says
before=$(record)
has "and reads back" "$before" '"data":["192.0.2.7"]'
stands() { is "$1: the old record stands" "$(record)" "$before"; }
deep=$(printf '[%.0s' $(seq 200))
for text in 300.1.1.1 hello '192.0.2.1 192.0.2.2' '' ' ' '{}' '[]' '{"data":[]}' '{"data":"192.0.2.300"}' \
	'{"data":["192.0.2.1"],}' '{"data":["192.0.2.1"]' '{"data"=["192.0.2.1"]}' "{'data':['192.0.2.1']}" \
	'{"ttl":-1,"data":["192.0.2.1"]}' '{"ttl":2147483648,"data":["192.0.2.1"]}' '{"ttl":"x","data":["192.0.2.1"]}' \
	'{"type":"AAAA","data":["192.0.2.1"]}' '{"class":"CH","data":["192.0.2.1"]}' \
	'{"name":"other.alt","data":["192.0.2.1"]}' '{"data":["192.0.2.1"],"rdata":[{"address":"192.0.2.2"}]}' \
	'["192.0.2.1",7]' '{"data":["192.0.2.1"]} x' '2147483648 192.0.2.1' 'other.alt. A 192.0.2.1' \
	'printer.alt. 60 IN AAAA 2001:db8::1' '2001:db8::1' '\# 3 010203' '\# 4 0102' "$deep"; do
	case $text in
	'{"data":["192.0.2.1"]' | "$deep") # what is not complete may become right: it counts at the close
		is "incomplete, by cp and cat: an error at the close" "$(copy "$text" "$N")" "Invalid argument, Invalid argument"
		;;
	*) is "echo '$text'" "$(write "$text" "$N")" "Invalid argument" ;;
	esac
	stands "after it"
done
is "a byte 0" "$(error_of bash -c 'printf "192.0.2.1\0\n" >"$1"' - "$N")" "Invalid argument"
stands "a byte 0"
is "bytes that are no text" "$(error_of bash -c 'printf "\377\376\200\n" >"$1"' - "$N")" "Invalid argument"
stands "bytes that are no text"
is "a good line and a bad one" "$(error_of bash -c 'printf "192.0.2.8\n192.0.2.300\n" >"$1"' - "$N")" "Invalid argument"
stands "a good line and a bad one"
is "a good write and then a bad one" \
	"$(error_of bash -c 'exec 3>"$1"; echo 192.0.2.8 >&3; echo 192.0.2.300 >&3' - "$N")" "Invalid argument"
stands "a good write and then a bad one"
is "a bad line appended" "$(error_of bash -c 'echo 192.0.2.300 >>"$1"' - "$N")" "Invalid argument"
stands "a bad line appended"
: >"$N"
stands "truncated and no more"
head -c 300000 /dev/urandom >"$T/random"
check "a program for a record: refused" sh -c '! cat "$1" >"$2"' - "$T/random" "$N"
stands "a program for a record"
echo '{"data":["192.0.2.9"' >"$A/half"
# mv(1) takes every EINVAL of rename for a directory moved into itself, and says so.
rename() { error_of perl -e 'rename($ARGV[0], $ARGV[1]) or die "rename: $!\n"' "$1" "$2"; }
is "a private file renamed onto it that is half a record" "$(rename "$A/half" "$N")" "Invalid argument"
stands "a private file renamed onto it that is half a record"
is "the file is not lost" "$(cat "$A/half")" '{"data":["192.0.2.9"'
rm "$A/half"
# From another file system mv(1) removes the old one itself, before it copies.
echo '{"data":["192.0.2.9"' >"$T/half"
has "a file moved from elsewhere that is half a record" "$(error_of mv "$T/half" "$A/moved.alt")" "Invalid argument"
check "the file is not lost" test -s "$T/half"
is "nothing remains where nothing was" "$(write nonsense "$A/never.alt") $(error_of cat "$A/never.alt")" \
	"Invalid argument No such file or directory"
for each in MX:mx.alt MX:'70000 mx.alt' AAAA:192.0.2.1 TXT:'"open' TXT:'{"data":[7]}' SRV:'1 2 www.alt' CNAME:'a b' \
	CNAME:a..b TYPE65280:192.0.2.1 TYPE65280:'\# 2 01' TYPE65280:'\# 1 0g' DS:'1 2 3 xyz' CAA:'0 issue'; do
	type=${each%%:*}
	is "$type '${each#*:}'" "$(write "${each#*:}" "$M/IN/$type/x.alt") $(error_of cat "$M/IN/$type/x.alt")" \
		"Invalid argument No such file or directory"
done

# ---- too large
{
	printf '{"data":['
	for i in $(seq 1 40); do
		for j in $(seq 1 250); do printf '"10.1.%s.%s",' "$i" "$j"; done
	done
	printf '"192.0.2.1"]}\n'
} >"$T/large"
is "a record set of 140 kB by cat" "$(error_of bash -c 'cat "$1" >"$2"' - "$T/large" "$N")" "File too large"
stands "too large by cat"
is "by cp" "$(error_of cp "$T/large" "$N")" "File too large"
stands "too large by cp"
key=$(cat "$M/.kadns/key")
{
	printf '{"data":['
	for i in $(seq 1 249); do printf '"192.0.2.%s",' "$i"; done
	printf '"192.0.2.250"]}\n'
} >"$T/large"
is "a set that is larger than a zone, under my key" \
	"$(error_of bash -c 'cat "$1" >"$2"' - "$T/large" "$A/www.$key")" "File too large"
is "leaves nothing" "$(error_of cat "$A/www.$key")" "No such file or directory"

# ---- names
rep() { printf "%0$2d" 0 | tr 0 "$1"; }
label63=$(rep a 63)
for name in "$(rep a 64).alt" "www.$(rep a 64)" "$(rep a 252).alt" "$label63.$label63.$label63.$label63" \
	"$(rep a 1000)"; do
	short=$(printf %.20s "$name")...${#name}
	is "write $short" "$(write 192.0.2.1 "$A/$name")" "File name too long"
	is "read $short" "$(error_of cat "$A/$name")" "File name too long"
	is "look at $short" "$(error_of stat "$A/$name")" "File name too long"
done
is "a label of 63 is taken" "$(write 192.0.2.1 "$A/$label63.alt")" ""
is "and reads back" "$(data_of "$A/$label63.alt")" 192.0.2.1
longest=$label63.$label63.$label63.$(rep a 61)
is "a name of 255 bytes on the wire is taken" "$(write 192.0.2.1 "$A/$longest")" ""
is "and reads back" "$(data_of "$A/$longest")" 192.0.2.1
is "rename to one that is too long" "$(error_of mv "$N" "$A/$(rep a 64).alt")" "File name too long"
stands "a rename that is refused"

# ---- directories
for dir in IN/NOPE IN/a IN/Aa IN/TYPE1 IN/TYPE01 IN/TYPE065280 IN/TYPE65536 IN/TYPE IN/TYPE-1 IN/ANY IN/AXFR IN/IXFR \
	IN/OPT IN/TSIG IN/TYPE255 IN/TYPE41 IN/TYPE0 in IN/type65280 XX ANY CLASS1 CLASS255; do
	is "no directory $dir" "$(error_of ls "$M/$dir")" "No such file or directory"
done
is "nor a file in one" "$(write 192.0.2.1 "$M/IN/NOPE/x.alt")" "No such file or directory"
is "none is made" "$(error_of mkdir "$M/IN/NOPE")" "Operation not permitted"
is "no type is removed" "$(error_of rmdir "$A")" "Operation not permitted"
is "no file beside the classes" "$(error_of bash -c 'echo x >"$1/x"' - "$M")" "Permission denied"
is "nor beside the types" "$(error_of bash -c 'echo x >"$1/IN/x"' - "$M")" "Permission denied"
is "TYPE65280 is one" "$(write '\# 3 010203' "$M/IN/TYPE65280/odd.alt")" ""
is "and reads back" "$(data_of "$M/IN/TYPE65280/odd.alt")" '\# 3 010203'
is "class CH is read" "$(error_of ls "$M/CH")" ""
is "but not written" "$(write 'version' "$M/CH/TXT/x.alt")" "Operation not permitted"
is "nor is a type that is made by signing" "$(write 'x' "$M/IN/RRSIG/x.alt")" "Operation not permitted"
stands "after all of this"

# ---- the control panel
for text in nonsense '127.0.0.1' '127.0.0.1 0' '127.0.0.1 65536' '127.0.0.1 4x' '300.0.0.1 4001' '0.0.0.0 4001' \
	'127.0.0.1 4001 4002' "$(rep 1 200)"; do
	is "nodes: '$(printf %.20s "$text")'" "$(write "$text" "$M/.kadns/nodes")" "Invalid argument"
done
is "status is not written" "$(write x "$M/.kadns/status")" "Permission denied"
is "the panel has no other file" "$(error_of cat "$M/.kadns/nope")" "No such file or directory"

# ---- a second daemon beside the first
dns2=$T/two
mkdir "$dns2"
refused "two on one state directory" "$S" "$KADNS" -o "state=$S,port=4002,dns=off,upstream=none" none "$dns2"
refused "by another spelling" "another kadns" "$KADNS" -o "state=$T/./state/,port=4002,dns=off,upstream=none" none "$dns2"
refused "the DHT's port is in use" "4001: Address already in use" \
	"$KADNS" -o "state=$T/s2,dns=off,upstream=none" none "$dns2"
refused "a mountpoint that has a kadns" "$M: a kadns is mounted there already" \
	"$KADNS" -o "state=$T/s2,port=4002,dns=off,upstream=none" none "$M"
stands "with a second that is refused"

# ---- the end
pid=$(daemon_pid "$S")
umount "$M"
check "umount ends the daemon" eventually 5 ended "$pid"
none_left() { [ -z "$(processes)" ]; }
check "and its child" eventually 5 none_left
check "starts again" start
stands "after a restart"
exec 5<"$N"
pid=$(daemon_pid "$S")
kill -TERM "$pid"
check "SIGTERM ends the daemon, a file being open" eventually 5 ended "$pid"
is "and unmounts" "$(mounts)" 0
check "and no process stays" eventually 5 none_left
exec 5<&-
check "starts again" start
exec 5>"$A/draft.alt"
printf '{"data":' >&5
pid=$(daemon_pid "$S")
kill -TERM "$pid"
check "SIGTERM ends the daemon, a half-written record being open" eventually 5 ended "$pid"
is "and unmounts" "$(mounts)" 0
exec 5>&-
kadns_in_front() {
	"$KADNS" -f -o "state=$S,dns=off,upstream=none" none "$M" >"$T/front" 2>&1 &
	pid=$!
	eventually 10 mountpoint -q "$M"
}
check "in the foreground" kadns_in_front
kill -INT "$pid"
wait "$pid"
is "^C ends it well" $? 0
is "and unmounts" "$(mounts)" 0

# ---- doors
/usr/bin/python3 -c '
import socket, sys, time
sockets = []
for kind in socket.SOCK_DGRAM, socket.SOCK_STREAM:
    s = socket.socket(socket.AF_INET, kind)
    s.bind(("127.0.0.1", 1053 if kind == socket.SOCK_DGRAM else 1054))
    if kind == socket.SOCK_STREAM:
        s.listen()
    sockets.append(s)
open(sys.argv[1], "w").close()
time.sleep(600)' "$T/taken" &
holder=$!
eventually 5 test -e "$T/taken"
refused "an asked-for DNS door whose UDP port is in use" "dns=127.0.0.1:1053: Address already in use" \
	"$KADNS" -o "state=$S,dns=127.0.0.1:1053,upstream=none" none "$M"
refused "one whose TCP port is in use" "dns=127.0.0.1:1054: Address already in use" \
	"$KADNS" -o "state=$S,dns=127.0.0.1:1054,upstream=none" none "$M"
refused "one of two" "dns=127.0.0.1:1053: Address already in use" \
	"$KADNS" -o "state=$S,dns=127.0.0.1:1055,dns=127.0.0.1:1053,upstream=none" none "$M"
refused "one at an address that is not ours" "dns=192.0.2.1:53: " \
	"$KADNS" -o "state=$S,dns=192.0.2.1:53,allow=192.0.2.0/24,upstream=none" none "$M"
refused "one that others reach, and nobody said who may" "dns=0.0.0.0:1056 is not on loopback: say who may ask, with allow=NET" \
	"$KADNS" -o "state=$S,dns=127.0.0.1:1056,dns=0.0.0.0:1056,upstream=none" none "$M"
refused "a network that may be a host" "allow=10.1.2.3/8: bits are set behind the prefix" \
	"$KADNS" -o "state=$S,allow=10.1.2.3/8,upstream=none" none "$M"
"$KADNS" -o "state=$S,upstream=none" none "$M" 2>"$T/err"
is "the default door whose port is in use: goes on" $? 0
is "with one line" "$(wc -l <"$T/err")" 1
has "that warns" "$(cat "$T/err")" "warning: 127.0.0.1:1053 is in use"
stands "without a door"
stop
kill "$holder"
wait "$holder" 2>"$T/none"

# ---- databases
rest=dns=off,upstream=none
for file in own.db guests.db; do
	bad=$T/bad-$file
	mkdir -m 700 "$bad"
	seq 10000 >"$bad/$file"
	sum=$(cksum <"$bad/$file")
	refused "$file a text file" "$bad/$file: not a database" "$KADNS" -o "state=$bad,$rest" none "$M"
	is "$file is left as it was" "$(cksum <"$bad/$file")" "$sum"
	rm -f "$bad/$file"*
	mkdir "$bad/$file"
	refused "$file a directory" "$bad/$file: not a database" "$KADNS" -o "state=$bad,$rest" none "$M"
	rmdir "$bad/$file"
	ln -s "$T/elsewhere" "$bad/$file"
	refused "$file a symbolic link" "$bad/$file: not a database" "$KADNS" -o "state=$bad,$rest" none "$M"
	check "which is not followed" test ! -e "$T/elsewhere"
	rm "$bad/$file"
	/usr/bin/python3 -c '
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("create table theirs(x)")
db.commit()' "$bad/$file"
	refused "$file another program's" "$bad/$file: not a database" "$KADNS" -o "state=$bad,$rest" none "$M"
	rm -f "$bad/$file"*
	check "$file: all is well without it" "$KADNS" -o "state=$bad,$rest" none "$M"
	S=$bad stop
	printf 'XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX' |
		dd of="$bad/$file" bs=1 seek=100 conv=notrunc 2>"$T/none"
	refused "$file damaged" "$bad/$file: not a database of kadns, or damaged" "$KADNS" -o "state=$bad,$rest" none "$M"
done
S=$T/state
bad=$T/bad-keys
mkdir -m 700 "$bad"
: >"$bad/keys"
refused "keys a file" "$bad/keys: " "$KADNS" -o "state=$bad,$rest" none "$M"
rm "$bad/keys"
mkdir -m 755 "$bad/keys"
refused "keys that others can read" "$bad/keys: " "$KADNS" -o "state=$bad,$rest" none "$M"
mkdir -m 755 "$T/his"
chown 1234 "$T/his"
refused "a state directory of another user" "$T/his: " "$KADNS" -o "state=$T/his,$rest" none "$M"
mkdir "$T/group"
chmod 770 "$T/group"
refused "a state directory that a group may write" "$T/group: " "$KADNS" -o "state=$T/group,$rest" none "$M"
: >"$T/file"
refused "a state directory that is a file" "$T/file: " "$KADNS" -o "state=$T/file,$rest" none "$M"
refused "one below a file" "$T/file/state: " "$KADNS" -o "state=$T/file/state,$rest" none "$M"
refused "state inside the mountpoint" "the state directory cannot lie in the mount" "$KADNS" -o "state=$M/state,$rest" none "$M"
check "nothing is made there" test ! -e "$M/state"
rm -rf "$M/state"
refused "the mountpoint itself" "the state directory cannot lie in the mount" "$KADNS" -o "state=$M,$rest" none "$M"
check "nothing is made there" test ! -e "$M/lock"
rm -rf "$M/lock"
ln -s "$M" "$T/link"
refused "inside it by a link" "the state directory cannot lie in the mount" "$KADNS" -o "state=$T/link/state,$rest" none "$M"
rm -rf "$M/state"
$as_1234 mkdir -m 700 "$T/his/state"
refused "one that a user may not make" "$T/no: Permission denied" $as_1234 \
	"$KADNS" --no-mount -o "state=$T/no,dns=off,upstream=none" none

# The validator is another user: what it cannot read is said at start, not by failing answers.
mkdir -m 700 "$T/hidden"
cp /usr/share/dns/root.hints "$T/hidden/"
refused "root hints that the validator cannot read" "$T/hidden/root.hints: nobody cannot read it" \
	"$KADNS" --no-dht --no-mount -o "user=nobody,state=$T/hs,dns=off,root_hints=$T/hidden/root.hints"

refused "a user that is not there" "user=nosuch: there is no such user" \
	"$KADNS" --no-dht --no-mount -o "user=nosuch,state=$T/hs,dns=off"
refused "and -n says so" "user=nosuch: there is no such user" \
	"$KADNS" -n --no-dht --no-mount -o "user=nosuch,state=$T/hs,dns=off"

# ---- options
good="state=$S,dns=off,upstream=none"
refused "an unknown option" "unknown option colour" "$KADNS" -o "$good,colour=blue" none "$M"
refused "an unknown word" "unknown option colour" "$KADNS" --colour=blue -o "$good" none "$M"
refused "an unknown letter" "unknown option -z" "$KADNS" -z -o "$good" none "$M"
refused "a letter too many" "unknown option -fz" "$KADNS" -fz -o "$good" none "$M"
refused "an option of another mount program" "unknown option uid" "$KADNS" -o "$good,uid=3" none "$M"
for value in port=4x port=0 port=65536 port= dns=1053 dns=127.0.0.1 dns=127.0.0.1:0 trust=full lookup=never deadline=4 \
	deadline=0s quota=0 bind=here tofu=a..b upstream=nonsense upstream=127.0.0.1:0 dht=maybe dns=localhost:53; do
	refused "$value" "${value%%=*}=" "$KADNS" -o "$good" -o "$value" none "$M"
done
refused "an option that needs a value" "port needs a value" "$KADNS" -o "$good,port" none "$M"
refused "one that takes none" "ro takes no value" "$KADNS" -o "$good,ro=1" none "$M"
refused "-o without options" "-o needs a value" "$KADNS" none "$M" -o
refused "nothing at all" "needs SOURCE and MOUNTPOINT" "$KADNS"
refused "no mountpoint" "needs SOURCE and MOUNTPOINT" "$KADNS" -o "$good" none
refused "a word too many" "one word too many: more" "$KADNS" -o "$good" none "$M" more
refused "a trust anchor that is not there" "$T/nowhere: No such file" \
	"$KADNS" -o "$good,trust_anchor=$T/nowhere" none "$M"
refused "an address to bind that is not ours" "192.0.2.1:4001: Cannot assign" "$KADNS" -o "$good,bind=192.0.2.1" none "$M"
for line in nonsense=1 port=4x port ro=1 upstream=nonsense "trust_anchor=$T/nowhere"; do
	printf '# a comment\nstate=%s\n\n%s\ndns=off\n' "$S" "$line" >"$T/conf"
	refused "line 4 of a configuration file: $line" "$T/conf:4: " "$KADNS" -c "$T/conf" none "$M"
	refused "and -n says so" "$T/conf:4: " "$KADNS" -n -c "$T/conf" none "$M"
done
rep x 5000 >"$T/conf"
refused "a configuration file with a line too long" "$T/conf:1: " "$KADNS" -c "$T/conf" none "$M"
refused "one that is not there" "$T/nowhere: No such file" "$KADNS" -c "$T/nowhere" none "$M"
refused "one that is a directory" "$T/his: Is a directory" "$KADNS" -c "$T/his" none "$M"

# ---- SOURCE
refused "a SOURCE that is no file" "$T/nowhere: No such file" "$KADNS" -o "$good" "$T/nowhere" "$M"
refused "a word" "nono: No such file" "$KADNS" -o "$good" nono "$M"
refused "a directory" "$T/his: Is a directory" "$KADNS" -o "$good" "$T/his" "$M"
refused "a host without a port" "127.0.0.1:" "$KADNS" -o "$good" 127.0.0.1: "$M"
refused "a port that is none" "127.0.0.1:4x: not HOST:PORT" "$KADNS" -o "$good" 127.0.0.1:4x "$M"
refused "one bad of two" "127.0.0.1:4001,x: not HOST:PORT" "$KADNS" -o "$good" 127.0.0.1:4001,x "$M"
for line in nonsense '127.0.0.1' '127.0.0.1 0' '127.0.0.1 70000' '300.1.1.1 4001' '127.0.0.1 4001 x' "$(rep 1 2000)"; do
	printf '# nodes\n127.0.0.1 4009\n%s\n127.0.0.1 4008\n' "$line" >"$T/nodes"
	refused "line 3 of a nodes file: $(printf %.20s "$line")" "$T/nodes:3: " "$KADNS" -o "$good" "$T/nodes" "$M"
done
: >"$T/nodes"
refused "a nodes file without a node" "$T/nodes: no node in it" "$KADNS" -o "$good" "$T/nodes" "$M"
refused "and -n says so" "$T/nodes: no node in it" "$KADNS" -n -o "$good" "$T/nodes" "$M"
cp "$T/random" "$T/nodes"
refused "a program for a nodes file" "$T/nodes:" "$KADNS" -o "$good" "$T/nodes" "$M"

# ---- mountpoints
refused "a mountpoint that is missing" "$T/nowhere: the mountpoint does not exist" "$KADNS" -o "$good" none "$T/nowhere"
refused "its parent too" "$T/no/where: the mountpoint does not exist" "$KADNS" -o "$good" none "$T/no/where"
refused "a file" "$T/file: the mountpoint is no directory" "$KADNS" -o "$good" none "$T/file"
mkdir "$T/full"
: >"$T/full/precious"
refused "a directory that is not empty" "$T/full: the mountpoint is not empty" "$KADNS" -o "$good" none "$T/full"
check "whose file is still there" test -e "$T/full/precious"
mkdir -m 755 "$T/roots"
users="state=$T/his/state,dns=off,upstream=none"
mkdir -m 755 "$T/hers"
chown 1234 "$T/hers"
refused "an ordinary user who may not open /dev/fuse" "/dev/fuse: Permission denied" $as_1234 "$KADNS" -o "$users" none "$T/hers"
mknod "$T/fuse" c 10 229 && chmod 666 "$T/fuse" && mount --bind "$T/fuse" /dev/fuse
refused "a directory that is another's" "$T/roots: the mountpoint is another user's" $as_1234 \
	"$KADNS" -o "$users" none "$T/roots"
chmod 0 "$T/hers"
refused "one that cannot be read" "$T/hers: the mountpoint cannot be looked at" $as_1234 \
	"$KADNS" -o "$users" none "$T/hers"
chmod 755 "$T/hers"
mkdir -m 700 "$T/closed" "$T/closed/dns"
refused "one below a directory that cannot be searched" "$T/closed/dns: the mountpoint cannot be looked at" $as_1234 \
	"$KADNS" -o "$users" none "$T/closed/dns"
refused "one that fusermount3 refuses: it wants a user with a name" "$T/hers: " $as_1234 \
	"$KADNS" -o "$users" none "$T/hers"

# ---- and after all of that
check "starts" start
stands "at the end"
stop
check "no process is left" eventually 5 none_left
is "no mount is left" "$(mounts)" 0
finish
