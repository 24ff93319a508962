/* What one source was asked and said, and what it cost: kept with its answer, so that whoever reads
 * .kadns/explain or .kadns/claims later is told without anybody being asked again.
 *
 * Bounded: TRACE_CLAIMS_MAX claims, TRACE_BYTES_MAX of records in them; what is more is counted. The
 * chosen claim and those that verify come first and find room; what was left out, of which strangers
 * can send any number, gives way to them.
 * The cache counts a trace as part of its answer (answer_size), and drops it with the answer. */
#ifndef RESOLVER_TRACE_H
#define RESOLVER_TRACE_H

#include "resolver/claim.h"

/* A slot holds six claims of keys at most, and of eight versions of it most are alike. */
#define TRACE_CLAIMS_MAX 16
#define TRACE_BYTES_MAX 8192

struct trace_claim {
	enum claim_verdict verdict;
	struct claim claim; /* of its own; without its signature. No set: it was not fetched, or
			     * there was no room for it */
};

struct trace {
	uint64_t took;	  /* microseconds */
	unsigned lookups; /* of the DHT; what follows is theirs together: packets sent, and bytes in
			   * them; nodes that answered, and that had a value */
	unsigned queries, bytes, answered, holders;
	bool unvalidated; /* an upstream that strips DNSSEC */
	char *why;	  /* of a bogus answer: a stranger's bytes; of a failure: what ails the
			   * upstream; NULL: not said */
	char *relay;	  /* that said it in place of a DHT that does not answer; NULL: none */
	bool has_known;	  /* a signer was remembered */
	size_t claims_len, claims_left_out;
	size_t claims_bytes;
	struct trace_claim *claims;
};

/* NULL: no memory. Everything below does nothing with a NULL: an answer goes without its trace. */
struct trace *trace_create(void);
void trace_destroy(struct trace *t);
size_t trace_size(const struct trace *t); /* bytes of memory */

void trace_why(struct trace *t, const char *why);
void trace_relay(struct trace *t, const char *relay); /* NULL is fine */
/* Copies; the same claim with the same verdict counts once. */
void trace_claim(struct trace *t, const struct claim *claim, enum claim_verdict verdict);

const char *claim_verdict_text(enum claim_verdict verdict);

#endif
