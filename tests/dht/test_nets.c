/* The nearest nodes of one network: when that is no accident, and what becomes of them. */
#undef NDEBUG
#include "dht/engine.h"
#include "tests/dht/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* Of the table, all over the range but not next to the target; ours begins with 0x55. */
#define KNOWN 40

static struct world world;
static struct dht_lookup *lookup;
static const struct dht_id target; /* all bits are zero */

static void on_get(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	(void)ctx;
	(void)item;
	(void)from;
	(void)result;
}

static int begin(void **state, bool limits)
{
	const struct dht_config config = {.limits = limits};
	world_start_as(&world, &config);
	assert_int_equal(dht_get_immutable(world.dht, &target, on_get, NULL, &lookup), 0);
	*state = &world;
	return 0;
}

static int setup(void **state)
{
	return begin(state, true);
}

static int setup_without_limits(void **state)
{
	return begin(state, false);
}

static int teardown(void **state)
{
	world_end(*state);
	return 0;
}

/* `n` nodes of our table, the first `of_net` of them in the network 10.1. */
static void know(size_t n, size_t of_net)
{
	struct dht_table *t = &world.dht->tables[0];
	for (size_t i = 0; i < n; i++) {
		struct dht_contact c = {id_of((uint8_t)(64 + 4 * i), 3), endpoint("10.1.0.1:4001")};
		if (i >= of_net)
			c.endpoint.ip[1] = (uint8_t)(100 + i);
		c.endpoint.ip[2] = (uint8_t)i;
		dht_table_answered(t, &c, world.now, 1000, NULL);
	}
	assert_int_equal(t->len, n);
}

/* The nearest that answered, the i-th of the network 10.`net`; far enough from each other. */
static struct dht_candidate *answers(size_t i, unsigned net)
{
	struct dht_address_rules rules = dht_lookup_rules(world.dht);
	struct dht_contact c = {id_of((uint8_t)(i + 1), 3), endpoint("10.0.0.1:4001")};
	c.endpoint.ip[1] = (uint8_t)net;
	c.endpoint.ip[2] = (uint8_t)(200 + i);
	assert_non_null(dht_candidates_add(&lookup->fronts[0], &target, &c, &rules, DHT_BELIEVED));
	struct dht_candidate *added = dht_candidates_find(&lookup->fronts[0], &c);
	added->state = DHT_ANSWERED;
	added->answered = true;
	return added;
}

static void answer_of(const unsigned *nets, size_t len)
{
	for (size_t i = 0; i < len; i++)
		answers(i, nets[i]);
	dht_region_judge(lookup, 0);
}

static unsigned suspects_of(unsigned net)
{
	unsigned n = 0;
	for (size_t i = 0; i < lookup->fronts[0].len; i++) {
		const struct dht_candidate *c = &lookup->fronts[0].list[i];
		n += c->standing == DHT_SUSPECT && c->node.contact.endpoint.ip[1] == net;
	}
	return n;
}

static const unsigned four[] = {1, 2, 1, 3, 1, 4, 1, 5, 6, 7, 8, 9};
static const unsigned three[] = {1, 2, 1, 3, 1, 4, 7, 5, 1, 1, 1, 1};

/* They and all others of it; the search goes as wide as where they are too dense. */
static void four_of_eight_are_too_many(void **state)
{
	(void)state;
	know(KNOWN, 1);
	answer_of(four, 12);
	assert_int_equal(suspects_of(1), 4);
	assert_true(lookup->result.crowded && lookup->fronts[0].crowded);
	for (unsigned net = 2; net < 10; net++)
		assert_int_equal(suspects_of(net), 0);
	struct dht_candidate *named = answers(20, 1);
	named->state = DHT_NEW;
	named->answered = false;
	dht_region_judge(lookup, 0);
	assert_int_equal(suspects_of(1), 5);
}

/* Of the nearest eight: those behind them do not count. */
static void three_are_no_sign(void **state)
{
	(void)state;
	know(KNOWN, 0);
	answer_of(three, 12);
	assert_int_equal(suspects_of(1), 0);
	assert_false(lookup->result.crowded);
}

/* A search that has met seven goes on first. */
static void nor_before_eight_have_answered(void **state)
{
	(void)state;
	know(KNOWN, 0);
	answer_of(four, 7);
	assert_int_equal(suspects_of(1), 0);
	answers(7, 5);
	dht_region_judge(lookup, 0);
	assert_int_equal(suspects_of(1), 4);
}

/* More than a twentieth of all that we know. */
static void what_is_common_elsewhere_is_no_sign(void **state)
{
	(void)state;
	know(KNOWN, 2);
	answer_of(four, 12);
	assert_int_equal(suspects_of(1), 0);
	assert_false(lookup->result.crowded);
}

/* Three twentieths are not, where all eight are of it. */
static void eight_are_too_many_even_then(void **state)
{
	static const unsigned all[] = {1, 1, 1, 1, 1, 1, 1, 1};
	(void)state;
	know(KNOWN, 6);
	answer_of(all, 8);
	assert_int_equal(suspects_of(1), 8);
}

static void who_knows_few_cannot_tell(void **state)
{
	(void)state;
	know(19, 0);
	answer_of(four, 12);
	assert_int_equal(suspects_of(1), 0);
}

/* Behind the first network there is a second: the eight that remain are judged alike. */
static void a_second_network(void **state)
{
	static const unsigned two[] = {1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 4, 5, 6, 7, 8};
	(void)state;
	know(KNOWN, 0);
	answer_of(two, 18);
	assert_int_equal(suspects_of(1), 8);
	assert_int_equal(suspects_of(2), 4);
	for (unsigned net = 3; net < 9; net++)
		assert_int_equal(suspects_of(net), 0);
}

/* At home all are of one network, and it says nothing of who they are. */
static void not_without_limits(void **state)
{
	(void)state;
	know(KNOWN, 0);
	answer_of(four, 12);
	assert_int_equal(suspects_of(1), 0);
	assert_false(lookup->result.crowded);
}

/* Of IPv6 a /32. */
static void of_ipv6(void **state)
{
	(void)state;
	struct dht_table *t = &world.dht->tables[1];
	struct dht_address_rules rules = dht_lookup_rules(world.dht);
	struct dht_contact c = {.endpoint = endpoint("[fd00:1::1]:4001")};
	for (size_t i = 0; i < KNOWN; i++) {
		c.id = id_of((uint8_t)(64 + 4 * i), 3);
		c.endpoint.ip[1] = (uint8_t)(100 + i);
		dht_table_answered(t, &c, world.now, 1000, NULL);
	}
	assert_int_equal(t->len, KNOWN);
	for (size_t i = 0; i < 8; i++) {
		c.id = id_of((uint8_t)(i + 1), 3);
		c.endpoint.ip[3] = (uint8_t)(i < 4 ? 99 : i);
		c.endpoint.ip[4] = (uint8_t)i;
		struct dht_candidate *added = dht_candidates_add(
			&lookup->fronts[1], &target, &c, &rules, DHT_BELIEVED);
		added->state = DHT_ANSWERED;
		added->answered = true;
	}
	dht_region_judge(lookup, 1);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(
			lookup->fronts[1].list[i].standing, i < 4 ? DHT_SUSPECT : DHT_BELIEVED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(four_of_eight_are_too_many),
		TEST(three_are_no_sign),
		TEST(nor_before_eight_have_answered),
		TEST(what_is_common_elsewhere_is_no_sign),
		TEST(eight_are_too_many_even_then),
		TEST(who_knows_few_cannot_tell),
		TEST(a_second_network),
		cmocka_unit_test_setup_teardown(not_without_limits, setup_without_limits, teardown),
		TEST(of_ipv6),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
