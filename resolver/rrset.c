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
	free(set->at);
	free(set);
}

/* RFC 4034, 6.3: as left-justified octets, where absence sorts before zero. */
static int compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int r = memcmp(a, b, a_len < b_len ? a_len : b_len);
	return r ? r : (a_len > b_len) - (a_len < b_len);
}

/* The number of the record before which this RDATA belongs; false when it is there already. An
 * answer can bring 4,000 addresses in the worst order: looking through all of them for each took
 * 40 ms. */
static bool find_place(const struct rrset *set, const uint8_t *rdata, size_t len, size_t *ret_place)
{
	size_t low = 0, high = set->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2, cursor = set->at[middle], n;
		const uint8_t *other;
		rrset_next(set, &cursor, &other, &n);
		int r = compare(rdata, len, other, n);
		if (r == 0)
			return false;
		if (r < 0)
			high = middle;
		else
			low = middle + 1;
	}
	*ret_place = low;
	return true;
}

/* Room for one record more, `len` bytes with its length field. */
static int grow(struct rrset *set, size_t len)
{
	uint16_t *at = realloc(set->at, (set->count + 1) * sizeof(*at));
	if (!at)
		return -ENOMEM;
	set->at = at;
	uint8_t *data = realloc(set->data, set->data_len + len);
	if (!data)
		return -ENOMEM;
	set->data = data;
	return 0;
}

int rrset_add(struct rrset *set, const uint8_t *rdata, size_t len)
{
	if (len > RRSET_BYTES_MAX)
		return -EFBIG;
	if (!packet_rdata_valid(set->question.type, rdata, len))
		return -EINVAL;
	size_t place, needed = 2 + len;
	if (!find_place(set, rdata, len, &place))
		return 0;
	if (set->data_len + needed + (set->count + 1) * RECORD_OVERHEAD > RRSET_BYTES_MAX)
		return -EFBIG;
	if (grow(set, needed) < 0)
		return -ENOMEM;
	size_t offset = place < set->count ? set->at[place] : set->data_len;
	uint8_t *record = set->data + offset;
	memmove(record + needed, record, set->data_len - offset);
	record[0] = (uint8_t)(len >> 8);
	record[1] = (uint8_t)len;
	if (len)
		memcpy(record + 2, rdata, len);
	for (size_t i = set->count; i > place; i--)
		set->at[i] = (uint16_t)(set->at[i - 1] + needed);
	set->at[place] = (uint16_t)offset;
	set->data_len += needed;
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
	if (!copy || !set->count)
		return copy;
	copy->data = malloc(set->data_len);
	copy->at = malloc(set->count * sizeof(*copy->at));
	if (!copy->data || !copy->at) {
		rrset_destroy(copy);
		return NULL;
	}
	memcpy(copy->data, set->data, set->data_len);
	memcpy(copy->at, set->at, set->count * sizeof(*copy->at));
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
