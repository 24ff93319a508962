/* The cache: a chained hash table, and a queue of entries for each share of the memory. */
#include "resolver/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/sieve.h"
#include "resolver/trace.h"

#define SECOND 1000000ull
#define LISTED_FOR (60 * SECOND)   /* after its TTL, for which any entry is kept */
#define STALE_FOR (86400 * SECOND) /* RFC 8767, section 5: one to three days */
#define BACK_OFF_MAX 30		   /* seconds for which a failure is believed, at most */
/* Less than a second of a tenth is no time to ask in, and a name with such a TTL would be asked
 * for all day. */
#define REFRESH_TTL_MIN 10
#define REFRESH_HITS 2
/* Bytes that an ordinary entry takes: what the table is made for. It never grows, because moving
 * every entry at once is a pause that a question would meet. */
#define ENTRY_USUAL 480
/* What malloc adds to two blocks, roughly. */
#define MALLOC_OVERHEAD 32
/* No entry above this part of the cache, so that a few large ones cannot empty it. */
#define ENTRY_SHARE 16
#define PINNED_SHARE 2 /* nor more of what is pinned than this part */
/* Buckets that each addition looks through for what is over. The whole table is seen once in as
 * many additions as half its size. */
#define SWEEP 2
/* Entries in use that an eviction passes over: it takes bounded time, if not always the best. */
#define SECOND_CHANCES 16

#define CACHE_LINE 64 /* of most processors; where it is another, a hint is lost */
#define ANSWER_READ (sizeof(struct answer) + 128) /* with the short message that stands behind it  \
						   */

enum kind { POSITIVE, NEGATIVE, FAILURE, KINDS };

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
	uint64_t fresh_until;  /* monotonic, microseconds, as all times here */
	uint64_t refresh_from; /* UINT64_MAX: never, or it was said already */
	uint8_t part, kind;
	bool used;	  /* found since it was put at the head of its queue */
	bool pinned;	  /* it stands in that share */
	uint8_t hits;	  /* by those who waited for it; 255: as many or more */
	uint8_t failures; /* in a row; of a FAILURE */
	uint32_t bytes;	  /* answers have 400 kB at most */

	uint64_t kept_until;
	struct entry *newer, *older; /* in its share */
};

struct cache {
	size_t bytes, bytes_max, entries, traces;
	uint64_t seed;
	struct share shares[CACHE_PARTS][KINDS], pinned;
	cache_pinned_fn *is_pinned;
	void *pinned_ctx;
	size_t hand; /* the bucket to sweep next */
	struct sieve sieve;
	size_t mask;
	struct entry *buckets[];
};

struct cache *cache_create(size_t bytes_max, uint64_t seed)
{
	size_t buckets = 64;
	while (buckets < bytes_max / ENTRY_USUAL && buckets <= SIZE_MAX / 64)
		buckets *= 2;
	struct cache *cache = calloc(1, sizeof(*cache) + buckets * sizeof(cache->buckets[0]));
	if (!cache || sieve_init(&cache->sieve, buckets) < 0) {
		free(cache);
		return NULL;
	}
	cache->bytes_max = bytes_max;
	cache->seed = seed;
	cache->mask = buckets - 1;
	return cache;
}

void cache_pins(struct cache *cache, cache_pinned_fn *fn, void *ctx)
{
	cache->is_pinned = fn;
	cache->pinned_ctx = ctx;
}

static struct share *share_of(struct cache *cache, const struct entry *e)
{
	return e->pinned ? &cache->pinned : &cache->shares[e->part][e->kind];
}

static void enqueue(struct cache *cache, struct entry *e)
{
	struct share *share = share_of(cache, e);
	e->newer = NULL;
	e->older = share->newest;
	if (share->newest)
		share->newest->newer = e;
	else
		share->oldest = e;
	share->newest = e;
	share->bytes += e->bytes;
}

static void dequeue(struct cache *cache, struct entry *e)
{
	struct share *share = share_of(cache, e);
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
	dequeue(cache, e);
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
	sieve_finish(&cache->sieve);
	free(cache);
}

static bool is_of(const struct entry *e, const struct question *q, uint64_t hash)
{
	return e->hash == hash && answer_is_to(e->answer, q);
}

uint64_t cache_hash(const struct cache *cache, const struct question *q)
{
	return question_hash(q, cache->seed);
}

/* Only the first entry of a bucket: that there are others is rare. */
void cache_approach(const struct cache *cache, uint64_t hash, unsigned step)
{
	struct entry *const *bucket = &cache->buckets[hash & cache->mask];
	if (step == 0) {
		__builtin_prefetch(bucket);
	} else if (step == 1 && *bucket) {
		__builtin_prefetch(*bucket);
		__builtin_prefetch((const uint8_t *)*bucket + CACHE_LINE);
	} else if (step == 2 && *bucket) {
		const uint8_t *answer = (const uint8_t *)(*bucket)->answer;
		for (size_t at = 0; at < ANSWER_READ; at += CACHE_LINE)
			__builtin_prefetch(answer + at);
	}
}

/* What one part has of a question. */
struct pair {
	struct entry *said, *failed;
};

/* All of them: NULLs where there is nothing. */
static void find_pairs(
	struct cache *cache, const struct question *q, struct pair pairs[CACHE_PARTS])
{
	uint64_t hash = question_hash(q, cache->seed);
	memset(pairs, 0, CACHE_PARTS * sizeof(*pairs));
	for (struct entry *e = cache->buckets[hash & cache->mask]; e; e = e->next) {
		if (!is_of(e, q, hash))
			continue;
		if (e->kind == FAILURE)
			pairs[e->part].failed = e;
		else
			pairs[e->part].said = e;
	}
}

/* What was said, unless it is over; else how asking again failed, unless that is over. */
static struct entry *choose(const struct pair *pair, uint64_t now, uint64_t grace)
{
	struct entry *e = NULL;
	if (pair->said && now < pair->said->fresh_until)
		e = pair->said;
	else if (pair->failed && now < pair->failed->fresh_until + grace)
		e = pair->failed;
	else if (pair->said && now < pair->said->fresh_until + grace)
		e = pair->said;
	if (e)
		e->used = true;
	return e;
}

static const struct answer *find(struct cache *cache, const struct question *q,
	enum cache_part part, uint64_t now, uint64_t grace)
{
	struct pair pairs[CACHE_PARTS];
	find_pairs(cache, q, pairs);
	const struct entry *e = choose(&pairs[part], now, grace);
	return e ? e->answer : NULL;
}

const struct answer *cache_find(
	struct cache *cache, const struct question *q, enum cache_part part, uint64_t now)
{
	return find(cache, q, part, now, 0);
}

const struct answer *cache_listed(
	struct cache *cache, const struct question *q, enum cache_part part, uint64_t now)
{
	return find(cache, q, part, now, LISTED_FOR);
}

static uint64_t stale_for(enum cache_part part, const struct answer *a)
{
	return part == CACHE_DNS && a->ttl ? STALE_FOR : 0;
}

const struct answer *cache_stale(
	struct cache *cache, const struct question *q, enum cache_part part, uint64_t now)
{
	struct pair pairs[CACHE_PARTS];
	find_pairs(cache, q, pairs);
	const struct entry *e = pairs[part].said;
	return e && now < e->fresh_until + stale_for(part, e->answer) ? e->answer : NULL;
}

/* Counts a hit; true when the entry is worth asking for anew, once. */
static bool count_hit(struct entry *e, uint64_t now)
{
	if (e->hits < UINT8_MAX)
		e->hits++;
	if (e->hits < REFRESH_HITS || now < e->refresh_from)
		return false;
	e->refresh_from = UINT64_MAX;
	return true;
}

bool cache_find_all(struct cache *cache, const struct question *q, uint64_t now, bool asked,
	const struct answer *ret_answers[CACHE_PARTS])
{
	struct pair pairs[CACHE_PARTS];
	bool due = false;
	find_pairs(cache, q, pairs);
	for (int part = 0; part < CACHE_PARTS; part++) {
		struct entry *e = choose(&pairs[part], now, 0);
		ret_answers[part] = e ? e->answer : NULL;
		if (e && asked)
			due |= count_hit(e, now);
	}
	return due;
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

/* Of those that may be cut: not what is pinned. */
static struct share *largest_share(struct cache *cache)
{
	struct share *largest = &cache->shares[0][0];
	for (int part = 0; part < CACHE_PARTS; part++)
		for (int kind = 0; kind < KINDS; kind++)
			if (cache->shares[part][kind].bytes > largest->bytes)
				largest = &cache->shares[part][kind];
	return largest;
}

static void evict(struct cache *cache, struct share *share)
{
	for (int i = 0; i < SECOND_CHANCES && share->oldest->used; i++) {
		struct entry *e = share->oldest;
		e->used = false;
		dequeue(cache, e);
		enqueue(cache, e);
	}
	struct entry *e = share->oldest;
	struct entry **link = &cache->buckets[e->hash & cache->mask];
	while (*link != e)
		link = &(*link)->next;
	drop(cache, link);
}

/* The pinned are half of it at most and no entry is more than a sixteenth, so what is over its
 * bytes always has something else to give up. */
static void make_room(struct cache *cache, const struct entry *e)
{
	while (e->pinned && cache->pinned.bytes + e->bytes > cache->bytes_max / PINNED_SHARE)
		evict(cache, &cache->pinned);
	while (cache->bytes + e->bytes > cache->bytes_max)
		evict(cache, largest_share(cache));
}

static enum kind kind_of(const struct answer *a, enum cache_part part)
{
	if ((a->error && a->error != -ENOENT) || (part == CACHE_DNS && answer_is_stale(a)))
		return FAILURE;
	return a->error ? NEGATIVE : POSITIVE;
}

/* Microseconds for which this answer is believed. */
static uint64_t lifetime(const struct entry *e)
{
	const struct answer *a = e->answer;
	if (e->kind != FAILURE || e->part != CACHE_DNS || a->error == -ENETUNREACH)
		return a->ttl * SECOND;
	unsigned doublings = e->failures < 6 ? e->failures - 1u : 5;
	unsigned seconds = 1u << doublings;
	return (seconds < BACK_OFF_MAX ? seconds : BACK_OFF_MAX) * SECOND;
}

static void set_times(struct entry *e)
{
	const struct answer *a = e->answer;
	enum cache_part part = (enum cache_part)e->part;
	e->fresh_until = a->arrived + lifetime(e);
	uint64_t stale = e->kind == FAILURE ? 0 : stale_for(part, a);
	e->kept_until = e->fresh_until + (stale > LISTED_FOR ? stale : LISTED_FOR);
	e->refresh_from = UINT64_MAX;
	if (e->kind != FAILURE && part == CACHE_DNS && a->ttl >= REFRESH_TTL_MIN)
		e->refresh_from = e->fresh_until - a->ttl * SECOND / 10;
}

static uint64_t bit_of(const struct answer *a)
{
	const struct question q = answer_question(a);
	return sieve_bit(q.class, q.type);
}

/* Puts an entry for `a` into the table, whose old entry is gone. */
static void insert(struct cache *cache, const struct answer *a, const struct entry *model)
{
	struct entry *e = malloc(sizeof(*e));
	if (!e)
		return;
	*e = *model;
	e->answer = answer_ref(a);
	set_times(e);
	struct entry **bucket = &cache->buckets[e->hash & cache->mask];
	e->next = *bucket;
	*bucket = e;
	sieve_note(&cache->sieve, e->hash & cache->mask, bit_of(a));
	enqueue(cache, e);
	cache->bytes += e->bytes;
	cache->traces += trace_size(a->trace);
	cache->entries++;
}

/* Drops what was said, or how it failed, or both. Returns the failures in a row until now. */
static uint8_t forget(
	struct cache *cache, const struct question *q, enum cache_part part, bool said, bool failed)
{
	uint64_t hash = question_hash(q, cache->seed);
	struct entry **link = &cache->buckets[hash & cache->mask];
	uint8_t failures = 0;
	while (*link) {
		struct entry *e = *link;
		if (e->part != part || !is_of(e, q, hash) ||
			!(e->kind == FAILURE ? failed : said)) {
			link = &e->next;
			continue;
		}
		failures = e->failures;
		drop(cache, link);
	}
	return failures;
}

void cache_add(struct cache *cache, const struct answer *a, enum cache_part part, uint64_t now)
{
	answer_ref(a); /* it may be the cache's own that is added anew */
	sweep(cache, now);
	size_t bytes = sizeof(struct entry) + answer_size(a) + MALLOC_OVERHEAD;
	const struct question q = answer_question(a);
	struct entry model = {.hash = question_hash(&q, cache->seed),
		.part = (uint8_t)part,
		.kind = (uint8_t)kind_of(a, part),
		.bytes = (uint32_t)bytes};
	bool failure = model.kind == FAILURE;
	uint8_t failures = forget(cache, &q, part, !failure || part != CACHE_DNS, true);
	if (failure)
		model.failures = failures < UINT8_MAX ? failures + 1 : UINT8_MAX;
	model.pinned = !failure && cache->is_pinned && cache->is_pinned(cache->pinned_ctx, &q);
	if (bytes <= cache->bytes_max / ENTRY_SHARE) {
		make_room(cache, &model);
		insert(cache, a, &model);
	}
	answer_unref(a);
}

void cache_forget(struct cache *cache, const struct question *q, enum cache_part part)
{
	forget(cache, q, part, true, true);
}

void cache_forget_part(struct cache *cache, enum cache_part part)
{
	for (size_t i = 0; i <= cache->mask; i++) {
		struct entry **link = &cache->buckets[i];
		while (*link) {
			if ((*link)->part == part)
				drop(cache, link);
			else
				link = &(*link)->next;
		}
	}
}

/* Those of the buckets of a word, which is as it should be afterwards. */
static void visit(struct cache *cache, const struct cache_walk *w, size_t word)
{
	uint64_t bits = 0;
	for (size_t i = word * SIEVE_BUCKETS; i < (word + 1) * SIEVE_BUCKETS; i++)
		for (const struct entry *e = cache->buckets[i]; e; e = e->next) {
			bits |= bit_of(e->answer);
			if (e->answer->error == 0 && w->now < e->fresh_until + LISTED_FOR)
				w->fn(w->ctx, e->answer);
		}
	cache->sieve.words[word] = bits;
}

bool cache_walk(struct cache *cache, struct cache_walk *w)
{
	const struct sieve *sieve = &cache->sieve;
	size_t at = w->place / SIEVE_BUCKETS, end = at + CACHE_WALK_PASSED / SIEVE_BUCKETS;
	if (end > sieve->len)
		end = sieve->len;
	for (int i = 0; i < CACHE_WALK_BUCKETS / SIEVE_BUCKETS; i++) {
		at = sieve_next(sieve, at, end, w->bits);
		if (at == end)
			break;
		visit(cache, w, at++);
	}
	w->place = at * SIEVE_BUCKETS;
	return at < sieve->len;
}

void cache_each_used(struct cache *cache, uint64_t now, cache_each_fn *fn, void *ctx)
{
	for (const struct entry *e = cache->shares[CACHE_DNS][POSITIVE].newest; e; e = e->older)
		if ((e->used || e->hits) && now < e->fresh_until)
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
