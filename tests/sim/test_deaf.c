/* A network most of which does not know `get`: what is put is found, at a bounded cost. */
#undef NDEBUG
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define MANY 100

/* Answers all but `get` and put, as transmission does: what has a token or is an error is lost. */
static size_t ignores_get(struct sim *sim, size_t node, uint8_t *datagram, size_t len, size_t cap)
{
	(void)sim;
	(void)node;
	(void)cap;
	return memmem(datagram, len, "5:token", 7) && memmem(datagram, len, "1:y1:r", 6) ? 0 : len;
}

/* They are found out, and cost little then; until then a look-up is bounded all the same. */
static void sixty_of_a_hundred_ignore_get(void **state)
{
	(void)state;
	static const struct sim_config wan = {.rtt_min = 20000, .rtt_max = 120000};
	struct sim *sim = sim_network(&wan, 100);
	struct sim_answer a;
	unsigned early = 0, late = 0;
	for (size_t i = 0; i < 100; i++)
		if (i % 5 >= 2)
			sim_set_lie(sim, i, ignores_get);
	for (size_t i = 0; i < MANY; i++) {
		struct dht_item item;
		sim_mutable(i, 1 + (int64_t)i, "among the deaf", &item);
		sim_put(sim, i % 2 * 5, &item, 0, &a);
		assert_true(a.result.stored + a.result.stored_here >= 8);
		assert_true(a.result.queries <= 60);
		struct dht_id target;
		dht_item_target(&item, &target);
		for (size_t n = 0; n < 100; n++)
			assert_true(n % 5 < 2 || !sim_item(sim, n, &target));
		sim_get(sim, 10 + i % 2 * 5, &item, &a);
		assert_true(a.values + a.own >= 1);
		assert_int_equal(a.best.seq, item.seq);
		assert_true(a.result.queries <= 60);
		*(i < MANY / 2 ? &early : &late) += a.result.queries;
	}
	printf("# get, 60 ignore it: %.1f queries, then %.1f\n", early / (MANY / 2.0),
		late / (MANY / 2.0));
	assert_true(early <= 30 * MANY / 2);
	assert_true(late <= 15 * MANY / 2); /* found out: hardly more than where all know it */
	sim_destroy(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sixty_of_a_hundred_ignore_get),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
