/* Nodes that work together against all others. Their engines join and stay in the network as
 * honest ones do; what others ask them, they answer as their kind does. They know everything: each
 * other, and under which id the asker believes to have found them. */
#ifndef SIM_LIARS_H
#define SIM_LIARS_H

#include "tests/sim/sim.h"

enum sim_liar {
	SIM_SILENT,    /* all is honest, but puts are acknowledged and forgotten */
	SIM_FORGER,    /* name each other, under ids next to whatever target, and keep nothing */
	SIM_SPARSE,    /* the same, but the ids lie no denser than real ones might */
	SIM_STALE,     /* forgers that return the first value they got, genuine but old */
	SIM_GHOSTS,    /* name addresses where nobody is, next to the target, and keep nothing */
	SIM_TWO_FACED, /* all is honest, but what is put they return only to who put it, with no
			  nodes */
	SIM_SLANDER, /* the same, but two of them next to each of the honest nodes that are nearest
		      */
};

struct sim_liars;

/* The nodes of the simulation whose number is in `nodes` lie from now on. */
struct sim_liars *sim_liars_create(
	struct sim *sim, enum sim_liar kind, const size_t *nodes, size_t len);
void sim_liars_destroy(struct sim_liars *liars);
bool sim_liars_has(const struct sim_liars *liars, size_t node);

/* A network of `n` IPv4 nodes, of which `share` percent, chosen at random, lie: once the network
 * has settled, or from birth. Puts of honest nodes, each followed by reads of others. */
struct sim_liars_case {
	struct sim_config config;
	size_t n;
	enum sim_liar kind;
	unsigned share;
	bool from_birth;
	size_t puts, reads; /* reads of each put */
};
struct sim_liars_outcome {
	size_t reads, found; /* found: the newest value */
	size_t holders;	     /* that returned a value, in all reads */
	size_t hopeless;     /* reads of what only liars were to keep, as no engine can change */
	size_t stored_min;   /* of one put, ourselves counted */
	uint64_t read_queries, put_queries; /* of all together */
	unsigned read_queries_max, put_queries_max;
	uint64_t verifications_max; /* of one read */
	uint64_t wide;		    /* look-ups of all nodes that went wide */
	uint64_t took;		    /* of all reads, virtual microseconds */
};
void sim_liars_run(const struct sim_liars_case *c, struct sim_liars_outcome *ret_outcome);

#endif
