/* What was learned, until its TTL ends: one entry for each question and source, so that what
 * one source said never stands in for another; and beside what DNS said, while it fails, its failure.
 *
 * Bounded in bytes. Positive answers, negative ones and failures of each source are a share each;
 * when memory is full, the largest share gives up an entry that was not used for longest; where all
 * that it would give up is in use, what is new is not kept. So a flood of one kind (names that do
 * not exist, slots of strangers) pushes out its own kind only, until it has no more than the others
 * have, and nothing that others go on asking for. What a pin of this machine is read from has a share
 * that no other pushes anything out of; it may fill half the cache.
 *
 * An entry stays for 60 s after its TTL as the least a listing promises: `cache_find` does not
 * return it then, `cache_listed` does (design, section 6: what is listed is answered from memory
 * for 60 s more). What DNS said stays for a day, for `cache_stale` (RFC 8767), where memory
 * allows: nobody uses it, so it is the first to be given up. */
#ifndef RESOLVER_CACHE_H
#define RESOLVER_CACHE_H

#include "resolver/answer.h"

struct cache;

/* Where an entry came from; the policy decides between them. The pins, and keys that work like one, are
 * parts of an answer like the others, but never of the cache: what a pin says is made from what is
 * held of the name under the pin's key (resolver/pinned), so that it is nobody's but the asker's, and
 * a change of pins leaves nothing stale. */
enum cache_part {
	CACHE_DNS,
	CACHE_ZONE,
	CACHE_SLOT,
	CACHE_COPY,	  /* a signed copy of what DNS said, from slots (resolver/rescue) */
	PART_ALIAS,	  /* the slot of an alias, in place of the type that was asked for */
	PART_PIN,	  /* of the asking user */
	PART_PIN_FOR_ALL, /* of root, the daemon's owner and its options */
	PART_ATTESTED,	  /* the key that the name's zone attests */
	PART_SIGNER,	  /* the first signer of the name */
	CACHE_PARTS
};

/* The seed is secret and random, so that nobody can choose names that collide. NULL: no memory. */
struct cache *cache_create(size_t bytes_max, uint64_t seed);
void cache_destroy(struct cache *cache);

/* Fresh at `now` (monotonic, microseconds): what the source said, else its failure; or NULL.
 * Borrowed: answer_ref to keep it. */
const struct answer *cache_find(struct cache *cache, const struct question *q,
	enum cache_part part, uint64_t now);
/* The same, up to 60 s past its TTL. */
const struct answer *cache_listed(struct cache *cache, const struct question *q,
	enum cache_part part, uint64_t now);
/* What the source said last, failures apart, up to a day past its TTL; or NULL. Only DNS has it: a
 * withdrawal from the DHT must get through, and TTL 0 is for one use. */
const struct answer *cache_stale(struct cache *cache, const struct question *q,
	enum cache_part part, uint64_t now);
/* cache_find for every part at once: one hash, one walk. With `asked`, somebody waits for it: true
 * when DNS should be asked anew behind it, for this is at least the second time that it was good
 * for somebody, and the last tenth of its TTL. Said once an entry. */
bool cache_find_all(struct cache *cache, const struct question *q, uint64_t now, bool asked,
	const struct answer *ret_answers[CACHE_PARTS]);

/* Fetches towards the processor what a look-up of this question will read. One step at a time, from
 * 0 up, as each says where the next is: who has many questions takes a step for all of them before
 * the next, and waits for memory once and not for each. */
#define CACHE_STEPS 3
uint64_t cache_hash(const struct cache *cache, const struct question *q);
void cache_approach(const struct cache *cache, uint64_t hash, unsigned step);

/* Takes a reference of its own; replaces what stood. TTL counts from a->arrived. What would take
 * more than 1/32 of the cache is not kept, nor is anything when memory is out: then nothing
 * stands. What this machine says itself (SOURCE_LOCAL) is kept before what is in use.
 *
 * A failure (an error other than -ENOENT, or a stale answer in its place) of DNS stands beside what
 * was said before, and is believed for 1 s, and for twice as long each time that it fails again, up
 * to 30 s (RFC 9520). Without a route nobody was asked, so nobody needs to be spared: -ENETUNREACH
 * stays at its TTL. */
void cache_add(struct cache *cache, const struct answer *a, enum cache_part part, uint64_t now);
/* The same of what was asked for while more was asked than can be looked up. Names that nobody asks
 * for again have no more than 1/32 of the cache then: it stays as it was before the flood. */
void cache_add_in_flood(
	struct cache *cache, const struct answer *a, enum cache_part part, uint64_t now);
void cache_forget(struct cache *cache, const struct question *q, enum cache_part part);
/* All of a part, failures too. At once: 100,000 entries take some 20 ms, once in a reload. */
void cache_forget_part(struct cache *cache, enum cache_part part);
/* Who says which questions pins are read from; asked when an answer is added. */
typedef bool cache_pinned_fn(void *ctx, const struct question *q);
void cache_pins(struct cache *cache, cache_pinned_fn *fn, void *ctx);
/* Positive entries that cache_listed would return, in no order, a few at a time: those of the next
 * CACHE_WALK_BUCKETS that may hold one of `bits` (sieve_bit, SIEVE_ALL), and others that stand
 * there, from `place` on, which is 0 at first. False: that was the end. `fn` may look things up, but
 * not add or forget; between two calls all is allowed, and an entry that stands throughout is met
 * exactly once. */
#define CACHE_WALK_BUCKETS 64
#define CACHE_WALK_PASSED 4096 /* no further at a time, whatever is passed over */
typedef void cache_each_fn(void *ctx, const struct answer *a);
struct cache_walk {
	uint64_t place, bits, now;
	cache_each_fn *fn;
	void *ctx;
};
bool cache_walk(struct cache *cache, struct cache_walk *walk);
/* Fresh positive answers of DNS that were good for somebody, the latest first. */
void cache_each_used(struct cache *cache, uint64_t now, cache_each_fn *fn, void *ctx);
size_t cache_entries(const struct cache *cache);
size_t cache_bytes(const struct cache *cache);
size_t cache_traces(const struct cache *cache); /* of these bytes: how answers were come by */

#endif
