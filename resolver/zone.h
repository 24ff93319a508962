/* Zone of a key: a pkarr SignedPacket, byte for byte (facts: pkarr, 1.3).
 *
 * A zone is all the record sets that one key says, in one DNS packet of at most 996 bytes: class
 * IN, owners at or below the key. Signing and storing are done elsewhere (signer, dht): this
 * module turns packets into sets and back. */
#ifndef RESOLVER_ZONE_H
#define RESOLVER_ZONE_H

#include "resolver/answer.h"

#define ZONE_BYTES_MAX 996

struct zone;

int zone_create(const uint8_t key[NAME_KEY_LEN], struct zone **ret_zone); /* empty */
void zone_destroy(struct zone *zone);

/* Reads a packet of any signer's making, up to 1000 bytes: other classes, foreign owners, malformed
 * RDATA and other sections than the answer are left out, owners are folded to lower case (RDATA is
 * not), one set has the least TTL of its records. -EBADMSG when it is no DNS response packet. */
int zone_read(const uint8_t key[NAME_KEY_LEN], const uint8_t *packet, size_t len,
	struct zone **ret_zone);
/* Length, or -EFBIG. Compressed; sets in the order in which they were set. ID 0, flags 0x8000. */
int zone_write(const struct zone *zone, uint8_t ret_packet[ZONE_BYTES_MAX]);
/* The same with one set in place of what the zone has of its question, if anything; it is the first. */
int zone_write_with(const struct zone *zone, const struct rrset *with,
	uint8_t ret_packet[ZONE_BYTES_MAX]);

/* Sets replace the set of the same owner and type; -EINVAL: not below the key, or class. */
int zone_set(struct zone *zone, const struct rrset *set);
/* Removes; -ENOENT. */
int zone_remove(struct zone *zone, const struct question *q);
/* The set, or NULL; exact owner and type. Owned by the zone. */
const struct rrset *zone_find(const struct zone *zone, const struct question *q);
size_t zone_sets(const struct zone *zone);
const struct rrset *zone_at(const struct zone *zone, size_t i);

/* Answers a question from the zone: the set, a CNAME chain as far as the zone has it,
 * wildcards (RFC 4592), else -ENOENT with rcode 0 (the name or one below it exists) or 3; TTL of
 * a denial 60 s. A chain that leaves the zone ends with -ENOENT, rcode 0 and no SOA: answer_cnames
 * tells where it leads. One that loops, or has two targets, is -EREMOTEIO, SERVFAIL.
 * lacks_name: no record of whatever type stands at the name (a name that is only above others has
 * none). source DHT, trust KEY, signer the key; the caller sets seq and times. 0 or -ENOMEM. */
int zone_answer(const struct zone *zone, const struct question *q, struct answer **ret_answer);
/* It is a part of a zone only, to which a question belongs: a denial is never NXDOMAIN then, and a
 * chain of aliases that this part does not follow to its end ends as one that leaves the zone. */
void zone_set_partial(struct zone *zone);
/* Do aliases lead from q to a question that is of this zone, and to which it has no set? */
bool zone_leads(const struct zone *zone, const struct question *q, struct question *ret_end);
/* Which packet is newer: higher seq; on a tie the larger bytes. > 0 when a is. */
int zone_compare(int64_t seq_a, const uint8_t *a, size_t a_len,
	int64_t seq_b, const uint8_t *b, size_t b_len);

#endif
