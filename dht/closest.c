/* What the last look-ups found. */
#include "dht/closest.h"

#include <stdlib.h>
#include <string.h>

void dht_closest_finish(struct dht_closest *c)
{
	while (c->len)
		free(c->sets[--c->len]);
}

/* c->len when there is none. */
static size_t place_of(const struct dht_closest *c, const struct dht_id *target)
{
	size_t at = 0;
	while (at < c->len && !dht_id_equal(&c->sets[at]->target, target))
		at++;
	return at;
}

static void remove_at(struct dht_closest *c, size_t at)
{
	free(c->sets[at]);
	c->len--;
	memmove(&c->sets[at], &c->sets[at + 1], (c->len - at) * sizeof(c->sets[0]));
}

void dht_closest_forget(struct dht_closest *c, const struct dht_id *target)
{
	size_t at = place_of(c, target);
	if (at < c->len)
		remove_at(c, at);
}

struct dht_closest_set *dht_closest_find(
	struct dht_closest *c, const struct dht_id *target, uint64_t now)
{
	size_t at = place_of(c, target);
	if (at == c->len)
		return NULL;
	struct dht_closest_set *set = c->sets[at];
	if (now - set->made > DHT_CLOSEST_LIFETIME) {
		remove_at(c, at);
		return NULL;
	}
	memmove(&c->sets[1], &c->sets[0], at * sizeof(c->sets[0]));
	c->sets[0] = set;
	return set;
}

void dht_closest_keep(struct dht_closest *c, struct dht_closest_set *set)
{
	dht_closest_forget(c, &set->target);
	if (c->len == DHT_CLOSEST_SETS)
		remove_at(c, c->len - 1);
	memmove(&c->sets[1], &c->sets[0], c->len * sizeof(c->sets[0]));
	c->sets[0] = set;
	c->len++;
}
