/* Is the network around a target what it is elsewhere, or has somebody made ids up to be there?
 *
 * Who is suspect does not count among the eight that are looked for, so that the search goes on to
 * the nodes that would have been the eight without it. It is asked, and stored at, besides, for
 * honest nodes may be among it: the look-up is as wide as its region, not as eight nodes. In a
 * network that nobody disturbs there is no sign of that, and nothing of this costs a packet.
 *
 * To name ids is free, to answer under them takes a node for each. So more nodes next to the target
 * than a network of this size has there, or three together that no network has, are suspect whoever
 * they are if they answered; if they were only named, those of them are suspect, until they
 * answer, that we have not met. The same holds for all that a reply names which names
 * addresses under other ids than those they gave us, but for what others name too.
 *
 * A suspicion ends with its look-up. Who is suspect for no fault of its own has answered us then,
 * and at the next is one that we have met. */
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
/* Suspects asked, of each family: what is left of sixty packets when the eight have been found.
 * Where ids were only named there is no need to look for honest ones among them in such numbers,
 * and whoever names what is not there should not have us send that much. */
#define SUSPECTS_MAX 24
#define SUSPECTS_NAMED 8

/* On the public network an honest node takes an id that fits as soon as it has learned its address,
 * so those that do not fit say nothing of it, neither as what it had nor as what others name. */
static bool says_something(const struct dht *dht, const struct dht_contact *c)
{
	return !dht->config.mainline || dht_id_fits(&c->id, &c->endpoint);
}

void dht_region_met(struct dht *dht, const struct dht_contact *c)
{
	if (says_something(dht, c))
		dht_known_met(&dht->known, c, dht_now(dht));
}

enum dht_acquaintance dht_region_look(const struct dht *dht, const struct dht_contact *c)
{
	if (!says_something(dht, c))
		return DHT_STRANGER;
	return dht_known_look(&dht->known, c, dht_now(dht));
}

static void widen(struct dht_lookup *l)
{
	l->dht->counters.wide += !l->result.crowded;
	l->result.crowded = true;
}

bool dht_region_contradicts(struct dht_lookup *l, const struct dht_message *m)
{
	unsigned contradictions = 0;
	for (size_t i = 0; i < m->nodes_len; i++)
		contradictions += dht_region_look(l->dht, &m->nodes[i]) == DHT_OTHERWISE;
	if (contradictions < CONTRADICTIONS)
		return false;
	widen(l);
	return true;
}

/* What the searches for the table's sake see, which are repeated while other look-ups date from
 * when the network was smaller: around our own id, and somewhere else, the less of both. Around our
 * own id alone there may be Sybils, who would hide from us so, and from those whose target is near
 * us, that they are a crowd; and the other may by chance have met some. */
static uint64_t size_of_late(const struct dht *dht, const struct dht_estimate *e)
{
	uint64_t here = dht_estimate_near(e, &dht->config.id);
	uint64_t elsewhere = dht_estimate_near(e, &dht->upkeep.anywhere);
	return here < elsewhere ? here : elsewhere;
}

/* What is known before four look-ups have ended, of those that who has just come makes at once:
 * else it would know no crowd, and not how far to ask. */
static uint64_t size_at_first(const struct dht *dht, const struct dht_estimate *e)
{
	uint64_t both = size_of_late(dht, e);
	return both ? both : dht_estimate_near(e, &dht->config.id);
}

/* In a young network the table grows faster than the estimate. Who was among the first dozens of
 * ten thousand took honest regions for crowded, and put where nobody looks. Two samples are good to
 * a third only: half of that is sure to be there. */
uint64_t dht_region_size(const struct dht *dht, unsigned family)
{
	const struct dht_estimate *e = &dht->estimates[family];
	uint64_t size = dht_estimate_size(e), late = size_of_late(dht, e) / 2;
	if (!size)
		size = size_at_first(dht, e);
	else if (late > size)
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

/* What is judged by, in the order of the list: all that were named, or those of them that answered.
 */
static size_t evidence(struct dht_candidates *front, bool answered,
	struct dht_candidate *ret_row[DHT_CANDIDATES_MAX])
{
	size_t len = 0;
	for (size_t i = 0; i < front->len; i++) {
		struct dht_candidate *c = &front->list[i];
		if (c->standing != DHT_DOUBTED && (c->answered || !answered))
			ret_row[len++] = c;
	}
	return len;
}

/* What others merely name says nothing of one that we have met. */
static void suspect(struct dht_candidate *c, bool proven)
{
	if (proven || (!c->answered && !c->known && !c->met))
		c->standing = DHT_SUSPECT;
}

/* Ids made up for another target, that of an earlier search of ours or of somebody else: together,
 * wherever that is. They would fill tables, and count among the eight where no honest nodes are
 * known. The list is sorted, so that those together stand side by side. */
static bool judge_clusters(struct dht_candidate *const row[], size_t len, bool proven)
{
	const size_t last = MADE_UP_NODES - 1;
	bool found = false;
	for (size_t i = 0; i + last < len; i++) {
		const struct dht_id *first = &row[i]->node.contact.id;
		if (dht_distance(first, &row[i + last]->node.contact.id) > MADE_UP)
			continue;
		found = true;
		for (size_t j = i; j <= i + last; j++)
			suspect(row[j], proven);
	}
	return found;
}

/* Those of the row that lie within `width` of the first `from`, or of the target itself. */
static size_t together(const struct dht_lookup *l, struct dht_candidate *const row[], size_t len,
	size_t from, uint64_t width)
{
	const struct dht_id *t = &l->target;
	uint64_t start = from ? dht_distance(t, &row[from]->node.contact.id) : 0;
	size_t n = 0;
	while (from + n < len && dht_distance(t, &row[from + n]->node.contact.id) - start <= width)
		n++;
	return n;
}

/* The first of the row that are so much denser. Where there are eight the next eight are looked at
 * alike, and so on: else sixteen would hide the honest ones, half of them where eight are too many
 * and half just beyond. */
static size_t near_of(
	const struct dht_lookup *l, unsigned family, struct dht_candidate *const row[], size_t len)
{
	uint64_t width = dht_region_distance(l->dht, family, DHT_K) / CROWDED;
	size_t near = together(l, row, len, 0, width), more = near;
	while (more >= DHT_K && near < len) {
		more = together(l, row, len, near, width);
		near += more >= DHT_K ? more : 0;
	}
	return near;
}

static void judge_by(struct dht_lookup *l, unsigned family, bool proven)
{
	struct dht_candidates *front = &l->fronts[family];
	struct dht_candidate *row[DHT_CANDIDATES_MAX];
	size_t len = evidence(front, proven, row);
	if (judge_clusters(row, len, proven) && proven)
		widen(l);
	/* A search for the tables' sake is there to meet many, of a network that may be young. */
	if (l->kind == DHT_LOOKUP_NODES)
		return;
	/* Misfits come last in the list, however near they are, and are none of the eight. */
	while (len > 0 && row[len - 1]->misfit)
		len--;
	size_t near = near_of(l, family, row, len);
	bool crowded = near >= DHT_K;
	for (size_t i = 0; i < near && (crowded || front->crowded); i++)
		suspect(row[i], proven);
	if (proven && (dht_nets_judge(l, family, row, len) || crowded)) {
		front->crowded = true;
		widen(l);
	}
}

void dht_region_judge(struct dht_lookup *l, unsigned family)
{
	struct dht_candidates *front = &l->fronts[family];
	for (size_t i = 0; i < front->len; i++) {
		struct dht_candidate *c = &front->list[i];
		if (c->standing != DHT_DOUBTED)
			c->standing = c->hearsay ? DHT_SUSPECT : DHT_BELIEVED;
	}
	judge_by(l, family, false);
	judge_by(l, family, true);
}

struct dht_candidate *dht_region_next(
	const struct dht_lookup *l, const struct dht_candidates *front, size_t end)
{
	if (front->suspects >= (l->result.crowded ? SUSPECTS_MAX : SUSPECTS_NAMED))
		return NULL;
	for (size_t i = 0; i < end; i++)
		if (front->list[i].standing == DHT_SUSPECT && front->list[i].state == DHT_NEW)
			return &front->list[i];
	return NULL;
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

static void make_acquaintance(struct dht_lookup *l, const struct dht_candidates *front)
{
	for (size_t i = 0; i < front->len; i++) {
		const struct dht_candidate *c = &front->list[i];
		if (!c->answered)
			continue;
		l->dht->counters.suspects += c->standing == DHT_SUSPECT;
		dht_region_met(l->dht, &c->node.contact);
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
