/* A look-up of the DHT and one of relays beside it. */
#include "resolver/zone_lookup.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/zone_relays.h"

struct zone_lookup {
	struct zone_lookup_config config;
	uint8_t key[DHT_KEY_LEN];
	dht_get_fn *fn;
	void *ctx;
	struct dht_lookup *dht;	   /* NULL: it has ended ... */
	struct dht_result result;  /* ... with that */
	struct event patience;	   /* until the DHT is taken for silent */
	uint64_t heard;		   /* of it when that began */
	struct zone_relays_op *op; /* of the relays, once they are asked */
	bool asked, answered;	   /* they were; one has */
	const char *relay;
};

static void lookup_free(struct zone_lookup *l)
{
	if (l->dht)
		dht_cancel(l->config.dht, l->dht);
	zone_relays_cancel(l->op);
	if (l->config.relays)
		event_del(&l->patience);
	free(l);
}

void zone_lookup_cancel(struct zone_lookup *l)
{
	if (l)
		lookup_free(l);
}

const char *zone_lookup_relay(const struct zone_lookup *l)
{
	return l->relay;
}

static void finish(struct zone_lookup *l)
{
	if (l->answered)
		l->result.error = 0;
	l->fn(l->ctx, NULL, NULL, &l->result);
	lookup_free(l);
}

/* ---- relays ---- */

static void on_relays(void *ctx, const struct zone_relays_result *result)
{
	struct zone_lookup *l = ctx;
	l->op = NULL;
	l->answered = result->error == 0 || result->error == -ENOENT;
	l->relay = l->answered ? result->from : NULL;
	if (result->item)
		l->fn(l->ctx, result->item, NULL, NULL);
	if (!l->dht || (l->answered && zone_relays_silent(l->config.relays)))
		finish(l);
}

/* Once. False: there is nothing to wait for. */
static bool ask_relays(struct zone_lookup *l)
{
	if (!l->asked && zone_relays_get(l->config.relays, l->key, l->config.fresh, on_relays, l,
				 &l->op) < 0)
		l->op = NULL;
	l->asked = true;
	return l->op;
}

static void on_patience(evutil_socket_t fd, short what, void *ctx)
{
	struct zone_lookup *l = ctx;
	(void)fd;
	(void)what;
	if (zone_relays_dht_heard(l->config.relays) != l->heard)
		return;
	zone_relays_dht_is_silent(l->config.relays);
	ask_relays(l);
}

/* ---- the DHT ---- */

static void on_dht(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	struct zone_lookup *l = ctx;
	if (item) {
		l->fn(l->ctx, item, from, NULL);
		return;
	}
	bool silent = result->error == -ENETUNREACH || result->error == -EHOSTUNREACH;
	l->dht = NULL;
	l->result = *result;
	if (!l->config.relays || !silent || l->answered) {
		l->relay = silent ? l->relay : NULL;
		finish(l);
		return;
	}
	zone_relays_dht_is_silent(l->config.relays);
	if (!ask_relays(l))
		finish(l);
}

static void begin_beside(struct zone_lookup *l)
{
	static const struct timeval patience = {.tv_sec = 1};
	event_assign(&l->patience, l->config.base, -1, 0, on_patience, l);
	if (zone_relays_silent(l->config.relays) && ask_relays(l))
		return;
	l->heard = zone_relays_dht_heard(l->config.relays);
	event_add(&l->patience, &patience);
}

void zone_lookup_unless(struct zone_lookup *l, const struct dht_item *held)
{
	dht_get_unless(l->dht, held);
}

int zone_lookup(const struct zone_lookup_config *config, const uint8_t key[DHT_KEY_LEN],
	dht_get_fn *fn, void *ctx, struct zone_lookup **ret_lookup)
{
	struct zone_lookup *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->config = *config;
	l->fn = fn;
	l->ctx = ctx;
	memcpy(l->key, key, DHT_KEY_LEN);
	int r = dht_get_mutable(config->dht, key, NULL, 0, on_dht, l, &l->dht);
	if (r < 0) {
		free(l);
		return r;
	}
	if (config->allowance)
		dht_get_within(l->dht, config->allowance, 0);
	if (config->relays)
		begin_beside(l);
	*ret_lookup = l;
	return 0;
}
