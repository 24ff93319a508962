/* Items of ours, kept alive within a budget. */
#include "dht/republish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dht/engine.h"

#define SECOND ((uint64_t)1000000)
#define MINUTE (60 * SECOND)

#define RATE 5000		/* bytes a second */
#define LIFETIME (120 * MINUTE) /* BEP 44 */
/* Unused budget is saved up for so long; then less than RATE is spent over any ten minutes. */
#define BURST (5 * SECOND)
#define WINDOW (600 * SECOND)
#define RUNNING_MAX 16
/* A look before copies end leaves this part of their lifetime for waiting in the queue. */
#define MARGIN 8
/* Nodes come and go: an item is looked at that often, however long its copies might last, ... */
#define INTERVAL_MAX (8 * 60 * MINUTE)
/* ... and no more often than this part of their lifetime (20 minutes), however many go: others need
 * the budget too. */
#define INTERVAL_MIN 6
/* Of the copies that there are this part may go between two looks: 0.2^8 is one item in 400,000. */
#define LOSS_PART 5
/* Copies that the measured loss is of; halved then, so that what was fades. Fewer than LOSS_LEAST
 * say nothing. */
#define LOSS_COPIES 512
#define LOSS_LEAST 64
#define RETRY MINUTE /* nobody answered, or too many look-ups are under way */
/* Copies that are held for sure: no more than leaves two to show how long nodes keep, unless nodes
 * go before that could be of use. */
#define SAFE_MAX (DHT_K - 2)
#define SAFE_MIN 2
/* About: a get, and a put without its value. */
#define GET_BYTES 125
#define PUT_BYTES 290

/* When many nodes have come: time for those who know each other to become as many as they will, and
 * for the looks to spread. */
#define HASTE_WAIT (10 * SECOND)
#define HASTE_SPREAD (15 * SECOND)
/* Who comes and goes at will, to make us look, does not spend the whole budget. */
#define HASTE_AGAIN (10 * MINUTE)

#define NOWHERE SIZE_MAX

struct dht_published {
	struct dht_published *next, **at; /* in the list of all */
	struct dht *dht;
	size_t place; /* in the heap, or NOWHERE */
	uint64_t due, interval;
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

void dht_republish_init(struct dht *dht)
{
	dht->republish.limits = (struct dht_republish_limits){.rate = RATE, .lifetime = LIFETIME};
}

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
	free(dht->republish.heap);
}

void dht_republish_limits(struct dht *dht, const struct dht_republish_limits *limits)
{
	struct dht_republish_limits *l = &dht->republish.limits;
	l->rate = limits->rate ? limits->rate : l->rate;
	l->lifetime = limits->lifetime ? limits->lifetime : l->lifetime;
	l->interval = limits->interval ? limits->interval : l->interval;
}

/* ---- the heap ---- */

static void place(struct dht_republish *r, size_t at, struct dht_published *p)
{
	r->heap[at] = p;
	p->place = at;
}

static void sift_up(struct dht_republish *r, size_t at)
{
	struct dht_published *p = r->heap[at];
	for (size_t up; at > 0 && r->heap[up = (at - 1) / 2]->due > p->due; at = up)
		place(r, at, r->heap[up]);
	place(r, at, p);
}

static void sift_down(struct dht_republish *r, size_t at)
{
	struct dht_published *p = r->heap[at];
	for (size_t down; (down = 2 * at + 1) < r->len; at = down) {
		if (down + 1 < r->len && r->heap[down + 1]->due < r->heap[down]->due)
			down++;
		if (r->heap[down]->due >= p->due)
			break;
		place(r, at, r->heap[down]);
	}
	place(r, at, p);
}

/* There is room: one place for each item that there is. */
static void wait_until(struct dht_republish *r, struct dht_published *p, uint64_t due)
{
	p->due = due;
	place(r, r->len++, p);
	sift_up(r, p->place);
}

static void stop_waiting(struct dht_republish *r, struct dht_published *p)
{
	size_t at = p->place;
	struct dht_published *last = r->heap[--r->len];
	p->place = NOWHERE;
	if (last == p)
		return;
	place(r, at, last);
	sift_up(r, at);
	sift_down(r, last->place);
}

static bool make_room(struct dht_republish *r)
{
	if (r->items < r->cap)
		return true;
	size_t cap = r->cap ? r->cap * 2 : 64;
	struct dht_published **grown = realloc(r->heap, cap * sizeof(*grown));
	if (!grown)
		return false;
	r->heap = grown;
	r->cap = cap;
	return true;
}

/* ---- the budget ---- */

/* What is spent moves the time at which all is paid; the past pays for BURST at most. */
static void spend(struct dht *dht, int64_t bytes)
{
	struct dht_republish *r = &dht->republish;
	uint64_t now = dht_now(dht), least = now > BURST ? now - BURST : 0;
	int64_t took = bytes * (int64_t)SECOND / r->limits.rate;
	/* Ten minutes and a burst together are within the rate. */
	took = took * (int64_t)(WINDOW + BURST) / (int64_t)WINDOW;
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

/* Between the first looks. */
static uint64_t first_interval(const struct dht_republish_limits *l)
{
	if (l->interval)
		return l->interval;
	uint64_t most = l->lifetime - l->lifetime / MARGIN;
	return most < LIFETIME ? most : LIFETIME - LIFETIME / MARGIN;
}

/* The time in which LOSS_PART of all copies fall out. */
static uint64_t loss_interval(const struct dht_republish *r)
{
	if (r->expected < LOSS_LEAST || !r->lost)
		return INTERVAL_MAX;
	return r->exposed / r->lost / LOSS_PART;
}

static unsigned families(const struct dht *dht)
{
	unsigned both = dht_has_family(dht, 0) + dht_has_family(dht, 1);
	return both ? both : 1;
}

/* What one look at each item sends when it puts so many copies. */
static uint64_t round_bytes(const struct dht *dht, unsigned copies)
{
	const struct dht_republish *r = &dht->republish;
	return ((uint64_t)r->items * DHT_K * GET_BYTES + copies * r->put_bytes) * families(dht);
}

/* How many copies of each item can be put anew at every look, if nodes keep them no longer than
 * they must; a tenth is left for searches. */
static unsigned safe_copies(const struct dht *dht)
{
	const struct dht_republish *r = &dht->republish;
	uint64_t each = first_interval(&r->limits) / SECOND;
	uint64_t budget = (uint64_t)r->limits.rate * each * 9 / 10;
	unsigned safe = loss_interval(r) < first_interval(&r->limits) ? DHT_K : SAFE_MAX;
	while (safe > SAFE_MIN && round_bytes(dht, safe) > budget)
		safe--;
	return safe;
}

/* No interval is shorter: the budget allows no more, and others need it too. */
static uint64_t least_interval(const struct dht *dht)
{
	const struct dht_republish *r = &dht->republish;
	uint64_t least = r->limits.lifetime / INTERVAL_MIN;
	uint64_t round = round_bytes(dht, safe_copies(dht)) * 10 / 9 * SECOND / r->limits.rate;
	if (least > INTERVAL_MAX)
		least = INTERVAL_MAX;
	return round > least ? round : least;
}

/* ---- one item ---- */

static size_t put_bytes(const struct dht_item *item)
{
	return (size_t)PUT_BYTES + item->salt_len + item->value_len;
}

static void unpack(const struct dht_published *p, struct dht_item *ret_item)
{
	memset(ret_item, 0, sizeof(*ret_item));
	memcpy(ret_item, p->item, p->item_len);
}

/* Up to a sixteenth less. */
static uint64_t jittered(struct dht *dht, uint64_t delay)
{
	uint64_t random;
	dht->ops.random(dht->self, &random, sizeof(random));
	return delay - (delay >= 16 ? random % (delay / 16) : 0);
}

/* Short at first, at half the budget: it is not known yet how fast nodes go here. */
static uint64_t begin_interval(const struct dht *dht)
{
	uint64_t first = first_interval(&dht->republish.limits), least = 2 * least_interval(dht);
	return dht->republish.limits.interval || first < least ? first : least;
}

/* The first look comes at any time before copies may end, so that the looks at many items that were
 * put together are spread from the start. */
static uint64_t first_due(struct dht *dht, const struct dht_published *p, uint64_t now)
{
	uint64_t lifetime = dht->republish.limits.lifetime, span = p->interval;
	uint64_t random, end = p->refresh.put ? p->refresh.put + lifetime : 0;
	uint64_t last = end > now + lifetime / MARGIN ? end - lifetime / MARGIN
						      : now + lifetime / MARGIN;
	if (last - now < span)
		span = last - now;
	dht->ops.random(dht->self, &random, sizeof(random));
	return now + span / 16 + random % (span - span / 16);
}

int dht_publish(struct dht *dht, const struct dht_item *item, uint64_t put, dht_put_fn *fn,
	void *ctx, struct dht_published **ret_published)
{
	struct dht_republish *r = &dht->republish;
	if (!item->value_len || item->value_len > DHT_VALUE_MAX || item->salt_len > DHT_SALT_MAX)
		return -EINVAL;
	size_t len = offsetof(struct dht_item, value) + item->value_len;
	struct dht_published *p = make_room(r) ? calloc(1, sizeof(*p) + len) : NULL;
	if (!p)
		return -ENOMEM;
	uint64_t now = dht_now(dht);
	*p = (struct dht_published){.next = r->all,
		.at = &r->all,
		.dht = dht,
		.fn = fn,
		.ctx = ctx,
		.item_len = len,
		.refresh = {.put = put, .since = now}};
	memcpy(p->item, item, len);
	if (r->all)
		r->all->at = &p->next;
	r->all = p;
	r->items++;
	r->put_bytes += put_bytes(item);
	p->interval = begin_interval(dht);
	dht_enter(dht);
	wait_until(r, p, first_due(dht, p, now));
	dht_leave(dht);
	*ret_published = p;
	return 0;
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
	if (p->place != NOWHERE)
		stop_waiting(r, p);
	struct dht_item item;
	unpack(p, &item);
	r->put_bytes -= put_bytes(&item);
	r->items--;
	*p->at = p->next;
	if (p->next)
		p->next->at = p->at;
	free_published(p);
}

/* ---- refreshing ---- */

static void learn_loss(struct dht_republish *r, const struct dht_refresh *f, uint64_t age)
{
	r->expected += f->expected;
	r->exposed += f->expected * age;
	r->lost += f->lost;
	if (r->expected >= LOSS_COPIES) {
		r->expected /= 2;
		r->exposed /= 2;
		r->lost /= 2;
	}
}

/* One copy in four lost is what an item stands; its other copies outlast the next look. Few holders
 * are close to none: back soon. */
static void adapt(struct dht_published *p, const struct dht_result *result)
{
	const struct dht_refresh *f = &p->refresh;
	uint64_t most = loss_interval(&p->dht->republish), least = least_interval(p->dht);
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
	uint64_t margin = l->lifetime / MARGIN, left;
	if (result->error || !p->refresh.lasts)
		return now +
		       jittered(p->dht, l->interval && l->interval < RETRY ? l->interval : RETRY);
	p->lasts = p->refresh.lasts;
	if (p->looked)
		learn_loss(&p->dht->republish, &p->refresh, now - p->looked);
	p->looked = now;
	if (l->interval) /* as a test wants it */
		return now + jittered(p->dht, l->interval);
	adapt(p, result);
	left = p->lasts > now + margin ? p->lasts - now - margin : RETRY;
	return now + jittered(p->dht, left < p->interval ? left : p->interval);
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
		wait_until(&dht->republish, p, next_due(p, result, dht_now(dht)));
	p->fn(p->ctx, result); /* may remove it */
}

/* What it will cost is guessed, and put right when it is known. */
static void start(struct dht *dht, struct dht_published *p, uint64_t now)
{
	const struct dht_republish *r = &dht->republish;
	struct dht_item item;
	unpack(p, &item);
	stop_waiting(&dht->republish, p);
	/* It may double now. */
	uint64_t lifetime = r->limits.lifetime, goal = 2 * p->interval + lifetime / MARGIN;
	p->refresh.lifetime = lifetime;
	p->refresh.goal = goal < lifetime ? goal : lifetime;
	p->refresh.safe = safe_copies(dht);
	/* Where each look puts half, the other half is missing at the next; what cannot pay for
	 * half keeps to fewer nodes. So does what is late, or no round would ever fit into the
	 * lifetime again once all has lapsed (an outage). */
	bool late = p->due + lifetime / MARGIN < now;
	p->refresh.rescue = late ? p->refresh.safe : DHT_K;
	p->refresh.most = p->refresh.safe < DHT_K / 2 ? p->refresh.safe : p->refresh.rescue;
	if (dht_refresh(dht, &item, &p->refresh, refreshed, p, &p->lookup) < 0) {
		wait_until(&dht->republish, p, now + jittered(dht, RETRY));
		return;
	}
	dht->counters.refresh_late += p->lasts && p->lasts < now;
	dht->republish.running++;
	p->charged = families(dht) *
		     (unsigned)(DHT_K * GET_BYTES + p->refresh.safe * put_bytes(&item));
	spend(dht, p->charged);
}

void dht_republish_run(struct dht *dht, uint64_t now)
{
	struct dht_republish *r = &dht->republish;
	while (r->len && r->heap[0]->due <= now && r->running < RUNNING_MAX && r->free_at <= now)
		start(dht, r->heap[0], now);
}

/* Who was to be first still is: the heap stays one. */
void dht_republish_hasten(struct dht *dht, uint64_t now)
{
	struct dht_republish *r = &dht->republish;
	uint64_t last = now;
	if (!r->len || (r->hastened && now - r->hastened < HASTE_AGAIN))
		return;
	r->hastened = now;
	for (size_t i = 0; i < r->len; i++)
		last = r->heap[i]->due > last ? r->heap[i]->due : last;
	if (last <= now + HASTE_WAIT + HASTE_SPREAD)
		return;
	for (size_t i = 0; i < r->len; i++) {
		struct dht_published *p = r->heap[i];
		if (p->due > now + HASTE_WAIT)
			p->due = now + HASTE_WAIT +
				 (uint64_t)((double)(p->due - now - HASTE_WAIT) /
					    (double)(last - now - HASTE_WAIT) * HASTE_SPREAD);
	}
}

uint64_t dht_republish_due(const struct dht *dht)
{
	const struct dht_republish *r = &dht->republish;
	if (!r->len || r->running >= RUNNING_MAX)
		return UINT64_MAX;
	return r->heap[0]->due > r->free_at ? r->heap[0]->due : r->free_at;
}
