/* Own items kept alive among 100 nodes in virtual time, for tests/bench/republish.sh.
 *
 *   SIM_SEED=N sim_republish ITEMS BYTES HOURS CHURN LIFETIME [OUTAGE]
 *
 * prints one row: a node puts ITEMS signed items of BYTES each and keeps them alive for HOURS,
 * while CHURN of a hundred nodes are replaced by empty ones every hour and nodes forget LIFETIME
 * hours after a put. With OUTAGE the node is cut off from all others for so many hours, after one.
 * "none" is how many items had no copy at all, at the worst of the moments 20 minutes apart. Exit 1
 * when more than 5 kB/s went out for it, averaged over some ten minutes,
 * or another node does not find an item at the end. */
#undef NDEBUG
#include "tests/sim/sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NODES 100
#define MINUTE (60 * SIM_SECOND)
#define WINDOW 10 /* minutes */
#define SAMPLE 20 /* minutes */
#define MINUTES_MAX (7 * 24 * 60)
#define PUTTING_MAX 50 /* first puts under way at once */

struct bench {
	struct sim *sim;
	size_t items, bytes, hours, churn, lifetime, outage;
	struct entry {
		struct bench *bench;
		struct dht_item item;
		struct dht_published *published;
	} * entries;
	size_t putting, put;
	uint64_t sent[MINUTES_MAX + 1]; /* by the end of each minute */
	size_t replaced;
	size_t none; /* items without a copy, at worst */
};

static void ignore(void *ctx, const struct dht_result *result)
{
	(void)ctx;
	(void)result;
}

static void on_put(void *ctx, const struct dht_result *result)
{
	struct entry *e = ctx;
	struct bench *b = e->bench;
	b->putting--;
	b->put++;
	assert(result->stored > 0);
	int r = dht_publish(
		sim_dht(b->sim, 0), &e->item, sim_now(b->sim), ignore, NULL, &e->published);
	assert(r == 0);
}

static void put_all(struct bench *b)
{
	char text[1000];
	struct dht_lookup *l;
	b->entries = calloc(b->items, sizeof(*b->entries));
	assert(b->entries);
	for (size_t i = 0; i < b->items; i++) {
		struct entry *e = &b->entries[i];
		e->bench = b;
		snprintf(text, sizeof(text), "%0*zu", (int)b->bytes - 4, i);
		sim_mutable(i, 1750000000000000 + (int64_t)i, text, &e->item);
		while (b->putting >= PUTTING_MAX)
			sim_run(b->sim, SIM_SECOND / 100);
		int r = dht_put(sim_dht(b->sim, 0), &e->item, 0, on_put, e, &l);
		assert(r == 0);
		b->putting++;
	}
	while (b->putting > 0)
		sim_run(b->sim, SIM_SECOND);
}

static struct dht_counters counters(const struct bench *b)
{
	struct dht_counters c;
	dht_counters(sim_dht(b->sim, 0), &c);
	return c;
}

/* Another node takes the place of one, anywhere but at the publisher. */
static void replace_one(struct bench *b)
{
	size_t node;
	do
		node = 1 + sim_random(b->sim) % (sim_len(b->sim) - 1);
	while (!sim_alive(b->sim, node));
	sim_kill(b->sim, node, false);
	node = sim_add(b->sim, 4);
	sim_join(b->sim, node, 0);
	b->replaced++;
}

static double copies(struct bench *b, size_t *ret_fewest, size_t *ret_none)
{
	size_t all = 0;
	*ret_fewest = SIZE_MAX;
	*ret_none = 0;
	for (size_t i = 0; i < b->items; i++) {
		struct dht_id target;
		dht_item_target(&b->entries[i].item, &target);
		size_t n = sim_copies(b->sim, &target);
		all += n;
		*ret_none += n == 0;
		*ret_fewest = n < *ret_fewest ? n : *ret_fewest;
	}
	return (double)all / (double)b->items;
}

static void sample(struct bench *b)
{
	size_t fewest, none;
	copies(b, &fewest, &none);
	b->none = none > b->none ? none : b->none;
}

static void pass(struct bench *b)
{
	size_t minutes = b->hours * 60;
	b->sent[0] = counters(b).refresh_bytes;
	for (size_t m = 1; m <= minutes; m++) {
		while (b->replaced < b->churn * m / 60)
			replace_one(b);
		if (b->outage)
			sim_set_side(b->sim, 0, m > 60 && m <= (1 + b->outage) * 60);
		sim_run(b->sim, MINUTE);
		if (m % SAMPLE == 0)
			sample(b);
		b->sent[m] = counters(b).refresh_bytes;
	}
}

static double busiest(const struct bench *b)
{
	double most = 0;
	for (size_t m = WINDOW; m <= b->hours * 60; m++) {
		double rate = (double)(b->sent[m] - b->sent[m - WINDOW]) / (WINDOW * 60);
		most = rate > most ? rate : most;
	}
	return most;
}

static size_t readable(struct bench *b)
{
	size_t found = 0;
	struct sim_answer a;
	for (size_t i = 0; i < b->items; i++) {
		size_t reader;
		do
			reader = 1 + sim_random(b->sim) % (sim_len(b->sim) - 1);
		while (!sim_alive(b->sim, reader));
		sim_get(b->sim, reader, &b->entries[i].item, &a);
		found += a.values + a.own > 0 && a.best.seq == b->entries[i].item.seq;
	}
	return found;
}

int main(int argc, char **argv)
{
	if (argc != 6 && argc != 7)
		return 2;
	static struct bench b;
	size_t *of[] = {&b.items, &b.bytes, &b.hours, &b.churn, &b.lifetime, &b.outage}, fewest, none;
	for (int i = 0; i < argc - 1; i++)
		*of[i] = strtoul(argv[i + 1], NULL, 10);
	assert(b.bytes >= 14 && b.bytes <= 1000 && b.hours * 60 <= MINUTES_MAX);
	struct sim_config wan = {.rtt_min = 20000,
		.rtt_max = 120000,
		.loss = 1,
		.item_lifetime = b.lifetime * 60 * MINUTE};
	clock_t begun = clock();
	b.sim = sim_network(&wan, NODES);
	const struct dht_republish_limits limits = {.lifetime = b.lifetime * 60 * MINUTE};
	dht_republish_limits(sim_dht(b.sim, 0), &limits);
	put_all(&b);
	pass(&b);
	struct dht_counters c = counters(&b);
	double mean_copies = copies(&b, &fewest, &none), most = busiest(&b);
	size_t found = readable(&b);
	printf("%6zu %5zu %5zu %4zu%% %6zu %7.0f %8.0f %7.0f %6.2f %7.2f %5.1f %6zu %5zu %6llu %5llu "
	       "%6zu %5.0f\n",
		b.items, b.bytes, b.hours, b.churn, b.lifetime, most,
		(double)(b.sent[b.hours * 60] - b.sent[0]) / (double)(b.hours * 3600),
		(double)c.refresh_bytes / (double)c.refreshes,
		(double)c.refreshes / (double)b.items / (double)b.hours,
		(double)c.refresh_puts / (double)c.refreshes, mean_copies, fewest, b.none,
		(unsigned long long)c.refresh_lost, (unsigned long long)c.refresh_late,
		b.items - found, (double)(clock() - begun) / CLOCKS_PER_SEC);
	sim_destroy(b.sim);
	free(b.entries);
	return found < b.items || most > 5000;
}
