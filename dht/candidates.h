/* The nodes that one look-up has heard of, of one address family: sorted by their distance
 * to the target, each with what became of asking it. Bounded: whoever answers names nodes
 * at will, and only the nearest hundred are remembered. */
#ifndef DHT_CANDIDATES_H
#define DHT_CANDIDATES_H

#include "dht/closest.h"

#define DHT_CANDIDATES_MAX 100

enum dht_search_state {
	DHT_NEW,     /* not asked yet */
	DHT_ASKED,   /* worth waiting for */
	DHT_STALLED, /* asked, silent beyond its time: nobody waits, an answer still counts */
	DHT_ANSWERED,
	DHT_FAILED, /* refused, answered with an error, or is somebody else */
};

enum dht_store_state {
	DHT_UNSTORED,
	DHT_STORING,
	DHT_STORE_STALLED, /* sent twice without an answer in time; one still counts */
	DHT_STORED,
	DHT_CONFLICT, /* holds something newer, or something unread: cas or seq */
	DHT_STORE_FAILED,
};

struct dht_candidate {
	struct dht_closest_node node;
	uint8_t state;	       /* enum dht_search_state */
	uint8_t store_state;   /* enum dht_store_state */
	uint8_t asked, stored; /* how often */
	bool unread; /* node.seq was seen by a put's own search, not shown to the caller */
};

struct dht_candidates {
	struct dht_candidate *list;
	size_t len, cap;
	unsigned flying; /* asked and worth waiting for */
};

void dht_candidates_finish(struct dht_candidates *c);
/* NULL when it is there already, too far, or no memory. Of one address (an IP if
 * one_per_ip) only one is taken, of those not asked yet the nearest, but for those that failed: a
 * liar that names a wrong id for an honest address must not shut the right one out. */
struct dht_candidate *dht_candidates_add(struct dht_candidates *c, const struct dht_id *target,
	const struct dht_contact *contact, bool one_per_ip);
struct dht_candidate *dht_candidates_find(
	const struct dht_candidates *c, const struct dht_contact *contact);

#endif
