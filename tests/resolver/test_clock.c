/* Clocks that are set while we run. */
#undef NDEBUG
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "resolver/clock.h"

#define DAY (86400 * (int64_t)SECOND)
#define YEAR (365 * DAY)
#define RIGHT (INT64_C(1795000000) * (int64_t)SECOND) /* 2026 */

static int64_t wall;
static uint64_t up;

int clock_gettime(clockid_t id, struct timespec *ret_time)
{
	int64_t now = id == CLOCK_REALTIME ? wall : (int64_t)up;
	ret_time->tv_sec = now / (int64_t)SECOND;
	ret_time->tv_nsec = now % (int64_t)SECOND * 1000;
	return 0;
}

static void start_at(int64_t at)
{
	wall = at;
	up = 1000 * SECOND;
	clock_start();
}

static void pass(int64_t time)
{
	wall += time;
	up += (uint64_t)time;
}

static void one_that_nobody_sets(void **state)
{
	(void)state;
	start_at(RIGHT);
	pass(YEAR);
	assert_false(clock_is_ahead());
	assert_int_equal(clock_signing(), RIGHT + YEAR);
	assert_int_equal(clock_latest(), RIGHT + YEAR);
}

/* As ntpd does it. */
static void a_small_step_is_followed(void **state)
{
	(void)state;
	start_at(RIGHT);
	wall += DAY;
	assert_false(clock_is_ahead());
	assert_int_equal(clock_signing(), RIGHT + DAY);
	wall -= 2 * DAY;
	assert_int_equal(clock_signing(), RIGHT - DAY);
}

static void years_ahead_are_not_signed(void **state)
{
	(void)state;
	start_at(RIGHT);
	wall += 10 * YEAR;
	pass(5);
	assert_true(clock_is_ahead());
	assert_int_equal(clock_signing(), RIGHT + 5);
	assert_int_equal(clock_latest(), RIGHT + 10 * YEAR + 5);
	wall -= 10 * YEAR;
	assert_false(clock_is_ahead());
	assert_int_equal(clock_signing(), RIGHT + 5);
}

/* A machine without a clock of its own, that asks for the time a moment later. */
static void who_began_in_1970_is_set_right(void **state)
{
	(void)state;
	start_at(5);
	pass(SECOND);
	wall += RIGHT;
	assert_false(clock_is_ahead());
	assert_int_equal(clock_signing(), RIGHT + 5 + (int64_t)SECOND);
}

static void back_to_a_time_before_kadns(void **state)
{
	(void)state;
	start_at(RIGHT);
	wall -= 10 * YEAR;
	/* What others sign is believed as before; what is signed here bears the wall's time. */
	assert_int_equal(clock_latest(), RIGHT);
	assert_int_equal(clock_signing(), RIGHT - 10 * YEAR);
	assert_false(clock_was_wrong(RIGHT)); /* this one is */
}

static void what_was_signed_by_a_wrong_clock(void **state)
{
	(void)state;
	start_at(RIGHT + 10 * YEAR);
	assert_false(clock_was_wrong(clock_signing()));
	int64_t last = clock_signing();
	wall -= 10 * YEAR;
	assert_true(clock_was_wrong(last));
	assert_int_equal(clock_latest(), RIGHT);
	assert_false(clock_was_wrong(RIGHT + DAY));
	assert_true(clock_was_wrong(RIGHT + DAY + 1));
	assert_false(clock_was_wrong(INT64_MIN + DAY));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_nobody_sets),
		cmocka_unit_test(a_small_step_is_followed),
		cmocka_unit_test(years_ahead_are_not_signed),
		cmocka_unit_test(who_began_in_1970_is_set_right),
		cmocka_unit_test(back_to_a_time_before_kadns),
		cmocka_unit_test(what_was_signed_by_a_wrong_clock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
