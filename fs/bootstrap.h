/* Joining a network: SOURCE, read and offered to the DHT node.
 *
 * Addresses go to the node at once. Host names are looked up through conventional DNS, IPv4 and
 * IPv6, never through the DHT that they lead to, and again with back-off while the node knows
 * nobody: at the start, and later when all that it knew are gone. */
#ifndef FS_BOOTSTRAP_H
#define FS_BOOTSTRAP_H

#include "resolver/resolver.h"

struct event_base;
struct bootstrap;

#define BOOTSTRAP_NODES_MAX 256 /* in a list or file; a node knows the rest */

/* Reads "none", "mainline", "HOST:PORT,…" or a file. -EINVAL with one line on stderr. */
int bootstrap_read(const char *source, struct bootstrap **ret_bootstrap);
void bootstrap_free(struct bootstrap *b);
/* Starts; upstream may be NULL, then only addresses are of use (one line on stderr says so).
 * `saved`: the node knows others from its last run, and gets two seconds to join by them before
 * anyone is asked for names. Adds its state to the resolver's status. */
int bootstrap_start(struct bootstrap *b, struct event_base *base, struct resolver *resolver,
	struct upstream *upstream, bool saved);
size_t bootstrap_nodes(const struct bootstrap *b);

#endif
