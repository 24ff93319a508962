/* Which claim of a slot answers, and what becomes of the others. */
#ifndef RESOLVER_SLOT_CHOOSE_H
#define RESOLVER_SLOT_CHOOSE_H

#include "resolver/policy.h"
#include "resolver/publish.h"
#include "resolver/trace.h"

struct slot_choice {
	const struct slot *slot;
	const struct policy *policy;
	struct publisher *publisher; /* may be NULL */
	const uint8_t *known;	     /* the signer that is remembered for the name, or NULL */
};
/* Borrowed from the slot; NULL: none. `trace` is told of each claim. */
const struct claim *slot_choose(const struct slot_choice *choice, struct trace *trace);

#endif
