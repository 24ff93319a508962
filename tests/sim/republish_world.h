/* A node that keeps items of its own alive, among fifteen others: for the tests of republishing. */
#ifndef TESTS_SIM_REPUBLISH_WORLD_H
#define TESTS_SIM_REPUBLISH_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dht/engine.h"
#include "tests/sim/sim.h"

#define NODES 16 /* twice as many as hold an item */
#define MINUTE (60 * SIM_SECOND)
#define HOUR (60 * MINUTE)
/* Everything ten times as fast as in the world, where it is two hours: looks are ten minutes apart
 * and less. */
#define LIFETIME (12 * MINUTE)
#define LONGER (24 * HOUR)

/* Nodes that keep items for so long; node 0 reckons with LIFETIME. */
static inline struct sim *network(uint64_t lifetime, unsigned rate)
{
	const struct sim_config config = {
		.rtt_min = 20000, .rtt_max = 120000, .item_lifetime = lifetime};
	const struct dht_republish_limits limits = {.lifetime = LIFETIME, .rate = rate};
	struct sim *sim = sim_network(&config, NODES);
	dht_republish_limits(sim_dht(sim, 0), &limits);
	return sim;
}

struct owned {
	struct dht_item item;
	struct dht_published *published;
	unsigned refreshes;
	struct dht_result last;
	struct dht *remove_from; /* in the callback */
};

static inline void on_refresh(void *ctx, const struct dht_result *result)
{
	struct owned *o = ctx;
	o->refreshes++;
	o->last = *result;
	if (o->remove_from) {
		dht_unpublish(o->remove_from, o->published);
		o->published = NULL;
	}
}

static inline void own_text(struct sim *sim, struct owned *o, uint64_t who, const char *text)
{
	struct sim_answer a;
	*o = (struct owned){0};
	sim_mutable(who, 1000, text, &o->item);
	sim_put(sim, 0, &o->item, 0, &a);
	assert_true(a.result.stored >= 7);
	assert_int_equal(
		dht_publish(sim_dht(sim, 0), &o->item, sim_now(sim), on_refresh, o, &o->published),
		0);
}

static inline void own(struct sim *sim, struct owned *o, uint64_t who)
{
	own_text(sim, o, who, "a record of ours");
}

static inline size_t copies(struct sim *sim, const struct dht_item *item)
{
	struct dht_id target;
	dht_item_target(item, &target);
	return sim_copies(sim, &target);
}

static inline struct dht_counters counters(struct sim *sim)
{
	struct dht_counters c;
	dht_counters(sim_dht(sim, 0), &c);
	return c;
}

static inline bool readable(struct sim *sim, size_t by, const struct dht_item *item)
{
	struct sim_answer a;
	sim_get(sim, by, item, &a);
	return a.values + a.own > 0 && a.best.seq == item->seq;
}

#endif
