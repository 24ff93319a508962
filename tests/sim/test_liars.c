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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_size_is_estimated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
