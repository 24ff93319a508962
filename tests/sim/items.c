/* What one node of a simulation keeps for others. */
#undef NDEBUG
#include "tests/sim/items.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void sim_items_finish(struct sim_items *items)
{
	for (size_t i = 0; i < items->cap; i++)
		free(items->slots[i]);
	free(items->slots);
	*items = (struct sim_items){0};
}

/* Where it is, or would be. Targets kept by one node share their first bytes, not the last. */
static struct sim_kept **slot_of(const struct sim_items *items, const struct dht_id *target)
{
	uint32_t hash;
	memcpy(&hash, target->b + DHT_ID_LEN - sizeof(hash), sizeof(hash));
	size_t at = hash & (items->cap - 1);
	while (items->slots[at] && !dht_id_equal(&items->slots[at]->target, target))
		at = (at + 1) & (items->cap - 1);
	return &items->slots[at];
}

static void grow(struct sim_items *items)
{
	struct sim_items grown = {.cap = items->cap ? items->cap * 2 : 8, .len = items->len};
	grown.slots = calloc(grown.cap, sizeof(grown.slots[0]));
	assert(grown.slots);
	for (size_t i = 0; i < items->cap; i++)
		if (items->slots[i])
			*slot_of(&grown, &items->slots[i]->target) = items->slots[i];
	free(items->slots);
	*items = grown;
}

const struct dht_item *sim_items_find(
	const struct sim_items *items, const struct dht_id *target, uint64_t now)
{
	const struct sim_kept *kept = items->cap ? *slot_of(items, target) : NULL;
	return kept && kept->until > now ? &kept->item : NULL;
}

void sim_items_keep(struct sim_items *items, const struct dht_id *target,
	const struct dht_item *item, uint64_t until)
{
	if (2 * (items->len + 1) > items->cap)
		grow(items);
	struct sim_kept **slot = slot_of(items, target);
	if (!*slot) {
		*slot = calloc(1, sizeof(**slot));
		assert(*slot);
		(*slot)->target = *target;
		items->len++;
	}
	(*slot)->item = *item;
	(*slot)->until = until;
}
