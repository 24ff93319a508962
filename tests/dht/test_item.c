/* dht/item: the vectors of BEP 44 and our own, the traps of Ed25519, sizes, cas and seq. */
#undef NDEBUG
#include "dht/item.h"

#include <errno.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BEP_KEY "77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548"
#define OWN_KEY "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"

static const struct vector {
	const char *key, *salt, *target, *sig;
} vectors[] = {
	{BEP_KEY, "", "4a533d47ec9c7d95b1ad75f576cffc641853b750",
		"305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff"
		"1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01"},
	{BEP_KEY, "foobar", "411eba73b6f087ca51a3795d9c8c938d365e32c1",
		"6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d"
		"df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08"},
	{OWN_KEY, "", "fd81a6db64d6faf7f702c07971a82c25c1dc3c90",
		"8c2070fc66e456d36c9177eb1570448eba3068c1f7c74f2cc9a3af506bed7a9d"
		"bfb74481eeb2185684d591a0f87b6ec8cd911ecabc49f68f5f3e973b8df9d908"},
	{OWN_KEY, "foobar", "261cffe077fb97383c8577085ba2c4d7fb2dee1f",
		"6edec7366feb1f30ca9d05f1f3c871133aeed8add2d54d2932ba1512cb592c60"
		"fe8243c77adbebb440ff5c71aaffac0accc7e81a764b6d031651808b0e7f1106"},
};
#define VECTORS (sizeof(vectors) / sizeof(*vectors))
#define FIRST_OWN 2

static void from_hex(const char *hex, uint8_t *ret_bytes, size_t len)
{
	assert_int_equal(strlen(hex), 2 * len);
	for (size_t i = 0; i < len; i++) {
		unsigned byte;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		ret_bytes[i] = (uint8_t)byte;
	}
}

static void own_seed(uint8_t ret_seed[32])
{
	for (uint8_t i = 0; i < 32; i++)
		ret_seed[i] = i;
}

static struct dht_item hello(const struct vector *v)
{
	struct dht_item item = {.is_mutable = true, .seq = 1};
	from_hex(v->key, item.key, 32);
	from_hex(v->sig, item.sig, 64);
	item.salt_len = (uint8_t)strlen(v->salt);
	memcpy(item.salt, v->salt, item.salt_len);
	assert_int_equal(dht_item_set_string(&item, "Hello World!", 12), 0);
	return item;
}

static void targets_of_vectors(void **state)
{
	(void)state;
	char hex[41];
	struct dht_id target, again;
	for (size_t i = 0; i < VECTORS; i++) {
		struct dht_item item = hello(&vectors[i]);
		dht_item_target(&item, &target);
		dht_id_to_hex(&target, hex);
		assert_string_equal(hex, vectors[i].target);
		dht_mutable_target(item.key, item.salt, item.salt_len, &again);
		assert_true(dht_id_equal(&target, &again));
	}
	struct dht_item immutable = {0};
	assert_int_equal(dht_item_set_string(&immutable, "Hello World!", 12), 0);
	dht_item_target(&immutable, &target);
	dht_id_to_hex(&target, hex);
	assert_string_equal(hex, "e5f96f6f38320f0f33959cb4d3d656452117aadb");
	assert_int_equal(dht_item_verify(&immutable), 0);
}

static void signatures_of_vectors_verify(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		struct dht_item item = hello(&vectors[i]);
		assert_int_equal(item.value_len, 15);
		assert_memory_equal(item.value, "12:Hello World!", 15);
		assert_int_equal(dht_item_verify(&item), 0);
	}
}

static void signs_our_vectors(void **state)
{
	(void)state;
	uint8_t seed[32];
	own_seed(seed);
	for (size_t i = FIRST_OWN; i < VECTORS; i++) {
		struct dht_item expected = hello(&vectors[i]), item = expected;
		memset(item.key, 0, sizeof(item.key));
		memset(item.sig, 0, sizeof(item.sig));
		assert_int_equal(dht_item_sign(&item, seed), 0);
		assert_memory_equal(item.key, expected.key, 32);
		assert_memory_equal(item.sig, expected.sig, 64);
	}
	struct dht_item immutable = {0};
	assert_int_equal(dht_item_sign(&immutable, seed), -EINVAL);
}

/* The private key that BEP 44 prints is the expanded form: its first half is no seed. Who
 * takes it for one signs under another key, which this shows. */
static void expanded_key_is_no_seed(void **state)
{
	(void)state;
	uint8_t expanded[64], bep_key[32], key[32];
	from_hex("e06d3183d14159228433ed599221b80bd0a5ce8352e4bdf0262f76786ef1c74d"
		 "b7e7a9fea2c0eb269d61e3b38e450a22e754941ac78479d6c54e1faf6037881d",
		expanded, 64);
	from_hex(BEP_KEY, bep_key, 32);
	assert_int_equal(dht_key_of_seed(expanded, key), 0);
	assert_memory_not_equal(key, bep_key, 32);

	uint8_t seed[32], own_key[32];
	own_seed(seed);
	from_hex(OWN_KEY, own_key, 32);
	assert_int_equal(dht_key_of_seed(seed, key), 0);
	assert_memory_equal(key, own_key, 32);
}

static void any_changed_bit_is_noticed(void **state)
{
	(void)state;
	struct dht_item good = hello(&vectors[3]), item;
	struct {
		uint8_t *at;
		size_t len;
	} part[] = {{item.key, 32}, {item.sig, 64}, {item.value, 15}, {item.salt, 6}};
	for (size_t p = 0; p < sizeof(part) / sizeof(*part); p++) {
		for (size_t bit = 0; bit < 8 * part[p].len; bit++) {
			item = good;
			part[p].at[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(dht_item_verify(&item), -EBADMSG);
		}
	}
	static const int64_t other_seq[] = {0, 2, -1, INT64_MAX, INT64_MIN};
	for (size_t i = 0; i < sizeof(other_seq) / sizeof(*other_seq); i++) {
		item = good;
		item.seq = other_seq[i];
		assert_int_equal(dht_item_verify(&item), -EBADMSG);
	}
	item = good;
	item.salt_len = 0;
	assert_int_equal(dht_item_verify(&item), -EBADMSG);
	item = good;
	item.value_len--;
	assert_int_equal(dht_item_verify(&item), -EBADMSG);
}

/* Does OpenSSL by itself take this signature of our text? So each trap is shown to be one. */
static bool openssl_accepts(const struct dht_item *item)
{
	static const uint8_t text[] = "3:seqi1e1:v12:Hello World!";
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, item->key, 32);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	assert_non_null(key);
	assert_non_null(md);
	assert_int_equal(EVP_DigestVerifyInit(md, NULL, NULL, NULL, key), 1);
	bool accepted = EVP_DigestVerify(md, item->sig, 64, text, sizeof(text) - 1) == 1;
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
	return accepted;
}

static void small_order_keys_are_refused(void **state)
{
	(void)state;
	/* Three spellings of the neutral point. R = 1·B and S = 1 then "sign" every message. */
	static const char *const neutral[] = {
		"0100000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000080",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	struct dht_item item = hello(&vectors[0]);
	memset(item.sig, 0, 64);
	memset(item.sig, 0x66, 32);
	item.sig[0] = 0x58; /* the base point */
	item.sig[32] = 1;
	for (size_t i = 0; i < sizeof(neutral) / sizeof(*neutral); i++) {
		from_hex(neutral[i], item.key, 32);
		assert_true(openssl_accepts(&item));
		assert_int_equal(dht_item_verify(&item), -EBADMSG);
	}
	/* The points of order 2, 4 and 8: a forger tries messages until one holds. */
	static const char *const low[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	unsigned holding = 0;
	for (size_t i = 0; i < sizeof(low) / sizeof(*low); i++) {
		for (uint8_t sign = 0; sign < 2; sign++) {
			from_hex(low[i], item.key, 32);
			item.key[31] |= (uint8_t)(sign << 7);
			for (int64_t seq = 0; seq < 64; seq++) {
				item.seq = seq;
				holding += dht_item_verify(&item) == 0;
			}
		}
	}
	assert_int_equal(holding, 0);
}

/* S = hash · a: made by the key's owner with a nonce of zero, so R is the neutral point. */
static void small_order_signature_is_refused(void **state)
{
	(void)state;
	struct dht_item item = hello(&vectors[FIRST_OWN]);
	from_hex("0100000000000000000000000000000000000000000000000000000000000000"
		 "be2a234c9b15c96a48581cfc151e87944e493c826dfe8496c7d7307a3505d00f",
		item.sig, 64);
	assert_true(openssl_accepts(&item));
	assert_int_equal(dht_item_verify(&item), -EBADMSG);
}

/* S plus the group's order is the same S to a careless verifier: a second signature. */
static void second_spelling_of_s_is_refused(void **state)
{
	(void)state;
	uint8_t order[32];
	from_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010", order, 32);
	struct dht_item item = hello(&vectors[0]);
	unsigned carry = 0;
	for (size_t i = 0; i < 32; i++) {
		carry += item.sig[32 + i] + order[i];
		item.sig[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	assert_int_equal(carry, 0);
	assert_int_equal(dht_item_verify(&item), -EBADMSG);
}

static void strings_up_to_996_bytes(void **state)
{
	(void)state;
	uint8_t data[1001];
	memset(data, 'x', sizeof(data));
	static const size_t fits[] = {0, 1, 9, 10, 99, 100, 995, 996};
	struct dht_item item = {0};
	const uint8_t *back;
	size_t len;
	for (size_t i = 0; i < sizeof(fits) / sizeof(*fits); i++) {
		assert_int_equal(dht_item_set_string(&item, data, fits[i]), 0);
		assert_int_equal(dht_item_get_string(&item, &back, &len), 0);
		assert_int_equal(len, fits[i]);
		assert_memory_equal(back, data, len);
	}
	assert_int_equal(item.value_len, DHT_VALUE_MAX);
	struct dht_item before = item;
	for (len = 997; len <= 1001; len++)
		assert_int_equal(dht_item_set_string(&item, data, len), -EFBIG);
	assert_memory_equal(&item, &before, sizeof(item));

	/* From within the item itself. */
	assert_int_equal(dht_item_set_string(&item, "abc", 3), 0);
	assert_int_equal(dht_item_set_string(&item, item.value, item.value_len), 0);
	assert_memory_equal(item.value, "5:3:abc", 7);
}

static void only_strings_are_strings(void **state)
{
	(void)state;
	static const char *const other[] = {
		"", "i1e", "le", "de", "l1:ae", "3:ab", "3:abcd", "03:abc"};
	const uint8_t *data;
	size_t len;
	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++) {
		struct dht_item item = {.value_len = (uint16_t)strlen(other[i])};
		memcpy(item.value, other[i], item.value_len);
		assert_int_equal(dht_item_get_string(&item, &data, &len), -EBADMSG);
	}
}

/* An item read from a damaged file may say anything of its lengths. */
static void lengths_are_not_trusted(void **state)
{
	(void)state;
	uint8_t seed[32];
	own_seed(seed);
	const uint8_t *data;
	size_t len;
	struct dht_item *item = malloc(sizeof(*item));
	assert_non_null(item);
	*item = hello(&vectors[0]);
	item->value_len = UINT16_MAX;
	assert_int_equal(dht_item_verify(item), -EBADMSG);
	assert_int_equal(dht_item_sign(item, seed), -EINVAL);
	assert_int_equal(dht_item_get_string(item, &data, &len), -EBADMSG);
	struct dht_id target;
	item->is_mutable = false;
	dht_item_target(item, &target); /* reads nothing beyond */
	*item = hello(&vectors[0]);
	item->salt_len = UINT8_MAX;
	dht_item_target(item, &target);
	assert_int_equal(dht_item_verify(item), -EBADMSG);
	assert_int_equal(dht_item_sign(item, seed), -EINVAL);
	free(item);
}

static void largest_item(void **state)
{
	(void)state;
	uint8_t seed[32], data[996] = {0};
	own_seed(seed);
	struct dht_item item = {.is_mutable = true, .salt_len = DHT_SALT_MAX, .seq = INT64_MIN};
	memset(item.salt, 's', sizeof(item.salt));
	assert_int_equal(dht_item_set_string(&item, data, sizeof(data)), 0);
	assert_int_equal(dht_item_sign(&item, seed), 0);
	assert_int_equal(dht_item_verify(&item), 0);
	item.value[DHT_VALUE_MAX - 1] ^= 1; /* the last byte is signed as well */
	assert_int_equal(dht_item_verify(&item), -EBADMSG);
}

static void cas_and_seq(void **state)
{
	(void)state;
	struct dht_item held = hello(&vectors[0]);
	held.seq = 10;
	static const struct {
		int64_t seq;
		bool same_value, has_cas;
		int64_t cas;
		int expected;
	} row[] = {
		{11, false, false, 0, 0}, {10, true, false, 0, 0}, {10, false, false, 0, 302},
		{9, true, false, 0, 302}, {9, false, false, 0, 302},
		{INT64_MAX, false, false, 0, 0}, {INT64_MIN, false, false, 0, 302},
		{11, false, true, 10, 0}, {10, true, true, 10, 0}, {10, false, true, 10, 302},
		{9, false, true, 10, 302}, {11, false, true, 9, 301}, {11, false, true, 11, 301},
		{10, true, true, 0, 301}, {9, false, true, 9, 301}, /* cas is asked first */
	};
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct dht_item offered = held;
		offered.seq = row[i].seq;
		if (!row[i].same_value)
			offered.value[14] = '?';
		assert_int_equal(dht_item_supersedes(&held, &offered, row[i].has_cas, row[i].cas),
			row[i].expected);
		assert_int_equal(
			dht_item_supersedes(NULL, &offered, row[i].has_cas, row[i].cas), 0);
	}
	struct dht_item longer = held;
	longer.value[longer.value_len++] = 'x'; /* a longer value that begins alike */
	assert_int_equal(dht_item_supersedes(&held, &longer, false, 0), 302);
	assert_int_equal(dht_item_supersedes(&longer, &held, false, 0), 302);
	struct dht_item immutable = {0};
	assert_int_equal(dht_item_supersedes(&immutable, &immutable, true, 5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_of_vectors),
		cmocka_unit_test(signatures_of_vectors_verify),
		cmocka_unit_test(signs_our_vectors),
		cmocka_unit_test(expanded_key_is_no_seed),
		cmocka_unit_test(any_changed_bit_is_noticed),
		cmocka_unit_test(small_order_keys_are_refused),
		cmocka_unit_test(small_order_signature_is_refused),
		cmocka_unit_test(second_spelling_of_s_is_refused),
		cmocka_unit_test(strings_up_to_996_bytes),
		cmocka_unit_test(only_strings_are_strings),
		cmocka_unit_test(lengths_are_not_trusted),
		cmocka_unit_test(largest_item),
		cmocka_unit_test(cas_and_seq),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
