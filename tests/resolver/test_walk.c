/* Walking what is in memory: a turn's worth at a time, however much there is. */
#undef NDEBUG
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/own.h"
#include "resolver/resolver.h"
#include "tests/directory.h"

#define RECORDS 3000
#define OTHER 65280 /* a type for private use */

static char dir[DIRECTORY_CAP];
static struct event_base *base;
static struct own *own;
static struct resolver *resolver;
static unsigned asked, shown;
static uint16_t wanted;
static bool alone; /* it is said before that no other type is wanted */

static void put(uid_t uid, unsigned i, uint16_t type)
{
	char name[32];
	struct question q = {.type = type, .class = CLASS_IN};
	int len = snprintf(name, sizeof(name), "n%u.alt", i);
	assert_int_equal(name_from_text(name, (size_t)len, &q.name), 0);
	struct rrset *set = rrset_create(&q, 300);
	assert_int_equal(rrset_add(set, (const uint8_t[]){192, 0, 2, 1}, 4), 0);
	assert_int_equal(own_set(own, uid, set, 1), 0);
	rrset_destroy(set);
}

static int set_up(void **state)
{
	char path[96];
	(void)state;
	if (directory_make(dir) != 0)
		return -1;
	base = event_base_new();
	snprintf(path, sizeof(path), "%s/own.db", dir);
	assert_int_equal(own_open(path, RECORDS, 0, 1, &own), 0);
	for (unsigned i = 0; i < RECORDS; i++)
		put(1000, i, TYPE_A);
	struct resolver_parts parts = {.own = own};
	struct resolver_config config = {
		.deadline = 1000000, .daemon_owner = 12345, .cache_bytes = 64 << 20};
	return resolver_create(base, &config, &parts, &resolver);
}

static int tear_down(void **state)
{
	(void)state;
	resolver_destroy(resolver);
	own_close(own);
	event_base_free(base);
	return directory_remove(dir);
}

static bool wants(void *ctx, const struct question *q)
{
	(void)ctx;
	asked++;
	return q->type == wanted;
}

static void show(void *ctx, const struct resolver_entry *entry)
{
	(void)ctx;
	assert_true(entry->own);
	shown++;
}

/* Of a whole walk: what was shown, and the most that one turn was asked of and showed. */
static unsigned walk(uid_t view, uint16_t type, unsigned *ret_asked, unsigned *ret_shown)
{
	struct resolver_walk w = {.view = view, .wants = wants, .show = show};
	if (alone) {
		w.class = CLASS_IN;
		w.type = type;
	}
	unsigned all = 0;
	bool more;
	wanted = type;
	*ret_asked = *ret_shown = 0;
	do {
		asked = shown = 0;
		more = resolver_list(resolver, &w);
		all += shown;
		*ret_asked = asked > *ret_asked ? asked : *ret_asked;
		*ret_shown = shown > *ret_shown ? shown : *ret_shown;
	} while (more);
	return all;
}

static void test_turns(void **state)
{
	(void)state;
	unsigned most_asked, most_shown;
	assert_int_equal(walk(1000, TYPE_A, &most_asked, &most_shown), RECORDS);
	assert_in_range(most_shown, 100, 400);
	/* What is another's costs as much to see as one's own. */
	assert_int_equal(walk(1001, TYPE_A, &most_asked, &most_shown), 0);
	assert_in_range(most_asked, 100, 400);
	/* What is of another directory costs little. */
	assert_int_equal(walk(1000, TYPE_TXT, &most_asked, &most_shown), 0);
	assert_in_range(most_asked, 1000, 3100);
	for (unsigned i = 0; i < 3; i++)
		put(0, RECORDS + i, TYPE_A);
	assert_int_equal(walk(1001, TYPE_A, &most_asked, &most_shown), 3);
}

/* A directory of few names costs nothing for those of others, however many they are. */
static void test_types(void **state)
{
	(void)state;
	unsigned most_asked, most_shown;
	alone = true;
	assert_int_equal(walk(1000, OTHER, &most_asked, &most_shown), 0);
	assert_int_equal(most_asked, 0);
	for (unsigned i = 0; i < 5; i++)
		put(0, i, OTHER);
	assert_int_equal(walk(1000, OTHER, &most_asked, &most_shown), 5);
	assert_in_range(most_asked, 5, 150);
	assert_int_equal(walk(1000, TYPE_A, &most_asked, &most_shown), RECORDS);
	alone = false;
	assert_int_equal(walk(1000, OTHER, &most_asked, &most_shown), 5);
	assert_in_range(most_asked, 1000, 3100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_types, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_turns, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
