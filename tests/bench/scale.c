/* Puts and gets in a network of N nodes in virtual time, for tests/bench/scale.sh.
 *
 *   SIM_SEED=N scale NODES          prints rows of a table; exit 1 when a target was missed
 *
 * Nodes join one after another by a node drawn from those that are there, the network growing by a
 * tenth each second; then it is left alone for two minutes. A real network is years old: its tables
 * are fuller, and there it takes fewer messages. Each put and get is made by a node
 * drawn anew. Round trips are 20 to 120 ms, the same for a pair of nodes always, nothing is lost.
 * Messages are the queries that a look-up sends; each is answered by one more. A hop is a node that
 * had to answer before the next could be named. */
#undef NDEBUG
#include "tests/bench/measure.h"
#include "tests/sim/sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define OPERATIONS 300
/* After the last has joined: by then each has searched nine times, and so has seen the network as
 * big as it is now, its tables are as full as they get without waiting for hours. */
#define SETTLE (120 * SIM_SECOND)
/* A thousandth of all puts and gets may fail, a get may take so many messages. That these are no
 * more than four more in ten times as large a network is for who runs several: scale.sh. */
#define GOOD_OF_1000 999
#define GET_MESSAGES 20

struct phase {
	const char *name;
	bool is_get;
	size_t done, good;
	uint64_t queries, hops;
	uint64_t took[OPERATIONS];
};

static void print_phase(const struct sim *sim, struct phase *p)
{
	measure_sort(p->took, p->done);
	printf("%7zu  %-14s %6.2f %9.1f %7.0f %5.0f %5.0f %8.1f%%\n", sim_len(sim), p->name,
		(double)p->hops / (double)p->done, (double)p->queries / (double)p->done,
		(double)p->took[p->done / 2] / 1e3, (double)p->took[p->done * 9 / 10] / 1e3,
		(double)p->took[p->done * 99 / 100] / 1e3, 100 * (double)p->good / (double)p->done);
}

static bool is_met(const struct phase *p)
{
	return 1000 * p->good >= GOOD_OF_1000 * p->done &&
	       (!p->is_get || p->queries <= GET_MESSAGES * p->done);
}

static void count(struct phase *p, const struct sim_answer *a, uint64_t took, bool good)
{
	p->queries += a->result.queries;
	p->hops += a->result.hops;
	p->took[p->done++] = took;
	p->good += good;
}

static void item_of(size_t number, bool is_mutable, struct dht_item *ret_item)
{
	char text[101];
	snprintf(text, sizeof(text), "record number %86zu", number);
	if (is_mutable)
		sim_mutable(number, 1750000000000000, text, ret_item);
	else
		sim_immutable(text, ret_item);
}

static size_t any_node(struct sim *sim)
{
	return sim_random(sim) % sim_len(sim);
}

static bool is_value(const struct sim_answer *a, const struct dht_item *item)
{
	return a->values + a->own > 0 && a->best.value_len == item->value_len &&
	       !memcmp(a->best.value, item->value, item->value_len);
}

/* All operations of a phase at once: what else the network does meanwhile is most of the work. */
static struct sim_operation operations[OPERATIONS];

static void put_all(struct sim *sim, bool is_mutable, struct phase *p)
{
	for (size_t i = 0; i < OPERATIONS; i++) {
		struct dht_item item;
		item_of(i, is_mutable, &item);
		sim_begin_put(sim, any_node(sim), &item, 0, &operations[i]);
	}
	for (size_t i = 0; i < OPERATIONS; i++) {
		sim_end(&operations[i]);
		const struct sim_answer *a = &operations[i].answer;
		count(p, a, a->sixth, a->result.stored + a->result.stored_here >= 8);
	}
}

/* The time is that to the first value; of the mutable ones, in `end`, to the end too. */
static void get_all(struct sim *sim, bool is_mutable, struct phase *p, struct phase *end)
{
	static struct dht_item items[OPERATIONS];
	for (size_t i = 0; i < OPERATIONS; i++) {
		item_of(i, is_mutable, &items[i]);
		sim_begin_get(sim, any_node(sim), &items[i], &operations[i]);
	}
	for (size_t i = 0; i < OPERATIONS; i++) {
		sim_end(&operations[i]);
		const struct sim_answer *a = &operations[i].answer;
		count(p, a, a->first, is_value(a, &items[i]));
		if (end)
			count(end, a, a->took, is_value(a, &items[i]));
	}
}

static void miss_all(struct sim *sim, struct phase *p)
{
	for (size_t i = 0; i < OPERATIONS; i++) {
		struct dht_item item;
		item_of(OPERATIONS + i, true, &item);
		sim_begin_get(sim, any_node(sim), &item, &operations[i]);
	}
	for (size_t i = 0; i < OPERATIONS; i++) {
		sim_end(&operations[i]);
		const struct sim_answer *a = &operations[i].answer;
		count(p, a, a->took, !a->values && !a->result.error);
	}
}

static struct sim *grow(size_t nodes)
{
	static const struct sim_config wan = {.rtt_min = 20000, .rtt_max = 120000};
	struct sim *sim = sim_create(&wan);
	while (sim_len(sim) < nodes) {
		size_t node = sim_add(sim, 4);
		if (node > 0)
			sim_join(sim, node, sim_random(sim) % node);
		sim_run(sim, SIM_SECOND / (10 + node / 10));
	}
	return sim;
}

int main(int argc, char **argv)
{
	static struct phase phases[] = {{.name = "put, immutable"}, {.name = "put, mutable"},
		{.name = "get, immutable", .is_get = true}, {.name = "get, first", .is_get = true},
		{.name = "get, newest", .is_get = true}, {.name = "get, nobody", .is_get = true}};
	size_t nodes = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	if (!nodes) {
		fprintf(stderr, "usage: scale NODES\n");
		return 2;
	}
	double began = measure_seconds();
	struct sim *sim = grow(nodes);
	double joined = (double)sim_now(sim) / 1e6 - 1000, grown = measure_seconds();
	sim_run(sim, SETTLE);
	double settled = measure_seconds();
	uint64_t packets = sim_packets(sim);
	put_all(sim, false, &phases[0]);
	put_all(sim, true, &phases[1]);
	get_all(sim, false, &phases[2], NULL);
	get_all(sim, true, &phases[3], &phases[4]);
	miss_all(sim, &phases[5]);
	bool met = true;
	for (size_t i = 0; i < sizeof(phases) / sizeof(*phases); i++) {
		print_phase(sim, &phases[i]);
		met &= is_met(&phases[i]);
	}
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	printf("%7zu  joined in %.0f s with %.0f packets each; real: %.1f s to join, %.1f s to "
	       "settle, %.1f s to put and get; %.2f GB\n",
		nodes, joined, (double)packets / (double)nodes, grown - began, settled - grown,
		measure_seconds() - settled, (double)usage.ru_maxrss / 1e6);
	fflush(stdout);
	_exit(!met); /* freeing a hundred thousand nodes is of no use to anyone */
}
