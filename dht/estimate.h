/* How many nodes the network has, from the distances that look-ups meet: ids are random, so of
 * N nodes the i-th nearest to any target lies at about i/N of the whole range. One look-up is
 * good to about 30 %, sixteen to about 8 %. Where the nearest nodes lie much nearer than that,
 * somebody has chosen ids to be there. */
#ifndef DHT_ESTIMATE_H
#define DHT_ESTIMATE_H

#include "dht/id.h"

/* Of each look-up: the nodes that a look-up finds for certain. */
#define DHT_ESTIMATE_NODES 8
/* Look-ups that count; older ones are forgotten, for networks grow and shrink. */
#define DHT_ESTIMATE_LOOKUPS 16

struct dht_estimate_sample {
	struct dht_id target;
	uint64_t spacing; /* the mean distance from one node to the next, first 64 bits */
};

struct dht_estimate {
	struct dht_estimate_sample samples[DHT_ESTIMATE_LOOKUPS]; /* a ring */
	unsigned len, next;
	uint64_t spacing; /* of them all; it is asked for with every reply. 0: unknown */
};

/* A look-up has ended: the nodes nearest to its target, the nearest first. One
 * target counts once, its last look-up, or a name that is read all the time would be all that is
 * known of the network. */
void dht_estimate_add(struct dht_estimate *e, const struct dht_id *target,
	const struct dht_id nearest[DHT_ESTIMATE_NODES]);
/* Nodes, we ourselves not counted; 0: not enough look-ups yet. A minority of look-ups, met by
 * whatever liars, does not move it far: the highest and lowest quarter are left out. */
uint64_t dht_estimate_size(const struct dht_estimate *e);
/* The same as the last look-up near `target` alone tells, to about 35 %; 0: there was none. */
uint64_t dht_estimate_near(const struct dht_estimate *e, const struct dht_id *target);

#endif
