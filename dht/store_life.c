/* The store's way from the file and back to it: opened, begun by the clocks of this run, committed,
 * closed; see store.h. */
#include "dht/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dht/store_inside.h"
#include "dht/store_secret.h"

#define MICROSECONDS 1000000
#define EXPIRE_A_FLUSH 2000 /* some 20 ms of the loop's time */
/* The file is told of a refresh when it knows a sixteenth of a lifetime less: twice an hour of a
 * lifetime of two hours is enough for each publisher that puts hourly. */
#define LAG_SHARE 16
#define GRACE (INT64_C(3600) * MICROSECONDS) /* see dht_store_begin */

/* Bounded as it is filled, because anybody may have made the file. */
static int load_row(void *ctx, struct store_entry *e, const struct dht_item *item)
{
	struct dht_store *store = ctx;
	if (store_index_find(&store->index, &e->target) != STORE_NONE)
		return 0; /* a damaged index of the file may show a row twice */
	e->digest = store_digest(store->secret, item);
	e->bytes = store_bytes_of(item);
	int r = store_make_room(
		store, 1, e->bytes, store_index_worth(&store->index, e), STORE_NONE);
	if (r < 0)
		return r == -ENOSPC ? 0 : r;
	return store_index_add(&store->index, e) == STORE_NONE ? -ENOMEM : 0;
}

static bool is_held(void *ctx, const struct dht_id *target)
{
	const struct dht_store *store = ctx;
	return store_index_find(&store->index, target) != STORE_NONE;
}

/* The index from the file. Rows that are broken or too many are removed at the end, by one
 * transaction; where that fails, for want of space say, the next start tries it again. */
static int load(struct dht_store *store)
{
	uint64_t rows;
	int r = store_rows_own_id(store->rows, &store->index.own);
	if (r == 0 || r == -ENOENT)
		r = store_rows_each(store->rows, load_row, store, &rows);
	if (r == 0)
		r = store_index_sort(&store->index);
	if (r < 0)
		return r;
	if (rows > store->index.len)
		store_rows_sweep(store->rows, is_held, store);
	struct store_entry *e = store->index.entries;
	for (uint32_t at = store->index.ages.first; at != STORE_NONE; at = e[at].age.next)
		e[at].in_file = true;
	store->counters = (struct dht_store_counters){0};
	return 0;
}

int dht_store_open(
	const char *path, const struct dht_store_config *config, struct dht_store **ret_store)
{
	uint8_t fresh[STORE_SECRET_LEN];
	if (getrandom(fresh, sizeof(fresh), 0) != sizeof(fresh))
		return -EIO;
	struct dht_store *store = calloc(1, sizeof(*store));
	if (!store)
		return -ENOMEM;
	store->lifetime = config->lifetime * MICROSECONDS;
	store->items_max = config->items_max ? config->items_max : DHT_STORE_ITEMS_MAX;
	store->bytes_max = config->bytes_max ? config->bytes_max : DHT_STORE_BYTES_MAX;
	store->limits = config->limits;
	store->latest = store->flushed = INT64_MIN;
	store->cache = calloc(STORE_CACHE_SLOTS, sizeof(*store->cache));
	int r = store->cache ? store_gathered_init(&store->gathered) : -ENOMEM;
	if (r == 0)
		r = store_rows_open(path, fresh, &store->rows, store->secret);
	if (r == 0)
		r = store_index_init(&store->index, store->items_max, store->secret);
	if (r == 0)
		r = load(store);
	if (r < 0) {
		dht_store_close(store);
		return r;
	}
	*ret_store = store;
	return 0;
}

/* The file need not know of every refresh: only of those that matter to it. */
static bool owes_touch(const struct dht_store *store, const struct store_entry *e)
{
	if (e->slot != STORE_NONE) /* it is written whole */
		return false;
	int64_t lag = store->touch_all ? 0 : store->lifetime / LAG_SHARE;
	return e->known_better || store_between(e->written, e->expires) > lag ||
	       (store->touch_all && e->expires != e->written);
}

typedef int touch_fn(struct dht_store *store, struct store_entry *e);

static int touch_row(struct dht_store *store, struct store_entry *e)
{
	return store_rows_touch(store->rows, e);
}

static int note_touched(struct dht_store *store, struct store_entry *e)
{
	(void)store;
	e->written = e->expires;
	e->known_better = false;
	return 0;
}

/* What was refreshed since the last commit is the last to expire. */
static int each_to_touch(struct dht_store *store, touch_fn *fn)
{
	int64_t since = store->touch_all ? INT64_MIN : store_later(store->flushed, store->lifetime);
	struct store_entry *e = store->index.entries;
	int r = 0;
	for (uint32_t at = store->index.ages.last;
		at != STORE_NONE && e[at].expires >= since && r == 0; at = e[at].age.prev) {
		if (owes_touch(store, &e[at]))
			r = fn(store, &e[at]);
	}
	return r;
}

int store_commit(struct dht_store *store)
{
	int r = store_rows_begin(store->rows);
	if (r == 0)
		r = store_gathered_write(&store->gathered, &store->index, store->rows);
	if (r == 0)
		r = each_to_touch(store, touch_row);
	if (r == 0 && store->own_unwritten)
		r = store_rows_set_own_id(store->rows, &store->index.own);
	if (r == 0 && store->clocks.known)
		r = store_rows_set_state(store->rows, store->clocks.steady, store->clocks.wall);
	r = store_rows_end(store->rows, r);
	store->error = r == -EBUSY ? 0 : r; /* it is back in a moment, and no fault of the disk's */
	if (r < 0)
		return r;
	each_to_touch(store, note_touched);
	store_gathered_written(&store->gathered, &store->index);
	store->flushed = store->latest;
	store->touch_all = store->own_unwritten = false;
	return 0;
}

void dht_store_close(struct dht_store *store)
{
	if (!store)
		return;
	if (store->rows && store->index.chains && store_rows_settle(store->rows)) {
		store->touch_all = true; /* also of what matters little */
		store_commit(store);
	}
	store_rows_close(store->rows);
	store_gathered_finish(&store->gathered);
	store_index_finish(&store->index);
	free(store->cache);
	free(store);
}

int dht_store_begin(struct dht_store *store, int64_t steady, int64_t wall)
{
	struct store_state last;
	int r = store_rows_state(store->rows, &last);
	if (r < 0)
		return r;
	int64_t end = store_later(steady, store->lifetime), shift = 0;
	if (last.known) {
		int64_t absent = store_between(last.wall, wall);
		if (absent > store->lifetime && store->lifetime > GRACE)
			end = store_later(steady, GRACE);
		if (absent < 0 || absent > store->lifetime)
			absent = 0;
		shift = store_between(store_later(last.steady, absent), steady);
	}
	struct store_entry *e = store->index.entries;
	for (uint32_t at = store->index.ages.first; at != STORE_NONE; at = e[at].age.next) {
		e[at].expires = store_later(e[at].expires, shift);
		if (e[at].expires > end)
			e[at].expires = end;
	}
	store->latest = steady;
	store->touch_all = true;	      /* what the file says is on the clock that it says */
	dht_store_flush(store, steady, wall); /* or a later one */
	return 0;
}

static int expire(struct dht_store *store, int64_t steady)
{
	int r = 0;
	for (int i = 0; i < EXPIRE_A_FLUSH && r == 0; i++) {
		uint32_t at = store->index.ages.first;
		if (at == STORE_NONE || store->index.entries[at].expires > steady)
			break;
		r = store_forget(store, at);
	}
	return r;
}

int dht_store_flush(struct dht_store *store, int64_t steady, int64_t wall)
{
	store_note_time(store, steady);
	store->clocks = (struct store_state){true, steady, wall};
	int r = expire(store, steady);
	return r == 0 ? store_commit(store) : r;
}

int dht_store_save_nodes(struct dht_store *store, const struct dht_contact *nodes, size_t len)
{
	return store_rows_save_nodes(store->rows, nodes, len);
}

int dht_store_load_nodes(
	struct dht_store *store, struct dht_contact *ret_nodes, size_t cap, size_t *ret_len)
{
	return store_rows_load_nodes(store->rows, ret_nodes, cap, ret_len);
}

int dht_store_set_own_id(struct dht_store *store, const struct dht_id *id)
{
	dht_store_near(store, id);
	store->own_unwritten = true;
	return store_commit(store);
}

int dht_store_own_id(
	struct dht_store *store, const uint8_t random[DHT_ID_LEN], struct dht_id *ret_id)
{
	if (store->own_unwritten) {
		*ret_id = store->index.own;
		return 0;
	}
	int r = store_rows_own_id(store->rows, ret_id);
	if (r != -ENOENT)
		return r;
	memcpy(ret_id->b, random, DHT_ID_LEN);
	dht_store_set_own_id(store, ret_id); /* the next commit may do better */
	return 0;
}
