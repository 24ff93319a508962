/* BEP 44 items: targets, signatures, what replaces what; see item.h. */
/* SHA1_Init and its like. SHA1() of OpenSSL 3 looks the algorithm up by its name at each call,
 * under locks and with allocations, which takes several times as long as a target's hash. */
#define OPENSSL_API_COMPAT 0x10100000L
#include "dht/item.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "dht/bencode.h"
#include "dht/message.h"

_Static_assert(DHT_ID_LEN == SHA_DIGEST_LENGTH, "a target is a SHA-1");

/* "4:salt64:", the salt, "3:seqi", 20 characters of number, "e1:v", the value. */
#define SIGNED_MAX (9 + DHT_SALT_MAX + 6 + 20 + 4 + DHT_VALUE_MAX)

/* The lengths come from a packet or a file by way of others: they are not trusted here. */
static bool lengths_hold(const struct dht_item *item)
{
	return item->value_len <= DHT_VALUE_MAX && item->salt_len <= DHT_SALT_MAX;
}

void dht_sha1(const uint8_t *data, size_t len, struct dht_id *ret_hash)
{
	SHA_CTX context;
	SHA1_Init(&context);
	SHA1_Update(&context, data, len);
	SHA1_Final(ret_hash->b, &context);
}

void dht_mutable_target(const uint8_t key[DHT_KEY_LEN], const uint8_t *salt, size_t salt_len,
	struct dht_id *ret_target)
{
	uint8_t text[DHT_KEY_LEN + DHT_SALT_MAX];
	if (salt_len > DHT_SALT_MAX) /* no item has such a target; all the same stay inside */
		salt_len = DHT_SALT_MAX;
	memcpy(text, key, DHT_KEY_LEN);
	if (salt_len > 0)
		memcpy(text + DHT_KEY_LEN, salt, salt_len);
	dht_sha1(text, DHT_KEY_LEN + salt_len, ret_target);
}

void dht_item_target(const struct dht_item *item, struct dht_id *ret_target)
{
	if (item->is_mutable)
		dht_mutable_target(item->key, item->salt, item->salt_len, ret_target);
	else
		dht_sha1(item->value, lengths_hold(item) ? item->value_len : 0, ret_target);
}

/* What is signed (BEP 44): put together byte by byte and not by the encoder, because `value`
 * goes in as it came off the wire. */
static size_t signed_text(const struct dht_item *item, uint8_t ret_text[SIGNED_MAX])
{
	struct bencode_writer w;
	char seq[32];
	bencode_begin(&w, ret_text, SIGNED_MAX);
	if (item->salt_len > 0) {
		bencode_put_key(&w, "salt");
		bencode_put_string(&w, item->salt, item->salt_len);
	}
	int len = snprintf(seq, sizeof(seq), "3:seqi%" PRId64 "e1:v", item->seq);
	bencode_put_raw(&w, seq, (size_t)len);
	bencode_put_raw(&w, item->value, item->value_len);
	return w.len;
}

/* The y coordinates of the eight points of small order. With such a key a signature can be
 * made that holds for many messages and belongs to nobody; OpenSSL lets them pass. */
static const uint8_t small_order[][32] = {
	{0x00},
	{0x01},
	{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
		0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d,
		0x53, 0xfc, 0x05},
	{0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
		0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92,
		0xac, 0x03, 0x7a},
	{0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0x7f},
};

/* A point as an honest signer writes it: y below the field's prime 2^255 - 19, so that no key
 * has a second spelling and with it a second target, and not of small order. */
static bool point_is_sound(const uint8_t point[32])
{
	uint8_t y[32];
	memcpy(y, point, 32);
	y[31] &= 0x7f; /* the top bit is the sign of x */
	bool below_prime = y[31] != 0x7f || y[0] < 0xed;
	for (size_t i = 1; i < 31; i++)
		below_prime |= y[i] != 0xff;
	if (!below_prime)
		return false;
	for (size_t i = 0; i < sizeof(small_order) / sizeof(*small_order); i++) {
		if (memcmp(y, small_order[i], 32) == 0)
			return false;
	}
	return true;
}

int dht_item_verify(const struct dht_item *item)
{
	if (!lengths_hold(item))
		return -EBADMSG;
	if (!item->is_mutable)
		return 0;
	/* The first half of a signature is a point as well. */
	if (!point_is_sound(item->key) || !point_is_sound(item->sig))
		return -EBADMSG;

	uint8_t text[SIGNED_MAX];
	size_t len = signed_text(item, text);
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, item->key, DHT_KEY_LEN);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int r = -ENOMEM;
	if (!key || !md || EVP_DigestVerifyInit(md, NULL, NULL, NULL, key) != 1)
		goto out;
	r = EVP_DigestVerify(md, item->sig, DHT_SIG_LEN, text, len) == 1 ? 0 : -EBADMSG;
out:
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
	ERR_clear_error(); /* a stranger's bad signature must not look like an error of our TLS */
	return r;
}

int dht_item_sign(struct dht_item *item, const uint8_t seed[DHT_SEED_LEN])
{
	if (!item->is_mutable || !lengths_hold(item))
		return -EINVAL;
	uint8_t text[SIGNED_MAX];
	size_t len = signed_text(item, text), key_len = DHT_KEY_LEN, sig_len = DHT_SIG_LEN;
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, DHT_SEED_LEN);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int r = -ENOMEM;
	if (key && md && EVP_PKEY_get_raw_public_key(key, item->key, &key_len) == 1 &&
		EVP_DigestSignInit(md, NULL, NULL, NULL, key) == 1 &&
		EVP_DigestSign(md, item->sig, &sig_len, text, len) == 1)
		r = 0;
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key); /* wipes its copy of the seed */
	return r;
}

int dht_key_of_seed(const uint8_t seed[DHT_SEED_LEN], uint8_t ret_key[DHT_KEY_LEN])
{
	size_t len = DHT_KEY_LEN;
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, DHT_SEED_LEN);
	int r = key && EVP_PKEY_get_raw_public_key(key, ret_key, &len) == 1 ? 0 : -ENOMEM;
	EVP_PKEY_free(key);
	return r;
}

int dht_item_set_string(struct dht_item *item, const void *data, size_t len)
{
	struct bencode_writer w;
	uint8_t text[DHT_VALUE_MAX];
	bencode_begin(&w, text, sizeof(text));
	bencode_put_string(&w, data, len);
	int written = bencode_end(&w);
	if (written < 0)
		return -EFBIG;
	memcpy(item->value, text, (size_t)written);
	item->value_len = (uint16_t)written;
	return 0;
}

int dht_item_get_string(const struct dht_item *item, const uint8_t **ret_data, size_t *ret_len)
{
	struct bencode value;
	struct bytes string;
	if (!lengths_hold(item) || bencode_open(item->value, item->value_len, &value) < 0 ||
		!bencode_string(value, &string))
		return -EBADMSG;
	*ret_data = string.data;
	*ret_len = string.len;
	return 0;
}

bool dht_item_equal(const struct dht_item *a, const struct dht_item *b)
{
	return a->is_mutable == b->is_mutable && a->seq == b->seq && a->salt_len == b->salt_len &&
	       a->value_len == b->value_len && !memcmp(a->key, b->key, DHT_KEY_LEN) &&
	       !memcmp(a->sig, b->sig, DHT_SIG_LEN) && !memcmp(a->salt, b->salt, a->salt_len) &&
	       !memcmp(a->value, b->value, a->value_len);
}

int dht_item_supersedes(
	const struct dht_item *held, const struct dht_item *offered, bool has_cas, int64_t cas)
{
	if (!held || !held->is_mutable)
		return 0;
	if (has_cas && cas != held->seq)
		return DHT_E_CAS;
	if (offered->seq != held->seq)
		return offered->seq < held->seq ? DHT_E_SEQ : 0;
	bool same = offered->value_len == held->value_len &&
		    memcmp(offered->value, held->value, held->value_len) == 0;
	return same ? 0 : DHT_E_SEQ;
}
