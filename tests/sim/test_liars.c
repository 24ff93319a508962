/* Liars that work together: what they may cost, and what they may hide. tests/bench/sim_liars
 * prints the numbers of larger networks. */
#undef NDEBUG
#include "tests/sim/liars.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static const struct sim_config wan = {.rtt_min = 20000, .rtt_max = 120000};

/* Sixteen look-ups of a node that has just joined tell it how many others there are. */
static void the_size_is_estimated(void **state)
{
	(void)state;
	struct dht_counters counters;
	struct sim *sim = sim_network(&wan, 200);
	size_t node = sim_add(sim, 4);
	dht_counters(sim_dht(sim, node), &counters);
	assert_int_equal(counters.size4, 0);
	sim_join(sim, node, 0);
	sim_run(sim, 10 * SIM_SECOND);
	for (size_t i = 0; i < 16; i++) {
		struct dht_item item;
		struct sim_answer a;
		sim_mutable(i, 1, "x", &item);
		sim_get(sim, node, &item, &a);
	}
	dht_counters(sim_dht(sim, node), &counters);
	assert_in_range(counters.size4, 150, 250);
	assert_int_equal(counters.size6, 0);
	sim_destroy(sim);
}

/* Two hundred reads: how many found the newest value; bounded work, whatever the liars do. */
static void run_case(
	enum sim_liar kind, unsigned share, bool from_birth, struct sim_liars_outcome *ret_outcome)
{
	struct sim_liars_case c = {.config = wan,
		.n = 100,
		.kind = kind,
		.share = share,
		.from_birth = from_birth,
		.puts = 50,
		.reads = 4};
	sim_liars_run(&c, ret_outcome);
	assert_int_equal(ret_outcome->reads, 200);
	assert_true(ret_outcome->read_queries_max <= 60);
	assert_true(ret_outcome->put_queries_max <= 60);
	assert_true(ret_outcome->verifications_max <= 16);
}

/* Where nobody lies, nothing of the defence costs a packet. */
static void honest_networks_pay_nothing(void **state)
{
	(void)state;
	struct sim_liars_outcome o;
	run_case(SIM_SILENT, 0, false, &o);
	assert_int_equal(o.found, 200);
	assert_true(o.read_queries <= 12 * 200);
	assert_true(o.put_queries <= 20 * 50);
	assert_int_equal(o.wide, 0);
}

static void half_are_silent(void **state)
{
	(void)state;
	struct sim_liars_outcome o;
	run_case(SIM_SILENT, 50, false, &o);
	assert_true(o.found >= 198);
}

static void forgers(void **state)
{
	(void)state;
	struct sim_liars_outcome o;
	run_case(SIM_FORGER, 20, false, &o);
	assert_true(o.found >= 198);
	assert_true(o.wide > 0);
	run_case(SIM_FORGER, 33, true, &o);
	assert_true(o.found >= 190);
	run_case(SIM_FORGER, 50, false, &o);
	assert_true(o.found >= 160);
}

static void older_values_of_forgers(void **state)
{
	(void)state;
	struct sim_liars_outcome o;
	run_case(SIM_STALE, 50, false, &o);
	assert_true(o.found >= 160);
}

static void ghosts(void **state)
{
	(void)state;
	struct sim_liars_outcome o;
	run_case(SIM_GHOSTS, 50, false, &o);
	assert_true(o.found >= 190);
	assert_true(o.took <= 200 * SIM_SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_size_is_estimated),
		cmocka_unit_test(honest_networks_pay_nothing),
		cmocka_unit_test(half_are_silent),
		cmocka_unit_test(forgers),
		cmocka_unit_test(older_values_of_forgers),
		cmocka_unit_test(ghosts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
