#!/bin/sh
# What one user may take of a mount, and what another notices of it: the real program, real tools.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"

alice=1001 bob=1002
quota=20 lookups=5 burst=50 # ten seconds' worth

# Upstream hears and answers nothing.
/usr/bin/python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.9", 53))
while True:
    s.recv(4096)' &
"$KADNS" -f -o "state=$T/state,no-dht,dns=off,upstream=127.0.0.9,deadline=300ms" \
	-o "quota=$quota,lookups=$lookups" none "$M" >"$T/kadns.log" 2>&1 &
pid=$!
check "mounts" eventually 10 grep -q " $M fuse.kadns " /proc/self/mounts
status() { sed -n "s/^$1  *//p" "$M/.kadns/status"; }
write() { # UID FILE: what is on standard input
	as "$1" sh -c "cat >'$2'" 2>&1
	printf 'rc=%s' $?
}

# ---- records ----
is "$quota records" "$(for i in $(seq $quota); do echo 192.0.2.$i | write $alice "$A/n$i.alt"; echo; done | sort -u)" "rc=0"
has "one more is refused" "$(echo 192.0.2.9 | write $alice "$A/n99.alt")" "Disk quota exceeded"
lacks "and is not listed" "$(as $alice ls "$A")" n99.alt
has "a shell's echo says so" "$(says as $alice bash -c "echo 192.0.2.9 >$A/n99.alt")" "Disk quota exceeded"
is "what stands may change" "$(echo 192.0.2.77 | write $alice "$A/n1.alt")" "rc=0"
is "bob has his own share" "$(echo 192.0.2.5 | write $bob "$A/n99.alt")" "rc=0"
is "one that is gone makes room" "$(as $alice rm "$A/n3.alt"; echo 192.0.2.9 | write $alice "$A/n99.alt")" "rc=0"
as $alice sh -c "rm $A/n*.alt"

# ---- bytes: a kilobyte a record, and 65 of them besides ----
# A name so long that no zone can have it below a key: its set is bounded by what claims hold.
label=$(printf '%060d' 0 | tr 0 x)
long() { echo "$M/IN/TXT/$label.$label.$label.a-longer-name-still.$1.alt"; }
large() { # STRINGS of 250 bytes
	for i in $(seq "$1"); do printf '"%05d%s"\n' "$i" "$(printf '%0245d' 0)"; done
}
large 24 >"$T/large" # 6.3 kB with its name: thirteen are 82 of 85 kB
large 18 >"$T/less"
is "thirteen large sets" "$(for i in $(seq 13); do write $alice "$(long "$i")" <"$T/large"; echo; done | sort -u)" "rc=0"
has "one more is over the bytes" "$(write $alice "$(long 14)" <"$T/large")" "Disk quota exceeded"
is "a small one is not" "$(echo small | write $alice "$(long b)")" "rc=0"
has "nor may it grow, by cp" "$(says as $alice cp "$T/large" "$(long b)")" "Disk quota exceeded"
has "or by a little less" "$(write $alice "$(long b)" <"$T/less")" "Disk quota exceeded"
is "the one before stands" "$(as $alice jq -r '.data[0]' "$(long b)")" '"small"'
is "what shrinks makes room" "$(write $alice "$(long 1)" <"$T/less"; write $alice "$(long b)" <"$T/less")" "rc=0rc=0"
is "bob's bytes are his own" "$(write $bob "$(long 1)" <"$T/large")" "rc=0"

# ---- lists of pins that open files hold ----
# A short line that is added makes another list of 256, which the file keeps until it is closed.
is "whoever has many such files open is told" "$(as $alice /usr/bin/python3 - "$M/.kadns/pins" <<'PY'
import errno, os, sys
key = 'y' * 52
with open(sys.argv[1], 'w') as f:
    f.writelines(f'{key} n{i}.example\n' for i in range(256))
written, files = 0, []
for i in range(400):
    files.append(os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND))
    try:
        os.write(files[-1], f'{key} n0.example{" strict" * (i % 2)}\n'.encode())
        written += 1
    except OSError as e:
        print(errno.errorcode[e.errno], 50 < written < 100)
        break
PY
)" "EDQUOT True"
as $alice sh -c "echo '#' >'$M/.kadns/pins'"

# ---- look-ups a second ----
is "nobody was refused so far" "$(status mount.hasty)" 0
# 40 at a time are under what may be under way (64).
as $alice /usr/bin/python3 - "$A" >"$T/asked" <<'PY'
import collections, concurrent.futures, errno, os, sys
def ask(i):
    try:
        os.close(os.open('%s/w%d.example.org' % (sys.argv[1], i), os.O_RDONLY))
        return 'answered'
    except OSError as e:
        return errno.errorcode[e.errno]
with concurrent.futures.ThreadPoolExecutor(40) as pool:
    heard = collections.Counter(pool.map(ask, range(200)))
print(sum(heard.values()) - heard['EAGAIN'], heard['EAGAIN'], ' '.join(sorted(heard)))
PY
read -r granted refused words <"$T/asked"
is "each was one or the other" $((granted + refused)) 200
is "the words of both" "$words" "EAGAIN ETIMEDOUT"
# It fills again while the test runs: 5 a second.
check "a burst, $granted" [ "$granted" -ge $burst ]
check "and what came in again, no more" [ "$granted" -le $((burst + 20)) ]
is "and counted" "$(status mount.hasty)" "$refused"
has "a tool says it" "$(seq 40 | as $alice xargs -P 40 -I{} cat "$A/x{}.example.org" 2>&1)" \
	"Resource temporarily unavailable"
is "what memory has costs her nothing" "$(for i in $(seq 100); do as $alice cat "$(long b)" | wc -l; done | sort -u)" 1
has "bob asks as if nothing were" "$(says as $bob cat "$A/y.example.org")" "timed out"
is "and writes" "$(echo 192.0.2.6 | write $bob "$A/n8.alt")" "rc=0"

kill "$pid"
wait "$pid"
is "ends well" $? 0
finish
