/* Announced peers: found, forgotten in time, bounded. */
#undef NDEBUG
#include "dht/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MINUTE ((uint64_t)60 * 1000000)

static struct dht_endpoint peer(unsigned number, uint8_t family)
{
	struct dht_endpoint e = {.family = family, .ip = {10}, .port = 6881};
	e.ip[2] = (uint8_t)(number >> 8);
	e.ip[3] = (uint8_t)number;
	return e;
}

static struct dht_id hash(unsigned number)
{
	struct dht_id id = {{0}};
	id.b[18] = (uint8_t)(number >> 8);
	id.b[19] = (uint8_t)number;
	return id;
}

static void found_by_family_and_hash(void **state)
{
	(void)state;
	struct dht_peers *p;
	struct dht_endpoint found[10], a = peer(1, 4), b = peer(2, 4), c = peer(3, 6);
	struct dht_id h = hash(1), other = hash(65); /* of the same chain */
	assert_int_equal(dht_peers_create(&p), 0);
	assert_int_equal(dht_peers_find(p, &h, 4, found, 10), 0);
	assert_int_equal(dht_peers_add(p, &h, &a, 1), 0);
	assert_int_equal(dht_peers_add(p, &h, &b, 2), 0);
	assert_int_equal(dht_peers_add(p, &h, &c, 3), 0);
	assert_int_equal(dht_peers_find(p, &h, 4, found, 10), 2);
	assert_true(dht_endpoint_equal(&found[0], &b));
	assert_int_equal(dht_peers_find(p, &h, 6, found, 10), 1);
	assert_int_equal(dht_peers_find(p, &h, 4, found, 1), 1);
	assert_int_equal(dht_peers_find(p, &other, 4, found, 10), 0);
	/* Again: no second entry, but the latest now. */
	assert_int_equal(dht_peers_add(p, &h, &a, 4), 0);
	assert_int_equal(dht_peers_find(p, &h, 4, found, 10), 2);
	assert_true(dht_endpoint_equal(&found[0], &a));
	dht_peers_destroy(p);
	dht_peers_destroy(NULL);
}

static void forgotten_after_half_an_hour(void **state)
{
	(void)state;
	struct dht_peers *p;
	struct dht_endpoint found[10], a = peer(1, 4), b = peer(2, 4);
	struct dht_id h = hash(1);
	assert_int_equal(dht_peers_create(&p), 0);
	dht_peers_add(p, &h, &a, 0);
	dht_peers_add(p, &h, &b, 10 * MINUTE);
	dht_peers_expire(p, 30 * MINUTE - 1);
	assert_int_equal(dht_peers_find(p, &h, 4, found, 10), 2);
	dht_peers_expire(p, 30 * MINUTE);
	assert_int_equal(dht_peers_find(p, &h, 4, found, 10), 1);
	assert_true(dht_endpoint_equal(&found[0], &b));
	dht_peers_expire(p, 40 * MINUTE);
	assert_int_equal(dht_peers_find(p, &h, 4, found, 10), 0);
	dht_peers_destroy(p);
}

static void bounded(void **state)
{
	(void)state;
	struct dht_peers *p;
	struct dht_endpoint found[2 * DHT_PEERS_EACH_MAX];
	struct dht_id h = hash(0);
	unsigned kept = 0;
	assert_int_equal(dht_peers_create(&p), 0);
	for (unsigned i = 0; i < 3 * DHT_PEERS_EACH_MAX; i++) {
		struct dht_endpoint e = peer(i, 4);
		assert_int_equal(dht_peers_add(p, &h, &e, i), 0);
	}
	assert_int_equal(
		dht_peers_find(p, &h, 4, found, 2 * DHT_PEERS_EACH_MAX), DHT_PEERS_EACH_MAX);
	for (unsigned i = 1; i <= DHT_PEERS_HASHES_MAX; i++) {
		struct dht_endpoint e = peer(i, 4);
		h = hash(i);
		assert_int_equal(dht_peers_add(p, &h, &e, 1000 + i), 0);
	}
	for (unsigned i = 0; i <= DHT_PEERS_HASHES_MAX; i++) {
		h = hash(i);
		kept += dht_peers_find(p, &h, 4, found, 1);
	}
	assert_int_equal(kept, DHT_PEERS_HASHES_MAX);
	h = hash(0); /* the oldest made room */
	assert_int_equal(dht_peers_find(p, &h, 4, found, 1), 0);
	dht_peers_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_by_family_and_hash),
		cmocka_unit_test(forgotten_after_half_an_hour),
		cmocka_unit_test(bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
