/* What look-ups tell of the network: how dense it is. */
#include "dht/engine.h"

static void learn(struct dht_lookup *l, unsigned family)
{
	const struct dht_candidates *front = &l->fronts[family];
	struct dht_id nearest[DHT_ESTIMATE_NODES];
	size_t len = 0;
	for (size_t i = 0; i < front->len && len < DHT_ESTIMATE_NODES; i++)
		if (front->list[i].state == DHT_ANSWERED)
			nearest[len++] = front->list[i].node.contact.id;
	/* A bad moment is not a small network. */
	if (len < DHT_ESTIMATE_NODES && dht_table_good(&l->dht->tables[family]) > len)
		return;
	dht_estimate_add(&l->dht->estimates[family], &l->target, nearest, len);
}

void dht_region_learn(struct dht_lookup *l)
{
	for (unsigned family = 0; family < 2; family++)
		learn(l, family);
}
