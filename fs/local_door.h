/* The Unix socket of a running kadns: questions, and records of whoever stands at the other end.
 *
 * Everybody of this machine may connect. The kernel says who it is (SO_PEERCRED), and he sees and
 * may write what he would through the mount, as often and as fast: over either of them. */
#ifndef FS_LOCAL_DOOR_H
#define FS_LOCAL_DOOR_H

#include "resolver/resolver.h"

struct local_door;
struct local_door_config {
	const char *path; /* its directory is made */
	int listens;	  /* what local_door_listen has given; 0: nobody has called that */
	bool read_only;	  /* of the mount: nothing is written */
	unsigned lookups; /* a second, for one user (fs/rate) */
	uid_t owner;	  /* the daemon's user */
	struct resolver *resolver;
	struct publisher *publisher;
};
/* Makes the socket at the path. 0; -EADDRINUSE: another kadns listens there; or -errno. */
int local_door_listen(const char *path, int *ret_fd);
/* The same where a kadns of `owner` and `port` has it; ret_path is "" where it has none. */
int local_door_claim(uid_t owner, unsigned port, char *ret_path, int *ret_fd);
/* 0; -EADDRINUSE: another kadns listens there; or -errno. */
int local_door_open(struct event_base *base, const struct local_door_config *config,
	struct local_door **ret_door);
void local_door_close(struct local_door *door); /* NULL is fine; removes the socket */

#endif
