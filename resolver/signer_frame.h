/* What the node asks of the signer's process, and what that answers: frames (frame.h), written and,
 * without trust, read. The signer is asked by whoever has taken over the node; the node is answered
 * by whoever has taken over the signer. */
#ifndef RESOLVER_SIGNER_FRAME_H
#define RESOLVER_SIGNER_FRAME_H

#include "resolver/frame.h"
#include "resolver/signer_keys.h"

#define SIGNER_DIR_MAX 4300 /* of the path of the keys, with its NUL */
/* Of a request. Its longest is a claim over the longest record set. */
#define SIGNER_FRAME_MAX (FRAME_HEAD + 64 + NAME_WIRE_MAX + RRSET_BYTES_MAX)
#define SIGNER_REPLY_BYTES 64 /* a signature */
#define SIGNER_REPLY_MAX (FRAME_HEAD + 4 + SIGNER_REPLY_BYTES)

struct signer_request {
	enum frame_kind kind;
	const char *dir;	    /* FRAME_KEYS */
	struct key_owner owner;	    /* of the others; FRAME_KEY: its uid */
	struct signer_part part;    /* FRAME_PART */
	struct claim_request claim; /* FRAME_CLAIM */
	/* FRAME_PUBLIC, FRAME_IMPORT: SIGNER_SEED_LEN bytes, which point into the frame when read.
	 */
	const uint8_t *seed;
};

struct signer_reply {
	int error; /* 0 or -errno */
	/* FRAME_KEY, FRAME_PUBLIC: the key; FRAME_PART, FRAME_CLAIM: the signature; FRAME_SECRET:
	 * the seed; nothing where it failed. */
	uint8_t bytes[SIGNER_REPLY_BYTES];
	size_t len;
};

/* The writers return the length; buf holds SIGNER_FRAME_MAX, SIGNER_REPLY_MAX. -EFBIG: what is to
 * be signed does not fit in anything; -ENAMETOOLONG: the path. */
int signer_frame_put(uint8_t *buf, uint64_t id, const struct signer_request *request);
size_t signer_frame_put_reply(uint8_t *buf, uint64_t id, const struct signer_reply *reply);

/* 0, -EBADMSG or -ENOMEM. Path and packet point into the frame; the record set is the caller's, to
 * be freed by the third. */
int signer_frame_get(const struct frame *frame, struct signer_request *ret_request);
void signer_request_finish(struct signer_request *request);
/* `kind` is that of the request. 0 or -EBADMSG. */
int signer_frame_get_reply(
	const struct frame *frame, enum frame_kind kind, struct signer_reply *ret_reply);

#endif
