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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_listing_remembers_nobody, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
