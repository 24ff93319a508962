/* Guests' items, the routing table and our id in SQLite; see store.h. */
#include "dht/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "dht/bencode.h"
#include "dht/store_file.h"

#define MICROSECONDS 1000000

enum statement {
	FIND_ITEM,
	REPLACE_ITEM,
	INSERT_ITEM,
	EVICT_ITEM,
	EXPIRE_ITEMS,
	SHORTEN_ITEMS,
	COUNT_ITEMS,
	DELETE_NODES,
	INSERT_NODE,
	LOAD_NODES,
	FIND_SELF,
	DELETE_SELF,
	INSERT_SELF,
	STATEMENTS,
};

static const char *const sql[STATEMENTS] = {
	[FIND_ITEM] = "SELECT key, salt, sig, seq, value FROM items WHERE target=?1 AND expires>?2",
	[REPLACE_ITEM] = "UPDATE items SET key=?2, salt=?3, sig=?4, seq=?5, value=?6, expires=?7"
			 " WHERE target=?1",
	[INSERT_ITEM] = "INSERT INTO items VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[EVICT_ITEM] = "DELETE FROM items WHERE rowid="
		       "(SELECT rowid FROM items ORDER BY expires LIMIT 1)",
	[EXPIRE_ITEMS] = "DELETE FROM items WHERE expires<=?1",
	[SHORTEN_ITEMS] = "UPDATE items SET expires=?1 WHERE expires>?1",
	[COUNT_ITEMS] = "SELECT count(*) FROM items",
	[DELETE_NODES] = "DELETE FROM nodes",
	[INSERT_NODE] = "INSERT INTO nodes VALUES(?1, ?2)",
	[LOAD_NODES] = "SELECT id, endpoint FROM nodes ORDER BY rowid",
	[FIND_SELF] = "SELECT id FROM self",
	[DELETE_SELF] = "DELETE FROM self",
	[INSERT_SELF] = "INSERT INTO self VALUES(?1)",
};

struct dht_store {
	sqlite3 *db;
	sqlite3_stmt *statement[STATEMENTS];
	int64_t lifetime; /* microseconds */
	size_t items;
};

static int execute(struct dht_store *store, const char *text)
{
	return store_error_of(sqlite3_exec(store->db, text, NULL, NULL, NULL));
}

/* Runs a statement whose parameters are bound: 1 a row stands ready (finish with `done`), 0
 * it is over, or negative errno. */
static int step(sqlite3_stmt *s)
{
	int code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		return 1;
	sqlite3_reset(s);
	return store_error_of(code);
}

static void done(sqlite3_stmt *s)
{
	sqlite3_reset(s);
	sqlite3_clear_bindings(s); /* they point into the caller's memory */
}

static void bind_blob(sqlite3_stmt *s, int at, const void *data, size_t len)
{
	sqlite3_bind_blob(s, at, data, (int)len, SQLITE_STATIC);
}

/* A blob of min to max bytes into `buf`; its length, or -1 where the column is anything else. */
static int column(sqlite3_stmt *s, int at, void *buf, size_t min, size_t max)
{
	if (sqlite3_column_type(s, at) != SQLITE_BLOB)
		return -1;
	const void *data = sqlite3_column_blob(s, at);
	size_t len = (size_t)sqlite3_column_bytes(s, at);
	if (len < min || len > max)
		return -1;
	if (len > 0)
		memcpy(buf, data, len);
	return (int)len;
}

static int begin(struct dht_store *store)
{
	return sqlite3_get_autocommit(store->db) ? execute(store, "BEGIN IMMEDIATE") : 0;
}

static int commit(struct dht_store *store)
{
	return sqlite3_get_autocommit(store->db) ? 0 : execute(store, "COMMIT");
}

/* Also after an error, when SQLite may have rolled back what was gathered. */
static int count_items(struct dht_store *store)
{
	sqlite3_stmt *s = store->statement[COUNT_ITEMS];
	int r = step(s);
	if (r == 1)
		store->items = (size_t)sqlite3_column_int64(s, 0);
	done(s);
	return r < 0 ? r : 0;
}

static int prepare(struct dht_store *store)
{
	for (int i = 0; i < STATEMENTS; i++) {
		int code = sqlite3_prepare_v3(store->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
			&store->statement[i], NULL);
		if (code != SQLITE_OK)
			return store_error_of(code);
	}
	return 0;
}

int dht_store_open(const char *path, int64_t lifetime_seconds, struct dht_store **ret_store)
{
	struct dht_store *store = calloc(1, sizeof(*store));
	if (!store)
		return -ENOMEM;
	store->lifetime = lifetime_seconds * MICROSECONDS;
	int r = store_file_open(path, &store->db);
	if (r == 0)
		r = prepare(store);
	if (r == 0)
		r = count_items(store);
	if (r < 0) {
		dht_store_close(store);
		return r;
	}
	*ret_store = store;
	return 0;
}

void dht_store_close(struct dht_store *store)
{
	if (!store)
		return;
	if (store->db)
		commit(store);
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(store->statement[i]);
	sqlite3_close(store->db);
	free(store);
}

/* False where the row cannot be what we wrote. */
static bool read_item(sqlite3_stmt *s, struct dht_item *ret_item)
{
	struct bencode value;
	*ret_item = (struct dht_item){.is_mutable = sqlite3_column_type(s, 0) != SQLITE_NULL};
	if (ret_item->is_mutable) {
		int salt_len = column(s, 1, ret_item->salt, 0, DHT_SALT_MAX);
		if (column(s, 0, ret_item->key, DHT_KEY_LEN, DHT_KEY_LEN) < 0 || salt_len < 0 ||
			column(s, 2, ret_item->sig, DHT_SIG_LEN, DHT_SIG_LEN) < 0 ||
			sqlite3_column_type(s, 3) != SQLITE_INTEGER)
			return false;
		ret_item->salt_len = (uint8_t)salt_len;
		ret_item->seq = sqlite3_column_int64(s, 3);
	}
	int value_len = column(s, 4, ret_item->value, 1, DHT_VALUE_MAX);
	if (value_len < 0)
		return false;
	ret_item->value_len = (uint16_t)value_len;
	/* It becomes part of a packet: what is not bencode would spoil all of it. */
	return bencode_open(ret_item->value, ret_item->value_len, &value) == 0;
}

int dht_store_find(struct dht_store *store, const struct dht_id *target, int64_t wall,
	struct dht_item *ret_item)
{
	sqlite3_stmt *s = store->statement[FIND_ITEM];
	bind_blob(s, 1, target->b, DHT_ID_LEN);
	sqlite3_bind_int64(s, 2, wall);
	int r = step(s);
	bool sound = r == 1 && read_item(s, ret_item);
	done(s);
	if (r < 0)
		return r;
	if (!sound)
		return -ENOENT;
	struct dht_id found;
	dht_item_target(ret_item, &found);
	return dht_id_equal(&found, target) ? 0 : -ENOENT;
}

static int write_item(struct dht_store *store, enum statement which, const struct dht_id *target,
	const struct dht_item *item, int64_t expires)
{
	sqlite3_stmt *s = store->statement[which];
	bind_blob(s, 1, target->b, DHT_ID_LEN);
	if (item->is_mutable) {
		bind_blob(s, 2, item->key, DHT_KEY_LEN);
		bind_blob(s, 3, item->salt, item->salt_len);
		bind_blob(s, 4, item->sig, DHT_SIG_LEN);
		sqlite3_bind_int64(s, 5, item->seq);
	}
	bind_blob(s, 6, item->value, item->value_len);
	sqlite3_bind_int64(s, 7, expires);
	int r = step(s);
	done(s);
	return r;
}

static int run(struct dht_store *store, enum statement which)
{
	int r = step(store->statement[which]);
	done(store->statement[which]);
	return r;
}

static int insert_item(struct dht_store *store, const struct dht_id *target,
	const struct dht_item *item, int64_t expires)
{
	if (store->items >= DHT_STORE_ITEMS_MAX) {
		int r = run(store, EVICT_ITEM);
		if (r < 0)
			return r;
		store->items -= (size_t)sqlite3_changes(store->db);
	}
	int r = write_item(store, INSERT_ITEM, target, item, expires);
	if (r == 0)
		store->items++;
	return r;
}

/* An expiry that cannot overflow, whatever the clock says. */
static int64_t expiry(const struct dht_store *store, int64_t wall)
{
	int64_t expires;
	return __builtin_add_overflow(wall, store->lifetime, &expires) ? INT64_MAX : expires;
}

int dht_store_keep(struct dht_store *store, const struct dht_id *target,
	const struct dht_item *item, int64_t wall)
{
	if (item->value_len == 0 || item->value_len > DHT_VALUE_MAX ||
		item->salt_len > DHT_SALT_MAX)
		return -EINVAL;
	int64_t expires = expiry(store, wall);
	int r = begin(store);
	if (r == 0)
		r = write_item(store, REPLACE_ITEM, target, item, expires);
	if (r == 0 && sqlite3_changes(store->db) == 0)
		r = insert_item(store, target, item, expires);
	if (r < 0)
		count_items(store);
	return r;
}

int dht_store_flush(struct dht_store *store, int64_t wall)
{
	int r = begin(store);
	if (r < 0)
		return r;
	sqlite3_bind_int64(store->statement[EXPIRE_ITEMS], 1, wall);
	r = run(store, EXPIRE_ITEMS);
	if (r == 0) {
		store->items -= (size_t)sqlite3_changes(store->db);
		sqlite3_bind_int64(store->statement[SHORTEN_ITEMS], 1, expiry(store, wall));
		r = run(store, SHORTEN_ITEMS);
	}
	int committed = commit(store);
	if (r == 0)
		r = committed;
	if (r < 0)
		count_items(store);
	return r;
}

size_t dht_store_items(const struct dht_store *store)
{
	return store->items;
}

static int insert_node(struct dht_store *store, const struct dht_contact *node)
{
	sqlite3_stmt *s = store->statement[INSERT_NODE];
	uint8_t endpoint[18];
	bind_blob(s, 1, node->id.b, DHT_ID_LEN);
	bind_blob(s, 2, endpoint, dht_endpoint_write(&node->endpoint, endpoint));
	return run(store, INSERT_NODE);
}

/* Inside the gathered transaction, so that it is committed with the rest; a savepoint keeps
 * half a table from being. */
int dht_store_save_nodes(struct dht_store *store, const struct dht_contact *nodes, size_t len)
{
	int r = begin(store);
	if (r == 0)
		r = execute(store, "SAVEPOINT nodes");
	if (r < 0)
		return r;
	r = run(store, DELETE_NODES);
	for (size_t i = 0; i < len && r == 0; i++)
		r = insert_node(store, &nodes[i]);
	if (r < 0)
		execute(store, "ROLLBACK TO nodes");
	int released = execute(store, "RELEASE nodes");
	return r < 0 ? r : released;
}

int dht_store_load_nodes(
	struct dht_store *store, struct dht_contact *ret_nodes, size_t cap, size_t *ret_len)
{
	sqlite3_stmt *s = store->statement[LOAD_NODES];
	size_t n = 0;
	int r = 0;
	while (n < cap && (r = step(s)) == 1) {
		uint8_t endpoint[18];
		int len = column(s, 1, endpoint, 6, 18);
		if (column(s, 0, ret_nodes[n].id.b, DHT_ID_LEN, DHT_ID_LEN) > 0 && len > 0 &&
			dht_endpoint_read(endpoint, (size_t)len, &ret_nodes[n].endpoint) == 0)
			n++;
	}
	done(s);
	*ret_len = n;
	return r < 0 ? r : 0;
}

int dht_store_own_id(
	struct dht_store *store, const uint8_t random[DHT_ID_LEN], struct dht_id *ret_id)
{
	sqlite3_stmt *s = store->statement[FIND_SELF];
	int r = step(s);
	bool found = r == 1 && column(s, 0, ret_id->b, DHT_ID_LEN, DHT_ID_LEN) > 0;
	done(s);
	if (r < 0 || found)
		return r < 0 ? r : 0;

	memcpy(ret_id->b, random, DHT_ID_LEN);
	r = begin(store);
	if (r == 0)
		r = run(store, DELETE_SELF);
	if (r == 0) {
		bind_blob(store->statement[INSERT_SELF], 1, random, DHT_ID_LEN);
		r = run(store, INSERT_SELF);
	}
	return r == 0 ? commit(store) : r;
}
