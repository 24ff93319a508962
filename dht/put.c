/* Puts: a search, unless the last one is fresh, then storing on the nearest that answered. */
#include "dht/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A node that answered the search and is silent now has most likely lost a packet. */
#define TRIES 2
/* Searches of one put: when nodes fell out while it stored, one more finds others. */
#define SEARCHES 2
/* And a third where the others were silent too: among forty-five that take an item and fifteen that
 * do not, two searches left fewer than seven in one of 400 puts. Who refused twice is left alone.
 */
#define SEARCHES_MAX 3
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

int dht_put_make(struct dht *dht, const struct dht_item *item, dht_put_fn *fn, void *ctx,
	struct dht_lookup **ret_lookup)
{
	struct dht_id target;
	struct dht_item *copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *item;
	dht_item_target(item, &target);
	int r = dht_lookup_make(dht, DHT_LOOKUP_PUT, &target, ctx, ret_lookup);
	if (r < 0) {
		free(copy);
		return r;
	}
	struct dht_lookup *l = *ret_lookup;
	l->fn.put = fn;
	l->item = copy;
	l->is_mutable = item->is_mutable;
	memcpy(l->key, item->key, DHT_KEY_LEN);
	memcpy(l->salt, item->salt, item->salt_len);
	l->salt_len = item->salt_len;
	return 0;
}

int dht_put(struct dht *dht, const struct dht_item *item, unsigned flags, dht_put_fn *fn, void *ctx,
	struct dht_lookup **ret_lookup)
{
	if (!item->value_len || item->value_len > DHT_VALUE_MAX || item->salt_len > DHT_SALT_MAX ||
		(item->is_mutable && item->seq < 0))
		return -EINVAL;
	/* Everybody would refuse it; better said here than eight times there. */
	if (item->is_mutable && dht_item_verify(item) < 0)
		return -EBADMSG;
	dht_enter(dht);
	int r = dht_put_make(dht, item, fn, ctx, ret_lookup);
	if (r == 0) {
		(*ret_lookup)->flags = flags;
		dht->counters.puts++;
	}
	dht_leave(dht);
	return r;
}

/* Of what the last search found, is that as much as a search would find now? It may have met
 * a bad moment, or come before we had joined. */
static bool suffices(const struct dht_lookup *l, const size_t usable[2])
{
	for (unsigned family = 0; family < 2; family++) {
		size_t good = dht_table_good(&l->dht->tables[family]);
		if (usable[family] < (good < DHT_K ? good : DHT_K))
			return false;
	}
	return usable[0] + usable[1] > 0;
}

/* Nodes of the last search of this target become candidates that have answered. True when
 * these will do; else a search goes on from them. */
static bool take_closest(struct dht_lookup *l)
{
	struct dht_closest_set *set = dht_closest_find(
		&l->dht->closest, &l->target, dht_now(l->dht));
	if (!set)
		return false;
	l->tokens_from = set->made;
	l->here_has_seq = set->here_has_seq;
	l->here_seq = set->here_seq;
	struct dht_address_rules rules = dht_lookup_rules(l->dht);
	size_t usable[2] = {0};
	for (size_t i = 0; i < set->len; i++) {
		const struct dht_closest_node *node = &set->nodes[i];
		unsigned family = node->contact.endpoint.family == 6;
		struct dht_candidates *front = &l->fronts[family];
		struct dht_candidate *c = dht_candidates_find(front, &node->contact);
		if (!c)
			c = dht_candidates_add(front, &l->target, &node->contact, &rules,
				(enum dht_standing)node->standing);
		if (!c)
			continue;
		c->node = *node;
		c->state = DHT_ANSWERED;
		c->answered = true;
		l->result.answered++;
		/* Our table, where the look-up began, knows nothing of that. */
		c->standing = node->standing;
		c->hearsay = node->standing == DHT_SUSPECT;
		l->result.crowded |= node->standing == DHT_SUSPECT;
		usable[family] += node->standing != DHT_SUSPECT;
	}
	return suffices(l, usable);
}

void dht_put_start(struct dht_lookup *l)
{
	if (l->refresh) {
		dht_refresh_begin(l);
	} else if (take_closest(l)) {
		dht_put_store(l);
		return;
	}
	l->searches++;
	dht_lookup_search(l);
}

static bool belongs_to(const struct dht_lookup *l, const struct dht_candidates *front)
{
	unsigned nearer = 0;
	for (size_t i = 0; i < front->len; i++)
		nearer += front->list[i].state == DHT_ANSWERED &&
			  front->list[i].standing == DHT_BELIEVED &&
			  dht_id_nearer(&l->target, &front->list[i].node.contact.id,
				  &l->dht->config.id) < 0;
	return nearer < (l->refresh ? dht_refresh_width(l) : DHT_K);
}

/* Do we belong to the eight nearest of those that answer, or are there no eight others? */
static bool belongs_here(const struct dht_lookup *l)
{
	const struct dht_candidates *f = l->fronts;
	if (dht_is_read_only(l->dht))
		return false; /* nobody could ask us for it */
	if (!f[0].len && !f[1].len)
		return true;
	return (f[0].len && belongs_to(l, &f[0])) || (f[1].len && belongs_to(l, &f[1]));
}

static void count_refusal(struct dht_result *result, int code)
{
	result->refused_cas += code == DHT_E_CAS;
	result->refused_seq += code == DHT_E_SEQ;
}

/* A seq to compare with where nothing was: BEP 44 ignores `cas` while nothing is stored, and
 * ours are the microseconds since 1970. So of two first writers the second is told. */
#define CAS_NOTHING 0

/* The seq that the caller was shown of our own store. The same value once more is no conflict,
 * shown or not. */
static int64_t seen_here(const struct dht_lookup *l)
{
	struct dht_item held;
	if (l->here_has_seq)
		return l->here_seq;
	if (l->dht->ops.find(l->dht->self, &l->target, NULL, &held) == 0 &&
		held.seq == l->item->seq)
		return held.seq;
	return CAS_NOTHING;
}

static void keep_here(struct dht_lookup *l)
{
	if (l->kept || !belongs_here(l))
		return;
	l->kept = true;
	int64_t cas = seen_here(l);
	int code = dht_keep_here(
		l->dht, &l->target, l->item, l->flags & DHT_PUT_CAS ? &cas : NULL, NULL);
	l->result.stored_here = code == 0;
	l->conflict_here = code == DHT_E_CAS || code == DHT_E_SEQ;
	count_refusal(&l->result, code);
}

/* Somebody stored, between the caller's get and this put, what the caller has not read. */
static bool unread(const struct dht_lookup *l, const struct dht_candidate *c)
{
	return (l->flags & DHT_PUT_CAS) && c->node.has_seq && c->unread &&
	       c->node.seq != l->item->seq;
}

static void store(struct dht_lookup *l, struct dht_candidate *c)
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
		m.cas = c->node.has_seq ? c->node.seq : CAS_NOTHING;
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
		       (c->store_state == DHT_STORE_STALLED && c->stored < TRIES));
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
			store(l, c);
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
			store(l, c);
		return;
	}
}

/* Sends to the nearest until eight hold it, refuse it, or may yet answer. True when nobody is
 * worth waiting for any more. Our own refusal counts as that of one of the eight; else a ninth
 * node, which holds nothing, would take what the eight refuse. */
static bool advance_front(struct dht_lookup *l, struct dht_candidates *front)
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
			store(l, c);
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

/* A node that was found, this time, was silent or did not take its token any more. */
static bool lost_some(const struct dht_lookup *l)
{
	bool lost = false;
	for (unsigned family = 0; family < 2; family++)
		for (size_t i = 0; i < l->fronts[family].len; i++) {
			const struct dht_candidate *c = &l->fronts[family].list[i];
			bool refused = c->store_state == DHT_STORE_FAILED;
			bool silent = c->store_state == DHT_STORE_STALLED;
			lost |= c->state == DHT_ANSWERED &&
				(silent || (refused && l->searches < SEARCHES));
		}
	return lost;
}

/* The nodes that were found did not all do, be it that they were kept from an earlier search:
 * search for others. Who refused is asked for a new token, once; who was silent not again. */
static void search_again(struct dht_lookup *l)
{
	l->searches++;
	l->storing = false;
	l->result.answered = 0;
	for (unsigned family = 0; family < 2; family++) {
		/* A candidate that is to be asked anew may give way to others, and its answer about
		 * the far side of the region with it: none is waited for. */
		l->fronts[family].rounds = 0;
		for (size_t i = 0; i < l->fronts[family].len; i++) {
			struct dht_candidate *c = &l->fronts[family].list[i];
			if (c->round == DHT_ASKED)
				c->round = DHT_STALLED;
			if (c->store_state == DHT_STORE_FAILED && l->searches <= SEARCHES) {
				c->store_state = DHT_UNSTORED;
				c->stored = 0;
				c->state = DHT_NEW;
				c->answered = false;
			} else if (c->store_state == DHT_STORE_FAILED ||
				   c->store_state == DHT_STORE_STALLED) {
				c->state = DHT_FAILED;
				c->answered = false;
			}
			l->result.answered += c->answered;
		}
	}
	dht_lookup_search(l);
}

static bool has_unread(const struct dht_lookup *l)
{
	for (unsigned family = 0; family < 2; family++)
		for (size_t i = 0; i < l->fronts[family].len; i++) {
			const struct dht_candidate *c = &l->fronts[family].list[i];
			if (c->unread && c->store_state == DHT_CONFLICT)
				return true;
		}
	return false;
}

/* One node under one id, reached over IPv4 and IPv6, counts once. */
static bool stored_by_other_family(const struct dht_lookup *l, const struct dht_contact *at)
{
	const struct dht_candidates *other = &l->fronts[at->endpoint.family != 6];
	for (size_t i = 0; i < other->len; i++)
		if (other->list[i].store_state == DHT_STORED &&
			dht_id_equal(&other->list[i].node.contact.id, &at->id))
			return true;
	return false;
}

/* All anew: who took it while he was believed may be a suspect now, and a suspect be cleared. */
static void count_stored(struct dht_lookup *l)
{
	l->result.stored = 0;
	for (unsigned family = 0; family < 2; family++)
		for (size_t i = 0; i < l->fronts[family].len; i++) {
			const struct dht_candidate *c = &l->fronts[family].list[i];
			l->result.stored += c->store_state == DHT_STORED &&
					    c->standing != DHT_SUSPECT &&
					    !(family == 1 &&
						    stored_by_other_family(l, &c->node.contact));
		}
	if (l->result.stored >= DHT_ENOUGH && !l->result.enough)
		l->result.enough = dht_now(l->dht) - l->began;
}

void dht_put_store(struct dht_lookup *l)
{
	bool over = true;
	if (l->refresh && !l->storing && !dht_refresh_choose(l)) {
		dht_lookup_end(l);
		return;
	}
	l->storing = true;
	keep_here(l);
	for (unsigned family = 0; family < 2; family++)
		over &= advance_front(l, &l->fronts[family]);
	if (!over)
		return;
	if (l->searches < SEARCHES_MAX && lost_some(l)) {
		search_again(l);
		return;
	}
	count_stored(l);
	/* What was not read stays unread until the next get. Refreshes remember for themselves:
	 * they are too many for this cache, and need no tokens of old. */
	if (has_unread(l))
		dht_closest_forget(&l->dht->closest, &l->target);
	else if (!l->refresh)
		dht_lookup_remember(l);
	dht_lookup_end(l);
}

/* What was stored ahead of the end of the search changes nothing for that. */
static void advance(struct dht_lookup *l)
{
	if (l->storing)
		dht_put_store(l);
	else
		dht_put_ahead(l);
}

void dht_put_answer(struct dht_lookup *l, const struct dht_query *q, const struct dht_message *m)
{
	struct dht_candidate *c = dht_candidates_find(
		&l->fronts[q->to.endpoint.family == 6], &q->to);
	if (!c || c->store_state == DHT_STORED || c->store_state == DHT_CONFLICT)
		return;
	int code = !m ? DHT_E_GENERIC : m->kind == DHT_ERROR ? m->error : 0;
	if (code == 0) {
		c->store_state = DHT_STORED;
		count_stored(l);
	} else if (code == DHT_E_CAS && c->stored == TRIES) {
		/* Did it take the first of the two, and only its answer was lost? Then it holds
		 * our seq, and takes the same once more. */
		c->node.has_seq = true;
		c->node.seq = l->item->seq;
		store(l, c);
	} else if (code == DHT_E_CAS || code == DHT_E_SEQ) {
		c->store_state = DHT_CONFLICT;
		count_refusal(&l->result, code);
	} else {
		c->store_state = DHT_STORE_FAILED;
	}
	advance(l);
}

void dht_put_stalled(struct dht_lookup *l, const struct dht_query *q)
{
	struct dht_candidate *c = dht_candidates_find(
		&l->fronts[q->to.endpoint.family == 6], &q->to);
	if (!c || c->store_state != DHT_STORING)
		return;
	c->store_state = DHT_STORE_STALLED;
	advance(l);
}
