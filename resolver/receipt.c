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

struct reachable {
	unsigned v4, v6;
};

static void count_reachable(void *ctx, const struct dht_node_info *node)
{
	struct reachable *n = ctx;
	if (node->heard && !node->failures)
		++*(node->contact.endpoint.family == 4 ? &n->v4 : &n->v6);
}

/* A node may be known by an address of each family, and takes a record once. */
static unsigned count_nodes(const struct publisher *p)
{
	struct reachable n = {0};
	if (p->dht)
		dht_each_node(p->dht, count_reachable, &n);
	return n.v4 > n.v6 ? n.v4 : n.v6;
}

/* Where all are silent one copy, at a relay maybe, is more than can be hoped for, and less is none.
 */
static unsigned wanted(const struct publisher *p)
{
	unsigned reachable = count_nodes(p);
	if (reachable > PUBLISH_COPIES)
		return PUBLISH_COPIES;
	return reachable ? reachable : 1;
}

static bool met(struct publisher *p)
{
	p->met = p->met || count_nodes(p) > 0;
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

/* What is published, but that too few have taken, as when others have come since, is put anew: the
 * job sees that it is waited for (job_said, receipt_is_owed_on). Once for each who waits, for a
 * node that takes nothing would be asked for ever. */
static void run(struct publisher *p, const struct publish_receipt *r)
{
	const struct own_record *record = own_find(p->own, r->uid, &r->question);
	uint8_t key[NAME_KEY_LEN];
	if (!record->published) {
		publish_push(p, r->uid, &r->question);
		return;
	}
	struct job *job = name_key(&r->question.name, key) ? job_zone(p, r->uid)
							   : job_slot(p, &r->question);
	if (job)
		job_schedule(job, 0);
}

bool receipt_is_owed(const struct publisher *p, const struct own_record *record)
{
	const struct publish_receipt *r;
	TAILQ_FOREACH(r, &p->receipts, link)
	if (r->uid == record->uid && question_equal(&r->question, &record->question))
		return record->replicas < wanted(p);
	return false;
}

/* Of a name under the key of `uid`, where it stands in his zone. */
static bool is_on(const struct publish_receipt *r, uid_t uid, const struct receipt_place *place)
{
	uint8_t key[NAME_KEY_LEN];
	return r->uid == uid && name_key(&r->question.name, key) &&
	       (!place || pages_place(&r->question, place->pages) == place->page);
}

bool receipt_is_owed_on(const struct publisher *p, uid_t uid, const struct receipt_place *place)
{
	const struct publish_receipt *r;
	TAILQ_FOREACH(r, &p->receipts, link)
	{
		const struct own_record *record = own_find(p->own, uid, &r->question);
		if (record && record->published && is_on(r, uid, place) &&
			record->replicas < wanted(p))
			return true;
	}
	return false;
}

void receipt_mark_on(
	struct publisher *p, uid_t uid, const struct receipt_place *place, unsigned replicas)
{
	const struct publish_receipt *r;
	TAILQ_FOREACH(r, &p->receipts, link)
	{
		const struct own_record *record = own_find(p->own, uid, &r->question);
		if (record && record->set && record->published && is_on(r, uid, place))
			own_published(p->own, uid, &r->question, record->written, record->published,
				replicas);
	}
	receipts_look(p);
}

int publish_receipt(struct publisher *p, struct publish_receipt *r)
{
	int error = look(p, r, wanted(p));
	if (error != -EINPROGRESS)
		return error;
	TAILQ_INSERT_TAIL(&p->receipts, r, link);
	run(p, r);
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
