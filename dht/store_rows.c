/* The rows of the store's file; see store_rows.h. */
#include "dht/store_rows.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "dht/bencode.h"
#include "dht/store_copy.h"
#include "dht/store_file.h"

enum statement {
	FIND_ITEM,
	WRITE_ITEM,
	TOUCH_ITEM,
	REMOVE_ITEM,
	REMOVE_ROW,
	EACH_ITEM,
	EACH_TARGET,
	DELETE_NODES,
	INSERT_NODE,
	LOAD_NODES,
	FIND_SELF,
	DELETE_SELF,
	INSERT_SELF,
	FIND_STATE,
	DELETE_STATE,
	INSERT_STATE,
	SET_CLOCKS,
	STATEMENTS,
};

static const char *const sql[STATEMENTS] = {
	[FIND_ITEM] = "SELECT key, salt, sig, seq, value FROM items WHERE target=?1",
	[WRITE_ITEM] = "INSERT OR REPLACE INTO items"
		       "(target, key, salt, sig, seq, value, expires, host, net, puts, asks)"
		       " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
	[TOUCH_ITEM] = "UPDATE items SET expires=?2, puts=?3, asks=?4 WHERE target=?1",
	[REMOVE_ITEM] = "DELETE FROM items WHERE target=?1",
	[REMOVE_ROW] = "DELETE FROM items WHERE rowid=?1",
	[EACH_ITEM] = ("SELECT key, salt, sig, seq, value, target, expires, host, net, puts, asks"
		       " FROM items"),
	[EACH_TARGET] = "SELECT rowid, target FROM items",
	[DELETE_NODES] = "DELETE FROM nodes",
	[INSERT_NODE] = "INSERT INTO nodes VALUES(?1, ?2)",
	[LOAD_NODES] = "SELECT id, endpoint FROM nodes ORDER BY rowid",
	[FIND_SELF] = "SELECT id FROM self",
	[DELETE_SELF] = "DELETE FROM self",
	[INSERT_SELF] = "INSERT INTO self VALUES(?1)",
	[FIND_STATE] = "SELECT secret, steady, wall FROM state",
	[DELETE_STATE] = "DELETE FROM state",
	[INSERT_STATE] = "INSERT INTO state VALUES(?1, NULL, NULL)",
	[SET_CLOCKS] = "UPDATE state SET steady=?1, wall=?2",
};

struct store_rows {
	sqlite3 *db;
	sqlite3_stmt *statement[STATEMENTS];
	uint64_t commits;
	int log_pages; /* after the last commit */
	struct store_copy copy;
};

#define LOG_PAGES 1000	   /* worth a copy: as SQLite's own choice is */
#define PATIENCE_SECONDS 3 /* with the disk, at the start and the end */

/* With a hook SQLite leaves the checkpoints to us. */
static int on_commit(void *ctx, sqlite3 *db, const char *schema, int pages)
{
	struct store_rows *rows = ctx;
	(void)db;
	(void)schema;
	rows->log_pages = pages;
	return SQLITE_OK;
}

static int execute(struct store_rows *rows, const char *text)
{
	return store_error_of(sqlite3_exec(rows->db, text, NULL, NULL, NULL));
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

static int run(struct store_rows *rows, enum statement which)
{
	int r = step(rows->statement[which]);
	done(rows->statement[which]);
	return r < 0 ? r : 0;
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

static int prepare(struct store_rows *rows)
{
	for (int i = 0; i < STATEMENTS; i++) {
		int code = sqlite3_prepare_v3(
			rows->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &rows->statement[i], NULL);
		if (code != SQLITE_OK)
			return store_error_of(code);
	}
	return 0;
}

static int take_secret(struct store_rows *rows, const uint8_t fresh[STORE_SECRET_LEN],
	uint8_t ret_secret[STORE_SECRET_LEN])
{
	sqlite3_stmt *s = rows->statement[FIND_STATE];
	int r = step(s);
	bool found = r == 1 && column(s, 0, ret_secret, STORE_SECRET_LEN, STORE_SECRET_LEN) > 0;
	done(s);
	if (r < 0 || found)
		return r < 0 ? r : 0;
	memcpy(ret_secret, fresh, STORE_SECRET_LEN);
	r = store_rows_begin(rows);
	if (r == 0)
		r = run(rows, DELETE_STATE);
	if (r == 0) {
		bind_blob(rows->statement[INSERT_STATE], 1, ret_secret, STORE_SECRET_LEN);
		r = run(rows, INSERT_STATE);
	}
	return store_rows_end(rows, r);
}

int store_rows_open(const char *path, const uint8_t fresh[STORE_SECRET_LEN],
	struct store_rows **ret_rows, uint8_t ret_secret[STORE_SECRET_LEN])
{
	struct store_rows *rows = calloc(1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	int r = store_file_open(path, &rows->db);
	if (r == 0)
		r = prepare(rows);
	if (r == 0)
		r = take_secret(rows, fresh, ret_secret);
	if (r == 0)
		sqlite3_wal_hook(rows->db, on_commit, rows);
	if (r < 0) {
		store_rows_close(rows);
		return r;
	}
	*ret_rows = rows;
	return 0;
}

void store_rows_close(struct store_rows *rows)
{
	if (!rows || !store_rows_settle(rows)) /* it is the thread's then */
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(rows->statement[i]);
	sqlite3_close(rows->db);
	free(rows);
}

bool store_rows_settle(struct store_rows *rows)
{
	return store_copy_settle(&rows->copy, PATIENCE_SECONDS);
}

int store_rows_begin(struct store_rows *rows)
{
	if (store_copy_is_lent(&rows->copy))
		return -EBUSY;
	return execute(rows, "BEGIN IMMEDIATE");
}

/* On a full disk SQLite may have rolled back already, or may wait for us to. */
int store_rows_end(struct store_rows *rows, int r)
{
	if (store_copy_is_lent(&rows->copy)) /* nothing has begun */
		return r;
	if (r == 0)
		r = execute(rows, "COMMIT");
	rows->commits += r == 0;
	if (r == 0 && rows->log_pages >= LOG_PAGES)
		store_copy_begin(&rows->copy, rows->db);
	else if (r < 0 && !sqlite3_get_autocommit(rows->db))
		execute(rows, "ROLLBACK");
	return r;
}

uint64_t store_rows_commits(const struct store_rows *rows)
{
	return rows->commits;
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

static bool is_at(const struct dht_item *item, const struct dht_id *target)
{
	struct dht_id its;
	dht_item_target(item, &its);
	return dht_id_equal(&its, target);
}

int store_rows_find(struct store_rows *rows, const struct dht_id *target, struct dht_item *ret_item)
{
	if (store_copy_is_lent(&rows->copy))
		return -EBUSY;
	sqlite3_stmt *s = rows->statement[FIND_ITEM];
	bind_blob(s, 1, target->b, DHT_ID_LEN);
	int r = step(s);
	bool sound = r == 1 && read_item(s, ret_item);
	done(s);
	if (r < 0)
		return r;
	return sound && is_at(ret_item, target) ? 0 : -ENOENT;
}

int store_rows_write(
	struct store_rows *rows, const struct store_entry *e, const struct dht_item *item)
{
	sqlite3_stmt *s = rows->statement[WRITE_ITEM];
	bind_blob(s, 1, e->target.b, DHT_ID_LEN);
	if (item->is_mutable) {
		bind_blob(s, 2, item->key, DHT_KEY_LEN);
		bind_blob(s, 3, item->salt, item->salt_len);
		bind_blob(s, 4, item->sig, DHT_SIG_LEN);
		sqlite3_bind_int64(s, 5, item->seq);
	}
	bind_blob(s, 6, item->value, item->value_len);
	sqlite3_bind_int64(s, 7, e->expires);
	if (!e->ours)
		sqlite3_bind_int64(s, 8, e->host);
	sqlite3_bind_int64(s, 9, e->net);
	sqlite3_bind_int64(s, 10, e->puts);
	sqlite3_bind_int64(s, 11, e->asks);
	return run(rows, WRITE_ITEM);
}

int store_rows_touch(struct store_rows *rows, const struct store_entry *e)
{
	sqlite3_stmt *s = rows->statement[TOUCH_ITEM];
	bind_blob(s, 1, e->target.b, DHT_ID_LEN);
	sqlite3_bind_int64(s, 2, e->expires);
	sqlite3_bind_int64(s, 3, e->puts);
	sqlite3_bind_int64(s, 4, e->asks);
	return run(rows, TOUCH_ITEM);
}

int store_rows_remove(struct store_rows *rows, const struct dht_id *target)
{
	bind_blob(rows->statement[REMOVE_ITEM], 1, target->b, DHT_ID_LEN);
	return run(rows, REMOVE_ITEM);
}

/* A row that EACH_ITEM stands at. */
static bool read_row(sqlite3_stmt *s, struct store_entry *ret_entry, struct dht_item *ret_item)
{
	bool ours = sqlite3_column_type(s, 7) == SQLITE_NULL;
	int64_t host = sqlite3_column_int64(s, 7);
	*ret_entry = (struct store_entry){
		.slot = STORE_NONE,
		.expires = sqlite3_column_int64(s, 6),
		.written = sqlite3_column_int64(s, 6),
		.ours = ours,
		.charged = !ours && host >= 0 && host < STORE_CELLS,
		.host = (uint16_t)host,
		.net = (uint16_t)sqlite3_column_int64(s, 8),
		.puts = (uint32_t)sqlite3_column_int64(s, 9),
		.asks = (uint32_t)sqlite3_column_int64(s, 10),
	};
	return column(s, 5, ret_entry->target.b, DHT_ID_LEN, DHT_ID_LEN) > 0 &&
	       read_item(s, ret_item) && is_at(ret_item, &ret_entry->target);
}

int store_rows_each(struct store_rows *rows, store_row_fn *fn, void *ctx, uint64_t *ret_rows)
{
	sqlite3_stmt *s = rows->statement[EACH_ITEM];
	uint64_t seen = 0;
	int r = 0, said = 0;
	while (said == 0 && (r = step(s)) == 1) {
		struct store_entry e;
		struct dht_item item;
		seen++;
		if (read_row(s, &e, &item))
			said = fn(ctx, &e, &item);
	}
	done(s);
	*ret_rows = seen;
	return said < 0 ? said : r;
}

int store_rows_sweep(struct store_rows *rows, store_wanted_fn *wanted, void *ctx)
{
	sqlite3_stmt *s = rows->statement[EACH_TARGET];
	int r = store_rows_begin(rows), found = 0;
	while (r == 0 && (found = step(s)) == 1) {
		struct dht_id target;
		if (column(s, 1, target.b, DHT_ID_LEN, DHT_ID_LEN) > 0 && wanted(ctx, &target))
			continue;
		sqlite3_bind_int64(rows->statement[REMOVE_ROW], 1, sqlite3_column_int64(s, 0));
		r = run(rows, REMOVE_ROW);
	}
	done(s);
	return store_rows_end(rows, r < 0 ? r : found);
}

int store_rows_state(struct store_rows *rows, struct store_state *ret_state)
{
	if (!store_rows_settle(rows))
		return -EBUSY;
	sqlite3_stmt *s = rows->statement[FIND_STATE];
	int r = step(s);
	*ret_state = (struct store_state){0};
	if (r == 1)
		*ret_state = (struct store_state){
			.known = sqlite3_column_type(s, 1) == SQLITE_INTEGER &&
				 sqlite3_column_type(s, 2) == SQLITE_INTEGER,
			.steady = sqlite3_column_int64(s, 1),
			.wall = sqlite3_column_int64(s, 2),
		};
	done(s);
	return r < 0 ? r : 0;
}

int store_rows_set_state(struct store_rows *rows, int64_t steady, int64_t wall)
{
	sqlite3_bind_int64(rows->statement[SET_CLOCKS], 1, steady);
	sqlite3_bind_int64(rows->statement[SET_CLOCKS], 2, wall);
	return run(rows, SET_CLOCKS);
}

static int insert_node(struct store_rows *rows, const struct dht_contact *node)
{
	sqlite3_stmt *s = rows->statement[INSERT_NODE];
	uint8_t endpoint[18];
	bind_blob(s, 1, node->id.b, DHT_ID_LEN);
	bind_blob(s, 2, endpoint, dht_endpoint_write(&node->endpoint, endpoint));
	return run(rows, INSERT_NODE);
}

int store_rows_save_nodes(struct store_rows *rows, const struct dht_contact *nodes, size_t len)
{
	int r = store_rows_begin(rows);
	if (r == 0)
		r = run(rows, DELETE_NODES);
	for (size_t i = 0; i < len && r == 0; i++)
		r = insert_node(rows, &nodes[i]);
	return store_rows_end(rows, r);
}

int store_rows_load_nodes(
	struct store_rows *rows, struct dht_contact *ret_nodes, size_t cap, size_t *ret_len)
{
	*ret_len = 0;
	if (!store_rows_settle(rows))
		return -EBUSY;
	sqlite3_stmt *s = rows->statement[LOAD_NODES];
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

int store_rows_own_id(struct store_rows *rows, struct dht_id *ret_id)
{
	if (!store_rows_settle(rows))
		return -EBUSY;
	sqlite3_stmt *s = rows->statement[FIND_SELF];
	int r = step(s);
	bool found = r == 1 && column(s, 0, ret_id->b, DHT_ID_LEN, DHT_ID_LEN) > 0;
	done(s);
	return r < 0 ? r : found ? 0 : -ENOENT;
}

int store_rows_set_own_id(struct store_rows *rows, const struct dht_id *id)
{
	int r = run(rows, DELETE_SELF);
	if (r < 0)
		return r;
	bind_blob(rows->statement[INSERT_SELF], 1, id->b, DHT_ID_LEN);
	return run(rows, INSERT_SELF);
}
