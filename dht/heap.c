/* A binary heap of what is due. */
#include "dht/heap.h"

#include <stdlib.h>

void dht_heap_finish(struct dht_heap *h)
{
	free(h->list);
	*h = (struct dht_heap){0};
}

static void place(struct dht_heap *h, size_t at, struct dht_due *d)
{
	h->list[at] = d;
	d->place = at;
}

static void sift_up(struct dht_heap *h, struct dht_due *d)
{
	size_t at = d->place;
	for (size_t up; at > 0 && h->list[up = (at - 1) / 2]->at > d->at; at = up)
		place(h, at, h->list[up]);
	place(h, at, d);
}

static void sift_down(struct dht_heap *h, struct dht_due *d)
{
	size_t at = d->place;
	for (size_t down; (down = 2 * at + 1) < h->len; at = down) {
		if (down + 1 < h->len && h->list[down + 1]->at < h->list[down]->at)
			down++;
		if (h->list[down]->at >= d->at)
			break;
		place(h, at, h->list[down]);
	}
	place(h, at, d);
}

bool dht_heap_reserve(struct dht_heap *h, size_t len)
{
	if (len <= h->cap)
		return true;
	size_t cap = h->cap ? h->cap : 16;
	while (cap < len)
		cap *= 2;
	struct dht_due **grown = realloc(h->list, cap * sizeof(*grown));
	if (!grown)
		return false;
	h->list = grown;
	h->cap = cap;
	return true;
}

void dht_heap_add(struct dht_heap *h, struct dht_due *d, uint64_t at)
{
	d->at = at;
	place(h, h->len++, d);
	sift_up(h, d);
}

void dht_heap_remove(struct dht_heap *h, struct dht_due *d)
{
	struct dht_due *last = h->list[--h->len];
	if (last == d)
		return;
	place(h, d->place, last);
	sift_up(h, last);
	sift_down(h, last);
}

void dht_heap_move(struct dht_heap *h, struct dht_due *d, uint64_t at)
{
	d->at = at;
	sift_up(h, d);
	sift_down(h, d);
}
