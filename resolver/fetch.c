/* Fetching from the DHT and from conventional DNS, turned into answers. */
#include "resolver/fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dht/dht.h"
#include "resolver/bogus.h"
#include "resolver/claim_check.h"
#include "resolver/clock.h"
#include "resolver/fetch_zone.h"
#include "resolver/rescue.h"
#include "resolver/slot_choose.h"
#include "resolver/slot_lookup.h"
#include "resolver/work.h"

#define LARGE_CLAIMS_MAX 2 /* references that one question follows; eight pieces each */

struct fetch {
	const struct fetch_env *env;
	struct question question;
	enum cache_part part;
	fetch_fn *fn;
	void *ctx;
	struct work *work;
	struct upstream_query *query;
	uint64_t began;
	struct trace *trace;
	struct fetch_zone *zone; /* of a zone; NULL: of something else */
	struct rescue *rescue;	 /* of copies; NULL: likewise */
	bool has_known;
	uint8_t known[NAME_KEY_LEN]; /* the signer who answered for this name before */
	struct slot_fetch *slot; /* of a slot; NULL: of something else */
};

/* A slot, and the large claim whose pieces are being fetched. Apart, for it is three times what a
 * question to DNS needs, of which thousands may be under way. */
struct slot_fetch {
	struct slot_lookup lookup;
	struct slot read;
	size_t reference, followed; /* in read.pieces */
	struct piece_lookup pieces;
};

static void slot_fetch_free(struct slot_fetch *s)
{
	if (!s)
		return;
	slot_finish(&s->read);
	slot_lookup_finish(&s->lookup);
	piece_lookup_finish(&s->pieces);
	free(s);
}

static void fetch_free(struct fetch *f)
{
	slot_fetch_free(f->slot);
	free(f->zone);
	work_unref(f->work);
	free(f);
}

static struct answer *failure(const struct question *q, int error, int ede)
{
	return answer_without(q, error, RCODE_SERVFAIL, ede, FETCH_FAILURE_TTL, false);
}

/* A DHT has no authority over a name: its silence is NODATA at most, and not for long. */
static struct answer *miss(const struct question *q)
{
	return answer_without(q, -ENOENT, RCODE_NOERROR, EDE_NONE, FETCH_MISS_TTL, true);
}

static void finish(struct fetch *f, struct answer *a)
{
	fetch_fn *fn = f->fn;
	void *ctx = f->ctx;
	if (a) {
		a->arrived = clock_monotonic();
		if (!a->time)
			a->time = clock_wall() / (int64_t)SECOND;
		if (!a->expires)
			a->expires = a->time + a->ttl;
		if (f->trace)
			f->trace->took = a->arrived - f->began;
		a->trace = f->trace;
	} else {
		trace_destroy(f->trace);
	}
	fetch_free(f);
	fn(ctx, a);
}

/* ---- conventional DNS ---- */

static struct answer *answer_from_reply(const struct question *q,
	const struct upstream_reply *reply)
{
	struct answer *a = NULL;
	if (reply->error)
		return failure(q, reply->error,
			reply->why && *reply->why ? EDE_NO_REPLY : EDE_NO_AUTHORITY);
	int r = answer_from_message(q, reply->message, reply->len, &a);
	if (r < 0)
		return r == -ENOMEM ? NULL : failure(q, -EREMOTEIO, EDE_INVALID_DATA);
	a->validated = reply->secure;
	if (reply->secure)
		a->trust = TRUST_DNSSEC;
	if (reply->unvalidated && a->ede == EDE_NONE)
		a->ede = EDE_INDETERMINATE;
	if (reply->bogus) {
		a->bogus = true;
		a->error = -EBADMSG;
		a->rcode = RCODE_SERVFAIL;
		a->ede = bogus_ede(reply->why);
		a->ttl = FETCH_FAILURE_TTL;
	}
	return a;
}

static void on_reply(void *ctx, const struct upstream_reply *reply)
{
	struct fetch *f = ctx;
	f->query = NULL;
	trace_why(f->trace, reply->why);
	if (f->trace)
		f->trace->unvalidated = reply->unvalidated;
	struct answer *a = answer_from_reply(&f->question, reply);
	finish(f, a);
}

/* ---- the DHT ---- */

static bool is_known(void *ctx, const uint8_t key[NAME_KEY_LEN])
{
	const struct fetch *f = ctx;
	return f->has_known && memcmp(f->known, key, sizeof(f->known)) == 0;
}

static void left_out(void *ctx, const struct claim *claim, enum claim_verdict why)
{
	trace_claim(ctx, claim, why);
}

static struct slot_reading reading_of(struct fetch *f, const struct slot_version *v)
{
	return (struct slot_reading){.now = clock_wall() / (int64_t)SECOND,
		.packet_time = v ? v->seq / (int64_t)SECOND : 0, .nodes = v ? v->nodes : 1,
		.allow_unsigned = f->env->policy->mode == POLICY_OPEN, .budget = &f->work->dht.checks,
		.known = is_known, .known_ctx = f, .left_out = left_out, .left_out_ctx = f->trace};
}

/* All nodes' packets in one slot, so that a withdrawal that one node has meets the claim that
 * another still holds. */
static void read_slot(struct fetch *f)
{
	slot_init(&f->slot->read, &f->question);
	for (size_t i = 0; i < f->slot->lookup.len; i++) {
		const struct slot_version *v = f->slot->lookup.versions[i];
		struct slot_reading reading = reading_of(f, v);
		slot_add_packet(&f->slot->read, v->bytes, v->len, &reading);
	}
}

static struct answer *answer_from_claim(struct fetch *f, const struct claim *c)
{
	struct answer *a = NULL;
	int64_t now = clock_wall() / (int64_t)SECOND;
	int32_t left = (int32_t)(c->expiration - (uint32_t)now);
	struct rrset *set = rrset_copy(c->set);
	if (!set)
		return NULL;
	if (left >= 0 && set->ttl > (uint32_t)left)
		set->ttl = (uint32_t)left; /* nobody may believe it for longer than it is signed */
	int r = answer_from_rrset(&f->question, set, &a);
	rrset_destroy(set);
	if (r < 0)
		return NULL;
	a->source = SOURCE_DHT;
	a->trust = f->env->policy->mode == POLICY_OPEN ? TRUST_OPEN : TRUST_TOFU;
	if (c->kind == CLAIM_KEY) {
		a->has_signer = true;
		memcpy(a->signer, c->key, sizeof(a->signer));
	}
	a->seq = slot_lookup_seq(&f->slot->lookup);
	a->time = c->kind == CLAIM_KEY ? serial_time(c->inception, now) :
					 a->seq / (int64_t)SECOND;
	a->expires = now + a->ttl;
	return a;
}

static void choose(struct fetch *f)
{
	struct slot_choice choice = {&f->slot->read, f->env->policy, f->env->parts.publisher,
		f->has_known ? f->known : NULL};
	const struct claim *best = slot_choose(&choice, f->trace);
	finish(f, best ? answer_from_claim(f, best) : miss(&f->question));
}

static void follow_reference(struct fetch *f);

static void on_pieces(void *ctx, bool whole)
{
	struct fetch *f = ctx;
	struct slot_fetch *s = f->slot;
	if (whole) { /* adding the claim drops the reference */
		struct slot_reading reading = reading_of(f, NULL);
		slot_add_pieces(&s->read, &s->pieces.what, s->pieces.pieces, &reading);
		s->reference = 0;
	} else { /* a piece that nobody has: the next reference */
		s->reference++;
	}
	follow_reference(f);
}

/* Fetches the large claims that the slot refers to: of the known signer only, where there is one. */
static void follow_reference(struct fetch *f)
{
	struct slot_fetch *s = f->slot;
	uint8_t key[NAME_KEY_LEN];
	for (; s->reference < s->read.pieces_len && s->followed < LARGE_CLAIMS_MAX; s->reference++) {
		const struct claim_pieces *p = &s->read.pieces[s->reference];
		if (!name_key(&p->signer, key) || (f->has_known && !is_known(f, key)))
			continue;
		s->followed++;
		s->pieces.what = *p;
		if (piece_lookup_start(&s->pieces) == 0)
			return;
	}
	choose(f);
}

static void answer_from_slot(struct fetch *f)
{
	int r = own_first_signer(f->env->parts.own, &f->question.name, f->known);
	f->has_known = r == 0;
	if (f->trace)
		f->trace->has_known = f->has_known;
	if (r < 0 && r != -ENOENT) { /* not to know whom to believe is not to believe anyone */
		finish(f, failure(&f->question, -EIO, EDE_NONE));
		return;
	}
	read_slot(f);
	follow_reference(f);
}

static void on_slot(void *ctx, const struct dht_result *result)
{
	struct fetch *f = ctx;
	bool silent = result->error == -ENETUNREACH ||
		(result->error == -EHOSTUNREACH && f->env->joined);
	if (silent && f->slot->lookup.len == 0)
		finish(f, failure(&f->question, -ENETUNREACH, EDE_NO_AUTHORITY));
	else
		answer_from_slot(f);
}

/* ---- start and end ---- */

static void on_zone(void *ctx, struct answer *a)
{
	struct fetch *f = ctx;
	const struct fetch_zone *z = f->zone;
	if (f->trace) {
		f->trace->lookups += z->lookups;
		f->trace->queries += z->queries;
		f->trace->bytes += z->bytes;
		f->trace->answered += z->answered;
		f->trace->holders += z->holders;
	}
	trace_relay(f->trace, z->relay);
	finish(f, a);
}

static int start_zone(struct fetch *f)
{
	f->zone = calloc(1, sizeof(*f->zone));
	if (!f->zone)
		return -ENOMEM;
	f->zone->env = f->env;
	f->zone->question = f->question;
	f->zone->done = on_zone;
	f->zone->ctx = f;
	f->zone->allowance = &f->work->dht;
	return fetch_zone_start(f->zone);
}

static int start_slot(struct fetch *f)
{
	f->slot = calloc(1, sizeof(*f->slot));
	if (!f->slot)
		return -ENOMEM;
	f->slot->lookup = (struct slot_lookup){.dht = f->env->parts.dht, .question = f->question,
		.trace = f->trace, .done = on_slot, .ctx = f, .allowance = &f->work->dht,
		.checks_kept = WORK_CLAIMS};
	f->slot->pieces = (struct piece_lookup){.dht = f->env->parts.dht, .trace = f->trace,
		.done = on_pieces, .ctx = f, .allowance = &f->work->dht};
	return slot_lookup_start(&f->slot->lookup);
}

static int start_dns(struct fetch *f)
{
	if (!work_upstream(f->work))
		return -EDQUOT;
	return upstream_ask(f->env->parts.upstream, &f->question, on_reply, f, &f->query);
}

static void on_rescued(void *ctx, struct answer *a)
{
	struct fetch *f = ctx;
	f->rescue = NULL;
	finish(f, a);
}

static int start_rescue(struct fetch *f)
{
	const struct rescue_want want = {.env = f->env,
		.question = f->question,
		.work = f->work,
		.trace = f->trace,
		.done = on_rescued,
		.ctx = f};
	return f->env->parts.judge ? rescue_start(&want, &f->rescue) : -EOPNOTSUPP;
}

static int start(struct fetch *f)
{
	if (f->part == CACHE_COPY)
		return start_rescue(f);
	if (f->part == CACHE_DNS)
		return start_dns(f);
	return f->part == CACHE_ZONE ? start_zone(f) : start_slot(f);
}

int fetch_start(const struct fetch_env *env, const struct question *q, enum cache_part part,
	const struct fetch_call *call, struct fetch **ret_fetch)
{
	struct fetch *f = calloc(1, sizeof(*f));
	if (f)
		f->work = call->work ? work_ref(call->work) : work_create();
	if (!f || !f->work) {
		free(f);
		return -ENOMEM;
	}
	f->env = env;
	f->question = *q;
	f->part = part;
	f->fn = call->fn;
	f->ctx = call->ctx;
	f->began = clock_monotonic();
	f->trace = trace_create();
	int r = start(f);
	if (r < 0) {
		trace_destroy(f->trace);
		fetch_free(f);
		return r;
	}
	*ret_fetch = f;
	return 0;
}

void fetch_cancel(struct fetch *f)
{
	if (!f)
		return;
	if (f->query)
		upstream_cancel(f->query);
	if (f->zone)
		fetch_zone_finish(f->zone);
	rescue_cancel(f->rescue);
	trace_destroy(f->trace);
	fetch_free(f);
}
