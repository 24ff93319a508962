/* Where the nodes of a simulation are, and how far from each other. Both follow from the numbers
 * of the nodes and the seed alone, so that 100,000 nodes need no table of pairs. */
#ifndef SIM_PATH_H
#define SIM_PATH_H

#include "dht/id.h"

#include <stddef.h>

struct sim_addresses {
	bool mainline; /* public ones */
	bool own_nets; /* a /24 (IPv6: a /32) for each node, all of them public */
};

void sim_address(const struct sim_addresses *a, size_t node, uint8_t family,
	struct dht_endpoint *ret_endpoint);
/* SIZE_MAX: of no node. */
size_t sim_node_at(const struct sim_addresses *a, const struct dht_endpoint *e);

/* The round trip between two nodes, microseconds: uniform between min and max over all pairs, and
 * always the same for one pair, as on real paths. */
uint32_t sim_rtt(uint64_t seed, size_t one, size_t other, uint32_t min, uint32_t max);

#endif
