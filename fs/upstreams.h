/* What conventional DNS is asked through: the validator's process and the relays that speak for
 * it. */
#ifndef FS_UPSTREAMS_H
#define FS_UPSTREAMS_H

#include "fs/config.h"
#include "resolver/relays.h"

struct event_base;

/* Logs what it cannot do, and returns a negative errno. With upstream=none there are none of
 * either: NULL. The configuration stands as long as they do. */
int upstreams_open(const struct config *c, struct event_base *base, struct relays **ret_relays,
	struct upstream **ret_upstream);

#endif
