/* What is remembered of addresses: who is silent, who does not know `get`, and until when. */
#undef NDEBUG
#include "dht/habits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define SECOND ((uint64_t)1000000)
#define MINUTE (60 * SECOND)

static struct dht_habits habits;
static const uint64_t start = 1000 * SECOND;

static int setup(void **state)
{
	(void)state;
	habits = (struct dht_habits){0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dht_habits_finish(&habits);
	return 0;
}

static struct dht_endpoint host(unsigned n)
{
	return (struct dht_endpoint){
		.family = 4, .ip = {10, 0, (uint8_t)(n >> 8), (uint8_t)n}, .port = 4001};
}

/* A `get` is ignored, and a find_node answered a moment later. */
static void ignore_get(const struct dht_endpoint *at, uint64_t now)
{
	dht_habits_unanswered(&habits, at, true, now);
	dht_habits_answered(&habits, at, false, now + SECOND);
}

static void silence(void **state)
{
	(void)state;
	struct dht_endpoint a = host(1), b = host(2);
	assert_false(dht_habits_silent(&habits, &a, start));
	dht_habits_unanswered(&habits, &a, false, start);
	assert_false(dht_habits_silent(&habits, &a, start));
	dht_habits_unanswered(&habits, &a, true, start);
	assert_true(dht_habits_silent(&habits, &a, start));
	assert_false(dht_habits_silent(&habits, &b, start));
	b = a;
	b.port++;
	assert_false(dht_habits_silent(&habits, &b, start));
	assert_true(dht_habits_silent(&habits, &a, start + 59 * SECOND));
	assert_false(dht_habits_silent(&habits, &a, start + 60 * SECOND));
	dht_habits_answered(&habits, &a, false, start + SECOND);
	assert_false(dht_habits_silent(&habits, &a, start + SECOND));
}

static void ignored_twice(void **state)
{
	(void)state;
	struct dht_endpoint a = host(1);
	ignore_get(&a, start);
	assert_false(dht_habits_no_get(&habits, &a, start + 2 * SECOND));
	/* Answering more is no more evidence: nothing was ignored since. */
	dht_habits_answered(&habits, &a, false, start + 2 * SECOND);
	assert_false(dht_habits_no_get(&habits, &a, start + 2 * SECOND));
	ignore_get(&a, start + 5 * SECOND);
	assert_true(dht_habits_no_get(&habits, &a, start + 6 * SECOND));
	assert_true(dht_habits_no_get(&habits, &a, start + 60 * MINUTE));
	assert_false(dht_habits_no_get(&habits, &a, start + 60 * MINUTE + 6 * SECOND));
	/* And then it takes two again. */
	ignore_get(&a, start + 61 * MINUTE);
	assert_false(dht_habits_no_get(&habits, &a, start + 61 * MINUTE + SECOND));
}

static void an_answered_get_clears_the_evidence(void **state)
{
	(void)state;
	struct dht_endpoint a = host(1);
	ignore_get(&a, start);
	dht_habits_answered(&habits, &a, true, start + 2 * SECOND);
	ignore_get(&a, start + 3 * SECOND);
	assert_false(dht_habits_no_get(&habits, &a, start + 4 * SECOND));
	dht_habits_refused_get(&habits, &a, start + 5 * SECOND);
	assert_true(dht_habits_no_get(&habits, &a, start + 5 * SECOND));
	dht_habits_answered(&habits, &a, true, start + 6 * SECOND);
	assert_false(dht_habits_no_get(&habits, &a, start + 6 * SECOND));
}

/* It was away while it was asked: that says nothing of what it knows. */
static void back_from_a_journey(void **state)
{
	(void)state;
	struct dht_endpoint a = host(1);
	for (unsigned i = 0; i < 4; i++) {
		dht_habits_unanswered(&habits, &a, true, start + i * MINUTE);
		dht_habits_answered(&habits, &a, false, start + i * MINUTE + 11 * SECOND);
	}
	assert_false(dht_habits_no_get(&habits, &a, start + 5 * MINUTE));
}

/* Any number of addresses; the last are known, and nothing is invented of others. */
static void bounded(void **state)
{
	(void)state;
	unsigned known = 0;
	for (unsigned i = 0; i < 10000; i++) {
		struct dht_endpoint a = host(i);
		dht_habits_refused_get(&habits, &a, start + i);
	}
	for (unsigned i = 0; i < 10000; i++) {
		struct dht_endpoint a = host(i);
		known += dht_habits_no_get(&habits, &a, start + 10000);
		assert_false(dht_habits_silent(&habits, &a, start + 10000));
	}
	assert_int_equal(known, DHT_HABIT_SETS * DHT_HABIT_PLACES);
	for (unsigned i = 9900; i < 10000; i++) {
		struct dht_endpoint a = host(i);
		assert_true(dht_habits_no_get(&habits, &a, start + 10000));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(silence),
		TEST(ignored_twice),
		TEST(an_answered_get_clears_the_evidence),
		TEST(back_from_a_journey),
		TEST(bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
