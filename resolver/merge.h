/* Merging: what the network holds of a zone or slot, and this daemon's edits on top of it.
 *
 * Nothing here waits: bytes in, bytes out. A job (resolver/job) does the reading and putting. */
#ifndef RESOLVER_MERGE_H
#define RESOLVER_MERGE_H

#include "resolver/own.h"
#include "resolver/signer.h"
#include "resolver/zone_pages.h"

/* The edits that went into a merge, to be marked as published when the network took it. */
struct merge_edit {
	uid_t uid;
	struct question question;
	int64_t written;
	uint32_t inception; /* of the claim made; 0: none was */
	bool under_key;	    /* the zone is all there is to it */
	bool zoned;	    /* an earlier run has laid it, though nobody else may have it */
	bool gone;	    /* was withdrawn here once: there is no record any more */
	/* Another daemon of this key had changed it too, neither knowing of the other. */
	bool conflict;
	/* Zones: another daemon of this key has said otherwise since, namely that, or NULL: has
	 * withdrawn it; in the version `dot`. */
	bool overruled;
	struct rrset *theirs;
	int64_t dot;
	struct pages_spot spot; /* where it stands in the zone: the dear part, found once ... */
	unsigned page;		/* ... and on which page that is, by how many there are in the end */
};
struct merge_edits {
	struct merge_edit *edit;
	size_t len, cap;
	/* Slots: pieces of large claims, to be put as immutable items before the slot refers to
	 * them. */
	struct merge_piece {
		size_t len;
		uint8_t bytes[CLAIM_PIECE_BYTES];
	} * pieces;
	size_t pieces_len;
	bool again; /* something can only be said once this has been put */
};
void merge_edits_finish(struct merge_edits *edits);

/* ---- merge_zone.c ---- */

/* One part of a zone, as the network has it, or as we put it last where the network shows something
 * older: to build on that would bring back what was withdrawn since. */
struct merge_part {
	unsigned page;	      /* PAGES_HEAD: the zone packet, which comes first */
	const uint8_t *bytes; /* what is no zone counts as nothing */
	size_t len;
	int64_t seq;   /* of what the network has */
	int64_t built; /* of `bytes`; 0: nothing */
	/* What nodes took of us last, to tell what others have changed since; length 0: nothing. */
	const uint8_t *last;
	size_t last_len;
	int64_t last_seq;
	bool all; /* lay every own record that belongs here, not only those that no zone took yet:
		   * the network has lost what it took */
};
/* The zone of `uid`: the parts that were read, and the own records on top of them; a plain name N
 * stands in it as N.<key>. Where it does not fit it is laid on more pages, where it takes up little
 * room and all of it was read, on fewer.
 *
 * Where a version that has seen an own record says otherwise, or lacks it, another daemon of the
 * key has changed or withdrawn it, and that holds. One that has not seen it says nothing of it: the
 * record is laid there once more, and what was withdrawn here is taken out once more. What was
 * written here and changed there, neither knowing of the other, is a true conflict: the later
 * holds, by its seq (zone_changes.h), and the edit says so. -EAGAIN: not without the pages that were not read; -EFBIG: not on PAGES_MAX
 * pages either. */
struct merge_zone {
	struct own *own;
	struct signer *signer;
	uid_t uid;
	int64_t now;
	const struct merge_part *parts;
	size_t parts_len;
};
int merge_zone(const struct merge_zone *m, struct pages **ret_pages, struct merge_edits *ret_edits);
/* The pages of a zone of `pages` on which this uid's records stand that no zone took yet, each
 * once. Returns how many. */
size_t merge_zone_wants(const struct own *own, const uint8_t key[NAME_KEY_LEN], uid_t uid,
	unsigned pages, unsigned ret_pages[PAGES_MAX]);
/* Is there room for `set` in the zone of this uid, wherever in it? Of a plain name that is too long
 * for a zone: does a claim hold it? 0 or -EFBIG. */
int merge_zone_fits(
	const struct own *own, struct signer *signer, uid_t uid, const struct rrset *set);

/* ---- merge.c ---- */

int merge_note(struct merge_edits *edits, const struct own_record *record, uint32_t inception);
/* Does a claim of this key hold the set? 0 or -EFBIG. */
int merge_fits_claim(const struct rrset *set, const uint8_t key[NAME_KEY_LEN]);
/* The slot of one question: `slot` (what all nodes said, merged) gets the claims of every local
 * uid that has a record there and loses the claims of those that withdrew. */
int merge_slot(const struct own *own, struct signer *signer, struct slot *slot, int64_t now,
	uint8_t ret_packet[SLOT_BYTES_MAX], struct merge_edits *ret_edits);

#endif
