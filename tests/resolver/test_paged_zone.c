/* Zones of more than one packet, on a network: what stands on pages is read as if there were none,
 * also while they become more or fewer, by who wrote it and by others with the same key. */
#undef NDEBUG
#define QUOTA 2000
#include "tests/resolver/zone_fixture.h"

static void put_cname(const char *owner, const char *target)
{
	struct question q = question_of(owner), to = question_of(target);
	q.type = TYPE_CNAME;
	struct rrset *set = rrset_create(&q, 300);
	assert_int_equal(rrset_add(set, to.name.wire, to.name.len), 0);
	assert_int_equal(publish_set(nodes[0].publisher, WRITER, set), 0);
	rrset_destroy(set);
	publish_push(nodes[0].publisher, WRITER, &q);
}

static void test_everything_is_found(void **state)
{
	(void)state;
	enum { NAMES = 150 };
	connect_all(POLICY_GUARDED);
	put_range(0, NAMES);
	put_cname(named("alias", 0), named("k%u", 77));
	assert_int_equal(put(&nodes[0], WRITER, named("*.star", 0), 99), 0);
	assert_int_equal(put(&nodes[0], WRITER, "plain.alt", 98), 0);
	until_all_published();
	assert_in_range(marker_at(&nodes[1]).pages, 4, 16);
	for (unsigned i = 0; i < NAMES; i++) {
		struct heard h = ask(&nodes[1 + i % 2], VIEW_DOOR, named("k%u", i));
		assert_int_equal(h.error, 0);
		assert_int_equal(h.last, i);
		assert_int_equal(h.trust, TRUST_KEY);
	}
	assert_int_equal(ask(&nodes[1], VIEW_DOOR, named("alias", 0)).last, 77);
	assert_int_equal(ask(&nodes[1], VIEW_DOOR, named("any.star", 0)).last, 99);
	assert_int_equal(ask(&nodes[1], VIEW_DOOR, named("none", 0)).error, -ENOENT);
	/* The plain name stands in the zone too, where a known signer's names are read. */
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, named("plain.alt", 0)).last, 98);
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, "plain.alt").last, 98);
}

/* One more edit costs one page, not all of them. */
static void test_an_edit_is_one_page(void **state)
{
	(void)state;
	connect_all(POLICY_GUARDED);
	put_range(0, 150);
	until_all_published();
	struct publish_counters before = said(&nodes[0]);
	struct pages_marker marker = marker_at(&nodes[1]);
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 7), 200), 0);
	until_all_published();
	assert_int_equal(said(&nodes[0]).pages_put, before.pages_put + 1);
	assert_int_equal(said(&nodes[0]).signatures, before.signatures + 1);
	assert_int_equal(marker_at(&nodes[1]).min, marker.min);
	assert_int_equal(ask(&nodes[1], VIEW_DOOR, named("k%u", 7)).last, 200);
	struct question q = question_of(named("k%u", 8));
	assert_int_equal(publish_remove(nodes[0].publisher, WRITER, &q), 0);
	until_all_published();
	assert_int_equal(said(&nodes[0]).pages_put, before.pages_put + 2);
	assert_int_equal(ask(&nodes[1], VIEW_DOOR, named("k%u", 8)).error, -ENOENT);
	assert_int_equal(ask(&nodes[1], VIEW_DOOR, named("k%u", 9)).last, 9);
}

/* Whoever reads while the pages become more finds what was published before. */
static void test_read_while_it_grows(void **state)
{
	(void)state;
	connect_all(POLICY_GUARDED);
	put_range(0, 40);
	until_all_published();
	unsigned before = marker_at(&nodes[1]).pages, asked = 0;
	for (unsigned to = 60; to <= 160; to += 50) {
		put_range(to - 20, to);
		while (said(&nodes[0]).queued) {
			struct heard h = ask_anew(&nodes[1 + asked % 2], named("k%u", asked % 40));
			assert_int_equal(h.error, 0);
			assert_int_equal(h.last, asked % 40);
			asked++;
		}
	}
	assert_true(marker_at(&nodes[1]).pages >= 2 * before);
	assert_true(asked > 10);
}

/* After a restart all pages are looked for; what is there is not put again, what is lost is. */
static void test_restart(void **state)
{
	(void)state;
	connect_all(POLICY_GUARDED);
	put_range(0, 80);
	until_all_published();
	unsigned pages = marker_at(&nodes[1]).pages;
	struct dht_counters c;
	stop(&nodes[0]);
	start(&nodes[0], POLICY_GUARDED);
	join(&nodes[0], &nodes[1]);
	do {
		event_base_loop(base, EVLOOP_ONCE);
		dht_counters(dht_udp_node(nodes[0].udp), &c);
	} while (c.published < 1 + pages);
	assert_int_equal(c.puts, 0);
	for (int i = 0; i < NODES; i++)
		forget(&nodes[i]);
	connect_all(POLICY_GUARDED);
	while (said(&nodes[0]).zones_put == 0)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(said(&nodes[0]).pages_put, pages);
	for (unsigned i = 0; i < 80; i++)
		assert_int_equal(ask(&nodes[2], VIEW_DOOR, named("k%u", i)).last, i);
}

/* What is left of a large zone fits in one packet again. */
static void test_it_shrinks(void **state)
{
	(void)state;
	connect_all(POLICY_GUARDED);
	put_range(0, 100);
	until_all_published();
	assert_true(marker_at(&nodes[1]).pages > 0);
	for (unsigned i = 3; i < 100; i++) {
		struct question q = question_of(named("k%u", i));
		assert_int_equal(publish_remove(nodes[0].publisher, WRITER, &q), 0);
	}
	until_all_published();
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ask(&nodes[1], VIEW_DOOR, named("k%u", i)).last, i);
	/* The next run that reads all of it. */
	struct job *job = TAILQ_FIRST(&nodes[0].publisher->jobs);
	while (job && job->kind != JOB_ZONE)
		job = TAILQ_NEXT(job, link);
	uint64_t zones = said(&nodes[0]).zones_put;
	if (marker_at(&nodes[1]).pages) {
		job_in_turn(job);
		while (said(&nodes[0]).zones_put == zones)
			event_base_loop(base, EVLOOP_ONCE);
	}
	assert_int_equal(marker_at(&nodes[1]).pages, 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ask_anew(&nodes[2], named("k%u", i)).last, i);
	assert_int_equal(ask_anew(&nodes[2], named("k%u", 5)).error, -ENOENT);
	/* And grows again: pages of former times do not come back. */
	put_range(200, 255);
	until_all_published();
	assert_true(marker_at(&nodes[1]).pages > 0);
	assert_int_equal(ask_anew(&nodes[2], named("k%u", 5)).error, -ENOENT);
	assert_int_equal(ask_anew(&nodes[2], named("k%u", 254)).last, 254);
}

/* The writer ends when the zone packet speaks of twice the pages, of which the former have not been
 * put anew: they hold what has moved since, and nobody believes them. */
static void test_end_while_it_grows(void **state)
{
	(void)state;
	enum { BEFORE = 70 };
	connect_all(POLICY_GUARDED);
	put_range(0, BEFORE);
	until_all_published();
	unsigned before = marker_at(&nodes[1]).pages, to = BEFORE, moved = 0;
	assert_true(before > 1);
	while (marker_at(&nodes[1]).pages == before) {
		if (said(&nodes[0]).queued == 0) {
			put_range(to, to + 5);
			to += 5;
		}
		event_base_loop(base, EVLOOP_ONCE);
	}
	assert_int_equal(marker_at(&nodes[1]).pages, 2 * before);
	stop(&nodes[0]);
	start(&nodes[0], POLICY_GUARDED);
	for (unsigned i = 0; i < BEFORE; i++)
		assert_int_equal(ask_anew(&nodes[2], named("k%u", i)).last, i);
	join(&nodes[0], &nodes[1]);
	until_all_published();
	for (struct question q = question_of(named("k%u", moved));
		pages_place(&q, 2 * before) < before; q = question_of(named("k%u", moved)))
		moved++;
	struct question gone, changed_one = question_of(named("k%u", moved));
	unsigned next = moved;
	do
		gone = question_of(named("k%u", ++next));
	while (pages_place(&gone, 2 * before) < before);
	assert_true(next < BEFORE);
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", moved), 222), 0);
	assert_int_equal(publish_remove(nodes[0].publisher, WRITER, &gone), 0);
	until_all_published();
	look_after(&nodes[0]);
	until_all_published();
	look_after(&nodes[0]);
	assert_int_equal(ask_anew(&nodes[2], named("k%u", moved)).last, 222);
	assert_int_equal(publish_standing(nodes[0].publisher, WRITER, &changed_one)->data[5], 222);
	assert_int_equal(ask_anew(&nodes[2], named("k%u", next)).error, -ENOENT);
	assert_int_equal(said(&nodes[0]).yielded, 0);
}

/* The zone packet speaks of pages that nobody has: that denies nothing. */
static void test_lost_pages_deny_nothing(void **state)
{
	(void)state;
	struct dht_item head;
	char own[sizeof(nodes[0].dir) + 8];
	connect_all(POLICY_GUARDED);
	put_range(0, 70);
	until_all_published();
	struct dht_id target = head_at(&nodes[1], &head);
	for (int i = 0; i < NODES; i++)
		forget(&nodes[i]);
	snprintf(own, sizeof(own), "%s/own.db", nodes[0].dir);
	assert_int_equal(unlink(own), 0); /* nor does the writer put them anew */
	connect_all(POLICY_GUARDED);
	set_heads(&target, &head);
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, named("k%u", 1)).error, -ENETUNREACH);
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, named("none", 0)).error, -ENETUNREACH);
}

/* Written before the network was met: it is published when that comes. */
static void test_written_alone(void **state)
{
	(void)state;
	start(&nodes[0], POLICY_GUARDED);
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 1), 1), 0);
	assert_int_equal(put(&nodes[0], WRITER, "plain.alt", 2), 0);
	while (said(&nodes[0]).slots_put == 0)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(said(&nodes[0]).queued, 2);
	start(&nodes[1], POLICY_GUARDED);
	start(&nodes[2], POLICY_GUARDED);
	join(&nodes[0], &nodes[1]);
	join(&nodes[2], &nodes[1]);
	until_all_published();
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, named("k%u", 1)).last, 1);
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, "plain.alt").last, 2);
}

static void on_put(void *ctx, const struct dht_result *result)
{
	assert_int_not_equal(result->stored, 0);
	*(bool *)ctx = true;
}

/* Something else stands where the zone was, signed with its key: that withdraws nothing. */
static void test_no_zone_withdraws_nothing(void **state)
{
	(void)state;
	char path[128];
	uint8_t seed[32];
	struct dht_item item = {.is_mutable = true};
	struct dht_lookup *lookup;
	bool is_put = false;
	connect_all(POLICY_GUARDED);
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 1), 1), 0);
	until_all_published();
	snprintf(path, sizeof(path), "%s/keys/%d", nodes[0].dir, WRITER);
	int in = open(path, O_RDONLY);
	assert_int_equal(read(in, seed, sizeof(seed)), sizeof(seed));
	close(in);
	assert_int_equal(publish_key(nodes[0].publisher, WRITER, item.key), 0);
	item.seq = clock_wall();
	assert_int_equal(dht_item_set_string(&item, (const uint8_t *)"no zone", 7), 0);
	assert_int_equal(dht_item_sign(&item, seed), 0);
	struct dht *dht = dht_udp_node(nodes[2].udp);
	assert_int_equal(dht_put(dht, &item, 0, on_put, &is_put, &lookup), 0);
	while (!is_put)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 2), 2), 0);
	until_all_published();
	assert_int_equal(said(&nodes[0]).yielded, 0);
	assert_int_equal(standing(&nodes[0], named("k%u", 1)), 1);
	assert_int_equal(ask_anew(&nodes[2], named("k%u", 1)).last, 1);
	assert_int_equal(ask_anew(&nodes[2], named("k%u", 2)).last, 2);
}

static struct rrset *text_set(const char *name, size_t bytes)
{
	struct question q = question_of(name);
	uint8_t rdata[256] = {255};
	q.type = TYPE_TXT;
	struct rrset *set = rrset_create(&q, 300);
	for (uint8_t i = 0; bytes; i++) {
		size_t part = bytes < 256 ? bytes : 256;
		rdata[0] = (uint8_t)(part - 1);
		memset(rdata + 1, 'a' + i, part - 1);
		assert_int_equal(rrset_add(set, rdata, part), 0);
		bytes -= part;
	}
	return set;
}

/* One set that fits on no page is refused when it is written, and so are wildcards that overflow
 * the zone packet, and what only kadns says of pages. */
static void test_refused(void **state)
{
	(void)state;
	struct rrset *set;
	start(&nodes[0], POLICY_GUARDED);
	set = text_set(named("big", 0), 850);
	assert_int_equal(publish_set(nodes[0].publisher, WRITER, set), 0);
	rrset_destroy(set);
	set = text_set(named("bigger", 0), 950);
	assert_int_equal(publish_set(nodes[0].publisher, WRITER, set), -EFBIG);
	rrset_destroy(set);
	int r = 0;
	unsigned n = 0;
	for (; r == 0 && n < 30; n++) {
		set = text_set(named("*.w%u", n), 100);
		r = publish_set(nodes[0].publisher, WRITER, set);
		rrset_destroy(set);
	}
	assert_int_equal(r, -EFBIG);
	assert_in_range(n, 5, 9);
	struct question q = question_of(named("_kadns", 0));
	q.type = TYPE_TXT;
	set = rrset_create(&q, 300);
	assert_int_equal(rrset_add(set, (const uint8_t *)"\x11v=1 pages=2 min=0", 18), 0);
	assert_int_equal(publish_set(nodes[0].publisher, WRITER, set), -EINVAL);
	rrset_destroy(set);
}

int main(void)
{
	pace = SECOND / 20;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_everything_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_edit_is_one_page, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_read_while_it_grows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_restart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_end_while_it_grows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_it_shrinks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lost_pages_deny_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_written_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_zone_withdraws_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
