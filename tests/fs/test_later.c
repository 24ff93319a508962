/* Waiting for a turn of the loop, and for time. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>

#include "fs/later.h"
#include "resolver/clock.h"
#include "tests/leap.h"

static struct event_base *base;
static struct later_list *list;
static unsigned order;

struct waiter {
	unsigned ended, when; /* how often; as which of all */
	int error;
	struct later *later;
};

static int setup(void **state)
{
	(void)state;
	order = 0;
	base = event_base_new();
	return later_create(base, &list);
}

static int teardown(void **state)
{
	(void)state;
	later_destroy(list);
	event_base_free(base);
	return 0;
}

static void on_end(void *ctx, int error)
{
	struct waiter *w = ctx;
	w->ended++;
	w->when = ++order;
	w->error = error;
}

static void wait_for(struct waiter *w, uint64_t delay)
{
	*w = (struct waiter){0};
	assert_int_equal(later_add(list, delay, on_end, w, &w->later), 0);
	assert_int_equal(w->ended, 0);
}

/* One a turn, in their order, however many there are. */
static void test_turns(void **state)
{
	(void)state;
	struct waiter w[20];
	for (unsigned i = 0; i < 20; i++)
		wait_for(&w[i], 0);
	for (unsigned i = 0; i < 20; i++) {
		event_base_loop(base, EVLOOP_ONCE);
		assert_int_equal(order, i + 1);
		assert_int_equal(w[i].when, i + 1);
		assert_int_equal(w[i].error, 0);
	}
	wait_for(&w[0], 0);
	event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(w[0].ended, 1);
}

static void again(void *ctx, int error)
{
	struct waiter *w = ctx;
	on_end(w, error);
	if (w->ended < 3)
		assert_int_equal(later_add(list, 0, again, w, &w->later), 0);
}

/* Who has more to do stands at the end of the line. */
static void test_in_turns(void **state)
{
	(void)state;
	struct waiter busy = {0}, w[2];
	assert_int_equal(later_add(list, 0, again, &busy, &busy.later), 0);
	wait_for(&w[0], 0);
	wait_for(&w[1], 0);
	event_base_dispatch(base);
	assert_int_equal(w[0].when, 2);
	assert_int_equal(w[1].when, 3);
	assert_int_equal(busy.ended, 3);
}

static void test_time(void **state)
{
	(void)state;
	struct waiter late, soon, never;
	uint64_t begin = clock_monotonic();
	wait_for(&late, 100 * SECOND);
	wait_for(&soon, 2 * SECOND);
	wait_for(&never, 50 * SECOND);
	later_end(never.later, -EINTR);
	assert_int_equal(never.error, -EINTR);
	event_base_dispatch(base);
	assert_int_equal(soon.when, 2);
	assert_int_equal(late.when, 3);
	assert_int_equal(never.ended, 1);
	assert_in_range(clock_monotonic() - begin, 99 * SECOND, 103 * SECOND);
}

/* When the mount goes, all end. */
static void test_end(void **state)
{
	(void)state;
	struct waiter w[3];
	wait_for(&w[0], 0);
	wait_for(&w[1], 5 * SECOND);
	wait_for(&w[2], 0);
	later_destroy(list);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(w[i].ended, 1);
		assert_int_equal(w[i].error, -ECONNABORTED);
	}
	assert_int_equal(later_create(base, &list), 0);
	later_destroy(NULL);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_turns),
		CASE(test_in_turns),
		CASE(test_time),
		CASE(test_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
