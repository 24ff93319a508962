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
static const uint8_t first_key[DHT_SIPHASH_KEY_LEN] = "a key";
static const uint64_t start = 1000 * SECOND;

static int setup(void **state)
{
	(void)state;
	dht_habits_init(&habits, first_key);
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
	/* Of the last hundred all but those whose set had more than its four places' worth since.
	 */
	known = 0;
	for (unsigned i = 9900; i < 10000; i++) {
		struct dht_endpoint a = host(i);
		known += dht_habits_no_get(&habits, &a, start + 10000);
	}
	assert_true(known >= 95);
}

/* Does the last of so many addresses drive out the first? */
static bool is_driven_out(const uint8_t key[DHT_SIPHASH_KEY_LEN], const unsigned hosts[5])
{
	struct dht_endpoint first = host(hosts[0]);
	dht_habits_finish(&habits);
	dht_habits_init(&habits, key);
	for (unsigned i = 0; i < 5; i++) {
		struct dht_endpoint a = host(hosts[i]);
		dht_habits_refused_get(&habits, &a, start + i);
	}
	return !dht_habits_no_get(&habits, &first, start + 10);
}

/* Addresses that share a set where one knows the key do not share it elsewhere: who names them to
 * us does not choose what we forget. */
static void nobody_chooses_what_is_forgotten(void **state)
{
	(void)state;
	static const uint8_t other_key[DHT_SIPHASH_KEY_LEN] = "another key";
	unsigned set[5] = {1}, len = 1;
	/* Who comes second to a set has its second place. */
	for (unsigned n = 2; len < 5 && n < 100000; n++) {
		struct dht_endpoint a = host(1), b = host(n);
		dht_habits_finish(&habits);
		dht_habits_init(&habits, first_key);
		dht_habits_refused_get(&habits, &a, start);
		size_t at = 0;
		while (!habits.places[at].last)
			at++;
		dht_habits_refused_get(&habits, &b, start + 1);
		if (dht_endpoint_equal(
			    &habits.places[at / DHT_HABIT_PLACES * DHT_HABIT_PLACES + 1].at, &b))
			set[len++] = n;
	}
	assert_int_equal(len, 5);
	assert_true(is_driven_out(first_key, set));
	assert_false(is_driven_out(other_key, set));
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
		TEST(nobody_chooses_what_is_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
