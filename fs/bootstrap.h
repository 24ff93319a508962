/* Joining a network: SOURCE, read and offered to the DHT node.
 *
 * Addresses go to the node at once. Host names are looked up through conventional DNS, never
 * through the DHT that they lead to, and again with back-off until the node knows somebody. */
#ifndef FS_BOOTSTRAP_H
#define FS_BOOTSTRAP_H

#include "resolver/resolver.h"

struct event_base;
struct bootstrap;

#define BOOTSTRAP_NODES_MAX 256 /* in a list or file; a node knows the rest */

/* Reads "none", "mainline", "HOST:PORT,…" or a file. -EINVAL with one line on stderr. */
int bootstrap_read(const char *source, struct bootstrap **ret_bootstrap);
void bootstrap_free(struct bootstrap *b);
/* Starts; upstream may be NULL, then only addresses are of use (one line on stderr says so). */
int bootstrap_start(struct bootstrap *b, struct event_base *base, struct resolver *resolver,
	struct upstream *upstream);
size_t bootstrap_nodes(const struct bootstrap *b);

#endif
