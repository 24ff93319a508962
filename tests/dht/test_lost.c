/* Addresses that fell silent: bounded, each once, asked in turn. */
#undef NDEBUG
#include "dht/lost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct dht_endpoint at(unsigned number)
{
	struct dht_endpoint e = {.family = 4, .ip = {10}, .port = 4001};
	e.ip[2] = (uint8_t)(number >> 8);
	e.ip[3] = (uint8_t)number;
	return e;
}

/* How often that one is asked in a round. */
static unsigned times_asked(struct dht_lost *lost, unsigned number)
{
	struct dht_endpoint e = at(number);
	unsigned times = 0;
	for (size_t i = 0; i < lost->len; i++)
		times += dht_endpoint_equal(dht_lost_next(lost), &e);
	return times;
}

static void asked_in_turn(void **state)
{
	(void)state;
	struct dht_lost lost = {0};
	struct dht_endpoint e = at(1);
	assert_null(dht_lost_next(&lost));
	assert_false(dht_lost_remove(&lost, &e));
	for (unsigned i = 0; i < 20; i++) {
		e = at(i % 10);
		dht_lost_add(&lost, &e);
	}
	assert_int_equal(lost.len, 10);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(times_asked(&lost, i), 1);
	e = at(3);
	assert_true(dht_lost_remove(&lost, &e));
	assert_false(dht_lost_remove(&lost, &e));
	assert_int_equal(times_asked(&lost, 3), 0);
	assert_int_equal(times_asked(&lost, 9), 1);
	for (unsigned i = 0; i < 10; i++) {
		e = at(i);
		dht_lost_remove(&lost, &e);
	}
	assert_null(dht_lost_next(&lost));
	dht_lost_finish(&lost);
}

static void the_latest_are_kept(void **state)
{
	(void)state;
	struct dht_lost lost = {0};
	for (unsigned i = 0; i < 1000; i++) {
		struct dht_endpoint e = at(i);
		dht_lost_add(&lost, &e);
	}
	assert_int_equal(lost.len, DHT_LOST_MAX);
	assert_int_equal(times_asked(&lost, 999 - DHT_LOST_MAX), 0);
	for (unsigned i = 1000 - DHT_LOST_MAX; i < 1000; i++)
		assert_int_equal(times_asked(&lost, i), 1);
	dht_lost_finish(&lost);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked_in_turn),
		cmocka_unit_test(the_latest_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
