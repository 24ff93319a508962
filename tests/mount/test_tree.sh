#!/bin/sh
# Classes and types of the real program: which directories there are, and where nobody writes.
. "$(dirname "$0")/../lib.sh"

M=$T/dns
mkdir -p "$M"
check "starts" "$KADNS" -o "dht=off,dns=off,upstream=none,state=$T/state" none "$M"
says() {
	said=$(LC_ALL=C "$@" 2>&1)
	printf '%s rc=%s\n' "$said" "$?"
}

is "the root" "$(ls -A "$M" | tr '\n' ' ')" ".kadns IN "
usual="A AAAA CAA CNAME HTTPS MX NS PTR SOA SRV SSHFP SVCB TLSA TXT "
is "IN" "$(ls -A "$M/IN" | tr '\n' ' ')" "$usual"
echo '\# 1 00' >"$M/IN/TYPE65280/x.alt"
echo '10 x.alt.' >"$M/IN/KX/x.alt"
is "and types that hold something" "$(ls "$M/IN" | tr '\n' ' ')" \
	"A AAAA CAA CNAME HTTPS KX MX NS PTR SOA SRV SSHFP SVCB TLSA TXT TYPE65280 "
rm "$M/IN/TYPE65280/x.alt" "$M/IN/KX/x.alt"
is "no more when it has gone" "$(ls "$M/IN" | tr '\n' ' ')" "$usual"

for name in IN/ANY IN/AXFR IN/IXFR IN/OPT IN/TSIG IN/TKEY IN/MAILA IN/MAILB IN/TYPE0 IN/TYPE255 IN/TYPE1 \
	IN/TYPE01 IN/TYPE65536 IN/a IN/txt IN/type65280 in ANY NONE CLASS0 CLASS1 CLASS254 CLASS255 CLASS65536 cH; do
	has "$name is not there" "$(says stat "$M/$name")" "No such file or directory"
done
for name in IN/NAPTR IN/TYPE65535 CH HS CLASS2 CLASS65535 CH/TXT CLASS9/TYPE65280 IN/RRSIG IN/NSEC; do
	check "$name is" test -d "$M/$name"
done
for dir in IN/RRSIG IN/NSEC IN/NSEC3 IN/NSEC3PARAM CH/TXT HS/A CLASS9/A; do
	has "$dir: a new record" "$(says sh -c "echo x >$M/$dir/x.example")" "Operation not permitted"
	has "$dir: exclusively" "$(says sh -c "set -C; echo x >$M/$dir/y.example")" "Operation not permitted"
	has "$dir: a private file" "$(says touch "$M/$dir/.x.swp")" "Operation not permitted"
	has "$dir: a copy" "$(says cp /etc/hostname "$M/$dir/z.example")" "Operation not permitted"
	is "$dir: its mode" "$(stat -c %a "$M/$dir")" 555
	is "$dir: nobody writes there" "$(test -w "$M/$dir"; echo $?)" 1
	is "$dir: is empty" "$(ls -A "$M/$dir")" ""
done
is "where everybody does" "$(stat -c %a "$M/IN/A" "$M/IN/TYPE65280" | tr '\n' ' ')" "1777 1777 "
check "everybody may" test -w "$M/IN/A"
check "ends" umount "$M"
finish
