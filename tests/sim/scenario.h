/* A scenario while it runs: the network, what was written into it, what was measured last.
 *
 *   run_scenario.c  the file, line by line; what each command does
 *   words.c         lines and their words
 *   crowd.c         which nodes; their coming and going
 *   records.c       puts and gets
 *   expect.c        what must hold */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "tests/sim/sim.h"
#include "tests/sim/words.h"

/* Measurements of one kind, one for each operation or node. */
struct samples {
	double *list;
	size_t len, cap;
};

/* Of the last put, get or miss. */
enum measured {
	MEASURED_SUCCESS, /* 1 or 0 */
	MEASURED_OLDER,	  /* get: 1 where the newest value found was not the newest acknowledged */
	MEASURED_TIME,	  /* to the end */
	MEASURED_FIRST,	  /* get: to the first value */
	MEASURED_SIXTH,	  /* put: to the sixth acknowledgement */
	MEASURED_QUERIES,
	MEASURED_COPIES, /* put: nodes that took it */
	MEASURED_KINDS,
};

struct measurements {
	struct samples of[MEASURED_KINDS];
};

struct record {
	uint8_t key[DHT_KEY_LEN];
	int64_t acknowledged; /* the newest version that some node took; 0 none */
};

/* Records written under one name; each is a mutable item of its own key, or an immutable one. */
struct records {
	struct records *next;
	char name[32];
	uint64_t key; /* of the first; the others follow */
	bool immutable;
	bool kept;	 /* each version by who wrote it */
	int64_t version; /* written last */
	size_t len;
	struct record of[];
};

struct scenario {
	struct sim_config config;
	struct sim *sim; /* NULL before the first nodes */
	struct words words;
	size_t newest;	/* the first node of the last `nodes` */
	double session; /* mean life of a node, microseconds; 0: for ever */
	uint64_t *ends; /* when each node's session ends */
	size_t ends_len;
	uint64_t waited_from, waited_packets; /* where the last `wait` began */
	struct records *records;
	uint64_t keys; /* given away */
	struct measurements put, get, miss;
	unsigned failures; /* expectations that did not hold */
};

/* A choice of nodes. */
struct crowd {
	size_t *list;
	size_t len;
};

void samples_add(struct samples *s, double number);
void samples_clear(struct samples *s);

/* crowd.c. The choice that the next words name, of the living (or dead) nodes: all (any), node 3,
 * nodes 1-5, 10 nodes, 20%, side 1, new, nat, open, ipv4, ipv6, both. */
struct crowd crowd_named(struct scenario *s, bool living);
/* As above after the word `by`, else all the living. */
struct crowd crowd_by(struct scenario *s);
void crowd_finish(struct crowd *c);
size_t crowd_any(struct scenario *s, const struct crowd *c);
/* Virtual time goes by, and with it come and go nodes. */
void scenario_wait(struct scenario *s, uint64_t microseconds);

void scenario_nodes(struct scenario *s);
void scenario_kill(struct scenario *s);
void scenario_restart(struct scenario *s);
void scenario_churn(struct scenario *s);
void scenario_partition(struct scenario *s);
void scenario_heal(struct scenario *s);
void scenario_clock(struct scenario *s);

/* records.c */
struct records *records_named(struct scenario *s, const char *name); /* fails if there is none */
/* Its key, or what it is: enough to ask for it. */
void records_wanted(const struct records *r, size_t at, struct dht_item *ret_item);
void scenario_put(struct scenario *s);
void scenario_keep(struct scenario *s);
void scenario_get(struct scenario *s);
void scenario_miss(struct scenario *s);
void records_finish(struct scenario *s);

/* expect.c */
void scenario_expect(struct scenario *s);

#endif
