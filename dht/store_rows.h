/* The rows of the store's file: SQL, and nothing else. For dht/store*.c only.
 *
 * Rows are not trusted: one whose lengths or target do not hold is not an item. */
#ifndef DHT_STORE_ROWS_H
#define DHT_STORE_ROWS_H

#include "dht/item.h"
#include "dht/store_index.h"

struct store_rows;

struct store_state {
	bool known;	      /* the clocks below have been written */
	int64_t steady, wall; /* both at one moment, the last that this store was alive */
};

/* As store_file_open. The secret is the file's, made of `fresh` where it has none. */
int store_rows_open(const char *path, const uint8_t fresh[STORE_SECRET_LEN],
	struct store_rows **ret_rows, uint8_t ret_secret[STORE_SECRET_LEN]);
/* NULL is fine. Where the disk does not answer it is left as it is. */
void store_rows_close(struct store_rows *rows);
/* False: the disk does not answer, and the file can neither be read nor written. Now and then a
 * thread has the connection, to copy the log (store_copy): store_rows_begin, _find and _save_nodes
 * are -EBUSY then, which at other times they never are. */
bool store_rows_settle(struct store_rows *rows);

/* What is written lies between these two: all of it is in the file after the end, or nothing. */
int store_rows_begin(struct store_rows *rows);
/* Commits if `r`, what was said in between, is 0, and else rolls back; 0, `r`, or why not. */
int store_rows_end(struct store_rows *rows, int r);
uint64_t store_rows_commits(const struct store_rows *rows);

/* 0, -ENOENT or a read error. */
int store_rows_find(
	struct store_rows *rows, const struct dht_id *target, struct dht_item *ret_item);
int store_rows_write(
	struct store_rows *rows, const struct store_entry *e, const struct dht_item *item);
/* Its expiry, puts and asks. */
int store_rows_touch(struct store_rows *rows, const struct store_entry *e);
int store_rows_remove(struct store_rows *rows, const struct dht_id *target);
/* Each item, in no order; of the entry all is set that is in the file. Rows that are no items are
 * counted only. An error of `fn` ends it. */
typedef int store_row_fn(void *ctx, struct store_entry *e, const struct dht_item *item);
int store_rows_each(struct store_rows *rows, store_row_fn *fn, void *ctx, uint64_t *ret_rows);
/* Removes, in a transaction of its own, the rows of targets that nobody wants. */
typedef bool store_wanted_fn(void *ctx, const struct dht_id *target);
int store_rows_sweep(struct store_rows *rows, store_wanted_fn *wanted, void *ctx);

int store_rows_state(struct store_rows *rows, struct store_state *ret_state);
int store_rows_set_state(struct store_rows *rows, int64_t steady, int64_t wall);

/* The saved table replaced as a whole, or not at all, in a transaction of its own. */
int store_rows_save_nodes(struct store_rows *rows, const struct dht_contact *nodes, size_t len);
int store_rows_load_nodes(
	struct store_rows *rows, struct dht_contact *ret_nodes, size_t cap, size_t *ret_len);
/* 0, -ENOENT or an error. */
int store_rows_own_id(struct store_rows *rows, struct dht_id *ret_id);
/* In the transaction that has begun. */
int store_rows_set_own_id(struct store_rows *rows, const struct dht_id *id);

#endif
