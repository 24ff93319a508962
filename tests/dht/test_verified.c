/* The set of items whose signatures have been checked. */
#undef NDEBUG
#include "dht/verified.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const uint8_t key[DHT_VERIFIED_KEY_LEN] = "a key of sixteen";

static struct dht_item item_of(uint32_t n)
{
	struct dht_item item = {.is_mutable = true, .seq = n, .salt_len = 4, .value_len = 5};
	memcpy(item.salt, "salt", 4);
	memcpy(item.value, "3:abc", 5);
	memcpy(item.key, &n, sizeof(n));
	return item;
}

/* Every byte of it counts, and nothing beyond its lengths. */
static void knows_what_was_added(void **state)
{
	(void)state;
	struct dht_verified v;
	struct dht_item item = item_of(1), other;
	dht_verified_init(&v, key);
	assert_false(dht_verified_has(&v, &item));
	dht_verified_add(&v, &item);
	assert_true(dht_verified_has(&v, &item));
	uint8_t *const byte[] = {&other.key[31], &other.sig[63], &other.salt[3], &other.value[4],
		(uint8_t *)&other.seq, &other.salt_len, (uint8_t *)&other.value_len};
	for (size_t i = 0; i < sizeof(byte) / sizeof(*byte); i++) {
		other = item;
		*byte[i] ^= 1;
		assert_false(dht_verified_has(&v, &other));
	}
	other = item;
	other.salt[4] = other.value[5] = 1;
	assert_true(dht_verified_has(&v, &other));
	/* Lengths that a damaged row may have are no reason to read beyond it. */
	other.salt_len = DHT_SALT_MAX + 1;
	dht_verified_add(&v, &other);
	assert_false(dht_verified_has(&v, &other));
	other = item;
	other.value_len = UINT16_MAX;
	dht_verified_add(&v, &other);
	assert_false(dht_verified_has(&v, &other));
	dht_verified_finish(&v);
}

static void holds_a_full_store(void **state)
{
	(void)state;
	struct dht_verified v;
	unsigned known = 0;
	dht_verified_init(&v, key);
	assert_int_equal(v.cap, 0); /* a node that keeps nothing spends nothing */
	for (uint32_t n = 0; n < 20000; n++) {
		struct dht_item item = item_of(n);
		dht_verified_add(&v, &item);
		dht_verified_add(&v, &item);
	}
	for (uint32_t n = 0; n < 20000; n++) {
		struct dht_item item = item_of(n);
		known += dht_verified_has(&v, &item);
	}
	assert_true(known > 19000);
	for (uint32_t n = 20000; n < 200000; n++) {
		struct dht_item item = item_of(n);
		assert_false(dht_verified_has(&v, &item));
		dht_verified_add(&v, &item);
		assert_true(dht_verified_has(&v, &item));
	}
	assert_int_equal(v.cap, DHT_VERIFIED_MAX);
	dht_verified_finish(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_what_was_added),
		cmocka_unit_test(holds_a_full_store),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
