/* Where in a hash table names of a class and type may stand. */
#include "resolver/sieve.h"

#include <errno.h>
#include <stdlib.h>

#define SPREAD 0x9e3779b97f4a7c15ull /* 2^64 by the golden ratio: neighbours end far apart */

int sieve_init(struct sieve *s, size_t buckets)
{
	*s = (struct sieve){.len = buckets / SIEVE_BUCKETS};
	s->words = calloc(s->len, sizeof(*s->words));
	return s->words ? 0 : -ENOMEM;
}

void sieve_finish(struct sieve *s)
{
	free(s->words);
}

/* Who makes up types that share a bit with others makes their listings no slower than they would be
 * without a sieve. */
uint64_t sieve_bit(uint16_t class, uint16_t type)
{
	return UINT64_C(1) << (((uint64_t) class << 16 | type) * SPREAD >> 58);
}

void sieve_note(struct sieve *s, size_t bucket, uint64_t bit)
{
	s->words[bucket / SIEVE_BUCKETS] |= bit;
}

size_t sieve_next(const struct sieve *s, size_t at, size_t end, uint64_t bits)
{
	while (at < end && !(s->words[at] & bits))
		at++;
	return at;
}
