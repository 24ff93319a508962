/* The user's own records in memory: by question, and by who wrote them.
 *
 * Inside of own. Every question that is asked looks here first, every edit walks the records of its
 * writer, and neither may cost more for what others have written. */
#ifndef RESOLVER_OWN_TABLE_H
#define RESOLVER_OWN_TABLE_H

#include "resolver/own.h"
#include "resolver/sieve.h"

#define OWN_USER_CHAINS 256 /* uids are given in rows, so their low bits spread them */

struct own_node {
	struct own_node *next;			 /* of its bucket */
	struct own_node *user_next, **user_prev; /* of its writer's chain */
	uint64_t hash;
	struct own_record record;
};

struct own_table {
	uint64_t seed;
	/* By the first bits of the hash. So a table that has grown has the same order, and a walk
	 * over it goes on where it was (own_walk). */
	struct own_node **buckets;
	size_t buckets_len; /* a power of two */
	unsigned shift;	    /* what of a hash is no bucket's number */
	struct sieve sieve;
	size_t records;
	struct own_node *users[OWN_USER_CHAINS];
};

int own_table_init(struct own_table *t, uint64_t seed); /* -ENOMEM */
void own_table_finish(struct own_table *t);		/* of a zeroed one too */

/* Room for one more, so that own_table_insert cannot fail after a commit. Not in the table yet. */
int own_table_new(
	struct own_table *t, uid_t uid, const struct question *q, struct own_node **ret_node);
void own_table_insert(struct own_table *t, struct own_node *n);
void own_table_remove(struct own_table *t, struct own_node *n); /* and destroys it */
void own_node_destroy(struct own_node *n);

struct own_node *own_table_find(const struct own_table *t, uid_t uid, const struct question *q);
/* The first that may be of this question: those of `hash`, by `next`. */
struct own_node *own_table_bucket(
	const struct own_table *t, const struct question *q, uint64_t *ret_hash);

#endif
