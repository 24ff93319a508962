#!/bin/sh
# What the DHT costs a name that is not in it: kadns with a DHT that is well, empty, lying or a black hole,
# against the same kadns without one, asking the same upstream in the same run.
#
#   sudo sh tests/bench/race.sh BUILD      three minutes; use buildtype=release
#
# Needs nsd unbound ldnsutils bind9-dnsutils and /dev/fuse.
#
# To reach: at most 2 ms at p50 and 10 ms at p99 over the upstream alone.
#
# Upstream is the recursor of the miniature Internet of tests/net, as far away as `delay` says (dns_delay). Each
# kadns is asked in turn, one question at a time, over UDP, each name once (race_ask). The DHTs have 24 nodes
# (race_dht), all but the empty one: `well` runs ours; `lying` forges values, names liars and dead addresses; `hole`
# was well, and a moment before the questions its sockets are not read any more: what is measured is a node that
# has it still to find out. `always` asks the DHT beside DNS, as on a network of one's own; `rescue` after DNS said
# that there is no such name, as on mainline, where that is so under alt only. `gets`: look-ups in the DHT meanwhile.
#
# A name that DNS does not have (`no such name`) is one that a stranger may claim, here with tofu=. : there the answer
# has to wait for the DHT. So the first of these questions at a hole waits until its nodes are given up (`longest`).
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
enter 900 "$@"
need unbound unbound
need nsd nsd

COUNT=${RACE_COUNT-300} # questions to each, per row
DHTS="well empty lying hole"

mount_of() { echo "$dir/$1/mnt"; }

start() { # NAME PORT SOURCE OPTION...
	name=$1 port=$2 source=$3
	shift 3
	mkdir -p "$(mount_of "$name")"
	"$build/fs/kadns" -f -o "bind=127.0.0.1,port=$((port + 1000)),dns=127.0.0.1:$port" \
		-o "state=$dir/$name/state,upstream=127.53.0.54,tofu=." \
		-o "root_hints=$MINET_RUN/root.hints,trust_anchor=$MINET_RUN/root.ds" \
		"$@" "$source" "$(mount_of "$name")" >"$dir/$name.log" 2>&1 &
	running="$running $!"
}

source_of() { # DHT
	case $1 in
	well) echo 127.9.0.1:6881 ;;
	hole) echo 127.10.0.1:6881 ;;
	lying) echo 127.11.0.1:6881,127.11.1.1:6881 ;;
	empty) echo none ;;
	esac
}

count_of() { # NAME COUNTER
	sed -n "s/^$2  *//p" "$(mount_of "$1")/.kadns/status" 2>/dev/null
}
knows_some() { [ "$(count_of "$1" dht.nodes)" -ge 8 ]; }
answers() { dig +time=2 +tries=1 -p "$1" @127.0.0.1 www.insecure.test | grep -q 'status: NOERROR'; }

dht_start() { # KIND NET
	mkdir -p "$dir/net$2"
	nice -n 19 "$build/tests/bench/race_dht" "$1" "$2" $([ "$1" = lying ] || echo "$dir/net$2") &
	running="$running $!"
}

# Everything is begun anew for each block of rows: a hole must not have been found out before.
world_start() { # MILLISECONDS
	running='' names='' ports=''
	"$build/tests/bench/dns_delay" 127.53.0.54 127.53.0.53 "$1" &
	running="$running $!"
	dht_start honest 9
	dht_start honest 10
	hole=${running##* }
	dht_start lying 11
	port=5300
	add off none --no-dht
	for dht in $DHTS; do
		add "$dht-always" "$(source_of "$dht")" -o lookup=always
		add "$dht-rescue" "$(source_of "$dht")" -o lookup=rescue
	done
	for name in $names; do
		case $name in
		off | empty-*) ;;
		*) wait_for "the DHT of $name" knows_some "$name" ;;
		esac
	done
	for port in $ports; do wait_for "the door at $port" answers "$port"; done
	sleep 3 # what joins has joined
}

add() { # NAME SOURCE OPTION...
	name=$1
	shift
	start "$name" $port "$@"
	names="$names $name" ports="$ports $port"
	port=$((port + 1))
}

world_stop() {
	kill $running
	for pid in $running; do wait "$pid" || true; done
	for name in $names; do rm -rf "${dir:?}/$name"; done
	rm -rf "$dir"/net*
}

block() { # LABEL MILLISECONDS SUFFIX
	world_start "$2"
	before=$(for name in $names; do echo "$(count_of "$name" dht.gets)"; done)
	kill -USR1 "$hole"
	# shellcheck disable=SC2086
	"$build/tests/bench/race_ask" "$COUNT" "$3" $ports >"$dir/out"
	after=$(for name in $names; do echo "$(count_of "$name" dht.gets)"; done)
	paste <(printf '%s\n' $names) "$dir/out" <(echo "$before") <(echo "$after") |
		awk -v label="$1" -v delay="$2" '
		NR == 1 { p50 = $2; p99 = $3 }
		{ printf "%-13s %3d ms  %-13s %8.2f %8.2f %8.2f %8.2f %8.2f %6d %5d %6d\n", label, delay, $1,
			$2 / 1e3, $3 / 1e3, $4 / 1e3, ($2 - p50) / 1e3, ($3 - p99) / 1e3, $5, $6, $8 - $7 }'
	world_stop
}

describe
echo "# milliseconds; +p50 and +p99 are over the row without a DHT; $COUNT questions a row"
printf '%-13s %6s  %-13s %8s %8s %8s %8s %8s %6s %5s %6s\n' name delay DHT p50 p99 longest +p50 +p99 found lost gets
internet_start
for delay in 0 10; do block exists $delay wild.insecure.test; done
for delay in 0 10; do block "no such name" $delay insecure.test; done
internet_stop
