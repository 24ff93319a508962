#!/bin/sh
# File names and DNS names: every byte, every spelling, and what a directory can hold.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"
export LC_ALL=C.UTF-8

check "mounts" start_fake -l 100000
ino() { stat -c %i "$1" 2>&1; }

# ---- internationalized names ----
nfd=$(printf 'mu\314\210nchen')
is "cat of a U-label" "$(jq -r .name "$A/münchen.example.com")" xn--mnchen-3ya.example.com.
is "ls lists the A-label" "$(ls "$A")" xn--mnchen-3ya.example.com
number=$(ino "$A/xn--mnchen-3ya.example.com")
for name in münchen.example.com MÜNCHEN.Example.Com "$nfd.example.com" XN--MNCHEN-3YA.example.com \
	münchen.example.com. münchen。example．com; do
	is "$name is the same file" "$(ino "$A/$name")" "$number"
done
echo 192.0.2.7 >"$A/$nfd.alt"
is "what is written under a U-label" "$(jq -r '.name + .data[0]' "$A/xn--mnchen-3ya.alt")" xn--mnchen-3ya.alt.192.0.2.7
jq -c .ttl=60 "$A/münchen.alt" >"$A/new" && mv "$A/new" "$A/MÜNCHEN.alt"
is "and renamed onto" "$(jq -r .ttl "$A/xn--mnchen-3ya.alt")" 60
check "one spelling removes" rm "$A/MÜNCHEN.alt"
for name in münchen.alt "$nfd.alt" xn--mnchen-3ya.alt; do
	has "and $name is gone" "$(says stat "$A/$name")" "No such file"
done
is "nothing of it is left" "$(ls "$A")" xn--mnchen-3ya.example.com
before=$(count_of asks)
for name in "$(printf 'm\374nchen.example.com')" ☃.example.com ü_x.example.com münchen .münchen.example.com.swp; do
	has "$name is no record" "$(says cat "$A/$name")" "No such file"
done
is "and nobody is asked" "$(count_of asks)" "$before"
echo draft >"$A/Köln.txt~"
is "private files keep their names" "$(cat "$A/Köln.txt~") $(ls -A "$A" | head -n 1)" "draft Köln.txt~"
rm "$A/Köln.txt~"

# ---- bytes ----
/usr/bin/python3 - "$A" <<'PY'
import os, random, sys
os.chdir(os.fsencode(sys.argv[1]))
ok = lambda name, good: print(('ok ' if good else 'not ok ') + name)
plain = b'abcdefghijklmnopqrstuvwxyz0123456789_-'
text = lambda label: b''.join(bytes([c]) if c in plain else b'\\%03d' % c for c in label)
random.seed(20091226)
# q: an e and a number would be an errno (tests/fs/fake_resolver.h).
fold = lambda label: bytes(c + 32 if 65 <= c <= 90 else c for c in label)
names = {text(fold(bytes([byte]))) + b'.b.example.com' for byte in range(256)}
names |= {text(b'x' * n) + b'.l.example.com' for n in range(1, 64)}
names |= {text(fold(b'q' + random.randbytes(random.randint(0, 40)))) + b'.r.example.com' for i in range(2000)}
for name in names:
    os.close(os.open(name, os.O_RDONLY))
listed = [n for n in os.listdir(b'.') if not n.startswith(b'xn--')]
ok('names of all bytes and lengths are listed', set(listed) == names and len(listed) == len(names))
ok('in printable ASCII', all(0x20 < c < 0x7f and c != 0x2f for n in listed for c in n))
ok('each can be opened', all(os.path.getsize(n) > 0 for n in listed))
with os.scandir(b'.') as entries:
    ok('with the number that stat shows', all(e.inode() == os.stat(e.name).st_ino for e in entries))
def error(name):
    try:
        os.stat(name)
    except OSError as e:
        return os.strerror(e.errno)
for n in (256, 300, 1000, 4000, 4070):
    for name in (b'a' * n, b'a.' * (n // 2) + b'a' * (n % 2)):
        ok('%d bytes, %d labels' % (n, name.count(b'.') + 1), error(name) == 'File name too long')
ok('254 bytes of labels are a name', error(b'a.' * 127) == 'No such file or directory')
ok('a U-label that is over 63 bytes', error(''.join(chr(0xac00 + i * 587) for i in range(20)).encode() + b'.alt') == 'File name too long')
PY
[ $? = 0 ] || not_ok "names of all bytes"

check "ends well" stop_fake
finish
