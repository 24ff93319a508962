/* Any bytes as an upstream's message: what becomes of it keeps the promises of answer.h.
 *
 * The question asked is the message's own, so that the fuzzer need not guess it. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "resolver/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool is_ttl(const struct answer_message *m, size_t offset)
{
	for (size_t i = 0; i < m->ttls_len; i++)
		if (m->ttls[i] == offset)
			return true;
	return false;
}

/* Reads cleanly, to the end, with the header that the DNS door counts on; every TTL is known, and
 * none is less than the answer's. */
static void check_message(
	const struct answer *a, const struct answer_message *m, const struct question *asked)
{
	struct packet_reader r;
	struct question q;
	struct rr rr;
	size_t records = 0;
	int more;
	assert(packet_open(&r, m->bytes, m->len) == 0);
	assert(r.header.id == 0);
	assert(r.header.flags == (FLAG_QR | FLAG_RD | FLAG_RA | a->rcode));
	assert(r.header.count[0] == 1);
	assert(packet_question(&r, &q, NULL) == 0);
	assert(question_equal(&q, asked));
	assert(memcmp(m->bytes + PACKET_HEADER, asked->name.wire, asked->name.len) == 0);
	while ((more = packet_next(&r, &rr)) == 1) {
		size_t behind = r.offset;
		size_t rdlength_at = 0;
		for (size_t i = 0; i < m->ttls_len; i++)
			if (m->ttls[i] < behind && m->ttls[i] > rdlength_at)
				rdlength_at = m->ttls[i] + 4u;
		const uint8_t *length = m->bytes + rdlength_at;
		assert(rdlength_at + 2 + (size_t)(length[0] << 8 | length[1]) == behind);
		assert(is_ttl(m, rdlength_at - 4));
		assert(rr.section != PACKET_ADDITIONAL);
		assert(rr.class == asked->class);
		assert(rr.ttl >= a->ttl && rr.ttl <= 86400);
		assert(packet_rdata_valid(rr.type, rr.rdata, rr.rdata_len));
		records++;
	}
	assert(more == 0);
	assert(packet_at_end(&r));
	assert(records == m->ttls_len);
	assert(a->error != -EREMOTEIO || records == 0);
}

/* A set if and only if the answer says so, and its owner is the end of the chain. */
static void check_set(const struct answer *a, const struct question *asked)
{
	struct name names[11];
	struct rrset *set;
	size_t links = answer_cnames(a, names, 11);
	assert(links <= 11);
	int r = answer_rrset(a, &set);
	assert(r == (a->error ? -ENOENT : 0));
	if (r < 0)
		return;
	assert(set->count > 0);
	assert(set->question.type == asked->type);
	assert(name_equal(&set->question.name, links ? &names[links - 1] : &asked->name));
	rrset_destroy(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct packet_reader r;
	struct question q;
	struct answer *a, *again;
	if (packet_open(&r, data, len) < 0 || packet_question(&r, &q, NULL) < 0)
		return 0;
	int error = answer_from_message(&q, data, len, &a);
	assert(error == 0 || error == -EBADMSG);
	if (error < 0)
		return 0;
	assert(a->error == 0 || a->error == -ENOENT || a->error == -EREMOTEIO);
	assert(a->rcode == (a->error == -EREMOTEIO ? 2 : a->error == 0 ? 0 : a->rcode));
	assert(a->ttl <= (a->error ? 10800 : 86400));
	const struct question back = answer_question(a);
	assert(question_equal(&back, &q));
	assert(answer_is_to(a, &q));
	check_message(a, &a->message[0], &q);
	check_message(a, &a->message[1], &q);
	check_set(a, &q);

	/* What was scrubbed has nothing more to scrub. */
	if (a->error != -EREMOTEIO) {
		assert(answer_from_message(&q, a->message[1].bytes, a->message[1].len, &again) ==
			0);
		assert(again->message[1].len == a->message[1].len);
		assert(memcmp(again->message[1].bytes, a->message[1].bytes, a->message[1].len) ==
			0);
		answer_unref(again);
	}
	answer_unref(a);
	return 0;
}
