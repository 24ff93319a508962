/* Learning attested keys: what DNS says on the way is looked at, what it has not said is asked. */
#include "resolver/attest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "resolver/clock.h"
#include "resolver/resolver_inside.h"
#include "resolver/trace.h"

/* A key that was found, while its proof is followed upwards: DNSKEY and DS of each zone. */
struct run {
	LIST_ENTRY(run) link;
	struct attest *attest;
	struct attestation found; /* `until` is the least so far */
	struct question now;	  /* what is asked */
	unsigned steps;
	struct upstream_query *query;
};

/* A zone that is to be asked when its question is answered. */
struct wish {
	LIST_ENTRY(wish) link;
	struct name zone;
	struct work *work;
};

struct attest {
	struct resolver *resolver;
	struct attested *keys;
	LIST_HEAD(, run) runs;
	LIST_HEAD(, wish) wishes;
	size_t runs_len, wishes_len;
	uint64_t earned; /* monotonic: when what was begun of runs will be */
	struct attest_counters counters;
};

static int64_t now_seconds(void)
{
	return clock_wall() / (int64_t)SECOND;
}

/* ---- the proof ---- */

static void run_free(struct run *run)
{
	if (run->query)
		upstream_cancel(run->query);
	LIST_REMOVE(run, link);
	run->attest->runs_len--;
	free(run);
}

static struct run *find_run(const struct attest *t, const struct name *zone)
{
	struct run *run;
	LIST_FOREACH(run, &t->runs, link)
	if (name_equal(&run->found.zone, zone))
		return run;
	return NULL;
}

static void learnt(struct run *run)
{
	struct attest *t = run->attest;
	if (run->found.until > now_seconds() &&
		attested_set(t->keys, &run->found, now_seconds()) == 0)
		t->counters.learnt++;
	run_free(run);
}

static void on_reply(void *ctx, const struct upstream_reply *reply);

static int ask(struct run *run, const struct name *zone, uint16_t type)
{
	run->now = (struct question){.name = *zone, .type = type, .class = CLASS_IN};
	if (run->steps++ == ATTEST_STEPS_MAX)
		return -ELOOP;
	return upstream_ask(
		run->attest->resolver->parts.upstream, &run->now, on_reply, run, &run->query);
}

/* The next question after an answer to this one. The zone that signed a DS is the one above. 1:
 * that was the last. */
static int climb(struct run *run, const struct answer *a)
{
	struct name zone;
	if (run->now.type == TYPE_DNSKEY)
		return run->now.name.len == 1 ? 1 : ask(run, &run->now.name, TYPE_DS);
	if (!answer_signer_zone(a, &zone) || name_equal(&zone, &run->now.name) ||
		!name_under(&run->now.name, &zone))
		return -EBADMSG;
	return ask(run, &zone, TYPE_DNSKEY);
}

static int take(struct run *run, const struct upstream_reply *reply)
{
	struct answer *a = NULL;
	int r = reply->error || !reply->secure
			? -EBADMSG
			: answer_from_message(&run->now, reply->message, reply->len, &a);
	if (r < 0)
		return r;
	int64_t until = answer_signed_until(a, now_seconds());
	if (until && until < run->found.until)
		run->found.until = until;
	r = a->error || !until ? -EBADMSG : climb(run, a);
	answer_unref(a);
	return r;
}

/* What cannot be proven to its end is not remembered; the next answer of that zone asks again. */
static void on_reply(void *ctx, const struct upstream_reply *reply)
{
	struct run *run = ctx;
	run->query = NULL;
	int r = take(run, reply);
	if (r == 1)
		learnt(run);
	else if (r < 0)
		run_free(run);
}

/* One a second, and as many at once as there are places. A zone without TTLs would have its proof
 * followed with each question. */
static bool may_follow(struct attest *t)
{
	uint64_t now = clock_monotonic();
	if (t->runs_len == ATTEST_RUNS_MAX || t->earned >= now + ATTEST_RUNS_MAX * SECOND)
		return false;
	t->earned = (t->earned > now ? t->earned : now) + SECOND;
	return true;
}

static void follow(struct attest *t, const struct attestation *found)
{
	struct run *run = may_follow(t) ? calloc(1, sizeof(*run)) : NULL;
	if (!run)
		return;
	run->attest = t;
	run->found = *found;
	LIST_INSERT_HEAD(&t->runs, run, link);
	t->runs_len++;
	if (ask(run, &found->zone, TYPE_DNSKEY) < 0)
		run_free(run);
}

/* ---- what DNS says ---- */

static void end(struct attest *t, const struct name *zone)
{
	size_t len = attested_len(t->keys);
	struct run *run = find_run(t, zone);
	if (run)
		run_free(run);
	attested_drop(t->keys, zone);
	t->counters.ended += len - attested_len(t->keys);
}

static bool is_other(const struct attest *t, const struct attestation *found)
{
	const struct pin *held = attested_find(t->keys, &found->zone, now_seconds(), UINT64_MAX);
	return held && name_equal(&held->suffix, &found->zone) &&
	       memcmp(held->key, found->key, sizeof(held->key)) != 0;
}

static bool is_same(const struct attestation *a, const struct attestation *b)
{
	return a->min == b->min && memcmp(a->key, b->key, sizeof(a->key)) == 0;
}

/* It attests this, at this moment. What it attested before is not believed any more, nor proven. */
static void take_found(struct attest *t, const struct attestation *found)
{
	struct run *run = find_run(t, &found->zone);
	if (run && !is_same(&run->found, found)) {
		run_free(run);
		run = NULL;
	}
	if (is_other(t, found))
		end(t, &found->zone); /* at once: its own proof is yet to be followed */
	if (!run && !attested_is_fresh(t->keys, found, now_seconds()))
		follow(t, found);
}

/* Nothing is proven of it, which is itself proven: a zone above says that it is not signed, or not
 * all of it (NSEC3 with opt-out). An upstream without DNSSEC, or a zone that the user has excepted,
 * says nothing. */
static bool is_unsigned(const struct attest *t, const struct answer *a)
{
	const struct question q = answer_question(a);
	return !a->validated && !a->bogus && (!a->error || a->error == -ENOENT) && a->trace &&
	       !a->trace->unvalidated &&
	       !upstream_is_insecure(t->resolver->parts.upstream, &q.name);
}

/* What is secure and no key of the zone itself ends what it has attested: a denial, another text,
 * an alias, or a zone of its own at that name. So does that the zone is not signed any more: there
 * is nothing then that its key could cover (design, section 4, rule 3), and once DNS is down its
 * former owner would speak in its place. What failed, or cannot be judged, says nothing. */
static void judge(struct attest *t, const struct answer *a, const struct name *zone)
{
	struct attestation found = {.zone = *zone, .until = INT64_MAX};
	if (answer_is_stale(a))
		return;
	if (is_unsigned(t, a) || (a->validated && (a->error || answer_cnames(a, NULL, 0) ||
							  !answer_is_signed_by(a, zone) ||
							  attested_read(a, &found) < 0))) {
		end(t, zone);
	} else if (a->validated) {
		found.until = answer_signed_until(a, now_seconds());
		take_found(t, &found);
	}
}

/* While what that zone said last is in the cache, be it a failure, it is not asked again. */
static void ask_zone(struct attest *t, const struct name *zone, struct work *work)
{
	struct resolver *r = t->resolver;
	struct question q = {.type = TYPE_TXT, .class = CLASS_IN};
	if (attested_name(zone, &q.name) < 0 || !policy_tells_dht(&r->config.policy, &q.name) ||
		policy_when(&r->config.policy, &q, CACHE_DNS) != ASK_NOW ||
		memory_cached(r, &q, CACHE_DNS, false))
		return;
	if (sources_ask_behind(r, &q, ATTEST_ASKING_MAX, work))
		t->counters.asked++;
}

static void want_zone(struct attest *t, const struct name *zone, struct work *work)
{
	if (!work || !work->is_asked) {
		ask_zone(t, zone, work);
		return;
	}
	struct wish *w = t->wishes_len < ATTEST_WISHES_MAX ? calloc(1, sizeof(*w)) : NULL;
	if (!w)
		return;
	*w = (struct wish){.zone = *zone, .work = work_ref(work)};
	LIST_INSERT_HEAD(&t->wishes, w, link);
	t->wishes_len++;
}

static void wish_free(struct attest *t, struct wish *w)
{
	LIST_REMOVE(w, link);
	t->wishes_len--;
	work_unref(w->work);
	free(w);
}

void attest_answered(struct attest *t, struct work *work)
{
	for (struct wish *next, *w = LIST_FIRST(&t->wishes); w; w = next) {
		next = LIST_NEXT(w, link);
		if (w->work != work)
			continue;
		ask_zone(t, &w->zone, work);
		wish_free(t, w);
	}
}

/* The zone that is said to have signed it; or, where it is not signed, the zone whose key covers
 * the name, which may have changed its mind. */
static bool zone_of(const struct attest *t, const struct answer *a, struct name *ret_zone)
{
	const struct question q = answer_question(a);
	if (a->validated)
		return answer_signer_zone(a, ret_zone);
	const struct pin *held = attested_find(t->keys, &q.name, now_seconds(), UINT64_MAX);
	if (!held || answer_is_stale(a) || (a->error && a->error != -ENOENT))
		return false;
	*ret_zone = held->suffix;
	return true;
}

void attest_heard(struct attest *t, const struct answer *a, struct work *work)
{
	const struct question q = answer_question(a);
	struct name zone;
	if (!t->resolver->config.policy.dht || q.class != CLASS_IN)
		return;
	if (attested_zone(&q.name, &zone)) {
		if (q.type == TYPE_TXT)
			judge(t, a, &zone);
	} else if (zone_of(t, a, &zone)) {
		want_zone(t, &zone, work);
	}
}

/* ---- life ---- */

struct attested *attest_keys(struct attest *t)
{
	return t->keys;
}

void attest_counters(const struct attest *t, struct attest_counters *ret_counters)
{
	*ret_counters = t->counters;
}

int attest_create(struct resolver *r, struct attest **ret_attest)
{
	struct attest *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->resolver = r;
	LIST_INIT(&t->runs);
	LIST_INIT(&t->wishes);
	int e = attested_create(r->parts.own, now_seconds(), &t->keys);
	if (e < 0) {
		free(t);
		return e;
	}
	*ret_attest = t;
	return 0;
}

void attest_destroy(struct attest *t)
{
	struct run *run;
	struct wish *w;
	if (!t)
		return;
	while ((run = LIST_FIRST(&t->runs)))
		run_free(run);
	while ((w = LIST_FIRST(&t->wishes)))
		wish_free(t, w);
	attested_destroy(t->keys);
	free(t);
}
