#!/usr/bin/env bash
# A signed miniature Internet on loopback: what resolver tests ask instead of the real one.
#
#   127.53.0.1:53   root server      (zone .,    signed, NSEC)
#   127.53.0.2:53   TLD server       (zone test, signed, NSEC)
#   127.53.0.3:53   leaf server      (good, broken and unsigned zones, named below)
#   127.53.0.53:53  unbound, validating recursor (only with "start -r")
#
# Needs Debian's nsd ldnsutils bind9-dnsutils, and unbound for "start -r". MINET_RUN names the
# directory for all that is made, outside of the source tree. Delegations carry no port, so it must
# be port 53, in a namespace of one's own:
#   MINET_RUN=$(mktemp -d) unshare -rn bash -c \
#       'ip link set lo up; ./minet.sh start -r && ./minet.sh check; ./minet.sh stop'
#
# usage: minet.sh build | start [-r] | stop | resign ZONE | status | cases | check [ADDR [PORT]]
#   resign signs zones/ZONE.test anew, which the caller has changed, and the leaf server takes it
#   build  makes keys and zones anew (start does if there are none; signatures hold 60 days)
#   cases  prints the questions and what each must get;  check  asks them by dig
# For a resolver under test: MINET_RUN/root.hints, root.ds (DS form), root.key (DNSKEY form). It must
# be allowed to ask 127/8 and not answer "test." by itself (RFC 6761).
set -eu

run=${MINET_RUN:?a directory for what is made}
ROOT=127.53.0.1 TLD=127.53.0.2 LEAF=127.53.0.3 REC=127.53.0.53 DEAD=127.53.0.99
ALG=ECDSAP256SHA256
NSD=$(command -v nsd || echo /usr/sbin/nsd)
UNBOUND=$(command -v unbound || echo /usr/sbin/unbound)

die() { echo "minet: $*" >&2; exit 1; }

# ---------------------------------------------------------------- zone data
soa() { # origin ns: the two records every zone starts with
  printf '$ORIGIN %s\n$TTL %s\n@ IN SOA %s hostmaster.test. 1 3600 900 604800 60\n@ IN NS %s\n' "$1" "${MINET_TTL:-300}" "$2" "$2"
}
leaf() { # contents shared by every leaf zone; $1 = origin
  soa "$1" "ns.$1"
  printf '%s\n' \
    "ns      A     $LEAF" \
    'www     A     192.0.2.1' \
    'www     AAAA  2001:db8::1' \
    'alias   CNAME www' \
    '*.wild  A     192.0.2.7'
}

zone_root() {
  soa . a.root.
  echo "a.root.  A  $ROOT"
  echo "test.    NS ns.test."
  echo "ns.test. A  $TLD"
  cat keys/test./ds
}
zone_test() {
  soa test. ns.test.
  echo "ns A $TLD"
  local z
  for z in $leaves; do
    echo "$z.test. NS ns.$z.test."
    echo "ns.$z.test. A $LEAF"
  done
  for z in example nsec3 bogus expired nokey rsa; do cat "keys/$z.test./ds"; done
  cat keys/decoy.test./ds | sed 's/^decoy/badds/'   # DS of a key badds.test never had
  echo "dead.test. NS ns.dead.test."                # nobody listens there
  echo "ns.dead.test. A $DEAD"
  echo "lame.test. NS ns.lame.test."                # leaf server answers REFUSED
  echo "ns.lame.test. A $LEAF"
}
zone_example() {
  leaf example.test.
  printf '%s\n' \
    'out      CNAME www.insecure.test.' \
    'tobogus  CNAME www.bogus.test.' \
    'loop1    CNAME loop2' \
    'loop2    CNAME loop1' \
    'a.ent    A     192.0.2.8' \
    '@        MX    10 mail' \
    'mail     A     192.0.2.9' \
    'txt      TXT   "hello" "world"' \
    'svc      HTTPS 1 . alpn="h2,h3" ipv4hint=192.0.2.1' \
    '_dns     SVCB  1 dns.example.test. alpn="h2" port=443 key7="/dns-query{?dns}"' \
    '_s._tcp  SRV   0 5 443 www' \
    'tree     DNAME wild' \
    'short    1 IN A 192.0.2.10' \
    'odd      TYPE65280 \# 3 010203'
  # big: about 2 kB of TXT, never fits 1232 octets; many: 40 addresses
  local i
  for i in 1 2 3 4 5 6 7 8; do printf 'big TXT "%s%0239d"\n' "$i" 0; done
  for i in $(seq 1 40); do echo "many A 198.51.100.$i"; done
}

leaves='example nsec3 rsa bogus expired nokey badds insecure island'
# example  signed, NSEC                 -> secure
# nsec3    signed, NSEC3 (0 iterations) -> secure
# rsa      signed, RSASHA256            -> secure
# bogus    A record changed after signing
# expired  signatures ended in 2020
# nokey    DS in parent, zone not signed
# badds    signed, DS in parent is of another key
# insecure no DS, not signed            -> insecure
# island   signed, no DS in parent      -> insecure

# ---------------------------------------------------------------- building
keypair() { # zone [alg [bits]]: KSK and ZSK under keys/ZONE/
  local d=keys/$1 alg=${2:-$ALG} bits=${3:-256}
  mkdir -p "$d"
  (cd "$d"
   ldns-keygen -r /dev/urandom -a "$alg" -b "$bits" -k "$1" >ksk
   ldns-keygen -r /dev/urandom -a "$alg" -b "$bits"    "$1" >zsk
   ldns-key2ds -n -2 "$(cat ksk).key" >ds)
}
sign() { # zone file [extra ldns-signzone options]
  local z=$1 f=$2 d=keys/$1; shift 2
  local from to
  from=$(date -u -d '-1 hour' +%Y%m%d%H%M%S) to=$(date -u -d '+60 days' +%Y%m%d%H%M%S)
  ldns-signzone -i "$from" -e "$to" -o "$z" -f "$f.signed" "$@" "$f" \
     "$d/$(cat "$d/ksk")" "$d/$(cat "$d/zsk")"
}
nsdconf() { # name addr zone=file...
  local name=$1 addr=$2 z; shift 2
  cat <<CONF
server:
  ip-address: $addr@53
  server-count: 1
  username: ""
  zonesdir: "$run/zones"
  pidfile: "$run/$name.pid"
  logfile: "$run/$name.log"
  database: ""
  xfrdfile: ""
  zonelistfile: "$run/$name.zonelist"
  xfrdir: "$run"
  rrl-ratelimit: 0
remote-control:
  control-enable: no
CONF
  for z; do printf 'zone:\n  name: "%s"\n  zonefile: "%s"\n' "${z%%=*}" "${z#*=}"; done
}
build() {
  mkdir -p "$run"; rm -rf "$run/zones" "$run/keys"; mkdir "$run/zones"; cd "$run"
  local z
  for z in . test. $(printf '%s.test. ' $leaves) decoy.test.; do
    case $z in rsa.test.) keypair $z RSASHA256 2048 ;; *) keypair "$z" ;; esac
  done
  for z in $leaves; do
    [ "$z" = example ] || leaf "$z.test." >"zones/$z.test"
  done
  zone_example >zones/example.test
  zone_test >zones/test
  zone_root >zones/root
  sign . zones/root
  sign test. zones/test
  for z in example rsa bogus badds island; do sign $z.test. zones/$z.test; done
  sign nsec3.test. zones/nsec3.test -n -t 0
  sign expired.test. zones/expired.test -i 20200101000000 -e 20200201000000
  sed -i 's/\b192\.0\.2\.1$/192.0.2.66/' zones/bogus.test.signed    # break the signature
  # what a resolver needs
  printf '. 3600000 IN NS a.root.\na.root. 3600000 IN A %s\n' "$ROOT" >root.hints
  cat "keys/./$(cat keys/./ksk).key" >root.key     # DNSKEY form
  cat keys/./ds >root.ds                           # DS form
  nsdconf root "$ROOT" .=root.signed >root.conf
  nsdconf tld  "$TLD"  test=test.signed >tld.conf
  nsdconf leaf "$LEAF" $(for z in $leaves; do
      case $z in nokey|insecure) echo $z.test=$z.test ;; *) echo $z.test=$z.test.signed ;; esac
    done) >leaf.conf
  cat >unbound.conf <<CONF
server:
  interface: $REC@53
  username: ""
  chroot: ""
  directory: "$run"
  pidfile: "$run/unbound.pid"
  logfile: "$run/unbound.log"
  use-syslog: no
  do-daemonize: no
  num-threads: 1
  do-ip6: no
  do-not-query-localhost: no
  access-control: 127.0.0.0/8 allow_snoop
  root-hints: "$run/root.hints"
  trust-anchor-file: "$run/root.ds"
  local-zone: "test." nodefault
  val-log-level: 2
  ede: yes
remote-control:
  control-enable: no
CONF
  echo "minet: built in $run"
}

# ---------------------------------------------------------------- running
alive() { # a process of ours: its pid file is there and its command line names our config
  [ -s "$run/$1.pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$(cat "$run/$1.pid")/cmdline" | grep -qF "$run/$1.conf"
}
waitfor() { # addr name type
  local i
  for i in $(seq 50); do
    dig +norec +time=1 +tries=1 "@$1" "$2" "$3" >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  die "no answer from $1"
}
start() {
  [ -f "$run/root.conf" ] || build
  local n
  for n in root tld leaf; do
    alive $n || "$NSD" -c "$run/$n.conf"
  done
  waitfor $ROOT . SOA; waitfor $TLD test. SOA; waitfor $LEAF example.test. SOA
  if [ "${1:-}" = -r ] && ! alive unbound; then
    "$UNBOUND" -d -c "$run/unbound.conf" >"$run/unbound.out" 2>&1 </dev/null &
    waitfor $REC . NS
  fi
  status
}
stop() {
  local n i
  for n in unbound leaf tld root; do
    alive $n || continue
    local p; p=$(cat "$run/$n.pid")
    kill "$p"
    for i in $(seq 50); do kill -0 "$p" 2>/dev/null || break; sleep 0.1; done
    rm -f "$run/$n.pid"
  done
}
status() {
  local n
  for n in root tld leaf unbound; do
    if alive $n; then echo "$n: running, pid $(cat "$run/$n.pid")"; else echo "$n: stopped"; fi
  done
}

# ---------------------------------------------------------------- checking
# A question to a validating resolver, and what it must say: NAME TYPE RCODE WANT HAS.
# WANT: secure = AD; insecure = no AD; bogus = SERVFAIL, and the data with +cd; fail = SERVFAIL or
# silence. HAS is a text that stands in the answer, or "-".
cases='
www.example.test        A      NOERROR  secure    192.0.2.1
www.example.test        AAAA   NOERROR  secure    2001:db8::1
alias.example.test      A      NOERROR  secure    192.0.2.1
x.y.wild.example.test   A      NOERROR  secure    192.0.2.7
www.tree.example.test   A      NOERROR  secure    192.0.2.7
nope.example.test       A      NXDOMAIN secure    -
www.example.test        MX     NOERROR  secure    -
ent.example.test        A      NOERROR  secure    -
svc.example.test        HTTPS  NOERROR  secure    alpn=
big.example.test        TXT    NOERROR  secure    -
example.test            DS     NOERROR  secure    -
nodelegation.test       A      NXDOMAIN secure    -
nosuchtld               A      NXDOMAIN secure    -
www.nsec3.test          A      NOERROR  secure    192.0.2.1
nope.nsec3.test         A      NXDOMAIN secure    -
www.nsec3.test          MX     NOERROR  secure    -
www.rsa.test            A      NOERROR  secure    192.0.2.1
www.insecure.test       A      NOERROR  insecure  192.0.2.1
nope.insecure.test      A      NXDOMAIN insecure  -
www.island.test         A      NOERROR  insecure  192.0.2.1
out.example.test        A      NOERROR  insecure  192.0.2.1
www.bogus.test          A      SERVFAIL bogus     192.0.2.66
www.bogus.test          AAAA   NOERROR  secure    2001:db8::1
tobogus.example.test    A      SERVFAIL bogus     192.0.2.66
www.expired.test        A      SERVFAIL bogus     192.0.2.1
www.nokey.test          A      SERVFAIL bogus     192.0.2.1
www.badds.test          A      SERVFAIL bogus     192.0.2.1
www.dead.test           A      SERVFAIL fail      -
www.lame.test           A      SERVFAIL fail      -
'
check() { # [addr [port]]
  local addr=${1:-$REC} port=${2:-53} pass=0 fail=0 n t rc want has out got why
  while read -r n t rc want has; do
    [ -n "$n" ] || continue
    out=$(dig +dnssec +time=6 +tries=1 -p "$port" "@$addr" "$n" "$t" 2>&1) || true
    got=$(sed -n 's/.*status: \([A-Z]*\),.*/\1/p' <<<"$out")
    why=
    [ "$got" = "$rc" ] || [ "$want$got" = fail ] || why="status $got, not $rc"
    case $want in
      secure)   grep -q '^;; flags:[^;]* ad' <<<"$out" || why="$why no AD" ;;
      insecure) grep -q '^;; flags:[^;]* ad' <<<"$out" && why="$why AD set" ;;
    esac
    if [ "$want" = bogus ]; then
      out=$(dig +cd +time=6 +tries=1 -p "$port" "@$addr" "$n" "$t" 2>&1) || true
      grep -q 'status: NOERROR' <<<"$out" || why="$why no answer with +cd"
    fi
    [ "$has" = - ] || grep -qF -- "$has" <<<"$out" || why="$why lacks $has"
    if [ -z "$why" ]; then pass=$((pass+1)); echo "ok   $n $t"
    else fail=$((fail+1)); echo "FAIL $n $t: $why"; fi
  done <<<"$cases"
  echo "$pass passed, $fail failed"
  [ "$fail" = 0 ]
}

case ${1:-} in
  build)  build ;;
  start)  shift; start "$@" ;;
  stop)   stop ;;
  resign) cd "$run"; sign "$2.test." "zones/$2.test"; ! alive leaf || kill -HUP "$(cat leaf.pid)" ;;
  status) status ;;
  cases)  sed '/^$/d' <<<"$cases" ;;
  check)  shift; check "$@" ;;
  *) sed -n '2,/^set/{/^#/p}' "$0"; exit 2 ;;
esac
