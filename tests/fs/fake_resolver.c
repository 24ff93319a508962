/* A resolver and a publisher in memory. */
#undef NDEBUG
#include "tests/fs/fake_resolver.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/explain.h"
#include "resolver/keep_list.h"
#include "resolver/text.h"

#define KEPT_MAX 4096
#define REFUSED_TTL 4000000u

struct fake fake;

struct resolver {
	struct event_base *base;
};
struct publisher {
	int unused;
};
static struct resolver the_resolver;
static struct publisher the_publisher;

struct own_set {
	uid_t uid;
	struct rrset *set;
};
static struct own_set own_sets[KEPT_MAX];
static size_t own_len;
static struct answer *kept[KEPT_MAX]; /* what was asked and may be answered again */
static bool over[KEPT_MAX];	      /* its TTL: it is shown to who has listed it */
static size_t kept_len;
static struct answer *borrowed;

struct resolver *fake_resolver(struct event_base *base)
{
	the_resolver.base = base;
	return &the_resolver;
}

struct publisher *fake_publisher(void)
{
	return &the_publisher;
}

static struct pins *pins;

static struct pins *all_pins(void)
{
	assert(pins || pins_create(0, &pins) == 0);
	return pins;
}

void fake_destroy(void)
{
	for (size_t i = 0; i < own_len; i++)
		rrset_destroy(own_sets[i].set);
	for (size_t i = 0; i < kept_len; i++)
		answer_unref(kept[i]);
	answer_unref(borrowed);
	borrowed = NULL;
	pins_destroy(pins);
	pins = NULL;
	own_len = kept_len = 0;
	fake = (struct fake){0};
}

/* ---- what a name asks for ---- */

/* The number in the first label that is PREFIX and digits, or -1. */
static int number_after(const struct question *q, const char *prefix)
{
	char text[NAME_TEXT_MAX], *rest = text;
	name_to_text(&q->name, text);
	for (char *label; (label = strsep(&rest, "."));) {
		size_t n = strlen(prefix);
		if (strncmp(label, prefix, n) == 0 && label[n] >= '0' && label[n] <= '9')
			return atoi(label + n);
	}
	return -1;
}

static resolver_watch_fn *watch;
static void *watch_ctx;

void resolver_watch(struct resolver *r, resolver_watch_fn *fn, void *ctx)
{
	(void)r;
	watch = fn;
	watch_ctx = ctx;
}

static void tell_watch(const struct question *q)
{
	if (watch)
		watch(watch_ctx, &(struct resolver_change){q, NULL});
}

static struct answer *found(const struct question *q)
{
	bool turns = number_after(q, "turn") >= 0;
	int ttl = number_after(q, "ttl");
	uint8_t address[4] = {192, 0, 2, turns ? (uint8_t)(1 + fake.turn) : 1};
	struct rrset *set = rrset_create(q, turns ? 1 : ttl >= 0 ? (uint32_t)ttl : 300);
	assert(set);
	int r;
	if (q->type == TYPE_A)
		r = rrset_add(set, address, 4);
	else
		r = rrset_add(set, (const uint8_t *)"\x05hello", 6);
	struct answer *a = NULL;
	assert(r == 0 && answer_from_rrset(q, set, &a) == 0);
	rrset_destroy(set);
	a->source = SOURCE_DNS;
	a->trust = TRUST_DNS;
	a->arrived = clock_monotonic();
	a->time = 1700000000;
	a->expires = a->time + 300 + fake.later;
	return a;
}

static struct answer *make_answer(const struct question *q)
{
	struct name zone;
	int error = number_after(q, "e");
	assert(name_from_text("example.com", strlen("example.com"), &zone) == 0);
	if (error < 0 && name_under(&q->name, &zone) && (q->type == TYPE_A || q->type == TYPE_TXT))
		return found(q);
	struct answer *a = answer_without(
		q, error < 0 ? -ENOENT : -error, RCODE_NOERROR, EDE_NONE, 60, false);
	assert(a);
	a->arrived = clock_monotonic();
	return a;
}

/* ---- memory ---- */

#define MANY "many.example.com"

static bool is_many(const struct question *q, bool listed)
{
	struct name zone;
	int number = number_after(q, "n");
	assert(name_from_text(MANY, strlen(MANY), &zone) == 0);
	return number >= 0 && (unsigned)number < fake.many && name_under(&q->name, &zone) &&
	       q->type == TYPE_A && (listed || !fake.gone || !fake.gone((unsigned)number));
}

#define TURN 500 /* numbers that one turn of a listing looks at */

static bool list_many(struct resolver_walk *w)
{
	struct resolver_entry e = {.question = {.type = TYPE_A, .class = CLASS_IN}};
	uint64_t end = w->place.cache + TURN;
	for (; w->place.cache < end && w->place.cache < fake.many; w->place.cache++) {
		char text[64];
		unsigned i = (unsigned)w->place.cache;
		int n = snprintf(text, sizeof(text), "n%u." MANY, i);
		assert(name_from_text(text, (size_t)n, &e.question.name) == 0);
		if ((!fake.gone || !fake.gone(i)) && w->wants(w->ctx, &e.question))
			w->show(w->ctx, &e);
	}
	return w->place.cache < fake.many;
}

static struct own_set *find_own(uid_t uid, const struct question *q)
{
	for (size_t i = 0; i < own_len; i++)
		if (own_sets[i].uid == uid && question_equal(&own_sets[i].set->question, q))
			return &own_sets[i];
	return NULL;
}

static const struct answer *lend_own(const struct own_set *own)
{
	answer_unref(borrowed);
	borrowed = NULL;
	assert(answer_from_rrset(&own->set->question, own->set, &borrowed) == 0);
	borrowed->source = SOURCE_OWN;
	borrowed->trust = TRUST_SELF;
	borrowed->has_owner = true;
	borrowed->owner = own->uid;
	borrowed->arrived = clock_monotonic();
	borrowed->time = 1700000000;
	borrowed->expires = borrowed->time + own->set->ttl + fake.later;
	return borrowed;
}

static bool stands(size_t i)
{
	return !over[i] && !fake.expired && answer_ttl_left(kept[i], clock_monotonic()) > 0;
}

static const struct answer *peek(const struct question *q, uid_t view, bool listed)
{
	uint8_t key[NAME_KEY_LEN];
	const struct own_set *own = find_own(view, q);
	if (!own)
		own = find_own(0, q);
	for (size_t i = 0; !own && name_key(&q->name, key) && i < own_len; i++)
		if (question_equal(&own_sets[i].set->question, q))
			own = &own_sets[i]; /* only its owner can have written it */
	if (own)
		return lend_own(own);
	if (fake.many && is_many(q, listed)) {
		static uint64_t begin; /* a listing has seen it: it came before */
		begin = begin ? begin : clock_monotonic();
		answer_unref(borrowed);
		borrowed = found(q);
		borrowed->arrived = begin;
		return borrowed;
	}
	for (size_t i = 0; i < kept_len; i++)
		if (answer_is_to(kept[i], q) && (listed || stands(i)))
			return kept[i];
	return NULL;
}

const struct answer *resolver_peek(struct resolver *r, const struct question *q, uid_t view)
{
	(void)r;
	return peek(q, view, false);
}

const struct answer *resolver_peek_listed(struct resolver *r, const struct question *q, uid_t view)
{
	(void)r;
	return peek(q, view, true);
}

/* Another type is passed over where the walk says that it wants none. */
static bool wanted(struct resolver_walk *w, const struct question *q)
{
	if (w->type && (w->type != q->type || w->class != q->class))
		return false;
	fake.looked_at++;
	return w->wants(w->ctx, q);
}

bool resolver_list(struct resolver *r, struct resolver_walk *w)
{
	(void)r;
	for (size_t i = 0; !w->place.in_cache && i < own_len; i++) {
		struct resolver_entry e = {own_sets[i].set->question, true, own_sets[i].uid};
		if ((e.owner == w->view || e.owner == 0) && wanted(w, &e.question))
			w->show(w->ctx, &e);
	}
	for (size_t i = 0; !w->place.in_cache && i < kept_len; i++) {
		struct resolver_entry e = {.question = answer_question(kept[i])};
		if (!kept[i]->error && wanted(w, &e.question))
			w->show(w->ctx, &e);
	}
	w->place.in_cache = true;
	return list_many(w);
}

bool resolver_published_here(struct resolver *r, const struct question *q)
{
	(void)r;
	for (size_t i = 0; i < own_len; i++)
		if (question_equal(&own_sets[i].set->question, q))
			return true;
	return false;
}

/* ---- asking ---- */

struct ask {
	struct question question;
	struct event *timer;
	ask_fn *fn;
	void *ctx;
};

/* In the place of what was. */
static void keep_answer(const struct answer *a)
{
	size_t i = 0;
	const struct question q = answer_question(a);
	while (i < kept_len && !answer_is_to(kept[i], &q))
		i++;
	if (i == kept_len)
		kept_len++;
	else
		answer_unref(kept[i]);
	kept[i] = answer_ref(a);
	over[i] = false;
}

static void on_time(evutil_socket_t fd, short what, void *ctx)
{
	struct ask ask = *(struct ask *)ctx;
	(void)fd;
	(void)what;
	event_free(ask.timer);
	free(ctx);
	struct answer *a = make_answer(&ask.question);
	bool keep = number_after(&ask.question, "ttl") < 0 && a->error != -ETIMEDOUT &&
		    kept_len < KEPT_MAX;
	if (keep)
		keep_answer(a);
	tell_watch(&ask.question);
	ask.fn(ask.ctx, a);
	answer_unref(a);
}

void fake_turn(void)
{
	fake.turn++;
	for (size_t i = 0; i < kept_len; i++) {
		const struct question q = answer_question(kept[i]);
		over[i] |= number_after(&q, "turn") >= 0;
	}
}

struct ask *resolver_ask(
	struct resolver *r, const struct question *q, uid_t view, ask_fn *fn, void *ctx)
{
	(void)view;
	struct ask *ask = calloc(1, sizeof(*ask));
	assert(ask);
	*ask = (struct ask){.question = *q, .fn = fn, .ctx = ctx};
	ask->timer = evtimer_new(r->base, on_time, ask);
	int slow = number_after(q, "slow");
	unsigned ms = slow >= 0 ? (unsigned)slow : fake.delay_ms;
	struct timeval in = {ms / 1000, ms % 1000 * 1000};
	assert(ask->timer && evtimer_add(ask->timer, &in) == 0);
	fake.asks++;
	return ask;
}

void resolver_cancel(struct ask *ask)
{
	fake.cancels++;
	event_free(ask->timer);
	free(ask);
}

void resolver_ask_for(struct ask *ask, enum ask_for what)
{
	(void)ask;
	fake.wanted = what;
}

/* ---- the control panel ---- */

static resolver_status_fn *status_more;
static void *status_ctx;

void resolver_status_by(struct resolver *r, resolver_status_fn *fn, void *ctx)
{
	(void)r;
	status_more = fn;
	status_ctx = ctx;
}

bool explain_held(struct resolver *r, const struct question *q, uid_t view)
{
	(void)r;
	return peek(q, view, true) != NULL;
}

/* `held ERROR`, or `asked OUTCOME`, and for whom. */
int explain_text(
	struct resolver *r, const struct explain_question *e, char **ret_text, size_t *ret_len)
{
	(void)r;
	const struct answer *a = peek(e->question, e->view, true);
	int n = asprintf(ret_text, "%s %d for %u\n", a ? "held" : "asked",
		a ? -a->error : -e->outcome, (unsigned)e->view);
	assert(n > 0);
	*ret_len = (size_t)n;
	return 0;
}

bool explain_claims_held(struct resolver *r, const struct question *q)
{
	return explain_held(r, q, VIEW_DOOR);
}

/* A line for a name that is there, none for one that is not. */
int explain_claims(
	struct resolver *r, const struct explain_question *e, char **ret_text, size_t *ret_len)
{
	(void)r;
	const struct answer *a = peek(e->question, VIEW_DOOR, true);
	if (!a || (a->error && a->error != -ENOENT))
		return a ? a->error : e->outcome ? e->outcome : -EAGAIN;
	*ret_text = strdup(a->error ? "" : "{}\n");
	assert(*ret_text);
	*ret_len = strlen(*ret_text);
	return 0;
}

void resolver_given(struct resolver *r, const struct answer *a)
{
	(void)r;
	(void)a;
}

int resolver_status(struct resolver *r, char **ret_text, size_t *ret_len)
{
	(void)r;
	FILE *f = open_memstream(ret_text, ret_len);
	assert(f);
	fprintf(f, "asks %u\ncancels %u\nsets %u\nremoves %u\npushes %u\n", fake.asks, fake.cancels,
		fake.sets, fake.removes, fake.pushes);
	if (status_more)
		status_more(status_ctx, f);
	return fclose(f);
}

int resolver_nodes(struct resolver *r, char **ret_text, size_t *ret_len)
{
	(void)r;
	int n = asprintf(ret_text, "%u nodes\n", fake.nodes);
	assert(n > 0);
	*ret_len = (size_t)n;
	return 0;
}

int resolver_pins(struct resolver *r, uid_t uid, char **ret_text, size_t *ret_len)
{
	(void)r;
	return pins_text(all_pins(), uid, ret_text, ret_len);
}

const struct pin_list *resolver_pins_of(struct resolver *r, uid_t uid)
{
	(void)r;
	return pins_of(all_pins(), uid);
}

int resolver_set_pins(struct resolver *r, uid_t uid, struct pin_list *list)
{
	(void)r;
	fake.pin_sets++;
	if (fake.pins_error)
		return fake.pins_error;
	struct pins_change change = {.uid = uid, .for_all = uid == 0, .now = list};
	int e = pins_set(all_pins(), uid, list);
	if (e == 0 && watch)
		watch(watch_ctx, &(struct resolver_change){NULL, &change});
	return e;
}

int resolver_signers(struct resolver *r, char **ret_text, size_t *ret_len)
{
	struct text t = {0};
	(void)r;
	text_puts(&t, "# nobody\n");
	*ret_text = t.bytes;
	*ret_len = t.len;
	return t.failed ? -ENOMEM : 0;
}

int resolver_forget_signer(struct resolver *r, const char *line, size_t len)
{
	(void)r;
	if (len < 7 || memcmp(line, "forget ", 7) != 0)
		return -EINVAL;
	fake.forgotten++;
	return 0;
}

static const struct keep_list *keys; /* everybody's */

int resolver_keep(struct resolver *r, uid_t uid, char **ret_text, size_t *ret_len)
{
	struct text t = {0};
	(void)r;
	(void)uid;
	text_puts(&t, "# kept alive\n");
	keep_list_write(keys, &t);
	*ret_text = t.bytes;
	*ret_len = t.len;
	return t.failed ? -ENOMEM : 0;
}

const struct keep_list *resolver_keep_of(struct resolver *r, uid_t uid)
{
	(void)r;
	(void)uid;
	return keys;
}

int resolver_set_keep(struct resolver *r, uid_t uid, const struct keep_list *list)
{
	const struct keep_list *before = keys;
	(void)r;
	(void)uid;
	keys = keep_list_len(list) ? keep_list_ref(list) : NULL;
	keep_list_unref(before);
	return 0;
}

int resolver_add_node(struct resolver *r, const char *text, size_t len)
{
	(void)r;
	if (len < 3 || !memchr("0123456789[", text[0], 11))
		return -EINVAL;
	fake.nodes++;
	return 0;
}

/* ---- publishing ---- */

static void key_of(uid_t uid, uint8_t ret_key[NAME_KEY_LEN])
{
	memset(ret_key, 0, NAME_KEY_LEN);
	for (int i = 0; i < 4; i++)
		ret_key[i] = (uint8_t)((uid + 1) >> (8 * i));
}

int publish_key(struct publisher *p, uid_t uid, uint8_t ret_key[NAME_KEY_LEN])
{
	(void)p;
	key_of(uid, ret_key);
	return 0;
}

/* One more than the uid, as all else here. */
int publish_secret(struct publisher *p, uid_t uid, uint8_t ret_seed[SIGNER_SEED_LEN])
{
	return publish_key(p, uid, ret_seed);
}

int publish_public(
	struct publisher *p, const uint8_t seed[SIGNER_SEED_LEN], uint8_t ret_key[NAME_KEY_LEN])
{
	(void)p;
	memcpy(ret_key, seed, NAME_KEY_LEN);
	return 0;
}

int publish_import(struct publisher *p, uid_t uid, const uint8_t seed[SIGNER_SEED_LEN])
{
	(void)p;
	(void)uid;
	(void)seed;
	fake.imports++;
	return fake.import_error;
}

int publish_may(struct publisher *p, uid_t uid, const struct question *q)
{
	(void)p;
	uint8_t key[NAME_KEY_LEN], own[NAME_KEY_LEN];
	key_of(uid, own);
	if (q->class != CLASS_IN || q->type == TYPE_RRSIG || q->type == TYPE_NSEC)
		return -EPERM;
	return name_key(&q->name, key) && memcmp(key, own, sizeof(key)) != 0 ? -EACCES : 0;
}

int publish_set(struct publisher *p, uid_t uid, const struct rrset *set)
{
	(void)p;
	int error = number_after(&set->question, "set");
	if (set->ttl > REFUSED_TTL)
		error = (int)(set->ttl - REFUSED_TTL);
	if (error > 0)
		return -error;
	struct own_set *own = find_own(uid, &set->question);
	assert(own || own_len < KEPT_MAX);
	if (!own)
		own = &own_sets[own_len++];
	else
		rrset_destroy(own->set);
	*own = (struct own_set){uid, rrset_copy(set)};
	fake.sets++;
	tell_watch(&set->question);
	return 0;
}

/* Nobody else has the key of a user here. */
int publish_remove_theirs(struct publisher *p, uid_t uid, const struct question *q)
{
	(void)p;
	(void)uid;
	(void)q;
	return -EPERM;
}

int publish_remove(struct publisher *p, uid_t uid, const struct question *q)
{
	(void)p;
	struct own_set *own = find_own(uid, q);
	int error = number_after(q, "keep");
	if (!own || error > 0)
		return own ? -error : -ENOENT;
	rrset_destroy(own->set);
	*own = own_sets[--own_len];
	fake.removes++;
	tell_watch(q);
	return 0;
}

int publish_move(
	struct publisher *p, uid_t uid, const struct question *from, const struct rrset *set)
{
	int error = number_after(from, "keep");
	if (!find_own(uid, from) || error > 0)
		return error > 0 ? -error : -ENOENT;
	int r = publish_set(p, uid, set);
	return r < 0 ? r : publish_remove(p, uid, from);
}

void publish_push(struct publisher *p, uid_t uid, const struct question *q)
{
	(void)p;
	(void)uid;
	(void)q;
	fake.pushes++;
}

/* The network has it as soon as it is there, or never. */
int publish_receipt(struct publisher *p, struct publish_receipt *r)
{
	(void)p;
	if (!find_own(r->uid, &r->question))
		return -ENOENT;
	if (!fake.receipts_wait)
		return 0;
	fake.receipt = r;
	return -EINPROGRESS;
}

void publish_receipt_no_longer(struct publisher *p, struct publish_receipt *r)
{
	(void)p;
	if (fake.receipt == r)
		fake.receipt = NULL;
}

int publish_state(struct publisher *p, uid_t uid, const struct question *q,
	struct publish_state *ret_state)
{
	(void)p;
	*ret_state = (struct publish_state){.replicas = 3};
	return find_own(uid, q) ? 0 : -ENOENT;
}

/* Durable as soon as it is there. */
uint64_t publish_commits(const struct publisher *p)
{
	(void)p;
	return fake.sets + fake.removes;
}

bool publish_wait(struct publisher *p, struct own_waiter *w)
{
	(void)p;
	(void)w;
	return false;
}

int publish_settle(struct publisher *p, uint64_t limit)
{
	(void)p;
	(void)limit;
	if (fake.settling)
		fake.settling(fake.settling_ctx);
	return 0;
}

const struct rrset *publish_standing(struct publisher *p, uid_t uid, const struct question *q)
{
	(void)p;
	const struct own_set *own = find_own(uid, q);
	return own ? own->set : NULL;
}
