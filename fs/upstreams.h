/* What conventional DNS is asked through: the validator's process and the relays that speak for
 * it. */
#ifndef FS_UPSTREAMS_H
#define FS_UPSTREAMS_H

#include "fs/config.h"
#include "resolver/judge.h"
#include "resolver/relays.h"

struct event_base;

/* Can the validators read what they are to? Before rights are given up. Says what is wrong. 0 or
 * -errno. */
int upstreams_check(const struct config *c);
/* Logs what it cannot do, and returns a negative errno. With upstream=none there are none of
 * either: NULL. The configuration stands as long as they do. */
int upstreams_open(const struct config *c, struct event_base *base, struct relays **ret_relays,
	struct upstream **ret_upstream);

/* What judges copies of DNS where DNS does not answer (resolver/judge); NULL: there is no DHT, no
 * DNS, or no trust anchor, which the validator has said. Errors as above. */
int upstreams_open_judge(const struct config *c, struct event_base *base, struct judge **ret_judge);

#endif
