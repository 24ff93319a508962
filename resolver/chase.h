/* Aliases that lead from one source to another: out of the zone of a key, or from a claim, to a name that
 * DNS answers, or another key. What the winner begins the name at its end continues: from memory
 * here, by asking in resolver.c, each for who asks, by all the rules. Aliases in DNS are followed by
 * the validator, within DNS.
 *
 * Bounded: CHASE_MAX sources one after the other, eleven links in all, and the work of one question
 * (resolver/work.h) for all of them. A loop is a failure, SERVFAIL. */
#ifndef RESOLVER_CHASE_H
#define RESOLVER_CHASE_H

#include "resolver/resolver_inside.h"

#define CHASE_MAX 4

/* The question for an alias in place of a type; and what its slot said as an answer to `q`, which leads to
 * where the alias does. NULL: no memory. */
struct question chase_alias(const struct question *q);
struct answer *chase_from_alias(const struct question *q, const struct answer *said);
/* From memory; NULL: not held. Borrowed as resolver_peek's. */
const struct answer *chase_held(struct resolver *r, const struct question *q, bool listed);

/* The two as one answer, with private addresses dropped that the first alias may not lead to; or the
 * failure to join them. NULL: no memory. */
struct answer *chase_join(
	struct resolver *r, const struct answer *from, const struct answer *end);
/* A chain that is followed no further. */
struct answer *chase_failure(const struct answer *from, int error);
/* The same from memory, for a winner that leads on, after `hops` others: borrowed as resolver_peek's, or
 * NULL: its end is not held. */
struct chase_look {
	uid_t view;
	bool listed;
	unsigned hops;
};
const struct answer *chase_peek(
	struct resolver *r, const struct answer *from, const struct chase_look *look);
void chase_finish(struct resolver *r);

#endif
