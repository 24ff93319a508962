/* Liars that work together: what they may cost, and what they may hide. tests/bench/sim_liars
 * prints the numbers of larger networks. */
#undef NDEBUG
#include "dht/message.h"
#include "tests/sim/liars.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const struct sim_config wan = {.rtt_min = 20000, .rtt_max = 120000};

/* Sixteen look-ups of a node that has just joined tell it how many others there are. */
static void the_size_is_estimated(void **state)
{
	(void)state;
	struct dht_counters counters;
	struct sim *sim = sim_network(&wan, 200);
	size_t node = sim_add(sim, 4);
	dht_counters(sim_dht(sim, node), &counters);
	assert_int_equal(counters.size4, 0);
	sim_join(sim, node, 0);
	sim_run(sim, 10 * SIM_SECOND);
	for (size_t i = 0; i < 16; i++) {
		struct dht_item item;
		struct sim_answer a;
		sim_mutable(i, 1, "x", &item);
		sim_get(sim, node, &item, &a);
	}
	dht_counters(sim_dht(sim, node), &counters);
	assert_in_range(counters.size4, 150, 250);
	assert_int_equal(counters.size6, 0);
	sim_destroy(sim);
}

/* Two hundred reads: how many found the newest value; bounded work, whatever the liars do. */
static void run_case(
	enum sim_liar kind, unsigned share, bool from_birth, struct sim_liars_outcome *ret_outcome)
{
	struct sim_liars_case c = {.config = wan,
		.n = 100,
		.kind = kind,
		.share = share,
		.from_birth = from_birth,
		.puts = 50,
		.reads = 4};
	sim_liars_run(&c, ret_outcome);
	assert_int_equal(ret_outcome->reads, 200);
	assert_true(ret_outcome->read_queries_max <= 60);
	assert_true(ret_outcome->put_queries_max <= 60);
	assert_true(ret_outcome->verifications_max <= 16);
}

/* Where nobody lies, nothing of the defence costs a packet. */
static void honest_networks_pay_nothing(void **state)
{
	(void)state;
	struct sim_liars_outcome o;
	run_case(SIM_SILENT, 0, false, &o);
	assert_int_equal(o.found, 200);
	assert_true(o.read_queries <= 12 * 200);
	assert_true(o.put_queries <= 20 * 50);
	assert_int_equal(o.wide, 0);
}

static void half_are_silent(void **state)
{
	(void)state;
	struct sim_liars_outcome o;
	run_case(SIM_SILENT, 50, false, &o);
	assert_true(o.found >= 198);
}

static void forgers(void **state)
{
	(void)state;
	struct sim_liars_outcome o;
	run_case(SIM_FORGER, 20, false, &o);
	assert_true(o.found >= 198);
	assert_true(o.wide > 0);
	run_case(SIM_FORGER, 33, true, &o);
	assert_true(o.found >= 190);
	run_case(SIM_FORGER, 50, false, &o);
	assert_true(o.found >= 160);
}

static void older_values_of_forgers(void **state)
{
	(void)state;
	struct sim_liars_outcome o;
	run_case(SIM_STALE, 50, false, &o);
	assert_true(o.found >= 160);
}

static void ghosts(void **state)
{
	(void)state;
	struct sim_liars_outcome o;
	run_case(SIM_GHOSTS, 50, false, &o);
	assert_true(o.found >= 190);
	assert_true(o.took <= 200 * SIM_SECOND);
}

/* One key, and every node returns another value: of other seqs, genuine, or signed falsely. */
static bool falsely;

static size_t return_another(
	struct sim *sim, size_t node, uint8_t *datagram, size_t len, size_t cap)
{
	struct dht_message m;
	struct dht_item item;
	(void)sim;
	if (dht_message_read(datagram, len, &m) < 0 || m.kind != DHT_REPLY || !m.token.len)
		return len;
	sim_mutable(7, (int64_t)(1000 + node), "one of many", &item);
	item.sig[5] ^= falsely;
	m.value = (struct bytes){item.value, item.value_len};
	m.key = (struct bytes){item.key, DHT_KEY_LEN};
	m.sig = (struct bytes){item.sig, DHT_SIG_LEN};
	m.has_key = m.has_sig = m.has_seq = true;
	m.seq = item.seq;
	uint8_t buf[1500];
	int written = dht_message_write(&m, buf, cap < sizeof(buf) ? cap : sizeof(buf));
	assert_true(written > 0);
	memcpy(datagram, buf, (size_t)written);
	return (size_t)written;
}

static void signatures_checked_are_bounded(void **state)
{
	(void)state;
	struct dht_counters before, after;
	struct dht_item wanted;
	struct sim_answer a;
	struct sim *sim = sim_create(&wan);
	for (size_t i = 0; i < 60; i++) { /* both families: twice as many answer */
		sim_add(sim, 46);
		if (i > 0)
			sim_join(sim, i, 0);
		sim_run(sim, 1000);
	}
	sim_run(sim, 10 * SIM_SECOND);
	sim_mutable(7, 1, "", &wanted);
	for (size_t i = 1; i < 60; i++)
		sim_set_lie(sim, i, return_another);
	for (unsigned turn = 0; turn < 2; turn++) {
		falsely = turn;
		dht_counters(sim_dht(sim, 0), &before);
		sim_get(sim, 0, &wanted, &a);
		dht_counters(sim_dht(sim, 0), &after);
		assert_in_range(after.verifications - before.verifications, 4, 16);
		assert_true(falsely ? a.values == 0 : a.values >= 8);
	}
	sim_destroy(sim);
}

/* Forged in quantity: altered values, other keys, wrong seqs; none is ever accepted. */
static void forgeries_in_quantity(void **state)
{
	(void)state;
	struct dht_item genuine, forged;
	sim_mutable(9, 5, "genuine", &genuine);
	uint64_t random = 1;
	for (unsigned i = 0; i < 3000; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		uint8_t bit = (uint8_t)(1u << (random >> 61));
		size_t at = (size_t)(random >> 33);
		forged = genuine;
		switch (i % 5) {
		case 0:
			forged.value[at % forged.value_len] ^= bit;
			break;
		case 1:
			forged.key[at % DHT_KEY_LEN] ^= bit;
			break;
		case 2:
			forged.sig[at % DHT_SIG_LEN] ^= bit;
			break;
		case 3:
			forged.seq += 1 + (int64_t)(at % 1000);
			break;
		case 4:
			forged.salt[0] = (uint8_t)at;
			forged.salt_len = 1;
			break;
		}
		assert_int_equal(dht_item_verify(&forged), -EBADMSG);
	}
}

/* P15: old data replayed by all. What is delivered is delivered with its seq, and a newer one in
 * our own store is not forgotten. */
static void replays_do_not_hide_our_own(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 40);
	struct dht_item old, newer;
	struct dht_id target;
	struct sim_answer a;
	size_t holder = 0;
	sim_mutable(7, 5000, "newer", &newer);
	sim_mutable(7, 1, "", &old);
	dht_item_target(&newer, &target);
	sim_put(sim, 3, &newer, 0, &a);
	while (!sim_item(sim, holder, &target))
		holder++;
	falsely = false;
	for (size_t i = 0; i < 40; i++)
		if (i != holder)
			sim_set_lie(sim, i, return_another);
	sim_kill(sim, holder, false);
	sim_restart(sim, holder, true);
	sim_rejoin(sim, holder);
	sim_run(sim, 5 * SIM_SECOND);
	sim_get(sim, holder, &old, &a);
	assert_true(a.own);
	assert_true(a.values >= 8);
	assert_int_equal(a.best.seq, 5000);
	assert_int_equal(a.result.seq_seen, 5000);
	sim_destroy(sim);
}

/* 20 nodes whose ids are as near to one target as their addresses allow, all of one /24 or one
 * IPv6 /40: puts of it are acknowledged and forgotten. */
static void make_sybil(
	struct sim *sim, const struct dht_id *target, uint8_t family, unsigned number)
{
	struct dht_endpoint at = {.family = family, .port = 4001, .ip = {0x2a, 0x7f, 1, 1}};
	struct dht_id best = {0}, id, random = *target;
	size_t node = sim_add(sim, family);
	bool any = false;
	if (family == 4)
		at.ip[0] = 45;
	/* In a /40 there is an address for nearly every prefix: 4,096 are tried. */
	for (unsigned i = 0; i < (family == 4 ? 8 : 4096); i++) {
		struct dht_endpoint tried = at;
		if (family == 4)
			tried.ip[3] = (uint8_t)(number + 1);
		else {
			tried.ip[5] = (uint8_t)(number + 1);
			tried.ip[6] = (uint8_t)(i >> 8);
			tried.ip[7] = (uint8_t)i;
		}
		random.b[19] = (uint8_t)i;
		dht_id_made(&tried, random.b, &id);
		if (any && dht_id_nearer(target, &best, &id) < 0)
			continue;
		any = true;
		best = id;
		at = tried;
	}
	sim_move(sim, node, &at, &best);
	sim_join(sim, node, 0);
}

static void sybils_of_one_net(uint8_t family)
{
	const struct sim_config public = {.rtt_min = 20000,
		.rtt_max = 120000,
		.mainline = true,
		.limits = true,
		.own_nets = true};
	struct sim *sim = sim_create(&public);
	struct dht_item item;
	struct dht_id target;
	size_t sybils[20], found = 0;
	sim_mutable(77, 1, "wanted by many", &item);
	dht_item_target(&item, &target);
	for (size_t i = 0; i < 80; i++) {
		sim_add(sim, family);
		if (i > 0)
			sim_join(sim, i, 0);
		sim_run(sim, 1000);
	}
	sim_run(sim, 60 * SIM_SECOND); /* ids follow addresses */
	for (unsigned i = 0; i < 20; i++) {
		sybils[i] = sim_len(sim);
		make_sybil(sim, &target, family, i);
	}
	struct sim_liars *liars = sim_liars_create(sim, SIM_SILENT, sybils, 20);
	sim_run(sim, 60 * SIM_SECOND);
	for (size_t i = 0; i < 100; i++) {
		struct sim_answer a;
		sim_mutable(77, (int64_t)(2 + i), "wanted by many", &item);
		sim_put(sim, i % 80, &item, 0, &a);
		sim_get(sim, (i * 7 + 3) % 80, &item, &a);
		found += a.values > 0 && a.best.seq == item.seq;
		assert_true(a.result.queries <= 60);
	}
	assert_true(found >= 99);
	sim_liars_destroy(liars);
	sim_destroy(sim);
}

static void sybils_of_one_net_of_ipv4(void **state)
{
	(void)state;
	sybils_of_one_net(4);
}

static void sybils_of_one_net_of_ipv6(void **state)
{
	(void)state;
	sybils_of_one_net(6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_size_is_estimated),
		cmocka_unit_test(honest_networks_pay_nothing),
		cmocka_unit_test(half_are_silent),
		cmocka_unit_test(forgers),
		cmocka_unit_test(older_values_of_forgers),
		cmocka_unit_test(ghosts),
		cmocka_unit_test(sybils_of_one_net_of_ipv4),
		cmocka_unit_test(sybils_of_one_net_of_ipv6),
		cmocka_unit_test(signatures_checked_are_bounded),
		cmocka_unit_test(forgeries_in_quantity),
		cmocka_unit_test(replays_do_not_hide_our_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
