/* Zones of others kept alive: by a node that has nothing but their keys. Of what is told in
 * .kadns/keep, and of what stands on the network when those who published it are gone. */
#undef NDEBUG
#define QUOTA 2000
#define WATCHDOG_SECONDS (48 * 3600) /* of leaping time */
#include <sqlite3.h>

#include "resolver/keep.h"
#include "tests/resolver/network_fixture.h"

#define WRITER 1000
#define USER 1001
/* A second is a minute here: each turn of the loop is a millisecond of waiting. */
#define MINUTE SECOND
#define HOUR (60 * MINUTE)

static uint8_t key[NAME_KEY_LEN]; /* of the writer, on node 0 */

static const char *named(unsigned i)
{
	static char names[4][128];
	static unsigned next;
	char *name = names[next++ % 4];
	int at = snprintf(name, 64, "k%u.", i);
	key_to_text(key, name + at);
	return name;
}

static void publish(unsigned from, unsigned to)
{
	struct publish_counters c;
	for (unsigned i = from; i < to; i++)
		assert_int_equal(put(&nodes[0], WRITER, named(i), (uint8_t)i), 0);
	do {
		event_base_loop(base, EVLOOP_ONCE);
		publish_counters(nodes[0].publisher, &c);
	} while (c.queued);
}

static void connected(void)
{
	connect_all(POLICY_GUARDED);
	assert_int_equal(publish_key(nodes[0].publisher, WRITER, key), 0);
}

static int set_keys(struct node *n, uid_t uid, const uint8_t (*keys)[NAME_KEY_LEN], size_t len)
{
	struct keep_list *list = calloc(1, KEEP_LIST_BYTES);
	list->refs = 1;
	list->len = len;
	for (size_t i = 0; i < len; i++) /* none: `keys` may be NULL */
		memcpy(list->keys[i], keys[i], NAME_KEY_LEN);
	int r = resolver_set_keep(n->resolver, uid, list);
	keep_list_unref(list);
	return r;
}

static void keep(struct node *n)
{
	assert_int_equal(set_keys(n, USER, (const uint8_t(*)[NAME_KEY_LEN])key, 1), 0);
}

/* A line of the status. */
static unsigned count(struct node *n, const char *name)
{
	char *text, *at;
	size_t len;
	assert_int_equal(resolver_status(n->resolver, &text, &len), 0);
	at = strstr(text, name);
	assert_non_null(at);
	unsigned value = (unsigned)strtoul(at + strlen(name), NULL, 10);
	free(text);
	return value;
}

/* What the file says of the key. */
static bool tells(struct node *n, uid_t uid, const char *what)
{
	char *text;
	size_t len;
	assert_int_equal(resolver_keep(n->resolver, uid, &text, &len), 0);
	char *whole = strndup(text, len);
	bool found = strstr(whole, what) != NULL;
	free(whole);
	free(text);
	return found;
}

static void until_whole(struct node *n)
{
	while (count(n, "\nkeep.parts") == 0 || count(n, "\nkeep.missing") > 0)
		event_base_loop(base, EVLOOP_ONCE);
}

static void run_for(uint64_t time)
{
	struct timeval t = clock_timeval(time);
	assert_int_equal(event_base_loopexit(base, &t), 0);
	assert_int_equal(event_base_dispatch(base), 0);
}

static void until_found(struct node *n, unsigned name)
{
	struct heard h;
	do {
		struct question q = question_of(named(name));
		resolver_changed(n->resolver, &q);
		h = ask(n, VIEW_DOOR, named(name));
		if (h.error)
			run_for(SECOND);
	} while (h.error);
	assert_int_equal(h.last, (uint8_t)name);
	assert_int_equal(h.trust, TRUST_KEY);
}

/* Nobody has it any more but the keeper, on its own disk; who publishes it is gone. */
static void all_forget(void)
{
	stop(&nodes[0]);
	forget(&nodes[1]);
	forget(&nodes[2]);
	start(&nodes[1], POLICY_GUARDED);
	start(&nodes[2], POLICY_GUARDED);
	join(&nodes[2], &nodes[1]);
}

static void test_text(void **state)
{
	(void)state;
	uint8_t one[NAME_KEY_LEN] = {1}, two[NAME_KEY_LEN] = {2};
	char a[NAME_KEY_TEXT + 1], b[NAME_KEY_TEXT + 1], text[512];
	struct pins_mistake mistake;
	struct keep_list *list, *more;
	key_to_text(one, a);
	key_to_text(two, b);
	snprintf(text, sizeof(text), "# %s\n\n  %s # of 2026\r\n%s\n%s", b, a, a, a);
	struct keep_input in = {text, strlen(text), NULL};
	assert_int_equal(keep_list_read(&in, &mistake, &list), 0);
	assert_int_equal(keep_list_len(list), 1);
	assert_true(keep_list_has(list, one) && !keep_list_has(list, two));
	in = (struct keep_input){b, strlen(b), list};
	assert_int_equal(keep_list_read(&in, &mistake, &more), 0);
	assert_int_equal(keep_list_len(more), 2);
	assert_false(keep_list_equal(list, more));
	const char *bad[] = {"x", "\n%s%s", "\n%s example.com", "\n\x1b%s", "\n%s\v"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof(text), bad[i], a, a);
#pragma GCC diagnostic pop
		in = (struct keep_input){text, strlen(text), list};
		struct keep_list *none = NULL;
		assert_int_equal(keep_list_read(&in, &mistake, &none), -EINVAL);
		assert_int_equal(mistake.line, i ? 2 : 1);
		assert_null(none);
	}
	keep_list_unref(list);
	keep_list_unref(more);
}

static void test_publisher_is_gone(void **state)
{
	(void)state;
	connected();
	publish(1, 4);
	keep(&nodes[1]);
	until_whole(&nodes[1]);
	assert_int_equal(count(&nodes[1], "\nkeep.parts"), 1);
	assert_int_equal(count(&nodes[1], "\nkeep.taken"), 1);
	all_forget();
	until_found(&nodes[2], 3);
	/* And is trusted no more for it: the key's own names, which everybody reads. */
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, "k3.example").error, -ENOENT);
}

static void test_pages(void **state)
{
	(void)state;
	connected();
	publish(0, 150);
	keep(&nodes[1]);
	until_whole(&nodes[1]);
	unsigned parts = count(&nodes[1], "\nkeep.parts");
	assert_in_range(parts, 5, 17);
	/* An edit is one page, and only that is read. */
	publish(150, 151);
	while (count(&nodes[1], "\nkeep.taken") == parts)
		run_for(SECOND);
	assert_int_equal(count(&nodes[1], "\nkeep.taken"), parts + 1);
	all_forget();
	for (unsigned i = 0; i < 151; i += 15)
		until_found(&nodes[2], i);
	until_found(&nodes[2], 150);
	assert_int_equal(count(&nodes[1], "\nkeep.damaged"), 0);
}

/* What the keeper has is older than what another node has: that one stays. */
static void test_newest_wins(void **state)
{
	(void)state;
	connected();
	publish(1, 2);
	keep(&nodes[1]);
	until_whole(&nodes[1]);
	stop(&nodes[1]);
	publish(2, 3);
	stop(&nodes[0]);
	start(&nodes[1], POLICY_GUARDED);
	join(&nodes[1], &nodes[2]);
	until_whole(&nodes[1]);
	while (count(&nodes[1], "\nkeep.taken") == 0)
		run_for(SECOND);
	stop(&nodes[1]);
	forget(&nodes[2]);
	start(&nodes[1], POLICY_GUARDED);
	start(&nodes[2], POLICY_GUARDED);
	join(&nodes[2], &nodes[1]);
	until_found(&nodes[2], 2);
}

/* Bounded, whoever never answers and whatever is never there. */
static void test_silent_key(void **state)
{
	(void)state;
	connected();
	keep(&nodes[1]);
	run_for(HOUR);
	unsigned readings = count(&nodes[1], "\nkeep.readings"),
		 out = count(&nodes[1], "\ndht.out.get.packets");
	assert_true(readings >= 3 && readings <= 8);
	assert_true(tells(&nodes[1], USER, "# not found, looked for again at 2"));
	run_for(5 * HOUR);
	assert_in_range(count(&nodes[1], "\nkeep.readings") - readings, 3, 6);
	assert_true(count(&nodes[1], "\ndht.out.get.packets") - out < 150);
	assert_int_equal(count(&nodes[1], "\nkeep.missing"), 1);
	publish(1, 2);
	until_whole(&nodes[1]);
	assert_true(tells(&nodes[1], USER, "# zone of 2"));
}

static void test_removed(void **state)
{
	(void)state;
	connected();
	publish(1, 2);
	keep(&nodes[1]);
	assert_int_equal(set_keys(&nodes[1], 0, (const uint8_t(*)[NAME_KEY_LEN])key, 1), 0);
	until_whole(&nodes[1]);
	assert_int_equal(set_keys(&nodes[1], USER, NULL, 0), 0);
	assert_int_equal(count(&nodes[1], "\nkeep.parts"), 1); /* root wants it yet */
	assert_true(tells(&nodes[1], USER, "# Root's:\n# "));
	assert_int_equal(set_keys(&nodes[1], 0, NULL, 0), 0);
	assert_int_equal(count(&nodes[1], "\nkeep.keys"), 0);
	struct own_copy copy;
	assert_int_equal(own_next_copy(nodes[1].own, key, 0, &copy), -ENOENT);
	stop(&nodes[1]);
	start(&nodes[1], POLICY_GUARDED);
	assert_int_equal(count(&nodes[1], "\nkeep.keys"), 0);
	assert_null(resolver_keep_of(nodes[1].resolver, 0));
}

static void alter(struct node *n, const char *sql)
{
	char path[96];
	sqlite3 *db;
	snprintf(path, sizeof(path), "%s/own.db", n->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* What lies on the disk is believed no more than what comes from the network. */
static void test_damaged(void **state)
{
	static const char *const damages[] = {
		"UPDATE copy SET value=zeroblob(length(value))",
		"UPDATE copy SET seq=seq+1",
		"UPDATE copy SET sig=x'00'",
		"UPDATE copy SET page=7",
		"UPDATE copy SET value=zeroblob(5000)",
		"UPDATE copy SET value=''",
	};
	(void)state;
	connected();
	publish(1, 2);
	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		keep(&nodes[1]);
		until_whole(&nodes[1]);
		stop(&nodes[1]);
		alter(&nodes[1], damages[i]);
		alter(&nodes[1],
			"INSERT OR REPLACE INTO copy VALUES(x'0102', 'x', 'y', 'z', 1.5);"
			"INSERT OR REPLACE INTO copy VALUES(zeroblob(32), 1e300, 'y', 'z', 1.5)");
		start(&nodes[1], POLICY_GUARDED);
		assert_int_equal(count(&nodes[1], "\nkeep.parts"), 0);
		while (count(&nodes[1], "\nkeep.damaged") == 0)
			event_base_loop(base, EVLOOP_ONCE);
		unsigned damaged = count(&nodes[1], "\nkeep.damaged");
		assert_int_equal(damaged, 1);
		join(&nodes[1], &nodes[2]);
		until_whole(&nodes[1]);
		assert_int_equal(count(&nodes[1], "\nkeep.taken"), 1);
		assert_int_equal(set_keys(&nodes[1], USER, NULL, 0), 0);
	}
}

static void test_limits(void **state)
{
	static uint8_t keys[KEEP_LIST_MAX][NAME_KEY_LEN];
	(void)state;
	start(&nodes[1], POLICY_GUARDED);
	for (unsigned i = 0; i < KEEP_LIST_MAX; i++)
		memcpy(keys[i], &i, sizeof(i));
	assert_int_equal(set_keys(&nodes[1], USER, keys, KEEP_USER_KEYS + 1), -EDQUOT);
	assert_null(resolver_keep_of(nodes[1].resolver, USER));
	unsigned users = 0;
	for (; set_keys(&nodes[1], USER + users, keys, KEEP_USER_KEYS) == 0; users++)
		assert_true(users < 100);
	/* What is left is for those who have nothing yet, and for root. */
	assert_int_equal(users * KEEP_USER_KEYS, KEEP_KEYS_MAX - KEEP_KEYS_MAX / 8);
	assert_int_equal(set_keys(&nodes[1], USER, keys, 1), 0);
	assert_int_equal(count(&nodes[1], "\nkeep.keys"), KEEP_USER_KEYS);
	assert_int_equal(set_keys(&nodes[1], 0, keys, KEEP_LIST_MAX), 0);
	assert_int_equal(count(&nodes[1], "\nkeep.keys"), KEEP_LIST_MAX);
}

static void on_put(void *ctx, const struct dht_result *result)
{
	(void)result;
	*(bool *)ctx = true;
}

/* A zone of a key that no signer here has, which speaks of pages that nobody has put. */
static void put_zone(struct node *n, uint8_t seed, unsigned pages)
{
	char text[64];
	const uint8_t seeds[DHT_SEED_LEN] = {seed};
	uint8_t packet[ZONE_BYTES_MAX], rdata[64];
	struct question q;
	struct zone *zone;
	struct dht_lookup *l;
	struct dht_item item = {.is_mutable = true, .seq = clock_wall()};
	assert_int_equal(dht_key_of_seed(seeds, key), 0);
	pages_question(key, &q);
	rdata[0] = (uint8_t)snprintf(text, sizeof(text), "v=1 pages=%u min=1", pages);
	memcpy(rdata + 1, text, rdata[0]);
	assert_int_equal(zone_create(key, &zone), 0);
	struct rrset *set = rrset_create(&q, 300);
	assert_int_equal(rrset_add(set, rdata, rdata[0] + 1u), 0);
	assert_int_equal(zone_set(zone, set), 0);
	int len = zone_write(zone, packet);
	assert_int_equal(dht_item_set_string(&item, packet, (size_t)len), 0);
	assert_int_equal(dht_item_sign(&item, seeds), 0);
	rrset_destroy(set);
	zone_destroy(zone);
	bool done = false;
	assert_int_equal(dht_put(dht_udp_node(n->udp), &item, 0, on_put, &done, &l), 0);
	while (!done)
		event_base_loop(base, EVLOOP_ONCE);
}

/* It costs a few look-ups an hour to ask for them, and nobody else's zone has less room for it, but
 * the user's own. */
static void test_thousands_of_pages(void **state)
{
	uint8_t keys[2][NAME_KEY_LEN];
	(void)state;
	connected();
	for (uint8_t i = 0; i < 2; i++) {
		put_zone(&nodes[0], i + 1, PAGES_MAX);
		memcpy(keys[i], key, sizeof(key));
	}
	assert_int_equal(set_keys(&nodes[1], USER, keys, 2), 0);
	while (count(&nodes[1], "\nkeep.parts") < 2)
		event_base_loop(base, EVLOOP_ONCE);
	assert_true(tells(&nodes[1], USER, "0 of 1024 pages, no room for the others"));
	run_for(HOUR);
	unsigned gets = count(&nodes[1], "\ndht.gets");
	run_for(3 * HOUR);
	gets = count(&nodes[1], "\ndht.gets") - gets;
	assert_in_range(gets, 30, 3 * 2 * (16 + 1 + 16)); /* and some by the republisher */
}

int main(void)
{
	keep_pause = MINUTE;
	looks = 20 * MINUTE;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test_setup_teardown(test_publisher_is_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_newest_wins, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_silent_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_removed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_limits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_thousands_of_pages, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
