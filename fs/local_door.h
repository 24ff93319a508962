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
	bool read_only;	  /* of the mount: nothing is written */
	unsigned lookups; /* a second, for one user (fs/rate) */
	uid_t owner;	  /* the daemon's user */
	struct resolver *resolver;
	struct publisher *publisher;
};
/* 0; -EADDRINUSE: another kadns listens there; or -errno. */
int local_door_open(struct event_base *base, const struct local_door_config *config,
	struct local_door **ret_door);
void local_door_close(struct local_door *door); /* NULL is fine; removes the socket */

#endif
