/* A refresh: a look at the nearest nodes, and a put only where it is needed. */
#include "dht/refresh.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dht/engine.h"

int dht_refresh(struct dht *dht, const struct dht_item *item, struct dht_refresh *r, dht_put_fn *fn,
	void *ctx, struct dht_lookup **ret_lookup)
{
	dht_enter(dht);
	int error = dht_put_make(dht, item, fn, ctx, ret_lookup);
	if (error == 0) {
		(*ret_lookup)->refresh = r;
		dht->counters.refreshes++;
	}
	dht_leave(dht);
	return error;
}

void dht_refresh_finish(struct dht_refresh *r)
{
	free(r->copies);
	r->copies = NULL;
	r->copies_len = 0;
}

unsigned dht_refresh_width(const struct dht_lookup *l)
{
	const struct dht_refresh *r = l->refresh;
	return r->crowded || l->result.crowded ? DHT_K : r->width;
}

/* Where ids were made up most of the eight may be liars, who say that they keep it: whoever is left
 * out, or let alone because enough others keep it, could be the only honest one. */
static unsigned safe(const struct dht_refresh *r)
{
	return r->crowded ? DHT_K : r->safe;
}

void dht_refresh_begin(struct dht_lookup *l)
{
	for (size_t i = 0; i < l->refresh->copies_len; i++)
		dht_lookup_candidate(l, &l->refresh->copies[i].at, 1);
}

static const struct dht_copy *copy_at(const struct dht_refresh *r, const struct dht_contact *at)
{
	for (size_t i = 0; i < r->copies_len; i++)
		if (dht_id_equal(&r->copies[i].at.id, &at->id) &&
			dht_endpoint_equal(&r->copies[i].at.endpoint, &at->endpoint))
			return &r->copies[i];
	return NULL;
}

static bool holds(const struct dht_candidate *c)
{
	return c->store_state == DHT_STORED || c->holds;
}

static uint64_t put_at(const struct dht_refresh *r, const struct dht_candidate *c, uint64_t now)
{
	if (c->store_state == DHT_STORED)
		return now;
	const struct dht_copy *known = copy_at(r, &c->node.contact);
	return known ? known->put : r->put;
}

/* A node that still holds what nobody put for clearly longer than nodes promise keeps longer, and
 * is trusted with as long again. */
static uint64_t until(const struct dht_refresh *r, uint64_t put, uint64_t now)
{
	uint64_t promised = put ? put + r->lifetime : 0;
	uint64_t age = now - (put > r->since ? put : r->since);
	uint64_t proven = age > r->lifetime + r->lifetime / 8 ? now + age : 0;
	uint64_t later = promised > proven ? promised : proven;
	return later > now ? later : now;
}

/* The nearest that can be stored on, and are believed: suspects are stored at besides (put.c). */
static size_t nearest(struct dht_candidates *front, struct dht_candidate *ret_near[DHT_K])
{
	size_t len = 0;
	for (size_t i = 0; i < front->len && len < DHT_K; i++) {
		struct dht_candidate *c = &front->list[i];
		if (c->state == DHT_ANSWERED && c->node.token_len && c->standing != DHT_SUSPECT)
			ret_near[len++] = c;
	}
	return len;
}

/* Of those that hold it, the one that may forget it first, if that is too early. */
static struct dht_candidate *shortest(const struct dht_refresh *r,
	struct dht_candidate *const near[DHT_K], size_t len, uint64_t now)
{
	struct dht_candidate *first = NULL;
	uint64_t least = now + r->goal;
	for (size_t i = 0; i < len; i++) {
		uint64_t end = until(r, put_at(r, near[i], now), now);
		if (near[i]->store_state == DHT_STORE_SPARED && end < least) {
			least = end;
			first = near[i];
		}
	}
	return first;
}

/* It is put where it is missing, the nearest first, and where too few others are sure to keep it.
 * At no more than are to keep it for sure: what is put at the other nodes as well is missing there,
 * all at once, when they have forgotten it.
 */
static void choose(const struct dht_refresh *r, struct dht_candidates *front, uint64_t now)
{
	struct dht_candidate *near[DHT_K], *more;
	size_t len = nearest(front, near);
	unsigned puts = 0, sure = 0, holders = 0;
	for (size_t i = 0; i < len; i++)
		holders += near[i]->holds;
	unsigned most = holders < DHT_REFRESH_FEW ? r->rescue : safe(r);
	for (size_t i = 0; i < len; i++) {
		struct dht_candidate *c = near[i];
		if (c->store_state == DHT_UNSTORED && (c->holds || puts == most))
			c->store_state = DHT_STORE_SPARED;
		puts += c->store_state != DHT_STORE_SPARED;
		sure += c->store_state != DHT_STORE_SPARED ||
			(c->holds && until(r, put_at(r, c, now), now) >= now + r->goal);
	}
	for (; sure < safe(r) && (more = shortest(r, near, len, now)); sure++)
		more->store_state = DHT_UNSTORED;
}

bool dht_refresh_choose(struct dht_lookup *l)
{
	l->refresh->crowded |= l->result.crowded;
	if (l->is_mutable && (l->result.seq_seen > l->item->seq || l->result.contested))
		return false;
	for (unsigned family = 0; family < 2; family++)
		choose(l->refresh, &l->fronts[family], dht_now(l->dht));
	return true;
}

/* Who was asked, should have it, and has it not. Who is no longer among the nearest was not
 * asked, and tells nothing. */
static void count_lost(const struct dht_lookup *l, uint64_t now)
{
	struct dht_refresh *r = l->refresh;
	r->expected = r->lost = 0;
	for (size_t i = 0; i < r->copies_len; i++) {
		const struct dht_copy *copy = &r->copies[i];
		const struct dht_candidate *c = dht_candidates_find(
			&l->fronts[copy->at.endpoint.family == 6], &copy->at);
		if (copy->until <= now || !c || c->state == DHT_NEW || c->standing == DHT_SUSPECT)
			continue;
		r->expected++;
		r->lost += c->state != DHT_ANSWERED || !c->holds;
	}
}

static int by_until(const void *a, const void *b)
{
	uint64_t x = ((const struct dht_copy *)a)->until, y = ((const struct dht_copy *)b)->until;
	return (x < y) - (x > y);
}

/* The copies of one network, the longest lasting first, and how long `safe` of them last, or as
 * many as the network has room for. Their number. */
static size_t gather(struct dht_lookup *l, struct dht_candidates *front,
	struct dht_copy copies[DHT_K], uint64_t *lasts)
{
	const struct dht_refresh *r = l->refresh;
	uint64_t now = dht_now(l->dht);
	struct dht_candidate *near[DHT_K];
	size_t len = 0, room = nearest(front, near);
	for (size_t i = 0; i < room; i++) {
		if (!holds(near[i]))
			continue;
		uint64_t put = put_at(r, near[i], now);
		copies[len++] = (struct dht_copy){
			.at = near[i]->node.contact, .put = put, .until = until(r, put, now)};
		l->result.holders += near[i]->holds;
	}
	if (!room)
		return 0;
	qsort(copies, len, sizeof(*copies), by_until);
	size_t wanted = room < safe(r) ? room : safe(r);
	uint64_t end = wanted <= len ? copies[wanted - 1].until : now;
	*lasts = !*lasts || end < *lasts ? end : *lasts;
	return len;
}

/* What was remembered stays when there is no memory, or nobody answered. */
void dht_refresh_end(struct dht_lookup *l)
{
	struct dht_refresh *r = l->refresh;
	struct dht_copy copies[2 * DHT_K];
	l->dht->counters.refresh_bytes += l->result.bytes;
	l->dht->counters.refresh_puts += l->result.stored;
	count_lost(l, dht_now(l->dht));
	r->lasts = 0;
	if (l->result.error)
		return;
	size_t len = gather(l, &l->fronts[0], copies, &r->lasts);
	len += gather(l, &l->fronts[1], copies + len, &r->lasts);
	if (!len) {
		dht_refresh_finish(r);
		return;
	}
	struct dht_copy *grown = realloc(r->copies, len * sizeof(*grown));
	if (!grown)
		return;
	memcpy(grown, copies, len * sizeof(*grown));
	r->copies = grown;
	r->copies_len = len;
}
