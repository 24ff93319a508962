/* The cache: a chained hash table, and a queue of entries for each share of the memory. */
#include "resolver/cache.h"

#include <stdlib.h>

#include "resolver/trace.h"

#define LISTED_FOR 60000000ull /* microseconds after its TTL for which an entry is kept */
/* Bytes that an ordinary entry takes: what the table is made for. It never grows, because moving
 * every entry at once is a pause that a question would meet. */
#define ENTRY_USUAL 1024
/* What malloc adds to two blocks, roughly. */
#define MALLOC_OVERHEAD 32
/* No entry above this part of the cache, so that a few large ones cannot empty it. */
#define ENTRY_SHARE 16
/* Buckets that each addition looks through for what is over. The whole table is seen once in as
 * many additions as half its size. */
#define SWEEP 2
/* Entries in use that an eviction passes over: it takes bounded time, if not always the best. */
#define SECOND_CHANCES 16

enum { POSITIVE, NEGATIVE, KINDS };

struct entry;

/* A queue with second chances: a hit marks its entry and moves nothing, where moving it to the
 * head would touch its neighbours too, cold cache lines all of them. */
struct share {
	struct entry *newest, *oldest;
	size_t bytes;
};

struct entry {
	/* What a hit reads stands first, in as few cache lines as can be. */
	struct entry *next; /* in its bucket */
	uint64_t hash;
	const struct answer *answer;
	uint64_t fresh_until, kept_until; /* monotonic, microseconds */
	enum cache_part part;
	bool used; /* found since it was put at the head of its queue */

	struct entry *newer, *older; /* in its share */
	struct share *share;
	size_t bytes;
};

struct cache {
	size_t bytes, bytes_max, entries, traces;
	uint64_t seed;
	struct share shares[CACHE_PARTS][KINDS];
	size_t hand; /* the bucket to sweep next */
	size_t mask;
	struct entry *buckets[];
};

struct cache *cache_create(size_t bytes_max, uint64_t seed)
{
	size_t buckets = 64;
	while (buckets < bytes_max / ENTRY_USUAL && buckets <= SIZE_MAX / 64)
		buckets *= 2;
	struct cache *cache = calloc(1, sizeof(*cache) + buckets * sizeof(cache->buckets[0]));
	if (!cache)
		return NULL;
	cache->bytes_max = bytes_max;
	cache->seed = seed;
	cache->mask = buckets - 1;
	return cache;
}

static void enqueue(struct entry *e)
{
	struct share *share = e->share;
	e->newer = NULL;
	e->older = share->newest;
	if (share->newest)
		share->newest->newer = e;
	else
		share->oldest = e;
	share->newest = e;
	share->bytes += e->bytes;
}

static void dequeue(struct entry *e)
{
	struct share *share = e->share;
	if (e->newer)
		e->newer->older = e->older;
	else
		share->newest = e->older;
	if (e->older)
		e->older->newer = e->newer;
	else
		share->oldest = e->newer;
	share->bytes -= e->bytes;
}

/* Takes the entry that *link points to out of its bucket and frees it. */
static void drop(struct cache *cache, struct entry **link)
{
	struct entry *e = *link;
	*link = e->next;
	dequeue(e);
	cache->bytes -= e->bytes;
	cache->traces -= trace_size(e->answer->trace);
	cache->entries--;
	answer_unref(e->answer);
	free(e);
}

void cache_destroy(struct cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i <= cache->mask; i++)
		while (cache->buckets[i])
			drop(cache, &cache->buckets[i]);
	free(cache);
}

/* The link to the entry of this question and part, or the NULL at the end of its bucket. */
static struct entry **find_link(
	struct cache *cache, const struct question *q, enum cache_part part, uint64_t hash)
{
	struct entry **link = &cache->buckets[hash & cache->mask];
	for (; *link; link = &(*link)->next) {
		const struct entry *e = *link;
		if (e->hash == hash && e->part == part && question_equal(&e->answer->question, q))
			break;
	}
	return link;
}

static struct entry *find(struct cache *cache, const struct question *q, enum cache_part part)
{
	struct entry *e = *find_link(cache, q, part, question_hash(q, cache->seed));
	if (e)
		e->used = true;
	return e;
}

const struct answer *cache_find(
	struct cache *cache, const struct question *q, enum cache_part part, uint64_t now)
{
	const struct entry *e = find(cache, q, part);
	return e && now < e->fresh_until ? e->answer : NULL;
}

const struct answer *cache_listed(
	struct cache *cache, const struct question *q, enum cache_part part, uint64_t now)
{
	const struct entry *e = find(cache, q, part);
	return e && now < e->kept_until ? e->answer : NULL;
}

/* Removes what is over in the next buckets. */
static void sweep(struct cache *cache, uint64_t now)
{
	for (int i = 0; i < SWEEP; i++) {
		struct entry **link = &cache->buckets[cache->hand];
		while (*link) {
			if (now >= (*link)->kept_until)
				drop(cache, link);
			else
				link = &(*link)->next;
		}
		cache->hand = (cache->hand + 1) & cache->mask;
	}
}

static struct share *largest_share(struct cache *cache)
{
	struct share *largest = &cache->shares[0][0];
	for (int part = 0; part < CACHE_PARTS; part++)
		for (int kind = 0; kind < KINDS; kind++)
			if (cache->shares[part][kind].bytes > largest->bytes)
				largest = &cache->shares[part][kind];
	return largest;
}

static void evict(struct cache *cache)
{
	struct share *share = largest_share(cache);
	for (int i = 0; i < SECOND_CHANCES && share->oldest->used; i++) {
		struct entry *e = share->oldest;
		e->used = false;
		dequeue(e);
		enqueue(e);
	}
	struct entry *e = share->oldest;
	struct entry **link = &cache->buckets[e->hash & cache->mask];
	while (*link != e)
		link = &(*link)->next;
	drop(cache, link);
}

/* Puts an entry for `a` into the table, whose old entry is gone. */
static void insert(struct cache *cache, const struct answer *a, enum cache_part part, size_t bytes)
{
	struct entry *e = calloc(1, sizeof(*e));
	if (!e)
		return;
	e->hash = question_hash(&a->question, cache->seed);
	e->fresh_until = a->arrived + a->ttl * 1000000ull;
	e->kept_until = e->fresh_until + LISTED_FOR;
	e->share = &cache->shares[part][a->error == 0 ? POSITIVE : NEGATIVE];
	e->bytes = bytes;
	e->part = part;
	e->answer = answer_ref(a);
	struct entry **bucket = &cache->buckets[e->hash & cache->mask];
	e->next = *bucket;
	*bucket = e;
	enqueue(e);
	cache->bytes += bytes;
	cache->traces += trace_size(a->trace);
	cache->entries++;
}

void cache_add(struct cache *cache, const struct answer *a, enum cache_part part, uint64_t now)
{
	answer_ref(a); /* it may be the cache's own that is added anew */
	sweep(cache, now);
	cache_forget(cache, &a->question, part);
	size_t bytes = sizeof(struct entry) + answer_size(a) + MALLOC_OVERHEAD;
	if (bytes <= cache->bytes_max / ENTRY_SHARE) {
		while (cache->bytes + bytes > cache->bytes_max)
			evict(cache);
		insert(cache, a, part, bytes);
	}
	answer_unref(a);
}

void cache_forget(struct cache *cache, const struct question *q, enum cache_part part)
{
	struct entry **link = find_link(cache, q, part, question_hash(q, cache->seed));
	if (*link)
		drop(cache, link);
}

void cache_each(struct cache *cache, uint64_t now, cache_each_fn *fn, void *ctx)
{
	for (int part = 0; part < CACHE_PARTS; part++)
		for (const struct entry *e = cache->shares[part][POSITIVE].newest; e; e = e->older)
			if (now < e->kept_until)
				fn(ctx, e->answer);
}

size_t cache_entries(const struct cache *cache)
{
	return cache->entries;
}

size_t cache_bytes(const struct cache *cache)
{
	return cache->bytes;
}

size_t cache_traces(const struct cache *cache)
{
	return cache->traces;
}
