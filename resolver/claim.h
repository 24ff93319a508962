/* Claims and slots: who says what about a plain name (design, section 3).
 *
 * A slot is a mutable DHT item under a key pair that anyone can derive from the question, so it
 * is a notice board and only a hint. On it stand claims: a record set of that name and one or
 * more RRSIGs over it, by a zone (DNSSEC decides) or by a key (`<key>.`, ED25519). With
 * trust=open a set may also stand without an RRSIG: a copy of what DNS said. */
#ifndef RESOLVER_CLAIM_H
#define RESOLVER_CLAIM_H

#include "resolver/rrset.h"

#define SLOT_BYTES_MAX 996
#define SLOT_STRANGERS_MAX 8           /* claims of unknown signers that a reader keeps */
#define CLAIM_INLINE_MAX 600           /* longer ones lie in immutable items */
#define CLAIM_TTL_MAX 86400u
#define CLAIM_LIFETIME (7 * 86400)     /* seconds from inception to expiration, at most */
#define CLAIM_PIECES_MAX 8
#define CLAIM_PIECE_BYTES 996

enum claim_kind {
	CLAIM_KEY,      /* signed by `<key>.`, and the signature holds */
	CLAIM_ZONE,     /* signed by a zone: only a DNSSEC validator can tell */
	CLAIM_UNSIGNED, /* a copy; counts in trust=open only */
};

struct claim {
	enum claim_kind kind;
	struct rrset *set;
	uint8_t key[NAME_KEY_LEN]; /* CLAIM_KEY */
	struct name signer;        /* CLAIM_ZONE */
	uint32_t inception, expiration; /* seconds since 1970 (RFC 4034 serial arithmetic) */
	uint8_t *rrsig;            /* RDATA of its RRSIGs, each with its length (2 bytes) before */
	size_t rrsig_len;
};

/* A slot's key pair: seed = SHA-256("kadns slot 1" || H); the salt is H. */
void slot_seed(const uint8_t h[QUESTION_KEY_LEN], uint8_t ret_seed[32]);

struct slot {
	struct question question;
	size_t claims_len;
	struct claim *claims;
	size_t pieces_len;         /* large claims, by reference: `claim TYPE SIGNER …` */
	struct claim_pieces {
		struct name signer;
		uint32_t inception;
		uint16_t len;          /* bytes of the whole claim's packet */
		unsigned count;
		uint8_t sha1[CLAIM_PIECES_MAX][20];
	} *pieces;
};

void slot_init(struct slot *slot, const struct question *q); /* empty */
void slot_finish(struct slot *slot);

/* Adds the claims of one node's packet. Of one signer the latest inception stays. What does not
 * verify, is expired at `now` (seconds), begins more than an hour ahead, has a wrong owner,
 * label count, TTL or form is left out. `packet_time` (seconds, from the item's seq)
 * dates unsigned copies; `allow_unsigned` takes them. `budget` is the number of signature
 * checks still allowed, counted down. 0, -EBADMSG (no such packet), -ENOMEM. */
struct slot_reading {
	int64_t now, packet_time;
	bool allow_unsigned;
	unsigned *budget;
};
int slot_add_packet(struct slot *slot, const uint8_t *packet, size_t len,
	const struct slot_reading *reading);
/* Replaces the claim of the same signer by a later one; takes over `claim` (its memory). */
int slot_add(struct slot *slot, struct claim *claim);
bool slot_drop(struct slot *slot, const uint8_t key[NAME_KEY_LEN]); /* the claim of this key */
const struct claim *slot_claim_of(const struct slot *slot, const uint8_t key[NAME_KEY_LEN]);
/* Writes all claims: `first` (may be NULL) is put first, then as many as fit, latest inception
 * first. Length (12: an empty slot), or -EFBIG when even `first` does not fit. */
int slot_write(const struct slot *slot, const uint8_t *first_key, uint8_t ret_packet[SLOT_BYTES_MAX]);

/* BEP 44 put to a node of ours: is `key`/`salt` a slot's, and if it is: may `offered` replace
 * `held` (NULL: nothing)? 0, or a KRPC error: 301 when it drops an unexpired, unsuperseded claim
 * (other than by the same signer), 302 when seq is over ten minutes ahead. `seq` in microseconds. */
struct slot_put {
	const uint8_t *key, *salt;
	size_t salt_len;
	const uint8_t *held, *offered; /* DNS packets (contents of the byte strings) */
	size_t held_len, offered_len;
	int64_t seq;
	int64_t wall;                  /* microseconds since 1970 */
};
int slot_judge(const struct slot_put *put);

/* Signing. The bytes to sign for `set` under `<key>.`, RRSIG RDATA without the signature first
 * (RFC 4034 3.1.8.1); -EFBIG, -EINVAL (TTL over a day, a `*` in the name). malloc'd. */
int claim_to_sign(const struct rrset *set, const uint8_t key[NAME_KEY_LEN], uint32_t inception,
	uint32_t expiration, uint8_t **ret_bytes, size_t *ret_len, size_t *ret_rrsig_len);
/* A claim from a set and its signature: set is copied. */
int claim_make(const struct rrset *set, const uint8_t key[NAME_KEY_LEN], uint32_t inception,
	uint32_t expiration, const uint8_t sig[64], struct claim *ret_claim);
void claim_finish(struct claim *claim);
/* The packet of one claim alone (what is cut into immutable pieces when over
 * CLAIM_INLINE_MAX); length or -EFBIG. */
int claim_write(const struct claim *claim, uint8_t *buf, size_t cap);

#endif
