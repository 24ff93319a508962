/* Who was met under which id: an address is believed under its own, and the memory is bounded. */
#undef NDEBUG
#include "dht/known.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SECOND ((uint64_t)1000000)
#define LIFETIME (DHT_KNOWN_LIFETIME * SECOND)

static struct dht_contact contact(uint32_t address, uint8_t id)
{
	struct dht_contact c = {.endpoint = {.family = 4, .port = 4001}};
	memcpy(c.endpoint.ip, &address, 4);
	memset(c.id.b, id, DHT_ID_LEN);
	return c;
}

static void an_address_has_one_id(void **state)
{
	(void)state;
	struct dht_known k;
	struct dht_contact a = contact(1, 1), forged = contact(1, 2);
	struct dht_contact port = a, six = a;
	port.endpoint.port = 4002;
	six.endpoint.family = 6;
	dht_known_init(&k, 7);
	assert_int_equal(dht_known_look(&k, &a, 0), DHT_STRANGER);
	dht_known_met(&k, &a, SECOND);
	assert_int_equal(dht_known_look(&k, &a, SECOND), DHT_MET);
	assert_int_equal(dht_known_look(&k, &forged, SECOND), DHT_OTHERWISE);
	assert_int_equal(dht_known_look(&k, &port, SECOND), DHT_STRANGER);
	assert_int_equal(dht_known_look(&k, &six, SECOND), DHT_STRANGER);
	dht_known_finish(&k);
}

static void a_new_id_is_believed_after_a_while(void **state)
{
	(void)state;
	struct dht_known k;
	struct dht_contact a = contact(1, 1), b = contact(1, 2);
	dht_known_init(&k, 7);
	dht_known_met(&k, &a, SECOND);
	dht_known_met(&k, &b, 100 * SECOND);
	assert_int_equal(dht_known_look(&k, &a, 100 * SECOND), DHT_OTHERWISE);
	assert_int_equal(dht_known_look(&k, &b, 100 * SECOND), DHT_OTHERWISE);
	dht_known_met(&k, &b, 159 * SECOND); /* is no new beginning */
	assert_int_equal(dht_known_look(&k, &b, 159 * SECOND), DHT_OTHERWISE);
	assert_int_equal(dht_known_look(&k, &b, 160 * SECOND), DHT_MET);
	dht_known_finish(&k);
}

static void who_was_not_met_for_an_hour_is_a_stranger(void **state)
{
	(void)state;
	struct dht_known k;
	struct dht_contact a = contact(1, 1), b = contact(1, 2);
	dht_known_init(&k, 7);
	dht_known_met(&k, &a, 0);
	assert_int_equal(dht_known_look(&k, &b, LIFETIME - 1), DHT_OTHERWISE);
	assert_int_equal(dht_known_look(&k, &b, LIFETIME), DHT_STRANGER);
	dht_known_met(&k, &b, LIFETIME);
	assert_int_equal(dht_known_look(&k, &b, LIFETIME), DHT_MET);
	dht_known_finish(&k);
}

/* A hundred times as many addresses as there is room for: the last are known, most of them. */
static void the_memory_is_bounded(void **state)
{
	(void)state;
	struct dht_known k;
	const uint32_t many = 100 * DHT_KNOWN_MAX;
	unsigned met = 0;
	dht_known_init(&k, 7);
	for (uint32_t i = 0; i < many; i++) {
		struct dht_contact c = contact(i, (uint8_t)i);
		dht_known_met(&k, &c, i * SECOND / 100);
		assert_int_equal(dht_known_look(&k, &c, i * SECOND / 100), DHT_MET);
	}
	assert_int_equal(k.cap, DHT_KNOWN_MAX);
	for (uint32_t i = many - DHT_KNOWN_MAX / 2; i < many; i++) {
		struct dht_contact c = contact(i, (uint8_t)i);
		met += dht_known_look(&k, &c, many * SECOND / 100) == DHT_MET;
	}
	assert_true(met > DHT_KNOWN_MAX * 2 / 5);
	dht_known_finish(&k);
}

/* A node that has met few takes little room: a hundred thousand of them run in one process. */
static void it_grows_as_needed(void **state)
{
	(void)state;
	struct dht_known k;
	dht_known_init(&k, 7);
	for (uint32_t i = 0; i < 100; i++) {
		struct dht_contact c = contact(i, (uint8_t)i);
		dht_known_met(&k, &c, i);
	}
	assert_true(k.cap <= 256);
	unsigned met = 0;
	for (uint32_t i = 0; i < 100; i++) {
		struct dht_contact c = contact(i, (uint8_t)i);
		met += dht_known_look(&k, &c, 100) == DHT_MET;
	}
	assert_true(met >= 95);
	dht_known_finish(&k);
	dht_known_finish(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_one_id),
		cmocka_unit_test(a_new_id_is_believed_after_a_while),
		cmocka_unit_test(who_was_not_met_for_an_hour_is_a_stranger),
		cmocka_unit_test(the_memory_is_bounded),
		cmocka_unit_test(it_grows_as_needed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
