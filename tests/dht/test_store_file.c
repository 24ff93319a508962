/* dht/store, its file: nobody trusts it, whoever has written it. */
#undef NDEBUG
#include "store_world.h"

#include <errno.h>
#include <sys/stat.h>

#include "dht/store_secret.h"

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

/* As the first kadns made it: an item with a salt, 499 without a key, a node, an id. */
static void make_first_version(void)
{
	run_sql("CREATE TABLE items(target BLOB NOT NULL PRIMARY KEY, key BLOB, salt BLOB, sig "
		"BLOB,"
		" seq INTEGER, value BLOB NOT NULL, expires INTEGER NOT NULL) STRICT;"
		"CREATE INDEX items_by_expiry ON items(expires);"
		"CREATE TABLE nodes(id BLOB NOT NULL, endpoint BLOB NOT NULL) STRICT;"
		"CREATE TABLE self(id BLOB NOT NULL) STRICT;"
		"PRAGMA application_id=1801544814; PRAGMA user_version=1;"
		"INSERT INTO self VALUES(x'0102030405060708090a0b0c0d0e0f1011121314');"
		"INSERT INTO nodes VALUES(zeroblob(20), x'c0000201000f');");
	sqlite3 *db;
	sqlite3_stmt *insert;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(db, "INSERT INTO items VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)", -1,
			&insert, NULL),
		SQLITE_OK);
	for (unsigned i = 0; i < 500; i++) {
		struct dht_item item = i ? immutable_item(i) : mutable_item(1, "salt", 7, "text");
		struct dht_id target;
		dht_item_target(&item, &target);
		sqlite3_bind_blob(insert, 1, target.b, DHT_ID_LEN, SQLITE_TRANSIENT);
		sqlite3_bind_blob(insert, 6, item.value, item.value_len, SQLITE_TRANSIENT);
		sqlite3_bind_int64(insert, 7, NOW + 600 * SECOND);
		if (i == 0) {
			sqlite3_bind_blob(insert, 2, item.key, DHT_KEY_LEN, SQLITE_TRANSIENT);
			sqlite3_bind_blob(insert, 3, item.salt, item.salt_len, SQLITE_TRANSIENT);
			sqlite3_bind_blob(insert, 4, item.sig, DHT_SIG_LEN, SQLITE_TRANSIENT);
			sqlite3_bind_int64(insert, 5, item.seq);
		}
		assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
		sqlite3_reset(insert);
		sqlite3_clear_bindings(insert);
	}
	sqlite3_finalize(insert);
	sqlite3_close(db);
}

/* A host whose cell is 0, which rows without a host might be charged to. */
static struct dht_endpoint host_of_cell_0(void)
{
	uint8_t secret[STORE_SECRET_LEN];
	struct dht_endpoint from = {.family = 4, .ip = {10}, .port = 1};
	sqlite3 *db;
	sqlite3_stmt *s;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(db, "SELECT secret FROM state", -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	assert_int_equal(sqlite3_column_bytes(s, 0), STORE_SECRET_LEN);
	memcpy(secret, sqlite3_column_blob(s, 0), STORE_SECRET_LEN);
	sqlite3_finalize(s);
	sqlite3_close(db);
	for (unsigned i = 0; store_source(secret, true, &from).host != 0; i++)
		memcpy(from.ip + 1, &i, 3);
	return from;
}

/* Items, nodes and the id survive; and nobody is charged with what came without a source. */
static void reads_the_first_version(void **state)
{
	(void)state;
	make_first_version();
	config.limits = true;
	config.items_max = 1000;
	for (int run = 0; run < 2; run++) {
		struct dht_store *store = opened();
		struct dht_contact node;
		struct dht_id id;
		struct dht_item item = mutable_item(1, "salt", 7, "text");
		size_t len;
		assert_int_equal(dht_store_begin(store, NOW, NOW), 0);
		assert_int_equal(dht_store_items(store), 500);
		assert_int_equal(find(store, &item, NOW), 0);
		item = immutable_item(77);
		assert_int_equal(find(store, &item, NOW), 0);
		assert_int_equal(find(store, &item, NOW + 601 * SECOND), -ENOENT);
		assert_int_equal(dht_store_load_nodes(store, &node, 1, &len), 0);
		assert_int_equal(len, 1);
		assert_int_equal(node.endpoint.port, 15);
		assert_int_equal(dht_store_own_id(store, (const uint8_t[DHT_ID_LEN]){0}, &id), 0);
		assert_int_equal(id.b[19], 0x14);
		dht_store_close(store);
	}
	struct dht_endpoint from = host_of_cell_0();
	struct dht_store *store = opened();
	struct dht_item item;
	for (unsigned i = 0; i < 10; i++) {
		item = immutable_item(1000 + i);
		assert_int_equal(keep_from(store, &item, &from, NOW), 0);
	}
	item = immutable_item(2000);
	assert_int_equal(keep_from(store, &item, &from, NOW), -EDQUOT);
	dht_store_close(store);
}

/* Somebody made a large file for us: what is more than the store may hold takes no memory, what is
 * near to our id is kept of it, and the rest is gone from the file. */
static void takes_of_a_large_file_what_is_near(void **state)
{
	(void)state;
	static const struct dht_id own = {{0xf0}}; /* not where an id of zeros would look */
	struct dht_store *store = opened();
	assert_int_equal(dht_store_set_own_id(store, &own), 0);
	for (unsigned i = 0; i < 15000; i++) {
		struct dht_item item = immutable_item(i);
		assert_int_equal(keep(store, &item, NOW), 0);
	}
	dht_store_close(store);
	run_sql("INSERT INTO items(target, value, expires)"
		" VALUES(x'00', x'00', 0)");

	config.items_max = 100;
	for (int run = 0; run < 2; run++) {
		struct dht_store_counters c;
		store = opened();
		dht_store_count(store, &c);
		assert_int_equal(c.items, 100);
		assert_in_range(c.memory, 1, 1200000); /* of 15,000 entries it would be 2.4 MB */
		assert_int_equal(c.evictions + c.refused_full, 0); /* nobody was refused today */
		for (unsigned i = 0; i < 15000; i++) {
			struct dht_item item = immutable_item(i);
			struct dht_id target;
			dht_item_target(&item, &target);
			if (dht_id_shared_bits(&own, &target) >= 9)
				assert_int_equal(find(store, &item, NOW), 0);
		}
		dht_store_close(store);
	}
	sqlite3 *db;
	sqlite3_stmt *s;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(db, "SELECT count(*) FROM items", -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(s, 0), 100);
	sqlite3_finalize(s);
	sqlite3_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_what_is_not_ours),
		TEST(the_file_is_private),
		TEST(broken_rows_are_absent),
		TEST(triggers_in_the_file_do_not_run),
		TEST(refuses_lost_pages),
		TEST(survives_random_damage),
		TEST(reads_the_first_version),
		TEST(takes_of_a_large_file_what_is_near),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
