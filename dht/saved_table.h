/* The table of nodes, saved in the store so that the next start is warm: every five minutes, when
 * it has doubled, and at the end. For dht/udp.c only. */
#ifndef DHT_SAVED_TABLE_H
#define DHT_SAVED_TABLE_H

#include "dht/dht.h"
#include "dht/store.h"

struct event;
struct event_base;

struct dht_saved_table {
	struct dht *dht;
	struct dht_store *store;
	struct event *save;
	size_t len;	/* nodes in the saved table */
	bool soon;	/* it is about to be replaced */
	uint64_t retry; /* where the store refuses: when it is asked again, doubled each time */
};

/* Offers `dht` the nodes of the last run. -ENOMEM. */
int dht_saved_table_start(struct dht_saved_table *saved, struct event_base *base, struct dht *dht,
	struct dht_store *store);
/* Saves once more, if it was started. */
void dht_saved_table_stop(struct dht_saved_table *saved);
/* The table may have grown. */
void dht_saved_table_note(struct dht_saved_table *saved);

#endif
