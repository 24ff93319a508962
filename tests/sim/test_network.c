/* Networks of nodes: what is put is found, whatever dies or gets lost. Here is what looks into
 * single nodes; what befalls whole networks is told in tests/sim/scenarios. */
#undef NDEBUG
#include "tests/sim/sim.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Round trips of 20 to 120 ms, as facts/dht.md measured libtorrent with. */
static const struct sim_config wan = {.rtt_min = 20000, .rtt_max = 120000};

static struct dht_id target_of(const struct dht_item *item)
{
	struct dht_id target;
	dht_item_target(item, &target);
	return target;
}

static void count_node(void *ctx, const struct dht_node_info *node)
{
	size_t *count = ctx;
	*count += node->failures == 0;
}

static size_t nodes_of(struct sim *sim, size_t node)
{
	size_t count = 0;
	dht_each_node(sim_dht(sim, node), count_node, &count);
	return count;
}

static void three_nodes_when_the_first_dies(bool refuse)
{
	struct sim *sim = sim_network(&wan, 3);
	struct dht_item item, later;
	struct sim_answer a;
	sim_mutable(1, 5, "written at one", &item);
	sim_put(sim, 0, &item, DHT_PUT_CAS, &a);
	assert_int_equal(a.result.stored, 2);
	assert_true(a.result.stored_here);
	sim_kill(sim, 0, refuse);
	sim_get(sim, 2, &item, &a);
	assert_int_equal(a.result.error, 0);
	assert_true(a.own);
	assert_int_equal(a.values, 1);
	assert_memory_equal(a.best.value, item.value, item.value_len);
	assert_true(a.took < (refuse ? SIM_SECOND / 2 : 2 * SIM_SECOND));
	sim_mutable(2, 5, "written at three", &later);
	sim_put(sim, 2, &later, DHT_PUT_CAS, &a);
	assert_int_equal(a.result.error, 0);
	assert_int_equal(a.result.stored, 1);
	assert_true(a.result.stored_here);
	/* When the other one has gone as well, there are nodes, but nobody answers. */
	sim_kill(sim, 1, refuse);
	sim_get(sim, 2, &item, &a);
	assert_int_equal(a.result.error, -ENETUNREACH);
	assert_true(a.own);
	assert_true(a.took < 5 * SIM_SECOND);
	sim_destroy(sim);
}

static void three_nodes_first_dies_silently(void **state)
{
	(void)state;
	three_nodes_when_the_first_dies(false);
}

static void three_nodes_first_refuses(void **state)
{
	(void)state;
	three_nodes_when_the_first_dies(true);
}

static void one_node_is_a_network(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 1);
	struct dht_item item;
	struct sim_answer a;
	sim_mutable(1, 5, "alone", &item);
	sim_get(sim, 0, &item, &a);
	assert_int_equal(a.result.error, -EHOSTUNREACH);
	assert_false(a.own);
	assert_int_equal(a.result.seq_seen, -1);
	sim_put(sim, 0, &item, 0, &a);
	assert_int_equal(a.result.error, -EHOSTUNREACH);
	assert_true(a.result.stored_here);
	assert_int_equal(a.result.stored, 0);
	sim_get(sim, 0, &item, &a);
	assert_true(a.own);
	assert_int_equal(a.values, 0);
	assert_int_equal(a.result.seq_seen, 5);
	assert_int_equal(a.took, 0);
	sim_destroy(sim);
}

static void holders_die_and_the_record_is_found(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 60);
	struct dht_item item;
	struct sim_answer a;
	sim_mutable(1, 5, "eight copies", &item);
	sim_put(sim, 0, &item, 0, &a);
	assert_true(a.result.stored >= 7);
	struct dht_id target = target_of(&item);
	for (size_t i = 1, dead = 0; i < sim_len(sim) && dead < 6; i++)
		if (sim_item(sim, i, &target)) {
			sim_kill(sim, i, false);
			dead++;
		}
	assert_true(sim_copies(sim, &target) >= 2);
	for (size_t i = 0; i < sim_len(sim); i += 5) {
		if (!sim_alive(sim, i))
			continue;
		sim_get(sim, i, &item, &a);
		assert_true(a.values + a.own >= 1);
		assert_int_equal(a.result.error, 0);
	}
	/* A new put closes the gaps. */
	sim_put(sim, 0, &item, 0, &a);
	assert_true(sim_copies(sim, &target) >= 8);
	sim_destroy(sim);
}

static void joins_when_the_other_comes_up_at_last(void **state)
{
	(void)state;
	struct sim *sim = sim_create(&wan);
	struct dht_item item;
	struct sim_answer a;
	sim_add(sim, 4);
	sim_add(sim, 4);
	sim_kill(sim, 0, false);
	sim_join(sim, 1, 0);
	sim_mutable(1, 1, "early", &item);
	sim_get(sim, 1, &item, &a);
	assert_int_equal(a.result.error, -ENETUNREACH);
	assert_true(a.took <= 3 * SIM_SECOND);
	sim_run(sim, 300 * SIM_SECOND);
	sim_restart(sim, 0, true);
	sim_run(sim, 61 * SIM_SECOND);
	assert_int_equal(nodes_of(sim, 0), 1);
	assert_int_equal(nodes_of(sim, 1), 1);
	sim_put(sim, 1, &item, 0, &a);
	assert_int_equal(a.result.stored, 1);
	sim_destroy(sim);
}

/* A question asked in the very moment of joining waits for the first node. */
static void asked_before_it_has_joined(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 20);
	struct dht_item item;
	struct sim_answer a;
	sim_mutable(1, 1, "early bird", &item);
	sim_put(sim, 3, &item, 0, &a);
	size_t fresh = sim_add(sim, 4);
	sim_join(sim, fresh, 0);
	sim_get(sim, fresh, &item, &a);
	assert_int_equal(a.result.error, 0);
	assert_true(a.values >= 1);
	sim_destroy(sim);
}

static void restarted_nodes_come_back(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 5);
	sim_kill(sim, 3, false);
	sim_restart(sim, 3, false); /* another id at the address that all know */
	sim_join(sim, 3, 0);
	sim_run(sim, 30 * SIM_SECOND);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(nodes_of(sim, i), 4);
	sim_destroy(sim);
}

/* Two networks, one of IPv4 and one of IPv6 (BEP 32); a node in both serves both. */
static void both_families(void **state)
{
	(void)state;
	struct sim *sim = sim_create(&wan);
	static const int families[] = {46, 46, 46, 4, 4, 4, 6, 6, 6};
	struct dht_item item;
	struct sim_answer a;
	for (size_t i = 0; i < 9; i++) {
		sim_add(sim, families[i]);
		if (i > 0)
			sim_join(sim, i, 0);
		sim_run(sim, SIM_SECOND / 10);
	}
	sim_run(sim, 10 * SIM_SECOND);
	assert_int_equal(nodes_of(sim, 0), 5 + 5);
	assert_int_equal(nodes_of(sim, 3), 5);
	assert_int_equal(nodes_of(sim, 8), 5);
	sim_mutable(1, 1, "for both", &item);
	sim_put(sim, 1, &item, 0, &a);
	/* Eight others, two of them reached twice but counted once. */
	assert_int_equal(a.result.stored, 8);
	for (size_t i = 3; i < 9; i++) {
		sim_get(sim, i, &item, &a);
		assert_true(a.own);
		assert_true(a.values >= 3);
	}
	sim_destroy(sim);
}

static void count_end(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	(void)from;
	unsigned *ends = ctx;
	assert_true(!item && result);
	assert_int_equal(result->error, 0);
	++*ends;
}

/* As many look-ups as are allowed, at once: they take their turns, none fails for want of room. */
static void a_thousand_gets_at_once(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 100);
	struct dht_lookup *lookup;
	unsigned ends = 0;
	for (unsigned i = 0; i < 1000; i++) {
		uint8_t key[DHT_KEY_LEN] = {(uint8_t)i, (uint8_t)(i >> 8)};
		assert_int_equal(
			dht_get_mutable(sim_dht(sim, 7), key, NULL, 0, count_end, &ends, &lookup),
			0);
	}
	sim_run(sim, 10 * SIM_SECOND);
	assert_int_equal(ends, 1000);
	sim_destroy(sim);
}

static void hops_are_counted(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 3);
	struct dht_counters counters;
	struct dht_item item;
	struct sim_answer a;
	sim_mutable(1, 1, "far away", &item);
	sim_get(sim, 0, &item, &a);
	assert_int_equal(a.result.hops, 1);
	/* Kept from the get: nobody is asked for the way. */
	sim_put(sim, 0, &item, 0, &a);
	assert_int_equal(a.result.hops, 0);
	/* A newcomer knows one node of three, which names the others. */
	size_t fresh = sim_add(sim, 4);
	sim_join(sim, fresh, 0);
	sim_get(sim, fresh, &item, &a);
	assert_int_equal(a.result.hops, 2);
	dht_counters(sim_dht(sim, 0), &counters);
	assert_int_equal(counters.ended, 2);
	assert_int_equal(counters.hops, 1);
	sim_destroy(sim);
}

static void public_network(void **state)
{
	(void)state;
	struct sim_config config = wan;
	config.mainline = true;
	struct sim *sim = sim_network(&config, 30);
	struct dht_item item;
	struct dht_endpoint local = {.family = 4, .ip = {10, 0, 0, 1}, .port = 4001};
	struct sim_answer a;
	sim_mutable(1, 1, "in public", &item);
	sim_put(sim, 1, &item, 0, &a);
	assert_true(a.result.stored + a.result.stored_here >= 8);
	sim_get(sim, 20, &item, &a);
	assert_true(a.values + a.own > 0);
	uint64_t before = sim_packets(sim);
	dht_add_node(sim_dht(sim, 0), &local);
	assert_int_equal(sim_packets(sim), before);
	sim_destroy(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_nodes_first_dies_silently),
		cmocka_unit_test(three_nodes_first_refuses),
		cmocka_unit_test(one_node_is_a_network),
		cmocka_unit_test(holders_die_and_the_record_is_found),
		cmocka_unit_test(joins_when_the_other_comes_up_at_last),
		cmocka_unit_test(asked_before_it_has_joined),
		cmocka_unit_test(restarted_nodes_come_back),
		cmocka_unit_test(both_families),
		cmocka_unit_test(a_thousand_gets_at_once),
		cmocka_unit_test(hops_are_counted),
		cmocka_unit_test(public_network),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
