/* What strangers may have of a whole node. */
#undef NDEBUG
#include "tests/dht/addresses.h"
#include "tests/dht/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dht/engine.h"

static struct world world;

static int setup(void **state)
{
	struct dht_config config = {.limits = true};
	*state = &world;
	world_start_as(&world, &config);
	return 0;
}

static int setup_mainline(void **state)
{
	struct dht_config config = {.limits = true, .mainline = true};
	*state = &world;
	world_start_as(&world, &config);
	return 0;
}

static int setup_unlimited(void **state)
{
	struct dht_config config = {.limits = false};
	*state = &world;
	world_start_as(&world, &config);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_end(&world);
	return 0;
}

static struct dht_counters counters(const struct world *w)
{
	struct dht_counters c;
	dht_counters(w->dht, &c);
	return c;
}

/* All that came is accounted for. */
static void assert_sum(const struct world *w)
{
	struct dht_counters c = counters(w);
	uint64_t packets = 0, bytes = 0;
	for (unsigned kind = 0; kind < DHT_KINDS; kind++)
		packets += c.in[kind].packets;
	assert_true(packets + c.drop_rate + c.drop_budget <= c.packets_in);
	assert_true(packets + c.drop_rate + c.drop_budget + c.junk >= c.packets_in);
	packets = 0;
	for (unsigned kind = 0; kind < DHT_KINDS; kind++) {
		packets += c.out[kind].packets;
		bytes += c.out[kind].bytes;
	}
	assert_int_equal(packets, c.packets_out);
	assert_int_equal(bytes, c.bytes_out);
}

/* Answers of the node to `n` pings from `from`, at one moment. The sender says BEP 43, so that it
 * is not asked whether it is there. */
static unsigned pinged(struct world *w, const struct dht_endpoint *from, unsigned n)
{
	unsigned answers = 0;
	struct dht_message m = query(DHT_PING);
	m.read_only = true;
	for (unsigned i = 0; i < n; i++) {
		answers += world_tell(w, from, &m) != NULL;
		world_clear(w);
	}
	return answers;
}

static void a_flood_is_dropped_by_source(void **state)
{
	struct world *w = *state;
	struct dht_endpoint a = address4(1), b = address4(0x10001);
	unsigned answers = pinged(w, &a, 1000);
	struct dht_counters c = counters(w);
	assert_int_equal(c.in[DHT_PING].packets, DHT_LIMITS_BURST);
	assert_int_equal(c.drop_rate, 1000 - DHT_LIMITS_BURST);
	/* Nor is all that is looked at answered: 600 bytes are some nine pings. */
	assert_int_equal(c.drop_bytes, DHT_LIMITS_BURST - answers);
	assert_in_range(answers, 7, 12);
	assert_int_equal(pinged(w, &b, 5), 5);
	w->now += 60 * WORLD_SECOND;
	assert_true(pinged(w, &a, 5) == 5);
	assert_sum(w);
}

static struct dht_message get_of(const struct dht_id *target)
{
	struct dht_message m = query(DHT_GET);
	m.has_target = true;
	m.target = *target;
	m.read_only = true;
	return m;
}

/* A flood of forged queries for fifteen seconds: in no second do more bytes leave for their
 * addresses than promise P19 allows, and who is verified is answered all the time. */
static void a_flood_from_everywhere(void **state)
{
	struct world *w = *state;
	struct dht_contact friend = {.id = id_of(0x99, 2), .endpoint = endpoint("44.5.6.7:4001")};
	struct dht_id target = id_of(5, 5);
	world_befriend(w, &friend);
	uint64_t bytes = 0, most = 0, second = 0;
	for (unsigned i = 0; i < 50000; i++, w->now += 300) {
		struct dht_endpoint forged = address4(i * 7919 % 0xffff00);
		struct dht_message m = get_of(&target);
		world_clear(w);
		m.read_only = i % 2;
		world_tell(w, &forged, &m);
		for (size_t k = 0; k < w->sent_len; k++)
			bytes += w->sent[k].len;
		if (w->now / WORLD_SECOND != second) {
			most = bytes > most ? bytes : most;
			bytes = 0;
			second = w->now / WORLD_SECOND;
			world_clear(w);
			dht_run(w->dht); /* pings of forged strangers expire, others follow */
			for (size_t k = 0; k < w->sent_len; k++)
				bytes += w->sent[k].len;
			assert_int_equal(pinged(w, &friend.endpoint, 5), 5);
		}
	}
	/* What the node asks on its own account is not counted there, and is little. */
	assert_in_range(most, DHT_LIMITS_OUT_ALL / 2, DHT_LIMITS_OUT_ALL + 2000);
	struct dht_counters c = counters(w);
	assert_true(c.drop_bytes > 0 && c.drop_budget > 0);
	assert_sum(w);
}

/* The same from one /24, replies and the pings that ask for the strangers together. */
static void a_flood_from_one_subnet(void **state)
{
	struct world *w = *state;
	static struct {
		uint64_t at, bytes;
	} sent[20000];
	size_t first = 0, n = 0;
	uint64_t sum = 0, most = 0;
	struct dht_id target = id_of(5, 5);
	for (unsigned i = 0; i < 10000; i++, w->now += 1000) {
		struct dht_endpoint forged = address4(0x7700 + i % 256);
		struct dht_message m = get_of(&target);
		m.read_only = false;
		m.id = id_of((uint8_t)i, (uint8_t)(i / 256));
		world_clear(w);
		dht_run(w->dht);
		world_tell(w, &forged, &m);
		for (size_t k = 0; k < w->sent_len; k++) {
			sum += sent[n].bytes = w->sent[k].len;
			sent[n++].at = w->now;
		}
		while (sent[first].at + WORLD_SECOND <= w->now)
			sum -= sent[first++].bytes;
		most = sum > most ? sum : most;
	}
	/* None of these leaves such a debt as the longest reply does. */
	assert_in_range(most, DHT_LIMITS_OUT - DHT_LIMITS_OUT_LONGEST - 300, DHT_LIMITS_OUT);
	assert_true(counters(w).out[DHT_PING].packets > 0 && counters(w).drop_bytes > 0);
	assert_sum(w);
}

static void befriend(struct world *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct dht_contact c = {.id = id_of((uint8_t)(i * 16), (uint8_t)i),
			.endpoint = address4(0x800000 | i << 8)};
		world_befriend(w, &c);
		world_clear(w);
	}
}

/* Forged pings leave no room. Gets of strangers, whose answers are five times as large, have the
 * same chance as any of those. */
static void small_replies_do_not_starve_large_ones(void **state)
{
	struct world *w = *state;
	struct dht_id target = id_of(5, 5);
	unsigned gets = 0, got = 0, pings = 0, pongs = 0;
	befriend(w, 12);
	for (uint32_t i = 0; i < 20000; i++, w->now += i * 7919 % 2001) {
		struct dht_endpoint from = address4(i * 7919 % 0x800000);
		if (i % 20 > 0) {
			pings++;
			pongs += pinged(w, &from, 1);
			continue;
		}
		struct dht_message m = get_of(&target);
		const struct packet *p = world_tell(w, &from, &m);
		assert_true(!p || p->len > 300);
		gets++;
		got += p != NULL;
		world_clear(w);
	}
	assert_in_range(pongs * 100 / pings, 40, 80);
	assert_in_range(got * 100 / gets, pongs * 100 / pings - 10, 100);
}

/* Who cannot be answered costs no look at the disk, and unverified addresses, forged or not, make
 * nothing popular. */
static void gets_that_are_not_answered_are_not_looked_up(void **state)
{
	struct world *w = *state;
	struct dht_contact friend = {.id = id_of(0x99, 2), .endpoint = endpoint("44.5.6.7:4001")};
	struct dht_id target = id_of(5, 5);
	struct dht_message m = get_of(&target);
	for (unsigned i = 0; i < 1000; i++) {
		struct dht_endpoint forged = address4(0x7700 + i % 256);
		world_tell(w, &forged, &m);
		world_clear(w);
	}
	struct dht_counters c = counters(w);
	assert_in_range(c.out[DHT_KIND_REPLY].packets, 1, 10);
	assert_int_equal(w->finds, c.out[DHT_KIND_REPLY].packets);
	assert_int_equal(c.drop_bytes, 1000 - w->finds);
	assert_int_equal(w->asks, 0);
	world_befriend(w, &friend);
	world_clear(w);
	assert_non_null(world_tell(w, &friend.endpoint, &m));
	assert_int_equal(w->asks, 1);
}

/* The ping that asks for a stranger is not sent on credit: the answer before it may have taken all.
 */
static void strangers_are_not_asked_for_on_credit(void **state)
{
	struct world *w = *state;
	struct dht_id target = id_of(5, 5);
	befriend(w, 12);
	for (unsigned i = 0; i < 2; i++) {
		struct dht_endpoint stranger = address4(0x7700 + i);
		struct dht_message m = get_of(&target);
		m.read_only = false;
		m.id = id_of((uint8_t)(0xa0 + i), (uint8_t)i);
		world_clear(w);
		const struct packet *p = world_tell(w, &stranger, &m);
		assert_non_null(p);
		assert_in_range(p->len, 300, 350);
		assert_int_equal(w->sent_len, i == 0 ? 2 : 1);
	}
}

/* Who writes a verified address as the sender of gets for something large. */
static void bytes_to_a_verified_source(void **state)
{
	struct world *w = *state;
	struct dht_contact friend = {.id = id_of(0x99, 2), .endpoint = endpoint("44.5.6.7:4001")};
	struct dht_item *item = &w->items[0].item;
	uint64_t bytes = 0;
	memset(item->value, 'x', 1000);
	memcpy(item->value, "996:", 4);
	item->value_len = 1000;
	dht_item_target(item, &w->items[0].target);
	w->items_len = 1;
	struct dht_message m = get_of(&w->items[0].target);
	world_befriend(w, &friend);
	for (unsigned i = 0; i < 10000; i++, w->now += 1000) {
		world_clear(w);
		const struct packet *p = world_tell(w, &friend.endpoint, &m);
		bytes += p ? p->len : 0;
	}
	assert_in_range(bytes, 10 * DHT_LIMITS_OUT_VERIFIED,
		11 * DHT_LIMITS_OUT_VERIFIED + DHT_LIMITS_OUT_LONGEST);
	assert_true(counters(w).drop_bytes > 0);
}

/* An announcement may bring the token that says that its sender is there, and so is read although
 * he could not be answered without. */
static void announcements_are_read_when_nothing_may_be_sent(void **state)
{
	struct world *w = *state;
	struct dht_endpoint a = address4(1);
	struct dht_message answer, m = query(DHT_GET_PEERS);
	uint8_t token[8];
	m.has_target = m.read_only = true;
	m.target = id_of(5, 5);
	const struct packet *p = world_tell(w, &a, &m);
	assert_non_null(p);
	assert_int_equal(dht_message_read(p->data, p->len, &answer), 0);
	assert_int_equal(answer.token.len, 8);
	memcpy(token, answer.token.data, 8);
	pinged(w, &a, 40); /* others, in its name */
	assert_int_equal(pinged(w, &a, 1), 0);
	struct dht_message announce = m;
	announce.method = DHT_ANNOUNCE_PEER;
	announce.implied_port = true;
	announce.token = (struct bytes){token, 8};
	token[0] ^= 1;
	assert_null(world_tell(w, &a, &announce));
	token[0] ^= 1;
	assert_non_null(world_tell(w, &a, &announce));
	world_clear(w);
	p = world_tell(w, &a, &m);
	assert_non_null(p);
	assert_int_equal(dht_message_read(p->data, p->len, &answer), 0);
	assert_int_equal(answer.peers_len, 1);
	assert_true(dht_endpoint_equal(&answer.peers[0], &a));
}

/* A token is a proof, and one answer of ours is all it takes to get it. */
static void a_token_verifies(void **state)
{
	struct world *w = *state;
	static const uint8_t value[] = "5:hello";
	struct dht_endpoint a = address4(1);
	struct dht_item item = {.value_len = 7};
	struct dht_message answer, put = query(DHT_PUT);
	struct dht_id target;
	uint8_t token[8];
	memcpy(item.value, value, 7);
	dht_item_target(&item, &target);
	struct dht_message m = get_of(&target);
	const struct packet *p = world_tell(w, &a, &m);
	assert_non_null(p);
	assert_int_equal(dht_message_read(p->data, p->len, &answer), 0);
	memcpy(token, answer.token.data, 8);
	pinged(w, &a, 40); /* its bytes are used up, by others in its name */
	assert_int_equal(pinged(w, &a, 1), 0);
	put.read_only = true;
	put.token = (struct bytes){token, 8};
	put.value = (struct bytes){value, 7};
	token[0] ^= 1;
	assert_null(world_tell(w, &a, &put));
	assert_int_equal(pinged(w, &a, 1), 0);
	token[0] ^= 1;
	assert_non_null(world_tell(w, &a, &put));
	world_clear(w);
	assert_int_equal(pinged(w, &a, DHT_LIMITS_BURST_VERIFIED), DHT_LIMITS_BURST_VERIFIED);
	assert_int_equal(w->items_len, 1);
}

/* Asks the node at `at` something; the transaction that its answer has to carry. */
static struct bytes asked(struct world *w, const struct dht_endpoint *at)
{
	static uint8_t transaction[4];
	struct dht_message m;
	assert_int_equal(dht_add_node(w->dht, at), 0);
	assert_int_equal(w->sent_len, 1);
	assert_int_equal(dht_message_read(w->sent[0].data, w->sent[0].len, &m), 0);
	assert_int_equal(m.transaction.len, 4);
	memcpy(transaction, m.transaction.data, 4);
	world_clear(w);
	return (struct bytes){transaction, 4};
}

static struct dht_message reply_with(struct bytes transaction)
{
	return (struct dht_message){.kind = DHT_REPLY,
		.transaction = transaction,
		.client = BYTES("TEST"),
		.has_id = true,
		.id = id_of(1, 1)};
}

/* While a query of ours is under way, the node asked is flooded for: its answer gets through,
 * and what is no answer does not, nor what comes from elsewhere. */
static void answers_are_exempt(void **state)
{
	struct world *w = *state;
	struct dht_endpoint at = endpoint("44.1.1.1:4001"), other = endpoint("44.1.1.1:4002");
	struct dht_message nope = reply_with(BYTES("nope")), answer = reply_with(asked(w, &at));
	pinged(w, &at, 1000);
	pinged(w, &other, 1000);
	uint64_t before = counters(w).drop_rate;
	world_tell(w, &at, &nope);
	assert_int_equal(counters(w).drop_rate, before + 1);
	world_tell(w, &other, &answer);
	assert_int_equal(counters(w).drop_rate, before + 2);
	answer.client = BYTES("1:t4:nope");
	world_tell(w, &at, &answer);
	assert_int_equal(counters(w).replies_in, 1);
	assert_int_equal(counters(w).in[DHT_KIND_REPLY].packets, 1);
	assert_int_equal(counters(w).nodes, 1);
	assert_int_equal(pinged(w, &at, 5), 5); /* verified by that */
	assert_sum(w);
}

/* A query that carries our transaction is a query all the same. */
static void queries_are_not_exempt(void **state)
{
	struct world *w = *state;
	struct dht_endpoint at = endpoint("44.1.1.1:4001");
	struct dht_message m = query(DHT_PING);
	m.transaction = asked(w, &at);
	pinged(w, &at, 1000);
	uint64_t before = counters(w).drop_rate;
	assert_null(world_tell(w, &at, &m));
	assert_int_equal(counters(w).drop_rate, before + 1);
}

/* Whom we asked sends junk that looks like the answer, for as long as we wait for that. */
static void one_datagram_is_exempt_for_each_query(void **state)
{
	struct world *w = *state;
	struct dht_endpoint at = endpoint("44.1.1.1:4001");
	struct bytes transaction = asked(w, &at);
	uint8_t junk[1400];
	memset(junk, 'x', sizeof(junk));
	memcpy(junk + 700, "1:t4:", 5);
	memcpy(junk + 705, transaction.data, 4);
	pinged(w, &at, 1000);
	uint64_t before = counters(w).drop_rate;
	for (unsigned i = 0; i < 1000; i++)
		dht_receive(w->dht, &at, junk, sizeof(junk));
	assert_int_equal(counters(w).junk, 1);
	assert_int_equal(counters(w).drop_rate, before + 999);
}

/* Many places where a transaction might be are not all looked at. */
static void transactions_are_looked_for_in_few_places(void **state)
{
	struct world *w = *state;
	struct dht_endpoint at = endpoint("44.1.1.1:4001");
	struct bytes transaction = asked(w, &at);
	uint8_t junk[9 * 5];
	pinged(w, &at, 1000);
	for (size_t i = 0; i < 5; i++)
		memcpy(junk + 9 * i, "1:t4:nope", 9);
	memcpy(junk + 5, transaction.data, 4);
	dht_receive(w->dht, &at, junk, sizeof(junk));
	assert_int_equal(counters(w).junk, 0);
	dht_receive(w->dht, &at, junk, sizeof(junk) - 9);
	assert_int_equal(counters(w).junk, 1);
	dht_receive(w->dht, &at, junk, 8); /* shorter than what is looked for */
	assert_int_equal(counters(w).junk, 1);
}

static void without_limits_nothing_is_limited(void **state)
{
	struct world *w = *state;
	struct dht_endpoint a = address4(1);
	assert_int_equal(pinged(w, &a, 5000), 5000);
	for (uint32_t i = 0; i < 20000; i++) {
		struct dht_endpoint e = address4(i);
		assert_int_equal(pinged(w, &e, 1), 1);
	}
	struct dht_counters c = counters(w);
	assert_true(!c.drop_rate && !c.drop_budget && !c.drop_bytes && !c.junk);
	assert_int_equal(c.in[DHT_PING].packets, 25000);
	assert_int_equal(c.out[DHT_KIND_REPLY].packets, 25000);
	assert_sum(w);
}

/* As many nodes as the table of one family takes, each alive, and fewer of the other: it goes on
 * asking them, so that they stay verified. */
#define NODES4 400
#define NODES (NODES4 + 120)

static struct dht_contact nodes[NODES];

static void answer_all(struct world *w)
{
	static struct packet sent[sizeof(w->sent) / sizeof(*w->sent)];
	while (w->sent_len > 0) {
		size_t n = w->sent_len;
		memcpy(sent, w->sent, n * sizeof(*sent));
		world_clear(w);
		for (size_t i = 0; i < n; i++) {
			struct dht_message m;
			unsigned k = sent[i].to.ip[1] * 20u + sent[i].to.ip[2];
			assert_int_equal(dht_message_read(sent[i].data, sent[i].len, &m), 0);
			if (m.kind != DHT_QUERY)
				continue; /* what it said to a new friend */
			assert_true(k < NODES);
			struct dht_message answer = reply_with(m.transaction);
			answer.id = nodes[k].id;
			answer.want4 = true;
			world_tell(w, &nodes[k].endpoint, &answer);
		}
	}
}

/* It shares so many bits with us as makes the buckets full. */
static struct dht_id id_in_bucket(struct world *w, unsigned i)
{
	unsigned share = i < 128 ? 0 : i < 192 ? 1 : i < 224 ? 2 : i < 240 ? 3 : 4 + (i - 240) / 8;
	struct dht_id id = *dht_own_id(w->dht);
	world_random(w, id.b + share / 8 + 1, sizeof(id.b) - share / 8 - 1);
	id.b[share / 8] ^= (uint8_t)(0x80 >> share % 8);
	return id;
}

static void nodes_of_the_table_stay_verified(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < NODES; i++) {
		bool four = i < NODES4;
		nodes[i].endpoint = (struct dht_endpoint){.family = four ? 4 : 6,
			.ip = {four ? 60 : 0x2a, (uint8_t)(i / 20), (uint8_t)(i % 20), 1},
			.port = 4001};
		nodes[i].id = id_in_bucket(w, four ? i : i - NODES4);
		world_befriend(w, &nodes[i]);
		answer_all(w);
		w->now += WORLD_SECOND;
		dht_run(w->dht);
		answer_all(w);
	}
	for (unsigned round = 0; round < 4; round++) {
		uint64_t end = w->now + 3600 * WORLD_SECOND;
		unsigned in[2] = {0}, verified = 0;
		while (w->now < end) {
			uint64_t next = dht_run(w->dht);
			answer_all(w);
			w->now = next > w->now + WORLD_SECOND ? next : w->now + WORLD_SECOND;
		}
		for (unsigned i = 0; i < NODES; i++) {
			const struct dht_table *t = dht_table_of(w->dht, &nodes[i].endpoint);
			if (!dht_table_find(t, &nodes[i]))
				continue;
			in[i >= NODES4]++;
			verified += dht_limits_verified(w->dht->limits, &nodes[i].endpoint, w->now);
		}
		assert_true(in[0] > 300 && in[1] == NODES - NODES4);
		assert_int_equal(verified, in[0] + in[1]);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_flood_is_dropped_by_source),
		TEST(a_flood_from_everywhere),
		TEST(a_flood_from_one_subnet),
		TEST(small_replies_do_not_starve_large_ones),
		TEST(gets_that_are_not_answered_are_not_looked_up),
		TEST(strangers_are_not_asked_for_on_credit),
		TEST(bytes_to_a_verified_source),
		TEST(announcements_are_read_when_nothing_may_be_sent),
		TEST(a_token_verifies),
		TEST(answers_are_exempt),
		TEST(queries_are_not_exempt),
		TEST(one_datagram_is_exempt_for_each_query),
		TEST(transactions_are_looked_for_in_few_places),
		cmocka_unit_test_setup_teardown(
			nodes_of_the_table_stay_verified, setup_mainline, teardown),
		cmocka_unit_test_setup_teardown(
			without_limits_nothing_is_limited, setup_unlimited, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
