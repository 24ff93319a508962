/* Under which id each address answered us last. */
#include "dht/known.h"

#include <stdlib.h>
#include <string.h>

#define WAYS 4
#define CAP_FIRST 64
#define SECOND 1000000

void dht_known_init(struct dht_known *k, uint64_t seed)
{
	*k = (struct dht_known){.seed = seed};
}

void dht_known_finish(struct dht_known *k)
{
	free(k->nodes);
	*k = (struct dht_known){0};
}

static uint64_t mix(uint64_t z) /* the end of splitmix64 */
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static struct dht_known_node *set_of(const struct dht_known *k, const struct dht_endpoint *e)
{
	uint64_t half[2], hash = mix(k->seed ^ (uint64_t)e->family << 16 ^ e->port);
	memcpy(half, e->ip, sizeof(half));
	hash = mix(mix(hash ^ half[0]) ^ half[1]);
	return &k->nodes[hash % (k->cap / WAYS) * WAYS];
}

static struct dht_known_node *find(const struct dht_known *k, const struct dht_endpoint *e)
{
	if (!k->cap)
		return NULL;
	struct dht_known_node *set = set_of(k, e);
	for (size_t i = 0; i < WAYS; i++)
		if (dht_endpoint_equal(&set[i].contact.endpoint, e))
			return &set[i];
	return NULL;
}

/* An empty place of its set, or that of the one not met for longest. */
static struct dht_known_node *place_for(struct dht_known *k, const struct dht_endpoint *e)
{
	struct dht_known_node *set = set_of(k, e), *oldest = set;
	for (size_t i = 0; i < WAYS; i++) {
		if (!set[i].contact.endpoint.family)
			return &set[i];
		if (set[i].met < oldest->met)
			oldest = &set[i];
	}
	return oldest;
}

static void put(struct dht_known *k, const struct dht_known_node *node)
{
	struct dht_known_node *place = place_for(k, &node->contact.endpoint);
	k->len += !place->contact.endpoint.family;
	*place = *node;
}

/* Half full is full enough for sets of four. */
static bool make_room(struct dht_known *k)
{
	if (k->cap >= DHT_KNOWN_MAX || k->len < k->cap / 2)
		return k->cap;
	struct dht_known grown = {.cap = k->cap ? k->cap * 2 : CAP_FIRST, .seed = k->seed};
	grown.nodes = calloc(grown.cap, sizeof(*grown.nodes));
	if (!grown.nodes)
		return k->cap;
	for (size_t i = 0; i < k->cap; i++)
		if (k->nodes[i].contact.endpoint.family)
			put(&grown, &k->nodes[i]);
	free(k->nodes);
	*k = grown;
	return true;
}

static bool is_fresh(const struct dht_known_node *node, uint32_t now)
{
	return node && now - node->met < DHT_KNOWN_LIFETIME;
}

void dht_known_met(struct dht_known *k, const struct dht_contact *c, uint64_t now)
{
	uint32_t second = (uint32_t)(now / SECOND);
	struct dht_known_node *node = find(k, &c->endpoint);
	struct dht_known_node fresh = {.contact = *c, .met = second};
	if (!node) {
		if (make_room(k))
			put(k, &fresh);
		return;
	}
	if (is_fresh(node, second))
		fresh.changed = dht_id_equal(&node->contact.id, &c->id) ? node->changed : second;
	*node = fresh;
}

enum dht_acquaintance dht_known_look(
	const struct dht_known *k, const struct dht_contact *c, uint64_t now)
{
	uint32_t second = (uint32_t)(now / SECOND);
	const struct dht_known_node *node = find(k, &c->endpoint);
	if (!is_fresh(node, second))
		return DHT_STRANGER;
	if (!dht_id_equal(&node->contact.id, &c->id))
		return DHT_OTHERWISE;
	if (node->changed && second - node->changed < DHT_KNOWN_PROBATION)
		return DHT_OTHERWISE;
	return DHT_MET;
}
