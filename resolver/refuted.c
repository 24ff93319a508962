/* Copies that came to nothing. */
#include "resolver/refuted.h"

#include <errno.h>
#include <sys/random.h>

#include "resolver/hash.h"

int refuted_init(struct refuted *r)
{
	return getrandom(&r->seed, sizeof(r->seed), 0) == sizeof(r->seed) ? 0 : -EIO;
}

void refuted_add(struct refuted *r, const void *bytes, size_t len)
{
	uint64_t hash = hash_bytes(bytes, len, r->seed);
	r->places[hash % REFUTED_MAX] = hash;
}

bool refuted_has(const struct refuted *r, const void *bytes, size_t len)
{
	uint64_t hash = hash_bytes(bytes, len, r->seed);
	return r->places[hash % REFUTED_MAX] == hash;
}
