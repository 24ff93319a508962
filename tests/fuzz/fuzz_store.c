/* Fuzz target: the store's file (guests.db), as anybody may have written it. The input is rows, of
 * any types, of tables without any constraints; or the whole file. Whatever of it is taken is
 * within the bounds and where it belongs, and what is written after that is read again. */
#undef NDEBUG
#include "dht/bencode.h"
#include "dht/store.h"
#include "tests/directory.h"

#include <assert.h>
#include <sqlite3.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ITEMS_MAX 16
#define BYTES_MAX 6000
#define ROWS_MAX 40
#define NODES_MAX 8
#define LIFETIME 7200

/* As in store_file.c, but that anything goes. */
static const char schema[] =
	"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
	"CREATE TABLE items(target, key, salt, sig, seq, value, expires, host, net, puts, asks);"
	"CREATE TABLE nodes(id, endpoint);"
	"CREATE TABLE self(id);"
	"CREATE TABLE state(secret, steady, wall);"
	"PRAGMA application_id=1801544814;"
	"PRAGMA user_version=2;";

static char directory[DIRECTORY_CAP], path[DIRECTORY_CAP + 16];

static void clean(void)
{
	directory_remove(directory);
}

static void begin(void)
{
	static const char *const suffix[] = {"", "-wal", "-shm", "-journal"};
	char name[sizeof(path) + 16];
	if (!directory[0]) {
		assert(directory_make(directory) == 0);
		snprintf(path, sizeof(path), "%s/guests.db", directory);
		atexit(clean);
	}
	for (size_t i = 0; i < sizeof(suffix) / sizeof(*suffix); i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffix[i]);
		unlink(name);
	}
}

/* ---- rows ---- */

struct input {
	const uint8_t *at;
	size_t len;
};

static uint8_t take_byte(struct input *in)
{
	if (!in->len)
		return 0;
	in->len--;
	return *in->at++;
}

static struct bytes take_bytes(struct input *in, size_t len)
{
	struct bytes b = {in->at, len < in->len ? len : in->len};
	in->at += b.len;
	in->len -= b.len;
	return b;
}

/* Lengths that are right are the likely ones: a byte below 224 is that of a blob, four times as
 * long where the column may be long. */
static void bind_any(sqlite3_stmt *s, int column, struct input *in, bool is_long)
{
	uint8_t kind = take_byte(in);
	int64_t n = 0;
	if (kind < 224) {
		struct bytes b = take_bytes(in, kind * (is_long ? 4u : 1u));
		sqlite3_bind_blob(s, column, b.data, (int)b.len, SQLITE_TRANSIENT);
	} else if (kind < 248) {
		struct bytes b = take_bytes(in, kind % 9);
		memcpy(&n, b.data, b.len);
		sqlite3_bind_int64(s, column, n);
	} else if (kind < 252) {
		struct bytes b = take_bytes(in, 8);
		sqlite3_bind_text(s, column, (const char *)b.data, (int)b.len, SQLITE_TRANSIENT);
	} else if (kind < 254) {
		sqlite3_bind_double(s, column, kind * 1e300);
	} else {
		sqlite3_bind_null(s, column);
	}
}

/* An item that may well be one: only its numbers are anything. */
static void bind_item(sqlite3_stmt *s, struct input *in, struct dht_id *ret_target)
{
	struct dht_item item = {.is_mutable = take_byte(in) % 2};
	item.salt_len = take_byte(in) % (DHT_SALT_MAX + 1);
	memset(item.key, take_byte(in), sizeof(item.key));
	memset(item.salt, 's', item.salt_len);
	struct bytes value = take_bytes(in, take_byte(in) * 4u);
	if (dht_item_set_string(&item, value.data, value.len) < 0)
		dht_item_set_string(&item, "", 0);
	dht_item_target(&item, ret_target);
	sqlite3_bind_blob(s, 1, ret_target->b, DHT_ID_LEN, SQLITE_TRANSIENT);
	if (item.is_mutable) {
		sqlite3_bind_blob(s, 2, item.key, DHT_KEY_LEN, SQLITE_TRANSIENT);
		sqlite3_bind_blob(s, 3, item.salt, item.salt_len, SQLITE_TRANSIENT);
		sqlite3_bind_blob(s, 4, item.sig, DHT_SIG_LEN, SQLITE_TRANSIENT);
		sqlite3_bind_int64(s, 5, take_byte(in));
	}
	sqlite3_bind_blob(s, 6, item.value, item.value_len, SQLITE_TRANSIENT);
	for (int column = 7; column <= 11; column++)
		bind_any(s, column, in, false);
}

/* Every row has a target: those made whole, and those that are twenty bytes by chance. */
static size_t write_rows(struct input *in, struct dht_id targets[ROWS_MAX])
{
	static const char *const inserts[] = {"INSERT INTO items VALUES(?,?,?,?,?,?,?,?,?,?,?)",
		"INSERT INTO nodes VALUES(?,?)", "INSERT INTO self VALUES(?)",
		"INSERT INTO state VALUES(?,?,?)"};
	sqlite3 *db;
	size_t len = 0;
	assert(sqlite3_open(path, &db) == SQLITE_OK);
	assert(sqlite3_exec(db, schema, NULL, NULL, NULL) == SQLITE_OK);
	assert(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK);
	for (unsigned rows = 0; in->len && rows < ROWS_MAX; rows++) {
		sqlite3_stmt *s;
		uint8_t which = take_byte(in) % 8;
		unsigned table = which < 4 ? which : 0;
		assert(sqlite3_prepare_v2(db, inserts[table], -1, &s, NULL) == SQLITE_OK);
		if (which >= 4)
			bind_item(s, in, &targets[len++]);
		else
			for (int i = 1; i <= sqlite3_bind_parameter_count(s); i++)
				bind_any(s, i, in, table == 0 && i == 6);
		assert(sqlite3_step(s) == SQLITE_DONE);
		sqlite3_finalize(s);
	}
	assert(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
	assert(sqlite3_close(db) == SQLITE_OK);
	return len;
}

/* ---- the store ---- */

static void assert_bounded(const struct dht_store *store)
{
	struct dht_store_counters c;
	dht_store_count(store, &c);
	assert(c.items <= ITEMS_MAX && c.bytes <= BYTES_MAX);
}

static void find(struct dht_store *store, const struct dht_id *target, int64_t steady)
{
	struct dht_item item;
	struct dht_id its;
	struct bencode value;
	if (dht_store_find(store, target, NULL, steady, &item) < 0)
		return;
	assert(item.value_len <= DHT_VALUE_MAX && item.salt_len <= DHT_SALT_MAX);
	dht_item_target(&item, &its);
	assert(dht_id_equal(&its, target));
	assert(bencode_open(item.value, item.value_len, &value) == 0);
}

static void use(struct dht_store *store, const struct dht_id *targets, size_t len)
{
	const int64_t now = INT64_C(1800000000000000);
	const uint8_t random[DHT_ID_LEN] = {7};
	struct dht_contact nodes[NODES_MAX];
	size_t nodes_len;
	struct dht_item item = {0};
	struct dht_id id;
	assert_bounded(store);
	if (dht_store_load_nodes(store, nodes, NODES_MAX, &nodes_len) == 0)
		for (size_t i = 0; i < nodes_len; i++)
			assert(nodes[i].endpoint.family == 4 || nodes[i].endpoint.family == 6);
	dht_store_own_id(store, random, &id);
	dht_store_begin(store, now, now);
	for (size_t i = 0; i < len; i++)
		find(store, &targets[i], now + 1);
	assert(dht_item_set_string(&item, "ours", 4) == 0);
	dht_item_target(&item, &id);
	if (dht_store_keep(store, &id, &item, NULL, now + 2) == 0)
		assert(dht_store_find(store, &id, NULL, now + 3, &item) == 0);
	assert_bounded(store);
	/* A lifetime later nothing of it is left. */
	dht_store_flush(store, now + 4, now + 4);
	for (size_t i = 0; i < len; i++)
		find(store, &targets[i], now + 5);
	assert(dht_store_find(store, &id, NULL, now + (LIFETIME + 1) * INT64_C(1000000), &item) <
		0);
	dht_store_close(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char magic[] = "SQLite format 3";
	const struct dht_store_config config = {
		.lifetime = LIFETIME, .items_max = ITEMS_MAX, .bytes_max = BYTES_MAX};
	struct dht_id targets[ROWS_MAX];
	struct input in = {data, len};
	struct dht_store *store;
	size_t targets_len = 0;
	begin();
	if (len >= sizeof(magic) && !memcmp(data, magic, sizeof(magic))) {
		FILE *f = fopen(path, "wb");
		assert(f && fwrite(data, 1, len, f) == len && fclose(f) == 0);
	} else {
		targets_len = write_rows(&in, targets);
	}
	/* Twice: what the first run has written is as good as any. */
	for (unsigned run = 0; run < 2; run++) {
		if (dht_store_open(path, &config, &store) < 0)
			return 0;
		use(store, targets, targets_len);
	}
	return 0;
}
