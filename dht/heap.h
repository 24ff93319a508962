/* What is due at some time, the first of all on top: a binary heap. Who waits in one begins with a
 * struct dht_due, so that a pointer to that is a pointer to it. */
#ifndef DHT_HEAP_H
#define DHT_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dht_due {
	uint64_t at;
	size_t place; /* in the list */
};

struct dht_heap {
	struct dht_due **list; /* [0] is the first due */
	size_t len, cap;
};

void dht_heap_finish(struct dht_heap *h);
/* Room for so many, so that adding them cannot fail. False: no memory. */
bool dht_heap_reserve(struct dht_heap *h, size_t len);
/* There is room. */
void dht_heap_add(struct dht_heap *h, struct dht_due *d, uint64_t at);
void dht_heap_remove(struct dht_heap *h, struct dht_due *d);
/* It is in there, and is due then instead. */
void dht_heap_move(struct dht_heap *h, struct dht_due *d, uint64_t at);

static inline uint64_t dht_heap_due(const struct dht_heap *h) /* UINT64_MAX: it is empty */
{
	return h->len ? h->list[0]->at : UINT64_MAX;
}

#endif
