/* BEP 44 items: the signed bytes that a DHT keeps for strangers.
 *
 * An item is a plain value (about 1.2 kB). `value` is the raw bencoded text as it came off
 * the wire: what is hashed, signed, stored and sent on are those very bytes. */
#ifndef DHT_ITEM_H
#define DHT_ITEM_H

#include "dht/id.h"

#define DHT_VALUE_MAX 1000 /* of the bencoded text, BEP 44: 996 bytes of string and "996:" */
#define DHT_SALT_MAX 64
#define DHT_KEY_LEN 32
#define DHT_SEED_LEN 32
#define DHT_SIG_LEN 64

struct dht_item {
	bool is_mutable;
	uint8_t key[DHT_KEY_LEN]; /* this and below: mutable only */
	uint8_t salt[DHT_SALT_MAX];
	uint8_t salt_len;
	uint8_t sig[DHT_SIG_LEN];
	int64_t seq;
	uint16_t value_len;
	uint8_t value[DHT_VALUE_MAX];
};

/* SHA1(value), or SHA1(key || salt). */
void dht_item_target(const struct dht_item *item, struct dht_id *ret_target);
/* The same without an item: of an immutable value it is its SHA-1. */
void dht_sha1(const uint8_t *data, size_t len, struct dht_id *ret_hash);
void dht_mutable_target(const uint8_t key[DHT_KEY_LEN], const uint8_t *salt, size_t salt_len,
	struct dht_id *ret_target);

/* 0; -EBADMSG: the signature does not hold, or key or signature is a small-order or
 * non-canonical point; an immutable item always verifies. */
int dht_item_verify(const struct dht_item *item);
/* Fills key and sig from the 32-byte seed; salt, seq and value stand already. */
int dht_item_sign(struct dht_item *item, const uint8_t seed[DHT_SEED_LEN]);
int dht_key_of_seed(const uint8_t seed[DHT_SEED_LEN], uint8_t ret_key[DHT_KEY_LEN]);

/* Sets value to the byte string `data`, bencoded. -EFBIG over 996 bytes. */
int dht_item_set_string(struct dht_item *item, const void *data, size_t len);
/* The bytes of a value that is a byte string; -EBADMSG if it is something else.
 * The result points into the item. */
int dht_item_get_string(const struct dht_item *item, const uint8_t **ret_data, size_t *ret_len);

/* Byte for byte, signature included. */
bool dht_item_equal(const struct dht_item *a, const struct dht_item *b);

/* What BEP 44 says of `offered` where `held` is stored (NULL: nothing): 0 to store it, else
 * a KRPC error code: 301 cas, 302 seq. Equal seq and equal value is 0. */
int dht_item_supersedes(const struct dht_item *held, const struct dht_item *offered,
	bool has_cas, int64_t cas);

#endif
