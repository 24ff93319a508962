/* Guests' items: what is taken, what gives way, and what is found; see store.h. */
#include "dht/store.h"

#include <errno.h>
#include <string.h>

#include "dht/store_inside.h"
#include "dht/store_secret.h"

#define HOST_SHARE 100	/* of the items: one in so many for a host, */
#define NET_SHARE 25	/* and for a network */
#define ROW_OVERHEAD 80 /* of an item on disk, beside its own bytes */

uint16_t store_bytes_of(const struct dht_item *item)
{
	size_t signature = item->is_mutable ? DHT_KEY_LEN + DHT_SIG_LEN + 8 + item->salt_len : 0;
	return (uint16_t)(ROW_OVERHEAD + DHT_ID_LEN + signature + item->value_len);
}

void store_note_time(struct dht_store *store, int64_t steady)
{
	if (steady < store->latest) {
		int64_t end = store_later(steady, store->lifetime);
		struct store_entry *e = store->index.entries;
		for (uint32_t at = store->index.ages.first; at != STORE_NONE; at = e[at].age.next)
			if (e[at].expires > end)
				e[at].expires = end;
	}
	store->latest = steady;
}

int store_forget(struct dht_store *store, uint32_t at)
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

int store_make_room(
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
		int r = store_forget(store, at);
		if (r < 0)
			return r;
		store->counters.evictions++;
	}
	return 0;
}

void dht_store_near(struct dht_store *store, const struct dht_id *own)
{
	store_index_move(&store->index, own);
}

static uint32_t find_living(struct dht_store *store, const struct dht_id *target, int64_t steady)
{
	store_note_time(store, steady);
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
	store_forget(store, at);
	return -ENOENT;
}

static struct cached *cache_slot(struct dht_store *store, uint64_t digest)
{
	return &store->cache[digest % STORE_CACHE_SLOTS];
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
	int r = store->error < 0 ? store->error : store_commit(store);
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
	store_note_time(store, steady);
	int r = make_way(store);
	if (r < 0)
		return r;
	uint32_t at = store_index_find(&store->index, target);
	struct store_source source = store_source(store->secret, store->limits, from);
	struct store_entry e = {.target = *target,
		.host = source.host,
		.net = source.net,
		.bytes = store_bytes_of(item),
		.ours = source.ours,
		.charged = !source.ours,
		.slot = STORE_NONE,
		.digest = store_digest(store->secret, item),
		.expires = store_later(steady, store->lifetime),
		.written = store_later(steady, store->lifetime),
		.puts = source.bit};
	r = at == STORE_NONE ? within_quota(store, &source) : 0;
	if (r < 0)
		return r;
	size_t before = 0;
	if (at != STORE_NONE) {
		inherit(&store->index.entries[at], &e);
		before = store->index.entries[at].bytes;
	}
	r = store_make_room(store, at == STORE_NONE, e.bytes > before ? e.bytes - before : 0,
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
	store_index_renew(&store->index, at, store_later(steady, store->lifetime));
	store_index_rank(&store->index, at);
	store->counters.refreshes++;
	return 0;
}

void dht_store_count(const struct dht_store *store, struct dht_store_counters *ret_counters)
{
	*ret_counters = store->counters;
	ret_counters->items = store->index.len;
	ret_counters->bytes = store->index.bytes;
	ret_counters->memory = sizeof(*store) + store_index_memory(&store->index) +
			       store_gathered_memory(&store->gathered) +
			       STORE_CACHE_SLOTS * sizeof(*store->cache);
	ret_counters->commits = store_rows_commits(store->rows);
}

size_t dht_store_items(const struct dht_store *store)
{
	return store->index.len;
}
