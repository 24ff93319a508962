/* For the tests of dht/store: a directory of its own for each, a store in it, items and who brings
 * them. */
#ifndef TEST_DHT_STORE_WORLD_H
#define TEST_DHT_STORE_WORLD_H

#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "dht/store.h"
#include "tests/directory.h"

#define SECOND INT64_C(1000000)
#define NOW (INT64_C(1800000000) * SECOND)
#define LIFETIME 7200

static struct dht_store_config config;

static char directory[DIRECTORY_CAP], path[96];

static inline int make_directory(void **state)
{
	(void)state;
	config = (struct dht_store_config){.lifetime = LIFETIME};
	if (directory_make(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/guests.db", directory);
	return 0;
}

static inline int remove_directory(void **state)
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

static inline struct dht_store *opened(void)
{
	struct dht_store *store = NULL;
	assert_int_equal(dht_store_open(path, &config, &store), 0);
	assert_non_null(store);
	return store;
}

/* A signature is not looked at by the store, so any bytes do. */
static inline struct dht_item mutable_item(
	uint8_t key, const char *salt, int64_t seq, const char *text)
{
	struct dht_item item = {.is_mutable = true, .seq = seq};
	memset(item.key, key, sizeof(item.key));
	memset(item.sig, 0x5a, sizeof(item.sig));
	item.salt_len = (uint8_t)strlen(salt);
	memcpy(item.salt, salt, item.salt_len);
	assert_int_equal(dht_item_set_string(&item, text, strlen(text)), 0);
	return item;
}

static inline struct dht_item immutable_item(unsigned n)
{
	struct dht_item item = {0};
	assert_int_equal(dht_item_set_string(&item, &n, sizeof(n)), 0);
	return item;
}

static const struct dht_endpoint guest = {.family = 4, .ip = {192, 0, 2, 1}, .port = 6881};

static inline int keep_from(struct dht_store *store, const struct dht_item *item,
	const struct dht_endpoint *from, int64_t now)
{
	struct dht_id target;
	dht_item_target(item, &target);
	return dht_store_keep(store, &target, item, from, now);
}

static inline int keep(struct dht_store *store, const struct dht_item *item, int64_t now)
{
	return keep_from(store, item, &guest, now);
}

static inline int find(struct dht_store *store, const struct dht_item *like, int64_t wall)
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
static inline void run_sql(const char *text)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	char *message = NULL;
	if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", text, message);
	sqlite3_close(db);
}

/* Runs `body` in a process that then dies without closing anything. */
static inline void in_dying_process(void (*body)(void))
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)

#endif
