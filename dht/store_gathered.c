/* What the file of the store does not know yet; see store_gathered.h. */
#include "dht/store_gathered.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int store_gathered_init(struct store_gathered *g)
{
	*g = (struct store_gathered){.puts = malloc(STORE_GATHERED_MAX * sizeof(*g->puts))};
	return g->puts ? 0 : -ENOMEM;
}

void store_gathered_finish(struct store_gathered *g)
{
	for (uint32_t i = 0; i < g->len; i++)
		free(g->puts[i].item);
	free(g->puts);
	free(g->gone);
	*g = (struct store_gathered){0};
}

size_t store_gathered_memory(const struct store_gathered *g)
{
	return STORE_GATHERED_MAX * sizeof(*g->puts) + g->bytes + g->gone_cap * sizeof(*g->gone);
}

static size_t size_of(const struct dht_item *item)
{
	return offsetof(struct dht_item, value) + item->value_len;
}

bool store_gathered_full(const struct store_gathered *g)
{
	return g->len == STORE_GATHERED_MAX ||
	       g->bytes > STORE_GATHERED_BYTES_MAX - sizeof(struct dht_item);
}

int store_gathered_add(
	struct store_gathered *g, struct store_index *x, uint32_t at, const struct dht_item *item)
{
	struct dht_item *copy = malloc(size_of(item));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, item, size_of(item));
	x->entries[at].slot = g->len;
	g->puts[g->len++] = (struct store_put){at, copy};
	g->bytes += size_of(item);
	return 0;
}

void store_gathered_get(
	const struct store_gathered *g, const struct store_entry *e, struct dht_item *ret_item)
{
	const struct dht_item *item = g->puts[e->slot].item;
	*ret_item = (struct dht_item){0};
	memcpy(ret_item, item, size_of(item));
}

void store_gathered_drop(struct store_gathered *g, struct store_index *x, uint32_t at)
{
	uint32_t slot = x->entries[at].slot;
	if (slot == STORE_NONE)
		return;
	g->bytes -= size_of(g->puts[slot].item);
	free(g->puts[slot].item);
	g->puts[slot] = g->puts[--g->len];
	x->entries[g->puts[slot].at].slot = slot;
	x->entries[at].slot = STORE_NONE;
}

int store_gathered_gone(struct store_gathered *g, const struct dht_id *target)
{
	if (g->gone_len == g->gone_cap) {
		size_t cap = g->gone_cap ? 2 * g->gone_cap : 64;
		struct dht_id *gone = realloc(g->gone, cap * sizeof(*gone));
		if (!gone)
			return -ENOMEM;
		g->gone = gone;
		g->gone_cap = cap;
	}
	g->gone[g->gone_len++] = *target;
	return 0;
}

/* What has gone comes first: the same target may have been put anew. */
int store_gathered_write(
	const struct store_gathered *g, const struct store_index *x, struct store_rows *rows)
{
	int r = 0;
	for (size_t i = 0; i < g->gone_len && r == 0; i++)
		r = store_rows_remove(rows, &g->gone[i]);
	for (uint32_t i = 0; i < g->len && r == 0; i++)
		r = store_rows_write(rows, &x->entries[g->puts[i].at], g->puts[i].item);
	return r;
}

void store_gathered_written(struct store_gathered *g, struct store_index *x)
{
	for (uint32_t i = 0; i < g->len; i++) {
		struct store_entry *e = &x->entries[g->puts[i].at];
		e->slot = STORE_NONE;
		e->in_file = true;
		e->known_better = false;
		e->written = e->expires;
		free(g->puts[i].item);
	}
	g->len = 0;
	g->bytes = 0;
	g->gone_len = 0;
}
