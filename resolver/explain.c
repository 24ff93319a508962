/* The lines of .kadns/explain, but for the last. */
#include "resolver/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/claim_check.h"
#include "resolver/clock.h"
#include "resolver/explain_inside.h"
#include "resolver/pinned.h"
#include "resolver/rotation.h"
#include "resolver/trace.h"

static enum policy_verdict decide(struct resolver *r, const struct question *q,
	const struct policy_part parts[CACHE_PARTS], const struct answer **ret_winner)
{
	enum cache_part needed;
	return policy_decide(&r->config.policy, q, parts, &needed, ret_winner);
}

/* What a listing would show, so that a failure, which is believed for a second, can be explained
 * for a minute. */
static void look(struct resolver *r, const struct explain_question *e, struct picture *ret_picture)
{
	struct picture *p = ret_picture;
	*p = (struct picture){.r = r, .e = e, .own = memory_own(r, e->question, e->view, true)};
	memory_parts(r, e->question, e->view, true, p->parts);
	p->hosts = p->own ? NULL : memory_hosts(r, e->question, e->view, true);
	p->decided = decide(r, e->question, p->parts, &p->winner) == VERDICT_DONE;
	p->leads = p->decided && p->winner && answer_leads(p->winner, &p->end);
	p->whole = p->leads ? resolver_peek_listed(r, e->question, e->view) : NULL;
}

bool explain_held(struct resolver *r, const struct question *q, uid_t view)
{
	struct explain_question e = {.question = q, .view = view};
	struct picture p;
	look(r, &e, &p);
	return p.own || p.hosts || p.decided;
}

static void put_key(struct text *t, const char *before, const uint8_t key[NAME_KEY_LEN])
{
	char text[NAME_KEY_TEXT + 1];
	key_to_text(key, text);
	text_format(t, "%s%s", before, text);
}

static void put_count(struct text *t, unsigned long long n, const char *of)
{
	text_format(t, "%llu %s%s", n, of, n == 1 ? "" : "s");
}

static void put_time(struct text *t, const char *before, int64_t seconds)
{
	text_puts(t, before);
	text_time(t, seconds);
}

static int64_t wall_of(uint64_t monotonic)
{
	return (clock_wall() - (int64_t)(clock_monotonic() - monotonic)) / (int64_t)SECOND;
}

/* ---- the question, own records, the cache ---- */

static void put_question(struct text *t, const struct picture *p)
{
	const struct question *q = p->e->question;
	char class[TYPE_TEXT_MAX], type[TYPE_TEXT_MAX], name[NAME_TEXT_MAX];
	name_to_absolute(&q->name, name);
	text_format(
		t, "question: %s %s ", class_to_text(q->class, class), type_to_text(q->type, type));
	text_puts(t, name);
	text_puts(t, "\n");
}

static void put_policy(struct text *t, const struct picture *p)
{
	const struct policy *policy = &p->r->config.policy;
	const char *kind = "";
	switch (policy_kind(policy, &p->e->question->name)) {
	case NAME_UNDER_KEY:
		kind = "under a key";
		break;
	case NAME_ALT:
		kind = "under alt";
		break;
	case NAME_LOCAL:
		kind = "local";
		break;
	case NAME_PLAIN:
		kind = "plain";
		break;
	}
	text_format(t, "policy: name %s, trust=%s, lookup=%s\n", kind,
		policy_mode_text(policy->mode), policy->lookup_always ? "always" : "rescue");
}

static void put_standing(struct text *t, const struct picture *p)
{
	const struct own_record *own = p->own;
	struct publish_state state;
	struct publisher *publisher = p->r->parts.publisher;
	if (!publisher || !publish_stand(publisher, own, &state)) {
		text_puts(t, ", told to nobody");
		return;
	}
	if (state.published) {
		text_puts(t, ", known to the network: ");
		put_count(t, state.replicas, "node");
		put_time(t, " took it at ", state.published);
	} else {
		text_puts(t, ", not yet known to the network");
	}
	if (state.next)
		put_time(t, state.published ? ", looked at again at " : ", tried again at ",
			state.next);
	else if (!state.published)
		text_puts(t, ", waiting for other nodes");
}

static void put_own(struct text *t, const struct picture *p)
{
	const struct own_record *own = p->own;
	if (!own) {
		text_puts(t, "own: nothing that answers you\n");
		return;
	}
	text_puts(t, "own: ");
	put_count(t, own->set->count, "record");
	text_format(t, ", ttl %u, written by uid %u", own->set->ttl, (unsigned)own->uid);
	put_time(t, " at ", own->written / (int64_t)SECOND);
	put_standing(t, p);
	if (own->conflict == OWN_HELD)
		text_puts(t, "; another daemon with the same key had changed it at the same time: "
			     "this is the later");
	else if (own->conflict == OWN_GAVE_WAY)
		text_puts(t, "; it is what another daemon with the same key wrote at the same time: "
			     "that was the later");
	text_puts(t, "\n");
}

static void put_records(struct text *t, const struct answer *a)
{
	struct rrset *set;
	if (answer_rrset(a, &set) < 0)
		return;
	size_t links = answer_cnames(a, NULL, 0);
	put_count(t, set->count, "record");
	text_format(t, ", ttl %u", a->ttl);
	if (links) {
		text_puts(t, ", behind ");
		put_count(t, links, "CNAME");
	}
	rrset_destroy(set);
}

/* Is the zone of this key kept alive here for whoever wants it? */
static void put_keep(struct text *t, const struct picture *p)
{
	uint8_t key[NAME_KEY_LEN];
	struct text how = {0};
	if (name_key(&p->e->question->name, key) && keeper_tell(p->r->keeper, key, &how)) {
		text_puts(t, "keep: ");
		text_put(t, how.bytes, how.len);
		text_puts(t, "\n");
	}
	t->failed |= how.failed;
	text_destroy(&how);
}

/* Says nothing where the file says nothing: most machines' have five lines. */
static void put_hosts(struct text *t, const struct picture *p)
{
	const struct answer *a = p->hosts;
	if (!a)
		return;
	text_puts(t, "hosts: ");
	if (a->error)
		text_puts(t, "the name is there, and has no such record");
	else
		put_records(t, a);
	text_puts(t, "\n");
}

static void put_cache(struct text *t, const struct picture *p)
{
	const struct answer *winner;
	struct policy_part fresh[CACHE_PARTS];
	size_t held = 0;
	memory_parts(p->r, p->e->question, p->e->view, false, fresh);
	for (enum cache_part part = 0; part < CACHE_PARTS; part++)
		held += p->parts[part].state == PART_ANSWERED;
	if (decide(p->r, p->e->question, fresh, &winner) == VERDICT_DONE)
		text_puts(t, "cache: decides, the next reader asks nobody\n");
	else if (held)
		text_puts(t, "cache: no longer decides, the next reader asks again\n");
	else
		text_puts(t, "cache: holds nothing\n");
}

/* ---- the sources ---- */

static void put_nothing(struct text *t, const struct answer *a, enum cache_part part)
{
	if (a->error == -ENOENT && a->ede == EDE_FILTERED)
		text_puts(t, "private addresses, dropped: not under private_ok=");
	else if (a->error == -EBADMSG)
		text_puts(t, "bogus");
	else if (a->error != -ENOENT)
		text_format(t, "%s, %s", explain_error(a->error), strerror(-a->error));
	else if (part == CACHE_DNS)
		text_puts(t, a->rcode == RCODE_NXDOMAIN ? "NXDOMAIN" : "NODATA");
	else if (part == CACHE_COPY)
		text_puts(t, !a->validated		    ? "nothing that is proven"
			     : a->rcode == RCODE_NXDOMAIN ? "NXDOMAIN"
							  : "NODATA");
	else if (part == CACHE_SLOT)
		text_puts(t, "no claim that counts");
	else if (answer_cnames(a, NULL, 0))
		text_puts(t, "an alias that leads elsewhere");
	else if (a->ede == EDE_INVALID_DATA)
		text_puts(t, "what stands there is no zone");
	else if (a->lacks_name && a->has_signer && part != CACHE_ZONE)
		text_puts(t, "the zone does not have the name");
	else
		text_puts(t, a->has_signer ? "the zone has no such record"
					   : "nobody has the zone");
}

static void put_security(struct text *t, const struct answer *a)
{
	const struct trace *trace = a->trace;
	bool failed = a->error && a->error != -ENOENT;
	if ((a->bogus || failed) && trace && trace->why) {
		text_puts(t, " ");
		text_zone_string(t, (const uint8_t *)trace->why, strlen(trace->why));
	}
	if (a->bogus || failed)
		return;
	if (a->validated)
		text_puts(t, ", secure");
	else if (trace && trace->unvalidated)
		text_puts(t, ", not validated, for this upstream strips DNSSEC");
	else
		text_puts(t, ", not signed");
}

static void put_origin(struct text *t, const struct answer *a, enum cache_part part)
{
	if (a->has_signer)
		put_key(t, ", signer ", a->signer);
	if (a->seq)
		text_format(t, ", seq %lld", (long long)a->seq);
	if (answer_is_stale(a))
		text_puts(t, part == CACHE_DNS ? ", stale: DNS does not answer" :
						 ", stale: not signed anew for a week");
}

static void put_cost(struct text *t, const struct answer *a, const struct trace *trace)
{
	put_time(t, ", at ", wall_of(a->arrived));
	if (!trace)
		return;
	text_format(t, ", took %llu.%llu ms", (unsigned long long)trace->took / 1000,
		(unsigned long long)trace->took / 100 % 10);
	if (trace->relay) {
		text_puts(t, ", from the relay ");
		text_zone_string(t, (const uint8_t *)trace->relay, strlen(trace->relay));
		text_puts(t, ", for the DHT does not answer");
	}
	if (!trace->lookups)
		return;
	text_format(t, ", %u of ", trace->holders);
	put_count(t, trace->answered, "other node");
	text_puts(t, " had something, ");
	put_count(t, trace->queries, "packet");
	text_format(t, ", %u bytes", trace->bytes);
}

static void put_claim_signer(struct text *t, const struct claim *claim)
{
	char name[NAME_TEXT_MAX];
	switch (claim->kind) {
	case CLAIM_KEY:
		put_key(t, ", signer ", claim->key);
		break;
	case CLAIM_ZONE:
		name_to_absolute(&claim->signer, name);
		text_puts(t, ", signer ");
		text_puts(t, name);
		break;
	case CLAIM_UNSIGNED:
		text_puts(t, ", unsigned");
		break;
	}
}

static void put_claims(struct text *t, const struct trace *trace)
{
	int64_t now = clock_wall() / (int64_t)SECOND;
	for (size_t i = 0; trace && i < trace->claims_len; i++) {
		const struct trace_claim *c = &trace->claims[i];
		text_puts(t, "claim: ");
		text_puts(t, claim_verdict_text(c->verdict));
		put_claim_signer(t, &c->claim);
		put_time(t, ", inception ", serial_time(c->claim.inception, now));
		if (c->claim.nodes) {
			text_puts(t, ", from ");
			put_count(t, c->claim.nodes, "node");
		}
		text_puts(t, "\n");
	}
	if (trace && trace->claims_left_out)
		text_format(t, "claim: %zu more\n", trace->claims_left_out);
}

static void put_unanswered(struct text *t, const struct picture *p, enum cache_part part)
{
	struct policy_rule rule =
		policy_rule_pinned(&p->r->config.policy, p->e->question, p->parts, part);
	const struct pin *pin = p->parts[part].pin;
	struct question q = *p->e->question;
	uint64_t age;
	int cannot = pin ? pinned_question(p->r, pin, p->e->question, &q) : 0;
	if (cannot)
		text_puts(t, cannot == -ENOENT ? "not asked: no zone has such a name or class"
					       : "not asked: dht=off");
	else if (resolver_under_way(p->r, &q, pin ? CACHE_ZONE : part, &age))
		text_format(t, "asked %llu ms ago, no answer yet", (unsigned long long)age / 1000);
	else if (rule.why)
		text_format(t, "not asked: %s", rule.why);
	else if (p->own)
		text_puts(t, "not asked: an own record comes first");
	else
		text_puts(t, "not asked, or its answer is forgotten");
}

static const char *whose(const struct picture *p, enum cache_part part, const struct pin *pin)
{
	if (part == PART_ATTESTED)
		return "attested by that zone";
	if (part == PART_SIGNER)
		return "the first signer of the name";
	if (pin->uid == PINS_OF_OPTIONS)
		return "an option";
	if (pin->uid == p->e->view)
		return "yours";
	return pin->uid == 0 ? "root's" : "the daemon owner's";
}

/* Which pin it is, whose, and the name that it reads. */
static void put_pin(struct text *t, const struct picture *p, enum cache_part part)
{
	const struct pin *pin = p->parts[part].pin;
	char name[NAME_TEXT_MAX];
	uint8_t key[NAME_KEY_LEN];
	struct question target;
	pin_write(pin, t);
	text_format(t, ", %s", whose(p, part, pin));
	if (rotation_follow(p->r, pin->key, key))
		text_puts(t, ", which another key has followed");
	if (pinned_question(p->r, pin, p->e->question, &target) != -ENOENT) {
		name_to_text(&target.name, name);
		text_puts(t, ", reads ");
		text_puts(t, name);
	}
	text_puts(t, ": ");
}

/* How the zone was come by, which is held under the name that the pin reads. */
static const struct trace *trace_of_pin(const struct picture *p, const struct pin *pin)
{
	struct question q;
	if (pinned_question(p->r, pin, p->e->question, &q) < 0)
		return NULL;
	const struct answer *a = memory_cached(p->r, &q, CACHE_ZONE, true);
	return a ? a->trace : NULL;
}

static void put_part(struct text *t, const struct picture *p, enum cache_part part)
{
	const struct answer *a = p->parts[part].answer;
	const struct pin *pin = p->parts[part].pin;
	uint64_t age;
	/* Nor is there a word of aliases where nobody has one. */
	if ((!pin && part >= PART_PIN) || (part == PART_ALIAS && (!a || a->error == -ENOENT) &&
					      !(a && answer_cnames(a, NULL, 0))))
		return;
	if (part == CACHE_COPY && !a && !resolver_under_way(p->r, p->e->question, part, &age))
		return; /* nearly always: DNS answers */
	text_format(t, "%s: ", explain_part(part));
	if (pin)
		put_pin(t, p, part);
	if (!a) {
		put_unanswered(t, p, part);
	} else {
		if (a->error)
			put_nothing(t, a, part);
		else
			put_records(t, a);
		if (part == CACHE_DNS || (part == CACHE_COPY && a->validated))
			put_security(t, a);
		put_origin(t, a, part);
		put_cost(t, a, pin ? trace_of_pin(p, pin) : a->trace);
	}
	text_puts(t, "\n");
	if (a && part == CACHE_SLOT)
		put_claims(t, a->trace);
}

int explain_text(
	struct resolver *r, const struct explain_question *e, char **ret_text, size_t *ret_len)
{
	struct text t = {0};
	struct picture p;
	enum cache_part order[CACHE_PARTS];
	size_t len = policy_order(&r->config.policy, order);
	look(r, e, &p);
	put_question(&t, &p);
	put_policy(&t, &p);
	put_own(&t, &p);
	put_keep(&t, &p);
	put_hosts(&t, &p);
	put_cache(&t, &p);
	for (size_t i = 0; i < len; i++)
		put_part(&t, &p, order[i]);
	explain_verdict(&t, &p);
	if (t.failed) {
		text_destroy(&t);
		return -ENOMEM;
	}
	r->counters.explained++;
	*ret_text = t.bytes;
	*ret_len = t.len;
	return 0;
}
