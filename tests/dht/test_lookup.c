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

/* ---- what is held need not be sent ---- */

/* Who asks by the seq of what he holds is sent what is newer; "I have no newer" counts as having
 * returned what is held, without a check of its signature and without its bytes. */
static void what_is_held_is_not_sent(void **state)
{
	struct world *w = *state;
	struct outcome all = {0}, o = {0};
	struct dht_message m;
	know_nodes(w, 8);
	begin_get(w, &all);
	answer_gets(w, 0, true);
	assert_int_equal(all.values, 8);
	uint64_t checks = w->dht->counters.verifications;
	world_clear(w);

	static const int64_t seqs[] = {
		7, 7, 7, 3, 0, -1, 8, 7}; /* the last sends it all the same */
	assert_int_equal(dht_get_mutable(w->dht, item.key, NULL, 0, on_get, &o, &o.lookup), 0);
	dht_get_unless(o.lookup, &item);
	dht_run(w->dht);
	for (size_t i = 0, n = 0; n < 8; i++) {
		assert_true(i < w->sent_len);
		if (!sent_query(w, i, DHT_GET, &m))
			continue;
		assert_true(m.has_seq && m.seq == 7);
		struct dht_message reply = reply_to(w, i, &m);
		reply.has_seq = true;
		if (n == 7)
			add_item(&reply);
		reply.seq = seqs[n++];
		world_tell(w, &w->sent[i].to, &reply);
		assert_int_equal(o.last.seq, 7);
		assert_int_equal(o.values, n <= 5 ? n : n < 8 ? 5 : 6);
	}
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.holders, 6);
	assert_int_equal(o.result.held, 4); /* of the newest */
	assert_int_equal(o.result.seq_seen, 7);
	assert_int_equal(w->dht->counters.verifications, checks);
}

/* One newer version is enough; a forged one, and one that nobody has, changes nothing. */
static void what_is_newer_is_sent(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_message m;
	struct dht_item held = item;
	know_nodes(w, 8);
	assert_int_equal(dht_get_mutable(w->dht, item.key, NULL, 0, on_get, &o, &o.lookup), 0);
	dht_get_unless(o.lookup, &held);
	dht_run(w->dht);
	for (size_t i = 0; i < 8; i++) {
		assert_true(sent_query(w, i, DHT_GET, &m));
		struct dht_message reply = reply_to(w, i, &m);
		reply.has_seq = true;
		reply.seq = 7;
		item.seq = i == 2 ? 9 : 8;
		dht_item_sign(&item, key_seed);
		if (i == 2 || i == 4)
			add_item(&reply);
		if (i == 4)
			reply.seq = 10; /* that is not what was signed */
		world_tell(w, &w->sent[i].to, &reply);
	}
	assert_int_equal(o.values, 7);
	assert_int_equal(o.result.seq_seen, 9);
	assert_int_equal(o.result.holders, 7);
	assert_int_equal(o.result.held, 1);
	assert_int_equal(w->dht->counters.values_bad, 1);
}

/* Nobody has any version: then neither has he who asks. */
static void what_nobody_has_is_gone(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_message m;
	know_nodes(w, 8);
	assert_int_equal(dht_get_mutable(w->dht, item.key, NULL, 0, on_get, &o, &o.lookup), 0);
	dht_get_unless(o.lookup, &item);
	dht_run(w->dht);
	assert_true(sent_query(w, 0, DHT_GET, &m) && m.seq == 7);
	answer_gets(w, 0, false);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.values, 0);
	assert_int_equal(o.result.seq_seen, -1);
}

static void what_is_another_item_is_not_asked_by(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_message m;
	struct dht_item other = item;
	know_nodes(w, 8);
	other.salt_len = 1;
	assert_int_equal(dht_get_mutable(w->dht, item.key, NULL, 0, on_get, &o, &o.lookup), 0);
	dht_get_unless(o.lookup, &other);
	dht_run(w->dht);
	assert_true(sent_query(w, 0, DHT_GET, &m) && m.has_seq && m.seq == 0);
	dht_cancel(w->dht, o.lookup);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_comes_before_the_call_returns),
		TEST(a_damaged_store_is_not_believed),
		TEST(what_a_get_asks),
		TEST(every_value_is_delivered_and_verified_once),
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
		TEST(what_is_held_is_not_sent),
		TEST(what_is_newer_is_sent),
		TEST(what_nobody_has_is_gone),
		TEST(what_is_another_item_is_not_asked_by),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
