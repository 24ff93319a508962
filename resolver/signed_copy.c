/* Signed copies: looked through, made into claims, and back. */
#include "resolver/signed_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/claim_check.h"
#include "resolver/slot_parts.h"

/* One record, with its RRSIG's fields if it is one. The RDATA points into the message, for only
 * types without compressed names are looked into. */
struct record {
	struct name owner;
	uint16_t type, covered; /* the latter of RRSIGs */
	enum packet_section section;
	bool sound; /* an RRSIG that can be read */
	struct rrsig sig;
};

struct records {
	size_t len;
	struct record at[SIGNED_COPY_RECORDS_MAX];
};

/* Opens a message behind its question. 0 or -EBADMSG. */
static int open_message(struct packet_reader *reader, const uint8_t *message, size_t len,
	struct question *ret_question)
{
	int r = packet_open(reader, message, len);
	if (r < 0 || reader->header.count[0] != 1)
		return -EBADMSG;
	return packet_question(reader, ret_question, NULL);
}

/* 0 or -EBADMSG. */
static int read_records(struct packet_reader *reader, struct records *all)
{
	struct rr rr;
	int r;
	while ((r = packet_next(reader, &rr)) == 1) {
		struct record *at = &all->at[all->len];
		if (rr.section == PACKET_ADDITIONAL || rr.class != CLASS_IN ||
			all->len == SIGNED_COPY_RECORDS_MAX)
			return -EBADMSG;
		*at = (struct record){.owner = rr.owner, .type = rr.type, .section = rr.section};
		if (rr.type == TYPE_RRSIG) {
			if (rrsig_parse(rr.rdata, rr.rdata_len, &at->sig) < 0)
				return -EBADMSG;
			at->covered = at->sig.type;
		}
		all->len++;
	}
	return r < 0 || !packet_at_end(reader) ? -EBADMSG : 0;
}

static bool is_signed(const struct records *all, const struct record *set)
{
	for (size_t i = 0; i < all->len; i++) {
		const struct record *r = &all->at[i];
		if (r->type == TYPE_RRSIG && r->covered == set->type &&
			r->section == set->section && name_equal(&r->owner, &set->owner))
			return true;
	}
	return false;
}

/* An alias that follows from a DNAME is proven by that (RFC 6672, section 5.3.1). */
static bool is_made(const struct records *all, const struct record *set)
{
	for (size_t i = 0; set->type == TYPE_CNAME && i < all->len; i++) {
		const struct record *r = &all->at[i];
		if (r->type == TYPE_DNAME && r->section == set->section &&
			name_under(&set->owner, &r->owner))
			return true;
	}
	return false;
}

static void take_times(
	struct signed_copy_facts *facts, const struct rrsig *sig, bool is_first, int64_t now)
{
	int64_t until = serial_time(sig->expiration, now);
	if (is_first) {
		facts->signer = sig->signer;
		facts->inception = sig->inception;
		facts->until = until;
	}
	if (serial_after(facts->inception, sig->inception) > 0)
		facts->inception = sig->inception;
	if (until < facts->until)
		facts->until = until;
}

static int judge_records(const struct question *q, const struct records *all, int64_t now,
	struct signed_copy_facts *ret_facts)
{
	size_t signatures = 0;
	ret_facts->denies = true;
	for (size_t i = 0; i < all->len; i++) {
		const struct record *r = &all->at[i];
		if (r->type == TYPE_RRSIG)
			take_times(ret_facts, &r->sig, signatures++ == 0, now);
		else if (!is_signed(all, r) && !is_made(all, r))
			return -EBADMSG;
		if (r->section == PACKET_ANSWER && r->type == q->type)
			ret_facts->denies = false;
	}
	return signatures ? 0 : -EBADMSG;
}

int signed_copy_examine(const struct question *q, const uint8_t *message, size_t len, int64_t now,
	struct signed_copy_facts *ret_facts)
{
	struct packet_reader reader;
	struct question asked;
	struct records *all;
	uint16_t rcode;
	int r = open_message(&reader, message, len, &asked);
	if (r < 0)
		return r;
	rcode = reader.header.flags & 0xf;
	if (!question_equal(&asked, q) || (rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN))
		return -EBADMSG;
	all = calloc(1, sizeof(*all)); /* 70 kB: not for the stack */
	if (!all)
		return -ENOMEM;
	r = read_records(&reader, all);
	if (r == 0)
		r = judge_records(q, all, now, ret_facts);
	free(all);
	return r;
}

size_t signed_copy_signers(const uint8_t *message, size_t len, struct name *ret_signers, size_t cap)
{
	struct packet_reader reader;
	struct question q;
	struct rrsig sig;
	struct rr rr;
	size_t found = 0;
	if (open_message(&reader, message, len, &q) < 0)
		return 0;
	while (packet_next(&reader, &rr) == 1) {
		size_t i = 0;
		if (rr.type != TYPE_RRSIG || rrsig_parse(rr.rdata, rr.rdata_len, &sig) < 0)
			continue;
		while (i < found && !name_equal(&ret_signers[i], &sig.signer))
			i++;
		if (i == found && found < cap)
			ret_signers[found++] = sig.signer;
	}
	return found;
}

/* ---- claims ---- */

/* A record of a message that is to become a claim. -EINVAL: a claim has no place for it. */
static int add_record(struct claim *c, const struct question *q, const struct rr *rr)
{
	struct rrsig sig;
	uint8_t *grown;
	if (rr->section != PACKET_ANSWER || !name_equal(&rr->owner, &q->name) ||
		rr->class != q->class)
		return -EINVAL;
	if (rr->type == q->type)
		return rrset_add(c->set, rr->rdata, rr->rdata_len);
	if (rr->type != TYPE_RRSIG || rrsig_parse(rr->rdata, rr->rdata_len, &sig) < 0 ||
		sig.type != q->type || sig.labels != name_labels(&q->name) ||
		!signer_may(&sig.signer, &q->name) || signer_is_key(&sig.signer, c->key))
		return -EINVAL;
	if (c->rrsig_len && (!name_equal(&sig.signer, &c->signer) || sig.ttl != c->set->ttl))
		return -EINVAL;
	if (!c->rrsig_len || serial_after(sig.inception, c->inception) > 0)
		c->inception = sig.inception;
	if (!c->rrsig_len || serial_after(c->expiration, sig.expiration) > 0)
		c->expiration = sig.expiration;
	c->signer = sig.signer;
	c->set->ttl = sig.ttl;
	grown = realloc(c->rrsig, c->rrsig_len + 2 + rr->rdata_len);
	if (!grown)
		return -ENOMEM;
	grown[c->rrsig_len] = (uint8_t)(rr->rdata_len >> 8);
	grown[c->rrsig_len + 1] = (uint8_t)rr->rdata_len;
	memcpy(grown + c->rrsig_len + 2, rr->rdata, rr->rdata_len);
	c->rrsig = grown;
	c->rrsig_len += 2u + rr->rdata_len;
	return 0;
}

int signed_copy_to_claim(
	const struct question *q, const uint8_t *message, size_t len, struct claim *ret_claim)
{
	struct claim c = {.kind = CLAIM_ZONE};
	struct packet_reader reader;
	struct question asked;
	struct rr rr;
	int r = open_message(&reader, message, len, &asked);
	if (r < 0 || !question_equal(&asked, q))
		return -EINVAL;
	c.set = rrset_create(q, 0);
	if (!c.set)
		return -ENOMEM;
	while (r == 0 && packet_next(&reader, &rr) == 1)
		r = add_record(&c, q, &rr);
	if (r == 0 && (c.rrsig_len == 0 || claim_check_set(c.set) < 0))
		r = -EINVAL;
	if (r < 0) {
		claim_finish(&c);
		return r == -ENOMEM ? r : -EINVAL;
	}
	*ret_claim = c;
	return 0;
}

int signed_copy_from_claim(const struct claim *claim, uint8_t *buf, size_t cap)
{
	struct packet_writer w;
	packet_begin(&w, buf, cap, true);
	packet_put_question(&w, &claim->set->question);
	claim_put(claim, &w);
	return packet_end(&w, 0, FLAG_QR | FLAG_RD | FLAG_RA);
}

/* ---- messages ---- */

int signed_copy_cut(const struct signed_copy_facts *facts, const uint8_t *message, size_t len,
	struct claim_pieces *ret_pieces)
{
	*ret_pieces = (struct claim_pieces){
		.is_message = true, .signer = facts->signer, .inception = facts->inception};
	return pieces_cut(message, len, ret_pieces);
}

int signed_copy_join(const struct question *q, const struct claim_pieces *pieces,
	const struct claim_piece *fetched, int64_t now, uint8_t *ret_message,
	struct signed_copy_facts *ret_facts)
{
	if (!pieces->is_message || pieces_join(pieces, fetched, ret_message) < 0 ||
		signed_copy_examine(q, ret_message, pieces->len, now, ret_facts) < 0)
		return -EBADMSG;
	return ret_facts->inception == pieces->inception &&
			       name_equal(&ret_facts->signer, &pieces->signer)
		       ? 0
		       : -EBADMSG;
}
