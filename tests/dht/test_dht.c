/* The node as others see it: what it answers, what it stores, whom it believes. */
#undef NDEBUG
#include "dht/engine.h"
#include "tests/dht/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct world world;
static struct dht_endpoint asker;

static int setup(void **state)
{
	*state = &world;
	world_start(&world, false, false);
	asker = endpoint("10.1.2.3:6881");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_end(&world);
	return 0;
}

/* The answer to a query, read; it points into the packet kept. */
static struct dht_message ask(struct world *w, struct dht_message *m)
{
	struct dht_message answer;
	const struct packet *p = world_tell(w, &asker, m);
	assert_non_null(p);
	assert_int_equal(dht_message_read(p->data, p->len, &answer), 0);
	assert_true(answer.kind != DHT_QUERY);
	assert_int_equal(answer.transaction.len, m->transaction.len);
	assert_memory_equal(answer.transaction.data, m->transaction.data, m->transaction.len);
	assert_true(dht_endpoint_equal(&answer.you, &asker));
	assert_true(answer.has_id && dht_id_equal(&answer.id, dht_own_id(w->dht)));
	assert_int_equal(answer.client.len, 4);
	return answer;
}

static struct dht_message query_for(enum dht_method method, const struct dht_id *target)
{
	struct dht_message m = query(method);
	m.has_target = true;
	m.target = *target;
	return m;
}

static void ping_echoes_any_transaction(void **state)
{
	static const uint8_t bytes[20] = "01234567890123456789";
	for (size_t len = 1; len <= 20; len++) {
		struct dht_message m = query(DHT_PING);
		m.transaction = (struct bytes){bytes, len};
		assert_int_equal(ask(*state, &m).kind, DHT_REPLY);
		world_clear(*state);
	}
}

static void befriend_many(struct world *w, unsigned from, unsigned n, bool six)
{
	for (unsigned i = from; i < from + n; i++) {
		char text[40];
		snprintf(text, sizeof(text), six ? "[fd00::%x]:4001" : "10.9.0.%u:4001", i + 1);
		struct dht_contact c = {
			.id = id_of((uint8_t)(i * 11), 3), .endpoint = endpoint(text)};
		world_befriend(w, &c);
		world_clear(w);
	}
}

static void find_node_names_the_nearest_of_the_families_wanted(void **state)
{
	struct world *w = *state;
	struct dht_id target = id_of(0x21, 3);
	struct dht_message m = query_for(DHT_FIND_NODE, &target);
	befriend_many(w, 0, 12, false);
	befriend_many(w, 0, 3, true);
	struct dht_message answer = ask(w, &m);
	assert_int_equal(answer.nodes_len, 8);
	assert_true(dht_id_equal(&answer.nodes[0].id, &target)); /* 3 * 11 */
	for (size_t i = 1; i < 8; i++)
		assert_true(
			dht_id_nearer(&target, &answer.nodes[i - 1].id, &answer.nodes[i].id) < 0);
	m.want6 = true;
	answer = ask(w, &m);
	assert_int_equal(answer.nodes_len, 3);
	assert_int_equal(answer.nodes[0].endpoint.family, 6);
	m.want4 = true;
	assert_int_equal(ask(w, &m).nodes_len, 11);
}

/* Only who answered us is named to others: neither strangers that merely asked, nor `ro`. */
static void only_nodes_that_answered_are_named(void **state)
{
	struct world *w = *state;
	struct dht_id target = id_of(0x77, 1);
	struct dht_message m = query_for(DHT_FIND_NODE, &target);
	assert_int_equal(ask(w, &m).nodes_len, 0);
	assert_int_equal(w->sent_len, 2); /* the answer, and a ping to see who that is */
	assert_int_equal(ask(w, &m).nodes_len, 0);
	assert_int_equal(w->sent_len, 3); /* one ping under way is enough */
	/* An answer under another id than the one that asked. */
	struct dht_message ping, answer = {.kind = DHT_REPLY, .has_id = true, .id = id_of(9, 9)};
	assert_int_equal(dht_message_read(w->sent[1].data, w->sent[1].len, &ping), 0);
	assert_int_equal(ping.method, DHT_PING);
	assert_int_equal(ping.transaction.len, 4);
	answer.transaction = ping.transaction;
	assert_null(world_tell(w, &asker, &answer));
	assert_int_equal(ask(w, &m).nodes_len, 0);
	/* Read-only: served, but not asked in return. */
	world_clear(w);
	asker = endpoint("10.1.2.4:6881");
	m.read_only = true;
	ask(w, &m);
	assert_int_equal(w->sent_len, 1);
}

static void strangers_are_verified_a_few_at_a_time(void **state)
{
	struct world *w = *state;
	for (uint8_t i = 1; i <= 100; i++) {
		struct dht_message m = query(DHT_PING);
		m.id.b[1] = i;
		asker.ip[3] = i;
		ask(w, &m);
	}
	assert_int_equal(w->sent_len, 100 + 32);
}

/* A node that has left a query unanswered is not named until it answers again. */
static void silent_nodes_are_not_named(void **state)
{
	struct world *w = *state;
	struct dht_id target = id_of(1, 1);
	struct dht_message m = query_for(DHT_FIND_NODE, &target);
	befriend_many(w, 0, 3, false);
	m.read_only = true;
	assert_int_equal(ask(w, &m).nodes_len, 3);
	world_pass(w, 3 * WORLD_SECOND); /* nobody answers the searches that follow */
	world_clear(w);
	assert_int_equal(ask(w, &m).nodes_len, 0);
}

static void answers_count_only_from_where_we_asked(void **state)
{
	struct world *w = *state;
	struct dht_endpoint other = endpoint("10.1.2.3:6882");
	struct dht_message m = query(DHT_PING), ping;
	struct dht_counters counters;
	world_tell(w, &asker, &m);
	assert_int_equal(dht_message_read(w->sent[1].data, w->sent[1].len, &ping), 0);
	struct dht_message answer = {
		.kind = DHT_REPLY, .has_id = true, .id = m.id, .transaction = ping.transaction};
	assert_null(world_tell(w, &other, &answer));
	dht_counters(w->dht, &counters);
	assert_int_equal(counters.nodes, 0);
	assert_int_equal(counters.junk, 1);
	uint8_t guess[4];
	memcpy(guess, ping.transaction.data, 4);
	guess[3] ^= 1;
	answer.transaction.data = guess;
	assert_null(world_tell(w, &asker, &answer));
	answer.transaction = ping.transaction;
	assert_null(world_tell(w, &asker, &answer));
	assert_null(world_tell(w, &asker, &answer)); /* the second is to nothing we asked */
	dht_counters(w->dht, &counters);
	assert_int_equal(counters.nodes, 1);
	assert_int_equal(counters.junk, 3);
	assert_int_equal(counters.replies_in, 1);
}

/* Somebody, or we ourselves by way of a NAT, answers under our own id: that is no node, and no
 * reason to ask there any more often than where nobody answers. */
static void nobody_answers_under_our_id(void **state)
{
	struct world *w = *state;
	struct dht_endpoint at = endpoint("10.7.7.7:4001");
	struct dht_counters counters;
	unsigned asked = 0;
	assert_int_equal(dht_add_node(w->dht, &at), 0);
	for (unsigned seconds = 0; seconds < 600; seconds++) {
		if (w->sent_len > 0) {
			struct packet p = w->sent[0];
			struct dht_message sent, answer;
			assert_int_equal(w->sent_len, 1);
			assert_int_equal(dht_message_read(p.data, p.len, &sent), 0);
			answer = (struct dht_message){.kind = DHT_REPLY,
				.transaction = sent.transaction,
				.has_id = true,
				.id = *dht_own_id(w->dht),
				.client = BYTES("TEST")};
			asked++;
			world_clear(w);
			world_tell(w, &at, &answer);
		}
		world_pass(w, WORLD_SECOND);
	}
	dht_counters(w->dht, &counters);
	assert_int_equal(counters.replies_in, asked);
	assert_int_equal(counters.nodes, 0);
	assert_in_range(asked, 5, 30);
}

static void peers_are_announced_with_a_token(void **state)
{
	struct world *w = *state;
	struct dht_id hash = id_of(1, 2), other = id_of(2, 2);
	struct dht_message get = query_for(DHT_GET_PEERS, &hash), answer = ask(w, &get);
	uint8_t token[40];
	assert_int_equal(answer.token.len, 8);
	assert_int_equal(answer.peers_len, 0);
	memcpy(token, answer.token.data, 8);
	struct dht_message announce = query_for(DHT_ANNOUNCE_PEER, &hash);
	announce.port = 700;
	announce.token = (struct bytes){token, 8};
	announce.target = other;
	assert_int_equal(ask(w, &announce).error, DHT_E_PROTOCOL);
	announce.target = hash;
	token[0] ^= 1;
	assert_int_equal(ask(w, &announce).error, DHT_E_PROTOCOL);
	token[0] ^= 1;
	announce.port = 0;
	assert_int_equal(ask(w, &announce).error, DHT_E_PROTOCOL);
	announce.port = 700;
	assert_int_equal(ask(w, &announce).kind, DHT_REPLY);
	announce.implied_port = true;
	assert_int_equal(ask(w, &announce).kind, DHT_REPLY);
	answer = ask(w, &get);
	assert_int_equal(answer.peers_len, 2);
	assert_int_equal(answer.peers[0].port, 6881);
	assert_int_equal(answer.peers[1].port, 700);
	world_clear(w);
	world_pass(w, 1801 * WORLD_SECOND); /* nobody announces in between */
	world_clear(w);
	assert_int_equal(ask(w, &get).peers_len, 0);
}

static void unknown_methods(void **state)
{
	static const char with[] = "d1:ad2:id20:wwwwwwwwwwwwwwwwwwww6:target20:tttttttttttttttttttt"
				   "e1:q5:vote!1:t1:x1:y1:qe",
			  without[] = "d1:ad2:id20:wwwwwwwwwwwwwwwwwwwwe1:q5:vote!1:t1:x1:y1:qe";
	struct world *w = *state;
	struct dht_message answer;
	befriend_many(w, 0, 2, false);
	dht_receive(w->dht, &asker, (const uint8_t *)with, sizeof(with) - 1);
	assert_int_equal(dht_message_read(w->sent[0].data, w->sent[0].len, &answer), 0);
	assert_int_equal(answer.nodes_len, 2);
	world_clear(w);
	dht_receive(w->dht, &asker, (const uint8_t *)without, sizeof(without) - 1);
	assert_int_equal(dht_message_read(w->sent[0].data, w->sent[0].len, &answer), 0);
	assert_int_equal(answer.error, DHT_E_METHOD);
	struct dht_id target = id_of(1, 1);
	struct dht_message sample = query_for(DHT_SAMPLE_INFOHASHES, &target);
	answer = ask(w, &sample);
	assert_true(answer.has_samples);
	assert_true(answer.interval >= 0 && answer.interval <= 21600);
	assert_int_equal(answer.nodes_len, 2);
}

static void bad_arguments_are_an_error(void **state)
{
	static const char bad[] = "d1:ad2:id20:wwwwwwwwwwwwwwwwwwww6:target3:abce1:q9:find_node"
				  "1:t2:xy1:y1:qe";
	struct world *w = *state;
	struct dht_message answer;
	dht_receive(w->dht, &asker, (const uint8_t *)bad, sizeof(bad) - 1);
	assert_int_equal(w->sent_len, 1); /* and no ping: who writes that is no node */
	assert_int_equal(dht_message_read(w->sent[0].data, w->sent[0].len, &answer), 0);
	assert_int_equal(answer.error, DHT_E_PROTOCOL);
	assert_memory_equal(answer.transaction.data, "xy", 2);
}

static void read_only_answers_nothing(void **state)
{
	struct world *w = *state;
	world_end(w);
	world_start(w, false, true);
	struct dht_message m = query(DHT_PING), sent;
	assert_null(world_tell(w, &asker, &m));
	assert_int_equal(w->sent_len, 0);
	dht_add_node(w->dht, &asker);
	assert_int_equal(dht_message_read(w->sent[0].data, w->sent[0].len, &sent), 0);
	assert_true(sent.read_only);
}

static void mainline_has_nothing_to_do_with_local_addresses(void **state)
{
	struct world *w = *state;
	world_end(w);
	world_start(w, true, false);
	struct dht_message m = query(DHT_PING);
	struct dht_counters counters;
	static const char *const local[] = {"10.1.2.3:6881", "127.0.0.1:6881", "192.168.1.1:6881",
		"172.16.0.1:6881", "169.254.1.1:6881", "[::1]:6881", "[fc00::1]:6881",
		"100.64.0.1:6881"};
	for (size_t i = 0; i < sizeof(local) / sizeof(*local); i++) {
		asker = endpoint(local[i]);
		assert_null(world_tell(w, &asker, &m));
		assert_int_equal(dht_add_node(w->dht, &asker), -EADDRNOTAVAIL);
	}
	assert_int_equal(w->sent_len, 0);
	dht_counters(w->dht, &counters);
	assert_int_equal(counters.junk, 8);
	asker = endpoint("45.1.2.3:6881");
	assert_int_equal(ask(w, &m).kind, DHT_REPLY);
	/* A sender that cannot be answered at all. */
	asker.port = 0;
	assert_null(world_tell(w, &asker, &m));
}

/* Every counter moves by what it counts. */
static void counters_count(void **state)
{
	struct world *w = *state;
	struct dht_counters c;
	struct dht_message m = query(DHT_PING);
	const struct packet *p = world_tell(w, &asker, &m);
	dht_receive(w->dht, &asker, (const uint8_t *)"junk", 4);
	dht_counters(w->dht, &c);
	assert_int_equal(c.packets_in, 2);
	assert_int_equal(c.packets_out, 2);
	assert_int_equal(c.bytes_out, p[0].len + p[1].len);
	assert_true(c.bytes_in > 60);
	assert_int_equal(c.junk, 1);
	assert_int_equal(c.queries_in, 1);
	assert_int_equal(c.queries_out, 1);
	assert_int_equal(c.replies_in + c.errors_in + c.timeouts, 0);
	world_pass(w, 10 * WORLD_SECOND);
	dht_counters(w->dht, &c);
	assert_int_equal(c.timeouts, 1);
}

static bool sent_to(const struct world *w, const struct dht_endpoint *to)
{
	for (size_t i = 0; i < w->sent_len; i++)
		if (dht_endpoint_equal(&w->sent[i].to, to))
			return true;
	return false;
}

/* A saved table of long ago is offered first; the node that the user named answers. */
static void the_dead_do_not_delay_who_came_later(void **state)
{
	struct world *w = *state;
	struct dht_endpoint dead = endpoint("10.9.0.0:4001"), named = endpoint("10.8.0.1:4001");
	for (uint8_t i = 0; i < 100; i++) {
		dead.ip[3] = i;
		dht_add_node(w->dht, &dead);
	}
	dht_add_node(w->dht, &named);
	for (unsigned i = 0; i < 15; i++) {
		world_pass(w, WORLD_SECOND / 10);
		if (sent_to(w, &named))
			return;
	}
	fail();
}

/* The last heard first, whatever the number that is asked at a time. */
static void a_saved_table_is_asked_in_its_order(void **state)
{
	struct world *w = *state;
	struct dht_contact saved[100] = {0};
	for (uint8_t i = 0; i < 100; i++) {
		saved[i].endpoint = endpoint("10.9.0.0:4001");
		saved[i].endpoint.ip[3] = i;
	}
	saved[50].endpoint = saved[49].endpoint; /* named twice is asked once */
	dht_add_nodes(w->dht, saved, 100);
	assert_in_range(w->sent_len, 8, 99);
	for (unsigned i = 0; i < 50 && w->sent_len < 99; i++)
		world_pass(w, WORLD_SECOND / 10);
	for (uint8_t i = 0; i < 99; i++)
		assert_int_equal(w->sent[i].to.ip[3], i < 50 ? i : i + 1);
}

static void on_nothing(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	(void)item;
	(void)from;
	assert_int_equal(result->error, -ENETUNREACH);
	*(bool *)ctx = true;
}

/* Nobody waits until all of them were asked. */
static void waiting_for_a_node_has_an_end(void **state)
{
	struct world *w = *state;
	struct dht_endpoint dead = endpoint("10.9.0.0:4001");
	struct dht_id target = id_of(1, 2);
	struct dht_lookup *lookup;
	bool over = false;
	for (uint8_t i = 0; i < 100; i++) {
		dead.ip[3] = i;
		dht_add_node(w->dht, &dead);
	}
	assert_int_equal(dht_get_immutable(w->dht, &target, on_nothing, &over, &lookup), 0);
	world_pass(w, WORLD_SECOND * 3 / 2);
	assert_false(over);
	world_pass(w, WORLD_SECOND);
	assert_true(over);
}

/* Pings to that node among what was sent. */
static size_t pings_to(const struct world *w, const struct dht_endpoint *to)
{
	struct dht_message m;
	size_t n = 0;
	for (size_t i = 0; i < w->sent_len; i++)
		n += dht_endpoint_equal(&w->sent[i].to, to) &&
		     dht_message_read(w->sent[i].data, w->sent[i].len, &m) == 0 &&
		     m.kind == DHT_QUERY && m.method == DHT_PING;
	return n;
}

/* Answers all the pings sent, or all other queries, under that id. */
static void answer(struct world *w, const struct dht_endpoint *from, uint8_t id, bool pings)
{
	static struct packet sent[256]; /* answers may bring about further queries */
	size_t len = w->sent_len;
	memcpy(sent, w->sent, len * sizeof(*sent));
	world_clear(w);
	for (size_t i = 0; i < len; i++) {
		struct dht_message m,
			reply = {.kind = DHT_REPLY, .has_id = true, .id = id_of(id, id)};
		assert_int_equal(dht_message_read(sent[i].data, sent[i].len, &m), 0);
		if (m.kind != DHT_QUERY || (m.method == DHT_PING) != pings)
			continue;
		reply.transaction = m.transaction;
		world_tell(w, from, &reply);
	}
}

struct known {
	const struct dht_endpoint *at;
	struct dht_id id; /* of the node there */
	unsigned nodes;
};

static void note_known(void *ctx, const struct dht_node_info *node)
{
	struct known *known = ctx;
	if (!dht_endpoint_equal(&node->contact.endpoint, known->at))
		return;
	known->id = node->contact.id;
	known->nodes++;
}

static bool is_known_as(const struct world *w, const struct dht_endpoint *at, uint8_t id)
{
	struct known known = {.at = at};
	struct dht_id wanted = id_of(id, id);
	dht_each_node(w->dht, note_known, &known);
	return known.nodes == 1 && dht_id_equal(&known.id, &wanted);
}

/* A node known by that id, which was asked all that we wanted to know of it, and is now being asked
 * whether it is still there. */
static void check_one(struct world *w, const struct dht_endpoint *at, uint8_t id)
{
	struct dht_contact c = {.id = id_of(id, id), .endpoint = *at};
	world_befriend(w, &c);
	for (unsigned i = 0; i < 200 * 60; i++) {
		world_pass(w, WORLD_SECOND / 100);
		answer(w, at, id, false);
	}
	struct dht_message retires = query(DHT_PING);
	retires.id = c.id;
	retires.read_only = true;
	world_tell(w, at, &retires);
	world_clear(w);
	for (world_pass(w, WORLD_SECOND / 100); !pings_to(w, at); world_pass(w, WORLD_SECOND / 100))
		answer(w, at, id, false);
	assert_int_equal(pings_to(w, at), 1);
}

/* It has another id (BEP 42, a restart). It is asked by that at once, whatever else is under way
 * to it, and is known again when it answers. */
static void who_changes_its_id_is_known_by_the_new_one(void **state)
{
	struct world *w = *state;
	struct dht_id target = id_of(3, 3);
	struct dht_lookup *lookup;
	bool over;
	check_one(w, &asker, 0x10);
	assert_true(is_known_as(w, &asker, 0x10));
	assert_int_equal(dht_get_immutable(w->dht, &target, on_nothing, &over, &lookup), 0);
	size_t before = w->sent_len;
	dht_run(w->dht);
	assert_int_equal(w->sent_len, before + 1); /* a get that waits */
	answer(w, &asker, 0x20, true);
	assert_int_equal(pings_to(w, &asker), 1);
	answer(w, &asker, 0x20, true);
	assert_true(is_known_as(w, &asker, 0x20));
	dht_cancel(w->dht, lookup);
}

/* One that has another id each time is not asked for ever. */
static void who_always_changes_its_id_is_given_up(void **state)
{
	struct world *w = *state;
	check_one(w, &asker, 0x10);
	answer(w, &asker, 0x20, true);
	assert_int_equal(pings_to(w, &asker), 1);
	answer(w, &asker, 0x30, true);
	assert_int_equal(pings_to(w, &asker), 0);
	struct known known = {.at = &asker};
	dht_each_node(w->dht, note_known, &known);
	assert_int_equal(known.nodes, 0);
}

/* It was silent a moment ago, so what others say of it counts for little; what it says itself, and
 * be it under another id than we asked for, does. */
static void who_was_silent_and_asks_us_is_asked(void **state)
{
	struct world *w = *state;
	struct dht_message m = query(DHT_PING);
	for (unsigned i = 0; i < 2; i++) {
		world_tell(w, &asker, &m);
		world_pass(w, 5 * WORLD_SECOND);
	}
	assert_true(dht_habits_silent(&w->dht->habits, &asker, w->now));
	world_clear(w);
	world_tell(w, &asker, &m);
	assert_int_equal(pings_to(w, &asker), 1);
	answer(w, &asker, 0x20, true);
	assert_false(dht_habits_silent(&w->dht->habits, &asker, w->now));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ping_echoes_any_transaction),
		TEST(find_node_names_the_nearest_of_the_families_wanted),
		TEST(only_nodes_that_answered_are_named),
		TEST(strangers_are_verified_a_few_at_a_time),
		TEST(silent_nodes_are_not_named),
		TEST(answers_count_only_from_where_we_asked),
		TEST(nobody_answers_under_our_id),
		TEST(peers_are_announced_with_a_token),
		TEST(unknown_methods),
		TEST(bad_arguments_are_an_error),
		TEST(read_only_answers_nothing),
		TEST(mainline_has_nothing_to_do_with_local_addresses),
		TEST(counters_count),
		TEST(the_dead_do_not_delay_who_came_later),
		TEST(a_saved_table_is_asked_in_its_order),
		TEST(waiting_for_a_node_has_an_end),
		TEST(who_changes_its_id_is_known_by_the_new_one),
		TEST(who_always_changes_its_id_is_given_up),
		TEST(who_was_silent_and_asks_us_is_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
