/* Copies that were given to the judge and turned out to be no good, or could not be had: they come
 * last from then on. So a stranger who dates his forgeries later than what they hide hides it once,
 * for as long as it takes to try them, and not with each question.
 *
 * Bounded, and forgetful: what shares a place takes it. To be held refuted wrongly costs a copy its
 * turn, not its hearing. */
#ifndef RESOLVER_REFUTED_H
#define RESOLVER_REFUTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REFUTED_MAX 1024

struct refuted {
	uint64_t seed;
	uint64_t places[REFUTED_MAX]; /* hashes; 0: none */
};

int refuted_init(struct refuted *r); /* -EIO: no random bytes */
void refuted_add(struct refuted *r, const void *bytes, size_t len);
bool refuted_has(const struct refuted *r, const void *bytes, size_t len);

#endif
