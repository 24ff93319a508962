/* dht/store on a disk that is full, or fails: what was acknowledged is not lost, what is held is
 * not denied, and later all is well. */
#undef NDEBUG
#include "store_world.h"

#include <errno.h>
#include <sys/syscall.h>

#include "dht/store_gathered.h"

#define YEAR (INT64_C(365) * 86400 * SECOND)

/* SQLite's own calls land here. */
static bool full;
static int reads_left = -1; /* that succeed; negative: all do */
static unsigned reads;

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	if (full) {
		errno = ENOSPC;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, data, len, at);
}

ssize_t pread64(int fd, void *data, size_t len, off64_t at)
{
	reads++;
	if (reads_left == 0) {
		errno = EIO;
		return -1;
	}
	reads_left -= reads_left > 0;
	return syscall(SYS_pread64, fd, data, len, at);
}

static int set_up(void **state)
{
	full = false;
	reads_left = -1;
	return make_directory(state);
}

/* The items from..to-1 are found. */
static void all_found(struct dht_store *store, unsigned from, unsigned to, int64_t now)
{
	for (unsigned i = from; i < to; i++) {
		struct dht_item item = immutable_item(i);
		assert_int_equal(find(store, &item, now), 0);
	}
}

static void keep_all(struct dht_store *store, unsigned from, unsigned to, int64_t now)
{
	for (unsigned i = from; i < to; i++) {
		struct dht_item item = immutable_item(i);
		assert_int_equal(keep(store, &item, now), 0);
	}
}

static struct dht_store_counters counted(const struct dht_store *store)
{
	struct dht_store_counters c;
	dht_store_count(store, &c);
	return c;
}

static void what_was_acknowledged_stays(void **state)
{
	(void)state;
	struct dht_store *store = opened();
	assert_int_equal(dht_store_begin(store, NOW, NOW), 0);
	struct dht_item old = mutable_item(1, "", 1, "one"), new = mutable_item(1, "", 2, "two");
	keep_all(store, 0, 3000, NOW);
	assert_int_equal(keep(store, &old, NOW), 0);
	assert_int_equal(dht_store_flush(store, NOW, NOW), 0);

	full = true;
	keep_all(store, 10000, 10100, NOW);
	assert_int_equal(keep(store, &new, NOW), 0);
	reads = 0;
	for (int i = 0; i < 10; i++)
		assert_int_equal(dht_store_flush(store, NOW + i * SECOND, NOW), -ENOSPC);
	/* Nor is all of it read again each time: a leaf page a row, as an index of hashes has it,
	 * is the most. */
	assert_in_range(reads, 0, 10 * 101 * 4);
	assert_int_equal(dht_store_items(store), 3101);
	all_found(store, 0, 3000, NOW);
	all_found(store, 10000, 10100, NOW);
	assert_int_equal(find(store, &new, NOW), 0);

	full = false;
	assert_int_equal(dht_store_flush(store, NOW + 10 * SECOND, NOW), 0);
	dht_store_close(store);
	store = opened();
	assert_int_equal(dht_store_items(store), 3101);
	all_found(store, 0, 3000, NOW);
	all_found(store, 10000, 10100, NOW);
	assert_int_equal(find(store, &new, NOW), 0);
	dht_store_close(store);
}

/* What expires and what is put again meanwhile: the file is told of both. */
static void what_goes_goes_from_the_file_too(void **state)
{
	(void)state;
	struct dht_store *store = opened();
	int64_t end = NOW + LIFETIME * SECOND;
	assert_int_equal(dht_store_begin(store, NOW, NOW), 0);
	keep_all(store, 0, 10, NOW);
	keep_all(store, 10, 20, NOW + SECOND);
	assert_int_equal(dht_store_flush(store, NOW + SECOND, NOW), 0);
	full = true;
	assert_int_equal(dht_store_flush(store, end, end), -ENOSPC);
	assert_int_equal(dht_store_items(store), 10);
	keep_all(store, 5, 7, end); /* gone, and come again */
	keep_all(store, 15, 17, end);
	assert_int_equal(dht_store_flush(store, end + SECOND, end), -ENOSPC);
	assert_int_equal(dht_store_items(store), 4);
	full = false;
	assert_int_equal(dht_store_flush(store, end + SECOND, end), 0);
	dht_store_close(store);
	store = opened();
	assert_int_equal(dht_store_items(store), 4);
	all_found(store, 5, 7, end + SECOND);
	all_found(store, 15, 17, end + SECOND);
	dht_store_close(store);
}

/* A disk that stays full: memory is bounded, and who is refused is told so. */
static void what_waits_is_bounded(void **state)
{
	(void)state;
	static const char filler[900];
	struct dht_store *store = opened();
	struct dht_item item = mutable_item(1, "", 1, "x");
	unsigned taken = 0, refused = 0;
	full = true;
	for (unsigned i = 0; i < 3 * STORE_GATHERED_MAX; i++) {
		memcpy(item.key, &i, sizeof(i));
		assert_int_equal(dht_item_set_string(&item, filler, i % 2 ? 900 : 1), 0);
		int r = keep(store, &item, NOW);
		assert_true(r == 0 || r == -ENOSPC);
		taken += r == 0;
		refused += r < 0;
	}
	assert_true(taken > 1000 && refused > 1000);
	assert_int_equal(counted(store).refused_full, refused);
	assert_int_equal(dht_store_items(store), taken);
	assert_in_range(counted(store).memory, 1,
		(3 << 20) + STORE_GATHERED_BYTES_MAX + STORE_GATHERED_MAX * 128);
	full = false;
	assert_int_equal(keep(store, &item, NOW), -ENOSPC); /* until the next flush */
	assert_int_equal(dht_store_flush(store, NOW, NOW), 0);
	assert_int_equal(keep(store, &item, NOW), 0);
	dht_store_close(store);
	store = opened();
	assert_int_equal(dht_store_items(store), taken + 1);
	dht_store_close(store);
}

/* More in one second than may wait: committed in between. */
static void a_flood_is_committed_in_time(void **state)
{
	(void)state;
	struct dht_store *store = opened();
	uint64_t commits = counted(store).commits;
	keep_all(store, 0, STORE_GATHERED_MAX, NOW);
	assert_int_equal(counted(store).commits, commits);
	keep_all(store, STORE_GATHERED_MAX, STORE_GATHERED_MAX + 1, NOW);
	assert_int_equal(counted(store).commits, commits + 1);
	all_found(store, 0, STORE_GATHERED_MAX + 1, NOW);
	dht_store_close(store);
}

static void begins_on_a_full_disk(void **state)
{
	(void)state;
	static const uint8_t random[DHT_ID_LEN] = {7}, other[DHT_ID_LEN] = {8};
	struct dht_id id;
	struct dht_store *store = opened();
	keep_all(store, 0, 10, NOW);
	dht_store_close(store);
	store = opened();
	full = true;
	assert_int_equal(dht_store_own_id(store, random, &id), 0);
	assert_int_equal(dht_store_begin(store, NOW, NOW), 0);
	assert_int_equal(dht_store_own_id(store, other, &id), 0);
	assert_memory_equal(id.b, random, DHT_ID_LEN);
	all_found(store, 0, 10, NOW);
	dht_store_close(store);

	store = opened(); /* nothing was written: another run, another id */
	assert_int_equal(dht_store_own_id(store, other, &id), 0);
	assert_memory_equal(id.b, other, DHT_ID_LEN);
	full = false;
	assert_int_equal(dht_store_begin(store, NOW, NOW), 0);
	dht_store_close(store);
	store = opened();
	assert_int_equal(dht_store_own_id(store, random, &id), 0);
	assert_memory_equal(id.b, other, DHT_ID_LEN);
	dht_store_close(store);
}

/* The clock of this run is not the file's until a commit has succeeded: not by a flush that
 * fails, nor by a close. */
static void another_clock_on_a_full_disk(void **state)
{
	(void)state;
	int64_t ahead = NOW + 10 * YEAR;
	struct dht_item first = immutable_item(1);
	for (int how = 0; how < 3; how++) {
		struct dht_store *store = opened();
		assert_int_equal(dht_store_begin(store, NOW, NOW), 0);
		assert_int_equal(keep(store, &first, NOW), 0);
		assert_int_equal(dht_store_flush(store, NOW, NOW), 0);
		dht_store_close(store);

		store = opened();
		full = true;
		assert_int_equal(dht_store_begin(store, ahead, ahead), 0);
		assert_int_equal(find(store, &first, ahead), 0);
		assert_int_equal(dht_store_flush(store, ahead + SECOND, ahead), -ENOSPC);
		full = how == 2; /* none of it is ever written */
		if (how == 0) {
			assert_int_equal(
				dht_store_flush(store, ahead + 2 * SECOND, ahead + 2 * SECOND), 0);
			assert_int_equal(find(store, &first, ahead + 2 * SECOND), 0);
		}
		dht_store_close(store);
		full = false;

		store = opened(); /* the clock stands right again */
		assert_int_equal(dht_store_begin(store, NOW + 60 * SECOND, NOW + 60 * SECOND), 0);
		assert_int_equal(find(store, &first, NOW + 3000 * SECOND), 0);
		assert_int_equal(find(store, &first, NOW + LIFETIME * SECOND), -ENOENT);
		assert_int_equal(dht_store_flush(store, NOW + 2 * LIFETIME * SECOND, NOW), 0);
		assert_int_equal(dht_store_items(store), 0);
		dht_store_close(store);
	}
}

/* "Not here" and "cannot be read" differ: whoever hears the former may store what is older. */
static void what_cannot_be_read_is_not_denied(void **state)
{
	(void)state;
	struct dht_item item;
	struct dht_store *store = opened();
	keep_all(store, 0, 3000, NOW);
	dht_store_close(store);
	store = opened();
	full = true;
	for (int left = 0; left < 40; left++) {
		item = immutable_item(10000 + (unsigned)left);
		assert_int_equal(keep(store, &item, NOW), 0);
		reads_left = left;
		assert_true(dht_store_flush(store, NOW, NOW) < 0);
		for (unsigned i = 0; i < 3000; i += 100) {
			item = immutable_item(i);
			int r = find(store, &item, NOW);
			if (r == -ENOENT)
				fail_msg("%u after %d reads: %d", i, left, r);
		}
		reads_left = -1;
	}
	all_found(store, 0, 3000, NOW);
	full = false;
	assert_int_equal(dht_store_flush(store, NOW, NOW), 0);
	assert_int_equal(dht_store_items(store), 3040);
	dht_store_close(store);
}

static void a_table_is_saved_whole_or_not(void **state)
{
	(void)state;
	struct dht_contact nodes[3] = {
		{.id = {{1}}, .endpoint = {.family = 4, .ip = {192, 0, 2, 1}, .port = 1}},
		{.id = {{2}}, .endpoint = {.family = 4, .ip = {192, 0, 2, 2}, .port = 1}}};
	struct dht_contact back[3];
	size_t len;
	struct dht_store *store = opened();
	assert_int_equal(dht_store_save_nodes(store, nodes, 1), 0);
	full = true;
	assert_int_equal(dht_store_save_nodes(store, nodes, 2), -ENOSPC);
	full = false;
	assert_int_equal(dht_store_load_nodes(store, back, 3, &len), 0);
	assert_int_equal(len, 1);
	dht_store_close(store);
}

#undef TEST
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_acknowledged_stays),
		TEST(what_goes_goes_from_the_file_too),
		TEST(what_waits_is_bounded),
		TEST(a_flood_is_committed_in_time),
		TEST(begins_on_a_full_disk),
		TEST(another_clock_on_a_full_disk),
		TEST(what_cannot_be_read_is_not_denied),
		TEST(a_table_is_saved_whole_or_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
