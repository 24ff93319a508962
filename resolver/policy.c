/* Who may answer: the rules of design section 4, as code that touches nothing else. */
#include "resolver/policy.h"

#include <errno.h>
#include <string.h>

#include "resolver/special.h"

/* A suffix in wire form. sizeof counts the NUL of the literal, which is the root label. */
#define SUFFIX(wire)                                                                               \
	{                                                                                          \
		sizeof(wire), wire                                                                 \
	}
struct suffix {
	size_t len;
	const char *wire;
};

static const struct suffix alt = SUFFIX("\003alt");

static bool ends_with(const struct name *name, const struct suffix *s)
{
	size_t at = 0;
	while (name->len - at > s->len)
		at += 1u + name->wire[at];
	return name->len - at == s->len && memcmp(name->wire + at, s->wire, s->len) == 0;
}

static bool is_local(const struct policy *p, const struct name *name)
{
	struct name zone;
	return special_of(name, p->test_zones, &zone) != SPECIAL_NOT;
}

bool policy_suffixes_have(const struct policy_suffixes *list, const struct name *name)
{
	for (size_t i = 0; i < list->len; i++)
		if (name_under(name, &list->name[i]))
			return true;
	return false;
}

enum policy_kind policy_kind(const struct policy *p, const struct name *name)
{
	uint8_t key[NAME_KEY_LEN];
	if (name_key(name, key))
		return NAME_UNDER_KEY;
	if (ends_with(name, &alt))
		return NAME_ALT;
	if (is_local(p, name))
		return NAME_LOCAL;
	return NAME_PLAIN;
}

/* What is under a key is its zone's, and under alt the DHT's, whatever upstream= says. */
static bool is_split(const struct policy *p, const struct name *name, enum policy_kind kind)
{
	return kind == NAME_PLAIN && policy_suffixes_have(&p->split, name);
}

bool policy_tells_dht(const struct policy *p, const struct name *name)
{
	enum policy_kind kind = policy_kind(p, name);
	return kind != NAME_LOCAL && !is_split(p, name, kind);
}

/* Slots hold what people write: class IN, and no type that only a signed zone can say. */
static bool slot_may_hold(const struct question *q)
{
	switch (q->type) {
	case TYPE_RRSIG:
	case TYPE_NSEC:
	case TYPE_NSEC3:
	case TYPE_NSEC3PARAM:
	case TYPE_SIG:
	case TYPE_KEY:
		return false;
	default:
		return q->class == CLASS_IN && !type_is_meta(q->type);
	}
}

/* ---- the order of section 4, as data ---- */

/* When a source is asked of a kind of name; `rule_of_word` says it in full. */
enum word {
	NO,   /* never */
	PIN,  /* where a pin covers the name */
	ZONE, /* where there is a DHT */
	KEY,  /* where a key is attested for the zone that signs the name */
	DNS,  /* where there is an upstream */
	COPY, /* where there is a DHT and what can judge what lies there, and an upstream that fails
	       */
	SELF, /* the same; with upstream=none what this machine itself says in place of DNS */
	VIA,  /* only with dht=off, where the upstream may be another kadns */
	KNOWN, /* as TOFU, where the name's first signer is remembered */
	TOFU,  /* under tofu=, as lookup= says; not with trust=strict */
	OPEN,  /* wherever there is a DHT */
	ALIAS, /* as TOFU, or OPEN, once the slot of the type has no claim; not where that is CNAME
		*/
};
/* What DNS must have said for a row to speak, be the source asked already or not. */
enum where {
	ANY,
	SIGNED, /* a secure answer of that very zone, or none at all: it is down */
	FAILED, /* nothing: it timed out, refused, failed, or was bogus */
	DENIED, /* that there is no such name; or it may not be asked */
	BARE,	/* the same, and the slot of the type has no claim */
};
/* What it means that a source has no record. */
enum silence {
	NEXT, /* the next row speaks */
	PINS, /* the same, where the key's zone lacks the name or cannot be read, and unless the pin
	       * fails closed */
	SURE, /* the same, unless it is proven that there is none */
	LAST, /* nobody else may answer */
	LEFT, /* the same, if the zone was read: its owner has taken the name out of it */
};
/* The first row that answers wins. */
struct row {
	enum cache_part part;
	enum word of[4]; /* names under a key, under alt, local ones, plain ones */
	enum where where;
	enum silence silence;
};
/* clang-format off */
static const struct row guarded[] = { /* and strict */
	/* source             key   alt    local plain    where    silence */
	{PART_PIN,          {NO,   PIN,   PIN,  PIN},    ANY,     PINS}, /* 2: the user's */
	{PART_PIN_FOR_ALL,  {NO,   PIN,   PIN,  PIN},    ANY,     PINS}, /* 2: root's and the owner's */
	{CACHE_ZONE,        {ZONE, NO,    NO,   NO},     ANY,     LAST}, /* 1 */
	{PART_ATTESTED,     {NO,   NO,    NO,   KEY},    SIGNED,  PINS}, /* 3 */
	{CACHE_DNS,         {VIA,  VIA,   SELF, DNS},    ANY,     NEXT}, /* 4 */
	{CACHE_COPY,        {NO,   NO,    NO,   COPY},   FAILED,  SURE}, /* 5 */
	{PART_SIGNER,       {NO,   KNOWN, NO,   KNOWN},  DENIED,  LEFT}, /* 6: the first signer's zone */
	{CACHE_SLOT,        {NO,   TOFU,  NO,   TOFU},   DENIED,  NEXT}, /* 6 */
	{PART_ALIAS,        {NO,   ALIAS, NO,   ALIAS},  BARE,    NEXT}, /* 6 */
};
static const struct row open_rows[] = { /* the order of 2009 */
	{PART_PIN,          {NO,   PIN,   PIN,  PIN},    ANY,     PINS},
	{PART_PIN_FOR_ALL,  {NO,   PIN,   PIN,  PIN},    ANY,     PINS},
	{CACHE_ZONE,        {ZONE, NO,    NO,   NO},     ANY,     LAST},
	{PART_ATTESTED,     {NO,   NO,    NO,   KEY},    SIGNED,  PINS},
	{CACHE_SLOT,        {NO,   OPEN,  NO,   OPEN},   ANY,     NEXT},
	{CACHE_DNS,         {VIA,  VIA,   SELF, DNS},    ANY,     NEXT},
	{CACHE_COPY,        {NO,   NO,    NO,   COPY},   FAILED,  SURE},
	{PART_ALIAS,        {NO,   ALIAS, NO,   ALIAS},  BARE,    NEXT},
};
/* clang-format on */
_Static_assert(sizeof(guarded) / sizeof(*guarded) == CACHE_PARTS, "each source has its place");

struct order {
	const struct row *rows;
	size_t len;
};

static struct order order_of(const struct policy *p)
{
	if (p->mode == POLICY_OPEN)
		return (struct order){open_rows, sizeof(open_rows) / sizeof(*open_rows)};
	return (struct order){guarded, sizeof(guarded) / sizeof(*guarded)};
}

size_t policy_order(const struct policy *p, enum cache_part ret_parts[CACHE_PARTS])
{
	const struct order order = order_of(p);
	for (size_t i = 0; i < order.len; i++)
		ret_parts[i] = order.rows[i].part;
	return order.len;
}

/* ---- what the words mean ---- */

static const struct policy_rule now = {.when = ASK_NOW};

static struct policy_rule never(const char *why)
{
	return (struct policy_rule){ASK_NEVER, why};
}

/* The next two: what holds for slots in whatever mode. */
static const char *why_no_slot(
	const struct policy *p, const struct question *q, enum policy_kind kind)
{
	if (!p->dht)
		return "dht=off";
	if (!slot_may_hold(q))
		return "no slot holds this class or type";
	return is_split(p, &q->name, kind)
		       ? "a name of upstream=ZONE@, of which only its servers are told"
		       : NULL;
}

static struct policy_rule rule_of_open(
	const struct policy *p, const struct question *q, enum policy_kind kind)
{
	const char *why = why_no_slot(p, q, kind);
	return why ? never(why) : now;
}

static struct policy_rule rule_of_tofu(
	const struct policy *p, const struct question *q, enum policy_kind kind)
{
	const char *why = why_no_slot(p, q, kind);
	if (why)
		return never(why);
	if (p->mode == POLICY_STRICT)
		return never("trust=strict");
	if (!policy_suffixes_have(&p->tofu, &q->name))
		return never("not under tofu=");
	/* Asking tells strangers the name: on a public network only once DNS had nothing. */
	if (p->lookup_always || kind == NAME_ALT || !p->upstream)
		return now;
	return (struct policy_rule){
		ASK_LATER, "lookup=rescue: only where DNS says that there is no such name"};
}

static struct policy_rule rule_of_zone(const struct policy *p, const struct question *q)
{
	if (!p->dht)
		return never("dht=off");
	if (q->class != CLASS_IN)
		return never("the zone of a key has no other class than IN");
	return now;
}

/* What stands in for DNS is asked for only once DNS does not answer. */
static struct policy_rule rule_of_copy(const struct policy *p, const struct question *q)
{
	const char *why = why_no_slot(p, q, NAME_PLAIN);
	if (why)
		return never(why);
	if (!p->upstream)
		return never("upstream=none");
	if (!p->copies)
		return never("nothing judges copies here");
	return (struct policy_rule){ASK_LATER, "only where DNS does not answer"};
}

static struct policy_rule rule_of_attested(
	const struct policy *p, const struct question *q, const struct policy_part *part)
{
	if (is_split(p, &q->name, NAME_PLAIN))
		return never("a name of upstream=ZONE@, of which only its servers are told");
	return part && part->pin ? now : never("no key is attested for its zone");
}

/* A claim of an alias stands in a slot of its own, of type CNAME. */
static struct policy_rule rule_of_alias(
	const struct policy *p, const struct question *q, enum policy_kind kind)
{
	if (q->type == TYPE_CNAME)
		return never("it is what is asked for");
	struct policy_rule rule = p->mode == POLICY_OPEN ? rule_of_open(p, q, kind)
							 : rule_of_tofu(p, q, kind);
	if (rule.when == ASK_NOW)
		return (struct policy_rule){ASK_LATER, "only where the slot has no claim"};
	return rule;
}

/* Names that only the DHT can know leave this machine upstream only when there is no DHT here. */
static struct policy_rule rule_of_via(const struct policy *p, enum policy_kind kind)
{
	if (!p->upstream)
		return never("upstream=none");
	if (p->dht)
		return never(kind == NAME_UNDER_KEY ? "a name under a key is never sent upstream"
						    : "names under alt are never sent upstream");
	return now;
}

/* Of a source that has no part in this. */
static const char *why_no(enum cache_part part, enum policy_kind kind)
{
	if (part == CACHE_ZONE)
		return "the name is not under a key";
	if (part == PART_PIN || part == PART_PIN_FOR_ALL)
		return "no pin covers the name";
	if (part == CACHE_COPY)
		return "DNS does not have this name";
	return kind == NAME_UNDER_KEY ? "the name is under a key: only the zone of that key answers"
				      : "a local name, of which the DHT is never told";
}

/* `part` is what is known of the source; NULL: nothing, and no pin either. */
static struct policy_rule rule_of_word(const struct policy *p, const struct question *q,
	enum policy_kind kind, const struct row *row, const struct policy_part *part)
{
	switch (row->of[kind]) {
	case NO:
		return never(why_no(row->part, kind));
	case PIN:
		return part && part->pin ? now : never("no pin covers the name");
	case ZONE:
		return rule_of_zone(p, q);
	case KEY:
		return rule_of_attested(p, q, part);
	case DNS:
		return p->upstream ? now : never("upstream=none");
	case COPY:
		return rule_of_copy(p, q);
	case SELF:
		return p->upstream || special_answers(q, p->test_zones, false)
			       ? now
			       : never("upstream=none");
	case VIA:
		return rule_of_via(p, kind);
	case KNOWN:
		return part && part->pin ? rule_of_tofu(p, q, kind)
					 : never("no signer is remembered for the name");
	case TOFU:
		return rule_of_tofu(p, q, kind);
	case OPEN:
		return rule_of_open(p, q, kind);
	case ALIAS:
		return rule_of_alias(p, q, kind);
	}
	return never("no such source");
}

/* NULL: this order does not know the source. */
static const struct row *row_of(const struct policy *p, enum cache_part part)
{
	const struct order order = order_of(p);
	for (size_t i = 0; i < order.len; i++)
		if (order.rows[i].part == part)
			return &order.rows[i];
	return NULL;
}

static bool may_ask_dns(const struct policy *p, const struct question *q, enum policy_kind kind)
{
	return rule_of_word(p, q, kind, row_of(p, CACHE_DNS), NULL).when != ASK_NEVER;
}

struct policy_rule policy_rule(
	const struct policy *p, const struct question *q, enum cache_part part)
{
	const struct row *row = row_of(p, part);
	return row ? rule_of_word(p, q, policy_kind(p, &q->name), row, NULL)
		   : never("trust=open knows no signers");
}

enum policy_when policy_when(const struct policy *p, const struct question *q, enum cache_part part)
{
	return policy_rule(p, q, part).when;
}

/* What pins change of it: behind one that fails closed nobody speaks; where a signer is remembered
 * his zone is read, and the slot only if that cannot be. */
static struct policy_rule rule_of_pinned(const struct policy *p, const struct question *q,
	enum policy_kind kind, const struct policy_part parts[CACHE_PARTS], const struct row *row)
{
	static const enum cache_part pins[] = {PART_PIN, PART_PIN_FOR_ALL};
	for (size_t i = 0; i < sizeof(pins) / sizeof(*pins) && row->part != pins[i]; i++) {
		const struct pin *pin = parts[pins[i]].pin;
		if (pin && pin_is_final(pin))
			return never(pin->alias ? "the name is a key's nickname"
						: "a strict pin: only its key may answer");
	}
	struct policy_rule rule = rule_of_word(p, q, kind, row, &parts[row->part]);
	if (row->part == CACHE_SLOT && rule.when == ASK_NOW && p->mode != POLICY_OPEN &&
		parts[PART_SIGNER].pin)
		return (struct policy_rule){
			ASK_LATER, "its first signer is remembered, whose zone is read"};
	return rule;
}

struct policy_rule policy_rule_pinned(const struct policy *p, const struct question *q,
	const struct policy_part parts[CACHE_PARTS], enum cache_part part)
{
	const struct row *row = row_of(p, part);
	return row ? rule_of_pinned(p, q, policy_kind(p, &q->name), parts, row)
		   : never("trust=open knows no signers");
}

const char *policy_mode_text(enum policy_mode mode)
{
	switch (mode) {
	case POLICY_GUARDED:
		return "guarded";
	case POLICY_OPEN:
		return "open";
	case POLICY_STRICT:
		return "strict";
	}
	return "guarded";
}

/* ---- what DNS has said, and what silence means ---- */

enum met { MET, NOT_MET, MET_NOT_YET };

/* Whoever signs the name: a zone that is cut off below has a key of its own, or none. Where DNS is
 * down that cannot be asked, and the zone above speaks. */
static enum met is_signed(const struct policy_part *dns, const struct pin *pin)
{
	const struct answer *a = dns->answer;
	if (dns->state != PART_ANSWERED)
		return MET_NOT_YET;
	if ((a->error && a->error != -ENOENT) || answer_is_stale(a))
		return MET;
	return a->validated && answer_is_signed_by(a, &pin->suffix) ? MET : NOT_MET;
}

/* "DNS says that there is nothing": only then may a claim of an unknown key answer. A DNS that
 * failed has said nothing, or slowing it down would win. A name that exists without this type is
 * something: a stranger's AAAA beside its A would take it over. So is the start of a CNAME chain,
 * and an answer that was dropped for its private address. And a denial that has ended was once
 * said: to keep DNS from saying more must win nothing either. */
static enum met is_denied(const struct policy_part *dns)
{
	const struct answer *a = dns->answer;
	if (dns->state != PART_ANSWERED)
		return MET_NOT_YET;
	return a->error == -ENOENT && a->rcode == RCODE_NXDOMAIN && !answer_is_stale(a) &&
			       answer_cnames(a, NULL, 0) == 0
		       ? MET
		       : NOT_MET;
}

/* What is stale stands in for DNS already. */
static enum met is_failed(const struct policy_part *dns)
{
	if (dns->state != PART_ANSWERED)
		return MET_NOT_YET;
	return dns->answer->error && dns->answer->error != -ENOENT ? MET : NOT_MET;
}

static bool is_bare(const struct policy_part *slot)
{
	return slot->state == PART_ANSWERED && slot->answer->error == -ENOENT;
}

/* Where DNS may not be asked nothing speaks against it. */
static enum met is_met(
	const struct row *row, bool has_dns, const struct policy_part parts[CACHE_PARTS])
{
	const struct policy_part *dns = &parts[CACHE_DNS];
	switch (row->where) {
	case ANY:
		break;
	case SIGNED:
		return has_dns ? is_signed(dns, parts[row->part].pin) : MET;
	case FAILED:
		return has_dns ? is_failed(dns) : NOT_MET;
	case DENIED:
		return has_dns ? is_denied(dns) : MET;
	case BARE:
		return is_bare(&parts[CACHE_SLOT]) ? (has_dns ? is_denied(dns) : MET) : NOT_MET;
	}
	return MET;
}

bool policy_pin_goes_on(const struct pin *pin, const struct answer *a)
{
	return !pin_is_final(pin) && a->error != 0 && (!a->has_signer || a->lacks_name);
}

/* A part in the order of trying: what it means for the whole. */
static enum policy_verdict take(const struct policy_part *part)
{
	switch (part->state) {
	case PART_NOT_ASKED:
		return VERDICT_ASK;
	case PART_ASKED:
		return VERDICT_WAIT;
	case PART_ANSWERED:
		break;
	}
	return VERDICT_DONE;
}

/* The claim by which the first signer was met answers until it is over: else every first reader's
 * second look would cost a look-up. What his zone says counts before it, once it was read. */
static bool is_met_by_claim(const struct row *row, const struct policy_part parts[CACHE_PARTS])
{
	static const enum cache_part claims[] = {CACHE_SLOT, PART_ALIAS};
	const struct policy_part *zone = &parts[PART_SIGNER];
	if (row->part != PART_SIGNER || zone->state != PART_NOT_ASKED)
		return false;
	for (size_t i = 0; i < sizeof(claims) / sizeof(*claims); i++) {
		const struct answer *a = parts[claims[i]].answer;
		if (a && (a->error == 0 || answer_leads(a, NULL)))
			return a->has_signer &&
			       memcmp(a->signer, zone->pin->key, NAME_KEY_LEN) == 0;
	}
	return false;
}

/* *ret_wins: with what it said; else with what DNS has said, or whoever was first. */
static bool is_last_word(const struct row *row, const struct policy_part *part, bool *ret_wins)
{
	const struct answer *a = part->answer;
	*ret_wins = a->error == 0 || answer_leads(a, NULL);
	switch (row->silence) {
	case NEXT:
		return *ret_wins;
	case PINS:
		return *ret_wins = !policy_pin_goes_on(part->pin, a);
	case SURE:
		return *ret_wins = *ret_wins || a->validated;
	case LAST:
		return *ret_wins = true;
	case LEFT:
		return *ret_wins || a->has_signer;
	}
	return *ret_wins;
}

/* Most rows have nothing to say of most names: told at once, without the reason that a rule has. */
static bool is_out(const struct row *row, enum policy_kind kind, const struct policy_part *part)
{
	enum word word = row->of[kind];
	return word == NO || ((word == PIN || word == KEY || word == KNOWN) && !part->pin);
}

/* A cursor over the rows: it stops at the first that answers, or whose silence is final. */
enum policy_verdict policy_decide(const struct policy *p, const struct question *q,
	const struct policy_part parts[CACHE_PARTS], enum cache_part *ret_part,
	const struct answer **ret_winner)
{
	const struct order order = order_of(p);
	enum policy_kind kind = policy_kind(p, &q->name);
	bool wins, has_dns = may_ask_dns(p, q, kind);
	const struct answer *said = NULL; /* what DNS said when it was not a record */
	*ret_winner = NULL;
	for (size_t i = 0; i < order.len; i++) {
		const struct row *row = &order.rows[i];
		const struct policy_part *part = &parts[row->part];
		if (is_out(row, kind, part) ||
			rule_of_pinned(p, q, kind, parts, row).when == ASK_NEVER)
			continue;
		enum met met = is_met(row, has_dns, parts);
		if (met == NOT_MET || (met == MET && is_met_by_claim(row, parts)))
			continue;
		*ret_part = met == MET ? row->part : CACHE_DNS;
		enum policy_verdict v = take(&parts[*ret_part]);
		if (v != VERDICT_DONE)
			return v;
		if (is_last_word(row, part, &wins)) {
			*ret_winner = wins ? part->answer : said ? said : part->answer;
			return VERDICT_DONE;
		}
		if (!said || row->part == CACHE_DNS)
			said = part->answer;
	}
	*ret_winner = said;
	return VERDICT_DONE;
}
