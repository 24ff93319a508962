/* The zone of a key, looked up: on the DHT, and at relays while that does not answer.
 *
 * The DHT is asked in any case, so that it is heard of again as soon as it can be. A relay is asked
 * where the DHT is known to be silent, or has been for a second: nobody answered anything then;
 * what it says does not wait for the DHT as long as that stays silent. What both say is told, and
 * the newest counts. */
#ifndef RESOLVER_ZONE_LOOKUP_H
#define RESOLVER_ZONE_LOOKUP_H

#include "dht/dht.h"

struct event_base;
struct zone_held;
struct zone_relays;
struct zone_lookup;

struct zone_lookup_config {
	struct event_base *base;
	struct dht *dht;
	struct zone_relays *relays; /* NULL: none */
	struct dht_allowance *allowance; /* what the DHT may cost; NULL: no question's */
	struct zone_held *held; /* what was read a moment ago need not be sent; NULL: all is */
	bool fresh; /* relays are to say what the DHT has now: something is built on it */
};
/* As dht_get_mutable and its callback; a relay's item is `from` NULL. At the end, where a relay has
 * answered, result->error is 0 though the DHT is silent. */
int zone_lookup(const struct zone_lookup_config *config, const uint8_t key[DHT_KEY_LEN],
	dht_get_fn *fn, void *ctx, struct zone_lookup **ret_lookup);
/* For one that was just made: as dht_get_unless. */
void zone_lookup_unless(struct zone_lookup *l, const struct dht_item *held);
void zone_lookup_cancel(struct zone_lookup *l); /* no callback afterwards; NULL is fine */
/* In the last callback: the relay without which there were no answer, its URL; NULL: none. */
const char *zone_lookup_relay(const struct zone_lookup *l);

#endif
