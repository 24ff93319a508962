/* Look-ups: the iterative search, and gets. */
#include "dht/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Queries under way at once to each family. As many as are wanted: where the table knows the
 * neighbourhood, one round is all (a miss took 106 ms instead of libtorrent's 151, simulated
 * with round trips of 20 to 120 ms). */
#define PARALLEL DHT_K
/* Beyond the eight that may answer that many more are asked, in case some do not. With a fifth
 * of the nodes dead this takes a third off the slowest look-ups, for one packet more. */
#define PRECAUTION 2
/* Nodes of the table that a look-up begins with: the nearest and as many to fall back on. */
#define SEEDS (2 * DHT_K)
/* Packets of one look-up: a liar that names ever nearer nodes shall not keep us busy. */
#define QUERIES_MAX 60
/* A node that is silent once may have lost a packet; twice is silence. */
#define TRIES 2

void dht_lookup_init(struct dht *dht)
{
	TAILQ_INIT(&dht->lookups.fresh);
	TAILQ_INIT(&dht->lookups.waiting);
	TAILQ_INIT(&dht->lookups.running);
	TAILQ_INIT(&dht->lookups.ended);
}

static struct dht_lookup_list *list_of(struct dht_lookup *l)
{
	switch (l->state) {
	case DHT_LOOKUP_FRESH:
		return &l->dht->lookups.fresh;
	case DHT_LOOKUP_WAITING:
		return &l->dht->lookups.waiting;
	case DHT_LOOKUP_RUNNING:
		return &l->dht->lookups.running;
	case DHT_LOOKUP_ENDED:
		return &l->dht->lookups.ended;
	}
	return NULL;
}

static void move_to(struct dht_lookup *l, enum dht_lookup_state state)
{
	struct dht_lookups *ls = &l->dht->lookups;
	TAILQ_REMOVE(list_of(l), l, entry);
	ls->fresh_len -= l->state == DHT_LOOKUP_FRESH;
	ls->len -= state == DHT_LOOKUP_ENDED;
	l->state = state;
	ls->fresh_len += l->state == DHT_LOOKUP_FRESH;
	TAILQ_INSERT_TAIL(list_of(l), l, entry);
}

int dht_lookup_make(struct dht *dht, enum dht_lookup_kind kind, const struct dht_id *target,
	void *ctx, struct dht_lookup **ret_lookup)
{
	if (dht->lookups.len >= DHT_LOOKUPS_MAX)
		return -EBUSY;
	struct dht_lookup *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	*l = (struct dht_lookup){.dht = dht,
		.kind = kind,
		.state = DHT_LOOKUP_FRESH,
		.target = *target,
		.ctx = ctx,
		.result.seq_seen = -1};
	TAILQ_INSERT_TAIL(&dht->lookups.fresh, l, entry);
	dht->lookups.fresh_len++;
	dht->lookups.len++;
	*ret_lookup = l;
	return 0;
}

static void free_lookup(struct dht_lookup *l)
{
	for (unsigned i = 0; i < 2; i++)
		dht_candidates_finish(&l->fronts[i]);
	while (l->seen_len)
		free(l->seen[--l->seen_len]);
	free(l->item);
	free(l);
}

static void free_list(struct dht_lookup_list *list)
{
	for (struct dht_lookup *l; (l = TAILQ_FIRST(list));) {
		TAILQ_REMOVE(list, l, entry);
		free_lookup(l);
	}
}

void dht_lookup_free_ended(struct dht *dht)
{
	free_list(&dht->lookups.ended);
}

void dht_lookup_finish(struct dht *dht)
{
	free_list(&dht->lookups.fresh);
	free_list(&dht->lookups.waiting);
	free_list(&dht->lookups.running);
	free_list(&dht->lookups.ended);
}

void dht_cancel(struct dht *dht, struct dht_lookup *l)
{
	dht_enter(dht);
	dht_query_drop_lookup(dht, l);
	move_to(l, DHT_LOOKUP_ENDED);
	dht_leave(dht);
}

int dht_get_mutable(struct dht *dht, const uint8_t key[DHT_KEY_LEN], const uint8_t *salt,
	size_t salt_len, dht_get_fn *fn, void *ctx, struct dht_lookup **ret_lookup)
{
	if (salt_len > DHT_SALT_MAX)
		return -EINVAL;
	struct dht_id target;
	dht_mutable_target(key, salt, salt_len, &target);
	dht_enter(dht);
	int r = dht_lookup_make(dht, DHT_LOOKUP_GET, &target, ctx, ret_lookup);
	if (r == 0) {
		struct dht_lookup *l = *ret_lookup;
		l->fn.get = fn;
		l->is_mutable = true;
		memcpy(l->key, key, DHT_KEY_LEN);
		if (salt_len)
			memcpy(l->salt, salt, salt_len);
		l->salt_len = (uint8_t)salt_len;
		dht->counters.gets++;
	}
	dht_leave(dht);
	return r;
}

int dht_get_immutable(struct dht *dht, const struct dht_id *target, dht_get_fn *fn, void *ctx,
	struct dht_lookup **ret_lookup)
{
	dht_enter(dht);
	int r = dht_lookup_make(dht, DHT_LOOKUP_GET, target, ctx, ret_lookup);
	if (r == 0) {
		(*ret_lookup)->fn.get = fn;
		dht->counters.gets++;
	}
	dht_leave(dht);
	return r;
}

int dht_get_peers(struct dht *dht, const struct dht_id *info_hash, dht_peers_fn *fn, void *ctx,
	struct dht_lookup **ret_lookup)
{
	dht_enter(dht);
	int r = dht_lookup_make(dht, DHT_LOOKUP_PEERS, info_hash, ctx, ret_lookup);
	if (r == 0)
		(*ret_lookup)->fn.peers = fn;
	dht_leave(dht);
	return r;
}

int dht_lookup_nodes(struct dht *dht, const struct dht_id *target, struct dht_lookup **ret_lookup)
{
	return dht_lookup_make(dht, DHT_LOOKUP_NODES, target, NULL, ret_lookup);
}

/* Candidates */

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
static void seed(struct dht_lookup *l, unsigned family, size_t count)
{
	struct dht_contact near[DHT_CANDIDATES_MAX];
	const struct dht_table *t = &l->dht->tables[family];
	size_t len = dht_table_nearest(t, &l->target, 1, near, count);
	if (!len)
		len = dht_table_nearest(t, &l->target, UINT8_MAX, near, count);
	for (size_t i = 0; i < len; i++)
		add_candidate(l, &near[i]);
}

static bool knows_nobody(const struct dht_lookup *l)
{
	return !l->fronts[0].len && !l->fronts[1].len;
}

static struct dht_candidate *candidate_of(struct dht_lookup *l, const struct dht_query *q)
{
	return dht_candidates_find(&l->fronts[q->to.endpoint.family == 6], &q->to);
}

/* The search */

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
		seed(l, family, DHT_CANDIDATES_MAX);
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

static void deliver_end(struct dht_lookup *l)
{
	switch (l->kind) {
	case DHT_LOOKUP_NODES:
		dht_upkeep_searched(l->dht, l);
		break;
	case DHT_LOOKUP_GET:
		l->fn.get(l->ctx, NULL, NULL, &l->result);
		break;
	case DHT_LOOKUP_PEERS:
		l->fn.peers(l->ctx, NULL, 0, &l->result);
		break;
	case DHT_LOOKUP_PUT:
		l->fn.put(l->ctx, &l->result);
		break;
	}
}

void dht_lookup_end(struct dht_lookup *l)
{
	if (!l->result.answered && !l->found)
		l->result.error = knows_nobody(l) && !l->dht->upkeep.join_len ? -EHOSTUNREACH
									      : -ENETUNREACH;
	dht_query_drop_lookup(l->dht, l);
	move_to(l, DHT_LOOKUP_ENDED);
	deliver_end(l);
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
	if (l->kind == DHT_LOOKUP_PUT) {
		dht_put_store(l);
		return;
	}
	if (l->kind == DHT_LOOKUP_GET && !l->found)
		dht_lookup_remember(l);
	dht_lookup_end(l);
}

/* Nodes with tokens, into a set. A value that a put's search saw and left alone is one that
 * its caller has not read: such a node is left out, or `cas` would deny that. */
static void fill_set(
	const struct dht_lookup *l, const struct dht_candidates *front, struct dht_closest_set *set)
{
	size_t taken = 0;
	for (size_t i = 0; i < front->len && taken < DHT_CLOSEST_NODES; i++) {
		const struct dht_candidate *c = &front->list[i];
		bool stored = c->store_state == DHT_STORED;
		if (c->state != DHT_ANSWERED || !c->node.token_len || (c->unread && !stored))
			continue;
		struct dht_closest_node *node = &set->nodes[set->len++];
		*node = c->node;
		if (stored && l->is_mutable) {
			node->has_seq = true;
			node->seq = l->item->seq;
		}
		taken++;
	}
}

void dht_lookup_remember(struct dht_lookup *l)
{
	struct dht_closest_set *set = calloc(
		1, sizeof(*set) + 2 * DHT_CLOSEST_NODES * sizeof(set->nodes[0]));
	if (!set)
		return; /* a cache: the next put searches anew */
	bool kept = l->result.stored_here && l->is_mutable;
	set->target = l->target;
	set->made = dht_now(l->dht);
	set->here_has_seq = kept || l->here_has_seq;
	set->here_seq = kept ? l->item->seq : l->here_seq;
	for (unsigned family = 0; family < 2; family++)
		fill_set(l, &l->fronts[family], set);
	size_t size = sizeof(*set) + set->len * sizeof(set->nodes[0]);
	struct dht_closest_set *shrunk = realloc(set, size);
	dht_closest_keep(&l->dht->closest, shrunk ? shrunk : set);
}

/* Values */

/* The item that the message carries, if it is one that was asked for. */
static bool item_of(
	const struct dht_lookup *l, const struct dht_message *m, struct dht_item *ret_item)
{
	if (!m->value.len || m->value.len > DHT_VALUE_MAX)
		return false;
	*ret_item = (struct dht_item){.is_mutable = l->is_mutable};
	ret_item->value_len = (uint16_t)m->value.len;
	memcpy(ret_item->value, m->value.data, m->value.len);
	if (!l->is_mutable)
		return true;
	if (!m->has_key || !m->has_sig || !m->has_seq || m->seq < 0 ||
		memcmp(m->key.data, l->key, DHT_KEY_LEN))
		return false;
	memcpy(ret_item->key, l->key, DHT_KEY_LEN);
	memcpy(ret_item->sig, m->sig.data, DHT_SIG_LEN);
	memcpy(ret_item->salt, l->salt, l->salt_len);
	ret_item->salt_len = l->salt_len;
	ret_item->seq = m->seq;
	return true;
}

static bool same_value(const struct dht_item *a, const struct dht_item *b)
{
	return a->seq == b->seq && a->value_len == b->value_len &&
	       !memcmp(a->value, b->value, a->value_len) && !memcmp(a->sig, b->sig, DHT_SIG_LEN);
}

static void remember_seen(struct dht_lookup *l, const struct dht_item *item)
{
	if (l->seen_len == DHT_LOOKUP_SEEN)
		return;
	struct dht_item *copy = malloc(sizeof(*copy));
	if (!copy)
		return;
	*copy = *item;
	l->seen[l->seen_len++] = copy;
}

/* Key, salt and kind are those of the look-up already. */
static bool verifies(struct dht_lookup *l, const struct dht_item *item)
{
	struct dht_id target;
	dht_item_target(item, &target);
	if (!dht_id_equal(&target, &l->target))
		return false;
	if (!item->is_mutable)
		return true;
	for (size_t i = 0; i < l->seen_len; i++)
		if (same_value(l->seen[i], item))
			return true;
	l->dht->counters.verifications++;
	if (dht_item_verify(item) < 0)
		return false;
	remember_seen(l, item);
	return true;
}

static void deliver_item(
	struct dht_lookup *l, const struct dht_item *item, const struct dht_endpoint *from)
{
	if (item->is_mutable && item->seq > l->result.seq_seen)
		l->result.seq_seen = item->seq;
	if (l->kind != DHT_LOOKUP_GET)
		return;
	l->found = !item->is_mutable;
	if (from)
		l->result.holders++;
	l->fn.get(l->ctx, item, from, NULL);
}

static void take_value(struct dht_lookup *l, struct dht_candidate *c, const struct dht_message *m)
{
	struct dht_item item;
	if (l->is_mutable && m->has_seq && !c->node.has_seq) {
		/* What it says, verified or not: it is said back to that node alone. */
		c->node.has_seq = true;
		c->node.seq = m->seq;
		c->unread = l->kind == DHT_LOOKUP_PUT;
	}
	if (!m->value.len)
		return;
	struct dht_endpoint from = c->node.contact.endpoint;
	if (!item_of(l, m, &item) || !verifies(l, &item)) {
		l->dht->counters.values_bad++;
		return;
	}
	deliver_item(l, &item, &from);
}

/* Our own store is a node like others: what it says is verified too, for disks lie. */
static void take_own_value(struct dht_lookup *l)
{
	struct dht *dht = l->dht;
	struct dht_item item;
	if (l->kind != DHT_LOOKUP_GET || dht->ops.find(dht->self, &l->target, &item) < 0)
		return;
	bool right = item.is_mutable == l->is_mutable &&
		     (!l->is_mutable || (!memcmp(item.key, l->key, DHT_KEY_LEN) &&
						item.salt_len == l->salt_len &&
						!memcmp(item.salt, l->salt, l->salt_len)));
	if (!right || !verifies(l, &item)) {
		dht->counters.values_bad++;
		return;
	}
	l->here_has_seq = item.is_mutable;
	l->here_seq = item.seq;
	deliver_item(l, &item, NULL);
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
		take_value(l, c, m);
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

/* Starting */

static void start(struct dht_lookup *l)
{
	bool waited = l->state == DHT_LOOKUP_WAITING;
	move_to(l, DHT_LOOKUP_RUNNING);
	if (!waited)
		take_own_value(l);
	if (l->state == DHT_LOOKUP_ENDED)
		return;
	for (unsigned family = 0; family < 2; family++)
		seed(l, family, SEEDS);
	if (knows_nobody(l) && !waited && !l->found && dht_upkeep_joining(l->dht)) {
		move_to(l, DHT_LOOKUP_WAITING);
		return;
	}
	if (l->kind == DHT_LOOKUP_PUT)
		dht_put_start(l);
	else
		dht_lookup_search(l);
}

void dht_lookup_run(struct dht *dht)
{
	/* Only those that are there now: a callback that always starts another look-up must
	 * not keep us here. */
	for (size_t n = dht->lookups.fresh_len; n > 0 && dht->lookups.fresh_len; n--)
		start(TAILQ_FIRST(&dht->lookups.fresh));
}

void dht_lookup_stop_waiting(struct dht *dht)
{
	struct dht_lookup *l;
	size_t n = 0;
	TAILQ_FOREACH(l, &dht->lookups.waiting, entry)
	n++;
	while (n-- > 0 && (l = TAILQ_FIRST(&dht->lookups.waiting)))
		start(l);
}
