/* DNS messages: whatever can be read can be written, with and without compression, and reads the
 * same again. */
#undef NDEBUG
#include "resolver/rrset.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool rr_equal(const struct rr *a, const struct rr *b)
{
	return name_equal(&a->owner, &b->owner) && a->type == b->type && a->class == b->class &&
	       a->ttl == b->ttl && a->rdata_len == b->rdata_len && a->section == b->section &&
	       (!a->rdata_len || memcmp(a->rdata, b->rdata, a->rdata_len) == 0);
}

static void check_rr(const struct rr *rr)
{
	uint8_t copy[PACKET_MAX];
	assert(packet_rdata_valid(rr->type, rr->rdata, rr->rdata_len));
	/* Self-contained: expanding it once more, as a message of its own, changes nothing. */
	assert(packet_expand_rdata(rr->rdata, rr->rdata_len, 0, rr->rdata_len, rr->type, copy,
		       sizeof(copy)) == rr->rdata_len);
	assert(!rr->rdata_len || memcmp(copy, rr->rdata, rr->rdata_len) == 0);
	struct question q = {.name = rr->owner, .type = rr->type, .class = rr->class};
	struct rrset *set = rrset_create(&q, rr->ttl);
	assert(set && (rrset_add(set, rr->rdata, rr->rdata_len) == 0 || rr->rdata_len > 64000));
	rrset_destroy(set);
}

/* Reads data and writes what could be read; length of the new message, 0 when it did not fit. */
static size_t rewrite(struct packet_reader *r, uint8_t *buf, bool compress)
{
	struct packet_writer w;
	struct question q;
	struct rr rr;
	packet_begin(&w, buf, PACKET_MAX, compress);
	for (unsigned i = r->header.count[0]; i > 0; i--) {
		if (packet_question(r, &q, NULL) < 0)
			break;
		packet_put_question(&w, &q);
	}
	while (!w.full && packet_next(r, &rr) == 1) {
		check_rr(&rr);
		packet_put(&w, &rr);
	}
	assert(r->offset <= r->len);
	int n = packet_end(&w, r->header.id, r->header.flags);
	return n < 0 ? 0 : (size_t)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t plain[PACKET_MAX], packed[PACKET_MAX];
	static struct packet_reader r, s;
	if (packet_open(&r, data, len) < 0)
		return 0;
	size_t plain_len = rewrite(&r, plain, false);
	assert(packet_open(&r, data, len) == 0);
	size_t packed_len = rewrite(&r, packed, true);
	if (!plain_len || !packed_len)
		return 0;
	assert(packed_len <= plain_len);
	assert(packet_open(&r, plain, plain_len) == 0 && packet_open(&s, packed, packed_len) == 0);
	struct question p, q;
	for (unsigned i = r.header.count[0]; i > 0; i--) {
		assert(packet_question(&r, &p, NULL) == 0);
		if (packet_question(&s, &q, NULL) < 0)
			return 0; /* so well compressed that it looks like a bomb */
		assert(question_equal(&p, &q));
	}
	struct rr a, b;
	while (packet_next(&r, &a) == 1) {
		if (packet_next(&s, &b) < 0)
			return 0;
		assert(rr_equal(&a, &b));
	}
	assert(packet_at_end(&r) && packet_at_end(&s));
	return 0;
}
