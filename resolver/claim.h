/* Claims and slots: who says what about a plain name (design, section 3).
 *
 * A slot is a mutable DHT item under a key pair that anyone can derive from the question, so it
 * is a notice board and only a hint. On it stand claims: a record set of that name and one or
 * more RRSIGs over it, by a zone (DNSSEC decides) or by a key (`<key>.`, ED25519). With
 * trust=open a set may also stand without an RRSIG: a copy of what DNS said.
 *
 * The packet: ID 0, flags 0x8000, answers only, order kept. A run of records of one owner, class
 * and type, then the RRSIGs over it; the next record that is no RRSIG begins the next claim. Two
 * signers of one run are two claims. A key's RRSIG has algorithm 15, the key tag of DNSKEY
 * `<key>. 256 3 15`, Labels = all labels of the owner, a life of at most a week.
 *
 * Large claims: a claim whose own packet is over CLAIM_INLINE_MAX is cut into immutable items of
 * CLAIM_PIECE_BYTES (the last one shorter), and a record TXT `_kadns.` (TTL 0) refers to them:
 *
 *   "claim TYPE SIGNER INCEPTION LENGTH" "40 hex digits" …
 *
 * TYPE as in the mount, SIGNER with its final dot, INCEPTION in decimal, LENGTH of the packet in
 * bytes; then one character-string of lower-case hexadecimal for each piece, in order: its DHT
 * target, the SHA-1 of the bencoded byte string.
 *
 * Withdrawing: the slot's key is everyone's, so a claim that is merely missing says nothing, and
 * kadns nodes refuse to drop it. A signer takes back what it said by a later claim that ends as
 * it begins (expiration == inception), over any set of that name and type that needs no reference:
 * the old set, or one record of it. So does one whose claim grows beyond CLAIM_INLINE_MAX. */
#ifndef RESOLVER_CLAIM_H
#define RESOLVER_CLAIM_H

#include "resolver/rrset.h"

#define SLOT_BYTES_MAX 996
#define SLOT_STRANGERS_MAX 8           /* claims of unknown signers that a reader keeps; of keys,
                                        * of zones, and references to large ones: 8 of each */
#define CLAIM_INLINE_MAX 600           /* longer ones lie in immutable items */
#define CLAIM_TTL_MAX 86400u
#define CLAIM_LIFETIME (7 * 86400)     /* seconds from inception to expiration, at most */
#define CLAIM_PIECES_MAX 8
#define CLAIM_PIECE_BYTES 996
#define CLAIM_BYTES_MAX (CLAIM_PIECES_MAX * CLAIM_PIECE_BYTES)

enum claim_kind {
	CLAIM_KEY,      /* signed by `<key>.`, and the signature holds */
	CLAIM_ZONE,     /* signed by a zone: only a DNSSEC validator can tell */
	CLAIM_UNSIGNED, /* a copy; counts in trust=open only */
};

/* What becomes of a claim when its slot is read; words for each in trace.c. */
enum claim_verdict {
	CLAIM_TAKEN,          /* it answers, as the first of its name ... */
	CLAIM_REMEMBERED,     /* ... because its signer did before ... */
	CLAIM_LATEST,         /* ... or as trust=open has it */
	CLAIM_OTHER_SIGNER,   /* it does not: somebody else is remembered */
	CLAIM_NOT_FIRST,      /* somebody else is taken */
	CLAIM_NOT_LATEST,     /* the same with trust=open */
	CLAIM_OF_ZONE,
	CLAIM_WITHDRAWN_HERE, /* on this machine, while the network still has it */
	CLAIM_WITHDRAWN,
	CLAIM_COPY,           /* unsigned */
	CLAIM_EXPIRED,
	CLAIM_EARLY,
	CLAIM_MALFORMED,
	CLAIM_FORGED,
	CLAIM_SUPERSEDED,
	CLAIM_NO_ROOM,        /* these three were not looked at */
	CLAIM_NO_CHECKS,
	CLAIM_NOT_FETCHED,
};

struct claim {
	enum claim_kind kind;
	struct rrset *set;
	uint8_t key[NAME_KEY_LEN]; /* CLAIM_KEY */
	struct name signer;        /* CLAIM_ZONE, CLAIM_KEY */
	uint32_t inception, expiration; /* seconds since 1970 (RFC 4034 serial arithmetic); of several
	                            * RRSIGs of a zone: the latest inception, the earliest end */
	uint8_t *rrsig;            /* RDATA of its RRSIGs, each with its length (2 bytes) before */
	size_t rrsig_len;
	bool vouched;              /* of a zone: by whoever wrote it into the slot, DNS having just
	                            * said so (slot_add) */
	unsigned nodes;            /* that said it, or an earlier one of its key */
	unsigned packet;           /* read last with it in, so that each packet counts once */
};

/* A slot's key pair: seed = SHA-256("kadns slot 1" || H); the salt is H. */
void slot_seed(const uint8_t h[QUESTION_KEY_LEN], uint8_t ret_seed[32]);

/* A large claim, by reference. Unverified: anyone can write one. */
struct claim_pieces {
	bool is_message;           /* no claim, but a whole message (signed_copy.h) */
	bool vouched;              /* as a claim's (slot_refer) */
	struct name signer;
	uint32_t inception;
	uint16_t len;              /* bytes of the whole claim's packet */
	unsigned count;
	uint8_t sha1[CLAIM_PIECES_MAX][20]; /* DHT targets of the immutable items */
};

struct slot {
	struct question question;
	size_t claims_len;
	struct claim *claims;      /* in force; read them from here */
	size_t withdrawn_len;
	struct claim *withdrawn;   /* kept so that an older copy cannot bring the claim back */
	size_t pieces_len;
	struct claim_pieces *pieces;
	unsigned packets;          /* read so far */
};

void slot_init(struct slot *slot, const struct question *q); /* empty */
void slot_finish(struct slot *slot);

/* Adds the claims of one node's packet. Of one key the latest inception stays; of a zone,
 * whose signatures are not checked here, each that differs. What does not verify, is expired at
 * `now` (seconds), begins more than an hour ahead, has a wrong owner, label count, TTL or form is
 * left out. `packet_time` (seconds, from the item's seq) dates unsigned copies; `allow_unsigned`
 * takes them. `budget` is the number of signature checks still allowed, counted down; what is
 * held already, byte for byte, costs none. `known` (may be NULL: nobody is) tells signers whose
 * claims are read first and are not among the SLOT_STRANGERS_MAX. `nodes` is how many nodes returned
 * this very packet (0 stands for 1): it counts for claim.nodes. Read all nodes' packets into one
 * slot: only then does a withdrawal that one node has meet the claim that another still holds.
 * 0, -EBADMSG (no such packet), -ENOMEM. */
struct slot_reading {
	int64_t now, packet_time;
	bool allow_unsigned;
	unsigned *budget;
	bool (*known)(void *ctx, const uint8_t key[NAME_KEY_LEN]);
	void *known_ctx;
	unsigned nodes;
	/* Told of each claim that is left out, if it says who signed it; may be NULL. */
	void (*left_out)(void *ctx, const struct claim *claim, enum claim_verdict why);
	void *left_out_ctx;
};
int slot_add_packet(struct slot *slot, const uint8_t *packet, size_t len,
	const struct slot_reading *reading);
/* Replaces the claims of the same signer by a later one; takes over `claim` (its memory, also when
 * it fails or an equal or later one stands). Trusts its caller: nothing is verified. One that
 * ends as it begins withdraws. 0, -ENOMEM. */
int slot_add(struct slot *slot, struct claim *claim);
/* The same for a reference to pieces, whose signer is a zone. */
int slot_refer(struct slot *slot, const struct claim_pieces *pieces);
bool slot_drop(struct slot *slot, const uint8_t key[NAME_KEY_LEN]); /* the claim of this key */
const struct claim *slot_claim_of(const struct slot *slot, const uint8_t key[NAME_KEY_LEN]);
/* The inception after which this key's next claim must begin: that of its claim or withdrawal,
 * if there is one. */
bool slot_last_inception(const struct slot *slot, const uint8_t key[NAME_KEY_LEN],
	uint32_t *ret_inception);
/* Writes all claims: that of `first_key` (may be NULL), be it a withdrawal, is put first, then as
 * many as fit: of keys, then what was vouched for, then zones' and references, latest inception
 * first, then withdrawals. A large claim is written as a reference.
 * Unsigned copies are written only into a slot where nothing else stands: a packet dates them, and
 * merging would make them young again.
 * Length (12: an empty slot), -EFBIG when even `first` does not fit, -ENOENT when there is none. */
int slot_write(const struct slot *slot, const uint8_t *first_key, uint8_t ret_packet[SLOT_BYTES_MAX]);

/* The fetched pieces of a large claim, in order, each the content of its byte string: checks
 * their SHA-1s and the length, and adds the claim as slot_add_packet would.
 * 0, -EBADMSG (wrong bytes, or not one claim of that signer and inception), -ENOMEM. */
struct claim_piece {
	const uint8_t *bytes;
	size_t len;
};
int slot_add_pieces(struct slot *slot, const struct claim_pieces *pieces,
	const struct claim_piece *fetched, const struct slot_reading *reading);

/* BEP 44 put to a node of ours: is `key`/`salt` a slot's, and if it is: may `offered` replace
 * `held` (NULL: nothing)? 0, or a KRPC error: 301 when it drops an unexpired, unsuperseded claim
 * of a key, 302 when seq is over ten minutes ahead. What this node cannot verify it does not
 * defend: zones' claims, references, unsigned copies. At most 8 signatures are checked. `seq` in
 * microseconds. */
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
 * (RFC 4034 3.1.8.1), its length in ret_rrsig_len; malloc'd. -EFBIG (over CLAIM_BYTES_MAX as a
 * packet), -EINVAL (TTL over a day, a `*` in the name, no record, an RRSIG or a meta type, a life
 * under 0 or over a week), -ENOMEM. */
int claim_to_sign(const struct rrset *set, const uint8_t key[NAME_KEY_LEN], uint32_t inception,
	uint32_t expiration, uint8_t **ret_bytes, size_t *ret_len, size_t *ret_rrsig_len);
/* A claim from a set and its signature: set is copied. Errors as claim_to_sign. */
int claim_make(const struct rrset *set, const uint8_t key[NAME_KEY_LEN], uint32_t inception,
	uint32_t expiration, const uint8_t sig[64], struct claim *ret_claim);
/* An unsigned copy of what DNS said at `time` (seconds). -EINVAL as above, -ENOMEM. */
int claim_copy(const struct rrset *set, int64_t time, struct claim *ret_claim);
void claim_finish(struct claim *claim);
/* The packet of one claim alone (what is cut into immutable pieces when over
 * CLAIM_INLINE_MAX); length or -EFBIG. */
int claim_write(const struct claim *claim, uint8_t *buf, size_t cap);
/* The same, and how it is cut: piece i is ret_packet[i * CLAIM_PIECE_BYTES …]. slot_write refers
 * to these very pieces. Length, or -EFBIG, -EINVAL (an unsigned copy). */
int claim_cut(const struct claim *claim, uint8_t ret_packet[CLAIM_BYTES_MAX],
	struct claim_pieces *ret_pieces);

#endif
