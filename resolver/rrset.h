/* A record set: the unit that a file holds, that a user writes and that a key signs.
 *
 * RDATA is wire form, uncompressed, without duplicates, in canonical order (RFC 4034 6.3), so
 * that two sets with the same records are the same bytes. Heap objects, owned by whoever made
 * them; never changed after they are shared. */
#ifndef RESOLVER_RRSET_H
#define RESOLVER_RRSET_H

#include "resolver/packet.h"

#define TTL_MAX 0x7fffffffu  /* RFC 2181, section 8 */
#define TTL_DEFAULT 300
#define RRSET_BYTES_MAX 65000 /* its records in one DNS message, beside header and question */

struct rrset {
	struct question question; /* owner, type and class */
	uint32_t ttl;
	size_t count;
	size_t data_len;
	uint8_t *data;            /* count times: length (2 bytes, big-endian), RDATA */
	uint16_t *at;             /* where each record begins in data, for a quick search */
};

struct rrset *rrset_create(const struct question *question, uint32_t ttl); /* NULL: no memory */
void rrset_destroy(struct rrset *set);
/* Adds one RDATA at its canonical place; a duplicate is dropped. Case is kept: what RFC 4034, 6.2
 * folds is folded where a set is signed. 0, -ENOMEM, -EFBIG, -EINVAL (not the type's shape). */
int rrset_add(struct rrset *set, const uint8_t *rdata, size_t len);
/* Steps through: *cursor = 0 first; false at the end. */
bool rrset_next(const struct rrset *set, size_t *cursor, const uint8_t **ret_rdata,
	size_t *ret_len);
struct rrset *rrset_copy(const struct rrset *set);
bool rrset_same_data(const struct rrset *a, const struct rrset *b); /* TTL and owner aside */
/* Puts every record under `owner` (NULL: the set's own name). */
void rrset_put(const struct rrset *set, const struct name *owner, enum packet_section section,
	struct packet_writer *w);

#endif
