/* Asking: memory first, then every source that may answer, in parallel, within the deadline. */
#include "resolver/resolver.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "resolver/chase.h"
#include "resolver/clock.h"
#include "resolver/pinned.h"
#include "resolver/rotation.h"

/* A reader waits for so long before it is given what has ended (RFC 8767, section 5). */
#define PATIENCE (1800 * (SECOND / 1000))
/* The zone of an attested key that could not be read is not asked for again so soon. */
#define ATTESTED_SILENCE (60 * SECOND)

struct ask {
	LIST_ENTRY(ask) link;
	TAILQ_ENTRY(ask) of_doors; /* if its view is a door's */
	struct resolver *resolver;
	struct question question;
	uid_t view;
	ask_fn *fn;
	void *ctx;
	enum ask_for what;
	struct event timer;
	enum ask_stage {        /* what the timer waits for */
		ASK_BEGINS,     /* nothing: to decide what is decided already, after resolver_ask */
		ASK_PATIENT,    /* DNS, while there is something stale to say */
		ASK_LAST,       /* the deadline */
	} stage;
	uint64_t began;
	struct work *work; /* what it has cost, with all that it is asked for along aliases */
	/* Where the winner's aliases lead to another name: that is asked for too. */
	struct ask *next, *before;
	const struct answer *from; /* the winner */
	unsigned hops;		   /* of the asks that have led here */
	struct policy_part parts[CACHE_PARTS]; /* their pins are this ask's own copies */
	struct waiter waiters[CACHE_PARTS];
	unsigned rotations; /* keys after the pins' own that it has gone on to */
};

struct ask_begin {
	const struct question *question;
	uid_t view;
	ask_fn *fn;
	void *ctx;
	struct ask *before; /* whose aliases lead here; NULL: somebody asks */
};
static struct ask *ask_create(struct resolver *r, const struct ask_begin *b);
static void ask_free(struct ask *ask);
static void ask_advance(struct ask *ask, bool late);

/* ---- sources ---- */

/* Takes over a reference; NULL: there was no memory for it. */
static void part_done(struct ask *ask, enum cache_part part, const struct answer *a)
{
	ask->parts[part].state = PART_ANSWERED;
	ask->parts[part].answer = a ? a : answer_ref(&ask->resolver->out_of_memory);
}

static void ask_pin(struct ask *ask, enum cache_part part);

/* What was read of the zone may have named the key after it. How often it does is bounded here too:
 * what zones say may change from one look to the next. */
static bool goes_on(struct ask *ask, enum cache_part part, const struct answer *a)
{
	struct question target;
	if (pinned_question(ask->resolver, ask->parts[part].pin, &ask->question, &target) < 0 ||
		answer_is_to(a, &target) || ask->rotations == 2 * ROTATION_MAX)
		return false;
	ask->rotations++;
	ask_pin(ask, part);
	return true;
}

/* What a source said: to a pin it was asked for another name. Nobody has asked for an attested key: it
 * must not make him wait each time for a DHT that is silent (facts: trust, P25). */
static void part_arrived(struct ask *ask, enum cache_part part, const struct answer *a)
{
	const struct pin *pin = ask->parts[part].pin;
	if (pin && goes_on(ask, part, a))
		return;
	if (part == PART_ATTESTED && a->error && a->error != -ENOENT)
		attested_silent(attest_keys(ask->resolver->attest), &pin->suffix,
			clock_monotonic() + ATTESTED_SILENCE);
	if (pin)
		part_done(ask, part, pinned_answer(ask->resolver, part, pin, &ask->question, a));
	else if (part == PART_ALIAS)
		part_done(ask, part, chase_from_alias(&ask->question, a));
	else
		part_done(ask, part, answer_ref(a));
}

/* DNS, asked PATIENCE ago, is silent, and known to be so to others as well: then what is proven need not
 * wait for the deadline. While DNS answers anybody, it does. */
static void let_go_of_dns(struct ask *ask)
{
	const struct answer *copy = ask->parts[CACHE_COPY].answer;
	if (!copy || !copy->validated || !ask->waiters[CACHE_DNS].ask ||
		!upstream_is_silent(ask->resolver->parts.upstream))
		return;
	sources_leave(&ask->waiters[CACHE_DNS]);
	part_done(ask, CACHE_DNS, answer_without(&ask->question, -ETIMEDOUT, RCODE_SERVFAIL,
		EDE_NO_REPLY, 1, false));
}

void ask_arrived(struct ask *ask, enum cache_part part, const struct answer *a)
{
	part_arrived(ask, part, a);
	if (part == CACHE_COPY)
		let_go_of_dns(ask);
	ask_advance(ask, false);
}

/* By joining or starting a fetch of `q`, which is not what was asked for where a pin is. */
static void ask_source(struct ask *ask, enum cache_part part, const struct question *q,
	enum cache_part source)
{
	ask->waiters[part] = (struct waiter){
		.ask = ask, .part = part, .door = ask->view == VIEW_DOOR, .work = ask->work};
	if (sources_join(ask->resolver, q, source, &ask->waiters[part]) == 0) {
		ask->parts[part].state = PART_ASKED;
		return;
	}
	ask->waiters[part].ask = NULL;
	part_done(ask, part, answer_without(&ask->question, -EREMOTEIO, RCODE_SERVFAIL, EDE_NONE, 1,
		false));
}

static void ask_pin(struct ask *ask, enum cache_part part)
{
	struct resolver *r = ask->resolver;
	const struct pin *pin = ask->parts[part].pin;
	struct question target;
	const struct answer *a = pinned_held(r, &ask->question, part, pin, false);
	int error = pinned_question(r, pin, &ask->question, &target);
	r->counters.pinned++;
	if (a)
		part_done(ask, part, answer_ref(a));
	else if (error < 0)
		part_done(ask, part, pinned_without(&ask->question, error));
	else
		ask_source(ask, part, &target, CACHE_ZONE);
}

static void ask_alias(struct ask *ask)
{
	const struct question alias = chase_alias(&ask->question);
	const struct answer *held = chase_held(ask->resolver, &ask->question, false);
	if (held)
		part_done(ask, PART_ALIAS, answer_ref(held));
	else
		ask_source(ask, PART_ALIAS, &alias, CACHE_SLOT);
}

/* From memory, or by asking. */
static void ask_part(struct ask *ask, enum cache_part part)
{
	if (ask->parts[part].pin) {
		ask_pin(ask, part);
		return;
	}
	if (part == PART_ALIAS) {
		ask_alias(ask);
		return;
	}
	const struct answer *a = memory_cached(ask->resolver, &ask->question, part, false);
	if (!a && part == CACHE_DNS)
		a = memory_special(ask->resolver, &ask->question);
	struct answer *below = !a && part == CACHE_DNS
				       ? memory_below_nothing(ask->resolver, &ask->question)
				       : NULL;
	if (below)
		part_done(ask, part, below);
	else if (a)
		part_done(ask, part, answer_ref(a));
	else
		ask_source(ask, part, &ask->question, part);
}

/* ---- asks ---- */

static void ask_free(struct ask *ask)
{
	if (ask->before)
		ask->before->next = NULL;
	if (ask->next)
		ask_free(ask->next);
	answer_unref(ask->from);
	for (enum cache_part part = 0; part < CACHE_PARTS; part++) {
		sources_leave(&ask->waiters[part]);
		answer_unref(ask->parts[part].answer);
		free((struct pin *)(uintptr_t)ask->parts[part].pin);
	}
	if (ask->work && !ask->before) {
		ask->work->is_asked = false;
		attest_answered(ask->resolver->attest, ask->work);
	}
	work_unref(ask->work);
	event_del(&ask->timer);
	LIST_REMOVE(ask, link);
	ask->resolver->asks_len--;
	if (ask->view == VIEW_DOOR) {
		TAILQ_REMOVE(&ask->resolver->door_asks, ask, of_doors);
		ask->resolver->door_asks_len--;
	}
	free(ask);
}

/* What this machine itself says, as far as it comes before whom was asked; it may have been written
 * under way. NULL: nothing. */
static const struct answer *said_here(struct ask *ask)
{
	struct resolver *r = ask->resolver;
	const struct policy_part *pin = &ask->parts[PART_PIN];
	if (pin->pin && pin->answer && policy_pin_goes_on(pin->pin, pin->answer))
		return memory_behind_pin(r, &ask->question, ask->view);
	/* (To look for it in the cache would count as use: nobody could tell there what was asked for
	 * once.) */
	return memory_local(r, &ask->question, ask->view, false);
}

static void ask_deliver(struct ask *ask, const struct answer *winner)
{
	struct resolver *r = ask->resolver;
	ask_fn *fn = ask->fn;
	void *ctx = ask->ctx;
	const struct answer *here = said_here(ask);
	struct answer *a;
	if (here)
		a = answer_ref(here);
	else if (winner)
		a = answer_ref(winner);
	else
		a = answer_without(&ask->question, -ENOENT, RCODE_NOERROR, EDE_NONE, 1, true);
	if (a && a->error)
		r->counters.failed++;
	if (winner)
		resolver_given(r, winner);
	ask_free(ask);
	fn(ctx, a ? a : &r->out_of_memory);
	answer_unref(a);
}

/* DNS is too slow to say whether the attested key, whose zone has the name, may speak: then it is
 * down. */
static bool take_attested(struct ask *ask)
{
	const struct policy_part *attested = &ask->parts[PART_ATTESTED];
	if (!attested->pin || attested->state != PART_ANSWERED || attested->answer->error)
		return false;
	sources_leave(&ask->waiters[CACHE_DNS]);
	part_done(ask, CACHE_DNS, answer_without(&ask->question, -ETIMEDOUT, RCODE_SERVFAIL,
		EDE_NO_REPLY, 1, false));
	return true;
}

/* ---- along aliases ---- */

/* Takes over `a`; NULL: no memory. */
static void deliver_end(struct ask *ask, struct answer *a)
{
	ask_deliver(ask, a ? a : &ask->resolver->out_of_memory);
	answer_unref(a);
}

static void on_end(void *ctx, const struct answer *end)
{
	struct ask *ask = ctx;
	deliver_end(ask, chase_join(ask->resolver, ask->from, end));
}

/* True: the ask is answered, or will be when the end of the aliases is. What is left of its time and of
 * its work is all that the others have. */
static bool follow(struct ask *ask, const struct answer *winner, bool late)
{
	struct resolver *r = ask->resolver;
	struct question target;
	const struct chase_look look = {.view = ask->view, .hops = ask->hops};
	if (ask->next && !late)
		return true;
	if (!winner || !answer_leads(winner, &target))
		return false;
	const struct answer *held = chase_peek(r, winner, &look);
	if (held || late || ask->hops == CHASE_MAX) {
		deliver_end(ask, held ? answer_ref(held) : chase_failure(winner,
			late ? -ETIMEDOUT : -EREMOTEIO));
		return true;
	}
	ask->from = answer_ref(winner);
	ask->next = ask_create(r, &(struct ask_begin){&target, ask->view, on_end, ask, ask});
	if (!ask->next)
		deliver_end(ask, chase_failure(winner, -EREMOTEIO));
	return true;
}

/* Lets go of DNS, if it is what is waited for and something else can stand in for it. What is on
 * its way still lands in the cache: that is the refresh behind it. */
static bool take_stale(struct ask *ask)
{
	struct resolver *r = ask->resolver;
	struct waiter *w = &ask->waiters[CACHE_DNS];
	if (!w->ask)
		return false;
	if (take_attested(ask))
		return true;
	struct answer *stale = stale_instead(r, &ask->question, CACHE_DNS, NULL);
	if (!stale)
		return false;
	cache_add(r->cache, stale, CACHE_DNS, clock_monotonic());
	sources_tell(r, &ask->question);
	sources_leave(w);
	part_arrived(ask, CACHE_DNS, stale);
	answer_unref(stale);
	return true;
}

/* What has not come by the deadline has failed like any other failure. */
static void give_up_waiting(struct ask *ask)
{
	for (enum cache_part part = 0; part < CACHE_PARTS; part++) {
		if (ask->parts[part].state != PART_ASKED)
			continue;
		sources_leave(&ask->waiters[part]);
		part_done(ask, part, answer_without(&ask->question, -ETIMEDOUT, RCODE_SERVFAIL,
			EDE_NO_REPLY, 1, false));
	}
}

/* There is a winner, but who asked wants to hear more. False: the answer can go. */
static bool wants_more(struct ask *ask)
{
	const struct policy *p = &ask->resolver->config.policy;
	if (ask->what == ASK_FOR_ANSWER)
		return false;
	/* Who else claims a name whose first signer is remembered is asked for explain alone. */
	bool claims = ask->what == ASK_FOR_SLOT || ask->parts[PART_SIGNER].state != PART_NOT_ASKED;
	if (claims && ask->parts[CACHE_SLOT].state == PART_NOT_ASKED &&
		policy_when(p, &ask->question, CACHE_SLOT) != ASK_NEVER)
		ask_part(ask, CACHE_SLOT);
	for (enum cache_part part = 0; part < CACHE_PARTS; part++)
		if (ask->parts[part].state == PART_ASKED)
			return true;
	return false;
}

static void ask_advance(struct ask *ask, bool late)
{
	const struct answer *winner = NULL;
	enum cache_part needed;
	for (;;) {
		if (late)
			give_up_waiting(ask);
		switch (policy_decide(&ask->resolver->config.policy, &ask->question, ask->parts,
			&needed, &winner)) {
		case VERDICT_WAIT:
			return;
		case VERDICT_DONE:
			if ((late || !wants_more(ask)) && !follow(ask, winner, late))
				ask_deliver(ask, winner);
			return;
		case VERDICT_ASK:
			ask_part(ask, needed);
			break;
		}
	}
}

static void arm(struct ask *ask, enum ask_stage stage, uint64_t until)
{
	uint64_t age = clock_monotonic() - ask->began, left = until > age ? until - age : 0;
	struct timeval t = {.tv_sec = (time_t)(left / SECOND),
		.tv_usec = (suseconds_t)(left % SECOND)};
	ask->stage = stage;
	event_add(&ask->timer, &t);
}

static bool wants_copy(struct ask *ask)
{
	const struct policy *p = &ask->resolver->config.policy;
	return ask->waiters[CACHE_DNS].ask && ask->parts[CACHE_COPY].state == PART_NOT_ASKED &&
	       policy_rule_pinned(p, &ask->question, ask->parts, CACHE_COPY).when != ASK_NEVER;
}

/* How long a reader waits for DNS while something stale could be said; who explains wants to hear
 * DNS itself. Who asked before has waited for the others. */
static uint64_t patience(struct ask *ask)
{
	struct resolver *r = ask->resolver;
	uint64_t age;
	if (ask->what != ASK_FOR_ANSWER || !ask->waiters[CACHE_DNS].ask ||
		(!ask->parts[PART_ATTESTED].pin && !wants_copy(ask) &&
			!cache_stale(r->cache, &ask->question, CACHE_DNS, ask->began)))
		return UINT64_MAX;
	if (!resolver_under_way(r, &ask->question, CACHE_DNS, &age) || age > PATIENCE)
		return 0;
	return PATIENCE - age;
}

/* The hosts file says it all: nobody is asked. Who wants to hear what the others say asks them. */
static bool is_local(const struct ask *ask)
{
	return ask->what == ASK_FOR_ANSWER &&
		memory_hosts(ask->resolver, &ask->question, ask->view, false);
}

static void on_ask_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct ask *ask = ctx;
	uint64_t deadline = ask->resolver->config.deadline, patient;
	switch (ask->stage) {
	case ASK_BEGINS:
		if (is_local(ask)) {
			ask_deliver(ask, NULL);
			break;
		}
		patient = patience(ask);
		if (patient < deadline)
			arm(ask, ASK_PATIENT, patient);
		else
			arm(ask, ASK_LAST, deadline);
		ask_advance(ask, false);
		break;
	case ASK_PATIENT:
		arm(ask, ASK_LAST, deadline);
		/* What DNS once said is looked for while it is silent, so that it is there when DNS
		 * has failed. It decides nothing before. */
		if (!take_stale(ask) && wants_copy(ask))
			ask_part(ask, CACHE_COPY);
		let_go_of_dns(ask);
		ask_advance(ask, false);
		break;
	case ASK_LAST:
		ask->resolver->counters.deadlines++;
		take_stale(ask);
		ask_advance(ask, true);
		break;
	}
}

/* The pins as they are now, copied: they may change while it waits. */
static int take_pins(struct ask *ask)
{
	struct policy_part found[CACHE_PARTS];
	pinned_find(ask->resolver, &ask->question, ask->view, found);
	for (enum cache_part part = PART_PIN; part < CACHE_PARTS; part++) {
		if (!found[part].pin)
			continue;
		struct pin *copy = malloc(sizeof(*copy));
		if (!copy)
			return -ENOMEM;
		*copy = *found[part].pin;
		ask->parts[part].pin = copy;
	}
	return 0;
}

static void enlist(struct resolver *r, struct ask *ask)
{
	LIST_INSERT_HEAD(&r->asks, ask, link);
	r->asks_len++;
	if (ask->view != VIEW_DOOR)
		return;
	TAILQ_INSERT_TAIL(&r->door_asks, ask, of_doors);
	r->door_asks_len++;
}

static struct ask *ask_create(struct resolver *r, const struct ask_begin *b)
{
	const struct question *q = b->question;
	bool full = b->view == VIEW_DOOR && r->door_asks_len >= RESOLVER_DOOR_ASKS_MAX;
	if (full && b->before)
		return NULL; /* the oldest may be that one, which is in the middle of this */
	if (full)
		ask_advance(TAILQ_FIRST(&r->door_asks), true);
	struct ask *ask = r->asks_len < RESOLVER_ASKS_MAX ? calloc(1, sizeof(*ask)) : NULL;
	if (!ask)
		return NULL;
	ask->resolver = r;
	ask->question = *q;
	ask->view = b->view;
	ask->fn = b->fn;
	ask->ctx = b->ctx;
	ask->before = b->before;
	ask->hops = b->before ? b->before->hops + 1 : 0;
	ask->began = clock_monotonic();
	event_assign(&ask->timer, r->base, -1, 0, on_ask_timer, ask);
	enlist(r, ask);
	ask->work = b->before ? work_ref(b->before->work) : work_create();
	if (!ask->work || take_pins(ask) < 0) {
		ask_free(ask);
		return NULL;
	}
	ask->work->is_asked = true;
	r->counters.asked += !b->before;
	for (enum cache_part part = 0; part < CACHE_PARTS; part++)
		if (!is_local(ask) &&
			policy_rule_pinned(&r->config.policy, q, ask->parts, part).when == ASK_NOW)
			ask_part(ask, part);
	struct timeval at_once = {0, 0};
	event_add(&ask->timer, &at_once);
	return ask;
}

struct ask *resolver_ask(struct resolver *r, const struct question *q, uid_t view, ask_fn *fn,
	void *ctx)
{
	return ask_create(r, &(struct ask_begin){q, view, fn, ctx, NULL});
}

void resolver_ask_for(struct ask *ask, enum ask_for what)
{
	ask->what = what;
}

void resolver_cancel(struct ask *ask)
{
	if (ask)
		ask_free(ask);
}

void resolver_changed(void *resolver, const struct question *q)
{
	struct resolver *r = resolver;
	for (enum cache_part part = 0; part < CACHE_PARTS; part++)
		if (part != CACHE_DNS)
			cache_forget(r->cache, q, part);
	pinned_forget(r, q);
	sources_tell(r, q);
}

void resolver_set_policy(struct resolver *r, const struct policy *policy)
{
	struct policy *p = &r->config.policy;
	p->mode = policy->mode;
	p->lookup_always = policy->lookup_always;
	p->mirror = policy->mirror;
	p->tofu = policy->tofu;
	p->private_ok = policy->private_ok;
	p->split = policy->split;
}

struct misses *resolver_misses(struct resolver *r)
{
	return &r->misses;
}

void asks_finish(struct resolver *r)
{
	struct ask *ask;
	while ((ask = LIST_FIRST(&r->asks)))
		ask_free(ask);
}
