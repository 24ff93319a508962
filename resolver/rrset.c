/* Record sets: one block of RDATA in canonical order. */
#include "resolver/rrset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Owner as a pointer, type, class, TTL: what a record costs in a message beyond its length field
 * and RDATA. */
#define RECORD_OVERHEAD 10

struct rrset *rrset_create(const struct question *question, uint32_t ttl)
{
	struct rrset *set = calloc(1, sizeof(*set));
	if (!set)
		return NULL;
	set->question = *question;
	set->ttl = ttl;
	return set;
}

void rrset_destroy(struct rrset *set)
{
	if (!set)
		return;
	free(set->data);
	free(set);
}

/* RFC 4034, 6.3: as left-justified octets, where absence sorts before zero. */
static int compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int r = memcmp(a, b, a_len < b_len ? a_len : b_len);
	return r ? r : (a_len > b_len) - (a_len < b_len);
}

/* The offset where this RDATA belongs; false when it is there already. */
static bool find_place(const struct rrset *set, const uint8_t *rdata, size_t len, size_t *ret_at)
{
	size_t cursor = 0, n;
	const uint8_t *other;
	*ret_at = 0;
	while (rrset_next(set, &cursor, &other, &n)) {
		int r = compare(rdata, len, other, n);
		if (r == 0)
			return false;
		if (r < 0)
			return true;
		*ret_at = cursor;
	}
	return true;
}

int rrset_add(struct rrset *set, const uint8_t *rdata, size_t len)
{
	if (len > RRSET_BYTES_MAX)
		return -EFBIG;
	if (!packet_rdata_valid(set->question.type, rdata, len))
		return -EINVAL;
	size_t at;
	if (!find_place(set, rdata, len, &at))
		return 0;
	size_t grown = set->data_len + 2 + len;
	if (grown + (set->count + 1) * RECORD_OVERHEAD > RRSET_BYTES_MAX)
		return -EFBIG;
	uint8_t *data = realloc(set->data, grown);
	if (!data)
		return -ENOMEM;
	memmove(data + at + 2 + len, data + at, set->data_len - at);
	data[at] = (uint8_t)(len >> 8);
	data[at + 1] = (uint8_t)len;
	if (len)
		memcpy(data + at + 2, rdata, len);
	set->data = data;
	set->data_len = grown;
	set->count++;
	return 0;
}

bool rrset_next(const struct rrset *set, size_t *cursor, const uint8_t **ret_rdata, size_t *ret_len)
{
	if (*cursor >= set->data_len)
		return false;
	const uint8_t *record = set->data + *cursor;
	*ret_len = (size_t)record[0] << 8 | record[1];
	*ret_rdata = record + 2;
	*cursor += 2 + *ret_len;
	return true;
}

struct rrset *rrset_copy(const struct rrset *set)
{
	struct rrset *copy = rrset_create(&set->question, set->ttl);
	if (!copy || !set->data_len)
		return copy;
	copy->data = malloc(set->data_len);
	if (!copy->data) {
		rrset_destroy(copy);
		return NULL;
	}
	memcpy(copy->data, set->data, set->data_len);
	copy->data_len = set->data_len;
	copy->count = set->count;
	return copy;
}

bool rrset_same_data(const struct rrset *a, const struct rrset *b)
{
	return a->data_len == b->data_len &&
	       (!a->data_len || memcmp(a->data, b->data, a->data_len) == 0);
}

void rrset_put(const struct rrset *set, const struct name *owner, enum packet_section section,
	struct packet_writer *w)
{
	struct rr rr = {.owner = owner ? *owner : set->question.name,
		.type = set->question.type,
		.class = set->question.class,
		.ttl = set->ttl,
		.section = section};
	size_t cursor = 0, len;
	while (rrset_next(set, &cursor, &rr.rdata, &len)) {
		rr.rdata_len = (uint16_t)len;
		packet_put(w, &rr);
	}
}
