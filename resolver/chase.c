/* Aliases across sources. */
#include "resolver/chase.h"

#include <errno.h>
#include <string.h>

struct answer *chase_failure(const struct answer *from, int error)
{
	const struct question q = answer_question(from);
	struct answer *a = answer_without(
		&q, error, RCODE_SERVFAIL, EDE_NONE, FETCH_FAILURE_TTL, false);
	if (a) {
		a->source = from->source;
		a->arrived = from->arrived;
		a->time = from->time;
		a->expires = from->expires;
	}
	return a;
}

/* ---- claims of aliases ---- */

struct question chase_alias(const struct question *q)
{
	return (struct question){q->name, TYPE_CNAME, q->class};
}

static void take_over(struct answer *a, const struct answer *said)
{
	a->source = said->source;
	a->trust = said->trust;
	a->has_signer = said->has_signer;
	memcpy(a->signer, said->signer, sizeof(a->signer));
	a->seq = said->seq;
	a->arrived = said->arrived;
	a->time = said->time;
	a->expires = said->expires;
}

/* Nobody has said anything yet of where it leads. */
static struct answer *lead_on(const struct question *q, const struct rrset *alias)
{
	struct question end = *q;
	struct answer *open, *a = NULL;
	const uint8_t *rdata;
	size_t cursor = 0, len, offset = 0;
	if (!rrset_next(alias, &cursor, &rdata, &len) ||
		name_from_wire(rdata, len, &offset, &end.name) < 0)
		return NULL;
	open = answer_without(&end, -ENOENT, RCODE_NOERROR, EDE_NONE, alias->ttl, false);
	if (open && answer_from_cname(q, alias, open, &a) < 0)
		a = NULL; /* several at one name, or one that leads to itself */
	answer_unref(open);
	return a;
}

struct answer *chase_from_alias(const struct question *q, const struct answer *said)
{
	struct answer *a = NULL;
	struct rrset *alias;
	if (said->error) {
		a = answer_without(
			q, said->error, said->rcode, said->ede, said->ttl, said->error == -ENOENT);
	} else if (answer_rrset(said, &alias) == 0) {
		a = lead_on(q, alias);
		rrset_destroy(alias);
		if (!a)
			a = answer_without(q, -EREMOTEIO, RCODE_SERVFAIL, EDE_NONE,
				FETCH_FAILURE_TTL, false);
	}
	if (a)
		take_over(a, said);
	return a;
}

/* Beside the place of what the alias leads to. */
static struct chased_lent *place_of_alias(struct resolver *r, const struct question *q)
{
	return &r->chased[(question_hash(q, r->seed) + RESOLVER_LENT / 2) % RESOLVER_LENT];
}

const struct answer *chase_held(struct resolver *r, const struct question *q, bool listed)
{
	const struct question alias = chase_alias(q);
	const struct answer *said = memory_cached(r, &alias, CACHE_SLOT, listed);
	if (!said)
		return NULL;
	struct chased_lent *l = place_of_alias(r, q);
	if (l->from == said && !l->end && answer_is_to(l->answer, q))
		return l->answer;
	struct answer *a = chase_from_alias(q, said);
	if (!a)
		return NULL;
	struct chased_lent old = *l;
	*l = (struct chased_lent){answer_ref(said), NULL, a};
	answer_unref(old.from);
	answer_unref(old.end);
	answer_unref(old.answer);
	return a;
}

/* ---- what they lead to ---- */

struct answer *chase_join(struct resolver *r, const struct answer *from, const struct answer *end)
{
	struct answer *a;
	int e = answer_from_joined(from, end, &a);
	if (e < 0)
		return e == -ENOMEM ? NULL : chase_failure(from, -EREMOTEIO);
	return sources_filtered(r, a);
}

/* The same bytes for the same two, until one of them changes: a peek lends, and frees nothing. */
static const struct answer *lend(
	struct resolver *r, const struct answer *from, const struct answer *end)
{
	const struct question q = answer_question(from);
	struct chased_lent *l = &r->chased[question_hash(&q, r->seed) % RESOLVER_LENT];
	if (l->from == from && l->end == end)
		return l->answer;
	struct answer *a = chase_join(r, from, end);
	if (!a)
		return NULL;
	struct chased_lent old = *l;
	*l = (struct chased_lent){answer_ref(from), answer_ref(end), a};
	answer_unref(old.from);
	answer_unref(old.end);
	answer_unref(old.answer);
	return a;
}

const struct answer *chase_peek(
	struct resolver *r, const struct answer *from, const struct chase_look *look)
{
	struct question target;
	struct chase_look next = *look;
	if (!answer_leads(from, &target) || next.hops++ == CHASE_MAX)
		return NULL;
	const struct answer *held = answer_ref(
		from); /* of what is lent, which the next peek may lend anew */
	const struct answer *end = memory_peek(r, &target, &next);
	const struct answer *a = end ? lend(r, from, end) : NULL;
	answer_unref(held);
	return a;
}

void chase_finish(struct resolver *r)
{
	for (size_t i = 0; i < RESOLVER_LENT; i++) {
		answer_unref(r->chased[i].from);
		answer_unref(r->chased[i].end);
		answer_unref(r->chased[i].answer);
	}
}
