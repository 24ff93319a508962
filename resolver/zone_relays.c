/* All relays asked at once, and the newest of what they say. */
#include "resolver/zone_relays.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "dht/dht.h"
#include "resolver/pkarr_packet.h"
#include "resolver/relay_client.h"

#define GRACE_USEC 300000 /* for a newer packet of one that is slower than the first */

struct part { /* of an operation: one relay's */
	struct zone_relays_op *op;
	struct relay_client *relay;
	struct relay_ask *ask; /* NULL: it has answered, or was not asked */
};

struct zone_relays_op {
	LIST_ENTRY(zone_relays_op) link;
	struct zone_relays *relays;
	zone_relays_fn *fn;
	void *ctx;
	struct event grace;
	bool puts, found, newer;
	unsigned waiting, missing, taken;
	const char *from;
	struct dht_item item; /* get: the newest */
	struct part parts[ZONE_RELAYS_MAX];
};

struct zone_relays {
	struct event_base *base;
	struct dht *dht;
	struct relay_client *relay[ZONE_RELAYS_MAX];
	size_t len;
	bool silent;	/* the DHT */
	uint64_t heard; /* of it, when that was found out */
	LIST_HEAD(, zone_relays_op) ops;
	struct {
		uint64_t gets, puts;		       /* operations */
		uint64_t found, missing, taken, newer; /* replies */
		uint64_t forged, failed;
	} counters;
};

/* ---- the DHT ---- */

uint64_t zone_relays_dht_heard(const struct zone_relays *z)
{
	struct dht_counters c;
	dht_counters(z->dht, &c);
	return c.replies_in;
}

void zone_relays_dht_is_silent(struct zone_relays *z)
{
	z->silent = true;
	z->heard = zone_relays_dht_heard(z);
}

bool zone_relays_silent(struct zone_relays *z)
{
	z->silent = z->silent && zone_relays_dht_heard(z) == z->heard;
	return z->silent;
}

/* ---- operations ---- */

static void op_free(struct zone_relays_op *op)
{
	for (size_t i = 0; i < op->relays->len; i++)
		if (op->parts[i].ask)
			relay_client_cancel(op->parts[i].ask);
	event_del(&op->grace);
	LIST_REMOVE(op, link);
	free(op);
}

void zone_relays_cancel(struct zone_relays_op *op)
{
	if (op)
		op_free(op);
}

static int outcome_of(const struct zone_relays_op *op)
{
	if (op->puts)
		return op->newer ? -ESTALE : op->taken ? 0 : -ENETUNREACH;
	return op->found ? 0 : op->missing ? -ENOENT : -ENETUNREACH;
}

static void finish(struct zone_relays_op *op)
{
	struct dht_item item = op->item;
	struct zone_relays_result result = {.error = outcome_of(op),
		.item = op->found ? &item : NULL,
		.from = op->from,
		.taken = op->taken};
	zone_relays_fn *fn = op->fn;
	void *ctx = op->ctx;
	op_free(op);
	fn(ctx, &result);
}

static void on_grace(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	finish(ctx);
}

static void take_item(struct part *part, const struct dht_item *item)
{
	static const struct timeval grace = {.tv_usec = GRACE_USEC};
	struct zone_relays_op *op = part->op;
	if (!op->found || pkarr_compare(item, &op->item) > 0) {
		op->item = *item;
		op->from = relay_client_text(part->relay);
	}
	if (!op->found)
		event_add(&op->grace, &grace);
	op->found = true;
}

static void on_said(void *ctx, const struct relay_said *said)
{
	struct part *part = ctx;
	struct zone_relays_op *op = part->op;
	struct zone_relays *z = op->relays;
	part->ask = NULL;
	op->waiting--;
	switch (said->outcome) {
	case RELAY_FOUND:
		z->counters.found++;
		take_item(part, said->item);
		break;
	case RELAY_MISSING:
		z->counters.missing++;
		op->missing++;
		if (!op->from)
			op->from = relay_client_text(part->relay);
		break;
	case RELAY_TAKEN:
		z->counters.taken++;
		op->taken++;
		break;
	case RELAY_NEWER:
		z->counters.newer++;
		op->newer = true;
		break;
	case RELAY_FORGED:
		z->counters.forged++;
		break;
	case RELAY_FAILED:
		z->counters.failed++;
		break;
	}
	if (op->waiting == 0)
		finish(op);
}

static struct zone_relays_op *op_create(struct zone_relays *z, zone_relays_fn *fn, void *ctx)
{
	struct zone_relays_op *op = calloc(1, sizeof(*op));
	if (!op)
		return NULL;
	op->relays = z;
	op->fn = fn;
	op->ctx = ctx;
	event_assign(&op->grace, z->base, -1, 0, on_grace, op);
	LIST_INSERT_HEAD(&z->ops, op, link);
	return op;
}

/* Asks all that can be asked. */
static int begin(struct zone_relays_op *op, const struct dht_item *item, bool fresh)
{
	struct zone_relays *z = op->relays;
	for (size_t i = 0; i < z->len; i++) {
		struct part *part = &op->parts[i];
		*part = (struct part){.op = op, .relay = z->relay[i]};
		int r = op->puts ? relay_client_put(part->relay, item, on_said, part, &part->ask)
				 : relay_client_get(part->relay, item->key, fresh, on_said, part,
					   &part->ask);
		if (r < 0)
			part->ask = NULL;
		op->waiting += r == 0;
	}
	if (op->waiting)
		return 0;
	op_free(op);
	return -ENETUNREACH;
}

int zone_relays_get(struct zone_relays *z, const uint8_t key[DHT_KEY_LEN], bool fresh,
	zone_relays_fn *fn, void *ctx, struct zone_relays_op **ret_op)
{
	struct zone_relays_op *op = op_create(z, fn, ctx);
	if (!op)
		return -ENOMEM;
	memcpy(op->item.key, key, DHT_KEY_LEN);
	z->counters.gets++;
	*ret_op = op;
	int r = begin(op, &op->item, fresh);
	if (r < 0)
		*ret_op = NULL; /* it is gone, and is not to be cancelled */
	return r;
}

int zone_relays_put(struct zone_relays *z, const struct dht_item *item, zone_relays_fn *fn,
	void *ctx, struct zone_relays_op **ret_op)
{
	struct zone_relays_op *op = op_create(z, fn, ctx);
	if (!op)
		return -ENOMEM;
	op->puts = true;
	z->counters.puts++;
	*ret_op = op;
	int r = begin(op, item, false);
	if (r < 0)
		*ret_op = NULL;
	return r;
}

/* ---- life ---- */

int zone_relays_create(struct event_base *base, const struct zone_relays_config *config,
	struct zone_relays **ret_relays)
{
	struct zone_relays *z = calloc(1, sizeof(*z));
	if (!z)
		return -ENOMEM;
	z->base = base;
	z->dht = config->dht;
	for (; z->len < config->len; z->len++) {
		struct relay_client_config relay = {.text = config->url[z->len],
			.upstream = config->upstream,
			.say = config->say,
			.say_ctx = config->say_ctx};
		int r = relay_client_create(base, &relay, &z->relay[z->len]);
		if (r < 0) {
			zone_relays_destroy(z);
			return r;
		}
	}
	*ret_relays = z;
	return 0;
}

void zone_relays_destroy(struct zone_relays *z)
{
	if (!z)
		return;
	while (!LIST_EMPTY(&z->ops))
		op_free(LIST_FIRST(&z->ops));
	for (size_t i = 0; i < z->len; i++)
		relay_client_destroy(z->relay[i]);
	free(z);
}

void zone_relays_status(void *zone_relays, FILE *f)
{
	struct zone_relays *z = zone_relays;
	const struct {
		const char *name;
		uint64_t value;
	} lines[] = {{"zone_relay.relays", z->len}, {"zone_relay.needed", zone_relays_silent(z)},
		{"zone_relay.gets", z->counters.gets}, {"zone_relay.found", z->counters.found},
		{"zone_relay.missing", z->counters.missing}, {"zone_relay.puts", z->counters.puts},
		{"zone_relay.taken", z->counters.taken}, {"zone_relay.newer", z->counters.newer},
		{"zone_relay.forged", z->counters.forged},
		{"zone_relay.failed", z->counters.failed}};
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		fprintf(f, "%-34s %" PRIu64 "\n", lines[i].name, lines[i].value);
}
