/* How nodes are to others: ids that follow addresses (BEP 42) whatever a minority says, and nodes
 * that nobody reaches, which find that out and say so (BEP 43). */
#undef NDEBUG
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MINUTE (60 * SIM_SECOND)

static const struct sim_config public = {
	.rtt_min = 20000, .rtt_max = 120000, .mainline = true, .limits = true, .own_nets = true};

static bool id_fits(struct sim *sim, size_t node, uint8_t family)
{
	struct dht_endpoint e;
	sim_endpoint(sim, node, family, &e);
	return dht_id_fits(dht_own_id(sim_dht(sim, node)), &e);
}

static bool knows_address(struct sim *sim, size_t node, uint8_t family)
{
	struct dht_endpoint e, known;
	sim_endpoint(sim, node, family, &e);
	dht_external(sim_dht(sim, node), family, &known);
	return dht_endpoint_equal(&e, &known);
}

static uint64_t changes_of(struct sim *sim, size_t node)
{
	struct dht_counters c;
	dht_counters(sim_dht(sim, node), &c);
	return c.id_changes;
}

static size_t nodes_of(struct sim *sim, size_t node)
{
	struct dht_counters c;
	dht_counters(sim_dht(sim, node), &c);
	return c.nodes;
}

static void ids_follow_addresses(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&public, 40);
	struct dht_item item;
	struct sim_answer a;
	sim_mutable(1, 1, "put before, got after", &item);
	sim_put(sim, 3, &item, 0, &a);
	assert_true(a.result.stored + a.result.stored_here >= 8);
	sim_run(sim, 2 * MINUTE);
	size_t nodes = 0;
	for (size_t i = 0; i < 40; i++) {
		assert_true(id_fits(sim, i, 4));
		assert_true(knows_address(sim, i, 4));
		assert_true(changes_of(sim, i) <= 1);
		assert_true(nodes_of(sim, i) >= 26);
		nodes += nodes_of(sim, i);
		sim_get(sim, i, &item, &a);
		assert_true(a.values + a.own >= 1);
	}
	/* Of 39 others, 38.5 on the average; now and then one node has not met six of them yet. */
	assert_true(nodes >= 37 * 40);
	/* A restart begins with the id that was kept. */
	struct dht_id before = *dht_own_id(sim_dht(sim, 7));
	sim_kill(sim, 7, false);
	sim_restart(sim, 7, true);
	sim_rejoin(sim, 7);
	sim_run(sim, 20 * MINUTE);
	assert_true(dht_id_equal(&before, dht_own_id(sim_dht(sim, 7))));
	assert_int_equal(changes_of(sim, 7), 0);
	sim_destroy(sim);
}

/* The compact endpoint in `ip`, wherever it stands: 203.0.113.9:9, the same from all liars. */
static size_t says_another_address(
	struct sim *sim, size_t node, uint8_t *datagram, size_t len, size_t cap)
{
	(void)sim;
	(void)node;
	(void)cap;
	for (size_t i = 0; i + 12 <= len; i++)
		if (!memcmp(datagram + i, "2:ip6:", 6))
			memcpy(datagram + i + 6, "\xcb\x00\x71\x09\x00\x09", 6);
	return len;
}

static void liars_change_nobodys_id(void **state)
{
	(void)state;
	struct sim *sim = sim_create(&public);
	for (size_t i = 0; i < 40; i++) {
		sim_add(sim, 4);
		if (i % 10 >= 7) /* twelve of forty */
			sim_set_lie(sim, i, says_another_address);
		if (i > 0)
			sim_join(sim, i, 0);
		sim_run(sim, 10000);
	}
	sim_run(sim, 3 * MINUTE);
	/* Who has met too many of them (one in a thousand) does not know yet, and believes nobody.
	 */
	struct dht_id before[40];
	bool right[40];
	unsigned sure = 0;
	for (size_t i = 0; i < 40; i++) {
		before[i] = *dht_own_id(sim_dht(sim, i));
		right[i] = id_fits(sim, i, 4);
		assert_true(right[i] || changes_of(sim, i) == 0);
		sure += right[i];
	}
	assert_true(sure >= 37);
	sim_run(sim, 15 * MINUTE);
	for (size_t i = 0; i < 40; i++) {
		assert_true(knows_address(sim, i, 4) && id_fits(sim, i, 4));
		assert_true(!right[i] || dht_id_equal(&before[i], dht_own_id(sim_dht(sim, i))));
	}
	sim_destroy(sim);
}

/* One id for two networks. */
static void ipv4_decides(void **state)
{
	(void)state;
	struct sim *sim = sim_create(&public);
	static const int families[] = {46, 4, 6};
	for (size_t i = 0; i < 36; i++) {
		sim_add(sim, families[i % 3]);
		if (i > 0)
			sim_join(sim, i, 0);
		sim_run(sim, 10000);
	}
	sim_run(sim, 10 * MINUTE);
	for (size_t i = 0; i < 36; i++) {
		assert_true(id_fits(sim, i, families[i % 3] == 6 ? 6 : 4));
		assert_true(knows_address(sim, i, families[i % 3] == 6 ? 6 : 4));
		if (families[i % 3] == 46)
			assert_true(knows_address(sim, i, 6));
	}
	sim_destroy(sim);
}

/* In turn 10.0.0.1 and 8.8.8.8. */
static size_t says_now_this_now_that(
	struct sim *sim, size_t node, uint8_t *datagram, size_t len, size_t cap)
{
	(void)node;
	(void)cap;
	const char *where = sim_random(sim) % 2 ? "\x0a\x00\x00\x01\x00\x09"
						: "\x08\x08\x08\x08\x00\x09";
	for (size_t i = 0; i + 12 <= len; i++)
		if (!memcmp(datagram + i, "2:ip6:", 6))
			memcpy(datagram + i + 6, where, 6);
	return len;
}

struct wanted {
	const struct dht_id *id;
	struct dht_endpoint at; /* family 0: anywhere */
	bool good;		/* it left no query unanswered */
	bool found;
};

static void look_for(void *ctx, const struct dht_node_info *node)
{
	struct wanted *w = ctx;
	w->found |= node->failures < (w->good ? 1 : 3) && dht_id_equal(&node->contact.id, w->id) &&
		    (!w->at.family || dht_endpoint_equal(&node->contact.endpoint, &w->at));
}

/* By its id of now, over both families. */
static bool knows(struct sim *sim, size_t node, size_t other)
{
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct wanted wanted = {.id = dht_own_id(sim_dht(sim, other))};
		sim_endpoint(sim, other, family, &wanted.at);
		dht_each_node(sim_dht(sim, node), look_for, &wanted);
		if (!wanted.found)
			return false;
	}
	return true;
}

#define FEW 10

/* Ten nodes and a liar: each comes to its id at another moment, while the others still are asked by
 * their old ones. `gap`: microseconds between two starts. */
static void ten_change_their_ids(uint64_t seed, uint64_t gap, bool fast, unsigned loss)
{
	struct sim_config config = public;
	config.seed = seed;
	config.loss = loss;
	config.rtt_min = fast ? 100 : public.rtt_min;
	config.rtt_max = fast ? 2000 : public.rtt_max;
	struct sim *sim = sim_create(&config);
	for (size_t i = 0; i < FEW; i++)
		sim_add(sim, 46);
	sim_set_lie(sim, sim_add(sim, 4), says_now_this_now_that);
	for (size_t i = 1; i < FEW; i++) {
		sim_join(sim, i, 0);
		sim_join(sim, i, FEW);
		sim_run(sim, gap);
	}
	sim_run(sim, MINUTE / 2);
	for (size_t i = 0; i < FEW; i++) {
		assert_true(id_fits(sim, i, 4));
		for (size_t k = 0; k < FEW; k++)
			assert_true(k == i || knows(sim, i, k));
	}
	sim_destroy(sim);
}

static void who_changes_its_id_stays_known(void **state)
{
	(void)state;
	for (uint64_t gap = 600000; gap <= 1500000; gap += 900000) {
		ten_change_their_ids(1, gap, true, 0);
		ten_change_their_ids(2, gap, false, 10);
	}
}

/* On a network of one's own ids are what they are, unless limits are asked for. */
static void own_networks_are_left_alone(void **state)
{
	(void)state;
	struct sim_config config = public;
	config.mainline = config.limits = false;
	struct sim *sim = sim_network(&config, 30);
	sim_run(sim, 10 * MINUTE);
	for (size_t i = 0; i < 30; i++) {
		assert_int_equal(changes_of(sim, i), 0);
		assert_true(knows_address(sim, i, 4)); /* it is known all the same */
	}
	sim_destroy(sim);
	/* And private addresses give nobody an id, even with limits. */
	config = public;
	config.mainline = config.own_nets = false;
	sim = sim_network(&config, 10);
	sim_run(sim, 10 * MINUTE);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(changes_of(sim, i), 0);
	sim_destroy(sim);
}

/* Asks for what nobody has, as one who resolves names does. */
static void browse(struct sim *sim, size_t node, unsigned times)
{
	struct dht_item nowhere;
	struct sim_answer a;
	for (unsigned i = 0; i < times; i++) {
		sim_nowhere(sim_random(sim), &nowhere);
		sim_get(sim, node, &nowhere, &a);
		assert_int_equal(a.result.error, 0);
		sim_run(sim, SIM_SECOND / 2);
	}
}

static unsigned read_only_of(struct sim *sim)
{
	unsigned n = 0;
	for (size_t i = 0; i < sim_len(sim); i++)
		n += dht_is_read_only(sim_dht(sim, i));
	return n;
}

/* In how many tables is it, as good? */
static unsigned tables_with(struct sim *sim, size_t node)
{
	struct wanted wanted = {.id = dht_own_id(sim_dht(sim, node)), .good = true};
	unsigned n = 0;
	for (size_t i = 0; i < sim_len(sim); i++) {
		wanted.found = false;
		dht_each_node(sim_dht(sim, i), look_for, &wanted);
		n += wanted.found;
	}
	return n;
}

/* Who is there from the start, and who comes when the first are about to judge. */
#define VILLAGE 40
#define TOWN 60
#define BEHIND_NAT 23
#define OPEN 24
/* More than a node has to have written to before silence tells something. */
#define ADDRESSES 300

static void settle(struct sim *sim, size_t until)
{
	for (size_t i = sim_len(sim); i < until; i++) {
		sim_add(sim, 4);
		if (i == BEHIND_NAT)
			sim_set_nat(sim, i, true);
		if (i > 0)
			sim_join(sim, i, 0);
		sim_run(sim, 1000);
	}
	sim_run(sim, MINUTE / 4);
}

/* To join by, and nobody is there any more: each is written to. */
static void remember_a_long_table(struct sim *sim, size_t node)
{
	for (unsigned i = 0; i < ADDRESSES; i++) {
		struct dht_endpoint gone = {
			.family = 4, .ip = {100, 1, (uint8_t)(i >> 8), (uint8_t)i}, .port = 1};
		assert_int_equal(dht_add_node(sim_dht(sim, node), &gone), 0);
	}
}

static void who_is_not_reached_turns_read_only(void **state)
{
	(void)state;
	struct sim *sim = sim_create(&public);
	settle(sim, VILLAGE);
	sim_run(sim, 13 * MINUTE);
	/* Both have written to as many; only the one who can be reached hears of those who come. */
	remember_a_long_table(sim, BEHIND_NAT);
	remember_a_long_table(sim, OPEN);
	settle(sim, TOWN);
	browse(sim, BEHIND_NAT, 20);
	const uint64_t trial_ends = 1000 * SIM_SECOND + 15 * MINUTE;
	assert_true(sim_now(sim) < trial_ends);
	assert_int_equal(read_only_of(sim), 0);
	sim_run(sim, trial_ends + MINUTE / 4 - sim_now(sim));
	assert_true(dht_is_read_only(sim_dht(sim, BEHIND_NAT)));
	assert_int_equal(read_only_of(sim), 1);
	/* It finds what is there, and leaves the tables of those it asks. */
	unsigned tables = tables_with(sim, BEHIND_NAT);
	browse(sim, BEHIND_NAT, 20);
	sim_run(sim, MINUTE / 2);
	printf("# behind a NAT: in %u tables, %u after it said `ro`\n", tables,
		tables_with(sim, BEHIND_NAT));
	assert_true(4 * tables_with(sim, BEHIND_NAT) < tables);
	/* The user forwards the port, and a stranger comes: he is served, and it says `ro` no more.
	 */
	sim_set_nat(sim, BEHIND_NAT, false);
	struct dht_endpoint stranger = {.family = 4, .ip = {84, 51, 100, 9}, .port = 1};
	static const char ping[] = "d1:ad2:id20:wwwwwwwwwwwwwwwwwwwwe1:q4:ping1:t2:aa1:y1:qe";
	struct dht_counters before, after;
	dht_counters(sim_dht(sim, BEHIND_NAT), &before);
	sim_inject(sim, &stranger, BEHIND_NAT, (const uint8_t *)ping, sizeof(ping) - 1);
	sim_run(sim, 1000);
	dht_counters(sim_dht(sim, BEHIND_NAT), &after);
	assert_true(after.packets_out > before.packets_out);
	assert_int_equal(read_only_of(sim), 0);
	sim_run(sim, MINUTE / 2);
	assert_true(tables_with(sim, BEHIND_NAT) > 20);
	sim_destroy(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_follow_addresses),
		cmocka_unit_test(liars_change_nobodys_id),
		cmocka_unit_test(ipv4_decides),
		cmocka_unit_test(who_changes_its_id_stays_known),
		cmocka_unit_test(own_networks_are_left_alone),
		cmocka_unit_test(who_is_not_reached_turns_read_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
