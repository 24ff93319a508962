/* Pins at work: which of them hold, what they answer, how they are changed. */
#include "resolver/pinned.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/rotation.h"
#include "resolver/text.h"

#define PINNING_PARTS (CACHE_PARTS - PART_PIN)

/* ---- what holds, and what it answers ---- */

void pinned_find(const struct resolver *r, const struct question *q, uid_t view,
	struct policy_part parts[CACHE_PARTS])
{
	const struct pin *pins[PIN_SAYS];
	pins_find(r->pins, &q->name, view, pins);
	parts[PART_PIN].pin = pins[PIN_OWN];
	parts[PART_PIN_FOR_ALL].pin = pins[PIN_FOR_ALL];
	/* Each question comes by here: no clock is read where nothing is attested. */
	const struct attested *keys = attest_keys(r->attest);
	parts[PART_ATTESTED].pin = attested_len(keys) ? attested_find(keys, &q->name,
								clock_wall() / (int64_t)SECOND,
								clock_monotonic())
						      : NULL;
	parts[PART_SIGNER].pin = r->config.policy.mode == POLICY_GUARDED && r->config.policy.dht
					 ? signers_find(r->signers, &q->name)
					 : NULL;
}

int pinned_question(struct resolver *r, const struct pin *pin, const struct question *q,
	struct question *ret_target)
{
	struct pin last = *pin;
	rotation_follow(r, pin->key, last.key);
	*ret_target = *q;
	if (q->class != CLASS_IN || pin_target(&last, &q->name, &ret_target->name) < 0)
		return -ENOENT;
	return r->config.policy.dht ? 0 : -ENETUNREACH;
}

struct answer *pinned_without(const struct question *q, int error)
{
	struct answer *a = error == -ENOENT ? answer_without(q, error, RCODE_NOERROR, EDE_NONE,
						      FETCH_MISS_TTL, true)
					    : answer_without(q, error, RCODE_SERVFAIL,
						      EDE_NO_AUTHORITY, FETCH_FAILURE_TTL, false);
	if (a)
		a->source = SOURCE_DHT;
	return a;
}

/* By whose word the key speaks for the name. */
static enum answer_trust trust_of(enum cache_part part)
{
	switch (part) {
	case PART_ATTESTED:
		return TRUST_DNSSEC_KEY;
	case PART_SIGNER:
		return TRUST_TOFU;
	case PART_PIN:
	case PART_PIN_FOR_ALL:
	case CACHE_DNS:
	case CACHE_ZONE:
	case CACHE_SLOT:
	case CACHE_COPY:
	case PART_ALIAS:
	case CACHE_PARTS:
		break;
	}
	return TRUST_PIN;
}

struct answer *pinned_answer(struct resolver *r, enum cache_part part, const struct pin *pin,
	const struct question *q, const struct answer *from)
{
	struct answer *a;
	if (from->trust == TRUST_KEY && from->seq < pin->min)
		return pinned_without(q, -ENOENT); /* an old zone, which somebody plays again */
	if (answer_from_renamed(q, from, &a) < 0)
		return NULL;
	bool said = from->trust == TRUST_KEY || from->trust == TRUST_SELF;
	a->trust = said ? trust_of(part) : TRUST_NONE;
	/* Nobody here has chosen those keys: their word is a stranger's. */
	return sources_filtered(r, a);
}

/* The same bytes for the same answer, until it changes: a peek lends, and frees nothing. */
static const struct answer *lend(struct resolver *r, const struct question *q, enum cache_part part,
	const struct pin *pin, const struct answer *from)
{
	size_t at = (question_hash(q, r->seed) * PINNING_PARTS + (part - PART_PIN)) % RESOLVER_LENT;
	struct pinned_lent *l = &r->pinned[at];
	if (l->from != from || l->min != pin->min || !answer_is_to(l->answer, q)) {
		struct answer *a = pinned_answer(r, part, pin, q, from);
		if (!a)
			return NULL;
		const struct answer *held = answer_ref(from);
		answer_unref(l->answer);
		answer_unref(l->from);
		*l = (struct pinned_lent){held, a, pin->min};
	}
	l->answer->arrived = from->arrived; /* an own record's moves on: it never counts down */
	return l->answer;
}

const struct answer *pinned_held(struct resolver *r, const struct question *q, enum cache_part part,
	const struct pin *pin, bool listed)
{
	struct question target;
	/* An own record under the key is there without a DHT too. */
	if (pinned_question(r, pin, q, &target) == -ENOENT)
		return NULL;
	/* Where its aliases lead is the asker's to follow, not the key's. */
	const struct answer *from = memory_said(r, &target, VIEW_DOOR, listed);
	/* With dht=off names under keys come from upstream: no signature of the key vouches for it.
	 */
	return from && from->source != SOURCE_DNS ? lend(r, q, part, pin, from) : NULL;
}

void pinned_forget(struct resolver *r, const struct question *q)
{
	struct question target;
	const struct pin *pin = signers_find(r->signers, &q->name);
	if (pin && pinned_question(r, pin, q, &target) == 0)
		cache_forget(r->cache, &target, CACHE_ZONE);
}

struct names {
	struct resolver *resolver;
	uid_t view;
	pin_reader_fn *fn;
	void *ctx;
};

/* A longer suffix of another list, or a nearer list, may have the name from elsewhere. */
static void name_read(void *ctx, const struct pin *pin, const struct name *name)
{
	struct names *n = ctx;
	const struct pin *pins[PIN_SAYS];
	pins_find(n->resolver->pins, name, n->view, pins);
	if (pins[PIN_OWN] == pin || pins[PIN_FOR_ALL] == pin)
		n->fn(n->ctx, pin, name);
}

/* The name of which this is the first signer's. */
static void signer_reader(
	struct resolver *r, const struct name *target, pin_reader_fn *fn, void *ctx)
{
	uint8_t key[NAME_KEY_LEN];
	struct name name;
	if (!name_key(target, key))
		return;
	pin_cut_key(target, &name);
	const struct pin *pin = signers_find(r->signers, &name);
	if (pin && memcmp(pin->key, key, sizeof(key)) == 0)
		fn(ctx, pin, &name);
}

/* The name under the key before, whose readers read it from here by now. */
static bool name_before(struct resolver *r, struct name *target)
{
	uint8_t key[NAME_KEY_LEN], before[NAME_KEY_LEN];
	struct name left, zone;
	if (!name_key(target, key) || !rotation_before(r, key, before))
		return false;
	pin_cut_key(target, &left);
	key_to_name(before, &zone);
	return name_join(&left, &zone, target) == 0;
}

void pinned_readers(struct resolver *r, const struct name *target, pin_reader_fn *fn, void *ctx)
{
	struct name at = *target;
	unsigned steps = 0;
	do {
		pins_readers(r->pins, &at, fn, ctx);
		attested_readers(attest_keys(r->attest), &at, fn, ctx);
		signer_reader(r, &at, fn, ctx);
	} while (steps++ < ROTATION_MAX && name_before(r, &at));
}

void pinned_names(
	struct resolver *r, const struct name *target, uid_t view, pin_reader_fn *fn, void *ctx)
{
	struct names n = {.resolver = r, .view = view, .fn = fn, .ctx = ctx};
	struct name at = *target;
	unsigned steps = 0;
	do {
		if (pins_len(r->pins))
			pins_readers_of(r->pins, &at, view, name_read, &n);
		attested_readers(attest_keys(r->attest), &at, fn, ctx);
		signer_reader(r, &at, fn, ctx);
	} while (steps++ < ROTATION_MAX && name_before(r, &at));
}

/* ---- the control file ---- */

int resolver_pins(struct resolver *r, uid_t uid, char **ret_text, size_t *ret_len)
{
	return pins_text(r->pins, uid, ret_text, ret_len);
}

const struct pin_list *resolver_pins_of(struct resolver *r, uid_t uid)
{
	return pins_of(r->pins, uid);
}

int resolver_set_pins(struct resolver *r, uid_t uid, struct pin_list *list)
{
	struct text t = {0};
	int e = pins_may(r->pins, uid, list);
	if (e < 0)
		return e;
	/* What the options say is on the disk already, in the configuration. */
	bool kept = uid != PINS_OF_OPTIONS;
	if (kept)
		pin_list_write(list, "", &t);
	if (kept)
		e = t.failed ? -ENOMEM : own_set_pins(r->parts.own, uid, t.bytes, t.len);
	text_destroy(&t);
	if (e < 0)
		return e;
	const struct pin_list *before = pins_of(r->pins, uid);
	struct pins_change change = {.uid = uid,
		.for_all = !kept || uid == 0 || uid == r->config.daemon_owner,
		.before = before ? pin_list_ref(before) : NULL,
		.now = list};
	pins_set(r->pins, uid, list); /* pins_may has made room */
	if (r->watch)
		r->watch(r->watch_ctx, &(struct resolver_change){NULL, &change});
	pin_list_unref(change.before);
	return 0;
}

int resolver_signers(struct resolver *r, char **ret_text, size_t *ret_len)
{
	struct text t = {0};
	text_puts(&t, "# KEY NAME: who signed first; write `forget NAME`: see kadns-files(7)\n");
	signers_write(r->signers, &t);
	if (t.failed) {
		text_destroy(&t);
		return -ENOMEM;
	}
	*ret_text = t.bytes;
	*ret_len = t.len;
	return 0;
}

int resolver_forget_signer(struct resolver *r, const char *line, size_t len)
{
	static const char verb[] = "forget ";
	struct name name;
	if (len < sizeof(verb) || memcmp(line, verb, sizeof(verb) - 1) != 0 ||
		name_from_text(line + sizeof(verb) - 1, len - (sizeof(verb) - 1), &name) < 0)
		return -EINVAL;
	int e = signers_forget(r->signers, &name);
	if (e < 0)
		return e;
	/* What was read of his claims, of whatever type, would make him the first again, unheard.
	 */
	cache_forget_part(r->cache, CACHE_SLOT);
	if (r->watch)
		r->watch(r->watch_ctx, &(struct resolver_change){NULL, NULL});
	return 0;
}

/* ---- life ---- */

static int load_list(void *ctx, uid_t uid, const char *text, size_t len)
{
	struct resolver *r = ctx;
	struct pins_input in = {.text = text, .len = len, .uid = uid};
	struct pins_mistake mistake;
	struct pin_list *list;
	int e = pin_list_read(&in, &mistake, &list);
	if (e < 0)
		return e == -ENOMEM ? e : -EBADMSG;
	e = pins_set(r->pins, uid, list);
	pin_list_unref(list);
	return e;
}

static void note_read(void *ctx, const struct pin *pin, const struct name *name)
{
	(void)pin;
	(void)name;
	*(bool *)ctx = true;
}

/* For the cache, which keeps what pins are read from in a share that a flood cannot empty: of the
 * pins that hold for all. A user who pins a large zone of his own would fill it with that. */
static bool reads(void *ctx, const struct question *q)
{
	const struct resolver *r = ctx;
	bool found = false;
	for (size_t i = 0; !found && i < PINS_SHARED; i++)
		pin_list_readers(pins_shared(r->pins, i), &q->name, note_read, &found);
	return found;
}

/* What is on the disk, and the options. */
static int load(struct resolver *r, struct pin_list *options)
{
	int e = pins_create(r->config.daemon_owner, &r->pins);
	if (e == 0)
		e = own_each_pins(r->parts.own, load_list, r);
	return e == 0 && options ? pins_set(r->pins, PINS_OF_OPTIONS, options) : e;
}

int pinned_load(struct resolver *r, struct pin_list *options)
{
	cache_pins(r->cache, reads, r);
	return load(r, options);
}

/* Lists that cannot be read stay what they were. */
void pinned_reload(struct resolver *r)
{
	struct pins *before = r->pins;
	r->pins = NULL;
	if (load(r, (struct pin_list *)(uintptr_t)pins_of(before, PINS_OF_OPTIONS)) == 0) {
		pins_destroy(before);
		return;
	}
	pins_destroy(r->pins);
	r->pins = before;
}

void pinned_finish(struct resolver *r)
{
	for (size_t i = 0; i < RESOLVER_LENT; i++) {
		answer_unref(r->pinned[i].answer);
		answer_unref(r->pinned[i].from);
	}
	pins_destroy(r->pins);
}
