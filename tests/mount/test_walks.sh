#!/bin/sh
# Walking is silent: what looks through directories asks nobody, while a cat of a name that is not listed does.
# The program itself, with another node and conventional DNS to ask; packets are counted on the wire.
. "$(dirname "$0")/../lib.sh"
small_internet
m=$T/home/dns
export m T
mkdir -p "$m" "$T/two" "$T/out"
roots="root_hints=$MINET_RUN/root.hints,trust_anchor=$MINET_RUN/root.ds,upstream=127.53.0.53"
status_of() { sed -n "s/^$1 *//p" "$m/.kadns/status"; }
packets() { grep -c '^d' "$T/packets"; } # dht, dns
asked() { echo "$(status_of dht.gets) $(status_of dht.puts) $(status_of upstream.asked) $(status_of asks.total)"; }

# mirror=off: what DNS has proved to a cat it leaves on the DHT seconds later, whoever walks meanwhile.
check "starts" "$KADNS" -o "port=4001,dns=off,lookup=always,mirror=off,$roots" none "$m"
check "another joins" "$KADNS" -o "port=4002,dns=off,$roots" 127.0.0.1:4001 "$T/two"
check "they know each other" eventually 10 knows_one "$m"
/usr/bin/python3 "$TESTS/mount/packets.py" "$T/packets" 4001 &
counter=$!
eventually 5 grep -q ready "$T/packets"

# ---- what is there to walk over ----
for i in 1 2 3; do echo "192.0.2.$i" >"$T/two/IN/A/his$i.alt"; done
check "another's records are out" eventually 10 published "$T/two"
for i in 1 2 3; do echo "192.0.2.$i" >"$m/IN/A/own$i.alt"; done
echo '"hello"' >"$m/IN/TXT/own1.alt"
echo 192.0.2.9 >"$m/IN/A/www.$(cat "$m/.kadns/key")"
echo '# private' >"$m/IN/A/notes"
check "own records are out" eventually 10 published "$m"
for name in A/his1.alt A/his2.alt A/www.example.test AAAA/www.example.test A/alias.example.test A/many.example.test \
	A/short.example.test MX/example.test TXT/big.example.test SRV/_s._tcp.example.test NS/@ SOA/test.; do
	cat "$m/IN/$name" >"$T/none" || not_ok "cat $name"
done
sleep 1.2 # short.example.test has a TTL of a second
is "they are listed" "$(find "$m/IN" -type f | wc -l)" 18
check "what has been counted so far is something" test "$(packets)" -gt 20

# quiet NAME COMMAND...: succeeds, and nobody is asked
quiet() {
	name=$1
	shift
	before=$(packets) counters=$(asked)
	"$@" >"$T/out/walk" 2>&1 </dev/null || {
		sed 's/^/  | /' "$T/out/walk" | tail -n 5
		not_ok "$name works"
	}
	sleep 0.1 # a packet takes its way to the counter
	is "$name sends no packet" "$(grep '^d' "$T/packets" | tail -n +$((before + 1)))" ""
	is "$name asks nobody" "$(asked)" "$counters"
}
typed() { /usr/bin/python3 "$TESTS/mount/type.py" "$@"; }
quiet "doing nothing" sleep 1
quiet "find" find "$m"
quiet "find by size and time" find "$m" -type f -size +0 -newermt 2000-01-01
check "sees them" grep -q his1.alt "$T/out/walk"
quiet "ls -lR" ls -lR "$m"
quiet "ls -la --color" ls -la --color=always "$m/IN/A"
quiet "du" du -a "$m"
quiet "df -a" sh -c 'df -a; df $m'
quiet "tar" tar -C "$T/home" -cf "$T/out/x.tar" dns
is "tar has whole records" "$(tar -xOf "$T/out/x.tar" dns/IN/A/his1.alt | jq -r '.data[0]')" 192.0.2.1
quiet "grep -r" grep -r 192.0.2 "$m"
quiet "rsync -n" rsync -an "$m/" "$T/out/mirror"
quiet "rsync" rsync -a "$m/" "$T/out/mirror"
quiet "rsync again" rsync -ac "$m/" "$T/out/mirror"
quiet "cp -a" cp -a "$m" "$T/out/copy"
quiet "file and checksums" sh -c 'cd $m/IN/A && wc * && md5sum * && stat *'
quiet "updatedb" updatedb.plocate -U "$m" -o "$T/out/db" --require-visibility 0 --prunefs '' --prune-bind-mounts 0
is "updatedb has seen them" "$(plocate -d "$T/out/db" his1.alt | wc -l)" 1
quiet "gio list" gio list -la "$m/IN/A"
quiet "gio tree" gio tree -h "$m"
quiet "git status inside" sh -c 'cd $m/IN/A; git status; test $? = 128'
quiet "git init around it" sh -c 'cd $T/home && git init -q . && git status -uall'
check "git sees them" grep -q his1.alt "$T/out/walk"
quiet "git add" sh -c 'cd $T/home && git add dns && git status && git diff --cached --stat'
quiet "git grep" sh -c 'cd $T/home && git grep -c 192.0.2'
quiet "a shell's globs" bash -O globstar -c 'echo $m/**/* $m/IN/A/*.alt $m/IN/A/*.json'
quiet "bash's tab" typed ":" "cat $m/IN/A/own\\t\\t" own3.alt bash --norc -i
quiet "bash-completion's tab" typed ". /usr/share/bash-completion/bash_completion; cd $m/IN/A" \
	"cat own\\t\\t" own3.alt bash --norc -i
quiet "and of a single name, with its options" typed ". /usr/share/bash-completion/bash_completion; cd $m/IN/A" \
	"vim his\\t\\t" his2.alt bash --norc -i
quiet "zsh's tab" typed "autoload -U compinit; compinit -u -D; cd $m/IN/A" "cat own\\t\\t" own3.alt zsh -f -i
quiet "fish's tab" fish -c 'complete -C "cat $m/IN/A/ow"; cd $m/IN/A; complete -C "cat hi"; complete -C "cat "'
check "fish completes" grep -q 'own3.alt' "$T/out/walk"
quiet "vim's file browser" vim -es -u NONE -N -c 'set nocompatible' -c "edit $m/IN/A" -c q
quiet "emacs' dired" emacs -Q --batch --eval '(progn (dired (concat (getenv "m") "/IN/A")) (princ (buffer-string)))'
check "dired sees them" grep -q his1.alt "$T/out/walk"
quiet "lsof and fuser" sh -c 'lsof +D $m/IN; fuser -v $m/IN/A/* $m; :'
quiet "python's os.walk" /usr/bin/python3 -c "
import os
for directory, _, files in os.walk(os.environ['m']):
    for file in files:
        os.stat(os.path.join(directory, file))
        open(os.path.join(directory, file), 'rb').read()"
quiet "chmod -R and touch" sh -c 'cd $m/IN/A && chmod 644 own* && touch own*'
quiet "probes of desktops and editors" sh -c 'cd $m/IN/A; cat .hidden .Trash-0 desktop.ini .git/HEAD own1.alt~ .own1.alt.swp CVS Makefile; :'

# ---- and a name that is not listed is asked for ----
# loud NAME WHAT COMMAND...: packets of WHAT are sent
loud() {
	name=$1 what=$2
	shift 2
	before=$(grep -c "^$what" "$T/packets")
	"$@" >"$T/out/walk" 2>&1
	sleep 0.1
	check "$name" test "$(grep -c "^$what" "$T/packets")" -gt "$before"
}
loud "cat of an unlisted name asks the DHT" "dht get" cat "$m/IN/A/his3.alt"
has "and finds it" "$(cat "$T/out/walk")" '"data":["192.0.2.3"]'
loud "cat of one in DNS asks DNS" "dns" cat "$m/IN/A/a.ent.example.test"
loud "so does ls -l" "dns" ls -l "$m/IN/A/mail.example.test"
loud "and test -e" "dns" test -e "$m/IN/A/ns.example.test"
quiet "once read it is listed, and find" find "$m" -size +0
check "find sees it" grep -q his3.alt "$T/out/walk"

kill $counter
eventually 5 grep -q '^lost' "$T/packets"
is "the counter has lost no packet" "$(sed -n 's/^lost //p' "$T/packets")" 0
umount "$m"

# ---- a mirror ----
# What a cat has had from DNS it leaves on the DHT, seconds later; what a walk reads gives it nothing to do.
check "starts with a mirror" "$KADNS" -o "port=4003,dns=off,lookup=always,mirror=on,$roots" 127.0.0.1:4002 "$m"
check "it knows the other" eventually 60 knows_one "$m"
rm "$T/packets"
/usr/bin/python3 "$TESTS/mount/packets.py" "$T/packets" 4003 &
counter=$!
eventually 60 grep -q ready "$T/packets"
for name in A/www.example.test AAAA/www.example.test MX/example.test A/alias.example.test; do
	cat "$m/IN/$name" >"$T/none" || not_ok "cat $name"
done
mirrored() { [ "$(status_of mirror.waiting)" = 0 ] && [ "$(status_of mirror.put)" -gt 0 ]; }
check "it mirrors what a cat has read" eventually 100 mirrored
rests() {
	before=$(packets) && sleep 1 && mirrored && [ "$(packets)" = "$before" ]
}
check "and comes to rest" eventually 100 rests
left=$(status_of mirror.put)
quiet "beside a mirror: find" find "$m" -size +0
check "sees them, too" grep -q www.example.test "$T/out/walk"
quiet "beside a mirror: ls -lR" ls -lR "$m"
quiet "beside a mirror: grep -r" grep -r 192.0.2 "$m"
quiet "beside a mirror: rsync" rsync -a "$m/" "$T/out/beside"
quiet "beside a mirror: updatedb" updatedb.plocate -U "$m" -o "$T/out/db2" --require-visibility 0 --prunefs '' --prune-bind-mounts 0
is "and none of them has left it anything for later" "$(status_of mirror.waiting) $(status_of mirror.put)" "0 $left"
kill $counter
eventually 60 grep -q '^lost' "$T/packets"
umount "$m" "$T/two"
"$TESTS/net/minet.sh" stop >"$T/none"
finish
