#!/bin/sh
# Real editors, each with its good case and its refusals (tools.sh): what the screen says and what stands then.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"
. "$TESTS/mount/tools.sh"
begin_tools

# They read the record, put the file's text in its place, save, and take their backup away.
cat >"$T/save.el" <<'LISP'
(setq make-backup-files t)
(condition-case problem
    (progn (find-file (getenv "p"))
	   (setq buffer-read-only nil)
	   (erase-buffer)
	   (insert-file-contents (getenv "f"))
	   (save-buffer)
	   (unless (or (file-exists-p (concat (getenv "p") "~")) (getenv "no_backup"))
	     (error "there is no backup")))
  (error (message "%s" (error-message-string problem))
	 (kill-emacs 1)))
LISP
cat >"$T/editor" <<'SH'
#!/bin/bash
# editor NAME: edits $p
# In ex mode vim shows its messages with -V1 only.
vim() { command vim -es -u NONE -N -V1 -i NONE "$@" -c %d -c 'call setline(1, readfile($f))' -c 'wq!' "$p"; }
# In /tmp emacs makes no backups, and our TMPDIR is above the mount.
emacs() { TMPDIR=/tmp command emacs -Q --batch "$@" -l "$T/save.el"; }
keys() { # nano: cut the line, read a file, write, leave; should it ask, without saving
	for key in '\013' "\\022$f\\r" '\017\r' '\030n'; do
		sleep 0.3
		printf "$key"
	done
	sleep 0.2
}
case $1 in
vim) vim ;;
vim-rename) vim --cmd 'set backup writebackup backupcopy=no swapfile directory=.' ;;
vim-copy) vim --cmd 'set backup writebackup backupcopy=yes swapfile directory=. nofsync' ;;
vim-nobackup) vim --cmd 'set nobackup nowritebackup noswapfile' ;;
emacs) emacs ;;
emacs-copy) emacs --eval '(setq backup-by-copying t)' ;;
emacs-nobackup) no_backup=1 emacs --eval '(setq backup-inhibited t)' ;;
nano) keys | TERM=xterm script -qec "nano --ignorercfiles $p" /dev/null ;;
nano-backup) keys | TERM=xterm script -qec "nano --ignorercfiles -B $p" /dev/null ;;
esac
status=$?
rm -f "$p~"
exit $status
SH
chmod 755 "$T/editor"
chmod 644 "$T/save.el"

# vim names the step that failed last, not why.
for editor in vim vim-rename vim-nobackup; do
	row "$editor" $NEW "*E667: Fsync failed*rc=1" "*E[56][0-9]*rc=1" "$T/editor" $editor
done
row "vim-copy" $NEW "*E514: Write error*rc=1" "*E[56][0-9]*rc=1" "$T/editor" vim-copy
for editor in emacs emacs-copy emacs-nobackup; do
	row "$editor" $NEW "$E" "$E" "$T/editor" $editor
done
# nano ends well whatever it says on its screen.
FOREIGN="*ermi*"
for editor in nano nano-backup; do
	row "$editor" $NEW "*nvalid argument*" "*nvalid argument*" "$T/editor" $editor
done
cd /
check "ends well" stop_fake
finish
