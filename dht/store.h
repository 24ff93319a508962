/* What a node keeps for others, on disk: BEP 44 items with the time they expire, the
 * routing table for a warm start, and the node's own id. SQLite, one connection, which owns
 * writes and checkpoints. Guests' data only: the user's own records live in a file of
 * their own (resolver/own), which no stranger can fill.
 *
 * Writes are gathered and committed by `dht_store_flush`, which the loop calls once a
 * second at most; what a crash loses of them, the publishers put again. A kill alone loses the
 * last second; a power cut may lose a few more, never the file's sense (WAL, synchronous=NORMAL).
 *
 * The file is not trusted: a row whose lengths or target do not hold is as good as absent.
 * Signatures are not verified again, since whoever reads an item verifies it. */
#ifndef DHT_STORE_H
#define DHT_STORE_H

#include "dht/dht.h"

struct dht_store;

#define DHT_STORE_ITEMS_MAX 20000     /* about 25 MB */
#define DHT_STORE_LIFETIME (2 * 3600) /* seconds without a new put, BEP 44 */
#define DHT_STORE_LIFETIME_PRIVATE                                                                 \
	(7 * 86400) /* on a network of one's own nobody else re-puts                               \
		     * for a publisher who is away: the records of a                               \
		     * claim are valid that long */

/* Opens or makes DIR/guests.db, mode 0600. -EBADMSG: not a database of ours or a damaged one
 * (the caller says so in one line and ends); -EBUSY: another daemon holds it. */
int dht_store_open(const char *path, int64_t lifetime_seconds, struct dht_store **ret_store);
void dht_store_close(struct dht_store *store); /* flushes; NULL is fine */

/* The two halves of struct dht_ops. `wall` is in microseconds. find ignores expired items. */
int dht_store_find(struct dht_store *store, const struct dht_id *target, int64_t wall,
	struct dht_item *ret_item);
/* 0 or a write error. At DHT_STORE_ITEMS_MAX the item that would expire first makes room. */
int dht_store_keep(struct dht_store *store, const struct dht_id *target,
	const struct dht_item *item, int64_t wall);
/* Commits what is gathered and deletes what has expired. An expiry farther off than a lifetime,
 * left by a clock that was wrong, is brought back to one. On an error what is gathered stays
 * gathered where SQLite can hold it: call again later. */
int dht_store_flush(struct dht_store *store, int64_t wall);
size_t dht_store_items(const struct dht_store *store);

/* The table of the last run, in the order it was saved in. save replaces all of it or, on an error,
 * nothing. */
int dht_store_save_nodes(struct dht_store *store, const struct dht_contact *nodes, size_t len);
int dht_store_load_nodes(
	struct dht_store *store, struct dht_contact *ret_nodes, size_t cap, size_t *ret_len);
/* This node's id: made from `random` on first use, then the same for ever. */
int dht_store_own_id(
	struct dht_store *store, const uint8_t random[DHT_ID_LEN], struct dht_id *ret_id);

#endif
