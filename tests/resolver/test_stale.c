/* resolver/stale, prefetch, and what the resolver makes of them, over an upstream that the test
 * plays, in leaping time: nothing here waits. */
#undef NDEBUG
#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/clock.h"
#include "resolver/explain.h"
#include "resolver/resolver_inside.h"
#include "resolver/special.h"
#include "tests/directory.h"
#include "tests/leap.h"

static struct event_base *base;
static struct own *own;
static struct resolver *r;
static char dir[DIRECTORY_CAP];

/* ---- the upstream ---- */

struct upstream_query {
	struct event *timer;
	struct question question;
	upstream_fn *fn;
	void *ctx;
};

static enum { ANSWERS, DENIES, DENIES_TYPE, FAILS, BOGUS, NO_ROUTE } mode;
static bool proves;    /* a denial is signed */
static uint64_t delay; /* microseconds until it says so */
static unsigned asked;
static uint8_t address[] = {192, 0, 2, 1};
static upstream_moved_fn *moved;
static void *moved_ctx;
static struct name split;    /* has servers of its own; the root: none has */
static struct name insecure; /* is not validated; likewise */
static uint32_t ttl;

static size_t write_message(const struct question *q, uint8_t *buf, size_t cap)
{
	struct packet_writer w;
	const uint8_t soa[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 1, 44};
	struct rr a = {.owner = q->name,
		.type = q->type,
		.class = q->class,
		.ttl = ttl,
		.rdata = address,
		.rdata_len = 4};
	struct rr none = {.owner = {.len = 1},
		.type = TYPE_SOA,
		.class = q->class,
		.ttl = ttl,
		.rdata = soa,
		.rdata_len = sizeof(soa),
		.section = PACKET_AUTHORITY};
	bool denied = mode == DENIES || mode == DENIES_TYPE;
	packet_begin(&w, buf, cap, true);
	packet_put_question(&w, q);
	packet_put(&w, denied ? &none : &a);
	int len = packet_end(&w, 0, FLAG_QR | FLAG_RD | FLAG_RA | (mode == DENIES ? 3 : 0));
	assert_true(len > 0);
	return (size_t)len;
}

static void reply(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct upstream_query *query = ctx;
	uint8_t message[512];
	struct upstream_reply said = {.message = message,
		.why = "",
		.secure = mode == ANSWERS || (mode == DENIES && proves),
		.bogus = mode == BOGUS};
	said.len = write_message(&query->question, message, sizeof(message));
	if (mode == FAILS || mode == NO_ROUTE)
		said = (struct upstream_reply){
			.error = mode == FAILS ? -EREMOTEIO : -ENETUNREACH, .why = ""};
	query->fn(query->ctx, &said);
	event_free(query->timer);
	free(query);
}

int upstream_ask(struct upstream *u, const struct question *q, upstream_fn *fn, void *ctx,
	struct upstream_query **ret_query)
{
	(void)u;
	struct upstream_query *query = calloc(1, sizeof(*query));
	struct timeval t = {
		.tv_sec = (time_t)(delay / SECOND), .tv_usec = (suseconds_t)(delay % SECOND)};
	query->timer = evtimer_new(base, reply, query);
	query->question = *q;
	query->fn = fn;
	query->ctx = ctx;
	event_add(query->timer, &t);
	asked++;
	*ret_query = query;
	return 0;
}

void upstream_cancel(struct upstream_query *query)
{
	event_free(query->timer);
	free(query);
}

void upstream_watch(struct upstream *u, upstream_moved_fn *fn, void *ctx)
{
	(void)u;
	moved = fn;
	moved_ctx = ctx;
}

static bool silent; /* so the validator has said of all servers */
bool upstream_is_silent(const struct upstream *u)
{
	(void)u;
	return silent;
}

bool upstream_is_insecure(const struct upstream *u, const struct name *name)
{
	(void)u;
	return insecure.len > 1 && name_under(name, &insecure);
}

bool upstream_has_zone(const struct upstream *u, const struct name *name)
{
	(void)u;
	return split.len > 1 && name_under(name, &split);
}

uint64_t upstream_fingerprint(const struct upstream *u)
{
	(void)u;
	return 1;
}

void upstream_counters(const struct upstream *u, struct upstream_counters *ret_counters)
{
	(void)u;
	*ret_counters = (struct upstream_counters){0};
}

void upstream_suspect(struct upstream *u, const struct question *q)
{
	(void)u;
	(void)q;
}

bool upstream_came_back(struct upstream *u, const struct question *q)
{
	(void)u;
	(void)q;
	return false;
}

/* ---- asking ---- */

static void start(uint64_t deadline)
{
	struct resolver_config config = {.policy = {.upstream = true},
		.deadline = deadline,
		.daemon_owner = 77,
		.cache_bytes = 1 << 20};
	struct resolver_parts parts = {.own = own, .upstream = (struct upstream *)&base};
	resolver_destroy(r);
	assert_int_equal(resolver_create(base, &config, &parts, &r), 0);
	mode = ANSWERS;
	proves = false;
	delay = 10000;
	asked = 0;
	ttl = 60;
}

static int set_up(void **state)
{
	char path[96];
	(void)state;
	assert_int_equal(directory_make(dir), 0);
	snprintf(path, sizeof(path), "%s/own.db", dir);
	base = event_base_new();
	assert_int_equal(own_open(path, 100, 0, 1, &own), 0);
	start(4 * SECOND);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	resolver_destroy(r);
	r = NULL;
	own_close(own);
	event_base_free(base);
	return directory_remove(dir);
}

static struct question question_of(const char *text, uint16_t type)
{
	struct question q = {.type = type, .class = CLASS_IN};
	assert_int_equal(name_from_text(text, strlen(text), &q.name), 0);
	return q;
}

struct heard {
	struct answer *answer;
	uint64_t took;
	uint64_t began;
};

static void on_answer(void *ctx, const struct answer *a)
{
	struct heard *h = ctx;
	h->answer = answer_ref(a);
	h->took = clock_monotonic() - h->began;
}

/* As a door does: memory, else the resolver. */
static struct heard ask_as(const char *name, uid_t view)
{
	struct question q = question_of(name, TYPE_A);
	struct heard h = {.began = clock_monotonic()};
	const struct answer *held = resolver_peek(r, &q, view);
	if (held)
		on_answer(&h, held);
	else
		assert_non_null(resolver_ask(r, &q, view, on_answer, &h));
	while (!h.answer)
		event_base_loop(base, EVLOOP_ONCE);
	return h;
}

static struct heard ask(const char *name)
{
	return ask_as(name, VIEW_DOOR);
}

static void expect(struct heard h, int error, int ede)
{
	assert_int_equal(h.answer->error, error);
	assert_int_equal(h.answer->ede, ede);
	answer_unref(h.answer);
}

/* ---- stale ---- */

static uint32_t ttl_of(const struct answer *a)
{
	struct rrset *set;
	assert_int_equal(answer_rrset(a, &set), 0);
	uint32_t of = set->ttl;
	rrset_destroy(set);
	return of;
}

static void stands_in_after_its_patience(void **state)
{
	(void)state;
	struct heard h = ask("www.example");
	assert_true(h.answer->validated);
	expect(h, 0, EDE_NONE);
	leap(base, 61 * SECOND);
	delay = 3600 * SECOND; /* the upstream is there, and says nothing */
	h = ask("www.example");
	assert_int_equal(h.answer->error, 0);
	assert_int_equal(h.answer->ede, EDE_STALE);
	assert_int_equal(h.answer->ttl, 30);
	assert_int_equal(ttl_of(h.answer), 30);
	assert_int_equal(answer_ttl_left(h.answer, clock_monotonic()), 30);
	assert_false(h.answer->validated);
	assert_int_equal(h.answer->trust, TRUST_DNS);
	int64_t expires = clock_wall() / (int64_t)SECOND + 30;
	assert_in_range(h.answer->expires, expires - 1, expires);
	assert_in_range(h.took, 1800000, 3500000);
	answer_unref(h.answer);
	assert_int_equal(asked, 2);
	assert_int_equal(r->counters.stale, 1);
	/* Who comes next does not wait for what the others have waited for. */
	h = ask("www.example");
	assert_true(h.took < SECOND);
	expect(h, 0, EDE_STALE);
	leap(base, SECOND); /* the failure that it stands for is over, the same question still under
			     * way
			     */
	h = ask("www.example");
	assert_true(h.took < SECOND);
	expect(h, 0, EDE_STALE);
	assert_int_equal(asked, 2);
}

/* What was on its way lands behind it. */
static void is_refreshed_behind(void **state)
{
	(void)state;
	expect(ask("www.example"), 0, EDE_NONE);
	leap(base, 61 * SECOND);
	delay = 3 * SECOND;
	expect(ask("www.example"), 0, EDE_STALE);
	leap(base, 2 * SECOND);
	expect(ask("www.example"), 0, EDE_NONE);
	assert_int_equal(asked, 2);
}

static void stands_in_for_a_failure_at_once(void **state)
{
	(void)state;
	expect(ask("www.example"), 0, EDE_NONE);
	leap(base, 61 * SECOND);
	mode = FAILS;
	struct heard h = ask("www.example");
	assert_true(h.took < SECOND);
	expect(h, 0, EDE_STALE);
	/* And is asked again as rarely as what fails: after 1 s, 2 s, 4 s. */
	expect(ask("www.example"), 0, EDE_STALE);
	assert_int_equal(asked, 2);
	leap(base, SECOND);
	expect(ask("www.example"), 0, EDE_STALE);
	leap(base, SECOND);
	expect(ask("www.example"), 0, EDE_STALE);
	assert_int_equal(asked, 3);
	leap(base, SECOND);
	expect(ask("www.example"), 0, EDE_STALE);
	assert_int_equal(asked, 4);
	mode = ANSWERS;
	leap(base, 4 * SECOND);
	expect(ask("www.example"), 0, EDE_NONE);
	/* A day, and no longer. */
	mode = FAILS;
	leap(base, 60 * SECOND + 86400 * SECOND);
	expect(ask("www.example"), -EREMOTEIO, EDE_NO_AUTHORITY);
}

static void a_denial_stands_in_too(void **state)
{
	(void)state;
	mode = DENIES_TYPE;
	struct heard h = ask("www.example");
	expect(h, -ENOENT, EDE_NONE);
	leap(base, 61 * SECOND);
	mode = FAILS;
	h = ask("www.example");
	assert_int_equal(h.answer->rcode, RCODE_NOERROR);
	assert_int_equal(h.answer->message[0].ttls_len, 1); /* its SOA */
	expect(h, -ENOENT, EDE_STALE);
}

/* RFC 8914, 4.20. */
static void a_denial_of_the_name_says_that_it_is_one(void **state)
{
	(void)state;
	mode = DENIES;
	expect(ask("www.example"), -ENOENT, EDE_NONE);
	leap(base, 61 * SECOND);
	mode = FAILS;
	struct heard h = ask("www.example");
	assert_int_equal(h.answer->rcode, RCODE_NXDOMAIN);
	expect(h, -ENOENT, EDE_STALE_DENIAL);
	/* A failure in the cache: asked again as rarely as one, not believed for its 30 s. */
	expect(ask("www.example"), -ENOENT, EDE_STALE_DENIAL);
	assert_int_equal(asked, 2);
	mode = ANSWERS;
	leap(base, 2 * SECOND);
	expect(ask("www.example"), 0, EDE_NONE);
}

/* But it lets no stranger answer in its place: it was said once, and is not said now. */
static void a_stale_denial_is_final(void **state)
{
	(void)state;
	struct policy policy = {
		.dht = true, .upstream = true, .lookup_always = true, .tofu.len = 1};
	policy.tofu.name[0].len = 1;
	struct question q = question_of("www.example", TYPE_A);
	struct answer *denial = answer_without(&q, -ENOENT, RCODE_NXDOMAIN, EDE_NONE, 60, true);
	struct answer *claim = answer_without(&q, 0, 0, EDE_NONE, 60, false);
	struct answer *stale = answer_stale(denial, 0);
	const struct answer *winner;
	enum cache_part needed;
	struct policy_part parts[CACHE_PARTS] = {
		[CACHE_DNS] = {.state = PART_ANSWERED, .answer = denial},
		[CACHE_SLOT] = {.state = PART_ANSWERED, .answer = claim}};
	assert_int_equal(policy_decide(&policy, &q, parts, &needed, &winner), VERDICT_DONE);
	assert_ptr_equal(winner, claim);
	parts[CACHE_DNS].answer = stale;
	assert_int_equal(policy_decide(&policy, &q, parts, &needed, &winner), VERDICT_DONE);
	assert_ptr_equal(winner, stale);
	answer_unref(denial);
	answer_unref(claim);
	answer_unref(stale);
}

/* Somebody answers, and lies. */
static void bogus_is_no_silence(void **state)
{
	(void)state;
	expect(ask("www.example"), 0, EDE_NONE);
	leap(base, 61 * SECOND);
	mode = BOGUS;
	expect(ask("www.example"), -EBADMSG, EDE_BOGUS);
	assert_int_equal(r->counters.stale, 0);
}

/* A deadline under its patience ends with it as well. */
static void stands_in_at_the_deadline(void **state)
{
	(void)state;
	start(SECOND);
	expect(ask("www.example"), 0, EDE_NONE);
	leap(base, 61 * SECOND);
	delay = 3600 * SECOND;
	struct heard h = ask("www.example");
	assert_in_range(h.took, SECOND, SECOND + SECOND / 2);
	expect(h, 0, EDE_STALE);
	/* A name of which nothing was ever said. */
	expect(ask("other.example"), -ETIMEDOUT, EDE_NO_REPLY);
}

/* ---- copies of what DNS once said: rule 5 ---- */

/* The resolver holds a copy, proven, with the address 192.0.2.5. */
static void hold_copy(const char *name)
{
	static const uint8_t rdata[] = {192, 0, 2, 5};
	struct question q = question_of(name, TYPE_A);
	struct rrset *set = rrset_create(&q, 60);
	struct answer *a;
	assert_int_equal(rrset_add(set, rdata, sizeof(rdata)), 0);
	assert_int_equal(answer_from_rrset(&q, set, &a), 0);
	a->source = SOURCE_DHT;
	a->trust = TRUST_DNSSEC;
	a->validated = true;
	a->arrived = clock_monotonic();
	cache_add(r->cache, a, CACHE_COPY, a->arrived);
	answer_unref(a);
	rrset_destroy(set);
}

/* d: DNS answered, c: the copy, x: nobody. */
static char who(struct heard h)
{
	char c = h.answer->error ? 'x' : h.answer->source == SOURCE_DHT ? 'c' : 'd';
	answer_unref(h.answer);
	return c;
}

static void a_copy_stands_in_for_dns_that_fails(void **state)
{
	(void)state;
	static const struct {
		int mode;
		uint64_t delay; /* of what DNS says, in tenths of a second */
		bool silent;	/* all servers were, for others */
		char want;
		uint64_t from, to; /* when, likewise */
	} rows[] = {
		/* While DNS answers, late or not, it is DNS. */
		{ANSWERS, 0, false, 'd', 0, 5},
		{ANSWERS, 30, false, 'd', 29, 39},
		{ANSWERS, 10, true, 'd', 9, 18},
		{DENIES, 1, false, 'x', 0, 5},
		{DENIES_TYPE, 1, false, 'x', 0, 5},
		/* It fails, or lies. */
		{FAILS, 1, false, 'c', 0, 5},
		{BOGUS, 1, false, 'c', 0, 5},
		/* It says nothing until the deadline; or is known to say nothing. */
		{ANSWERS, 36000, false, 'c', 39, 50},
		{ANSWERS, 36000, true, 'c', 17, 30},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char name[32];
		snprintf(name, sizeof(name), "n%zu.example", i);
		start(4 * SECOND);
		r->config.policy.dht = r->config.policy.copies = true;
		mode = rows[i].mode;
		delay = rows[i].delay * (SECOND / 10);
		silent = rows[i].silent;
		hold_copy(name);
		struct heard h = ask(name);
		if (h.took < rows[i].from * (SECOND / 10) || h.took > rows[i].to * (SECOND / 10))
			fail_msg("row %zu took %llu us", i, (unsigned long long)h.took);
		char got = who(h);
		if (got != rows[i].want)
			fail_msg("row %zu: got %c, want %c", i, got, rows[i].want);
	}
	silent = false;
}

static void what_explains_says_so(void **state)
{
	(void)state;
	char *text;
	size_t len;
	struct question q = question_of("www.example", TYPE_A);
	expect(ask("www.example"), 0, EDE_NONE);
	leap(base, 61 * SECOND);
	mode = FAILS;
	expect(ask("www.example"), 0, EDE_STALE);
	assert_int_equal(
		explain_text(r, &(struct explain_question){.question = &q, .view = 5}, &text, &len),
		0);
	assert_non_null(strstr(text, ", stale: DNS does not answer"));
	free(text);
}

/* ---- another configuration ---- */

static unsigned told; /* that anything may be something else */

static void on_told(void *ctx, const struct resolver_change *change)
{
	(void)ctx;
	told += !change->question && !change->pins;
}

static void what_was_held_of_dns_is_forgotten(void **state)
{
	(void)state;
	struct question zone = question_of("zone.example", TYPE_A);
	struct question slot = question_of("slot.example", TYPE_A);
	struct answer *a = answer_without(&zone, -ENOENT, RCODE_NOERROR, EDE_NONE, 60, true);
	struct answer *b = answer_without(&slot, -ENOENT, RCODE_NOERROR, EDE_NONE, 60, true);
	uint64_t now = clock_monotonic();
	told = 0;
	resolver_watch(r, on_told, NULL);
	expect(ask("www.example"), 0, EDE_NONE);
	mode = FAILS;
	expect(ask("failed.example"), -EREMOTEIO, EDE_NO_AUTHORITY);
	a->arrived = b->arrived = now;
	cache_add(r->cache, a, CACHE_ZONE, now);
	cache_add(r->cache, b, CACHE_SLOT, now);
	cache_add(r->cache, b, CACHE_COPY, now);
	moved(moved_ctx); /* as resolv.conf, which names another network */
	assert_int_equal(told, 1);
	assert_ptr_equal(cache_find(r->cache, &zone, CACHE_ZONE, now), a);
	assert_null(cache_find(r->cache, &slot, CACHE_SLOT, now));
	assert_null(cache_find(r->cache, &slot, CACHE_COPY, now));
	assert_int_equal(cache_entries(r->cache), 1);
	/* Nor does it stand in where the new one is silent. */
	expect(ask("www.example"), -EREMOTEIO, EDE_NO_AUTHORITY);
	mode = ANSWERS;
	expect(ask("failed.example"), 0, EDE_NONE);
	resolver_watch(r, NULL, NULL);
	answer_unref(a);
	answer_unref(b);
}

static void who_waits_already_is_answered_and_nobody_else(void **state)
{
	(void)state;
	struct question q = question_of("www.example", TYPE_A);
	struct heard before = {.began = clock_monotonic()}, after = before;
	delay = SECOND;
	assert_non_null(resolver_ask(r, &q, VIEW_DOOR, on_answer, &before));
	leap(base, SECOND / 2);
	assert_int_equal(asked, 1);
	resolver_forget(r);
	delay = SECOND / 10; /* the former's answer comes last, and is nobody else's all the same */
	assert_non_null(resolver_ask(r, &q, VIEW_DOOR, on_answer, &after));
	leap(base, SECOND / 20);
	assert_int_equal(asked, 2); /* it does not join what the former upstream was asked */
	mode = DENIES;
	leap(base, SECOND / 5);
	mode = ANSWERS;
	leap(base, SECOND);
	assert_non_null(before.answer);
	assert_non_null(after.answer);
	assert_int_equal(after.answer->error, -ENOENT);
	struct heard held = ask("www.example");
	assert_ptr_equal(held.answer, after.answer);
	assert_int_equal(asked, 2);
	answer_unref(before.answer);
	answer_unref(after.answer);
	answer_unref(held.answer);
}

/* What private_ok= let through is judged by the new one. */
static void another_policy_counts_at_once(void **state)
{
	(void)state;
	struct policy policy = {.upstream = true, .mode = POLICY_STRICT};
	policy.private_ok.len = 1;
	policy.private_ok.name[0] = question_of("office", TYPE_A).name;
	policy.split = policy.private_ok;
	address[0] = 10;
	struct heard h = ask("www.office");
	expect(h, -ENOENT, EDE_FILTERED);
	resolver_set_policy(r, &policy);
	resolver_forget(r);
	expect(ask("www.office"), 0, EDE_NONE);
	assert_int_equal(r->config.policy.mode, POLICY_STRICT);
	assert_true(r->config.policy.upstream);
	assert_int_equal(r->config.policy.split.len, 1);
	policy.private_ok.len = 0;
	policy.upstream = false; /* not for a reload to say */
	resolver_set_policy(r, &policy);
	resolver_forget(r);
	expect(ask("www.office"), -ENOENT, EDE_FILTERED);
	address[0] = 192;
}

/* ---- names that are special ---- */

static void special_names_leave_this_machine_never(void **state)
{
	static const char *const names[] = {"localhost", "a.localhost", "a.invalid", "a.onion",
		"printer.local", "a.test", "_dns.resolver.arpa", "9.0.0.127.in-addr.arpa"};
	(void)state;
	split.len = 1; /* the root: no name has servers of its own */
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct heard h = ask(names[i]);
		assert_int_equal(h.answer->source, SOURCE_LOCAL);
		assert_true(h.took < SECOND / 100);
		answer_unref(h.answer);
		/* Nor when they are popular. */
		leap(base, (SPECIAL_TTL - 2) * SECOND);
		answer_unref(ask(names[i]).answer);
		answer_unref(ask(names[i]).answer);
		answer_unref(ask(names[i]).answer);
		leap(base, 3 * SECOND);
		answer_unref(ask(names[i]).answer);
	}
	assert_int_equal(asked, 0);
	expect(ask("www.home.arpa"), -ENOENT, EDE_NONE);
	assert_int_equal(asked, 0);
}

/* But to the servers that were named for them. */
static void unless_they_have_servers(void **state)
{
	(void)state;
	split = question_of("home.arpa", TYPE_A).name;
	expect(ask("www.home.arpa"), 0, EDE_NONE);
	assert_int_equal(asked, 1);
	expect(ask("printer.local"), -ENOENT, EDE_NONE);
	assert_int_equal(asked, 1);
}

/* ---- failures ---- */

static void failures_are_asked_again_ever_more_rarely(void **state)
{
	(void)state;
	mode = FAILS;
	for (int i = 0; i < 320; i++) {
		expect(ask("www.example"), -EREMOTEIO, EDE_NO_AUTHORITY);
		leap(base, SECOND / 2);
	}
	/* In 160 s: after 1, 2, 4, 8, 16 s, then each 30. */
	assert_in_range(asked, 9, 10);
}

static void no_route_is_tried_each_second(void **state)
{
	(void)state;
	mode = NO_ROUTE;
	for (int i = 0; i < 40; i++) {
		expect(ask("www.example"), -ENETUNREACH, EDE_NO_AUTHORITY);
		leap(base, SECOND / 2);
	}
	assert_in_range(asked, 18, 21);
}

/* ---- prefetch ---- */

static void popular_names_are_asked_for_before_they_end(void **state)
{
	(void)state;
	expect(ask("www.example"), 0, EDE_NONE);
	leap(base, 55 * SECOND);
	expect(ask("www.example"), 0, EDE_NONE);
	expect(ask("www.example"), 0, EDE_NONE);
	leap(base, SECOND);
	assert_int_equal(asked, 2);
	assert_int_equal(prefetch_begun(r->prefetch), 1);
	leap(base, 30 * SECOND); /* past the end of the first */
	struct heard h = ask("www.example");
	assert_true(h.took < SECOND / 2);
	expect(h, 0, EDE_NONE);
	assert_int_equal(asked, 2);
}

/* find, tar and the like read what is listed: they cause no packet. */
static void the_mount_asks_for_nothing_anew(void **state)
{
	(void)state;
	expect(ask_as("www.example", 5), 0, EDE_NONE);
	leap(base, 55 * SECOND);
	for (int i = 0; i < 5; i++)
		expect(ask_as("www.example", 5), 0, EDE_NONE);
	leap(base, SECOND);
	assert_int_equal(asked, 1);
}

/* Nor is anybody told again of a name that is a key's alone by now. */
static void what_is_pinned_is_not_asked_for_anew(void **state)
{
	(void)state;
	static const char line[] =
		"47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy example strict\n";
	struct pins_input in = {.text = line, .len = sizeof(line) - 1};
	struct pins_mistake mistake;
	struct pin_list *list;
	assert_int_equal(pin_list_read(&in, &mistake, &list), 0);
	expect(ask("www.example"), 0, EDE_NONE);
	assert_int_equal(pins_set(r->pins, 0, list), 0);
	pin_list_unref(list);
	leap(base, 55 * SECOND);
	for (int i = 0; i < 5; i++)
		expect(ask("www.example"), -ENETUNREACH, EDE_NO_AUTHORITY); /* there is no DHT */
	leap(base, SECOND);
	assert_int_equal(prefetch_begun(r->prefetch), 0);
	assert_int_equal(asked, 1);
}

/* What fails behind an answer leaves it as it is, and stands in when it ends. */
static void a_prefetch_that_fails_harms_nobody(void **state)
{
	(void)state;
	expect(ask("www.example"), 0, EDE_NONE);
	leap(base, 59 * SECOND + SECOND / 2);
	expect(ask("www.example"), 0, EDE_NONE);
	mode = FAILS;
	expect(ask("www.example"), 0, EDE_NONE);
	leap(base, SECOND / 4);
	assert_int_equal(asked, 2);
	assert_int_equal(r->counters.stale, 0); /* nothing has ended */
	expect(ask("www.example"), 0, EDE_NONE);
	leap(base, SECOND / 2);
	expect(ask("www.example"), 0, EDE_STALE);
	assert_int_equal(asked, 2);
}

static void prefetch_is_bounded(void **state)
{
	(void)state;
	char name[32];
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		struct question q = question_of(name, TYPE_A);
		prefetch_note(r->prefetch, &q);
	}
	assert_int_equal(asked, 0); /* not in the course of an answer */
	assert_int_equal(prefetch_dropped(r->prefetch), 200 - PREFETCH_WAITING);
	delay = 3600 * SECOND;
	leap(base, SECOND / 10 + SECOND / 20);
	assert_int_equal(asked, PREFETCH_A_TICK);
	leap(base, 100 * SECOND);
	assert_int_equal(asked, PREFETCH_UNDER_WAY);
	leap(base, 3600 * SECOND);
	delay = 1;
	leap(base, 3600 * SECOND);
	assert_int_equal(asked, PREFETCH_WAITING);
}

/* RFC 8020. */
static void nothing_is_below_what_does_not_exist(void **state)
{
	struct heard h;
	(void)state;
	start(4 * SECOND);
	mode = DENIES;
	h = ask("gone.example.org");
	answer_unref(h.answer);
	mode = ANSWERS;
	h = ask("www.gone.example.org"); /* nobody has proven that */
	assert_int_equal(h.answer->error, 0);
	answer_unref(h.answer);

	start(4 * SECOND);
	mode = DENIES;
	proves = true;
	h = ask("gone.example.org");
	assert_true(h.answer->validated);
	answer_unref(h.answer);
	mode = ANSWERS;
	for (unsigned i = 0; i < 3; i++) {
		h = ask(i == 0 ? "gone.gone.example.org" : "a.b.c.gone.example.org");
		assert_int_equal(h.answer->error, -ENOENT);
		assert_int_equal(h.answer->rcode, RCODE_NXDOMAIN);
		assert_true(h.answer->validated);
		assert_true(answer_ttl_left(h.answer, clock_monotonic()) <= 60);
		answer_unref(h.answer);
	}
	assert_int_equal(asked, 1);
	h = ask("other.example.org");
	assert_int_equal(h.answer->error, 0);
	answer_unref(h.answer);
	assert_int_equal(name_from_text("split.gone.example.org", 22, &split), 0);
	h = ask("www.split.gone.example.org"); /* has servers of its own */
	assert_int_equal(h.answer->error, 0);
	answer_unref(h.answer);
	split = (struct name){.len = 1};
	assert_int_equal(name_from_text("open.gone.example.org", 21, &insecure), 0);
	h = ask("www.open.gone.example.org"); /* is nothing of those above */
	assert_int_equal(h.answer->error, 0);
	answer_unref(h.answer);
	insecure = (struct name){.len = 1};
	leap(base, 61 * SECOND);
	h = ask("www.gone.example.org");
	assert_int_equal(h.answer->error, 0);
	answer_unref(h.answer);
	assert_int_equal(asked, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			nothing_is_below_what_does_not_exist, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stands_in_after_its_patience, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_copy_stands_in_for_dns_that_fails, set_up, tear_down),
		cmocka_unit_test_setup_teardown(is_refreshed_behind, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stands_in_for_a_failure_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_denial_stands_in_too, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_denial_of_the_name_says_that_it_is_one, set_up, tear_down),
		cmocka_unit_test(a_stale_denial_is_final),
		cmocka_unit_test_setup_teardown(bogus_is_no_silence, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stands_in_at_the_deadline, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_explains_says_so, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_was_held_of_dns_is_forgotten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			who_waits_already_is_answered_and_nobody_else, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_policy_counts_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			special_names_leave_this_machine_never, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unless_they_have_servers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			failures_are_asked_again_ever_more_rarely, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_route_is_tried_each_second, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			popular_names_are_asked_for_before_they_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_mount_asks_for_nothing_anew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_pinned_is_not_asked_for_anew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_prefetch_that_fails_harms_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(prefetch_is_bounded, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
