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

static void remove_at(struct dht_candidates *c, size_t at)
{
	c->len--;
	memmove(&c->list[at], &c->list[at + 1], (c->len - at) * sizeof(*c->list));
}

/* Those that fit before those that do not, those in doubt after the others, then by distance. */
static bool comes_before(
	const struct dht_id *target, const struct dht_candidate *a, const struct dht_candidate *b)
{
	if (a->misfit != b->misfit)
		return b->misfit;
	if ((a->standing == DHT_DOUBTED) != (b->standing == DHT_DOUBTED))
		return b->standing == DHT_DOUBTED;
	return dht_id_nearer(target, &a->node.contact.id, &b->node.contact.id) < 0;
}

/* Of two at one address, which is more likely to be there? */
static bool is_likelier(
	const struct dht_id *target, const struct dht_candidate *a, const struct dht_candidate *b)
{
	return a->standing != b->standing ? a->standing < b->standing : comes_before(target, a, b);
}

/* The contact itself, or somebody else at its address: two failures there are enough. Who was not
 * asked yet gives way to a nearer one, as long as nobody failed there: a liar that gives the
 * endpoints of the nearest nodes ids from far away, which are never asked, would keep them out
 * else. If it is the nearer one that lied, the answer says who is there, and that one stays. */
static bool is_known(struct dht_candidates *c, const struct dht_id *target,
	const struct dht_candidate *added, bool one_per_ip)
{
	const struct dht_contact *contact = &added->node.contact;
	unsigned failed = 0;
	size_t farther = c->len;
	for (size_t i = 0; i < c->len; i++) {
		const struct dht_candidate *k = &c->list[i];
		const struct dht_contact *at = &k->node.contact;
		if (!dht_endpoint_same_node(&at->endpoint, &contact->endpoint, one_per_ip))
			continue;
		if (k->state == DHT_FAILED && !dht_id_equal(&at->id, &contact->id))
			failed++;
		else if (k->state == DHT_NEW && is_likelier(target, added, k))
			farther = i;
		else
			return true;
	}
	if (farther == c->len || failed > 0)
		return farther < c->len || failed >= 2;
	remove_at(c, farther);
	return false;
}

static bool is_spare(const struct dht_candidate *k)
{
	return k->state == DHT_NEW || k->state == DHT_FAILED;
}

/* The last such of the list from `from` on; its length: there is none. */
static size_t last_spare(const struct dht_candidates *c, size_t from, bool suspect)
{
	size_t i = c->len;
	while (i-- > from)
		if (is_spare(&c->list[i]) && (!suspect || c->list[i].standing == DHT_SUSPECT))
			return i;
	return c->len;
}

/* Makes room for one at *at. Suspects go first, wherever they are, for more of them may be named
 * than are ever asked; then who is farther. Only those that were not asked go, or were in vain:
 * else a few liars that name ever nearer nodes would push out all the honest ones that answered. */
static bool drop_farthest(struct dht_candidates *c, size_t *at)
{
	size_t out = last_spare(c, 0, true);
	if (out == c->len)
		out = last_spare(c, *at, false);
	if (out == c->len)
		return false;
	remove_at(c, out);
	*at -= out < *at;
	return true;
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
	const struct dht_contact *contact, const struct dht_address_rules *rules,
	enum dht_standing standing)
{
	struct dht_candidate added = {.node.contact = *contact,
		.misfit = rules->must_fit && !dht_id_fits(&contact->id, &contact->endpoint),
		.standing = (uint8_t)standing};
	if (is_known(c, target, &added, rules->one_per_ip))
		return NULL;
	size_t at = c->len;
	while (at > 0 && comes_before(target, &added, &c->list[at - 1]))
		at--;
	if (c->len == DHT_CANDIDATES_MAX && !drop_farthest(c, &at))
		return NULL;
	if (c->len == c->cap && !grow(c))
		return NULL;
	memmove(&c->list[at + 1], &c->list[at], (c->len - at) * sizeof(*c->list));
	c->len++;
	c->list[at] = added;
	return &c->list[at];
}

/* One that was asked in vain does not count: else naming a dead address next to an honest one
 * would keep that out. */
bool dht_candidates_net_taken(const struct dht_candidates *c, const struct dht_candidate *of)
{
	const struct dht_endpoint *at = &of->node.contact.endpoint;
	for (size_t i = 0; i < c->len; i++) {
		const struct dht_candidate *k = &c->list[i];
		bool there = k->state == DHT_ASKED || k->state == DHT_ANSWERED ||
			     k->state == DHT_ROUTED;
		if (k != of && there && dht_endpoint_same_subnet(&k->node.contact.endpoint, at))
			return true;
	}
	return false;
}

unsigned dht_candidates_hops(const struct dht_candidates *c, unsigned wanted)
{
	unsigned hops = 0, answered = 0;
	for (size_t i = 0; i < c->len && answered < wanted; i++) {
		if (c->list[i].state != DHT_ANSWERED)
			continue;
		answered++;
		if (c->list[i].asked && c->list[i].hops > hops)
			hops = c->list[i].hops;
	}
	return hops;
}
