/* What the last look-ups found: for each target the nearest nodes that answered, with their
 * tokens and what they said they hold. A put within five minutes goes to them directly, and
 * knows what it may overwrite (`cas`). */
#ifndef DHT_CLOSEST_H
#define DHT_CLOSEST_H

#include "dht/id.h"

/* jech/dht throws away what is longer than 40, so nobody sends that. */
#define DHT_TOKEN_MAX 40
/* Of each family: the eight that are wanted and some for those that have left since. */
#define DHT_CLOSEST_NODES 12
/* And of suspects: as many as a look-up asks. */
#define DHT_CLOSEST_SUSPECTS 24
/* Targets kept: 72 nodes of 96 bytes each at most, of both families, so 1.8 MB. */
#define DHT_CLOSEST_SETS 256
/* Tokens hold for five minutes at least (BEP 5). */
#define DHT_CLOSEST_LIFETIME ((uint64_t)300 * 1000000)

struct dht_closest_node {
	struct dht_contact contact;
	uint8_t token_len;
	uint8_t token[DHT_TOKEN_MAX];
	uint8_t standing; /* enum dht_standing, as the look-up ended */
	bool has_seq;	  /* it returned a value with that seq, and the caller was shown it */
	int64_t seq;
};

struct dht_closest_set {
	struct dht_id target;
	uint64_t made;
	bool here_has_seq; /* the same of our own store */
	int64_t here_seq;
	size_t len;
	struct dht_closest_node nodes[];
};

struct dht_closest {
	struct dht_closest_set *sets[DHT_CLOSEST_SETS]; /* the last used first */
	size_t len;
};

void dht_closest_finish(struct dht_closest *c);
/* The set of the target if it is not too old, else NULL; valid until the next call. */
struct dht_closest_set *dht_closest_find(
	struct dht_closest *c, const struct dht_id *target, uint64_t now);
/* Takes the set, malloced, over; it replaces that of the same target. */
void dht_closest_keep(struct dht_closest *c, struct dht_closest_set *set);
void dht_closest_forget(struct dht_closest *c, const struct dht_id *target);

#endif
