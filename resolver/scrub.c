/* Scrubs a message from an upstream: what answers the question becomes an answer, and nothing else
 * does. Records that were not reached from the question (other names, NS sets, addresses
 * in the additional section) are how caches are poisoned, so they are not even looked at. */
#include "resolver/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/answer_build.h"
#include "resolver/message_sets.h"

#define TTL_NEGATIVE_CAP 10800 /* RFC 2308, section 5 */

struct scrub {
	struct message_sets sets;
	struct answer_build *build;
	struct name chain[CHAIN_MAX + 1]; /* the question's name, and the target of each link */
	size_t links;
	bool expanded; /* something came from a wildcard, so its proof belongs to it */
	size_t proofs; /* sets of NSEC and NSEC3 that were kept */
};

static void scrub_destroy(struct scrub *s)
{
	if (!s)
		return;
	build_abort(s->build);
	message_sets_finish(&s->sets);
	free(s);
}

static bool is_empty(struct run run)
{
	return run.begin == run.end;
}

/* Signatures: RDATA as in RFC 4034, section 3.1 */

static uint16_t covered_type(const struct rr *rrsig)
{
	return (uint16_t)(rrsig->rdata[0] << 8 | rrsig->rdata[1]);
}

/* Does this RRSIG, which stands at the set's owner, say that it covers the set? Not whether it is
 * true: that is the validator's. */
static bool covers(const struct rr *rrsig, const struct rr *rr)
{
	struct name signer;
	size_t offset = 18;
	return rrsig->rdata_len > 18 && covered_type(rrsig) == rr->type &&
	       name_from_wire(rrsig->rdata, rrsig->rdata_len, &offset, &signer) == 0 &&
	       name_under(&rr->owner, &signer);
}

static bool from_wildcard(const struct rr *rrsig)
{
	const struct name *owner = &rrsig->owner;
	unsigned labels = name_labels(owner);
	if (owner->wire[0] == 1 && owner->wire[1] == '*')
		labels--; /* the wildcard itself was asked for */
	return rrsig->rdata[3] < labels;
}

static void put_all(struct scrub *s, struct run run, const struct rr *covered, uint32_t ttl)
{
	for (size_t i = run.begin; i < run.end; i++) {
		struct rr rr = s->sets.records[i].rr;
		if (covered && !covers(&rr, covered))
			continue;
		if (covered && rr.section == PACKET_ANSWER && from_wildcard(&rr))
			s->expanded = true;
		rr.ttl = ttl;
		build_put(s->build, &rr);
	}
}

/* Puts a set and the RRSIGs that cover it, all with one TTL: the least of them (RFC 2181 5.2,
 * RFC 4034 section 3), and at most `cap`. */
static void put_set(struct scrub *s, struct run run, uint32_t cap)
{
	const struct rr *first = &s->sets.records[run.begin].rr;
	struct run sigs = {0, 0};
	if (first->type != TYPE_RRSIG)
		sigs = message_sets_find(&s->sets, first->section, &first->owner, TYPE_RRSIG);
	uint32_t ttl = cap;
	for (size_t i = run.begin; i < run.end; i++)
		if (s->sets.records[i].rr.ttl < ttl)
			ttl = s->sets.records[i].rr.ttl;
	for (size_t i = sigs.begin; i < sigs.end; i++)
		if (covers(&s->sets.records[i].rr, first) && s->sets.records[i].rr.ttl < ttl)
			ttl = s->sets.records[i].rr.ttl;
	put_all(s, run, NULL, ttl);
	put_all(s, sigs, first, ttl);
}

/* The chain */

static int read_target(const struct rr *rr, struct name *ret_target)
{
	size_t offset = 0;
	return name_from_wire(rr->rdata, rr->rdata_len, &offset, ret_target);
}

/* The name that a DNAME makes of `name`, which is below its owner (RFC 6672, section 2.2). */
static int substitute(const struct rr *dname, const struct name *name, struct name *ret_target)
{
	struct name prefix, suffix;
	int r = read_target(dname, &suffix);
	if (r < 0)
		return r;
	prefix.len = (uint8_t)(name->len - dname->owner.len + 1);
	memcpy(prefix.wire, name->wire, prefix.len - 1u);
	prefix.wire[prefix.len - 1] = 0;
	return name_join(&prefix, &suffix, ret_target);
}

/* The DNAME nearest above `name`. */
static struct run find_dname(const struct scrub *s, const struct name *name)
{
	struct run run = {0, 0};
	unsigned labels = name_labels(name);
	for (unsigned n = 1; n <= labels && is_empty(run); n++) {
		struct name above;
		name_parent(name, n, &above);
		run = message_sets_find(&s->sets, PACKET_ANSWER, &above, TYPE_DNAME);
	}
	return run;
}

/* A server that sends a DNAME without the CNAME that follows from it is within the older RFC 2672.
 */
static void put_made_cname(
	struct scrub *s, const struct name *name, const struct name *target, uint32_t ttl)
{
	struct rr rr = {
		.owner = *name,
		.type = TYPE_CNAME,
		.class = s->sets.question.class,
		.ttl = ttl,
		.rdata = target->wire,
		.rdata_len = target->len,
		.section = PACKET_ANSWER,
	};
	build_put(s->build, &rr);
}

/* Puts the link at `name`: 1 with its target, 0 if there is none, -EBADMSG. */
static int put_link(struct scrub *s, const struct name *name, struct name *ret_target)
{
	struct run cname = message_sets_find(&s->sets, PACKET_ANSWER, name, TYPE_CNAME);
	struct run dname = find_dname(s, name);
	struct name by_dname;
	bool substitutes = !is_empty(dname) &&
			   substitute(&s->sets.records[dname.begin].rr, name, &by_dname) == 0;
	if (!is_empty(cname)) {
		if (read_target(&s->sets.records[cname.begin].rr, ret_target) < 0)
			return -EBADMSG;
		/* An unsigned CNAME is proven by the DNAME that it follows from. */
		if (substitutes && name_equal(&by_dname, ret_target))
			put_set(s, dname, TTL_CAP);
		put_set(s, cname, TTL_CAP);
		return 1;
	}
	if (!substitutes)
		return 0;
	put_set(s, dname, TTL_CAP);
	put_made_cname(s, name, &by_dname, s->sets.records[dname.begin].rr.ttl);
	*ret_target = by_dname;
	return 1;
}

/* Does a struct rrset hold it? What none holds, answer_rrset could not show, and a private address
 * would pass in it unseen. */
static bool is_too_large(const struct scrub *s, struct run run)
{
	size_t bytes = 0;
	for (size_t i = run.begin; i < run.end; i++)
		bytes += 12u + s->sets.records[i].rr.rdata_len; /* as a record of a message */
	return bytes > RRSET_BYTES_MAX;
}

/* Puts the set at `name`, if it is there. 1, 0, -EBADMSG, -EFBIG. */
static int put_end(struct scrub *s, const struct name *name)
{
	struct name target;
	if (s->sets.question.type == TYPE_CNAME)
		return put_link(s, name, &target); /* it may follow from a DNAME, as any link */
	struct run run = message_sets_find(&s->sets, PACKET_ANSWER, name, s->sets.question.type);
	if (is_empty(run))
		return 0;
	if (is_too_large(s, run))
		return -EFBIG;
	put_set(s, run, TTL_CAP);
	return 1;
}

/* Puts the chain and the set at its end: 1, 0 if there is none, -EBADMSG, -EFBIG, -ELOOP (the chain
 * is too long). NXDOMAIN is said of the chain's last name (RFC 6604), so then nothing is
 * taken for the end's set. */
static int put_chain(struct scrub *s)
{
	for (;;) {
		const struct name *name = &s->chain[s->links];
		struct name target;
		int r = s->sets.rcode == RCODE_NXDOMAIN ? 0 : put_end(s, name);
		if (r != 0 || s->sets.question.type == TYPE_CNAME)
			return r;
		r = put_link(s, name, &target);
		if (r <= 0)
			return r;
		if (s->links == CHAIN_MAX)
			return -ELOOP; /* a loop has no end, so it comes here too */
		s->chain[++s->links] = target;
	}
}

/* Denials and proofs */

/* Is a name of the chain in the zone that signed this? A proof from elsewhere proves nothing. */
static bool concerns_us(const struct scrub *s, const struct rr *rrsig)
{
	struct name signer;
	size_t offset = 18;
	if (name_from_wire(rrsig->rdata, rrsig->rdata_len, &offset, &signer) < 0)
		return false;
	for (size_t i = 0; i <= s->links; i++)
		if (name_under(&s->chain[i], &signer))
			return true;
	return false;
}

static bool is_proof(const struct scrub *s, struct run run)
{
	const struct rr *first = &s->sets.records[run.begin].rr;
	struct run sigs = message_sets_find(&s->sets, PACKET_AUTHORITY, &first->owner, TYPE_RRSIG);
	for (size_t i = sigs.begin; i < sigs.end; i++) {
		const struct rr *rrsig = &s->sets.records[i].rr;
		if (covers(rrsig, first) && concerns_us(s, rrsig))
			return true;
	}
	return false;
}

static void put_proofs(struct scrub *s, uint16_t type, uint32_t cap)
{
	for (size_t i = 0; i < s->sets.len;) {
		const struct rr *rr = &s->sets.records[i].rr;
		if (rr->section != PACKET_AUTHORITY || rr->type != type) {
			i++;
			continue;
		}
		struct run run = message_sets_find(&s->sets, PACKET_AUTHORITY, &rr->owner, type);
		if (is_proof(s, run)) {
			put_set(s, run, cap);
			s->proofs++;
		}
		i = run.end;
	}
}

/* The SOA of the zone that the last name of the chain is in. */
static struct run find_soa(const struct scrub *s)
{
	struct run run = {0, 0};
	const struct name *last = &s->chain[s->links];
	unsigned labels = name_labels(last);
	for (unsigned n = 0; n <= labels && is_empty(run); n++) {
		struct name zone;
		name_parent(last, n, &zone);
		run = message_sets_find(&s->sets, PACKET_AUTHORITY, &zone, TYPE_SOA);
	}
	return run;
}

static uint32_t soa_minimum(const struct rr *soa)
{
	const uint8_t *m = soa->rdata + soa->rdata_len - 4;
	uint32_t minimum = (uint32_t)m[0] << 24 | (uint32_t)m[1] << 16 | (uint32_t)m[2] << 8 | m[3];
	return minimum <= TTL_MAX ? minimum : 0;
}

/* Puts what denies. Returns the TTL that this allows: without an SOA and without a proof, whose
 * TTL is bounded likewise (RFC 9077), a denial is not to be remembered (RFC 2308, section 5). */
static uint32_t put_denial(struct scrub *s)
{
	struct run soa = find_soa(s);
	uint32_t cap = TTL_NEGATIVE_CAP;
	if (!is_empty(soa)) {
		uint32_t minimum = soa_minimum(&s->sets.records[soa.begin].rr);
		cap = minimum < cap ? minimum : cap;
		put_set(s, soa, cap);
	}
	put_proofs(s, TYPE_NSEC, cap);
	put_proofs(s, TYPE_NSEC3, cap);
	return is_empty(soa) && s->proofs == 0 ? 0 : cap;
}

/* The answer */

static int fail(const struct question *q, int ede, struct answer **ret_answer)
{
	*ret_answer = answer_without(q, -EREMOTEIO, RCODE_SERVFAIL, ede, TTL_FAILURE, false);
	return *ret_answer ? 0 : -ENOMEM;
}

static int scrub_records(struct scrub *s, struct answer **ret_answer)
{
	int found = put_chain(s);
	if (found < 0)
		return found;
	uint32_t ttl = TTL_CAP;
	if (!found) {
		ttl = put_denial(s);
	} else if (s->expanded) {
		put_proofs(s, TYPE_NSEC, TTL_CAP);
		put_proofs(s, TYPE_NSEC3, TTL_CAP);
	}
	int r = build_end(s->build, (uint8_t)s->sets.rcode, ret_answer);
	s->build = NULL;
	if (r < 0)
		return r;
	struct answer *a = *ret_answer;
	a->error = found ? 0 : -ENOENT;
	a->ttl = ttl < a->ttl ? ttl : a->ttl;
	return 0;
}

int answer_from_message(
	const struct question *q, const uint8_t *message, size_t len, struct answer **ret_answer)
{
	if (type_is_meta(q->type) || q->class == CLASS_ANY || q->class == CLASS_NONE)
		return -EBADMSG; /* there are no such records to keep */
	struct scrub *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->chain[0] = q->name;
	s->build = build_begin(q);
	int r = s->build ? message_sets_read(&s->sets, q, message, len) : -ENOMEM;
	if (r == 0 && s->sets.rcode != RCODE_NOERROR && s->sets.rcode != RCODE_NXDOMAIN)
		r = fail(q, s->sets.rcode == RCODE_SERVFAIL ? NO_AUTHORITY : EDE_NONE, ret_answer);
	else if (r == 0)
		r = scrub_records(s, ret_answer);
	if (r == -ELOOP || r == -EFBIG)
		r = fail(q, EDE_NONE, ret_answer);
	scrub_destroy(s);
	if (r < 0)
		return r;
	(*ret_answer)->source = SOURCE_DNS;
	(*ret_answer)->trust = TRUST_DNS;
	return 0;
}
