#!/bin/sh
# What stands in the mount: names, attributes, listings, errors, the control panel.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"

check "mounts" start_fake
has "the mount's source, type and flags" "$(grep " $M " /proc/mounts)" \
	"none,of\\040it $M fuse.kadns rw,nosuid,nodev,noexec,"
has "all users may use it" "$(grep " $M " /proc/mounts)" allow_other

# ---- directories ----
is "the root" "$(ls -A "$M" | tr '\n' ' ')" ".kadns IN "
is "a class" "$(ls "$M/IN" | tr '\n' ' ')" \
	"A AAAA CAA CNAME HTTPS MX NS PTR SOA SRV SSHFP SVCB TLSA TXT "
is "modes of directories" "$(stat -c %a "$M" "$M/IN" "$A" "$M/.kadns" | tr '\n' ' ')" "555 555 1777 555 "
for name in IN/TYPE65280 IN/DNSKEY CH CLASS77/A IN/A IN/NAPTR; do
	check "$name is a directory" test -d "$M/$name"
done
for name in IN/a in IN/ANY IN/AXFR IN/OPT IN/TYPE1 IN/TYPE065280 IN/TYPE65536 IN/NONSENSE ANY NONE CLASS1 x; do
	has "$name is not there" "$(says ls "$M/$name")" "No such file or directory"
done
is "df leaves it out" "$(df 2>&1 | grep -c "$M")" 0
is "statfs" "$(stat -f -c '%l %b' "$M")" "255 0"

# ---- records ----
line=$(cat "$A/www.example.com")
has "cat reads a line of JSON" "$line" '{"name":"www.example.com.","class":"IN","type":"A","ttl":300,"data":["192.0.2.1"]'
is "the size is the text's" "$(stat -c %s "$A/www.example.com")" $((${#line} + 1))
is "an answer from elsewhere is the daemon's" "$(mode_of "$A/www.example.com")" "644 root"
is "wc, tail and jq agree" "$(wc -c <"$A/www.example.com") $(tail -n 1 "$A/www.example.com" | jq -r .ttl)" "$((${#line} + 1)) 300"
is "another case is the same file" "$(stat -c %i "$A/WWW.Example.com")" "$(stat -c %i "$A/www.example.com")"
is "so is a final dot" "$(stat -c %i "$A/www.example.com.")" "$(stat -c %i "$A/www.example.com")"
is "what was read is listed" "$(ls -A "$A")" www.example.com
is "numbers in listings are those of stat" "$(ls -i "$A" | cut -d' ' -f1)" "$(stat -c %i "$A/www.example.com")"
check "test -e asks" test -e "$A/other.example.com"
check "access asks" /usr/bin/python3 -c "import os; assert os.access('$A/third.example.com', os.R_OK)"

# ---- errors tell the truth ----
for row in "nothing.alt|No such file or directory" "e110.example.com|Connection timed out" \
	"e121.example.com|Remote I/O error" "e74.example.com|Bad message" "e101.example.com|Network is unreachable"; do
	has "cat ${row%|*}" "$(says cat "$A/${row%|*}")" "${row#*|} rc=1"
	has "stat ${row%|*}" "$(says stat "$A/${row%|*}")" "${row#*|}"
done
long=$(printf '%0256d' 0)
label=$(printf '%064d' 0)
has "256 bytes" "$(says cat "$A/$long")" "File name too long"
has "256 bytes of a scratch name" "$(says touch "$A/$long")" "File name too long"
has "a label of 64" "$(says cat "$A/$label.alt")" "File name too long"
has "a directory of 256 bytes" "$(says ls "$M/$long")" "File name too long"
has "4000 bytes" "$(says cat "$A/$(printf '%04000d' 0)")" "File name too long"

# ---- what is asked ----
before=$(count_of asks)
cat "$A/.git" "$A/Makefile" "$A/.www.example.com.swp" "$A/www.example.com~" "$A/desktop.ini" "$A/*.json" \
	"$A/www.example.com,v" "$A/com" "$M/.hidden" 2>"$T/none"
is "probes of desktops and editors are not" "$(count_of asks)" "$before"
cat "$A/gone.alt" 2>"$T/none"
stat "$A/gone.alt" >"$T/none" 2>&1
cat "$A/gone.alt" 2>"$T/none"
is "a name that is not there is, once in five seconds" "$(count_of asks)" $((before + 1))
cat "$A/com." "$A/@" 2>"$T/none"
is "a single label with its dot and the root are" "$(count_of asks)" $((before + 3))
check "statting a directory full of names" sh -c "cat $A/h1.example.com $A/h2.example.com $M/IN/TXT/h3.example.com"
before=$(count_of asks)
ls -lR "$M" >"$T/none"
find "$M" -type f -size +0 >"$T/found"
tar -C "$M" -cf "$T/all.tar" IN
grep -r 192.0.2 "$M/IN" >"$T/none"
is "find, ls -lR, tar and grep -r cause no question" "$(count_of asks)" "$before"
check "tar has whole records" sh -c "tar -xOf $T/all.tar IN/A/h1.example.com | jq -e .data"
check "find sees every type" grep -q TXT/h3.example.com "$T/found"

# ---- what a directory of names does not have ----
has "mkdir" "$(says mkdir "$A/dir")" "Operation not permitted"
has "symlink" "$(says ln -s x "$A/link")" "Operation not permitted"
has "mknod" "$(says mknod "$A/pipe" p)" "Operation not permitted"
has "rmdir" "$(says rmdir "$A")" "Operation not permitted"
has "mv of a type" "$(says mv "$A" "$M/IN/B")" "Operation not permitted"
echo 192.0.2.1 >"$A/own.alt"
has "link" "$(says link "$A/own.alt" "$A/l.alt")" "Operation not permitted"
rm "$A/own.alt"
has "a file in the root" "$(says sh -c "echo x >$M/x")" "Permission denied"
has "a file in a class" "$(says sh -c "echo x >$M/IN/x")" "Permission denied"
has "chmod of a directory" "$(says chmod 777 "$M")" "Operation not permitted"
has "xattrs" "$(says /usr/bin/python3 -c "import os; os.setxattr('$A/www.example.com', 'user.x', b'1')")" "not supported"

# ---- the control panel ----
is "control files" "$(stat -c '%n %a' "$M"/.kadns/* | sed 's|.*/||' | tr '\n' ' ')" "key 444 nodes 644 status 444 "
is "a key is 52 characters" "$(wc -c <"$M/.kadns/key")" 53
echo 127.0.0.1 4001 >"$M/.kadns/nodes"
is "a node is added" "$(cat "$M/.kadns/nodes")" "1 nodes"
has "what is no node is refused" "$(says sh -c "echo host 1 >$M/.kadns/nodes")" "rc=1"
has "status is not written" "$(says sh -c "echo 1 >$M/.kadns/status")" "Permission denied"
has "nor removed" "$(says rm -f "$M/.kadns/key")" "Operation not permitted"
has "nor moved" "$(says mv "$M/.kadns/key" "$A/key")" "rc=1"

# ---- many names ----
for i in $(seq 1000); do echo "192.0.2.7" >"$A/many$i.alt"; done
is "a long directory is listed whole" "$(ls "$A" | grep -c '^many')" 1000
is "and with attributes" "$(ls -l "$A" | grep -c ' many')" 1000
is "offsets stay while names go" "$(/usr/bin/python3 - "$A" <<'PY'
import os, sys
seen = set()
with os.scandir(sys.argv[1]) as entries:
    for i, entry in enumerate(entries):
        assert entry.name not in seen
        seen.add(entry.name)
        if i < 50 and entry.name.startswith('many'):
            os.unlink(entry.path)
print(sum(name.startswith('many') for name in seen))
PY
)" 1000

check "ends well" stop_fake
is "unmounted" "$(grep -c " $M " /proc/mounts)" 0
finish
