/* Guests' items, the routing table and our id; see store.h. The rows are store_rows, what is known
 * of them without looking is store_index; here is what is taken, how long, and what gives way. */
#include "dht/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

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
	struct cached *cache;
	uint8_t secret[STORE_SECRET_LEN];
	size_t items_max, bytes_max;
	bool limits;
	bool stale;	  /* the file has lost what the index knows: read anew at the next flush */
	int64_t lifetime; /* microseconds */
	int64_t latest;	  /* the steady clock at the last call */
	int64_t flushed;  /* at the last flush */
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
	struct dht_id target = store->index.entries[at].target;
	store_index_remove(&store->index, at);
	int r = store_rows_begin(store->rows);
	return r == 0 ? store_rows_remove(store->rows, &target) : r;
}

static bool fits(const struct dht_store *store, size_t items, size_t bytes)
{
	return store->index.len + items <= store->items_max &&
	       store->index.bytes + bytes <= store->bytes_max;
}

/* Evicts what is worth least, or has expired, until so much more fits; never what is worth more
 * than `worth`, nor `except`. */
static int make_room(
	struct dht_store *store, size_t items, size_t bytes, uint8_t worth, uint32_t except)
{
	while (!fits(store, items, bytes)) {
		const struct store_entry *e = store->index.entries;
		uint32_t at = store->index.ages.first;
		if (at == STORE_NONE || at == except || e[at].expires > store->latest)
			at = store_index_least(&store->index, except);
		if (at == STORE_NONE || (e[at].worth > worth && e[at].expires > store->latest)) {
			store->counters.refused_full++;
			return -ENOSPC;
		}
		int r = forget(store, at);
		if (r < 0)
			return r;
		store->counters.evictions++;
	}
	return 0;
}

static int load_row(void *ctx, struct store_entry *e, const struct dht_item *item)
{
	struct dht_store *store = ctx;
	if (store_index_find(&store->index, &e->target) != STORE_NONE)
		return 0; /* a damaged index of the file may show a row twice */
	e->digest = store_digest(store->secret, item);
	e->bytes = bytes_of(item);
	return store_index_add(&store->index, e) == STORE_NONE ? -ENOMEM : 0;
}

/* The index from the file: what lives too long is brought back, what is too much goes. */
static int load(struct dht_store *store)
{
	store_index_clear(&store->index);
	int r = store_rows_each(store->rows, load_row, store);
	if (r == 0)
		r = store_index_sort(&store->index);
	if (r == 0)
		r = make_room(store, 0, 0, STORE_WORTH_OWN, STORE_NONE);
	return r;
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
	int r = store->cache ? store_rows_open(path, fresh, &store->rows, store->secret) : -ENOMEM;
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

static void note_written(struct store_entry *e)
{
	e->written = e->expires;
	e->known_better = false;
}

/* The file learns of every refresh. */
static int touch_all(struct dht_store *store)
{
	struct store_entry *e = store->index.entries;
	int r = store_rows_begin(store->rows);
	for (uint32_t at = store->index.ages.first; at != STORE_NONE && r == 0;
		at = e[at].age.next) {
		if (e[at].expires == e[at].written && !e[at].known_better)
			continue;
		r = store_rows_touch(store->rows, &e[at]);
		if (r == 0)
			note_written(&e[at]);
	}
	return r;
}

void dht_store_close(struct dht_store *store)
{
	if (!store)
		return;
	if (store->rows && store->index.chains && !store->stale)
		touch_all(store);
	store_rows_close(store->rows);
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
	r = touch_all(store); /* what the file says is on the clock that it says */
	return r == 0 ? dht_store_flush(store, steady, wall) : r;
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
	if (!store->stale && (r == -ENOENT || store_digest(store->secret, ret_item) != e->digest)) {
		forget(store, at);
		return -ENOENT;
	}
	return r;
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
	uint64_t digest = e->digest;
	struct cached *slot = cache_slot(store, digest);
	if (slot->digest == digest) {
		*ret_item = slot->item;
		return 0;
	}
	int r = read_row(store, at, ret_item);
	if (r == 0 && !store->stale)
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

/* Who is charged, and how popular the target is, outlives the value. */
static void inherit(const struct store_entry *before, struct store_entry *e)
{
	e->puts |= before->puts;
	e->asks = before->asks;
	if (!e->ours && !before->ours) {
		e->host = before->host;
		e->net = before->net;
	}
}

int dht_store_keep(struct dht_store *store, const struct dht_id *target,
	const struct dht_item *item, const struct dht_endpoint *from, int64_t steady)
{
	if (item->value_len == 0 || item->value_len > DHT_VALUE_MAX ||
		item->salt_len > DHT_SALT_MAX)
		return -EINVAL;
	note_time(store, steady);
	uint32_t at = store_index_find(&store->index, target);
	struct store_source source = store_source(store->secret, store->limits, from);
	struct store_entry e = {.target = *target,
		.host = source.host,
		.net = source.net,
		.bytes = bytes_of(item),
		.ours = source.ours,
		.digest = store_digest(store->secret, item),
		.expires = later(steady, store->lifetime),
		.written = later(steady, store->lifetime),
		.puts = source.bit};
	int r = at == STORE_NONE ? within_quota(store, &source) : 0;
	if (r < 0)
		return r;
	size_t before = 0;
	if (at != STORE_NONE) {
		inherit(&store->index.entries[at], &e);
		before = store->index.entries[at].bytes;
	}
	r = make_room(store, at == STORE_NONE, e.bytes > before ? e.bytes - before : 0,
		store_index_worth(&store->index, &e), at);
	if (r == 0)
		r = store_rows_begin(store->rows);
	if (r == 0)
		r = store_rows_write(store->rows, &e, item);
	store->stale |= store_rows_lost(store->rows);
	if (r < 0)
		return r;
	if (at != STORE_NONE)
		store_index_remove(&store->index, at);
	if (store_index_add(&store->index, &e) == STORE_NONE)
		return -ENOMEM; /* the row is found at the next start, or written over */
	*cache_slot(store, e.digest) = (struct cached){e.digest, *item};
	return 0;
}

int dht_store_renew(struct dht_store *store, const struct dht_id *target,
	const struct dht_item *item, const struct dht_endpoint *from, int64_t steady)
{
	uint32_t at = find_living(store, target, steady);
	if (at == STORE_NONE || store->stale)
		return -ENOENT;
	struct store_entry *e = &store->index.entries[at];
	/* What a guest brought becomes ours by a put of ours, which is written down. */
	if (e->ours != !from || e->digest != store_digest(store->secret, item))
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

/* The file learns of the refreshes since the last flush that matter to it. They are the last to
 * expire. */
static int touch_renewed(struct dht_store *store)
{
	int64_t since = later(store->flushed, store->lifetime);
	struct store_entry *e = store->index.entries;
	int r = 0;
	for (uint32_t at = store->index.ages.last;
		at != STORE_NONE && e[at].expires >= since && r == 0; at = e[at].age.prev) {
		if (between(e[at].written, e[at].expires) <= store->lifetime / LAG_SHARE &&
			!e[at].known_better)
			continue;
		r = store_rows_touch(store->rows, &e[at]);
		if (r == 0)
			note_written(&e[at]);
	}
	return r;
}

int dht_store_flush(struct dht_store *store, int64_t steady, int64_t wall)
{
	note_time(store, steady);
	store->stale |= store_rows_lost(store->rows);
	int r = store_rows_begin(store->rows);
	if (r == 0 && store->stale)
		r = load(store);
	if (r == 0) {
		store->stale = false;
		r = expire(store, steady);
	}
	if (r == 0)
		r = touch_renewed(store);
	if (r == 0)
		r = store_rows_set_state(store->rows, steady, wall);
	int committed = store_rows_commit(store->rows);
	if (r == 0)
		r = committed;
	store->stale |= store_rows_lost(store->rows);
	if (r == 0)
		store->flushed = steady;
	return r;
}

void dht_store_count(const struct dht_store *store, struct dht_store_counters *ret_counters)
{
	*ret_counters = store->counters;
	ret_counters->items = store->index.len;
	ret_counters->bytes = store->index.bytes;
	ret_counters->memory = sizeof(*store) + store_index_memory(&store->index) +
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
	return store_rows_set_own_id(store->rows, id);
}

int dht_store_own_id(
	struct dht_store *store, const uint8_t random[DHT_ID_LEN], struct dht_id *ret_id)
{
	int r = store_rows_own_id(store->rows, ret_id);
	if (r != -ENOENT)
		return r;
	memcpy(ret_id->b, random, DHT_ID_LEN);
	return dht_store_set_own_id(store, ret_id);
}
