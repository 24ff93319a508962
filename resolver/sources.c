/* The sources that are being asked, and what becomes of their answers: each question is asked of
 * one source once, whoever waits for it. */
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

#include "resolver/clock.h"
#include "resolver/pinned.h"

/* One source that is being asked one question, and the asks that wait for it. */
struct pending {
	LIST_ENTRY(pending) link;
	TAILQ_ENTRY(pending) in_line;
	struct pending_line *line; /* NULL: the mount waits for it, and it gives way to nobody */
	struct resolver *resolver;
	struct question question;
	enum cache_part part;
	struct fetch *fetch; /* NULL: it gave way, and nobody joins it any more */
	struct event over;   /* then it ends from the loop */
	struct work *work;   /* of the question that it was begun for; NULL: nobody's */
	uint64_t began;
	bool refresh;  /* begun for nobody: prefetch counts it */
	bool behind;   /* begun for nobody: to learn what an answer is good for */
	bool unseen;   /* begun by the mirror: who has not asked for it does not see it */
	bool door;     /* asked by one first */
	bool in_flood; /* for a door, while more is asked than can be looked up */
	bool former; /* begun under another configuration: it answers who waits, and nobody else */
	LIST_HEAD(, waiter) waiters;
};

/* In each of the two lines: three quarters of what upstream takes, and as much of what the DHT is
 * asked. The rest is the mount's, and upstream's for those that are being cancelled. */
#define LINE_MAX (UPSTREAM_IN_FLIGHT_MAX / 4 * 3)
_Static_assert(2 * LINE_MAX <= RESOLVER_DOOR_ASKS_MAX, "the mount has a quarter");

static size_t bucket_of(const struct resolver *r, const struct question *q)
{
	return question_hash(q, r->seed) % RESOLVER_BUCKETS;
}

static struct pending *find_pending(
	struct resolver *r, const struct question *q, enum cache_part part)
{
	struct pending *p;
	LIST_FOREACH(p, &r->pending[bucket_of(r, q)], link)
	if (p->part == part && p->fetch && !p->former && question_equal(&p->question, q))
		return p;
	return NULL;
}

bool resolver_under_way(
	struct resolver *r, const struct question *q, enum cache_part part, uint64_t *ret_age)
{
	const struct pending *p = find_pending(r, q, part);
	*ret_age = p ? clock_monotonic() - p->began : 0;
	return p != NULL;
}

/* Addresses of this network that come from elsewhere would let a stranger's name reach what
 * only this network should (DNS rebinding). */
struct answer *sources_filtered(struct resolver *r, struct answer *a)
{
	if (!a || !policy_rebinds(&r->config.policy, a))
		return a;
	const struct question q = answer_question(a);
	/* A bogus answer stays one: it must not pass for "DNS says that there is nothing". */
	struct answer *none = a->bogus ? answer_without(&q, -EBADMSG, RCODE_SERVFAIL, EDE_FILTERED,
						 a->ttl, false)
				       : answer_without(&q, -ENOENT, RCODE_NOERROR, EDE_FILTERED,
						 a->ttl, true);
	if (none) {
		none->source = a->source;
		none->trust = a->trust;
		none->arrived = a->arrived;
		none->time = a->time;
		none->expires = a->expires;
		none->trace = a->trace; /* nobody else has it yet */
		a->trace = NULL;
	}
	answer_unref(a);
	r->counters.filtered++;
	return none;
}

/* trust=open, the order of 2009: what DNS said is left on the network for the next who asks. The
 * board is the question's, so the set at a chain's end is filed under it. */
static void leave_copy(struct resolver *r, const struct answer *a)
{
	struct rrset *set;
	if (r->config.policy.mode != POLICY_OPEN || !r->parts.publisher || a->error ||
		a->source != SOURCE_DNS || answer_rrset(a, &set) < 0)
		return;
	set->question = answer_question(a);
	publish_copy(r->parts.publisher, set);
	rrset_destroy(set);
}

void resolver_watch(struct resolver *r, resolver_watch_fn *fn, void *ctx)
{
	r->watch = fn;
	r->watch_ctx = ctx;
}

struct telling {
	struct resolver *resolver;
	const struct question *question;
};

static void tell_reader(void *ctx, const struct pin *pin, const struct name *name)
{
	(void)pin;
	const struct telling *t = ctx;
	struct question q = *t->question;
	q.name = *name;
	t->resolver->watch(t->resolver->watch_ctx, &(struct resolver_change){&q, NULL});
}

void sources_tell(struct resolver *r, const struct question *q)
{
	struct telling t = {r, q};
	if (!r->watch)
		return;
	r->watch(r->watch_ctx, &(struct resolver_change){q, NULL});
	pinned_readers(r, &q->name, tell_reader, &t);
}

static void leave_line(struct pending *p)
{
	if (p->line) {
		TAILQ_REMOVE(&p->line->pending, p, in_line);
		p->line->len--;
	}
	p->line = NULL;
}

static void pending_free(struct pending *p)
{
	work_unref(p->work);
	free(p);
}

/* What a source has said is from now on in memory, and of use to others. */
static struct answer *keep(struct pending *p, struct answer *a)
{
	struct resolver *r = p->resolver;
	a = stale_instead(r, &p->question, p->part, a);
	p->in_flood |= p->door && misses_is_behind(&r->misses, clock_monotonic());
	(p->in_flood ? cache_add_in_flood : cache_add)(r->cache, a, p->part, clock_monotonic());
	sources_tell(r, &p->question);
	leave_copy(r, a);
	if (p->part == CACHE_DNS)
		attest_heard(r->attest, a, p->work);
	return a;
}

static void on_fetched(void *ctx, struct answer *a)
{
	struct pending *p = ctx;
	struct resolver *r = p->resolver;
	leave_line(p);
	LIST_REMOVE(p, link);
	r->pending_len -= p->fetch != NULL;
	p->fetch = NULL;
	if (p->refresh)
		prefetch_done(r->prefetch);
	r->behind_len -= p->behind;
	a = sources_filtered(r, a);
	if (!a)
		a = answer_without(&p->question, -EREMOTEIO, RCODE_SERVFAIL, EDE_NONE, 1, false);
	if (a && a->source == SOURCE_NONE)
		a->source = p->part == CACHE_DNS ? SOURCE_DNS : SOURCE_DHT;
	if (a && !p->former && (!p->unseen || !LIST_EMPTY(&p->waiters)))
		a = keep(p, a);
	if (a && !p->former && p->part == CACHE_DNS)
		keys_heard(r, a);
	if (a && !p->former && p->part == CACHE_DNS && r->mirror)
		mirror_note(r->mirror, a);
	struct waiter *w;
	while ((w = LIST_FIRST(&p->waiters))) {
		struct ask *ask = w->ask;
		sources_leave(w);
		if (a) /* without memory for an answer the asks meet their deadline */
			ask_arrived(ask, w->part, a);
	}
	answer_unref(a);
	pending_free(p);
}

static void join_line(struct resolver *r, struct pending *p)
{
	struct pending_line *line = &r->lines[p->part != CACHE_DNS];
	p->line = line;
	TAILQ_INSERT_TAIL(&line->pending, p, in_line);
	line->len++;
}

static void on_over(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	on_fetched(ctx, NULL);
}

/* Of a full line the oldest has failed, and makes room at once. Who waits for it hears of that
 * later: it may be the very ask that is in the middle of asking for more. */
static void make_room(struct resolver *r, enum cache_part part)
{
	struct pending_line *line = &r->lines[part != CACHE_DNS];
	struct pending *oldest = TAILQ_FIRST(&line->pending);
	if (line->len < LINE_MAX)
		return;
	fetch_cancel(oldest->fetch);
	oldest->fetch = NULL;
	r->pending_len--;
	leave_line(oldest);
	event_active(&oldest->over, EV_TIMEOUT, 0);
}

static struct pending *start_pending(struct resolver *r, const struct question *q,
	enum cache_part part, bool door, struct work *work)
{
	/* Where there is no DNS, this machine's own names are the policy's, and memory's. */
	if (part == CACHE_DNS && (!r->parts.upstream || upstream_came_back(r->parts.upstream, q)))
		return NULL;
	if (door)
		make_room(r, part);
	struct pending *p = r->pending_len < RESOLVER_ASKS_MAX ? calloc(1, sizeof(*p)) : NULL;
	if (!p)
		return NULL;
	p->resolver = r;
	p->question = *q;
	p->part = part;
	p->began = clock_monotonic();
	p->door = door;
	p->in_flood = door && misses_is_behind(&r->misses, p->began);
	LIST_INIT(&p->waiters);
	event_assign(&p->over, r->base, -1, 0, on_over, p);
	const struct fetch_call call = {on_fetched, p, work};
	if (fetch_start(&r->env, q, part, &call, &p->fetch) < 0) {
		free(p);
		return NULL;
	}
	p->work = work ? work_ref(work) : NULL;
	LIST_INSERT_HEAD(&r->pending[bucket_of(r, q)], p, link);
	r->pending_len++;
	if (door)
		join_line(r, p);
	return p;
}

/* For nobody, of DNS. NULL: it is under way, or cannot be asked. */
static struct pending *start_behind(struct resolver *r, const struct question *q, struct work *work)
{
	if (find_pending(r, q, CACHE_DNS) || memory_special(r, q))
		return NULL;
	return start_pending(r, q, CACHE_DNS, true, work);
}

bool resolver_refresh(struct resolver *r, const struct question *q)
{
	struct pending *p = start_behind(r, q, NULL);
	if (p)
		p->refresh = true;
	return p != NULL;
}

bool sources_ask_behind(struct resolver *r, const struct question *q, size_t max, struct work *work)
{
	if (r->behind_len >= max || misses_is_behind(&r->misses, clock_monotonic()))
		return false;
	struct pending *p = start_behind(r, q, work);
	if (!p)
		return false;
	p->behind = true;
	r->behind_len++;
	return true;
}

bool sources_ask_unseen(struct resolver *r, const struct question *q, size_t max)
{
	if (!sources_ask_behind(r, q, max, NULL))
		return false;
	find_pending(r, q, CACHE_DNS)->unseen = true;
	return true;
}

int sources_join(
	struct resolver *r, const struct question *q, enum cache_part source, struct waiter *w)
{
	struct pending *p = find_pending(r, q, source);
	if (p && w->door && source == CACHE_DNS)
		upstream_suspect(r->parts.upstream, q);
	if (!p)
		p = start_pending(r, q, source, w->door, w->work);
	if (!p)
		return -EREMOTEIO;
	if (!w->door)
		leave_line(p);
	LIST_INSERT_HEAD(&p->waiters, w, link);
	return 0;
}

void sources_leave(struct waiter *w)
{
	if (w->ask)
		LIST_REMOVE(w, link);
	w->ask = NULL;
}

void resolver_forget(struct resolver *r)
{
	static const enum cache_part parts[] = {CACHE_DNS, CACHE_SLOT, CACHE_COPY};
	struct pending *p;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		cache_forget_part(r->cache, parts[i]);
	for (size_t i = 0; i < RESOLVER_BUCKETS; i++)
		LIST_FOREACH(p, &r->pending[i], link)
	p->former = p->former || p->part != CACHE_ZONE;
	if (r->watch)
		r->watch(r->watch_ctx, &(struct resolver_change){NULL, NULL});
}

void sources_init(struct resolver *r)
{
	for (size_t i = 0; i < sizeof(r->lines) / sizeof(*r->lines); i++)
		TAILQ_INIT(&r->lines[i].pending);
}

void sources_finish(struct resolver *r)
{
	for (size_t i = 0; i < RESOLVER_BUCKETS; i++) {
		struct pending *p;
		while ((p = LIST_FIRST(&r->pending[i]))) {
			fetch_cancel(p->fetch);
			event_del(&p->over);
			LIST_REMOVE(p, link);
			pending_free(p);
		}
	}
}
