/* Asks zones of DNS for the keys that they attest, behind answers that they have signed, and
 * follows the proof to the root to know how long it holds. What is found: resolver/attested.
 *
 * Nobody waits for any of it. A zone is asked when the question has been answered that has led to
 * it, and by what that may still cost: so it takes nothing from its aliases, and who makes us ask
 * many zones has to ask as many questions. Bounded besides: ATTEST_ASKING_MAX zones are asked at
 * once, ATTEST_RUNS_MAX proofs followed, a proof a second begun in the long run and none twice an
 * hour, by ATTEST_STEPS_MAX questions each, which the validator has just asked itself; what is more
 * is asked for behind a later answer. */
#ifndef RESOLVER_ATTEST_H
#define RESOLVER_ATTEST_H

#include "resolver/attested.h"

#define ATTEST_ASKING_MAX 16
#define ATTEST_WISHES_MAX 64 /* questions that have led to a zone, and are not answered yet */
#define ATTEST_RUNS_MAX 8
#define ATTEST_STEPS_MAX 24 /* DNSKEY and DS of eleven zones, and the root's DNSKEY */

struct attest;
struct resolver;
struct work;

int attest_create(struct resolver *r, struct attest **ret_attest); /* -ENOMEM; as attested_create */
void attest_destroy(struct attest *t);				   /* NULL is fine */
struct attested *attest_keys(struct attest *t);
/* DNS has said this, just now, to a question that has cost so much; NULL: to nobody's. */
void attest_heard(struct attest *t, const struct answer *a, struct work *work);
/* The question that this was counted to is answered, or nobody waits for it any more. */
void attest_answered(struct attest *t, struct work *work);
/* Of the status: questions begun, keys learnt, keys that were ended by DNS. */
struct attest_counters {
	uint64_t asked, learnt, ended;
};
void attest_counters(const struct attest *t, struct attest_counters *ret_counters);

#endif
