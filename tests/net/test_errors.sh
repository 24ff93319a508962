#!/bin/sh
# Every way to fail, as a table: what is injected, what the tool says, what explain says of it, and what
# the DNS door says. With the real program and a miniature Internet; what a disk does wrong is left to
# tests/mount/test_write.sh, with a publisher that fails on demand.
. "$(dirname "$0")/../lib.sh"
small_internet
m=$T/dns m2=$T/two
mkdir -p "$m" "$m2"
common="root_hints=$MINET_RUN/root.hints,trust_anchor=$MINET_RUN/root.ds,deadline=1500ms"

verdict() { sed -n 's/^verdict: //p' "$m/.kadns/explain/IN/$1"; }
door() { # NAME TYPE: rcode, and the extended error
	dig @127.0.0.1 -p 1053 +time=6 +tries=1 "$1" "$2" |
		sed -n 's/.*status: \([A-Z]*\),.*/\1/p; s/^; EDE: \([0-9]*\).*/EDE \1/p' | tr '\n' ' '
}
words_of() { # ERRNO
	/usr/bin/python3 -c 'import errno, os, sys; print(os.strerror(getattr(errno, sys.argv[1])))' "$1"
}
# reading FAILURE|TYPE/NAME|ERRNO|why|rcode and EDE of the door
reading() {
	while IFS='|' read -r what file errno why says; do
		[ -n "$what" ] || continue
		words=$(words_of "$errno")
		is "$what: cat" "$(error_of cat "$m/IN/$file")" "$words"
		is "$what: the attributes too" "$(error_of stat "$m/IN/$file")" "$words"
		is "$what: explain" "$(verdict "$file")" "$errno ($words): $why"
		is "$what: the door" "$(door "${file#*/}" "${file%%/*}")" "$says "
	done
}
# writing FAILURE|TYPE/NAME|what is written|ERRNO|why
writing() {
	while IFS='|' read -r what file text errno why; do
		[ -n "$what" ] || continue
		words=$(words_of "$errno")
		is "$what: echo" "$(error_of bash -c "echo -e '$text' >'$m/IN/$file'")" "$words"
		is "$what: dd, as another reader of the error" \
			"$(printf '%b\n' "$text" | error_of dd bs=65536 status=none of="$m/IN/$file")" "$words"
		is "$what: explain, last line" "$(tail -n 1 "$m/.kadns/explain/IN/$file" | sed 's/, at .*//')" \
			"write: $errno ($words): $why"
	done
}

# ---- conventional DNS
check "starts" "$KADNS" -o "$common,upstream=127.53.0.53,quota=2" none "$m"
reading <<'TABLE'
no such name|A/nope.example.test|ENOENT|DNS says that there is no such name, and no claim answers|NXDOMAIN
no such record|MX/www.example.test|ENOENT|DNS says that there is no such record|NOERROR
a name that only the DHT may have|A/nobody.alt|ENOENT|nobody on the DHT has it|NOERROR
a key that nobody has|A/www.47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy|ENOENT|nobody on the DHT has it|NOERROR
a local name|A/nas.home.arpa|ENOENT|DNS says that there is no such name, and the slot may not answer|NXDOMAIN
bogus|A/www.bogus.test|EBADMSG|DNSSEC proves the answer wrong|SERVFAIL EDE 6
expired|A/www.expired.test|EBADMSG|DNSSEC proves the answer wrong|SERVFAIL EDE 7
unsigned where it must be|A/www.nokey.test|EBADMSG|DNSSEC proves the answer wrong|SERVFAIL EDE 9
SERVFAIL|A/www.lame.test|EREMOTEIO|DNS failed, and a claim may answer only where it says that there is no such name|SERVFAIL EDE 22
TABLE

# ---- writing
key=$(cat "$m/.kadns/key")
theirs=$(setpriv --reuid 1234 --clear-groups cat "$m/.kadns/key")
large=$(for i in $(seq 9); do printf '"%0250d" ' "$i"; done)
writing <<TABLE
no record|A/bad.alt|rubbish|EINVAL|the data does not have the form of its type
the wrong type|A/bad.alt|2001:db8::1|EINVAL|the data does not have the form of its type
too large for the zone of a key|TXT/big.$key|$large|EFBIG|the set fits no zone of a key and no claim
under another's key|A/www.$theirs|192.0.2.1|EACCES|the name is under another's key, or another's record answers for all
a type that no user writes|NSEC/x.alt|192.0.2.1|EPERM|nobody writes records of this class or type
TABLE
echo 192.0.2.1 >"$m/IN/A/one.alt"
echo 192.0.2.2 >"$m/IN/A/two.alt"
writing <<'TABLE'
over quota|A/three.alt|192.0.2.3|EDQUOT|you have as many records as you may
TABLE
last() { tail -n 1 "$m/.kadns/explain/IN/$1" | cut -d: -f1; }
is "another user is not told" "$(setpriv --reuid 1234 --clear-groups tail -n 1 "$m/.kadns/explain/IN/A/three.alt" | cut -d: -f1)" verdict
echo rubbish >"$m/IN/A/draft"
mv "$m/IN/A/draft" "$m/IN/A/two.alt" 2>/dev/null
is "renamed onto a record" "$? $(last A/two.alt) $(data_of "$m/IN/A/two.alt")" "1 write 192.0.2.2"
echo 192.0.2.3 >"$m/IN/A/two.alt"
is "a good write ends it" "$(last A/two.alt)" verdict
is "over quota: there is none" "$(verdict A/three.alt)" "ENOENT (No such file or directory): nobody on the DHT has it"
long=$(printf '%0300d' 0) label=$(printf '%070d' 0)
is "a name over 255 bytes" "$(error_of cat "$m/IN/A/$long.test")" "$(words_of ENAMETOOLONG)"
is "a label over 63" "$(error_of sh -c "echo 192.0.2.1 >'$m/IN/A/$label.test'")" "$(words_of ENAMETOOLONG)"
is "and so says explain" "$(error_of cat "$m/.kadns/explain/IN/A/$label.test")" "$(words_of ENAMETOOLONG)"
is "another class than IN" "$(error_of sh -c "echo 192.0.2.1 >'$m/CH/A/x.alt'")" "$(words_of EPERM)"
stop "$m" 4001

# ---- private addresses from elsewhere
cat >"$T/private.conf" <<CONF
server:
  interface: 127.53.0.54
  username: ""
  chroot: ""
  pidfile: "$T/private.pid"
  use-syslog: no
  module-config: "iterator"
  do-not-query-localhost: no
  local-zone: "test." nodefault
  local-data: "private.insecure.test. A 192.168.0.1"
forward-zone:
  name: "."
  forward-addr: 127.53.0.53
CONF
check "a name server that gives away private addresses" /usr/sbin/unbound -c "$T/private.conf"
check "starts" "$KADNS" --no-dht -o "$common,upstream=127.53.0.54" none "$m"
reading <<'TABLE'
a private address|A/private.insecure.test|ENOENT|private addresses from elsewhere are dropped|NOERROR EDE 17
TABLE
stop "$m" 4001
kill "$(cat "$T/private.pid")"

# ---- nobody answers
check "a silent upstream" "$KADNS" --no-dht -o "$common,upstream=127.53.0.99,http=127.0.0.1:8882" none "$m"
is "in time: cat" "$(error_of cat "$m/IN/A/late.example.test")" "$(words_of ETIMEDOUT)"
is "in time: explain" "$(verdict A/late2.example.test)" "ETIMEDOUT (Connection timed out): no answer within the deadline"
for form in PROXY SHORT; do
	is "in time: HTTP as in 2009, $form" "$(curl -s -w ' %{http_code}' http://127.0.0.1:8882/$form/IN/A/late4.example.test)" \
		'[[{"__type__":"error","class":"DNSQueryTimeoutError"}]] 408'
done
is "in time: the file over HTTP" "$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8882/dns/IN/A/late5.example.test)" 504
is "in time: the door" "$(door late3.example.test A)" "SERVFAIL EDE 23 "
stop "$m" 4001
check "no network" "$KADNS" --no-dht -o "$common,upstream=192.0.2.53" none "$m"
reading <<'TABLE'
no route|A/far.example.test|ENETUNREACH|DNS failed, and a claim may answer only where it says that there is no such name|SERVFAIL EDE 22
TABLE
stop "$m" 4001
check "no source at all" "$KADNS" --no-dht -o "$common,upstream=none" none "$m"
reading <<'TABLE'
nobody to ask|A/www.example.test|ENOENT|no source may answer for this name|NOERROR
TABLE
stop "$m" 4001

# ---- the DHT
check "a node" "$KADNS" -o "$common,upstream=none,port=4001" none "$m"
check "and another" "$KADNS" -o "$common,upstream=none,port=4002,dns=off" 127.0.0.1:4001 "$m2"
eventually 10 knows_one "$m"
starter_killed /var/lib/kadns/4002
umount -l "$m2"
reading <<'TABLE'
no node answers|A/gone.alt|ENETUNREACH|no node of the DHT answered|SERVFAIL EDE 22
no node answers for a key|A/www.47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy|ENETUNREACH|no node of the DHT answered|SERVFAIL EDE 22
TABLE
is "no node answers: claims" "$(error_of cat "$m/.kadns/claims/IN/A/gone.alt")" "$(words_of ENETUNREACH)"
stop "$m" 4001

# ---- read-only, and a disk that is full
check "read-only" "$KADNS" -o "$common,upstream=none,ro" none "$m"
is "read-only: echo" "$(error_of sh -c "echo 192.0.2.1 >'$m/IN/A/x.alt'")" "$(words_of EROFS)"
is "read-only: rm" "$(error_of rm -f "$m/IN/A/one.alt")" "$(words_of EROFS)"
stop "$m" 4001
mkdir "$T/full"
mount -t tmpfs -o size=1m,mode=0700 none "$T/full"
check "a small disk" "$KADNS" -o "$common,upstream=none,state=$T/full" none "$m"
cat /dev/zero >"$T/full/filler" 2>/dev/null
writing <<'TABLE'
a full disk|A/x.alt|192.0.2.1|ENOSPC|the disk took no record, what stood before stands
TABLE
is "a full disk: there is none" "$(verdict A/x.alt)" "ENOENT (No such file or directory): nobody on the DHT has it"
rm "$T/full/filler"
is "with room again" "$(error_of sh -c "echo 192.0.2.1 >'$m/IN/A/x.alt'")$(data_of "$m/IN/A/x.alt")" 192.0.2.1
umount "$m"
"$TESTS/net/minet.sh" stop
finish
