/* Under which id each address answered us last. An honest node has one id for as long as it runs;
 * who wants to be next to every target needs another id for each. So a node that others name
 * under an id that it did not give us itself is the last to be asked.
 *
 * Only answers to queries of ours are told to it, so nobody can slander an address that is not
 * his. Bounded: the addresses met last are remembered. */
#ifndef DHT_KNOWN_H
#define DHT_KNOWN_H

#include "dht/id.h"

/* Addresses: more than a table has, for look-ups meet others too; 50 kB when full. */
#define DHT_KNOWN_MAX 1024
/* Longer than a table goes without asking one of its nodes; what nobody has asked for that long
 * may have moved. */
#define DHT_KNOWN_LIFETIME 3600 /* seconds */
/* Who has just changed its id is not believed at once: else a liar, asked under its old id for
 * some target, could answer under one next to it. Longer than any look-up. */
#define DHT_KNOWN_PROBATION 60

/* Times in seconds: small, for a hundred thousand nodes run in one process. */
struct dht_known_node {
	struct dht_contact contact; /* family 0: none */
	uint32_t met;		    /* last answer */
	uint32_t changed;	    /* when it took this id; 0: it had no other before */
};

struct dht_known {
	struct dht_known_node *nodes; /* sets of four, found by a hash of the address */
	size_t cap, len;
	uint64_t seed; /* unpredictable, or somebody would choose addresses that meet in one set */
};

enum dht_acquaintance {
	DHT_STRANGER,  /* never met, or long ago */
	DHT_MET,       /* answered us under this id */
	DHT_OTHERWISE, /* answered us under another one, the last time or until just now */
};

void dht_known_init(struct dht_known *k, uint64_t seed);
void dht_known_finish(struct dht_known *k);
/* It answered us under that id. `now` is in microseconds, here and below. */
void dht_known_met(struct dht_known *k, const struct dht_contact *c, uint64_t now);
/* Somebody says that `c` is there. */
enum dht_acquaintance dht_known_look(
	const struct dht_known *k, const struct dht_contact *c, uint64_t now);

#endif
