/* Are we reached by strangers? When that is decided, what ends it, and where it never begins. */
#undef NDEBUG
#include "dht/reach.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MINUTE ((uint64_t)60 * 1000000)

static struct dht_reach r;
static uint64_t now;

static int setup(void **state)
{
	(void)state;
	now = 1000 * MINUTE;
	assert_int_equal(dht_reach_init(&r, 42, now), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dht_reach_finish(&r);
	return 0;
}

static struct dht_endpoint node(unsigned number)
{
	struct dht_endpoint e = {.family = 4, .ip = {45}, .port = 6881};
	e.ip[1] = (uint8_t)(number >> 16);
	e.ip[2] = (uint8_t)(number >> 8);
	e.ip[3] = (uint8_t)number;
	return e;
}

static void write_to(unsigned from, unsigned n, bool answered)
{
	for (unsigned i = from; i < from + n; i++) {
		struct dht_endpoint e = node(i);
		dht_reach_wrote(&r, &e);
		if (answered)
			dht_reach_answered(&r);
	}
}

static bool after(uint64_t minutes)
{
	uint64_t due;
	now += minutes * MINUTE;
	dht_reach_run(&r, now, &due);
	assert_true(due > now);
	return r.read_only;
}

static void asked_by(unsigned number, uint16_t port)
{
	struct dht_endpoint e = node(number);
	e.port = port;
	dht_reach_asked(&r, &e);
}

static void nobody_ever_asks(void **state)
{
	(void)state;
	write_to(0, 300, true);
	assert_false(after(14));
	/* Answers, also from another port, come through a NAT. */
	asked_by(7, 6881);
	asked_by(8, 1);
	assert_true(after(1));
	/* Tried again after an hour, with the same end. */
	assert_true(after(59));
	assert_false(after(1));
	write_to(1000, 300, true);
	assert_false(after(14));
	assert_true(after(1));
}

static void a_stranger_ends_it_at_once(void **state)
{
	(void)state;
	write_to(0, 300, true);
	assert_true(after(15));
	asked_by(999, 6881);
	assert_false(r.read_only);
	/* And for good, until we are somewhere else. */
	write_to(1000, 300, true);
	assert_false(after(600));
	write_to(2000, 300, true);
	assert_false(after(15));
	dht_reach_moved(&r, now);
	write_to(3000, 300, true);
	assert_false(after(14));
	assert_true(after(1));
	dht_reach_moved(&r, now);
	assert_false(r.read_only);
}

static void one_stranger_before_is_enough(void **state)
{
	(void)state;
	asked_by(999, 6881);
	write_to(0, 300, true);
	assert_false(after(15));
	assert_false(after(600));
}

/* A small network, where all know all; a cable that is out. */
static void silence_that_tells_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		write_to(0, 250, true);
		assert_false(after(1));
	}
	dht_reach_finish(&r);
	setup(state);
	write_to(0, 3000, false);
	assert_false(after(15));
	assert_false(after(600));
}

/* Whom we wrote to half an hour ago does not come through a NAT any more. */
static void writing_is_forgotten(void **state)
{
	(void)state;
	write_to(5, 1, true);
	after(15);
	asked_by(5, 6881);
	assert_false(r.reached);
	after(15);
	asked_by(5, 6881);
	assert_true(r.reached);
	dht_reach_finish(&r);
	setup(state);
	write_to(5, 1, true);
	after(3000); /* asleep */
	asked_by(5, 6881);
	assert_true(r.reached);
}

/* Nodes on one machine share its address. */
static void local_nodes_are_told_apart_by_port(void **state)
{
	(void)state;
	struct dht_endpoint e = {.family = 4, .ip = {127, 0, 0, 1}, .port = 1};
	dht_reach_wrote(&r, &e);
	dht_reach_asked(&r, &e);
	assert_false(r.reached);
	e.port = 2;
	dht_reach_asked(&r, &e);
	assert_true(r.reached);
}

static void not_watched(void **state)
{
	(void)state;
	uint64_t due;
	dht_reach_finish(&r);
	memset(&r, 0, sizeof(r));
	write_to(0, 3000, true);
	asked_by(1, 1);
	dht_reach_moved(&r, now);
	dht_reach_run(&r, now + 600 * MINUTE, &due);
	assert_false(r.read_only);
	assert_int_equal(due, UINT64_MAX);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobody_ever_asks),
		TEST(a_stranger_ends_it_at_once),
		TEST(one_stranger_before_is_enough),
		TEST(silence_that_tells_nothing),
		TEST(writing_is_forgotten),
		TEST(local_nodes_are_told_apart_by_port),
		TEST(not_watched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
