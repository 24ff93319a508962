/* Nodes that learn their address, and take another id for it, in the middle of look-ups of their
 * own and of others: none of these notices. */
#undef NDEBUG
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define NODES 40
#define ROUNDS 10

static struct sim_operation operations[NODES];

static uint64_t id_changes(struct sim *sim)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < NODES; i++) {
		struct dht_counters c;
		dht_counters(sim_dht(sim, i), &c);
		sum += c.id_changes;
	}
	return sum;
}

/* Each node at once: every other a put, the rest gets. How many ended well? */
static unsigned all_at_once(struct sim *sim, unsigned round)
{
	unsigned well = 0;
	memset(operations, 0, sizeof(operations));
	for (size_t i = 0; i < NODES; i++) {
		struct dht_item item;
		sim_mutable((uint8_t)(i + 1), round + 1, "some text", &item);
		if (i % 2)
			sim_begin_put(sim, i, &item, 0, &operations[i]);
		else
			sim_begin_get(sim, i, &item, &operations[i]);
	}
	for (size_t i = 0; i < NODES; i++) {
		sim_end(&operations[i]);
		well += !operations[i].answer.result.error;
	}
	return well;
}

static void an_id_changes_under_look_ups(void **state)
{
	(void)state;
	static const struct sim_config internet = {.rtt_min = 20000,
		.rtt_max = 120000,
		.mainline = true,
		.limits = true,
		.own_nets = true};
	struct sim *sim = sim_create(&internet);
	for (size_t i = 0; i < NODES; i++) {
		sim_add(sim, 4);
		if (i)
			sim_join(sim, i, 0);
	}
	uint64_t during = 0;
	unsigned well = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t before = id_changes(sim);
		well += all_at_once(sim, round);
		during += id_changes(sim) - before;
		sim_run(sim, SIM_SECOND / 4);
	}
	printf("# %u ids changed meanwhile; %u of %u look-ups without error\n", (unsigned)during,
		well, NODES * ROUNDS);
	assert_true(during >= NODES / 2);
	assert_true(well >= NODES * ROUNDS - NODES / 10); /* the first find nobody yet */
	sim_destroy(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_changes_under_look_ups),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
