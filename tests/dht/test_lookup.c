/* Look-ups against nodes that do as we say: what is sent, what is believed, when it ends. */
#undef NDEBUG
#include "dht/engine.h"
#include "tests/dht/lookup_world.h"

#include <stdlib.h>

static void on_peers(
	void *ctx, const struct dht_endpoint *peers, size_t len, const struct dht_result *result)
{
	struct outcome *o = ctx;
	assert_int_equal(peers != NULL, result == NULL);
	o->peers += (unsigned)len;
	o->ends += result != NULL;
}

static void nothing_comes_before_the_call_returns(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_id target;
	dht_item_target(&item, &target);
	world_keep(w, &target, &item, NULL);
	w->woken = UINT64_MAX;
	assert_int_equal(dht_get_mutable(w->dht, item.key, NULL, 0, on_get, &o, &o.lookup), 0);
	assert_int_equal(o.ends + o.own, 0);
	assert_int_equal(w->woken, w->now); /* but soon */
	dht_run(w->dht);
	assert_int_equal(o.own, 1);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.error, -EHOSTUNREACH);
}

/* What our own disk says is verified like what anybody says. */
static void a_damaged_store_is_not_believed(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_counters counters;
	struct dht_id target;
	dht_item_target(&item, &target);
	item.value[3] ^= 1;
	world_keep(w, &target, &item, NULL);
	item.value[3] ^= 1;
	begin_get(w, &o);
	assert_int_equal(o.own, 0);
	assert_int_equal(o.ends, 1);
	dht_counters(w->dht, &counters);
	assert_int_equal(counters.values_bad, 1);
}

static void what_a_get_asks(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_message m;
	struct dht_id target;
	know_nodes(w, 12);
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
	assert_int_equal(gets, 9); /* eight, and one in case one does not answer */
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
	assert_int_equal(gets, 9);
}

static void every_value_is_delivered_and_verified_once(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_counters before, after;
	know_nodes(w, 12);
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
	know_nodes(w, 12);
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
	world_pass(w, 1100 * 1000);   /* too few round trips yet: a second is waited */
	assert_true(w->sent_len > 1); /* sent once more; but it is the first that is answered */
	w->sent_len = 1;
	answer_gets(w, 0, true);
	assert_int_equal(o.values, 1);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.answered, 1);
}

static void answered_twice_counts_once(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_message m;
	know_nodes(w, 2);
	begin_get(w, &o);
	world_pass(w, 1100 * 1000);
	assert_int_equal(gets_to(w, &nodes[0]), 2);
	for (size_t i = 0; i < w->sent_len; i++) {
		if (!sent_query(w, i, DHT_GET, &m) || addressee(w, i) != &nodes[0])
			continue;
		struct dht_message reply = reply_to(w, i, &m);
		add_item(&reply);
		world_tell(w, &w->sent[i].to, &reply);
	}
	assert_int_equal(o.ends, 0);
	assert_int_equal(o.values, 1);
	world_pass(w, 5 * WORLD_SECOND);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.answered, 1);
	assert_int_equal(o.result.holders, 1);
}

/* Every node that answers names nearer ones, and us; all of them exist. Their ids differ from the
 * target's in one byte. How many are asked? */
static size_t nearer_and_nearer(struct world *w, size_t byte, struct outcome *ret_outcome)
{
	struct outcome o = {0};
	struct dht_message m;
	struct dht_id target;
	struct dht_contact named = {.id = *dht_own_id(w->dht), .endpoint = endpoint("10.7.0.0:7")};
	size_t gets = 0;
	dht_item_target(&item, &target);
	know_nodes(w, 1);
	begin_get(w, &o);
	for (size_t i = 0; i < w->sent_len && !o.ends; i++) {
		if (!sent_query(w, i, DHT_GET, &m))
			continue;
		struct dht_message reply = {.kind = DHT_REPLY,
			.transaction = m.transaction,
			.has_id = true,
			.id = nodes[0].id,
			.want4 = true,
			.nodes_len = 1};
		if (w->sent[i].to.ip[1] == 7) { /* its number is in its address and its id */
			assert_true(w->sent[i].to.ip[3] != 0);
			reply.id = target;
			reply.id.b[byte] ^= (uint8_t)~w->sent[i].to.ip[3];
		}
		reply.nodes[0] = named;
		for (uint8_t n = 1; n <= 4; n++, reply.nodes_len++) {
			named.endpoint.ip[3] = (uint8_t)(gets * 3 + n);
			reply.nodes[n] = (struct dht_contact){target, named.endpoint};
			reply.nodes[n].id.b[byte] ^= (uint8_t)~named.endpoint.ip[3];
		}
		named.endpoint.ip[3] = 0;
		gets++;
		world_tell(w, &w->sent[i].to, &reply);
	}
	assert_int_equal(o.ends, 1);
	*ret_outcome = o;
	return gets;
}

static void no_end_of_nearer_nodes(void **state)
{
	struct outcome o;
	assert_in_range(nearer_and_nearer(*state, 0, &o), 8, 60);
	assert_false(o.result.crowded);
}

/* As near to each other as in no network: what they name leads nowhere. */
static void no_way_through_made_up_ids(void **state)
{
	struct outcome o;
	assert_in_range(nearer_and_nearer(*state, 4, &o), 2, 7);
	assert_true(o.result.crowded);
}

/* More nodes than a look-up begins with are gone: the rest of the table is drawn upon. */
static void half_of_the_network_is_gone(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_message m;
	know_nodes(w, NODES);
	begin_get(w, &o);
	for (size_t i = 0; i < w->sent_len; i++) {
		if (!sent_query(w, i, DHT_GET, &m))
			continue;
		if (o.result.queries++ < 18) {
			dht_unreachable(w->dht, &addressee(w, i)->endpoint);
			continue;
		}
		struct dht_message reply = reply_to(w, i, &m);
		add_item(&reply);
		world_tell(w, &w->sent[i].to, &reply);
	}
	assert_int_equal(o.ends, 1);
	assert_true(o.values >= 8);
}

/* Others go on naming a node that is gone; who found it silent twice asks it last, and once. */
static void the_silent_are_not_asked_again_and_again(void **state)
{
	struct world *w = *state;
	struct dht_message m;
	know_nodes(w, 2);
	nodes[2] = (struct dht_contact){id_of(0x99, 2), endpoint("10.0.2.1:4001")};
	for (unsigned round = 0; round < 2; round++) {
		struct outcome o = {0};
		world_clear(w);
		begin_get(w, &o);
		for (size_t i = 0; i < w->sent_len; i++) {
			if (!sent_query(w, i, DHT_GET, &m) || addressee(w, i) == &nodes[2])
				continue;
			struct dht_message reply = reply_to(w, i, &m);
			reply.want4 = true;
			reply.nodes[reply.nodes_len++] = nodes[2];
			world_tell(w, &w->sent[i].to, &reply);
		}
		world_pass(w, 5 * WORLD_SECOND);
		assert_int_equal(o.ends, 1);
		assert_int_equal(gets_to(w, &nodes[2]), round == 0 ? 2 : 1);
	}
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
		dht_unreachable(w->dht, &nodes[i].endpoint);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.error, -ENETUNREACH);
}

/* Anybody can send an ICMP error about anyone. Without the transaction of a query to that very
 * endpoint it changes nothing, however often it comes. */
static void forged_refusals_are_not_believed(void **state)
{
	static const char guess[] = "d1:ad2:id20:UUUUUUUUUUUUUUUUUUUUe1:q3:get1:t4:aaaa1:y1:qe";
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_counters before, after;
	know_nodes(w, 3);
	begin_get(w, &o);
	struct packet sent[3];
	assert_true(w->sent_len >= 3);
	memcpy(sent, w->sent, sizeof(sent));
	dht_counters(w->dht, &before);
	for (size_t i = 0; i < 3; i++) {
		const struct packet *other = &sent[(i + 1) % 3];
		dht_refused(w->dht, &sent[i].to, NULL, 0);
		dht_refused(w->dht, &sent[i].to, (const uint8_t *)guess, sizeof(guess) - 1);
		dht_refused(w->dht, &sent[i].to, other->data, other->len);
		dht_refused(w->dht, &sent[i].to, sent[i].data, 60); /* too little of it */
	}
	assert_int_equal(o.ends, 0);
	dht_counters(w->dht, &after);
	assert_int_equal(after.junk - before.junk, 12);
	for (size_t i = 0; i < 3; i++)
		assert_false(dht_habits_silent(&w->dht->habits, &sent[i].to, w->now));
	/* A put of ours may be quoted in part, with the transaction or without; junk may follow. */
	for (size_t i = 0; i < 3; i++) {
		uint8_t quoted[1500] = {0};
		memcpy(quoted, sent[i].data, sent[i].len);
		assert_int_equal(o.ends, 0);
		dht_refused(w->dht, &sent[i].to, quoted, sent[i].len + 28);
	}
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.error, -ENETUNREACH);
}

/* What is remembered of addresses is found by a hash that others cannot compute. */
static void habits_have_a_key(void **state)
{
	static const uint8_t none[DHT_SIPHASH_KEY_LEN] = {0};
	struct world *w = *state;
	assert_memory_not_equal(w->dht->habits.key, none, sizeof(none));
	assert_memory_not_equal(w->dht->habits.key, w->dht->queries.key, sizeof(none));
}

static void cancelled_from_its_own_callback(void **state)
{
	struct world *w = *state;
	struct outcome o = {.cancel_at_value = true};
	struct dht_counters counters;
	know_nodes(w, 12);
	begin_get(w, &o);
	dht_counters(w->dht, &counters);
	assert_true(counters.lookups >= 1); /* upkeep may search too */
	answer_gets(w, 0, true);
	world_pass(w, 10 * WORLD_SECOND);
	assert_int_equal(o.values, 1);
	assert_int_equal(o.ends, 0);
}

/* It is over already: that counts once. */
static void cancelled_from_its_last_callback(void **state)
{
	struct world *w = *state;
	struct outcome o = {.cancel_at_end = true};
	struct dht_counters counters;
	begin_get(w, &o);
	assert_int_equal(o.ends, 1);
	dht_counters(w->dht, &counters);
	assert_int_equal(counters.lookups, 0);
	begin_get(w, &o);
	assert_int_equal(o.ends, 2);
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
	know_nodes(w, 12);
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
	assert_int_equal(puts, 9); /* eight, and the ninth, which is not waited for */
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.stored, 8);
}

/* Answers what there is of gets and puts, from the i-th packet on; how many puts it saw. */
static size_t answer_all(struct world *w, size_t i)
{
	struct dht_message m;
	size_t puts = 0;
	for (; i < w->sent_len; i++) {
		bool is_put = sent_query(w, i, DHT_PUT, &m);
		if (!is_put && !sent_query(w, i, DHT_GET, &m))
			continue;
		puts += is_put;
		struct dht_message reply = reply_to(w, i, &m);
		world_tell(w, &w->sent[i].to, &reply);
	}
	return puts;
}

static size_t put_again(struct world *w, struct outcome *o)
{
	*o = (struct outcome){0};
	world_clear(w);
	assert_int_equal(dht_put(w->dht, &item, 0, on_put, o, &o->lookup), 0);
	dht_run(w->dht);
	return answer_all(w, 0);
}

/* The refusal of the first packet is not that of the second, which it calls forth. */
static void a_refusal_counts_once(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	know_nodes(w, 2);
	assert_int_equal(dht_put(w->dht, &item, 0, on_put, &o, &o.lookup), 0);
	dht_run(w->dht);
	answer_gets(w, 0, false);
	world_clear(w);
	dht_unreachable(w->dht, &nodes[0].endpoint);
	assert_int_equal(w->sent_len, 1);
	assert_int_equal(answer_all(w, 0), 1);
	world_pass(w, 10 * WORLD_SECOND);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.stored, 1);
}

/* A get that met one node is no reason to store on one where eight are known. */
static void a_put_after_a_poor_get_searches(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	know_nodes(w, 1);
	begin_get(w, &o);
	answer_gets(w, 0, false);
	assert_int_equal(o.result.answered, 1);
	know_nodes(w, 12);
	assert_int_equal(put_again(w, &o), 9);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.stored, 8);
}

static bool asked_any(struct world *w)
{
	struct dht_message m;
	for (size_t i = 0; i < w->sent_len; i++)
		if (sent_query(w, i, DHT_GET, &m))
			return true;
	return false;
}

/* Tokens are as old as the search they came with, however often they were used since. */
static void puts_do_not_renew_what_was_found(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	know_nodes(w, 8);
	begin_get(w, &o);
	answer_gets(w, 0, false);
	w->now += 200 * WORLD_SECOND;
	assert_int_equal(put_again(w, &o), 8);
	assert_false(asked_any(w));
	w->now += 200 * WORLD_SECOND;
	assert_int_equal(put_again(w, &o), 8);
	assert_true(asked_any(w));
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
	/* Who does not know `get` is asked for the way in the words that it knows, and only then
	 * is the search over. */
	assert_int_equal(o.ends, 0);
	assert_int_equal(w->sent_len, first + 1);
	assert_true(sent_query(w, first, DHT_FIND_NODE, &m));
	assert_ptr_equal(addressee(w, first), &nodes[2]);
	struct dht_message way = reply_to(w, first, &m);
	world_tell(w, &w->sent[first].to, &way);
	assert_int_equal(w->sent_len, first + 1);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.stored, 0);
	assert_int_equal(o.result.answered, 3);
	assert_true(o.result.stored_here);
}

/* Nobody could ask a read-only node for what it keeps. */
static void read_only_keeps_nothing(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	world_end(w);
	world_start(w, false, true);
	assert_int_equal(dht_put(w->dht, &item, 0, on_put, &o, &o.lookup), 0);
	dht_run(w->dht);
	assert_int_equal(o.ends, 1);
	assert_false(o.result.stored_here);
	assert_int_equal(w->items_len, 0);
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
		TEST(a_damaged_store_is_not_believed),
		TEST(what_a_get_asks),
		TEST(every_value_is_delivered_and_verified_once),
		TEST(silent_nodes_open_a_slot),
		TEST(late_answers_count),
		TEST(answered_twice_counts_once),
		TEST(no_end_of_nearer_nodes),
		TEST(no_way_through_made_up_ids),
		TEST(half_of_the_network_is_gone),
		TEST(the_silent_are_not_asked_again_and_again),
		TEST(nobody_answers),
		TEST(refusals_are_seen_at_once),
		TEST(forged_refusals_are_not_believed),
		TEST(habits_have_a_key),
		TEST(cancelled_from_its_own_callback),
		TEST(cancelled_from_its_last_callback),
		TEST(begun_anew_from_its_own_callback),
		TEST(what_a_put_sends),
		TEST(a_refusal_counts_once),
		TEST(a_put_after_a_poor_get_searches),
		TEST(puts_do_not_renew_what_was_found),
		TEST(nodes_that_cannot_store_are_passed_over),
		TEST(read_only_keeps_nothing),
		TEST(peers),
		TEST(bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
