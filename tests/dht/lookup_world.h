/* One node under test among thirty that do as we say: for tests of look-ups. */
#ifndef TESTS_DHT_LOOKUP_WORLD_H
#define TESTS_DHT_LOOKUP_WORLD_H

#include "tests/dht/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define NODES 30

static struct world world;
static struct dht_contact nodes[NODES];
static const uint8_t key_seed[DHT_SEED_LEN] = "a seed";
static struct dht_item item; /* mutable, seq 7 */

static inline void know_nodes(struct world *w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char text[40];
		snprintf(text, sizeof(text), "10.0.%zu.1:4001", i);
		nodes[i] = (struct dht_contact){id_of((uint8_t)(i * 8), 2), endpoint(text)};
		world_befriend(w, &nodes[i]);
	}
	world_clear(w);
}

static inline int setup(void **state)
{
	*state = &world;
	world_start(&world, false, false);
	item = (struct dht_item){.is_mutable = true, .seq = 7};
	dht_item_set_string(&item, "hello", 5);
	dht_item_sign(&item, key_seed);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	world_end(&world);
	return 0;
}

/* What came of a look-up. */
struct outcome {
	unsigned values, own, ends, peers;
	struct dht_item last;
	struct dht_result result;
	struct dht_lookup *lookup;
	bool cancel_at_value, cancel_at_end, again_at_end;
};

static inline void on_get(void *ctx, const struct dht_item *got, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	struct outcome *o = ctx;
	if (result) {
		assert_null(got);
		o->ends++;
		o->result = *result;
		if (o->cancel_at_end)
			dht_cancel(world.dht, o->lookup);
		if (o->again_at_end && o->ends < 5)
			assert_int_equal(dht_get_mutable(world.dht, item.key, NULL, 0, on_get, o,
						 &o->lookup),
				0);
		return;
	}
	o->values += from != NULL;
	o->own += from == NULL;
	o->last = *got;
	if (o->cancel_at_value)
		dht_cancel(world.dht, o->lookup);
}

static inline void on_put(void *ctx, const struct dht_result *result)
{
	struct outcome *o = ctx;
	o->ends++;
	o->result = *result;
}

static inline void begin_get(struct world *w, struct outcome *o)
{
	assert_int_equal(dht_get_mutable(w->dht, item.key, NULL, 0, on_get, o, &o->lookup), 0);
	dht_run(w->dht);
}

/* The i-th packet sent, read, if it is a query of that method; else false. */
static inline bool sent_query(
	struct world *w, size_t i, enum dht_method method, struct dht_message *m)
{
	return i < w->sent_len && dht_message_read(w->sent[i].data, w->sent[i].len, m) == 0 &&
	       m->kind == DHT_QUERY && m->method == method;
}

static inline const struct dht_contact *addressee(struct world *w, size_t i)
{
	for (size_t n = 0; n < NODES; n++)
		if (dht_endpoint_equal(&nodes[n].endpoint, &w->sent[i].to))
			return &nodes[n];
	return NULL;
}

static inline struct dht_message reply_to(struct world *w, size_t i, const struct dht_message *m)
{
	return (struct dht_message){.kind = DHT_REPLY,
		.transaction = m->transaction,
		.has_id = true,
		.id = addressee(w, i)->id,
		.token = BYTES("tokentok")};
}

static inline void add_item(struct dht_message *reply)
{
	reply->value = (struct bytes){item.value, item.value_len};
	reply->key = (struct bytes){item.key, DHT_KEY_LEN};
	reply->sig = (struct bytes){item.sig, DHT_SIG_LEN};
	reply->has_key = reply->has_sig = reply->has_seq = true;
	reply->seq = item.seq;
}

/* Answers all gets from the i-th packet on; every one with the item if `with`. */
static inline void answer_gets(struct world *w, size_t i, bool with)
{
	struct dht_message m;
	for (; i < w->sent_len; i++) {
		if (!sent_query(w, i, DHT_GET, &m))
			continue;
		struct dht_message reply = reply_to(w, i, &m);
		if (with)
			add_item(&reply);
		world_tell(w, &w->sent[i].to, &reply);
	}
}

static inline size_t gets_to(struct world *w, const struct dht_contact *to)
{
	struct dht_message m;
	size_t gets = 0;
	for (size_t i = 0; i < w->sent_len; i++)
		gets += sent_query(w, i, DHT_GET, &m) && addressee(w, i) == to;
	return gets;
}

/* Is the i-th packet such a query of a look-up of ours, not of upkeep? */
static inline bool is_ours(
	struct world *w, size_t i, enum dht_method method, const struct dht_contact *to)
{
	struct dht_message m;
	struct dht_id target;
	dht_item_target(&item, &target);
	return sent_query(w, i, method, &m) && dht_id_equal(&m.target, &target) &&
	       dht_endpoint_equal(&w->sent[i].to, &to->endpoint);
}

static inline size_t queries_to(
	struct world *w, enum dht_method method, const struct dht_contact *to)
{
	size_t n = 0;
	for (size_t i = 0; i < w->sent_len; i++)
		n += is_ours(w, i, method, to);
	return n;
}

static inline size_t queries(struct world *w, enum dht_method method)
{
	struct dht_message m;
	size_t n = 0;
	for (size_t i = 0; i < w->sent_len; i++)
		n += sent_query(w, i, method, &m);
	return n;
}

#endif
