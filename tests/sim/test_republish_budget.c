/* Own items, and not enough bytes to keep all of them on eight nodes. */
#undef NDEBUG
#include "tests/sim/republish_world.h"

#include <string.h>

#define TIGHT_ITEMS 30

/* More than the budget allows: it is kept all the same, and each item has its turn. */
static void test_budget(void **state)
{
	(void)state;
	enum { ITEMS = 30 };
	struct sim *sim = network(LIFETIME, 150);
	static struct owned o[ITEMS];
	for (unsigned i = 0; i < ITEMS; i++)
		own(sim, &o[i], i);
	uint64_t sent[40] = {counters(sim).refresh_bytes}, most = 0;
	for (size_t minute = 1; minute < sizeof(sent) / sizeof(*sent); minute++) {
		sim_run(sim, MINUTE);
		sent[minute] = counters(sim).refresh_bytes;
		if (minute >= 10 && sent[minute] - sent[minute - 10] > most)
			most = sent[minute] - sent[minute - 10];
	}
	assert_true(most <= 150 * 600 + 3000); /* the last one may begin within the ten minutes */
	assert_true(most >= 150 * 300);
	assert_true(counters(sim).refresh_bytes >= most);
	for (unsigned i = 0; i < ITEMS; i++) {
		assert_true(o[i].refreshes >= 3);
		assert_true(readable(sim, 1 + i % (NODES - 1), &o[i].item));
	}
	/* None in most networks, two at the most in forty. */
	assert_true(counters(sim).refresh_late <= 3);
	sim_destroy(sim);
}

/* Too much for the budget, whatever is done: said by a counter, not hidden. */
static void test_late(void **state)
{
	(void)state;
	enum { ITEMS = 20 };
	struct sim *sim = network(LIFETIME, 20);
	static struct owned o[ITEMS];
	for (unsigned i = 0; i < ITEMS; i++)
		own(sim, &o[i], i);
	sim_run(sim, 72 * MINUTE);
	assert_true(counters(sim).refresh_late > 0);
	/* Each on the few nodes that there are bytes for: two. */
	assert_true(counters(sim).refresh_puts <= 2 * counters(sim).refreshes);
	assert_true(counters(sim).refresh_bytes <= 20 * 72 * 60 + 3000);
	sim_destroy(sim);
}

/* All copies lapsed while we were cut off. To put all eight at once again would take longer than
 * the lifetime, and so for ever; with fewer each, a round fits again. */
static void test_recovers(void **state)
{
	(void)state;
	enum { ITEMS = 33 };
	struct sim *sim = network(LIFETIME, 150);
	static struct owned o[ITEMS];
	for (unsigned i = 0; i < ITEMS; i++)
		own(sim, &o[i], i);
	sim_set_side(sim, 0, 1);
	sim_run(sim, 2 * LIFETIME);
	sim_set_side(sim, 0, 0);
	sim_run(sim, 2 * LIFETIME);
	uint64_t late = counters(sim).refresh_late;
	for (unsigned minute = 0; minute < 36; minute++) {
		sim_run(sim, MINUTE);
		for (unsigned i = 0; i < ITEMS; i++)
			assert_true(copies(sim, &o[i].item) > 0);
	}
	assert_true(counters(sim).refresh_late <= late);
	sim_destroy(sim);
}

/* So many items that the budget pays for three copies of each. */
static struct sim *tight(uint64_t lifetime)
{
	struct sim *sim = network(lifetime, 75);
	static struct owned o[TIGHT_ITEMS];
	for (unsigned i = 0; i < TIGHT_ITEMS; i++)
		own(sim, &o[i], i);
	sim_run(sim, 2 * LIFETIME);
	return sim;
}

/* What can pay for three copies each keeps to three nodes: putting it on all eight where the other
 * five lack it, as at every look they do, would leave nothing for later. Nor are the five asked,
 * but in one look of eight: a look is four questions, and three puts of 270 bytes. */
static void test_few(void **state)
{
	(void)state;
	struct sim *sim = tight(LIFETIME);
	struct dht_counters before = counters(sim);
	sim_run(sim, 4 * LIFETIME);
	uint64_t looks = counters(sim).refreshes - before.refreshes;
	uint64_t puts = counters(sim).refresh_puts - before.refresh_puts;
	assert_true(looks >= 3 * TIGHT_ITEMS);
	assert_true(puts * 10 <= looks * 32);
	assert_true(puts * 10 >= looks * 28);
	assert_true(counters(sim).refresh_bytes - before.refresh_bytes <= looks * 1500);
	assert_true(counters(sim).refresh_late <= 1); /* of about 150 */
	sim_destroy(sim);
}

/* Large values: all eight are asked, for that is little beside three puts, but where five of eight
 * lack it, and the budget would pay for putting it at all five, the three others would be missing
 * at the next look, and so on: four a look. */
static void test_few_large(void **state)
{
	(void)state;
	struct sim *sim = network(LIFETIME, 240);
	static struct owned o[TIGHT_ITEMS];
	char text[901] = {0};
	memset(text, 'x', sizeof(text) - 1);
	for (unsigned i = 0; i < TIGHT_ITEMS; i++)
		own_text(sim, &o[i], i, text);
	sim_run(sim, 2 * LIFETIME);
	struct dht_counters before = counters(sim);
	sim_run(sim, 4 * LIFETIME);
	uint64_t looks = counters(sim).refreshes - before.refreshes;
	uint64_t puts = counters(sim).refresh_puts - before.refresh_puts;
	assert_true(looks >= 3 * TIGHT_ITEMS);
	assert_in_range(puts * 10, looks * 28, looks * 32);
	sim_destroy(sim);
}

/* By those looks at all eight nodes that keep longer are found out all the same: each item has its
 * turn. Then nothing is put any more, where three of each were every lifetime. */
static void test_few_needed(void **state)
{
	(void)state;
	struct sim *sim = tight(LONGER);
	sim_run(sim, 30 * LIFETIME);
	uint64_t puts = counters(sim).refresh_puts, looks = counters(sim).refreshes;
	sim_run(sim, 10 * LIFETIME);
	puts = counters(sim).refresh_puts - puts;
	looks = counters(sim).refreshes - looks;
	assert_in_range(looks, 1, 2 * TIGHT_ITEMS);
	assert_int_equal(puts, 0); /* of 900 */
	sim_destroy(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_recovers),
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_few_large),
		cmocka_unit_test(test_few_needed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
