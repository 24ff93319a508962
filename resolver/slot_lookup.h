/* Reading a slot from the DHT: what each node holds of it, and the pieces of a large claim. What
 * stands in it is for resolver/claim.h to read, and whom to believe for the caller to know. */
#ifndef RESOLVER_SLOT_LOOKUP_H
#define RESOLVER_SLOT_LOOKUP_H

#include "resolver/claim.h"
#include "resolver/trace.h"

struct dht;
struct dht_allowance;
struct dht_lookup;
struct dht_result;

#define SLOT_VERSIONS_MAX 8 /* different ones that are looked at; the oldest gives way */

struct slot_version { /* as some nodes returned it */
	int64_t seq;
	unsigned nodes;
	uint16_t len;
	uint8_t bytes[SLOT_BYTES_MAX];
};

/* Embedded in what asks; zeroed at first, then the first five are set, or seven. */
struct slot_lookup {
	struct dht *dht;
	struct question question;
	struct trace *trace; /* what it costs is counted there; may be NULL */
	void (*done)(void *ctx, const struct dht_result *result);
	void *ctx;
	struct dht_allowance *allowance; /* NULL: no question's */
	unsigned checks_kept;		 /* of it, for what stands in the slot */
	struct dht_lookup *lookup; /* NULL: none is under way */
	uint8_t key[32];
	/* Allocated as they come: 8 kB that a slot which nobody holds does not need. */
	size_t len;
	struct slot_version *versions[SLOT_VERSIONS_MAX];
};
/* 0: done is called once. -ENOMEM, -EBUSY. */
int slot_lookup_start(struct slot_lookup *l);
void slot_lookup_finish(struct slot_lookup *l); /* no callback afterwards; also when it has ended */
int64_t slot_lookup_seq(const struct slot_lookup *l); /* the highest; 0: nobody holds it */

/* The pieces of one large claim, one after the other. Zeroed at first, then the first five are set,
 * or six. */
struct piece_lookup {
	struct dht *dht;
	struct claim_pieces what;
	struct trace *trace;
	void (*done)(void *ctx, bool whole); /* whole: all of them are in `pieces` */
	void *ctx;
	struct dht_allowance *allowance; /* NULL: no question's */
	struct dht_lookup *lookup;
	size_t len;
	struct claim_piece pieces[CLAIM_PIECES_MAX];
	uint8_t (*bytes)[CLAIM_PIECE_BYTES]; /* kept for the next one */
};
/* 0: done is called once. -ENOMEM, -EBUSY; -EINVAL: there is no piece. */
int piece_lookup_start(struct piece_lookup *l);
void piece_lookup_finish(struct piece_lookup *l);

/* What a look-up has cost is added to what this answer did. */
void trace_lookup(struct trace *t, const struct dht_result *result);

#endif
