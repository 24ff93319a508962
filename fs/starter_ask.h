/* The node's side of the starter: what it asks for, and waits for, as a system call of its own
 * would be. */
#ifndef FS_STARTER_ASK_H
#define FS_STARTER_ASK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* From now on children, ports and the service manager are asked for there, and, where the starter
 * is root, what /proc says of callers. The socket is this module's for good. */
void starter_ask_through(int socket, pid_t starter, bool mount);
/* Gives up all rights, as resolver/confine. -ESRCH: the starter has ended meanwhile. */
int starter_confine(const char *user, const char **ret_what);
/* The mount: its descriptor, and the device where that is known. 0 or -errno, which the starter has
 * said. */
int starter_mount(int *ret_fd, uint64_t *ret_device);
void starter_unmount(void);
/* In service. */
void starter_serving(void);
/* As bind(2); see resolver/bound.h. */
struct sockaddr;
int starter_bind(int fd, const struct sockaddr *address, unsigned len);

#endif
