/* One question to one source: what the resolver does when memory has no answer.
 *
 * A fetch outlives the asks that wait for it: what comes too late for them still lands in the
 * cache. It always ends with an answer, which may say what failed. */
#ifndef RESOLVER_FETCH_H
#define RESOLVER_FETCH_H

#include "resolver/resolver.h"

#define FETCH_MISS_TTL 5      /* seconds that "nobody has it" is believed */
#define FETCH_FAILURE_TTL 1   /* seconds that a failure is remembered (RFC 9520) */

struct fetch;
struct refuted;
struct root_keys;
struct work;
struct zone_held;

struct fetch_env {
	struct event_base *base;
	struct resolver_parts parts;
	const struct policy *policy;
	bool joined;           /* SOURCE named a network: no node at all is a failure, not a miss */
	/* Told, where a zone names the key after its own, what it says of that (rotation.h); takes
	 * over `a`. NULL: nobody wants to know. */
	void (*rotated)(void *ctx, struct answer *a);
	void *rotated_ctx;
	struct refuted *refuted; /* copies that came to nothing */
	struct root_keys *root_keys; /* for these; NULL: none are kept */
	struct zone_held *held;	 /* zones that were read a moment ago; NULL: none are held */
};

/* Called once, never before fetch_start has returned; takes over `a` (NULL: no memory). */
typedef void fetch_fn(void *ctx, struct answer *a);
struct fetch_call {
	fetch_fn *fn;
	void *ctx;
	struct work *work; /* that it is counted to; it takes a reference. NULL: to nobody's question */
};
/* -ENOMEM, -EBUSY; -EDQUOT: the question has cost all that it may. */
int fetch_start(const struct fetch_env *env, const struct question *q, enum cache_part part,
	const struct fetch_call *call, struct fetch **ret_fetch);
void fetch_cancel(struct fetch *fetch); /* no callback afterwards; NULL is fine */

#endif
