/* What a look-up does besides where ids were made up to be next to its target.
 *
 * A second path: the first began with the nodes of our table that are nearest to the target, which
 * may all be liars, above all where the target is near to us, for the neighbourhood of our own
 * id is what we have searched most. So nodes from other parts of our table, none of which the
 * first path has used, are asked as well, and name those that they know. What has been put there is
 * read back by such a path alone, that begins with others than the put's.
 *
 * The far side: honest nodes name the eight nearest to the target, who are all Sybils where
 * there are eight of them. Of those asked for the id that is the farthest from the target within
 * its region, they name the honest ones of the region first, and the Sybils last. */
#include "dht/engine.h"

/* Nodes of the second path: two from each of the four largest parts of the network that the target
 * is not in. */
#define PARTS 4
#define OF_EACH_PART 2
/* Nodes asked for the far side, the nearest that are believed. Some of them may lie; and one that
 * is honest knows the nearest part of the region, but not all of it. */
#define ROUNDS 6

/* Of our own table: the nearest of it may all be Sybils. They are asked only if they belong to the
 * eight nearest that are believed. */
#define SEEDS 40

static void invert_bit(struct dht_id *id, unsigned bit)
{
	id->b[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
}

/* Who was named, or seeded, and not asked is one as well: who knows few has the nodes of other
 * parts among the nearest of its table. */
static void add(struct dht_lookup *l, unsigned family, const struct dht_contact *c)
{
	if (!dht_candidates_find(&l->fronts[family], c))
		dht_lookup_candidate(l, c, 1);
	struct dht_candidate *added = dht_candidates_find(&l->fronts[family], c);
	if (!added || added->state != DHT_NEW)
		return;
	added->known = true;
	added->detour = added->standing == DHT_BELIEVED;
}

void dht_detour_begin(struct dht_lookup *l, unsigned family)
{
	if (!(l->result.crowded || l->apart) || l->fronts[family].detoured ||
		l->kind == DHT_LOOKUP_NODES)
		return;
	l->fronts[family].detoured = true;
	if (!l->apart)
		dht_lookup_seed(l, family, SEEDS);
	for (unsigned part = 0; part < PARTS; part++) {
		struct dht_contact near[2 * OF_EACH_PART];
		struct dht_id there = l->target;
		invert_bit(&there, part);
		size_t len = dht_table_nearest(
			&l->dht->tables[family], &there, 0, near, 2 * OF_EACH_PART);
		/* The first two are those of the put. */
		size_t from = l->apart && len > OF_EACH_PART ? OF_EACH_PART : 0;
		for (size_t i = from; i < len && i < from + OF_EACH_PART; i++)
			add(l, family, &near[i]);
	}
}

/* How many leading bits those share with the target that are the nearest eight, or sixteen. */
static unsigned bits_of_region(const struct dht_lookup *l, unsigned family)
{
	uint64_t size = dht_region_size(l->dht, family);
	unsigned bits = 0;
	for (; size > 2 * DHT_K && bits < 8 * DHT_ID_LEN; size /= 2)
		bits++;
	return bits;
}

bool dht_detour_round(struct dht_lookup *l, unsigned family, struct dht_candidate **ret_candidate,
	struct dht_id *ret_target)
{
	struct dht_candidates *front = &l->fronts[family];
	unsigned asked = 0;
	if (!front->crowded)
		return false;
	for (size_t i = 0; i < front->len && asked < ROUNDS; i++) {
		struct dht_candidate *c = &front->list[i];
		if (c->standing != DHT_BELIEVED || c->state != DHT_ANSWERED)
			continue;
		asked++;
		if (c->round != DHT_NEW)
			continue;
		/* By turns the eight to sixteen nearest, and the half of them that is nearer. */
		*ret_candidate = c;
		*ret_target = l->target;
		for (unsigned bit = bits_of_region(l, family) + asked % 2; bit < 8 * DHT_ID_LEN;
			bit++)
			invert_bit(ret_target, bit);
		return true;
	}
	return false;
}

bool dht_detour_ended(struct dht_lookup *l, struct dht_candidate *c, const struct dht_query *q,
	enum dht_search_state how)
{
	if (c->round == DHT_NEW || c->round_query != q->number)
		return false;
	l->fronts[q->to.endpoint.family == 6].rounds -= c->round == DHT_ASKED;
	c->round = (uint8_t)how;
	return true;
}
