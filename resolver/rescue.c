/* Between slots and the judge. */
#include "resolver/rescue.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>

#include "dht/dht.h"
#include "resolver/claim_check.h"
#include "resolver/clock.h"
#include "resolver/judge.h"
#include "resolver/rescue_source.h"
#include "resolver/work.h"

/* Of sixteen checks: what the slot of the question leaves to the chain, which takes one a slot
 * where all nodes hold the same. More, and strangers' claims in that slot, which cost as many,
 * would keep it from being read at all. */
#define CHAIN_CHECKS 5
/* Longer than anybody waits for it; what comes later is for who asks next. */
#define LIFE (8 * SECOND)

struct want {
	struct rescue_source source;
	struct rescue *rescue;
	bool wanted; /* the judge waits for it */
	unsigned
		given; /* times; the last is what it uses, for it asks again for what was no good */
};

struct rescue {
	const struct fetch_env *env;
	struct question question;
	struct work *work;
	struct dht_allowance chain;
	struct trace *trace;
	void (*done)(void *ctx, struct answer *a);
	void *ctx;
	struct judge_case *trial; /* NULL: it is not asked yet */
	struct event life;
	size_t len;
	struct want *wants[RESCUE_SOURCES_MAX]; /* the first is the question itself */
};

static void destroy(struct rescue *r)
{
	if (r->trial)
		judge_cancel(r->trial);
	event_del(&r->life);
	for (size_t i = 0; i < r->len; i++) {
		rescue_source_finish(&r->wants[i]->source);
		free(r->wants[i]);
	}
	free(r);
}

void rescue_cancel(struct rescue *r)
{
	if (r)
		destroy(r);
}

static void finish(struct rescue *r, struct answer *a)
{
	void (*done)(void *, struct answer *) = r->done;
	void *ctx = r->ctx;
	destroy(r);
	done(ctx, a);
}

/* Nothing that is proven: not that there is nothing. */
static void finish_without(struct rescue *r, const char *why)
{
	if (why && *why)
		trace_why(r->trace, why);
	finish(r, answer_without(
			  &r->question, -ENOENT, RCODE_NOERROR, EDE_NONE, FETCH_MISS_TTL, true));
}

static void on_life(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	finish_without(ctx, "no verdict in time");
}

/* ---- look-ups ---- */

static struct candidate *nth(struct want *w, unsigned n)
{
	return &w->source.candidates[n % w->source.len];
}

static void give(struct want *w)
{
	const struct candidate *c = w->source.len ? nth(w, w->given++) : NULL;
	w->wanted = false;
	judge_give(w->rescue->trial, &w->source.question, c ? c->message : NULL, c ? c->len : 0);
}

/* Whatever has come, as far as the judge waits for it. */
static void give_ready(struct rescue *r)
{
	for (size_t i = 0; i < r->len; i++)
		if (r->wants[i]->wanted && r->wants[i]->source.ready)
			give(r->wants[i]);
}

/* Looks for whatever is wanted, side by side; where nothing is left of the allowance, that ends
 * with nothing. */
static void go_on(struct rescue *r)
{
	for (size_t i = 0; i < r->len; i++)
		if (!r->wants[i]->source.running)
			rescue_source_next(&r->wants[i]->source);
	give_ready(r);
}

static struct want *find_want(struct rescue *r, const struct question *q)
{
	for (size_t i = 0; i < r->len; i++)
		if (question_equal(&r->wants[i]->source.question, q))
			return r->wants[i];
	return NULL;
}

static void begin_trial(struct rescue *r);

static void on_stepped(struct rescue_source *s)
{
	struct want *w = s->ctx;
	struct rescue *r = w->rescue;
	go_on(r);
	if (r->trial || !r->wants[0]->source.ready)
		return;
	if (r->wants[0]->source.len)
		begin_trial(r);
	else
		finish_without(r, NULL);
}

/* NULL: no more, or no memory. */
static struct want *add_want(struct rescue *r, const struct name *name, uint16_t type)
{
	struct question q = {.name = *name, .type = type, .class = CLASS_IN};
	struct want *w = find_want(r, &q);
	struct root_key key;
	if (w || r->len == RESCUE_SOURCES_MAX)
		return w;
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->rescue = r;
	w->source = (struct rescue_source){.dht = r->env->parts.dht,
		.question = q,
		.trace = r->trace,
		.stepped = on_stepped,
		.allowance = r->len ? &r->chain : &r->work->dht,
		.checks_kept = r->len ? 0 : CHAIN_CHECKS,
		.ctx = w,
		.refuted = r->env->refuted};
	/* Of the question itself the slot is read in any case: it may have been signed anew. */
	if (r->len && r->env->root_keys && root_keys_find(r->env->root_keys, &q, &key))
		rescue_source_keep(&w->source, &key);
	r->wants[r->len++] = w;
	return w;
}

/* ---- the judge ---- */

/* What was kept, and given, proves nothing: somebody has changed the file, or signs with other keys. */
static void look_after_all(struct want *w)
{
	root_keys_doubt(w->rescue->env->root_keys, &w->source.question);
	rescue_source_unspare(&w->source);
	w->given = 0;
}

static void on_wants(void *ctx, const struct question *q)
{
	struct rescue *r = ctx;
	/* What no policy lets anybody put is not looked for either, nor is another class. */
	struct want *w = policy_when(r->env->policy, q, CACHE_COPY) == ASK_NEVER
				 ? NULL
				 : add_want(r, &q->name, q->type);
	if (!w) {
		judge_give(r->trial, q, NULL, 0);
		return;
	}
	if (w->given && w->source.spared)
		look_after_all(w);
	w->wanted = true;
	go_on(r);
}

/* What the judge was given before the last of each it could not use. */
static void note_refuted(struct rescue *r)
{
	for (size_t i = 0; i < r->len; i++) {
		struct want *w = r->wants[i];
		const struct candidate *last = w->given ? nth(w, w->given - 1) : NULL;
		for (unsigned n = 0; n < w->given; n++)
			if (nth(w, n) != last)
				refuted_add(r->env->refuted, nth(w, n)->message, nth(w, n)->len);
	}
}

/* When the first signature ends of what the judge has used; what was refuted on the way, of which
 * strangers can leave any, counts for nothing. 0: it has used nothing. */
static int64_t signed_until(const struct rescue *r)
{
	int64_t until = 0;
	for (size_t i = 0; i < r->len; i++) {
		struct want *w = r->wants[i];
		if (w->given && (!until || nth(w, w->given - 1)->facts.until < until))
			until = nth(w, w->given - 1)->facts.until;
	}
	return until;
}

/* An hour at most, and no longer than all of it is signed. */
static uint32_t life_of(const struct rescue *r, int64_t now)
{
	int64_t left = signed_until(r) - now;
	return left < 0 ? 0 : left < RESCUE_TTL_MAX ? (uint32_t)left : RESCUE_TTL_MAX;
}

static struct answer *proven(const struct rescue *r, const struct judge_verdict *verdict)
{
	struct answer *a;
	if (answer_from_message(&r->question, verdict->message, verdict->len, &a) < 0)
		return NULL;
	answer_cap(a, life_of(r, clock_wall() / (int64_t)SECOND));
	a->source = SOURCE_DHT;
	a->trust = TRUST_DNSSEC;
	a->validated = true;
	return a;
}

static void on_verdict(void *ctx, const struct judge_verdict *verdict)
{
	struct rescue *r = ctx;
	struct answer *a = verdict->secure ? proven(r, verdict) : NULL;
	r->trial = NULL;
	note_refuted(r);
	if (a && (!a->error || a->error == -ENOENT)) {
		finish(r, a);
		return;
	}
	answer_unref(a);
	/* It may be due to keys that were good once: next time those of the slot are looked at too. */
	for (size_t i = 0; i < r->len && !verdict->secure; i++)
		if (r->wants[i]->given && r->wants[i]->source.spared)
			root_keys_doubt(r->env->root_keys, &r->wants[i]->source.question);
	finish_without(r, verdict->why);
}

static const struct judge_fns judge_fns = {on_wants, on_verdict};

/* The keys from the root to each zone that signed the best candidate: what the judge will ask for,
 * and waits for once and not for each. The root has no DS. */
static void want_chain(struct rescue *r)
{
	const struct candidate *best = &r->wants[0]->source.candidates[0];
	struct name signers[4], root = {.len = 1}, zone;
	size_t len = signed_copy_signers(best->message, best->len, signers, 4);
	add_want(r, &root, TYPE_DNSKEY);
	for (size_t i = 0; i < len; i++)
		for (unsigned up = name_labels(&signers[i]); up-- > 0;) {
			name_parent(&signers[i], up, &zone);
			add_want(r, &zone, TYPE_DS);
			add_want(r, &zone, TYPE_DNSKEY);
		}
}

static void begin_trial(struct rescue *r)
{
	if (judge_ask(r->env->parts.judge, &r->question, &judge_fns, r, &r->trial) < 0) {
		finish_without(r, "too many copies are judged already");
		return;
	}
	r->chain = (struct dht_allowance){r->work->chain, r->work->dht.checks};
	r->work->chain = r->work->dht.checks = 0;
	want_chain(r);
	go_on(r);
}

int rescue_start(const struct rescue_want *want, struct rescue **ret_rescue)
{
	struct rescue *r = calloc(1, sizeof(*r));
	struct timeval life = clock_timeval(LIFE);
	if (!r)
		return -ENOMEM;
	r->env = want->env;
	r->question = want->question;
	r->work = want->work;
	r->trace = want->trace;
	r->done = want->done;
	r->ctx = want->ctx;
	event_assign(&r->life, want->env->base, -1, 0, on_life, r);
	if (!add_want(r, &r->question.name, r->question.type) ||
		!rescue_source_next(&r->wants[0]->source) || event_add(&r->life, &life) < 0) {
		destroy(r);
		return -ENOMEM;
	}
	*ret_rescue = r;
	return 0;
}
