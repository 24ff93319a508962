/* Guests' items, the routing table and our id; see store.h. The rows are store_rows, what they do
 * not know yet is store_gathered, what is known without looking is store_index; here is what is
 * taken, how long, and what gives way. The index is right at all times: it never has to be read
 * from the file again, whatever becomes of a commit. */
#include "dht/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dht/store_gathered.h"
#include "dht/store_index.h"
#include "dht/store_rows.h"
#include "dht/store_secret.h"

#define MICROSECONDS 1000000
#define HOST_SHARE 100	    /* of the items: one in so many for a host, */
#define NET_SHARE 25	    /* and for a network */
#define ROW_OVERHEAD 80	    /* of an item on disk, beside its own bytes */
#define CACHE_SLOTS 512	    /* items in memory: 600 kB */
#define EXPIRE_A_FLUSH 2000 /* some 20 ms of the loop's time */
/* The file is told of a refresh when it knows a sixteenth of a lifetime less: twice an hour of a
 * lifetime of two hours is enough for each publisher that puts hourly. */
#define LAG_SHARE 16
#define GRACE (INT64_C(3600) * MICROSECONDS) /* see dht_store_begin */

struct cached {
	uint64_t digest; /* of the item; 0: none */
	struct dht_item item;
};

struct dht_store {
	struct store_rows *rows;
	struct store_index index;
	struct store_gathered gathered;
	struct cached *cache;
	uint8_t secret[STORE_SECRET_LEN];
	size_t items_max, bytes_max;
	bool limits;
	int64_t lifetime;	   /* microseconds */
	int64_t latest;		   /* the steady clock at the last call */
	int64_t flushed;	   /* at the last commit */
	struct store_state clocks; /* what the file is told of them with each commit */
	bool touch_all;		   /* each expiry is to be told as well: the clock is another one */
	bool own_unwritten;	   /* the file does not know index.own */
	int error;		   /* of the last commit */
	struct dht_store_counters counters;
};

/* A sum that cannot overflow, whatever the clock or the file says. */
static int64_t later(int64_t at, int64_t by)
{
	int64_t sum;
	if (!__builtin_add_overflow(at, by, &sum))
		return sum;
	return by > 0 ? INT64_MAX : INT64_MIN;
}

static int64_t between(int64_t from, int64_t to)
{
	int64_t difference;
	if (!__builtin_sub_overflow(to, from, &difference))
		return difference;
	return to > from ? INT64_MAX : INT64_MIN;
}

static uint16_t bytes_of(const struct dht_item *item)
{
	size_t signature = item->is_mutable ? DHT_KEY_LEN + DHT_SIG_LEN + 8 + item->salt_len : 0;
	return (uint16_t)(ROW_OVERHEAD + DHT_ID_LEN + signature + item->value_len);
}

/* Nothing lives longer than a lifetime from now, also where the clock of an earlier run, or of a
 * test, stood years ahead. */
static void note_time(struct dht_store *store, int64_t steady)
{
	if (steady < store->latest) {
		int64_t end = later(steady, store->lifetime);
		struct store_entry *e = store->index.entries;
		for (uint32_t at = store->index.ages.first; at != STORE_NONE; at = e[at].age.next)
			if (e[at].expires > end)
				e[at].expires = end;
	}
	store->latest = steady;
}

static int forget(struct dht_store *store, uint32_t at)
{
	const struct store_entry *e = &store->index.entries[at];
	int r = e->in_file ? store_gathered_gone(&store->gathered, &e->target) : 0;
	if (r < 0)
		return r;
	store_gathered_drop(&store->gathered, &store->index, at);
	store_index_remove(&store->index, at);
	return 0;
}

static bool fits(const struct dht_store *store, size_t items, size_t bytes)
{
	return store->index.len + items <= store->items_max &&
	       store->index.bytes + bytes <= store->bytes_max;
}

static int refuse_full(struct dht_store *store)
{
	store->counters.refused_full++;
	return -ENOSPC;
}

/* Would it fit if all went that is worth no more than `worth`? Else nothing need go. */
static bool can_fit(
	const struct dht_store *store, size_t items, size_t bytes, uint8_t worth, uint32_t except)
{
	size_t below_items, below_bytes;
	store_index_below(&store->index, worth, except, &below_items, &below_bytes);
	return store->index.len - below_items + items <= store->items_max &&
	       store->index.bytes - below_bytes + bytes <= store->bytes_max;
}

/* Evicts what has expired, and then what is worth least, until so much more fits; never what is
 * worth more than `worth`, nor `except`. */
static int make_room(
	struct dht_store *store, size_t items, size_t bytes, uint8_t worth, uint32_t except)
{
	bool weighed = false;
	while (!fits(store, items, bytes)) {
		uint32_t at = store->index.ages.first;
		if (at == STORE_NONE || at == except ||
			store->index.entries[at].expires > store->latest) {
			if (!weighed && !can_fit(store, items, bytes, worth, except))
				return refuse_full(store);
			weighed = true;
			at = store_index_least(&store->index, except);
		}
		if (at == STORE_NONE)
			return refuse_full(store);
		int r = forget(store, at);
		if (r < 0)
			return r;
		store->counters.evictions++;
	}
	return 0;
}

/* Bounded as it is filled, because anybody may have made the file. */
static int load_row(void *ctx, struct store_entry *e, const struct dht_item *item)
{
	struct dht_store *store = ctx;
	if (store_index_find(&store->index, &e->target) != STORE_NONE)
		return 0; /* a damaged index of the file may show a row twice */
	e->digest = store_digest(store->secret, item);
	e->bytes = bytes_of(item);
	int r = make_room(store, 1, e->bytes, store_index_worth(&store->index, e), STORE_NONE);
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
	store->cache = calloc(CACHE_SLOTS, sizeof(*store->cache));
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
	return e->known_better || between(e->written, e->expires) > lag ||
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
	int64_t since = store->touch_all ? INT64_MIN : later(store->flushed, store->lifetime);
	struct store_entry *e = store->index.entries;
	int r = 0;
	for (uint32_t at = store->index.ages.last;
		at != STORE_NONE && e[at].expires >= since && r == 0; at = e[at].age.prev) {
		if (owes_touch(store, &e[at]))
			r = fn(store, &e[at]);
	}
	return r;
}

/* All that the file does not know, or nothing of it. */
static int commit(struct dht_store *store)
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
	store->error = r;
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
	if (store->rows && store->index.chains) {
		store->touch_all = true; /* also of what matters little */
		commit(store);
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
	int64_t end = later(steady, store->lifetime), shift = 0;
	if (last.known) {
		int64_t absent = between(last.wall, wall);
		if (absent > store->lifetime && store->lifetime > GRACE)
			end = later(steady, GRACE);
		if (absent < 0 || absent > store->lifetime)
			absent = 0;
		shift = between(later(last.steady, absent), steady);
	}
	struct store_entry *e = store->index.entries;
	for (uint32_t at = store->index.ages.first; at != STORE_NONE; at = e[at].age.next) {
		e[at].expires = later(e[at].expires, shift);
		if (e[at].expires > end)
			e[at].expires = end;
	}
	store->latest = steady;
	store->touch_all = true;	      /* what the file says is on the clock that it says */
	dht_store_flush(store, steady, wall); /* or a later one */
	return 0;
}

void dht_store_near(struct dht_store *store, const struct dht_id *own)
{
	store_index_move(&store->index, own);
}

static uint32_t find_living(struct dht_store *store, const struct dht_id *target, int64_t steady)
{
	note_time(store, steady);
	uint32_t at = store_index_find(&store->index, target);
	return at != STORE_NONE && store->index.entries[at].expires > steady ? at : STORE_NONE;
}

/* What the file has there; a row that is not what we wrote is as good as none. */
static int read_row(struct dht_store *store, uint32_t at, struct dht_item *ret_item)
{
	const struct store_entry *e = &store->index.entries[at];
	int r = store_rows_find(store->rows, &e->target, ret_item);
	store->counters.reads++;
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && store_digest(store->secret, ret_item) == e->digest)
		return 0;
	forget(store, at);
	return -ENOENT;
}

static struct cached *cache_slot(struct dht_store *store, uint64_t digest)
{
	return &store->cache[digest % CACHE_SLOTS];
}

int dht_store_find(struct dht_store *store, const struct dht_id *target,
	const struct dht_endpoint *from, int64_t steady, struct dht_item *ret_item)
{
	uint32_t at = find_living(store, target, steady);
	if (at == STORE_NONE)
		return -ENOENT;
	struct store_entry *e = &store->index.entries[at];
	struct store_source source = store_source(store->secret, store->limits, from);
	if (source.bit & ~e->asks) {
		e->asks |= source.bit;
		e->known_better = true;
		store_index_rank(&store->index, at);
	}
	if (e->slot != STORE_NONE) {
		store_gathered_get(&store->gathered, e, ret_item);
		return 0;
	}
	uint64_t digest = e->digest;
	struct cached *slot = cache_slot(store, digest);
	if (slot->digest == digest) {
		*ret_item = slot->item;
		return 0;
	}
	int r = read_row(store, at, ret_item);
	if (r == 0)
		*slot = (struct cached){digest, *ret_item};
	return r;
}

static int within_quota(struct dht_store *store, const struct store_source *source)
{
	if (!store->limits || source->ours)
		return 0;
	if (store->index.hosts[source->host] < store->items_max / HOST_SHARE &&
		store->index.nets[source->net] < store->items_max / NET_SHARE)
		return 0;
	store->counters.refused_quota++;
	return -EDQUOT;
}

/* Who is charged, and how popular the target is, outlives the value; and what is ours stays ours
 * when a guest puts the same. */
static void inherit(const struct store_entry *before, struct store_entry *e)
{
	e->puts |= before->puts;
	e->asks = before->asks;
	e->in_file = before->in_file;
	if (before->ours && before->digest == e->digest) {
		e->ours = true;
		e->charged = false;
	} else if (!e->ours && before->charged) {
		e->host = before->host;
		e->net = before->net;
	}
}

/* The memory for what is not committed is bounded: where there is no more of it, now is the time to
 * commit. A disk that refused is left alone until the next flush, which comes less and less
 * often. */
static int make_way(struct dht_store *store)
{
	if (!store_gathered_full(&store->gathered))
		return 0;
	int r = store->error < 0 ? store->error : commit(store);
	store->counters.refused_full += r < 0;
	return r;
}

/* In the place of `at`, if there is such; the item waits for the next commit. */
static int enter(struct dht_store *store, uint32_t at, const struct store_entry *e,
	const struct dht_item *item)
{
	uint32_t fresh = store_index_add(&store->index, e);
	if (fresh == STORE_NONE)
		return -ENOMEM;
	int r = store_gathered_add(&store->gathered, &store->index, fresh, item);
	if (r < 0)
		at = fresh;
	if (at != STORE_NONE) {
		store_gathered_drop(&store->gathered, &store->index, at);
		store_index_remove(&store->index, at);
	}
	return r;
}

int dht_store_keep(struct dht_store *store, const struct dht_id *target,
	const struct dht_item *item, const struct dht_endpoint *from, int64_t steady)
{
	if (item->value_len == 0 || item->value_len > DHT_VALUE_MAX ||
		item->salt_len > DHT_SALT_MAX)
		return -EINVAL;
	note_time(store, steady);
	int r = make_way(store);
	if (r < 0)
		return r;
	uint32_t at = store_index_find(&store->index, target);
	struct store_source source = store_source(store->secret, store->limits, from);
	struct store_entry e = {.target = *target,
		.host = source.host,
		.net = source.net,
		.bytes = bytes_of(item),
		.ours = source.ours,
		.charged = !source.ours,
		.slot = STORE_NONE,
		.digest = store_digest(store->secret, item),
		.expires = later(steady, store->lifetime),
		.written = later(steady, store->lifetime),
		.puts = source.bit};
	r = at == STORE_NONE ? within_quota(store, &source) : 0;
	if (r < 0)
		return r;
	size_t before = 0;
	if (at != STORE_NONE) {
		inherit(&store->index.entries[at], &e);
		before = store->index.entries[at].bytes;
	}
	r = make_room(store, at == STORE_NONE, e.bytes > before ? e.bytes - before : 0,
		store_index_worth(&store->index, &e), at);
	return r == 0 ? enter(store, at, &e, item) : r;
}

int dht_store_renew(struct dht_store *store, const struct dht_id *target,
	const struct dht_item *item, const struct dht_endpoint *from, int64_t steady)
{
	uint32_t at = find_living(store, target, steady);
	if (at == STORE_NONE)
		return -ENOENT;
	struct store_entry *e = &store->index.entries[at];
	/* What a guest brought becomes ours by a put of ours, which is written down; what is ours a
	 * guest may refresh, and it stays ours. */
	if ((!from && !e->ours) || e->digest != store_digest(store->secret, item))
		return -ENOENT;
	uint32_t puts = e->puts | store_source(store->secret, store->limits, from).bit;
	e->known_better |= puts != e->puts;
	e->puts = puts;
	store_index_renew(&store->index, at, later(steady, store->lifetime));
	store_index_rank(&store->index, at);
	store->counters.refreshes++;
	return 0;
}

static int expire(struct dht_store *store, int64_t steady)
{
	int r = 0;
	for (int i = 0; i < EXPIRE_A_FLUSH && r == 0; i++) {
		uint32_t at = store->index.ages.first;
		if (at == STORE_NONE || store->index.entries[at].expires > steady)
			break;
		r = forget(store, at);
	}
	return r;
}

int dht_store_flush(struct dht_store *store, int64_t steady, int64_t wall)
{
	note_time(store, steady);
	store->clocks = (struct store_state){true, steady, wall};
	int r = expire(store, steady);
	return r == 0 ? commit(store) : r;
}

void dht_store_count(const struct dht_store *store, struct dht_store_counters *ret_counters)
{
	*ret_counters = store->counters;
	ret_counters->items = store->index.len;
	ret_counters->bytes = store->index.bytes;
	ret_counters->memory = sizeof(*store) + store_index_memory(&store->index) +
			       store_gathered_memory(&store->gathered) +
			       CACHE_SLOTS * sizeof(*store->cache);
	ret_counters->commits = store_rows_commits(store->rows);
}

size_t dht_store_items(const struct dht_store *store)
{
	return store->index.len;
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
	return commit(store);
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
