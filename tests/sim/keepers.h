/* Records whose publisher is gone, and nodes that keep them alive for him, as resolver/keep does:
 * each has read what was signed, and has nothing else. */
#ifndef TESTS_SIM_KEEPERS_H
#define TESTS_SIM_KEEPERS_H

#include "tests/sim/sim.h"

#define KEEPERS_MAX 3

struct keepers {
	struct sim *sim;
	size_t len; /* keepers: nodes 1 to len; the publisher is node 0 */
	size_t records;
	struct dht_item *items;
	struct dht_published **published; /* len for each record */
	size_t replaced;		  /* nodes, so far */
};

/* Node 0 puts `records` of that many bytes, the keepers read them, and it goes. */
void keepers_begin(
	struct keepers *k, struct sim *sim, size_t keepers, size_t records, size_t bytes);
void keepers_finish(struct keepers *k); /* the sim is the caller's */
/* Empty nodes take the place of others, so many evenly spread over the time. */
void keepers_churn(struct keepers *k, uint64_t time, size_t nodes);
/* How many records a node that keeps none of them for anybody finds; another for each. */
size_t keepers_readable(struct keepers *k);

#endif
