/* What is to be put, when, and what belongs to it. */
#include "resolver/mirror.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "resolver/clock.h"
#include "resolver/mirror_put.h"
#include "resolver/resolver_inside.h"
#include "resolver/signed_copy.h"

/* Of a question that was put, or could not be, when it may be put again. Questions that share a
 * place forget one another, and what is forgotten costs a look-up. */
#define PLACES 2048
#define AGAIN_FAILED (60 * SECOND)
#define ASKED_MAX                                                                                  \
	16 /* of DNS at a time; what finds no place is wanted again with the next answer */
#define SIGNERS_MAX 8 /* zones in one answer, whose keys are wanted */

struct entry {
	TAILQ_ENTRY(entry) link;
	struct question question;
	const struct answer *answer; /* NULL: it is to be asked for */
	uint64_t due;
};
TAILQ_HEAD(entry_list, entry);

struct running {
	struct mirror_put *put; /* NULL: free */
	struct mirror *mirror;
	struct question question;
};

struct mirror {
	struct resolver *resolver;
	struct event timer;
	struct entry_list waiting;
	struct running running[MIRROR_RUNNING_MAX];
	struct {
		uint64_t hash, until;
	} places[PLACES];
	struct mirror_counters counters;
};

static uint64_t hash_of(const struct mirror *m, const struct question *q)
{
	return question_hash(q, m->resolver->seed);
}

static bool is_done(const struct mirror *m, const struct question *q)
{
	uint64_t hash = hash_of(m, q);
	return m->places[hash % PLACES].hash == hash &&
	       m->places[hash % PLACES].until > clock_monotonic();
}

static void set_done(struct mirror *m, const struct question *q, uint64_t until)
{
	uint64_t hash = hash_of(m, q);
	m->places[hash % PLACES].hash = hash;
	m->places[hash % PLACES].until = until;
}

/* ---- the line ---- */

static void wait_a_tick(struct mirror *m)
{
	struct timeval t = clock_timeval(MIRROR_TICK);
	if (!TAILQ_EMPTY(&m->waiting) && !event_pending(&m->timer, EV_TIMEOUT, NULL))
		event_add(&m->timer, &t);
}

static struct entry *find_entry(struct mirror *m, const struct question *q)
{
	struct entry *e;
	TAILQ_FOREACH(e, &m->waiting, link)
	if (question_equal(&e->question, q))
		return e;
	return NULL;
}

static void remove_entry(struct mirror *m, struct entry *e)
{
	TAILQ_REMOVE(&m->waiting, e, link);
	m->counters.waiting--;
	answer_unref(e->answer);
	free(e);
}

/* More often soon than late: the product of two even chances. */
static uint64_t some_delay(void)
{
	uint32_t r[2] = {0};
	if (getrandom(r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
		return MIRROR_DELAY; /* before the first boot's entropy: nobody watches yet */
	return (MIRROR_DELAY * (r[0] >> 16) >> 16) * (r[1] >> 16) >> 16;
}

/* a NULL: it is to be asked for. */
static void enqueue(struct mirror *m, const struct question *q, const struct answer *a)
{
	const struct policy *policy = &m->resolver->config.policy;
	struct entry *e;
	if (is_done(m, q) || policy_when(policy, q, CACHE_COPY) == ASK_NEVER)
		return;
	e = find_entry(m, q);
	if (e) { /* what came last is the latest */
		if (a) {
			answer_unref(e->answer);
			e->answer = answer_ref(a);
		}
		return;
	}
	e = m->counters.waiting < MIRROR_WAITING_MAX ? calloc(1, sizeof(*e)) : NULL;
	if (!e) {
		m->counters.dropped++;
		return;
	}
	e->question = *q;
	e->answer = a ? answer_ref(a) : NULL;
	e->due = clock_monotonic() + some_delay();
	TAILQ_INSERT_TAIL(&m->waiting, e, link);
	m->counters.waiting++;
	wait_a_tick(m);
}

/* What is too large for any copy is not held until its time comes either. */
static bool is_fit(const struct answer *a)
{
	return a->source == SOURCE_DNS && a->validated && a->message[1].len <= CLAIM_BYTES_MAX &&
	       (!a->error || a->error == -ENOENT) && !answer_is_stale(a);
}

void mirror_note(struct mirror *m, const struct answer *a)
{
	const struct policy *p = &m->resolver->config.policy;
	const struct question q = answer_question(a);
	if (p->mirror && p->mode != POLICY_OPEN && is_fit(a))
		enqueue(m, &q, a);
}

/* ---- what belongs to it ---- */

static void want(struct mirror *m, const struct name *name, uint16_t type)
{
	struct question q = {.name = *name, .type = type, .class = CLASS_IN};
	enqueue(m, &q, NULL);
}

/* The keys of who signed it, and whether there is a cut at each name above; a zone's own keys are
 * signed by itself, and so want their DS. */
static void want_chain(struct mirror *m, const struct answer *a)
{
	const struct answer_message *message = &a->message[1];
	struct name signers[SIGNERS_MAX], above;
	size_t len = signed_copy_signers(message->bytes, message->len, signers, SIGNERS_MAX);
	for (size_t i = 0; i < len; i++) {
		want(m, &signers[i], TYPE_DNSKEY);
		for (unsigned up = 0; up < name_labels(&signers[i]); up++) {
			name_parent(&signers[i], up, &above);
			want(m, &above, TYPE_DS);
		}
	}
}

/* A validator asks for the end of an alias by its own name. */
static void want_ends(struct mirror *m, const struct answer *a)
{
	struct name targets[SIGNERS_MAX];
	size_t len = answer_cnames(a, targets, SIGNERS_MAX);
	for (size_t i = 0; i < len && i < SIGNERS_MAX; i++)
		want(m, &targets[i], answer_question(a).type);
}

/* ---- putting ---- */

static struct running *free_place(struct mirror *m)
{
	for (size_t i = 0; i < MIRROR_RUNNING_MAX; i++)
		if (!m->running[i].put)
			return &m->running[i];
	return NULL;
}

static void on_put(void *ctx, struct mirror_put *put, enum mirror_outcome outcome)
{
	struct running *place = ctx;
	struct mirror *m = place->mirror;
	(void)put;
	place->put = NULL;
	switch (outcome) {
	case MIRROR_PUT:
		m->counters.put++;
		return;
	case MIRROR_ALIVE:
		m->counters.alive++;
		return;
	case MIRROR_FAILED:
		break;
	}
	m->counters.failed++;
	set_done(m, &place->question, clock_monotonic() + AGAIN_FAILED);
}

static void put(struct mirror *m, const struct question *q, const struct answer *a)
{
	struct running *place = free_place(m);
	place->mirror = m;
	place->question = *q;
	set_done(m, q, clock_monotonic() + MIRROR_AGAIN);
	if (mirror_put_start(m->resolver->parts.dht, a, on_put, place, &place->put) < 0) {
		m->counters.failed++;
		place->put = NULL;
		return;
	}
	want_chain(m, a);
	want_ends(m, a);
}

/* What is wanted may be in memory; else its answer comes by mirror_note. */
static void take(struct mirror *m, const struct question *q, const struct answer *a)
{
	struct resolver *r = m->resolver;
	if (!a)
		a = cache_find(r->cache, q, CACHE_DNS, clock_monotonic());
	if (!a)
		sources_ask_unseen(r, q, ASKED_MAX);
	else if (is_fit(a))
		put(m, q, a);
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct mirror *m = ctx;
	struct entry *e;
	uint64_t now = clock_monotonic();
	(void)fd;
	(void)what;
	TAILQ_FOREACH(e, &m->waiting, link)
	if (e->due <= now)
		break;
	if (e && free_place(m)) {
		struct question q = e->question;
		const struct answer *a = e->answer;
		e->answer = NULL;
		remove_entry(m, e);
		take(m, &q, a);
		answer_unref(a);
	}
	wait_a_tick(m);
}

/* ---- life ---- */

struct mirror *mirror_create(struct resolver *r)
{
	struct mirror *m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->resolver = r;
	TAILQ_INIT(&m->waiting);
	event_assign(&m->timer, r->base, -1, 0, on_tick, m);
	return m;
}

void mirror_destroy(struct mirror *m)
{
	struct entry *e;
	if (!m)
		return;
	for (size_t i = 0; i < MIRROR_RUNNING_MAX; i++)
		mirror_put_cancel(m->running[i].put);
	while ((e = TAILQ_FIRST(&m->waiting)))
		remove_entry(m, e);
	event_del(&m->timer);
	free(m);
}

void mirror_counters(const struct mirror *m, struct mirror_counters *ret_counters)
{
	*ret_counters = m->counters;
}
