/* A relay's look-ups and puts, and the packets that it holds. */
#include "resolver/pkarr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#include "dht/dht.h"
#include "resolver/clock.h"
#include "resolver/hash.h"
#include "resolver/rrl.h"

#define HELD_MAX 1024 /* some 1.2 kB each */
#define BUCKETS 256
#define JOBS_MAX 64 /* each is a look-up of some fifty packets */
#define AHEAD_MAX                                                                                  \
	(24 * 3600 * (int64_t)SECOND) /* as of every zone: nobody reads it yet (fetch.c) */

struct entry {
	LIST_ENTRY(entry) link;
	TAILQ_ENTRY(entry) used; /* the latest first */
	struct pkarr_held held;
};
LIST_HEAD(bucket, entry);
TAILQ_HEAD(entry_list, entry);

struct pkarr_job {
	LIST_ENTRY(pkarr_job) link;
	struct pkarr *pkarr;
	struct dht_lookup *lookup;
	pkarr_fn *fn; /* NULL: nobody waits */
	void *ctx;
	bool puts;
	unsigned stored;
	struct dht_item item; /* put: that one; and of a get the key */
	bool found;
	struct dht_item newest; /* on the DHT */
};

struct pkarr {
	struct dht *dht;
	struct pkarr_config config;
	struct rrl rate;
	uint64_t seed;
	struct bucket buckets[BUCKETS];
	struct entry_list used;
	LIST_HEAD(, pkarr_job) jobs;
	size_t jobs_len;
	struct pkarr_counters counters;
};

int pkarr_create(struct dht *dht, const struct pkarr_config *config, struct pkarr **ret_pkarr)
{
	struct pkarr *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	if (getrandom(&p->seed, sizeof(p->seed), 0) != sizeof(p->seed) ||
		getrandom(p->rate.key, RRL_KEY_LEN, 0) != RRL_KEY_LEN) {
		free(p);
		return -EIO;
	}
	p->dht = dht;
	p->config = *config;
	TAILQ_INIT(&p->used);
	*ret_pkarr = p;
	return 0;
}

static void job_free(struct pkarr_job *job)
{
	if (job->lookup)
		dht_cancel(job->pkarr->dht, job->lookup);
	LIST_REMOVE(job, link);
	job->pkarr->jobs_len--;
	free(job);
}

void pkarr_destroy(struct pkarr *p)
{
	struct pkarr_job *job;
	struct entry *e;
	if (!p)
		return;
	while ((job = LIST_FIRST(&p->jobs)))
		job_free(job);
	while ((e = TAILQ_FIRST(&p->used))) {
		TAILQ_REMOVE(&p->used, e, used);
		free(e);
	}
	free(p);
}

bool pkarr_may(struct pkarr *p, const struct sockaddr *client, uint64_t now)
{
	bool may = rrl_take(&p->rate, client, now);
	p->counters.limited += !may;
	return may;
}

void pkarr_counters(const struct pkarr *p, struct pkarr_counters *ret_counters)
{
	*ret_counters = p->counters;
}

/* ---- what is held ---- */

static struct bucket *bucket_of(struct pkarr *p, const uint8_t key[DHT_KEY_LEN])
{
	return &p->buckets[hash_bytes(key, DHT_KEY_LEN, p->seed) % BUCKETS];
}

static struct entry *find(struct pkarr *p, const uint8_t key[DHT_KEY_LEN])
{
	struct entry *e;
	LIST_FOREACH(e, bucket_of(p, key), link)
	if (memcmp(e->held.item.key, key, DHT_KEY_LEN) == 0)
		return e;
	return NULL;
}

const struct pkarr_held *pkarr_held(struct pkarr *p, const uint8_t key[DHT_KEY_LEN])
{
	struct entry *e = find(p, key);
	if (!e)
		return NULL;
	TAILQ_REMOVE(&p->used, e, used);
	TAILQ_INSERT_HEAD(&p->used, e, used);
	return &e->held;
}

bool pkarr_fresh(const struct pkarr_held *held, int64_t wall)
{
	int64_t age = wall - held->seen; /* below 0: the clock was set back */
	return age >= 0 && age < (int64_t)held->max_age * (int64_t)SECOND;
}

static struct entry *make_room(struct pkarr *p)
{
	if (p->counters.held < HELD_MAX) {
		struct entry *e = calloc(1, sizeof(*e));
		p->counters.held += e != NULL;
		return e;
	}
	struct entry *oldest = TAILQ_LAST(&p->used, entry_list);
	LIST_REMOVE(oldest, link);
	TAILQ_REMOVE(&p->used, oldest, used);
	return oldest;
}

/* Takes it unless a newer one stands; without memory nothing is held, which is no failure. */
static void keep(struct pkarr *p, const struct pkarr_held *held)
{
	struct entry *e = find(p, held->item.key);
	int order = e ? pkarr_compare(&held->item, &e->held.item) : 1;
	if (order == 0)
		e->held.seen = held->seen;
	if (order <= 0)
		return;
	p->config.changed(p->config.ctx, e ? &e->held.item : NULL, &held->item);
	if (!e && (e = make_room(p))) {
		LIST_INSERT_HEAD(bucket_of(p, held->item.key), e, link);
		TAILQ_INSERT_HEAD(&p->used, e, used);
	}
	if (e)
		e->held = *held;
}

/* ---- jobs ---- */

static void finish(struct pkarr_job *job, const struct pkarr_result *result)
{
	pkarr_fn *fn = job->fn;
	void *ctx = job->ctx;
	job_free(job);
	if (fn)
		fn(ctx, result);
}

static void finish_without(struct pkarr_job *job, int error)
{
	struct pkarr_result result = {.error = error, .invalid = -1};
	finish(job, &result);
}

static void finish_get(struct pkarr_job *job, const struct dht_result *found)
{
	struct pkarr_held held = {.item = job->newest, .seen = clock_wall()};
	struct pkarr_result result = {.error = -ENOENT, .invalid = -1};
	bool alone = found->error == -EHOSTUNREACH && !job->pkarr->config.joined;
	if (found->error && !alone)
		result.error = -ENETUNREACH;
	if (job->found) {
		int r = pkarr_max_age(&held.item, &held.max_age);
		if (r == -EPROTO)
			result.invalid = held.item.seq;
		else
			result.error = r;
	}
	if (result.error == 0) {
		result.held = &held;
		keep(job->pkarr, &held);
	}
	finish(job, &result);
}

static void finish_put(struct pkarr_job *job)
{
	struct pkarr_held held = {.item = job->item, .seen = clock_wall()};
	struct pkarr_result result = {.invalid = -1, .stored = job->stored};
	if (job->stored == 0)
		result.error = -EIO;
	else if (pkarr_max_age(&held.item, &held.max_age) == 0)
		keep(job->pkarr, &held);
	finish(job, &result);
}

static void on_read_back(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	struct pkarr_job *job = ctx;
	(void)from;
	if (item)
		return;
	job->lookup = NULL;
	job->stored = result->held;
	finish_put(job);
}

static void on_put(void *ctx, const struct dht_result *result)
{
	struct pkarr_job *job = ctx;
	struct pkarr *p = job->pkarr;
	job->lookup = NULL;
	if (result->stored == 0 && (result->refused_seq || result->contested)) {
		p->counters.refused++;
		finish_without(job, -ESTALE);
		return;
	}
	/* Alone we are the whole network; where others are to be known, only they count. */
	if (result->stored || !p->config.joined)
		job->stored = result->stored + result->stored_here;
	if (result->crowded && job->stored &&
		dht_read_back(p->dht, &job->item, on_read_back, job, &job->lookup) == 0)
		return;
	finish_put(job);
}

static void on_found(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	struct pkarr_job *job = ctx;
	(void)from;
	if (item) {
		if (item->seq > clock_wall() + AHEAD_MAX)
			return;
		if (!job->found || pkarr_compare(item, &job->newest) > 0)
			job->newest = *item;
		job->found = true;
		return;
	}
	job->lookup = NULL;
	if (!job->puts) {
		finish_get(job, result);
	} else if (job->found && pkarr_compare(&job->item, &job->newest) < 0) {
		job->pkarr->counters.refused++;
		finish_without(job, -ESTALE);
	} else if (dht_put(job->pkarr->dht, &job->item, 0, on_put, job, &job->lookup) < 0) {
		finish_without(job, -EIO);
	}
}

static int start(struct pkarr *p, pkarr_fn *fn, void *ctx, struct pkarr_job **ret_job)
{
	struct pkarr_job *job = p->jobs_len < JOBS_MAX ? calloc(1, sizeof(*job)) : NULL;
	if (!job)
		return -EBUSY;
	job->pkarr = p;
	job->fn = fn;
	job->ctx = ctx;
	LIST_INSERT_HEAD(&p->jobs, job, link);
	p->jobs_len++;
	*ret_job = job;
	return 0;
}

static int look(struct pkarr_job *job)
{
	int r = dht_get_mutable(
		job->pkarr->dht, job->item.key, NULL, 0, on_found, job, &job->lookup);
	if (r < 0)
		job_free(job);
	return r;
}

int pkarr_get(struct pkarr *p, const uint8_t key[DHT_KEY_LEN], pkarr_fn *fn, void *ctx,
	struct pkarr_job **ret_job)
{
	int r = start(p, fn, ctx, ret_job);
	if (r < 0)
		return r;
	memcpy((*ret_job)->item.key, key, DHT_KEY_LEN);
	p->counters.gets++;
	return look(*ret_job);
}

int pkarr_put(struct pkarr *p, const struct dht_item *item, pkarr_fn *fn, void *ctx,
	struct pkarr_job **ret_job)
{
	const struct entry *e = find(p, item->key);
	if (item->seq > clock_wall() + AHEAD_MAX)
		return -EINVAL;
	if (e && pkarr_compare(item, &e->held.item) < 0) {
		p->counters.refused++;
		return -ESTALE;
	}
	int r = start(p, fn, ctx, ret_job);
	if (r < 0)
		return r;
	(*ret_job)->puts = true;
	(*ret_job)->item = *item;
	p->counters.puts++;
	return look(*ret_job);
}

void pkarr_leave(struct pkarr_job *job)
{
	job->fn = NULL;
	if (!job->puts)
		job_free(job);
}
