/* A question to the zone of a key: its packet, and where that speaks of pages, the page on which
 * the record set would stand and the one on which an alias in its place would. */
#ifndef RESOLVER_FETCH_ZONE_H
#define RESOLVER_FETCH_ZONE_H

#include "resolver/fetch.h"
#include "resolver/zone_fetch.h"

/* The caller's; zero but for the first five. */
struct fetch_zone {
	const struct fetch_env *env;
	struct question question;
	void (*done)(void *ctx, struct answer *a); /* takes over `a`; NULL: no memory */
	void *ctx;
	struct dht_allowance *allowance; /* of the question */
	struct zone_fetch parts;
	struct pages_marker marker;
	unsigned lookups, queries, bytes, answered, holders; /* what it cost */
	const char *relay;				     /* as zone_fetch */
	bool again;					     /* the zone packet was read twice */
	unsigned links;					     /* aliases that led to other pages */
};

/* -EINVAL: the name is not under a key; else as dht_get_mutable. */
int fetch_zone_start(struct fetch_zone *z);
void fetch_zone_finish(struct fetch_zone *z); /* ends what runs; `done` is not called */

#endif
