/* What a node keeps for others, on disk: BEP 44 items with the time they expire, the
 * routing table for a warm start, and the node's own id. SQLite, one connection, which owns
 * writes and checkpoints. Guests' data only: the user's own records live in a file of
 * their own (resolver/own), which no stranger can fill.
 *
 * An index in memory says what is held, so that a miss and a byte-identical refresh touch no disk
 * (store_index.h; it also says who gives way when the store is full). Writes are gathered in memory
 * and committed by `dht_store_flush`, which the loop calls once a second at most; what a crash
 * loses of them, the publishers put again. A kill alone loses the last second, and of the life that
 * refreshes have given to items a sixteenth; a power cut may lose a few more seconds, never the
 * file's sense (WAL, synchronous=NORMAL).
 *
 * A disk that is full, or fails, costs nothing that was acknowledged: what is gathered stays, is
 * found, and is committed when that succeeds again. It is bounded (store_gathered.h); beyond that
 * puts are refused with the disk's error.
 *
 * Time is `steady`: microseconds on a clock that nobody sets while we run. What it has to do with
 * the time of day is known to dht_store_begin and dht_store_flush only, so a clock that is set by
 * ten years neither expires items nor keeps them for ever.
 *
 * The file is not trusted: a row whose lengths or target do not hold is as good as absent.
 * Signatures are not verified again, since whoever reads an item verifies it. */
#ifndef DHT_STORE_H
#define DHT_STORE_H

#include "dht/dht.h"

struct dht_store;

#define DHT_STORE_ITEMS_MAX 20000
#define DHT_STORE_BYTES_MAX (20 << 20) /* on disk; of memory an item takes some 100 bytes */
#define DHT_STORE_LIFETIME (2 * 3600)  /* seconds without a new put, BEP 44 */
#define DHT_STORE_LIFETIME_PRIVATE                                                                 \
	(7 * 86400) /* on a network of one's own nobody else re-puts                               \
		     * for a publisher who is away: the records of a                               \
		     * claim are valid that long */

struct dht_store_config {
	int64_t lifetime; /* seconds */
	/* An address is a person: one may have a hundredth of the items, its /24 (/64) a
	 * twenty-fifth, counted from the first put of an item until it is gone. */
	bool limits;
	size_t items_max, bytes_max; /* 0: as above */
};

/* Opens or makes DIR/guests.db, mode 0600. -EBADMSG: not a database of ours or a damaged one
 * (the caller says so in one line and ends); -EBUSY: another daemon holds it. */
int dht_store_open(
	const char *path, const struct dht_store_config *config, struct dht_store **ret_store);
void dht_store_close(struct dht_store *store); /* flushes; NULL is fine */

/* Said once before the first use: the clocks now. 0 or a read error; what cannot be written yet is
 * written by the first flush that succeeds. Time that has passed since the store was last
 * flushed counts for the items, if it is believable. If the clock has gone back meanwhile, no
 * time has passed; if it has gone on by more than a lifetime, which was either a long absence or a
 * clock set wrong, what was left of an item's life counts, but an hour at most: within that hour
 * publishers put again what is still wanted. */
int dht_store_begin(struct dht_store *store, int64_t steady, int64_t wall);
/* Our id, as often as it changes: what is near to it stays longest. */
void dht_store_near(struct dht_store *store, const struct dht_id *own);

/* What struct dht_ops has of them. find ignores expired items. */
int dht_store_find(struct dht_store *store, const struct dht_id *target,
	const struct dht_endpoint *from, int64_t steady, struct dht_item *ret_item);
/* 0; -EDQUOT: this source has its share; -ENOSPC: full of what is worth more; the error of the last
 * commit: it failed, and there is no memory for more that waits. */
int dht_store_keep(struct dht_store *store, const struct dht_id *target,
	const struct dht_item *item, const struct dht_endpoint *from, int64_t steady);
int dht_store_renew(struct dht_store *store, const struct dht_id *target,
	const struct dht_item *item, const struct dht_endpoint *from, int64_t steady);
/* Commits what is gathered and deletes what has expired, 2,000 items a call at most. On an error
 * all of it stays gathered, none of it is in the file: call again later. */
int dht_store_flush(struct dht_store *store, int64_t steady, int64_t wall);

struct dht_store_counters {
	size_t items, bytes; /* held */
	size_t memory; /* that the store has taken for index, cache and what waits; SQLite's is not
			* in it */
	uint64_t refreshes; /* byte-identical puts */
	uint64_t evictions; /* that made room for others */
	uint64_t refused_quota, refused_full;
	uint64_t reads; /* items read from disk */
	uint64_t commits;
};
void dht_store_count(const struct dht_store *store, struct dht_store_counters *ret_counters);
size_t dht_store_items(const struct dht_store *store);

/* The table of the last run, in the order it was saved in. save replaces all of it or, on an error,
 * nothing. */
int dht_store_save_nodes(struct dht_store *store, const struct dht_contact *nodes, size_t len);
int dht_store_load_nodes(
	struct dht_store *store, struct dht_contact *ret_nodes, size_t cap, size_t *ret_len);
/* This node's id: made from `random` on first use, then the same until it is set. 0 or a read
 * error. Where it cannot be written a later flush does it. */
int dht_store_own_id(
	struct dht_store *store, const uint8_t random[DHT_ID_LEN], struct dht_id *ret_id);
/* It is this one from now on, here (as by dht_store_near) and, by a commit, in the file. On an
 * error a later flush writes it. */
int dht_store_set_own_id(struct dht_store *store, const struct dht_id *id);

#endif
