#!/bin/sh
# Temporary names are private scratch files of their uid: never published, listed only to it, bounded,
# collected. A word a section.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"

alice=1001 bob=1002
check "mounts" start_fake
cd "$A" || exit 1
names="sedAb1Cd2 XXq1w2e3 .p.alt.Xy12Zw .p.alt.swp .p.alt.swx p.alt~ #p.alt# .#p.alt p.alt.tmp p.alt.bak p.alt.lock p.alt.orig
 p.alt.part p.alt.rej p.alt.temp tmpk3j2 4913 printer .git .hidden .Trash-1001 Makefile desktop.ini package.json p.alt,v"
private() { for name in $names; do "$@" "$name" || return 1; done; }

# ---- never published ----
counters() { echo "asks $(count_of asks) sets $(count_of sets) removes $(count_of removes) pushes $(count_of pushes)"; }
before=$(counters)
write() { as $alice sh -c 'echo 192.0.2.1 >"$0" && echo 192.0.2.2 >>"$0" && truncate -s 10 "$0"' "./$1"; }
check "each is written" private write
check "and read" private as $alice sh -c 'grep -qx 192.0.2.1 "$0"'
check "stat, touch and chmod" private as $alice sh -c 'stat "$0" && touch "$0" && chmod 600 "$0"'
check "renamed to another and back" private as $alice sh -c 'mv "$0" other && mv other "$0"'
is "none is asked about or published" "$(counters)" "$before"

# ---- private, and listed only to their owner ----
is "their owner's listing has each" "$(as $alice ls -A | wc -l)" "$(echo $names | wc -w)"
for uid in $bob 0; do
	is "not that of $uid" "$(as $uid ls -A)" ""
	for command in cat stat "rm -f" "tee -a" "truncate -cs 0"; do
		for name in printer p.alt~; do as $uid $command "./$name" </dev/null >"$T/none" 2>&1; done
	done
	is "$uid makes his own under the same name" "$(as $uid sh -c 'echo his >printer; cat printer; rm -f printer ./p.alt~')" his
done
is "all are what they were" "$(for name in $names; do as $alice cat "./$name"; done | sort -u)" 192.0.2.1
is "0600, their owner's" "$(as $alice stat -c '%a %u' printer)" "600 $alice"
setpriv --reuid $alice --clear-groups sh -c 'exec sleep 30 <printer' &
sleeper=$!
eventually 5 grep -qx sleep "/proc/$sleeper/comm"
has "not by /proc either" "$(says as $bob cat "/proc/$sleeper/fd/0")" "Permission denied"
has "nor for root" "$(says cat "/proc/$sleeper/fd/0")" "Permission denied"
kill $sleeper
wait $sleeper 2>"$T/none"
has "nor by a rename" "$(says as $bob mv printer his)" "rc=1"
is "another directory has its own" "$(as $alice ls -A "$M/IN/TXT")" ""

# ---- collected ----
check "removed" private as $alice rm
is "nothing is left" "$(as $alice ls -A)" ""
check "a share is free again, however often" as $alice sh -c \
	'for i in $(seq 200); do echo x >t$i && rm t$i || exit 1; done'
check "so it is of what becomes a record" as $alice sh -c \
	'for i in $(seq 100); do echo 192.0.2.1 >t && mv t p.alt || exit 1; done; rm p.alt'
check "and of what another replaces" as $alice sh -c 'for i in $(seq 100); do echo x >t$i && mv t$i t || exit 1; done; rm t'
has "an open one goes with its last descriptor" "$(says as $alice /usr/bin/python3 -c "
import errno, os
for turn in range(2):
    files = []
    try:
        while len(files) < 100:
            files.append(os.open('u%d' % len(files), os.O_RDWR | os.O_CREAT | os.O_EXCL))
            os.unlink('u%d' % (len(files) - 1))
    except OSError as e:
        assert e.errno == errno.EDQUOT, e
    os.write(files[0], b'still here')
    assert os.pread(files[0], 99, 0) == b'still here'
    print(len(files), end=' ')
    for fd in files:
        os.close(fd)
    while True: # RELEASE is sent without waiting
        try:
            os.close(os.open('probe', os.O_RDWR | os.O_CREAT))
            os.unlink('probe')
            break
        except OSError:
            pass")" "64 64  rc=0"

# ---- bounded ----
has "64 kB a file" "$(says as $alice sh -c 'head -c 65536 /dev/zero >full && echo x | tee -a full')" "File too large"
is "and no byte more" "$(as $alice stat -c %s full)" 65536
has "1 MB a user" "$(says as $alice sh -c 'for i in $(seq 20); do cp full full$i || exit 1; done')" "Disk quota exceeded"
is "sixteen are that" "$(as $alice sh -c 'find . -size 128' | wc -l)" 16
has "which another does not notice" "$(says as $bob sh -c 'head -c 65536 /dev/zero >full && rm full')" "rc=0"
as $alice sh -c 'rm -f full*'
has "64 files a user" "$(says as $alice sh -c 'i=0; while echo >b$i; do i=$((i + 1)); done; ls | wc -l')" "64"
has "the 65th is refused" "$(says as $alice touch b99)" "Disk quota exceeded"
has "and a rename is no way around" "$(says as $alice sh -c 'mv b1 b99 && touch b1')" "Disk quota exceeded"
has "which another does not notice either" "$(says as $bob sh -c 'touch b1 && rm b1')" "rc=0"

# ---- and at the end of the mount ----
cd /
check "ends well" stop_fake
check "mounts again" start_fake
is "nothing of them is left" "$(as $alice ls -A "$A")" ""
is "not on disk" "$(find "$T" /var/lib /run -xdev -newer "$T/none" -name 'b[0-9]*' 2>"$T/err")" ""
check "ends well again" stop_fake
finish
