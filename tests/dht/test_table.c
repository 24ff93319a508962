/* The routing table: who enters, who is named to others, and when to look again. */
#undef NDEBUG
#include "table_world.h"

/* The node that is to be asked next, and when. */
static const struct dht_node *next_check(struct dht_table *t, uint64_t *ret_at)
{
	uint64_t routine, doubtful;
	const struct dht_node *a = dht_table_next_check(t, false, UINT64_MAX - 1, &routine);
	const struct dht_node *b = dht_table_next_check(t, true, UINT64_MAX - 1, &doubtful);
	*ret_at = routine < doubtful ? routine : doubtful;
	/* Nobody is due before that. */
	uint64_t again;
	if (*ret_at != UINT64_MAX) {
		assert_null(dht_table_next_check(t, doubtful <= routine, *ret_at - 1, &again));
		assert_int_equal(again, *ret_at);
	}
	return routine < doubtful ? a : b;
}

static void an_answer_lets_in(void **state)
{
	struct dht_table *t = *state;
	struct dht_contact c = contact(1, 0), self = {.id = own, .endpoint = c.endpoint};
	assert_true(dht_table_wants(t, &c));
	assert_false(dht_table_wants(t, &self));
	assert_false(enter(t, &self, 5));
	assert_true(enter(t, &c, 5));
	assert_false(enter(t, &c, 6));
	assert_false(dht_table_wants(t, &c));
	const struct dht_node *node = dht_table_find(t, &c);
	assert_non_null(node);
	assert_int_equal(node->heard, 6);
	assert_int_equal(node->rtt, 1000);
	assert_memory_equal(node->client, "TEST", 4);
	assert_int_equal(t->len, 1);
	dht_table_remove(t, &c, 7);
	assert_null(dht_table_find(t, &c));
	assert_int_equal(t->len, 0);
	/* Nobody is in an empty table; none of this may fall over. */
	dht_table_silent(t, &c);
	dht_table_asked(t, &c, 7);
	dht_table_remove(t, &c, 7);
}

/* By its address, whoever is there; a silence takes it back until the next answer. */
static void when_an_address_was_heard(void **state)
{
	struct dht_table *t = *state;
	struct dht_contact c = contact(1, 0), other = contact(2, 0);
	assert_int_equal(dht_table_heard(t, &c.endpoint), 0);
	enter(t, &c, 5);
	assert_int_equal(dht_table_heard(t, &c.endpoint), 5);
	assert_int_equal(dht_table_heard(t, &other.endpoint), 0);
	enter(t, &c, 6);
	assert_int_equal(dht_table_heard(t, &c.endpoint), 6);
	dht_table_silent(t, &c);
	assert_int_equal(dht_table_heard(t, &c.endpoint), 0);
	enter(t, &c, 9);
	assert_int_equal(dht_table_heard(t, &c.endpoint), 9);
	dht_table_remove(t, &c, 10);
	assert_int_equal(dht_table_heard(t, &c.endpoint), 0);
}

static void far_nodes_few_near_nodes_all(void **state)
{
	struct dht_table *t = *state;
	unsigned far = 0, near = 0;
	for (unsigned i = 0; i < 2000; i++) {
		struct dht_contact c = contact(i, 0);
		enter(t, &c, 1);
	}
	for (unsigned i = 0; i < 40; i++) {
		struct dht_contact c = contact(5000 + i, 12 + i);
		enter(t, &c, 1);
	}
	for (size_t i = 0; i < t->buckets_len; i++)
		for (size_t j = 0; j < t->buckets[i].len; j++) {
			unsigned shared = dht_id_shared_bits(
				&own, &t->buckets[i].nodes[j].contact.id);
			far += shared == 0;
			near += shared >= 12;
		}
	assert_int_equal(far, 128);
	assert_int_equal(near, 40);
	assert_int_equal(t->len, 168);
	assert_int_equal(t->buckets[0].spares_len, 8);
}

/* All ids nearly the same: a hostile crowd splits buckets, but not without end. */
static void a_crowd_next_to_us(void **state)
{
	struct dht_table *t = *state;
	for (unsigned i = 0; i < 3000; i++) {
		struct dht_contact c = contact(i, 150);
		enter(t, &c, 1);
	}
	assert_true(t->len <= 128);
	assert_true(t->buckets_len <= 160);
	for (unsigned i = 0; i < 500; i++) {
		struct dht_contact c = contact(10000 + i, 159);
		enter(t, &c, 1);
	}
	assert_true(t->len <= 160);
}

static void nearest_is_what_sorting_all_gives(void **state)
{
	struct dht_table *t = *state;
	struct dht_contact got[16], best[16];
	for (unsigned i = 0; i < 600; i++) {
		struct dht_contact c = contact(i, some_byte() % 14);
		enter(t, &c, 1);
	}
	for (unsigned round = 0; round < 200; round++) {
		struct dht_id target = contact(0, some_byte() % 20).id;
		size_t len = 0, cap = 1 + some_byte() % 16;
		for (size_t i = 0; i < t->buckets_len; i++)
			for (size_t j = 0; j < t->buckets[i].len; j++) {
				const struct dht_contact *c = &t->buckets[i].nodes[j].contact;
				size_t at = len < cap ? len++ : cap;
				for (; at > 0 &&
					dht_id_nearer(&target, &c->id, &best[at - 1].id) < 0;
					at--)
					if (at < cap)
						best[at] = best[at - 1];
				if (at < cap)
					best[at] = *c;
			}
		assert_int_equal(dht_table_nearest(t, &target, 0, got, cap), len);
		for (size_t i = 0; i < len; i++)
			assert_true(dht_id_equal(&got[i].id, &best[i].id));
	}
}

static void silent_nodes_are_not_named(void **state)
{
	struct dht_table *t = *state;
	struct dht_contact c = contact(1, 0), got[8];
	enter(t, &c, 1);
	assert_int_equal(dht_table_nearest(t, &own, 0, got, 8), 1);
	dht_table_silent(t, &c);
	assert_int_equal(dht_table_nearest(t, &own, 0, got, 8), 0);
	assert_int_equal(dht_table_nearest(t, &own, 1, got, 8), 1);
	assert_int_equal(dht_table_good(t), 0);
	enter(t, &c, 2);
	assert_int_equal(dht_table_nearest(t, &own, 0, got, 8), 1);
}

static void a_small_network_is_remembered(void **state)
{
	struct dht_table *t = *state;
	struct dht_contact few[9];
	for (unsigned i = 0; i < 9; i++) {
		few[i] = contact(i, i);
		enter(t, &few[i], 1);
	}
	for (unsigned i = 0; i < 50; i++)
		dht_table_silent(t, &few[0]);
	assert_int_equal(t->len, 8);
	for (unsigned i = 0; i < 300; i++)
		dht_table_silent(t, &few[1]);
	assert_int_equal(t->len, 8);
	assert_true(enter(t, &few[1], 9)); /* back again: that counts as one more */
	assert_int_equal(dht_table_find(t, &few[1])->failures, 0);
}

static void an_id_cannot_be_stolen(void **state)
{
	struct dht_table *t = *state;
	struct dht_contact honest = contact(1, 0), thief = {.id = honest.id};
	uint64_t at;
	thief.endpoint = contact(2, 0).endpoint;
	enter(t, &honest, 100 * SECOND);
	assert_false(enter(t, &thief, 100 * SECOND));
	assert_non_null(dht_table_find(t, &honest));
	/* But whether the old one is still there is asked at once. */
	assert_non_null(next_check(t, &at));
	assert_true(at <= 102 * SECOND);
	enter(t, &honest, 101 * SECOND);
	assert_false(enter(t, &thief, 101 * SECOND));
	dht_table_silent(t, &honest);
	assert_true(enter(t, &thief, 102 * SECOND));
	assert_null(dht_table_find(t, &honest));
	assert_int_equal(t->len, 1);
}

static void one_node_an_address(void **state)
{
	struct dht_table *t = *state;
	struct dht_contact a = contact(1, 0), b = contact(1, 3), c;
	enter(t, &a, 1);
	/* Another id answers at the same address and port: it is a new one, the old is gone. */
	assert_true(enter(t, &b, 2));
	assert_null(dht_table_find(t, &a));
	assert_int_equal(t->len, 1);
	c = contact(2, 1);
	c.endpoint = b.endpoint;
	c.endpoint.port++;
	assert_true(enter(t, &c, 3)); /* a network of one's own: many nodes on a host */
	assert_int_equal(t->len, 2);
	dht_table_finish(t);
	dht_table_init(t, &own, true, false);
	enter(t, &b, 2);
	assert_false(enter(t, &c, 3)); /* the public one: many of a host are suspect */
	assert_int_equal(t->len, 1);
}

static void checks_come_in_time(void **state)
{
	struct dht_table *t = *state;
	struct dht_contact a = contact(1, 0), b = contact(2, 1);
	uint64_t at;
	assert_null(next_check(t, &at));
	enter(t, &a, 100 * SECOND);
	enter(t, &b, 200 * SECOND);
	assert_true(dht_id_equal(&next_check(t, &at)->contact.id, &a.id));
	assert_int_equal(at, 100 * SECOND + 10 * MINUTE);
	dht_table_asked(t, &a, 300 * SECOND);
	assert_true(dht_id_equal(&next_check(t, &at)->contact.id, &b.id));
	/* Who asks us need not be asked, but not for ever. */
	assert_true(dht_table_seen(t, &b, 400 * SECOND));
	next_check(t, &at);
	assert_int_equal(at, 300 * SECOND + 10 * MINUTE);
	dht_table_asked(t, &a, 5 * HOUR);
	next_check(t, &at);
	assert_int_equal(at, 400 * SECOND + 10 * MINUTE);
	dht_table_seen(t, &b, 4 * HOUR);
	next_check(t, &at);
	assert_int_equal(at, 200 * SECOND + 30 * MINUTE);
	dht_table_remove(t, &b, 1);
	assert_false(dht_table_seen(t, &b, 1));
	enter(t, &a, 300 * SECOND);
	/* Who says that it is read-only is asked soon, but not at each word. */
	dht_table_retired(t, &a, 310 * SECOND);
	assert_false(dht_table_find(t, &a)->contested);
	dht_table_retired(t, &a, 400 * SECOND);
	assert_true(dht_table_find(t, &a)->contested);
	enter(t, &a, 401 * SECOND);
	/* A silent one is asked again soon, then ever more rarely, but every minute at least. */
	uint64_t waits[] = {2, 4, 8, 16, 32, 60, 60, 60};
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		dht_table_asked(t, &a, 300 * SECOND);
		dht_table_silent(t, &a);
		next_check(t, &at);
		assert_int_equal(at, (300 + waits[i]) * SECOND);
	}
}

static void refreshes_fall_into_their_bucket(void **state)
{
	struct dht_table *t = *state;
	size_t bucket;
	uint64_t at;
	assert_false(dht_table_next_refresh(t, &bucket, &at));
	for (unsigned i = 0; i < 1000; i++) {
		struct dht_contact c = contact(i, some_byte() % 8);
		enter(t, &c, 1);
	}
	assert_true(t->buckets_len > 3);
	for (size_t i = 0; i + 1 < t->buckets_len; i++)
		dht_table_refreshed(t, i, (10 - i) * SECOND);
	assert_true(dht_table_next_refresh(t, &bucket, &at));
	assert_int_equal(bucket, t->buckets_len - 2);
	assert_int_equal(at, (10 - bucket) * SECOND + 60 * MINUTE);
	for (size_t i = 0; i < t->buckets_len; i++) {
		struct dht_id id;
		memset(id.b, 0xff, sizeof(id.b));
		dht_table_id_in(t, i, &id);
		assert_int_equal(dht_id_shared_bits(&own, &id), i);
		memset(id.b, 0, sizeof(id.b));
		dht_table_id_in(t, i, &id);
		assert_int_equal(dht_id_shared_bits(&own, &id), i);
	}
}

static void another_id_casts_doubt_on_the_bucket(void **state)
{
	struct dht_table *t = *state;
	struct dht_contact a[20], other;
	uint64_t at, now = HOUR;
	for (unsigned i = 0; i < 20; i++) {
		a[i] = contact(i, i < 10 ? 0 : 1);
		enter(t, &a[i], now);
	}
	for (unsigned i = 0; i < 118; i++) { /* so that there are two buckets */
		struct dht_contact c = contact(100 + i, 0);
		enter(t, &c, now);
	}
	dht_table_remove(t, &a[0], now + MINUTE);
	assert_null(dht_table_find(t, &a[0]));
	next_check(t, &at);
	assert_true(at <= now + 2 * SECOND);
	assert_true(dht_table_find(t, &a[1])->contested);
	assert_false(dht_table_find(t, &a[12])->contested);
	enter(t, &a[1], now + 2 * MINUTE);
	assert_false(dht_table_find(t, &a[1])->contested);
	/* A machine that changes its id with every packet does not keep us busy. */
	other = a[2];
	other.id.b[5] ^= 1;
	assert_true(enter(t, &other, now + 3 * MINUTE));
	assert_null(dht_table_find(t, &a[2]));
	assert_false(dht_table_find(t, &a[1])->contested);
	other.id.b[5] ^= 2;
	assert_true(enter(t, &other, now + 17 * MINUTE));
	assert_true(dht_table_find(t, &a[1])->contested);
}

static void another_id_of_our_own_loses_nobody(void **state)
{
	struct dht_table *t = *state, moved;
	for (unsigned i = 0; i < 600; i++) {
		struct dht_contact c = contact(i, some_byte() % 14);
		enter(t, &c, i);
	}
	struct dht_id other = contact(0, 0).id;
	assert_int_equal(dht_table_around(t, &other, &moved), 0);
	assert_true(moved.len >= t->len);
	assert_true(moved.buckets_len > 1);
	size_t counted = 0;
	for (size_t i = 0; i < moved.buckets_len; i++)
		for (size_t j = 0; j < moved.buckets[i].len; j++, counted++) {
			unsigned shared = dht_id_shared_bits(
				&other, &moved.buckets[i].nodes[j].contact.id);
			assert_true(i + 1 == moved.buckets_len ? shared >= i : shared == i);
		}
	assert_int_equal(counted, moved.len);
	for (size_t i = 0; i < t->buckets_len; i++)
		for (size_t j = 0; j < t->buckets[i].len; j++) {
			const struct dht_node *old = &t->buckets[i].nodes[j];
			const struct dht_node *node = dht_table_find(&moved, &old->contact);
			assert_non_null(node);
			assert_memory_equal(node, old, sizeof(*node));
		}
	/* And it is a table like any other: who shares many bits with the new id is taken. */
	struct dht_contact close = {.id = other, .endpoint = contact(9000, 0).endpoint};
	close.id.b[19] ^= 1;
	assert_true(enter(&moved, &close, 700));
	dht_table_finish(&moved);
	dht_table_finish(t);
	assert_int_equal(dht_table_around(t, &other, &moved), 0);
	assert_int_equal(moved.len, 0);
	assert_true(enter(&moved, &close, 700));
	dht_table_finish(&moved);
}

/* A busy moment is soon forgotten, a longer way slowly learned. */
static void round_trips(void **state)
{
	struct dht_table *t = *state;
	struct dht_contact c = contact(1, 0);
	dht_table_answered(t, &c, SECOND, 1000000, NULL);
	for (unsigned i = 0; i < 5; i++)
		dht_table_answered(t, &c, SECOND, 20000, NULL);
	assert_in_range(dht_table_find(t, &c)->rtt, 20000, 60000);
	for (unsigned i = 0; i < 20; i++)
		dht_table_answered(t, &c, SECOND, 20000, NULL);
	assert_in_range(dht_table_find(t, &c)->rtt, 20000, 20010);
	assert_in_range(dht_table_find(t, &c)->rttvar, 0, 1000);
	dht_table_answered(t, &c, SECOND, 100000, NULL);
	assert_in_range(dht_table_find(t, &c)->rtt, 30000, 30010);
	assert_in_range(dht_table_find(t, &c)->rttvar, 20000, 21000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_lets_in),
		TEST(when_an_address_was_heard),
		TEST(far_nodes_few_near_nodes_all),
		TEST(a_crowd_next_to_us),
		TEST(nearest_is_what_sorting_all_gives),
		TEST(silent_nodes_are_not_named),
		TEST(a_small_network_is_remembered),
		TEST(an_id_cannot_be_stolen),
		TEST(one_node_an_address),
		TEST(another_id_casts_doubt_on_the_bucket),
		TEST(another_id_of_our_own_loses_nobody),
		TEST(round_trips),
		TEST(checks_come_in_time),
		TEST(refreshes_fall_into_their_bucket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
