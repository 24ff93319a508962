/* Look-ups against nodes that do as we say: what is sent, what is believed, when it ends. */
#undef NDEBUG
#include "tests/dht/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define NODES 12

static struct world world;
static struct dht_contact nodes[NODES];
static const uint8_t key_seed[DHT_SEED_LEN] = "a seed";
static struct dht_item item; /* mutable, seq 7 */

static void know_nodes(struct world *w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char text[40];
		snprintf(text, sizeof(text), "10.0.%zu.1:4001", i);
		nodes[i] = (struct dht_contact){id_of((uint8_t)(i * 16), 2), endpoint(text)};
		world_befriend(w, &nodes[i]);
	}
	world_clear(w);
}

static int setup(void **state)
{
	*state = &world;
	world_start(&world, false, false);
	item = (struct dht_item){.is_mutable = true, .seq = 7};
	dht_item_set_string(&item, "hello", 5);
	dht_item_sign(&item, key_seed);
	return 0;
}

static int teardown(void **state)
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
	bool cancel_at_value, again_at_end;
};

static void on_get(void *ctx, const struct dht_item *got, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	struct outcome *o = ctx;
	if (result) {
		assert_null(got);
		o->ends++;
		o->result = *result;
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

static void on_put(void *ctx, const struct dht_result *result)
{
	struct outcome *o = ctx;
	o->ends++;
	o->result = *result;
}

static void on_peers(
	void *ctx, const struct dht_endpoint *peers, size_t len, const struct dht_result *result)
{
	struct outcome *o = ctx;
	assert_int_equal(peers != NULL, result == NULL);
	o->peers += (unsigned)len;
	o->ends += result != NULL;
}

static void begin_get(struct world *w, struct outcome *o)
{
	assert_int_equal(dht_get_mutable(w->dht, item.key, NULL, 0, on_get, o, &o->lookup), 0);
	dht_run(w->dht);
}

/* The i-th packet sent, read, if it is a query of that method; else false. */
static bool sent_query(struct world *w, size_t i, enum dht_method method, struct dht_message *m)
{
	return i < w->sent_len && dht_message_read(w->sent[i].data, w->sent[i].len, m) == 0 &&
	       m->kind == DHT_QUERY && m->method == method;
}

static const struct dht_contact *addressee(struct world *w, size_t i)
{
	for (size_t n = 0; n < NODES; n++)
		if (dht_endpoint_equal(&nodes[n].endpoint, &w->sent[i].to))
			return &nodes[n];
	return NULL;
}

static struct dht_message reply_to(struct world *w, size_t i, const struct dht_message *m)
{
	return (struct dht_message){.kind = DHT_REPLY,
		.transaction = m->transaction,
		.has_id = true,
		.id = addressee(w, i)->id,
		.token = BYTES("tokentok")};
}

static void add_item(struct dht_message *reply)
{
	reply->value = (struct bytes){item.value, item.value_len};
	reply->key = (struct bytes){item.key, DHT_KEY_LEN};
	reply->sig = (struct bytes){item.sig, DHT_SIG_LEN};
	reply->has_key = reply->has_sig = reply->has_seq = true;
	reply->seq = item.seq;
}

/* Answers all gets from the i-th packet on; every one with the item if `with`. */
static void answer_gets(struct world *w, size_t i, bool with)
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

static void nothing_comes_before_the_call_returns(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_id target;
	dht_item_target(&item, &target);
	world_keep(w, &target, &item);
	w->woken = UINT64_MAX;
	assert_int_equal(dht_get_mutable(w->dht, item.key, NULL, 0, on_get, &o, &o.lookup), 0);
	assert_int_equal(o.ends + o.own, 0);
	assert_int_equal(w->woken, w->now); /* but soon */
	dht_run(w->dht);
	assert_int_equal(o.own, 1);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.error, -EHOSTUNREACH);
}

static void what_a_get_asks(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_message m;
	struct dht_id target;
	know_nodes(w, NODES);
	begin_get(w, &o);
	dht_item_target(&item, &target);
	size_t gets = 0;
	for (size_t i = 0; i < w->sent_len; i++) {
		if (!sent_query(w, i, DHT_GET, &m))
			continue;
		gets++;
		assert_int_equal(m.transaction.len, 4);
		assert_true(dht_id_equal(&m.target, &target));
		assert_true(m.has_seq && m.seq == 0);
		assert_false(m.want4 || m.want6 || m.read_only);
	}
	assert_int_equal(gets, 8);
	dht_cancel(w->dht, o.lookup);
	world_clear(w);
	assert_int_equal(dht_get_immutable(w->dht, &target, on_get, &o, &o.lookup), 0);
	dht_run(w->dht);
	gets = 0;
	for (size_t i = 0; i < w->sent_len; i++)
		if (sent_query(w, i, DHT_GET, &m)) {
			gets++;
			assert_false(m.has_seq);
		}
	assert_int_equal(gets, 8);
}

static void every_value_is_delivered_and_verified_once(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_counters before, after;
	know_nodes(w, NODES);
	dht_counters(w->dht, &before);
	begin_get(w, &o);
	answer_gets(w, 0, true);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.values, o.result.answered);
	assert_int_equal(o.result.holders, o.result.answered);
	assert_true(o.result.answered >= 8 && o.result.answered <= 10);
	assert_true(o.result.queries <= 10);
	assert_int_equal(o.result.seq_seen, 7);
	assert_int_equal(o.result.error, 0);
	dht_counters(w->dht, &after);
	assert_int_equal(after.verifications - before.verifications, 1);
	assert_int_equal(after.gets, 1);
}

static void silent_nodes_open_a_slot(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	know_nodes(w, NODES);
	begin_get(w, &o);
	size_t first = w->sent_len;
	world_pass(w, 300 * 1000);
	assert_true(w->sent_len > first); /* round trips here are of no time: 100 ms are enough */
	answer_gets(w, first, false);
	world_pass(w, 2 * WORLD_SECOND);
	answer_gets(w, first, false);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.error, 0);
	assert_int_equal(o.result.holders, 0);
}

static void late_answers_count(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	know_nodes(w, 1);
	begin_get(w, &o);
	world_pass(w, 2 * WORLD_SECOND / 10);
	answer_gets(w, 0, true); /* the first is answered after it has been sent once more */
	assert_int_equal(o.values, 1);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.answered, 1);
}

static void nobody_answers(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	know_nodes(w, 3);
	begin_get(w, &o);
	uint64_t began = w->now;
	while (!o.ends && w->now < began + 10 * WORLD_SECOND)
		world_pass(w, 50 * 1000);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.error, -ENETUNREACH);
	assert_true(w->now - began < 3 * WORLD_SECOND);
}

static void refusals_are_seen_at_once(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	know_nodes(w, 3);
	begin_get(w, &o);
	for (size_t i = 0; i < 3; i++)
		dht_refused(w->dht, &nodes[i].endpoint);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.error, -ENETUNREACH);
}

static void cancelled_from_its_own_callback(void **state)
{
	struct world *w = *state;
	struct outcome o = {.cancel_at_value = true};
	know_nodes(w, NODES);
	begin_get(w, &o);
	answer_gets(w, 0, true);
	world_pass(w, 10 * WORLD_SECOND);
	assert_int_equal(o.values, 1);
	assert_int_equal(o.ends, 0);
}

static void begun_anew_from_its_own_callback(void **state)
{
	struct world *w = *state;
	struct outcome o = {.again_at_end = true};
	begin_get(w, &o);
	assert_int_equal(o.ends, 1); /* and not all of them within one call */
	for (int i = 0; i < 10; i++)
		dht_run(w->dht);
	assert_int_equal(o.ends, 5);
}

static void what_a_put_sends(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_message m;
	struct dht_id target;
	dht_item_target(&item, &target);
	know_nodes(w, NODES);
	assert_int_equal(dht_put(w->dht, &item, 0, on_put, &o, &o.lookup), 0);
	dht_run(w->dht);
	answer_gets(w, 0, false);
	size_t puts = 0;
	for (size_t i = 0; i < w->sent_len; i++) {
		if (!sent_query(w, i, DHT_PUT, &m))
			continue;
		puts++;
		assert_memory_equal(m.token.data, "tokentok", 8);
		assert_true(m.has_target && dht_id_equal(&m.target, &target));
		assert_memory_equal(m.value.data, item.value, item.value_len);
		assert_false(m.has_cas);
		struct dht_message reply = reply_to(w, i, &m);
		world_tell(w, &w->sent[i].to, &reply);
	}
	assert_int_equal(puts, 8);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.stored, 8);
}

static void nodes_that_cannot_store_are_passed_over(void **state)
{
	static const uint8_t long_token[41] = "t";
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_message m;
	know_nodes(w, 3);
	assert_int_equal(dht_put(w->dht, &item, 0, on_put, &o, &o.lookup), 0);
	dht_run(w->dht);
	size_t first = w->sent_len;
	for (size_t i = 0; i < first; i++) {
		if (!sent_query(w, i, DHT_GET, &m))
			continue;
		const struct dht_contact *to = addressee(w, i);
		struct dht_message reply = reply_to(w, i, &m);
		if (to == &nodes[0])
			reply.token = (struct bytes){0};
		else if (to == &nodes[1])
			reply.token = (struct bytes){long_token, sizeof(long_token)};
		else
			reply = (struct dht_message){.kind = DHT_ERROR,
				.transaction = m.transaction,
				.error = DHT_E_METHOD,
				.error_text = BYTES("Method Unknown")};
		world_tell(w, &w->sent[i].to, &reply);
	}
	for (size_t i = first; i < w->sent_len; i++)
		assert_false(sent_query(w, i, DHT_PUT, &m));
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.stored, 0);
	assert_int_equal(o.result.answered, 2);
	assert_true(o.result.stored_here);
}

static void peers(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_id hash = id_of(1, 1);
	struct dht_message m;
	know_nodes(w, 2);
	assert_int_equal(dht_get_peers(w->dht, &hash, on_peers, &o, &o.lookup), 0);
	dht_run(w->dht);
	for (size_t i = 0; i < w->sent_len; i++) {
		if (!sent_query(w, i, DHT_GET_PEERS, &m))
			continue;
		struct dht_message reply = reply_to(w, i, &m);
		reply.peers_len = 2;
		reply.peers[0] = endpoint("10.3.3.3:1");
		reply.peers[1] = endpoint("10.3.3.4:2");
		world_tell(w, &w->sent[i].to, &reply);
	}
	assert_int_equal(o.peers, 4);
	assert_int_equal(o.ends, 1);
}

static void bounded(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	uint8_t salt[65] = {0};
	assert_int_equal(
		dht_get_mutable(w->dht, item.key, salt, 65, on_get, &o, &o.lookup), -EINVAL);
	for (unsigned i = 0; i < 1024; i++)
		assert_int_equal(
			dht_get_mutable(w->dht, item.key, salt, 64, on_get, &o, &o.lookup), 0);
	assert_int_equal(
		dht_get_mutable(w->dht, item.key, salt, 64, on_get, &o, &o.lookup), -EBUSY);
	assert_int_equal(dht_put(w->dht, &item, 0, on_put, &o, &o.lookup), -EBUSY);
	/* Destroyed with all of them under way: no callback, no leak. */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_comes_before_the_call_returns),
		TEST(what_a_get_asks),
		TEST(every_value_is_delivered_and_verified_once),
		TEST(silent_nodes_open_a_slot),
		TEST(late_answers_count),
		TEST(nobody_answers),
		TEST(refusals_are_seen_at_once),
		TEST(cancelled_from_its_own_callback),
		TEST(begun_anew_from_its_own_callback),
		TEST(what_a_put_sends),
		TEST(nodes_that_cannot_store_are_passed_over),
		TEST(peers),
		TEST(bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
