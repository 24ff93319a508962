/* dht/store: what is kept comes back, for as long as it should, from a file that nobody trusts. */
#undef NDEBUG
#include "dht/store.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define SECOND INT64_C(1000000)
#define NOW (INT64_C(1800000000) * SECOND)
#define LIFETIME 7200

static struct dht_store_config config;

static char directory[64], path[96];

static int make_directory(void **state)
{
	(void)state;
	config = (struct dht_store_config){.lifetime = LIFETIME};
	strcpy(directory, "/tmp/kadns-test-store.XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/guests.db", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	static const char *const suffix[] = {"", "-wal", "-shm", "-journal", ".other"};
	char name[128];
	for (size_t i = 0; i < sizeof(suffix) / sizeof(*suffix); i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffix[i]);
		unlink(name);
	}
	rmdir(path); /* one test makes a directory of it */
	return rmdir(directory);
}

static struct dht_store *opened(void)
{
	struct dht_store *store = NULL;
	assert_int_equal(dht_store_open(path, &config, &store), 0);
	assert_non_null(store);
	return store;
}

/* A signature is not looked at by the store, so any bytes do. */
static struct dht_item mutable_item(uint8_t key, const char *salt, int64_t seq, const char *text)
{
	struct dht_item item = {.is_mutable = true, .seq = seq};
	memset(item.key, key, sizeof(item.key));
	memset(item.sig, 0x5a, sizeof(item.sig));
	item.salt_len = (uint8_t)strlen(salt);
	memcpy(item.salt, salt, item.salt_len);
	assert_int_equal(dht_item_set_string(&item, text, strlen(text)), 0);
	return item;
}

static struct dht_item immutable_item(unsigned n)
{
	struct dht_item item = {0};
	assert_int_equal(dht_item_set_string(&item, &n, sizeof(n)), 0);
	return item;
}

static const struct dht_endpoint guest = {.family = 4, .ip = {192, 0, 2, 1}, .port = 6881};

static int keep_from(struct dht_store *store, const struct dht_item *item,
	const struct dht_endpoint *from, int64_t now)
{
	struct dht_id target;
	dht_item_target(item, &target);
	return dht_store_keep(store, &target, item, from, now);
}

static int keep(struct dht_store *store, const struct dht_item *item, int64_t now)
{
	return keep_from(store, item, &guest, now);
}

static int find(struct dht_store *store, const struct dht_item *like, int64_t wall)
{
	struct dht_id target;
	struct dht_item found;
	dht_item_target(like, &target);
	int r = dht_store_find(store, &target, NULL, wall, &found);
	if (r == 0)
		assert_memory_equal(&found, like, sizeof(found));
	return r;
}

/* With a connection of the test's own, while no store is open. */
static void run_sql(const char *text)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	char *message = NULL;
	if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", text, message);
	sqlite3_close(db);
}

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

/* Runs `body` in a process that then dies without closing anything. */
static void in_dying_process(void (*body)(void))
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		body();
		kill(getpid(), SIGKILL);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
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

static void write_file(const void *data, size_t len)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static size_t read_file(uint8_t *ret_image, size_t cap)
{
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	size_t len = fread(ret_image, 1, cap, f);
	assert_int_equal(fclose(f), 0);
	assert_in_range(len, 8192, cap - 1);
	return len;
}

static void refuses_what_is_not_ours(void **state)
{
	(void)state;
	struct dht_store *store = NULL;
	char garbage[5000];
	memset(garbage, 'g', sizeof(garbage));
	write_file(garbage, sizeof(garbage));
	assert_int_equal(dht_store_open(path, &config, &store), -EBADMSG);
	unlink(path);
	run_sql("CREATE TABLE bookmarks(url)");
	assert_int_equal(dht_store_open(path, &config, &store), -EBADMSG);
	unlink(path);
	run_sql("PRAGMA user_version=3");
	assert_int_equal(dht_store_open(path, &config, &store), -EBADMSG);
	unlink(path);
	dht_store_close(opened());
	run_sql("PRAGMA user_version=3"); /* of a later kadns */
	assert_int_equal(dht_store_open(path, &config, &store), -EBADMSG);
	run_sql("PRAGMA user_version=1; DROP TABLE nodes");
	assert_int_equal(dht_store_open(path, &config, &store), -EBADMSG);
	run_sql("CREATE TABLE nodes(id, endpoint); PRAGMA application_id=7");
	assert_int_equal(dht_store_open(path, &config, &store), -EBADMSG);
	unlink(path);

	char other[128];
	snprintf(other, sizeof(other), "%s.other", path);
	assert_int_equal(symlink(other, path), 0); /* would be made where someone else likes */
	assert_int_equal(dht_store_open(path, &config, &store), -EBADMSG);
	assert_int_equal(access(other, F_OK), -1);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(dht_store_open(path, &config, &store), -EBADMSG);
	rmdir(path);
	assert_int_equal(dht_store_open("/nonexistent/guests.db", &config, &store), -ENOENT);
	assert_null(store);
}

static void the_file_is_private(void **state)
{
	(void)state;
	mode_t before = umask(0);
	dht_store_close(opened());
	umask(before);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* Each breaks the one row; none may come back as an item. */
static void broken_rows_are_absent(void **state)
{
	(void)state;
	static const char *const damage[] = {"value=x'6930'", "value=x''", "value=zeroblob(1001)",
		"value=x'313a79'", "key=zeroblob(31)", "key=zeroblob(32)", "key=NULL",
		"sig=zeroblob(65)", "sig=NULL", "salt=zeroblob(65)", "salt=NULL", "salt=x'00'",
		"seq=NULL", "value=zeroblob(900000)"};
	for (size_t i = 0; i < sizeof(damage) / sizeof(*damage); i++) {
		char text[128];
		struct dht_item item = mutable_item(1, "s", 1, "x");
		struct dht_store *store = opened();
		assert_int_equal(keep(store, &item, NOW), 0);
		dht_store_close(store);
		snprintf(text, sizeof(text), "UPDATE items SET %s", damage[i]);
		run_sql(text);
		store = opened();
		struct dht_item found;
		struct dht_id target;
		dht_item_target(&item, &target);
		int r = dht_store_find(store, &target, NULL, NOW, &found);
		if (strcmp(damage[i], "value=x'313a79'") == 0) {
			assert_int_equal(
				r, 0); /* well formed: its signature is the reader's to judge */
			assert_int_equal(dht_item_verify(&found), -EBADMSG);
		} else if (r != -ENOENT) {
			fail_msg("%s: %d", damage[i], r);
		}
		assert_int_equal(keep(store, &item, NOW), 0); /* and a new put mends it */
		assert_int_equal(find(store, &item, NOW), 0);
		dht_store_close(store);
	}
}

static void triggers_in_the_file_do_not_run(void **state)
{
	(void)state;
	struct dht_id id, again;
	struct dht_store *store = opened();
	assert_int_equal(dht_store_own_id(store, (const uint8_t[20]){1}, &id), 0);
	dht_store_close(store);
	run_sql("CREATE TRIGGER evil AFTER INSERT ON items BEGIN DELETE FROM self; END");
	store = opened();
	struct dht_item item = immutable_item(1);
	assert_int_equal(keep(store, &item, NOW), 0);
	assert_int_equal(dht_store_own_id(store, (const uint8_t[20]){2}, &again), 0);
	assert_true(dht_id_equal(&id, &again));
	dht_store_close(store);
}

/* The page of a tree wiped out: noticed at the start, not at the first look-up. */
static void refuses_lost_pages(void **state)
{
	(void)state;
	static const uint8_t nothing[4096];
	uint8_t image[200000];
	struct dht_store *store = opened();
	for (unsigned i = 0; i < 100; i++) {
		struct dht_item item = immutable_item(i);
		assert_int_equal(keep(store, &item, NOW), 0);
	}
	dht_store_close(store);
	size_t len = read_file(image, sizeof(image));
	for (size_t page = 4096; page + 4096 <= len; page += 4096) {
		uint8_t lost[4096];
		memcpy(lost, image + page, 4096);
		memcpy(image + page, nothing, 4096);
		write_file(image, len);
		memcpy(image + page, lost, 4096);
		assert_int_equal(dht_store_open(path, &config, &store), -EBADMSG);
	}
	write_file(image, len);
	dht_store_close(opened());
}

/* Any byte of the file may have changed: opening says so, or what is found is well formed. */
static void survives_random_damage(void **state)
{
	(void)state;
	struct dht_item items[40];
	struct dht_store *store = opened();
	for (unsigned i = 0; i < 40; i++) {
		items[i] = mutable_item((uint8_t)(i + 1), "salt", i, "some text to be found again");
		assert_int_equal(keep(store, &items[i], NOW), 0);
	}
	dht_store_close(store);
	uint8_t image[200000], copy[sizeof(image)];
	size_t len = read_file(image, sizeof(image));

	uint32_t random = 1;
	unsigned refused = 0, absent = 0;
	for (int round = 0; round < 300; round++) {
		memcpy(copy, image, len);
		for (int i = 0; i < 1 + round % 8; i++) {
			random = random * 1664525 + 1013904223;
			copy[(random >> 8) % (round % 2 ? 200 : len)] ^= (uint8_t)(1 << random % 8);
		}
		write_file(copy, len - (round % 5 ? 0 : (random >> 8) % len));
		if (dht_store_open(path, &config, &store) != 0) {
			refused++;
			continue;
		}
		for (unsigned i = 0; i < 40; i++) {
			struct dht_id target, found_target;
			struct dht_item found;
			dht_item_target(&items[i], &target);
			if (dht_store_find(store, &target, NULL, NOW, &found) != 0) {
				absent++;
				continue;
			}
			dht_item_target(&found, &found_target);
			assert_true(dht_id_equal(&target, &found_target));
		}
		keep(store, &items[0], NOW);
		dht_store_flush(store, NOW, NOW);
		dht_store_close(store);
	}
	assert_true(refused > 50 && absent > 0);
}

/* The disk is full for a while: it is said, nothing breaks, and later all is well. */
static void a_full_disk_heals(void **state)
{
	(void)state;
	struct dht_store *store = opened();
	struct dht_item first = immutable_item(0), item;
	assert_int_equal(keep(store, &first, NOW), 0);
	assert_int_equal(dht_store_flush(store, NOW, NOW), 0);

	struct rlimit before, tight = {100000, 100000};
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	tight.rlim_max = before.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	int said = 0;
	for (unsigned i = 1; i < 5000; i++) {
		item = immutable_item(i);
		said |= keep(store, &item, NOW);
		if (i % 100 == 0)
			said |= dht_store_flush(store, NOW, NOW);
	}
	assert_true(said < 0);
	assert_int_equal(find(store, &first, NOW), 0);

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	dht_store_flush(store, NOW, NOW);
	item = immutable_item(9999);
	assert_int_equal(keep(store, &item, NOW), 0);
	assert_int_equal(dht_store_flush(store, NOW, NOW), 0);
	size_t items = dht_store_items(store);
	dht_store_close(store);
	store = opened();
	assert_int_equal(dht_store_items(store), items); /* the count stayed true all the while */
	assert_int_equal(find(store, &first, NOW), 0);
	assert_int_equal(find(store, &item, NOW), 0);
	dht_store_close(store);
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keeps_items),
		TEST(largest_item),
		TEST(items_expire),
		TEST(wrong_clock_does_not_keep_for_ever),
		TEST(a_full_store_stays_full),
		TEST(a_kill_loses_only_what_was_not_flushed),
		TEST(one_daemon_at_a_time),
		TEST(refuses_what_is_not_ours),
		TEST(the_file_is_private),
		TEST(broken_rows_are_absent),
		TEST(triggers_in_the_file_do_not_run),
		TEST(refuses_lost_pages),
		TEST(survives_random_damage),
		TEST(a_full_disk_heals),
		TEST(nodes_come_back),
		TEST(the_id_stays),
		TEST(the_id_outlives_a_kill),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
