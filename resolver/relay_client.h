/* The client of one pkarr relay (facts: pkarr, 1.5): zones of keys over HTTP.
 *
 * A relay is a stranger, as any node of the DHT is: what it hands out counts only if the key has
 * signed it. Its name, where it has one, is looked up in conventional DNS by our own upstream, and
 * never through ourselves: the daemon may be what this machine asks. */
#ifndef RESOLVER_RELAY_CLIENT_H
#define RESOLVER_RELAY_CLIENT_H

#include "dht/item.h"
#include "resolver/relay_url.h"

struct event_base;
struct upstream;
struct relay_client;
struct relay_ask;

struct relay_client_config {
	const char *text;	   /* its word; it must outlive the client */
	struct upstream *upstream; /* NULL: only addresses can be asked */
	/* That it fails, why, and that it works again; NULL: nobody is told. */
	void (*say)(void *ctx, const char *line);
	void *say_ctx;
};
/* 0, -EINVAL: the word is none; -ENOMEM, -EIO. */
int relay_client_create(struct event_base *base, const struct relay_client_config *config,
	struct relay_client **ret_client);
void relay_client_destroy(struct relay_client *c); /* no callbacks; not from one */
const char *relay_client_text(const struct relay_client *c);

enum relay_outcome {
	RELAY_FOUND,   /* get: a packet that the key has signed */
	RELAY_MISSING, /* get: it says that nobody has one */
	RELAY_TAKEN,   /* put: it says that it has been put */
	RELAY_NEWER,   /* put: it says that it knows a newer one */
	RELAY_FORGED,  /* get: what it sent is not what was asked for, or not signed */
	RELAY_FAILED,
};
struct relay_said {
	enum relay_outcome outcome;
	const struct dht_item *item; /* RELAY_FOUND */
};
/* Called once, after the call below has returned. Borrowed. */
typedef void relay_said_fn(void *ctx, const struct relay_said *said);
/* `fresh`: not what it holds, but what the DHT says now. -EAGAIN: it has failed a moment ago;
 * -EBUSY: it has enough to do; -ENOMEM. */
int relay_client_get(struct relay_client *c, const uint8_t key[DHT_KEY_LEN], bool fresh,
	relay_said_fn *fn, void *ctx, struct relay_ask **ret_ask);
int relay_client_put(struct relay_client *c, const struct dht_item *item, relay_said_fn *fn,
	void *ctx, struct relay_ask **ret_ask);
void relay_client_cancel(struct relay_ask *ask); /* no callback afterwards */

#endif
