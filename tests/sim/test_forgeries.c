/* Values that are not what was asked for, or not as it was signed, or genuine but old: from all
 * nodes but one. */
#undef NDEBUG
#include "dht/message.h"
#include "tests/sim/forgeries.h"
#include "tests/sim/rewrite.h"
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const struct sim_config wan = {.rtt_min = 20000, .rtt_max = 120000};

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
	return sim_rewrite(&m, datagram, cap);
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

/* P13 in quantity: whatever all other nodes return for what nobody ever put, nothing is delivered.
 */
static void forgeries_in_quantity(void **state)
{
	(void)state;
	struct sim *sim = sim_forgers(&wan, 30);
	uint64_t met = 0;
	for (enum sim_forgery kind = 0; kind < SIM_FORGERIES; kind++) {
		struct sim_forged f;
		bool signature_tells = kind >= SIM_ALTERED_VALUE;
		sim_forged_gets(sim, kind, signature_tells ? 225 : 900, &f);
		assert_int_equal(f.accepted, 0);
		assert_in_range(f.least, signature_tells ? 8 : 0, 16);
		assert_in_range(f.most, 0, signature_tells ? 16 : 0);
		met += f.met;
	}
	assert_true(met >= 5000);
	sim_destroy(sim);
}

/* Nor is anything kept of what strangers put: those that are no items at all cost no signature. */
static void forgeries_put(void **state)
{
	(void)state;
	struct sim *sim = sim_forgers(&wan, 30);
	for (enum sim_forgery kind = 0; kind < SIM_FORGERIES; kind++) {
		struct sim_forged f;
		bool signature_tells = kind >= SIM_ALTERED_VALUE || kind == SIM_OF_OTHER_KEY;
		sim_forged_puts(sim, kind, 150, &f);
		assert_int_equal(f.met, 150);
		assert_int_equal(f.accepted, 0);
		assert_int_equal(f.checked, signature_tells ? 150 : 0);
	}
	sim_destroy(sim);
}

/* What answers nothing is junk, though its value would verify. */
static void spoofed_answers(void **state)
{
	(void)state;
	struct sim *sim = sim_forgers(&wan, 30);
	struct sim_forged f;
	sim_spoofed_answers(sim, 20000, &f);
	assert_int_equal(f.met, 20000);
	assert_int_equal(f.accepted, 0);
	sim_destroy(sim);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_checked_are_bounded),
		cmocka_unit_test(forgeries_in_quantity),
		cmocka_unit_test(forgeries_put),
		cmocka_unit_test(spoofed_answers),
		cmocka_unit_test(replays_do_not_hide_our_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
