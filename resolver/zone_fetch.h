/* Reading a zone from the network: its packet, then of its pages those that are asked for, a few at
 * a time. Of each part the newest that any node returned, verified, and not from the future. Relays
 * (zone_lookup.h) have zone packets only. */
#ifndef RESOLVER_ZONE_FETCH_H
#define RESOLVER_ZONE_FETCH_H

#include "resolver/zone_lookup.h"
#include "resolver/zone_pages.h"

#define ZONE_AHEAD_MAX (24 * 3600 * INT64_C(1000000)) /* what claims to be later is refused */
#define ZONE_FETCH_AT_ONCE 4			      /* look-ups; a page each */

struct zone_fetch;
struct zone_part {
	struct zone_fetch *fetch;
	unsigned page;	      /* PAGES_HEAD: the zone packet */
	bool found, read;     /* is there such an item; has the look-up ended */
	int error;	      /* as dht_result */
	struct dht_item item; /* stands when found; its value may be no string, hence no zone */
	struct dht_lookup *lookup; /* of a page */
	struct zone_lookup *both;  /* of the zone packet */
};

/* The caller's, and zero but for the first four. What stands below is to be read only. */
struct zone_fetch {
	struct zone_lookup_config config;
	uint8_t key[NAME_KEY_LEN];
	void (*done)(void *ctx); /* all that was asked for is read; it may ask for more */
	void *ctx;
	struct zone_part head;
	struct zone_part **pages; /* in the order in which they were asked for */
	size_t pages_len, next;
	unsigned running;
	struct dht_result sum; /* what it cost: queries, bytes, answered, holders */
	unsigned lookups;
	const char *relay; /* without which there were no answer; NULL: none */
};

/* 0 or -errno as dht_get_mutable; then `done` is not called. */
int zone_fetch_head(struct zone_fetch *f);
/* Once the head is read. Pages that were read already are not read again. With none left to read
 * it returns 1, and `done` is not called. */
int zone_fetch_pages(struct zone_fetch *f, const unsigned *pages, size_t len);
/* The part, or NULL: it was not asked for. */
const struct zone_part *zone_fetch_part(const struct zone_fetch *f, unsigned page);
/* Its bytes; length 0 when there is none or it is no string. */
const uint8_t *zone_part_bytes(const struct zone_part *part, size_t *ret_len);
/* Ends what runs; it may be used anew. */
void zone_fetch_finish(struct zone_fetch *f);

#endif
