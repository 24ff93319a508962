/* Writes the two messages of an answer, and finds their TTL fields. */
#include "resolver/answer_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PLAIN, SIGNED };

struct answer_build {
	struct question question;
	struct packet_writer writer[2];
	bool differ; /* a record stands in the signed message only */
	uint32_t ttl;
	uint8_t buf[2][PACKET_MAX];
};

struct answer_build *build_begin(const struct question *q)
{
	struct answer_build *b = malloc(sizeof(*b));
	if (!b)
		return NULL;
	b->question = *q;
	b->differ = false;
	b->ttl = TTL_MAX;
	for (int i = PLAIN; i <= SIGNED; i++) {
		packet_begin(&b->writer[i], b->buf[i], sizeof(b->buf[i]), true);
		packet_put_question(&b->writer[i], q);
	}
	return b;
}

void build_abort(struct answer_build *b)
{
	free(b);
}

/* Records that only a client that set DO wants, unless it asked for them by type (RFC 4035 3.2.1).
 */
static bool for_dnssec_only(const struct question *q, const struct rr *rr)
{
	if (rr->type == q->type && rr->section == PACKET_ANSWER)
		return false;
	return rr->type == TYPE_RRSIG || rr->type == TYPE_NSEC || rr->type == TYPE_NSEC3;
}

void build_put(struct answer_build *b, const struct rr *rr)
{
	packet_put(&b->writer[SIGNED], rr);
	if (for_dnssec_only(&b->question, rr))
		b->differ = true;
	else
		packet_put(&b->writer[PLAIN], rr);
	if (rr->ttl < b->ttl)
		b->ttl = rr->ttl;
}

static size_t skip_name(const uint8_t *bytes, size_t at)
{
	while (bytes[at] != 0) {
		if (bytes[at] >= 0xc0)
			return at + 2;
		at += 1u + bytes[at];
	}
	return at + 1;
}

/* Reads a message back and finds its TTLs: the offsets are those of the bytes, not of a sum that
 * follows the writer's, and what our own reader would refuse (names nested deeper than it follows)
 * does not leave here. 0 or -EFBIG. */
static int find_ttls(const uint8_t *bytes, size_t len, uint16_t *ret_ttls)
{
	struct packet_reader reader;
	struct question q;
	struct rr rr;
	if (packet_open(&reader, bytes, len) < 0 || packet_question(&reader, &q, NULL) < 0)
		return -EFBIG;
	size_t at = reader.offset;
	int more;
	while ((more = packet_next(&reader, &rr)) == 1) {
		*ret_ttls++ = (uint16_t)(skip_name(bytes, at) + 4);
		at = reader.offset;
	}
	return more == 0 && packet_at_end(&reader) ? 0 : -EFBIG;
}

static size_t records(const struct packet_writer *w)
{
	return (size_t)w->count[1] + w->count[2] + w->count[3];
}

/* Moves one message behind the answer, at *end. 0 or -EFBIG. */
static int store(struct answer_message *m, const struct packet_writer *w, uint8_t **end)
{
	m->ttls = (uint16_t *)(void *)*end;
	m->ttls_len = records(w);
	m->bytes = *end + m->ttls_len * sizeof(*m->ttls);
	m->len = w->len;
	memcpy(m->bytes, w->buf, w->len);
	*end = m->bytes + w->len + w->len % 2; /* the offsets of the next one stand aligned */
	return find_ttls(m->bytes, m->len, m->ttls);
}

/* One block holds the answer and its messages: freed at once, and read from memory that lies
 * together. */
static int make(const struct answer_build *b, struct answer **ret_answer)
{
	size_t size = sizeof(struct answer);
	for (int i = b->differ ? PLAIN : SIGNED; i <= SIGNED; i++)
		size += b->writer[i].len + 1 + records(&b->writer[i]) * sizeof(uint16_t);
	struct answer *a = calloc(1, size);
	if (!a)
		return -ENOMEM;
	uint8_t *end = (uint8_t *)(a + 1);
	int r = 0;
	if (b->differ)
		r = store(&a->message[PLAIN], &b->writer[PLAIN], &end);
	if (r == 0)
		r = store(&a->message[SIGNED], &b->writer[SIGNED], &end);
	if (r < 0) {
		free(a);
		return r;
	}
	if (!b->differ)
		a->message[PLAIN] = a->message[SIGNED];
	*ret_answer = a;
	return 0;
}

/* Copies a message behind the answer, at *end, with every TTL that of a stale one. */
static void copy_stale(struct answer_message *m, const struct answer_message *from, uint8_t **end)
{
	static const uint8_t ttl[4] = {0, 0, 0, ANSWER_STALE_TTL};
	m->ttls = (uint16_t *)(void *)*end;
	m->ttls_len = from->ttls_len;
	m->bytes = *end + m->ttls_len * sizeof(*m->ttls);
	m->len = from->len;
	memcpy(m->ttls, from->ttls, m->ttls_len * sizeof(*m->ttls));
	memcpy(m->bytes, from->bytes, m->len);
	for (size_t i = 0; i < m->ttls_len; i++)
		memcpy(m->bytes + m->ttls[i], ttl, sizeof(ttl));
	*end = m->bytes + m->len + m->len % 2;
}

struct answer *answer_stale(const struct answer *a, uint64_t now)
{
	bool differ = a->message[PLAIN].bytes != a->message[SIGNED].bytes;
	size_t size = sizeof(*a);
	for (int i = differ ? PLAIN : SIGNED; i <= SIGNED; i++)
		size += a->message[i].len + 1 + a->message[i].ttls_len * sizeof(uint16_t);
	struct answer *stale = malloc(size);
	if (!stale)
		return NULL;
	uint8_t *end = (uint8_t *)(stale + 1);
	*stale = *a;
	if (differ)
		copy_stale(&stale->message[PLAIN], &a->message[PLAIN], &end);
	copy_stale(&stale->message[SIGNED], &a->message[SIGNED], &end);
	if (!differ)
		stale->message[PLAIN] = stale->message[SIGNED];
	stale->refs = 1;
	stale->trace = NULL;
	stale->ede = answer_stale_code(a);
	stale->trust = a->trust == TRUST_DNSSEC ? TRUST_DNS : a->trust;
	stale->validated = false;
	stale->ttl = ANSWER_STALE_TTL;
	stale->arrived = now;
	return stale;
}

static void age_message(struct answer_message *m, uint32_t seconds)
{
	for (size_t i = 0; i < m->ttls_len; i++) {
		uint8_t *p = m->bytes + m->ttls[i];
		uint32_t ttl = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
		ttl = ttl > seconds ? ttl - seconds : 0;
		for (int k = 0; k < 4; k++)
			p[k] = (uint8_t)(ttl >> (24 - 8 * k));
	}
}

void answer_age(struct answer *a, uint32_t seconds)
{
	if (a->message[PLAIN].bytes != a->message[SIGNED].bytes)
		age_message(&a->message[PLAIN], seconds);
	age_message(&a->message[SIGNED], seconds);
	a->ttl = a->ttl > seconds ? a->ttl - seconds : 0;
}

static void cap_message(struct answer_message *m, uint32_t cap)
{
	for (size_t i = 0; i < m->ttls_len; i++) {
		uint8_t *p = m->bytes + m->ttls[i];
		uint32_t ttl = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
		for (int k = 0; k < 4 && ttl > cap; k++)
			p[k] = (uint8_t)(cap >> (24 - 8 * k));
	}
}

void answer_cap(struct answer *a, uint32_t ttl)
{
	cap_message(&a->message[PLAIN], ttl);
	cap_message(&a->message[SIGNED], ttl);
	a->ttl = a->ttl < ttl ? a->ttl : ttl;
}

int build_end(struct answer_build *b, uint8_t rcode, struct answer **ret_answer)
{
	int r = 0;
	for (int i = PLAIN; i <= SIGNED && r >= 0; i++)
		r = packet_end(&b->writer[i], 0, FLAG_QR | FLAG_RD | FLAG_RA | rcode);
	if (r >= 0)
		r = make(b, ret_answer);
	if (r == 0) {
		struct answer *a = *ret_answer;
		a->refs = 1;
		a->rcode = rcode;
		a->ede = EDE_NONE;
		a->ttl = b->ttl;
	}
	build_abort(b);
	return r;
}

void answer_open(const struct answer *a, struct packet_reader *ret_reader)
{
	struct question q;
	const struct answer_message *m = &a->message[1];
	/* build_end let nothing through that does not read; still, then there are no records. */
	if (packet_open(ret_reader, m->bytes, m->len) < 0 ||
		packet_question(ret_reader, &q, NULL) < 0)
		*ret_reader = (struct packet_reader){0};
}
