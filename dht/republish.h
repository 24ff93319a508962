/* When items of ours are refreshed, and how much that may cost.
 *
 *   waiting     for its time, in a heap: the one that is due first, and so waits longest, is next
 *   refreshing  a look-up is under way (refresh.h)
 *   resting     the network has something newer, or another value of the same seq: its owner has
 *               to act
 *
 * An interval is the longest that lets the item outlast it, by what is known of its copies, and in
 * which no more than a fifth of all copies fall out (nodes leave: what is measured at all items
 * holds for each); it halves when more of the item's own did, and doubles while none does. It
 * begins short, where the budget allows, until that is known. Times are jittered, so that what was
 * written together does not come back together.
 *
 * All refreshes share one budget of bytes sent; republish_plan.h says what that allows.
 */
#ifndef DHT_REPUBLISH_H
#define DHT_REPUBLISH_H

#include "dht/heap.h"
#include "dht/refresh.h"

struct dht_published;

struct dht_republish {
	struct dht_republish_limits limits;
	struct dht_heap heap;	   /* the waiting ones */
	struct dht_published *all; /* a list */
	size_t items;
	uint64_t put_bytes; /* of one put of each item, about */
	unsigned running;
	/* Of the copies looked at lately: how many there were, for how long all together, and how
	 * many had gone before their time. */
	uint64_t expected, exposed, lost;
	uint64_t free_at;  /* the budget is spent until then */
	uint64_t hastened; /* last; 0: never */
};

void dht_republish_init(struct dht *dht);
void dht_republish_finish(struct dht *dht);
/* Starts what is due and within the budget. */
void dht_republish_run(struct dht *dht, uint64_t now);
/* Many nodes have come, who may be nearest to items of ours and have them not, or older: all are
 * looked at again soon, in their order and as fast as the budget allows. */
void dht_republish_hasten(struct dht *dht, uint64_t now);
uint64_t dht_republish_due(const struct dht *dht); /* UINT64_MAX: nothing waits */

#endif
