/* Of the claims that verify, the one that answers (design, section 4: rule 6, and trust=open). */
#include "resolver/slot_choose.h"

#include <string.h>

static bool is_known(const struct slot_choice *choice, const struct claim *claim)
{
	return choice->known && memcmp(choice->known, claim->key, NAME_KEY_LEN) == 0;
}

/* A claim of a local user who has withdrawn it since is the network's memory, not his word. */
static bool withdrawn_here(const struct slot_choice *choice, const struct claim *claim)
{
	return claim->kind == CLAIM_KEY && choice->publisher &&
	       publish_withdrawn(choice->publisher, &choice->slot->question, claim->key);
}

static bool counts(const struct slot_choice *choice, const struct claim *claim)
{
	return claim->kind != CLAIM_ZONE && !withdrawn_here(choice, claim);
}

/* trust=open: the latest claim of a key, else the latest copy. */
static const struct claim *choose_open(const struct slot_choice *choice)
{
	const struct claim *best = NULL;
	for (size_t i = 0; i < choice->slot->claims_len; i++) {
		const struct claim *x = &choice->slot->claims[i];
		if (!counts(choice, x))
			continue;
		bool later = best && (int32_t)(x->inception - best->inception) > 0;
		if (!best || (x->kind == best->kind ? later : x->kind == CLAIM_KEY))
			best = x;
	}
	return best;
}

/* Trust on first use: the signer that answered for this name before, or the one that most nodes
 * return (tie: the smaller key). */
static const struct claim *choose_first(const struct slot_choice *choice)
{
	const struct claim *best = NULL;
	for (size_t i = 0; i < choice->slot->claims_len; i++) {
		const struct claim *x = &choice->slot->claims[i];
		if (!counts(choice, x) || (choice->known && !is_known(choice, x)))
			continue;
		if (!best || x->nodes > best->nodes ||
			(x->nodes == best->nodes && memcmp(x->key, best->key, NAME_KEY_LEN) < 0))
			best = x;
	}
	return best;
}

static enum claim_verdict verdict_on(
	const struct slot_choice *choice, const struct claim *claim, bool chosen)
{
	bool open = choice->policy->mode == POLICY_OPEN;
	if (claim->kind == CLAIM_ZONE)
		return CLAIM_OF_ZONE;
	if (withdrawn_here(choice, claim))
		return CLAIM_WITHDRAWN_HERE;
	if (open)
		return chosen ? CLAIM_LATEST : CLAIM_NOT_LATEST;
	if (choice->known)
		return chosen ? CLAIM_REMEMBERED : CLAIM_OTHER_SIGNER;
	return chosen ? CLAIM_TAKEN : CLAIM_NOT_FIRST;
}

/* References that were not followed, or whose pieces nobody had; the others are claims by now. */
static void trace_references(const struct slot *slot, struct trace *trace)
{
	for (size_t i = 0; i < slot->pieces_len; i++) {
		const struct claim_pieces *p = &slot->pieces[i];
		struct claim claim = {.kind = CLAIM_ZONE,
			.signer = p->signer,
			.inception = p->inception}; /* its end is in the pieces */
		if (p->signer.len == NAME_KEY_TEXT + 2 && name_key(&p->signer, claim.key))
			claim.kind = CLAIM_KEY;
		trace_claim(trace, &claim, CLAIM_NOT_FETCHED);
	}
}

const struct claim *slot_choose(const struct slot_choice *choice, struct trace *trace)
{
	const struct slot *slot = choice->slot;
	const struct claim *best = choice->policy->mode == POLICY_OPEN ? choose_open(choice)
								       : choose_first(choice);
	if (best) /* first: it has a place in the trace whatever others say */
		trace_claim(trace, best, verdict_on(choice, best, true));
	for (size_t i = 0; i < slot->claims_len; i++)
		if (&slot->claims[i] != best)
			trace_claim(trace, &slot->claims[i],
				verdict_on(choice, &slot->claims[i], false));
	for (size_t i = 0; i < slot->withdrawn_len; i++)
		trace_claim(trace, &slot->withdrawn[i], CLAIM_WITHDRAWN);
	trace_references(slot, trace);
	return best;
}
