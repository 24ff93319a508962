/* Nodes that work together against all others. */
#undef NDEBUG
#include "tests/sim/liars.h"
#include "dht/engine.h"
#include "tests/sim/items.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN "liar"
/* What stale liars got first. */
#define HELD_MAX 512

struct held {
	struct dht_endpoint from;
	struct dht_id target;
	struct dht_item item;
};

struct sim_liars {
	struct sim *sim;
	enum sim_liar kind;
	size_t *nodes;
	size_t len;
	struct held *held;
	size_t held_len;
};

/* The hook of the simulation knows no context: one crowd at a time. */
static struct sim_liars *crowd;

bool sim_liars_has(const struct sim_liars *l, size_t node)
{
	for (size_t i = 0; i < l->len; i++)
		if (l->nodes[i] == node)
			return true;
	return false;
}

/* Under which id does the asker believe to have found us? */
static struct dht_id expected_id(
	size_t node, const struct dht_endpoint *from, const struct dht_message *m)
{
	struct dht_endpoint me;
	size_t asker = sim_node_of(crowd->sim, from);
	sim_endpoint(crowd->sim, node, from->family, &me);
	if (asker != SIZE_MAX && sim_alive(crowd->sim, asker)) {
		const struct dht_query *q = dht_query_match(
			sim_dht(crowd->sim, asker), &me, m->transaction);
		if (q && q->purpose != DHT_FOR_JOIN)
			return q->to.id;
	}
	return *dht_own_id(sim_dht(crowd->sim, node));
}

static void randomize(uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)sim_random(crowd->sim);
}

/* Next to the target: always the same id for one liar and one target. Sparse ones spread over where
 * the nearest sixteen nodes are. */
static struct dht_id forged_id(size_t node, const struct dht_id *target)
{
	struct dht_id id = *target;
	uint64_t hash = (node + 1) * 0x9e3779b97f4a7c15;
	hash ^= hash >> 29;
	if (crowd->kind == SIM_SPARSE) {
		uint64_t far = hash % (UINT64_MAX / sim_len(crowd->sim) * 16);
		for (size_t i = 0; i < 8; i++)
			id.b[i] ^= (uint8_t)(far >> (56 - 8 * i));
	}
	for (size_t i = 0; i < 8; i++)
		id.b[DHT_ID_LEN - 1 - i] ^= (uint8_t)(hash >> (8 * i));
	return id;
}

static void name_accomplices(struct dht_message *reply, const struct dht_id *target, uint8_t family)
{
	for (size_t i = 0; i < DHT_K; i++) {
		struct dht_contact *c = &reply->nodes[reply->nodes_len++];
		size_t node = crowd->nodes[sim_random(crowd->sim) % crowd->len];
		c->id = forged_id(node, target);
		sim_endpoint(crowd->sim, node, family, &c->endpoint);
	}
}

/* Nobody is there; the id shares so many bytes with `id`. */
static void add_ghost(struct dht_message *reply, const struct dht_id *id, size_t shared)
{
	struct dht_contact *c = &reply->nodes[reply->nodes_len++];
	*c = (struct dht_contact){.id = *id, .endpoint = {.family = 4, .port = 9}};
	randomize(c->id.b + shared, DHT_ID_LEN - shared);
	c->endpoint.ip[0] = 11;
	randomize(c->endpoint.ip + 1, 3);
}

static void name_ghosts(struct dht_message *reply, const struct dht_id *target)
{
	for (size_t i = 0; i < DHT_K; i++)
		add_ghost(reply, target, 10);
}

static void slander_nearest(struct dht_message *reply, const struct dht_id *target)
{
	const struct dht_id *near[DHT_K / 2];
	size_t len = 0;
	for (size_t i = 0; i < sim_len(crowd->sim); i++) {
		if (sim_liars_has(crowd, i) || !sim_alive(crowd->sim, i))
			continue;
		const struct dht_id *id = dht_own_id(sim_dht(crowd->sim, i));
		size_t at = len < DHT_K / 2 ? len++ : len;
		for (; at > 0 && dht_id_nearer(target, id, near[at - 1]) < 0; at--)
			if (at < DHT_K / 2)
				near[at] = near[at - 1];
		if (at < DHT_K / 2)
			near[at] = id;
	}
	for (size_t i = 0; i < 2 * len; i++)
		add_ghost(reply, near[i / 2], 10);
}

static struct held *find_held(const struct dht_id *target)
{
	for (size_t i = 0; i < crowd->held_len; i++)
		if (dht_id_equal(&crowd->held[i].target, target))
			return &crowd->held[i];
	return NULL;
}

/* The first of each target; the two-faced the last. */
static void hold(const struct dht_message *m, const struct dht_endpoint *from)
{
	struct dht_id target;
	if (!m->has_key || !m->has_sig)
		return;
	dht_mutable_target(m->key.data, m->salt.data, m->salt.len, &target);
	struct held *h = find_held(&target);
	if (h ? crowd->kind != SIM_TWO_FACED : crowd->held_len == HELD_MAX)
		return;
	if (!h)
		h = &crowd->held[crowd->held_len++];
	*h = (struct held){*from, target, {.is_mutable = true, .seq = m->seq}};
	memcpy(h->item.key, m->key.data, DHT_KEY_LEN);
	memcpy(h->item.sig, m->sig.data, DHT_SIG_LEN);
	memcpy(h->item.value, m->value.data, m->value.len);
	h->item.value_len = (uint16_t)m->value.len;
}

static void add_held(struct dht_message *reply, const struct dht_id *target)
{
	const struct held *h = find_held(target);
	if (!h)
		return;
	reply->has_key = reply->has_sig = reply->has_seq = true;
	reply->key = (struct bytes){h->item.key, DHT_KEY_LEN};
	reply->sig = (struct bytes){h->item.sig, DHT_SIG_LEN};
	reply->seq = h->item.seq;
	reply->value = (struct bytes){h->item.value, h->item.value_len};
}

/* Does it answer that otherwise than its engine? */
static bool shows(const struct dht_endpoint *to, const struct dht_message *m)
{
	if (crowd->kind != SIM_TWO_FACED)
		return true;
	const struct held *h = m->method == DHT_GET ? find_held(&m->target) : NULL;
	return h && dht_endpoint_equal(&h->from, to);
}

static void name_nodes(struct dht_message *reply, const struct dht_message *m, uint8_t family)
{
	reply->want4 = family == 4;
	reply->want6 = family == 6;
	if (crowd->kind == SIM_GHOSTS)
		name_ghosts(reply, &m->target);
	else if (crowd->kind == SIM_SLANDER)
		slander_nearest(reply, &m->target);
	else
		name_accomplices(reply, &m->target, family);
}

static bool hear(struct sim *sim, size_t node, const struct dht_endpoint *from,
	const uint8_t *datagram, size_t len)
{
	struct dht_message m, reply = {.kind = DHT_REPLY, .has_id = true};
	uint8_t buf[1500];
	if (dht_message_read(datagram, len, &m) < 0 || m.kind != DHT_QUERY)
		return false;
	if (m.method != DHT_PUT && (crowd->kind == SIM_SILENT || !shows(from, &m)))
		return false;
	reply.transaction = m.transaction;
	reply.id = expected_id(node, from, &m);
	if (m.method == DHT_PUT) {
		hold(&m, from);
	} else if (m.has_target) {
		if (crowd->kind != SIM_TWO_FACED)
			name_nodes(&reply, &m, from->family);
		reply.token = (struct bytes){(const uint8_t *)TOKEN, strlen(TOKEN)};
		if (m.method == DHT_GET)
			add_held(&reply, &m.target);
	}
	int written = dht_message_write(&reply, buf, sizeof(buf));
	assert(written > 0);
	sim_send(sim, node, from, buf, (size_t)written);
	return true;
}

struct sim_liars *sim_liars_create(
	struct sim *sim, enum sim_liar kind, const size_t *nodes, size_t len)
{
	struct sim_liars *l = calloc(1, sizeof(*l));
	assert(l && !crowd);
	*l = (struct sim_liars){.sim = sim, .kind = kind, .len = len};
	l->nodes = calloc(len ? len : 1, sizeof(*l->nodes));
	l->held = calloc(HELD_MAX, sizeof(*l->held));
	assert(l->nodes && l->held);
	memcpy(l->nodes, nodes, len * sizeof(*nodes));
	for (size_t i = 0; i < len; i++)
		sim_set_hear(sim, nodes[i], hear);
	return crowd = l;
}

void sim_liars_destroy(struct sim_liars *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->len; i++)
		sim_set_hear(l->sim, l->nodes[i], NULL);
	free(l->nodes);
	free(l->held);
	free(l);
	crowd = NULL;
}

/* Whole cases */

static struct sim_liars *choose_liars(struct sim *sim, const struct sim_liars_case *c)
{
	size_t *nodes = calloc(c->n, sizeof(*nodes));
	assert(nodes);
	for (size_t i = 0; i < c->n; i++)
		nodes[i] = i;
	for (size_t i = 1; i + 1 < c->n; i++) { /* all join by node 0, which is honest */
		size_t other = i + sim_random(sim) % (c->n - i), swapped = nodes[i];
		nodes[i] = nodes[other];
		nodes[other] = swapped;
	}
	struct sim_liars *liars = sim_liars_create(sim, c->kind, nodes + 1, c->n * c->share / 100);
	free(nodes);
	return liars;
}

/* Those who lie from birth are chosen before anyone has met anyone: else the same network of honest
 * nodes serves many cases. */
static struct sim *make_network(const struct sim_liars_case *c, struct sim_liars **ret_liars)
{
	struct sim *sim = sim_create(&c->config);
	for (size_t i = 0; i < c->n; i++)
		sim_add(sim, 4);
	if (c->from_birth)
		*ret_liars = choose_liars(sim, c);
	for (size_t i = 1; i < c->n; i++) {
		sim_join(sim, i, 0);
		sim_run(sim, 1000);
	}
	sim_run(sim, 10 * SIM_SECOND);
	return sim;
}

/* The network of honest nodes that the last case had, if this one wants the same. */
static struct sim *settled_network(const struct sim_liars_case *c)
{
	static struct sim *settled;
	static struct sim_config config;
	if (!settled || sim_len(settled) != c->n ||
		memcmp(&config, &c->config, sizeof(config)) != 0) {
		sim_destroy(settled);
		settled = make_network(c, NULL);
		config = c->config;
	}
	return settled;
}

static size_t honest_node(struct sim *sim, const struct sim_liars *liars)
{
	for (;;) {
		size_t node = sim_random(sim) % sim_len(sim);
		if (!sim_liars_has(liars, node))
			return node;
	}
}

/* Its own copy would prove nothing. */
static size_t reader_of(
	struct sim *sim, const struct sim_liars *liars, const struct dht_id *target, size_t writer)
{
	for (;;) {
		size_t node = honest_node(sim, liars);
		if (node != writer && !sim_item(sim, node, target))
			return node;
	}
}

/* Are the eight nearest nodes liars, so that whatever is put there is theirs? */
static bool is_hopeless(struct sim *sim, const struct sim_liars *liars, const struct dht_id *target)
{
	size_t nearest[DHT_K], len = 0;
	for (size_t i = 0; i < sim_len(sim); i++) {
		const struct dht_id *id = dht_own_id(sim_dht(sim, i));
		size_t at = len < DHT_K ? len++ : len;
		for (; at > 0 &&
			dht_id_nearer(target, id, dht_own_id(sim_dht(sim, nearest[at - 1]))) < 0;
			at--)
			if (at < DHT_K)
				nearest[at] = nearest[at - 1];
		if (at < DHT_K)
			nearest[at] = i;
	}
	for (size_t i = 0; i < len; i++)
		if (!sim_liars_has(liars, nearest[i]))
			return false;
	return true;
}

static void write_once(
	struct sim *sim, size_t writer, const struct dht_item *item, struct sim_liars_outcome *o)
{
	struct sim_answer a;
	sim_put(sim, writer, item, 0, &a);
	o->put_queries += a.result.queries;
	size_t stored = a.result.stored + (size_t)a.result.stored_here;
	if (stored < o->stored_min)
		o->stored_min = stored;
	if (a.result.queries > o->put_queries_max)
		o->put_queries_max = a.result.queries;
}

static void read_once(
	struct sim *sim, size_t reader, const struct dht_item *item, struct sim_liars_outcome *o)
{
	struct dht_counters before, after;
	struct sim_answer a;
	dht_counters(sim_dht(sim, reader), &before);
	sim_get(sim, reader, item, &a);
	dht_counters(sim_dht(sim, reader), &after);
	o->reads++;
	o->found += a.values > 0 && a.best.seq == item->seq;
	o->holders += a.result.holders;
	o->took += a.took;
	o->read_queries += a.result.queries;
	if (a.result.queries > o->read_queries_max)
		o->read_queries_max = a.result.queries;
	if (after.verifications - before.verifications > o->verifications_max)
		o->verifications_max = after.verifications - before.verifications;
}

struct liars_world {
	const struct sim_liars_case *c;
	struct sim *sim;
	struct sim_liars *liars; /* NULL: yet to be chosen */
};

static void write_and_read(void *ctx, void *outcome)
{
	struct liars_world *w = ctx;
	const struct sim_liars_case *c = w->c;
	struct sim_liars_outcome *o = outcome;
	struct sim *sim = w->sim;
	struct sim_liars *liars = w->liars ? w->liars : choose_liars(sim, c);
	for (size_t i = 0; i < c->puts; i++) {
		struct dht_item item;
		struct dht_id target;
		size_t writer = honest_node(sim, liars);
		/* Stale liars need something older to return. */
		for (int64_t seq = c->kind == SIM_STALE ? 1 : 2; seq <= 2; seq++) {
			sim_mutable(1000 + i, seq, "value", &item);
			write_once(sim, writer, &item, o);
		}
		dht_item_target(&item, &target);
		if (is_hopeless(sim, liars, &target))
			o->hopeless += c->reads;
		for (size_t j = 0; j < c->reads; j++)
			read_once(sim, reader_of(sim, liars, &target, writer), &item, o);
	}
	for (size_t i = 0; i < c->n; i++) {
		struct dht_counters counters;
		dht_counters(sim_dht(sim, i), &counters);
		o->wide += counters.wide;
	}
	sim_liars_destroy(liars);
}

void sim_liars_run(const struct sim_liars_case *c, struct sim_liars_outcome *ret_outcome)
{
	struct liars_world w = {.c = c};
	*ret_outcome = (struct sim_liars_outcome){.stored_min = SIZE_MAX};
	if (c->from_birth) {
		w.sim = make_network(c, &w.liars);
		write_and_read(&w, ret_outcome);
		sim_destroy(w.sim);
	} else {
		w.sim = settled_network(c);
		sim_apart(write_and_read, &w, ret_outcome, sizeof(*ret_outcome));
	}
}
