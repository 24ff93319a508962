/* One zone that is kept alive: read from disk, then from the network; handed to the DHT node. */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "resolver/clock.h"
#include "resolver/keep_inside.h"
#include "resolver/own.h"

#define LOAD_AT_ONCE 16 /* copies, verified in a turn of the loop: two milliseconds */
#define READ_AT_ONCE 16 /* pages, 20 kB: then it is somebody else's turn */
/* A run that misses so many pages ends, and the next goes on behind them: who says that there are a
 * thousand, and puts none, has few of them asked for. */
#define MISSED_MAX 16
#define SOON (10 * SECOND)
/* Of the first looks at the pages of one zone each has so much time, which is half the budget's:
 * the other half is for own records that are due. */
#define SOON_EACH (4 * SECOND)
/* Pauses, of a minute each: what is missing is looked for every hour in the end, and all of it
 * every day, though looks at its parts tell what changes. */
#define SELDOM 60
#define RARELY 1440

static struct dht *dht_of(const struct keep_zone *zone)
{
	return zone->keeper->config.dht;
}

/* ---- time ---- */

static uint64_t jittered(uint64_t delay)
{
	uint64_t r;
	if (delay < 4 || getrandom(&r, sizeof(r), 0) != sizeof(r))
		return delay;
	return delay + r % (delay / 4);
}

static void wait_for(struct keep_zone *zone, uint64_t delay)
{
	struct timeval t = clock_timeval(delay);
	zone->due = clock_monotonic() + delay;
	event_add(&zone->timer, &t);
}

/* Who signs anew all the time has it read once in a pause. */
static uint64_t pause_left(const struct keep_zone *zone)
{
	uint64_t pause = zone->keeper->config.pause, since = clock_monotonic() - zone->read;
	return zone->read && since < pause ? pause - since : 0;
}

static void hurry(struct keep_zone *zone)
{
	uint64_t delay = pause_left(zone);
	if (zone->reading || zone->head_read)
		zone->again = true;
	else if (!zone->in_line && zone->load < 0 && clock_monotonic() + delay < zone->due)
		wait_for(zone, delay);
}

/* ---- parts ---- */

static struct keep_part **place_of(struct keep_zone *zone, unsigned page)
{
	return page == PAGES_HEAD ? &zone->head : &zone->pages[page];
}

static void drop_part(struct keep_zone *zone, unsigned page)
{
	struct keep_part **part = place_of(zone, page);
	if (*part)
		dht_unpublish(dht_of(zone), (*part)->published);
	free(*part);
	*part = NULL;
}

static int set_pages(struct keep_zone *zone, unsigned len)
{
	while (zone->pages_len > len)
		drop_part(zone, --zone->pages_len);
	struct keep_part **pages = reallocarray(zone->pages, len + 1, sizeof(struct keep_part *));
	if (!pages)
		return -ENOMEM;
	zone->pages = pages;
	for (unsigned i = zone->pages_len; i < len; i++)
		pages[i] = NULL;
	zone->pages_len = len;
	return 0;
}

static void on_look(void *ctx, const struct dht_result *result)
{
	struct keep_part *part = ctx;
	if (result->error)
		return;
	part->copies = result->holders + result->stored;
	if (result->seq_seen <= part->seq && !result->contested)
		return;
	part->changed = true;
	hurry(part->zone);
}

/* Without memory it is missing, and looked for again. */
static void hold(struct keep_zone *zone, unsigned page, const struct dht_item *item)
{
	struct keep_part **place = place_of(zone, page);
	drop_part(zone, page);
	struct keep_part *part = calloc(1, sizeof(*part));
	if (!part)
		return;
	*part = (struct keep_part){.zone = zone, .page = page, .seq = item->seq};
	if (dht_publish(dht_of(zone), item, 0, on_look, part, &part->published) < 0) {
		free(part);
		return;
	}
	*place = part;
	dht_look_within(dht_of(zone), part->published, SOON + zone->pages_len * SOON_EACH);
}

static bool is_current(const struct keep_zone *zone, const struct keep_part *part)
{
	return part && (part->page == PAGES_HEAD || part->seq >= zone->marker.min);
}

unsigned keep_zone_pages(const struct keep_zone *zone)
{
	unsigned sum = 0;
	for (unsigned i = 0; i < zone->pages_len; i++)
		sum += is_current(zone, zone->pages[i]);
	return sum;
}

bool keep_zone_is_whole(const struct keep_zone *zone)
{
	return zone->head && keep_zone_pages(zone) == zone->pages_len;
}

/* What the packet says of pages; something that is no zone has none, and is kept alive as it is. */
static void read_marker(struct keep_zone *zone, const struct dht_item *item)
{
	const uint8_t *bytes;
	struct zone *head;
	size_t len;
	zone->marker = (struct pages_marker){0};
	if (dht_item_get_string(item, &bytes, &len) < 0 ||
		zone_read(zone->key, bytes, len, &head) < 0)
		return;
	pages_marker(head, zone->key, &zone->marker);
	zone_destroy(head);
}

static void fit_pages(struct keep_zone *zone)
{
	unsigned room = keeper_room(zone->keeper, zone), held = zone->pages_len;
	unsigned len = zone->marker.pages < room ? zone->marker.pages : room;
	if (set_pages(zone, len) == 0 && len < held)
		own_drop_copies(zone->keeper->config.own, zone->key, (int)len, PAGES_HEAD);
}

/* ---- the disk ---- */

static void item_of(const struct own_copy *copy, struct dht_item *ret_item)
{
	*ret_item = (struct dht_item){
		.is_mutable = true, .seq = copy->seq, .value_len = (uint16_t)copy->value_len};
	memcpy(ret_item->key, copy->key, DHT_KEY_LEN);
	memcpy(ret_item->sig, copy->sig, DHT_SIG_LEN);
	memcpy(ret_item->value, copy->value, copy->value_len);
	ret_item->salt_len = (uint8_t)pages_salt((unsigned)copy->page, ret_item->salt);
}

/* When the disk is full it is held all the same, and found again after a restart. */
static void save(struct keep_zone *zone, unsigned page, const struct dht_item *item)
{
	struct own_copy copy = {.page = (int)page, .seq = item->seq, .value_len = item->value_len};
	memcpy(copy.key, item->key, NAME_KEY_LEN);
	memcpy(copy.sig, item->sig, sizeof(copy.sig));
	memcpy(copy.value, item->value, item->value_len);
	own_set_copy(zone->keeper->config.own, &copy);
}

static bool saved(const struct keep_zone *zone, unsigned page, struct dht_item *ret_item)
{
	struct own_copy copy;
	if (own_next_copy(zone->keeper->config.own, zone->key, page, &copy) < 0 ||
		copy.page != (int)page || !copy.value_len)
		return false;
	item_of(&copy, ret_item);
	return dht_item_verify(ret_item) == 0;
}

static void load_copy(struct keep_zone *zone, const struct own_copy *copy)
{
	struct dht_item item;
	bool fits = copy->page >= 0 && copy->page <= PAGES_HEAD && copy->value_len;
	if (fits)
		item_of(copy, &item);
	if (!fits || dht_item_verify(&item) < 0) {
		zone->keeper->counters.damaged++;
		own_drop_copies(zone->keeper->config.own, zone->key, copy->page, copy->page + 1);
		return;
	}
	unsigned page = (unsigned)copy->page;
	if (page != PAGES_HEAD && page >= zone->pages_len && set_pages(zone, page + 1) < 0)
		return;
	hold(zone, page, &item);
	if (page == PAGES_HEAD)
		read_marker(zone, &item);
}

/* True: there is more. */
static bool load_some(struct keep_zone *zone)
{
	struct own_copy copy;
	for (unsigned i = 0; i < LOAD_AT_ONCE; i++) {
		if (own_next_copy(zone->keeper->config.own, zone->key, zone->load, &copy) < 0) {
			zone->load = -1;
			fit_pages(zone);
			return false;
		}
		zone->load = copy.page + 1;
		load_copy(zone, &copy);
	}
	return true;
}

/* ---- the network ---- */

static bool is_newer(
	const struct keep_zone *zone, const struct keep_part *part, const struct dht_item *item)
{
	const uint8_t *bytes, *held;
	size_t len, held_len;
	struct dht_item copy;
	if (!part || item->seq != part->seq || !part->changed)
		return !part || item->seq > part->seq;
	if (!saved(zone, part->page, &copy) || copy.seq != item->seq)
		return true;
	if (dht_item_get_string(item, &bytes, &len) < 0)
		len = 0;
	if (dht_item_get_string(&copy, &held, &held_len) < 0)
		held_len = 0;
	return zone_compare(item->seq, bytes, len, copy.seq, held, held_len) > 0;
}

/* Somewhere there was something newer, and it cannot be had, or is not to be believed: what is held
 * is looked at again. */
static void go_on(struct keep_zone *zone, unsigned page)
{
	struct dht_item item;
	if (saved(zone, page, &item))
		hold(zone, page, &item);
	else
		drop_part(zone, page);
}

static void take(struct keep_zone *zone, const struct zone_part *read)
{
	struct keep_part *part = *place_of(zone, read->page);
	bool current = read->page == PAGES_HEAD || read->item.seq >= zone->marker.min;
	if (read->found && current && is_newer(zone, part, &read->item)) {
		zone->keeper->counters.taken++;
		save(zone, read->page, &read->item);
		hold(zone, read->page, &read->item);
		if (read->page == PAGES_HEAD)
			read_marker(zone, &read->item);
	} else if (part && part->changed) {
		go_on(zone, read->page);
	}
}

static void end_run(struct keep_zone *zone)
{
	uint64_t pause = zone->keeper->config.pause, delay = RARELY * pause;
	bool whole = keep_zone_is_whole(zone);
	zone->head_read = false;
	zone->looked = clock_wall() / (int64_t)SECOND;
	if (!whole) {
		delay = pause << (zone->failures < 16 ? zone->failures : 16);
		delay = delay < SELDOM * pause ? delay : SELDOM * pause;
	}
	zone->failures = whole ? 0 : zone->failures + 1;
	delay = zone->again ? pause_left(zone) : jittered(delay);
	zone->again = false;
	wait_for(zone, delay);
}

/* Asks for the next pages that are wanted. False: there are none, or they cannot be asked for. */
static bool read_more(struct keep_zone *zone)
{
	unsigned pages[READ_AT_ONCE];
	size_t len = 0;
	for (; zone->left && len < READ_AT_ONCE; zone->left--) {
		unsigned page = zone->next++ % zone->pages_len;
		const struct keep_part *part = zone->pages[page];
		if (!is_current(zone, part) || part->changed)
			pages[len++] = page;
	}
	return len && zone_fetch_pages(&zone->fetch, pages, len) == 0;
}

static void on_read(void *ctx)
{
	struct keep_zone *zone = ctx;
	struct own *own = zone->keeper->config.own;
	dht_republish_spent(dht_of(zone), zone->fetch.sum.bytes);
	own_begin(own);
	if (!zone->head_read) {
		take(zone, &zone->fetch.head);
		fit_pages(zone);
		zone->left = zone->pages_len;
	}
	for (size_t i = 0; i < zone->fetch.pages_len; i++) {
		take(zone, zone->fetch.pages[i]);
		zone->missed += !zone->fetch.pages[i]->found;
	}
	own_end(own);
	zone_fetch_finish(&zone->fetch);
	zone->head_read = true;
	zone->reading = false;
	keeper_left(zone->keeper);
	if (zone->left && zone->missed < MISSED_MAX)
		keeper_in_turn(zone);
	else
		end_run(zone);
}

void keep_zone_run(struct keep_zone *zone)
{
	bool begun;
	if (zone->head_read) {
		begun = read_more(zone);
	} else {
		zone->left = zone->missed = 0;
		zone->read = clock_monotonic();
		zone->keeper->counters.readings++;
		begun = zone_fetch_head(&zone->fetch) == 0;
	}
	if (begun)
		return;
	zone_fetch_finish(&zone->fetch);
	zone->reading = false;
	keeper_left(zone->keeper);
	end_run(zone);
}

/* ---- life ---- */

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct keep_zone *zone = ctx;
	(void)fd;
	(void)what;
	if (zone->load >= 0 && load_some(zone))
		wait_for(zone, 0);
	else
		keeper_in_turn(zone);
}

int keep_zone_create(struct keeper *k, const uint8_t key[NAME_KEY_LEN], struct keep_zone **ret_zone)
{
	struct keep_zone *zone = calloc(1, sizeof(*zone));
	if (!zone || set_pages(zone, 0) < 0) {
		free(zone);
		return -ENOMEM;
	}
	zone->keeper = k;
	memcpy(zone->key, key, NAME_KEY_LEN);
	memcpy(zone->fetch.key, key, NAME_KEY_LEN);
	zone->fetch.config = (struct zone_lookup_config){
		.base = k->config.base, .dht = k->config.dht, .relays = k->config.relays};
	zone->fetch.done = on_read;
	zone->fetch.ctx = zone;
	event_assign(&zone->timer, k->config.base, -1, 0, on_timer, zone);
	if (k->config.dht)
		wait_for(zone, 0);
	*ret_zone = zone;
	return 0;
}

void keep_zone_destroy(struct keep_zone *zone)
{
	zone_fetch_finish(&zone->fetch);
	event_del(&zone->timer);
	set_pages(zone, 0);
	drop_part(zone, PAGES_HEAD);
	free(zone->pages);
	free(zone);
}
