/* Binding the socket of a door: a port below 1024 is root's to give, and a node that was started
 * again goes on with the socket of the one before, with what waits in it. */
#ifndef RESOLVER_BOUND_H
#define RESOLVER_BOUND_H

#include <sys/socket.h>

/* As bind(2): 0, or -1 and errno. Afterwards `fd` may be another socket, bound there before with
 * the same options. */
typedef int bound_fn(int fd, const struct sockaddr *address, socklen_t len);
bound_fn bound;
/* Who binds from now on; until then the kernel is asked. */
void bound_by(bound_fn *fn);

#endif
