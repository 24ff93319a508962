/* How attested keys are learnt, over an upstream that says what the test has it say: behind the
 * answer and at the cost of its question, by a proof that is followed once; and what ends one. */
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
#include "resolver/resolver_inside.h"
#include "tests/directory.h"
#include "tests/resolver/plain_upstream.h"

#define KEY_A "47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy"
#define KEY_B "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"

static struct event_base *base;
static struct own *own;
static struct resolver *r;
static char dir[DIRECTORY_CAP];

/* ---- the upstream ---- */

struct upstream_query {
	LIST_ENTRY(upstream_query) link;
	struct question question;
	upstream_fn *fn;
	void *ctx;
};
static LIST_HEAD(, upstream_query) under_way = LIST_HEAD_INITIALIZER(under_way);
static unsigned under_way_len, asked;

int upstream_ask(struct upstream *u, const struct question *q, upstream_fn *fn, void *ctx,
	struct upstream_query **ret_query)
{
	(void)u;
	*ret_query = calloc(1, sizeof(**ret_query));
	**ret_query = (struct upstream_query){.question = *q, .fn = fn, .ctx = ctx};
	LIST_INSERT_HEAD(&under_way, *ret_query, link);
	under_way_len++;
	asked++;
	return 0;
}

void upstream_cancel(struct upstream_query *query)
{
	LIST_REMOVE(query, link);
	under_way_len--;
	free(query);
}

static struct name name_of(const char *text)
{
	struct name n = {.len = 1};
	if (*text)
		assert_int_equal(name_from_text(text, strlen(text), &n), 0);
	return n;
}

static void put_signed(
	struct packet_writer *w, struct rr *rr, const struct name *signer, uint32_t until)
{
	uint8_t sig[18 + NAME_WIRE_MAX + 64] = {(uint8_t)(rr->type >> 8), (uint8_t)rr->type, 13, 1,
		0, 0, 1, 44, (uint8_t)(until >> 24), (uint8_t)(until >> 16), (uint8_t)(until >> 8),
		(uint8_t)until};
	packet_put(w, rr);
	memcpy(sig + 18, signer->wire, signer->len);
	rr->type = TYPE_RRSIG;
	rr->rdata = sig;
	rr->rdata_len = (uint16_t)(18 + signer->len + 64);
	packet_put(w, rr);
}

/* What is said to the question that came last: `text` is that of a TXT record, or any for other
 * types; NULL: there is no such name. Signed by `zone`; NULL: by nobody. */
struct said {
	const char *text, *zone;
	bool unvalidated;
	int64_t until; /* 0: a day from now */
};

static void say(const struct said *s)
{
	struct upstream_query *query = LIST_FIRST(&under_way);
	const uint8_t soa[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 1, 44};
	uint8_t message[1024], rdata[256] = {1, 0, 3, 13, 5};
	struct upstream_reply reply = {.why = "", .secure = s->zone, .unvalidated = s->unvalidated};
	struct rr rr = {.owner = query->question.name,
		.type = query->question.type,
		.class = CLASS_IN,
		.ttl = 1,
		.rdata = rdata,
		.rdata_len = 4,
		.section = PACKET_ANSWER};
	struct name zone = name_of(s->zone ? s->zone : "");
	int64_t until = s->until ? s->until : clock_wall() / (int64_t)SECOND + 86400;
	struct packet_writer w;
	if (!s->text) {
		rr.owner = zone;
		rr.type = TYPE_SOA;
		rr.rdata = soa;
		rr.rdata_len = sizeof(soa);
		rr.section = PACKET_AUTHORITY;
	} else if (rr.type == TYPE_TXT) {
		rdata[0] = (uint8_t)strlen(s->text);
		memcpy(rdata + 1, s->text, rdata[0]);
		rr.rdata_len = 1u + rdata[0];
	} else if (rr.type != TYPE_A) {
		rr.rdata_len = 4 + 32;
	}
	packet_begin(&w, message, sizeof(message), true);
	packet_put_question(&w, &query->question);
	if (s->zone)
		put_signed(&w, &rr, &zone, (uint32_t)until);
	else
		packet_put(&w, &rr);
	reply.message = message;
	reply.len = (size_t)packet_end(
		&w, 0, FLAG_QR | FLAG_RD | FLAG_RA | (s->text ? RCODE_NOERROR : RCODE_NXDOMAIN));
	query->fn(query->ctx, &reply);
	upstream_cancel(query);
}

/* Is this what was asked for last? */
static bool is_asked(const char *name, uint16_t type)
{
	struct question q = {name_of(name), type, CLASS_IN};
	return under_way_len && question_equal(&LIST_FIRST(&under_way)->question, &q);
}

/* ---- asking ---- */

static int set_up(void **state)
{
	struct resolver_config config = {.policy = {.upstream = true, .dht = true},
		.deadline = 60 * SECOND,
		.daemon_owner = 77,
		.cache_bytes = 1 << 20};
	char path[DIRECTORY_CAP + 16];
	(void)state;
	assert_int_equal(directory_make(dir), 0);
	snprintf(path, sizeof(path), "%s/own.db", dir);
	base = event_base_new();
	assert_int_equal(own_open(path, 100, 0, 1, &own), 0);
	struct resolver_parts parts = {.own = own, .upstream = (struct upstream *)&base};
	assert_int_equal(resolver_create(base, &config, &parts, &r), 0);
	asked = 0;
	is_excepted = false;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	resolver_destroy(r);
	assert_int_equal(under_way_len, 0);
	own_close(own);
	event_base_free(base);
	return directory_remove(dir);
}

struct heard {
	unsigned times;
	int error;
};

static void on_answer(void *ctx, const struct answer *a)
{
	struct heard *h = ctx;
	h->times++;
	h->error = a->error;
}

static struct ask *ask(const char *name, struct heard *h)
{
	struct question q = {name_of(name), TYPE_A, CLASS_IN};
	return resolver_ask(r, &q, VIEW_DOOR, on_answer, h);
}

static void turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

/* As if DNS had just said this of _dhtkey.ZONE TXT to somebody. */
static void hear(const char *zone, const struct said *s)
{
	struct question q = {.type = TYPE_TXT, .class = CLASS_IN};
	struct name of = name_of(zone);
	assert_int_equal(attested_name(&of, &q.name), 0);
	cache_forget(r->cache, &q, CACHE_DNS);
	assert_true(sources_ask_behind(r, &q, 16, NULL));
	say(s);
}

/* The whole proof of a zone of one label. */
static void prove(const char *zone, const char *text)
{
	hear(zone, &(struct said){text, zone});
	assert_true(is_asked(zone, TYPE_DNSKEY));
	say(&(struct said){"", zone});
	assert_true(is_asked(zone, TYPE_DS));
	say(&(struct said){"", ""});
	assert_true(is_asked("", TYPE_DNSKEY));
	say(&(struct said){"", ""});
	assert_int_equal(under_way_len, 0);
}

static size_t keys(void)
{
	return attested_len(attest_keys(r->attest));
}

static bool holds(const char *zone, const char *key)
{
	uint8_t bytes[NAME_KEY_LEN];
	struct name n = name_of(zone);
	const struct pin *pin = attested_find(
		attest_keys(r->attest), &n, clock_wall() / (int64_t)SECOND, UINT64_MAX);
	assert_int_equal(key_from_text(key, strlen(key), bytes), 0);
	return pin && memcmp(pin->key, bytes, sizeof(bytes)) == 0;
}

/* ---- what it costs ---- */

/* The zone is asked when its question is answered, not before. */
static void behind_the_answer(void **state)
{
	struct heard h = {0};
	(void)state;
	ask("www.example", &h);
	turn();
	assert_int_equal(asked, 1);
	say(&(struct said){"", "example"});
	assert_int_equal(h.times, 1);
	assert_true(is_asked("_dhtkey.example", TYPE_TXT));
	assert_int_equal(asked, 2);
	say(&(struct said){NULL, "example"});
	/* Once: what it said is in memory. And nobody needs to wait to the end. */
	ask("mail.example", &h);
	say(&(struct said){"", "example"});
	assert_int_equal(h.times, 2);
	assert_int_equal(asked, 3);
	resolver_cancel(ask("www.other", &h));
	assert_int_equal(asked, 4);
	say(&(struct said){"", "other"});
	assert_true(is_asked("_dhtkey.other", TYPE_TXT));
	say(&(struct said){NULL, "other"});
	assert_int_equal(h.times, 2);
	assert_int_equal(r->behind_len, 0);
}

/* In memory: a key has said that the name is an alias of one of DNS. */
static void hold_alias(const char *name)
{
	struct question q = {name_of(name), TYPE_A, CLASS_IN}, alias = q, end = q;
	struct rrset *set;
	struct answer *open, *a;
	alias.type = TYPE_CNAME;
	end.name = name_of("end.far");
	set = rrset_create(&alias, 300);
	assert_int_equal(rrset_add(set, end.name.wire, end.name.len), 0);
	open = answer_without(&end, -ENOENT, RCODE_NOERROR, EDE_NONE, 300, false);
	assert_int_equal(answer_from_cname(&q, set, open, &a), 0);
	rrset_destroy(set);
	answer_unref(open);
	a->source = SOURCE_DHT;
	a->trust = TRUST_TOFU;
	a->has_signer = true;
	memset(a->signer, 11, sizeof(a->signer));
	a->arrived = clock_monotonic();
	cache_add(r->cache, a, CACHE_SLOT, a->arrived);
	answer_unref(a);
}

/* The zone that denies a name is not asked for a key at the expense of what a claim of that name
 * leads to: the question costs two, and both are the asker's. */
static void not_at_the_expense_of_the_end(void **state)
{
	struct heard h = {0};
	(void)state;
	r->config.policy.lookup_always = true;
	r->config.policy.tofu.name[0] = name_of("claimed.example");
	r->config.policy.tofu.len = 1;
	hold_alias("claimed.example");
	ask("claimed.example", &h);
	say(&(struct said){NULL, "example"});
	turn();
	assert_int_equal(h.times, 0);
	assert_true(is_asked("end.far", TYPE_A));
	assert_int_equal(under_way_len, 1);
	say(&(struct said){"", "far"});
	turn();
	assert_int_equal(h.times, 1);
	assert_int_equal(h.error, 0);
	assert_int_equal(asked, 2);
	assert_int_equal(under_way_len, 0);
}

/* ---- the proof ---- */

static void a_proof_is_followed_once(void **state)
{
	unsigned before;
	(void)state;
	prove("example", "v=1 k=" KEY_A);
	assert_true(holds("www.example", KEY_A));
	before = asked;
	for (int i = 0; i < 20; i++)
		hear("example", &(struct said){"v=1 k=" KEY_A, "example"});
	assert_int_equal(asked, before + 20);
	/* Another bound is another thing. */
	prove("example", "v=1 k=" KEY_A " min=5");
	assert_int_equal(keys(), 1);
}

/* Zones that can never be proven, without end: as many as there are places, then one a second. */
static void proofs_are_bounded(void **state)
{
	char zone[32];
	unsigned followed = 0;
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		snprintf(zone, sizeof(zone), "zone%u", i);
		hear(zone, &(struct said){"v=1 k=" KEY_A, zone});
		if (under_way_len) {
			followed++;
			say(&(struct said){"", NULL}); /* not signed */
		}
		assert_int_equal(under_way_len, 0);
	}
	assert_true(followed >= ATTEST_RUNS_MAX);
	assert_true(
		followed < 100); /* a second each behind the first, were the machine that slow */
	assert_int_equal(keys(), 0);
}

/* While one key's proof is followed the zone names another: the first is not learnt from then on.
 */
static void another_key_ends_the_proof(void **state)
{
	(void)state;
	hear("example", &(struct said){"v=1 k=" KEY_A, "example"});
	assert_true(is_asked("example", TYPE_DNSKEY));
	hear("example", &(struct said){"v=1 k=" KEY_B, "example"});
	assert_int_equal(under_way_len, 1);
	say(&(struct said){"", "example"});
	say(&(struct said){"", ""});
	say(&(struct said){"", ""});
	assert_int_equal(under_way_len, 0);
	assert_true(holds("example", KEY_B));
	/* The same bound and key is the same proof. */
	hear("other", &(struct said){"v=1 k=" KEY_A, "other"});
	say(&(struct said){"", "other"});
	assert_true(is_asked("other", TYPE_DS));
	hear("other", &(struct said){"v=1 k=" KEY_A, "other"});
	assert_true(is_asked("other", TYPE_DS));
	assert_int_equal(under_way_len, 1);
	/* A denial ends it too. */
	hear("other", &(struct said){NULL, "other"});
	assert_int_equal(under_way_len, 0);
	assert_int_equal(keys(), 1);
}

/* ---- its end ---- */

static void what_ends_a_key(void **state)
{
	static const struct {
		const char *what;
		struct said said;
		bool excepted, ends;
	} rows[] = {
		{"the same", {"v=1 k=" KEY_A, "example"}, false, false},
		{"a denial", {NULL, "example"}, false, true},
		{"another text", {"hello", "example"}, false, true},
		{"another key", {"v=1 k=" KEY_B, "example"}, false, true},
		{"a zone of its own there", {"v=1 k=" KEY_A, "_dhtkey.example"}, false, true},
		{"the zone is not signed any more", {"v=1 k=" KEY_A, NULL}, false, true},
		{"the same, and it is gone", {NULL, NULL}, false, true},
		{"an upstream without DNSSEC", {NULL, NULL, true}, false, false},
		{"the same, with another key", {"v=1 k=" KEY_B, NULL, true}, false, false},
		{"a zone that the user has excepted", {NULL, NULL}, true, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct name zone = name_of("example");
		struct attestation a = {.zone = zone, .until = INT64_MAX};
		assert_int_equal(key_from_text(KEY_A, strlen(KEY_A), a.key), 0);
		assert_int_equal(
			attested_set(attest_keys(r->attest), &a, clock_wall() / (int64_t)SECOND),
			0);
		is_excepted = rows[i].excepted;
		hear("example", &rows[i].said);
		while (under_way_len) /* no other proof is followed to its end */
			say(&(struct said){"", NULL});
		if (holds("example", KEY_A) == rows[i].ends)
			fail_msg("%s", rows[i].what);
		attested_drop(attest_keys(r->attest), &zone);
	}
}

/* An unsigned answer under the zone is what one hears of it when it is not signed any more. */
static void an_unsigned_answer_asks_the_zone(void **state)
{
	struct heard h = {0};
	(void)state;
	ask("www.example", &h);
	say(&(struct said){"", NULL});
	assert_int_equal(asked, 1); /* nothing is known of it: what is not signed attests nothing */
	prove("example", "v=1 k=" KEY_A);
	attested_silent(attest_keys(r->attest), &(struct name){9, "\7example"}, UINT64_MAX);
	asked = 0;
	ask("mail.example", &h);
	say(&(struct said){"", NULL});
	assert_int_equal(h.times, 2);
	/* It is in memory since: and that is over in a second. */
	struct question q = {name_of("_dhtkey.example"), TYPE_TXT, CLASS_IN};
	cache_forget(r->cache, &q, CACHE_DNS);
	ask("ftp.example", &h);
	say(&(struct said){"", NULL});
	assert_true(is_asked("_dhtkey.example", TYPE_TXT));
	assert_int_equal(keys(), 1);
	say(&(struct said){NULL, NULL});
	assert_int_equal(keys(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(behind_the_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(not_at_the_expense_of_the_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_proof_is_followed_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(proofs_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_key_ends_the_proof, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_ends_a_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_unsigned_answer_asks_the_zone, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
