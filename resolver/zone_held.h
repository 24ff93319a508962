/* Parts of zones that were read from the DHT a moment ago. Who asks again for what he holds names
 * its `seq` (BEP 44), and nodes that have nothing newer send no value: of a re-ask, every minute
 * for each name in use, that is nine tenths of the bytes.
 *
 * Bounded, and forgetful: what shares a place takes it. Without it all is sent, as for the first
 * time. */
#ifndef RESOLVER_ZONE_HELD_H
#define RESOLVER_ZONE_HELD_H

#include "dht/item.h"

#define ZONE_HELD_MAX 256 /* parts, 1.2 kB each */
/* Then all is read anew. Of two versions of one seq, which only copies of a daemon sign, the larger
 * bytes win: who asks by seq is not told of them. */
#define ZONE_HELD_FOR (UINT64_C(600) * 1000000)

struct zone_held;

/* NULL: no memory. */
struct zone_held *zone_held_create(uint64_t seed);
void zone_held_destroy(struct zone_held *h); /* NULL is fine */
/* The part of this key and salt, at `now` (monotonic, microseconds). NULL: none. It stands until
 * the next call. */
const struct dht_item *zone_held_find(const struct zone_held *h, const uint8_t key[DHT_KEY_LEN],
	const uint8_t *salt, size_t salt_len, uint64_t now);
/* It is the newest that was read. */
void zone_held_keep(struct zone_held *h, const struct dht_item *item, uint64_t now);

#endif
