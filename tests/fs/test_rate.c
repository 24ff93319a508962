/* Look-ups a second, in virtual time. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "fs/rate.h"
#include "resolver/clock.h"

#define OWNER 900
#define EACH 100u /* a second */
#define BURST (EACH * RATE_BURST)

static struct rate *rate;
static uint64_t now;

static int setup(void **state)
{
	(void)state;
	now = 5 * SECOND;
	return rate_create(EACH, OWNER, &rate);
}

static int teardown(void **state)
{
	(void)state;
	rate_destroy(rate);
	return 0;
}

/* How many of `n` are granted at this moment. */
static unsigned take(uid_t uid, unsigned n)
{
	unsigned granted = 0;
	while (n--) {
		int r = rate_take(rate, uid, now);
		assert_true(r == 0 || r == -EAGAIN);
		granted += r == 0;
	}
	return granted;
}

static void test_burst_and_rate(void **state)
{
	(void)state;
	assert_int_equal(take(1001, 2 * BURST), BURST);
	assert_int_equal(take(1001, 1), 0);
	now += SECOND;
	assert_int_equal(take(1001, BURST), EACH);
	now += SECOND / EACH;
	assert_int_equal(take(1001, BURST), 1);
	now += SECOND / EACH - 1;
	assert_int_equal(take(1001, BURST), 0);
	now += 1;
	assert_int_equal(take(1001, BURST), 1);
	now += 3600 * SECOND; /* what is full does not run over */
	assert_int_equal(take(1001, 2 * BURST), BURST);
}

/* Who asks slower than he may is never refused. */
static void test_patience(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10 * BURST; i++) {
		assert_int_equal(take(1001, 1), 1);
		now += SECOND / EACH;
	}
}

static void test_others_do_not_notice(void **state)
{
	(void)state;
	assert_int_equal(take(1001, 2 * BURST), BURST);
	assert_int_equal(take(1002, 2 * BURST), BURST);
	assert_int_equal(take(1001 + 256, 2 * BURST), BURST); /* of the same chain */
	assert_int_equal(take(1001, 1), 0);
	assert_int_equal(take(0, 2 * BURST), BURST); /* root's programs are as careless */
	assert_int_equal(take(OWNER, 2 * BURST), BURST);
}

/* An account with many uids: 3/4 of what there is for all; a first look-up each up to 7/8; the rest
 * is root's and the owner's. */
static void test_many_uids(void **state)
{
	(void)state;
	unsigned all = BURST * RATE_USERS, granted = 0;
	for (uid_t uid = 100000; uid < 100050; uid++)
		granted += take(uid, BURST);
	assert_in_range(granted, all / 4 * 3, all / 4 * 3 + 50);
	granted = 0;
	for (uid_t uid = 200000; uid < 220000; uid++)
		granted += take(uid, 1);
	assert_in_range(granted, all / 8 - 50, all / 8);
	assert_int_equal(take(300000, 1), 0);
	assert_int_equal(take(0, BURST), BURST);
	assert_int_equal(take(OWNER, BURST), all - all / 8 * 7 - BURST);
	now += SECOND;
	assert_int_equal(take(300000, 1), 0); /* what comes in is the rest's first */
	now += 2 * SECOND;
	assert_int_equal(take(300000, 1), 1);
}

/* What it remembers does not grow with every uid that ever asked. */
static void test_memory(void **state)
{
	(void)state;
	unsigned most = 0;
	for (uid_t uid = 0; uid < 200000; uid++) {
		assert_int_equal(take(uid, 1), 1);
		now += SECOND / EACH;
		if (rate_users(rate) > most)
			most = (unsigned)rate_users(rate);
	}
	assert_in_range(most, 1, 300); /* 256 chains are looked through in turn */
}

static void test_fastest(void **state)
{
	(void)state;
	rate_destroy(rate);
	assert_int_equal(rate_create(RATE_MOST, OWNER, &rate), 0);
	assert_int_equal(take(1001, 2 * RATE_MOST * RATE_BURST), RATE_MOST * RATE_BURST);
	rate_destroy(rate);
	assert_int_equal(rate_create(1, OWNER, &rate), 0);
	assert_int_equal(take(1001, 100), RATE_BURST);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_burst_and_rate),
		CASE(test_patience),
		CASE(test_others_do_not_notice),
		CASE(test_many_uids),
		CASE(test_memory),
		CASE(test_fastest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
