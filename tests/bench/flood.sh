#!/bin/sh
# What an honest client of the DNS door, and a reader of a cached file, notice of 100,000 hostile packets a second, on
# the door's port and on the DHT's.
#
#   sudo sh tests/bench/flood.sh BUILD     three minutes; FLOOD_SECONDS=60 for a minute of each; use buildtype=release
#
# Needs dnsperf unbound nsd ldnsutils bind9-dnsutils.
#
# To reach, of each kind: at most 1 % of the questions for cached names lost, their p99 at most 5 ms, memory
# of all processes at most 8 MB more, with what is cached: `cache` is what there is of that since the start.
#
# `files`: the p99 of open, read and close of a file of a cached name, 100 a second, on CPU 1 likewise; f.fail of them failed.
# kadns with its validator is on CPU 0; the flood, its client (500 questions a second for cached names and 50 for
# others, nice -20, so that what is measured is the server and not the flood's core) and the upstream are on CPU 1.
# Spoofed sources are all of 127/8, which the door trusts, and all of 10/8, a network that is allowed: there answers
# are rationed. `uncached` is for knowledge: what a flood of random names leaves of the upstream is shared by chance.
#
# On a machine that has other work, FLOOD_FIRST=1 puts the client, kadns and the flood before it (SCHED_FIFO, in this
# order; not the validator and the upstream), which has little left for two minutes. `held` and
# `c.held` say what that was good for: percent of the time in which kadns and the client were ready and had no
# processor. Where they had to wait for others, `lost` and the latencies are the machine's, not the server's.
# FLOOD_ONLY=WORD leaves the rows that have the word.
[ -n "${BASH_VERSION-}" ] || exec bash "$0" "$@"
. "$(dirname "$0")/common.sh"
enter 2400 "$@"
first() { # PRIORITY COMMAND...
	if [ -n "${FLOOD_FIRST-}" ]; then
		chrt -f "$@"
	else
		shift
		"$@"
	fi
}
need dnsperf dnsperf

RATE=${FLOOD_RATE-100000} SECONDS_EACH=${FLOOD_SECONDS-8} PORT=5300 DHT=6881
export MINET_TTL=7200

processes() { # of the program, by its file: the children have other arguments
	for exe in /proc/[0-9]*/exe; do
		[ "$(readlink "$exe")" != "$build/fs/kadns" ] || basename "$(dirname "$exe")"
	done
}

rss() { # kB, of all of them together
	for pid in $(processes); do sed -n 's/^VmRSS:[^0-9]*//p' "/proc/$pid/status"; done |
		awk '{ kb += $1 } END { print kb }'
}

cpu_time() { # nanoseconds, likewise
	for pid in $(processes); do cat /proc/"$pid"/task/*/schedstat; done | awk '{ ns += $1 } END { printf "%.0f\n", ns }'
}

held_up() { # nanoseconds for which the node was ready and had no processor
	awk '{ print $2 }' "/proc/$node/schedstat"
}

cached() { # bytes
	sed -n 's/^cache.bytes *//p' "$dir/mnt/.kadns/status"
}

row() { # LABEL KIND ADDRESS SOURCE [PORT]
	case $1 in *"${FLOOD_ONLY-}"*) ;; *) return 0 ;; esac
	before=$(rss) cpu=$(cpu_time) held=$(held_up)
	if [ "$2" = none ]; then
		echo 0 >"$dir/sent" &
	else
		first 10 taskset -c 1 "$build/tests/bench/dns_flood" send "$2" "$3" "${5-$PORT}" "$4" "$RATE" "$SECONDS_EACH" >"$dir/sent" &
	fi
	flood=$!
	first 12 taskset -c 1 nice -n -20 "$build/tests/bench/dns_flood" read "$dir/mnt/IN/A/n1.wild.insecure.test" "$SECONDS_EACH" >"$dir/read" &
	reader=$!
	first 12 taskset -c 1 nice -n -20 "$build/tests/bench/dns_flood" ask 127.0.0.1 $PORT "$SECONDS_EACH" >"$dir/asked"
	wait $flood $reader
	echo "$(cat "$dir/sent") $(tr '\n' ' ' <"$dir/asked") $(($(rss) - before))" \
		"$(($(cpu_time) - cpu)) $(cached) $(($(held_up) - held)) $(cat "$dir/read")" |
		awk -v label="$1" -v seconds="$SECONDS_EACH" '{
		printf "%-36s %8d %7.2f %8.2f %8.2f %7.2f %6d %9.1f %8.2f %8.1f %6.1f %5.0f %5.0f %5.0f\n", label, $1,
			100 - 100 * $3 / $2, $4 / 1e3, $5 / 1e3, $17 / 1e3, $15, 100 - 100 * $7 / $6, $9 / 1e3, $11 / 1024, $13 / 1048576, $12 / 1e7 / seconds,
			$14 / 1e7 / seconds, $10 / 1e4 / seconds }'
	sleep 1
}

internet_start
for pid in "$MINET_RUN"/*.pid; do taskset -cap 1 "$(cat "$pid")" >/dev/null; done
ip address add 10.9.9.9/8 dev lo
ip route add local 10.0.0.0/8 dev lo 2>/dev/null || true
mkdir "$dir/mnt"
kadns_start 0 -o "dns=127.0.0.1:$PORT,dns=10.9.9.9:$PORT,allow=10.0.0.0/8,port=$DHT,bind=127.0.0.1,limits=on" none "$dir/mnt"
for i in $(seq 1000); do echo "n$i.wild.insecure.test A"; done >"$dir/queries"
wait_for kadns dig +time=1 +tries=1 -p $PORT @127.0.0.1 n1.wild.insecure.test
for _ in 1 2 3 4 5 6; do # a failure is believed for a second, then for two, then for four
	dnsperf -s 127.0.0.1 -p $PORT -d "$dir/queries" -n 1 -q 20 >"$dir/warm" 2>&1
	! grep -q SERVFAIL "$dir/warm" || sleep 5
done
grep -q "NOERROR 1000 (100.00%)" "$dir/warm" || die "the names are not cached: $(cat "$dir/warm")"
[ -z "${FLOOD_FIRST-}" ] || chrt -f -p 11 "$node" # now that all is asked for: the upstream has to have its turn
describe
echo "# of an honest client: percent lost, milliseconds; +MB, cache: megabytes; cpu: percent of its core"
printf '%-36s %8s %7s %8s %8s %7s %6s %9s %8s %8s %6s %5s %5s %5s\n' "flood" "pkt/s" lost p50 p99 files f.fail "unc.lost" "unc.p99" +MB \
	cache cpu held c.held
row "none" none - -
row "junk" junk 127.0.0.1 127.0.0.2
row "questions cut off" cut 127.0.0.1 127.0.0.2
row "responses" responses 127.0.0.1 127.0.0.2
row "cached names" cached 127.0.0.1 127.0.0.2
row "cached names, spoofed in 127/8" cached 127.0.0.1 127.0.0.0/8
row "random names" random 127.0.0.1 127.0.0.2
row "random names, spoofed in 127/8" random 127.0.0.1 127.0.0.0/8
row "cached names, spoofed in 10/8" cached 10.9.9.9 10.0.0.0/8
row "random names, spoofed in 10/8" random 10.9.9.9 10.0.0.0/8
for kind in junk ping get put reply; do
	row "DHT: $kind" $kind 127.0.0.1 127.0.0.2 $DHT
	row "DHT: $kind, spoofed in 127/8" $kind 127.0.0.1 127.0.0.0/8 $DHT
done
row "none, afterwards" none - -
internet_stop
