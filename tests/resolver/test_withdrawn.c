/* What readers elsewhere see of what was changed and withdrawn, when, and what it costs them to ask
 * again. */
#undef NDEBUG
#include "tests/resolver/zone_fixture.h"

/* Readers elsewhere, who had it in memory for its TTL of 300 s, hear of it within a minute; and it
 * comes back with nobody's restart. */
static void test_readers_within_a_minute(void **state)
{
	const struct timeval longer = {.tv_sec = 300};
	event_add(*state, &longer); /* the watchdog's time leaps too */
	connect_all(POLICY_GUARDED);
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 1), 1), 0);
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 2), 2), 0);
	until_all_published();
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, named("k%u", 1)).last, 1);
	withdraw(&nodes[0], named("k%u", 1));
	until_all_published();
	leap(base, 50 * SECOND);
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, named("k%u", 1)).last, 1);
	leap(base, 11 * SECOND);
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, named("k%u", 1)).error, -ENOENT);
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, named("k%u", 2)).last, 2);
	for (int i = 0; i < NODES; i++) {
		stop(&nodes[i]);
		start(&nodes[i], POLICY_GUARDED);
		join(&nodes[i], &nodes[(i + 1) % NODES]);
		join(&nodes[i], &nodes[(i + 2) % NODES]);
		while (known(&nodes[i]) < 2)
			event_base_loop(base, EVLOOP_ONCE);
	}
	look_after(&nodes[0]);
	for (int i = 0; i < NODES; i++) {
		assert_int_equal(ask_anew(&nodes[i], named("k%u", 1)).error, -ENOENT);
		assert_int_equal(ask_anew(&nodes[i], named("k%u", 2)).last, 2);
	}
}

static uint64_t replies_to(struct node *n)
{
	struct dht_counters c;
	dht_counters(dht_udp_node(n->udp), &c);
	return c.in[DHT_KIND_REPLY].bytes;
}

/* What it takes to ask; the address that was found. */
static uint64_t cost_of(struct node *n, const char *name, uint8_t last)
{
	uint64_t before = replies_to(n);
	assert_int_equal(ask(n, VIEW_DOOR, name).last, last);
	return replies_to(n) - before;
}

/* An answer in use is asked again by its seq: a zone that has not changed is not sent again; one
 * that has is, once; and every ten minutes. */
static void test_asked_again_by_seq(void **state)
{
	const struct timeval longer = {.tv_sec = 3000};
	event_add(*state, &longer);
	connect_all(POLICY_GUARDED);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(put(&nodes[0], WRITER, named("k%u", i), 1), 0);
	until_all_published();
	uint64_t full = cost_of(&nodes[2], named("k%u", 1), 1);
	assert_in_range(full, 1000, UINT64_MAX); /* two nodes send it */
	leap(base, 61 * SECOND);
	assert_in_range(cost_of(&nodes[2], named("k%u", 1), 1), 1, full / 2);
	assert_in_range(cost_of(&nodes[2], named("k%u", 2), 1), 1, full / 2); /* the same zone */

	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 1), 2), 0);
	until_all_published();
	leap(base, 61 * SECOND);
	assert_in_range(cost_of(&nodes[2], named("k%u", 1), 2), full * 3 / 4, full * 2);
	leap(base, 61 * SECOND);
	assert_in_range(cost_of(&nodes[2], named("k%u", 1), 2), 1, full / 2);
	leap(base, 600 * SECOND);
	assert_in_range(cost_of(&nodes[2], named("k%u", 1), 2), full * 3 / 4, full * 2);
}

/* ---- listings ---- */

static bool any(void *ctx, const struct question *q)
{
	(void)ctx;
	(void)q;
	return true;
}

static unsigned shown;

static void show(void *ctx, const struct resolver_entry *entry)
{
	shown += question_equal(&entry->question, ctx);
}

static bool lists(struct node *n, const struct question *q)
{
	struct resolver_walk walk = {.view = VIEW_DOOR,
		.class = CLASS_IN,
		.type = TYPE_A,
		.wants = any,
		.show = show,
		.ctx = (void *)q};
	shown = 0;
	while (resolver_list(n->resolver, &walk))
		;
	return shown == 1;
}

/* A name that was read here and withdrawn elsewhere: until a minute after it was read it is
 * answered; a listing shows it, and who listed is answered what was there (fs/record), for a minute
 * longer, for a walk tells the network nothing. Then no listing shows it; nor once anybody has
 * asked. */
static void test_a_listing_shows_it_no_longer(void **state)
{
	const struct timeval longer = {.tv_sec = 600};
	struct question q[3];
	event_add(*state, &longer);
	connect_all(POLICY_GUARDED);
	for (unsigned i = 0; i < 3; i++) {
		q[i] = question_of(named("k%u", i));
		assert_int_equal(put(&nodes[0], WRITER, named("k%u", i), 1), 0);
	}
	until_all_published();
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ask(&nodes[2], VIEW_DOOR, named("k%u", i)).last, 1);
	withdraw(&nodes[0], named("k%u", 0));
	withdraw(&nodes[0], named("k%u", 1));
	until_all_published();
	assert_false(lists(&nodes[0], &q[0])); /* who withdraws it sees it no more */
	assert_true(lists(&nodes[0], &q[2]));

	leap(base, 50 * SECOND);
	assert_non_null(resolver_peek(nodes[2].resolver, &q[0], VIEW_DOOR));
	assert_true(lists(&nodes[2], &q[0]));
	leap(base, 11 * SECOND);
	assert_null(resolver_peek(nodes[2].resolver, &q[0], VIEW_DOOR));
	assert_true(lists(&nodes[2], &q[0]) && lists(&nodes[2], &q[1]));
	assert_non_null(resolver_peek_listed(nodes[2].resolver, &q[0], VIEW_DOOR));
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, named("k%u", 0)).error, -ENOENT);
	assert_false(lists(&nodes[2], &q[0]));
	assert_int_equal(resolver_peek_listed(nodes[2].resolver, &q[0], VIEW_DOOR)->error, -ENOENT);
	assert_true(lists(&nodes[2], &q[1])); /* of that nobody has heard here */
	leap(base, 50 * SECOND);
	assert_true(lists(&nodes[2], &q[1]));
	leap(base, 15 * SECOND); /* nobody has asked: two minutes after it was read */
	assert_false(lists(&nodes[2], &q[1]));
	assert_false(lists(&nodes[2], &q[2])); /* that is there, and not in memory either */
	assert_null(resolver_peek_listed(nodes[2].resolver, &q[1], VIEW_DOOR));
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, named("k%u", 1)).error, -ENOENT);
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, named("k%u", 2)).last, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_readers_within_a_minute, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_asked_again_by_seq, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_listing_shows_it_no_longer, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
