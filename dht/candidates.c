/* The nodes that one look-up has heard of. */
#include "dht/candidates.h"

#include <stdlib.h>
#include <string.h>

void dht_candidates_finish(struct dht_candidates *c)
{
	free(c->list);
	*c = (struct dht_candidates){0};
}

struct dht_candidate *dht_candidates_find(
	const struct dht_candidates *c, const struct dht_contact *contact)
{
	for (size_t i = 0; i < c->len; i++) {
		const struct dht_contact *at = &c->list[i].node.contact;
		if (dht_id_equal(&at->id, &contact->id) &&
			dht_endpoint_equal(&at->endpoint, &contact->endpoint))
			return &c->list[i];
	}
	return NULL;
}

static bool same_address(
	const struct dht_endpoint *a, const struct dht_endpoint *b, bool one_per_ip)
{
	return a->family == b->family && !memcmp(a->ip, b->ip, sizeof(a->ip)) &&
	       (one_per_ip || a->port == b->port);
}

/* The contact itself, or somebody else at its address: two failures there are enough. */
static bool is_known(
	const struct dht_candidates *c, const struct dht_contact *contact, bool one_per_ip)
{
	unsigned failed = 0;
	for (size_t i = 0; i < c->len; i++) {
		const struct dht_candidate *k = &c->list[i];
		if (!same_address(&k->node.contact.endpoint, &contact->endpoint, one_per_ip))
			continue;
		if (k->state != DHT_FAILED || dht_id_equal(&k->node.contact.id, &contact->id))
			return true;
		if (++failed == 2)
			return true;
	}
	return false;
}

/* Makes room at the far end. Only those that were not asked go, or were in vain: else a few
 * liars that name ever nearer nodes would push out all the honest ones that answered. */
static bool drop_farthest(struct dht_candidates *c, size_t beyond)
{
	for (size_t i = c->len; i-- > beyond;) {
		if (c->list[i].state != DHT_NEW && c->list[i].state != DHT_FAILED)
			continue;
		c->len--;
		memmove(&c->list[i], &c->list[i + 1], (c->len - i) * sizeof(*c->list));
		return true;
	}
	return false;
}

static bool grow(struct dht_candidates *c)
{
	size_t cap = c->cap ? c->cap * 2 : 16;
	struct dht_candidate *grown = realloc(c->list, cap * sizeof(*grown));
	if (!grown)
		return false;
	c->list = grown;
	c->cap = cap;
	return true;
}

struct dht_candidate *dht_candidates_add(struct dht_candidates *c, const struct dht_id *target,
	const struct dht_contact *contact, bool one_per_ip)
{
	if (is_known(c, contact, one_per_ip))
		return NULL;
	size_t at = c->len;
	while (at > 0 && dht_id_nearer(target, &contact->id, &c->list[at - 1].node.contact.id) < 0)
		at--;
	if (c->len == DHT_CANDIDATES_MAX && !drop_farthest(c, at))
		return NULL;
	if (c->len == c->cap && !grow(c))
		return NULL;
	memmove(&c->list[at + 1], &c->list[at], (c->len - at) * sizeof(*c->list));
	c->len++;
	c->list[at] = (struct dht_candidate){.node.contact = *contact};
	return &c->list[at];
}
