/* Reads a zone part by part: one look-up each. */
#include "resolver/zone_fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/zone_held.h"

const uint8_t *zone_part_bytes(const struct zone_part *part, size_t *ret_len)
{
	const uint8_t *bytes = NULL;

	if (!part || !part->found || dht_item_get_string(&part->item, &bytes, ret_len) < 0)
		*ret_len = 0;
	return bytes;
}

static bool is_newer(const struct zone_part *part, const struct dht_item *item)
{
	const uint8_t *held, *bytes;
	size_t held_len, len;

	if (!part->found)
		return true;
	held = zone_part_bytes(part, &held_len);
	if (dht_item_get_string(item, &bytes, &len) < 0)
		len = 0;
	return zone_compare(item->seq, bytes, len, part->item.seq, held, held_len) > 0;
}

static int start(struct zone_fetch *f, struct zone_part *part);

static void add_up(struct zone_fetch *f, const struct dht_result *result)
{
	f->lookups++;
	f->sum.queries += result->queries;
	f->sum.bytes += result->bytes;
	f->sum.answered += result->answered;
	f->sum.holders += result->holders;
}

static void start_next(struct zone_fetch *f)
{
	while (f->running < ZONE_FETCH_AT_ONCE && f->next < f->pages_len) {
		struct zone_part *part = f->pages[f->next++];
		int r = part->read ? 0 : start(f, part);
		if (r < 0) {
			part->error = r;
			part->read = true;
		}
	}
}

static void on_item(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	struct zone_part *part = ctx;
	struct zone_fetch *f = part->fetch;

	(void)from;
	if (item) {
		if (item->seq <= clock_latest() + ZONE_AHEAD_MAX && is_newer(part, item)) {
			part->item = *item;
			part->found = true;
		}
		return;
	}
	if (part->both)
		f->relay = zone_lookup_relay(part->both);
	part->lookup = NULL;
	part->both = NULL;
	part->read = true;
	part->error = result->error;
	if (part->found && f->config.held)
		zone_held_keep(f->config.held, &part->item, clock_monotonic());
	add_up(f, result);
	f->running--;
	start_next(f);
	if (f->running == 0)
		f->done(f->ctx);
}

/* What we hold of it need not be sent. */
static void spare(struct zone_fetch *f, struct zone_part *part, const uint8_t *salt, size_t len)
{
	const struct dht_item *held = f->config.held ? zone_held_find(f->config.held, f->key, salt,
							       len, clock_monotonic())
						     : NULL;

	if (held && part->both)
		zone_lookup_unless(part->both, held);
	else if (held)
		dht_get_unless(part->lookup, held);
}

static int start(struct zone_fetch *f, struct zone_part *part)
{
	uint8_t salt[PAGES_SALT_MAX];
	size_t len = pages_salt(part->page, salt);
	int r = len ? dht_get_mutable(
			      f->config.dht, f->key, salt, len, on_item, part, &part->lookup)
		    : zone_lookup(&f->config, f->key, on_item, part, &part->both);

	if (r == 0 && len && f->config.allowance)
		dht_get_within(part->lookup, f->config.allowance, 0);
	if (r == 0)
		spare(f, part, salt, len);
	f->running += r == 0;
	return r;
}

int zone_fetch_head(struct zone_fetch *f)
{
	f->head = (struct zone_part){.fetch = f, .page = PAGES_HEAD};
	return start(f, &f->head);
}

const struct zone_part *zone_fetch_part(const struct zone_fetch *f, unsigned page)
{
	if (page == PAGES_HEAD)
		return &f->head;
	for (size_t i = 0; i < f->pages_len; i++)
		if (f->pages[i]->page == page)
			return f->pages[i];
	return NULL;
}

static int add_page(struct zone_fetch *f, unsigned page)
{
	struct zone_part *part = calloc(1, sizeof(*part));

	if (!part)
		return -ENOMEM;
	part->fetch = f;
	part->page = page;
	f->pages[f->pages_len++] = part;
	return 0;
}

int zone_fetch_pages(struct zone_fetch *f, const unsigned *pages, size_t len)
{
	struct zone_part **grown = reallocarray(
		f->pages, f->pages_len + len + 1, sizeof(struct zone_part *));
	int r = grown ? 0 : -ENOMEM;

	if (grown)
		f->pages = grown;
	for (size_t i = 0; r == 0 && i < len; i++)
		if (!zone_fetch_part(f, pages[i]))
			r = add_page(f, pages[i]);
	if (r < 0)
		return r;
	start_next(f);
	return f->running == 0;
}

void zone_fetch_finish(struct zone_fetch *f)
{
	zone_lookup_cancel(f->head.both);
	for (size_t i = 0; i < f->pages_len; i++) {
		if (f->pages[i]->lookup)
			dht_cancel(f->config.dht, f->pages[i]->lookup);
		free(f->pages[i]);
	}
	free(f->pages);
	f->pages = NULL;
	f->pages_len = f->next = 0;
	f->running = f->lookups = 0;
	f->relay = NULL;
	f->head = (struct zone_part){0};
	f->sum = (struct dht_result){0};
}
