/* What was learned, until its TTL ends: one entry for each question and source, so that what
 * one source said never stands in for another.
 *
 * Bounded in bytes. Positive and negative answers of each source are a share each; when memory is
 * full, the largest share gives up an entry that was not used for longest. So a flood of one kind
 * (names that do not exist, slots of strangers) pushes out its own kind only, until it has no more
 * than the others have. An entry stays for 60 s after its TTL as the least a listing promises:
 * `cache_find` does not return it then, `cache_listed` does (design, section 6: what is listed is
 * answered from memory for 60 s more). */
#ifndef RESOLVER_CACHE_H
#define RESOLVER_CACHE_H

#include "resolver/answer.h"

struct cache;

/* Where an entry came from; the policy decides between them. */
enum cache_part { CACHE_DNS, CACHE_ZONE, CACHE_SLOT, CACHE_PARTS };

/* The seed is secret and random, so that nobody can choose names that collide. NULL: no memory. */
struct cache *cache_create(size_t bytes_max, uint64_t seed);
void cache_destroy(struct cache *cache);

/* Fresh at `now` (monotonic, microseconds), or NULL. Borrowed: answer_ref to keep it. */
const struct answer *cache_find(struct cache *cache, const struct question *q,
	enum cache_part part, uint64_t now);
/* The same, up to 60 s past its TTL. */
const struct answer *cache_listed(struct cache *cache, const struct question *q,
	enum cache_part part, uint64_t now);
/* Takes a reference of its own; replaces what stood. TTL counts from a->arrived. What would take
 * more than a sixteenth of the cache is not kept, nor is anything when memory is out: then nothing
 * stands. */
void cache_add(struct cache *cache, const struct answer *a, enum cache_part part, uint64_t now);
void cache_forget(struct cache *cache, const struct question *q, enum cache_part part);
/* Positive entries that cache_listed would return, in no order. `fn` may look things up, but not
 * add or forget. */
typedef void cache_each_fn(void *ctx, const struct answer *a);
void cache_each(struct cache *cache, uint64_t now, cache_each_fn *fn, void *ctx);
size_t cache_entries(const struct cache *cache);
size_t cache_bytes(const struct cache *cache);
size_t cache_traces(const struct cache *cache); /* of these bytes: how answers were come by */

#endif
