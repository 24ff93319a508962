/* What slots have for one question of the judge's: read, and made into messages, best first. */
#ifndef RESOLVER_RESCUE_SOURCE_H
#define RESOLVER_RESCUE_SOURCE_H

#include "resolver/refuted.h"
#include "resolver/rescue.h"
#include "resolver/root_keys.h"
#include "resolver/signed_copy.h"
#include "resolver/slot_lookup.h"

/* References that are followed for one question, of messages and of large claims, and claims that
 * are taken, as many as one node's packet can hold. More are a stranger's doing. */
#define SOURCE_REFERENCES_MAX 4
#define SOURCE_CLAIMS_MAX 8
_Static_assert(
	SOURCE_REFERENCES_MAX + SOURCE_CLAIMS_MAX == RESCUE_CANDIDATES_MAX, "all are judged");

struct candidate {
	struct signed_copy_facts facts;
	bool refuted; /* it came to nothing before */
	size_t len;
	uint8_t *message;
};

/* Zeroed at first; then the first eight are set. */
struct rescue_source {
	struct dht *dht;
	struct question question;
	struct trace *trace;
	/* A step has ended: more is to be looked up (rescue_source_next), or it is `ready`. */
	void (*stepped)(struct rescue_source *s);
	struct dht_allowance *allowance;
	unsigned checks_kept; /* of it, as slot_lookup's */
	void *ctx;
	struct refuted *refuted;
	bool looked, running, ready; /* the slot was read; a look-up is under way; all is there */
	bool spared;		     /* ready by what was kept, so that nothing is looked up */
	struct slot_lookup slot_lookup;
	/* What each version says; and at the end the large claims. */
	size_t slots_len;
	struct slot slots[SLOT_VERSIONS_MAX], large;
	size_t references_len, reference; /* those to follow, and the next of them */
	struct claim_pieces references[SOURCE_REFERENCES_MAX];
	struct piece_lookup pieces;
	size_t len;
	struct candidate candidates[RESCUE_CANDIDATES_MAX];
};
/* What this node has kept for the question, before the first look-up; where it is fresh none is
 * needed. */
void rescue_source_keep(struct rescue_source *s, const struct root_key *key);
/* What was kept is no good: the look-up that was spared is needed. */
void rescue_source_unspare(struct rescue_source *s);
/* The next look-up; when there is none left or it cannot be begun, `ready`. True: one is under way,
 * and `stepped` is called when it has ended. */
bool rescue_source_next(struct rescue_source *s);
void rescue_source_finish(struct rescue_source *s);

#endif
