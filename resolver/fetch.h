/* One question to one source: what the resolver does when memory has no answer.
 *
 * A fetch outlives the asks that wait for it: what comes too late for them still lands in the
 * cache. It always ends with an answer, which may say what failed. */
#ifndef RESOLVER_FETCH_H
#define RESOLVER_FETCH_H

#include "resolver/resolver.h"

#define FETCH_CHECKS_MAX 16   /* signature checks that one question may cost (facts: trust, P20) */
#define FETCH_PACKETS_MAX 8   /* different versions of a slot that are looked at */
#define FETCH_MISS_TTL 5      /* seconds that "nobody has it" is believed */
#define FETCH_FAILURE_TTL 1   /* seconds that a failure is remembered (RFC 9520) */

struct fetch;

struct fetch_env {
	struct event_base *base;
	struct resolver_parts parts;
	const struct policy *policy;
	bool joined;           /* SOURCE named a network: no node at all is a failure, not a miss */
};

/* Called once, never before fetch_start has returned; takes over `a` (NULL: no memory). */
typedef void fetch_fn(void *ctx, struct answer *a);
int fetch_start(const struct fetch_env *env, const struct question *q, enum cache_part part,
	fetch_fn *fn, void *ctx, struct fetch **ret_fetch);
void fetch_cancel(struct fetch *fetch); /* no callback afterwards; NULL is fine */

#endif
