/* Reads an upstream's message into sets of records. */
#include "resolver/message_sets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/answer_build.h"

/* A message of 64 kB could hold 5,957 records without names; no real one comes near this. */
#define RECORDS_MAX 5000
/* Expanded RDATA: 4 times the largest message, which honest compression does not reach. */
#define DATA_MAX (4 * PACKET_MAX)

static bool may_be_kept(const struct message_sets *s, const struct rr *rr)
{
	if (rr->class != s->question.class)
		return false;
	switch (rr->section) {
	case PACKET_ANSWER:
		return rr->type == s->question.type || rr->type == TYPE_CNAME ||
		       rr->type == TYPE_DNAME || rr->type == TYPE_RRSIG;
	case PACKET_AUTHORITY:
		return rr->type == TYPE_SOA || rr->type == TYPE_NSEC || rr->type == TYPE_NSEC3 ||
		       rr->type == TYPE_RRSIG;
	case PACKET_ADDITIONAL:
		return false;
	}
	return false;
}

/* Makes room for `need` elements of `size` bytes; 0 or -ENOMEM. */
static int reserve(void **array, size_t *cap, size_t need, size_t size)
{
	if (need <= *cap)
		return 0;
	size_t larger = *cap ? *cap : 32;
	while (larger < need)
		larger *= 2;
	void *moved = realloc(*array, larger * size);
	if (!moved)
		return -ENOMEM;
	*array = moved;
	*cap = larger;
	return 0;
}

static int remember(struct message_sets *s, const struct rr *rr)
{
	if (s->data_len + rr->rdata_len > DATA_MAX)
		return -EFBIG;
	if (reserve((void **)&s->records, &s->cap, s->len + 1, sizeof(*s->records)) < 0 ||
		reserve((void **)&s->data, &s->data_cap, s->data_len + rr->rdata_len + 1, 1) < 0)
		return -ENOMEM;

	struct message_record *record = &s->records[s->len];
	record->rr = *rr;
	record->data_at = s->data_len;
	record->arrival = (unsigned)s->len;
	if (rr->ttl > TTL_CAP)
		record->rr.ttl = TTL_CAP;
	if (rr->rdata_len > 0)
		memcpy(s->data + s->data_len, rr->rdata, rr->rdata_len);
	s->data_len += rr->rdata_len;
	s->len++;
	return 0;
}

/* A truncated message is refused: half a record set is not the set. */
static int check_head(struct packet_reader *r, const struct question *q)
{
	const uint16_t opcode = 0x7800;
	struct question asked;
	if (!(r->header.flags & FLAG_QR) || r->header.flags & (opcode | FLAG_TC) ||
		r->header.count[0] != 1 || packet_question(r, &asked, NULL) < 0 ||
		!question_equal(&asked, q))
		return -EBADMSG;
	return 0;
}

static int read_records(struct message_sets *s, struct packet_reader *r)
{
	struct rr rr;
	int more;
	unsigned seen = 0;
	while ((more = packet_next(r, &rr)) == 1) {
		if (++seen > RECORDS_MAX)
			return -EBADMSG;
		if (rr.section == PACKET_ADDITIONAL && rr.type == TYPE_OPT)
			s->rcode |= (rr.ttl >> 24) << 4; /* RFC 6891: BADVERS is not NOERROR */
		if (!may_be_kept(s, &rr))
			continue;
		int kept = remember(s, &rr);
		if (kept < 0)
			return kept;
	}
	return more < 0 || !packet_at_end(r) ? -EBADMSG : 0;
}

static int compare_name(const struct name *a, const struct name *b)
{
	return a->len != b->len ? a->len - b->len : memcmp(a->wire, b->wire, a->len);
}

static int compare_set(const struct rr *a, const struct rr *b)
{
	if (a->section != b->section)
		return a->section < b->section ? -1 : 1;
	if (a->type != b->type)
		return a->type - b->type;
	return compare_name(&a->owner, &b->owner);
}

static int compare_data(const struct rr *a, const struct rr *b)
{
	if (a->rdata_len != b->rdata_len)
		return a->rdata_len - b->rdata_len;
	return memcmp(a->rdata, b->rdata, a->rdata_len);
}

static int by_arrival(const void *va, const void *vb)
{
	const struct message_record *a = va, *b = vb;
	int order = compare_set(&a->rr, &b->rr);
	return order ? order : a->arrival < b->arrival ? -1 : 1;
}

/* The least TTL first, so that it is the duplicate that stays. */
static int by_data(const void *va, const void *vb)
{
	const struct message_record *a = va, *b = vb;
	int order = compare_set(&a->rr, &b->rr);
	if (order == 0)
		order = compare_data(&a->rr, &b->rr);
	if (order == 0)
		order = a->rr.ttl < b->rr.ttl ? -1 : a->rr.ttl > b->rr.ttl;
	return order;
}

/* Sorts records into sets, without duplicates (RFC 2181, section 5). Within a set the upstream's
 * order stays: it may rotate it to spread load. */
static void sort_records(struct message_sets *s)
{
	for (size_t i = 0; i < s->len; i++)
		s->records[i].rr.rdata = s->data + s->records[i].data_at;
	if (s->len < 2)
		return;
	qsort(s->records, s->len, sizeof(*s->records), by_data);
	size_t kept = 1;
	for (size_t i = 1; i < s->len; i++) {
		const struct rr *last = &s->records[kept - 1].rr, *rr = &s->records[i].rr;
		if (compare_set(last, rr) != 0 || compare_data(last, rr) != 0)
			s->records[kept++] = s->records[i];
	}
	s->len = kept;
	qsort(s->records, s->len, sizeof(*s->records), by_arrival);
}

int message_sets_read(
	struct message_sets *s, const struct question *q, const uint8_t *message, size_t len)
{
	*s = (struct message_sets){.question = *q};
	struct packet_reader reader;
	int r = packet_open(&reader, message, len);
	if (r == 0)
		r = check_head(&reader, &s->question);
	if (r == 0) {
		s->rcode = reader.header.flags & 0xf;
		r = read_records(s, &reader);
	}
	if (r == 0)
		sort_records(s);
	return r;
}

struct run message_sets_find(const struct message_sets *s, enum packet_section section,
	const struct name *owner, uint16_t type)
{
	struct rr key = {.owner = *owner, .type = type, .section = section};
	size_t low = 0, high = s->len;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_set(&s->records[middle].rr, &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	struct run run = {low, low};
	while (run.end < s->len && compare_set(&s->records[run.end].rr, &key) == 0)
		run.end++;
	bool single = type == TYPE_CNAME || type == TYPE_DNAME || type == TYPE_SOA;
	if (single && run.end > run.begin)
		run.end = run.begin + 1;
	return run;
}

void message_sets_finish(struct message_sets *s)
{
	free(s->records);
	free(s->data);
}
