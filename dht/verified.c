/* Which items' signatures have been checked. */
#include "dht/verified.h"

#include <stdlib.h>
#include <string.h>

#include "dht/siphash.h"

#define CAP_FIRST 64

void dht_verified_init(struct dht_verified *v, const uint8_t key[DHT_VERIFIED_KEY_LEN])
{
	*v = (struct dht_verified){0};
	memcpy(v->key, key, sizeof(v->key));
}

void dht_verified_finish(struct dht_verified *v)
{
	free(v->hashes);
}

/* All of the item that the signature is over, the signature, and the key; never 0. */
static uint64_t hash_of(const struct dht_verified *v, const struct dht_item *item)
{
	uint8_t text[DHT_KEY_LEN + DHT_SIG_LEN + 8 + 1 + DHT_SALT_MAX + DHT_VALUE_MAX];
	uint8_t *at = text;
	memcpy(at, item->key, DHT_KEY_LEN);
	memcpy(at += DHT_KEY_LEN, item->sig, DHT_SIG_LEN);
	memcpy(at += DHT_SIG_LEN, &item->seq, 8);
	at += 8;
	*at++ = item->salt_len;
	memcpy(at, item->salt, item->salt_len);
	memcpy(at += item->salt_len, item->value, item->value_len);
	at += item->value_len;
	uint64_t hash = dht_siphash(v->key, text, (size_t)(at - text));
	return hash ? hash : 1;
}

/* Each hash has two places, by its upper and its lower half. */
static void places(const struct dht_verified *v, uint64_t hash, uint64_t *ret_places[2])
{
	ret_places[0] = &v->hashes[(hash >> 32) % v->cap];
	ret_places[1] = &v->hashes[(hash & 0xffffffff) % v->cap];
}

static bool holds(const struct dht_verified *v, uint64_t hash)
{
	uint64_t *place[2];
	if (!v->cap)
		return false;
	places(v, hash, place);
	return *place[0] == hash || *place[1] == hash;
}

static bool lengths_hold(const struct dht_item *item)
{
	return item->salt_len <= DHT_SALT_MAX && item->value_len <= DHT_VALUE_MAX;
}

bool dht_verified_has(const struct dht_verified *v, const struct dht_item *item)
{
	return lengths_hold(item) && holds(v, hash_of(v, item));
}

/* Where both places are taken the newcomer takes one: what was asked for last will be asked for again. */
static void insert(struct dht_verified *v, uint64_t hash)
{
	uint64_t *place[2];
	places(v, hash, place);
	uint64_t *at = *place[0] ? place[1] : place[0];
	v->len += *at == 0;
	*at = hash;
}

static void grow(struct dht_verified *v)
{
	struct dht_verified grown = *v;
	grown.cap = v->cap ? v->cap * 2 : CAP_FIRST;
	grown.len = 0;
	grown.hashes = calloc(grown.cap, sizeof(*grown.hashes));
	if (!grown.hashes)
		return;
	for (size_t i = 0; i < v->cap; i++)
		if (v->hashes[i])
			insert(&grown, v->hashes[i]);
	free(v->hashes);
	*v = grown;
}

void dht_verified_add(struct dht_verified *v, const struct dht_item *item)
{
	if (!lengths_hold(item))
		return;
	uint64_t hash = hash_of(v, item);
	if (holds(v, hash))
		return;
	if (4 * v->len >= v->cap && v->cap < DHT_VERIFIED_MAX)
		grow(v);
	if (v->cap)
		insert(v, hash);
}
