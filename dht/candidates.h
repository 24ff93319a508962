/* The nodes that one look-up has heard of, of one address family: sorted by their distance
 * to the target, each with what became of asking it. Nodes whose id does not fit their address
 * (BEP 42), where that counts, come after all others. Bounded: whoever answers names nodes at
 * will, and only the nearest hundred are remembered. */
#ifndef DHT_CANDIDATES_H
#define DHT_CANDIDATES_H

#include "dht/closest.h"

#define DHT_CANDIDATES_MAX 100

enum dht_search_state {
	DHT_NEW,      /* not asked yet */
	DHT_ASKED,    /* worth waiting for */
	DHT_STALLED,  /* asked, silent beyond its time: nobody waits, an answer still counts */
	DHT_ANSWERED, /* one of the eight that are looked for, if it is near enough */
	DHT_ROUTED,   /* it named nodes, but keeps nothing, or must not be trusted to */
	DHT_FAILED,   /* refused, answered with an error, or is somebody else */
};

enum dht_store_state {
	DHT_UNSTORED,
	DHT_STORING,
	DHT_STORE_STALLED, /* sent twice without an answer in time; one still counts */
	DHT_STORED,
	DHT_STORE_SPARED, /* a refresh leaves it alone: it holds the item, or enough others do */
	DHT_CONFLICT, /* holds something newer, or something unread: cas or seq */
	DHT_STORE_FAILED,
};

/* How far the id of a candidate is believed. */
enum dht_standing {
	DHT_BELIEVED,
	DHT_SUSPECT, /* its id may be made up (region.c): asked besides the eight, not as one */
	DHT_DOUBTED, /* its address answered us under another id: asked where nobody else is left */
};

struct dht_candidate {
	struct dht_closest_node node;
	uint8_t state;	       /* enum dht_search_state */
	uint8_t store_state;   /* enum dht_store_state */
	uint8_t asked, stored; /* how often */
	uint8_t hops;	       /* 1: from our table; else one more than who named it first */
	bool misfit;	       /* its id does not fit its address */
	bool known;	       /* of our own table */
	bool met;	       /* answered us under this id before */
	bool hearsay;	       /* named only by those who name others falsely */
	bool no_get;	       /* does not know `get`: find_node is asked instead */
	bool answered;	       /* whatever it was asked */
	bool walked;	       /* was silent, and so asked find_node too */
	bool struck;	       /* known to be silent before (habits.h) */
	bool detour;	       /* asked wherever it is: a second path begins there (detour.c) */
	uint8_t round;	       /* enum dht_search_state: asked for the far side of the region */
	uint64_t round_query;  /* the number of that query */
	bool holds; /* it has what the look-up stores, or asks for */
	uint8_t standing;      /* enum dht_standing */
	bool unread; /* node.seq was seen by a put's own search, not shown to the caller */
};

struct dht_candidates {
	struct dht_candidate *list;
	size_t len, cap;
	unsigned flying; /* asked and worth waiting for */
	unsigned walks;	 /* find_node sent to nodes that keep nothing */
	unsigned trials; /* and to those that were silent */
	unsigned suspects; /* asked */
	bool crowded;	   /* more strangers next to the target than there can be */
	bool detoured;	   /* the second path has begun */
	unsigned rounds;   /* answers about the far side of the region that are worth waiting for */
};

/* What addresses are worth where this node lives. */
struct dht_address_rules {
	bool one_per_ip;  /* an address is an IP, else IP and port */
	bool must_fit;	  /* BEP 42 */
	bool one_per_net; /* only one of a /24 (IPv4) or /64 is asked, but for those `known` */
};

void dht_candidates_finish(struct dht_candidates *c);
/* NULL when it is there already, too far, or no memory. Of one address only one is taken, of those
 * not asked yet the nearest, but for those that failed: a liar that names a wrong id for an honest
 * address must not shut the right one out. */
struct dht_candidate *dht_candidates_add(struct dht_candidates *c, const struct dht_id *target,
	const struct dht_contact *contact, const struct dht_address_rules *rules,
	enum dht_standing standing);
/* Of the nearest that answered, of so many of them, the most hops; 0 if they were known from an
 * earlier look-up and not asked again. */
unsigned dht_candidates_hops(const struct dht_candidates *c, unsigned wanted);
struct dht_candidate *dht_candidates_find(
	const struct dht_candidates *c, const struct dht_contact *contact);
/* Was another node of its /24 or /64 asked, and is there? */
bool dht_candidates_net_taken(const struct dht_candidates *c, const struct dht_candidate *of);

#endif
