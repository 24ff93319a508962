/* What a look-up remembers of nodes: sorted, bounded, one of an address. */
#undef NDEBUG
#include "dht/candidates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct dht_id target = {{0}};
static const struct dht_address_rules by_port, by_ip = {.one_per_ip = true};

/* Farther from the target the larger `distance`. */
static struct dht_contact contact(unsigned distance, unsigned host, uint16_t port)
{
	struct dht_contact c = {.endpoint = {.family = 4, .ip = {10}, .port = port}};
	c.endpoint.ip[2] = (uint8_t)(host >> 8);
	c.endpoint.ip[3] = (uint8_t)host;
	c.id.b[0] = (uint8_t)(distance >> 8);
	c.id.b[1] = (uint8_t)distance;
	return c;
}

static struct dht_candidate *add(struct dht_candidates *c, unsigned distance, unsigned host)
{
	struct dht_contact at = contact(distance, host, 4001);
	return dht_candidates_add(c, &target, &at, &by_port, DHT_BELIEVED);
}

static void sorted_and_each_once(void **state)
{
	(void)state;
	struct dht_candidates c = {0};
	for (unsigned i = 0; i < 50; i++)
		assert_non_null(add(&c, i * 37 % 50 + 1, i));
	for (unsigned i = 0; i < 50; i++)
		assert_null(add(&c, i * 37 % 50 + 1, i));
	assert_int_equal(c.len, 50);
	for (size_t i = 1; i < c.len; i++)
		assert_true(dht_id_nearer(&target, &c.list[i - 1].node.contact.id,
				    &c.list[i].node.contact.id) < 0);
	struct dht_contact there = contact(38, 1, 4001), elsewhere = contact(38, 1, 4002);
	assert_non_null(dht_candidates_find(&c, &there));
	assert_null(dht_candidates_find(&c, &elsewhere));
	dht_candidates_finish(&c);
}

static void bounded_by_what_was_not_asked(void **state)
{
	(void)state;
	struct dht_candidates c = {0};
	for (unsigned i = 0; i < DHT_CANDIDATES_MAX; i++)
		add(&c, 1000 + i, i)->state = DHT_ANSWERED;
	/* Nothing that answered makes room, however near the new one is. */
	assert_null(add(&c, 1, 500));
	c.list[90].state = DHT_FAILED;
	c.list[95].state = DHT_NEW;
	assert_non_null(add(&c, 1, 501));
	assert_non_null(add(&c, 2, 502));
	assert_int_equal(c.len, DHT_CANDIDATES_MAX);
	for (unsigned i = 0; i < 300; i++) {
		struct dht_candidate *added = add(&c, 3 + i, 600 + i);
		assert_int_equal(added != NULL, false);
	}
	unsigned answered = 0;
	for (size_t i = 0; i < c.len; i++)
		answered += c.list[i].state == DHT_ANSWERED;
	assert_int_equal(answered, 98);
	/* What is farther than all takes nobody's place. */
	c.list[50].state = DHT_NEW;
	assert_null(add(&c, 60000, 1000));
	dht_candidates_finish(&c);
}

/* Whoever names many ids at one address makes us ask there once, and once more when the first
 * was in vain; the right id is not shut out by a wrong one. */
static void one_of_an_address(void **state)
{
	(void)state;
	struct dht_candidates c = {0};
	struct dht_candidate *first = add(&c, 5, 1);
	assert_null(add(&c, 6, 1));
	first->state = DHT_ANSWERED;
	assert_null(add(&c, 4, 1));
	first->state = DHT_FAILED;
	assert_null(add(&c, 5, 1));
	struct dht_candidate *second = add(&c, 4, 1);
	assert_non_null(second);
	assert_null(add(&c, 3, 1));
	second->state = DHT_FAILED;
	assert_null(add(&c, 3, 1));
	dht_candidates_finish(&c);
}

/* A far id at an honest address is never asked, so it never fails: it gives way. But who is
 * known to be there, since another id failed there, does not give way to a third. */
static void the_nearer_of_an_address(void **state)
{
	(void)state;
	struct dht_candidates c = {0};
	struct dht_contact far = contact(900, 1, 4001), near = contact(5, 1, 4001);
	assert_non_null(dht_candidates_add(&c, &target, &far, &by_port, DHT_BELIEVED));
	struct dht_candidate *added = dht_candidates_add(&c, &target, &near, &by_port, DHT_BELIEVED);
	assert_non_null(added);
	assert_null(dht_candidates_find(&c, &far));
	added->state = DHT_FAILED;
	assert_non_null(dht_candidates_add(&c, &target, &far, &by_port, DHT_BELIEVED));
	assert_null(dht_candidates_add(&c, &target, &near, &by_port, DHT_BELIEVED));
	assert_null(add(&c, 4, 1));
	assert_non_null(dht_candidates_find(&c, &far));
	dht_candidates_finish(&c);
}

static void an_address_is_an_ip_in_public(void **state)
{
	(void)state;
	struct dht_candidates c = {0};
	struct dht_contact a = contact(1, 1, 4001), b = contact(2, 1, 4002);
	assert_non_null(dht_candidates_add(&c, &target, &a, &by_ip, DHT_BELIEVED));
	assert_null(dht_candidates_add(&c, &target, &b, &by_ip, DHT_BELIEVED));
	assert_non_null(dht_candidates_add(&c, &target, &b, &by_port, DHT_BELIEVED));
	dht_candidates_finish(&c);
}

/* An id that does not fit its address comes after all that do, however near, and takes nobody's
 * place at his own address. */
static void misfits_come_last(void **state)
{
	(void)state;
	static const struct dht_address_rules strict = {.one_per_ip = true, .must_fit = true};
	static const uint8_t random[DHT_ID_LEN] = {7};
	struct dht_candidates c = {0};
	struct dht_contact fit = contact(0, 1, 4001), liar = fit, far = contact(60000, 2, 4001);
	fit.endpoint.ip[0] = liar.endpoint.ip[0] = far.endpoint.ip[0] = 45;
	dht_id_made(&fit.endpoint, random, &fit.id);
	assert_non_null(dht_candidates_add(&c, &target, &far, &strict, DHT_BELIEVED));
	assert_non_null(dht_candidates_add(&c, &target, &liar, &strict, DHT_BELIEVED));
	assert_non_null(dht_candidates_add(&c, &target, &fit, &strict, DHT_BELIEVED));
	assert_int_equal(c.len, 2);
	assert_true(dht_id_equal(&c.list[0].node.contact.id, &fit.id));
	assert_true(c.list[1].misfit);
	assert_null(dht_candidates_add(&c, &target, &liar, &strict, DHT_BELIEVED));
	dht_candidates_finish(&c);
}

static void subnets(void **state)
{
	(void)state;
	struct dht_candidates c = {0};
	for (unsigned i = 0; i < 3; i++)
		assert_non_null(add(&c, i + 1, i < 2 ? i : 256)); /* 10.0.0.0, 10.0.0.1, 10.0.1.0 */
	assert_false(dht_candidates_net_taken(&c, &c.list[0]));
	c.list[0].state = DHT_ASKED;
	assert_false(dht_candidates_net_taken(&c, &c.list[0]));
	assert_true(dht_candidates_net_taken(&c, &c.list[1]));
	assert_false(dht_candidates_net_taken(&c, &c.list[2]));
	c.list[0].state = DHT_ANSWERED;
	assert_true(dht_candidates_net_taken(&c, &c.list[1]));
	c.list[0].state = DHT_STALLED;
	assert_false(dht_candidates_net_taken(&c, &c.list[1]));
	for (size_t i = 0; i < c.len; i++) { /* the same by their first 64 bits */
		c.list[i].node.contact.endpoint.family = 6;
		c.list[i].node.contact.endpoint.ip[3] = 0;
		c.list[i].node.contact.endpoint.ip[8] = (uint8_t)i;
	}
	c.list[0].state = DHT_ROUTED;
	assert_true(dht_candidates_net_taken(&c, &c.list[1]));
	assert_false(dht_candidates_net_taken(&c, &c.list[2]));
	dht_candidates_finish(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorted_and_each_once),
		cmocka_unit_test(bounded_by_what_was_not_asked),
		cmocka_unit_test(one_of_an_address),
		cmocka_unit_test(the_nearer_of_an_address),
		cmocka_unit_test(an_address_is_an_ip_in_public),
		cmocka_unit_test(misfits_come_last),
		cmocka_unit_test(subnets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
