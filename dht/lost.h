/* Addresses of nodes that were in a table and fell silent. When a network falls in two, each half
 * forgets the other in ten minutes; one of these is asked now and then, so that the halves find
 * together again though no node to join by is left that both know. */
#ifndef DHT_LOST_H
#define DHT_LOST_H

#include "dht/id.h"

/* The latest. One that answers names others, so a few would do; where nodes come and go most of
 * them are simply dead. */
#define DHT_LOST_MAX 64

struct dht_lost {
	struct dht_endpoint *at; /* room for all, once there is one */
	size_t len, next;	 /* next: to be asked */
	size_t oldest;
};

void dht_lost_finish(struct dht_lost *lost);
void dht_lost_add(struct dht_lost *lost, const struct dht_endpoint *at);
/* It is found again, or somebody else is there. True if it was among them. */
bool dht_lost_remove(struct dht_lost *lost, const struct dht_endpoint *at);
/* In turn; NULL: there is none. */
const struct dht_endpoint *dht_lost_next(struct dht_lost *lost);

#endif
