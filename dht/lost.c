/* Addresses of nodes that were in a table and fell silent. */
#include "dht/lost.h"

#include <stdlib.h>

void dht_lost_finish(struct dht_lost *lost)
{
	free(lost->at);
	*lost = (struct dht_lost){0};
}

static size_t place_of(const struct dht_lost *lost, const struct dht_endpoint *at)
{
	size_t i = 0;
	while (i < lost->len && !dht_endpoint_equal(&lost->at[i], at))
		i++;
	return i;
}

void dht_lost_add(struct dht_lost *lost, const struct dht_endpoint *at)
{
	if (!lost->at && !(lost->at = calloc(DHT_LOST_MAX, sizeof(*lost->at))))
		return;
	if (place_of(lost, at) < lost->len)
		return;
	if (lost->len < DHT_LOST_MAX)
		lost->at[lost->len++] = *at;
	else
		lost->at[lost->oldest++ % DHT_LOST_MAX] = *at;
}

bool dht_lost_remove(struct dht_lost *lost, const struct dht_endpoint *at)
{
	size_t place = place_of(lost, at);
	if (place == lost->len)
		return false;
	lost->at[place] = lost->at[--lost->len];
	return true;
}

const struct dht_endpoint *dht_lost_next(struct dht_lost *lost)
{
	return lost->len ? &lost->at[lost->next++ % lost->len] : NULL;
}
