/* What writers owe, in virtual time. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/pace.h"

#define MS 1000u

static struct pace pace;
static uint64_t now;

static int setup(void **state)
{
	(void)state;
	pace = (struct pace){0};
	now = 77000 * MS;
	return 0;
}

/* How many commits of `cost` one shell after the other makes in a second, each waiting its close
 * out. */
static unsigned in_a_second(uid_t uid, uint64_t cost)
{
	unsigned n = 0;
	for (uint64_t end = now + 1000 * MS; now < end; n++) {
		now += cost;
		pace_spent(&pace, uid, cost, now);
		now += pace_wait(&pace, uid, now);
	}
	return n;
}

static void test_share(void **state)
{
	(void)state;
	static const uint64_t costs[] = {100, 1000, 5000};
	for (unsigned i = 0; i < 3; i++) {
		uid_t uid = 1000 + i;
		unsigned first = in_a_second(uid, costs[i]);
		in_a_second(uid, costs[i]);
		unsigned later = in_a_second(uid, costs[i]);
		/* A tenth of the time, however dear a commit is; and as much more at first.
		 */
		assert_in_range(later * costs[i], 95 * MS, 106 * MS);
		assert_in_range(first * costs[i], 180 * MS, 220 * MS);
	}
}

static void test_who_writes_little(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		pace_spent(&pace, 1000, 5 * MS, now);
		assert_int_equal(pace_wait(&pace, 1000, now), 0);
		now += 50 * MS;
	}
}

static void test_others(void **state)
{
	(void)state;
	pace_spent(&pace, 1000, 5000 * MS, now);
	assert_int_equal(pace_wait(&pace, 1000, now), PACE_WAIT_MAX);
	assert_int_equal(pace_wait(&pace, 1001, now), 0);
	assert_int_equal(pace_wait(&pace, 1000 + PACE_SLOTS, now), 0);
	now += 49000 * MS;
	assert_int_equal(pace_wait(&pace, 1000, now), 0);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		CASE(test_share),
		CASE(test_who_writes_little),
		CASE(test_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
