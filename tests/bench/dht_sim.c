/* Latency of puts and gets in virtual time, for tests/bench/dht.sh: the network that facts/dht.md
 * measured libtorrent on, round trips of 20 to 120 ms.
 *
 *   SIM_SEED=N dht_sim NODES [dead]     `dead`: a fifth is gone without a word, 1 % of packets lost
 *
 * The nodes have settled for ten seconds; each operation is asked by another node than the last.
 * Items have 100 bytes; every second one is signed. */
#undef NDEBUG
#include "tests/bench/series.h"
#include "tests/sim/sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPERATIONS 1000

enum { PUT_SIX, PUT_ALL, HIT, MUTABLE_END, MISS, ROWS };

static void make_item(size_t i, struct dht_item *ret_item)
{
	char text[101];
	snprintf(text, sizeof(text), "record number %86zu", i);
	if (i % 2)
		sim_mutable(i, 1750000000000000 + (int64_t)i, text, ret_item);
	else
		sim_immutable(text, ret_item);
}

/* The i-th of the living, from anywhere. One in twelve holds the item itself, as users' nodes do.
 */
static size_t asker(const struct sim *sim, size_t i)
{
	size_t node = i * 37 % sim_len(sim);
	while (!sim_alive(sim, node))
		node = (node + 1) % sim_len(sim);
	return node;
}

static void measure(struct sim *sim, struct series rows[ROWS])
{
	for (size_t i = 0; i < OPERATIONS; i++) {
		struct sim_answer a;
		struct dht_item item, nowhere;
		make_item(i, &item);
		sim_put(sim, asker(sim, i), &item, 0, &a);
		bool all = a.result.stored + a.result.stored_here >= 8;
		series_add(&rows[PUT_SIX], a.result.enough, a.result.queries, a.result.enough > 0);
		series_add(&rows[PUT_ALL], a.took, a.result.queries, all);
		sim_get(sim, asker(sim, i + 1), &item, &a);
		bool found = a.values + a.own > 0 && a.best.value_len == item.value_len &&
			     memcmp(a.best.value, item.value, item.value_len) == 0;
		series_add(&rows[HIT], a.first, a.result.queries, found);
		if (item.is_mutable)
			series_add(&rows[MUTABLE_END], a.took, a.result.queries, found);
		sim_nowhere(100000 + i, &nowhere);
		sim_get(sim, asker(sim, i + 2), &nowhere, &a);
		series_add(&rows[MISS], a.took, a.result.queries, a.values == 0);
	}
}

int main(int argc, char **argv)
{
	static struct series rows[ROWS] = {{.name = "put, 6th ack"}, {.name = "put, all 8"},
		{.name = "hit, first value"}, {.name = "hit, newest (end)"}, {.name = "miss"}};
	struct sim_config wan = {.rtt_min = 20000, .rtt_max = 120000};
	size_t nodes = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	bool dead = argc > 2 && strcmp(argv[2], "dead") == 0;
	char of[64];
	if (nodes < 8 || nodes > 10000) {
		fprintf(stderr, "usage: dht_sim NODES [dead]\n");
		return 2;
	}
	struct sim *sim = sim_network(&wan, nodes);
	if (dead)
		sim_set_loss(sim, 10);
	for (size_t i = 0; dead && i < nodes; i += 5)
		sim_kill(sim, i, false);
	measure(sim, rows);
	snprintf(of, sizeof(of), "kadns, simulated, %zu%s", nodes, dead ? ", a fifth dead" : "");
	for (size_t i = 0; i < ROWS; i++)
		series_print(of, &rows[i]);
	sim_destroy(sim);
	return 0;
}
