#!/bin/sh
# When a write counts, as the shells and tools of a Debian machine write.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"

check "mounts" start_fake
P=$A/p.alt
dash_() { dash -c "$1"; }
bash_() { bash -c "$1"; }

for shell in dash bash; do
	has "$shell: echo" "$(says $shell -c "echo 192.0.2.7 >$P")" "rc=0"
	is "$shell: is read" "$(data_of "$P")" 192.0.2.7
	has "$shell: echo of rubbish fails" "$(says $shell -c "echo rubbish >$P")" "rror"
	is "$shell: and the old record stays" "$(data_of "$P")" 192.0.2.7
	has "$shell: an empty line fails" "$(says $shell -c "echo >$P")" "rror"
	has "$shell: noclobber" "$(says $shell -c "set -C; echo 192.0.2.9 >$P")" "$P"
	has "$shell: noclobber of a new name" "$(says $shell -c "[ ! -e $A/$shell.alt ]; set -C; echo 192.0.2.9 >$A/$shell.alt")" "rc=0"
	is "$shell: that new name" "$(data_of "$A/$shell.alt")" 192.0.2.9
	has "$shell: several lines" "$(says $shell -c "printf '192.0.2.1\n192.0.2.2\n' >$P")" "rc=0"
	is "$shell: are one set" "$(data_of "$P")" "192.0.2.1 192.0.2.2"
	has "$shell: a bad second line" "$(says $shell -c "printf '192.0.2.3\nbad\n192.0.2.4\n' >$P")" "rror"
	is "$shell: restores what stood" "$(data_of "$P")" "192.0.2.1 192.0.2.2"
	$shell -c "printf '{\n\"ttl\":\n60,\"data\":\n[\"192.0.2.5\"]}\n' >$P"
	is "$shell: JSON by lines" "$(jq -c '[.ttl,.data]' "$P")" '[60,["192.0.2.5"]]'
	$shell -c "printf 192.0.2.6 >$P"
	is "$shell: no newline at the end" "$(data_of "$P")" 192.0.2.6
	$shell -c "{ printf '{\"data\":'; sleep 0.1; echo '\"192.0.2.8\"}'; } >$P"
	is "$shell: another process ends in between" "$(data_of "$P")" 192.0.2.8
	$shell -c "{ printf 192.0.2.; sleep 0.1; printf 9; } >$P"
	is "$shell: in the middle of a line" "$(data_of "$P")" 192.0.2.9
	$shell -c "exec 3>$P; echo '{\"data\":' >&3; echo '\"192.0.2.10\"}' >&3"
	is "$shell: a descriptor kept open" "$(data_of "$P")" 192.0.2.10
	$shell -c ">$P; : >$P"
	is "$shell: truncation withdraws nothing" "$(data_of "$P")" 192.0.2.10
	$shell -c "cat /dev/null >$P"
	is "$shell: nor does an empty file" "$(data_of "$P")" 192.0.2.10
	$shell -c "echo 192.0.2.11 >>$P"
	is "$shell: >> adds" "$(data_of "$P")" "192.0.2.10 192.0.2.11"
	$shell -c "rm $P $A/$shell.alt"
	has "$shell: rm" "$(says cat "$P")" "No such file or directory"
	$shell -c "echo 192.0.2.12 >>$P"
	is "$shell: >> begins" "$(data_of "$P")" 192.0.2.12
	rm "$P"
done

before=$(count_of sets) pushes=$(count_of pushes)
echo 192.0.2.7 >"$P"
is "one echo is one record" "$(count_of sets)" $((before + 1))
is "and goes to the network once" "$(eventually 10 sh -c "[ $(($(count_of pushes) - pushes)) = 1 ]" && echo once)" once

# What the tools say when the end is missing: close() tells them.
has "cat of half a JSON fails" "$(says sh -c "echo '{\"data\":' | cat >$P")" "rc=1"
has "cp too" "$(printf '{"data":' >"$T/half"; says cp "$T/half" "$P")" "rc=1"
has "dd too" "$(says dd if="$T/half" of="$P" conv=fsync)" "rc=1"
has "tee too" "$(says sh -c "tee $P <$T/half")" "Invalid argument"
is "the record stays" "$(data_of "$P")" 192.0.2.7
check "the log says what was dropped" grep -q 'IN/A/p.alt. of uid 0: dropped: incomplete JSON' "$T/fake.log"

head -c 70000 /dev/zero | tr '\0' ' ' >"$T/much"
has "over 64 kB" "$(says cp "$T/much" "$P")" "rc=1"
has "a NUL" "$(printf '192.0.2.7\000\n' >"$T/nul"; says cp "$T/nul" "$P")" "Invalid argument"
has "quota" "$(says bash -c "echo 192.0.2.7 >$A/set122.alt")" "Disk quota exceeded"
has "too big for a packet" "$(says bash -c "echo 192.0.2.7 >$A/set27.alt")" "File too large"
has "no space" "$(says bash -c "echo 192.0.2.7 >$A/set28.alt")" "No space left on device"
has "a disk that fails" "$(says bash -c "echo 192.0.2.7 >$A/set5.alt")" "Input/output error"
for refusal in "set122 EDQUOT" "set27 EFBIG" "set28 ENOSPC" "set5 EIO"; do
	has "explain says so: $refusal" "$(tail -n 1 "$M/.kadns/explain/IN/A/${refusal% *}.alt")" "write: ${refusal#* } ("
done
lacks "but not to another" "$(as 1234 cat "$M/.kadns/explain/IN/A/set5.alt")" "write:"
has "what could not be published is not there" "$(says cat "$A/set122.alt")" "No such file"
has "types that nobody writes" "$(says sh -c "echo x >$M/IN/RRSIG/p.alt")" "Operation not permitted"
has "classes that nobody writes" "$(says sh -c "echo x >$M/CH/TXT/p.alt")" "Operation not permitted"
has "the wrong type" "$(says bash -c "echo rubbish >$M/IN/AAAA/p.alt")" "Invalid argument"
is "the record still stays" "$(data_of "$P")" 192.0.2.7

jq -c .ttl=60 "$P" >"$T/t" && cat "$T/t" >"$P"
is "what is read can be written" "$(jq .ttl "$P")" 60
/usr/bin/python3 - "$P" <<'PY'
import os, sys
path = sys.argv[1]
with open(path, 'r+') as f:  # read, seek, write, truncate
    text = f.read()
    assert '192.0.2.7' in text
    f.seek(0)
    f.write('192.0.2.20\n')
    f.truncate()
with open(path, 'w+') as f:
    f.write('192.0.2.21\n')
    f.flush()
    f.seek(0)
    assert f.read() == '192.0.2.21\n'
fd = os.open(path, os.O_WRONLY)
os.write(fd, b'192.0.2.22\n')
os.fsync(fd)
assert os.fstat(fd).st_size == os.stat(path).st_size == len(open(path).read())
try:
    os.write(fd, b'rubbish\n')
    raise SystemExit('rubbish was taken')
except OSError:
    pass
try:
    os.fsync(fd)
    raise SystemExit('fsync forgets the refusal')
except OSError:
    pass
os.close(fd)
for flags in os.O_WRONLY | os.O_EXCL | os.O_CREAT,:
    try:
        os.open(path, flags)
        raise SystemExit('O_EXCL')
    except FileExistsError:
        pass
PY
is "python" "$?" 0
is "and the refusal restored" "$(data_of "$P")" 192.0.2.21
(sleep 0.3 && echo 192.0.2.30) >"$A/slowly.alt" &
sleep 0.1
is "a name that is being written is there" "$(stat -c %s "$A/slowly.alt")" 0
wait $!
is "and then is read" "$(data_of "$A/slowly.alt")" 192.0.2.30
echo 192.0.2.1 >"$A/printer"
eventually 5 grep -q printer "$T/fake.log" # at RELEASE, which nobody waits for
has "a private file that looks like a record is logged" "$(cat "$T/fake.log")" \
	"IN/A/printer. of uid 0: not published: a single label without its final dot"
echo 192.0.2.1 >"$A/*.www.alt"
eventually 5 grep -q 'file names, bytes other than' "$T/fake.log"
has "one whose name lacks its escapes too" "$(cat "$T/fake.log")" 'not published: in file names, bytes other than'
for name in "www.alt~" "#www.alt#" "www.alt.bak" ".www.alt.swp"; do echo 192.0.2.1 >"$A/$name"; done
is "backups are not" "$(grep -c 'not published: in file names' "$T/fake.log")" 1
rm "$A/*.www.alt" "$A/www.alt~" "$A/#www.alt#" "$A/www.alt.bak" "$A/.www.alt.swp"
is "and read as it was written" "$(cat "$A/printer")" 192.0.2.1
touch "$A/never.alt"
has "touch publishes nothing" "$(says cat "$A/never.alt")" "No such file"
check "touch of a record" touch "$P"

# Two who write one record: what one was told is written stays, whatever becomes of the other.
echo 192.0.2.1 >"$P"
says bash -c "exec 3>$P; echo 192.0.2.2 >&3; echo 192.0.2.50 >$P; echo bad >&3" >"$T/said"
is "a refusal leaves what another wrote meanwhile" "$(data_of "$P")" 192.0.2.50
check "and says so in the log" grep -q 'IN/A/p.alt. of uid 0: changed meanwhile by another' "$T/fake.log"
has "rm, and then a refusal" "$(says bash -c "exec 3>$P; echo 192.0.2.2 >&3; rm $P; echo bad >&3")" "Invalid argument"
has "does not bring it back" "$(says cat "$P")" "No such file"
echo 192.0.2.1 >"$P"
has ">> twice at once" "$(says bash -c "exec 3>>$P 4>>$P; echo 192.0.2.2 >&3; echo 192.0.2.3 >&4; echo 192.0.2.4 >&3")" rc=0
is "adds to what stands then" "$(data_of "$P")" "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4"
bash -c "exec 3>>$P; echo 192.0.2.5 >&3; echo 192.0.2.50 >$P; echo >&3; echo 192.0.2.6 >&3"
is ">> after another's > adds no old line" "$(data_of "$P")" "192.0.2.6 192.0.2.50"
C=$M/IN/CNAME/c.alt
echo a.example. >"$C"
has "a second CNAME by >>" "$(says bash -c "echo b.example. >>$C")" "Invalid argument"
is "is refused" "$(data_of "$C")" a.example.

# Renamed or removed with a descriptor still open: what comes after is nobody's.
has "a private file that became a record" \
	"$(says bash -c "exec 3>$A/tmpa; echo 192.0.2.1 >&3; mv $A/tmpa $A/ren.alt; echo 192.0.2.2 >&3")" "Invalid argument"
is "has what it had" "$(data_of "$A/ren.alt")" 192.0.2.1
has "a record that was renamed" \
	"$(says bash -c "exec 3>>$A/ren.alt; mv $A/ren.alt $A/ren2.alt; echo 192.0.2.2 >&3")" "Invalid argument"
has "is not made again" "$(says cat "$A/ren.alt")" "No such file"
is "and stands under its new name" "$(data_of "$A/ren2.alt")" 192.0.2.1
has "a record that became private" \
	"$(says bash -c "exec 3>>$A/ren2.alt; mv $A/ren2.alt $A/ren2; echo 192.0.2.2 >&3")" "Invalid argument"
rm "$A/ren2"

# What is read from elsewhere can be edited too.
W=w78.example.com
jq -c '.data=["192.0.2.9"]' "$A/$W" >"$T/t"
has "data of an answer from elsewhere" "$(says cp "$T/t" "$A/$W")" rc=0
is "is one's own now" "$(data_of "$A/$W")" 192.0.2.9
jq -c '.rdata=[{"address":"192.0.2.8"}]' "$A/w79.example.com" >"$A/tmpb" && mv "$A/tmpb" "$A/w79.example.com"
is "and by renaming" "$(data_of "$A/w79.example.com")" 192.0.2.8

# An inner redirection closes too (dup2), by the process that opened the file.
for shell in dash bash; do
	has "$shell: a redirection inside" "$(says $shell -c "{ printf 192.0.2.; echo hi >/dev/null; echo 9; } >$P")" rc=0
	is "$shell: ends no line" "$(data_of "$P")" 192.0.2.9
	has "$shell: a blank line between" "$(says $shell -c "printf '192.0.2.1\n\n192.0.2.2\n' >$P")" rc=0
	$shell -c "printf '192.0.2.7\n192.0.2.' >$P"
	is "$shell: half a line takes all back" "$(data_of "$P")" "192.0.2.1 192.0.2.2"
done
check "half a line is logged" grep -q 'IN/A/p.alt. of uid 0: dropped' "$T/fake.log"
has "cat of half a line fails" "$(says sh -c "printf 192.0.2. | cat >$P")" "rc=1"
/usr/bin/python3 - "$P" <<'PYTHON'
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
text = os.pread(fd, 4096, 0)
os.ftruncate(fd, len(text))
assert os.pread(fd, 4096, 0) == text, 'a truncate that changes nothing empties the file'
os.ftruncate(fd, len(text) - 1)
assert os.pread(fd, 4096, 0) == b''
os.close(fd)
PYTHON
is "a truncate to the same length" "$?" 0

# The number that comes with a close is a thread's; what is closed is the process's.
/usr/bin/python3 - "$P" <<'PYTHON'
import errno, os, sys, threading
said = []
def close(fd):
    try: os.close(fd)
    except OSError as e: said.append(e.errno)
def end(text):
    fd = os.open(sys.argv[1], os.O_WRONLY)
    writer = threading.Thread(target=os.write, args=(fd, text))
    writer.start(); writer.join()
    closer = threading.Thread(target=close, args=(fd,))
    closer.start(); closer.join()
end(b'{"data":')
end(b'192.0.2.44')
assert said == [errno.EINVAL], said
PYTHON
is "one thread writes, another closes: half a value is refused at the close" "$?" 0
is "and a line without its end counts" "$(data_of "$P")" 192.0.2.44

# The end of the mount is the end of every file.
(exec 3>"$A/last.alt"; printf '{"data":' >&3; exec sleep 60) &
LATE=$!
eventually 5 test -e "$A/last.alt"
check "ends well" stop_fake
check "what was being written is logged" grep -q 'IN/A/last.alt. of uid 0: dropped: incomplete JSON' "$T/fake.log"
kill "$LATE" 2>/dev/null
finish
