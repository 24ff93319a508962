/* The cache: a chained hash table, and a queue of entries for each share of the memory. */
#include "resolver/cache_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
/* Buckets that each addition looks through for what is over. The whole table is seen once in as
 * many additions as half its size. */
#define SWEEP 2

#define CACHE_LINE 64 /* of most processors; where it is another, a hint is lost */
#define ANSWER_READ                                                                                \
	(sizeof(struct answer) + 128) /* with the short message that stands behind it              \
				       */

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

void cache_destroy(struct cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i <= cache->mask; i++)
		while (cache->buckets[i])
			cache_drop(cache, &cache->buckets[i]);
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
				cache_drop(cache, link);
			else
				link = &(*link)->next;
		}
		cache->hand = (cache->hand + 1) & cache->mask;
	}
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
	cache_enqueue(cache, e);
	cache->bytes += e->bytes;
	cache->traces += trace_size(a->trace);
	cache->entries++;
}

/* What stood before. */
struct former {
	bool any;	  /* something, that is not of a flood alone */
	uint8_t failures; /* in a row until now */
};

/* Drops what was said, or how it failed, or both. */
static struct former forget(
	struct cache *cache, const struct question *q, enum cache_part part, bool said, bool failed)
{
	uint64_t hash = question_hash(q, cache->seed);
	struct entry **link = &cache->buckets[hash & cache->mask];
	struct former former = {0};
	while (*link) {
		struct entry *e = *link;
		if (e->part != part || !is_of(e, q, hash)) {
			link = &e->next;
			continue;
		}
		former.any |= !e->in_flood || e->used;
		if (!(e->kind == FAILURE ? failed : said)) {
			link = &e->next;
			continue;
		}
		former.failures = e->failures;
		cache_drop(cache, link);
	}
	return former;
}

/* Of n bytes malloc makes this many, with its own note before them: of three blocks that an
 * ordinary entry is, it adds a tenth to what they hold. */
static size_t block(size_t n)
{
	return (n + 8 + 15) & ~(size_t)15;
}

static size_t bytes_of(const struct answer *a)
{
	size_t trace = trace_size(a->trace);
	return block(sizeof(struct entry)) + block(answer_size(a) - trace) +
	       (trace ? block(trace) : 0);
}

static void add(struct cache *cache, const struct answer *a, enum cache_part part, uint64_t now,
	bool in_flood)
{
	answer_ref(a); /* it may be the cache's own that is added anew */
	sweep(cache, now);
	const struct question q = answer_question(a);
	struct entry model = {.hash = question_hash(&q, cache->seed),
		.part = (uint8_t)part,
		.kind = (uint8_t)kind_of(a, part),
		.bytes = (uint32_t)bytes_of(a)};
	bool failure = model.kind == FAILURE;
	struct former former = forget(cache, &q, part, !failure || part != CACHE_DNS, true);
	if (failure)
		model.failures = former.failures < UINT8_MAX ? former.failures + 1 : UINT8_MAX;
	model.pinned = !failure && cache->is_pinned && cache->is_pinned(cache->pinned_ctx, &q);
	model.in_flood = in_flood && !former.any && !model.pinned;
	/* What this machine says itself has to stand: nobody else may be asked in its place. */
	bool is_new = !former.any && a->source != SOURCE_LOCAL;
	if (model.bytes <= cache->bytes_max / CACHE_ENTRY_SHARE &&
		cache_make_room(cache, &model, is_new))
		insert(cache, a, &model);
	answer_unref(a);
}

void cache_add(struct cache *cache, const struct answer *a, enum cache_part part, uint64_t now)
{
	add(cache, a, part, now, false);
}

void cache_add_in_flood(
	struct cache *cache, const struct answer *a, enum cache_part part, uint64_t now)
{
	add(cache, a, part, now, true);
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
				cache_drop(cache, link);
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
