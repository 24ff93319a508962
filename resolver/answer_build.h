/* Writes the two messages of an answer, with and without DNSSEC records, and makes the answer.
 *
 * Between the three ways in which an answer comes about (answer.c, scrub.c) and the writer:
 * whatever they put, an answer has its bytes from here and nowhere else. */
#ifndef RESOLVER_ANSWER_BUILD_H
#define RESOLVER_ANSWER_BUILD_H

#include "resolver/answer.h"
#include "resolver/packet.h"

#define CHAIN_MAX 11	/* links of a CNAME chain; longer ones fill caches (CacheFlush, 2024) */
#define TTL_CAP 86400	/* a day: a mistake of others is not remembered for longer */
#define TTL_FAILURE 5	/* RFC 9520: a failure is remembered, for 1 s to 5 min */
#define NO_AUTHORITY 22 /* RFC 8914: "No Reachable Authority" */

struct answer_build;

struct answer_build *build_begin(const struct question *q); /* NULL: no memory */
void build_abort(struct answer_build *b);		    /* NULL is fine */
/* Sections in order. What does not fit makes build_end fail. */
void build_put(struct answer_build *b, const struct rr *rr);
/* Ends the build, also when it fails. The answer has rcode, and ttl: the least that was put, or
 * TTL_MAX; everything else is nought. 0, -ENOMEM, -EFBIG. */
int build_end(struct answer_build *b, uint8_t rcode, struct answer **ret_answer);

/* Begins to read the records of an answer, by the reader that strangers' messages meet too. */
void answer_open(const struct answer *a, struct packet_reader *ret_reader);

#endif
