/* The node: public calls, and datagrams sorted into queries and answers. */
#include "dht/engine.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(DHT_PEERS_KEY_LEN == 16 && DHT_LIMITS_KEY_LEN == 16 && DHT_VERIFIED_KEY_LEN == 16,
	"keys for hashing");

/* What strangers fill is found by keyed hashes, each with a key of its own. */
static int create_parts(struct dht *dht)
{
	uint8_t key[4][16];
	dht->ops.random(dht->self, key, sizeof(key));
	dht_verified_init(&dht->verified, key[0]);
	dht_habits_init(&dht->habits, key[3]);
	int r = dht_peers_create(key[1], dht->config.limits, &dht->peers);
	if (r == 0 && dht->config.limits)
		r = dht_limits_create(key[2], dht->config.mainline, &dht->limits);
	return r;
}

int dht_create(const struct dht_config *config, const struct dht_ops *ops, void *self,
	struct dht **ret_dht)
{
	struct dht *dht = calloc(1, sizeof(*dht));
	if (!dht)
		return -ENOMEM;
	dht->config = *config;
	dht->ops = *ops;
	dht->self = self;
	dht->promised = UINT64_MAX;
	dht_lookup_init(dht);
	int r = create_parts(dht);
	if (r < 0)
		goto out;
	for (unsigned i = 0; i < 2; i++)
		dht_table_init(&dht->tables[i], &config->id, config->mainline, config->limits);
	dht_query_init(dht);
	uint64_t seed;
	ops->random(self, &seed, sizeof(seed));
	dht_known_init(&dht->known, seed);
	dht_upkeep_init(dht);
	dht_republish_init(dht);
	r = dht_presence_init(dht);
	if (r < 0)
		goto out;
	ops->random(self, &dht->tokens, sizeof(dht->tokens));
	dht->tokens_turned = dht_now(dht);
	*ret_dht = dht;
	dht = NULL;
out:
	dht_destroy(dht);
	return r;
}

void dht_destroy(struct dht *dht)
{
	if (!dht)
		return;
	dht_lookup_finish(dht);
	dht_republish_finish(dht);
	dht_query_finish(dht);
	dht_known_finish(&dht->known);
	dht_upkeep_finish(dht);
	dht_presence_finish(dht);
	dht_closest_finish(&dht->closest);
	dht_habits_finish(&dht->habits);
	dht_peers_destroy(dht->peers);
	dht_limits_destroy(dht->limits);
	dht_verified_finish(&dht->verified);
	for (unsigned i = 0; i < 2; i++)
		dht_table_finish(&dht->tables[i]);
	OPENSSL_cleanse(&dht->tokens, sizeof(dht->tokens));
	free(dht);
}

static uint64_t next_due(const struct dht *dht)
{
	uint64_t due = dht->upkeep.due, query = dht_query_due(dht), lookup = dht_lookup_due(dht);
	uint64_t republish = dht_republish_due(dht);
	due = query < due ? query : due;
	due = republish < due ? republish : due;
	return lookup < due ? lookup : due;
}

void dht_enter(struct dht *dht)
{
	dht->depth++;
}

void dht_leave(struct dht *dht)
{
	if (--dht->depth > 0)
		return;
	dht_lookup_free_ended(dht);
	if (dht->running)
		return;
	uint64_t due = next_due(dht);
	if (due >= dht->promised)
		return;
	uint64_t now = dht_now(dht);
	dht->promised = due;
	dht->ops.wake(dht->self, due > now ? due : now);
}

uint64_t dht_run(struct dht *dht)
{
	uint64_t now = dht_now(dht);
	dht->running = true;
	dht_enter(dht);
	dht_query_run(dht, now);
	dht_republish_run(dht, now);
	dht_lookup_run(dht);
	dht_upkeep_run(dht, now);
	dht_leave(dht);
	dht->running = false;
	uint64_t due = next_due(dht);
	dht->promised = due > now ? due : now;
	return dht->promised;
}

bool dht_acceptable(const struct dht *dht, const struct dht_endpoint *e)
{
	return dht_endpoint_usable(e) && (!dht->config.mainline || dht_endpoint_global(e)) &&
	       !dht_endpoint_equal(e, &dht->presence.addresses[e->family == 6].known);
}

bool dht_has_family(const struct dht *dht, unsigned family_index)
{
	return dht->tables[family_index].len || dht->upkeep.join_family[family_index];
}

_Static_assert(DHT_KIND_REPLY == DHT_METHOD_UNKNOWN + 1, "each method is a kind");

const char *dht_kind_name(unsigned kind)
{
	if (kind == DHT_KIND_REPLY)
		return "reply";
	if (kind == DHT_KIND_ERROR)
		return "error";
	const char *name = kind < DHT_METHOD_UNKNOWN ? dht_method_name(kind) : NULL;
	return name ? name : "unknown";
}

static void count(struct dht_traffic traffic[DHT_KINDS], const struct dht_message *m, size_t len)
{
	unsigned kind = m->kind == DHT_REPLY   ? DHT_KIND_REPLY
			: m->kind == DHT_ERROR ? DHT_KIND_ERROR
					       : (unsigned)m->method;
	traffic[kind].packets++;
	traffic[kind].bytes += len;
}

int dht_send_message(
	struct dht *dht, const struct dht_endpoint *to, const struct dht_message *m, size_t cap)
{
	uint8_t datagram[DHT_DATAGRAM_MAX];
	int len = dht_message_write(m, datagram, cap < sizeof(datagram) ? cap : sizeof(datagram));
	if (len < 0)
		return len;
	if (dht->limits && m->kind != DHT_QUERY &&
		!dht_limits_out(dht->limits, to, (size_t)len, dht_now(dht))) {
		dht->counters.drop_bytes++;
		return 0;
	}
	dht->counters.packets_out++;
	dht->counters.bytes_out += (uint64_t)len;
	count(dht->counters.out, m, (size_t)len);
	dht->ops.send(dht->self, to, datagram, (size_t)len);
	return 0;
}

void dht_source_proved(struct dht *dht, const struct dht_endpoint *at)
{
	if (dht->limits)
		dht_limits_proved(dht->limits, at, dht_now(dht));
}

/* Did another node answer than the one we asked? */
static bool is_stranger(
	const struct dht *dht, const struct dht_query *q, const struct dht_message *m)
{
	if (!m->has_id)
		return m->kind == DHT_REPLY;
	if (dht_id_equal(&m->id, &dht->config.id))
		return true;
	return q->purpose != DHT_FOR_JOIN && !dht_id_equal(&m->id, &q->to.id);
}

/* Somebody lives there, whoever it is. */
static void note_life(
	struct dht *dht, const struct dht_query *q, const struct dht_message *m, uint32_t rtt)
{
	dht_query_answered(dht, q, rtt, m->kind == DHT_REPLY);
	dht_source_proved(dht, &q->to.endpoint);
}

/* And it is who we thought. */
static void note_answer(
	struct dht *dht, const struct dht_query *q, const struct dht_message *m, uint32_t rtt)
{
	uint64_t now = dht_now(dht);
	struct dht_contact c = {.id = m->id, .endpoint = q->to.endpoint};
	dht_presence_answered(dht, &c.endpoint, m);
	/* Look-ups say at their end whom to believe (region.c). */
	if (q->lookup && dht_region_made_up(q->lookup, &c))
		return;
	if (m->has_id && (q->purpose == DHT_FOR_TABLE || q->purpose == DHT_FOR_JOIN))
		dht_region_met(dht, &c);
	if (m->has_id && dht_table_answered(dht_table_of(dht, &c.endpoint), &c, now, rtt,
				 m->client.len == 4 ? m->client.data : NULL))
		dht_upkeep_entered(dht, q->purpose == DHT_FOR_JOIN);
}

static void deliver_answer(struct dht *dht, const struct dht_query *q, const struct dht_message *m)
{
	switch (q->purpose) {
	case DHT_FOR_TABLE:
	case DHT_FOR_JOIN:
		dht_upkeep_ended(dht, q, true);
		break;
	case DHT_FOR_SEARCH:
		if (q->lookup && m->kind == DHT_REPLY)
			dht_lookup_reply(q->lookup, q, m);
		else if (q->lookup)
			dht_lookup_failed(q->lookup, q, NULL, m->error);
		break;
	case DHT_FOR_STORE:
		if (q->lookup)
			dht_put_answer(q->lookup, q, m);
		break;
	}
}

static void deliver_stranger(
	struct dht *dht, const struct dht_query *q, const struct dht_message *m)
{
	const struct dht_id *is = m->has_id ? &m->id : NULL;
	struct dht_contact there = {.id = m->id, .endpoint = q->to.endpoint};
	if (is)
		dht_region_met(dht, &there);
	bool was_known = dht_table_remove(dht_table_of(dht, &q->to.endpoint), &q->to, dht_now(dht));
	switch (q->purpose) {
	case DHT_FOR_TABLE:
	case DHT_FOR_JOIN:
		dht_upkeep_ended(dht, q, false);
		break;
	case DHT_FOR_SEARCH:
		if (q->lookup)
			dht_lookup_failed(q->lookup, q, is, 0);
		break;
	case DHT_FOR_STORE:
		if (q->lookup)
			dht_put_answer(q->lookup, q, NULL);
		break;
	}
	/* The same machine by a new id (BEP 42, a restart) is worth another look; one that has a
	 * new one each time was not in the table the second time. */
	if (was_known && is)
		dht_upkeep_renamed(dht, &there);
}

static void take_answer(
	struct dht *dht, const struct dht_endpoint *from, const struct dht_message *m)
{
	struct dht_query *pending = dht_query_match(dht, from, m->transaction);
	if (!pending) {
		dht->counters.junk++;
		return;
	}
	struct dht_query q = *pending;
	dht_query_drop(dht, pending);
	dht->counters.replies_in += m->kind == DHT_REPLY;
	dht->counters.errors_in += m->kind == DHT_ERROR;
	uint64_t took = dht_now(dht) - q.sent;
	uint32_t rtt = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
	note_life(dht, &q, m, rtt);
	if (is_stranger(dht, &q, m)) {
		deliver_stranger(dht, &q, m);
	} else {
		note_answer(dht, &q, m, rtt);
		deliver_answer(dht, &q, m);
	}
}

/* Before anything of it is read. What answers us was asked for, and is exempt from this. */
static bool admit(struct dht *dht, const struct dht_endpoint *from, size_t len)
{
	switch (dht_limits_in(dht->limits, from, len, dht_now(dht))) {
	case DHT_ADMIT:
		return true;
	case DHT_OVER_RATE:
		dht->counters.drop_rate++;
		return false;
	case DHT_OVER_BUDGET:
		dht->counters.drop_budget++;
		return false;
	}
	return false;
}

static void take_datagram(
	struct dht *dht, const struct dht_endpoint *from, const uint8_t *datagram, size_t len)
{
	struct dht_message m;
	bool exempt = dht->limits && dht_query_exempts(dht, from, datagram, len);
	if (dht->limits && !exempt && !admit(dht, from, len))
		return;
	int r = dht_message_read(datagram, len, &m);
	if (r < 0 && r != -EPROTO) {
		dht->counters.junk++;
		return;
	}
	/* Whom we asked cannot hide queries of his own in our transaction's name. */
	if (exempt && m.kind == DHT_QUERY && !admit(dht, from, len))
		return;
	count(dht->counters.in, &m, len);
	if (m.kind == DHT_QUERY) {
		dht->counters.queries_in++;
		dht_serve(dht, from, &m, r < 0 ? m.error : 0);
	} else {
		take_answer(dht, from, &m);
	}
}

void dht_receive(
	struct dht *dht, const struct dht_endpoint *from, const uint8_t *datagram, size_t len)
{
	dht_enter(dht);
	dht->counters.packets_in++;
	dht->counters.bytes_in += len;
	if (dht_acceptable(dht, from))
		take_datagram(dht, from, datagram, len);
	else
		dht->counters.junk++;
	dht_leave(dht);
}

void dht_refused(struct dht *dht, const struct dht_endpoint *at, const uint8_t *quoted, size_t len)
{
	if (dht_query_is_quoted(dht, at, quoted, len))
		dht_unreachable(dht, at);
	else
		dht->counters.junk++;
}

void dht_unreachable(struct dht *dht, const struct dht_endpoint *at)
{
	dht_enter(dht);
	dht_query_refused(dht, at);
	dht_leave(dht);
}

static void tell_node(const struct dht_node *node, dht_node_fn *fn, void *ctx)
{
	struct dht_node_info info = {.contact = node->contact,
		.heard = node->heard,
		.rtt = node->rtt,
		.failures = node->failures};
	memcpy(info.client, node->client, sizeof(info.client));
	fn(ctx, &info);
}

void dht_each_node(const struct dht *dht, dht_node_fn *fn, void *ctx)
{
	for (unsigned family = 0; family < 2; family++) {
		const struct dht_table *t = &dht->tables[family];
		for (size_t i = 0; i < t->buckets_len; i++)
			for (size_t j = 0; j < t->buckets[i].len; j++)
				tell_node(&t->buckets[i].nodes[j], fn, ctx);
	}
}

void dht_counters(const struct dht *dht, struct dht_counters *ret_counters)
{
	*ret_counters = dht->counters;
	ret_counters->nodes = dht_table_good(&dht->tables[0]) + dht_table_good(&dht->tables[1]);
	ret_counters->lookups = dht->lookups.len;
	ret_counters->size4 = dht_region_size(dht, 0);
	ret_counters->size6 = dht_region_size(dht, 1);
	if (dht->ops.count)
		dht->ops.count(dht->self, ret_counters);
	ret_counters->published = dht->republish.items;
}

const struct dht_id *dht_own_id(const struct dht *dht)
{
	return &dht->config.id;
}
