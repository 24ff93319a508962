/* The records of an upstream's message that may matter to its question, sorted into sets.
 *
 * The first half of scrubbing (scrub.c chooses among the sets): everything in the message is
 * checked here, and bounded, before anything is looked up in it. */
#ifndef RESOLVER_MESSAGE_SETS_H
#define RESOLVER_MESSAGE_SETS_H

#include "resolver/packet.h"

struct message_record {
	struct rr rr;	/* TTL at most a day; RDATA of a valid shape */
	size_t data_at; /* rr.rdata, while the data may still move */
	unsigned arrival;
};

struct message_sets {
	struct question question;
	unsigned rcode;			/* with the upper bits from OPT */
	struct message_record *records; /* a set is a run of neighbours */
	size_t len, cap;
	uint8_t *data;
	size_t data_len, data_cap;
};

/* Neighbours in `records`; none when begin == end. */
struct run {
	size_t begin, end;
};

/* 0, -EBADMSG (not a whole answer to q), -EFBIG (expands too far), -ENOMEM. In each case
 * message_sets_finish frees what was read. */
int message_sets_read(
	struct message_sets *s, const struct question *q, const uint8_t *message, size_t len);
void message_sets_finish(struct message_sets *s);

/* The set of this owner and type, in the upstream's order, without duplicates; of a type that may
 * stand only once at a name, the first. For TYPE_RRSIG: all RRSIGs at that owner. */
struct run message_sets_find(const struct message_sets *s, enum packet_section section,
	const struct name *owner, uint16_t type);

#endif
