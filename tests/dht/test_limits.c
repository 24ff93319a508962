/* What strangers may have of us: each limit alone, then through a whole node. */
#undef NDEBUG
#include "tests/dht/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dht/limits.h"

static struct dht_limits *limits;
static struct world world;

static int setup(void **state)
{
	static const uint8_t key[DHT_LIMITS_KEY_LEN] = "a key of sixteen";
	*state = NULL;
	return dht_limits_create(key, &limits);
}

static int teardown(void **state)
{
	(void)state;
	dht_limits_destroy(limits);
	return 0;
}

/* The n-th address of 11.0.0.0/8, or of 2001::/16 by /64. */
static struct dht_endpoint address4(uint32_t n)
{
	return (struct dht_endpoint){.family = 4,
		.ip = {11, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n},
		.port = 6881};
}

static struct dht_endpoint address6(uint64_t network, uint64_t host)
{
	struct dht_endpoint e = {.family = 6, .ip = {0x20, 0x01}, .port = 6881};
	for (unsigned i = 0; i < 6; i++)
		e.ip[7 - i] = (uint8_t)(network >> 8 * i);
	for (unsigned i = 0; i < 8; i++)
		e.ip[15 - i] = (uint8_t)(host >> 8 * i);
	return e;
}

/* Of `n` datagrams at one moment, those admitted. */
static unsigned admitted(const struct dht_endpoint *from, unsigned n, uint64_t now)
{
	unsigned in = 0;
	for (unsigned i = 0; i < n; i++)
		in += dht_limits_in(limits, from, 10, now) == DHT_ADMIT;
	return in;
}

static void a_source_has_a_burst_and_a_rate(void **state)
{
	(void)state;
	uint64_t now = 5 * WORLD_SECOND;
	struct dht_endpoint a = address4(1), other_port = a, b = address4(2);
	assert_int_equal(admitted(&a, 1000, now), DHT_LIMITS_BURST);
	assert_int_equal(dht_limits_in(limits, &a, 10, now), DHT_OVER_RATE);
	other_port.port = 1;
	assert_int_equal(admitted(&other_port, 10, now), 0);
	assert_int_equal(admitted(&b, 10, now), 10);
	/* Nothing is remembered but the bucket: however long it was beaten, it refills at once. */
	for (unsigned i = 0; i < 100000; i++)
		dht_limits_in(limits, &a, 10, now);
	assert_int_equal(admitted(&a, 1000, now + WORLD_SECOND), DHT_LIMITS_RATE);
	assert_int_equal(admitted(&a, 1000, now + 3600 * WORLD_SECOND), DHT_LIMITS_BURST);
}

static void an_ipv6_source_is_a_64(void **state)
{
	(void)state;
	uint64_t now = 5 * WORLD_SECOND;
	struct dht_endpoint other = address6(2, 1);
	unsigned in = 0;
	for (uint64_t host = 0; host < 1000; host++) {
		struct dht_endpoint e = address6(1, host << 32 | host);
		in += admitted(&e, 1, now);
	}
	assert_int_equal(in, DHT_LIMITS_BURST);
	assert_int_equal(admitted(&other, 10, now), 10);
}

/* Very many forged sources: no more bytes than the budget, no memory, and the verified still heard.
 */
static void all_have_a_budget_and_the_verified_their_own(void **state)
{
	(void)state;
	struct dht_endpoint honest = address4(0xffffff);
	uint64_t now = 5 * WORLD_SECOND, bytes = 0, over_budget = 0;
	dht_limits_proved(limits, &honest, now);
	for (uint32_t n = 0; n < 300000; n++) {
		struct dht_endpoint forged = address4(n * 3);
		enum dht_admission r = dht_limits_in(limits, &forged, 100, now + 4 * n);
		bytes += r == DHT_ADMIT ? 100 : 0;
		over_budget += r == DHT_OVER_BUDGET;
		if (n % 50000 == 0)
			assert_int_equal(admitted(&honest, 2, now + 4 * n), 2);
	}
	assert_in_range(bytes, 22 * DHT_LIMITS_IN / 10 - 200, 22 * DHT_LIMITS_IN / 10);
	assert_true(over_budget > 200000);
	assert_int_equal(
		admitted(&honest, 1000, now + 100 * WORLD_SECOND), DHT_LIMITS_BURST_VERIFIED);
	assert_int_equal(
		admitted(&honest, 1000, now + 101 * WORLD_SECOND), DHT_LIMITS_RATE_VERIFIED);
}

static void the_verified_have_a_budget_too(void **state)
{
	(void)state;
	uint64_t now = 5 * WORLD_SECOND, bytes = 0;
	for (uint32_t n = 0; n < 400; n++) {
		struct dht_endpoint e = address4(n << 8);
		dht_limits_proved(limits, &e, now);
		for (unsigned i = 0; i < 100; i++)
			bytes += dht_limits_in(limits, &e, 1000, now) == DHT_ADMIT ? 1000 : 0;
	}
	assert_int_equal(bytes, DHT_LIMITS_IN_VERIFIED);
}

/* The most that went to `subnet` addresses in any second of ten, of a stream of replies that
 * would never end. */
static uint64_t most_in_a_second(unsigned subnets, bool six, size_t len)
{
	static uint64_t sent_at[200000];
	size_t first = 0, n = 0;
	uint64_t most = 0, start = 3600 * WORLD_SECOND;
	dht_limits_destroy(limits);
	limits = NULL;
	assert_int_equal(setup((void **)&(void *){NULL}), 0);
	for (uint64_t now = start; now < start + 10 * WORLD_SECOND; now += 9973)
		for (unsigned i = 0; i < subnets; i++) {
			uint32_t host = (uint32_t)(now / 9973 % 200);
			struct dht_endpoint e = six ? address6((uint64_t)i << 8 | host, host)
						    : address4(i << 8 | host);
			if (!dht_limits_out(limits, &e, len, now))
				continue;
			sent_at[n++] = now;
			while (sent_at[first] + WORLD_SECOND <= now)
				first++;
			if ((n - first) * len > most)
				most = (n - first) * len;
		}
	return most;
}

/* Promise P19, in every second, of whatever size the replies are. */
static void bytes_to_the_unverified(void **state)
{
	(void)state;
	static const size_t lens[] = {60, 100, 333, 1232, 1400};
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++)
		for (unsigned six = 0; six < 2; six++) {
			uint64_t one = most_in_a_second(1, six, lens[i]);
			assert_in_range(one, DHT_LIMITS_OUT - 2 * lens[i], DHT_LIMITS_OUT);
			uint64_t all = most_in_a_second(40, six, lens[i]);
			assert_in_range(all, DHT_LIMITS_OUT_ALL - 3 * lens[i], DHT_LIMITS_OUT_ALL);
		}
}

static void bytes_to_the_verified(void **state)
{
	(void)state;
	uint64_t now = 5 * WORLD_SECOND;
	struct dht_endpoint a = address4(1), neighbour = address4(2);
	dht_limits_proved(limits, &a, now);
	for (unsigned i = 0; i < 1000; i++)
		assert_true(dht_limits_out(limits, &a, 1400, now));
	assert_true(
		dht_limits_out(limits, &neighbour, 1400, now)); /* nothing of that was counted */
	assert_false(dht_limits_out(limits, &neighbour, 1400, now));
	assert_true(dht_limits_room(limits, &neighbour, 100, now));
	assert_false(dht_limits_room(limits, &neighbour, 200, now));
}

static void proofs_end_and_are_renewed(void **state)
{
	(void)state;
	uint64_t now = 5 * WORLD_SECOND;
	struct dht_endpoint a = address4(1), six = address6(7, 1), same64 = address6(7, 99);
	assert_false(dht_limits_verified(limits, &a, now));
	dht_limits_proved(limits, &a, now);
	dht_limits_proved(limits, &six, now);
	assert_true(dht_limits_verified(limits, &same64, now));
	assert_true(dht_limits_verified(limits, &a, now + DHT_LIMITS_PROOF_LIFE - 1));
	assert_false(dht_limits_verified(limits, &a, now + DHT_LIMITS_PROOF_LIFE));
	/* Proving it again is no way to fill one's bucket. */
	assert_int_equal(admitted(&a, 1000, now), DHT_LIMITS_BURST_VERIFIED);
	dht_limits_proved(limits, &a, now + 1);
	assert_int_equal(admitted(&a, 1000, now + 1), 0);
	assert_true(dht_limits_verified(limits, &a, now + DHT_LIMITS_PROOF_LIFE));
}

/* Who owns a /24, or an IPv6 /48, of true addresses: they drive each other out, and of the others
 * at most those that share their set. */
static void many_proofs_of_one_network(void **state)
{
	(void)state;
	uint64_t now = 5 * WORLD_SECOND;
	unsigned kept = 0, own = 0;
	for (uint32_t n = 1; n <= 1000; n++) {
		struct dht_endpoint e = address4(n << 8);
		dht_limits_proved(limits, &e, now);
	}
	for (uint64_t n = 0; n < 65536; n++) {
		struct dht_endpoint e = address6(n, 1),
				    f = address4((uint32_t)(5000 << 8 | n % 256));
		dht_limits_proved(limits, &e, now + n);
		dht_limits_proved(limits, &f, now + n);
	}
	for (uint32_t n = 1; n <= 1000; n++) {
		struct dht_endpoint e = address4(n << 8);
		kept += dht_limits_verified(limits, &e, now + 65536);
	}
	for (uint64_t n = 0; n < 65536; n++) {
		struct dht_endpoint e = address6(n, 1);
		own += dht_limits_verified(limits, &e, now + 65536);
	}
	assert_true(kept >= 980);
	assert_true(own <= 8);
}

/* ---- through a node ---- */

static int setup_node(void **state)
{
	struct dht_config config = {.limits = true};
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

static int teardown_node(void **state)
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
	/* Nor is all that is looked at answered: 1,500 bytes are some twenty pings. */
	assert_int_equal(c.drop_bytes, DHT_LIMITS_BURST - answers);
	assert_in_range(answers, 14, 25);
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
	assert_in_range(most, DHT_LIMITS_OUT - 300, DHT_LIMITS_OUT);
	assert_true(counters(w).out[DHT_PING].packets > 0 && counters(w).drop_bytes > 0);
	assert_sum(w);
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

/* While a query of ours is under way, the node asked is flooded for: its answer gets through,
 * and what is no answer does not. */
static void answers_are_exempt(void **state)
{
	struct world *w = *state;
	struct dht_endpoint at = endpoint("44.1.1.1:4001");
	struct dht_message asked, m = query(DHT_PING), answer;
	dht_add_node(w->dht, &at);
	assert_int_equal(w->sent_len, 1);
	struct packet sent = w->sent[0];
	assert_int_equal(dht_message_read(sent.data, sent.len, &asked), 0);
	world_clear(w);
	m.read_only = true;
	for (unsigned i = 0; i < 1000; i++) {
		world_tell(w, &at, &m);
		world_clear(w);
	}
	answer = (struct dht_message){
		.kind = DHT_REPLY, .transaction = BYTES("nope"), .has_id = true, .id = id_of(1, 1)};
	uint64_t before = counters(w).drop_rate;
	world_tell(w, &at, &answer);
	assert_int_equal(counters(w).drop_rate, before + 1);
	/* A query that carries our transaction is a query all the same. */
	m.transaction = asked.transaction;
	assert_null(world_tell(w, &at, &m));
	assert_int_equal(counters(w).drop_rate, before + 2);
	answer.transaction = asked.transaction;
	world_tell(w, &at, &answer);
	assert_int_equal(counters(w).replies_in, 1);
	assert_int_equal(counters(w).in[DHT_KIND_REPLY].packets, 1);
	assert_int_equal(counters(w).nodes, 1);
	assert_int_equal(pinged(w, &at, 5), 5); /* verified by that */
	assert_sum(w);
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define NODE_TEST(f) cmocka_unit_test_setup_teardown(f, setup_node, teardown_node)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_source_has_a_burst_and_a_rate),
		TEST(an_ipv6_source_is_a_64),
		TEST(all_have_a_budget_and_the_verified_their_own),
		TEST(the_verified_have_a_budget_too),
		TEST(bytes_to_the_unverified),
		TEST(bytes_to_the_verified),
		TEST(proofs_end_and_are_renewed),
		TEST(many_proofs_of_one_network),
		NODE_TEST(a_flood_is_dropped_by_source),
		NODE_TEST(a_flood_from_everywhere),
		NODE_TEST(a_flood_from_one_subnet),
		NODE_TEST(a_token_verifies),
		NODE_TEST(answers_are_exempt),
		cmocka_unit_test_setup_teardown(
			without_limits_nothing_is_limited, setup_unlimited, teardown_node),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
