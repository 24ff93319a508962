/* Puts that do not go as they should: nodes that fail while it is stored, and our own store, which
 * holds something else. */
#undef NDEBUG
#include "tests/dht/lookup_world.h"

static void begin_put(struct world *w, struct outcome *o, unsigned flags)
{
	assert_int_equal(dht_put(w->dht, &item, flags, on_put, o, &o->lookup), 0);
	dht_run(w->dht);
}

/* Takes it, or refuses the token. */
static void answer_put(struct world *w, size_t i, bool takes)
{
	struct dht_message m;
	assert_true(sent_query(w, i, DHT_PUT, &m));
	struct dht_message reply = reply_to(w, i, &m);
	if (!takes)
		reply = (struct dht_message){.kind = DHT_ERROR,
			.transaction = m.transaction,
			.error = DHT_E_PROTOCOL,
			.error_text = BYTES("bad token")};
	world_tell(w, &w->sent[i].to, &reply);
}

/* Four of the eight refuse their tokens, and only one more is known: a second search asks them for
 * new ones, and they take the item then. There is no third. */
static void tokens_that_have_aged(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_message m;
	size_t refusals = 0;
	know_nodes(w, 9);
	begin_put(w, &o, 0);
	answer_gets(w, 0, false);
	size_t asked = queries(w, DHT_GET);
	for (size_t i = 0; i < w->sent_len; i++) {
		if (sent_query(w, i, DHT_PUT, &m))
			answer_put(w, i, refusals++ >= 4);
		else if (i >= asked && sent_query(w, i, DHT_GET, &m))
			answer_gets(w, i, false);
	}
	assert_int_equal(o.ends, 1);
	assert_int_equal(queries(w, DHT_GET), asked + 4);
	assert_true(o.result.stored >= 8);

	o = (struct outcome){0};
	world_clear(w);
	w->now += 301 * WORLD_SECOND;
	begin_put(w, &o, 0);
	answer_gets(w, 0, false);
	asked = queries(w, DHT_GET);
	for (size_t i = 0; i < w->sent_len; i++) {
		if (sent_query(w, i, DHT_PUT, &m))
			answer_put(w, i, false);
		else if (i >= asked && sent_query(w, i, DHT_GET, &m))
			answer_gets(w, i, false);
	}
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.stored, 0);
	assert_int_equal(queries(w, DHT_PUT), 18);
}

/* We are one of the eight, and hold something newer: so only seven others are told of what they
 * will refuse; an eighth, which holds nothing, would take it. */
static void our_own_refusal_is_one_of_eight(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_id target;
	dht_item_target(&item, &target);
	know_nodes(w, 7);
	nodes[7] = (struct dht_contact){target, endpoint("10.0.7.1:4001")};
	nodes[7].id.b[0] = (uint8_t)~target.b[0];
	world_befriend(w, &nodes[7]); /* farther than we are */
	world_clear(w);
	item.seq = 9;
	dht_item_sign(&item, key_seed);
	world_keep(w, &target, &item, NULL);
	item.seq = 7;
	dht_item_sign(&item, key_seed);
	begin_put(w, &o, DHT_PUT_CAS);
	answer_gets(w, 0, false);
	assert_int_equal(queries(w, DHT_PUT), 7);
	for (size_t i = 0; i < w->sent_len; i++) {
		struct dht_message m;
		if (sent_query(w, i, DHT_PUT, &m))
			answer_put(w, i, true);
	}
	assert_int_equal(queries(w, DHT_PUT), 7);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.refused_cas, 1);
	assert_false(o.result.stored_here);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tokens_that_have_aged),
		TEST(our_own_refusal_is_one_of_eight),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
