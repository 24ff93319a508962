/* resolver/cache: what it finds, for how long, and what it gives up. */
#undef NDEBUG
#include "resolver/cache.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define SECOND 1000000ull
#define SEED 0x0123456789abcdefull

static struct question question(unsigned number, uint16_t type)
{
	struct question q = {.type = type, .class = CLASS_IN};
	char text[32];
	int len = snprintf(text, sizeof(text), "n%u.example", number);
	assert_int_equal(name_from_text(text, (size_t)len, &q.name), 0);
	return q;
}

static struct answer *answer(unsigned number, int error, uint32_t ttl, uint64_t arrived)
{
	struct question q = question(number, TYPE_A);
	struct answer *a = answer_without(&q, error, 0, EDE_NONE, ttl, true);
	assert_non_null(a);
	a->arrived = arrived;
	return a;
}

static void add(struct cache *cache, unsigned number, int error, enum cache_part part, uint64_t now)
{
	struct answer *a = answer(number, error, 300, now);
	cache_add(cache, a, part, now);
	answer_unref(a);
}

static bool has(struct cache *cache, unsigned number, enum cache_part part, uint64_t now)
{
	struct question q = question(number, TYPE_A);
	return cache_find(cache, &q, part, now) != NULL;
}

static void finds_what_was_added(void **state)
{
	(void)state;
	struct cache *cache = cache_create(1 << 20, SEED);
	struct answer *a = answer(1, 0, 300, 7);
	struct question q = question(1, TYPE_A), other = q;
	assert_null(cache_find(cache, &q, CACHE_DNS, 7));
	cache_add(cache, a, CACHE_DNS, 7);
	assert_int_equal(a->refs, 2);
	assert_ptr_equal(cache_find(cache, &q, CACHE_DNS, 7), a);
	assert_ptr_equal(cache_listed(cache, &q, CACHE_DNS, 7), a);
	assert_int_equal(a->refs, 2); /* borrowed */
	assert_int_equal(cache_entries(cache), 1);
	assert_true(cache_bytes(cache) > answer_size(a));

	/* Another source, type, class or name is another entry. */
	assert_null(cache_find(cache, &q, CACHE_ZONE, 7));
	assert_null(cache_find(cache, &q, CACHE_SLOT, 7));
	other.type = TYPE_AAAA;
	assert_null(cache_find(cache, &other, CACHE_DNS, 7));
	other = q;
	other.class = CLASS_CH;
	assert_null(cache_find(cache, &other, CACHE_DNS, 7));
	assert_false(has(cache, 2, CACHE_DNS, 7));

	cache_destroy(cache);
	assert_int_equal(a->refs, 1);
	answer_unref(a);
	cache_destroy(NULL);
}

static void sources_stand_side_by_side(void **state)
{
	(void)state;
	struct cache *cache = cache_create(1 << 20, SEED);
	struct question q = question(1, TYPE_A);
	struct answer *a[CACHE_PARTS];
	for (int part = 0; part < CACHE_PARTS; part++) {
		a[part] = answer(1, 0, 300, 0);
		cache_add(cache, a[part], (enum cache_part)part, 0);
	}
	assert_int_equal(cache_entries(cache), CACHE_PARTS);
	cache_forget(cache, &q, CACHE_ZONE);
	cache_forget(cache, &q, CACHE_ZONE); /* again: nothing happens */
	assert_ptr_equal(cache_find(cache, &q, CACHE_DNS, 0), a[CACHE_DNS]);
	assert_null(cache_find(cache, &q, CACHE_ZONE, 0));
	assert_ptr_equal(cache_find(cache, &q, CACHE_SLOT, 0), a[CACHE_SLOT]);
	for (int part = 0; part < CACHE_PARTS; part++)
		answer_unref(a[part]);
	cache_destroy(cache);
}

static void replaces(void **state)
{
	(void)state;
	struct cache *cache = cache_create(1 << 20, SEED);
	struct question q = question(1, TYPE_A);
	struct answer *old = answer(1, 0, 300, 0), *new = answer(1, -ENOENT, 10, 0);
	cache_add(cache, old, CACHE_DNS, 0);
	size_t bytes = cache_bytes(cache);
	cache_add(cache, new, CACHE_DNS, 0);
	assert_ptr_equal(cache_find(cache, &q, CACHE_DNS, 0), new);
	assert_int_equal(old->refs, 1);
	assert_int_equal(cache_entries(cache), 1);
	assert_int_equal(cache_bytes(cache), bytes);
	answer_unref(old);
	answer_unref(new);

	/* What the cache alone holds may be added anew. */
	const struct answer *borrowed = cache_find(cache, &q, CACHE_DNS, 0);
	cache_add(cache, borrowed, CACHE_DNS, 0);
	assert_ptr_equal(cache_find(cache, &q, CACHE_DNS, 0), borrowed);
	cache_forget(cache, &borrowed->question, CACHE_DNS);
	assert_int_equal(cache_entries(cache), 0);
	assert_int_equal(cache_bytes(cache), 0);
	cache_destroy(cache);
}

static void count(void *ctx, const struct answer *a)
{
	(void)a;
	++*(unsigned *)ctx;
}

static unsigned listed(struct cache *cache, uint64_t now)
{
	unsigned n = 0;
	cache_each(cache, now, count, &n);
	return n;
}

static void ends_with_its_ttl(void **state)
{
	(void)state;
	struct cache *cache = cache_create(1 << 20, SEED);
	struct question q = question(1, TYPE_A);
	struct answer *a = answer(1, 0, 300, 10 * SECOND);
	cache_add(cache, a, CACHE_DNS, 20 * SECOND); /* it counts from its arrival */
	assert_non_null(cache_find(cache, &q, CACHE_DNS, 310 * SECOND - 1));
	assert_null(cache_find(cache, &q, CACHE_DNS, 310 * SECOND));
	assert_non_null(cache_listed(cache, &q, CACHE_DNS, 310 * SECOND));
	assert_int_equal(listed(cache, 310 * SECOND), 1);
	assert_non_null(cache_listed(cache, &q, CACHE_DNS, 370 * SECOND - 1));
	assert_null(cache_listed(cache, &q, CACHE_DNS, 370 * SECOND));
	assert_int_equal(listed(cache, 370 * SECOND), 0);
	answer_unref(a);

	/* TTL 0 answers nobody else, but what was seen may be listed. */
	a = answer(2, 0, 0, 500 * SECOND);
	q = question(2, TYPE_A);
	cache_add(cache, a, CACHE_DNS, 500 * SECOND);
	assert_null(cache_find(cache, &q, CACHE_DNS, 500 * SECOND));
	assert_non_null(cache_listed(cache, &q, CACHE_DNS, 559 * SECOND));
	answer_unref(a);
	/* The longest TTL does not wrap. */
	a = answer(3, 0, TTL_MAX, 500 * SECOND);
	q = question(3, TYPE_A);
	cache_add(cache, a, CACHE_DNS, 500 * SECOND);
	assert_non_null(cache_find(cache, &q, CACHE_DNS, 1000000 * SECOND));
	answer_unref(a);
	cache_destroy(cache);
}

static void lists_positive_entries_of_all_sources(void **state)
{
	(void)state;
	struct cache *cache = cache_create(1 << 20, SEED);
	add(cache, 1, 0, CACHE_DNS, 0);
	add(cache, 2, 0, CACHE_ZONE, 0);
	add(cache, 3, 0, CACHE_SLOT, 0);
	add(cache, 4, -ENOENT, CACHE_DNS, 0);
	add(cache, 5, -EBADMSG, CACHE_DNS, 0);
	assert_int_equal(listed(cache, 0), 3);
	assert_int_equal(cache_entries(cache), 5);
	cache_destroy(cache);
}

static void sweeps_what_is_over(void **state)
{
	(void)state;
	struct cache *cache = cache_create(1 << 20, SEED);
	for (unsigned i = 0; i < 500; i++)
		add(cache, i, 0, CACHE_DNS, 0);
	assert_int_equal(cache_entries(cache), 500);
	/* 1,024 buckets, two at each addition; the last ones to be added are still good. */
	for (unsigned i = 0; i < 512; i++)
		add(cache, 10000 + i % 8, 0, CACHE_DNS, 400 * SECOND);
	assert_int_equal(cache_entries(cache), 8);
	cache_destroy(cache);
}

static void stays_within_its_bytes(void **state)
{
	(void)state;
	const size_t max = 64 << 10;
	struct cache *cache = cache_create(max, SEED);
	for (unsigned i = 0; i < 2000; i++) {
		add(cache, i, i % 3 ? 0 : -ENOENT, (enum cache_part)(i % CACHE_PARTS), 0);
		assert_true(cache_bytes(cache) <= max);
	}
	assert_true(cache_bytes(cache) > max - 2048);
	assert_true(cache_entries(cache) > 50);
	assert_true(has(cache, 1999, (enum cache_part)(1999 % CACHE_PARTS), 0));
	cache_destroy(cache);
}

static void what_is_used_stays(void **state)
{
	(void)state;
	struct cache *cache = cache_create(64 << 10, SEED);
	for (unsigned i = 0; i < 2000; i++) {
		add(cache, i, 0, CACHE_DNS, 0);
		assert_true(has(cache, 0, CACHE_DNS, 0)); /* used again and again */
	}
	assert_false(has(cache, 1, CACHE_DNS, 0));
	assert_false(has(cache, 1000, CACHE_DNS, 0));
	cache_destroy(cache);
}

/* Without use, the order is that of arrival. */
static void oldest_goes_first(void **state)
{
	(void)state;
	struct cache *cache = cache_create(64 << 10, SEED);
	unsigned i = 0;
	do
		add(cache, i++, 0, CACHE_DNS, 0);
	while (cache_entries(cache) == i);
	assert_false(has(cache, 0, CACHE_DNS, 0));
	for (unsigned k = 1; k < i; k++)
		assert_true(has(cache, k, CACHE_DNS, 0));
	cache_destroy(cache);
}

/* Every entry used: one is given up all the same, after a bounded search. */
static void gives_up_one_of_many_in_use(void **state)
{
	(void)state;
	struct cache *cache = cache_create(64 << 10, SEED);
	unsigned i = 0;
	do {
		add(cache, i, 0, CACHE_DNS, 0);
		assert_true(has(cache, i, CACHE_DNS, 0));
		i++;
	} while (cache_entries(cache) == i);
	assert_true(cache_entries(cache) >= i - 2);
	cache_destroy(cache);
}

/* CacheFlush: names that do not exist, or a stranger's slots, do not empty the cache. */
static void a_flood_pushes_out_its_own_kind(void **state)
{
	(void)state;
	struct cache *cache = cache_create(256 << 10, SEED);
	for (unsigned i = 0; i < 20; i++) {
		add(cache, i, 0, CACHE_DNS, 0);
		add(cache, i, 0, CACHE_ZONE, 0);
	}
	for (unsigned i = 100; i < 5000; i++)
		add(cache, i, -ENOENT, CACHE_DNS, 0);
	for (unsigned i = 100; i < 5000; i++)
		add(cache, i, 0, CACHE_SLOT, 0);
	for (unsigned i = 0; i < 20; i++) {
		assert_true(has(cache, i, CACHE_DNS, 0));
		assert_true(has(cache, i, CACHE_ZONE, 0));
	}
	cache_destroy(cache);
}

static void large_answers_are_not_kept(void **state)
{
	(void)state;
	struct cache *cache = cache_create(64 << 10, SEED);
	struct question q = {.type = 65280, .class = CLASS_IN, .name = {.len = 1}};
	struct rrset *set = rrset_create(&q, 300);
	static uint8_t rdata[5000];
	struct answer *a;
	assert_int_equal(rrset_add(set, rdata, sizeof(rdata)), 0);
	assert_int_equal(answer_from_rrset(&q, set, &a), 0);
	struct answer *small = answer_without(&q, -ENOENT, 0, EDE_NONE, 300, false);
	cache_add(cache, small, CACHE_DNS, 0);
	cache_add(cache, a, CACHE_DNS, 0);
	assert_int_equal(a->refs, 1);
	/* And what it would have replaced is not said any more. */
	assert_null(cache_find(cache, &q, CACHE_DNS, 0));
	assert_int_equal(cache_entries(cache), 0);
	answer_unref(small);
	answer_unref(a);
	rrset_destroy(set);
	cache_destroy(cache);

	cache = cache_create(0, SEED); /* no memory for anything */
	add(cache, 1, 0, CACHE_DNS, 0);
	assert_int_equal(cache_entries(cache), 0);
	cache_destroy(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_was_added),
		cmocka_unit_test(sources_stand_side_by_side),
		cmocka_unit_test(replaces),
		cmocka_unit_test(ends_with_its_ttl),
		cmocka_unit_test(lists_positive_entries_of_all_sources),
		cmocka_unit_test(sweeps_what_is_over),
		cmocka_unit_test(stays_within_its_bytes),
		cmocka_unit_test(what_is_used_stays),
		cmocka_unit_test(oldest_goes_first),
		cmocka_unit_test(gives_up_one_of_many_in_use),
		cmocka_unit_test(a_flood_pushes_out_its_own_kind),
		cmocka_unit_test(large_answers_are_not_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
