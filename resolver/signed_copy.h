/* Signed copies: what DNS said to a question, with all that proves it, as it lies in the question's
 * slot (rule 5 of the design's section 4).
 *
 * Where an answer is one record set under its own name, the copy is a claim whose signer is a zone
 * (claim.h). What a claim cannot say (a denial, an alias, a wildcard's answer, a TTL of more than a
 * day) is a message: immutable items that are the pieces of the whole DNS message, ID 0, with its
 * question, rcode, answer and authority; the slot has a record that refers to them like that of a
 * large claim, with another first word: "answer TYPE SIGNER INCEPTION LENGTH". SIGNER is that of
 * the first RRSIG in the message, INCEPTION the earliest of all its RRSIGs.
 *
 * Every set in a message has an RRSIG beside it, but for an alias that a DNAME makes. Whether one
 * of them holds is for a validator to say (resolver/judge). */
#ifndef RESOLVER_SIGNED_COPY_H
#define RESOLVER_SIGNED_COPY_H

#include "resolver/claim.h"

#define SIGNED_COPY_RECORDS_MAX 128 /* each is looked for among all the others */

struct signed_copy_facts {
	struct name signer;
	uint32_t inception; /* serial, as in a claim */
	int64_t until;	    /* seconds since 1970: when the first of its RRSIGs ends */
	bool denies;	    /* there is no set of the question's type in it */
};
/* 0; -EBADMSG: it is no message that answers `q` with NOERROR or NXDOMAIN, or not all of it is
 * signed. `now` in seconds. */
int signed_copy_examine(const struct question *q, const uint8_t *message, size_t len, int64_t now,
	struct signed_copy_facts *ret_facts);

/* Each zone that has signed something in it, once; as many as fit. Returns how many. */
size_t signed_copy_signers(
	const uint8_t *message, size_t len, struct name *ret_signers, size_t cap);

/* The message as a claim. -EINVAL: no claim says this. -ENOMEM. */
int signed_copy_to_claim(
	const struct question *q, const uint8_t *message, size_t len, struct claim *ret_claim);
/* A claim of a zone as the message that it was. Length or -EFBIG. */
int signed_copy_from_claim(const struct claim *claim, uint8_t *buf, size_t cap);

/* How a message is cut, and what refers to it. -EFBIG: it is longer than any claim. */
int signed_copy_cut(const struct signed_copy_facts *facts, const uint8_t *message, size_t len,
	struct claim_pieces *ret_pieces);
/* The fetched pieces as the message that was promised: to `q`, by that signer, of that inception.
 * ret_message holds CLAIM_BYTES_MAX. 0 or -EBADMSG. */
int signed_copy_join(const struct question *q, const struct claim_pieces *pieces,
	const struct claim_piece *fetched, int64_t now, uint8_t *ret_message,
	struct signed_copy_facts *ret_facts);

#endif
