/* What the store holds, in memory; see store_index.h. */
#include "dht/store_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dht/siphash.h"

#define PUT_WORTH 4
#define ASKS_WORTH_MAX 8
#define NEAR_WORTH_MAX 64 /* nobody makes up a target that is nearer than that */
#define ENTRIES_FIRST 256 /* a young store is small */

/* A target is a hash, but whoever makes it up may choose among many: so one that is keyed. */
static uint32_t *chain_of(const struct store_index *x, const struct dht_id *target)
{
	return &x->chains[dht_siphash(x->secret, target->b, DHT_ID_LEN) & x->chains_mask];
}

static struct store_link *age_of(struct store_index *x, uint32_t at)
{
	return &x->entries[at].age;
}

static struct store_link *rank_of(struct store_index *x, uint32_t at)
{
	return &x->entries[at].rank;
}

typedef struct store_link *link_fn(struct store_index *x, uint32_t at);

static void append(struct store_index *x, struct store_list *list, link_fn *link, uint32_t at)
{
	*link(x, at) = (struct store_link){list->last, STORE_NONE};
	if (list->last == STORE_NONE)
		list->first = at;
	else
		link(x, list->last)->next = at;
	list->last = at;
}

static void unlink_from(struct store_index *x, struct store_list *list, link_fn *link, uint32_t at)
{
	struct store_link l = *link(x, at);
	if (l.prev == STORE_NONE)
		list->first = l.next;
	else
		link(x, l.prev)->next = l.next;
	if (l.next == STORE_NONE)
		list->last = l.prev;
	else
		link(x, l.next)->prev = l.prev;
}

int store_index_init(
	struct store_index *x, size_t items_max, const uint8_t secret[STORE_SECRET_LEN])
{
	uint32_t chains = 64;
	while (chains < items_max)
		chains *= 2;
	static const struct store_list empty = {STORE_NONE, STORE_NONE};
	*x = (struct store_index){.chains_mask = chains - 1, .free = STORE_NONE, .ages = empty};
	for (size_t i = 0; i <= STORE_WORTH_OWN; i++)
		x->ranks[i].list = empty;
	memcpy(x->secret, secret, STORE_SECRET_LEN);
	x->chains = malloc(chains * sizeof(*x->chains));
	x->hosts = calloc(STORE_CELLS, sizeof(*x->hosts));
	x->nets = calloc(STORE_CELLS, sizeof(*x->nets));
	if (!x->chains || !x->hosts || !x->nets) {
		store_index_finish(x);
		return -ENOMEM;
	}
	memset(x->chains, 0xff, chains * sizeof(*x->chains)); /* STORE_NONE */
	return 0;
}

void store_index_finish(struct store_index *x)
{
	free(x->entries);
	free(x->chains);
	free(x->hosts);
	free(x->nets);
	*x = (struct store_index){0};
}

size_t store_index_memory(const struct store_index *x)
{
	return x->cap * sizeof(*x->entries) + ((size_t)x->chains_mask + 1) * sizeof(*x->chains) +
	       2 * STORE_CELLS * sizeof(*x->hosts);
}

static bool grow(struct store_index *x)
{
	uint32_t cap = x->cap ? 2 * x->cap : ENTRIES_FIRST;
	struct store_entry *entries = realloc(x->entries, cap * sizeof(*entries));
	if (!entries)
		return false;
	for (uint32_t i = x->cap; i < cap; i++)
		entries[i].chain = i + 1 < cap ? i + 1 : STORE_NONE;
	x->free = x->cap;
	x->entries = entries;
	x->cap = cap;
	return true;
}

uint32_t store_index_find(const struct store_index *x, const struct dht_id *target)
{
	uint32_t at = *chain_of(x, target);
	while (at != STORE_NONE && !dht_id_equal(&x->entries[at].target, target))
		at = x->entries[at].chain;
	return at;
}

static unsigned bits_of(uint32_t set)
{
	return (unsigned)__builtin_popcount(set);
}

uint8_t store_index_worth(const struct store_index *x, const struct store_entry *e)
{
	if (e->ours)
		return STORE_WORTH_OWN;
	unsigned near = dht_id_shared_bits(&x->own, &e->target), asks = bits_of(e->asks);
	return (uint8_t)((near < NEAR_WORTH_MAX ? near : NEAR_WORTH_MAX) +
			 PUT_WORTH * bits_of(e->puts) +
			 (asks < ASKS_WORTH_MAX ? asks : ASKS_WORTH_MAX));
}
_Static_assert(NEAR_WORTH_MAX + 32 * PUT_WORTH + ASKS_WORTH_MAX < STORE_WORTH_OWN,
	"no guest's item is worth as much as one of ours");

static void enter_rank(struct store_index *x, uint32_t at)
{
	const struct store_entry *e = &x->entries[at];
	struct store_rank *rank = &x->ranks[e->worth];
	append(x, &rank->list, rank_of, at);
	rank->len++;
	rank->bytes += e->bytes;
}

static void leave_rank(struct store_index *x, uint32_t at)
{
	const struct store_entry *e = &x->entries[at];
	struct store_rank *rank = &x->ranks[e->worth];
	unlink_from(x, &rank->list, rank_of, at);
	rank->len--;
	rank->bytes -= e->bytes;
}

uint32_t store_index_add(struct store_index *x, const struct store_entry *like)
{
	if (x->free == STORE_NONE && !grow(x))
		return STORE_NONE;
	uint32_t at = x->free;
	struct store_entry *e = &x->entries[at];
	x->free = e->chain;
	*e = *like;
	uint32_t *chain = chain_of(x, &e->target);
	e->chain = *chain;
	*chain = at;
	e->worth = store_index_worth(x, e);
	append(x, &x->ages, age_of, at);
	enter_rank(x, at);
	x->len++;
	x->bytes += e->bytes;
	if (e->charged) {
		x->hosts[e->host]++;
		x->nets[e->net]++;
	}
	return at;
}

void store_index_remove(struct store_index *x, uint32_t at)
{
	struct store_entry *e = &x->entries[at];
	uint32_t *chain = chain_of(x, &e->target);
	while (*chain != at)
		chain = &x->entries[*chain].chain;
	*chain = e->chain;
	unlink_from(x, &x->ages, age_of, at);
	leave_rank(x, at);
	x->len--;
	x->bytes -= e->bytes;
	if (e->charged) {
		x->hosts[e->host]--;
		x->nets[e->net]--;
	}
	e->chain = x->free;
	x->free = at;
}

void store_index_renew(struct store_index *x, uint32_t at, int64_t expires)
{
	x->entries[at].expires = expires;
	unlink_from(x, &x->ages, age_of, at);
	append(x, &x->ages, age_of, at);
}

void store_index_rank(struct store_index *x, uint32_t at)
{
	struct store_entry *e = &x->entries[at];
	uint8_t worth = store_index_worth(x, e);
	if (worth == e->worth)
		return;
	leave_rank(x, at);
	e->worth = worth;
	enter_rank(x, at);
}

static int by_expiry(const void *a, const void *b, void *entries)
{
	int64_t x = ((const struct store_entry *)entries)[*(const uint32_t *)a].expires;
	int64_t y = ((const struct store_entry *)entries)[*(const uint32_t *)b].expires;
	return (x > y) - (x < y);
}

int store_index_sort(struct store_index *x)
{
	uint32_t *order = malloc((x->len + 1) * sizeof(*order));
	size_t n = 0;
	if (!order)
		return -ENOMEM;
	for (uint32_t at = x->ages.first; at != STORE_NONE; at = x->entries[at].age.next)
		order[n++] = at;
	qsort_r(order, n, sizeof(*order), by_expiry, x->entries);
	x->ages = (struct store_list){STORE_NONE, STORE_NONE};
	for (size_t i = 0; i < n; i++)
		append(x, &x->ages, age_of, order[i]);
	free(order);
	return 0;
}

void store_index_move(struct store_index *x, const struct dht_id *own)
{
	if (dht_id_equal(&x->own, own))
		return;
	x->own = *own;
	for (uint32_t at = x->ages.first; at != STORE_NONE; at = x->entries[at].age.next)
		store_index_rank(x, at);
}

uint32_t store_index_least(const struct store_index *x, uint32_t except)
{
	for (size_t worth = 0; worth <= STORE_WORTH_OWN; worth++) {
		uint32_t at = x->ranks[worth].list.first;
		if (at == except && at != STORE_NONE)
			at = x->entries[at].rank.next;
		if (at != STORE_NONE)
			return at;
	}
	return STORE_NONE;
}

void store_index_below(const struct store_index *x, uint8_t worth, uint32_t except,
	size_t *ret_items, size_t *ret_bytes)
{
	size_t items = 0, bytes = 0;
	for (size_t i = 0; i <= worth; i++) {
		items += x->ranks[i].len;
		bytes += x->ranks[i].bytes;
	}
	if (except != STORE_NONE && x->entries[except].worth <= worth) {
		items--;
		bytes -= x->entries[except].bytes;
	}
	*ret_items = items;
	*ret_bytes = bytes;
}
