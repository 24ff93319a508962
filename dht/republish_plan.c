/* How many copies of each own item, and how often: what the budget allows. */
#include "dht/engine.h"

#define SECOND ((uint64_t)1000000)
#define MINUTE (60 * SECOND)

#define RATE 5000		/* bytes a second */
#define LIFETIME (120 * MINUTE) /* BEP 44 */
/* One part of so many of the budget is left for what was not reckoned with: longer searches, two
 * questions to a silent node. */
#define RESERVE 16
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
/* Copies that are held for sure: no more than leaves two to show how long nodes keep, unless nodes
 * go before that could be of use. */
#define SAFE_MAX (DHT_K - 2)
#define SAFE_MIN 2
/* About: a get, and a put without its value. */
#define GET_BYTES 120
#define PUT_BYTES 250

void dht_republish_init(struct dht *dht)
{
	dht->republish.limits = (struct dht_republish_limits){.rate = RATE, .lifetime = LIFETIME};
}

void dht_republish_limits(struct dht *dht, const struct dht_republish_limits *limits)
{
	struct dht_republish_limits *l = &dht->republish.limits;
	l->rate = limits->rate ? limits->rate : l->rate;
	l->lifetime = limits->lifetime ? limits->lifetime : l->lifetime;
	l->interval = limits->interval ? limits->interval : l->interval;
}

size_t dht_plan_put_bytes(const struct dht_item *item)
{
	return (size_t)PUT_BYTES + item->salt_len + item->value_len;
}

uint64_t dht_plan_first_interval(const struct dht_republish_limits *l)
{
	if (l->interval)
		return l->interval;
	uint64_t most = l->lifetime - l->lifetime / DHT_PLAN_MARGIN;
	return most < LIFETIME ? most : LIFETIME - LIFETIME / DHT_PLAN_MARGIN;
}

void dht_plan_learn(struct dht_republish *r, const struct dht_refresh *f, uint64_t age)
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

uint64_t dht_plan_loss_interval(const struct dht_republish *r)
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

/* One more is asked in vain. */
static uint64_t look_bytes(unsigned width)
{
	return (uint64_t)(width + 1) * GET_BYTES;
}

/* What one look at each item sends when it asks so many nodes and puts so many copies. */
static uint64_t round_bytes(const struct dht *dht, unsigned width, unsigned copies)
{
	const struct dht_republish *r = &dht->republish;
	return (r->items * look_bytes(width) + copies * r->put_bytes) * families(dht);
}

/* What there is for that. */
static uint64_t round_budget(const struct dht_republish *r)
{
	uint64_t each = dht_plan_first_interval(&r->limits) / SECOND;
	return r->limits.rate * each * (RESERVE - 1) / RESERVE;
}

/* How many copies of each item can be put anew at every look, if nodes keep them no longer than
 * they must. */
static unsigned safe_copies(const struct dht *dht)
{
	const struct dht_republish *r = &dht->republish;
	uint64_t budget = round_budget(r);
	bool fleeting = dht_plan_loss_interval(r) < dht_plan_first_interval(&r->limits);
	unsigned safe = fleeting ? DHT_K : SAFE_MAX;
	while (safe > SAFE_MIN && round_bytes(dht, safe, safe) > budget)
		safe--;
	return safe;
}

struct dht_plan dht_plan_look(
	const struct dht *dht, const struct dht_item *item, bool late, bool wide)
{
	struct dht_plan p = {.copies = safe_copies(dht)};
	p.tight = round_bytes(dht, DHT_K, p.copies) > round_budget(&dht->republish);
	/* Who was not put at and holds it still shows how long nodes keep. */
	p.width = !p.tight || wide ? DHT_K : p.copies;
	/* What is late keeps to as few as ever, or no round would fit into the lifetime again once
	 * all has lapsed (an outage). */
	p.rescue = late ? p.copies : DHT_K;
	p.bytes = families(dht) *
		  (unsigned)(p.width * GET_BYTES + p.copies * dht_plan_put_bytes(item));
	return p;
}

uint64_t dht_plan_least_interval(const struct dht *dht)
{
	const struct dht_republish *r = &dht->republish;
	uint64_t least = r->limits.lifetime / INTERVAL_MIN;
	unsigned safe = safe_copies(dht);
	uint64_t round = round_bytes(dht, safe, safe) * RESERVE / (RESERVE - 1) * SECOND /
			 r->limits.rate;
	if (least > INTERVAL_MAX)
		least = INTERVAL_MAX;
	return round > least ? round : least;
}
