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
#include "resolver/slot_choose.h"

#define SLOT_AHEAD_MAX (600 * (int64_t)SECOND)
#define LARGE_CLAIMS_MAX 2   /* references that one question follows; eight pieces each */

struct version { /* of a slot, as some nodes returned it */
	int64_t seq;
	unsigned nodes;
	uint16_t len;
	uint8_t bytes[SLOT_BYTES_MAX];
};

/* Packets and pieces are allocated as they come: 16 kB that a question to DNS, or one that nobody
 * answers, does not need, and 2,000 opens may wait at once. */
struct fetch {
	const struct fetch_env *env;
	struct question question;
	enum cache_part part;
	fetch_fn *fn;
	void *ctx;
	struct upstream_query *query;
	struct dht_lookup *lookup;
	uint64_t began;
	struct trace *trace;
	struct fetch_zone *zone; /* of a zone; NULL: of something else */
	uint8_t key[NAME_KEY_LEN]; /* of the slot */
	bool has_known;
	uint8_t known[NAME_KEY_LEN]; /* the signer who answered for this name before */
	size_t versions_len;
	struct version *versions[FETCH_PACKETS_MAX];
	/* A slot, and the large claim whose pieces are being fetched. */
	struct slot slot;
	unsigned budget;           /* signature checks left */
	size_t reference, followed; /* in slot.pieces */
	size_t pieces_len;
	struct claim_piece pieces[CLAIM_PIECES_MAX];
	uint8_t (*bytes)[CLAIM_PIECE_BYTES]; /* CLAIM_PIECES_MAX of them, or NULL */
};

static void fetch_free(struct fetch *f)
{
	slot_finish(&f->slot);
	for (size_t i = 0; i < f->versions_len; i++)
		free(f->versions[i]);
	free(f->zone);
	free(f->bytes);
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

/* What makes room for something newer. NULL: nothing is older. */
static struct version *oldest_before(struct fetch *f, int64_t seq)
{
	struct version *oldest = NULL;
	for (size_t i = 0; i < f->versions_len; i++)
		if (f->versions[i]->seq < seq && (!oldest || f->versions[i]->seq < oldest->seq))
			oldest = f->versions[i];
	return oldest;
}

static void keep_version(struct fetch *f, const struct dht_item *item)
{
	const uint8_t *bytes;
	size_t len;
	if (item->seq > clock_wall() + SLOT_AHEAD_MAX || dht_item_get_string(item, &bytes, &len) < 0 ||
		len > SLOT_BYTES_MAX)
		return;
	for (size_t i = 0; i < f->versions_len; i++) {
		struct version *v = f->versions[i];
		if (v->len == len && memcmp(v->bytes, bytes, len) == 0) {
			v->nodes++;
			if (item->seq > v->seq)
				v->seq = item->seq;
			return;
		}
	}
	struct version *at = NULL;
	if (f->versions_len == FETCH_PACKETS_MAX)
		at = oldest_before(f, item->seq);
	else if ((at = malloc(sizeof(*at))))
		f->versions[f->versions_len++] = at;
	if (!at)
		return;
	*at = (struct version){.seq = item->seq, .nodes = 1, .len = (uint16_t)len};
	memcpy(at->bytes, bytes, len);
}

static bool is_known(void *ctx, const uint8_t key[NAME_KEY_LEN])
{
	const struct fetch *f = ctx;
	return f->has_known && memcmp(f->known, key, sizeof(f->known)) == 0;
}

static void left_out(void *ctx, const struct claim *claim, enum claim_verdict why)
{
	trace_claim(ctx, claim, why);
}

static struct slot_reading reading_of(struct fetch *f, const struct version *v)
{
	return (struct slot_reading){.now = clock_wall() / (int64_t)SECOND,
		.packet_time = v ? v->seq / (int64_t)SECOND : 0, .nodes = v ? v->nodes : 1,
		.allow_unsigned = f->env->policy->mode == POLICY_OPEN, .budget = &f->budget,
		.known = is_known, .known_ctx = f, .left_out = left_out, .left_out_ctx = f->trace};
}

/* All nodes' packets in one slot, so that a withdrawal that one node has meets the claim that
 * another still holds. */
static void read_slot(struct fetch *f)
{
	f->budget = FETCH_CHECKS_MAX;
	slot_init(&f->slot, &f->question);
	for (size_t i = 0; i < f->versions_len; i++) {
		const struct version *v = f->versions[i];
		struct slot_reading reading = reading_of(f, v);
		slot_add_packet(&f->slot, v->bytes, v->len, &reading);
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
	for (size_t i = 0; i < f->versions_len; i++)
		if (f->versions[i]->seq > a->seq)
			a->seq = f->versions[i]->seq;
	a->time = c->kind == CLAIM_KEY ? serial_time(c->inception, now) :
					 a->seq / (int64_t)SECOND;
	a->expires = now + a->ttl;
	return a;
}

static void choose(struct fetch *f)
{
	struct slot_choice choice = {&f->slot, f->env->policy, f->env->parts.publisher,
		f->has_known ? f->known : NULL};
	const struct claim *best = slot_choose(&choice, f->trace);
	finish(f, best ? answer_from_claim(f, best) : miss(&f->question));
}

static void count_lookup(struct trace *t, const struct dht_result *result)
{
	if (!t)
		return;
	t->lookups++;
	t->queries += result->queries;
	t->bytes += result->bytes;
	t->answered += result->answered;
	t->holders += result->holders;
}

static void follow_reference(struct fetch *f);

static void on_piece(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	(void)from;
	struct fetch *f = ctx;
	const struct claim_pieces *p = &f->slot.pieces[f->reference];
	const uint8_t *bytes;
	size_t len, i = f->pieces_len;
	if (item) { /* immutable: the engine has compared its hash, every copy is the same */
		if (dht_item_get_string(item, &bytes, &len) == 0 && len <= CLAIM_PIECE_BYTES &&
			!f->pieces[i].bytes) {
			memcpy(f->bytes[i], bytes, len);
			f->pieces[i] = (struct claim_piece){f->bytes[i], len};
		}
		return;
	}
	f->lookup = NULL;
	count_lookup(f->trace, result);
	if (f->pieces[i].bytes)
		f->pieces_len++;
	if (f->pieces[i].bytes && f->pieces_len == p->count) {
		struct slot_reading reading = reading_of(f, NULL);
		struct claim_pieces whole = *p; /* adding the claim drops the reference */
		slot_add_pieces(&f->slot, &whole, f->pieces, &reading);
		f->reference = 0;
		follow_reference(f);
	} else if (f->pieces[i].bytes) {
		struct dht_id target;
		memcpy(target.b, p->sha1[f->pieces_len], DHT_ID_LEN);
		if (dht_get_immutable(f->env->parts.dht, &target, on_piece, f, &f->lookup) < 0)
			choose(f);
	} else { /* a piece that nobody has: the next reference */
		f->reference++;
		follow_reference(f);
	}
}

/* Fetches the large claims that the slot refers to: of the known signer only, where there is one. */
static void follow_reference(struct fetch *f)
{
	uint8_t key[NAME_KEY_LEN];
	struct dht_id target;
	if (!f->bytes && f->slot.pieces_len)
		f->bytes = calloc(CLAIM_PIECES_MAX, sizeof(*f->bytes));
	for (; f->bytes && f->reference < f->slot.pieces_len && f->followed < LARGE_CLAIMS_MAX;
		f->reference++) {
		const struct claim_pieces *p = &f->slot.pieces[f->reference];
		if (p->count == 0 || !name_key(&p->signer, key) || (f->has_known && !is_known(f, key)))
			continue;
		f->followed++;
		f->pieces_len = 0;
		memset(f->pieces, 0, sizeof(f->pieces));
		memcpy(target.b, p->sha1[0], DHT_ID_LEN);
		if (dht_get_immutable(f->env->parts.dht, &target, on_piece, f, &f->lookup) == 0)
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
	count_lookup(f->trace, result);
	bool silent = result->error == -ENETUNREACH ||
		(result->error == -EHOSTUNREACH && f->env->joined);
	if (silent && f->versions_len == 0)
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
	return fetch_zone_start(f->zone);
}

static int start_slot(struct fetch *f)
{
	uint8_t salt[QUESTION_KEY_LEN], seed[DHT_SEED_LEN];
	question_key(&f->question, salt);
	slot_seed(salt, seed);
	int r = dht_key_of_seed(seed, f->key);
	return r < 0 ? r : dht_get_mutable(f->env->parts.dht, f->key, salt, sizeof(salt), on_item,
				   f, &f->lookup);
}

static int start(struct fetch *f)
{
	if (f->part == CACHE_DNS)
		return upstream_ask(f->env->parts.upstream, &f->question, on_reply, f, &f->query);
	return f->part == CACHE_ZONE ? start_zone(f) : start_slot(f);
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
	if (f->lookup)
		dht_cancel(f->env->parts.dht, f->lookup);
	if (f->zone)
		fetch_zone_finish(f->zone);
	trace_destroy(f->trace);
	fetch_free(f);
}
