# For the scripts of tests/mount: a mount over the fake resolver (tests/fs/fake_resolver.h says what
# its names answer). Sourced after lib.sh.

M=$T/dns
A=$M/IN/A
mkdir -p "$M"

# start_fake [OPTION...]: as tests/mount/fake_kadns.c says; its log is $T/fake.log
start_fake() {
	: >"$T/fake.log"
	"$BUILD/tests/fake_kadns" "$@" "$M" >"$T/fake.log" 2>&1 &
	FAKE=$!
	eventually 10 grep -q '^ready' "$T/fake.log"
}
stop_fake() { # its exit status: a sanitizer's complaint makes it fail
	kill "$FAKE"
	wait "$FAKE"
}
says() { # COMMAND...: what it prints, errors too, and its status
	said=$(LC_ALL=C "$@" 2>&1)
	printf '%s rc=%s\n' "$said" "$?"
}
count_of() { # WHAT: asks, cancels, sets, removes, pushes
	sed -n "s/^$1  *//p" "$M/.kadns/status"
}
mode_of() { stat -c '%a %U' "$1"; }
# milliseconds COMMAND...: how long it took
milliseconds() {
	begin=$(date +%s%N)
	"$@" >"$T/timed.out" 2>&1
	echo $((($(date +%s%N) - begin) / 1000000))
}
