/* What the files of a slot share: slot.c keeps and writes claims, slot_read.c reads strangers'
 * packets, slot_pieces.c refers to large claims. */
#ifndef RESOLVER_SLOT_PARTS_H
#define RESOLVER_SLOT_PARTS_H

#include "resolver/claim_check.h"

/* The claim or withdrawal of a key, or NULL. */
struct claim *slot_held(const struct slot *slot, const uint8_t key[NAME_KEY_LEN]);
struct claim *slot_held_withdrawal(const struct slot *slot, const uint8_t key[NAME_KEY_LEN]);
/* Puts a claim beside all others. Takes it over, or finishes it (-ENOMEM). */
int slot_append(struct slot *slot, struct claim *claim);
/* Keeps a reference, unless it is known, superseded, or there are too many. */
int slot_add_reference(struct slot *slot, const struct claim_pieces *pieces);

/* Is the signer one key (`<key>.`)? */
bool signer_is_key(const struct name *signer, uint8_t ret_key[NAME_KEY_LEN]);
/* May this signer speak for this name: a key, or a zone that holds the name? */
bool signer_may(const struct name *signer, const struct name *name);

bool pieces_is_reference(const struct rr *rr);
/* 0, or -EBADMSG: not a reference to a claim over `q`. */
int pieces_parse(const struct question *q, const uint8_t *rdata, size_t len,
	struct claim_pieces *ret_pieces);
/* SHA-1s, count and length of the pieces of these bytes. 0 or -EFBIG: too many. */
int pieces_cut(const uint8_t *bytes, size_t len, struct claim_pieces *pieces);
/* The bytes from which they were cut; ret_bytes holds CLAIM_BYTES_MAX. 0 or -EBADMSG. */
int pieces_join(const struct claim_pieces *pieces, const struct claim_piece *fetched,
	uint8_t *ret_bytes);
void pieces_put(const struct claim_pieces *pieces, const struct question *q,
	struct packet_writer *w);
bool pieces_current(const struct claim_pieces *pieces, int64_t now);
bool pieces_equal(const struct claim_pieces *a, const struct claim_pieces *b);

/* Adds the claims of a packet of any size; with `only` those that it refers to. */
int slot_read(struct slot *slot, const uint8_t *packet, size_t len,
	const struct slot_reading *how, const struct claim_pieces *only);

#endif
