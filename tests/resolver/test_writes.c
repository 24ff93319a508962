/* What many writes cost: signing and commits by the second, not by the write. */
#undef NDEBUG
#include "tests/resolver/publisher_fixture.h"

#define NAMES 50

/* However often and at whatever moments: a zone once a second, and the slots that changed. */
static void test_signatures(void **state)
{
	enum { SECONDS = 2, ROUNDS = 10 };
	(void)state;
	put(0, 1);
	run_for(SECOND / 2);
	assert_int_equal(counters().zones_put, 1); /* one echo is not kept waiting */
	assert_int_equal(counters().slots_put, 1);
	assert_int_equal(counters().signatures, 2);
	run_for(10 * SECOND);
	assert_int_equal(counters().signatures, 2); /* and is said once, network or not */
	for (unsigned round = 0; round < SECONDS * ROUNDS; round++) {
		for (unsigned i = 0; i < NAMES; i++)
			put(i, (uint8_t)round);
		run_for(SECOND / ROUNDS);
	}
	run_for(5 * SECOND);
	struct publish_counters c = counters();
	assert_in_range(c.zones_put, 1 + SECONDS, 1 + SECONDS + 2);
	assert_in_range(c.slots_put, 1 + NAMES, 1 + NAMES * (SECONDS + 2));
	assert_in_range(c.pages_put, 2, 4 * c.zones_put); /* fifty names stand on two or four */
	assert_in_range(c.signatures, 1 + NAMES, c.zones_put + c.pages_put + c.slots_put);
}

/* What changed is said, and nothing else. */
static void test_only_the_changed(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NAMES; i++)
		put(i, 1);
	run_for(5 * SECOND);
	assert_int_equal(counters().slots_put, NAMES);
	put(7, 2);
	run_for(5 * SECOND);
	assert_int_equal(counters().zones_put, 2);
	assert_int_equal(counters().slots_put, NAMES + 1);
}

/* Many names are signed one after the other, and the loop has time for others in between. */
static void test_starts(void **state)
{
	enum { MANY = 300 };
	(void)state;
	unsigned most = 0;
	for (unsigned i = 0; i < MANY; i++)
		put(i, 1);
	while (counters().slots_put < MANY) {
		uint64_t before = counters().slots_put;
		event_base_loop(base, EVLOOP_ONCE);
		uint64_t done = counters().slots_put - before;
		most = done > most ? (unsigned)done : most;
	}
	assert_in_range(most, 1, 2);
	assert_int_equal(counters().zones_put, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_signatures, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_only_the_changed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_starts, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
