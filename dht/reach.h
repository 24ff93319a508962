/* Can strangers reach us? A node behind a NAT or a firewall is of no use to others as a server:
 * they would wait for it in vain. BEP 43 has such a node say `ro` in its queries, so that nobody
 * puts it into a table, and answer none.
 *
 * The sign is a query from an address that we have not written to of late: through a NAT nothing
 * else comes in. If after a quarter of an hour, and hundreds of nodes written to, no stranger ever
 * was heard, we are read-only; once an hour, and when our address changes, we try again as a
 * server. A single stranger ends it, since what can be reached once can be reached, until the
 * address changes. In a small network everybody has been written to, so there it never begins. */
#ifndef DHT_REACH_H
#define DHT_REACH_H

#include "dht/id.h"

/* To remember addresses written to: at 4,000 in a quarter of an hour one stranger in a hundred
 * looks like one of them, at 60,000 seven of ten; then there are many strangers. */
#define DHT_REACH_BITS 65536

struct dht_reach {
	uint64_t *written[2]; /* in this quarter of an hour and the one before; NULL: not watched */
	uint64_t turned;      /* when the former began */
	uint64_t salt;
	uint64_t since;	    /* this trial, or read-only */
	unsigned addresses; /* new ones written to since */
	unsigned answers;   /* had since */
	bool reached, read_only;
};

/* Begins to watch; without it, all that follows does nothing and read_only stays false. 0 or
 * -ENOMEM. */
int dht_reach_init(struct dht_reach *r, uint64_t salt, uint64_t now);
void dht_reach_finish(struct dht_reach *r);

void dht_reach_wrote(struct dht_reach *r, const struct dht_endpoint *to);
void dht_reach_answered(struct dht_reach *r);
/* A query came in. */
void dht_reach_asked(struct dht_reach *r, const struct dht_endpoint *from);
/* Others see us at another address. */
void dht_reach_moved(struct dht_reach *r, uint64_t now);
/* Decides; wants to come again at *ret_due. */
void dht_reach_run(struct dht_reach *r, uint64_t now, uint64_t *ret_due);

#endif
