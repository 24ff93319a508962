/* Questions that are asked of a relay again while they are under way. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/relay_again.h"
#include "tests/leap.h"

static struct relay_again *again;
static struct relay_asker others[RELAY_ASKERS_MAX - 1];

struct asked {
	size_t len;
	uint8_t bytes[32];
};

/* A question for A of a name of one letter, with CD=1 or not. */
static struct asked question(char letter, bool checking_off)
{
	struct asked q = {.len = 19};

	q.bytes[2] = 1;
	q.bytes[3] = checking_off ? 0x10 : 0;
	q.bytes[5] = 1;
	memcpy(q.bytes + 12, (const uint8_t[]){1, (uint8_t)letter, 0, 0, 1, 0, 1}, 7);
	return q;
}

static struct relay_asker asker(uint16_t n)
{
	struct relay_asker a = {.id = n};

	a.from.sin_port = n;
	return a;
}

static bool ask(char letter, bool checking_off, uint16_t n)
{
	struct asked q = question(letter, checking_off);
	struct relay_asker a = asker(n);

	return relay_again_ask(again, q.bytes, q.len, &a);
}

static size_t end(char letter, uint16_t n)
{
	struct asked q = question(letter, false);
	struct relay_asker a = asker(n);

	memset(others, 0, sizeof(others));
	return relay_again_end(again, q.bytes, q.len, &a, others);
}

static int setup(void **state)
{
	(void)state;
	again = relay_again_create(1);
	return again ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	relay_again_destroy(again);
	return 0;
}

static void who_asks_again_is_answered_too(void **state)
{
	(void)state;
	assert_false(ask('a', false, 1));
	assert_true(ask('a', false, 2));
	assert_true(ask('A', false, 3)); /* however it is spelled */
	assert_int_equal(end('a', 1), 2);
	assert_int_equal(others[0].id, 2);
	assert_int_equal(others[1].id, 3);
	assert_int_equal(end('a', 1), 0);
	assert_false(ask('a', false, 4)); /* it is over */
	assert_int_equal(end('a', 4), 0);
}

static void not_all_are_the_same(void **state)
{
	(void)state;
	assert_false(ask('a', false, 1));
	assert_false(ask('b', false, 2));
	assert_false(ask('a', true, 3)); /* CD=1 wants what is bogus, too */
	assert_true(ask('a', false, 4));
	assert_true(ask('a', true, 5));
	assert_int_equal(end('a', 3), 1);
	assert_int_equal(others[0].id, 5);
	assert_int_equal(end('a', 7), 0); /* nobody's */
	assert_int_equal(end('b', 2), 0);
	assert_int_equal(end('a', 1), 1);
	assert_int_equal(others[0].id, 4);
}

static void there_is_room_for_a_few(void **state)
{
	(void)state;
	assert_false(ask('a', false, 1));
	for (uint16_t n = 2; n < 20; n++)
		assert_true(ask('a', false, n));
	assert_int_equal(end('a', 1), RELAY_ASKERS_MAX - 1);
	assert_int_equal(others[0].id, 2);
	assert_int_equal(others[RELAY_ASKERS_MAX - 2].id, 19);
}

static void what_was_lost_is_asked_anew(void **state)
{
	(void)state;
	assert_false(ask('a', false, 1));
	passed += 5 * LEAP_SECOND;
	assert_true(ask('a', false, 2));
	passed += 2 * LEAP_SECOND;
	assert_false(ask('a', false, 3));
	assert_int_equal(end('a', 1), 0);
	assert_int_equal(end('a', 3), 0);
}

/* However many are under way: none is answered to another. */
static void those_that_meet_stay_apart(void **state)
{
	size_t told = 0;

	(void)state;
	for (uint16_t n = 0; n < 128; n++)
		assert_false(ask((char)(128 + n), false, n));
	for (uint16_t n = 0; n < 128; n++)
		ask((char)(128 + n), false, (uint16_t)(1000 + n));
	for (uint16_t n = 0; n < 128; n++) {
		size_t len = end((char)(128 + n), n);

		assert_true(len == 0 || (len == 1 && others[0].id == 1000 + n));
		told += len;
	}
	assert_in_range(told, 64, 128);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_asks_again_is_answered_too, setup, teardown),
		cmocka_unit_test_setup_teardown(not_all_are_the_same, setup, teardown),
		cmocka_unit_test_setup_teardown(there_is_room_for_a_few, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_lost_is_asked_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(those_that_meet_stay_apart, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
