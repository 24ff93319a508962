/* dht/udp and its store, dht/saved_table: what outlives a node, and a disk that is full. */
#undef NDEBUG
#include "udp_world.h"

#include <errno.h>

/* SQLite's own calls land here. */
static bool full;
static unsigned refused;

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	if (full) {
		refused++;
		errno = ENOSPC;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, data, len, at);
}

static void items_travel(void **state)
{
	(void)state;
	start_two();
	struct dht_item item = signed_item(1, "hello");
	assert_int_equal(put(&nodes[0], &item).result.stored, 1);
	assert_int_equal(dht_store_items(nodes[1].store), 1);
	/* Put once more it is a refresh; the engine tells what the store counts. */
	assert_int_equal(put(&nodes[0], &item).result.stored, 1);
	struct dht_counters c;
	dht_counters(dht_udp_node(nodes[1].udp), &c);
	assert_int_equal(c.store_items, 1);
	assert_in_range(c.store_bytes, 200, 400);
	assert_true(c.store_memory > 0 && c.store_refreshes == 1);
	assert_true(c.store_evictions + c.store_refused_quota + c.store_refused_full == 0);
	uint64_t commits = c.store_commits;

	start(&nodes[2], "127.0.0.1:0");
	struct dht_endpoint second = address_of(&nodes[1]);
	dht_add_node(dht_udp_node(nodes[2].udp), &second);
	run_until(knows_somebody, &nodes[2]);
	struct outcome o = get(&nodes[2], &item);
	assert_true(o.values > 0);
	assert_memory_equal(&o.item, &item, sizeof(item));

	/* What was kept a moment ago outlives the node: the end flushes. */
	dht_udp_destroy(nodes[1].udp);
	nodes[1].udp = NULL;
	struct dht_store_counters at_end;
	dht_store_count(nodes[1].store, &at_end);
	assert_true(at_end.commits > commits);
	stop(&nodes[1]);
	assert_int_equal(dht_store_open(nodes[1].path, &guests, &nodes[1].store), 0);
	assert_int_equal(dht_store_items(nodes[1].store), 1);
}

/* Two hours without a new put are over even if we slept for most of them. */
static void items_age_while_the_machine_sleeps(void **state)
{
	(void)state;
	start_two();
	struct dht_item item = signed_item(1, "hello");
	assert_int_equal(put(&nodes[0], &item).result.stored, 1);
	assert_true(get(&nodes[0], &item).values > 0);
	slept = (DHT_STORE_LIFETIME - 60) * LEAP_SECOND;
	assert_true(get(&nodes[0], &item).values > 0);
	slept = (DHT_STORE_LIFETIME + 60) * LEAP_SECOND;
	assert_int_equal(get(&nodes[0], &item).values, 0);
	slept = 0;
}

/* Is the item in the file, as another process would see it after this one's death? A copy of
 * the file and its log is what a kill leaves behind. */
static bool is_on_disk(void *ctx)
{
	struct node *n = ctx;
	char copy[160];
	snprintf(copy, sizeof(copy), "%s/copy.db", directory);
	assert_int_equal(directory_copy_database(n->path, copy), 0);
	struct dht_store *store;
	assert_int_equal(dht_store_open(copy, &guests, &store), 0);
	bool there = dht_store_items(store) == 1;
	dht_store_close(store);
	unlink(copy);
	return there;
}

static void the_store_is_flushed_within_a_second(void **state)
{
	(void)state;
	start_two();
	struct dht_item item = signed_item(1, "hello");
	double from = now();
	assert_int_equal(put(&nodes[0], &item).result.stored, 1);
	assert_false(is_on_disk(&nodes[1])); /* or the loop would wait for the disk at each put */
	struct event *tick = event_new(base, -1, EV_PERSIST, on_tick, NULL);
	assert_non_null(tick);
	event_add(tick, &(struct timeval){.tv_usec = 100000});
	run_until(is_on_disk, &nodes[1]);
	event_free(tick);
	assert_true(now() - from < 3);
}

static void the_table_outlives_the_node(void **state)
{
	(void)state;
	start_two();
	struct dht_id id = *dht_own_id(dht_udp_node(nodes[1].udp));
	stop(&nodes[1]);
	start(&nodes[1], "127.0.0.1:0");
	assert_true(dht_id_equal(&id, dht_own_id(dht_udp_node(nodes[1].udp))));
	run_until(knows_somebody, &nodes[1]); /* nobody told it whom to ask */

	/* Nobody there when it starts and stops: it remembers all the same. */
	struct dht_contact saved[4];
	size_t len;
	stop(&nodes[0]);
	stop(&nodes[1]);
	start(&nodes[1], "127.0.0.1:0");
	stop(&nodes[1]);
	assert_int_equal(dht_store_open(nodes[1].path, &guests, &nodes[1].store), 0);
	assert_int_equal(dht_store_load_nodes(nodes[1].store, saved, 4, &len), 0);
	assert_int_equal(len, 1);
}

/* The nodes in the file, as after a kill: see is_on_disk. */
static size_t nodes_on_disk(struct node *n)
{
	char copy[160];
	struct dht_contact saved[8];
	struct dht_store *store;
	size_t len;
	snprintf(copy, sizeof(copy), "%s/copy.db", directory);
	assert_int_equal(directory_copy_database(n->path, copy), 0);
	assert_int_equal(dht_store_open(copy, &guests, &store), 0);
	assert_int_equal(dht_store_load_nodes(store, saved, 8, &len), 0);
	dht_store_close(store);
	unlink(copy);
	return len;
}

static bool two_on_disk(void *ctx)
{
	return nodes_on_disk(ctx) == 2;
}

static bool one_on_disk(void *ctx)
{
	return nodes_on_disk(ctx) == 1;
}

/* Each second of a time that nobody waits for. */
static void pass(int seconds)
{
	for (int i = 0; i < seconds; i++) {
		passed += LEAP_SECOND;
		for (int turn = 0; turn < 4; turn++)
			event_base_loop(base, EVLOOP_NONBLOCK);
	}
}

/* A minute of it at most: what is reached later is not reached. */
static void pass_until(bool (*reached)(void *ctx), void *ctx)
{
	for (int i = 0; i < 60 && !reached(ctx); i++)
		pass(1);
	assert_true(reached(ctx));
}

/* Who is killed soon after the start knows next time whom it had found. */
static void the_table_is_saved_as_it_grows(void **state)
{
	(void)state;
	start_two();
	pass_until(one_on_disk, &nodes[1]);
	start(&nodes[2], "127.0.0.1:0");
	struct dht_endpoint second = address_of(&nodes[1]);
	dht_add_node(dht_udp_node(nodes[2].udp), &second);
	pass_until(two_on_disk, &nodes[1]);
}

/* Nobody answers any more, so the network is down, or we are: what is saved is better than that. */
static void an_outage_does_not_spoil_the_saved_table(void **state)
{
	(void)state;
	struct dht_contact saved[4] = {
		{.endpoint = endpoint("192.0.2.1:1")}, {.endpoint = endpoint("192.0.2.2:1")}};
	size_t len;
	start_two();
	struct dht_item item = signed_item(1, "hello");
	stop(&nodes[1]);
	assert_int_equal(get(&nodes[0], &item).result.error, -ENETUNREACH);
	assert_int_equal(dht_store_save_nodes(nodes[0].store, saved, 2), 0);
	stop(&nodes[0]);
	assert_int_equal(dht_store_open(nodes[0].path, &guests, &nodes[0].store), 0);
	assert_int_equal(dht_store_load_nodes(nodes[0].store, saved, 4, &len), 0);
	assert_int_equal(len, 2);
}

/* Ten minutes of it: tried after 1, 2, 4 ... 60 seconds (the store) and 300 (the table), and
 * nothing that was acknowledged is lost. */
static void a_full_disk_is_tried_less_and_less_often(void **state)
{
	(void)state;
	start_two();
	struct dht_item item = signed_item(1, "hello");
	full = true;
	refused = 0;
	assert_int_equal(put(&nodes[0], &item).result.stored, 1);
	pass(600);
	assert_in_range(refused, 10, 100);
	assert_false(is_on_disk(&nodes[1]));
	assert_true(get(&nodes[0], &item).values > 0);
	full = false;
	pass(301);
	assert_true(is_on_disk(&nodes[1]));
	assert_int_equal(nodes_on_disk(&nodes[1]), 1);
}

static void a_node_starts_on_a_full_disk(void **state)
{
	(void)state;
	struct dht_udp_config config = {.bind = {endpoint("127.0.0.1:0")}, .bind_len = 1};
	start_two();
	struct dht_item item = signed_item(1, "hello");
	assert_int_equal(put(&nodes[0], &item).result.stored, 1);
	stop(&nodes[1]);
	full = true;
	assert_int_equal(try_start(&nodes[1], &config, NULL), 0);
	run_until(knows_somebody, &nodes[1]);
	assert_true(get(&nodes[1], &item).values > 0);
	full = false;
	uint64_t commits = counters(&nodes[1]).store_commits;
	pass(3); /* nobody has put anything: what the start could not write is written */
	assert_true(counters(&nodes[1]).store_commits > commits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(items_travel),
		TEST(items_age_while_the_machine_sleeps),
		TEST(the_store_is_flushed_within_a_second),
		TEST(the_table_outlives_the_node),
		TEST(the_table_is_saved_as_it_grows),
		TEST(an_outage_does_not_spoil_the_saved_table),
		TEST(a_full_disk_is_tried_less_and_less_often),
		TEST(a_node_starts_on_a_full_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
