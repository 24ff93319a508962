/* Where in a hash table names of a class and type may stand: a word of bits for each eight buckets.
 *
 * A walk that wants one type of a hundred thousand names passes over the rest by their words, 64
 * buckets a cache line, where to look at each would be a miss each. It may find another type where
 * it looks, as a bit stands for many; where few types share much memory, it seldom does. What goes
 * leaves its bit, until a walk that comes by finds nothing there. */
#ifndef RESOLVER_SIEVE_H
#define RESOLVER_SIEVE_H

#include <stddef.h>
#include <stdint.h>

#define SIEVE_BUCKETS 8
#define SIEVE_ALL UINT64_MAX

struct sieve {
	uint64_t *words; /* NULL: none yet */
	size_t len;
};

int sieve_init(struct sieve *s, size_t buckets); /* a multiple of SIEVE_BUCKETS. -ENOMEM */
void sieve_finish(struct sieve *s);
/* The bit of a class and type. */
uint64_t sieve_bit(uint16_t class, uint16_t type);
void sieve_note(struct sieve *s, size_t bucket, uint64_t bit);
/* The first word from `at` on, and before `end`, that has one of `bits`; else `end`. */
size_t sieve_next(const struct sieve *s, size_t at, size_t end, uint64_t bits);

#endif
