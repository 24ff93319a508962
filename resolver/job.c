/* Publishing jobs: read, merge, sign, put, and again. */
#include "resolver/job.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "resolver/clock.h"
#include "resolver/policy.h"

static void read_done(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result);
static void put_done(void *ctx, const struct dht_result *result);

/* Up to a quarter more, so that what was written together does not come back together. */
static uint64_t jittered(uint64_t delay)
{
	uint64_t r = 0;
	if (getrandom(&r, sizeof(r), 0) < 0)
		r = 0;
	return delay + (delay >= 4 ? r % (delay / 4) : 0);
}

static void arm(struct job *job, uint64_t delay)
{
	struct timeval t = {.tv_sec = (time_t)(delay / SECOND), .tv_usec = (suseconds_t)(delay % SECOND)};
	job->due = clock_monotonic() + delay;
	event_add(&job->timer, &t);
}

void job_schedule(struct job *job, uint64_t delay)
{
	if (job->state != JOB_WAITING) {
		job->again = true;
		return;
	}
	job->alone = false;
	if (!event_pending(&job->timer, EV_TIMEOUT, NULL) || clock_monotonic() + delay < job->due)
		arm(job, delay);
}

static void reset(struct job *job)
{
	job->packets_len = 0;
	merge_edits_finish(&job->edits);
	job->lookup = NULL;
	if (job->state != JOB_WAITING)
		job->publisher->running--;
	job->state = JOB_WAITING;
}

/* Ends a run; the job waits for the next. */
static void rest(struct job *job, uint64_t delay)
{
	struct publisher *p = job->publisher;
	uid_t uid = job->uid;
	bool zone = job->kind == JOB_ZONE;
	reset(job);
	if (job->again)
		delay = 0;
	job->again = false;
	if (!job->alone || delay == 0)
		arm(job, jittered(delay));
	if (zone)
		publish_zone_done(p, uid);
}

static void fail(struct job *job)
{
	job->publisher->counters.failures++;
	unsigned shift = job->failures < 6 ? job->failures : 6;
	job->failures++;
	rest(job, (5 * SECOND) << shift);
}

static bool wanted(const struct job *job);

/* ---- reading ---- */

static void start(struct job *job)
{
	struct publisher *p = job->publisher;
	if (p->running >= JOB_RUNNING_MAX) {
		arm(job, SECOND / 10);
		return;
	}
	uint8_t key[DHT_KEY_LEN];
	int r;
	memset(&job->item, 0, sizeof(job->item));
	job->item.is_mutable = true;
	if (job->kind == JOB_ZONE) {
		r = signer_key(p->signer, job->uid, key);
	} else {
		uint8_t seed[DHT_SEED_LEN];
		question_key(&job->question, job->item.salt);
		job->item.salt_len = QUESTION_KEY_LEN;
		slot_seed(job->item.salt, seed);
		r = dht_key_of_seed(seed, key);
	}
	if (r == 0) {
		memcpy(job->item.key, key, sizeof(key));
		r = dht_get_mutable(p->dht, key, job->item.salt, job->item.salt_len, read_done, job,
			&job->lookup);
	}
	job->state = JOB_READING;
	p->running++;
	if (r < 0)
		fail(job);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct job *job = ctx;
	if (wanted(job))
		start(job);
	else
		job_destroy(job);
}

static void keep_packet(struct job *job, int64_t seq, const uint8_t *bytes, size_t len)
{
	struct job_packet *at = NULL;
	for (size_t i = 0; i < job->packets_len; i++)
		if (job->packets[i].len == len && memcmp(job->packets[i].bytes, bytes, len) == 0)
			return;
	if (job->kind == JOB_ZONE && job->packets_len == 1) {
		const struct job_packet *held = &job->packets[0];
		if (zone_compare(seq, bytes, len, held->seq, held->bytes, held->len) > 0)
			at = &job->packets[0];
	} else if (job->packets_len < JOB_PACKETS_MAX) {
		at = &job->packets[job->packets_len++];
	}
	if (!at)
		return;
	at->seq = seq;
	at->len = (uint16_t)len;
	memcpy(at->bytes, bytes, len);
}

/* ---- merging and putting ---- */

/* Above all that was seen, and time. -EOVERFLOW: somebody who holds the key went more than a day
 * ahead; following him would burn it. */
static int next_seq(struct job *job, const struct dht_id *target, int64_t seen, int64_t *ret_seq)
{
	int64_t last, now = clock_wall();
	int r = own_seq(job->publisher->own, target->b, &last);
	if (r < 0)
		return r;
	if (last > seen)
		seen = last;
	if (seen >= now + 24 * 3600 * (int64_t)SECOND)
		return -EOVERFLOW;
	*ret_seq = seen >= now ? seen + 1 : now;
	return own_set_seq(job->publisher->own, target->b, *ret_seq);
}

static int merge_into_zone(struct job *job, const struct dht_id *target, uint8_t *ret_packet)
{
	struct publisher *p = job->publisher;
	int64_t last;
	int r = own_seq(p->own, target->b, &last);
	if (r < 0)
		return r;
	const struct job_packet *newest = job->packets_len ? &job->packets[0] : NULL;
	struct merge_zone m = {.own = p->own, .signer = p->signer, .uid = job->uid,
		.newest = newest ? newest->bytes : NULL, .newest_len = newest ? newest->len : 0,
		.all = !newest || newest->seq < last};
	return merge_zone(&m, ret_packet, &job->edits);
}

/* A copy of what DNS said goes only onto an empty board. */
static int add_copy(struct job *job, struct slot *slot, bool *ret_idle)
{
	if (!job->copy)
		return 0;
	if (slot->claims_len) {
		*ret_idle = true;
		return 0;
	}
	struct claim claim;
	int r = claim_copy(job->copy, clock_wall() / (int64_t)SECOND, &claim);
	return r < 0 ? r : slot_add(slot, &claim);
}

static int merge_into_slot(struct job *job, uint8_t *ret_packet, bool *ret_idle)
{
	struct publisher *p = job->publisher;
	int64_t now = clock_wall();
	unsigned budget = JOB_CHECKS_MAX;
	struct slot slot;
	slot_init(&slot, &job->question);
	int r = 0;
	for (size_t i = 0; r == 0 && i < job->packets_len; i++) {
		struct slot_reading reading = {.now = now / (int64_t)SECOND,
			.packet_time = job->packets[i].seq / (int64_t)SECOND,
			.allow_unsigned = p->config.policy->mode == POLICY_OPEN, .budget = &budget};
		r = slot_add_packet(&slot, job->packets[i].bytes, job->packets[i].len, &reading);
		if (r == -EBADMSG)
			r = 0; /* junk on the board is no reason to stay away from it */
	}
	if (r == 0)
		r = add_copy(job, &slot, ret_idle);
	if (r == 0)
		r = merge_slot(p->own, p->signer, &slot, now, ret_packet, &job->edits);
	slot_finish(&slot);
	return r;
}

static int sign(struct job *job, const uint8_t *packet, size_t len)
{
	struct dht_item *item = &job->item;
	int r = dht_item_set_string(item, packet, len);
	if (r < 0)
		return r;
	if (job->kind == JOB_ZONE)
		return signer_zone(job->publisher->signer, job->uid, packet, len, item->seq, item->sig);
	uint8_t seed[DHT_SEED_LEN];
	slot_seed(item->salt, seed);
	return dht_item_sign(item, seed);
}

static int merge_and_put(struct job *job, int64_t seen)
{
	uint8_t packet[ZONE_BYTES_MAX > SLOT_BYTES_MAX ? ZONE_BYTES_MAX : SLOT_BYTES_MAX];
	struct dht_id target;
	bool idle = false;
	dht_item_target(&job->item, &target);
	int len = job->kind == JOB_ZONE ? merge_into_zone(job, &target, packet) :
					  merge_into_slot(job, packet, &idle);
	if (len < 0)
		return len;
	if (idle) {
		rrset_destroy(job->copy);
		job->copy = NULL;
		rest(job, 0);
		return 0;
	}
	int r = next_seq(job, &target, seen, &job->item.seq);
	if (r == 0)
		r = sign(job, packet, (size_t)len);
	if (r == 0)
		r = dht_put(job->publisher->dht, &job->item, DHT_PUT_CAS, put_done, job, &job->lookup);
	if (r == 0)
		job->state = JOB_PUTTING;
	return r;
}

static void read_done(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	(void)from;
	struct job *job = ctx;
	if (item) {
		const uint8_t *bytes;
		size_t len;
		if (item->seq <= clock_wall() + 24 * 3600 * (int64_t)SECOND &&
			dht_item_get_string(item, &bytes, &len) == 0 && len <= SLOT_BYTES_MAX)
			keep_packet(job, item->seq, bytes, len);
		return;
	}
	job->lookup = NULL;
	if (result->error == -ENETUNREACH || merge_and_put(job, result->seq_seen) < 0)
		fail(job);
}

static void mark_published(struct job *job, unsigned replicas)
{
	struct publisher *p = job->publisher;
	int64_t now = clock_wall();
	for (size_t i = 0; i < job->edits.len; i++) {
		const struct merge_edit *edit = &job->edits.edit[i];
		if (edit->inception)
			own_claimed(p->own, edit->uid, &edit->question, edit->inception);
		own_published(p->own, edit->uid, &edit->question, edit->written, now, replicas);
	}
	rrset_destroy(job->copy);
	job->copy = NULL;
}

static void put_done(void *ctx, const struct dht_result *result)
{
	struct job *job = ctx;
	struct publisher *p = job->publisher;
	job->lookup = NULL;
	if (result->refused_cas || result->refused_seq) {
		p->counters.conflicts++;
		if (++job->conflicts <= JOB_CONFLICTS_MAX) {
			rest(job, SECOND / 50 << job->conflicts);
			return;
		}
		job->conflicts = 0;
		rest(job, 60 * SECOND);
		return;
	}
	job->conflicts = 0;
	if (result->stored == 0 && result->error != -EHOSTUNREACH) {
		fail(job);
		return;
	}
	job->failures = 0;
	job->alone = result->stored == 0;
	if (job->kind == JOB_ZONE)
		p->counters.zones_put++;
	else
		p->counters.slots_put++;
	if (result->stored)
		mark_published(job, result->stored);
	rest(job, JOB_REPUBLISH * SECOND);
}

/* ---- life ---- */

static void count_record(void *ctx, const struct own_record *record)
{
	(void)record;
	++*(unsigned *)ctx;
}

struct uid_count {
	uid_t uid;
	unsigned records;
};

static void count_of_uid(void *ctx, const struct own_record *record)
{
	struct uid_count *c = ctx;
	c->records += record->uid == c->uid;
}

/* A job without records and without a copy to store has nothing left to say. */
static bool wanted(const struct job *job)
{
	struct publisher *p = job->publisher;
	if (job->kind == JOB_ZONE) {
		struct uid_count c = {.uid = job->uid};
		own_each(p->own, count_of_uid, &c);
		return c.records > 0;
	}
	unsigned records = 0;
	own_each_of(p->own, &job->question, count_record, &records);
	return records > 0 || job->copy;
}

static struct job *new_job(struct publisher *p, enum job_kind kind)
{
	struct job *job = calloc(1, sizeof(*job));
	if (!job)
		return NULL;
	job->publisher = p;
	job->kind = kind;
	event_assign(&job->timer, p->base, -1, 0, on_timer, job);
	TAILQ_INSERT_TAIL(&p->jobs, job, link);
	return job;
}

struct job *job_zone(struct publisher *p, uid_t uid)
{
	struct job *job;
	TAILQ_FOREACH (job, &p->jobs, link)
		if (job->kind == JOB_ZONE && job->uid == uid)
			return job;
	job = new_job(p, JOB_ZONE);
	if (job)
		job->uid = uid;
	return job;
}

struct job *job_slot(struct publisher *p, const struct question *q)
{
	struct job *job;
	TAILQ_FOREACH (job, &p->jobs, link)
		if (job->kind == JOB_SLOT && question_equal(&job->question, q))
			return job;
	job = new_job(p, JOB_SLOT);
	if (job)
		job->question = *q;
	return job;
}

void job_destroy(struct job *job)
{
	struct publisher *p = job->publisher;
	if (job->lookup)
		dht_cancel(p->dht, job->lookup);
	reset(job);
	event_del(&job->timer);
	TAILQ_REMOVE(&p->jobs, job, link);
	rrset_destroy(job->copy);
	free(job);
}
