/* Reading DNS messages. No allocation, and work that the length of the message bounds. */
#include "resolver/packet.h"

#include "resolver/packet_shape.h"

#include <errno.h>
#include <string.h>

/* Labels and pointers followed, for each byte of the message. Honest messages stay under one;
 * a record of 12 bytes whose owner points at 127 labels would need ten. */
#define STEPS_PER_BYTE 4
#define RR_FIXED 10 /* type, class, TTL, length of the RDATA */

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

int packet_open(struct packet_reader *r, const uint8_t *message, size_t len)
{
	if (len < PACKET_HEADER || len > PACKET_MAX)
		return -EBADMSG;
	r->message = message;
	r->len = len;
	r->offset = PACKET_HEADER;
	r->budget = (unsigned)len * STEPS_PER_BYTE;
	r->header.id = get16(message);
	r->header.flags = get16(message + 2);
	for (int i = 0; i < 4; i++)
		r->header.count[i] = get16(message + 4 + 2 * i);
	r->questions = r->header.count[0];
	for (int i = 0; i < 3; i++)
		r->left[i] = r->header.count[i + 1];
	return 0;
}

int packet_question(struct packet_reader *r, struct question *ret_question, struct name *ret_cased)
{
	size_t at = r->offset;
	struct name *name = &ret_question->name;
	if (!r->questions || name_expand(r->message, r->len, &at, &r->budget, name) < 0 ||
		r->len - at < 4)
		return -EBADMSG;
	if (ret_cased)
		*ret_cased = *name;
	name_fold(name);
	ret_question->type = get16(r->message + at);
	ret_question->class = get16(r->message + at + 2);
	r->offset = at + 4;
	r->questions--;
	return 0;
}

/* Where expanded RDATA comes from and goes to. */
struct expansion {
	const uint8_t *message;
	unsigned *budget;
	uint8_t *to;
	size_t cap;
};

/* Expands message[at .. end) of a type with this shape; length or -EBADMSG. */
static int expand(const struct expansion *e, const char *shape, size_t at, size_t end)
{
	size_t written = 0;
	for (; *shape; shape++) {
		struct name name;
		const uint8_t *from = e->message + at;
		int n;
		if (*shape == 'd' || *shape == 'D') {
			/* `end` as the message's: the name's own bytes stay inside the RDATA, and
			 * pointers go backwards only. */
			if (name_expand(e->message, end, &at, e->budget, &name) < 0)
				return -EBADMSG;
			from = name.wire;
			n = name.len;
		} else {
			n = packet_field(*shape, from, end - at);
			if (n < 0)
				return n;
			at += (size_t)n;
		}
		if ((size_t)n > e->cap - written)
			return -EBADMSG;
		memcpy(e->to + written, from, (size_t)n);
		written += (size_t)n;
	}
	return at == end ? (int)written : -EBADMSG;
}

static bool may_be_compressed(const char *shape)
{
	return shape && strpbrk(shape, "dD");
}

int packet_expand_rdata(const uint8_t *message, size_t len, size_t offset, uint16_t rdata_len,
	uint16_t type, uint8_t *ret_rdata, size_t cap)
{
	if (len > PACKET_MAX || offset > len || rdata_len > len - offset)
		return -EBADMSG;
	const char *shape = packet_shape(type);
	if (may_be_compressed(shape)) {
		unsigned budget = (unsigned)len * STEPS_PER_BYTE;
		struct expansion e = {message, &budget, ret_rdata, cap};
		return expand(&e, shape, offset, offset + rdata_len);
	}
	if (rdata_len > cap || !packet_rdata_valid(type, message + offset, rdata_len))
		return -EBADMSG;
	memcpy(ret_rdata, message + offset, rdata_len);
	return rdata_len;
}

/* RDATA at `at`, where rr->rdata_len bytes stand. Without a pointer in it, it is handed out as
 * it lies in the message. */
static int read_rdata(struct packet_reader *r, size_t at, struct rr *rr)
{
	rr->rdata = r->message + at;
	if (packet_rdata_valid(rr->type, rr->rdata, rr->rdata_len))
		return 0;
	const char *shape = packet_shape(rr->type);
	if (!may_be_compressed(shape))
		return -EBADMSG;
	struct expansion e = {r->message, &r->budget, r->scratch, sizeof(r->scratch)};
	int n = expand(&e, shape, at, at + rr->rdata_len);
	if (n < 0)
		return n;
	rr->rdata = r->scratch;
	rr->rdata_len = (uint16_t)n;
	return 0;
}

static int skip_questions(struct packet_reader *r)
{
	struct question q;
	while (r->questions)
		if (packet_question(r, &q, NULL) < 0)
			return -EBADMSG;
	return 0;
}

int packet_next(struct packet_reader *r, struct rr *ret_rr)
{
	if (skip_questions(r) < 0)
		return -EBADMSG;
	unsigned section = 0;
	while (section < 3 && !r->left[section])
		section++;
	if (section == 3)
		return 0;

	size_t at = r->offset;
	if (name_expand(r->message, r->len, &at, &r->budget, &ret_rr->owner) < 0 ||
		r->len - at < RR_FIXED)
		return -EBADMSG;
	name_fold(&ret_rr->owner);
	const uint8_t *fixed = r->message + at;
	at += RR_FIXED;
	ret_rr->type = get16(fixed);
	ret_rr->class = get16(fixed + 2);
	ret_rr->ttl = get32(fixed + 4);
	ret_rr->rdata_len = get16(fixed + 8);
	ret_rr->section = (enum packet_section)section;
	/* RFC 2181, section 8; OPT keeps flags there. */
	if (ret_rr->ttl > INT32_MAX && ret_rr->type != TYPE_OPT)
		ret_rr->ttl = 0;
	size_t behind = at + ret_rr->rdata_len;
	if (behind > r->len || read_rdata(r, at, ret_rr) < 0)
		return -EBADMSG;
	r->offset = behind;
	r->left[section]--;
	return 1;
}

bool packet_at_end(const struct packet_reader *r)
{
	return r->offset == r->len;
}
