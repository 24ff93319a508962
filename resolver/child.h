/* Starting this program again as a child with one socket, and nothing else of ours. */
#ifndef RESOLVER_CHILD_H
#define RESOLVER_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

struct child {
	pid_t pid;
	int fd;	   /* our end of a SOCK_SEQPACKET pair, non-blocking */
	int words; /* what it prints on stderr, non-blocking; -1: its stderr is ours */
};

/* Executes `program` with `argument`. The child has /dev/null, a stderr, and as descriptor
 * child_fd its end of the pair. `heard`: its stderr is a pipe. 0 or -errno. */
int spawn_child(const char *program, const char *argument, int child_fd, bool heard,
	struct child *ret_child);
/* Ends it, whoever it has become, if it has not ended. */
void child_kill(pid_t pid);
/* Who starts and ends children from now on, for a process that may not. */
struct child_ways {
	int (*spawn)(const char *argument, int child_fd, bool heard, struct child *ret_child);
	void (*kill)(pid_t pid);
};
void child_through(const struct child_ways *ways);
/* Of those that are started from now on: at first none. It stays the caller's. */
void child_environment(char *const *environment);
/* In the child: whom it becomes when it is root. Who has started it may have said so, and then it
 * is not for whom it serves to say (`asked`). */
const char *child_user(const char *asked);
#define CHILD_USER "KADNS_USER"
/* In the child: it ends with its socket, not with the terminal or the service manager, for the
 * parent may still need answers while it shuts down. */
void child_ignore_signals(void);
/* In the child: where both want the same processor, it ends what it is about (as far as a fraction
 * of a millisecond goes) though the parent has something to do, which it often has told it itself.
 */
void child_take_turns(void);

#endif
