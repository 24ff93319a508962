/* Puts: on whom to store, while the search goes on and when it is over. */
#include "dht/engine.h"

/* Nine nodes are asked at once in any search (search.c), so the ninth has said that it would take
 * the item. It is sent one as well, and nobody waits for it: then the first value of a get comes
 * from the quickest of nine. Among round trips of 20 to 120 ms that is a millisecond sooner for a
 * packet a put. Twenty packets to each family are what a put may cost; one that has sent more than
 * this, for its search was long or stored on nodes that were not the nearest, goes without. */
#define NINTH_MAX 18
/* So many of the search have answered, and named all who are near, before anything is stored
 * ahead of its end. They are the quick ones, who have time to wait. */
#define AHEAD_AFTER 3
/* And so many stores, of each family, are sent ahead: liars may name ever nearer nodes, which all
 * take it. */
#define AHEAD_MAX DHT_K

/* Somebody stored, between the caller's get and this put, what the caller has not read. */
static bool unread(const struct dht_lookup *l, const struct dht_candidate *c)
{
	return (l->flags & DHT_PUT_CAS) && c->node.has_seq && c->unread &&
	       c->node.seq != l->item->seq;
}

void dht_put_send(struct dht_lookup *l, struct dht_candidate *c)
{
	const struct dht_item *item = l->item;
	struct dht_message m = {.method = DHT_PUT,
		.has_target = true,
		.target = l->target,
		.token = {c->node.token, c->node.token_len},
		.value = {item->value, item->value_len}};
	if (item->is_mutable) {
		m.has_key = m.has_sig = m.has_seq = true;
		m.key = (struct bytes){item->key, DHT_KEY_LEN};
		m.sig = (struct bytes){item->sig, DHT_SIG_LEN};
		m.salt = (struct bytes){item->salt, item->salt_len};
		m.seq = item->seq;
		m.has_cas = l->flags & DHT_PUT_CAS;
		m.cas = c->node.has_seq ? c->node.seq : DHT_CAS_NOTHING;
	}
	c->store_state = DHT_STORE_FAILED;
	if (!dht_lookup_may_send(l, true) ||
		dht_query_send(l->dht, &c->node.contact, &m, DHT_FOR_STORE, l) < 0)
		return;
	c->store_state = DHT_STORING;
	c->stored++;
	l->result.queries++;
}

static bool may_store(const struct dht_candidate *c)
{
	return c->state == DHT_ANSWERED && c->node.token_len &&
	       (c->store_state == DHT_UNSTORED ||
		       (c->store_state == DHT_STORE_STALLED && c->stored < DHT_PUT_TRIES));
}

static unsigned answered(const struct dht_candidates *front)
{
	unsigned n = 0;
	for (size_t i = 0; i < front->len; i++)
		n += front->list[i].state == DHT_ANSWERED;
	return n;
}

static bool may_store_ahead(const struct dht_lookup *l, unsigned family)
{
	return l->ahead[family] < AHEAD_MAX && dht_lookup_may_send(l, false) &&
	       dht_query_room(l->dht);
}

/* Those that will be among the eight nearest, however the nearer ones that are known answer. */
static void store_ahead(struct dht_lookup *l, unsigned family)
{
	struct dht_candidates *front = &l->fronts[family];
	unsigned nearer = 0;
	if (answered(front) < AHEAD_AFTER)
		return;
	for (size_t i = 0; i < front->len && nearer < DHT_K; i++) {
		struct dht_candidate *c = &front->list[i];
		if (c->standing == DHT_SUSPECT)
			continue;
		if (may_store(c) && may_store_ahead(l, family)) {
			dht_put_send(l, c);
			l->ahead[family]++;
		}
		nearer += c->state == DHT_NEW || c->state == DHT_ASKED || c->state == DHT_ANSWERED;
	}
}

/* The search waits for its slowest node; what the others gave is of use at once. A node nearer
 * still may be named later: then one keeps the value that need not. Not with `cas`: that
 * depends on what the caller was shown, by nodes that he has asked already. Nor in a refresh, which
 * stores only when it knows who lacks the value. */
void dht_put_ahead(struct dht_lookup *l)
{
	if (l->refresh || l->flags & DHT_PUT_CAS)
		return;
	for (unsigned family = 0; family < 2; family++)
		store_ahead(l, family);
}

/* A refresh keeps eight. Where somebody has refused, a ninth, which holds nothing, would take what
 * the others do not; with `cas`, where that decides who has written, it waits for them. */
static bool has_ninth(const struct dht_lookup *l)
{
	const struct dht_result *r = &l->result;
	if (l->refresh || l->conflict_here || r->refused_cas || r->refused_seq)
		return false;
	if (r->queries > dht_lookup_families(l) * NINTH_MAX)
		return false;
	return !(l->flags & DHT_PUT_CAS) || r->stored >= DHT_ENOUGH;
}

/* The one after the eight, the last of which is before `from`: if it has answered, for it is not
 * worth looking for another. */
static void store_ninth(struct dht_lookup *l, struct dht_candidates *front, size_t from)
{
	for (size_t i = from; i < front->len; i++) {
		struct dht_candidate *c = &front->list[i];
		if (c->standing == DHT_SUSPECT || c->state == DHT_FAILED)
			continue;
		if (c->store_state == DHT_UNSTORED && may_store(c) && !unread(l, c) &&
			dht_lookup_may_send(l, false) && dht_query_room(l->dht))
			dht_put_send(l, c);
		return;
	}
}

/* Sends to the nearest until eight hold it, refuse it, or may yet answer. True when nobody is
 * worth waiting for any more. Our own refusal counts as that of one of the eight; else a ninth
 * node, which holds nothing, would take what the eight refuse. */
bool dht_put_front(struct dht_lookup *l, struct dht_candidates *front)
{
	unsigned settled = l->conflict_here;
	bool over = true;
	size_t i = 0;
	for (; i < front->len && settled < DHT_K; i++) {
		struct dht_candidate *c = &front->list[i];
		if (c->state != DHT_ANSWERED || !c->node.token_len)
			continue;
		if (c->store_state == DHT_UNSTORED && unread(l, c)) {
			c->store_state = DHT_CONFLICT;
			l->result.refused_cas++;
		}
		/* What the eight may need is not for those besides. */
		if (may_store(c) && (c->standing != DHT_SUSPECT || dht_lookup_may_send(l, false)) &&
			dht_lookup_has_room(l))
			dht_put_send(l, c);
		over &= c->store_state != DHT_STORING;
		if (c->standing != DHT_SUSPECT) /* those besides: at most as many as were asked */
			settled += c->store_state == DHT_STORING || c->store_state == DHT_STORED ||
				   c->store_state == DHT_STORE_SPARED ||
				   c->store_state == DHT_CONFLICT;
	}
	if (i < front->len && has_ninth(l))
		store_ninth(l, front, i);
	return over && !l->held_up;
}
