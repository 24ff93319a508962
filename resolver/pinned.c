/* Pins at work: which of them hold, what they answer, how they are changed. */
#include "resolver/pinned.h"

#include <errno.h>
#include <stdlib.h>

#include "resolver/text.h"

/* ---- what holds, and what it answers ---- */

void pinned_find(const struct resolver *r, const struct question *q, uid_t view,
	struct policy_part parts[CACHE_PARTS])
{
	const struct pin *pins[PIN_SAYS];
	pins_find(r->pins, &q->name, view, pins);
	parts[PART_PIN].pin = pins[PIN_OWN];
	parts[PART_PIN_FOR_ALL].pin = pins[PIN_FOR_ALL];
}

int pinned_question(const struct resolver *r, const struct pin *pin, const struct question *q,
	struct question *ret_target)
{
	*ret_target = *q;
	if (q->class != CLASS_IN || pin_target(pin, &q->name, &ret_target->name) < 0)
		return -ENOENT;
	return r->config.policy.dht ? 0 : -ENETUNREACH;
}

struct answer *pinned_answer(const struct question *q, const struct answer *from)
{
	struct answer *a;
	if (answer_from_renamed(q, from, &a) < 0)
		return NULL;
	bool said = from->trust == TRUST_KEY || from->trust == TRUST_SELF;
	a->trust = said ? TRUST_PIN : TRUST_NONE;
	return a;
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

/* The same bytes for the same answer, until it changes: a peek lends, and frees nothing. */
static const struct answer *lend(struct resolver *r, const struct question *q, enum cache_part part,
	const struct answer *from)
{
	size_t at = (question_hash(q, r->seed) * 2 + (part == PART_PIN)) % RESOLVER_LENT;
	struct pinned_lent *l = &r->pinned[at];
	if (l->from != from || !answer_is_to(l->answer, q)) {
		struct answer *a = pinned_answer(q, from);
		if (!a)
			return NULL;
		const struct answer *held = answer_ref(from);
		answer_unref(l->answer);
		answer_unref(l->from);
		*l = (struct pinned_lent){held, a};
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
	const struct answer *from = listed ? resolver_peek_listed(r, &target, VIEW_DOOR)
					   : resolver_peek(r, &target, VIEW_DOOR);
	/* With dht=off names under keys come from upstream: no signature of the key vouches for it.
	 */
	return from && from->source != SOURCE_DNS ? lend(r, q, part, from) : NULL;
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

void pinned_names(
	struct resolver *r, const struct name *target, uid_t view, pin_reader_fn *fn, void *ctx)
{
	struct names n = {.resolver = r, .view = view, .fn = fn, .ctx = ctx};
	if (pins_len(r->pins))
		pins_readers_of(r->pins, target, view, name_read, &n);
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
	pin_list_write(list, "", &t);
	e = t.failed ? -ENOMEM : own_set_pins(r->parts.own, uid, t.bytes, t.len);
	text_destroy(&t);
	if (e < 0)
		return e;
	const struct pin_list *before = pins_of(r->pins, uid);
	struct pins_change change = {.uid = uid,
		.for_all = uid == 0 || uid == r->config.daemon_owner,
		.before = before ? pin_list_ref(before) : NULL,
		.now = list};
	pins_set(r->pins, uid, list); /* pins_may has made room */
	if (r->watch)
		r->watch(r->watch_ctx, &(struct resolver_change){NULL, &change});
	pin_list_unref(change.before);
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
