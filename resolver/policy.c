/* Who may answer: the rules of design section 4, as code that touches nothing else. */
#include "resolver/policy.h"

#include <errno.h>
#include <string.h>

#include "resolver/private_address.h"
#include "resolver/special.h"

/* A suffix in wire form. sizeof counts the NUL of the literal, which is the root label. */
#define SUFFIX(wire) {sizeof(wire), wire}
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

static bool under_any(const struct policy_suffixes *list, const struct name *name)
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
	return kind == NAME_PLAIN && under_any(&p->split, name);
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

static struct policy_rule never(const char *why)
{
	return (struct policy_rule){ASK_NEVER, why};
}

static struct policy_rule rule_of_slot(const struct policy *p, const struct question *q,
	enum policy_kind kind)
{
	if (!p->dht)
		return never("dht=off");
	if (!slot_may_hold(q))
		return never("no slot holds this class or type");
	if (kind == NAME_UNDER_KEY)
		return never("the name is under a key: only the zone of that key answers");
	if (kind == NAME_LOCAL)
		return never("a local name, of which the DHT is never told");
	if (is_split(p, &q->name, kind))
		return never("a name of upstream=ZONE@, of which only its servers are told");
	switch (p->mode) {
	case POLICY_OPEN:
		return (struct policy_rule){.when = ASK_NOW};
	case POLICY_STRICT:
		return never("trust=strict");
	case POLICY_GUARDED:
		break;
	}
	if (!under_any(&p->tofu, &q->name))
		return never("not under tofu=");
	/* Asking tells strangers the name: on a public network only once DNS had nothing. */
	if (p->lookup_always || kind == NAME_ALT || !p->upstream)
		return (struct policy_rule){.when = ASK_NOW};
	return (struct policy_rule){
		ASK_LATER, "lookup=rescue: only where DNS says that there is no such name"};
}

static struct policy_rule rule_of_zone(const struct policy *p, const struct question *q,
	enum policy_kind kind)
{
	if (kind != NAME_UNDER_KEY)
		return never("the name is not under a key");
	if (!p->dht)
		return never("dht=off");
	if (q->class != CLASS_IN)
		return never("the zone of a key has no other class than IN");
	return (struct policy_rule){.when = ASK_NOW};
}

static struct policy_rule rule_of_dns(const struct policy *p, const struct question *q,
	enum policy_kind kind)
{
	/* What this machine answers in place of DNS is answered without DNS too. */
	if (!p->upstream)
		return kind == NAME_LOCAL && special_answers(q, p->test_zones, false) ?
			(struct policy_rule){.when = ASK_NOW} :
			never("upstream=none");
	/* Names that only the DHT can know leave this machine upstream only when there is no DHT
	 * here: then the upstream may be another kadns. */
	if (kind == NAME_UNDER_KEY && p->dht)
		return never("a name under a key is never sent upstream");
	if (kind == NAME_ALT && p->dht)
		return never("names under alt are never sent upstream");
	return (struct policy_rule){.when = ASK_NOW};
}

static struct policy_rule rule_of_kind(const struct policy *p, const struct question *q,
	enum policy_kind kind, enum cache_part part)
{
	switch (part) {
	case CACHE_ZONE:
		return rule_of_zone(p, q, kind);
	case CACHE_SLOT:
		return rule_of_slot(p, q, kind);
	case CACHE_DNS:
		return rule_of_dns(p, q, kind);
	case PART_PIN:
	case PART_PIN_FOR_ALL:
		return never("no pin covers the name");
	case CACHE_PARTS:
		break;
	}
	return never("no such source");
}

struct policy_rule policy_rule(const struct policy *p, const struct question *q,
	enum cache_part part)
{
	return rule_of_kind(p, q, policy_kind(p, &q->name), part);
}

enum policy_when policy_when(const struct policy *p, const struct question *q, enum cache_part part)
{
	return policy_rule(p, q, part).when;
}

static struct policy_rule rule_of_pinned(const struct policy *p, const struct question *q,
	enum policy_kind kind, const struct policy_part parts[CACHE_PARTS], enum cache_part part)
{
	static const enum cache_part pins[] = {PART_PIN, PART_PIN_FOR_ALL};
	for (size_t i = 0; i < sizeof(pins) / sizeof(*pins); i++) {
		const struct pin *pin = parts[pins[i]].pin;
		if (pin && part == pins[i])
			return (struct policy_rule){.when = ASK_NOW};
		if (pin && pin_is_final(pin))
			return never(pin->alias ? "the name is a key's nickname"
						: "a strict pin: only its key may answer");
	}
	return rule_of_kind(p, q, kind, part);
}

struct policy_rule policy_rule_pinned(const struct policy *p, const struct question *q,
	const struct policy_part parts[CACHE_PARTS], enum cache_part part)
{
	return rule_of_pinned(p, q, policy_kind(p, &q->name), parts, part);
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

/* One part in the order of trying: what it means for the whole. */
static enum policy_verdict take(const struct policy_part *part, const struct answer **ret_winner)
{
	switch (part->state) {
	case PART_NOT_ASKED:
		return VERDICT_ASK;
	case PART_ASKED:
		return VERDICT_WAIT;
	case PART_ANSWERED:
		*ret_winner = part->answer;
		break;
	}
	return VERDICT_DONE;
}

const enum cache_part *policy_order(const struct policy *p)
{
	static const enum cache_part guarded[CACHE_PARTS] = {
		PART_PIN, PART_PIN_FOR_ALL, CACHE_ZONE, CACHE_DNS, CACHE_SLOT};
	static const enum cache_part open[CACHE_PARTS] = {
		PART_PIN, PART_PIN_FOR_ALL, CACHE_ZONE, CACHE_SLOT, CACHE_DNS};
	return p->mode == POLICY_OPEN ? open : guarded;
}

bool policy_pin_goes_on(const struct pin *pin, const struct answer *a)
{
	return !pin_is_final(pin) && a->error != 0 && (!a->has_signer || a->lacks_name);
}

/* "DNS says that there is nothing": only then may a claim of an unknown key answer. A DNS that
 * failed has said nothing, or slowing it down would win. A name that exists without this type is
 * something: a stranger's AAAA beside its A would take it over. So is the start of a CNAME chain,
 * and an answer that was dropped for its private address. And a denial that has ended was once
 * said: to keep DNS from saying more must win nothing either. */
static bool goes_on(const struct policy *p, enum cache_part part, const struct policy_part *said)
{
	const struct answer *a = said->answer;
	if (said->pin)
		return policy_pin_goes_on(said->pin, a);
	if (part != CACHE_DNS || p->mode == POLICY_OPEN)
		return a->error != 0;
	return a->error == -ENOENT && a->rcode == RCODE_NXDOMAIN && !answer_is_stale(a) &&
	       answer_cnames(a, NULL, 0) == 0;
}

/* A cursor over the sources that may answer: it stops at the first that does, or whose silence is
 * final. */
enum policy_verdict policy_decide(const struct policy *p, const struct question *q,
	const struct policy_part parts[CACHE_PARTS], enum cache_part *ret_part,
	const struct answer **ret_winner)
{
	const enum cache_part *order = policy_order(p);
	enum policy_kind kind = policy_kind(p, &q->name);
	const struct answer *said = NULL; /* what DNS said when it was not a record */
	*ret_winner = NULL;
	for (size_t i = 0; i < CACHE_PARTS; i++) {
		const struct answer *a = NULL;
		if (rule_of_pinned(p, q, kind, parts, order[i]).when == ASK_NEVER)
			continue;
		enum policy_verdict v = take(&parts[order[i]], &a);
		if (v != VERDICT_DONE) {
			*ret_part = order[i];
			return v;
		}
		if (!goes_on(p, order[i], &parts[order[i]])) {
			*ret_winner = a;
			return VERDICT_DONE;
		}
		if (!said || order[i] == CACHE_DNS)
			said = a;
	}
	*ret_winner = said;
	return VERDICT_DONE;
}

/* ipv4hint and ipv6hint of SVCB and HTTPS are addresses like any other (RFC 9460, 7.3). The RDATA
 * has the shape of its type already. */
static bool private_hint(const uint8_t *rdata, size_t len)
{
	size_t at = 2;
	while (at < len && rdata[at])
		at += 1u + rdata[at];
	for (at++; at + 4 <= len;) {
		unsigned key = (unsigned)rdata[at] << 8 | rdata[at + 1];
		size_t end = at + 4 + ((size_t)rdata[at + 2] << 8 | rdata[at + 3]);
		size_t step = key == 4 ? 4 : 16;
		at += 4;
		for (; (key == 4 || key == 6) && at + step <= end && end <= len; at += step)
			if (key == 4 ? private_ip4(rdata + at) : private_ip6(rdata + at))
				return true;
		at = end;
	}
	return false;
}

static bool private_rdata(uint16_t type, const uint8_t *rdata, size_t len)
{
	switch (type) {
	case TYPE_A:
		return private_ip4(rdata);
	case TYPE_AAAA:
		return private_ip6(rdata);
	case TYPE_SVCB:
	case TYPE_HTTPS:
		return private_hint(rdata, len);
	default:
		return false;
	}
}

bool policy_rebinds(const struct policy *p, const struct answer *a)
{
	/* A bogus answer counts: its data go to those who asked with CD. */
	if ((a->error && !a->bogus) || (a->trust != TRUST_DNS && a->trust != TRUST_DNSSEC &&
				a->trust != TRUST_TOFU && a->trust != TRUST_OPEN))
		return false;
	const struct question q = answer_question(a);
	if (q.type != TYPE_A && q.type != TYPE_AAAA &&
		q.type != TYPE_SVCB && q.type != TYPE_HTTPS)
		return false;
	if (policy_kind(p, &q.name) == NAME_LOCAL ||
		under_any(&p->private_ok, &q.name))
		return false;
	struct rrset *set;
	int r = answer_rrset(a, &set);
	if (r < 0)
		return r != -ENOENT; /* addresses that cannot be looked at are not let through */
	bool found = false;
	const uint8_t *rdata;
	size_t len, cursor = 0;
	while (!found && rrset_next(set, &cursor, &rdata, &len))
		found = private_rdata(q.type, rdata, len);
	rrset_destroy(set);
	return found;
}
