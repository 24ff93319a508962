/* dht/store: what is kept comes back, for as long as it should. */
#undef NDEBUG
#include "store_world.h"

#include <errno.h>

static void keeps_items(void **state)
{
	(void)state;
	struct dht_item items[] = {mutable_item(1, "", 1, "plain"),
		mutable_item(1, "salt", 2, "salted"), mutable_item(2, "", INT64_MAX, ""),
		mutable_item(3, "", INT64_MIN, "x"), immutable_item(7)};
	struct dht_store *store = opened();
	assert_int_equal(dht_store_items(store), 0);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(find(store, &items[i], NOW), -ENOENT);
		assert_int_equal(keep(store, &items[i], NOW), 0);
		assert_int_equal(find(store, &items[i], NOW), 0); /* before any commit */
	}
	assert_int_equal(dht_store_items(store), 5);
	dht_store_close(store);
	store = opened();
	assert_int_equal(dht_store_items(store), 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(find(store, &items[i], NOW), 0);

	struct dht_item newer = mutable_item(1, "salt", 3, "newer");
	assert_int_equal(keep(store, &newer, NOW), 0);
	assert_int_equal(find(store, &newer, NOW), 0);
	assert_int_equal(dht_store_items(store), 5);
	dht_store_close(store);
	dht_store_close(NULL);
}

static void largest_item(void **state)
{
	(void)state;
	struct dht_item item = {.is_mutable = true, .salt_len = DHT_SALT_MAX, .seq = 1};
	static const uint8_t data[996];
	memset(item.salt, 's', sizeof(item.salt));
	assert_int_equal(dht_item_set_string(&item, data, sizeof(data)), 0);
	struct dht_store *store = opened();
	assert_int_equal(keep(store, &item, NOW), 0);
	assert_int_equal(find(store, &item, NOW), 0);

	struct dht_id target = {{0}};
	item.value_len = DHT_VALUE_MAX + 1;
	assert_int_equal(dht_store_keep(store, &target, &item, &guest, NOW), -EINVAL);
	item.value_len = 0;
	assert_int_equal(dht_store_keep(store, &target, &item, &guest, NOW), -EINVAL);
	item.value_len = 1;
	item.salt_len = DHT_SALT_MAX + 1;
	assert_int_equal(dht_store_keep(store, &target, &item, &guest, NOW), -EINVAL);
	dht_store_close(store);
}

static void items_expire(void **state)
{
	(void)state;
	struct dht_item one = immutable_item(1), two = immutable_item(2);
	int64_t end = NOW + LIFETIME * SECOND;
	struct dht_store *store = opened();
	assert_int_equal(keep(store, &one, NOW), 0);
	assert_int_equal(keep(store, &two, NOW), 0);
	assert_int_equal(dht_store_flush(store, NOW, NOW), 0);
	assert_int_equal(find(store, &one, end - 1), 0);
	assert_int_equal(find(store, &one, end), -ENOENT);
	assert_int_equal(dht_store_flush(store, end - 1, NOW), 0);
	assert_int_equal(dht_store_items(store), 2);

	assert_int_equal(keep(store, &two, NOW + SECOND), 0); /* put again: lives longer */
	assert_int_equal(dht_store_flush(store, end, NOW), 0);
	assert_int_equal(dht_store_items(store), 1);
	assert_int_equal(find(store, &one, end), -ENOENT);
	assert_int_equal(find(store, &two, end), 0);
	dht_store_close(store);
}

/* Kept while the clock stood ten years ahead: lives one lifetime from when it stands right. */
static void wrong_clock_does_not_keep_for_ever(void **state)
{
	(void)state;
	int64_t ahead = NOW + INT64_C(10) * 365 * 86400 * SECOND;
	struct dht_item item = immutable_item(1);
	struct dht_store *store = opened();
	assert_int_equal(keep(store, &item, ahead), 0);
	assert_int_equal(dht_store_flush(store, ahead, NOW), 0);
	assert_int_equal(dht_store_flush(store, NOW, NOW), 0);
	assert_int_equal(find(store, &item, NOW + LIFETIME * SECOND - 1), 0);
	assert_int_equal(find(store, &item, NOW + LIFETIME * SECOND), -ENOENT);
	/* and a clock at the ends of time does not overflow */
	assert_int_equal(keep(store, &item, INT64_MAX), 0);
	assert_int_equal(dht_store_flush(store, INT64_MAX - 1, NOW), 0);
	assert_int_equal(find(store, &item, NOW), 0);
	assert_int_equal(keep(store, &item, INT64_MIN), 0);
	assert_int_equal(dht_store_flush(store, INT64_MIN, NOW), 0);
	assert_int_equal(find(store, &item, INT64_MIN), 0);
	dht_store_close(store);
}

static void a_full_store_stays_full(void **state)
{
	(void)state;
	config.items_max = 1000;
	struct dht_store *store = opened();
	struct dht_item item;
	struct dht_store_counters c;
	for (unsigned i = 0; i < 3000; i++) {
		item = immutable_item(i);
		int r = keep(store, &item, NOW + i);
		assert_true(r == 0 || r == -ENOSPC);
	}
	dht_store_count(store, &c);
	assert_int_equal(c.items, 1000);
	assert_int_equal(c.evictions + c.refused_full, 2000);
	assert_true(c.refused_full > 0 && c.evictions > 0);
	dht_store_close(store);
	store = opened(); /* the count is the file's */
	assert_int_equal(dht_store_items(store), 1000);
	dht_store_close(store);
	config.items_max = 10; /* a smaller share from now on */
	store = opened();
	assert_int_equal(dht_store_items(store), 10);
	dht_store_close(store);
}

static void keep_one_flush_keep_another(void)
{
	struct dht_item one = immutable_item(1), two = immutable_item(2);
	struct dht_contact node = {
		.id = {{9}}, .endpoint = {.family = 4, .ip = {127, 0, 0, 1}, .port = 9}};
	static struct dht_store *store; /* valgrind looks at the killed process, too */
	store = opened();
	if (keep(store, &one, NOW) || dht_store_save_nodes(store, &node, 1) ||
		dht_store_flush(store, NOW, NOW) || keep(store, &two, NOW))
		_exit(1);
}

static void a_kill_loses_only_what_was_not_flushed(void **state)
{
	(void)state;
	in_dying_process(keep_one_flush_keep_another);
	struct dht_item one = immutable_item(1), two = immutable_item(2);
	struct dht_contact node;
	size_t len;
	struct dht_store *store = opened();
	assert_int_equal(find(store, &one, NOW), 0);
	assert_int_equal(find(store, &two, NOW), -ENOENT);
	assert_int_equal(dht_store_items(store), 1);
	assert_int_equal(dht_store_load_nodes(store, &node, 1, &len), 0);
	assert_int_equal(len, 1);
	dht_store_close(store);
}

static void begin_by_another_clock(void)
{
	static struct dht_store *store;
	store = opened();
	if (dht_store_begin(store, NOW + 200 * SECOND, NOW))
		_exit(1);
}

/* A clock that has moved by less than the file is told of a refresh: told all the same, by the
 * commit that tells of the clock. */
static void a_kill_after_the_start_costs_no_life(void **state)
{
	(void)state;
	struct dht_item one = immutable_item(1);
	struct dht_store *store = opened();
	assert_int_equal(dht_store_begin(store, NOW, NOW), 0);
	assert_int_equal(keep(store, &one, NOW), 0);
	assert_int_equal(dht_store_flush(store, NOW, NOW), 0);
	dht_store_close(store);
	in_dying_process(begin_by_another_clock);
	store = opened();
	assert_int_equal(dht_store_begin(store, NOW + 200 * SECOND, NOW), 0);
	assert_int_equal(find(store, &one, NOW + (200 + LIFETIME) * SECOND - 1), 0);
	assert_int_equal(find(store, &one, NOW + (200 + LIFETIME) * SECOND), -ENOENT);
	dht_store_close(store);
}

static void open_expecting_busy(void)
{
	struct dht_store *store;
	if (dht_store_open(path, &config, &store) != -EBUSY)
		_exit(1);
}

static void one_daemon_at_a_time(void **state)
{
	(void)state;
	struct dht_store *store = opened(), *second = NULL;
	in_dying_process(open_expecting_busy); /* at once, before anything was written */
	assert_int_equal(dht_store_open(path, &config, &second), -EBUSY);
	assert_null(second);
	in_dying_process(open_expecting_busy); /* the failed open has not let go of our lock */
	struct dht_item item = immutable_item(1);
	assert_int_equal(keep(store, &item, NOW), 0);
	assert_int_equal(dht_store_flush(store, NOW, NOW), 0);
	in_dying_process(open_expecting_busy);
	dht_store_close(store);
	dht_store_close(opened());
}

static void nodes_come_back(void **state)
{
	(void)state;
	struct dht_contact nodes[3] = {
		{.id = {{1}}, .endpoint = {.family = 4, .ip = {192, 0, 2, 1}, .port = 6881}},
		{.id = {{2}}, .endpoint = {.family = 6, .ip = {0x20, 1, 0xd, 0xb8}, .port = 1}},
		{.id = {{3}}, .endpoint = {.family = 4, .ip = {127, 0, 0, 1}, .port = 65535}}};
	struct dht_contact back[4];
	size_t len = 9;
	struct dht_store *store = opened();
	assert_int_equal(dht_store_load_nodes(store, back, 4, &len), 0);
	assert_int_equal(len, 0);
	assert_int_equal(dht_store_save_nodes(store, nodes, 3), 0);
	dht_store_close(store);
	store = opened();
	assert_int_equal(dht_store_load_nodes(store, back, 4, &len), 0);
	assert_int_equal(len, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_true(dht_id_equal(&back[i].id, &nodes[i].id));
		assert_true(dht_endpoint_equal(&back[i].endpoint, &nodes[i].endpoint));
	}
	assert_int_equal(dht_store_load_nodes(store, back, 2, &len), 0);
	assert_int_equal(len, 2);
	assert_int_equal(dht_store_save_nodes(store, nodes + 1, 1), 0); /* replaces all */
	assert_int_equal(dht_store_load_nodes(store, back, 4, &len), 0);
	assert_int_equal(len, 1);
	assert_true(dht_id_equal(&back[0].id, &nodes[1].id));
	dht_store_close(store);
	run_sql("INSERT INTO nodes VALUES(x'00', x'000000000000'), (zeroblob(20), x'0000')");
	store = opened();
	assert_int_equal(dht_store_load_nodes(store, back, 4, &len), 0);
	assert_int_equal(len, 1);
	dht_store_close(store);
}

static void take_an_id(void)
{
	static struct dht_store *store;
	struct dht_id id;
	store = opened();
	if (dht_store_own_id(store, (const uint8_t[DHT_ID_LEN]){4}, &id) != 0)
		_exit(1);
}

static void the_id_outlives_a_kill(void **state)
{
	(void)state;
	in_dying_process(take_an_id);
	struct dht_id id;
	struct dht_store *store = opened();
	assert_int_equal(dht_store_own_id(store, (const uint8_t[DHT_ID_LEN]){5}, &id), 0);
	assert_int_equal(id.b[0], 4);
	dht_store_close(store);
}

static void the_id_stays(void **state)
{
	(void)state;
	static const uint8_t random[DHT_ID_LEN] = {1, 2, 3}, other[DHT_ID_LEN] = {9};
	struct dht_id id, again;
	struct dht_store *store = opened();
	assert_int_equal(dht_store_own_id(store, random, &id), 0);
	assert_memory_equal(id.b, random, DHT_ID_LEN);
	assert_int_equal(dht_store_own_id(store, other, &again), 0);
	assert_true(dht_id_equal(&id, &again));
	dht_store_close(store);
	store = opened();
	assert_int_equal(dht_store_own_id(store, other, &again), 0);
	assert_true(dht_id_equal(&id, &again));
	dht_store_close(store);
	/* Until our address decides otherwise. */
	static const struct dht_id moved = {{7, 7, 7}};
	store = opened();
	assert_int_equal(dht_store_set_own_id(store, &moved), 0);
	assert_int_equal(dht_store_own_id(store, other, &again), 0);
	assert_true(dht_id_equal(&again, &moved));
	dht_store_close(store);
	store = opened();
	assert_int_equal(dht_store_own_id(store, other, &again), 0);
	assert_true(dht_id_equal(&again, &moved));
	dht_store_close(store);
	run_sql("UPDATE self SET id=x'00'"); /* no id at all: a new one */
	store = opened();
	assert_int_equal(dht_store_own_id(store, other, &again), 0);
	assert_memory_equal(again.b, other, DHT_ID_LEN);
	dht_store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keeps_items),
		TEST(largest_item),
		TEST(items_expire),
		TEST(wrong_clock_does_not_keep_for_ever),
		TEST(a_full_store_stays_full),
		TEST(a_kill_loses_only_what_was_not_flushed),
		TEST(a_kill_after_the_start_costs_no_life),
		TEST(one_daemon_at_a_time),
		TEST(nodes_come_back),
		TEST(the_id_stays),
		TEST(the_id_outlives_a_kill),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
