/* Look-ups among nodes that are silent, late, gone, or lead nowhere: when they go on, and when they
 * end. */
#undef NDEBUG
#include "dht/engine.h"
#include "tests/dht/lookup_world.h"

#include <stdlib.h>

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

/* A network that is gone, and known to be: one look-up in three seconds waits to see whether it is
 * back. */
static void a_black_hole_is_waited_for_now_and_then(void **state)
{
	struct world *w = *state;
	unsigned waited = 0;
	know_nodes(w, 3);
	for (unsigned i = 0; i < 3; i++) { /* until it is known */
		struct outcome o = {0};
		begin_get(w, &o);
		world_pass(w, 5 * WORLD_SECOND);
		assert_int_equal(o.ends, 1);
	}
	for (unsigned i = 0; i < 30; i++) {
		struct outcome o = {0};
		begin_get(w, &o);
		waited += !o.ends;
		world_pass(w, 100 * 1000);
		for (unsigned k = 0; !o.ends && k < 100; k++)
			world_pass(w, 10 * 1000);
		assert_int_equal(o.result.error, -ENETUNREACH);
	}
	assert_in_range(waited, 1, 4);
	/* And it is back. */
	struct outcome o = {0};
	world_pass(w, 3 * WORLD_SECOND);
	world_clear(w);
	begin_get(w, &o);
	assert_int_equal(o.ends, 0);
	answer_gets(w, 0, true);
	assert_int_equal(o.ends, 1);
	assert_true(o.values > 0);
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(silent_nodes_open_a_slot),
		TEST(late_answers_count),
		TEST(answered_twice_counts_once),
		TEST(no_end_of_nearer_nodes),
		TEST(no_way_through_made_up_ids),
		TEST(half_of_the_network_is_gone),
		TEST(the_silent_are_not_asked_again_and_again),
		TEST(nobody_answers),
		TEST(a_black_hole_is_waited_for_now_and_then),
		TEST(refusals_are_seen_at_once),
		TEST(forged_refusals_are_not_believed),
		TEST(habits_have_a_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
