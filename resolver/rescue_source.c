/* One slot on the way to the judge. */
#include "resolver/rescue_source.h"

#include <stdlib.h>
#include <string.h>

#include "dht/dht.h"
#include "resolver/claim_check.h"
#include "resolver/clock.h"
#include "resolver/slot_parts.h"

static int64_t wall_seconds(void)
{
	return clock_wall() / (int64_t)SECOND;
}

/* ---- candidates ---- */

/* What came to nothing before comes last. What has records before what says that there are none: a
 * denial may be older than the name, and be signed for as long. Then the latest signed. */
static int by_rank(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;
	int32_t after = serial_after(b->facts.inception, a->facts.inception);
	if (a->refuted != b->refuted)
		return a->refuted ? 1 : -1;
	if (a->facts.denies != b->facts.denies)
		return a->facts.denies ? 1 : -1;
	return (after > 0) - (after < 0);
}

/* One that has ended, or has not begun, would only be found out by the judge. */
static bool is_current(const struct signed_copy_facts *facts, int64_t now)
{
	return facts->until > now &&
	       serial_after(facts->inception, (uint32_t)now) <= CLAIM_AHEAD_MAX;
}

static void add_candidate(struct rescue_source *s, const struct signed_copy_facts *facts,
	const uint8_t *message, size_t len)
{
	struct candidate *c = &s->candidates[s->len];
	if (s->len == RESCUE_CANDIDATES_MAX || !is_current(facts, wall_seconds()))
		return;
	*c = (struct candidate){.facts = *facts,
		.refuted = refuted_has(s->refuted, message, len),
		.len = len,
		.message = malloc(len)};
	if (!c->message)
		return;
	memcpy(c->message, message, len);
	s->len++;
}

void rescue_source_keep(struct rescue_source *s, const struct root_key *key)
{
	struct signed_copy_facts facts;
	if (signed_copy_examine(&s->question, key->message, key->len, wall_seconds(), &facts) < 0)
		return;
	add_candidate(s, &facts, key->message, key->len);
	s->ready = s->spared = key->fresh && s->len > 0;
}

void rescue_source_unspare(struct rescue_source *s)
{
	s->ready = s->spared = false;
	for (size_t i = 0; i < s->len; i++) {
		s->candidates[i].refuted = true;
		refuted_add(s->refuted, s->candidates[i].message, s->candidates[i].len);
	}
}

static int make_message(const struct claim *claim, uint8_t message[CLAIM_BYTES_MAX])
{
	return claim->kind == CLAIM_ZONE ? signed_copy_from_claim(claim, message, CLAIM_BYTES_MAX)
					 : -1;
}

static void add_claim(struct rescue_source *s, const struct claim *claim)
{
	uint8_t message[CLAIM_BYTES_MAX];
	struct signed_copy_facts facts;
	int len = make_message(claim, message);
	if (len > 0 && signed_copy_examine(
			       &s->question, message, (size_t)len, wall_seconds(), &facts) == 0)
		add_candidate(s, &facts, message, (size_t)len);
}

static void add_message(struct rescue_source *s)
{
	uint8_t message[CLAIM_BYTES_MAX];
	struct signed_copy_facts facts;
	if (signed_copy_join(&s->question, &s->pieces.what, s->pieces.pieces, wall_seconds(),
		    message, &facts) == 0)
		add_candidate(s, &facts, message, s->pieces.what.len);
}

/* A large claim joins the others, among whom it is chosen at the end. */
static void add_pieces(struct rescue_source *s)
{
	unsigned budget = 0;
	struct slot_reading reading = {.now = wall_seconds(), .budget = &budget};
	struct claim_pieces whole = s->pieces.what;
	slot_add_pieces(&s->large, &whole, s->pieces.pieces, &reading);
}

/* ---- whose turn it is ---- */

/* A claim, or a reference, of one version of the slot. Of each version the first comes before the
 * second of any other: who fills one with what is dated later does not push out what others hold.
 */
struct option {
	bool refuted;
	unsigned turn;
	uint32_t inception;
	const struct claim *claim;
	const struct claim_pieces *pieces;
};
#define OPTIONS_MAX ((SLOT_VERSIONS_MAX + 1) * SLOT_STRANGERS_MAX)

struct options {
	size_t len;
	struct option at[OPTIONS_MAX];
};

static int by_turn(const void *left, const void *right)
{
	const struct option *a = left, *b = right;
	int32_t after = serial_after(b->inception, a->inception);
	if (a->refuted != b->refuted)
		return a->refuted ? 1 : -1;
	if (a->turn != b->turn)
		return a->turn > b->turn ? 1 : -1;
	return (after > 0) - (after < 0);
}

/* Those of one version, which begin at `from`: numbered. */
static void number(struct options *o, size_t from)
{
	qsort(o->at + from, o->len - from, sizeof(*o->at), by_turn);
	for (size_t i = from; i < o->len; i++)
		o->at[i].turn = (unsigned)(i - from);
}

static void add_option(struct options *o, const struct option *option)
{
	if (o->len < OPTIONS_MAX)
		o->at[o->len++] = *option;
}

static void list_claims(
	const struct rescue_source *s, const struct slot *slot, struct options *ret_options)
{
	size_t from = ret_options->len;
	for (size_t i = 0; i < slot->claims_len; i++) {
		uint8_t message[CLAIM_BYTES_MAX];
		int len = make_message(&slot->claims[i], message);
		if (len > 0)
			add_option(ret_options, &(struct option){.refuted = refuted_has(s->refuted,
									 message, (size_t)len),
							.inception = slot->claims[i].inception,
							.claim = &slot->claims[i]});
	}
	number(ret_options, from);
}

static void list_references(
	const struct rescue_source *s, const struct slot *slot, struct options *ret_options)
{
	size_t from = ret_options->len;
	uint8_t key[NAME_KEY_LEN];
	for (size_t i = 0; i < slot->pieces_len; i++) {
		const struct claim_pieces *p = &slot->pieces[i];
		if (!signer_is_key(&p->signer, key))
			add_option(ret_options,
				&(struct option){.refuted = refuted_has(s->refuted, p->sha1,
							 p->count * sizeof(*p->sha1)),
					.inception = p->inception,
					.pieces = p});
	}
	number(ret_options, from);
}

static bool is_taken(const struct options *o, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (o->at[i].claim ? claim_equal(o->at[j].claim, o->at[i].claim)
				   : pieces_equal(o->at[j].pieces, o->at[i].pieces))
			return true;
	return false;
}

/* All there is to claims, each once. */
static void choose_claims(struct rescue_source *s)
{
	struct options o = {0};
	size_t taken = 0;
	for (size_t i = 0; i < s->slots_len; i++)
		list_claims(s, &s->slots[i], &o);
	list_claims(s, &s->large, &o);
	qsort(o.at, o.len, sizeof(*o.at), by_turn);
	for (size_t i = 0; i < o.len && taken < SOURCE_CLAIMS_MAX; i++) {
		if (is_taken(&o, i))
			continue;
		add_claim(s, o.at[i].claim);
		taken++;
	}
}

static void choose_references(struct rescue_source *s)
{
	struct options o = {0};
	for (size_t i = 0; i < s->slots_len; i++)
		list_references(s, &s->slots[i], &o);
	qsort(o.at, o.len, sizeof(*o.at), by_turn);
	for (size_t i = 0; i < o.len && s->references_len < SOURCE_REFERENCES_MAX; i++)
		if (!is_taken(&o, i))
			s->references[s->references_len++] = *o.at[i].pieces;
}

/* No more is looked up; what there is so far is what there is. */
static void end(struct rescue_source *s)
{
	s->ready = true;
	choose_claims(s);
	qsort(s->candidates, s->len, sizeof(*s->candidates), by_rank);
}

/* ---- the slot ---- */

/* Claims of keys cost signature checks, and are nothing here: none. */
static void on_slot(void *ctx, const struct dht_result *result)
{
	struct rescue_source *s = ctx;
	unsigned budget = 0;
	(void)result;
	s->running = false;
	slot_init(&s->large, &s->question);
	for (size_t i = 0; i < s->slot_lookup.len; i++) {
		const struct slot_version *v = s->slot_lookup.versions[i];
		struct slot_reading reading = {.now = wall_seconds(), .budget = &budget};
		slot_init(&s->slots[s->slots_len], &s->question);
		slot_add_packet(&s->slots[s->slots_len++], v->bytes, v->len, &reading);
	}
	choose_references(s);
	s->stepped(s);
}

/* Of pieces that nobody has, or that are not what was promised, the reference comes last from now
 * on; not of what could not be paid for. */
static void on_pieces(void *ctx, bool whole)
{
	struct rescue_source *s = ctx;
	size_t before = s->len + s->large.claims_len;
	s->running = false;
	if (whole && s->pieces.what.is_message)
		add_message(s);
	else if (whole)
		add_pieces(s);
	if (s->len + s->large.claims_len == before && s->allowance->packets)
		refuted_add(s->refuted, s->pieces.what.sha1,
			s->pieces.what.count * sizeof(*s->pieces.what.sha1));
	s->stepped(s);
}

static int start_slot(struct rescue_source *s)
{
	s->slot_lookup = (struct slot_lookup){.dht = s->dht,
		.question = s->question,
		.trace = s->trace,
		.done = on_slot,
		.ctx = s,
		.allowance = s->allowance,
		.checks_kept = s->checks_kept};
	s->pieces = (struct piece_lookup){.dht = s->dht,
		.trace = s->trace,
		.done = on_pieces,
		.ctx = s,
		.allowance = s->allowance};
	s->looked = true;
	return slot_lookup_start(&s->slot_lookup);
}

static int start_reference(struct rescue_source *s)
{
	s->pieces.what = s->references[s->reference++];
	return piece_lookup_start(&s->pieces);
}

bool rescue_source_next(struct rescue_source *s)
{
	while (!s->running && !s->ready) {
		if (s->looked && s->reference == s->references_len)
			end(s);
		else
			s->running = (s->looked ? start_reference(s) : start_slot(s)) == 0;
	}
	return s->running;
}

void rescue_source_finish(struct rescue_source *s)
{
	slot_lookup_finish(&s->slot_lookup);
	piece_lookup_finish(&s->pieces);
	slot_finish(&s->large);
	for (size_t i = 0; i < s->slots_len; i++)
		slot_finish(&s->slots[i]);
	s->slots_len = 0;
	for (size_t i = 0; i < s->len; i++)
		free(s->candidates[i].message);
	s->len = 0;
}
