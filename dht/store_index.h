/* What the store holds, in memory: one entry an item, without the item itself, so that a miss, a
 * byte-identical refresh and the choice of what gives way need no disk. For dht/store*.c only.
 *
 * An entry's worth decides who stays when the store is full:
 *
 *   the bits that its target shares with our own id (others look for it here only then),
 *   + 4 for each network that put it: a token has proved that address,
 *   + 1 for each network that asked for it, 8 at most: without limits that address may be
 *     forged, and 8 bits of nearness cost whoever makes up a target 256 hashes anyway.
 *
 * So junk has to be many times the size of the store to push out what is near, and cannot push out
 * what many use, whatever its number. What we ourselves put is worth more than any of it.
 *
 * Networks (a /24, a /64, or an endpoint where addresses are not people) are counted in 32 bits by
 * a keyed hash: an estimate that is never too high. */
#ifndef DHT_STORE_INDEX_H
#define DHT_STORE_INDEX_H

#include "dht/id.h"

#define STORE_SECRET_LEN 16
#define STORE_NONE UINT32_MAX /* no entry */
#define STORE_WORTH_OWN 255
/* Cells in which the items of a host or a network are counted: two of 20,000 sources that share
 * one are counted together, which matters only when one of them is at its limit. */
#define STORE_CELLS 65536

/* Where an item came from: cells, and the bit of its network. */
struct store_source {
	bool ours;
	uint16_t host, net;
	uint32_t bit;
};

struct store_link {
	uint32_t prev, next;
};

struct store_entry {
	struct dht_id target;
	uint16_t host, net; /* who brought it first, and is charged while it lives */
	uint16_t bytes;
	bool ours;
	bool charged;	   /* to host and net: not what is ours, nor what an older kadns took */
	bool in_file;	   /* there is a row, perhaps of an earlier value */
	bool known_better; /* puts or asks are more than the file knows */
	uint8_t worth;
	uint32_t slot;	 /* where the item waits to be written (store_gathered), or STORE_NONE */
	uint64_t digest; /* keyed, of the whole item */
	int64_t expires;
	int64_t written;     /* the expiry that the file knows */
	uint32_t puts, asks; /* a bit a network */
	uint32_t chain;	     /* the next of the same hash */
	struct store_link age, rank;
};

struct store_list {
	uint32_t first, last;
};

/* The items of one worth, the longest there first. */
struct store_rank {
	struct store_list list;
	size_t len, bytes;
};

struct store_index {
	struct dht_id own;
	uint8_t secret[STORE_SECRET_LEN];
	struct store_entry *entries;
	uint32_t cap, free; /* free: the first unused, chained */
	uint32_t *chains;   /* a power of two of them */
	uint32_t chains_mask;
	struct store_list ages; /* the first to expire first */
	struct store_rank ranks[STORE_WORTH_OWN + 1];
	uint16_t *hosts, *nets; /* STORE_CELLS each */
	size_t len, bytes;
};

/* For about `items_max` entries; who has not got the secret cannot choose targets that are slow to
 * find. -ENOMEM. */
int store_index_init(
	struct store_index *index, size_t items_max, const uint8_t secret[STORE_SECRET_LEN]);
void store_index_finish(struct store_index *index);
size_t store_index_memory(const struct store_index *index);

uint32_t store_index_find(const struct store_index *index, const struct dht_id *target);
/* Takes all from `like` but its worth and what the index is for. The target is not there yet.
 * STORE_NONE: no memory. */
uint32_t store_index_add(struct store_index *index, const struct store_entry *like);
void store_index_remove(struct store_index *index, uint32_t at);
/* It lives until `expires`, later than any other. */
void store_index_renew(struct store_index *index, uint32_t at, int64_t expires);
/* puts or asks have changed. */
void store_index_rank(struct store_index *index, uint32_t at);
/* After many were added in no order: the first to expire first. -ENOMEM: they stay as they are. */
int store_index_sort(struct store_index *index);
/* Everything is ranked anew by another own id. */
void store_index_move(struct store_index *index, const struct dht_id *own);

/* What a newcomer would be worth. */
uint8_t store_index_worth(const struct store_index *index, const struct store_entry *e);
/* The entry that gives way first, `except` left out; STORE_NONE when there is none. */
uint32_t store_index_least(const struct store_index *index, uint32_t except);
/* What stands there that is worth no more than that, `except` left out. */
void store_index_below(const struct store_index *index, uint8_t worth, uint32_t except,
	size_t *ret_items, size_t *ret_bytes);

#endif
