/* Whose publisher is gone stays readable while others keep it alive; tests/bench/keep.sh has a day
 * of that and a thousand records. */
#undef NDEBUG
#include "tests/sim/keepers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NODES 24
#define RECORDS 20
#define MINUTE (60 * SIM_SECOND)
/* Ten times as fast as in the world: a day is two hours and a half. */
#define LIFETIME (12 * MINUTE)
#define HOUR (6 * MINUTE)

static void network(struct keepers *k, size_t keepers)
{
	const struct sim_config config = {
		.rtt_min = 20000, .rtt_max = 120000, .loss = 1, .item_lifetime = LIFETIME};
	const struct dht_republish_limits limits = {.lifetime = LIFETIME, .rate = 50000};
	struct sim *sim = sim_network(&config, NODES);
	for (size_t i = 1; i <= keepers; i++)
		dht_republish_limits(sim_dht(sim, i), &limits);
	keepers_begin(k, sim, keepers, RECORDS, 100);
}

static void end(struct keepers *k)
{
	keepers_finish(k);
	sim_destroy(k->sim);
}

/* In a day every node has been replaced but the keepers. */
static void test_a_day(void **state)
{
	struct keepers k;
	(void)state;
	network(&k, 3);
	for (unsigned i = 0; i < 4; i++) {
		/* One of them is away at a time. */
		if (i)
			sim_set_side(k.sim, i, 1);
		keepers_churn(&k, 6 * HOUR, 8);
		if (i)
			sim_set_side(k.sim, i, 0);
		assert_int_equal(keepers_readable(&k), RECORDS);
	}
	struct dht_counters c;
	dht_counters(sim_dht(k.sim, 2), &c);
	assert_true(c.refresh_puts > 0);
	end(&k);
}

/* It is they: without them all is forgotten. */
static void test_nobody_keeps(void **state)
{
	struct keepers k;
	(void)state;
	network(&k, 0);
	assert_int_equal(keepers_readable(&k), RECORDS);
	keepers_churn(&k, LIFETIME + MINUTE, 1);
	assert_int_equal(keepers_readable(&k), 0);
	end(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_day),
		cmocka_unit_test(test_nobody_keeps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
