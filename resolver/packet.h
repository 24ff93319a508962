/* DNS messages, read and written record by record (RFC 1035), without a library: this is the
 * hot path and the first thing that a stranger's bytes meet.
 *
 * The reader expands compressed names in owners and in the RDATA of the types that may carry
 * them, so that what it hands out is self-contained. The writer compresses owner names, and
 * names in the RDATA of the types of RFC 1035 only (RFC 3597, section 4). */
#ifndef RESOLVER_PACKET_H
#define RESOLVER_PACKET_H

#include "resolver/question.h"

#define PACKET_HEADER 12
#define PACKET_MAX 65535

enum packet_section { PACKET_ANSWER, PACKET_AUTHORITY, PACKET_ADDITIONAL };

/* One record. rdata has no compressed name in it. */
struct rr {
	struct name owner;
	uint16_t type, class;
	uint32_t ttl;
	uint16_t rdata_len;
	const uint8_t *rdata;
	enum packet_section section;
};

struct packet_header {
	uint16_t id, flags; /* flags: QR, opcode, AA, TC, RD, RA, Z, AD, CD, rcode as on the wire */
	uint16_t count[4];  /* question, answer, authority, additional */
};
#define FLAG_QR 0x8000
#define FLAG_AA 0x0400
#define FLAG_TC 0x0200
#define FLAG_RD 0x0100
#define FLAG_RA 0x0080
#define FLAG_AD 0x0020
#define FLAG_CD 0x0010

/* RDATA whose names were compressed, expanded. The longest that a type needs is NAPTR with 1,027
 * bytes, SIG with a key of 8,192 bits 1,297; a larger one is refused. */
#define PACKET_SCRATCH 2048

struct packet_reader {
	const uint8_t *message;
	size_t len, offset;
	struct packet_header header;
	unsigned questions;     /* not yet read */
	unsigned left[3];       /* records not yet read, by section */
	unsigned budget;        /* labels and pointers that may still be followed: four times the
				 * length of the message, which stops compression bombs */
	uint8_t scratch[PACKET_SCRATCH]; /* expanded RDATA of the record read last */
};

/* Reads the header. 0 or -EBADMSG. */
int packet_open(struct packet_reader *r, const uint8_t *message, size_t len);
/* The next question: 0 or -EBADMSG, also when there is none left. packet_next skips those that
 * were not read. ret_cased (may be NULL) is the name as the sender spelled it. */
int packet_question(struct packet_reader *r, struct question *ret_question,
	struct name *ret_cased);
/* The next record: 1, 0 at the end of the last section, -EBADMSG, and then for ever. Its RDATA
 * is packet_rdata_valid; names in it keep their case. A TTL over 2^31-1 reads as 0 (RFC 2181),
 * but for OPT. ret_rr->rdata stands until the next call and as long as the message. */
int packet_next(struct packet_reader *r, struct rr *ret_rr);
/* True when every byte was read. */
bool packet_at_end(const struct packet_reader *r);

/* Expands the names in one RDATA that stands at `offset` of a message; length or -EBADMSG, also
 * when it is not packet_rdata_valid. For types without names it is a copy. */
int packet_expand_rdata(const uint8_t *message, size_t len, size_t offset, uint16_t rdata_len,
	uint16_t type, uint8_t *ret_rdata, size_t cap);
/* Does this RDATA, uncompressed, have the shape that its type has in class IN? Names complete,
 * lengths right; true for types that it does not know. */
bool packet_rdata_valid(uint16_t type, const uint8_t *rdata, size_t len);

#define PACKET_COMPRESS_MAX 64 /* names remembered; more are written out: bounded work */
struct packet_writer {
	uint8_t *buf;
	size_t cap, len;
	bool full;       /* something did not fit; what was written before it stands */
	bool compress;
	uint16_t count[4];
	unsigned names;
	uint16_t at[PACKET_COMPRESS_MAX];    /* where the first label of each stands */
	uint8_t parent[PACKET_COMPRESS_MAX]; /* the name behind that label */
	uint8_t hops[PACKET_COMPRESS_MAX];   /* pointers that a reader follows from there */
};

void packet_begin(struct packet_writer *w, uint8_t *buf, size_t cap, bool compress);
void packet_put_question(struct packet_writer *w, const struct question *q);
/* All or nothing: on overflow nothing of the record is left and `full` is set. A smaller one may
 * still fit afterwards (the OPT of a truncated answer). Sections in order. */
void packet_put(struct packet_writer *w, const struct rr *rr);
/* Fills in the header (counts are the writer's). Length, or -EFBIG when full. */
int packet_end(struct packet_writer *w, uint16_t id, uint16_t flags);

#endif
