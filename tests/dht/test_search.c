/* Whom a look-up asks, whom it counts, and when it stores: nodes that do not know `get`, ids that
 * do not fit, crowded subnets; putting while the search still goes on. */
#undef NDEBUG
#include "dht/engine.h"
#include "tests/dht/lookup_world.h"

/* The id of its address (BEP 42), or one that is not. */
static struct dht_contact public_node(uint8_t a, uint8_t b, uint8_t salt, bool fits)
{
	struct dht_contact c = {.endpoint = {.family = 4, .ip = {45, a, b, 1}, .port = 4001}};
	uint8_t random[DHT_ID_LEN] = {salt};
	dht_id_made(&c.endpoint, random, &c.id);
	if (!fits)
		dht_item_target(&item, &c.id); /* as near to the target as can be */
	c.id.b[10] = salt;
	assert_int_equal(dht_id_fits(&c.id, &c.endpoint), fits);
	return c;
}

static int setup_limited(void **state)
{
	struct dht_config config = {.mainline = true, .limits = true, .id = id_of(0x55, 0x55)};
	setup(state);
	world_end(&world);
	world_start_as(&world, &config);
	return 0;
}

/* nodes[0] ignores `get`, but answers find_node and names nodes[1], which holds the item. Goes on
 * until the look-up has ended. */
static void serve_by_way(struct world *w, const struct outcome *o)
{
	struct dht_message m;
	for (size_t i = 0, turns = 0; !o->ends && turns < 400; turns++) {
		for (; i < w->sent_len; i++) {
			bool way = addressee(w, i) == &nodes[0];
			if (!sent_query(w, i, way ? DHT_FIND_NODE : DHT_GET, &m) &&
				!sent_query(w, i, DHT_PUT, &m))
				continue;
			struct dht_message reply = reply_to(w, i, &m);
			if (way) {
				reply.want4 = true;
				reply.nodes[reply.nodes_len++] = nodes[1];
			} else if (m.method == DHT_GET) {
				add_item(&reply);
			}
			world_tell(w, &w->sent[i].to, &reply);
		}
		world_pass(w, 20 * 1000);
	}
	assert_int_equal(o->ends, 1);
}

static void look_up_by_way(struct world *w)
{
	struct outcome o = {0};
	world_clear(w);
	begin_get(w, &o);
	serve_by_way(w, &o);
	assert_int_equal(o.values, 1);
	assert_int_equal(o.result.holders, 1);
	assert_int_equal(o.result.answered, 2);
	assert_true(o.result.queries <= 5);
}

/* All that is known ignores `get`: that does not end the search, and is learned. */
static void ignored_gets(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	nodes[1] = (struct dht_contact){id_of(8, 2), endpoint("10.0.1.1:4001")};
	know_nodes(w, 1);
	look_up_by_way(w);
	assert_true(queries_to(w, DHT_GET, &nodes[0]) > 0);
	look_up_by_way(w);
	assert_true(queries_to(w, DHT_GET, &nodes[0]) > 0);
	look_up_by_way(w);
	assert_int_equal(queries_to(w, DHT_GET, &nodes[0]), 0);
	assert_int_equal(queries_to(w, DHT_FIND_NODE, &nodes[0]), 1);

	o = (struct outcome){0};
	w->now += 301 * WORLD_SECOND; /* what the gets found is too old for the put */
	world_clear(w);
	assert_int_equal(dht_put(w->dht, &item, 0, on_put, &o, &o.lookup), 0);
	serve_by_way(w, &o);
	assert_int_equal(o.result.stored, 1);
	assert_int_equal(queries_to(w, DHT_PUT, &nodes[0]), 0);
	assert_int_equal(queries_to(w, DHT_PUT, &nodes[1]), 1);

	w->now += 3700 * WORLD_SECOND; /* it may be another program by now */
	look_up_by_way(w);
	assert_true(queries_to(w, DHT_GET, &nodes[0]) > 0);
}

static void tell_error(struct world *w, size_t i, int code)
{
	struct dht_message m;
	assert_int_equal(dht_message_read(w->sent[i].data, w->sent[i].len, &m), 0);
	struct dht_message error = {.kind = DHT_ERROR,
		.transaction = m.transaction,
		.error = code,
		.error_text = BYTES("an error")};
	world_tell(w, &w->sent[i].to, &error);
}

/* Who says so is believed at once. */
static void refused_gets(void **state)
{
	struct world *w = *state;
	struct dht_message m;
	know_nodes(w, 1);
	for (unsigned round = 0; round < 2; round++) {
		struct outcome o = {0};
		world_clear(w);
		begin_get(w, &o);
		assert_int_equal(queries_to(w, DHT_GET, &nodes[0]), round == 0);
		if (round == 0) {
			assert_true(sent_query(w, 0, DHT_GET, &m));
			tell_error(w, 0, DHT_E_METHOD);
		}
		assert_int_equal(queries_to(w, DHT_FIND_NODE, &nodes[0]), 1);
		size_t last = w->sent_len - 1;
		while (!is_ours(w, last, DHT_FIND_NODE, &nodes[0]))
			last--;
		assert_true(sent_query(w, last, DHT_FIND_NODE, &m));
		struct dht_message reply = reply_to(w, last, &m);
		world_tell(w, &w->sent[last].to, &reply);
		assert_int_equal(o.ends, 1);
		assert_int_equal(o.result.error, 0); /* it was reached */
		assert_int_equal(o.result.answered, 1);
	}
}

/* That a node says so of a `get` sent before, or is silent about it, says nothing of the find_node
 * sent since: for that is waited, and what it names is asked. */
static void refused_late(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_message m;
	size_t gets[2], len = 0, ways[2], ways_len = 0;
	know_nodes(w, 1);
	nodes[1] = (struct dht_contact){id_of(8, 2), endpoint("10.0.1.1:4001")};
	begin_get(w, &o);
	world_pass(w, 1100 * 1000); /* asked once more, and for the way */
	for (size_t i = 0; i < w->sent_len; i++) {
		if (is_ours(w, i, DHT_GET, &nodes[0]) && len < 2)
			gets[len++] = i;
		if (is_ours(w, i, DHT_FIND_NODE, &nodes[0]) && ways_len < 2)
			ways[ways_len++] = i;
	}
	assert_true(len == 2 && ways_len == 1);
	tell_error(w, ways[0], DHT_E_SERVER);
	assert_int_equal(o.ends, 0); /* the second get may be answered */
	tell_error(w, gets[0], DHT_E_METHOD);
	assert_int_equal(queries_to(w, DHT_FIND_NODE, &nodes[0]), 2);
	ways[1] = w->sent_len - 1;
	assert_true(is_ours(w, ways[1], DHT_FIND_NODE, &nodes[0]));
	w->now += 100 * 1000;
	tell_error(w, gets[1], DHT_E_METHOD);
	assert_int_equal(queries_to(w, DHT_FIND_NODE, &nodes[0]), 2);
	assert_int_equal(o.ends, 0);
	assert_true(sent_query(w, ways[1], DHT_FIND_NODE, &m));
	struct dht_message reply = reply_to(w, ways[1], &m);
	reply.want4 = true;
	reply.nodes[reply.nodes_len++] = nodes[1];
	world_tell(w, &w->sent[ways[1]].to, &reply);
	answer_gets(w, ways[1], true);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.values, 1);
}

/* Nodes whose id does not fit are the nearest of all, and answer with a token. */
static void know_misfits(struct world *w, size_t fit, size_t misfit)
{
	for (size_t i = 0; i < fit + misfit; i++) {
		nodes[i] = public_node(1, (uint8_t)i, (uint8_t)(i + 1), i < fit);
		world_befriend(w, &nodes[i]);
	}
	world_clear(w);
}

static void answer_puts(struct world *w, size_t i)
{
	struct dht_message m;
	for (; i < w->sent_len; i++) {
		if (!sent_query(w, i, DHT_GET, &m) && !sent_query(w, i, DHT_PUT, &m))
			continue;
		struct dht_message reply = reply_to(w, i, &m);
		world_tell(w, &w->sent[i].to, &reply);
	}
}

static void ids_that_do_not_fit(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	know_misfits(w, 10, 3);
	assert_int_equal(dht_put(w->dht, &item, 0, on_put, &o, &o.lookup), 0);
	dht_run(w->dht);
	answer_puts(w, 0);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.stored, 8);
	for (size_t i = 10; i < 13; i++)
		assert_int_equal(queries_to(w, DHT_GET, &nodes[i]), 0);
}

/* Where there are not enough others they are asked, last, and trusted with nothing. */
static void ids_that_do_not_fit_come_last(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	know_misfits(w, 3, 3);
	assert_int_equal(dht_put(w->dht, &item, 0, on_put, &o, &o.lookup), 0);
	dht_run(w->dht);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(queries_to(w, DHT_GET, &nodes[i]), i < 3);
	answer_puts(w, 0);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(queries_to(w, DHT_GET, &nodes[i]), 1);
		assert_int_equal(queries_to(w, DHT_PUT, &nodes[i]), i < 3);
	}
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.stored, 3);
}

/* What they hold is signed all the same. */
static void a_value_from_a_misfit_counts(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	know_misfits(w, 0, 2);
	begin_get(w, &o);
	answer_gets(w, 0, true);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.values, 2);
}

/* nodes[0] names three of one /24: one is asked, and another when that is silent. */
static void one_of_a_subnet(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	struct dht_message m;
	know_misfits(w, 1, 0);
	begin_get(w, &o);
	assert_true(sent_query(w, 0, DHT_GET, &m));
	struct dht_message reply = reply_to(w, 0, &m);
	reply.want4 = true;
	for (uint8_t i = 1; i <= 3; i++) {
		nodes[i] = public_node(9, 9, i, true);
		nodes[i].endpoint.ip[3] = i;
		dht_id_made(&nodes[i].endpoint, (const uint8_t[DHT_ID_LEN]){i}, &nodes[i].id);
		reply.nodes[reply.nodes_len++] = nodes[i];
	}
	world_tell(w, &w->sent[0].to, &reply);
	size_t asked = 0;
	for (size_t i = 1; i <= 3; i++)
		asked += queries_to(w, DHT_GET, &nodes[i]) > 0;
	assert_int_equal(asked, 1);
	assert_int_equal(o.ends, 0);
	world_pass(w, 5 * WORLD_SECOND);
	asked = 0;
	for (size_t i = 1; i <= 3; i++)
		asked += queries_to(w, DHT_GET, &nodes[i]) > 0;
	assert_int_equal(asked, 3);
	assert_int_equal(o.ends, 1);
}

static void begin_put(struct world *w, struct outcome *o, unsigned flags)
{
	world_clear(w);
	*o = (struct outcome){0};
	assert_int_equal(dht_put(w->dht, &item, flags, on_put, o, &o->lookup), 0);
	dht_run(w->dht);
}

static void answer_packet(struct world *w, size_t i)
{
	struct dht_message m;
	assert_true(sent_query(w, i, DHT_GET, &m) || sent_query(w, i, DHT_PUT, &m));
	struct dht_message reply = reply_to(w, i, &m);
	world_tell(w, &w->sent[i].to, &reply);
}

/* The nearest are asked first, and stored at when three of them have answered. */
static void stored_while_searching(void **state)
{
	struct world *w = *state;
	struct outcome o;
	know_nodes(w, 12);
	begin_put(w, &o, 0);
	answer_packet(w, 0);
	answer_packet(w, 1);
	assert_int_equal(queries(w, DHT_PUT), 0);
	answer_packet(w, 2);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(queries_to(w, DHT_PUT, addressee(w, i)), 1);
	/* The ninth is asked as well, and stored at when all eight have answered. */
	answer_packet(w, 8);
	assert_int_equal(queries_to(w, DHT_PUT, addressee(w, 8)), 0);
	uint64_t began = w->now;
	for (size_t i = 3; i < 8; i++)
		answer_packet(w, i);
	assert_int_equal(queries(w, DHT_PUT), 9);
	assert_int_equal(queries_to(w, DHT_PUT, addressee(w, 8)), 1);
	w->now += 40 * 1000;
	answer_puts(w, 9);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.stored, 8); /* its answer comes last, and is not waited for */
	assert_int_equal(o.result.enough, w->now - began);
	assert_int_equal(o.result.queries, 18);

	/* And the next time the eight are known: one round. */
	begin_put(w, &o, 0);
	assert_int_equal(queries(w, DHT_GET), 0);
	assert_int_equal(queries(w, DHT_PUT), 8);
	answer_puts(w, 0);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.queries, 8);
}

/* What is told with `cas` depends on all that the search finds. */
static void nothing_ahead_with_cas(void **state)
{
	struct world *w = *state;
	struct outcome o;
	know_nodes(w, 12);
	begin_put(w, &o, DHT_PUT_CAS);
	for (size_t i = 0; i < 7; i++)
		answer_packet(w, i);
	assert_int_equal(queries(w, DHT_PUT), 0);
	answer_packet(w, 7);
	assert_int_equal(queries(w, DHT_PUT), 8);
}

/* Five that take it are not enough. */
static void not_enough(void **state)
{
	struct world *w = *state;
	struct outcome o;
	know_nodes(w, 5);
	begin_put(w, &o, 0);
	answer_puts(w, 0);
	assert_int_equal(o.ends, 1);
	assert_int_equal(o.result.stored, 5);
	assert_int_equal(o.result.enough, 0);
}

/* A look-up of the one node that is known, answered after so long. */
static void answered_after(struct world *w, uint64_t microseconds)
{
	struct outcome o = {0};
	world_clear(w);
	begin_get(w, &o);
	size_t asked = 0;
	while (!is_ours(w, asked, DHT_GET, &nodes[0]))
		asked++;
	w->now += microseconds;
	answer_packet(w, asked);
	assert_int_equal(o.ends, 1);
}

/* How long a node is waited for follows from its own round trips. */
static void waits_by_round_trips(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	know_nodes(w, 1);
	for (unsigned i = 0; i < 8; i++)
		answered_after(w, 30 * 1000);
	world_clear(w);
	begin_get(w, &o);
	world_pass(w, 79 * 1000); /* its 30 ms and 50 */
	assert_int_equal(queries_to(w, DHT_FIND_NODE, &nodes[0]), 0);
	world_pass(w, 2 * 1000);
	assert_int_equal(queries_to(w, DHT_FIND_NODE, &nodes[0]), 1);
	dht_cancel(w->dht, o.lookup);
}

/* One that varied is not waited for longer than others, but for as long as its way is. */
static void waits_no_longer_than_for_others(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	know_nodes(w, 1);
	answered_after(w, 900 * 1000);
	for (unsigned i = 0; i < 23; i++) /* 23 of 24: the slow one is beyond nine tenths */
		answered_after(w, 30 * 1000);
	answered_after(w, 130 * 1000); /* varies: 42 ms, and four times 25 */
	world_clear(w);
	begin_get(w, &o);
	world_pass(w, 128 * 1000);
	assert_int_equal(queries_to(w, DHT_FIND_NODE, &nodes[0]), 0);
	world_pass(w, 4 * 1000); /* others: 30 ms and 100 */
	assert_int_equal(queries_to(w, DHT_FIND_NODE, &nodes[0]), 1);
	dht_cancel(w->dht, o.lookup);
}

static void begin_get_at(struct world *w, uint8_t first, struct outcome *o)
{
	struct dht_id target = id_of(first, 0);
	world_clear(w);
	*o = (struct outcome){0};
	assert_int_equal(dht_get_immutable(w->dht, &target, on_get, o, &o->lookup), 0);
	dht_run(w->dht);
}

/* Four look-ups tell how big the network is, and so who will hardly be one of the eight: of those
 * two are asked, and one more for each that is silent. */
static void few_guides(void **state)
{
	struct world *w = *state;
	struct outcome o;
	know_nodes(w, 20); /* ids up to 0x98: nobody is near 0xf0 */
	for (uint8_t i = 0; i < 4; i++) {
		begin_get_at(w, (uint8_t)(0x10 + 0x20 * i), &o);
		assert_true(queries(w, DHT_GET) >= 8);
		answer_gets(w, 0, false);
		assert_int_equal(o.ends, 1);
	}
	begin_get_at(w, 0xf0, &o);
	assert_int_equal(queries(w, DHT_GET), 2);
	world_pass(w, 110 * 1000); /* who answered at once is waited for a tenth of a second */
	assert_int_equal(queries(w, DHT_GET), 4);
	assert_int_equal(o.ends, 0);
	dht_cancel(w->dht, o.lookup);
}

/* Where many were silent of late, more are asked than the eight and one. */
static void more_are_asked_among_the_silent(void **state)
{
	struct world *w = *state;
	static const struct {
		unsigned silent_of_hundred;
		size_t asked;
	} rows[] = {{0, 9}, {12, 9}, {13, 10}, {25, 11}, {100, 11}};
	know_nodes(w, NODES);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct outcome o = {0};
		world_clear(w);
		w->dht->queries.silence = rows[i].silent_of_hundred * 65536 / 100;
		begin_get(w, &o);
		assert_int_equal(queries(w, DHT_GET), rows[i].asked);
		dht_cancel(w->dht, o.lookup);
	}
}

struct versions {
	int64_t seqs[NODES];
	size_t len, at_end;
	int64_t newest;
};

static void on_version(void *ctx, const struct dht_item *got, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	struct versions *v = ctx;
	(void)from;
	if (result) {
		v->at_end = v->len;
		v->newest = result->seq_seen;
		return;
	}
	assert_true(v->len < NODES);
	v->seqs[v->len++] = got->seq;
}

/* The nearest hold an old version and answer first: it is shown at once, and so is the newer one
 * when somebody has it; the end says which is the newest. */
static void an_older_version_first(void **state)
{
	struct world *w = *state;
	struct versions v = {0};
	struct dht_lookup *l;
	struct dht_message m;
	know_nodes(w, 12);
	assert_int_equal(dht_get_mutable(w->dht, item.key, NULL, 0, on_version, &v, &l), 0);
	dht_run(w->dht);
	for (size_t i = 0; i < 8; i++) {
		assert_true(sent_query(w, i, DHT_GET, &m));
		item.seq = i == 5 ? 9 : 7;
		dht_item_sign(&item, key_seed);
		struct dht_message reply = reply_to(w, i, &m);
		add_item(&reply);
		assert_int_equal(v.at_end, 0);
		world_tell(w, &w->sent[i].to, &reply);
		assert_int_equal(v.len, i + 1); /* at once */
	}
	assert_int_equal(v.at_end, 8);
	assert_int_equal(v.newest, 9);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(v.seqs[i], i == 5 ? 9 : 7);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define LIMITED(f) cmocka_unit_test_setup_teardown(f, setup_limited, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ignored_gets),
		TEST(refused_gets),
		TEST(refused_late),
		LIMITED(ids_that_do_not_fit),
		LIMITED(ids_that_do_not_fit_come_last),
		LIMITED(a_value_from_a_misfit_counts),
		LIMITED(one_of_a_subnet),
		TEST(stored_while_searching),
		TEST(nothing_ahead_with_cas),
		TEST(not_enough),
		TEST(few_guides),
		TEST(waits_by_round_trips),
		TEST(waits_no_longer_than_for_others),
		TEST(more_are_asked_among_the_silent),
		TEST(an_older_version_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
