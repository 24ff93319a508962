/* What /proc tells of a process that has called: which process a thread belongs to, and what signal
 * has come for it. Thin: it reads a file and looks at a few lines. */
#ifndef FS_CALLER_H
#define FS_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* FUSE says which thread calls; a file opened by one thread may be closed by another of the same
 * process. The thread itself when /proc cannot say. */
pid_t caller_process(pid_t thread);

/* The gravest signal that is pending for the caller, be it for the thread or its process. */
enum caller_signal {
	CALLER_NONE, /* or another thread has taken it */
	CALLER_MILD, /* of those that runtimes and terminals send all the time: CHLD, URG, WINCH,
			TSTP */
	CALLER_CALL, /* another with a handler: an alarm, by which a program may mean to give up */
	CALLER_ENDING, /* ends it, or is sent to end a program though it is caught: HUP, INT, QUIT,
			* TERM; also when /proc cannot say */
};
enum caller_signal caller_signal(pid_t thread);

/* The same of the text of /proc/PID/status. */
enum caller_signal caller_signal_of(const char *status, size_t len);

/* The system call that the thread is in; -1 when /proc does not say. */
long caller_call(pid_t thread);
/* Who is asked for that, and for what caller_holds and caller_is_killed say, by a process that may
 * not look; the mount is known there. */
struct caller_ways {
	long (*call)(pid_t thread);
	bool (*holds)(pid_t thread, uint64_t ino);
	bool (*killed)(pid_t thread);
};
void caller_through(const struct caller_ways *ways);

/* Is the thread inside rename(2), link(2) or one of their kin? True also when /proc may not say. */
bool caller_gives_two_names(pid_t thread);

/* Has it one of its first descriptors open on this inode? Which those are that were handed to it.
 * False also when /proc may not say. It waits for no file system, and not for us. */
bool caller_holds(pid_t thread, dev_t device, uint64_t ino);
/* The device of a mount, without a request to it; 0 when that cannot be told. */
dev_t caller_device(const char *mountpoint);

/* Is it ending by a signal, not by exit(2)? Then what it was writing may be half of it. False also
 * when /proc may not say. */
bool caller_is_killed(pid_t thread);

/* Is it inside mkdir(2), mknod(2), symlink(2) or link(2)? False also when /proc may not say. */
bool caller_makes_no_file(pid_t thread);

#endif
