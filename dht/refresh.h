/* One refresh of an item that is ours: who of the nearest still holds it is asked first, and only
 * those that lack it, or may soon forget it, are sent the same bytes once more.
 *
 * BEP 44 has nodes forget an item two hours after its last put, and lets a publisher rest while the
 * nearest all hold it, since others re-put as well. Nobody but us puts our items, so resting alone
 * would let all copies end together. So some copies are always renewed in time; the others are left
 * alone, and show at the next look whether their nodes keep longer than they must. */
#ifndef DHT_REFRESH_H
#define DHT_REFRESH_H

#include "dht/dht.h"

struct dht_lookup;

/* Fewer copies than this are close to none. */
#define DHT_REFRESH_FEW 3

struct dht_copy {
	struct dht_contact at;
	uint64_t put;	/* when we last put it there, monotonic; 0: before we knew of it */
	uint64_t until; /* it is not forgotten before, as far as we can tell */
};

struct dht_refresh {
	/* Of the last refresh: the nearest that held it then, who are asked first now. */
	struct dht_copy *copies;
	size_t copies_len;

	uint64_t put;	   /* when copies were put that are not among these; 0: unknown */
	uint64_t since;	   /* from then on nobody put it but by this refresh */
	uint64_t lifetime; /* nodes promise that much after a put */
	uint64_t goal;	   /* so long from now the item shall last ... */
	unsigned safe;	   /* ... at so many nodes */
	unsigned width;	   /* of the nearest that answer so many are looked at */
	unsigned rescue;   /* put at so many when fewer than DHT_REFRESH_FEW have it */

	/* Once ids were made up around it. Whoever says that he still holds it may be a liar then,
	 * who would have others let their copies lapse: each of the eight has it put in time. */
	bool crowded;

	/* What the refresh found. */
	uint64_t lasts;		 /* `safe` copies are not forgotten before; 0: nobody answered */
	unsigned expected, lost; /* copies that should have been there, and those that were not */
};

/* `item` verifies, the caller knows. `r` is the caller's; it stays until the look-up has ended. The
 * result: holders had it, stored took it now. With a seq_seen above the item's, or contested, there
 * is another value, and nothing was stored. -EBUSY, -ENOMEM. */
int dht_refresh(struct dht *dht, const struct dht_item *item, struct dht_refresh *r, dht_put_fn *fn,
	void *ctx, struct dht_lookup **ret_lookup);
void dht_refresh_finish(struct dht_refresh *r);

/* For put.c and lookup.c: the nodes remembered become candidates; the search is over: false when
 * nothing is to be stored; the whole is over. */
void dht_refresh_begin(struct dht_lookup *l);
bool dht_refresh_choose(struct dht_lookup *l);
/* How many of the nearest it is about: all eight where ids were made up. */
unsigned dht_refresh_width(const struct dht_lookup *l);
void dht_refresh_end(struct dht_lookup *l);

#endif
