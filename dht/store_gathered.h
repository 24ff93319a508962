/* What the file of the store does not know yet: items that were put, whole, and the targets whose
 * rows have to go. For dht/store*.c only.
 *
 * Nothing is forgotten before it is committed, so a disk that is full for an hour costs no item
 * that was acknowledged. Items are bounded in number and bytes: when there are as many, they are
 * committed, or no more are taken. Rows that have to go are at most as many as there are rows. */
#ifndef DHT_STORE_GATHERED_H
#define DHT_STORE_GATHERED_H

#include "dht/item.h"
#include "dht/store_index.h"
#include "dht/store_rows.h"

#define STORE_GATHERED_MAX 8192		   /* to write them all takes some 100 ms */
#define STORE_GATHERED_BYTES_MAX (4 << 20) /* of memory */

struct store_put {
	uint32_t at;	       /* its entry */
	struct dht_item *item; /* no longer than its value: `value` is cut short */
};

struct store_gathered {
	struct store_put *puts; /* STORE_GATHERED_MAX of them */
	uint32_t len;
	size_t bytes;
	struct dht_id *gone;
	size_t gone_len, gone_cap;
};

int store_gathered_init(struct store_gathered *g); /* -ENOMEM */
void store_gathered_finish(struct store_gathered *g);
size_t store_gathered_memory(const struct store_gathered *g);

/* No item of any size fits any more. */
bool store_gathered_full(const struct store_gathered *g);
/* The entry has been made just now. There is room. -ENOMEM. */
int store_gathered_add(
	struct store_gathered *g, struct store_index *x, uint32_t at, const struct dht_item *item);
/* The item of an entry that waits (its `slot` is not STORE_NONE). */
void store_gathered_get(
	const struct store_gathered *g, const struct store_entry *e, struct dht_item *ret_item);
/* The entry's item, if it waits, need not be written. */
void store_gathered_drop(struct store_gathered *g, struct store_index *x, uint32_t at);
/* The row there has to go. -ENOMEM. */
int store_gathered_gone(struct store_gathered *g, const struct dht_id *target);

/* Into a transaction that has begun; and once that is committed. */
int store_gathered_write(
	const struct store_gathered *g, const struct store_index *x, struct store_rows *rows);
void store_gathered_written(struct store_gathered *g, struct store_index *x);

#endif
