/* resolver/pkarr_packet: the vectors that others made (facts: pkarr, 1.6), and what is refused. */
#undef NDEBUG
#include "resolver/pkarr_packet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* RFC 8032, test 1. */
#define SEED "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define PUBLIC "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define TIME "00060a24181e4000"
#define SEQ 1700000000000000
#define OWNER                                                                                      \
	"343437706a6f79636e7372666d78696b6d39356a6831337938386538716e687a75356b756e676a7078796570" \
	"67743761386b727079"
static const struct {
	const char *name, *sig, *dns;
} vectors[] = {
	{"D1",
		"de3ece2adf0b8877fb6b1b7dc819dd865a1d06e5dd371a49e1bc6144854a6070332f3aeb738200bd"
		"545d137606cc35266bcdf78d3c05f16aaee8b80275b9940b",
		"00008000000000010000000003666f6f" OWNER "00000100010000012c0004c0000201"},
	{"D2",
		"b80940ac062dc550246c60d71aae8911b8a02ff8706ba054f0234151d82127ce50e4a406adefb5c3"
		"c1a3d84854e428c3df3246cc9609ac78771bf05e42f67409",
		"000080000000000100000000" OWNER "00000100010000012c0004c0000201"},
	{"D3",
		"285e7e24a1c24e74bc4d614fd84b6702b4c32c5130e5582f87bd7385151f8f08756b57db618351ef"
		"d7dfbb9905e703d41fd68ec353bad4e719fe9e7d1b757407",
		"000080000000000000000000"},
	{"D4",
		"5d5284ada244fc58456e02c2f84001139f47ea02552886a0c4667258590e0c79df6e288a32cc1afd"
		"a49f870cca13ca67bcc81ca70e48e5f0edb8b9f418f4c40e",
		"00008000000000020000000003666f6f" OWNER
		"00000100010000012c0004c0000201025f74c010001000010000001e00060568656c6c6f"},
};
#define VECTORS (sizeof(vectors) / sizeof(*vectors))

static size_t unhex(const char *hex, uint8_t *ret_bytes)
{
	size_t n = strlen(hex) / 2;
	for (size_t i = 0; i < n; i++) {
		unsigned byte;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		ret_bytes[i] = (uint8_t)byte;
	}
	return n;
}

static size_t vector(size_t i, uint8_t ret_key[32], uint8_t ret_payload[PKARR_PAYLOAD_MAX])
{
	size_t n;
	unhex(PUBLIC, ret_key);
	n = unhex(vectors[i].sig, ret_payload);
	n += unhex(TIME, ret_payload + n);
	return n + unhex(vectors[i].dns, ret_payload + n);
}

/* A payload of the key of the vectors: whatever is said, it is signed well. */
static size_t signed_payload(
	const void *dns, size_t len, int64_t seq, uint8_t ret_payload[PKARR_PAYLOAD_MAX])
{
	struct dht_item item = {.is_mutable = true, .seq = seq};
	uint8_t seed[32];
	unhex(SEED, seed);
	assert_int_equal(dht_item_set_string(&item, dns, len), 0);
	assert_int_equal(dht_item_sign(&item, seed), 0);
	return pkarr_write(&item, ret_payload);
}

static void the_vectors_are_read_and_written(void **state)
{
	uint8_t key[32], payload[PKARR_PAYLOAD_MAX], again[PKARR_PAYLOAD_MAX];
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		struct dht_item item;
		uint32_t age = 0;
		size_t len = vector(i, key, payload);
		print_message("%s\n", vectors[i].name);
		assert_int_equal(pkarr_read(key, payload, len, &item), 0);
		assert_true(item.is_mutable && item.salt_len == 0 && item.seq == SEQ);
		assert_int_equal(pkarr_write(&item, again), len);
		assert_memory_equal(again, payload, len);
		assert_int_equal(pkarr_max_age(&item, &age), 0);
		assert_int_equal(age, PKARR_AGE_MIN); /* 300, none, 30 */
	}
}

static void no_bit_can_be_changed(void **state)
{
	uint8_t key[32], payload[PKARR_PAYLOAD_MAX];
	struct dht_item item;
	size_t len = vector(0, key, payload);
	(void)state;
	for (size_t i = 0; i < len; i++) {
		payload[i] ^= 1;
		assert_int_equal(pkarr_read(key, payload, len, &item), -EBADMSG);
		payload[i] ^= 1;
	}
	for (size_t n = PKARR_HEAD + 12; n < len; n++)
		assert_int_equal(pkarr_read(key, payload, n, &item), -EBADMSG);
	for (size_t n = 0; n < PKARR_HEAD + 12; n++)
		assert_int_equal(pkarr_read(key, payload, n, &item), -EINVAL);
	key[0] ^= 1;
	assert_int_equal(pkarr_read(key, payload, len, &item), -EBADMSG);
}

static void what_does_not_fit_is_refused(void **state)
{
	uint8_t key[32], payload[PKARR_PAYLOAD_MAX + 1] = {0};
	struct dht_item item;
	size_t len;
	(void)state;
	unhex(PUBLIC, key);
	assert_int_equal(pkarr_read(key, payload, PKARR_PAYLOAD_MAX + 1, &item), -EFBIG);
	assert_int_equal(pkarr_read(key, payload, PKARR_HEAD + 997, &item), -EFBIG);
	assert_int_equal(pkarr_read(key, payload, PKARR_HEAD + 996, &item), -EBADMSG);
	len = vector(0, key, payload);
	payload[DHT_SIG_LEN] = 0x80; /* before 1970, or after the year 292277 */
	assert_int_equal(pkarr_read(key, payload, len, &item), -EINVAL);
}

static void what_is_signed_is_dns(void **state)
{
	static const char *const bad[] = {
		"000080000000000100000000",		  /* a record that is not there */
		"00008000000000010000000000000100010000", /* half of one */
		"48656c6c6f20576f726c6421",		  /* Hello World! */
	};
	uint8_t key[32], dns[64], payload[PKARR_PAYLOAD_MAX];
	struct dht_item item;
	(void)state;
	unhex(PUBLIC, key);
	/* Without QR, as npm's dns-packet writes where nobody says `response`; pkarr's own relays take it. */
	size_t empty = signed_payload(dns, unhex("000000000000000000000000", dns), SEQ, payload);
	assert_int_equal(pkarr_read(key, payload, empty, &item), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		size_t len = signed_payload(dns, unhex(bad[i], dns), SEQ, payload);
		print_message("%s\n", bad[i]);
		assert_int_equal(pkarr_read(key, payload, len, &item), -EPROTO);
	}
}

static void the_age_is_the_least_ttl(void **state)
{
	/* Two records at the key itself, of 2000 and of `ttl`. */
	static const char form[] = "000080000000000200000000" OWNER
				   "0000010001000007d00004c0000201c00c0010000100000e1000020161";
	const uint32_t ttls[][2] = {{0, 300}, {299, 300}, {301, 301}, {1999, 1999}, {2001, 2000}};
	uint8_t dns[200], payload[PKARR_PAYLOAD_MAX], key[32];
	struct dht_item item;
	uint32_t age;
	(void)state;
	unhex(PUBLIC, key);
	size_t len = unhex(form, dns);
	for (size_t i = 0; i < sizeof(ttls) / sizeof(*ttls); i++) {
		for (int k = 0; k < 4; k++)
			dns[len - 8 + (size_t)k] = (uint8_t)(ttls[i][0] >> (24 - 8 * k));
		size_t n = signed_payload(dns, len, SEQ, payload);
		assert_int_equal(pkarr_read(key, payload, n, &item), 0);
		assert_int_equal(pkarr_max_age(&item, &age), 0);
		assert_int_equal(age, ttls[i][1]);
	}
	/* One record, of ten days. */
	len = unhex("000080000000000100000000" OWNER "0000010001000d2f000004c0000201", dns);
	size_t n = signed_payload(dns, len, SEQ, payload);
	assert_int_equal(pkarr_read(key, payload, n, &item), 0);
	assert_int_equal(pkarr_max_age(&item, &age), 0);
	assert_int_equal(age, PKARR_AGE_MAX);
}

static void the_later_is_newer_and_then_the_larger(void **state)
{
	uint8_t key[32], payload[PKARR_PAYLOAD_MAX];
	struct dht_item d1, d3, odd;
	(void)state;
	assert_int_equal(pkarr_read(key, payload, vector(0, key, payload), &d1), 0);
	assert_int_equal(pkarr_read(key, payload, vector(2, key, payload), &d3), 0);
	assert_true(pkarr_compare(&d1, &d3) > 0 && pkarr_compare(&d3, &d1) < 0);
	assert_int_equal(pkarr_compare(&d1, &d1), 0);
	d3.seq++;
	assert_true(pkarr_compare(&d3, &d1) > 0);
	odd = d1;
	odd.value_len = 3;
	memcpy(odd.value, "i1e", 3);
	assert_true(pkarr_compare(&odd, &d1) * pkarr_compare(&d1, &odd) < 0);
	assert_int_equal(pkarr_write(&odd, payload), 0);
	uint32_t age;
	assert_int_equal(pkarr_max_age(&odd, &age), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_are_read_and_written),
		cmocka_unit_test(no_bit_can_be_changed),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(what_is_signed_is_dns),
		cmocka_unit_test(the_age_is_the_least_ttl),
		cmocka_unit_test(the_later_is_newer_and_then_the_larger),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
