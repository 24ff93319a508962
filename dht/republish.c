/* Items of ours, kept alive within a budget. */
#include "dht/republish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dht/engine.h"

#define SECOND ((uint64_t)1000000)
#define MINUTE (60 * SECOND)

/* Unused budget is saved up for so long; then less than RATE is spent over any ten minutes. */
#define BURST (5 * SECOND)
#define WINDOW (600 * SECOND)
#define RUNNING_MAX 16
/* Where the budget is tight looks are due earlier by this part of the interval. What it pays for is
 * done, so it is spent at an even rate: else all that was published together would wait for it
 * together, at every look, and some too long, and it would be idle in between. */
#define EARLY 8
#define RETRY MINUTE /* nobody answered, or too many look-ups are under way */

/* When many nodes have come: time for those who know each other to become as many as they will, and
 * for the looks to spread. */
#define HASTE_WAIT (10 * SECOND)
#define HASTE_SPREAD (15 * SECOND)
/* Who comes and goes at will, to make us look, does not spend the whole budget. */
#define HASTE_AGAIN (10 * MINUTE)

struct dht_published {
	struct dht_due due;		  /* first, see heap.h */
	struct dht_published *next, **at; /* in the list of all */
	struct dht *dht;
	bool waits;
	bool tight;	  /* as the last look was planned */
	unsigned wide_in; /* after so many looks all eight are asked, tight or not */
	uint64_t interval;
	uint64_t looked; /* last; 0: never */
	uint64_t lasts;	 /* the copies are not forgotten before */
	unsigned charged;
	struct dht_lookup *lookup; /* while refreshing */
	struct dht_refresh refresh;
	dht_put_fn *fn;
	void *ctx;
	size_t item_len;
	uint8_t item[]; /* a struct dht_item without the unused end of its value */
};

static void free_published(struct dht_published *p)
{
	dht_refresh_finish(&p->refresh);
	free(p);
}

void dht_republish_finish(struct dht *dht)
{
	for (struct dht_published *p; (p = dht->republish.all);) {
		dht->republish.all = p->next;
		free_published(p);
	}
	dht_heap_finish(&dht->republish.heap);
}

static void wait_until(struct dht_published *p, uint64_t due)
{
	p->waits = true;
	dht_heap_add(&p->dht->republish.heap, &p->due, due);
}

static void stop_waiting(struct dht_published *p)
{
	dht_heap_remove(&p->dht->republish.heap, &p->due);
	p->waits = false;
}

/* ---- the budget ---- */

/* What is spent moves the time at which all is paid; the past pays for BURST at most. */
static void spend(struct dht *dht, int64_t bytes)
{
	struct dht_republish *r = &dht->republish;
	uint64_t now = dht_now(dht), least = now > BURST ? now - BURST : 0;
	int64_t took = bytes * (int64_t)SECOND / r->limits.rate;
	/* Ten minutes and a burst together are within the rate, and looks that take more than was
	 * charged for them. */
	took = took * (int64_t)(WINDOW + 2 * BURST) / (int64_t)WINDOW;
	int64_t paid = (int64_t)(r->free_at > least ? r->free_at : least) + took;
	r->free_at = paid > (int64_t)least ? (uint64_t)paid : least;
}

bool dht_republish_may(const struct dht *dht)
{
	return dht->republish.free_at <= dht_now(dht);
}

void dht_republish_spent(struct dht *dht, unsigned bytes)
{
	dht_enter(dht);
	spend(dht, bytes);
	dht_leave(dht);
}

/* ---- one item ---- */

static void unpack(const struct dht_published *p, struct dht_item *ret_item)
{
	memset(ret_item, 0, sizeof(*ret_item));
	memcpy(ret_item, p->item, p->item_len);
}

/* Up to a thirty-second less. More would be looks that need not be. */
static uint64_t jittered(struct dht *dht, uint64_t delay)
{
	uint64_t random;
	dht->ops.random(dht->self, &random, sizeof(random));
	return delay - (delay >= 32 ? random % (delay / 32) : 0);
}

/* Short at first, at half the budget: it is not known yet how fast nodes go here. */
static uint64_t begin_interval(const struct dht *dht)
{
	uint64_t first = dht_plan_first_interval(&dht->republish.limits),
		 least = 2 * dht_plan_least_interval(dht);
	return dht->republish.limits.interval || first < least ? first : least;
}

/* The first look is not later: all those of many may wait for one another. Where it is not known
 * when copies were put, soon.
 */
static uint64_t first_due_last(const struct dht_published *p)
{
	uint64_t lifetime = p->dht->republish.limits.lifetime, since = p->refresh.since;
	uint64_t margin = lifetime / DHT_PLAN_MARGIN;
	uint64_t end = p->refresh.put ? p->refresh.put + lifetime : 0;
	return end > since + 3 * margin ? end - 2 * margin : since + margin;
}

/* The first look comes at any time before copies may end, so that the looks at many items that were
 * put together are spread from the start. */
static uint64_t first_due(struct dht *dht, const struct dht_published *p)
{
	uint64_t random, since = p->refresh.since, span = first_due_last(p) - since;
	if (p->interval < span)
		span = p->interval;
	dht->ops.random(dht->self, &random, sizeof(random));
	return since + span / 32 + random % (span - span / 32);
}

/* The first of many that are published at once do not know yet how many they will be: their first
 * looks, which were to come soon, are drawn out again to where those of the last are. True: it is
 * not due yet. */
static bool draw_out(struct dht_published *p, uint64_t now)
{
	uint64_t interval = begin_interval(p->dht), last = first_due_last(p);
	uint64_t since = p->refresh.since;
	if (p->looked || interval <= p->interval)
		return false;
	double part = (double)(p->due.at - since) / (double)p->interval;
	uint64_t due = since + (uint64_t)(part * (double)interval);
	p->interval = interval;
	if (due > last)
		due = last;
	if (due <= now)
		return false;
	stop_waiting(p);
	wait_until(p, due);
	return true;
}

int dht_publish(struct dht *dht, const struct dht_item *item, uint64_t put, dht_put_fn *fn,
	void *ctx, struct dht_published **ret_published)
{
	struct dht_republish *r = &dht->republish;
	if (!item->value_len || item->value_len > DHT_VALUE_MAX || item->salt_len > DHT_SALT_MAX)
		return -EINVAL;
	size_t len = offsetof(struct dht_item, value) + item->value_len;
	struct dht_published *p = dht_heap_reserve(&r->heap, r->items + 1)
					  ? calloc(1, sizeof(*p) + len)
					  : NULL;
	if (!p)
		return -ENOMEM;
	uint64_t now = dht_now(dht);
	uint32_t random;
	dht->ops.random(dht->self, &random, sizeof(random));
	*p = (struct dht_published){.next = r->all,
		.at = &r->all,
		.dht = dht,
		.fn = fn,
		.ctx = ctx,
		.wide_in = random % DHT_PLAN_WIDE,
		.item_len = len,
		.refresh = {.put = put, .since = now}};
	memcpy(p->item, item, len);
	if (r->all)
		r->all->at = &p->next;
	r->all = p;
	r->items++;
	r->put_bytes += dht_plan_put_bytes(item);
	p->interval = begin_interval(dht);
	dht_enter(dht);
	wait_until(p, first_due(dht, p));
	dht_leave(dht);
	*ret_published = p;
	return 0;
}

void dht_look_within(struct dht *dht, struct dht_published *p, uint64_t span)
{
	uint64_t random, due;
	if (!p->waits || p->looked)
		return;
	dht->ops.random(dht->self, &random, sizeof(random));
	due = dht_now(dht) + random % (span + 1);
	if (due >= p->due.at)
		return;
	dht_enter(dht);
	dht_heap_move(&dht->republish.heap, &p->due, due);
	dht_leave(dht);
}

void dht_unpublish(struct dht *dht, struct dht_published *p)
{
	if (!p)
		return;
	struct dht_republish *r = &dht->republish;
	if (p->lookup) {
		dht_cancel(dht, p->lookup);
		r->running--;
	}
	if (p->waits)
		stop_waiting(p);
	struct dht_item item;
	unpack(p, &item);
	r->put_bytes -= dht_plan_put_bytes(&item);
	r->items--;
	*p->at = p->next;
	if (p->next)
		p->next->at = p->at;
	free_published(p);
}

/* ---- refreshing ---- */

/* One copy in four lost is what an item stands; its other copies outlast the next look. Few holders
 * are close to none: back soon. */
static void adapt(struct dht_published *p, const struct dht_result *result)
{
	const struct dht_refresh *f = &p->refresh;
	uint64_t most = dht_plan_loss_interval(&p->dht->republish),
		 least = dht_plan_least_interval(p->dht);
	p->dht->counters.refresh_lost += f->lost;
	if (f->lost * 4 > f->expected)
		p->interval /= 2;
	else if (f->expected && !f->lost)
		p->interval *= 2;
	if (p->interval > most)
		p->interval = most;
	if (p->interval < least || (f->expected && result->holders < DHT_REFRESH_FEW))
		p->interval = least;
}

static uint64_t next_due(struct dht_published *p, const struct dht_result *result, uint64_t now)
{
	const struct dht_republish_limits *l = &p->dht->republish.limits;
	uint64_t margin = l->lifetime / DHT_PLAN_MARGIN, left;
	if (result->error || !p->refresh.lasts)
		return now +
		       jittered(p->dht, l->interval && l->interval < RETRY ? l->interval : RETRY);
	p->lasts = p->refresh.lasts;
	if (p->looked)
		dht_plan_learn(&p->dht->republish, &p->refresh, now - p->looked);
	p->looked = now;
	if (l->interval) /* as a test wants it */
		return now + jittered(p->dht, l->interval);
	adapt(p, result);
	left = p->lasts > now + margin ? p->lasts - now - margin : RETRY;
	uint64_t delay = left < p->interval ? left : p->interval;
	return now + jittered(p->dht, p->tight ? delay - delay / EARLY : delay);
}

static void refreshed(void *ctx, const struct dht_result *result)
{
	struct dht_published *p = ctx;
	struct dht *dht = p->dht;
	struct dht_item item;
	unpack(p, &item);
	p->lookup = NULL;
	dht->republish.running--;
	spend(dht, (int64_t)result->bytes - p->charged);
	if (!item.is_mutable || (result->seq_seen <= item.seq && !result->contested))
		wait_until(p, next_due(p, result, dht_now(dht)));
	p->fn(p->ctx, result); /* may remove it */
}

/* What it will cost is guessed, and put right when it is known. */
static void start(struct dht *dht, struct dht_published *p, uint64_t now)
{
	const struct dht_republish *r = &dht->republish;
	struct dht_item item;
	unpack(p, &item);
	stop_waiting(p);
	/* It may double now. */
	uint64_t lifetime = r->limits.lifetime, goal = 2 * p->interval + lifetime / DHT_PLAN_MARGIN;
	p->refresh.lifetime = lifetime;
	p->refresh.goal = goal < lifetime ? goal : lifetime;
	bool late = p->due.at + lifetime / DHT_PLAN_MARGIN < now;
	struct dht_plan plan = dht_plan_look(dht, &item, late, p->wide_in == 0);
	p->tight = plan.tight;
	p->refresh.safe = plan.copies;
	p->refresh.width = plan.width;
	p->refresh.rescue = plan.rescue;
	if (dht_refresh(dht, &item, &p->refresh, refreshed, p, &p->lookup) < 0) {
		wait_until(p, now + jittered(dht, RETRY));
		return;
	}
	p->wide_in = p->wide_in ? p->wide_in - 1 : DHT_PLAN_WIDE - 1;
	dht->counters.refresh_late += p->lasts && p->lasts < now;
	dht->republish.running++;
	p->charged = plan.bytes;
	spend(dht, p->charged);
}

void dht_republish_run(struct dht *dht, uint64_t now)
{
	struct dht_republish *r = &dht->republish;
	while (dht_heap_due(&r->heap) <= now && r->running < RUNNING_MAX && r->free_at <= now)
		if (!draw_out((struct dht_published *)r->heap.list[0], now))
			start(dht, (struct dht_published *)r->heap.list[0], now);
}

/* Who was to be first still is: the heap stays one. */
void dht_republish_hasten(struct dht *dht, uint64_t now)
{
	struct dht_republish *r = &dht->republish;
	struct dht_due *const *list = r->heap.list;
	uint64_t from = now + HASTE_WAIT, last = now;
	if (!r->heap.len || (r->hastened && now - r->hastened < HASTE_AGAIN))
		return;
	r->hastened = now;
	for (size_t i = 0; i < r->heap.len; i++)
		last = list[i]->at > last ? list[i]->at : last;
	if (last <= from + HASTE_SPREAD)
		return;
	for (size_t i = 0; i < r->heap.len; i++)
		if (list[i]->at > from)
			list[i]->at = from + (uint64_t)((double)(list[i]->at - from) /
							(double)(last - from) * HASTE_SPREAD);
}

uint64_t dht_republish_due(const struct dht *dht)
{
	const struct dht_republish *r = &dht->republish;
	uint64_t due = dht_heap_due(&r->heap);
	if (due == UINT64_MAX || r->running >= RUNNING_MAX)
		return UINT64_MAX;
	return due > r->free_at ? due : r->free_at;
}
