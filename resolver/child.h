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
 * child_fd its end of the pair; no environment. `heard`: its stderr is a pipe. 0 or -errno. */
int spawn_child(const char *program, const char *argument, int child_fd, bool heard,
	struct child *ret_child);
/* In the child: it ends with its socket, not with the terminal or the service manager, for the parent
 * may still need answers while it shuts down. */
void child_ignore_signals(void);

#endif
