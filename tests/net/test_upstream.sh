#!/usr/bin/env bash
# Conventional DNS against the miniature Internet: recursion and forwarding, order and failover,
# resolv.conf that changes, a forwarder that strips DNSSEC, a child that is killed.
#
# usage: test_upstream.sh BUILD        prints "ok NAME" or "not ok NAME"; exit 0 when all are ok
# Needs nsd, unbound, ldnsutils, bind9-dnsutils, python3. No root: a namespace of its own.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build directory}" && pwd)
if [ "${2:-}" != inside ]; then
  exec unshare -rn "$0" "$build" inside
fi

ip link set lo up
MINET_RUN=$(mktemp -d)
export MINET_RUN
dir=$MINET_RUN
pids=()
cleanup() {
  "$here/minet.sh" stop
  [ "${#pids[@]}" = 0 ] || kill "${pids[@]}" 2>/dev/null
  rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

failed=0
result() { # NAME STATUS [WHY]
  if [ "$2" = 0 ]; then echo "ok $1"; else echo "not ok $1${3:+: $3}"; failed=1; fi
}
"$here/minet.sh" start -r >/dev/null || { echo "not ok minet"; exit 1; }
RECURSOR=127.53.0.53 DEAD=127.53.0.99
ask() { # OPTIONS NAME TYPE…: without them nothing is known of the test zones
  "$build/tests/ask_upstream" -r "$dir/root.hints" -t "$dir/root.ds" "$@" 2>"$dir/stderr"
}
expect() { # NAME PATTERN COMMAND…: the last line it prints
  local name=$1 pattern=$2 got
  shift 2
  got=$("$@" | tail -n 1)
  # shellcheck disable=SC2254
  case $got in
    $pattern) result "$name" 0 ;;
    *) result "$name" 1 "$got, not $pattern" ;;
  esac
}
within() { # NAME MILLISECONDS COMMAND…: the last line's last word is the time it took
  local name=$1 limit=$2 got
  shift 2
  got=$("$@" | tail -n 1)
  [ "${got##* }" -le "$limit" ] 2>/dev/null
  result "$name" $? "$got, not within $limit ms"
}

# ---- the miniature Internet's own questions, recursively and through its recursor
rcode() { case $1 in NOERROR) echo 0 ;; NXDOMAIN) echo 3 ;; esac; }
check_case() { # LABEL ANSWER NAME TYPE RCODE WANT HAS
  local label=$1 answer=$2 name=$3 type=$4 code want=$6 has=$7
  code=$(rcode "$5")
  case $want in
    bogus) code=0 ;; # the data stand, for CD=1; the SERVFAIL is the caller's to make
    fail) [[ $answer =~ ^"$name $type "(EREMOTEIO|ETIMEDOUT|DEADLINE)" " ]]
          result "$label $name $type" $? "$answer"; return ;;
  esac
  [[ $answer == "$name $type $code $want "* ]] &&
    { [[ $has != 192.* && $has != 2001:* ]] || [[ $answer == *" $has "* ]]; }
  result "$label $name $type" $? "$answer"
}
all_cases() { # LABEL OPTIONS…
  local label=$1 questions=() n t rest i=0 answers
  shift
  while read -r n t rest; do questions+=("$n" "$t"); done < <("$here/minet.sh" cases)
  mapfile -t answers < <(ask -w 2500 "$@" "${questions[@]}")
  while read -r n t rest; do
    # shellcheck disable=SC2086
    check_case "$label" "${answers[$i]:-nothing}" "$n" "$t" $rest
    i=$((i + 1))
  done < <("$here/minet.sh" cases)
}
all_cases recursive -u recursive
all_cases forward -u $RECURSOR
expect "anchor in DNSKEY form" "www.example.test A 0 secure 192.0.2.1 *" \
  ask -t "$dir/root.key" -u recursive www.example.test A
sed 's/^decoy\.test\./. /' "$dir/keys/decoy.test./ds" >"$dir/wrong.ds"
expect "a wrong anchor makes all bogus" "www.example.test A 0 bogus *" \
  ask -t "$dir/wrong.ds" -u recursive www.example.test A
expect "an upstream that validates is not excused" "www.example.test A 0 bogus *" \
  ask -t "$dir/wrong.ds" -u $RECURSOR www.example.test A
expect "IN-ADDR of the home reaches the forwarder" "1.0.168.192.in-addr.arpa PTR 3 * *" \
  ask -u $RECURSOR 1.0.168.192.in-addr.arpa PTR

# ---- what a question costs a forwarder (facts: trust, P20)
# No question costs more than two packets: one again where the first was lost, or with CD=1 what was
# told to be bogus. Never four, as libunbound would send (RFC 9520, 3.1 allows three).
relay() { # LISTEN SERVER LOG [MODE]
  python3 "$here/relay_count.py" "$1" "$2" "$dir/$3" ${4:+"$4"} & pids+=($!)
  until [ -e "$dir/$3" ]; do sleep 0.1; done
}
relay 127.53.1.9 $RECURSOR relayed
relay 127.53.1.8 $DEAD unanswered
relay 127.53.1.7 $RECURSOR lossy lossy
relay 127.53.1.6 $RECURSOR servfail servfail
relay 127.53.1.5 $RECURSOR slow slow
relay 127.53.1.4 $DEAD passed
packets() { # LOG NAME WANT WHAT
  local got
  got=$(grep "^$2" "$dir/$1" | tr '\n' ,)
  [ "$got" = "$3," ]
  result "$4: $3" $? "$(sort "$dir/$1" | uniq -c)"
}
www="www.example.test. 1"
ask -u 127.53.1.9 www.example.test A txt.example.test TXT >/dev/null
packets relayed www.example.test. "$www" "a name"
[ "$(grep -c ' 4[38]\( CD\)*$' "$dir/relayed")" -le 5 ] && [ "$(grep -c '^\. 48' "$dir/relayed")" = 1 ]
result "and each zone's keys once, the root's too, whom two contexts ask for" $? "$(sort "$dir/relayed" | uniq -c)"
ask -u 127.53.1.9 www.bogus.test A >/dev/null
packets relayed www.bogus.test. "www.bogus.test. 1,www.bogus.test. 1 CD" "a bogus name"
expect "a forwarder that is silent" "www.example.test A ETIMEDOUT - *" \
  ask -u 127.53.1.8 www.example.test A
packets unanswered www.example.test. "$www,$www" "it"
expect "a forwarder that fails" "www.example.test A EREMOTEIO - *" \
  ask -u 127.53.1.6 www.example.test A
packets servfail www.example.test. "$www,$www CD" "it"
expect "what is lost is asked again" "www.example.test A 0 secure 192.0.2.1 *" \
  ask -u 127.53.1.7 www.example.test A
packets lossy www.example.test. "$www,$www" "it"
# Without keys, that take as long each.
expect "who is slow is waited for" "www.example.test A 0 insecure 192.0.2.1 *" \
  ask -i example.test -u 127.53.1.5 www.example.test A
packets slow www.example.test. "$www,$www" "he"

# A server that is silent is asked no second question, but one each ten seconds beside the others.
ask -u 127.53.1.4 -u $RECURSOR www.example.test A www.nsec3.test A txt.example.test TXT www.insecure.test A >/dev/null
packets passed www.example.test. "$www,$www" "a dead one before a live one"
[ -z "$(grep -v -e '^\. ' -e '^www\.example\.test\. ' "$dir/passed")" ]
result "and nothing of the next questions" $? "$(sort "$dir/passed" | uniq -c)"

# ---- order, failover, deadlines
answer=$(ask -w 30000 -u $DEAD www.example.test A)
[[ $answer == "www.example.test A ETIMEDOUT - "* && ${answer##* } -le 25000 ]]
result "a dead upstream ends by itself, within 10 s where nobody else works" $? "$answer"
expect "the caller's deadline ends it sooner" "www.example.test A DEADLINE - *" \
  ask -w 1000 -u $DEAD www.example.test A
expect "dead, then live: the second answers" "www.example.test A 0 secure 192.0.2.1 *" \
  ask -w 30000 -u $DEAD -u $RECURSOR www.example.test A
within "then the dead one is passed over" 1000 \
  ask -u $DEAD -u $RECURSOR www.example.test A www.nsec3.test A
expect "one that resolves nothing is passed over" "www.example.test A 0 secure *" \
  ask -u 127.53.0.3 -u $RECURSOR www.example.test A
expect "bogus does not" "www.bogus.test A 0 bogus 192.0.2.66 *" \
  ask -u $RECURSOR -u recursive www.bogus.test A
expect "no route says so" "www.example.test A ENETUNREACH - *" ask -u 192.0.2.1 www.example.test A
within "and at once" 3000 ask -u 192.0.2.1 www.example.test A
expect "no route, then live" "www.example.test A 0 secure *" \
  ask -u 192.0.2.1 -u $RECURSOR www.example.test A
expect "recursion on loopback is off without the switch" "www.example.test A E* - *" \
  "$build/tests/ask_upstream" -u recursive www.example.test A

# ---- system
echo "nameserver $RECURSOR" >"$dir/resolv.conf"
expect "system is resolv.conf" "www.example.test A 0 secure 192.0.2.1 *" \
  ask -u system -c "$dir/resolv.conf" www.example.test A
printf 'nameserver %s\nnameserver %s\n' $DEAD $RECURSOR >"$dir/resolv.conf"
expect "all of its servers" "www.example.test A 0 secure 192.0.2.1 *" \
  ask -u system -c "$dir/resolv.conf" www.example.test A
# The first question ends at its deadline; meanwhile the file is replaced, as a DHCP client does.
echo "nameserver $DEAD" >"$dir/resolv.conf"
(sleep 1; echo "nameserver $RECURSOR" >"$dir/resolv.new"; mv "$dir/resolv.new" "$dir/resolv.conf") &
expect "a new resolv.conf is read" "www.example.test A 0 secure 192.0.2.1 *" \
  ask -w 2000 -u system -c "$dir/resolv.conf" www.example.test A www.example.test A
# The second question is under way by then, its server has had all the company there was, and it meets the new one's too.
echo "nameserver $DEAD" >"$dir/resolv.conf"
(sleep 4.5; echo "nameserver $RECURSOR" >"$dir/resolv.new"; mv "$dir/resolv.new" "$dir/resolv.conf") &
expect "also for what is under way" "www.example.test A 0 secure 192.0.2.1 *" \
  ask -w 4000 -u system -c "$dir/resolv.conf" www.example.test A www.example.test A

# ---- a forwarder that strips DNSSEC
python3 "$here/strip_dnssec.py" 127.53.0.54 $RECURSOR &
pids+=($!)
for _ in $(seq 50); do
  dig +time=1 +tries=1 @127.53.0.54 www.example.test >/dev/null 2>&1 && break
done
expect "a stripping forwarder is used unvalidated" "www.example.test A 0 unvalidated 192.0.2.1 *" \
  ask -u 127.53.0.54 www.example.test A
[ "$(grep -c 'strips DNSSEC' "$dir/stderr")" = 1 ]
result "with one warning" $?
relay 127.53.1.3 127.53.0.54 stripped
ask -u 127.53.1.3 www.example.test A >/dev/null
[ "$(sort "$dir/stripped" | tr '\n' ,)" = ". 48,$www," ]
result "of the first question it hears once, and of the root's keys" $? "$(sort "$dir/stripped" | uniq -c)"
expect "for unsigned zones too" "www.insecure.test A 0 unvalidated 192.0.2.1 *" \
  ask -u 127.53.0.54 www.example.test A www.insecure.test A nope.example.test A www.insecure.test A

# ---- the child
expect "killed at once: asked again" "www.example.test A 0 secure 192.0.2.1 *" \
  ask -k 0 -u recursive www.example.test A
grep -q '^restarts 1$' "$dir/stderr"
result "it was killed" $?
expect "killed while a server is silent" "www.example.test A 0 secure 192.0.2.1 *" \
  ask -k 300 -u $DEAD -u $RECURSOR www.example.test A
mkfifo "$dir/hold"
sleep 30 >"$dir/hold" & # keeps it open, so that the parent goes on until it is killed
pids+=($!)
"$build/tests/ask_upstream" -r "$dir/root.hints" -t "$dir/root.ds" -p -u recursive \
  www.example.test A <"$dir/hold" >/dev/null 2>"$dir/stderr" &
parent=$!
for _ in $(seq 100); do grep -q '^child ' "$dir/stderr" && break; sleep 0.05; done
child=$(sed -n 's/^child //p' "$dir/stderr")
rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$child/status")
[ "${rss:-99999}" -le 16384 ]
result "the child is small: ${rss:-?} kB" $?
kill -9 $parent
wait $parent 2>/dev/null
for _ in $(seq 40); do kill -0 "$child" 2>/dev/null || break; sleep 0.05; done
! kill -0 "$child" 2>/dev/null
result "no child outlives its parent" $?

exit $failed
