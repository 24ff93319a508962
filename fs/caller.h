/* What /proc tells of a process that has called: which process a thread belongs to, and whether a
 * signal has come that is meant to end it. Thin: it reads a file and looks at a few lines. */
#ifndef FS_CALLER_H
#define FS_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* FUSE says which thread calls; a file opened by one thread may be closed by another of the same
 * process. The thread itself when /proc cannot say. */
pid_t caller_process(pid_t thread);

/* Has the caller a signal pending that ends it, or that people send to end a program (HUP, INT,
 * QUIT, TERM) even when it is caught? False: only such as a runtime sends itself (SIGURG, SIGALRM,
 * SIGCHLD, SIGWINCH with a handler), which must not break an open(). True when /proc cannot say. */
bool caller_is_ending(pid_t thread);

/* The same of the text of /proc/PID/status. */
bool caller_status_ends(const char *status, size_t len);

/* Is the thread inside rename(2), link(2) or one of their kin? True also when /proc may not say. */
bool caller_gives_two_names(pid_t thread);

#endif
