/* What the files of the cache share: cache.c finds and keeps, cache_room.c says what is given up;
 * nobody else includes it. */
#ifndef RESOLVER_CACHE_INSIDE_H
#define RESOLVER_CACHE_INSIDE_H

#include "resolver/cache.h"
#include "resolver/sieve.h"

/* No entry above this part of the cache, so that a few large ones cannot empty it. */
#define CACHE_ENTRY_SHARE 32

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
	bool in_flood;	  /* it came in one, and stands in that */
	uint8_t hits;	  /* by those who waited for it; 255: as many or more */
	uint8_t failures; /* in a row; of a FAILURE */
	uint32_t bytes;	  /* answers have 400 kB at most */

	uint64_t kept_until;
	struct entry *newer, *older; /* in its share */
};

struct cache {
	size_t bytes, bytes_max, entries, traces;
	uint64_t seed;
	struct share shares[CACHE_PARTS][KINDS], pinned, flood;
	cache_pinned_fn *is_pinned;
	void *pinned_ctx;
	size_t hand; /* the bucket to sweep next */
	struct sieve sieve;
	size_t mask;
	struct entry *buckets[];
};

/* Into the queue of its share, as the newest. */
void cache_enqueue(struct cache *cache, struct entry *e);
/* Takes the entry that *link points to out of its bucket and frees it. */
void cache_drop(struct cache *cache, struct entry **link);
/* Makes room for an entry like this one. False, of one that is new: what stands is all in use. */
bool cache_make_room(struct cache *cache, const struct entry *e, bool is_new);

#endif
