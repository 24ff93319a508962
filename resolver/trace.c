/* A trace: filled while a question is answered, read by explain. */
#include "resolver/trace.h"

#include <stdlib.h>
#include <string.h>

struct trace *trace_create(void)
{
	return calloc(1, sizeof(struct trace));
}

void trace_destroy(struct trace *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->claims_len; i++)
		claim_finish(&t->claims[i].claim);
	free(t->claims);
	free(t->why);
	free(t->relay);
	free(t);
}

size_t trace_size(const struct trace *t)
{
	if (!t)
		return 0;
	return sizeof(*t) + (t->why ? strlen(t->why) + 1 : 0) +
	       (t->relay ? strlen(t->relay) + 1 : 0) + t->claims_bytes +
	       t->claims_len * (sizeof(*t->claims) + sizeof(struct rrset));
}

void trace_why(struct trace *t, const char *why)
{
	if (!t || !why || !*why)
		return;
	free(t->why);
	t->why = strdup(why);
}

void trace_relay(struct trace *t, const char *relay)
{
	if (!t || !relay)
		return;
	free(t->relay);
	t->relay = strdup(relay);
}

static bool is_noted(const struct trace *t, const struct claim *claim, enum claim_verdict verdict)
{
	for (size_t i = 0; i < t->claims_len; i++) {
		const struct claim *c = &t->claims[i].claim;
		if (t->claims[i].verdict == verdict && c->kind == claim->kind &&
			c->inception == claim->inception && name_equal(&c->signer, &claim->signer))
			return true;
	}
	return false;
}

/* What rrset_copy takes: the records, and where each of them begins. */
static size_t set_bytes(const struct rrset *set)
{
	return set ? set->data_len + set->count * sizeof(*set->at) : 0;
}

/* Left out before its signature could count? Strangers can make as many of these as they like, so
 * they stand behind the others and give way to them. */
static bool is_left_out(enum claim_verdict verdict)
{
	switch (verdict) {
	case CLAIM_TAKEN:
	case CLAIM_REMEMBERED:
	case CLAIM_LATEST:
	case CLAIM_OTHER_SIGNER:
	case CLAIM_NOT_FIRST:
	case CLAIM_NOT_LATEST:
	case CLAIM_OF_ZONE:
	case CLAIM_WITHDRAWN_HERE:
	case CLAIM_WITHDRAWN:
		return false;
	case CLAIM_COPY:
	case CLAIM_EXPIRED:
	case CLAIM_EARLY:
	case CLAIM_MALFORMED:
	case CLAIM_FORGED:
	case CLAIM_SUPERSEDED:
	case CLAIM_NO_ROOM:
	case CLAIM_NO_CHECKS:
	case CLAIM_NOT_FETCHED:
		return true;
	}
	return true;
}

static void drop_set(struct trace *t, struct trace_claim *c)
{
	t->claims_bytes -= set_bytes(c->claim.set);
	rrset_destroy(c->claim.set);
	c->claim.set = NULL;
}

/* A place at the end; what is displaced counts as left out. */
static bool make_place(struct trace *t, bool left_out)
{
	if (t->claims_len < TRACE_CLAIMS_MAX) {
		struct trace_claim *grown = reallocarray(
			t->claims, t->claims_len + 1, sizeof(*grown));
		if (grown)
			t->claims = grown;
		return grown;
	}
	struct trace_claim *last = &t->claims[t->claims_len - 1];
	if (left_out || !is_left_out(last->verdict))
		return false;
	drop_set(t, last);
	claim_finish(&last->claim);
	t->claims_len--;
	t->claims_left_out++;
	return true;
}

static bool make_bytes(struct trace *t, size_t bytes, bool left_out)
{
	for (size_t i = t->claims_len; !left_out && i-- > 0;) {
		if (t->claims_bytes + bytes <= TRACE_BYTES_MAX)
			break;
		if (is_left_out(t->claims[i].verdict))
			drop_set(t, &t->claims[i]);
	}
	return t->claims_bytes + bytes <= TRACE_BYTES_MAX;
}

void trace_claim(struct trace *t, const struct claim *claim, enum claim_verdict verdict)
{
	bool left_out = is_left_out(verdict);
	if (!t || is_noted(t, claim, verdict))
		return;
	if (!make_place(t, left_out)) {
		t->claims_left_out++;
		return;
	}
	size_t at = t->claims_len;
	while (!left_out && at > 0 && is_left_out(t->claims[at - 1].verdict))
		at--;
	struct trace_claim *c = &t->claims[at];
	memmove(c + 1, c, (t->claims_len - at) * sizeof(*c));
	*c = (struct trace_claim){verdict, *claim};
	c->claim.rrsig = NULL;
	c->claim.rrsig_len = 0;
	c->claim.set = NULL;
	t->claims_len++;
	if (claim->set && make_bytes(t, set_bytes(claim->set), left_out))
		c->claim.set = rrset_copy(claim->set);
	t->claims_bytes += set_bytes(c->claim.set);
}

const char *claim_verdict_text(enum claim_verdict verdict)
{
	switch (verdict) {
	case CLAIM_TAKEN:
		return "taken: the first signer that answers for the name";
	case CLAIM_REMEMBERED:
		return "taken: its signer is the one that is remembered";
	case CLAIM_LATEST:
		return "taken: the latest (trust=open)";
	case CLAIM_OTHER_SIGNER:
		return "refused: another signer is remembered";
	case CLAIM_NOT_FIRST:
		return "refused: more nodes have another's, or its key is smaller";
	case CLAIM_NOT_LATEST:
		return "refused: another is later";
	case CLAIM_OF_ZONE:
		return "not counted: only DNSSEC can tell whether its zone has signed it";
	case CLAIM_WITHDRAWN_HERE:
		return "refused: its signer has withdrawn it here";
	case CLAIM_WITHDRAWN:
		return "refused: its signer has withdrawn it";
	case CLAIM_COPY:
		return "refused: an unsigned copy counts with trust=open only";
	case CLAIM_EXPIRED:
		return "refused: expired";
	case CLAIM_EARLY:
		return "refused: begins more than an hour from now";
	case CLAIM_MALFORMED:
		return "refused: malformed";
	case CLAIM_FORGED:
		return "refused: the signature does not hold";
	case CLAIM_SUPERSEDED:
		return "refused: its signer has said something later";
	case CLAIM_NO_ROOM:
		return "not looked at: eight claims of unknown signers are enough";
	case CLAIM_NO_CHECKS:
		return "not looked at: the signature checks of one question are used up";
	case CLAIM_NOT_FETCHED:
		return "not looked at: a large claim whose pieces were not fetched";
	}
	return "";
}
