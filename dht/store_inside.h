/* What dht/store.c (what is taken, what gives way) and dht/store_life.c (from the file and back to
 * it) share. The rows are store_rows, what they do not know yet is store_gathered, what is known
 * without looking is store_index. The index is right at all times: it never has to be read from the
 * file again, whatever becomes of a commit. */
#ifndef DHT_STORE_INSIDE_H
#define DHT_STORE_INSIDE_H

#include "dht/store.h"
#include "dht/store_gathered.h"
#include "dht/store_index.h"
#include "dht/store_rows.h"

#define STORE_CACHE_SLOTS 512 /* items in memory: 600 kB */

struct cached {
	uint64_t digest; /* of the item; 0: none */
	struct dht_item item;
};

struct dht_store {
	struct store_rows *rows;
	struct store_index index;
	struct store_gathered gathered;
	struct cached *cache;
	uint8_t secret[STORE_SECRET_LEN];
	size_t items_max, bytes_max;
	bool limits;
	int64_t lifetime;	   /* microseconds */
	int64_t latest;		   /* the steady clock at the last call */
	int64_t flushed;	   /* at the last commit */
	struct store_state clocks; /* what the file is told of them with each commit */
	bool touch_all;		   /* each expiry is to be told as well: the clock is another one */
	bool own_unwritten;	   /* the file does not know index.own */
	int error;		   /* of the last commit */
	struct dht_store_counters counters;
};

/* A sum that cannot overflow, whatever the clock or the file says. */
static inline int64_t store_later(int64_t at, int64_t by)
{
	int64_t sum;
	if (!__builtin_add_overflow(at, by, &sum))
		return sum;
	return by > 0 ? INT64_MAX : INT64_MIN;
}

static inline int64_t store_between(int64_t from, int64_t to)
{
	int64_t difference;
	if (!__builtin_sub_overflow(to, from, &difference))
		return difference;
	return to > from ? INT64_MAX : INT64_MIN;
}

/* What an item takes on disk. */
uint16_t store_bytes_of(const struct dht_item *item);
/* Nothing lives longer than a lifetime from now, also where the clock of an earlier run, or of a
 * test, stood years ahead. */
void store_note_time(struct dht_store *store, int64_t steady);
/* -ENOMEM: it stays. */
int store_forget(struct dht_store *store, uint32_t at);
/* Evicts what has expired, and then what is worth least, until so much more fits; never what is
 * worth more than `worth`, nor `except`. -ENOSPC: nothing need go, since not all of it would do. */
int store_make_room(
	struct dht_store *store, size_t items, size_t bytes, uint8_t worth, uint32_t except);
/* All that the file does not know, or nothing of it. */
int store_commit(struct dht_store *store);

#endif
