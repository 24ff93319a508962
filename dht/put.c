/* Puts: a search, unless the last one is fresh, then storing on the nearest that answered. */
#include "dht/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Searches of one put: when nodes fell out while it stored, one more finds others. */
#define SEARCHES 2
/* And a third where the others were silent too: among forty-five that take an item and fifteen that
 * do not, two searches left fewer than seven in one of 400 puts. Who refused twice is left alone.
 */
#define SEARCHES_MAX 3
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
	return DHT_CAS_NOTHING;
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
		over &= dht_put_front(l, &l->fronts[family]);
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
	} else if (code == DHT_E_CAS && c->stored == DHT_PUT_TRIES) {
		/* Did it take the first of the two, and only its answer was lost? Then it holds
		 * our seq, and takes the same once more. */
		c->node.has_seq = true;
		c->node.seq = l->item->seq;
		dht_put_send(l, c);
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
