/* Receipts: who waits until the network has what he wrote, and where a record stands.
 *
 * Jobs carry it there and say nothing of whom they carry it for; whenever one has marked something,
 * or the nodes that there are may have changed, all who wait are looked at, once for a turn of the
 * loop. */
#include <errno.h>
#include <event2/event.h>

#include "resolver/clock.h"
#include "resolver/job.h"
#include "resolver/policy.h"

static void count_reachable(void *ctx, const struct dht_node_info *node)
{
	*(unsigned *)ctx += node->heard && !node->failures;
}

/* Where all are silent one copy, at a relay maybe, is more than can be hoped for, and less is none.
 */
static unsigned wanted(const struct publisher *p)
{
	unsigned reachable = 0;
	if (p->dht)
		dht_each_node(p->dht, count_reachable, &reachable);
	if (reachable > PUBLISH_COPIES)
		return PUBLISH_COPIES;
	return reachable ? reachable : 1;
}

static bool met(struct publisher *p)
{
	unsigned reachable = 0;
	if (!p->met)
		dht_each_node(p->dht, count_reachable, &reachable);
	p->met |= reachable > 0;
	return p->met;
}

static bool stays_here(const struct publisher *p, const struct question *q)
{
	return !p->dht || !policy_tells_dht(p->config.policy, &q->name);
}

static int look(struct publisher *p, const struct publish_receipt *r, unsigned copies)
{
	const struct own_record *record = own_find(p->own, r->uid, &r->question);
	if (!record || !record->set)
		return -ENOENT;
	if (stays_here(p, &r->question) || !met(p))
		return 0;
	return record->published && record->replicas >= copies ? 0 : -EINPROGRESS;
}

int publish_receipt(struct publisher *p, struct publish_receipt *r)
{
	int error = look(p, r, wanted(p));
	if (error != -EINPROGRESS)
		return error;
	TAILQ_INSERT_TAIL(&p->receipts, r, link);
	publish_push(p, r->uid, &r->question);
	return error;
}

void publish_receipt_no_longer(struct publisher *p, struct publish_receipt *r)
{
	TAILQ_REMOVE(&p->receipts, r, link);
}

/* One is told at a time: whoever is told may end others. */
static bool tell_one(struct publisher *p)
{
	unsigned copies = wanted(p);
	struct publish_receipt *r;
	TAILQ_FOREACH(r, &p->receipts, link)
	{
		int error = look(p, r, copies);
		if (error == -EINPROGRESS)
			continue;
		TAILQ_REMOVE(&p->receipts, r, link);
		r->fn(r, error);
		return true;
	}
	return false;
}

static void on_due(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	if (tell_one(ctx))
		receipts_look(ctx);
}

void receipts_look(struct publisher *p)
{
	static const struct timeval now;
	if (!TAILQ_EMPTY(&p->receipts) && !event_pending(&p->receipts_due, EV_TIMEOUT, NULL))
		event_add(&p->receipts_due, &now);
}

static int64_t next_run(const struct job *job)
{
	if (!job || job->alone)
		return 0;
	if (!event_pending(&job->timer, EV_TIMEOUT, NULL))
		return clock_wall() / (int64_t)SECOND; /* it runs, or is next */
	return (clock_wall() + (int64_t)(job->due - clock_monotonic())) / (int64_t)SECOND;
}

bool publish_stand(
	const struct publisher *p, const struct own_record *record, struct publish_state *ret_state)
{
	const struct question *q = &record->question;
	uint8_t key[NAME_KEY_LEN];
	*ret_state = (struct publish_state){0};
	if (stays_here(p, q))
		return false;
	int64_t zone = next_run(job_find(p, JOB_ZONE, record->uid, NULL)),
		slot = name_key(&q->name, key) ? 0 : next_run(job_find(p, JOB_SLOT, 0, q));
	ret_state->next = slot && (!zone || slot < zone) ? slot : zone;
	ret_state->published = record->published / (int64_t)SECOND;
	ret_state->replicas = record->published ? record->replicas : 0;
	return true;
}

int publish_state(
	struct publisher *p, uid_t uid, const struct question *q, struct publish_state *ret_state)
{
	const struct own_record *record = own_find(p->own, uid, q);
	if (!record || !record->set)
		return -ENOENT;
	publish_stand(p, record, ret_state);
	return 0;
}

void receipts_init(struct publisher *p)
{
	TAILQ_INIT(&p->receipts);
	event_assign(&p->receipts_due, p->base, -1, 0, on_due, p);
}

/* Who still waits is not told: his own end comes before this one's. */
void receipts_finish(struct publisher *p)
{
	event_del(&p->receipts_due);
}
