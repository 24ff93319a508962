/* The publishing jobs that there are: found by what they publish, waiting for their time, for their
 * turn, for a place. */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "resolver/clock.h"
#include "resolver/job.h"
#include "resolver/zone_relays.h"

#define BUCKETS_MIN 64
#define LONELY 15	  /* looks, of publish.c: half a minute, in which a node finds others */
#define TURN (SECOND / 5) /* between looks whether somebody's turn has come */

static void random_bytes(void *buf, size_t len)
{
	if (getrandom(buf, len, 0) < 0)
		memset(buf, 0, len); /* interrupted before the first boot's entropy: no harm here */
}

/* ---- time ---- */

/* Up to a quarter more, so that what was written together does not come back together. */
static uint64_t jittered(uint64_t delay)
{
	uint64_t r;
	random_bytes(&r, sizeof(r));
	return delay + (delay >= 4 ? r % (delay / 4) : 0);
}

static void arm(struct job *job, uint64_t now)
{
	uint64_t delay = job->due > now ? job->due - now : 0;
	struct timeval t = {
		.tv_sec = (time_t)(delay / SECOND), .tv_usec = (suseconds_t)(delay % SECOND)};
	event_add(&job->timer, &t);
}

static void wait_for(struct job *job, uint64_t delay)
{
	uint64_t now = clock_monotonic();
	job->due = now + delay;
	arm(job, now);
}

void job_wait(struct job *job, uint64_t delay)
{
	wait_for(job, jittered(delay));
}

uint64_t job_pause(const struct job *job)
{
	uint64_t pace = job->publisher->config.pace, since = clock_monotonic() - job->started;
	return job->started && since < pace ? pace - since : 0;
}

void job_schedule(struct job *job, uint64_t delay)
{
	if (job->state != JOB_WAITING) {
		job->again = true;
		return;
	}
	uint64_t pause = job_pause(job);
	if (delay < pause)
		delay = pause;
	job->alone = false;
	job->hurried = true;
	if (!event_pending(&job->timer, EV_TIMEOUT, NULL) || clock_monotonic() + delay < job->due)
		wait_for(job, delay);
}

void jobs_woke(struct publisher *p)
{
	uint64_t now = clock_monotonic();
	struct job *job;
	TAILQ_FOREACH(job, &p->jobs, link)
	if (event_pending(&job->timer, EV_TIMEOUT, NULL))
		arm(job, now);
}

/* ---- lines: for a place, for a turn ---- */

static void leave_line(struct job *job)
{
	if (!job->line)
		return;
	TAILQ_REMOVE(&job->line->jobs, job, turn);
	job->line->len--;
	job->line = NULL;
}

static void enter_line(struct job *job, struct job_line *line)
{
	leave_line(job);
	TAILQ_INSERT_TAIL(&line->jobs, job, turn);
	line->len++;
	job->line = line;
}

/* From here on it runs, and nothing else starts it: not the timer of an edit either. */
static void start_or_destroy(struct job *job)
{
	leave_line(job);
	event_del(&job->timer);
	if (job_wanted(job))
		job_start(job);
	else
		job_destroy(job);
}

static void fill_places(struct publisher *p)
{
	static const struct timeval pause = {.tv_usec = JOB_STARTS_PAUSE};
	if (event_pending(&p->place, EV_TIMEOUT, NULL))
		return; /* it has just been here */
	for (unsigned i = 0; i < JOB_STARTS_MAX && p->running < JOB_RUNNING_MAX; i++) {
		struct job *job = TAILQ_FIRST(&p->hurried.jobs);
		if (!job)
			return;
		event_add(&p->place, &pause);
		start_or_destroy(job);
	}
}

static void on_place(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	fill_places(ctx);
}

void job_take_place(struct job *job)
{
	job->publisher->running++;
}

/* The next starts from the loop: whoever leaves may be in the middle of starting. */
void job_leave_place(struct job *job)
{
	struct publisher *p = job->publisher;
	p->running--;
	static const struct timeval soon;
	if (p->hurried.len && !event_pending(&p->place, EV_TIMEOUT, NULL))
		event_add(&p->place, &soon);
}

static void wait_for_turns(struct publisher *p)
{
	struct timeval t = {.tv_usec = TURN};
	if (p->turns.len && !event_pending(&p->turn_timer, EV_TIMEOUT, NULL))
		event_add(&p->turn_timer, &t);
}

void job_in_turn(struct job *job)
{
	if (job->line || job->state != JOB_WAITING)
		return;
	enter_line(job, &job->publisher->turns);
	wait_for_turns(job->publisher);
}

void job_take_turns(struct publisher *p)
{
	struct job *job;
	while (p->running < JOB_RUNNING_MAX && (job = TAILQ_FIRST(&p->turns.jobs)) &&
		dht_republish_may(p->dht))
		start_or_destroy(job);
}

static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct publisher *p = ctx;
	struct dht_counters c;
	dht_counters(p->dht, &c);
	if (c.nodes || (p->config.relays && p->lonely >= LONELY))
		job_take_turns(p);
	wait_for_turns(p);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct job *job = ctx;
	if (job->state != JOB_WAITING) {
		job->again = true;
	} else if (!job_wanted(job)) {
		job_destroy(job);
	} else if (job->hurried) {
		enter_line(job, &job->publisher->hurried);
		fill_places(job->publisher);
	} else {
		job_in_turn(job);
	}
}

/* ---- life ---- */

static void count_record(void *ctx, const struct own_record *record)
{
	(void)record;
	++*(unsigned *)ctx;
}

bool job_wanted(const struct job *job)
{
	struct publisher *p = job->publisher;
	unsigned records = 0;
	if (job->kind == JOB_ZONE) {
		own_each_by(p->own, job->uid, count_record, &records);
		return records > 0;
	}
	own_each_of(p->own, &job->question, count_record, &records);
	return records > 0 || job->copy;
}

static struct job **bucket_of(const struct publisher *p, uint64_t hash)
{
	return &p->buckets[hash & (p->buckets_len - 1)];
}

/* Without memory the chains grow longer; only the first table is needed. */
static bool make_room(struct publisher *p)
{
	if (p->jobs_len < p->buckets_len)
		return true;
	size_t len = p->buckets_len ? p->buckets_len * 2 : BUCKETS_MIN;
	struct job **buckets = calloc(len, sizeof(*buckets)), *job;
	if (!buckets)
		return p->buckets_len > 0;
	free(p->buckets);
	p->buckets = buckets;
	p->buckets_len = len;
	TAILQ_FOREACH(job, &p->jobs, link)
	{
		struct job **at = bucket_of(p, job->hash);
		job->chain = *at;
		*at = job;
	}
	return true;
}

/* The bucket's secret seed matters where strangers choose the names: copies of DNS answers. */
static uint64_t hash_of(
	const struct publisher *p, enum job_kind kind, uid_t uid, const struct question *q)
{
	return kind == JOB_ZONE ? uid ^ p->seed : question_hash(q, p->seed);
}

struct job *job_find(
	const struct publisher *p, enum job_kind kind, uid_t uid, const struct question *q)
{
	uint64_t hash = hash_of(p, kind, uid, q);
	struct job *job = p->buckets_len ? *bucket_of(p, hash) : NULL;
	for (; job; job = job->chain)
		if (job->hash == hash && job->kind == kind &&
			(kind == JOB_ZONE ? job->uid == uid : question_equal(&job->question, q)))
			return job;
	return NULL;
}

static struct job *find_or_make(
	struct publisher *p, enum job_kind kind, uid_t uid, const struct question *q)
{
	struct job *job = job_find(p, kind, uid, q);
	if (job)
		return job;
	uint64_t hash = hash_of(p, kind, uid, q);
	job = make_room(p) ? calloc(1, sizeof(*job)) : NULL;
	if (!job)
		return NULL;
	job->publisher = p;
	job->kind = kind;
	job->uid = uid;
	if (q)
		job->question = *q;
	job->hash = hash;
	event_assign(&job->timer, p->base, -1, 0, on_timer, job);
	struct job **at = bucket_of(p, hash);
	job->chain = *at;
	*at = job;
	TAILQ_INSERT_TAIL(&p->jobs, job, link);
	p->jobs_len++;
	return job;
}

struct job *job_zone(struct publisher *p, uid_t uid)
{
	return find_or_make(p, JOB_ZONE, uid, NULL);
}

struct job *job_slot(struct publisher *p, const struct question *q)
{
	return find_or_make(p, JOB_SLOT, 0, q);
}

void job_give_copy(struct job *job, struct rrset *copy)
{
	job->copy = copy;
	job->copied = clock_wall() / (int64_t)SECOND;
	job->publisher->copiers += !job->copier;
	job->copier = true;
}

/* A job without own records stays one that is there for a copy, until it is destroyed: soon. */
void job_drop_copy(struct job *job)
{
	rrset_destroy(job->copy);
	job->copy = NULL;
	if (job->copier && job_wanted(job)) {
		job->copier = false;
		job->publisher->copiers--;
	}
}

void job_destroy(struct job *job)
{
	struct publisher *p = job->publisher;
	struct job **at = bucket_of(p, job->hash);
	if (job->lookup)
		dht_cancel(p->dht, job->lookup);
	zone_relays_cancel(job->relayed);
	leave_line(job);
	job_drop(job);
	job_stop(job);
	event_del(&job->timer);
	while (*at != job)
		at = &(*at)->chain;
	*at = job->chain;
	TAILQ_REMOVE(&p->jobs, job, link);
	p->jobs_len--;
	p->copiers -= job->copier;
	rrset_destroy(job->copy);
	free(job);
}

void jobs_init(struct publisher *p)
{
	TAILQ_INIT(&p->jobs);
	TAILQ_INIT(&p->hurried.jobs);
	TAILQ_INIT(&p->turns.jobs);
	random_bytes(&p->seed, sizeof(p->seed));
	event_assign(&p->place, p->base, -1, 0, on_place, p);
	event_assign(&p->turn_timer, p->base, -1, 0, on_turn, p);
}

void jobs_finish(struct publisher *p)
{
	struct job *job;
	while ((job = TAILQ_FIRST(&p->jobs)))
		job_destroy(job);
	event_del(&p->place);
	event_del(&p->turn_timer);
	free(p->buckets);
}
