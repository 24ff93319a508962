/* Announced peers: found, forgotten in time, bounded, and nobody's alone. */
#undef NDEBUG
#include "dht/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SECOND ((uint64_t)1000000)
#define MINUTE (60 * SECOND)

static const uint8_t key[DHT_PEERS_KEY_LEN] = "a key of sixteen";
static struct dht_peers *p;

static int setup(void **state)
{
	(void)state;
	return dht_peers_create(key, false, &p);
}

static int setup_by_subnet(void **state)
{
	(void)state;
	return dht_peers_create(key, true, &p);
}

static int teardown(void **state)
{
	(void)state;
	dht_peers_destroy(p);
	p = NULL;
	return 0;
}

/* The n-th address: a /24 of its own (IPv6: a /56). */
static struct dht_endpoint peer(unsigned number, uint8_t family)
{
	struct dht_endpoint e = {.family = family, .ip = {family == 4 ? 11 : 0x20}, .port = 6881};
	e.ip[family == 4 ? 1 : 5] = (uint8_t)(number >> 8);
	e.ip[family == 4 ? 2 : 6] = (uint8_t)number;
	return e;
}

static struct dht_id hash(unsigned number)
{
	struct dht_id id = {{0}};
	id.b[17] = (uint8_t)(number >> 16);
	id.b[18] = (uint8_t)(number >> 8);
	id.b[19] = (uint8_t)number;
	return id;
}

static void add(unsigned swarm, const struct dht_endpoint *e, uint64_t now)
{
	struct dht_id h = hash(swarm);
	assert_int_equal(dht_peers_add(p, &h, e, now), 0);
}

/* How many are found; the latest of them. */
static size_t found(unsigned swarm, uint8_t family, struct dht_endpoint *ret_first)
{
	struct dht_endpoint peers[4 * DHT_PEERS_EACH_MAX];
	struct dht_id h = hash(swarm);
	size_t n = dht_peers_find(p, &h, family, peers, 4 * DHT_PEERS_EACH_MAX);
	if (ret_first && n > 0)
		*ret_first = peers[0];
	return n;
}

static void found_by_family_and_hash(void **state)
{
	(void)state;
	struct dht_endpoint first, a = peer(1, 4), b = peer(2, 4), c = peer(3, 6);
	struct dht_id h = hash(1);
	assert_int_equal(found(1, 4, NULL), 0);
	add(1, &a, 1);
	add(1, &b, 2);
	add(1, &c, 3);
	assert_int_equal(found(1, 4, &first), 2);
	assert_true(dht_endpoint_equal(&first, &b));
	assert_int_equal(found(1, 6, &first), 1);
	assert_true(dht_endpoint_equal(&first, &c));
	assert_int_equal(dht_peers_find(p, &h, 4, &first, 1), 1);
	assert_int_equal(found(2, 4, NULL), 0);
	/* Again: no second entry, but the latest now. */
	add(1, &a, 4);
	assert_int_equal(found(1, 4, &first), 2);
	assert_true(dht_endpoint_equal(&first, &a));
	dht_peers_destroy(NULL);
}

static void forgotten_after_half_an_hour(void **state)
{
	(void)state;
	struct dht_endpoint first, a = peer(1, 4), b = peer(2, 4);
	struct dht_sample sample;
	add(1, &a, 0);
	add(2, &a, 5 * MINUTE);
	add(1, &b, 10 * MINUTE);
	dht_peers_expire(p, 30 * MINUTE - 1);
	assert_int_equal(found(1, 4, NULL), 2);
	dht_peers_expire(p, 30 * MINUTE);
	assert_int_equal(found(1, 4, &first), 1);
	assert_true(dht_endpoint_equal(&first, &b));
	assert_int_equal(found(2, 4, NULL), 1);
	dht_peers_expire(p, 35 * MINUTE);
	assert_int_equal(found(2, 4, NULL), 0);
	dht_peers_expire(p, 40 * MINUTE);
	assert_int_equal(found(1, 4, NULL), 0);
	dht_peers_sample(p, 40 * MINUTE, &sample);
	assert_int_equal(sample.num, 0);
}

static void bounded(void **state)
{
	(void)state;
	unsigned kept = 0;
	for (unsigned i = 0; i < 3 * DHT_PEERS_EACH_MAX; i++) {
		struct dht_endpoint e = peer(i, 4);
		add(0, &e, i);
	}
	assert_int_equal(found(0, 4, NULL), DHT_PEERS_EACH_MAX);
	for (unsigned i = 1; i <= 3 * DHT_PEERS_HASHES_MAX; i++) {
		struct dht_endpoint e = peer(i, 4);
		add(i, &e, 1000 + i);
	}
	for (unsigned i = 0; i <= 3 * DHT_PEERS_HASHES_MAX; i++)
		kept += found(i, 4, NULL) > 0;
	assert_int_equal(kept, DHT_PEERS_HASHES_MAX);
	assert_int_equal(found(3 * DHT_PEERS_HASHES_MAX, 4, NULL), 1);
}

/* However many announce over one family, the other is served. */
static void families_are_apart(void **state)
{
	(void)state;
	struct dht_endpoint four = peer(1, 4);
	add(1, &four, 1);
	for (unsigned i = 0; i < 1000; i++) {
		struct dht_endpoint six = peer(i, 6);
		add(1, &six, 2 + i);
	}
	assert_int_equal(found(1, 4, NULL), 1);
	assert_int_equal(found(1, 6, NULL), DHT_PEERS_EACH_MAX);
}

static void an_address_has_a_few_ports(void **state)
{
	(void)state;
	struct dht_endpoint first, honest = peer(1, 4), greedy = peer(2, 4), six = peer(3, 6);
	add(1, &honest, 0);
	for (uint16_t port = 1; port <= 1000; port++) {
		greedy.port = six.port = port;
		six.ip[15] = (uint8_t)port; /* a /64 is one address */
		add(1, &greedy, port);
		add(1, &six, port);
	}
	assert_int_equal(found(1, 4, &first), 1 + DHT_PEERS_PORTS_MAX);
	assert_int_equal(first.port, 1000);
	assert_int_equal(found(1, 6, NULL), DHT_PEERS_PORTS_MAX);
}

/* The addresses of one /24 and of one /56. */
static void announce_from_a_subnet(void)
{
	for (unsigned i = 0; i < 256; i++) {
		struct dht_endpoint four = peer(2, 4), six = peer(2, 6);
		four.ip[3] = six.ip[7] = (uint8_t)i;
		add(1, &four, i);
		add(1, &six, i);
	}
}

static void a_subnet_has_a_few_peers(void **state)
{
	(void)state;
	announce_from_a_subnet();
	assert_int_equal(found(1, 4, NULL), DHT_PEERS_SUBNET_MAX);
	assert_int_equal(found(1, 6, NULL), DHT_PEERS_SUBNET_MAX);
}

static void without_limits_a_subnet_is_nothing(void **state)
{
	(void)state;
	announce_from_a_subnet();
	assert_int_equal(found(1, 4, NULL), DHT_PEERS_EACH_MAX);
	assert_int_equal(found(1, 6, NULL), DHT_PEERS_EACH_MAX);
}

/* Two hundred honest announcers of a swarm or two, and then one who announces everything: from as
 * many addresses of his subnet as there are, when subnets are what counts. */
static unsigned honest_left(bool one_address)
{
	unsigned left = 0;
	for (unsigned i = 0; i < 300; i++) {
		struct dht_endpoint e = peer(i % 200, 4);
		add(i, &e, i);
	}
	for (unsigned i = 0; i < 8000; i++) {
		struct dht_endpoint e = peer(60003, 4); /* shares its number with none of those */
		e.ip[3] = one_address ? 1 : (uint8_t)i;
		add(100000 + i, &e, 1000 + i);
	}
	for (unsigned i = 0; i < 300; i++)
		left += found(i, 4, NULL) > 0;
	return left;
}

static void one_announcer_drives_out_himself(void **state)
{
	(void)state;
	assert_int_equal(honest_left(true), 300);
}

static void one_subnet_drives_out_itself(void **state)
{
	(void)state;
	assert_int_equal(honest_left(false), 300);
}

/* He announced first what an honest one listens for, too. */
static void a_swarm_is_the_smallest_announcers(void **state)
{
	(void)state;
	struct dht_endpoint honest = peer(7, 4), greedy = peer(8, 4);
	for (unsigned i = 0; i < 500; i++)
		add(i, &greedy, i);
	add(3, &honest, 600);
	for (unsigned i = 1000; i < 5000; i++)
		add(i, &greedy, i);
	assert_int_equal(found(3, 4, NULL), 2);
	assert_int_equal(found(4, 4, NULL), 0);
}

/* A newcomer announces all that somebody listens for, while he has not announced much, and then all
 * there is. What remains of the 100? */
static unsigned left_by_thieves(unsigned thieves, bool again)
{
	struct dht_endpoint victim = peer(7, 4);
	uint64_t now = 0;
	unsigned left = 0;
	for (unsigned i = 0; i < 100; i++)
		add(i, &victim, ++now);
	for (unsigned t = 0; t < thieves; t++)
		for (unsigned i = 0; i < 100; i++) {
			struct dht_endpoint thief = peer(10 + t, 4);
			add(i, &thief, ++now);
		}
	for (unsigned i = 0; i < 100 && again; i++)
		add(i, &victim, ++now);
	for (unsigned i = 0; i < 3000; i++)
		for (unsigned t = 0; t < thieves; t++) {
			struct dht_endpoint thief = peer(10 + t, 4);
			add(1000 + i, &thief, ++now);
		}
	for (unsigned i = 0; i < 100; i++)
		left += found(i, 4, NULL) > 0;
	return left;
}

static void nobodys_swarms_are_taken_down(void **state)
{
	(void)state;
	assert_int_equal(left_by_thieves(1, false), 100);
}

static void nor_when_they_are_announced_again(void **state)
{
	(void)state;
	assert_int_equal(left_by_thieves(1, true), 100);
}

/* Two who announce the same for one another. */
static void nor_by_two(void **state)
{
	(void)state;
	assert_int_equal(left_by_thieves(2, false), 100);
}

static void add_many(unsigned first, unsigned n, const struct dht_endpoint *e, uint64_t now)
{
	for (unsigned i = first; i < first + n; i++)
		add(i, e, now);
}

static unsigned left_of(unsigned first, unsigned n)
{
	unsigned left = 0;
	for (unsigned i = first; i < first + n; i++)
		left += found(i, 4, NULL) > 0;
	return left;
}

/* What somebody announced half an hour ago, and others announce still, is not held against him. */
static void what_is_over_does_not_count(void **state)
{
	(void)state;
	struct dht_endpoint honest = peer(7, 4), other = peer(8, 4);
	add_many(0, 60, &honest, 0);
	add_many(0, 60, &other, 29 * MINUTE);
	add_many(0, 60, &other, 31 * MINUTE);
	add_many(100, 50, &honest, 31 * MINUTE);
	for (unsigned i = 0; i < 16; i++) {
		struct dht_endpoint more = peer(20 + i, 4);
		add_many(1000 * (i + 1), 58, &more, 31 * MINUTE);
	}
	assert_int_equal(left_of(100, 50), 50);
	assert_true(left_of(0, 60) < 60); /* there was no room for all */
}

/* Nor does it protect what only somebody greedy announces now. */
static void what_is_over_does_not_protect(void **state)
{
	(void)state;
	struct dht_endpoint gone = peer(7, 4), greedy = peer(9, 4);
	add_many(0, 20, &gone, 0);
	add_many(0, 20, &greedy, 29 * MINUTE);
	add_many(1000, DHT_PEERS_HASHES_MAX, &greedy, 31 * MINUTE);
	assert_int_equal(left_of(0, 20), 0);
	assert_int_equal(left_of(1000, DHT_PEERS_HASHES_MAX), DHT_PEERS_HASHES_MAX);
}

static bool has(const struct dht_sample *sample, unsigned swarm)
{
	struct dht_id h = hash(swarm);
	for (size_t i = 0; i < sample->len; i++)
		if (memcmp(sample->hashes + i * DHT_ID_LEN, h.b, DHT_ID_LEN) == 0)
			return true;
	return false;
}

static void samples(void **state)
{
	(void)state;
	struct dht_sample sample, again;
	unsigned drawn[200] = {0}, total = 0;
	dht_peers_sample(p, 0, &sample);
	assert_true(sample.len == 0 && sample.num == 0 && sample.seconds == 900);
	for (unsigned i = 0; i < 200; i++) {
		struct dht_endpoint e = peer(i, 4);
		add(i, &e, i < 5 ? 0 : 5 * MINUTE);
		if (i != 4)
			continue;
		dht_peers_sample(p, 1, &sample); /* an empty one stands for nothing */
		assert_true(sample.len == 5 && sample.num == 5 && sample.seconds == 900);
	}
	dht_peers_sample(p, 5 * MINUTE, &sample);
	assert_true(sample.len == DHT_SAMPLE_MAX && sample.num == 200 && sample.seconds == 900);
	dht_peers_sample(p, 10 * MINUTE, &again);
	assert_memory_equal(sample.hashes, again.hashes, sizeof(sample.hashes));
	assert_int_equal(again.seconds, 600); /* it stands, and says for how long */
	dht_peers_sample(p, 20 * MINUTE - 1, &again);
	assert_memory_equal(sample.hashes, again.hashes, sizeof(sample.hashes));
	assert_int_equal(again.seconds, 1);
	for (unsigned round = 0; round < 400; round++) {
		uint64_t now = (20 + 15 * (uint64_t)round) * MINUTE;
		for (unsigned i = 0; i < 200; i++) {
			struct dht_endpoint e = peer(i, 4);
			add(i, &e, now);
		}
		dht_peers_sample(p, now, &sample);
		assert_true(sample.len == DHT_SAMPLE_MAX && sample.seconds == 900);
		dht_peers_sample(p, now + 15 * MINUTE - 1, &again);
		assert_memory_equal(sample.hashes, again.hashes, sizeof(sample.hashes));
		for (unsigned i = 0; i < 200; i++) {
			drawn[i] += has(&sample, i);
			total += has(&sample, i);
		}
	}
	assert_int_equal(total, 400 * DHT_SAMPLE_MAX); /* none twice, none that is not there */
	for (unsigned i = 0; i < 200; i++)	       /* 40 expected, standard deviation 6 */
		assert_in_range(drawn[i], 12, 72);
}

static void a_small_network_is_sampled_whole(void **state)
{
	(void)state;
	struct dht_sample sample;
	for (unsigned i = 0; i < 7; i++) {
		struct dht_endpoint e = peer(i, 6);
		add(i, &e, 1);
	}
	dht_peers_sample(p, 2, &sample);
	assert_true(sample.len == 7 && sample.num == 7);
	for (unsigned i = 0; i < 7; i++)
		assert_true(has(&sample, i));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define SUBNET_TEST(f) cmocka_unit_test_setup_teardown(f, setup_by_subnet, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(found_by_family_and_hash),
		TEST(forgotten_after_half_an_hour),
		TEST(bounded),
		TEST(families_are_apart),
		TEST(an_address_has_a_few_ports),
		SUBNET_TEST(a_subnet_has_a_few_peers),
		TEST(without_limits_a_subnet_is_nothing),
		TEST(one_announcer_drives_out_himself),
		SUBNET_TEST(one_subnet_drives_out_itself),
		TEST(a_swarm_is_the_smallest_announcers),
		TEST(nobodys_swarms_are_taken_down),
		TEST(nor_when_they_are_announced_again),
		TEST(nor_by_two),
		TEST(what_is_over_does_not_count),
		TEST(what_is_over_does_not_protect),
		TEST(samples),
		TEST(a_small_network_is_sampled_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
