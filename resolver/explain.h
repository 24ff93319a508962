/* Why a question is answered as it is: who was asked, what each said, and why the winner won.
 *
 * Made from memory, so it costs no packet. Where nothing is held the caller asks first, by
 * resolver_ask with ASK_FOR_ALL (or ASK_FOR_SLOT for claims), and passes on what that ended with.
 * Everybody sees what answers him: an own record of another user is not told of. What stands in
 * both texts: kadns-files(7), "Explaining". */
#ifndef RESOLVER_EXPLAIN_H
#define RESOLVER_EXPLAIN_H

#include "resolver/resolver.h"

struct explain_question {
	const struct question *question;
	uid_t view;
	int outcome; /* of an ask that has just ended; 0: an answer, or nobody asked */
};

/* Can it be explained without asking? */
bool explain_held(struct resolver *r, const struct question *q, uid_t view);
/* Lines of text, printable ASCII; malloc'd. -ENOMEM. */
int explain_text(
	struct resolver *r, const struct explain_question *e, char **ret_text, size_t *ret_len);

/* The same for the claims in the name's slot, as they were read last: a line of JSON each. Held is
 * also that there is nothing to ask for. */
bool explain_claims_held(struct resolver *r, const struct question *q);
/* -EOPNOTSUPP: this node reads no slot for this name (explain_text says why); what reading it
 * failed with; -EAGAIN: it is under way, or was forgotten at once; -ENOMEM. */
int explain_claims(
	struct resolver *r, const struct explain_question *e, char **ret_text, size_t *ret_len);

#endif
