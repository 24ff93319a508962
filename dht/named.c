/* Who becomes a candidate of a look-up, and how far he is believed: nodes of our own table, and
 * those whom others name. */
#include "dht/engine.h"

/* Up to where the eighth nearest may be: ids are random, so within the distance at which the eighth
 * is to be expected there are fewer at every other target. Within that of the tenth there are eight
 * at four of five (Poisson), and all are asked at once: among a hundred nodes that saves 1.5 ms of
 * a miss of 118, and 2 of a put of 184, for a tenth of a packet. With the twelfth it would be half
 * a millisecond more, and in networks of thousands, where such nodes only name others, another
 * packet a get. */
#define EIGHTH_AT (DHT_K + 2)

/* As somebody named it. */
struct naming {
	uint8_t hops;
	bool hearsay; /* somebody who names others otherwise than they answered us */
};

/* Named once more: of two sources one that we have no fault to find with is enough. */
static void name_again(struct dht_lookup *l, const struct dht_contact *c, struct naming n)
{
	struct dht_candidate *there = dht_candidates_find(&l->fronts[c->endpoint.family == 6], c);
	if (there)
		there->hearsay &= n.hearsay;
}

/* Whom we met ourselves is believed, or not, whoever names him. */
static void add(struct dht_lookup *l, const struct dht_contact *c, struct naming n)
{
	struct dht *dht = l->dht;
	unsigned family = c->endpoint.family == 6;
	if (!dht_acceptable(dht, &c->endpoint) || !dht_has_family(dht, family) ||
		dht_id_equal(&c->id, &dht->config.id))
		return;
	struct dht_address_rules rules = dht_lookup_rules(dht);
	enum dht_acquaintance met = dht_region_look(dht, c);
	struct dht_candidate *added = dht_candidates_add(&l->fronts[family], &l->target, c, &rules,
		met == DHT_OTHERWISE ? DHT_DOUBTED : DHT_BELIEVED);
	if (!added) {
		name_again(l, c, n);
		return;
	}
	added->hops = n.hops;
	added->met = met == DHT_MET;
	added->hearsay = n.hearsay && !added->met;
	added->no_get = dht_habits_no_get(&dht->habits, &c->endpoint, dht_now(dht));
	if (dht_habits_silent(&dht->habits, &c->endpoint, dht_now(dht))) {
		added->state = DHT_STALLED;
		added->asked = 1;
		added->walked = added->struck = true;
	}
}

void dht_lookup_candidate(struct dht_lookup *l, const struct dht_contact *c, uint8_t hops)
{
	add(l, c, (struct naming){hops, false});
}

/* Nodes that left one query unanswered are among them, since packets get lost; those that left more
 * only if there are no others. */
void dht_lookup_seed(struct dht_lookup *l, unsigned family, size_t count)
{
	struct dht_contact near[DHT_CANDIDATES_MAX];
	const struct dht_table *t = &l->dht->tables[family];
	uint64_t eighth = dht_region_distance(l->dht, family, EIGHTH_AT);
	/* A search for the tables' sake is there to meet many. */
	bool all = !eighth || l->kind == DHT_LOOKUP_NODES;
	l->reach[family] = all ? UINT64_MAX : eighth;
	size_t len = dht_table_nearest(t, &l->target, 1, near, count);
	if (!len)
		len = dht_table_nearest(t, &l->target, UINT8_MAX, near, count);
	for (size_t i = 0; i < len; i++) {
		dht_lookup_candidate(l, &near[i], 1);
		struct dht_candidate *c = dht_candidates_find(&l->fronts[family], &near[i]);
		if (c)
			c->known = true;
	}
}

/* A suspect's word counts for nothing, though it be cleared by having answered: who made its id up
 * would name more of them. */
void dht_lookup_named(
	struct dht_lookup *l, const struct dht_candidate *source, const struct dht_message *m)
{
	bool believed = source->standing == DHT_BELIEVED;
	dht_region_judge(l, source->node.contact.endpoint.family == 6);
	if (!believed || source->standing != DHT_BELIEVED)
		return;
	/* Hops are fewer than queries, and these are bounded. */
	struct naming n = {
		.hops = (uint8_t)(source->hops + 1), .hearsay = dht_region_contradicts(l, m)};
	for (size_t i = 0; i < m->nodes_len; i++)
		add(l, &m->nodes[i], n);
	for (unsigned family = 0; family < 2; family++)
		dht_region_judge(l, family);
}
