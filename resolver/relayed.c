/* What a relay hears of a zone is told to memory, as what a local user writes is. */
#include "resolver/pkarr.h"
#include "resolver/resolver_inside.h"
#include "resolver/zone.h"

static void tell_sets(struct resolver *r, const struct dht_item *item)
{
	const uint8_t *packet;
	size_t len;
	struct zone *zone;
	if (!item || dht_item_get_string(item, &packet, &len) < 0 ||
		zone_read(item->key, packet, len, &zone) < 0)
		return;
	for (size_t i = 0; i < zone_sets(zone); i++)
		resolver_changed(r, &zone_at(zone, i)->question);
	zone_destroy(zone);
}

/* What came, changed or went; what went before this node held the zone goes by its TTL. */
static void on_changed(void *ctx, const struct dht_item *old, const struct dht_item *now)
{
	tell_sets(ctx, old);
	tell_sets(ctx, now);
}

int relayed_begin(struct resolver *r)
{
	struct pkarr_config config = {.joined = r->config.joined, .changed = on_changed, .ctx = r};
	return r->parts.dht ? pkarr_create(r->parts.dht, &config, &r->pkarr) : 0;
}

struct pkarr *resolver_pkarr(struct resolver *r)
{
	return r->pkarr;
}
