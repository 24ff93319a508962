# For the scripts of tests/mount that try real tools on records: a row a tool.
# Sourced after fake.sh; begin_tools mounts and goes to the directory of records.
#
# Each tool gets a file to write, $f, and the record to write it to, $p, in five cases:
#   good     p holds what f said, and the tool has left nothing else
#   rubbish  the tool says so, the record is what it was
#   half     JSON that does not end: only close() can tell, so no shell's echo hears of it
#   quota    a refusal that only publishing knows of: as rubbish, with that error's text
#   foreign  another user's record: nobody gets past OPEN, UNLINK or RENAME
STANDS=192.0.2.1 NEW=192.0.2.77
E='*nvalid argument*rc=[!0]*' # what most say of rubbish

begin_tools() {
	mkdir -p "$T/f"
	echo $NEW >"$T/f/good"
	echo rubbish >"$T/f/rubbish"
	echo '{"data":' >"$T/f/half"
	echo "4000122 $NEW" >"$T/f/quota" # fake_resolver.h
	chmod -R a+rX "$T/f"
	export T A
	check "mounts" start_fake
	cd "$A" || exit 1
	echo $STANDS >root.alt
}

# like NAME GOT PATTERN
like() {
	# shellcheck disable=SC2254
	case $2 in
	$3) ok "$1" ;;
	*)
		printf '  | got:  %s\n  | want: %s\n' "$2" "$3"
		not_ok "$1"
		;;
	esac
}
# Private files, by name.
private_files() { ls -A | grep -v '\.alt$'; }
# holds RECORD WANT: in a moment, for RELEASE is sent without waiting for it
holds() {
	for _ in $(seq 30); do
		got=$(data_of "$1")
		[ "$got" != "$2" ] || break
		sleep 0.1
	done
	[ "$got" = "$2" ] || printf '  | %s is: %s\n  | want: %s\n' "$1" "$got" "$2"
	[ "$got" = "$2" ]
}
# case_of NAME CASE RECORD SAYS AFTER COMMAND...
case_of() {
	name=$1 f=$T/f/$2 p=$3 want=$4 holds=$5
	export f p
	shift 5
	[ "$p" != p.alt ] || echo $STANDS >p.alt
	cp "$f" "$T/source" # for tools that take their source away
	said=$(says "$@" </dev/null)
	like "$name: says" "$said" "$want"
	if holds "$p" "$holds"; then ok "$name: the record"; else not_ok "$name: the record"; fi
}
# row NAME AFTER RUBBISH HALF COMMAND...
#   AFTER    what p holds after the good case
#   RUBBISH  what the tool says of rubbish, a pattern
#   HALF     what it says of half a value
row() {
	row=$1 after=$2 rubbish=$3 half=$4
	shift 4
	case_of "$row" good p.alt "*rc=0" "$after" "$@"
	is "$row: leaves nothing behind" "$(private_files)" ""
	case_of "$row, rubbish" rubbish p.alt "$rubbish" $STANDS "$@"
	case_of "$row, half" half p.alt "$half" $STANDS "$@"
	case_of "$row, over quota" quota p.alt \
		"$(echo "$rubbish" | sed 's/nvalid argument/isk quota exceeded/')" $STANDS "$@"
	private_files | while read -r file; do rm -f -- "$file"; done
	chown 1001 "$T/source"
	case_of "$row, another's" good root.alt "${FOREIGN-*rc=[!0]*}" $STANDS as 1001 "$@"
	as 1001 ls -A | grep -v '\.alt$' | while read -r file; do as 1001 rm -f -- "$file"; done
}
