/* What a zone's job and a slot's have in common: how a run begins, waits for the disk, and ends. */
#include "resolver/job.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"

void job_stop(struct job *job)
{
	if (job->kind == JOB_ZONE)
		job_zone_stop(job);
	else
		job_slot_stop(job);
	merge_edits_finish(&job->edits);
	if (job->state == JOB_STORING)
		own_wait_no_longer(job->publisher->own, &job->durable);
	if (job->state != JOB_WAITING)
		job_leave_place(job);
	job->state = JOB_WAITING;
}

void job_rest(struct job *job, uint64_t delay)
{
	bool again = job->again;
	job_stop(job);
	job->hurried |= again;
	job->again = false;
	if (again)
		job_wait(job, job_pause(job));
	else if (!job->alone || delay == 0)
		job_wait(job, delay);
}

void job_fail(struct job *job)
{
	job->publisher->counters.failures++;
	unsigned shift = job->failures < 6 ? job->failures : 6;
	job->failures++;
	job_rest(job, (5 * SECOND) << shift);
}

void job_start(struct job *job)
{
	job->started = clock_monotonic();
	job->state = JOB_READING;
	job_take_place(job);
	if ((job->kind == JOB_ZONE ? job_zone_start(job) : job_slot_start(job)) < 0)
		job_fail(job);
}

void job_account(struct job *job, unsigned bytes)
{
	if (!job->hurried)
		dht_republish_spent(job->publisher->dht, bytes);
}

/* A zone a day, as readers hold it too; a slot, whose key is everyone's, ten minutes, as nodes of
 * ours hold it. */
int64_t job_ahead_max(const struct job *job)
{
	return job->kind == JOB_ZONE ? ZONE_AHEAD_MAX : 600 * (int64_t)SECOND;
}

/* ---- the disk ---- */

int job_next_put(struct job *job, const struct dht_id *target, int64_t seen, struct own_put *last)
{
	int64_t now = clock_signing();
	if (seen < last->seq)
		seen = last->seq;
	if (seen >= now + job_ahead_max(job))
		return -EOVERFLOW;
	last->seq = seen >= now ? seen + 1 : now;
	if (job->kind == JOB_ZONE)
		last->seq = zone_seq(own_writer(job->publisher->own), seen, now);
	return own_set_put(job->publisher->own, target->b, last->seq);
}

static int put(struct job *job)
{
	job->state = JOB_PUTTING;
	return job->kind == JOB_ZONE ? job_zone_put(job) : job_slot_put(job);
}

static void on_durable(struct own_waiter *w, int error)
{
	struct job *job = (struct job *)((char *)w - offsetof(struct job, durable));
	job->state = JOB_PUTTING;
	if (error < 0 || put(job) < 0)
		job_fail(job);
}

/* The seq has just been written, so there is something to wait for where commits wait for anything
 * at all; and it is the last, so that the edits that were merged are on the disk with it. */
int job_store(struct job *job)
{
	job->durable.fn = on_durable;
	if (!own_wait(job->publisher->own, &job->durable))
		return put(job);
	job->state = JOB_STORING;
	return 0;
}

/* ---- the end ---- */

bool job_conflict(struct job *job)
{
	job->publisher->counters.conflicts++;
	if (++job->conflicts <= JOB_CONFLICTS_MAX) {
		job_rest(job, SECOND / 50 << job->conflicts);
		return true;
	}
	job->conflicts = 0;
	return false;
}

static void mark_zoned(struct publisher *p, const struct own_record *record,
	const struct merge_edit *e, int64_t dot)
{
	if (!record || record->written != e->written)
		return; /* and has been written anew meanwhile */
	own_zoned(p->own, e->uid, &e->question, e->written, dot);
	if (!record->set && dot)
		own_set_gone(p->own, e->uid, &e->question, dot, clock_signing());
}

void job_mark_taken(struct job *job, const struct merge_edit *e, unsigned replicas, int64_t dot)
{
	struct publisher *p = job->publisher;
	const struct own_record *record = own_find(p->own, e->uid, &e->question);
	if (job->kind == JOB_ZONE)
		mark_zoned(p, record, e, replicas ? dot : 0);
	if (e->inception)
		own_claimed(p->own, e->uid, &e->question, e->inception);
	if (replicas == 0)
		return; /* this node alone has it so far: not published */
	/* A plain name is published when its zone and its slot have it: this is the slot. */
	if (job->kind == JOB_ZONE ? e->under_key
				  : record && record->dot && record->zoned == e->written)
		own_published(p->own, e->uid, &e->question, e->written, clock_signing(), replicas);
	receipts_look(p);
}

void job_succeeded(struct job *job, unsigned taken, uint64_t delay)
{
	job->failures = 0;
	job->alone = taken == 0;
	job->again |= job->edits.again;
	job->hurried = false;
	job_rest(job, job_wanted(job) ? delay : 0); /* else it goes at once */
}

void job_adopted(struct job *job, uint64_t delay)
{
	job->failures = job->conflicts = 0;
	job->hurried = false;
	job_rest(job, delay);
}
