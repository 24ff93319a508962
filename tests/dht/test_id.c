/* dht/id: distance, BEP 42, compact and textual endpoints. */
#undef NDEBUG
#include "dht/id.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static struct dht_endpoint endpoint(const char *text)
{
	struct dht_endpoint e;
	assert_int_equal(dht_endpoint_from_text(text, &e), 0);
	return e;
}

static struct dht_id id_of(uint8_t first, uint8_t last)
{
	struct dht_id id = {{0}};
	id.b[0] = first;
	id.b[DHT_ID_LEN - 1] = last;
	return id;
}

static void distance(void **state)
{
	(void)state;
	struct dht_id zero = id_of(0, 0), one = id_of(0, 1), two = id_of(0, 2),
		      high = id_of(0x80, 0);
	assert_true(dht_id_nearer(&zero, &one, &two) < 0);
	assert_true(dht_id_nearer(&zero, &two, &one) > 0);
	assert_true(dht_id_nearer(&two, &zero, &one) < 0); /* XOR 2 against 3 */
	assert_true(dht_id_nearer(&high, &one, &high) > 0);
	assert_true(dht_id_nearer(&high, &zero, &one) < 0);
	assert_int_equal(dht_id_nearer(&high, &one, &one), 0);
	assert_true(dht_id_equal(&one, &one));
	assert_false(dht_id_equal(&one, &two));
}

static void shared_bits(void **state)
{
	(void)state;
	struct dht_id zero = id_of(0, 0);
	for (unsigned bit = 0; bit < 160; bit++) {
		struct dht_id other = {{0}};
		other.b[bit / 8] = (uint8_t)(0x80 >> bit % 8);
		assert_int_equal(dht_id_shared_bits(&zero, &other), bit);
		assert_int_equal(dht_id_shared_bits(&other, &zero), bit);
		other.b[19] |= 1; /* what comes after the first difference does not matter */
		assert_int_equal(dht_id_shared_bits(&zero, &other), bit);
	}
	assert_int_equal(dht_id_shared_bits(&zero, &zero), 160);
}

static void networks_of_addresses(void **state)
{
	(void)state;
	struct dht_endpoint four = endpoint("192.0.2.7:1"), near4 = endpoint("192.0.3.7:2"),
			    six = endpoint("[2001:db8::7]:1"),
			    near6 = endpoint("[2001:db8:1::7]:2");
	uint8_t prefix[DHT_PREFIX_MAX];
	assert_int_equal(dht_endpoint_prefix(&four, 3, 8, prefix), 4);
	assert_memory_equal(prefix, "\4\300\0\2", 4);
	assert_int_equal(dht_endpoint_prefix(&six, 3, 8, prefix), 9);
	assert_memory_equal(prefix, "\6\x20\x01\x0d\xb8\0\0\0\0", 9);
	assert_int_equal(dht_endpoint_prefix(&six, 4, 16, prefix), DHT_PREFIX_MAX);
	assert_true(dht_endpoint_same_prefix(&four, &near4, 2, 8));
	assert_false(dht_endpoint_same_prefix(&four, &near4, 3, 8));
	assert_true(dht_endpoint_same_prefix(&six, &near6, 3, 5));
	assert_false(dht_endpoint_same_prefix(&six, &near6, 3, 6));
	near6.family = 4; /* the same bytes of another family */
	assert_false(dht_endpoint_same_prefix(&six, &near6, 3, 5));
}

/* The table of BEP 42, and one row for IPv6 by its formula. */
static const struct {
	const char *at;
	uint8_t rand;
	uint8_t id[4]; /* 21 bits count */
} bep42[] = {
	{"124.31.75.21:1", 1, {0x5f, 0xbf, 0xbf}},
	{"21.75.31.124:1", 86, {0x5a, 0x3c, 0xe9}},
	{"65.23.51.170:1", 22, {0xa5, 0xd4, 0x32}},
	{"84.124.73.14:1", 65, {0x1b, 0x03, 0x21}},
	{"43.213.53.83:1", 90, {0xe5, 0x6f, 0x6c}},
	{"[2001:db8:100:0:d5c8:db3f:995e:c0f7]:1", 1, {0xac, 0xcc, 0x06}},
};

static void ids_fit_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bep42) / sizeof(*bep42); i++) {
		struct dht_endpoint at = endpoint(bep42[i].at);
		struct dht_id id = {{0}};
		memcpy(id.b, bep42[i].id, 3);
		id.b[19] = bep42[i].rand;
		assert_true(dht_id_fits(&id, &at));
		for (unsigned bit = 0; bit < 24; bit++) {
			struct dht_id other = id;
			other.b[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
			assert_int_equal(dht_id_fits(&other, &at), bit >= 21);
		}
		id.b[19] ^= 1; /* rand goes into the hash */
		assert_false(dht_id_fits(&id, &at));
		id.b[19] ^= 1;
		at.port = 2; /* the port does not */
		assert_true(dht_id_fits(&id, &at));
		at.ip[0] ^= 1;
		assert_false(dht_id_fits(&id, &at));
	}
	/* The example ids of the BEP in full. */
	static const uint8_t example[20] = {0xa5, 0xd4, 0x32, 0x20, 0xbc, 0x8f, 0x11, 0x2a, 0x3d,
		0x42, 0x6c, 0x84, 0x76, 0x4f, 0x8c, 0x2a, 0x11, 0x50, 0xe6, 0x16};
	struct dht_id id;
	memcpy(id.b, example, 20);
	struct dht_endpoint at = endpoint("65.23.51.170:6881");
	assert_true(dht_id_fits(&id, &at));
}

static void ids_are_made(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bep42) / sizeof(*bep42); i++) {
		struct dht_endpoint at = endpoint(bep42[i].at);
		uint8_t random[20];
		for (uint8_t n = 0; n < 20; n++)
			random[n] = (uint8_t)(0xf9 + n);
		random[19] = bep42[i].rand;
		struct dht_id id;
		dht_id_made(&at, random, &id);
		assert_int_equal(id.b[0], bep42[i].id[0]);
		assert_int_equal(id.b[1], bep42[i].id[1]);
		assert_int_equal(id.b[2], (bep42[i].id[2] & 0xf8) | (random[2] & 7));
		assert_memory_equal(id.b + 3, random + 3, 17);
		assert_true(dht_id_fits(&id, &at));
	}
	/* Without an address the id is the random bytes. */
	struct dht_endpoint none = {0};
	uint8_t random[20] = {1, 2, 3, 4};
	struct dht_id id;
	dht_id_made(&none, random, &id);
	assert_memory_equal(id.b, random, 20);
	assert_true(dht_id_fits(&id, &none));
}

static void local_addresses(void **state)
{
	(void)state;
	static const char *const local[] = {"10.0.0.1:1", "10.255.255.255:1", "127.0.0.1:1",
		"127.255.0.9:1", "172.16.0.1:1", "172.31.255.255:1", "192.168.0.1:1",
		"169.254.1.1:1", "[::1]:1", "[fe80::1]:1", "[febf::1]:1", "[fc00::1]:1",
		"[fdff::1]:1", "[::ffff:10.0.0.1]:1"};
	static const char *const global[] = {"9.255.255.255:1", "11.0.0.1:1", "126.0.0.1:1",
		"128.0.0.1:1", "172.15.0.1:1", "172.32.0.1:1", "192.167.0.1:1", "192.169.0.1:1",
		"169.253.0.1:1", "[::2]:1", "[fec0::1]:1", "[fb00::1]:1", "[fe00::1]:1",
		"[2001:db8::1]:1", "[::ffff:8.8.8.8]:1"};
	struct dht_id any = {{0}};
	for (size_t i = 0; i < sizeof(local) / sizeof(*local); i++) {
		struct dht_endpoint e = endpoint(local[i]);
		if (!dht_endpoint_local(&e) || !dht_id_fits(&any, &e))
			fail_msg("not local: %s", local[i]);
	}
	for (size_t i = 0; i < sizeof(global) / sizeof(*global); i++) {
		struct dht_endpoint e = endpoint(global[i]);
		if (dht_endpoint_local(&e))
			fail_msg("local: %s", global[i]);
	}
	struct dht_endpoint none = {0};
	assert_false(dht_endpoint_local(&none));
}

/* The ends of each special range and their neighbours outside. */
static void global_addresses(void **state)
{
	(void)state;
	static const char *const special[] = {"10.0.0.1:1", "127.0.0.1:1", "192.168.0.1:1",
		"100.64.0.0:1", "100.127.255.255:1", "192.0.0.1:1", "192.0.2.255:1", "198.18.0.1:1",
		"198.19.255.255:1", "198.51.100.1:1", "203.0.113.1:1", "[::1]:1", "[fd00::1]:1",
		"[fe80::1]:1", "[::ffff:8.8.8.8]:1", "[64:ff9b::1]:1", "[1fff::1]:1", "[4000::1]:1",
		"[2001:db8::1]:1", "[2001:db8:ffff::1]:1"};
	static const char *const global[] = {"9.255.255.255:1", "100.63.255.255:1", "100.128.0.0:1",
		"192.0.1.1:1", "192.0.3.0:1", "198.17.255.255:1", "198.20.0.0:1", "198.51.99.1:1",
		"198.51.101.0:1", "203.0.112.1:1", "203.0.114.1:1", "[2000::1]:1", "[3fff::1]:1",
		"[2001:db7::1]:1", "[2001:db9::1]:1"};
	for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++) {
		struct dht_endpoint e = endpoint(special[i]);
		if (dht_endpoint_global(&e))
			fail_msg("global: %s", special[i]);
	}
	for (size_t i = 0; i < sizeof(global) / sizeof(*global); i++) {
		struct dht_endpoint e = endpoint(global[i]);
		if (!dht_endpoint_global(&e))
			fail_msg("not global: %s", global[i]);
	}
}

static void usable_endpoints(void **state)
{
	(void)state;
	static const char *const usable[] = {"1.2.3.4:1", "127.0.0.1:65535", "223.255.255.255:1",
		"10.0.0.1:1", "[::1]:1", "[2001:db8::1]:1", "[fd00::1]:1"};
	static const char *const unusable[] = {"1.2.3.4:0", "0.0.0.0:1", "0.1.2.3:1", "224.0.0.1:1",
		"239.255.255.255:1", "240.0.0.1:1", "255.255.255.255:1", "[::]:1", "[::1]:0",
		"[ff02::1]:1", "[fe80::1]:1", "[::ffff:1.2.3.4]:1"};
	for (size_t i = 0; i < sizeof(usable) / sizeof(*usable); i++) {
		struct dht_endpoint e = endpoint(usable[i]);
		if (!dht_endpoint_usable(&e))
			fail_msg("not usable: %s", usable[i]);
	}
	for (size_t i = 0; i < sizeof(unusable) / sizeof(*unusable); i++) {
		struct dht_endpoint e = endpoint(unusable[i]);
		if (dht_endpoint_usable(&e))
			fail_msg("usable: %s", unusable[i]);
	}
	struct dht_endpoint none = {.port = 1};
	assert_false(dht_endpoint_usable(&none));
}

static void endpoint_text(void **state)
{
	(void)state;
	static const char *const good[] = {"192.0.2.1:6881", "0.0.0.0:0", "255.255.255.255:65535",
		"[2001:db8::1]:6881", "[::]:1", "[2001:db8:1111:2222:3333:4444:5555:6666]:65535"};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct dht_endpoint e = endpoint(good[i]);
		char text[DHT_ENDPOINT_TEXT];
		dht_endpoint_to_text(&e, text);
		assert_string_equal(text, good[i]);
	}
	static const char *const bad[] = {"", ":", "1.2.3.4", "1.2.3.4:", "1.2.3.4:x",
		"1.2.3.4:65536", "1.2.3.4:99999999999", "1.2.3.4:+1", "1.2.3.4:-1", "1.2.3.4: 1",
		"1.2.3.4:1 ", "1.2.3.4:01", "1.2.3.4:1:2", "1.2.3:1", "1.2.3.4.5:1", "256.1.1.1:1",
		"01.2.3.4:1", "localhost:1", "::1:1", "[::1]", "[::1]1", "[::1]:", "[::1:1",
		"[1.2.3.4]:1", "[::1%lo]:1", "[]:1", "[[::1]]:1",
		"[2001:db8:1111:2222:3333:4444:5555:6666:7777:8888:9999]:1",
		"[00000000000000000000000000000000000000000000000000000000]:1"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct dht_endpoint e = {.family = 9}, before = e;
		if (dht_endpoint_from_text(bad[i], &e) != -EINVAL)
			fail_msg("accepted: %s", bad[i]);
		assert_memory_equal(&e, &before, sizeof(e));
	}
	struct dht_endpoint none = {0};
	char text[DHT_ENDPOINT_TEXT] = "x";
	dht_endpoint_to_text(&none, text);
	assert_string_equal(text, "");
}

static void compact_endpoints(void **state)
{
	(void)state;
	static const char *const row[] = {"192.0.2.1:6881", "[2001:db8::1]:258"};
	for (size_t i = 0; i < 2; i++) {
		struct dht_endpoint e = endpoint(row[i]), back;
		uint8_t bytes[18];
		size_t len = dht_endpoint_write(&e, bytes);
		assert_int_equal(len, i ? 18 : 6);
		assert_int_equal(dht_endpoint_read(bytes, len, &back), 0);
		assert_true(dht_endpoint_equal(&e, &back));
	}
	struct dht_endpoint e = endpoint("192.0.2.1:6881"), other = e;
	uint8_t bytes[18];
	dht_endpoint_write(&e, bytes);
	assert_memory_equal(bytes, "\xc0\x00\x02\x01\x1a\xe1", 6);
	for (size_t len = 0; len < 30; len++) {
		uint8_t any[30] = {0};
		assert_int_equal(
			dht_endpoint_read(any, len, &other), len == 6 || len == 18 ? 0 : -EINVAL);
	}
	struct dht_endpoint none = {0};
	assert_int_equal(dht_endpoint_write(&none, bytes), 0);

	other = e;
	other.port++;
	assert_false(dht_endpoint_equal(&e, &other));
	other = e;
	other.ip[3]++;
	assert_false(dht_endpoint_equal(&e, &other));
	other = e;
	other.family = 6;
	assert_false(dht_endpoint_equal(&e, &other));
}

static void hexadecimal(void **state)
{
	(void)state;
	struct dht_id id;
	for (uint8_t i = 0; i < 20; i++)
		id.b[i] = (uint8_t)(i * 13);
	char hex[41];
	dht_id_to_hex(&id, hex);
	assert_string_equal(hex, "000d1a2734414e5b6875828f9ca9b6c3d0ddeaf7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distance),
		cmocka_unit_test(shared_bits),
		cmocka_unit_test(networks_of_addresses),
		cmocka_unit_test(ids_fit_addresses),
		cmocka_unit_test(ids_are_made),
		cmocka_unit_test(local_addresses),
		cmocka_unit_test(global_addresses),
		cmocka_unit_test(usable_endpoints),
		cmocka_unit_test(endpoint_text),
		cmocka_unit_test(compact_endpoints),
		cmocka_unit_test(hexadecimal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
