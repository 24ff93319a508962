/* What dht/table_place.c (who has a place) offers dht/table.c (what is heard of whom). */
#ifndef DHT_TABLE_INSIDE_H
#define DHT_TABLE_INSIDE_H

#include "dht/table.h"

/* Silences after which a spare takes the place: two may be loss. */
#define FAILURES_REPLACED 3

struct dht_node *table_find(const struct dht_table *t, const struct dht_contact *c);
struct dht_node *table_find_id(const struct dht_table *t, const struct dht_id *id);
/* The node that holds this address under whatever id. */
struct dht_node *table_find_address(const struct dht_table *t, const struct dht_endpoint *e);
/* May another of its subnet come in? Where one is in the bucket already, only for that one. */
bool table_subnet_has_room(
	const struct dht_table *t, const struct dht_node *fresh, struct dht_node **ret_fellow);
/* True when the node is in the table, not only a spare. */
bool table_insert(struct dht_table *t, const struct dht_node *node);
/* The place stays free until `fill` gives it to a spare; that takes the id that was there. */
void table_take_out(struct dht_table *t, struct dht_node *node);
void table_fill(struct dht_table *t, const struct dht_id *id);

#endif
