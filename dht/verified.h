/* Which items' signatures have been checked, so that a get costs no verification and yet nothing
 * damaged is sent on: disks turn bits, and the store is a file.
 *
 * A set of hashes under a secret key, which neither a stranger nor a disk can hit by accident or
 * on purpose. It grows with the number of items, up to a size at which a full store fits; what
 * does not is checked again. */
#ifndef DHT_VERIFIED_H
#define DHT_VERIFIED_H

#include "dht/item.h"

#define DHT_VERIFIED_KEY_LEN 16
/* Half a megabyte at most: three times the items of a full store. */
#define DHT_VERIFIED_MAX 65536

struct dht_verified {
	uint8_t key[DHT_VERIFIED_KEY_LEN];
	uint64_t *hashes; /* 0: none */
	size_t cap, len;
};

void dht_verified_init(struct dht_verified *v, const uint8_t key[DHT_VERIFIED_KEY_LEN]);
void dht_verified_finish(struct dht_verified *v);

/* Byte for byte this item, signature and all, was added. */
bool dht_verified_has(const struct dht_verified *v, const struct dht_item *item);
/* Without memory for it the set stays as it is. */
void dht_verified_add(struct dht_verified *v, const struct dht_item *item);

#endif
