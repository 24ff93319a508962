/* Writing DNS messages, with compression whose work is bounded.
 *
 * The names written so far form a tree: an entry is a label in the buffer and the entry of what
 * follows it. A name is matched from its root-most label on, one entry deeper for each label, so
 * it costs at most as many scans of the table as there are entries, however many labels it has.
 * Comparing each suffix with each name instead takes a library 134 ms for 200 hostile records. */
#include "resolver/packet.h"

#include "resolver/packet_shape.h"

#include <errno.h>
#include <string.h>

#define NO_ENTRY 0xff	     /* the root, as a parent */
#define POINTER_REACH 0x3fff /* a pointer has 14 bits */
#define LABELS_MAX (NAME_WIRE_MAX / 2)
#define HOPS_MAX 15	     /* pointers to a name's end: our reader follows 16, others fewer yet */

_Static_assert(PACKET_COMPRESS_MAX < NO_ENTRY, "entries are numbered in a byte");

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static bool put_bytes(struct packet_writer *w, const uint8_t *bytes, size_t len)
{
	if (len > w->cap - w->len)
		return false;
	if (len)
		memcpy(w->buf + w->len, bytes, len);
	w->len += len;
	return true;
}

/* The entry for `label` before what `parent` stands for. Compares case too: a name in RDATA
 * keeps the one that it was published with. */
static unsigned find_entry(const struct packet_writer *w, unsigned parent, const uint8_t *label)
{
	for (unsigned i = 0; i < w->names; i++) {
		const uint8_t *known = w->buf + w->at[i];
		if (w->parent[i] == parent && known[0] == label[0] &&
			memcmp(known + 1, label + 1, label[0]) == 0)
			return i;
	}
	return NO_ENTRY;
}

static bool remember(struct packet_writer *w, unsigned parent, size_t at, unsigned hops)
{
	if (w->names == PACKET_COMPRESS_MAX || at > POINTER_REACH)
		return false;
	w->at[w->names] = (uint16_t)at;
	w->parent[w->names] = (uint8_t)parent;
	w->hops[w->names] = (uint8_t)hops;
	w->names++;
	return true;
}

/* A name in wire form, `len` bytes, as labels and perhaps a pointer. */
static bool put_name(struct packet_writer *w, const uint8_t *wire, size_t len)
{
	if (!w->compress)
		return put_bytes(w, wire, len);
	uint8_t labels[LABELS_MAX + 1];
	unsigned fresh = 0, entry = NO_ENTRY;
	size_t end = 0;
	for (; wire[end]; end += 1u + wire[end])
		labels[fresh++] = (uint8_t)end;
	while (fresh) {
		unsigned deeper = find_entry(w, entry, wire + labels[fresh - 1]);
		if (deeper == NO_ENTRY || w->hops[deeper] >= HOPS_MAX)
			break;
		entry = deeper;
		end = labels[--fresh];
	}
	size_t start = w->len;
	uint8_t tail[2] = {0};
	if (entry != NO_ENTRY)
		put16(tail, 0xc000u | w->at[entry]);
	if (!put_bytes(w, wire, end) || !put_bytes(w, tail, entry == NO_ENTRY ? 1 : 2))
		return false;
	unsigned hops = entry == NO_ENTRY ? 0 : w->hops[entry] + 1u;
	for (; fresh && remember(w, entry, start + labels[fresh - 1], hops); fresh--)
		entry = w->names - 1;
	return true;
}

void packet_begin(struct packet_writer *w, uint8_t *buf, size_t cap, bool compress)
{
	*w = (struct packet_writer){.buf = buf,
		.cap = cap < PACKET_MAX ? cap : PACKET_MAX,
		.len = PACKET_HEADER,
		.compress = compress};
	if (w->cap < PACKET_HEADER) {
		w->cap = w->len = 0;
		w->full = true;
	}
}

/* Takes back what was written since. */
static void rewind_to(struct packet_writer *w, size_t len, unsigned names)
{
	w->len = len;
	w->names = names;
	w->full = true;
}

void packet_put_question(struct packet_writer *w, const struct question *q)
{
	size_t start = w->len;
	unsigned names = w->names;
	uint8_t fixed[4];
	put16(fixed, q->type);
	put16(fixed + 2, q->class);
	if (!put_name(w, q->name.wire, q->name.len) || !put_bytes(w, fixed, sizeof(fixed)))
		rewind_to(w, start, names);
	else
		w->count[0]++;
}

static bool put_rdata(struct packet_writer *w, const struct rr *rr)
{
	const char *shape = packet_shape(rr->type);
	/* RDATA that is not what its type says is left alone rather than walked. */
	if (!w->compress || !shape || !strchr(shape, 'd') ||
		!packet_rdata_valid(rr->type, rr->rdata, rr->rdata_len))
		return put_bytes(w, rr->rdata, rr->rdata_len);
	size_t at = 0;
	for (; *shape; shape++) {
		size_t n = (size_t)packet_field(*shape, rr->rdata + at, rr->rdata_len - at);
		const uint8_t *field = rr->rdata + at;
		if (!(*shape == 'd' ? put_name(w, field, n) : put_bytes(w, field, n)))
			return false;
		at += n;
	}
	return true;
}

void packet_put(struct packet_writer *w, const struct rr *rr)
{
	size_t start = w->len;
	unsigned names = w->names;
	uint8_t fixed[10];
	put16(fixed, rr->type);
	put16(fixed + 2, rr->class);
	put16(fixed + 4, rr->ttl >> 16);
	put16(fixed + 6, rr->ttl & 0xffff);
	put16(fixed + 8, 0); /* known when the names are compressed */
	if (!put_name(w, rr->owner.wire, rr->owner.len) || !put_bytes(w, fixed, sizeof(fixed))) {
		rewind_to(w, start, names);
		return;
	}
	size_t rdata = w->len;
	if (!put_rdata(w, rr)) {
		rewind_to(w, start, names);
		return;
	}
	put16(w->buf + rdata - 2, (unsigned)(w->len - rdata));
	w->count[1 + rr->section]++;
}

int packet_end(struct packet_writer *w, uint16_t id, uint16_t flags)
{
	if (w->len < PACKET_HEADER)
		return -EFBIG;
	put16(w->buf, id);
	put16(w->buf + 2, flags);
	for (int i = 0; i < 4; i++)
		put16(w->buf + 4 + 2 * i, w->count[i]);
	return w->full ? -EFBIG : (int)w->len;
}
