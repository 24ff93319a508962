/* What a node does when nobody asks it anything: how little that is, how a network that fell apart
 * mends, and what a saved table is worth. */
#undef NDEBUG
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MINUTE (60 * SIM_SECOND)

static const struct sim_config wan = {.rtt_min = 20000, .rtt_max = 120000};
/* One network serves three cases in turn: each leaves it as it was but for its age, the last does
 * not. */
static struct sim *hundred;

static int make_hundred(void **state)
{
	(void)state;
	hundred = sim_network(&wan, 100);
	return 0;
}

static int end_hundred(void **state)
{
	(void)state;
	sim_destroy(hundred);
	return 0;
}

static size_t nodes_of(struct sim *sim, size_t node)
{
	struct dht_counters c;
	dht_counters(sim_dht(sim, node), &c);
	return c.nodes;
}

/* Where tables are full it is the pace of upkeep.c that bounds it: with 1,000 nodes a packet every
 * 1.8 s, counted likewise. */
static void a_packet_every_five_seconds_at_rest(void **state)
{
	(void)state;
	struct sim *sim = hundred;
	sim_run(sim, 15 * MINUTE);
	uint64_t before = sim_packets(sim);
	sim_run(sim, 30 * MINUTE);
	double rate = (double)(sim_packets(sim) - before) / 1800 / 100;
	printf("# at rest: a packet every %.1f s and node\n", 1 / rate);
	assert_true(rate <= 1.0 / 5);
	size_t least = SIZE_MAX, all = 0;
	for (size_t i = 0; i < 100; i++) {
		size_t n = nodes_of(sim, i);
		least = n < least ? n : least;
		all += n;
	}
	/* How full a table is follows from where its ids lie: 87 on the average, give or take 5. */
	assert_true(all >= 83 * 100);
	assert_true(least >= 55);
}

/* The node that another joined by is installed anew: nothing is left that it could join by, and only
 * that other one knows it. Wherever it is in its round of looking, it finds it within a minute. */
static void who_began_anew_is_found_within_a_minute(void **state)
{
	(void)state;
	struct sim *sim = sim_create(&wan);
	sim_add(sim, 4);
	sim_add(sim, 4);
	sim_join(sim, 1, 0);
	for (unsigned turn = 0; turn < 12; turn++) {
		sim_run(sim, 5 * MINUTE + turn * 7 * SIM_SECOND);
		assert_int_equal(nodes_of(sim, 0), 1);
		sim_kill(sim, 0, false);
		sim_restart(sim, 0, false);
		uint64_t began = sim_now(sim);
		while (!nodes_of(sim, 0) && sim_step(sim, began + 2 * MINUTE))
			;
		assert_in_range(sim_now(sim) - began, 0, MINUTE + SIM_SECOND);
	}
	sim_destroy(sim);
}

static void readable_everywhere(struct sim *sim, const struct dht_item *item, int64_t seq)
{
	for (size_t i = 1; i < sim_len(sim); i += 3) {
		struct sim_answer a;
		sim_get(sim, i, item, &a);
		assert_true(a.values + a.own > 0);
		assert_int_equal(a.best.seq, seq);
	}
}

/* Two halves of thirty, apart for long enough to forget each other. The node that all had joined by
 * is gone for good. */
static void halves_find_together_without_a_node_to_join_by(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 61);
	struct dht_item left, right, both;
	struct sim_answer a;
	sim_mutable(3, 5, "before", &both);
	sim_put(sim, 20, &both, 0, &a);
	sim_kill(sim, 0, false);
	for (size_t i = 31; i <= 60; i++)
		sim_set_side(sim, i, 1);
	sim_run(sim, 14 * MINUTE);
	for (size_t i = 1; i <= 60; i++)
		assert_true(nodes_of(sim, i) <= 29);
	sim_mutable(1, 7, "left", &left);
	sim_mutable(2, 8, "right", &right);
	sim_mutable(3, 9, "after", &both);
	sim_put(sim, 12, &left, 0, &a);
	assert_true(a.result.stored >= 7);
	sim_put(sim, 47, &right, 0, &a);
	assert_true(a.result.stored >= 7);
	sim_put(sim, 48, &both, 0, &a);
	for (size_t i = 31; i <= 60; i++)
		sim_set_side(sim, i, 0);
	sim_run(sim, MINUTE);
	size_t least = SIZE_MAX;
	for (size_t i = 1; i <= 60; i++)
		least = nodes_of(sim, i) < least ? nodes_of(sim, i) : least;
	printf("# a minute after the partition: %zu nodes known or more\n", least);
	assert_true(least > 36);
	readable_everywhere(sim, &left, 7);
	readable_everywhere(sim, &right, 8);
	readable_everywhere(sim, &both, 9);
	sim_destroy(sim);
}

/* Queries of a get that nobody can answer: it has to see the eight nearest. */
static unsigned queries_of_miss(struct sim *sim, size_t node, uint64_t *ret_took)
{
	struct dht_item nowhere;
	struct sim_answer a;
	sim_nowhere(777, &nowhere); /* always the same target */
	sim_get(sim, node, &nowhere, &a);
	assert_int_equal(a.result.error, 0);
	*ret_took = a.took;
	return a.result.queries;
}

/* The first look-up, half a second after the start. */
static unsigned first_after_restart(struct sim *sim, size_t node, bool saved, uint64_t *ret_took)
{
	sim_kill(sim, node, false);
	sim_restart(sim, node, true);
	if (saved)
		sim_rejoin(sim, node);
	else
		sim_join(sim, node, 0);
	sim_run(sim, SIM_SECOND / 2);
	return queries_of_miss(sim, node, ret_took);
}

static void a_saved_table_is_warm(void **state)
{
	(void)state;
	struct sim *sim = hundred;
	unsigned before = 0, warm = 0, cold = 0;
	uint64_t took, before_took = 0, warm_took = 0, cold_took = 0;
	sim_run(sim, 2 * MINUTE);
	for (size_t node = 10; node < 90; node += 20) {
		before += queries_of_miss(sim, node, &took);
		before_took += took;
		warm += first_after_restart(sim, node, true, &took);
		warm_took += took;
		sim_run(sim, MINUTE / 4);
		cold += first_after_restart(sim, node, false, &took);
		cold_took += took;
		sim_run(sim, MINUTE / 4);
	}
	printf("# queries of a miss: %.1f before a restart, %.1f after, %.1f without its table; "
	       "ms: %u, %u, %u\n",
		before / 4.0, warm / 4.0, cold / 4.0, (unsigned)(before_took / 4000),
		(unsigned)(warm_took / 4000), (unsigned)(cold_took / 4000));
	assert_true(warm <= before + 4); /* one a look-up, at most */
	assert_true(cold > warm);
}

/* Four of five of the saved nodes have gone meanwhile. */
static void a_table_of_the_dead_does_not_delay(void **state)
{
	(void)state;
	struct sim *sim = hundred;
	uint64_t took;
	sim_run(sim, 2 * MINUTE);
	sim_kill(sim, 50, false);
	for (size_t i = 0; i < 100; i++)
		if (i % 5 && sim_alive(sim, i))
			sim_kill(sim, i, false);
	sim_restart(sim, 50, true);
	sim_rejoin(sim, 50);
	queries_of_miss(sim, 50, &took);
	printf("# the first get at once, four of five saved nodes dead: %u ms\n",
		(unsigned)(took / 1000));
	assert_true(took <= 3 * SIM_SECOND);
	sim_run(sim, 10 * SIM_SECOND);
	assert_true(nodes_of(sim, 50) >= 12); /* of the nineteen that live */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_every_five_seconds_at_rest),
		cmocka_unit_test(who_began_anew_is_found_within_a_minute),
		cmocka_unit_test(halves_find_together_without_a_node_to_join_by),
		cmocka_unit_test(a_saved_table_is_warm),
		cmocka_unit_test(a_table_of_the_dead_does_not_delay),
	};
	return cmocka_run_group_tests(tests, make_hundred, end_hundred);
}
