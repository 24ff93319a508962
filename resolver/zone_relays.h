/* The pkarr relays of relay=, all together: they stand in for a DHT that cannot be reached, where
 * UDP is blocked, for the zones of keys. Slots of plain names no relay has.
 *
 * All are asked at once, and of what they say the newest that the key has signed counts; who is
 * slower than the first by more than a moment is not waited for. */
#ifndef RESOLVER_ZONE_RELAYS_H
#define RESOLVER_ZONE_RELAYS_H

#include <stdio.h>

#include "dht/item.h"

#define ZONE_RELAYS_MAX 4

struct dht;
struct event_base;
struct upstream;
struct zone_relays;
struct zone_relays_op;

struct zone_relays_config {
	const char *url[ZONE_RELAYS_MAX]; /* they must outlive it */
	size_t len;
	struct dht *dht;
	struct upstream *upstream;		  /* NULL: relays are reached by addresses only */
	void (*say)(void *ctx, const char *line); /* one fails, or works again; NULL: not */
	void *say_ctx;
};
/* 0, -EINVAL (a word is none), -ENOMEM. */
int zone_relays_create(struct event_base *base, const struct zone_relays_config *config,
	struct zone_relays **ret_relays);
void zone_relays_destroy(struct zone_relays *z); /* no callbacks; NULL is fine */

/* Is the DHT silent, as far as is known? It is from zone_relays_dht_is_silent on until one of its
 * nodes answers anything. */
bool zone_relays_silent(struct zone_relays *z);
void zone_relays_dht_is_silent(struct zone_relays *z);
uint64_t zone_relays_dht_heard(const struct zone_relays *z); /* answers of its nodes, so far */

struct zone_relays_result {
	int error; /* 0; -ENOENT: nobody has it; -ESTALE, of a put: a newer one is known;
		    * -ENETUNREACH: none of them is of use */
	const struct dht_item *item; /* get: the newest; NULL: none */
	const char *from;	     /* get: the relay that had it, or that said that nobody has */
	unsigned taken;		     /* put: relays that took it */
};
/* Called once, after the call below has returned. Borrowed. */
typedef void zone_relays_fn(void *ctx, const struct zone_relays_result *result);
/* `fresh`: not what relays hold, but what the DHT tells them now. -ENETUNREACH: all have failed a
 * moment ago; -ENOMEM. */
int zone_relays_get(struct zone_relays *z, const uint8_t key[DHT_KEY_LEN], bool fresh,
	zone_relays_fn *fn, void *ctx, struct zone_relays_op **ret_op);
int zone_relays_put(struct zone_relays *z, const struct dht_item *item, zone_relays_fn *fn,
	void *ctx, struct zone_relays_op **ret_op);
void zone_relays_cancel(struct zone_relays_op *op); /* no callback afterwards; NULL is fine */

/* Lines for .kadns/status. */
void zone_relays_status(void *zone_relays, FILE *f);

#endif
