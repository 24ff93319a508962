/* Answers: made from record sets or without records, shared by reference, read back. */
#include "resolver/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/answer_build.h"
#include "resolver/trace.h"

const char *answer_source_text(enum answer_source s)
{
	switch (s) {
	case SOURCE_NONE:
		return "none";
	case SOURCE_OWN:
		return "own";
	case SOURCE_HOSTS:
		return "hosts";
	case SOURCE_LOCAL:
		return "local";
	case SOURCE_DHT:
		return "dht";
	case SOURCE_DNS:
		return "dns";
	}
	return "none";
}

const char *answer_trust_text(enum answer_trust t)
{
	switch (t) {
	case TRUST_NONE:
		return "none";
	case TRUST_SELF:
		return "self";
	case TRUST_PIN:
		return "pin";
	case TRUST_DNSSEC_KEY:
		return "dnssec-key";
	case TRUST_DNSSEC:
		return "dnssec";
	case TRUST_KEY:
		return "key";
	case TRUST_TOFU:
		return "tofu";
	case TRUST_DNS:
		return "dns";
	case TRUST_OPEN:
		return "open";
	}
	return "none";
}

/* RFC 4592: `*.example.` answers for what is below example., and for nothing that is not. */
static bool wildcard_covers(const struct name *wildcard, const struct name *name)
{
	if (wildcard->len < 3 || wildcard->wire[0] != 1 || wildcard->wire[1] != '*')
		return false;
	struct name parent;
	name_parent(wildcard, 1, &parent);
	return name_under(name, &parent) && !name_equal(name, &parent);
}

static bool answers(const struct rrset *set, const struct question *q)
{
	const struct question *s = &set->question;
	return set->count > 0 && s->type == q->type && s->class == q->class &&
	       (name_equal(&s->name, &q->name) || wildcard_covers(&s->name, &q->name));
}

static void put_set(struct answer_build *b, const struct rrset *set, const struct name *owner)
{
	struct rr rr = {
		.owner = *owner,
		.type = set->question.type,
		.class = set->question.class,
		.ttl = set->ttl,
		.section = PACKET_ANSWER,
	};
	size_t cursor = 0, len;
	while (rrset_next(set, &cursor, &rr.rdata, &len)) {
		rr.rdata_len = (uint16_t)len;
		build_put(b, &rr);
	}
}

int answer_from_rrset(const struct question *q, const struct rrset *set, struct answer **ret_answer)
{
	if (!answers(set, q))
		return -EINVAL;
	struct answer_build *b = build_begin(q);
	if (!b)
		return -ENOMEM;
	put_set(b, set, &q->name);
	return build_end(b, RCODE_NOERROR, ret_answer);
}

/* May `target` stand behind this CNAME of q? Its chain has one link less than ours will have. */
static int check_link(
	const struct question *q, const struct rrset *cname, const struct answer *target)
{
	const struct question t = answer_question(target);
	struct question link = {q->name, TYPE_CNAME, q->class};
	if (q->type == TYPE_CNAME || t.type != q->type || t.class != q->class ||
		cname->count != 1 || !answers(cname, &link))
		return -EINVAL;

	struct name to;
	const uint8_t *rdata;
	size_t cursor = 0, len, offset = 0;
	if (!rrset_next(cname, &cursor, &rdata, &len) ||
		name_from_wire(rdata, len, &offset, &to) < 0 || !name_equal(&to, &t.name))
		return -EINVAL;

	struct name chain[CHAIN_MAX];
	size_t links = answer_cnames(target, chain, CHAIN_MAX);
	if (links >= CHAIN_MAX || name_equal(&q->name, &t.name))
		return -ELOOP;
	for (size_t i = 0; i < links; i++)
		if (name_equal(&q->name, &chain[i]))
			return -ELOOP;
	return 0;
}

int answer_from_cname(const struct question *q, const struct rrset *cname,
	const struct answer *target, struct answer **ret_answer)
{
	int r = check_link(q, cname, target);
	if (r < 0)
		return r;
	struct answer_build *b = build_begin(q);
	if (!b)
		return -ENOMEM;
	struct packet_reader reader;
	struct rr rr;
	put_set(b, cname, &q->name);
	answer_open(target, &reader);
	while (packet_next(&reader, &rr) == 1)
		build_put(b, &rr);
	r = build_end(b, target->rcode, ret_answer);
	if (r < 0)
		return r;
	struct answer *a = *ret_answer;
	a->error = target->error;
	a->ede = target->ede;
	a->arrived = target->arrived;
	if (target->ttl < a->ttl) /* a denial without an SOA has less than its records have */
		a->ttl = target->ttl;
	return 0;
}

static int rename_records(
	const struct question *q, const struct answer *from, struct answer **ret_answer)
{
	struct answer_build *b = build_begin(q);
	if (!b)
		return -ENOMEM;
	struct packet_reader reader;
	struct rr rr;
	const struct question was = answer_question(from);
	answer_open(from, &reader);
	while (packet_next(&reader, &rr) == 1) {
		if (name_equal(&rr.owner, &was.name))
			rr.owner = q->name;
		build_put(b, &rr);
	}
	return build_end(b, from->rcode, ret_answer);
}

int answer_from_renamed(
	const struct question *q, const struct answer *from, struct answer **ret_answer)
{
	struct answer *a = NULL;
	int r = 0;
	/* A denial of another zone's name names that zone: this one gets an SOA of its own. */
	if (from->error && answer_cnames(from, NULL, 0) == 0) {
		a = answer_without(
			q, from->error, from->rcode, from->ede, from->ttl, from->error == -ENOENT);
		r = a ? 0 : -ENOMEM;
	} else {
		r = rename_records(q, from, &a);
	}
	if (r < 0)
		return r;
	a->error = from->error;
	a->ede = from->ede;
	a->ttl = from->ttl;
	a->source = from->source;
	a->has_signer = from->has_signer;
	memcpy(a->signer, from->signer, sizeof(a->signer));
	a->lacks_name = from->lacks_name;
	a->seq = from->seq;
	a->arrived = from->arrived;
	a->time = from->time;
	a->expires = from->expires;
	*ret_answer = a;
	return 0;
}

/* RFC 6303, section 3, says what an SOA that nobody wrote looks like: the zone itself for a
 * server, nobody.invalid for a person, and these times. */
static void put_made_soa(struct answer_build *b, const struct question *q, uint32_t ttl)
{
	static const uint8_t nobody[] = "\6nobody\7invalid";
	const uint32_t numbers[] = {1, 3600, 1200, 604800, ttl};
	uint8_t rdata[NAME_WIRE_MAX + sizeof(nobody) + sizeof(numbers)];
	struct rr soa = {
		.type = TYPE_SOA, .class = q->class, .ttl = ttl, .section = PACKET_AUTHORITY};

	unsigned labels = name_labels(&q->name);
	name_parent(&q->name, labels > 1 ? labels - 1 : 0, &soa.owner);
	size_t len = soa.owner.len;
	memcpy(rdata, soa.owner.wire, len);
	memcpy(rdata + len, nobody, sizeof(nobody));
	len += sizeof(nobody);
	for (size_t i = 0; i < 5; i++)
		for (int shift = 24; shift >= 0; shift -= 8)
			rdata[len++] = (uint8_t)(numbers[i] >> shift);
	soa.rdata = rdata;
	soa.rdata_len = (uint16_t)len;
	build_put(b, &soa);
}

struct answer *answer_without(
	const struct question *q, int error, uint8_t rcode, int ede, uint32_t ttl, bool soa)
{
	struct answer_build *b = build_begin(q);
	if (!b)
		return NULL;
	if (soa)
		put_made_soa(b, q, ttl);
	struct answer *a;
	if (build_end(b, rcode, &a) < 0)
		return NULL;
	a->error = error;
	a->ede = ede;
	a->ttl = ttl;
	return a;
}

/* The message is our own, and whole; one that never was made answers nothing. */
struct question answer_question(const struct answer *a)
{
	const struct answer_message *m = &a->message[1];
	struct question q = {.name.len = 1};
	size_t at = PACKET_HEADER;
	if (m->len < PACKET_HEADER + 5 || name_from_wire(m->bytes, m->len, &at, &q.name) < 0)
		return q;
	q.type = (uint16_t)(m->bytes[at] << 8 | m->bytes[at + 1]);
	q.class = (uint16_t)(m->bytes[at + 2] << 8 | m->bytes[at + 3]);
	return q;
}

bool answer_is_to(const struct answer *a, const struct question *q)
{
	const struct answer_message *m = &a->message[1];
	if (m->len < PACKET_HEADER + q->name.len + 4u)
		return false;
	const uint8_t *name = m->bytes + PACKET_HEADER, *type = name + q->name.len;
	return memcmp(name, q->name.wire, q->name.len) == 0 &&
	       (type[0] << 8 | type[1]) == q->type && (type[2] << 8 | type[3]) == q->class;
}

/* Const is a promise about the contents; the count is the sharers' own. */
struct answer *answer_ref(const struct answer *a)
{
	struct answer *shared = (struct answer *)(uintptr_t)a;
	shared->refs++;
	return shared;
}

void answer_unref(const struct answer *a)
{
	struct answer *shared = (struct answer *)(uintptr_t)a;
	if (!shared || --shared->refs > 0)
		return;
	trace_destroy(shared->trace);
	free(shared);
}

size_t answer_size(const struct answer *a)
{
	size_t size = sizeof(*a) + trace_size(a->trace);
	bool differ = a->message[0].bytes != a->message[1].bytes;
	for (int i = differ ? 0 : 1; i < 2; i++)
		size += a->message[i].len + a->message[i].ttls_len * sizeof(*a->message[i].ttls);
	return size;
}

/* Follows the chain through the answer section, whose records stand in its order. Calls are
 * steps: 1 with a record of the chain's end, or a CNAME (end->name has moved on), 0 at the end. */
static int step(struct packet_reader *r, struct question *end, struct rr *rr)
{
	while (packet_next(r, rr) == 1 && rr->section == PACKET_ANSWER) {
		if (!name_equal(&rr->owner, &end->name))
			continue;
		if (rr->type == end->type)
			return 1;
		size_t offset = 0;
		if (rr->type == TYPE_CNAME &&
			name_from_wire(rr->rdata, rr->rdata_len, &offset, &end->name) == 0)
			return 1;
	}
	return 0;
}

int answer_rrset(const struct answer *a, struct rrset **ret_set)
{
	struct packet_reader reader;
	struct rrset *set = NULL;
	struct question end = answer_question(a);
	struct rr rr;
	int r = 0;
	answer_open(a, &reader);
	while (r == 0 && step(&reader, &end, &rr) == 1) {
		if (rr.type != end.type)
			continue;
		if (!set)
			set = rrset_create(&end, rr.ttl);
		r = set ? rrset_add(set, rr.rdata, rr.rdata_len) : -ENOMEM;
	}
	if (r == 0 && !set)
		r = -ENOENT;
	if (r < 0) {
		rrset_destroy(set);
		return r;
	}
	*ret_set = set;
	return 0;
}

size_t answer_cnames(const struct answer *a, struct name *ret_names, size_t cap)
{
	struct packet_reader reader;
	size_t found = 0;
	struct question end = answer_question(a);
	struct rr rr;
	answer_open(a, &reader);
	while (step(&reader, &end, &rr) == 1 && rr.type != end.type) {
		if (found < cap)
			ret_names[found] = end.name;
		found++;
	}
	return found;
}

uint32_t answer_ttl_left(const struct answer *a, uint64_t now)
{
	uint64_t seconds = now > a->arrived ? (now - a->arrived) / 1000000 : 0;
	return seconds < a->ttl ? a->ttl - (uint32_t)seconds : 0;
}
