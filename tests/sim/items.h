/* What one node of a simulation keeps for others: a hash table by target, in memory. */
#ifndef SIM_ITEMS_H
#define SIM_ITEMS_H

#include "dht/item.h"

struct sim_kept {
	struct dht_id target;
	uint64_t until;
	struct dht_item item;
};

struct sim_items {
	struct sim_kept **slots; /* a power of two, at most half of them used */
	size_t len, cap;
};

void sim_items_finish(struct sim_items *items);
/* NULL: not there, or older than `now` allows. */
const struct dht_item *sim_items_find(
	const struct sim_items *items, const struct dht_id *target, uint64_t now);
void sim_items_keep(struct sim_items *items, const struct dht_id *target,
	const struct dht_item *item, uint64_t until);

#endif
