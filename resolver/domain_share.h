/* How many questions are under way below each domain, so that one whose servers do not answer
 * leaves room for all others.
 *
 * Anybody can have names below a domain of his looked up: a link on a page is enough. Where its
 * servers say nothing each of them stays under way for seconds. Counted is what stands below a
 * domain of two labels and of three, for the place where people get names of their own is one or
 * the other; a domain is its hash, so two may share one count, and no list of a stranger's names
 * grows.
 */
#ifndef RESOLVER_DOMAIN_SHARE_H
#define RESOLVER_DOMAIN_SHARE_H

#include "resolver/name.h"

#define DOMAIN_SHARE_LEVELS 2
#define DOMAIN_SHARE_SLOTS 4096

struct domain_share {
	uint64_t seed;
	uint16_t live[DOMAIN_SHARE_SLOTS];
};

/* What a question that is under way counts for. */
struct domain_places {
	uint16_t len, slots[DOMAIN_SHARE_LEVELS];
};

/* `total`: the questions that may be under way in all. 0, or -EDQUOT: 1/8 of them are below its
 * domain of two labels already, or 1/16 below that of three. */
int domain_share_take(struct domain_share *share, const struct name *name, unsigned total,
	struct domain_places *ret_places);
void domain_share_give(struct domain_share *share, const struct domain_places *places);

#endif
