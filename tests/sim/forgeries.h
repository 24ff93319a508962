/* Values that are not what was asked for, or not as they were signed, and answers to nothing that
 * was asked (promise P13): of all that comes of them nothing may be delivered, and nothing kept.
 * test_forgeries.c has some thousand of each, tests/bench/forgeries.sh a million. */
#ifndef SIM_FORGERIES_H
#define SIM_FORGERIES_H

#include "tests/sim/sim.h"

enum sim_forgery {
	SIM_OF_OTHER_KEY, /* signed, but by another key */
	SIM_WITHOUT_SIG,
	SIM_WITHOUT_SEQ,
	SIM_OF_NEGATIVE_SEQ,
	SIM_OF_OTHER_HASH, /* for an immutable target */
	SIM_ALTERED_VALUE, /* from here on only the signature tells */
	SIM_ALTERED_SIG,
	SIM_ALTERED_SEQ,
	SIM_OF_OTHER_SALT,
	SIM_FORGERIES,
};

struct sim_forged {
	uint64_t met;	      /* values that came, or answers */
	uint64_t accepted;    /* of these delivered, or kept */
	uint64_t checked;     /* signatures, in all ... */
	uint64_t least, most; /* ... and for one get or put */
};

const char *sim_forgery_name(enum sim_forgery kind);
/* A network of so many: the first is honest, the others will return whatever is asked of them. */
struct sim *sim_forgers(const struct sim_config *config, size_t n);
/* The first gets what nobody ever put, and all others return forgeries, until so many came. */
void sim_forged_gets(
	struct sim *sim, enum sim_forgery kind, uint64_t values, struct sim_forged *ret_forged);
/* The second puts so many at the first, with the tokens that they need. */
void sim_forged_puts(
	struct sim *sim, enum sim_forgery kind, uint64_t values, struct sim_forged *ret_forged);
/* So many answers, 50,000 a second, while the first gets what nobody has put: with values that
 * would verify, every second one from a node of the network in the name of no query, the others in
 * that of a query under way, but from elsewhere. */
void sim_spoofed_answers(struct sim *sim, uint64_t answers, struct sim_forged *ret_forged);

#endif
