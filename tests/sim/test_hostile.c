/* Nodes that lie: nothing false is delivered, nobody honest is shut out, and nobody can make a
 * node work for them. */
#undef NDEBUG
#include "dht/message.h"
#include "tests/sim/rewrite.h"
#include "tests/sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const struct sim_config wan = {.rtt_min = 20000, .rtt_max = 120000};

/* The message, if it is a reply. */
static bool is_reply(const uint8_t *datagram, size_t len, struct dht_message *m)
{
	return dht_message_read(datagram, len, m) == 0 && m->kind == DHT_REPLY;
}

static size_t spoil_value(struct sim *sim, size_t node, uint8_t *datagram, size_t len, size_t cap)
{
	struct dht_message m;
	(void)sim;
	(void)node;
	(void)cap;
	if (is_reply(datagram, len, &m) && m.value.len > 3)
		((uint8_t *)(uintptr_t)m.value.data)[m.value.len - 1] ^= 1;
	return len;
}

static void spoiled_values_are_never_delivered(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 60);
	struct dht_counters counters;
	uint64_t bad = 0;
	for (size_t i = 0; i < 60; i += 4)
		sim_set_lie(sim, i, spoil_value);
	for (size_t i = 0; i < 40; i++) {
		struct dht_item item;
		struct sim_answer a;
		char text[30];
		snprintf(text, sizeof(text), "value %zu", i);
		if (i % 2)
			sim_mutable(i, 1000, text, &item);
		else
			sim_immutable(text, &item);
		sim_put(sim, 1 + i % 7, &item, 0, &a);
		assert_true(a.result.stored >= 7);
		sim_get(sim, 21 + i % 9 * 2, &item, &a);
		assert_true(a.values + a.own >= 1);
		assert_int_equal(a.best.value_len, item.value_len);
		assert_memory_equal(a.best.value, item.value, item.value_len);
		assert_int_equal(a.best.seq, item.seq);
		if (item.is_mutable)
			assert_int_equal(a.result.seq_seen, 1000);
	}
	for (size_t i = 0; i < 60; i++) {
		dht_counters(sim_dht(sim, i), &counters);
		bad += counters.values_bad;
	}
	assert_true(bad > 10);
	sim_destroy(sim);
}

/* A genuine value of another key, or of another salt. */
static struct dht_item foreign;

static size_t return_foreign(
	struct sim *sim, size_t node, uint8_t *datagram, size_t len, size_t cap)
{
	struct dht_message m;
	(void)sim;
	(void)node;
	if (!is_reply(datagram, len, &m) || !m.token.len)
		return len;
	m.value = (struct bytes){foreign.value, foreign.value_len};
	m.key = (struct bytes){foreign.key, DHT_KEY_LEN};
	m.sig = (struct bytes){foreign.sig, DHT_SIG_LEN};
	m.has_key = m.has_sig = m.has_seq = true;
	m.seq = foreign.seq;
	return sim_rewrite(&m, datagram, cap);
}

static void values_of_others_are_never_delivered(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 30);
	struct dht_item asked, text;
	struct sim_answer a;
	sim_mutable(1, 1000, "genuine, but another's", &foreign);
	sim_mutable(2, 1000, "not put", &asked);
	sim_immutable("not put either", &text);
	for (size_t i = 1; i < 30; i++)
		sim_set_lie(sim, i, return_foreign);
	sim_get(sim, 0, &asked, &a);
	assert_int_equal(a.values, 0);
	assert_int_equal(a.result.seq_seen, -1);
	/* Under the same key, but with a salt that was not asked for. */
	sim_mutable(1, 1000, "", &asked);
	memcpy(asked.salt, "salt", asked.salt_len = 4);
	sim_get(sim, 0, &asked, &a);
	assert_int_equal(a.values, 0);
	sim_get(sim, 0, &text, &a);
	assert_int_equal(a.values, 0);
	sim_destroy(sim);
}

static size_t change_id(struct sim *sim, size_t node, uint8_t *datagram, size_t len, size_t cap)
{
	struct dht_message m;
	(void)node;
	if (!is_reply(datagram, len, &m))
		return len;
	for (size_t i = 0; i < DHT_ID_LEN; i++)
		m.id.b[i] = (uint8_t)sim_random(sim);
	return sim_rewrite(&m, datagram, cap);
}

struct sought {
	struct dht_endpoint at;
	unsigned found;
};

static void seek(void *ctx, const struct dht_node_info *node)
{
	struct sought *s = ctx;
	s->found += dht_endpoint_equal(&s->at, &node->contact.endpoint);
}

static void wrong_ids_leave_the_tables(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 20);
	struct dht_item item;
	struct sim_answer a;
	struct sought liar = {0};
	sim_endpoint(sim, 5, 4, &liar.at);
	sim_set_lie(sim, 5, change_id);
	for (size_t i = 0; i < 10; i++) {
		sim_mutable(i, 1, "x", &item);
		sim_put(sim, 7, &item, 0, &a);
		assert_true(a.result.stored >= 7);
	}
	dht_each_node(sim_dht(sim, 7), seek, &liar);
	assert_int_equal(liar.found, 0);
	sim_destroy(sim);
}

static size_t send_noise(struct sim *sim, size_t node, uint8_t *datagram, size_t len, size_t cap)
{
	(void)node;
	(void)cap;
	for (size_t i = 0; i < len; i++)
		datagram[i] = (uint8_t)sim_random(sim);
	return len;
}

static void a_third_sends_noise(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 60);
	for (size_t i = 0; i < 60; i += 3)
		sim_set_lie(sim, i, send_noise);
	for (size_t i = 0; i < 20; i++) {
		struct dht_item item;
		struct sim_answer a;
		size_t honest = i / 2 * 3 + 1 + i % 2;
		sim_mutable(i, 1, "x", &item);
		sim_put(sim, honest, &item, 0, &a);
		assert_true(a.result.stored + a.result.stored_here >= 8);
		sim_get(sim, 40 + i % 2, &item, &a);
		assert_true(a.values + a.own >= 1);
	}
	sim_destroy(sim);
}

/* Ever nearer nodes, all of them at addresses where nobody is. */
static struct dht_id sought_target;

static size_t name_ghosts(struct sim *sim, size_t node, uint8_t *datagram, size_t len, size_t cap)
{
	static const struct dht_endpoint nobody = {.family = 4, .port = 9};
	struct dht_message m;
	(void)node;
	if (!is_reply(datagram, len, &m) || !m.want4)
		return len;
	m.nodes_len = 8;
	for (size_t i = 0; i < 8; i++) {
		m.nodes[i].endpoint = nobody;
		m.nodes[i].endpoint.ip[0] = 11;
		m.nodes[i].id = sought_target;
		for (size_t j = 10; j < DHT_ID_LEN; j++)
			m.nodes[i].id.b[j] = (uint8_t)sim_random(sim);
		for (size_t j = 1; j < 4; j++)
			m.nodes[i].endpoint.ip[j] = (uint8_t)sim_random(sim);
	}
	return sim_rewrite(&m, datagram, cap);
}

static void ghosts_cost_little(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 60);
	for (size_t i = 0; i < 60; i += 3)
		sim_set_lie(sim, i, name_ghosts);
	for (size_t i = 0; i < 20; i++) {
		struct dht_item item;
		struct sim_answer a;
		sim_mutable(i, 1, "x", &item);
		dht_item_target(&item, &sought_target);
		sim_put(sim, 1 + 3 * (i % 10), &item, 0, &a);
		assert_true(a.result.stored + a.result.stored_here >= 3);
		assert_true(a.result.queries <= 80);
		assert_true(a.took < 5 * SIM_SECOND);
		sim_get(sim, 2 + 3 * (i % 10), &item, &a);
		assert_true(a.values + a.own >= 1);
		assert_true(a.result.queries <= 60);
		assert_true(a.took < 5 * SIM_SECOND);
	}
	sim_destroy(sim);
}

/* Answers searches, takes what is put, and acknowledges nothing. */
static size_t acknowledge_nothing(
	struct sim *sim, size_t node, uint8_t *datagram, size_t len, size_t cap)
{
	struct dht_message m;
	(void)sim;
	(void)node;
	(void)cap;
	return is_reply(datagram, len, &m) && !m.want4 ? 0 : len;
}

static void others_take_what_is_not_acknowledged(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 60);
	for (size_t i = 0; i < 60; i += 4)
		sim_set_lie(sim, i, acknowledge_nothing);
	for (size_t i = 0; i < 10; i++) {
		struct dht_item item;
		struct sim_answer a;
		sim_mutable(i, 1, "x", &item);
		sim_put(sim, 1 + 4 * i, &item, 0, &a);
		assert_true(a.result.stored + a.result.stored_here >= 7);
		assert_true(a.took < 3 * SIM_SECOND);
	}
	sim_destroy(sim);
}

/* All nodes name one victim, under eight ids each time. */
static struct dht_endpoint victim;

static size_t name_victim(struct sim *sim, size_t node, uint8_t *datagram, size_t len, size_t cap)
{
	struct dht_message m;
	(void)node;
	if (!is_reply(datagram, len, &m) || !m.want4)
		return len;
	m.nodes_len = 8;
	for (size_t i = 0; i < 8; i++) {
		m.nodes[i].endpoint = victim;
		for (size_t j = 0; j < DHT_ID_LEN; j++)
			m.nodes[i].id.b[j] = (uint8_t)sim_random(sim);
	}
	return sim_rewrite(&m, datagram, cap);
}

/* From us; others search for the sake of their tables meanwhile. */
static unsigned sent_to_victim;

static bool count_ours(struct sim *sim, size_t node, const struct dht_endpoint *from,
	const uint8_t *datagram, size_t len)
{
	(void)node;
	(void)datagram;
	(void)len;
	sent_to_victim += sim_node_of(sim, from) == 0;
	return false;
}

static void nobody_is_flooded_through_us(void **state)
{
	(void)state;
	struct sim *sim = sim_network(&wan, 20);
	struct dht_item item;
	struct sim_answer a;
	size_t target = sim_add(sim, 4); /* knows nobody, and nobody knows it */
	sim_endpoint(sim, target, 4, &victim);
	for (size_t i = 1; i < 20; i++)
		sim_set_lie(sim, i, name_victim);
	sim_set_hear(sim, target, count_ours);
	sim_mutable(1, 1, "x", &item);
	sim_get(sim, 0, &item, &a);
	/* Of 19 that name it eight times. */
	assert_in_range(sent_to_victim, 1, 4);
	sim_destroy(sim);
}

/* Junk of many kinds, and replies to nothing: counted, and not a byte in return. */
static void junk_is_not_answered(void **state)
{
	(void)state;
	static const char *const junk[] = {
		"",
		"d",
		"de",
		"i1e",
		"le",
		"d1:y1:qe",
		"d1:t4:aaaa1:y1:re",
		"d1:rd2:id20:aaaaaaaaaaaaaaaaaaaae1:t4:abcd1:y1:re",
		"d1:eli201e5:helloe1:t4:abcd1:y1:ee",
		"d1:y1:q1:q4:ping1:t4:aaaa1:ad2:id20:aaaaaaaaaaaaaaaaaaaaee",
		"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t4:aaaa1:y1:qe ",
		"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t0:1:y1:qe",
	};
	struct sim *sim = sim_create(&wan);
	struct dht_endpoint from;
	struct dht_counters counters;
	sim_add(sim, 4);
	sim_add(sim, 4);
	sim_endpoint(sim, 1, 4, &from);
	for (size_t i = 0; i < sizeof(junk) / sizeof(*junk); i++)
		sim_inject(sim, &from, 0, (const uint8_t *)junk[i], strlen(junk[i]));
	for (size_t i = 0; i < 1000; i++) {
		uint8_t noise[200];
		size_t len = sim_random(sim) % sizeof(noise);
		for (size_t j = 0; j < len; j++)
			noise[j] = (uint8_t)sim_random(sim);
		sim_inject(sim, &from, 0, noise, len);
	}
	sim_run(sim, SIM_SECOND);
	assert_int_equal(sim_packets(sim), 0);
	dht_counters(sim_dht(sim, 0), &counters);
	assert_int_equal(counters.junk, 1000 + sizeof(junk) / sizeof(*junk));
	assert_int_equal(counters.packets_in, counters.junk);
	assert_int_equal(counters.packets_out, 0);
	sim_destroy(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spoiled_values_are_never_delivered),
		cmocka_unit_test(values_of_others_are_never_delivered),
		cmocka_unit_test(wrong_ids_leave_the_tables),
		cmocka_unit_test(a_third_sends_noise),
		cmocka_unit_test(ghosts_cost_little),
		cmocka_unit_test(others_take_what_is_not_acknowledged),
		cmocka_unit_test(nobody_is_flooded_through_us),
		cmocka_unit_test(junk_is_not_answered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
