/* Starting this program again as a child with one socket, and nothing else of ours. */
#ifndef RESOLVER_CHILD_H
#define RESOLVER_CHILD_H

#include <sys/types.h>

/* Executes `program` with `argument`. The child has /dev/null, our stderr, and as descriptor
 * child_fd its end of a SOCK_SEQPACKET pair; no environment. 0 or -errno. */
int spawn_child(
	const char *program, const char *argument, int child_fd, pid_t *ret_pid, int *ret_fd);

#endif
