/* How a resolver begins and ends: what it is made of, and what of it the disk keeps. */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/random.h>

#include "resolver/chase.h"
#include "resolver/clock.h"
#include "resolver/pinned.h"
#include "resolver/pkarr.h"
#include "resolver/zone_held.h"

/* Kept as if somebody had asked for it. */
static void on_rotated(void *ctx, struct answer *a)
{
	struct resolver *r = ctx;
	a->source = SOURCE_DHT;
	a->arrived = clock_monotonic();
	cache_add(r->cache, a, CACHE_ZONE, a->arrived);
	answer_unref(a);
}

static void on_moved(void *ctx)
{
	resolver_forget(ctx);
}

static void on_lost(void *ctx)
{
	struct resolver *r = ctx;
	pinned_reload(r);
	keeper_reload(r->keeper);
	if (r->watch)
		r->watch(r->watch_ctx, &(struct resolver_change){NULL, NULL});
}

int resolver_create(struct event_base *base, const struct resolver_config *config,
	const struct resolver_parts *parts, struct resolver **ret_resolver)
{
	struct resolver *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->base = base;
	r->config = *config;
	r->parts = *parts;
	TAILQ_INIT(&r->door_asks);
	sources_init(r);
	keys_begin(r);
	r->env = (struct fetch_env){.base = base,
		.parts = *parts,
		.policy = &r->config.policy,
		.joined = config->joined,
		.rotated = on_rotated,
		.rotated_ctx = r,
		.refuted = &r->refuted};
	r->out_of_memory = (struct answer){
		.refs = 1, .error = -ENOMEM, .rcode = RCODE_SERVFAIL, .ede = EDE_NONE};
	int ok = getrandom(&r->seed, sizeof(r->seed), 0) == sizeof(r->seed) &&
		 misses_init(&r->misses) == 0 && refuted_init(&r->refuted) == 0;
	r->cache = ok ? cache_create(config->cache_bytes, r->seed) : NULL;
	r->prefetch = prefetch_create(r);
	r->env.held = zone_held_create(r->seed);
	bool mirrors = parts->dht && parts->upstream;
	r->mirror = mirrors ? mirror_create(r) : NULL;
	bool copies = mirrors && parts->judge;
	r->root_keys = copies ? root_keys_create(config->root_keys_file) : NULL;
	r->env.root_keys = r->root_keys;
	bool memory = r->cache && r->prefetch && r->env.held && (r->mirror || !mirrors) &&
		      (r->root_keys || !copies);
	int error = !ok ? -EIO : !memory ? -ENOMEM : relayed_begin(r);
	if (error == 0)
		error = pinned_load(r, config->pins);
	if (error == 0)
		error = attest_create(r, &r->attest);
	if (error == 0)
		error = signers_create(parts->own, &r->signers);
	if (error == 0)
		error = keep_begin(r);
	if (error < 0) {
		resolver_destroy(r);
		return error;
	}
	own_on_lost(r->parts.own, on_lost, r);
	r->config.pins = NULL; /* they are among the others now */
	memory_restore(r);
	if (parts->upstream)
		upstream_watch(parts->upstream, on_moved, r);
	*ret_resolver = r;
	return 0;
}

void resolver_destroy(struct resolver *r)
{
	if (!r)
		return;
	asks_finish(r);
	sources_finish(r);
	for (size_t i = 0; i < RESOLVER_LENT; i++)
		answer_unref(r->lent[i].answer);
	memory_keep(r);
	own_on_lost(r->parts.own, NULL, NULL); /* it outlives us, and its last round may fail */
	if (r->parts.upstream)
		upstream_watch(r->parts.upstream, NULL, NULL);
	prefetch_destroy(r->prefetch);
	mirror_destroy(r->mirror);
	event_del(&r->keys_due);
	root_keys_destroy(r->root_keys);
	pkarr_destroy(r->pkarr);
	keeper_destroy(r->keeper);
	attest_destroy(r->attest);
	signers_destroy(r->signers);
	pinned_finish(r);
	chase_finish(r);
	cache_destroy(r->cache);
	zone_held_destroy(r->env.held);
	free(r);
}
