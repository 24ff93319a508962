/* resolver/memory: what is in memory, and what merely looking at it must not do. */
#undef NDEBUG
#include "tests/resolver/claim_fixture.h"

#include <event2/event.h>

#include "resolver/clock.h"
#include "resolver/resolver_inside.h"
#include "tests/directory.h"

static struct event_base *base;
static struct own *own;
static struct resolver *r;
static char dir[DIRECTORY_CAP];

static int set_up(void **state)
{
	char path[DIRECTORY_CAP + 16];
	(void)state;
	base = event_base_new();
	assert_int_equal(directory_make(dir), 0);
	snprintf(path, sizeof(path), "%s/own.db", dir);
	assert_int_equal(own_open(path, 100, 0, 1, &own), 0);
	struct resolver_config config = {.policy = {.dht = true, .tofu.len = 1},
		.deadline = SECOND,
		.daemon_owner = 77,
		.cache_bytes = 1 << 20};
	config.policy.tofu.name[0] = (struct name){.len = 1};
	struct resolver_parts parts = {.own = own};
	return resolver_create(base, &config, &parts, &r);
}

static int tear_down(void **state)
{
	(void)state;
	resolver_destroy(r);
	own_close(own);
	event_base_free(base);
	return directory_remove(dir);
}

/* As a slot that was read for nobody who was given it: for .kadns/claims, or by an ask that was
 * interrupted. */
static struct question hold_claim(const char *name)
{
	struct question q = question_of(name);
	struct rrset *set = addresses(name, 300, 1, 2);
	struct answer *a;
	assert_int_equal(answer_from_rrset(&q, set, &a), 0);
	rrset_destroy(set);
	a->source = SOURCE_DHT;
	a->trust = TRUST_TOFU;
	a->has_signer = true;
	memset(a->signer, 7, sizeof(a->signer));
	a->arrived = clock_monotonic();
	cache_add(r->cache, a, CACHE_SLOT, a->arrived);
	answer_unref(a);
	return q;
}

static bool want_all(void *ctx, const struct question *q)
{
	(void)ctx;
	(void)q;
	return true;
}

static void count(void *ctx, const struct resolver_entry *entry)
{
	(void)entry;
	++*(unsigned *)ctx;
}

/* It would be a commit for each name, on the loop, and make a signer the first whom nobody was ever
 * given. */
static void test_a_listing_remembers_nobody(void **state)
{
	(void)state;
	uint8_t key[NAME_KEY_LEN];
	struct question one = hold_claim("one.alt A"), two = hold_claim("two.alt A");
	unsigned listed = 0;
	struct resolver_walk w = {.view = 1000, .wants = want_all, .show = count, .ctx = &listed};
	while (resolver_list(r, &w))
		continue;
	assert_int_equal(listed, 2);
	assert_int_equal(own_first_signer(own, &one.name, key), -ENOENT);
	assert_int_equal(own_first_signer(own, &two.name, key), -ENOENT);
	/* LOOKUP and READDIRPLUS peek too. */
	const struct answer *a = resolver_peek(r, &one, 1000);
	assert_non_null(a);
	assert_non_null(resolver_peek_listed(r, &two, 1000));
	assert_int_equal(own_first_signer(own, &one.name, key), -ENOENT);
	assert_int_equal(own_first_signer(own, &two.name, key), -ENOENT);
	resolver_given(r, a);
	assert_int_equal(own_first_signer(own, &one.name, key), 0);
	assert_int_equal(key[0], 7);
	assert_int_equal(own_first_signer(own, &two.name, key), -ENOENT);
}

/* ---- whose word comes first ---- */

#define ALICE 1000

static void on_answer(void *ctx, const struct answer *a)
{
	struct rrset *set = NULL;
	int *said = ctx;
	*said = -a->error;
	if (answer_rrset(a, &set) == 0)
		*said = set->data[5];
	rrset_destroy(set);
}

/* Zones are asked for while there is no network, so that they are silent and nothing is kept of it;
 * as a zone that has not come by the deadline is. */
static int ask(const char *name)
{
	struct question q = question_of(name);
	int said = -1;
	r->config.policy.dht = false;
	assert_non_null(resolver_ask(r, &q, ALICE, on_answer, &said));
	r->config.policy.dht = true;
	while (said == -1)
		event_base_loop(base, EVLOOP_ONCE);
	return said;
}

static void publish(uid_t uid, const char *name, uint8_t last)
{
	struct rrset *set = addresses(name, 300, last, 1);
	assert_int_equal(own_set(own, uid, set, 1), 0);
	rrset_destroy(set);
}

static void withdraw(uid_t uid, const char *name)
{
	struct question q = question_of(name);
	own_withdraw(own, uid, &q, 2);
}

/* Of this suffix a zone of a key of one byte repeated answers, or is silent. */
static void pin_to(uid_t uid, uint8_t byte, const char *rest)
{
	char key[NAME_KEY_TEXT + 1], text[300];
	uint8_t bytes[NAME_KEY_LEN];
	struct pins_mistake m;
	struct pin_list *list;
	memset(bytes, byte, sizeof(bytes));
	key_to_text(bytes, key);
	snprintf(text, sizeof(text), "%s %s\n", key, rest);
	struct pins_input in = {.text = text, .len = strlen(text), .uid = uid};
	assert_int_equal(pin_list_read(&in, &m, &list), 0);
	assert_int_equal(resolver_set_pins(r, uid, list), 0);
	pin_list_unref(list);
}

static void zone_says(uint8_t byte, uint8_t last)
{
	char key[NAME_KEY_TEXT + 1], name[2 * NAME_KEY_TEXT];
	uint8_t bytes[NAME_KEY_LEN];
	memset(bytes, byte, sizeof(bytes));
	key_to_text(bytes, key);
	snprintf(name, sizeof(name), "www.test.example.%s A", key);
	if (last)
		publish(4000, name, last);
	else
		withdraw(4000, name);
}

static void dns_says(const char *name, uint8_t last)
{
	struct question q = question_of(name);
	struct rrset *set = addresses(name, 300, last, 1);
	struct answer *a;
	assert_int_equal(answer_from_rrset(&q, set, &a), 0);
	rrset_destroy(set);
	a->source = SOURCE_DNS;
	a->trust = TRUST_DNS;
	a->arrived = clock_monotonic();
	cache_add(r->cache, a, CACHE_DNS, a->arrived);
	answer_unref(a);
}

enum { ABSENT, SILENT, SPEAKS, STRICT_SILENT };
enum { HER_RECORD = 1, HER_PIN = 2, ROOTS_RECORD = 3, ROOTS_PIN = 4, DNS = 5 };

/* Her record, her pin, root's record, root's pin, DNS: each is passed over only where it is silent.
 */
static void test_whose_word_comes_first(void **state)
{
	(void)state;
	static const struct {
		int record, pin, roots_record, roots_pin, said;
	} rows[] = {
		{ABSENT, ABSENT, ABSENT, ABSENT, DNS},
		{ABSENT, ABSENT, ABSENT, SPEAKS, ROOTS_PIN},
		{ABSENT, ABSENT, ABSENT, SILENT, DNS},
		{ABSENT, ABSENT, ABSENT, STRICT_SILENT, 0},
		{ABSENT, ABSENT, SPEAKS, SPEAKS, ROOTS_RECORD},
		{ABSENT, ABSENT, SPEAKS, ABSENT, ROOTS_RECORD},
		{ABSENT, SPEAKS, SPEAKS, SPEAKS, HER_PIN},
		{ABSENT, SPEAKS, ABSENT, ABSENT, HER_PIN},
		{ABSENT, SILENT, ABSENT, ABSENT, DNS},
		{ABSENT, SILENT, ABSENT, SPEAKS, ROOTS_PIN},
		{ABSENT, SILENT, ABSENT, SILENT, DNS},
		{ABSENT, SILENT, ABSENT, STRICT_SILENT, 0},
		{ABSENT, SILENT, SPEAKS, ABSENT, ROOTS_RECORD},
		{ABSENT, SILENT, SPEAKS, SPEAKS, ROOTS_RECORD},
		{ABSENT, SILENT, SPEAKS, STRICT_SILENT, ROOTS_RECORD},
		{ABSENT, STRICT_SILENT, ABSENT, ABSENT, 0},
		{ABSENT, STRICT_SILENT, SPEAKS, SPEAKS, 0},
		{SPEAKS, SPEAKS, SPEAKS, SPEAKS, HER_RECORD},
		{SPEAKS, SILENT, SPEAKS, ABSENT, HER_RECORD},
		{SPEAKS, STRICT_SILENT, ABSENT, ABSENT, HER_RECORD},
	};
	static const char name[] = "www.test.example A";
	r->config.policy.upstream = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		withdraw(ALICE, name);
		withdraw(0, name);
		if (rows[i].record == SPEAKS)
			publish(ALICE, name, HER_RECORD);
		if (rows[i].roots_record == SPEAKS)
			publish(0, name, ROOTS_RECORD);
		zone_says(11, rows[i].pin == SPEAKS ? HER_PIN : 0);
		zone_says(12, rows[i].roots_pin == SPEAKS ? ROOTS_PIN : 0);
		resolver_set_pins(r, ALICE, NULL);
		resolver_set_pins(r, 0, NULL);
		if (rows[i].pin)
			pin_to(ALICE, 11,
				rows[i].pin == STRICT_SILENT ? "example strict" : "example");
		if (rows[i].roots_pin)
			pin_to(0, 12,
				rows[i].roots_pin == STRICT_SILENT ? "example strict" : "example");
		dns_says(name, DNS);
		int said = ask(name);
		if (rows[i].said ? said != rows[i].said : said <= 5)
			fail_msg("row %zu: %d", i, said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_listing_remembers_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_whose_word_comes_first, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
