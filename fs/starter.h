/* The starter: what stays of the process that was called, with the rights that it was called with.
 * It parses nothing but what a node asks of it, starts that again when it dies, and takes the mount
 * away at the end.
 *
 * The node is a copy of it that has given up all rights (resolver/confine), and asks it for what it
 * may not do itself: a mount, a port, a child. No mount's descriptor stays here: a copy would turn
 * the node's death into a mount that hangs. Signals come here, and go on to the node. When the
 * starter is killed the kernel kills the rest; what it has mounted is dead then, and the next start
 * takes it away. */
#ifndef FS_STARTER_H
#define FS_STARTER_H

#include <sys/types.h>

#include "fs/config.h"
#include "fs/place.h"
#include "fs/processes.h"

struct starter_config {
	const struct config *config;
	struct place *place; /* opened; not without a mount */
	const struct processes *users;
	const char *local; /* the socket of kadns ask, to be removed at the end; "" none */
	/* Runs in the process of each node; what it returns is its exit status. `again`: the
	 * configuration may have changed since the start. */
	int (*node)(void *ctx, bool again);
	/* In the starter: the first node is in service. */
	void (*served)(void *ctx);
	void *ctx;
};
/* Returns when all is over: 0, or -EIO when a node could not start. */
int starter_run(const struct starter_config *config);

#endif
