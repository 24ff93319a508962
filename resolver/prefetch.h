/* Asks DNS anew for names that are popular, behind their answers and before these end, so that
 * nobody waits for them again. The cache says which (cache_find_all); here it is decided when.
 *
 * Bounded: PREFETCH_WAITING names wait, PREFETCH_UNDER_WAY are asked for at once, and
 * PREFETCH_A_TICK are begun in a tenth of a second; what is more is asked for when it has ended, by
 * whoever wants it. */
#ifndef RESOLVER_PREFETCH_H
#define RESOLVER_PREFETCH_H

#include <stdint.h>

#include "resolver/question.h"

#define PREFETCH_WAITING 64
#define PREFETCH_UNDER_WAY 32
#define PREFETCH_A_TICK 5 /* 50 a second: a tenth of what a small upstream takes */

struct prefetch;
struct resolver;

struct prefetch *prefetch_create(struct resolver *r); /* NULL: no memory */
void prefetch_destroy(struct prefetch *p);
/* Cheap: nothing is asked before this returns, and nothing allocated. */
void prefetch_note(struct prefetch *p, const struct question *q);
/* One that was under way has ended. */
void prefetch_done(struct prefetch *p);
uint64_t prefetch_begun(const struct prefetch *p);
uint64_t prefetch_dropped(const struct prefetch *p);

#endif
