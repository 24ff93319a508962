/* What the store remembers of items and of those who send them: keyed hashes, the key the file's
 * own. For dht/store*.c only. */
#ifndef DHT_STORE_SECRET_H
#define DHT_STORE_SECRET_H

#include "dht/item.h"
#include "dht/store_index.h"

/* Of the whole item, never 0. Keyed, so that nobody can make two items of one digest; if it
 * happened by chance, a refresh of the one would lengthen the life of the other, and no more. */
uint64_t store_digest(const uint8_t secret[STORE_SECRET_LEN], const struct dht_item *item);
/* NULL: we ourselves. `limits`: an address is a person, and its /24 or /64 a network; else all may
 * have one address, and its port tells them apart. */
struct store_source store_source(
	const uint8_t secret[STORE_SECRET_LEN], bool limits, const struct dht_endpoint *from);

#endif
