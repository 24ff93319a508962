/* How we are to others: which id our address gives us (BEP 42), and whether we are worth asking
 * (BEP 43). address.c and reach.c know; here the engine follows. */
#ifndef DHT_PRESENCE_H
#define DHT_PRESENCE_H

#include "dht/address.h"
#include "dht/reach.h"

struct dht;
struct dht_message;

struct dht_presence {
	struct dht_address addresses[2]; /* IPv4, IPv6 */
	struct dht_reach reach;
	bool id_doubtful; /* an address has changed: does our id still fit? */
	bool was_read_only;
};

int dht_presence_init(struct dht *dht);
void dht_presence_finish(struct dht *dht);
/* A query of ours goes there; it was answered; a query of others came in. */
void dht_presence_wrote(struct dht *dht, const struct dht_endpoint *to);
void dht_presence_answered(
	struct dht *dht, const struct dht_endpoint *from, const struct dht_message *m);
void dht_presence_asked(struct dht *dht, const struct dht_endpoint *from);
/* Changes our id if need be; returns when it wants to run next. Not while a look-up is on the
 * stack: the tables are made anew. */
uint64_t dht_presence_run(struct dht *dht, uint64_t now);

#endif
