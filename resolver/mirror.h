/* The mirror: what DNS proves is left on the DHT, so that it can be read while DNS cannot
 * (mirror=).
 *
 * A secure answer goes into the slot of its question (signed_copy.h) after a random delay, so that
 * who watches the DHT does not see who asks when; and what a validator needs besides is asked of
 * DNS, as any other question, and goes into slots of its own: the keys of each zone that signed
 * some of it, DS or its denial for each name from there to the root, the end of an alias. Nothing
 * unsigned goes out, nor a name that policy keeps from the DHT.
 *
 * Not repeated while copies live: not within MIRROR_AGAIN of the last time, nor where the slot
 * holds the same already, put by anybody since. Rate-limited: a start in MIRROR_TICK,
 * MIRROR_RUNNING_MAX at a time; what finds no room in line is let go. */
#ifndef RESOLVER_MIRROR_H
#define RESOLVER_MIRROR_H

#include "resolver/resolver.h"

#define MIRROR_TICK (SECOND / 10)
#define MIRROR_DELAY (8 * SECOND) /* at most; a third of it on average */
#define MIRROR_AGAIN (3600 * SECOND)
#define MIRROR_RUNNING_MAX 4
#define MIRROR_WAITING_MAX 256

struct mirror;

struct mirror *mirror_create(struct resolver *r); /* NULL: no memory */
void mirror_destroy(struct mirror *m);
/* DNS has said this just now. */
void mirror_note(struct mirror *m, const struct answer *a);

struct mirror_counters {
	uint64_t put, alive, failed, dropped; /* alive: the slot held it already */
	size_t waiting;
};
void mirror_counters(const struct mirror *m, struct mirror_counters *ret_counters);

#endif
