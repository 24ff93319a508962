/* Publishing: the user's side. Jobs (resolver/job) carry edits to the network. */
#include "resolver/publish.h"

#include <errno.h>
#include <stdio.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/job.h"
#include "resolver/policy.h"

#define EDIT_DELAY SECOND	    /* a writer that does not close its file */
#define PACE SECOND		    /* what was written meanwhile is signed together */
#define RESIGN (24 * 3600 * SECOND) /* a zone that is a week old is taken for stale */
#define TICK 2			    /* seconds between looks for a network */
#define COPIES_MAX 64		    /* jobs that store copies of DNS answers (trust=open) */

static bool under_key(const struct question *q, uint8_t ret_key[NAME_KEY_LEN])
{
	return name_key(&q->name, ret_key);
}

/* Names of this machine or network only are answered here and told to nobody. */
static bool goes_out(const struct publisher *p, const struct question *q)
{
	return p->dht && policy_tells_dht(p->config.policy, &q->name);
}

static void schedule(struct publisher *p, uid_t uid, const struct question *q, uint64_t delay)
{
	if (!goes_out(p, q))
		return;
	/* Plain names: the zone first, its end starts the slot (publish_zone_done). */
	struct job *job = job_zone(p, uid);
	if (job)
		job_schedule(job, delay);
}

void publish_slot(struct publisher *p, const struct question *q)
{
	struct job *job = job_slot(p, q);
	if (job)
		job_schedule(job, 0);
}

void publish_zone_done(struct publisher *p, const struct merge_edits *edits)
{
	for (size_t i = 0; i < edits->len; i++) {
		const struct merge_edit *e = &edits->edit[i];
		const struct own_record *record = own_find(p->own, e->uid, &e->question);
		/* What changed meanwhile goes into the zone first: its job runs again. */
		if (e->under_key || !record || record->published || record->zoned != e->written ||
			!goes_out(p, &e->question))
			continue;
		if (e->zoned && record->dot == 0)
			continue; /* there is nobody: its slot has been started before */
		publish_slot(p, &e->question);
	}
}

static void say(const struct publisher *p, const char *line)
{
	if (p->config.say)
		p->config.say(p->config.say_ctx, line);
}

static void say_of(const struct publisher *p, const struct merge_edit *e, const char *what)
{
	char line[NAME_TEXT_MAX + 160], name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
	name_to_absolute(&e->question.name, name);
	snprintf(line, sizeof(line), "%s %s of uid %lu: another daemon with the same key has %s",
		name, type_to_text(e->question.type, type), (unsigned long)e->uid, what);
	say(p, line);
}

static void say_yielded(const struct publisher *p, const struct merge_edit *e)
{
	bool changed = e->theirs || e->gone;
	if (e->conflict)
		say_of(p, e,
			changed ? "changed it at the same time, and later: that holds"
				: "withdrawn it at the same time, and later: that holds");
	else
		say_of(p, e, changed ? "changed it since" : "withdrawn it since");
}

void publish_outrun(struct publisher *p, uid_t uid)
{
	char line[160];
	if (own_new_writer(p->own) < 0)
		return; /* the next run finds it as it was */
	p->counters.outrun++;
	snprintf(line, sizeof(line),
		"uid %lu: this state is a copy, or was brought back: the network has a later zone "
		"of it, "
		"which holds",
		(unsigned long)uid);
	say(p, line);
}

void publish_clock_was_wrong(struct publisher *p, uid_t uid)
{
	char line[160];
	snprintf(line, sizeof(line),
		"uid %lu: a version was signed while the clock stood far ahead: all is signed "
		"anew, "
		"and put once nodes have forgotten that one",
		(unsigned long)uid);
	say(p, line);
}

static int take_over(struct publisher *p, const struct merge_edit *e, unsigned replicas)
{
	int64_t now = clock_signing();
	if (!e->theirs)
		return own_forget(p->own, e->uid, &e->question, e->written);
	int r = own_set(p->own, e->uid, e->theirs, now);
	if (r < 0)
		return r;
	if (e->conflict)
		own_note_conflict(p->own, e->uid, &e->question, OWN_GAVE_WAY);
	int64_t written = own_find(p->own, e->uid, &e->question)->written;
	r = own_zoned(p->own, e->uid, &e->question, written, e->dot);
	return r < 0 ? r : own_published(p->own, e->uid, &e->question, written, now, replicas);
}

/* What was withdrawn here was changed elsewhere at the same time. */
static void settle_gone(struct publisher *p, const struct merge_edit *e)
{
	if (!e->overruled) {
		publish_prevail(p, e);
		return;
	}
	if (own_drop_gone(p->own, e->uid, &e->question) < 0)
		return; /* the next run finds it as it was */
	p->counters.yielded++;
	say_yielded(p, e);
	p->config.changed(p->config.changed_ctx, &e->question);
}

void publish_prevail(struct publisher *p, const struct merge_edit *e)
{
	own_note_conflict(p->own, e->uid, &e->question, OWN_HELD);
	p->counters.prevailed++;
	say_of(p, e, "changed it at the same time, and earlier: what was said here holds");
}

void publish_yield(struct publisher *p, const struct merge_edit *e)
{
	if (e->gone) {
		settle_gone(p, e);
		return;
	}
	const struct own_record *record = own_find(p->own, e->uid, &e->question);
	if (!record || record->written != e->written)
		return; /* and has been written anew meanwhile */
	own_begin(p->own);
	int r = take_over(p, e, record->replicas);
	if (own_end(p->own) < 0 || r < 0)
		return; /* the next run finds it as it was */
	p->counters.yielded++;
	say_yielded(p, e);
	p->config.changed(p->config.changed_ctx, &e->question);
	receipts_look(p);
}

/* ---- start and end ---- */

static void start_job(struct job *job, bool published)
{
	if (job && published)
		job_in_turn(job);
	else if (job)
		job_schedule(job, EDIT_DELAY);
}

/* What was never published goes out at once. The rest is looked for in turn: the network may have
 * forgotten what it took, for instance when all of it was started anew. */
static void start_record(void *ctx, const struct own_record *record)
{
	struct publisher *p = ctx;
	uint8_t key[NAME_KEY_LEN];
	if (!goes_out(p, &record->question))
		return;
	p->met |= record->replicas > 0;
	start_job(job_zone(p, record->uid), record->published);
	if (!under_key(&record->question, key))
		start_job(job_slot(p, &record->question), record->published);
}

static void count_nodes(void *ctx, const struct dht_node_info *node)
{
	(void)node;
	++*(unsigned *)ctx;
}

static void look_for_sleep(struct publisher *p)
{
	uint64_t asleep = clock_monotonic() - clock_awake();
	if (asleep > p->asleep + SECOND)
		jobs_woke(p);
	p->asleep = asleep;
}

/* Somebody has joined: what only this node holds goes out now. */
static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct publisher *p = ctx;
	unsigned nodes = 0;
	look_for_sleep(p);
	dht_each_node(p->dht, count_nodes, &nodes);
	p->lonely = nodes ? 0 : p->lonely + 1;
	struct job *job, *next;
	for (job = TAILQ_FIRST(&p->jobs); nodes && job; job = next) {
		next = TAILQ_NEXT(job, link);
		if (job->alone)
			job_schedule(job, 0);
	}
	receipts_look(p); /* a node that is gone is waited for no longer */
}

int publish_create(struct event_base *base, struct own *own, struct signer *signer, struct dht *dht,
	const struct publish_config *config, struct publisher **ret_publisher)
{
	struct publisher *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->base = base;
	p->own = own;
	p->signer = signer;
	p->dht = dht;
	p->config = *config;
	if (!p->config.resign)
		p->config.resign = RESIGN;
	if (!p->config.pace)
		p->config.pace = PACE;
	p->asleep = clock_monotonic() - clock_awake();
	jobs_init(p);
	receipts_init(p);
	event_assign(&p->tick, base, -1, EV_PERSIST, on_tick, p);
	if (dht) {
		struct timeval t = {.tv_sec = TICK};
		event_add(&p->tick, &t);
		dht_republish_limits(dht, &config->republish);
		own_each(own, start_record, p);
	}
	*ret_publisher = p;
	return 0;
}

void publish_destroy(struct publisher *p)
{
	if (!p)
		return;
	jobs_finish(p);
	receipts_finish(p);
	event_del(&p->tick);
	free(p);
}

/* ---- edits ---- */

int publish_may(struct publisher *p, uid_t uid, const struct question *q)
{
	uint8_t key[NAME_KEY_LEN], mine[NAME_KEY_LEN];
	if (q->class != CLASS_IN || type_is_meta(q->type))
		return -EPERM;
	switch (q->type) {
	case TYPE_SIG:
	case TYPE_KEY:
	case TYPE_RRSIG:
	case TYPE_NSEC:
	case TYPE_NSEC3:
	case TYPE_NSEC3PARAM:
		return -EPERM;
	default:
		break;
	}
	/* A claim is signed for the name that it stands under, and no resolver asks for a `*`. */
	if (!under_key(q, key))
		return q->name.wire[0] == 1 && q->name.wire[1] == '*' ? -EINVAL : 0;
	int r = signer_key(p->signer, uid, mine);
	if (r < 0)
		return r;
	return memcmp(key, mine, sizeof(key)) == 0 ? 0 : -EACCES;
}

/* What is said of pages is said by kadns. */
static bool has_marker(const struct rrset *set)
{
	uint8_t key[NAME_KEY_LEN];
	const uint8_t *rdata;
	size_t cursor = 0, len;
	struct question q;
	if (!under_key(&set->question, key))
		return false;
	pages_question(key, &q);
	while (question_equal(&q, &set->question) && rrset_next(set, &cursor, &rdata, &len))
		if (pages_is_marker(rdata, len))
			return true;
	return false;
}

static int may_set(struct publisher *p, uid_t uid, const struct rrset *set)
{
	int r = publish_may(p, uid, &set->question);
	if (r == 0 && has_marker(set))
		r = -EINVAL;
	return r < 0 ? r : merge_zone_fits(p->own, p->signer, uid, set);
}

static void written(struct publisher *p, uid_t uid, const struct question *q)
{
	schedule(p, uid, q, EDIT_DELAY);
	p->config.changed(p->config.changed_ctx, q);
}

int publish_set(struct publisher *p, uid_t uid, const struct rrset *set)
{
	int r = may_set(p, uid, set);
	if (r == 0)
		r = own_set(p->own, uid, set, clock_signing());
	if (r == 0)
		written(p, uid, &set->question);
	return r;
}

static int removed(struct publisher *p, uid_t uid, const struct question *q)
{
	const struct own_record *record = own_find(p->own, uid, q);
	int r = 0;
	if (goes_out(p, q))
		schedule(p, uid, q, 0);
	else if (!record->set) /* there is nobody else to be told */
		r = own_forget(p->own, uid, q, record->written);
	p->config.changed(p->config.changed_ctx, q);
	receipts_look(p);
	return r;
}

int publish_remove(struct publisher *p, uid_t uid, const struct question *q)
{
	int r = own_withdraw(p->own, uid, q, clock_signing());
	return r < 0 ? r : removed(p, uid, q);
}

int publish_remove_theirs(struct publisher *p, uid_t uid, const struct question *q)
{
	uint8_t key[NAME_KEY_LEN];
	if (!under_key(q, key) || publish_may(p, uid, q) < 0 || !goes_out(p, q))
		return -EPERM;
	int r = own_withdraw_theirs(p->own, uid, q, clock_signing());
	return r < 0 ? r : removed(p, uid, q);
}

int publish_move(
	struct publisher *p, uid_t uid, const struct question *from, const struct rrset *set)
{
	int r = may_set(p, uid, set);
	if (r == 0)
		r = own_move(p->own, uid, from, set, clock_signing());
	if (r < 0)
		return r;
	written(p, uid, &set->question);
	removed(p, uid, from); /* its tombstone says so if the file cannot be told */
	return 0;
}

void publish_push(struct publisher *p, uid_t uid, const struct question *q)
{
	const struct own_record *record = own_find(p->own, uid, q);
	if (record && !record->published)
		schedule(p, uid, q, 0);
}

uint64_t publish_commits(const struct publisher *p)
{
	return own_commits(p->own);
}

bool publish_wait(struct publisher *p, struct own_waiter *w)
{
	return own_wait(p->own, w);
}

void publish_wait_no_longer(struct publisher *p, struct own_waiter *w)
{
	own_wait_no_longer(p->own, w);
}

int publish_settle(struct publisher *p, uint64_t limit)
{
	return own_settle(p->own, limit);
}

const struct rrset *publish_standing(struct publisher *p, uid_t uid, const struct question *q)
{
	const struct own_record *record = own_find(p->own, uid, q);
	return record ? record->set : NULL;
}

int publish_key(struct publisher *p, uid_t uid, uint8_t ret_key[NAME_KEY_LEN])
{
	return signer_key(p->signer, uid, ret_key);
}

struct withdrawn_walk {
	struct signer *signer;
	const uint8_t *key;
	bool found;
};

static void match_withdrawn(void *ctx, const struct own_record *record)
{
	struct withdrawn_walk *w = ctx;
	uint8_t key[NAME_KEY_LEN];
	if (!record->set && signer_key(w->signer, record->uid, key) == 0 &&
		memcmp(key, w->key, sizeof(key)) == 0)
		w->found = true;
}

bool publish_withdrawn(
	struct publisher *p, const struct question *q, const uint8_t key[NAME_KEY_LEN])
{
	struct withdrawn_walk w = {.signer = p->signer, .key = key};
	own_each_of(p->own, q, match_withdrawn, &w);
	return w.found;
}

int publish_judge(void *self, const struct dht_item *held, const struct dht_item *offered)
{
	(void)self;
	if (!offered->is_mutable || offered->salt_len != QUESTION_KEY_LEN)
		return 0;
	struct slot_put put = {.key = offered->key,
		.salt = offered->salt,
		.salt_len = offered->salt_len,
		.seq = offered->seq,
		.wall = clock_latest()};
	if (dht_item_get_string(offered, &put.offered, &put.offered_len) < 0)
		put.offered_len = 0;
	if (held && dht_item_get_string(held, &put.held, &put.held_len) < 0)
		put.held_len = 0;
	return slot_judge(&put);
}

void publish_copy(struct publisher *p, const struct rrset *set)
{
	if (policy_when(p->config.policy, &set->question, CACHE_SLOT) == ASK_NEVER || !p->dht ||
		p->copiers >= COPIES_MAX)
		return;
	struct rrset *copy = rrset_copy(set);
	struct job *job = copy ? job_slot(p, &set->question) : NULL;
	if (!job || job->copy) {
		rrset_destroy(copy);
		return;
	}
	job_give_copy(job, copy);
	job_schedule(job, 0);
}

struct queue_walk {
	const struct publisher *publisher;
	size_t waiting;
};

static void count_waiting(void *ctx, const struct own_record *record)
{
	struct queue_walk *w = ctx;
	w->waiting += !record->published && goes_out(w->publisher, &record->question);
}

void publish_counters(const struct publisher *p, struct publish_counters *ret_counters)
{
	struct queue_walk w = {.publisher = p};
	struct signer_counters signer;
	*ret_counters = p->counters;
	signer_counters(p->signer, &signer);
	ret_counters->signatures = signer.signatures;
	ret_counters->signer_restarts = signer.restarts;
	own_each(p->own, count_waiting, &w);
	ret_counters->queued = w.waiting;
	ret_counters->turns = p->turns.len;
}
