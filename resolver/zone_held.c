/* Parts of zones that are held: a table in which each has one place. */
#include "resolver/zone_held.h"

#include <stdlib.h>
#include <string.h>

#include "resolver/hash.h"

struct held {
	uint64_t until;
	struct dht_item item;
};

struct zone_held {
	uint64_t seed;
	struct held *places[ZONE_HELD_MAX];
};

struct zone_held *zone_held_create(uint64_t seed)
{
	struct zone_held *h = calloc(1, sizeof(*h));
	if (h)
		h->seed = seed;
	return h;
}

void zone_held_destroy(struct zone_held *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < ZONE_HELD_MAX; i++)
		free(h->places[i]);
	free(h);
}

static size_t place_of(const struct zone_held *h, const uint8_t key[DHT_KEY_LEN],
	const uint8_t *salt, size_t salt_len)
{
	uint64_t of_key = hash_bytes(key, DHT_KEY_LEN, h->seed);
	return (salt_len ? hash_bytes(salt, salt_len, of_key) : of_key) % ZONE_HELD_MAX;
}

static bool is_of(const struct dht_item *item, const uint8_t key[DHT_KEY_LEN], const uint8_t *salt,
	size_t salt_len)
{
	return item->salt_len == salt_len && memcmp(item->key, key, DHT_KEY_LEN) == 0 &&
	       (!salt_len || memcmp(item->salt, salt, salt_len) == 0);
}

const struct dht_item *zone_held_find(const struct zone_held *h, const uint8_t key[DHT_KEY_LEN],
	const uint8_t *salt, size_t salt_len, uint64_t now)
{
	const struct held *held = h->places[place_of(h, key, salt, salt_len)];
	if (!held || now >= held->until || !is_of(&held->item, key, salt, salt_len))
		return NULL;
	return &held->item;
}

void zone_held_keep(struct zone_held *h, const struct dht_item *item, uint64_t now)
{
	struct held **place = &h->places[place_of(h, item->key, item->salt, item->salt_len)];
	struct held *held = *place;
	/* What was not sent again is not younger for that. */
	if (held && now < held->until && memcmp(held->item.sig, item->sig, DHT_SIG_LEN) == 0)
		return;
	if (!held && !(held = *place = malloc(sizeof(*held))))
		return;
	held->until = now + ZONE_HELD_FOR;
	held->item = *item;
}
