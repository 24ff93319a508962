/* resolver/explain: each outcome that a file can have, and the line that says why. The answers are put
 * into the cache as sources would have left them; nobody is asked. */
#undef NDEBUG
#include <unistd.h>

#include "tests/resolver/claim_fixture.h"

#include <event2/event.h>

#include "resolver/clock.h"
#include "resolver/explain.h"
#include "resolver/resolver_inside.h"
#include "resolver/trace.h"

#define KEY "47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy"
#define DAEMON 77

static struct event_base *base;
static struct own *own;
static struct resolver *r;
static char dir[] = "/tmp/kadns-explain-XXXXXX";

static void start(void)
{
	struct resolver_config config = {.policy = {.dht = true, .upstream = true,
						 .lookup_always = true, .tofu.len = 1},
		.deadline = SECOND, .daemon_owner = DAEMON, .cache_bytes = 1 << 20};
	config.policy.tofu.name[0] = (struct name){.len = 1};
	struct resolver_parts parts = {.own = own};
	assert_int_equal(resolver_create(base, &config, &parts, &r), 0);
}

static int set_up(void **state)
{
	char path[64];
	(void)state;
	strcpy(dir, "/tmp/kadns-explain-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/own.db", dir);
	base = event_base_new();
	assert_int_equal(own_open(path, 100, 0, 1, &own), 0);
	start();
	return 0;
}

static int tear_down(void **state)
{
	static const char *const files[] = {"own.db", "own.db-wal", "own.db-shm"};
	char path[80];
	(void)state;
	resolver_destroy(r);
	own_close(own);
	event_base_free(base);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	return rmdir(dir);
}

/* ---- what sources said ---- */

static void hold(struct answer *a, enum cache_part part)
{
	assert_non_null(a);
	a->source = part == CACHE_DNS ? SOURCE_DNS : SOURCE_DHT;
	a->arrived = clock_monotonic();
	cache_add(r->cache, a, part, a->arrived);
	answer_unref(a);
}

static struct answer *records(const char *question, enum answer_trust trust)
{
	struct rrset *set = addresses(question, 300, 1, 2);
	struct question q = question_of(question);
	struct answer *a = NULL;
	assert_int_equal(answer_from_rrset(&q, set, &a), 0);
	rrset_destroy(set);
	a->trust = trust;
	a->validated = trust == TRUST_DNSSEC;
	return a;
}

static struct answer *nothing(const char *question, int error, uint8_t rcode, int ede)
{
	struct question q = question_of(question);
	return answer_without(&q, error, rcode, ede, 60, false);
}

static void dns_says(const char *question, const char *what)
{
	struct answer *a;
	if (strcmp(what, "records") == 0)
		a = records(question, TRUST_DNS);
	else if (strcmp(what, "secure") == 0)
		a = records(question, TRUST_DNSSEC);
	else if (strcmp(what, "nxdomain") == 0)
		a = nothing(question, -ENOENT, RCODE_NXDOMAIN, EDE_NONE);
	else if (strcmp(what, "nodata") == 0)
		a = nothing(question, -ENOENT, RCODE_NOERROR, EDE_NONE);
	else if (strcmp(what, "private") == 0)
		a = nothing(question, -ENOENT, RCODE_NOERROR, EDE_FILTERED);
	else if (strcmp(what, "bogus") == 0)
		a = nothing(question, -EBADMSG, RCODE_SERVFAIL, 6);
	else
		a = nothing(question, -atoi(what), RCODE_SERVFAIL, 22);
	a->bogus = a->error == -EBADMSG;
	hold(a, CACHE_DNS);
}

static void dht_says(const char *question, enum cache_part part, const char *what)
{
	struct answer *a;
	if (strcmp(what, "records") == 0)
		a = records(question, part == CACHE_ZONE ? TRUST_KEY : TRUST_TOFU);
	else if (strcmp(what, "miss") == 0)
		a = nothing(question, -ENOENT, RCODE_NOERROR, EDE_NONE);
	else
		a = nothing(question, -atoi(what), RCODE_SERVFAIL, 22);
	a->has_signer = !a->error;
	memcpy(a->signer, key_of(1), sizeof(a->signer));
	a->remembered = true; /* the database is not what is tested here */
	hold(a, part);
}

/* ---- what is said of it ---- */

static char *text_of(const char *question, uid_t view, int outcome)
{
	struct question q = question_of(question);
	struct explain_question e = {&q, view, outcome};
	char *text;
	size_t len;
	assert_int_equal(explain_text(r, &e, &text, &len), 0);
	assert_true(len > 0 && text[len - 1] == '\n');
	for (size_t i = 0; i < len; i++)
		assert_true(text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~'));
	char *string = strndup(text, len);
	free(text);
	return string;
}

/* The first line that begins with `tag: `, without it. */
static const char *line_of(const char *text, const char *tag)
{
	static char line[4096];
	char begin[64];
	snprintf(begin, sizeof(begin), "\n%s: ", tag);
	const char *at = strstr(text, begin);
	if (!at)
		return "";
	at += strlen(begin);
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
	return line;
}

static void expect(const char *question, const char *tag, const char *want)
{
	char *text = text_of(question, 1000, 0);
	const char *got = line_of(text, tag);
	if (strncmp(got, want, strlen(want)) != 0)
		fail_msg("%s\n%s should begin with: %s", text, tag, want);
	free(text);
}

static void test_verdicts(void **state)
{
	(void)state;
	static const struct {
		const char *question, *dns, *zone, *slot; /* NULL: nothing is held */
		const char *said, *verdict;               /* of the first that is held */
	} rows[] = {
		{"a.example A", "secure", NULL, NULL, "2 records, ttl 300, secure",
			"dns answers, trust dnssec: what DNS answers is final"},
		{"b.example A", "records", NULL, "records", "2 records, ttl 300, not signed",
			"dns answers, trust dns: what DNS answers is final"},
		{"c.example A", "nxdomain", NULL, "records", "NXDOMAIN, not signed",
			"slot answers, trust tofu: DNS says that there is no such name, and this is "
			"the first signer seen"},
		{"d.example A", "nxdomain", NULL, "miss", "NXDOMAIN",
			"ENOENT (No such file or directory): DNS says that there is no such name, and "
			"no claim answers"},
		{"e.example A", "nodata", NULL, "records", "NODATA",
			"ENOENT (No such file or directory): DNS says that there is no such record"},
		{"f.example A", "bogus", NULL, "records", "bogus",
			"EBADMSG (Bad message): DNSSEC proves the answer wrong"},
		{"g.example A", "121", NULL, "records", "EREMOTEIO, Remote I/O error",
			"EREMOTEIO (Remote I/O error): DNS failed, and a claim may answer only where "
			"it says"},
		{"h.example A", "110", NULL, "records", "ETIMEDOUT, Connection timed out",
			"ETIMEDOUT (Connection timed out): DNS failed"},
		{"i.example A", "101", NULL, "miss", "ENETUNREACH, Network is unreachable",
			"ENETUNREACH (Network is unreachable): DNS failed"},
		{"j.example A", "private", NULL, "records", "private addresses, dropped",
			"ENOENT (No such file or directory): private addresses from elsewhere"},
		{"k.localhost A", "nxdomain", NULL, NULL, "NXDOMAIN",
			"ENOENT (No such file or directory): DNS says that there is no such name, and "
			"the slot may not answer"},
		{"l.alt A", NULL, NULL, "records", "2 records, ttl 300, signer ",
			"slot answers, trust tofu: this is the first signer seen"},
		{"m.alt A", NULL, NULL, "miss", "no claim that counts",
			"ENOENT (No such file or directory): nobody on the DHT has it"},
		{"n.alt A", NULL, NULL, "101", "ENETUNREACH, Network is unreachable",
			"ENETUNREACH (Network is unreachable): no node of the DHT answered"},
		{"o.alt A", NULL, NULL, "5", "EIO, Input/output error",
			"EIO (Input/output error): the DHT could not be read"},
		{"p." KEY " A", NULL, "records", NULL, "2 records, ttl 300, signer ",
			"zone answers, trust key: the name is under that key"},
		{"q." KEY " A", NULL, "miss", NULL, "nobody has the zone",
			"ENOENT (No such file or directory): nobody on the DHT has it"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *question = rows[i].question;
		struct question q = question_of(question);
		if (rows[i].dns)
			dns_says(question, rows[i].dns);
		if (rows[i].zone)
			dht_says(question, CACHE_ZONE, rows[i].zone);
		if (rows[i].slot)
			dht_says(question, CACHE_SLOT, rows[i].slot);
		if (rows[i].slot && strcmp(rows[i].slot, "miss") == 0) { /* no alias either */
			char alias[80];
			snprintf(alias, sizeof(alias), "%.*s CNAME", (int)strcspn(question, " "), question);
			dht_says(alias, CACHE_SLOT, "miss");
		}
		assert_true(explain_held(r, &q, 1000));
		expect(question, rows[i].dns ? "dns" : rows[i].zone ? "zone" : "slot", rows[i].said);
		expect(question, "verdict", rows[i].verdict);
		expect(question, "cache", "decides");
	}
}

static void test_why_not_asked(void **state)
{
	(void)state;
	struct policy *p = &r->config.policy;
	expect("a.alt A", "dns", "not asked: names under alt are never sent upstream");
	expect("a.alt A", "zone", "not asked: the name is not under a key");
	expect("a." KEY " A", "dns", "not asked: a name under a key is never sent upstream");
	expect("a." KEY " A", "slot", "not asked: the name is under a key");
	expect("1.0.168.192.in-addr.arpa PTR", "slot", "not asked: a local name");
	expect("a.example NSEC", "slot", "not asked: no slot holds this class or type");
	expect("a.example A", "policy", "name plain, trust=guarded, lookup=always");
	p->lookup_always = false;
	expect("a.example A", "slot", "not asked: lookup=rescue: only where DNS says");
	expect("a.example A", "policy", "name plain, trust=guarded, lookup=rescue");
	p->tofu.len = 0;
	expect("a.example A", "slot", "not asked: not under tofu=");
	p->mode = POLICY_STRICT;
	expect("a.example A", "slot", "not asked: trust=strict");
	p->dht = false;
	expect("a.example A", "slot", "not asked: dht=off");
	expect("a." KEY " A", "zone", "not asked: dht=off");
	p->upstream = false;
	expect("a.example A", "dns", "not asked: upstream=none");
	expect("a.example A", "verdict", "ENOENT (No such file or directory): no source may answer");
}

static void test_order_of_trust_open(void **state)
{
	(void)state;
	r->config.policy.mode = POLICY_OPEN;
	dns_says("a.example A", "records");
	dht_says("a.example A", CACHE_SLOT, "miss");
	char *text = text_of("a.example A", 1000, 0);
	assert_true(strstr(text, "\nslot: ") < strstr(text, "\ndns: "));
	free(text);
	expect("a.example A", "verdict", "dns answers, trust dns: no claim answered before it");
	dht_says("a.example A", CACHE_SLOT, "records");
	expect("a.example A", "verdict", "slot answers, trust tofu: with trust=open claims come first");
}

static void write_own(uid_t uid, const char *question)
{
	struct rrset *set = addresses(question, 300, 9, 1);
	assert_int_equal(own_set(own, uid, set, 1700000000 * (int64_t)SECOND), 0);
	rrset_destroy(set);
}

/* Another user's record is not told of, nor that there is one. */
static void test_zones(void **state)
{
	(void)state;
	struct answer *a = nothing("a." KEY " A", -ENOENT, RCODE_NOERROR, EDE_INVALID_DATA);
	hold(a, CACHE_ZONE);
	expect("a." KEY " A", "zone", "what stands there is no zone, at ");
	a = nothing("b." KEY " A", -ENOENT, RCODE_NOERROR, EDE_NONE);
	a->has_signer = true;
	a->seq = 1700000000000001;
	hold(a, CACHE_ZONE);
	expect("b." KEY " A", "zone", "the zone has no such record, signer yy");
	expect("b." KEY " A", "verdict",
		"ENOENT (No such file or directory): the zone of the key has no such record");
	a = records("c." KEY " A", TRUST_KEY);
	a->seq = 1700000000000001;
	a->ede = EDE_STALE;
	a->trace = trace_create();
	*a->trace = (struct trace){.took = 12345, .lookups = 1, .queries = 9, .bytes = 999,
		.answered = 8, .holders = 1};
	hold(a, CACHE_ZONE);
	char *text = text_of("c." KEY " A", 1000, 0);
	const char *zone = line_of(text, "zone");
	assert_non_null(strstr(zone, ", seq 1700000000000001, stale: not signed anew for a week, at "));
	assert_non_null(strstr(zone,
		", took 12.3 ms, 1 of 8 other nodes had something, 9 packets, 999 bytes"));
	free(text);
}

static void test_views(void **state)
{
	(void)state;
	struct question q = question_of("mine.alt A");
	write_own(1000, "mine.alt A");
	assert_true(explain_held(r, &q, 1000));
	assert_false(explain_held(r, &q, 1001));
	assert_false(explain_held(r, &q, VIEW_DOOR));
	expect("mine.alt A", "own", "1 record, ttl 300, written by uid 1000 at 2023-11-14T22:13:20Z");
	expect("mine.alt A", "verdict", "own answers, trust self: your own record comes first");
	expect("mine.alt A", "slot", "not asked: an own record comes first");
	char *his = text_of("mine.alt A", 1001, 0), *never = text_of("none.alt A", 1001, 0);
	assert_string_equal(strchr(his, '\n'), strchr(never, '\n')); /* but for the question */
	assert_null(strstr(his, "1000"));
	free(his);
	free(never);
	write_own(0, "ours.alt A");
	expect("ours.alt A", "verdict", "own answers, trust self: root's and the daemon owner's");
	write_own(DAEMON, "its.alt A");
	expect("its.alt A", "verdict", "own answers, trust self: root's and the daemon owner's");
	write_own(5, "www." KEY " A");
	expect("www." KEY " A", "verdict", "own answers, trust self: the name is under a key of this");
}

static void test_held_for_a_minute(void **state)
{
	(void)state;
	struct question q = question_of("late.example A");
	struct answer *a = nothing("late.example A", -ENETUNREACH, RCODE_SERVFAIL, EDE_NONE);
	a->ttl = 0; /* as it is: there was nobody to be spared */
	hold(a, CACHE_DNS);
	assert_null(resolver_peek(r, &q, 1000));
	assert_true(explain_held(r, &q, 1000));
	expect("late.example A", "cache", "no longer decides, the next reader asks again");
	expect("late.example A", "verdict", "ENETUNREACH (Network is unreachable): DNS failed");
}

static void test_outcome_of_an_ask(void **state)
{
	(void)state;
	char *text = text_of("a.example A", 1000, -ETIMEDOUT);
	assert_string_equal(line_of(text, "verdict"),
		"ETIMEDOUT (Connection timed out): no answer within the deadline");
	assert_string_equal(line_of(text, "cache"), "holds nothing");
	free(text);
	text = text_of("a.example A", 1000, -EAGAIN);
	assert_string_equal(line_of(text, "verdict"),
		"EAGAIN (Resource temporarily unavailable): the question was not answered");
	free(text);
	expect("a.example A", "verdict", "not known");
}

/* ---- strangers' bytes, and claims ---- */

static void hold_claims(const char *question)
{
	struct answer *a = nothing(question, -ENOENT, RCODE_NOERROR, EDE_NONE);
	struct claim mine = claim_by(1, 0), zone = {.kind = CLAIM_ZONE, .inception = NOW,
		.expiration = NOW + 1};
	zone.signer = (struct name){.len = 7, .wire = {5, '"', '\n', 0x1b, 0xff, '\\', 0}};
	a->trace = trace_create();
	a->trace->has_known = true;
	trace_claim(a->trace, &mine, CLAIM_OTHER_SIGNER);
	trace_claim(a->trace, &zone, CLAIM_OF_ZONE);
	claim_finish(&mine);
	for (uint32_t i = 0; i < 20; i++) {
		zone.inception = i;
		trace_claim(a->trace, &zone, CLAIM_EXPIRED);
	}
	hold(a, CACHE_SLOT);
}

static void test_strangers_bytes(void **state)
{
	(void)state;
	struct answer *a = nothing("odd.example A", -EBADMSG, RCODE_SERVFAIL, 6);
	a->bogus = true;
	a->trace = trace_create();
	trace_why(a->trace, "bad \"\x1b[31m\xff\n");
	hold(a, CACHE_DNS);
	hold_claims("odd.example A");
	expect("odd.example A", "dns", "bogus \"bad \\\"\\027[31m\\255\\010\"");
	char *text = text_of("odd.example A", 1000, 0);
	assert_non_null(strstr(text, "\nclaim: refused: another signer is remembered, signer "));
	assert_non_null(strstr(text, "signer \\034\\010\\027\\255\\092., inception "));
	assert_non_null(strstr(text, "\nclaim: 6 more\n"));
	free(text);
}

static void test_claims(void **state)
{
	(void)state;
	struct question q = question_of("a.alt A"), local = question_of("a.local A");
	struct explain_question e = {.question = &q, .view = 1000};
	char *text, *end, key[NAME_KEY_TEXT + 1];
	size_t len;
	assert_false(explain_claims_held(r, &q));
	assert_int_equal(explain_claims(r, &e, &text, &len), -EAGAIN);
	e.outcome = -ETIMEDOUT;
	assert_int_equal(explain_claims(r, &e, &text, &len), -ETIMEDOUT);
	hold_claims("a.alt A");
	assert_true(explain_claims_held(r, &q));
	assert_int_equal(explain_claims(r, &e, &text, &len), 0);
	end = memchr(text, '\n', len);
	*end = '\0';
	key_to_text(key_of(1), key);
	char want[512];
	snprintf(want, sizeof(want),
		"{\"signed\":\"key\",\"signer\":\"%s\",\"inception\":%u,\"expiration\":%u,\"ttl\":300,"
		"\"data\":[\"192.0.2.1\"],\"verdict\":\"refused: another signer is remembered\"}",
		key, NOW - 3600, NOW - 3600 + WEEK);
	assert_string_equal(text, want);
	assert_memory_equal(end + 1, "{\"signed\":\"zone\",\"signer\":\"\\\\034\\\\010\\\\027", 41);
	for (const char *p = end + 1; p < text + len; p++)
		assert_true(*p == '\n' || (*p >= ' ' && *p <= '~'));
	free(text);
	/* None is no error; a slot that could not be read, or is not read at all, is. */
	dht_says("a.alt A", CACHE_SLOT, "miss");
	assert_int_equal(explain_claims(r, &e, &text, &len), 0);
	assert_int_equal(len, 0);
	free(text);
	dht_says("a.alt A", CACHE_SLOT, "101");
	assert_int_equal(explain_claims(r, &e, &text, &len), -ENETUNREACH);
	e.question = &local;
	assert_true(explain_claims_held(r, &local));
	assert_int_equal(explain_claims(r, &e, &text, &len), -EOPNOTSUPP);
}

/* Of a large claim whose pieces were not fetched the slot says the beginning, not the end. */
static void test_reference_in_claims(void **state)
{
	(void)state;
	struct question q = question_of("a.alt A");
	struct explain_question e = {.question = &q, .view = 1000};
	struct answer *a = nothing("a.alt A", -ENOENT, RCODE_NOERROR, EDE_NONE);
	struct claim claim = {.kind = CLAIM_KEY, .inception = NOW};
	char *text, key[NAME_KEY_TEXT + 1], want[512];
	size_t len;
	memcpy(claim.key, key_of(1), sizeof(claim.key));
	key_to_name(key_of(1), &claim.signer);
	a->trace = trace_create();
	trace_claim(a->trace, &claim, CLAIM_NOT_FETCHED);
	hold(a, CACHE_SLOT);
	assert_int_equal(explain_claims(r, &e, &text, &len), 0);
	key_to_text(key_of(1), key);
	snprintf(want, sizeof(want),
		"{\"signed\":\"key\",\"signer\":\"%s\",\"inception\":%u,\"verdict\":"
		"\"not looked at: a large claim whose pieces were not fetched\"}\n",
		key, NOW);
	assert_string_equal(text, want);
	free(text);
}

/* The cache counts what a trace takes, and lets go of it. */
static void test_cache_counts(void **state)
{
	(void)state;
	struct question q = question_of("a.alt A");
	assert_int_equal(cache_traces(r->cache), 0);
	size_t before = cache_bytes(r->cache);
	hold_claims("a.alt A");
	size_t traces = cache_traces(r->cache);
	assert_true(traces > TRACE_CLAIMS_MAX * sizeof(struct claim));
	assert_true(cache_bytes(r->cache) - before > traces);
	cache_forget(r->cache, &q, CACHE_SLOT);
	assert_int_equal(cache_traces(r->cache), 0);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_verdicts),
		CASE(test_why_not_asked),
		CASE(test_order_of_trust_open),
		CASE(test_zones),
		CASE(test_views),
		CASE(test_held_for_a_minute),
		CASE(test_outcome_of_an_ask),
		CASE(test_strangers_bytes),
		CASE(test_claims),
		CASE(test_reference_in_claims),
		CASE(test_cache_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
