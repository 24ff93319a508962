/* Nodes that are all next to one target and stay there: each has one id for all who ask, as honest
 * nodes have. They acknowledge puts and forget them, and answer all else as honest nodes do. */
#ifndef SIM_SYBILS_H
#define SIM_SYBILS_H

#include "tests/sim/sim.h"

enum sim_sybil_net {
	SIM_ANY_ID,    /* where each may have any id */
	SIM_ONE_NET,   /* of one /24, or one IPv6 /40, with ids that BEP 42 allows there */
	SIM_MANY_NETS, /* the same, but each of a net of its own */
	SIM_WIDE_NET,  /* each of a /24 of one /16, or a /40 of one IPv6 /32 */
};

struct sim_sybils_case {
	struct sim_config config;
	size_t honest, sybils;
	uint8_t family;
	enum sim_sybil_net net;
	unsigned
		bits; /* that they share with the target; SIM_ANY_ID only, else as many as can be */
	bool from_birth; /* they were there before the honest ones */
	bool newcomers;	 /* it is nodes that joined a second ago that put and get */
	/* The last so many lie in a ring around the target, and no honest node nearer than where it
	 * ends: these are tenths of the mean distance from one honest node to the next. */
	size_t in_ring;
	unsigned ring_from, ring_to;
	bool two_faced; /* they keep what is put, and return it to who put it, and to nobody else */
	size_t rounds;	/* each a put of a newer value by one honest node, a get by another */
};
struct sim_sybils_outcome {
	size_t found; /* the newest value */
	/* two_faced: by who put it, from nodes that count; and when all honest ones that kept it
	 * are gone, from any, and from those that count */
	size_t read_back, left, left_held;
	size_t holders; /* that returned a value, in all reads */
	uint64_t read_queries, put_queries;
	unsigned read_queries_max;
};
void sim_sybils_run(const struct sim_sybils_case *c, struct sim_sybils_outcome *ret_outcome);

#endif
