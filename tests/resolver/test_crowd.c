/* Places among the resolver's asks and questions under way, over an upstream that never answers
 * unless the test says so: who fills them keeps nobody else from asking. */
#undef NDEBUG
#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/clock.h"
#include "resolver/resolver_inside.h"
#include "tests/directory.h"
#include "tests/resolver/plain_upstream.h"

static struct event_base *base;
static struct own *own;
static struct resolver *r;
static char dir[DIRECTORY_CAP];

/* ---- the upstream ---- */

struct upstream_query {
	LIST_ENTRY(upstream_query) link;
	struct question question;
	upstream_fn *fn;
	void *ctx;
};
static LIST_HEAD(, upstream_query) under_way = LIST_HEAD_INITIALIZER(under_way);
static unsigned under_way_len, most;

int upstream_ask(struct upstream *u, const struct question *q, upstream_fn *fn, void *ctx,
	struct upstream_query **ret_query)
{
	(void)u;
	if (under_way_len == UPSTREAM_IN_FLIGHT_MAX)
		return -EBUSY;
	*ret_query = calloc(1, sizeof(**ret_query));
	**ret_query = (struct upstream_query){.question = *q, .fn = fn, .ctx = ctx};
	LIST_INSERT_HEAD(&under_way, *ret_query, link);
	under_way_len++;
	most = under_way_len > most ? under_way_len : most;
	return 0;
}

void upstream_cancel(struct upstream_query *query)
{
	LIST_REMOVE(query, link);
	under_way_len--;
	free(query);
}

/* No route, to the question that came last. */
static void end_latest(void)
{
	struct upstream_query *query = LIST_FIRST(&under_way);
	struct upstream_reply none = {.error = -ENETUNREACH, .why = ""};
	query->fn(query->ctx, &none);
	upstream_cancel(query);
}

/* ---- asking ---- */

static int set_up(void **state)
{
	struct resolver_config config = {.policy = {.upstream = true},
		.deadline = 60 * SECOND,
		.daemon_owner = 77,
		.cache_bytes = 1 << 22};
	char path[96];
	(void)state;
	assert_int_equal(directory_make(dir), 0);
	snprintf(path, sizeof(path), "%s/own.db", dir);
	base = event_base_new();
	assert_int_equal(own_open(path, 100, 0, 1, &own), 0);
	struct resolver_parts parts = {.own = own, .upstream = (struct upstream *)&base};
	assert_int_equal(resolver_create(base, &config, &parts, &r), 0);
	most = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	resolver_destroy(r);
	assert_int_equal(under_way_len, 0);
	own_close(own);
	event_base_free(base);
	return directory_remove(dir);
}

struct heard {
	unsigned times;
	int error;
};

static void on_answer(void *ctx, const struct answer *a)
{
	struct heard *h = ctx;
	h->times++;
	h->error = a->error;
}

static bool ask(const char *format, unsigned n, uid_t view, struct heard *h)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	char name[64];
	snprintf(name, sizeof(name), format, n);
	assert_int_equal(name_from_text(name, strlen(name), &q.name), 0);
	return resolver_ask(r, &q, view, on_answer, h) != NULL;
}

static void turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

/* Of names that take long, 5,000 by doors: the oldest give way. */
static void the_oldest_gives_way(void **state)
{
	static struct heard slow[5000], other;
	size_t ended = 0;
	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		assert_true(ask("slow%u.example", i, VIEW_DOOR, &slow[i]));
	turn();
	assert_int_equal(most, UPSTREAM_IN_FLIGHT_MAX / 4 * 3);
	for (size_t i = 0; i < 5000; i++) {
		assert_true(slow[i].times <= 1);
		ended += slow[i].times;
		assert_true(slow[i].times == 0 || slow[i].error != 0);
	}
	assert_int_equal(ended, 5000 - UPSTREAM_IN_FLIGHT_MAX / 4 * 3);
	assert_int_equal(slow[0].times, 1);
	assert_int_equal(slow[4999].times, 0);
	assert_true(ask("other.example", 0, VIEW_DOOR, &other));
	end_latest();
	turn();
	assert_int_equal(other.times, 1);
	assert_int_equal(other.error, -ENETUNREACH);
}

/* All that ask for one name wait for one question; asks are what they fill then. */
static void asks_of_doors_are_bounded(void **state)
{
	static struct heard same[5000], other;
	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		assert_true(ask("slow.example", 0, VIEW_DOOR, &same[i]));
	assert_int_equal(r->asks_len, RESOLVER_DOOR_ASKS_MAX);
	assert_int_equal(same[0].times, 1);
	assert_int_equal(same[0].error, -ETIMEDOUT);
	assert_int_equal(same[5000 - RESOLVER_DOOR_ASKS_MAX - 1].times, 1);
	assert_int_equal(same[5000 - RESOLVER_DOOR_ASKS_MAX].times, 0);
	for (unsigned i = 0; i < RESOLVER_ASKS_MAX - RESOLVER_DOOR_ASKS_MAX; i++)
		assert_true(ask("mount.example", 0, 1000, &other));
	assert_false(ask("mount.example", 0, 1000, &other));
	assert_int_equal(other.times, 0);
}

/* What the mount waits for gives way to no door, who ever asked first. */
static void the_mounts_stay(void **state)
{
	static struct heard door[5000], first, joined;
	(void)state;
	assert_true(ask("first.example", 0, 1000, &first));
	assert_true(ask("joined.example", 0, VIEW_DOOR, &door[0]));
	assert_true(ask("joined.example", 0, 1000, &joined));
	for (unsigned i = 0; i < 5000; i++)
		assert_true(ask("slow%u.example", i, VIEW_DOOR, &door[i]));
	turn();
	assert_int_equal(first.times, 0);
	assert_int_equal(joined.times, 0);
	assert_int_equal(under_way_len, UPSTREAM_IN_FLIGHT_MAX / 4 * 3 + 2);
}

/* NOERROR without data, to the question that came last. */
static void answer_latest(void)
{
	struct upstream_query *query = LIST_FIRST(&under_way);
	struct upstream_reply said = {.why = ""};
	uint8_t message[512];
	struct packet_writer w;
	const uint8_t soa[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 1, 44};
	struct rr none = {.owner = {.len = 1},
		.type = TYPE_SOA,
		.class = CLASS_IN,
		.ttl = 60,
		.rdata = soa,
		.rdata_len = sizeof(soa),
		.section = PACKET_AUTHORITY};
	packet_begin(&w, message, sizeof(message), true);
	packet_put_question(&w, &query->question);
	packet_put(&w, &none);
	said.message = message;
	said.len = (size_t)packet_end(&w, 0, FLAG_QR | FLAG_RD | FLAG_RA);
	query->fn(query->ctx, &said);
	upstream_cancel(query);
}

static bool is_held(const char *name)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	assert_int_equal(name_from_text(name, strlen(name), &q.name), 0);
	return resolver_peek(r, &q, VIEW_DOOR) != NULL;
}

/* Asked for once, before and in a flood. The second takes nothing from the first, and memory no
 * more than its share; that it was answered is no use: nobody has come back for it. */
static void a_flood_leaves_the_cache_as_it_was(void **state)
{
	static struct heard heard;
	size_t before;
	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(ask("n%u.example", i, VIEW_DOOR, &heard));
		answer_latest();
	}
	before = cache_bytes(r->cache);
	for (unsigned i = 0; i < 5000; i++) {
		misses_behind(&r->misses, clock_monotonic());
		assert_true(ask("random%u.example", i, VIEW_DOOR, &heard));
		answer_latest();
		assert_true(cache_bytes(r->cache) <= before + (1 << 22) / 32);
	}
	assert_int_equal(heard.times, 6000); /* each was answered */
	assert_true(is_held("n0.example") && is_held("n999.example"));
	assert_true(is_held("random4999.example"));
	assert_false(is_held("random2500.example"));
	/* Asked for before anybody knew that it was one, answered in it. */
	r->misses.behind_until = 0;
	for (unsigned i = 0; i < 500; i++)
		assert_true(ask("early%u.example", i, VIEW_DOOR, &heard));
	misses_behind(&r->misses, clock_monotonic());
	while (under_way_len)
		answer_latest();
	assert_true(
		cache_bytes(r->cache) <= before + (1 << 22) / 32 + 1000); /* random4999 stays */
	/* Who is asked for again has come to stay. */
	assert_true(ask("wanted.example", 0, VIEW_DOOR, &heard));
	answer_latest();
	assert_true(is_held("wanted.example"));
	/* Through the mount nobody floods. */
	assert_true(ask("mount.example", 0, 1000, &heard));
	answer_latest();
	for (unsigned i = 0; i < 2000; i++) {
		misses_behind(&r->misses, clock_monotonic());
		assert_true(ask("again%u.example", i, VIEW_DOOR, &heard));
		answer_latest();
	}
	assert_true(is_held("mount.example"));
	assert_true(is_held("wanted.example"));
}

/* What the zone of a root's pin says, from memory: the name leads to one of DNS. */
static void pin_an_alias(void)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN}, alias, end;
	char key[NAME_KEY_TEXT + 1], text[300];
	uint8_t bytes[NAME_KEY_LEN] = {11};
	struct pins_mistake m;
	struct pin_list *list;
	struct rrset *set;
	struct answer *open, *a;
	key_to_text(bytes, key);
	snprintf(text, sizeof(text), "%s pinned.example\n", key);
	struct pins_input in = {.text = text, .len = strlen(text)};
	assert_int_equal(pin_list_read(&in, &m, &list), 0);
	assert_int_equal(resolver_set_pins(r, 0, list), 0);
	pin_list_unref(list);
	snprintf(text, sizeof(text), "pinned.example.%s", key);
	assert_int_equal(name_from_text(text, strlen(text), &q.name), 0);
	end = alias = q;
	alias.type = TYPE_CNAME;
	assert_int_equal(name_from_text("end.example", 11, &end.name), 0);
	set = rrset_create(&alias, 300);
	assert_int_equal(rrset_add(set, end.name.wire, end.name.len), 0);
	open = answer_without(&end, -ENOENT, RCODE_NOERROR, EDE_NONE, 300, false);
	assert_int_equal(answer_from_cname(&q, set, open, &a), 0);
	rrset_destroy(set);
	answer_unref(open);
	a->source = SOURCE_DHT;
	a->trust = TRUST_KEY;
	a->has_signer = true;
	memcpy(a->signer, bytes, sizeof(bytes));
	a->arrived = clock_monotonic();
	cache_add(r->cache, a, CACHE_ZONE, a->arrived);
	answer_unref(a);
}

/* Where the line is full the oldest question gives way to one that is begun for the very ask that waits
 * for it: that ask is in the middle of something, and is told afterwards. */
static void who_begins_anew_gives_way_to_itself(void **state)
{
	static struct heard slow[UPSTREAM_IN_FLIGHT_MAX], pinned;
	(void)state;
	r->config.policy.dht = true;
	pin_an_alias();
	assert_true(ask("pinned.example", 0, VIEW_DOOR, &pinned)); /* and DNS is the oldest */
	for (unsigned i = 1; i < UPSTREAM_IN_FLIGHT_MAX / 4 * 3; i++)
		assert_true(ask("slow%u.example", i, VIEW_DOOR, &slow[i]));
	turn();
	assert_int_equal(under_way_len, UPSTREAM_IN_FLIGHT_MAX / 4 * 3);
	assert_int_equal(pinned.times, 0);
	end_latest();
	turn();
	assert_int_equal(pinned.times, 1);
	assert_int_equal(r->asks_len, UPSTREAM_IN_FLIGHT_MAX / 4 * 3 - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_oldest_gives_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(asks_of_doors_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_mounts_stay, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			who_begins_anew_gives_way_to_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_flood_leaves_the_cache_as_it_was, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
