#!/bin/sh
# Every shell's own ways to write a record, each with its good case and its refusals (tools.sh).
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"
. "$TESTS/mount/tools.sh"
begin_tools

for shell in bash zsh ksh dash "busybox sh"; do
	# All hear of an error in write(), none of one in close(): dash does not name it, busybox's printf
	# says nothing. A program's close() fails where the program is the process that opened the file;
	# some shells open it themselves and fork then.
	e=$E print=$E here=$E cat=$E pipe=$E
	case $shell in
	ksh) e='*nvalid argument\] rc=1' print=$e pipe='*rc=0' ;;
	dash) e='*I/O error rc=1' print=$e here='*rc=0' cat=$here ;;
	busybox*) print='*rc=1' here='*rc=0' ;;
	esac
	row "$shell: echo" $NEW "$e" "*rc=0" $shell -c 'echo "$(cat $f)" >$p'
	row "$shell: printf" $NEW "$print" "*rc=0" $shell -c 'printf "%s\n" "$(cat $f)" >$p'
	row "$shell: echo, line by line" "$STANDS $NEW" "$e" "*rc=0" \
		$shell -c '{ [ $f = $T/f/half ] || echo 192.0.2.1; echo "$(cat $f)"; } >$p'
	row "$shell: >>" "$STANDS $NEW" "$e" "*rc=0" $shell -c 'echo "$(cat $f)" >>$p'
	row "$shell: heredoc" $NEW "$E" "$here" $shell -c "$(printf 'cat >$p <<E\n$(cat $f)\nE\n')"
	row "$shell: an external command" $NEW "$E" "$cat" $shell -c 'cat $f >$p'
	row "$shell: a pipe" $NEW "$E" "$pipe" $shell -c 'cat $f | cat >$p'
	case_of "$shell: truncation" good p.alt "*rc=0" $STANDS $shell -c '>$p; : >$p; true </dev/null >$p'
	case_of "$shell: truncation of another's" good root.alt "*ermi*" $STANDS as 1001 $shell -c ': >$p'
	case_of "$shell: noclobber" good p.alt "*p.alt*rc=[!0]*" $STANDS $shell -c 'set -C; echo 192.0.2.9 >$p'
done
cd /
check "ends well" stop_fake
finish
