/* dht/store, its index: who is taken, who gives way, how long, and what it costs in disk and
 * memory. */
#undef NDEBUG
#include "dht/store.h"
#include "tests/directory.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "dht/store_index.h"

#define SECOND INT64_C(1000000)
#define NOW (INT64_C(1800000000) * SECOND)
#define LIFETIME 7200
#define YEAR (INT64_C(365) * 86400 * SECOND)

static char directory[DIRECTORY_CAP], path[96];
static struct dht_store_config config;
static struct dht_store *store;

/* SQLite's own calls land here: what the disk is asked for is counted. */
static unsigned synced, written;

int fdatasync(int fd)
{
	synced++;
	return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	synced++;
	return (int)syscall(SYS_fsync, fd);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	written++;
	return syscall(SYS_pwrite64, fd, data, len, at);
}

static int make_store(void **state)
{
	(void)state;
	config = (struct dht_store_config){.lifetime = LIFETIME};
	if (directory_make(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/guests.db", directory);
	store = NULL;
	return 0;
}

static int remove_store(void **state)
{
	(void)state;
	dht_store_close(store);
	char name[128];
	snprintf(name, sizeof(name), "%s-wal", path);
	unlink(name);
	unlink(path);
	return rmdir(directory);
}

static void reopen(void)
{
	dht_store_close(store);
	store = NULL;
	assert_int_equal(dht_store_open(path, &config, &store), 0);
}

static struct dht_endpoint host(unsigned net, unsigned number)
{
	return (struct dht_endpoint){.family = 4,
		.ip = {10, (uint8_t)(net >> 8), (uint8_t)net, (uint8_t)number},
		.port = 6881};
}

static struct dht_item item_of(unsigned n)
{
	struct dht_item item = {0};
	assert_int_equal(dht_item_set_string(&item, &n, sizeof(n)), 0);
	return item;
}

/* An item whose target shares so many bits with our id, which is zero. */
static struct dht_item near_item(unsigned bits, unsigned *n)
{
	static const struct dht_id own;
	struct dht_item item;
	struct dht_id target;
	do {
		item = item_of((*n)++);
		dht_item_target(&item, &target);
	} while (dht_id_shared_bits(&own, &target) != bits);
	return item;
}

static int keep(const struct dht_item *item, const struct dht_endpoint *from, int64_t now)
{
	struct dht_id target;
	dht_item_target(item, &target);
	return dht_store_keep(store, &target, item, from, now);
}

static int renew(const struct dht_item *item, const struct dht_endpoint *from, int64_t now)
{
	struct dht_id target;
	dht_item_target(item, &target);
	return dht_store_renew(store, &target, item, from, now);
}

static int find(const struct dht_item *like, const struct dht_endpoint *from, int64_t now)
{
	struct dht_id target;
	struct dht_item found;
	dht_item_target(like, &target);
	int r = dht_store_find(store, &target, from, now, &found);
	if (r == 0)
		assert_true(dht_item_equal(&found, like));
	return r;
}

static struct dht_store_counters counted(void)
{
	struct dht_store_counters c;
	dht_store_count(store, &c);
	return c;
}

/* Junk of all targets from a hundred networks, each its own: no quota helps. */
static void flood(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct dht_item junk = item_of(1000000 + i);
		struct dht_endpoint from = host(1000 + i % 100, i / 100 % 200);
		int r = keep(&junk, &from, NOW + SECOND);
		assert_true(r == 0 || r == -ENOSPC || r == -EDQUOT);
	}
}

static void a_flood_spares_what_is_near_and_what_many_put(void **state)
{
	(void)state;
	config.items_max = 500;
	reopen();
	unsigned n = 0;
	struct dht_item near = near_item(12, &n), popular = near_item(0, &n),
			asked = near_item(0, &n), far = near_item(0, &n);
	struct dht_endpoint one = host(1, 1);
	assert_int_equal(keep(&near, &one, NOW), 0);
	assert_int_equal(keep(&popular, &one, NOW), 0);
	assert_int_equal(keep(&asked, &one, NOW), 0);
	assert_int_equal(keep(&far, &one, NOW), 0);
	for (unsigned net = 2; net < 40; net++) {
		struct dht_endpoint from = host(net, 1);
		if (net < 8)
			assert_int_equal(renew(&popular, &from, NOW), 0);
		assert_int_equal(find(&asked, &from, NOW), 0);
	}
	flood(5000);
	assert_int_equal(find(&near, NULL, NOW + SECOND), 0);
	assert_int_equal(find(&popular, NULL, NOW + SECOND), 0);
	assert_int_equal(find(&asked, NULL, NOW + SECOND), 0);
	assert_int_equal(find(&far, NULL, NOW + SECOND), -ENOENT);
	assert_int_equal(counted().items, 500);
	/* All this outlives a restart. */
	dht_store_flush(store, NOW + SECOND, NOW + SECOND);
	reopen();
	flood(5000);
	assert_int_equal(find(&near, NULL, NOW + SECOND), 0);
	assert_int_equal(find(&popular, NULL, NOW + SECOND), 0);
}

/* Forged questions are worth 8 bits at most, whatever their number. */
static void asking_is_worth_less_than_putting(void **state)
{
	(void)state;
	struct store_index x;
	static const uint8_t secret[STORE_SECRET_LEN];
	assert_int_equal(store_index_init(&x, 10, secret), 0);
	struct store_entry e = {.target = {{0x80}}, .puts = 1, .asks = UINT32_MAX};
	assert_int_equal(store_index_worth(&x, &e), 4 + 8);
	e.puts = 0xff;
	e.asks = 0;
	assert_int_equal(store_index_worth(&x, &e), 32);
	e.puts = UINT32_MAX;
	e.asks = UINT32_MAX;
	e.target = (struct dht_id){{0}};
	assert_true(store_index_worth(&x, &e) < STORE_WORTH_OWN);
	e.ours = true;
	assert_int_equal(store_index_worth(&x, &e), STORE_WORTH_OWN);
	store_index_finish(&x);
}

static void another_id_is_another_neighbourhood(void **state)
{
	(void)state;
	config.items_max = 100;
	reopen();
	unsigned n = 0;
	struct dht_item was_near = near_item(9, &n);
	struct dht_id own;
	struct dht_endpoint one = host(1, 1);
	assert_int_equal(keep(&was_near, &one, NOW), 0);
	flood(1000);
	assert_int_equal(find(&was_near, NULL, NOW + SECOND), 0);
	memset(own.b, 0xff, sizeof(own.b));
	dht_store_near(store, &own);
	flood(2000);
	assert_int_equal(find(&was_near, NULL, NOW + SECOND), -ENOENT);
}

static void guests_cannot_crowd_out_what_we_put(void **state)
{
	(void)state;
	config.items_max = 100;
	reopen();
	unsigned n = 0;
	struct dht_item ours = near_item(0, &n), late = near_item(0, &n);
	assert_int_equal(keep(&ours, NULL, NOW), 0);
	unsigned from = 5000000;
	for (unsigned i = 0; i < 300; i++) { /* nearer than anything honest */
		struct dht_item junk = near_item(6, &from);
		struct dht_endpoint source = host(i, 1);
		keep(&junk, &source, NOW);
	}
	assert_int_equal(counted().items, 100);
	assert_int_equal(find(&ours, NULL, NOW), 0);
	assert_int_equal(keep(&late, NULL, NOW), 0); /* a full store takes ours all the same */
	assert_int_equal(find(&late, NULL, NOW), 0);
	reopen();
	assert_int_equal(find(&ours, NULL, NOW), 0);
	/* A guest that puts what is ours does not make it his; ours put after his becomes ours. */
	struct dht_endpoint guest = host(1, 1);
	assert_int_equal(renew(&ours, &guest, NOW), 0);
	assert_int_equal(keep(&ours, &guest, NOW), 0); /* as where `cas` is looked at */
	assert_int_equal(renew(&ours, NULL, NOW), 0);
	flood(3000);
	assert_int_equal(find(&ours, NULL, NOW + SECOND), 0);
	reopen();
	flood(3000);
	assert_int_equal(find(&ours, NULL, NOW + SECOND), 0);
	config.items_max = 1000;
	reopen();
	struct dht_item his = near_item(0, &n);
	assert_int_equal(keep(&his, &guest, NOW), 0);
	assert_int_equal(renew(&his, NULL, NOW), -ENOENT);
	assert_int_equal(keep(&his, NULL, NOW), 0);
	assert_int_equal(renew(&his, NULL, NOW), 0);
}

static void one_host_has_its_share(void **state)
{
	(void)state;
	config.items_max = 1000;
	config.limits = true;
	reopen();
	struct dht_endpoint from = host(1, 1), other = host(2, 1), six = {.family = 6, .port = 1};
	struct dht_item item;
	unsigned n = 0;
	for (; n < 10; n++) {
		item = item_of(n);
		assert_int_equal(keep(&item, &from, NOW), 0);
	}
	item = item_of(n);
	assert_int_equal(keep(&item, &from, NOW), -EDQUOT);
	from.port++; /* is no other address */
	assert_int_equal(keep(&item, &from, NOW), -EDQUOT);
	assert_int_equal(counted().refused_quota, 2);
	assert_int_equal(keep(&item, &other, NOW), 0);
	item = item_of(0); /* what it has it may put again */
	assert_int_equal(keep(&item, &from, NOW), 0);
	/* Its /24 has four hosts' worth, and a /64 as much as a /24. */
	unsigned taken = 0;
	for (unsigned i = 0; i < 200; i++) {
		item = item_of(1000 + i);
		from = host(1, 2 + i);
		taken += keep(&item, &from, NOW) == 0;
	}
	assert_int_equal(taken, 30);
	taken = 0;
	for (unsigned i = 0; i < 200; i++) {
		item = item_of(2000 + i);
		six.ip[0] = 0x20;
		six.ip[15] = (uint8_t)i;
		taken += keep(&item, &six, NOW) == 0;
	}
	assert_int_equal(taken, 40);
	/* A restart forgets nobody, and what has expired is nobody's any more. */
	reopen();
	item = item_of(n + 1);
	from = host(1, 1);
	assert_int_equal(keep(&item, &from, NOW), -EDQUOT);
	assert_int_equal(dht_store_flush(store, NOW + LIFETIME * SECOND, NOW), 0);
	assert_int_equal(counted().items, 0);
	assert_int_equal(keep(&item, &from, NOW + LIFETIME * SECOND), 0);
}

static void on_loopback_all_have_one_address(void **state)
{
	(void)state;
	config.items_max = 1000;
	reopen();
	struct dht_endpoint from = {.family = 4, .ip = {127, 0, 0, 1}, .port = 1};
	for (unsigned i = 0; i < 900; i++) {
		struct dht_item item = item_of(i);
		assert_int_equal(keep(&item, &from, NOW), 0);
	}
	assert_int_equal(counted().refused_quota, 0);
}

static void bytes_are_bounded_too(void **state)
{
	(void)state;
	config.bytes_max = 50000;
	reopen();
	struct dht_endpoint from = host(1, 1);
	static uint8_t big[990];
	for (unsigned i = 0; i < 300; i++) {
		struct dht_item item = {0};
		memcpy(big, &i, sizeof(i));
		assert_int_equal(dht_item_set_string(&item, big, i % 2 ? 990 : 300), 0);
		keep(&item, &from, NOW);
		assert_in_range(counted().bytes, 1, 50000);
	}
	assert_true(counted().items > 40 && counted().evictions > 100);
	/* One target whose value grows makes others give way, not itself. */
	struct dht_item item = {.is_mutable = true, .seq = 1};
	struct dht_id target;
	dht_item_target(&item, &target);
	for (unsigned len = 1; len < 990; len += 100) {
		item.seq++;
		assert_int_equal(dht_item_set_string(&item, big, len), 0);
		assert_int_equal(dht_store_keep(store, &target, &item, NULL, NOW), 0);
		assert_in_range(counted().bytes, 1, 50000);
		assert_int_equal(find(&item, NULL, NOW), 0);
	}
}

/* A large newcomer that would not fit even without all that is worth less pushes nothing out. */
static void nothing_gives_way_in_vain(void **state)
{
	(void)state;
	config.bytes_max = 20000;
	reopen();
	struct dht_endpoint from = host(1, 1);
	unsigned n = 0;
	struct dht_item small = near_item(0, &n), big = {0};
	assert_int_equal(keep(&small, &from, NOW), 0);
	while (counted().bytes + 200 <= 20000) {
		struct dht_item worthy = near_item(6, &n);
		assert_int_equal(keep(&worthy, &from, NOW), 0);
	}
	static uint8_t data[990];
	static const struct dht_id own;
	struct dht_id target;
	do {
		memcpy(data, &n, sizeof(n));
		n++;
		assert_int_equal(dht_item_set_string(&big, data, sizeof(data)), 0);
		dht_item_target(&big, &target);
	} while (dht_id_shared_bits(&own, &target) != 1);
	assert_int_equal(keep(&big, &from, NOW), -ENOSPC);
	assert_int_equal(counted().evictions, 0);
	assert_int_equal(counted().refused_full, 1);
	assert_int_equal(find(&small, NULL, NOW), 0);
	/* What has expired is in nobody's way. */
	assert_int_equal(keep(&big, &from, NOW + LIFETIME * SECOND), 0);
}

static void misses_and_refreshes_touch_no_disk(void **state)
{
	(void)state;
	reopen();
	struct dht_endpoint from = host(1, 1);
	struct dht_item item;
	for (unsigned i = 0; i < 2000; i++) {
		item = item_of(i);
		assert_int_equal(keep(&item, &from, NOW), 0);
	}
	assert_int_equal(dht_store_flush(store, NOW, NOW), 0);
	uint64_t reads = counted().reads;
	written = synced = 0;
	for (unsigned i = 0; i < 20000; i++) {
		item = item_of(i % 2000);
		assert_int_equal(renew(&item, &from, NOW + i), 0);
		item = item_of(100000 + i);
		assert_int_equal(find(&item, &from, NOW + i), -ENOENT);
		assert_int_equal(renew(&item, &from, NOW + i), -ENOENT);
	}
	assert_int_equal(counted().refreshes, 20000);
	assert_int_equal(counted().reads, reads);
	assert_int_equal(written, 0);
	/* The file need not know that an item lives a second longer, but that it lives an hour. */
	assert_int_equal(dht_store_flush(store, NOW + SECOND, NOW + SECOND), 0);
	assert_in_range(written, 1, 10);
	unsigned few = written;
	for (unsigned i = 0; i < 2000; i++) {
		item = item_of(i);
		assert_int_equal(renew(&item, &from, NOW + 3600 * SECOND), 0);
	}
	assert_int_equal(dht_store_flush(store, NOW + 3600 * SECOND, NOW + 3600 * SECOND), 0);
	assert_true(written > few + 50);
	/* As a kill leaves it: the file alone. */
	char copy[128];
	snprintf(copy, sizeof(copy), "%s/copy", directory);
	assert_int_equal(directory_copy_database(path, copy), 0);
	struct dht_store *second;
	struct dht_item found;
	struct dht_id target;
	assert_int_equal(dht_store_open(copy, &config, &second), 0);
	dht_item_target(&item, &target);
	assert_int_equal(dht_store_find(second, &target, NULL, NOW + 9000 * SECOND, &found), 0);
	dht_store_close(second);
	unlink(copy);
	snprintf(copy, sizeof(copy), "%s/copy-wal", directory);
	unlink(copy);
}

/* A kill may cost an item some of its life, an orderly end none. */
static void the_end_tells_of_each_refresh(void **state)
{
	(void)state;
	reopen();
	struct dht_endpoint from = host(1, 1);
	struct dht_item item = item_of(1);
	assert_int_equal(dht_store_begin(store, NOW, NOW), 0);
	assert_int_equal(keep(&item, &from, NOW), 0);
	assert_int_equal(dht_store_flush(store, NOW, NOW), 0);
	assert_int_equal(renew(&item, &from, NOW + 100 * SECOND), 0);
	assert_int_equal(dht_store_flush(store, NOW + 100 * SECOND, NOW + 100 * SECOND), 0);
	reopen();
	assert_int_equal(dht_store_begin(store, NOW + 100 * SECOND, NOW + 100 * SECOND), 0);
	assert_int_equal(find(&item, NULL, NOW + 7299 * SECOND), 0);
	assert_int_equal(find(&item, NULL, NOW + 7301 * SECOND), -ENOENT);
}

static void items_asked_often_are_read_once(void **state)
{
	(void)state;
	reopen();
	struct dht_endpoint from = host(1, 1);
	struct dht_item item = item_of(1);
	assert_int_equal(keep(&item, &from, NOW), 0);
	reopen();
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(find(&item, &from, NOW), 0);
	assert_int_equal(counted().reads, 1);
}

static void five_thousand_puts_are_one_commit(void **state)
{
	(void)state;
	reopen();
	struct dht_endpoint from = host(1, 1);
	uint64_t commits = counted().commits;
	assert_int_equal(dht_store_flush(store, NOW, NOW), 0);
	synced = 0;
	for (unsigned i = 0; i < 5000; i++) {
		struct dht_item item = item_of(i);
		assert_int_equal(keep(&item, &from, NOW), 0);
	}
	assert_int_equal(dht_store_flush(store, NOW + SECOND, NOW + SECOND), 0);
	assert_int_equal(counted().commits, commits + 2);
	assert_true(synced <= 3); /* a checkpoint: the log, the file, once */
}

/* P8: 64 MB for the whole daemon. What SQLite takes is bounded by its cache, 2 MB. */
static void fifty_thousand_puts_take_little_memory(void **state)
{
	(void)state;
	reopen();
	size_t most = 0;
	for (unsigned i = 0; i < 50000; i++) {
		struct dht_item item = item_of(i);
		struct dht_endpoint from = host(i % 5000, i % 250);
		int r = keep(&item, &from, NOW);
		assert_true(r == 0 || r == -ENOSPC);
		if (i % 5000 == 0) {
			r = dht_store_flush(store, NOW, NOW);
			assert_true(r == 0 || r == -EBUSY); /* a thread copies the log: later */
		}
		struct dht_store_counters c = counted();
		most = c.memory > most ? c.memory : most;
	}
	assert_int_equal(counted().items, DHT_STORE_ITEMS_MAX);
	assert_in_range(most, 1, 6 << 20);
}

/* Lives from NOW for LIFETIME; the store is flushed 1,000 s later, and begun with other clocks. Is
 * it there after `later` seconds, and gone a second after that? */
static void lives_on(int64_t steady, int64_t wall, int64_t later)
{
	struct dht_endpoint from = host(1, 1);
	struct dht_item item = item_of(1);
	unlink(path);
	store = NULL;
	reopen();
	assert_int_equal(dht_store_begin(store, NOW, NOW), 0);
	assert_int_equal(keep(&item, &from, NOW), 0);
	assert_int_equal(dht_store_flush(store, NOW + 1000 * SECOND, NOW + 1000 * SECOND), 0);
	reopen();
	assert_int_equal(dht_store_begin(store, steady, wall), 0);
	reopen(); /* a start that was cut short changes nothing */
	assert_int_equal(dht_store_begin(store, steady, wall), 0);
	assert_int_equal(find(&item, NULL, steady + later * SECOND - 1), later > 0 ? 0 : -ENOENT);
	assert_int_equal(find(&item, NULL, steady + later * SECOND), -ENOENT);
	assert_int_equal(dht_store_flush(store, steady + later * SECOND, wall), 0);
	assert_int_equal(counted().items, 0);
	dht_store_close(store);
	store = NULL;
}

static void remaining_life_outlives_a_restart(void **state)
{
	(void)state;
	/* Five minutes down: 7,200 - 1,000 - 300. */
	lives_on(NOW + 1300 * SECOND, NOW + 1300 * SECOND, 5900);
	/* The steady clock begins anew elsewhere. */
	lives_on(77 * SECOND, NOW + 1300 * SECOND, 5900);
	lives_on(NOW + YEAR, NOW + 1300 * SECOND, 5900);
	/* By so little that the file need not be told of a refresh. */
	lives_on(NOW + 1100 * SECOND, NOW + 1300 * SECOND, 5900);
	/* Down for longer than it had to live, but believably so. */
	lives_on(NOW + 8000 * SECOND, NOW + 8000 * SECOND, 0);
}

static void clocks_that_jump_while_we_are_down(void **state)
{
	(void)state;
	lives_on(NOW - 10 * YEAR, NOW - 10 * YEAR, 6200);
	lives_on(0, 0, 6200);
	lives_on(NOW + 10 * YEAR, NOW + 10 * YEAR, 3600);
	lives_on(-(INT64_C(1) << 60), -(INT64_C(1) << 60), 6200);
	lives_on(NOW, INT64_MAX, 3600);
}

/* The time of day is set while we run; the steady clock says what has passed. */
static void clocks_that_jump_while_we_run(void **state)
{
	(void)state;
	struct dht_endpoint from = host(1, 1);
	struct dht_item item = item_of(1);
	for (int years = -10; years <= 10; years += 20) {
		unlink(path);
		reopen();
		assert_int_equal(dht_store_begin(store, NOW, NOW), 0);
		assert_int_equal(keep(&item, &from, NOW), 0);
		int64_t wall = NOW + years * YEAR;
		assert_int_equal(dht_store_flush(store, NOW + 60 * SECOND, wall + 60 * SECOND), 0);
		assert_int_equal(find(&item, NULL, NOW + 7199 * SECOND), 0);
		reopen();
		/* A minute down by the clock as it is now. */
		assert_int_equal(
			dht_store_begin(store, wall + 120 * SECOND, wall + 120 * SECOND), 0);
		assert_int_equal(find(&item, NULL, wall + 7199 * SECOND), 0);
		assert_int_equal(find(&item, NULL, wall + 7201 * SECOND), -ENOENT);
		dht_store_close(store);
		store = NULL;
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_store, remove_store)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_flood_spares_what_is_near_and_what_many_put),
		TEST(asking_is_worth_less_than_putting),
		TEST(another_id_is_another_neighbourhood),
		TEST(guests_cannot_crowd_out_what_we_put),
		TEST(one_host_has_its_share),
		TEST(on_loopback_all_have_one_address),
		TEST(bytes_are_bounded_too),
		TEST(nothing_gives_way_in_vain),
		TEST(misses_and_refreshes_touch_no_disk),
		TEST(the_end_tells_of_each_refresh),
		TEST(items_asked_often_are_read_once),
		TEST(five_thousand_puts_are_one_commit),
		TEST(fifty_thousand_puts_take_little_memory),
		TEST(remaining_life_outlives_a_restart),
		TEST(clocks_that_jump_while_we_are_down),
		TEST(clocks_that_jump_while_we_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
