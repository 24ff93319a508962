/* Several writers of one mutable item: nobody overwrites what he has not read (BEP 44 `cas`),
 * and nothing older ever replaces what is newer. */
#undef NDEBUG
#include "tests/sim/sim.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const struct sim_config wan = {.rtt_min = 20000, .rtt_max = 120000};

/* All write under the key of writer 1, as those who share a slot do. */
static void item_of(int64_t seq, const char *text, struct dht_item *ret_item)
{
	sim_mutable(1, seq, text, ret_item);
}

static bool is_held(const struct sim_answer *a)
{
	return a->result.stored + a->result.stored_here >= 8 && !a->result.refused_cas &&
	       !a->result.refused_seq;
}

static bool is_refused(const struct sim_answer *a)
{
	return !a->result.stored && !a->result.stored_here &&
	       a->result.refused_cas + a->result.refused_seq >= 8;
}

static void second_writer_is_told(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 30);
	struct dht_item first, second, merged;
	struct sim_answer a;
	item_of(100, "first", &first);
	item_of(200, "second", &second);
	/* Both read nothing, then both write. */
	sim_get(sim, 3, &first, &a);
	assert_int_equal(a.values, 0);
	sim_get(sim, 17, &first, &a);
	assert_int_equal(a.values, 0);
	sim_put(sim, 3, &first, DHT_PUT_CAS, &a);
	assert_true(is_held(&a));
	sim_put(sim, 17, &second, DHT_PUT_CAS, &a);
	assert_true(is_refused(&a));
	/* Having read, it may. */
	sim_get(sim, 17, &first, &a);
	assert_int_equal(a.best.seq, 100);
	item_of(201, "first and second", &merged);
	sim_put(sim, 17, &merged, DHT_PUT_CAS, &a);
	assert_true(is_held(&a));
	/* And now the first is told. */
	item_of(300, "third", &second);
	sim_put(sim, 3, &second, DHT_PUT_CAS, &a);
	assert_true(is_refused(&a));
	sim_get(sim, 25, &first, &a);
	assert_int_equal(a.best.seq, 201);
	sim_destroy(sim);
}

static void own_write_counts_as_read(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 30);
	struct dht_item item;
	struct sim_answer a;
	item_of(1, "", &item);
	sim_get(sim, 3, &item, &a);
	for (int64_t seq = 1; seq <= 5; seq++) {
		item_of(seq, "again", &item);
		sim_put(sim, 3, &item, DHT_PUT_CAS, &a);
		assert_true(is_held(&a));
		/* One round to those known, of whom the ninth is not waited for: no search. */
		assert_in_range(a.result.queries, 8, 9);
		assert_true(a.took <= 126000);
	}
	sim_destroy(sim);
}

/* A put without a get, or with one long ago, overwrites nothing unread either. */
static void never_read(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 30);
	struct dht_item first, second;
	struct sim_answer a;
	item_of(100, "first", &first);
	item_of(200, "second", &second);
	sim_put(sim, 3, &first, 0, &a);
	sim_put(sim, 17, &second, DHT_PUT_CAS, &a);
	assert_true(is_refused(&a));
	/* It is no get that has seen the values: the next try fails as well. */
	sim_put(sim, 17, &second, DHT_PUT_CAS, &a);
	assert_true(is_refused(&a));
	sim_get(sim, 17, &first, &a);
	sim_run(sim, 301 * SIM_SECOND);
	sim_put(sim, 17, &second, DHT_PUT_CAS, &a);
	assert_true(is_refused(&a));
	/* The same value once more is no conflict. */
	sim_put(sim, 17, &first, DHT_PUT_CAS, &a);
	assert_true(is_held(&a));
	/* Without the flag the newer seq is enough. */
	sim_put(sim, 17, &second, 0, &a);
	assert_true(is_held(&a));
	sim_destroy(sim);
}

/* A put without `cas` stores ahead of the end of its search, now and then on a ninth node; those
 * who hold something refuse it. */
static void assert_refused_by_holders(
	struct sim *sim, const struct sim_answer *a, const struct dht_item *held)
{
	struct dht_id target;
	size_t holders = 0;
	dht_item_target(held, &target);
	for (size_t i = 0; i < sim_len(sim); i++) {
		const struct dht_item *item = sim_item(sim, i, &target);
		holders += item && item->seq == held->seq && item->value_len == held->value_len &&
			   !memcmp(item->value, held->value, held->value_len);
	}
	assert_true(a->result.refused_seq >= 8);
	assert_true(a->result.stored + a->result.stored_here <= 1);
	assert_true(holders >= 8);
}

static void older_never_wins(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 30);
	struct dht_item newer, older, twin;
	struct sim_answer a;
	item_of(200, "newer", &newer);
	item_of(100, "older", &older);
	item_of(200, "same seq, other value", &twin);
	sim_put(sim, 3, &newer, 0, &a);
	sim_put(sim, 9, &older, 0, &a);
	assert_refused_by_holders(sim, &a, &newer);
	sim_put(sim, 9, &twin, 0, &a);
	assert_refused_by_holders(sim, &a, &newer);
	sim_put(sim, 9, &newer, 0, &a);
	assert_true(a.result.stored + a.result.stored_here >= 8);
	assert_true(a.result.refused_seq <= 1); /* where the twin went */
	/* And whoever has met the twin first takes it for as new. */
	sim_get(sim, 20, &newer, &a);
	assert_true(a.values >= 8);
	assert_int_equal(a.best.seq, 200);
	sim_destroy(sim);
}

/* Two programs of one machine, and no network. */
static void cas_in_a_network_of_one(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 1);
	struct dht_item first, second;
	struct sim_answer a;
	item_of(100, "first", &first);
	item_of(200, "second", &second);
	sim_get(sim, 0, &first, &a);
	sim_put(sim, 0, &first, DHT_PUT_CAS, &a);
	assert_true(a.result.stored_here);
	sim_put(sim, 0, &second, DHT_PUT_CAS, &a);
	assert_true(a.result.stored_here); /* this node wrote the first itself */
	sim_run(sim, 301 * SIM_SECOND);
	item_of(300, "third", &second);
	sim_put(sim, 0, &second, DHT_PUT_CAS, &a);
	assert_false(a.result.stored_here);
	assert_int_equal(a.result.refused_cas, 1);
	sim_get(sim, 0, &second, &a);
	sim_put(sim, 0, &second, DHT_PUT_CAS, &a);
	assert_true(a.result.stored_here);
	sim_destroy(sim);
}

/* Each copy carries what its node returned: halves that differ are both replaced. */
static void values_differ_from_node_to_node(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 12);
	struct dht_item left, right, merged;
	struct sim_answer a;
	for (size_t i = 6; i < 12; i++)
		sim_set_side(sim, i, 1);
	item_of(100, "left", &left);
	item_of(101, "right", &right);
	sim_put(sim, 2, &left, 0, &a);
	sim_put(sim, 8, &right, 0, &a);
	for (size_t i = 6; i < 12; i++)
		sim_set_side(sim, i, 0);
	sim_run(sim, 120 * SIM_SECOND);
	sim_get(sim, 2, &left, &a);
	assert_true(a.values >= 7);
	assert_int_equal(a.best.seq, 101);
	item_of(102, "left and right", &merged);
	sim_put(sim, 2, &merged, DHT_PUT_CAS, &a);
	assert_true(is_held(&a));
	sim_destroy(sim);
}

static void the_judge_decides_last(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 30);
	struct dht_item first, second;
	struct sim_answer a;
	item_of(100, "first", &first);
	item_of(200, "second", &second);
	sim_put(sim, 3, &first, 0, &a);
	for (size_t i = 0; i < 30; i++)
		sim_set_verdict(sim, i, 301);
	sim_put(sim, 3, &second, 0, &a);
	assert_true(is_refused(&a));
	for (size_t i = 0; i < 30; i++)
		sim_set_verdict(sim, i, 0);
	sim_put(sim, 3, &second, 0, &a);
	assert_true(a.result.stored >= 7);
	sim_destroy(sim);
}

/* When the acknowledgement of a put is lost it is sent again, and the node, which holds the
 * new seq by then, must not look like a conflict. */
static size_t lose_every_other(
	struct sim *sim, size_t node, uint8_t *datagram, size_t len, size_t cap)
{
	static unsigned count;
	(void)sim;
	(void)node;
	(void)datagram;
	(void)cap;
	return count++ % 2 ? len : 0;
}

static void lost_acknowledgements(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 9);
	struct dht_item item;
	struct sim_answer a;
	item_of(100, "first", &item);
	sim_get(sim, 0, &item, &a);
	sim_put(sim, 0, &item, DHT_PUT_CAS, &a);
	assert_int_equal(a.result.stored, 8);
	for (size_t i = 1; i < 9; i++)
		sim_set_lie(sim, i, lose_every_other);
	item_of(200, "second", &item);
	sim_put(sim, 0, &item, DHT_PUT_CAS, &a);
	assert_int_equal(a.result.refused_cas, 0);
	assert_int_equal(a.result.refused_seq, 0);
	assert_true(a.result.stored >= 4);
	struct dht_id target;
	dht_item_target(&item, &target);
	for (size_t i = 0; i < 9; i++)
		assert_int_equal(sim_item(sim, i, &target)->seq, 200);
	sim_destroy(sim);
}

/* The signature is wrong: said at once, to the caller. */
static void unsigned_is_not_put(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 2);
	struct dht_item item;
	struct dht_lookup *l = NULL;
	item_of(100, "first", &item);
	item.sig[5] ^= 1;
	assert_int_equal(dht_put(sim_dht(sim, 0), &item, 0, NULL, NULL, &l), -EBADMSG);
	item_of(-1, "negative", &item);
	assert_int_equal(dht_put(sim_dht(sim, 0), &item, 0, NULL, NULL, &l), -EINVAL);
	item_of(1, "empty", &item);
	item.value_len = 0;
	assert_int_equal(dht_put(sim_dht(sim, 0), &item, 0, NULL, NULL, &l), -EINVAL);
	assert_null(l);
	sim_destroy(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(second_writer_is_told),
		cmocka_unit_test(own_write_counts_as_read),
		cmocka_unit_test(never_read),
		cmocka_unit_test(older_never_wins),
		cmocka_unit_test(cas_in_a_network_of_one),
		cmocka_unit_test(values_differ_from_node_to_node),
		cmocka_unit_test(the_judge_decides_last),
		cmocka_unit_test(lost_acknowledgements),
		cmocka_unit_test(unsigned_is_not_put),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
