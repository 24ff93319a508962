/* What bounds look-ups: the room for queries, which they wait for, and the packets of each, which
 * no liar makes more. */
#undef NDEBUG
#include "dht/engine.h"
#include "tests/dht/lookup_world.h"

static int send_ping(struct world *w, const struct dht_contact *to)
{
	struct dht_message m = {.method = DHT_PING};
	return dht_query_send(w->dht, to, &m, DHT_FOR_TABLE, NULL);
}

/* Queries to somewhere, until there is room for no more. The last packets are kept. */
static void fill(struct world *w)
{
	struct dht_contact nowhere = {id_of(1, 2), endpoint("10.99.0.1:4001")};
	world_clear(w);
	while (dht_query_room(w->dht)) {
		if (w->sent_len == 200)
			world_clear(w);
		assert_int_equal(send_ping(w, &nowhere), 0);
	}
	assert_int_equal(send_ping(w, &nowhere), -ENOBUFS);
}

/* One of them is answered. */
static void make_room(struct world *w, size_t i)
{
	struct dht_message m;
	assert_true(sent_query(w, i, DHT_PING, &m));
	struct dht_message reply = {.kind = DHT_ERROR,
		.transaction = m.transaction,
		.error = DHT_E_GENERIC,
		.error_text = BYTES("of no interest")};
	w->woken = UINT64_MAX;
	world_tell(w, &w->sent[i].to, &reply);
}

/* Nobody is asked, nobody counts as failed; it begins when there is room. */
static void a_get_waits_for_room(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	know_nodes(w, 3);
	fill(w);
	begin_get(w, &o);
	assert_int_equal(queries(w, DHT_GET), 0);
	make_room(w, 0);
	dht_run(w->dht);
	assert_int_equal(queries(w, DHT_GET), 0); /* half of the room is for those that run */
	world_pass(w, 1020 * 1000);		  /* all are silent, and give way */
	assert_int_equal(queries(w, DHT_GET), 3);
	answer_gets(w, 0, true);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.values, 3);
}

/* A node names three others, and there is room for one query, that which it answers. Another get,
 * begun before, waits for its answer and not for room. */
static void a_search_is_held_up(void **state)
{
	struct world *w = *state;
	struct outcome o = {0}, waits = {0};
	struct dht_message m;
	know_nodes(w, 1);
	for (uint8_t i = 1; i <= 3; i++) {
		nodes[i] = (struct dht_contact){
			id_of((uint8_t)(8 * i), 2), endpoint("10.0.1.1:4001")};
		nodes[i].endpoint.ip[2] = i;
	}
	begin_get(w, &waits);
	world_clear(w);
	begin_get(w, &o);
	size_t at = 0;
	while (!sent_query(w, at, DHT_GET, &m))
		assert_true(++at < w->sent_len);
	struct packet asked = w->sent[at];
	fill(w);
	assert_int_equal(dht_message_read(asked.data, asked.len, &m), 0);
	struct dht_message reply = {.kind = DHT_REPLY,
		.transaction = m.transaction,
		.has_id = true,
		.id = nodes[0].id,
		.token = BYTES("tokentok"),
		.want4 = true,
		.nodes_len = 3,
		.nodes = {nodes[1], nodes[2], nodes[3]}};
	world_tell(w, &asked.to, &reply);
	assert_true(queries(w, DHT_GET) < 2); /* upkeep may have been quicker */
	assert_int_equal(w->dht->lookups.held_up, 1);
	for (size_t i = 0; i < 6; i++) {
		make_room(w, i);
		assert_true(i > 0 || w->woken == w->now);
		dht_run(w->dht);
	}
	assert_int_equal(queries(w, DHT_GET), 3);
	answer_gets(w, 0, true);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.values, 3);
	assert_int_equal(o.result.answered, 4);
	assert_int_equal(w->dht->lookups.held_up, 0);
}

/* One of two names others, for whom there is no room; the other has the value. */
static void what_is_found_needs_no_room(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_item found = {0};
	struct dht_id target;
	struct packet gets[2];
	dht_item_set_string(&found, "found", 5);
	dht_item_target(&found, &target);
	know_nodes(w, 2);
	assert_int_equal(dht_get_immutable(w->dht, &target, on_get, &o, &o.lookup), 0);
	dht_run(w->dht);
	assert_int_equal(queries(w, DHT_GET), 2);
	memcpy(gets, w->sent, sizeof(gets));
	fill(w);
	for (size_t i = 0; i < 2; i++) {
		struct dht_message m;
		w->sent[0] = gets[i];
		w->sent_len = 1;
		assert_true(sent_query(w, 0, DHT_GET, &m));
		struct dht_message reply = reply_to(w, 0, &m);
		for (uint8_t n = 2; i == 0 && n < 5; n++)
			reply.nodes[reply.nodes_len++] = (struct dht_contact){
				id_of((uint8_t)(8 * n), 2), endpoint("10.0.9.1:4001")};
		for (size_t n = 0; n < reply.nodes_len; n++)
			reply.nodes[n].endpoint.ip[3] = (uint8_t)n;
		reply.want4 = true;
		if (i == 1)
			reply.value = (struct bytes){found.value, found.value_len};
		world_tell(w, &gets[i].to, &reply);
		assert_int_equal(w->dht->lookups.held_up, i == 0);
	}
	assert_int_equal(o.values, 1);
	assert_int_equal(o.ends, 1);
}

/* The only node is silent. What waited for it makes room for one query, which goes to ask it for
 * the way; the second `get` waits for more. */
static void a_second_try_is_held_up(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	know_nodes(w, 1);
	begin_get(w, &o);
	w->now += WORLD_SECOND / 2;
	fill(w);
	world_clear(w);
	world_pass(w, 510 * 1000);
	assert_int_equal(queries(w, DHT_FIND_NODE), 1);
	assert_int_equal(queries(w, DHT_GET), 0);
	assert_int_equal(o.ends, 0);
	world_pass(w, 500 * 1000);
	assert_int_equal(queries(w, DHT_GET), 1);
	answer_gets(w, 0, true);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.values, 1);
}

/* The search is over, and there is room to store on one of two. */
static void a_put_is_held_up(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	know_nodes(w, 2);
	assert_int_equal(dht_put(w->dht, &item, 0, on_put, &o, &o.lookup), 0);
	dht_run(w->dht);
	struct packet gets[2] = {w->sent[0], w->sent[1]};
	fill(w);
	struct packet filler = w->sent[0];
	for (size_t i = 0; i < 2; i++) {
		w->sent[0] = gets[i];
		w->sent_len = 1;
		answer_gets(w, 0, false);
		if (i == 0)
			fill(w);
	}
	assert_int_equal(queries(w, DHT_PUT), 1);
	assert_int_equal(o.ends, 0);
	w->sent[0] = filler;
	make_room(w, 0);
	dht_run(w->dht);
	assert_int_equal(queries(w, DHT_PUT), 2);
	for (size_t i = 1; i < w->sent_len; i++) {
		struct dht_message m;
		if (!sent_query(w, i, DHT_PUT, &m))
			continue;
		struct dht_message reply = reply_to(w, i, &m);
		world_tell(w, &w->sent[i].to, &reply);
	}
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.stored, 2);
}

/* Eight have answered, and the ninth, the nearest, is silent: what waited for it makes room, which
 * a find_node takes. The search is over, and there is none. */
static void end_a_search_without_room(struct world *w)
{
	struct packet gets[9];
	assert_int_equal(queries(w, DHT_GET), 9);
	memcpy(gets, w->sent, sizeof(gets));
	w->now += 950 * 1000;
	for (size_t i = 1; i < 9; i++) {
		w->sent[0] = gets[i];
		w->sent_len = 1;
		answer_gets(w, 0, false);
		fill(w);
	}
	struct packet filler = w->sent[0];
	world_clear(w);
	world_pass(w, 60 * 1000);
	assert_int_equal(queries(w, DHT_FIND_NODE), 1);
	assert_false(dht_query_room(w->dht));
	w->sent[0] = filler;
	w->sent_len = 1;
}

/* Nothing can be stored yet, and so the put is not over. */
static void a_put_without_room_does_not_end(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	know_nodes(w, 9);
	assert_int_equal(dht_put(w->dht, &item, DHT_PUT_CAS, on_put, &o, &o.lookup), 0);
	dht_run(w->dht);
	end_a_search_without_room(w);
	assert_int_equal(queries(w, DHT_PUT), 0);
	assert_int_equal(o.ends, 0);
	make_room(w, 0);
	dht_run(w->dht);
	assert_int_equal(queries(w, DHT_PUT), 1);
}

/* Nobody is left to be asked, and so the get needs none. */
static void a_get_without_room_ends(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	know_nodes(w, 9);
	begin_get(w, &o);
	end_a_search_without_room(w);
	assert_int_equal(o.ends, 1);
	assert_int_equal(w->dht->lookups.held_up, 0);
}

/* Nobody waits for them: they make room, the oldest first, and are never more than allowed. */
static void the_silent_give_way(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_counters before, after;
	know_nodes(w, 3);
	fill(w);
	w->now += 1100 * 1000;
	dht_query_run(w->dht, w->now);
	assert_int_equal(w->dht->queries.heap.len, DHT_QUERIES_MAX);
	assert_int_equal(dht_query_awaited(w->dht), 0);
	dht_counters(w->dht, &before);
	world_clear(w);
	begin_get(w, &o);
	assert_int_equal(queries(w, DHT_GET), 3);
	assert_int_equal(w->dht->queries.heap.len, DHT_QUERIES_MAX);
	dht_counters(w->dht, &after);
	assert_true(after.timeouts - before.timeouts >= 3);
	answer_gets(w, 0, true);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.values, 3);
}

/* Every node takes the item, and names a nearer one, without end; the ids are not so near to each
 * other that they would be taken for made up (region.c). */
static void a_put_towards_no_end(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_message m;
	struct dht_id target;
	size_t gets[2] = {0}, puts[2] = {0}, named[2] = {1, 1};
	struct dht_contact first[2] = {{id_of(0, 2), endpoint("10.0.0.1:4001")},
		{id_of(0, 3), endpoint("[fd00::1]:4001")}};
	dht_item_target(&item, &target);
	for (unsigned f = 0; f < 2; f++)
		world_befriend(w, &first[f]);
	world_clear(w);
	assert_int_equal(dht_put(w->dht, &item, 0, on_put, &o, &o.lookup), 0);
	dht_run(w->dht);
	for (size_t i = 0; i < w->sent_len && !o.ends; i++) {
		if (!sent_query(w, i, DHT_GET, &m) && !sent_query(w, i, DHT_PUT, &m))
			continue;
		const struct dht_endpoint to = w->sent[i].to;
		unsigned f = to.family == 6;
		uint8_t number = to.ip[f ? 14 : 2];
		struct dht_message reply = {.kind = DHT_REPLY,
			.transaction = m.transaction,
			.has_id = true,
			.id = number ? target : first[f].id,
			.token = BYTES("tokentok"),
			.want4 = f == 0,
			.want6 = f == 1};
		reply.id.b[2] ^= number ? (uint8_t)~number : 0;
		for (; m.method == DHT_GET && reply.nodes_len < 1; named[f]++) {
			struct dht_contact *c = &reply.nodes[reply.nodes_len++];
			*c = (struct dht_contact){target, first[f].endpoint};
			c->id.b[2] ^= (uint8_t)~named[f];
			c->endpoint.ip[f ? 14 : 2] = (uint8_t)named[f];
		}
		(m.method == DHT_GET ? gets : puts)[f]++;
		world_tell(w, &to, &reply);
	}
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.queries, gets[0] + gets[1] + puts[0] + puts[1]);
	assert_true(o.result.queries <= DHT_LOOKUP_PACKETS);
	/* Sixteen stores ahead, and sixteen kept for the end, leave the search this much. */
	assert_true(gets[0] + gets[1] >= DHT_LOOKUP_PACKETS - 2 * 16);
	for (unsigned f = 0; f < 2; f++)
		assert_true(gets[f] >= 8 && puts[f] > 8 && puts[f] <= 16);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* Two look-ups for one question, of silent nodes: together no more than it may cost, and both end. */
static void look_ups_share_an_allowance(void **state)
{
	struct world *w = *state;
	struct outcome first = {0}, second = {0};
	struct dht_allowance allowance = {.packets = 9, .checks = 16};
	know_nodes(w, 12);
	assert_int_equal(dht_get_mutable(w->dht, item.key, NULL, 0, on_get, &first, &first.lookup), 0);
	assert_int_equal(dht_get_mutable(w->dht, item.key, NULL, 0, on_get, &second, &second.lookup), 0);
	dht_get_within(first.lookup, &allowance, 0);
	dht_get_within(second.lookup, &allowance, 0);
	dht_run(w->dht);
	for (int seconds = 0; seconds < 20 && (!first.ends || !second.ends); seconds++)
		world_pass(w, 1000 * 1000);
	assert_int_equal(first.ends, 1);
	assert_int_equal(second.ends, 1);
	assert_int_equal(allowance.packets, 0);
	assert_int_equal(first.result.queries + second.result.queries, 9);
	assert_int_equal(first.result.error, -ENETUNREACH);
}

/* What would need another signature checked is not believed; what is known already needs none. */
static void checks_are_shared_too(void **state)
{
	struct world *w = *state;
	struct outcome kept = {0}, o = {0};
	struct dht_allowance allowance = {.packets = 60, .checks = 2};
	know_nodes(w, 3);
	assert_int_equal(dht_get_mutable(w->dht, item.key, NULL, 0, on_get, &kept, &kept.lookup), 0);
	dht_get_within(kept.lookup, &allowance, 2); /* both are for others */
	dht_run(w->dht);
	answer_gets(w, 0, true);
	assert_int_equal(kept.ends, 1);
	assert_int_equal(kept.values, 0);
	assert_int_equal(allowance.checks, 2);
	world_clear(w);
	assert_int_equal(dht_get_mutable(w->dht, item.key, NULL, 0, on_get, &o, &o.lookup), 0);
	dht_get_within(o.lookup, &allowance, 0);
	dht_run(w->dht);
	answer_gets(w, 0, true);
	assert_int_equal(o.values, 3); /* all say the same */
	assert_int_equal(allowance.checks, 1);
	assert_int_equal(allowance.packets, 54);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_get_waits_for_room),
		TEST(a_search_is_held_up),
		TEST(what_is_found_needs_no_room),
		TEST(a_second_try_is_held_up),
		TEST(a_put_is_held_up),
		TEST(a_put_without_room_does_not_end),
		TEST(a_get_without_room_ends),
		TEST(the_silent_give_way),
		TEST(a_put_towards_no_end),
		TEST(look_ups_share_an_allowance),
		TEST(checks_are_shared_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
