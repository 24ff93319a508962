#!/bin/sh
# The first thing that anybody does: a fresh clone, one command, the three lines it prints.
. "$(dirname "$0")/../lib.sh"
small_internet
# An /etc of its own, without the users that quickstart makes.
mkdir "$T/etc.work"
mount -t overlay -o "lowerdir=/etc,upperdir=$T/etc,workdir=$T/etc.work" none /etc
sed -i '/^kadns/d' /etc/passwd /etc/group /etc/shadow /etc/gshadow
# A resolv.conf of this machine's own, as quickstart finds one: `upstream=system`.
rm -f /etc/resolv.conf
echo 'nameserver 127.53.0.53' >/etc/resolv.conf
mkdir "$T/clone"
(cd "$TOP" && tar cf - dht resolver fs tests meson.build README.md LICENSE) | tar xf - -C "$T/clone"
cd "$T/clone" || finish
export MOUNTPOINT=$T/dns EXAMPLE=www.example.test
quick() { sh fs/quickstart.sh "$@"; }

out=$(quick -o "root_hints=$MINET_RUN/root.hints,trust_anchor=$MINET_RUN/root.ds" 2>&1)
status=$?
is "it succeeds" "$status" 0
has "it says that it mounted" "$out" "$T/dns is mounted"
[ $status = 0 ] || echo "$out" | tail -n 20
# The commands are typed as they are printed.
first=$(echo "$out" | sed -n 's/^  \(cat .*\)/\1/p')
second=$(echo "$out" | sed -n 's/^  \(echo .*\)/\1/p')
third=$(echo "$out" | sed -n 's/^  \(dig .*\)/\1/p')
has "1: $first" "$(sh -c "$first")" '"data":["192.0.2.1"]'
check "2: $second" sh -c "$second"
has "3: $third" "$(sh -c "$third")" "192.0.2.7"
has "what was written is read" "$(cat "$T/dns/IN/A/printer.alt")" '"data":["192.0.2.7"]'
check "the binary is where README says" test -x build/fs/kadns
users() { ps -o user= -p "$(daemon_pid /var/lib/kadns/4001),$(node_pid /var/lib/kadns/4001)" | tr -d ' ' | tr '\n' ' '; }
is "a starter and its node" "$(users)" "root kadns "
is "keys have a user of their own" "$(ps -o user= -p "$(pgrep -x kadns-signer)")" kadns-key
is "--help ends well" "$(build/fs/kadns --help >/dev/null && echo yes)" yes

out=$(quick 2>&1)
is "a second run succeeds" $? 0
has "and says that it is mounted already" "$out" "mounted already"
is "there is one mount" "$(grep -c fuse.kadns /proc/self/mounts)" 1
out=$(quick stop 2>&1)
is "stop succeeds" $? 0
check "nothing is mounted" sh -c '! grep fuse.kadns /proc/self/mounts'
check "nothing runs" sh -c '! pgrep -x kadns'
out=$(quick stop 2>&1)
is "a second stop says that there is nothing" "$?:$out" "1:quickstart: $T/dns is not mounted"
"$TESTS/net/minet.sh" stop >/dev/null
finish
