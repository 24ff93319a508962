/* Is the network around a target what it is elsewhere, or has somebody made ids up to be there?
 *
 * Two signs tell: a reply that names addresses under other ids than those they gave us, and more
 * nodes next to the target than a network of this size has there. What is named then is
 * suspect: it does not count among the eight that are looked for, so that the search goes on to the
 * nodes that would have been the eight without it. It is asked, and stored at, besides, for
 * honest nodes may be among it: the look-up is as wide as its region, not as eight nodes. In a
 * network that nobody disturbs there is no such sign, and nothing of this costs a packet. */
#include "dht/engine.h"

/* One node that has begun anew with another id is no sign. */
#define CONTRADICTIONS 2
/* So much denser than elsewhere, the nearest eight are no accident: of 3,000 honest targets one is
 * (Poisson: eight where 1.6 are expected). */
#define CROWDED 5
/* No network has ids so dense that three lie together within this part of the range, whatever its
 * size and whatever an estimate that liars have met says of it: among 10 million nodes, the public
 * network, one in a hundred million has two others as near. */
#define MADE_UP (UINT64_MAX >> 37)
#define MADE_UP_NODES 3
/* Suspects asked, of each family: what is left of sixty packets when the eight have been found. */
#define SUSPECTS_MAX 24

/* On the public network an honest node takes an id that fits as soon as it has learned its address,
 * so those that do not fit say nothing of it, neither as what it had nor as what others name. */
static bool says_something(const struct dht *dht, const struct dht_contact *c)
{
	return !dht->config.mainline || dht_id_fits(&c->id, &c->endpoint);
}

void dht_region_met(struct dht *dht, const struct dht_contact *c, bool suspect)
{
	if (says_something(dht, c))
		dht_known_met(&dht->known, c, suspect, dht_now(dht));
}

enum dht_acquaintance dht_region_look(
	const struct dht *dht, const struct dht_contact *c, struct dht_contact *ret_right)
{
	if (!says_something(dht, c))
		return DHT_STRANGER;
	return dht_known_look(&dht->known, c, dht_now(dht), ret_right);
}

static bool contradicts(const struct dht *dht, const struct dht_message *m)
{
	struct dht_contact right;
	unsigned contradictions = 0;
	for (size_t i = 0; i < m->nodes_len; i++)
		contradictions += dht_region_look(dht, &m->nodes[i], &right) == DHT_OTHERWISE;
	return contradictions >= CONTRADICTIONS;
}

static void widen(struct dht_lookup *l)
{
	l->dht->counters.wide += !l->result.crowded;
	l->result.crowded = true;
}

enum dht_standing dht_region_standing(struct dht_lookup *l, const struct dht_message *m)
{
	if (!contradicts(l->dht, m))
		return DHT_BELIEVED;
	widen(l);
	return DHT_SUSPECT;
}

static bool is_near(const struct dht_lookup *l, const struct dht_candidate *c, uint64_t radius)
{
	return c->standing != DHT_DOUBTED && c->state != DHT_FAILED &&
	       dht_distance(&l->target, &c->node.contact.id) <= radius;
}

/* What the searches for the table's sake see, which are repeated while other look-ups date from
 * when the network was smaller: around our own id, and somewhere else, the less of both. Around our
 * own id alone there may be Sybils, who would hide from us so, and from those whose target is near
 * us, that they are a crowd; and the other may by chance have met some. Such samples are good to a
 * third only: half of that is sure to be there. */
static uint64_t size_of_late(const struct dht *dht, const struct dht_estimate *e)
{
	uint64_t here = dht_estimate_near(e, &dht->config.id);
	uint64_t elsewhere = dht_estimate_near(e, &dht->upkeep.anywhere);
	return (here < elsewhere ? here : elsewhere) / 2;
}

/* In a young network the table grows faster than the estimate. Who was among the first dozens of
 * ten thousand took honest regions for crowded, and put where nobody looks. */
uint64_t dht_region_size(const struct dht *dht, unsigned family)
{
	const struct dht_estimate *e = &dht->estimates[family];
	uint64_t size = dht_estimate_size(e), late = size_of_late(dht, e);
	if (size && late > size)
		size = late;
	if (size > dht->tables[family].len) /* no need to count */
		return size;
	size_t good = dht_table_good(&dht->tables[family]);
	return size > good || (!size && good >= DHT_K) ? size : good;
}

uint64_t dht_region_distance(const struct dht *dht, unsigned family, unsigned rank)
{
	uint64_t size = dht_region_size(dht, family);
	return size > rank ? UINT64_MAX / (size + 1) * rank : 0;
}

/* Ids made up for another target, that of an earlier search of ours or of somebody else: together,
 * wherever that is. They would fill tables, and count among the eight where no honest nodes are
 * known. The list is sorted, so that those together stand side by side. */
static void judge_clusters(struct dht_lookup *l, struct dht_candidates *front)
{
	const size_t last = MADE_UP_NODES - 1;
	for (size_t i = 0; i + last < front->len; i++) {
		struct dht_candidate *c = &front->list[i];
		if (dht_distance(&c->node.contact.id, &c[last].node.contact.id) > MADE_UP)
			continue;
		widen(l);
		for (size_t j = 0; j <= last; j++)
			if (c[j].standing == DHT_BELIEVED)
				c[j].standing = DHT_SUSPECT;
	}
}

void dht_region_judge(struct dht_lookup *l, unsigned family)
{
	struct dht_candidates *front = &l->fronts[family];
	judge_clusters(l, front);
	/* A search for the tables' sake is there to meet many, of a network that may be young. */
	if (l->kind == DHT_LOOKUP_NODES || (!front->crowded && front->len < DHT_K))
		return;
	uint64_t radius = dht_region_distance(l->dht, family, DHT_K) / CROWDED;
	unsigned near = 0;
	for (size_t i = 0; i < front->len; i++)
		near += is_near(l, &front->list[i], radius);
	if (!front->crowded && near < DHT_K)
		return;
	front->crowded = true;
	widen(l);
	for (size_t i = 0; i < front->len; i++)
		if (is_near(l, &front->list[i], radius))
			front->list[i].standing = DHT_SUSPECT;
}

struct dht_candidate *dht_region_next(const struct dht_candidates *front, size_t end)
{
	struct dht_candidate *next = NULL;
	if (front->suspects >= SUSPECTS_MAX)
		return NULL;
	for (size_t i = 0; i < end; i++) {
		struct dht_candidate *c = &front->list[i];
		if (c->standing == DHT_SUSPECT && c->state == DHT_NEW &&
			(!next || c->rank < next->rank))
			next = c;
	}
	return next;
}

static void learn(struct dht_lookup *l, unsigned family)
{
	const struct dht_candidates *front = &l->fronts[family];
	struct dht_id nearest[DHT_ESTIMATE_NODES];
	size_t len = 0;
	for (size_t i = 0; i < front->len && len < DHT_ESTIMATE_NODES; i++) {
		const struct dht_candidate *c = &front->list[i];
		if (c->state == DHT_ANSWERED && c->standing == DHT_BELIEVED)
			nearest[len++] = c->node.contact.id;
	}
	if (len == DHT_ESTIMATE_NODES)
		dht_estimate_add(&l->dht->estimates[family], &l->target, nearest);
}

/* Now that it is known which of them were suspect. */
static void make_acquaintance(struct dht_lookup *l, const struct dht_candidates *front)
{
	for (size_t i = 0; i < front->len; i++) {
		const struct dht_candidate *c = &front->list[i];
		if (c->answered)
			dht_region_met(l->dht, &c->node.contact, c->standing == DHT_SUSPECT);
	}
}

void dht_region_learn(struct dht_lookup *l)
{
	for (unsigned family = 0; family < 2; family++) {
		learn(l, family);
		make_acquaintance(l, &l->fronts[family]);
	}
}

bool dht_region_made_up(const struct dht_lookup *l, const struct dht_contact *contact)
{
	const struct dht_candidate *c = dht_candidates_find(
		&l->fronts[contact->endpoint.family == 6], contact);
	return c && c->standing == DHT_SUSPECT;
}
