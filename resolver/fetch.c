/* Fetching from the DHT and from conventional DNS, turned into answers. */
#include "resolver/fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dht/dht.h"
#include "resolver/claim.h"
#include "resolver/clock.h"
#include "resolver/zone.h"

#define SEQ_AHEAD_MAX (24 * 3600 * (int64_t)SECOND)   /* a reader refuses what claims to be later */
#define ZONE_STALE (7 * 86400 * (int64_t)SECOND)      /* a zone that was not signed anew since */
#define EDE_STALE 3
#define EDE_BOGUS 6
#define EDE_NO_AUTHORITY 22
#define EDE_INVALID_DATA 24

struct version { /* of a zone or slot, as some nodes returned it */
	int64_t seq;
	unsigned nodes;
	uint16_t len;
	uint8_t bytes[SLOT_BYTES_MAX];
};

struct fetch {
	const struct fetch_env *env;
	struct question question;
	enum cache_part part;
	fetch_fn *fn;
	void *ctx;
	struct upstream_query *query;
	struct dht_lookup *lookup;
	uint8_t key[NAME_KEY_LEN]; /* of the zone or slot */
	size_t versions_len;
	struct version versions[FETCH_PACKETS_MAX];
};

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
	}
	free(f);
	fn(ctx, a);
}

/* ---- conventional DNS ---- */

static struct answer *answer_from_reply(const struct question *q,
	const struct upstream_reply *reply)
{
	struct answer *a = NULL;
	if (reply->error)
		return failure(q, reply->error, EDE_NO_AUTHORITY);
	int r = answer_from_message(q, reply->message, reply->len, &a);
	if (r < 0)
		return r == -ENOMEM ? NULL : failure(q, -EREMOTEIO, EDE_INVALID_DATA);
	a->validated = reply->secure;
	if (reply->secure)
		a->trust = TRUST_DNSSEC;
	if (reply->bogus) {
		a->bogus = true;
		a->error = -EBADMSG;
		a->rcode = RCODE_SERVFAIL;
		a->ede = EDE_BOGUS;
		a->ttl = FETCH_FAILURE_TTL;
	}
	return a;
}

static void on_reply(void *ctx, const struct upstream_reply *reply)
{
	struct fetch *f = ctx;
	f->query = NULL;
	struct answer *a = answer_from_reply(&f->question, reply);
	struct publisher *publisher = f->env->parts.publisher;
	struct rrset *set;
	if (f->env->policy->mode == POLICY_OPEN && publisher && a && !a->error &&
		answer_rrset(a, &set) == 0) {
		/* The order of 2009: what DNS said is left on the network for the next who asks. The
		 * board is the question's, so the set at a chain's end is filed under it. */
		set->question = f->question;
		publish_copy(publisher, set);
		rrset_destroy(set);
	}
	finish(f, a);
}

/* ---- the DHT ---- */

static void keep_version(struct fetch *f, const struct dht_item *item)
{
	const uint8_t *bytes;
	size_t len;
	if (item->seq > clock_wall() + SEQ_AHEAD_MAX || dht_item_get_string(item, &bytes, &len) < 0 ||
		len > SLOT_BYTES_MAX)
		return;
	for (size_t i = 0; i < f->versions_len; i++) {
		struct version *v = &f->versions[i];
		if (v->len == len && memcmp(v->bytes, bytes, len) == 0) {
			v->nodes++;
			if (item->seq > v->seq)
				v->seq = item->seq;
			return;
		}
	}
	struct version *at = NULL;
	if (f->versions_len < FETCH_PACKETS_MAX) {
		at = &f->versions[f->versions_len++];
	} else {
		for (size_t i = 0; i < f->versions_len; i++) /* the oldest makes room for a newer one */
			if (f->versions[i].seq < item->seq && (!at || f->versions[i].seq < at->seq))
				at = &f->versions[i];
	}
	if (!at)
		return;
	*at = (struct version){.seq = item->seq, .nodes = 1, .len = (uint16_t)len};
	memcpy(at->bytes, bytes, len);
}

static struct answer *answer_from_zone(struct fetch *f)
{
	const struct version *newest = NULL;
	for (size_t i = 0; i < f->versions_len; i++) {
		const struct version *v = &f->versions[i];
		if (!newest || zone_compare(v->seq, v->bytes, v->len, newest->seq, newest->bytes,
				       newest->len) > 0)
			newest = v;
	}
	struct publisher *publisher = f->env->parts.publisher;
	if (!newest || (publisher && publish_withdrawn(publisher, &f->question, f->key)))
		return miss(&f->question);
	struct zone *zone;
	struct answer *a = NULL;
	int r = zone_read(f->key, newest->bytes, newest->len, &zone);
	if (r < 0) /* a newer item that is no zone supersedes the zone (facts: pkarr, 1.3) */
		return r == -ENOMEM ? NULL :
				      answer_without(&f->question, -ENOENT, RCODE_NOERROR,
					      EDE_INVALID_DATA, FETCH_MISS_TTL, true);
	r = zone_answer(zone, &f->question, &a);
	zone_destroy(zone);
	if (r < 0)
		return NULL;
	a->has_signer = true;
	memcpy(a->signer, f->key, sizeof(a->signer));
	a->seq = newest->seq;
	a->time = newest->seq / (int64_t)SECOND;
	a->expires = clock_wall() / (int64_t)SECOND + a->ttl;
	if (newest->seq < clock_wall() - ZONE_STALE)
		a->ede = EDE_STALE;
	return a;
}

/* A claim that may answer, and how many nodes returned it. */
struct candidate {
	struct claim claim;
	int64_t seq;
	unsigned nodes;
};
struct candidates {
	struct candidate list[FETCH_PACKETS_MAX * SLOT_STRANGERS_MAX];
	size_t len;
};

static bool same_voice(const struct claim *a, const struct claim *b)
{
	return a->kind == b->kind &&
		(a->kind != CLAIM_KEY || memcmp(a->key, b->key, sizeof(a->key)) == 0);
}

/* Of one signer the latest inception; votes add up. Takes the claim over. */
static void consider(struct candidates *c, struct claim *claim, const struct version *v)
{
	struct candidate *at = NULL;
	for (size_t i = 0; i < c->len && !at; i++)
		if (same_voice(&c->list[i].claim, claim))
			at = &c->list[i];
	if (!at && c->len < sizeof(c->list) / sizeof(*c->list)) {
		at = &c->list[c->len++];
		*at = (struct candidate){.claim = *claim, .seq = v->seq};
		memset(claim, 0, sizeof(*claim));
	}
	if (!at)
		return;
	at->nodes += v->nodes;
	bool later = (int32_t)(claim->inception - at->claim.inception) > 0;
	if (claim->set && later) {
		claim_finish(&at->claim);
		at->claim = *claim;
		at->seq = v->seq;
		memset(claim, 0, sizeof(*claim));
	}
}

static void collect(struct fetch *f, struct candidates *c)
{
	unsigned budget = FETCH_CHECKS_MAX;
	struct publisher *publisher = f->env->parts.publisher;
	for (size_t i = 0; i < f->versions_len; i++) {
		const struct version *v = &f->versions[i];
		struct slot slot;
		struct slot_reading reading = {.now = clock_wall() / (int64_t)SECOND,
			.packet_time = v->seq / (int64_t)SECOND,
			.allow_unsigned = f->env->policy->mode == POLICY_OPEN, .budget = &budget};
		slot_init(&slot, &f->question);
		slot_add_packet(&slot, v->bytes, v->len, &reading);
		for (size_t k = 0; k < slot.claims_len; k++) {
			struct claim *claim = &slot.claims[k];
			if (claim->kind == CLAIM_ZONE || (claim->kind == CLAIM_KEY && publisher &&
				publish_withdrawn(publisher, &f->question, claim->key)))
				continue;
			consider(c, claim, v);
		}
		slot_finish(&slot);
	}
}

/* trust=open: the latest signed claim, else the latest copy. */
static const struct candidate *choose_open(const struct candidates *c)
{
	const struct candidate *best = NULL;
	for (size_t i = 0; i < c->len; i++) {
		const struct candidate *x = &c->list[i];
		bool signed_beats = best && x->claim.kind != best->claim.kind;
		if (!best || (signed_beats && x->claim.kind == CLAIM_KEY) ||
			(!signed_beats && (int32_t)(x->claim.inception - best->claim.inception) > 0))
			best = x;
	}
	return best;
}

/* Trust on first use: the signer that answered for this name before, or the one that most nodes
 * return (tie: the smaller key), who is then remembered. */
static const struct candidate *choose_first(struct fetch *f, const struct candidates *c)
{
	struct own *own = f->env->parts.own;
	uint8_t known[NAME_KEY_LEN];
	bool has_known = own_first_signer(own, &f->question.name, known);
	const struct candidate *best = NULL;
	for (size_t i = 0; i < c->len; i++) {
		const struct candidate *x = &c->list[i];
		if (has_known) {
			if (memcmp(x->claim.key, known, sizeof(known)) == 0)
				return x;
		} else if (!best || x->nodes > best->nodes ||
			(x->nodes == best->nodes &&
				memcmp(x->claim.key, best->claim.key, NAME_KEY_LEN) < 0)) {
			best = x;
		}
	}
	if (best)
		own_remember_signer(own, &f->question.name, best->claim.key);
	return best;
}

static struct answer *answer_from_claim(struct fetch *f, const struct candidate *c)
{
	struct answer *a = NULL;
	int64_t now = clock_wall() / (int64_t)SECOND;
	if (answer_from_rrset(&f->question, c->claim.set, &a) < 0)
		return NULL;
	a->source = SOURCE_DHT;
	a->trust = f->env->policy->mode == POLICY_OPEN ? TRUST_OPEN : TRUST_TOFU;
	if (c->claim.kind == CLAIM_KEY) {
		a->has_signer = true;
		memcpy(a->signer, c->claim.key, sizeof(a->signer));
	}
	a->seq = c->seq;
	a->time = c->seq / (int64_t)SECOND;
	int64_t left = (int64_t)(int32_t)(c->claim.expiration - (uint32_t)now);
	a->expires = now + (a->ttl < left ? a->ttl : left);
	return a;
}

static struct answer *answer_from_slot(struct fetch *f)
{
	struct candidates *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	collect(f, c);
	const struct candidate *best =
		f->env->policy->mode == POLICY_OPEN ? choose_open(c) : choose_first(f, c);
	struct answer *a = best ? answer_from_claim(f, best) : miss(&f->question);
	for (size_t i = 0; i < c->len; i++)
		claim_finish(&c->list[i].claim);
	free(c);
	return a;
}

static void on_item(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	(void)from;
	struct fetch *f = ctx;
	if (item) {
		keep_version(f, item);
		return;
	}
	f->lookup = NULL;
	bool silent = result->error == -ENETUNREACH ||
		(result->error == -EHOSTUNREACH && f->env->joined);
	if (silent && f->versions_len == 0)
		finish(f, failure(&f->question, -ENETUNREACH, EDE_NO_AUTHORITY));
	else
		finish(f, f->part == CACHE_ZONE ? answer_from_zone(f) : answer_from_slot(f));
}

/* ---- start and end ---- */

static int start_dht(struct fetch *f)
{
	uint8_t salt[QUESTION_KEY_LEN], seed[DHT_SEED_LEN];
	size_t salt_len = 0;
	if (f->part == CACHE_ZONE) {
		if (!name_key(&f->question.name, f->key))
			return -EINVAL;
	} else {
		question_key(&f->question, salt);
		salt_len = sizeof(salt);
		slot_seed(salt, seed);
		int r = dht_key_of_seed(seed, f->key);
		if (r < 0)
			return r;
	}
	return dht_get_mutable(f->env->parts.dht, f->key, salt, salt_len, on_item, f, &f->lookup);
}

int fetch_start(const struct fetch_env *env, const struct question *q, enum cache_part part,
	fetch_fn *fn, void *ctx, struct fetch **ret_fetch)
{
	struct fetch *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->env = env;
	f->question = *q;
	f->part = part;
	f->fn = fn;
	f->ctx = ctx;
	int r = part == CACHE_DNS ? upstream_ask(env->parts.upstream, q, on_reply, f, &f->query) :
				    start_dht(f);
	if (r < 0) {
		free(f);
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
	if (f->lookup)
		dht_cancel(f->env->parts.dht, f->lookup);
	free(f);
}
