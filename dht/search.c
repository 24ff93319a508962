/* The iterative search: ask the nearest, then nearer ones that they name, until the eight
 * nearest that answer have all answered. Who is silent is passed over at once. */
#include "dht/engine.h"

#include <string.h>

/* Queries under way at once to each family. As many as are wanted: where the table knows the
 * neighbourhood, one round is all (a miss took 106 ms instead of libtorrent's 151, simulated
 * with round trips of 20 to 120 ms). */
#define PARALLEL DHT_K
/* Beyond the eight that may answer that many more are asked, in case some do not. With a fifth
 * of the nodes dead this takes a third off the slowest look-ups, for one packet more. */
#define PRECAUTION 2
/* Packets of one look-up: a liar that names ever nearer nodes shall not keep us busy. */
#define QUERIES_MAX 60
/* A node that is silent once may have lost a packet; twice is silence. */
#define TRIES 2

static void add_candidate(struct dht_lookup *l, const struct dht_contact *c)
{
	struct dht *dht = l->dht;
	unsigned family = c->endpoint.family == 6;
	if (!dht_acceptable(dht, &c->endpoint) || !dht_has_family(dht, family) ||
		dht_id_equal(&c->id, &dht->config.id))
		return;
	struct dht_candidate *added = dht_candidates_add(
		&l->fronts[family], &l->target, c, dht->config.mainline);
	if (added && dht_query_silent(dht, &c->endpoint, dht_now(dht))) {
		added->state = DHT_STALLED;
		added->asked = 1;
	}
}

/* From the table, the nearest. Nodes that left one query unanswered are among them, since
 * packets get lost; those that left more only if there are no others. */
void dht_lookup_seed(struct dht_lookup *l, unsigned family, size_t count)
{
	struct dht_contact near[DHT_CANDIDATES_MAX];
	const struct dht_table *t = &l->dht->tables[family];
	size_t len = dht_table_nearest(t, &l->target, 1, near, count);
	if (!len)
		len = dht_table_nearest(t, &l->target, UINT8_MAX, near, count);
	for (size_t i = 0; i < len; i++)
		add_candidate(l, &near[i]);
}

static struct dht_candidate *candidate_of(struct dht_lookup *l, const struct dht_query *q)
{
	return dht_candidates_find(&l->fronts[q->to.endpoint.family == 6], &q->to);
}

static void ask(struct dht_lookup *l, struct dht_candidates *front, struct dht_candidate *c)
{
	static const enum dht_method methods[] = {
		[DHT_LOOKUP_NODES] = DHT_FIND_NODE,
		[DHT_LOOKUP_GET] = DHT_GET,
		[DHT_LOOKUP_PEERS] = DHT_GET_PEERS,
		[DHT_LOOKUP_PUT] = DHT_GET,
	};
	struct dht_message m = {
		.method = methods[l->kind], .has_target = true, .target = l->target};
	/* With a seq, libtorrent looks for the mutable item only; without, junk that a stranger
	 * put there unsigned under the same target would hide it. */
	if (m.method == DHT_GET && l->is_mutable)
		m.has_seq = true;
	c->state = DHT_FAILED;
	if (l->result.queries >= QUERIES_MAX ||
		dht_query_send(l->dht, &c->node.contact, &m, DHT_FOR_SEARCH, l) < 0)
		return;
	c->state = DHT_ASKED;
	c->asked++;
	front->flying++;
	l->result.queries++;
}

/* Asks the nearest that were not asked yet, but not far beyond the eighth of those that answered
 * or may well do so. True when the search is over: of those nearer than the eighth that
 * answered, none is worth waiting for. */
static bool ask_nearest(struct dht_lookup *l, struct dht_candidates *front, unsigned *ret_answered)
{
	bool over = true;
	unsigned hoped_for = 0;
	*ret_answered = 0;
	for (size_t i = 0; i < front->len && *ret_answered < DHT_K; i++) {
		struct dht_candidate *c = &front->list[i];
		if (c->state == DHT_NEW && front->flying < PARALLEL &&
			hoped_for < DHT_K + PRECAUTION)
			ask(l, front, c);
		*ret_answered += c->state == DHT_ANSWERED;
		hoped_for += c->state == DHT_ANSWERED || c->state == DHT_ASKED;
		over &= c->state != DHT_NEW && c->state != DHT_ASKED;
	}
	return over;
}

/* The same, and when fewer answered than are wanted: the rest of the table, for half of the
 * network may be gone, and then the silent ones once more. */
static bool advance_front(struct dht_lookup *l, unsigned family)
{
	struct dht_candidates *front = &l->fronts[family];
	unsigned answered;
	bool over = ask_nearest(l, front, &answered);
	if (over && answered < DHT_K && !l->widened[family]) {
		l->widened[family] = true;
		dht_lookup_seed(l, family, DHT_CANDIDATES_MAX);
		over = ask_nearest(l, front, &answered);
	}
	if (!over || answered == DHT_K)
		return over;
	for (size_t i = 0; i < front->len && front->flying < PARALLEL; i++) {
		struct dht_candidate *c = &front->list[i];
		if (c->state == DHT_STALLED && c->asked < TRIES)
			ask(l, front, c);
	}
	return !front->flying;
}

void dht_lookup_search(struct dht_lookup *l)
{
	if (l->state == DHT_LOOKUP_ENDED)
		return;
	/* An immutable value proves itself: nobody else need be asked. */
	bool over = true;
	for (unsigned i = 0; i < 2 && !l->found; i++)
		over &= advance_front(l, i);
	if (!over)
		return;
	if (!l->found)
		dht_region_learn(l);
	if (l->kind == DHT_LOOKUP_PUT) {
		dht_put_store(l);
		return;
	}
	if (l->kind == DHT_LOOKUP_GET && !l->found)
		dht_lookup_remember(l);
	dht_lookup_end(l);
}

/* Ends of queries */

/* A put that stores already takes a node that answers late for one more to store on. */
static void advance(struct dht_lookup *l)
{
	if (l->storing)
		dht_put_store(l);
	else
		dht_lookup_search(l);
}

void dht_lookup_reply(struct dht_lookup *l, const struct dht_query *q, const struct dht_message *m)
{
	struct dht_candidate *c = candidate_of(l, q);
	if (!c || c->state == DHT_ANSWERED) /* it was asked twice, and answers twice */
		return;
	l->fronts[q->to.endpoint.family == 6].flying -= c->state == DHT_ASKED;
	l->result.answered++;
	c->state = DHT_ANSWERED;
	if (m->token.len && m->token.len <= DHT_TOKEN_MAX) {
		memcpy(c->node.token, m->token.data, m->token.len);
		c->node.token_len = (uint8_t)m->token.len;
	}
	if (l->kind == DHT_LOOKUP_GET || l->kind == DHT_LOOKUP_PUT)
		dht_get_take(l, c, m);
	if (l->kind == DHT_LOOKUP_PEERS && m->peers_len)
		l->fn.peers(l->ctx, m->peers, m->peers_len, NULL);
	if (l->state == DHT_LOOKUP_ENDED) /* cancelled by its callback */
		return;
	/* From here on `c` may have moved. */
	for (size_t i = 0; i < m->nodes_len; i++)
		add_candidate(l, &m->nodes[i]);
	advance(l);
}

void dht_lookup_failed(struct dht_lookup *l, const struct dht_query *q, const struct dht_id *is)
{
	struct dht_candidate *c = candidate_of(l, q);
	if (!c)
		return;
	if (c->state == DHT_ASKED)
		l->fronts[q->to.endpoint.family == 6].flying--;
	if (c->state != DHT_ANSWERED)
		c->state = DHT_FAILED;
	if (is) {
		struct dht_contact right = {.id = *is, .endpoint = q->to.endpoint};
		add_candidate(l, &right);
	}
	advance(l);
}

void dht_lookup_stalled(struct dht_lookup *l, const struct dht_query *q)
{
	struct dht_candidate *c = candidate_of(l, q);
	if (!c || c->state != DHT_ASKED)
		return;
	c->state = DHT_STALLED;
	l->fronts[q->to.endpoint.family == 6].flying--;
	advance(l);
}
