/* Keepers of others' records, among nodes that come and go. */
#undef NDEBUG
#include "tests/sim/keepers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static void ignore(void *ctx, const struct dht_result *result)
{
	(void)ctx;
	(void)result;
}

/* A line in .kadns/keep: what verified, and its first look soon, for nobody said how many have it.
 */
static void keep(struct keepers *k, size_t keeper, size_t record)
{
	struct dht *dht = sim_dht(k->sim, keeper);
	struct dht_published **published = &k->published[record * k->len + keeper - 1];
	struct sim_answer a;
	sim_get(k->sim, keeper, &k->items[record], &a);
	assert(a.values + a.own > 0 && dht_item_equal(&a.best, &k->items[record]));
	int r = dht_publish(dht, &a.best, 0, ignore, NULL, published);
	assert(r == 0);
	dht_look_within(dht, *published, 10 * SIM_SECOND + k->records * 4 * SIM_SECOND);
}

void keepers_begin(struct keepers *k, struct sim *sim, size_t keepers, size_t records, size_t bytes)
{
	char text[1000];
	struct sim_answer a;
	assert(keepers <= KEEPERS_MAX && bytes >= 14 && bytes < sizeof(text));
	*k = (struct keepers){.sim = sim, .len = keepers, .records = records};
	k->items = calloc(records, sizeof(*k->items));
	k->published = calloc(records * keepers + 1, sizeof(struct dht_published *));
	assert(k->items && k->published);
	for (size_t i = 0; i < records; i++) {
		snprintf(text, sizeof(text), "%0*zu", (int)bytes - 4, i);
		sim_mutable(i, 1750000000000000 + (int64_t)i, text, &k->items[i]);
		sim_put(sim, 0, &k->items[i], 0, &a);
		assert(a.result.stored > 0);
	}
	for (size_t i = 0; i < records; i++)
		for (size_t keeper = 1; keeper <= keepers; keeper++)
			keep(k, keeper, i);
	sim_kill(sim, 0, false);
}

void keepers_finish(struct keepers *k)
{
	free(k->items);
	free(k->published);
}

static size_t other(struct keepers *k)
{
	size_t node;
	do
		node = k->len + 1 + sim_random(k->sim) % (sim_len(k->sim) - k->len - 1);
	while (!sim_alive(k->sim, node));
	return node;
}

static void replace_one(struct keepers *k)
{
	sim_kill(k->sim, other(k), false);
	size_t by = other(k);
	sim_join(k->sim, sim_add(k->sim, 4), by);
	k->replaced++;
}

void keepers_churn(struct keepers *k, uint64_t time, size_t nodes)
{
	for (size_t i = 0; i < nodes; i++) {
		sim_run(k->sim, time / (nodes + 1));
		replace_one(k);
	}
	sim_run(k->sim, time / (nodes + 1));
}

size_t keepers_readable(struct keepers *k)
{
	struct sim_answer a;
	size_t found = 0;
	for (size_t i = 0; i < k->records; i++) {
		sim_get(k->sim, other(k), &k->items[i], &a);
		found += a.values + a.own > 0 && dht_item_equal(&a.best, &k->items[i]);
	}
	return found;
}
