#!/bin/sh
# The tools that write, replace and move files, each with its good case and its refusals (tools.sh).
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"
. "$TESTS/mount/tools.sh"
begin_tools

# mv has its own words for EINVAL from rename(2): "to a subdirectory of itself". python and busybox try
# another way to copy after an error and hear EINVAL then, whatever the first was.
MV="*cannot move*rc=1" AGAIN="*nvalid argumen[t]*rc=[!0]*"
#   tool            after               rubbish half    command
row "/bin/echo"     $NEW                "$E"    "$E"    bash -c '/bin/echo "$(cat $f)" >$p'
row "tee"           $NEW                "$E"    "$E"    bash -c 'tee $p <$f'
row "tee -a"        "$STANDS $NEW"      "$E"    "$E"    bash -c 'tee -a $p <$f'
row "cp"            $NEW                "$E"    "$E"    bash -c 'cp $f $p'
row "cp -p"         $NEW                "$E"    "$E"    bash -c 'cp -p $f $p'
row "cp -f"         $NEW                "$E"    "$E"    bash -c 'cp -f $f $p'
row "cp --remove-destination" $NEW      "$E"    "$E"    bash -c 'cp --remove-destination $f $p'
row "dd"            $NEW                "*nvalid argument*rc=1" "$E" bash -c 'dd if=$f of=$p'
row "dd conv=fsync" $NEW                "*nvalid argument*rc=1" "$E" bash -c 'dd if=$f of=$p conv=fsync'
row "dd bs=1"       $NEW                "$E"    "$E"    bash -c 'dd if=$f of=$p bs=1'
row "jq"            $NEW                "$E"    "*rc=[!0]*" bash -c 'jq -cR "{data:.}" $f >t; if grep -q { $f; then jq -c . $f; elif grep -q 4000 $f; then cat $f; else cat t; fi >$p; s=$?; rm t; exit $s'
row "mv in the directory" $NEW          "$MV"   "$MV"   bash -c 'cp $f t; mv t $p'
row "mv -f, T"      $NEW                "$MV"   "$MV"   bash -c 'cp $f t; mv -fT t $p'
row "mv from elsewhere" $NEW            "$E"    "$E"    bash -c 'mv $T/source $p'
row "install"       $NEW                "$E"    "$E"    bash -c 'install -m 600 $f $p'
row "install -C"    $NEW                "$E"    "$E"    bash -c 'install -C $f $p'
row "sed -i"        $NEW                "$E"    "$E"    bash -c 'sed -i "s|.*|$(cat $f)|" $p'
row "sed -i.bak"    $NEW                "$E"    "$E"    bash -c 'sed -i.bak "s|.*|$(cat $f)|" $p; s=$?; rm -f $p.bak; exit $s'
row "perl -i"       $NEW                "$E"    "$E"    bash -c 's=$(cat $f) perl -i -pe "s|.*|\$ENV{s}|" $p'
row "rsync"         $NEW                "$E"    "$E"    bash -c 'rsync $f $p'
row "rsync -a"      $NEW                "$E"    "$E"    bash -c 'rsync -a $f $p'
row "rsync --inplace" $NEW              "$E"    "$E"    bash -c 'rsync --inplace $f $p'
row "sponge"        $NEW                "$E"    "$E"    bash -c 'sponge $p <$f'
row "ed"            $NEW                "$E"    "$E"    bash -c 'printf "%%d\n0r $f\nw\nq\n" | ed -s $p'
row "git checkout"  $NEW                "*unable to write*rc=[!0]*" "*rc=0" bash -c 'git init -q $T/g; cd $T/g; cp $f $p; git add -f $p; cd $A; git --git-dir=$T/g/.git --work-tree=. checkout -f -- $p'
row "git apply"     $NEW                "*rc=[!0]*" "*rc=[!0]*" bash -c 'cp $p $T/$p; diff -u $p $f | sed "1s|.*|--- a/$p|;2s|.*|+++ b/$p|" | git apply --unsafe-paths -'
row "python"        $NEW                "$E"    "$E"    python3 -c 'import os,sys; sys.tracebacklimit = 0; w = open(os.environ["p"], "w"); w.write(open(os.environ["f"]).read()); w.close()'
row "python's shutil.move" $NEW         "$AGAIN"    "$E"    python3 -c 'import os,shutil,sys; sys.tracebacklimit = 0; shutil.move(os.environ["T"] + "/source", os.environ["p"])'
row "awk"           $NEW                "$E"    "*rc=[!0]*"  bash -c 'awk "{ print > \"$p\" }" $f'
row "tar"           $NEW                "*nvalid argument*rc=[!0]*" "*annot close*nvalid argument*rc=2" bash -c 'cp $f $T/$p; tar -C $T -cf $T/x.tar $p; tar -xf $T/x.tar'
row "cp -a of a directory" $NEW         "$E"    "$E"    bash -c 'd=$(mktemp -dp /tmp); cp $f $d/$p; cp -a $d/. .; s=$?; rm -r $d; exit $s'
row "rsync -a of a directory" $NEW      "$E"    "$E"    bash -c 'd=$(mktemp -dp /tmp); cp $f $d/$p; rsync -a $d/ .; s=$?; rm -r $d; exit $s'
row "tar of a directory" $NEW           "*nvalid argument*rc=[!0]*" "*annot close*nvalid argument*rc=2" bash -c 'd=$(mktemp -dp /tmp); cp $f $d/$p; tar -C $d -cf - . | tar xf -; s=$?; rm -r $d; exit $s'
row "busybox cp"    $NEW                "$AGAIN" "$E" bash -c 'busybox cp $f $p'
row "busybox mv"    $NEW                "$AGAIN" "$E" bash -c 'busybox mv $T/source $p'
# ---- what changes no record, removes or moves one ----
# other NAME SAYS AFTER ANOTHERS NOTHING COMMAND...: what it says, what p.alt holds then; what it says of
# another's record, which stays; what of a name that nothing is under
NOT_THERE="*No such file*rc=[!0]*"
other() {
	row=$1 good=$2 after=$3 anothers=$4 nothing=$5
	shift 5
	case_of "$row" good p.alt "$good" "$after" "$@"
	case_of "$row, another's" good root.alt "$anothers" $STANDS as 1001 "$@"
	case_of "$row, of nothing" good none.alt "$nothing" "" "$@"
	rm -f moved.alt moved
}
OK="*rc=0" NO="*ermi*rc=[!0]*"
#     tool              says    after    another's nothing      command
other "touch"           "$OK"   $STANDS  "$NO"  "$OK"           bash -c 'touch $p'
other "touch -d"        "$OK"   $STANDS  "$NO"  "$OK"           bash -c 'touch -d 2020-01-01 $p'
other "touch -c"        "$OK"   $STANDS  "$NO"  "$OK"           bash -c 'touch -c $p'
other "chmod"           "$OK"   $STANDS  "$NO"  "$NOT_THERE"    bash -c 'chmod 600 $p'
other "chmod +s"        "$OK"   $STANDS  "$NO"  "$NOT_THERE"    bash -c 'chmod 6755 $p; s=$?; test ! -x $p; exit $s'
other "chown to oneself" "$OK"  $STANDS  "$NO"  "$NOT_THERE"    bash -c 'chown $(id -u) $p'
other "chown to another" "*not permitted*rc=1" $STANDS "$NO" "$NOT_THERE" bash -c 'chown 1002 $p'
other "truncate -s 0"   "$OK"   $STANDS  "$NO"  "$OK"          bash -c 'truncate -s 0 $p'
other "truncate -s 9"   "$OK"   $STANDS  "$NO"  "$OK"          bash -c 'truncate -s 9 $p'
other "truncate -s 900" "$OK"   $STANDS  "$NO"  "$OK"          bash -c 'truncate -s 900 $p'
other "sync"            "$OK"   $STANDS  "$OK"  "$NOT_THERE"    bash -c 'sync $p'
other "sync -d"         "$OK"   $STANDS  "$OK"  "$NOT_THERE"    bash -c 'sync -d $p'
other "sync -f"         "$OK"   $STANDS  "$OK"  "$NOT_THERE"    bash -c 'sync -f $p'
other "cat"             "*$STANDS*rc=0" $STANDS "*$STANDS*rc=0" "$NOT_THERE" bash -c 'cat $p'
other "ls -l"           "*p.alt rc=0" $STANDS "*root.alt rc=0" "$NOT_THERE" bash -c 'ls -l $p'
other "rm"              "$OK"   ""       "$NO"  "$NOT_THERE"    bash -c 'rm $p'
other "rm -f"           "$OK"   ""       "$NO"  "$OK"           bash -c 'rm -f $p'
other "unlink"          "$OK"   ""       "$NO"  "$NOT_THERE"    bash -c 'test -e $p; unlink $p'
# unlink(2) may not ask, and a name of which nobody knows is taken for a file.
case_of "unlink, of what nobody has asked for" good unasked.alt "$OK" "" unlink unasked.alt
other "shred -u"        "*rc=[!0]*" $STANDS "$NO" "$NOT_THERE"  bash -c 'shred -u -n 1 $p'
other "mv to another name" "$OK" ""      "$NO"  "$NOT_THERE"    bash -c 'mv $p moved.alt'
case_of "mv to another's" good root.alt "$NO" $STANDS as 1001 bash -c 'echo 192.0.2.9 >hers.alt; mv -f hers.alt $p; s=$?; rm hers.alt; exit $s'
other "mv to a private file" "$OK" ""    "$NO"  "$NOT_THERE"    bash -c 'mv $p moved && grep -q 192.0.2.1 moved'
other "mv out"          "$OK"   ""       "*cannot remove*rc=1" "$NOT_THERE" bash -c 'd=$(mktemp -dp /tmp); mv $p $d/; s=$?; jq -e .data $d/$p >/dev/null || s=9; rm -rf $d; [ $p = none.alt ] && s=1; exit $s'
other "mv to another type" "*nvalid argument*rc=1" $STANDS "*nvalid argument*rc=1" "$NOT_THERE" bash -c 'mv $p ../AAAA/$p'
other "cp out and in"   "$OK"   $STANDS  "$NO"  "$NOT_THERE"    bash -c 'd=$(mktemp -dp /tmp); cp -a $p $d/; cp -a $d/$p $p; s=$?; rm -rf $d; exit $s'
other "mkdir"           "*File exists*rc=1" $STANDS "*File exists*rc=1" "*not permitted*rc=1" bash -c 'mkdir $p'
other "ln -s"           "*File exists*rc=1" $STANDS "*File exists*rc=1" "*not permitted*rc=1" bash -c 'ln -s x $p'
other "ln"              "*not permitted*rc=1" $STANDS "*not permitted*rc=1" "$NOT_THERE" bash -c 'ln $p moved.alt'
other "mknod"           "*File exists*rc=1" $STANDS "*File exists*rc=1" "*not permitted*rc=1" bash -c 'mknod $p p'

# The directory is the daemon user's: to others the kernel itself refuses an ACL of it, as cp sets one, but
# nothing refuses times and modes.
mkdir -m 755 "$T/d" && echo 192.0.2.5 >"$T/d/theirs.alt" && chown -R 1001 "$T/d"
check "rsync -a of a user's directory" as 1001 rsync -a "$T/d/" .
rm -f theirs.alt
check "tar of a user's directory" as 1001 bash -c 'tar -C $T/d -cf - . | tar xf - && touch .'
is "the record" "$(as 1001 cat theirs.alt | jq -r '.data[]')" 192.0.2.5
is "and the directory is what it was" "$(mode_of .)" "1777 root"

cd /
check "ends well" stop_fake
finish
