#!/bin/sh
# Extended attributes: off, and on.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"
cd /

check "mounts" start_fake
cat "$A/www.example.com" >"$T/none"
has "off: there are none" "$(says getfattr -d "$A/www.example.com")" "Operation not supported"
has "off: nor can one be set" "$(says setfattr -n user.x -v 1 "$A/www.example.com")" "not supported"
check "ends" stop_fake

check "mounts with xattr" start_fake -x
f=$A/www.example.com
before=$(count_of asks)
is "what nobody has asked for has none" "$(says /usr/bin/python3 -c "
import os
print(os.listxattr('$f'))
os.getxattr('$f', 'user.kadns.trust')" | sed -n '1p;$s/:.*rc/ rc/p')" "[]
OSError rc=1"
is "and asks nothing" "$(count_of asks)" "$before"
has "getfattr, which stats first, asks" "$(getfattr -d --absolute-names "$A/other.example.com")" 'user.kadns.trust="dns"'
json=$(cat "$f")
is "what is known says what the JSON does" "$(getfattr -d --absolute-names "$f")" "# file: $f
user.kadns.expires=\"$(echo "$json" | jq -r .expires)\"
user.kadns.source=\"dns\"
user.kadns.trust=\"dns\"
user.kadns.ttl=\"300\""
echo '60 192.0.2.7' >"$A/own.alt"
is "one's own" "$(getfattr --absolute-names --only-values -n user.kadns.trust "$A/own.alt") $(getfattr --absolute-names --only-values -n user.kadns.ttl "$A/own.alt")" "self 60"
has "as another user sees it" "$(says as 1001 getfattr --absolute-names --only-values -n user.kadns.trust "$f")" "dns"

has "set" "$(says setfattr -n user.kadns.trust -v key "$f")" "Operation not permitted"
has "set another" "$(says setfattr -n user.x -v 1 "$f")" "Operation not permitted"
has "remove" "$(says setfattr -x user.kadns.trust "$f")" "Operation not permitted"
touch "$A/.scratch"
is "directories, private and control files have none" "$(getfattr -d --absolute-names "$M" "$A" "$A/.scratch" "$M/.kadns/status" 2>&1)" ""
/usr/bin/python3 - "$f" <<'PY'
import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
name = sys.argv[1].encode()
def call(fn, *args):
    n = fn(name, *args)
    return n if n >= 0 else errno.errorcode[ctypes.get_errno()]
value = ctypes.create_string_buffer(3)
ok = lambda what, good: print(('ok ' if good else 'not ok ') + what)
ok('size 0 tells the length', call(libc.getxattr, b'user.kadns.source', None, 0) == 3)
ok('what fits is given, without a NUL', call(libc.getxattr, b'user.kadns.source', value, 3) == 3 and value.raw == b'dns')
ok('what does not is ERANGE', call(libc.getxattr, b'user.kadns.source', value, 2) == 'ERANGE')
ok('so is a list', call(libc.listxattr, value, 3) == 'ERANGE' and call(libc.listxattr, None, 0) > 60)
ok('what is not there is ENODATA', call(libc.getxattr, b'user.kadns.seq', None, 0) == 'ENODATA')
PY
before=$(count_of asks)
ls -l "$A" >"$T/none"
cp -a "$f" "$T/copy"
is "ls -l and cp -a ask nothing" "$(count_of asks)" "$before"
is "cp -a copies what it says" "$(cmp "$f" "$T/copy" && echo same)" same
attributes() { /usr/bin/python3 -c "import os, sys; f = sys.argv[1]
print([(n, os.getxattr(f, n)) for n in sorted(os.listxattr(f))])" "$1"; }
# Since Linux 6.6 tmpfs has user.* too; before, cp -a says nothing of what it cannot take along.
if setfattr -n user.x -v 1 "$T/none" 2>/dev/null; then
	is "and takes them along" "$(attributes "$T/copy")" "$(attributes "$f")"
	has "which are some" "$(attributes "$T/copy")" "user.kadns.source"
fi
check "ends well" stop_fake
finish
