/* Merging: what the network holds of a zone or slot, and this daemon's edits on top of it.
 *
 * Nothing here waits: bytes in, bytes out. A job (resolver/job) does the reading and putting. */
#ifndef RESOLVER_MERGE_H
#define RESOLVER_MERGE_H

#include "resolver/own.h"
#include "resolver/signer.h"
#include "resolver/zone.h"

/* The edits that went into a merge, to be marked as published when the network took it. */
struct merge_edit {
	uid_t uid;
	struct question question;
	int64_t written;
	uint32_t inception; /* of the claim made; 0: none was */
	bool under_key;     /* the zone is all there is to it */
};
struct merge_edits {
	struct merge_edit *edit;
	size_t len, cap;
	/* Slots: pieces of large claims, to be put as immutable items before the slot refers to them. */
	struct merge_piece {
		size_t len;
		uint8_t bytes[CLAIM_PIECE_BYTES];
	} *pieces;
	size_t pieces_len;
	bool again; /* something can only be said once this has been put */
};
void merge_edits_finish(struct merge_edits *edits);

/* The zone of `uid`. `base` (NULL: there is none) is laid under the records that no zone took yet;
 * with `all` under every own record (the network lost what it took). Names under the key come first, then plain names N as N.<key>, as
 * many as fit, or nearly so: their claims stand in slots too. Length of ret_packet; -EFBIG when the names
 * under the key do not fit. */
struct merge_zone {
	const struct own *own;
	struct signer *signer;
	uid_t uid;
	const uint8_t *base;
	size_t base_len;
	bool all;
};
int merge_zone(const struct merge_zone *m, uint8_t ret_packet[ZONE_BYTES_MAX],
	struct merge_edits *ret_edits);

/* Does this uid's zone have room for his key names with `set` among them, or for the plain name
 * alone? Of a plain name that is too long for a zone: does a claim hold it? 0 or -EFBIG. */
int merge_zone_fits(const struct own *own, struct signer *signer, uid_t uid,
	const struct rrset *set);

/* The slot of one question: `slot` (what all nodes said, merged) gets the claims of every local
 * uid that has a record there and loses the claims of those that withdrew. */
int merge_slot(const struct own *own, struct signer *signer, struct slot *slot, int64_t now,
	uint8_t ret_packet[SLOT_BYTES_MAX], struct merge_edits *ret_edits);

#endif
