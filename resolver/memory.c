/* What is in memory: own records and the cache, and what they show to whom. Nothing here asks. */
#include <stdlib.h>
#include <string.h>

#include "resolver/chase.h"
#include "resolver/clock.h"
#include "resolver/pinned.h"
#include "resolver/rotation.h"
#include "resolver/sieve.h"
#include "resolver/special.h"

/* Then it is asked again: a withdrawal must get through. */
#define DHT_ANSWER_AGE_MAX (60 * SECOND)
#define LISTED_GRACE (60 * SECOND) /* what a listing showed is answered from memory for so long */

/* ---- own records ---- */

/* A user's own pin comes before what root says of the name, in a record or in the hosts file; where
 * its key's zone is known to lack the name, root's word is next. */
static bool own_pin_speaks(struct resolver *r, const struct question *q, uid_t view, bool listed)
{
	const struct pin *pins[PIN_SAYS];
	if (view == VIEW_DOOR)
		return false;
	pins_find(r->pins, &q->name, view, pins);
	const struct pin *pin = pins[PIN_OWN];
	if (!pin || pin_is_final(pin))
		return pin != NULL;
	const struct answer *said = pinned_held(r, q, PART_PIN, pin, listed);
	return said ? !policy_pin_goes_on(pin, said) : r->config.policy.dht;
}

/* *ret_first: no pin comes before it. */
static const struct own_record *own_for(
	struct resolver *r, const struct question *q, uid_t view, bool *ret_first)
{
	uint8_t key[NAME_KEY_LEN];
	const struct own *own = r->parts.own;
	*ret_first = true;
	if (name_key(&q->name, key))
		return own_any(own, q);
	/* A door has no records of its own. */
	const uid_t order[] = {view, 0, r->config.daemon_owner};
	size_t from = view == VIEW_DOOR;
	const struct own_record *record = own_first(
		own, q, order + from, sizeof(order) / sizeof(*order) - from);
	*ret_first = record && record->uid == view;
	return record;
}

const struct own_record *memory_own(
	struct resolver *r, const struct question *q, uid_t view, bool listed)
{
	bool first;
	const struct own_record *record = own_for(r, q, view, &first);
	return record && (first || !own_pin_speaks(r, q, view, listed)) ? record : NULL;
}

const struct answer *memory_hosts(
	struct resolver *r, const struct question *q, uid_t view, bool listed)
{
	const struct answer *a = hosts_answer(r->parts.hosts, q);
	return a && !own_pin_speaks(r, q, view, listed) ? a : NULL;
}

static struct answer *answer_from_own(struct resolver *r, const struct own_record *record)
{
	struct answer *a = NULL;
	if (answer_from_rrset(&record->question, record->set, &a) < 0)
		return NULL;
	a->source = SOURCE_OWN;
	a->trust = TRUST_SELF;
	a->has_owner = true;
	a->owner = record->uid;
	a->has_signer = r->parts.publisher &&
			publish_key(r->parts.publisher, record->uid, a->signer) == 0;
	a->arrived = clock_monotonic();		     /* never counts down */
	a->time = record->written / (int64_t)SECOND; /* and it expires never: 0 */
	struct publish_state state;
	if (r->parts.publisher && publish_stand(r->parts.publisher, record, &state)) {
		a->goes_out = true;
		a->replicas = state.replicas;
		a->published = state.published;
		a->next = state.next;
	}
	return a;
}

/* ---- memory ---- */

void resolver_given(struct resolver *r, const struct answer *a)
{
	bool by_claim = a->trust == TRUST_TOFU || a->begins == TRUST_TOFU;
	if (!a->error && by_claim && a->has_signer && !a->remembered) {
		const struct question q = answer_question(a);
		signers_remember(r->signers, &q.name, a->signer);
		((struct answer *)a)
			->remembered = true; /* a note to ourselves, no part of the answer */
	}
}

const struct answer *memory_cached(
	struct resolver *r, const struct question *q, enum cache_part part, bool listed)
{
	uint64_t now = clock_monotonic();
	const struct answer *a = listed ? cache_listed(r->cache, q, part, now)
					: cache_find(r->cache, q, part, now);
	uint64_t age_max = listed ? DHT_ANSWER_AGE_MAX + LISTED_GRACE : DHT_ANSWER_AGE_MAX;
	if (a && part != CACHE_DNS && now - a->arrived > age_max)
		return NULL;
	return a;
}

const struct answer *memory_special(struct resolver *r, const struct question *q)
{
	struct upstream *upstream = r->parts.upstream;
	bool test_zones = r->config.policy.test_zones;
	if (!special_answers(q, test_zones, upstream != NULL) ||
		(upstream && upstream_has_zone(upstream, &q->name)))
		return NULL;
	struct answer *a = special_answer(q, test_zones);
	if (!a)
		return NULL;
	cache_add(r->cache, a, CACHE_DNS, a->arrived);
	answer_unref(a);
	return cache_find(r->cache, q, CACHE_DNS, clock_monotonic());
}

/* A denial of every type, by DNS, of the name itself: not of what an alias of that name leads to.
 */
static bool denies_name(const struct answer *a)
{
	return a && a->validated && a->error == -ENOENT && a->rcode == RCODE_NXDOMAIN &&
	       a->ede != EDE_STALE && answer_cnames(a, NULL, 0) == 0;
}

/* Names have few labels; a long one is not worth more. What was asked of the name above is likely
 * to have been of the same type, or an address. */
#define ABOVE_MAX 8

struct answer *memory_below_nothing(struct resolver *r, const struct question *q)
{
	const uint16_t types[] = {q->type, TYPE_A, TYPE_AAAA};
	unsigned labels = name_labels(&q->name);
	uint64_t now = clock_monotonic();
	struct answer *below;
	struct name zone;
	/* Servers of its own, or of this network, may know it all the same. */
	if (r->parts.upstream && (upstream_has_zone(r->parts.upstream, &q->name) ||
					 upstream_is_insecure(r->parts.upstream, &q->name)))
		return NULL;
	if (special_of(&q->name, r->config.policy.test_zones, &zone) != SPECIAL_NOT)
		return NULL;
	for (unsigned n = 1; n < labels && n <= ABOVE_MAX; n++) {
		struct question above = {.class = q->class};
		name_parent(&q->name, n, &above.name);
		for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
			above.type = types[i];
			const struct answer *a = cache_find(r->cache, &above, CACHE_DNS, now);
			if (!denies_name(a) || answer_from_renamed(q, a, &below) < 0)
				continue;
			below->trust = a->trust;
			below->validated = true;
			return below;
		}
	}
	return NULL;
}

/* Fresh answers of every source, by one look into the cache. A client of a door is waited with:
 * what it asks again and again is asked for anew before it ends. Through the mount nothing is, as a
 * walk of files that are listed tells the network nothing. */
static void find_fresh(struct resolver *r, const struct question *q, bool asked,
	struct policy_part ret_parts[CACHE_PARTS])
{
	const struct answer *found[CACHE_PARTS];
	uint64_t now = clock_monotonic();
	if (cache_find_all(r->cache, q, now, asked, found))
		prefetch_note(r->prefetch, q);
	for (enum cache_part part = 0; part < CACHE_PARTS; part++)
		if (found[part] &&
			(part == CACHE_DNS || now - found[part]->arrived <= DHT_ANSWER_AGE_MAX))
			ret_parts[part] = (struct policy_part){PART_ANSWERED, found[part], NULL};
}

/* Only where it may be told of: the slot of the type has no claim. */
static void find_alias(struct resolver *r, const struct question *q, bool listed,
	struct policy_part parts[CACHE_PARTS])
{
	const struct answer *slot = parts[CACHE_SLOT].answer;
	const struct answer *a =
		slot && slot->error == -ENOENT && q->type != TYPE_CNAME ? chase_held(r, q, listed) : NULL;
	if (a)
		parts[PART_ALIAS] = (struct policy_part){PART_ANSWERED, a, NULL};
}

static void find_pinned(struct resolver *r, const struct question *q, uid_t view, bool listed,
	struct policy_part parts[CACHE_PARTS])
{
	pinned_find(r, q, view, parts);
	for (enum cache_part part = PART_PIN; part < CACHE_PARTS; part++) {
		struct policy_part *p = &parts[part];
		if (p->pin && (p->answer = pinned_held(r, q, part, p->pin, listed)))
			p->state = PART_ANSWERED;
	}
}

void memory_parts(struct resolver *r, const struct question *q, uid_t view, bool listed,
	struct policy_part ret_parts[CACHE_PARTS])
{
	memset(ret_parts, 0, CACHE_PARTS * sizeof(*ret_parts));
	for (enum cache_part part = 0; part < PART_ALIAS; part++) {
		const struct answer *a = memory_cached(r, q, part, listed);
		if (a)
			ret_parts[part] = (struct policy_part){PART_ANSWERED, a, NULL};
	}
	find_alias(r, q, listed, ret_parts);
	find_pinned(r, q, view, listed, ret_parts);
}

/* What DNS said before a pin that fails closed came is not asked for anew behind it. */
static bool is_anybodys(const struct policy_part parts[CACHE_PARTS])
{
	const struct pin *pin = parts[PART_PIN_FOR_ALL].pin;
	return !pin || !pin_is_final(pin);
}

/* Lets the policy judge what is held. It writes nothing down: a listing looks at every name. The
 * alias, a question of its own, is looked for only where nothing is decided without it: it changes
 * no verdict that is final. */
static const struct answer *decide_from_memory(
	struct resolver *r, const struct question *q, uid_t view, bool listed)
{
	struct policy_part parts[CACHE_PARTS] = {0};
	if (listed) {
		memory_parts(r, q, view, true, parts);
	} else {
		find_pinned(r, q, view, false, parts);
		find_fresh(r, q, view == VIEW_DOOR && is_anybodys(parts), parts);
	}
	const struct answer *winner;
	enum cache_part needed;
	enum policy_verdict v = policy_decide(&r->config.policy, q, parts, &needed, &winner);
	if (v != VERDICT_DONE && !listed) {
		find_alias(r, q, false, parts);
		v = policy_decide(&r->config.policy, q, parts, &needed, &winner);
	}
	return v == VERDICT_DONE ? winner : NULL;
}

/* What is lent says how far its record has come: that moves at once when the network has taken it,
 * and is looked at once a second at most, for a file is one text however often it is asked for. */
static bool has_come_further(const struct resolver *r, struct lent *l,
	const struct own_record *record, uint64_t clock)
{
	struct publish_state now;
	const struct answer *a = l->answer;
	if (a->published == record->published / (int64_t)SECOND && clock - l->looked < SECOND)
		return false;
	l->looked = clock;
	/* Two seconds more or less are how two clocks are rounded. */
	return a->goes_out && publish_stand(r->parts.publisher, record, &now) &&
	       (now.published != a->published || now.replicas != a->replicas ||
		       llabs(now.next - a->next) > 2);
}

static const struct answer *lend_own(struct resolver *r, const struct own_record *record)
{
	/* By its place in memory, whoever's that was before: what is lent says whose it is. */
	struct lent *l = &r->lent[((uintptr_t)record >> 4) % RESOLVER_LENT];
	uint64_t now = clock_monotonic();
	if (!l->answer || l->written != record->written || l->answer->owner != record->uid ||
		!answer_is_to(l->answer, &record->question) || has_come_further(r, l, record, now)) {
		answer_unref(l->answer);
		l->answer = answer_from_own(r, record);
		l->written = record->written;
		l->looked = now;
	} else {
		l->answer->arrived = now; /* never counts down, whoever holds it */
	}
	return l->answer;
}

const struct answer *memory_local(
	struct resolver *r, const struct question *q, uid_t view, bool listed)
{
	const struct own_record *record = memory_own(r, q, view, listed);
	return record ? lend_own(r, record) : memory_hosts(r, q, view, listed);
}

const struct answer *memory_said(
	struct resolver *r, const struct question *q, uid_t view, bool listed)
{
	const struct answer *local = memory_local(r, q, view, listed);
	return local ? local : decide_from_memory(r, q, view, listed);
}

const struct answer *memory_peek(
	struct resolver *r, const struct question *q, const struct chase_look *look)
{
	const struct answer *a = memory_said(r, q, look->view, look->listed);
	return a && answer_leads(a, NULL) ? chase_peek(r, a, look) : a;
}

static const struct answer *peek(
	struct resolver *r, const struct question *q, uid_t view, bool listed)
{
	const struct chase_look look = {.view = view, .listed = listed};
	return memory_peek(r, q, &look);
}

const struct answer *memory_behind_pin(struct resolver *r, const struct question *q, uid_t view)
{
	bool first;
	const struct own_record *record = own_for(r, q, view, &first);
	return record ? lend_own(r, record) : hosts_answer(r->parts.hosts, q);
}

const struct answer *resolver_peek(struct resolver *r, const struct question *q, uid_t view)
{
	return peek(r, q, view, false);
}

uint64_t resolver_hash(const struct resolver *r, const struct question *q)
{
	return cache_hash(r->cache, q);
}

void resolver_approach(const struct resolver *r, uint64_t hash, unsigned step)
{
	cache_approach(r->cache, hash, step);
}

const struct answer *resolver_peek_listed(struct resolver *r, const struct question *q, uid_t view)
{
	return peek(r, q, view, true);
}

/* ---- listings ---- */

/* What one turn of the loop may look through; a name that is shown costs as much as twelve that are
 * passed over: it is looked up in every part of memory. */
#define TURN_COST 3000
#define SHOWN_COST 12

struct turn {
	struct resolver *resolver;
	struct resolver_walk *walk;
	unsigned cost;
	uint16_t type; /* of what is looked at */
	uint8_t key[NAME_KEY_LEN]; /* and whose, where the name is under one */
};

static bool wants(struct turn *t, const struct question *q)
{
	bool wanted = t->walk->wants(t->walk->ctx, q);
	t->cost += wanted ? SHOWN_COST : 1;
	return wanted;
}

/* A name that a pin reads from one that is shown is shown too, if that is who answers for it: of a key
 * and the one that it was changed for, the latter. */
static void list_pinned(void *ctx, const struct pin *pin, const struct name *name)
{
	struct turn *t = ctx;
	struct question q = {*name, t->type, CLASS_IN};
	if (!wants(t, &q) || memory_own(t->resolver, &q, t->walk->view, true))
		return;
	const struct answer *winner = decide_from_memory(t->resolver, &q, t->walk->view, true);
	bool by_key = winner && (winner->trust == TRUST_PIN || winner->trust == TRUST_DNSSEC_KEY ||
					winner->trust == TRUST_TOFU);
	uint8_t key[NAME_KEY_LEN];
	rotation_follow(t->resolver, pin->key, key);
	if (!by_key || winner->error || memcmp(winner->signer, key, sizeof(key)) != 0 ||
		memcmp(t->key, key, sizeof(key)) != 0)
		return;
	struct resolver_entry e = {.question = q};
	t->walk->show(t->walk->ctx, &e);
}

static void list_pinned_names(struct turn *t, const struct question *q)
{
	t->type = q->type;
	if (q->class == CLASS_IN && name_key(&q->name, t->key))
		pinned_names(t->resolver, &q->name, t->walk->view, list_pinned, t);
}

/* Only what this view reads from memory: another user's own name would have to be asked for, and a
 * listing that is walked must not tell the network of anything. */
static void list_own(void *ctx, const struct own_record *record)
{
	struct turn *t = ctx;
	const struct question *q = &record->question;
	if (!wants(t, q) || memory_own(t->resolver, q, t->walk->view, true) != record)
		return;
	struct resolver_entry e = {.question = *q, .own = true, .owner = record->uid};
	t->walk->show(t->walk->ctx, &e);
	list_pinned_names(t, q);
}

static void list_cached(void *ctx, const struct answer *a)
{
	struct turn *t = ctx;
	const struct question q = answer_question(a);
	if (!wants(t, &q) || memory_own(t->resolver, &q, t->walk->view, true) ||
		decide_from_memory(t->resolver, &q, t->walk->view, true) != a)
		return; /* another part answers for it, or none does */
	struct resolver_entry e = {.question = q};
	t->walk->show(t->walk->ctx, &e);
	list_pinned_names(t, &q);
}

bool resolver_list(struct resolver *r, struct resolver_walk *w)
{
	struct turn t = {.resolver = r, .walk = w};
	uint64_t bits = w->type ? sieve_bit(w->class, w->type) : SIEVE_ALL;
	struct own_walk own = {w->place.own, bits, list_own, &t};
	struct cache_walk cache = {w->place.cache, bits, clock_monotonic(), list_cached, &t};
	bool more = true;
	for (; more && t.cost < TURN_COST; t.cost += CACHE_WALK_BUCKETS / 4) { /* empty ones */
		if (!w->place.in_cache)
			w->place.in_cache = !own_walk(r->parts.own, &own);
		else
			more = cache_walk(r->cache, &cache);
	}
	w->place.own = own.place;
	w->place.cache = cache.place;
	return more;
}

bool resolver_published_here(struct resolver *r, const struct question *q)
{
	return own_any(r->parts.own, q) != NULL || pins_differ(r->pins, &q->name);
}
