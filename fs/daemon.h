/* Becoming a daemon, and telling whoever started it how that went. */
#ifndef FS_DAEMON_H
#define FS_DAEMON_H

/* Before anything is opened: whoever closed 0, 1 or 2 for us would have our lines written into a
 * database or to a peer. */
void daemon_fill_descriptors(void);
/* Closes what whoever has called us had open, beyond those three and `keep` (-1: nothing). A lock that
 * he holds would be held for as long as we run, and who takes over one of our processes would have
 * what root had open. */
void daemon_close_inherited(int keep);
/* Forks; the caller goes on in the child, in a session of its own, with `/` as its directory. The
 * parent waits: it exits with 0 once daemon_ready was called and `mountpoint` (NULL: none)
 * answers, and with 1 when the child ends before that (it has said why). Call it before any
 * event base is made. -errno when fork failed. */
int daemon_start(const char *mountpoint);
/* The child is in service: its stderr, too, is /dev/null from now on, so that whoever waits for the
 * end of our output, `$(kadns ...)`, goes on. Nothing when not forked. */
void daemon_ready(void);
/* The same without telling anybody: for another process of the daemon, which must not hold its
 * stderr either. */
void daemon_quiet(void);

#endif
