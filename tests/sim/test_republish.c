/* Own items, kept alive: whoever leaves or forgets, they stay readable, and cost little. */
#undef NDEBUG
#include "tests/sim/republish_world.h"

#include <errno.h>

/* Nodes forget after two hours: at no moment are there fewer copies than are held for sure. */
static void test_stays(void **state)
{
	(void)state;
	struct sim *sim = network(LIFETIME, 0);
	struct owned o;
	own(sim, &o, 1);
	for (unsigned i = 0; i < 70; i++) {
		sim_run(sim, MINUTE);
		assert_true(copies(sim, &o.item) >= 6);
	}
	assert_true(o.refreshes >= 7 && o.refreshes <= 9); /* nine minutes apart, but the first */
	assert_int_equal(o.last.error, 0);
	struct dht_counters c = counters(sim);
	assert_int_equal(c.refreshes, o.refreshes);
	assert_int_equal(c.refresh_lost, 0);
	assert_int_equal(c.refresh_late, 0);
	assert_int_equal(c.published, 1);
	/* Not all eight each time: what was put at the last look but one shows how long nodes keep.
	 */
	assert_true(c.refresh_puts > 0 && c.refresh_puts <= 6 * c.refreshes);
	sim_destroy(sim);
}

/* Nodes that keep longer are found out, and left in peace: looks become rare and put nothing. */
static void test_backs_off(void **state)
{
	(void)state;
	struct sim *sim = network(LONGER, 0);
	struct owned o;
	own(sim, &o, 1);
	sim_run(sim, 2 * HOUR);
	uint64_t puts = counters(sim).refresh_puts;
	unsigned refreshes = o.refreshes;
	sim_run(sim, 2 * HOUR);
	assert_int_equal(counters(sim).refresh_puts, puts);
	assert_true(o.refreshes - refreshes <= 2);
	assert_int_equal(o.last.stored, 0);
	assert_true(o.last.holders >= 7); /* we may be one of the eight */
	assert_true(o.last.bytes < 1600); /* eight questions, and little else */
	sim_destroy(sim);
}

/* How many nodes are nearer to the item than this one. */
static size_t rank(struct sim *sim, size_t node, const struct dht_item *item)
{
	struct dht_id target;
	dht_item_target(item, &target);
	size_t nearer = 0;
	for (size_t i = 0; i < sim_len(sim); i++)
		nearer += dht_id_nearer(&target, dht_own_id(sim_dht(sim, i)),
				  dht_own_id(sim_dht(sim, node))) < 0;
	return nearer;
}

/* The nearest of the others, all of which hold it. The dead have no rank any more. */
static void kill_nearest(struct sim *sim, const struct dht_item *item, size_t len)
{
	struct dht_id target;
	size_t doomed[NODES], n = 0;
	dht_item_target(item, &target);
	for (size_t i = 1; i < NODES; i++)
		if (rank(sim, i, item) < len + (rank(sim, 0, item) < len))
			doomed[n++] = i;
	assert_int_equal(n, len);
	for (size_t i = 0; i < n; i++) {
		assert_non_null(sim_item(sim, doomed[i], &target));
		sim_kill(sim, doomed[i], true);
	}
}

/* Copies that fall out are put elsewhere, those that stand are not put again: of the eight nearest
 * that are left four hold it, and maybe the ninth of the put. */
static void test_lost_copies(void **state)
{
	(void)state;
	struct sim *sim = network(LONGER, 0);
	struct owned o;
	own(sim, &o, 1);
	sim_run(sim, HOUR);
	uint64_t puts = counters(sim).refresh_puts;
	unsigned refreshes = o.refreshes;
	size_t held = copies(sim, &o.item);
	kill_nearest(sim, &o.item, 4);
	assert_int_equal(copies(sim, &o.item), held - 4);
	while (o.refreshes == refreshes)
		sim_run(sim, MINUTE);
	assert_true(copies(sim, &o.item) >= 8);
	puts = counters(sim).refresh_puts - puts;
	assert_in_range(puts, 3, 4);
	assert_in_range(counters(sim).refresh_lost, 1, 4); /* not all had to be there still */
	size_t reader = 1;
	while (!sim_alive(sim, reader))
		reader++;
	assert_true(readable(sim, reader, &o.item));
	sim_destroy(sim);
}

/* A value newer than ours is not put over: the owner is told, and nothing more is done. */
static void test_newer(void **state)
{
	(void)state;
	struct sim *sim = network(LIFETIME, 0);
	struct owned o;
	struct dht_item newer;
	struct sim_answer a;
	own(sim, &o, 1);
	sim_mutable(1, 1001, "by another daemon of the same key", &newer);
	sim_put(sim, 7, &newer, 0, &a);
	while (o.refreshes == 0)
		sim_run(sim, MINUTE);
	assert_int_equal(o.last.seq_seen, 1001);
	assert_int_equal(o.last.stored, 0);
	sim_run(sim, HOUR);
	assert_int_equal(o.refreshes, 1);
	dht_unpublish(sim_dht(sim, 0), o.published);
	assert_int_equal(counters(sim).published, 0);
	sim_destroy(sim);
}

/* Everybody has the key of a slot: where copies lapsed, somebody puts another value of the same
 * seq. That is no copy of ours, and the owner is told. */
static void test_contested(void **state)
{
	(void)state;
	struct sim *sim = network(LIFETIME, 0);
	struct owned o;
	struct dht_item rival;
	struct sim_answer a;
	own(sim, &o, 1);
	sim_set_side(sim, 0, 1);
	sim_run(sim, LIFETIME + MINUTE);
	sim_mutable(1, 1000, "a record of hers", &rival);
	assert_int_equal(rival.value_len, o.item.value_len);
	sim_put(sim, 5, &rival, 0, &a);
	assert_true(a.result.stored >= 7);
	sim_set_side(sim, 0, 0);
	unsigned refreshes = o.refreshes;
	while (o.refreshes == refreshes || o.last.error)
		sim_run(sim, SIM_SECOND);
	assert_true(o.last.contested);
	assert_int_equal(o.last.holders, 0);
	assert_int_equal(o.last.stored, 0);
	refreshes = o.refreshes;
	sim_run(sim, HOUR);
	assert_int_equal(o.refreshes, refreshes);
	sim_destroy(sim);
}

/* An item that was removed is left to its fate, from whatever state. */
static void test_removed(void **state)
{
	(void)state;
	struct sim *sim = network(LIFETIME, 0);
	struct owned waits, runs, called;
	own(sim, &waits, 1);
	own(sim, &runs, 2);
	own(sim, &called, 3);
	called.remove_from = sim_dht(sim, 0);
	dht_unpublish(sim_dht(sim, 0), waits.published);
	uint64_t refreshes;
	do { /* until the look at `runs` is under way */
		refreshes = counters(sim).refreshes;
		sim_step(sim, UINT64_MAX);
	} while (counters(sim).refreshes == refreshes ||
		 called.refreshes == (counters(sim).refreshes == 1));
	dht_unpublish(sim_dht(sim, 0), runs.published);
	sim_run(sim, HOUR);
	assert_int_equal(waits.refreshes, 0);
	assert_int_equal(runs.refreshes, 0);
	assert_int_equal(called.refreshes, 1);
	assert_null(called.published);
	assert_int_equal(counters(sim).published, 0);
	assert_int_equal(copies(sim, &runs.item), 0);
	sim_destroy(sim);
}

/* Nobody answers for a while: it is tried again, and what was known is not forgotten. */
static void test_cut_off(void **state)
{
	(void)state;
	struct sim *sim = network(LIFETIME, 0);
	struct owned o;
	own(sim, &o, 1);
	sim_set_side(sim, 0, 1);
	while (o.refreshes < 3)
		sim_run(sim, MINUTE);
	assert_int_equal(o.last.error, -ENETUNREACH);
	sim_set_side(sim, 0, 0);
	sim_run(sim, 5 * MINUTE);
	assert_int_equal(o.last.error, 0);
	assert_true(readable(sim, 9, &o.item));
	sim_run(sim, 72 * MINUTE);
	assert_true(readable(sim, 9, &o.item));
	sim_destroy(sim);
}

static void set_apart_nearest(struct sim *sim, const struct dht_item *item, bool apart)
{
	for (size_t i = 0; i < NODES; i++)
		sim_set_side(sim, i, apart && rank(sim, i, item) < NODES / 2);
}

static size_t copies_on_nearest(struct sim *sim, const struct dht_item *item)
{
	struct dht_id target;
	size_t copies = 0;
	dht_item_target(item, &target);
	for (size_t i = 0; i < NODES; i++)
		copies += rank(sim, i, item) < NODES / 2 && sim_item(sim, i, &target);
	return copies;
}

/* Put while all of the nearest are beyond reach: once they are back it is they who are asked for
 * it, and they get it long before the next look is due. A network that goes on breaking is looked
 * after once in ten minutes. */
static void test_healed(void **state)
{
	(void)state;
	struct sim *sim = network(LONGER, 0);
	const struct dht_republish_limits limits = {.lifetime = LONGER, .interval = 10 * HOUR};
	struct owned o;
	struct dht_item item;
	uint64_t who = 0;
	dht_republish_limits(sim_dht(sim, 0), &limits);
	do
		sim_mutable(++who, 1000, "a record of ours", &item);
	while (rank(sim, 0, &item) < NODES / 2);
	set_apart_nearest(sim, &item, true);
	own(sim, &o, who);
	for (unsigned times = 0; times < 2; times++) {
		sim_run(sim, 7 * MINUTE);
		assert_int_equal(o.refreshes, times);
		set_apart_nearest(sim, &item, false);
		sim_run(sim, 2 * MINUTE);
		assert_true(copies_on_nearest(sim, &item) > 0);
		set_apart_nearest(sim, &item, true);
	}
	assert_int_equal(o.refreshes, 1);
	sim_destroy(sim);
}

/* An immutable item, as a large claim is cut into, is kept alive in the same way. */
static void test_immutable(void **state)
{
	(void)state;
	struct sim *sim = network(LIFETIME, 0);
	struct owned o = {0};
	struct sim_answer a;
	sim_immutable("a piece of a large claim", &o.item);
	sim_put(sim, 0, &o.item, 0, &a);
	assert_int_equal(
		dht_publish(sim_dht(sim, 0), &o.item, sim_now(sim), on_refresh, &o, &o.published),
		0);
	sim_run(sim, 72 * MINUTE);
	assert_true(o.refreshes >= 7 && o.refreshes <= 9);
	assert_true(copies(sim, &o.item) >= 6);
	assert_true(counters(sim).refresh_puts <= 6 * o.refreshes);
	sim_destroy(sim);
}

/* Nodes that forget at once are not asked more and more often. */
static void test_hopeless(void **state)
{
	(void)state;
	struct sim *sim = network(30 * SIM_SECOND, 0);
	struct owned o;
	own(sim, &o, 1);
	sim_run(sim, HOUR);
	assert_true(o.refreshes >= 20 && o.refreshes <= 36); /* two minutes apart */
	sim_destroy(sim);
}

/* Whatever the interval, two looks are hardly ever as far apart as the two before: of fourteen
 * times eleven, within 2 of 19 seconds. */
static void test_jitter(void **state)
{
	(void)state;
	struct sim *sim = network(LIFETIME, 0);
	const struct dht_republish_limits limits = {.interval = 10 * MINUTE};
	struct owned o;
	uint64_t last = 0, gap[16];
	size_t differ = 0;
	dht_republish_limits(sim_dht(sim, 0), &limits);
	own(sim, &o, 1);
	for (size_t i = 0; i < sizeof(gap) / sizeof(*gap); i++) {
		for (unsigned refreshes = o.refreshes; o.refreshes == refreshes;)
			sim_run(sim, SIM_SECOND);
		gap[i] = sim_now(sim) - last;
		last = sim_now(sim);
		assert_true(
			i == 0 || (gap[i] > 9 * MINUTE && gap[i] <= 10 * MINUTE + 3 * SIM_SECOND));
		differ += i >= 2 && (gap[i] > gap[i - 1] + 2 * SIM_SECOND ||
					    gap[i] + 2 * SIM_SECOND < gap[i - 1]);
	}
	assert_true(differ >= 5);
	sim_destroy(sim);
}

/* Where a third of the nodes goes every hour of the world's, and the budget is not spent, copies
 * are renewed before they get few. That at some moment five of the eight that hold an item have
 * gone since the last look is chance, which befalls one item of twenty in one hour of ten. */
static void test_churn(void **state)
{
	(void)state;
	enum { ITEMS = 20 };
	struct sim *sim = network(LIFETIME, 0);
	static struct owned o[ITEMS];
	size_t all = 0, few = 0;
	for (unsigned i = 0; i < ITEMS; i++)
		own(sim, &o[i], i);
	for (unsigned minute = 0; minute < 60; minute++) {
		sim_run(sim, MINUTE);
		size_t node;
		do
			node = 1 + sim_random(sim) % (sim_len(sim) - 1);
		while (!sim_alive(sim, node));
		sim_kill(sim, node, false);
		sim_join(sim, sim_add(sim, 4), 0);
		for (unsigned i = 0; i < ITEMS; i++) {
			size_t n = copies(sim, &o[i].item);
			assert_true(n >= 1);
			all += n;
			few += n < 4;
		}
	}
	assert_true(few <= 60 * ITEMS / 100);
	assert_true(2 * all >= 15 * 60 * ITEMS); /* 7.5 each */
	assert_true(counters(sim).refresh_bytes < 60 * 60 * 1500);
	sim_destroy(sim);
}

static struct dht_item erased;

/* Sybils next to the target: they take puts and forget them, and tell the publisher alone that they
 * hold it, whom they know by his address. */
static bool hear_as_sybil(struct sim *sim, size_t node, const struct dht_endpoint *from,
	const uint8_t *datagram, size_t len)
{
	struct dht_message m, reply = {.kind = DHT_REPLY, .has_id = true};
	uint8_t buf[1500];
	if (dht_message_read(datagram, len, &m) < 0 || m.kind != DHT_QUERY ||
		(m.method != DHT_GET && m.method != DHT_PUT))
		return false;
	reply.transaction = m.transaction;
	reply.id = *dht_own_id(sim_dht(sim, node));
	if (m.method == DHT_GET) {
		reply.token = (struct bytes){(const uint8_t *)"liar", 4};
		reply.want4 = true;
		reply.nodes_len = dht_table_nearest(
			&sim_dht(sim, node)->tables[0], &m.target, 0, reply.nodes, DHT_K);
	}
	if (m.method == DHT_GET && sim_node_of(sim, from) == 0) {
		reply.has_key = reply.has_sig = reply.has_seq = true;
		reply.key = (struct bytes){erased.key, DHT_KEY_LEN};
		reply.sig = (struct bytes){erased.sig, DHT_SIG_LEN};
		reply.seq = erased.seq;
		reply.value = (struct bytes){erased.value, erased.value_len};
	}
	int written = dht_message_write(&reply, buf, sizeof(buf));
	assert_true(written > 0);
	sim_send(sim, node, from, buf, (size_t)written);
	return true;
}

static void add_sybils(struct sim *sim, size_t n, const struct dht_id *target, unsigned bits)
{
	for (size_t i = 0; i < n; i++) {
		struct dht_endpoint at;
		struct dht_id id = *target;
		size_t node = sim_add(sim, 4);
		sim_endpoint(sim, node, 4, &at);
		for (unsigned bit = bits; bit < 8 * DHT_ID_LEN; bit++)
			if (sim_random(sim) & 1)
				id.b[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		sim_move(sim, node, &at, &id);
		sim_join(sim, node, 0);
		sim_set_hear(sim, node, hear_as_sybil);
	}
}

/* Eight that seem to keep it for ever have nobody let it lapse: at any time somebody honest holds
 * it. */
static void test_sybils(void **state)
{
	(void)state;
	const struct sim_config config = {
		.rtt_min = 20000, .rtt_max = 120000, .item_lifetime = LIFETIME};
	const struct dht_republish_limits limits = {.lifetime = LIFETIME};
	struct sim *sim = sim_network(&config, 60);
	struct dht_published *published;
	struct sim_answer a;
	struct dht_id target;
	struct owned o = {0};
	dht_republish_limits(sim_dht(sim, 0), &limits);
	sim_mutable(1, 1000, "a record of ours", &erased);
	dht_item_target(&erased, &target);
	add_sybils(sim, 8, &target, 14);
	sim_run(sim, 30 * SIM_SECOND);
	sim_put(sim, 0, &erased, 0, &a);
	assert_int_equal(
		dht_publish(sim_dht(sim, 0), &erased, sim_now(sim), on_refresh, &o, &published), 0);
	for (unsigned minute = 0; minute < 72; minute++) {
		sim_run(sim, MINUTE);
		assert_true(sim_copies(sim, &target) >= 4);
	}
	assert_in_range(o.refreshes, 6, 24);
	/* Seven are no crowd any more, and count among the eight. The one that is left would let it
	 * lapse now and then, if six copies were enough. */
	sim_kill(sim, sim_len(sim) - 1, true);
	for (unsigned minute = 0; minute < 36; minute++) {
		sim_run(sim, MINUTE);
		assert_true(sim_copies(sim, &target) >= 1);
	}
	sim_destroy(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stays),
		cmocka_unit_test(test_backs_off),
		cmocka_unit_test(test_lost_copies),
		cmocka_unit_test(test_newer),
		cmocka_unit_test(test_contested),
		cmocka_unit_test(test_removed),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_healed),
		cmocka_unit_test(test_immutable),
		cmocka_unit_test(test_hopeless),
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_churn),
		cmocka_unit_test(test_sybils),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
