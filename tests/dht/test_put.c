/* Puts that do not go as they should: nodes that fail while it is stored, and our own store, which
 * holds something else. */
#undef NDEBUG
#include "dht/engine.h"
#include "tests/dht/lookup_world.h"

static void begin_put(struct world *w, struct outcome *o, unsigned flags)
{
	assert_int_equal(dht_put(w->dht, &item, flags, on_put, o, &o->lookup), 0);
	dht_run(w->dht);
}

/* Takes it (0), or answers with that error. */
static void answer_with(struct world *w, size_t i, int error)
{
	struct dht_message m;
	assert_true(sent_query(w, i, DHT_PUT, &m));
	struct dht_message reply = reply_to(w, i, &m);
	if (error)
		reply = (struct dht_message){.kind = DHT_ERROR,
			.transaction = m.transaction,
			.error = error,
			.error_text = BYTES("no")};
	world_tell(w, &w->sent[i].to, &reply);
}

/* Takes it, or refuses the token. */
static void answer_put(struct world *w, size_t i, bool takes)
{
	answer_with(w, i, takes ? 0 : DHT_E_PROTOCOL);
}

/* Which packet was the n-th put? */
static size_t nth_put(struct world *w, size_t n)
{
	struct dht_message m;
	size_t i = 0;
	for (; i < w->sent_len; i++)
		if (sent_query(w, i, DHT_PUT, &m) && n-- == 0)
			break;
	return i;
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

/* Who was sent a put, in the order of the first. */
struct stores {
	const struct dht_contact *at[NODES];
	size_t len;
};

static size_t order_of(struct stores *s, const struct dht_contact *at)
{
	size_t n = 0;
	while (n < s->len && s->at[n] != at)
		n++;
	if (n == s->len)
		s->at[s->len++] = at;
	return n;
}

/* Three of the nine are silent, and the five others that the second search finds as well: a third
 * finds some that are not. */
static void silent_ones_make_a_third_search(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct stores stores = {0};
	struct dht_message m;
	size_t i = 0;
	know_nodes(w, NODES);
	begin_put(w, &o, 0);
	for (unsigned times = 0; times < 400 && !o.ends; times++) {
		for (; i < w->sent_len; i++) {
			if (sent_query(w, i, DHT_GET, &m)) {
				struct dht_message reply = reply_to(w, i, &m);
				world_tell(w, &w->sent[i].to, &reply);
			} else if (sent_query(w, i, DHT_PUT, &m)) {
				size_t n = order_of(&stores, addressee(w, i));
				if (n >= 14 || (n >= 3 && n < 9))
					answer_put(w, i, true);
			}
		}
		world_pass(w, WORLD_SECOND / 20);
	}
	assert_int_equal(o.ends, 1);
	assert_true(o.result.stored >= 8);
}

/* But who refuses twice will not be asked a third time, nor anybody else instead of him. */
static void refusals_make_no_third(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct stores stores = {0};
	struct dht_message m;
	know_nodes(w, NODES);
	begin_put(w, &o, 0);
	for (size_t i = 0; i < w->sent_len; i++) {
		if (sent_query(w, i, DHT_GET, &m)) {
			struct dht_message reply = reply_to(w, i, &m);
			world_tell(w, &w->sent[i].to, &reply);
		} else if (sent_query(w, i, DHT_PUT, &m)) {
			order_of(&stores, addressee(w, i));
			answer_put(w, i, false);
		}
	}
	assert_int_equal(o.ends, 1);
	assert_int_equal(stores.len, 9);
	assert_int_equal(o.result.stored, 0);
}

/* Who took it while he was believed, and is a suspect when the last has answered, does not count.
 */
static void suspects_do_not_count_at_the_end(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	know_nodes(w, 9);
	begin_put(w, &o, 0);
	answer_gets(w, 0, false);
	for (size_t n = 0; n < 7; n++)
		answer_put(w, nth_put(w, n), true);
	struct dht_candidates *front = &o.lookup->fronts[0];
	dht_candidates_find(front, addressee(w, nth_put(w, 0)))->standing = DHT_SUSPECT;
	for (size_t n = 7; n < 9; n++)
		answer_with(w, nth_put(w, n), DHT_E_SEQ);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.stored, 6);
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

/* Nine are stored at, the farthest of them not waited for; and as it has not told whether it
 * stored, the next put does not claim to know what it holds. */
static void the_ninth_is_not_waited_for(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	know_nodes(w, 12);
	begin_put(w, &o, 0);
	answer_gets(w, 0, false);
	assert_int_equal(queries(w, DHT_PUT), 9);
	const struct dht_contact *ninth = addressee(w, 8);
	for (size_t i = 0; i < w->sent_len; i++) {
		struct dht_message m;
		if (!sent_query(w, i, DHT_PUT, &m) || addressee(w, i) == ninth)
			continue;
		assert_int_equal(o.ends, 0);
		answer_put(w, i, true);
	}
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.stored, 8);
	world_clear(w);
	begin_put(w, &o, DHT_PUT_CAS);
	assert_int_equal(queries(w, DHT_GET), 0);
	for (size_t n = 0; n < 8; n++)
		answer_put(w, nth_put(w, n), true);
	assert_int_equal(o.ends, 2);
	assert_int_equal(queries_to(w, DHT_PUT, ninth), 0);
}

/* Within five minutes a put goes by what the last look-up of its target found, in one round, though
 * there be a nearer node by now. */
static void a_second_put_asks_nobody(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_id nearest;
	know_nodes(w, 12);
	begin_put(w, &o, 0);
	answer_gets(w, 0, false);
	for (size_t n = 0; n < 9; n++)
		answer_put(w, nth_put(w, n), true);
	assert_int_equal(o.ends, 1);
	dht_item_target(&item, &nearest);
	nearest.b[DHT_ID_LEN - 1] ^= 1;
	nodes[12] = (struct dht_contact){nearest, endpoint("10.0.12.1:4001")};
	world_befriend(w, &nodes[12]);
	world_clear(w);
	begin_put(w, &o, 0);
	assert_int_equal(queries(w, DHT_GET), 0);
	assert_true(queries(w, DHT_PUT) >= 8);
	dht_cancel(w->dht, o.lookup);
	world_clear(w);
	w->now += 301 * WORLD_SECOND;
	begin_put(w, &o, 0);
	assert_int_equal(queries_to(w, DHT_GET, &nodes[12]), 1);
	dht_cancel(w->dht, o.lookup);
}

/* A search that took 20 packets by itself has no packet for a ninth. */
static void a_dear_put_has_no_ninth(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	know_nodes(w, 12);
	begin_put(w, &o, 0);
	o.lookup->result.queries += 10; /* as if so many had been silent */
	answer_gets(w, 0, false);
	assert_int_equal(queries(w, DHT_PUT), 8);
	dht_cancel(w->dht, o.lookup);
}

/* It holds nothing, and would take what the eight may refuse. */
static void with_cas_the_ninth_waits_for_six(void **state)
{
	struct world *w = *state;
	for (int refusals = 0; refusals < 2; refusals++) {
		struct outcome o = {0};
		know_nodes(w, 12);
		item.seq++;
		dht_item_sign(&item, key_seed);
		begin_get(w, &o);
		answer_gets(w, 8, false); /* it is one of the quick */
		answer_gets(w, 0, false);
		world_clear(w);
		begin_put(w, &o, DHT_PUT_CAS);
		assert_int_equal(queries(w, DHT_PUT), 8);
		if (refusals)
			answer_with(w, nth_put(w, 7), DHT_E_CAS);
		for (size_t n = 0; n < 5; n++)
			answer_put(w, nth_put(w, n), true);
		assert_int_equal(queries(w, DHT_PUT), 8);
		answer_put(w, nth_put(w, 5), true);
		assert_int_equal(queries(w, DHT_PUT), refusals ? 8 : 9);
		dht_cancel(w->dht, o.lookup);
		world_clear(w);
	}
}

/* A question about the far side of the region (detour.c) was under way when the put began to search
 * anew: nobody waits for what it says. */
static void a_second_search_waits_for_no_round(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_message m;
	know_nodes(w, 9);
	begin_put(w, &o, 0);
	answer_gets(w, 0, false);
	struct dht_candidates *front = &o.lookup->fronts[0];
	front->rounds = 1;
	front->list[0].round = DHT_ASKED;
	front->list[0].round_query = UINT64_MAX;
	size_t refusals = 0, asked = queries(w, DHT_GET);
	for (size_t i = 0; i < w->sent_len && !o.ends; i++) {
		if (sent_query(w, i, DHT_PUT, &m))
			answer_put(w, i, refusals++ >= 4);
		else if (i >= asked && sent_query(w, i, DHT_GET, &m))
			answer_gets(w, i, false);
	}
	world_pass(w, 10 * WORLD_SECOND);
	assert_int_equal(o.ends, 1);
	assert_true(o.result.stored >= 8);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tokens_that_have_aged),
		TEST(silent_ones_make_a_third_search),
		TEST(refusals_make_no_third),
		TEST(suspects_do_not_count_at_the_end),
		TEST(a_second_search_waits_for_no_round),
		TEST(our_own_refusal_is_one_of_eight),
		TEST(the_ninth_is_not_waited_for),
		TEST(a_second_put_asks_nobody),
		TEST(a_dear_put_has_no_ninth),
		TEST(with_cas_the_ninth_waits_for_six),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
