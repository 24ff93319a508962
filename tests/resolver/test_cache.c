/* resolver/cache: what it finds, for how long, and what it gives up. */
#undef NDEBUG
#include "resolver/cache.h"
#include "resolver/sieve.h"
#include "resolver/trace.h"

#include <errno.h>
#include <malloc.h>
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
	q = answer_question(borrowed);
	cache_forget(cache, &q, CACHE_DNS);
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
	struct cache_walk w = {0, SIEVE_ALL, now, count, &n};
	while (cache_walk(cache, &w))
		;
	return n;
}

static void add_of_type(struct cache *cache, unsigned number, uint16_t type)
{
	struct question q = question(number, type);
	struct answer *a = answer_without(&q, 0, 0, EDE_NONE, 300, true);
	assert_non_null(a);
	a->arrived = 0;
	cache_add(cache, a, CACHE_DNS, 0);
	answer_unref(a);
}

struct met {
	uint16_t type;
	unsigned wanted, others;
};

static void meet(void *ctx, const struct answer *a)
{
	struct met *met = ctx;
	if (answer_question(a).type == met->type)
		met->wanted++;
	else
		met->others++;
}

static struct met met_of(struct cache *cache, uint16_t type, unsigned *ret_steps)
{
	struct met met = {.type = type};
	struct cache_walk w = {0, sieve_bit(CLASS_IN, type), 0, meet, &met};
	for (*ret_steps = 1; cache_walk(cache, &w);)
		++*ret_steps;
	return met;
}

/* A directory of few names among very many of other types costs little, and one of none nothing. */
static void walks_past_other_types(void **state)
{
	enum { MANY = 10000, FEW = 20, TYPES = 14 };
	(void)state;
	struct cache *cache = cache_create(64 << 20, SEED);
	unsigned steps;
	for (unsigned i = 0; i < MANY; i++)
		add_of_type(cache, i, (uint16_t)(TYPE_TXT + i % TYPES * 16));
	for (unsigned i = 0; i < FEW; i++)
		add_of_type(cache, i, TYPE_MX);
	assert_true(cache_entries(cache) > MANY);
	struct met met = met_of(cache, TYPE_MX, &steps);
	assert_int_equal(met.wanted, FEW);
	assert_true(met.others < FEW * 20);
	assert_true(steps < 80);
	met = met_of(cache, TYPE_SOA, &steps);
	assert_int_equal(met.wanted + met.others, 0);
	/* What goes is passed by when a walk has seen it. */
	for (unsigned i = 0; i < FEW; i++) {
		struct question q = question(i, TYPE_MX);
		cache_forget(cache, &q, CACHE_DNS);
	}
	met = met_of(cache, TYPE_MX, &steps);
	met = met_of(cache, TYPE_MX, &steps);
	assert_int_equal(met.wanted + met.others, 0);
	cache_destroy(cache);
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
	struct cache *cache = cache_create(960000, SEED);
	for (unsigned i = 0; i < 500; i++)
		add(cache, i, 0, CACHE_DNS, 0);
	assert_int_equal(cache_entries(cache), 500);
	/* 2,048 buckets, two at each addition; the last ones to be added are still good. */
	for (unsigned i = 0; i < 1024; i++)
		add(cache, 10000 + i % 8, 0, CACHE_ZONE, 400 * SECOND);
	/* What DNS said may have to stand in for it for a day, and not longer. */
	assert_int_equal(cache_entries(cache), 508);
	for (unsigned i = 0; i < 1024; i++)
		add(cache, 10000 + i % 8, 0, CACHE_ZONE, (86700 - 1) * SECOND);
	assert_int_equal(cache_entries(cache), 508);
	for (unsigned i = 0; i < 1024; i++)
		add(cache, 10000 + i % 8, 0, CACHE_ZONE, 86700 * SECOND);
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

/* Fills it with names 0 on, each asked for again; how many they are. */
static unsigned fill_in_use(struct cache *cache)
{
	for (unsigned i = 0;; i++) {
		add(cache, i, 0, CACHE_DNS, 0);
		if (cache_entries(cache) != i + 1)
			return i;
		assert_true(has(cache, i, CACHE_DNS, 0));
	}
}

/* Every entry used: names that come once push out none of them as long as they go on being used. */
static void what_is_new_gives_way_to_what_is_in_use(void **state)
{
	(void)state;
	struct cache *cache = cache_create(64 << 10, SEED);
	unsigned used = fill_in_use(cache);
	size_t most = cache_bytes(cache);
	assert_in_range(used, 50, 500);
	for (unsigned i = 0; i < 5000; i++) {
		add(cache, 10000 + i, 0, CACHE_DNS, 0);
		assert_true(cache_bytes(cache) <= 64 << 10);
		for (unsigned k = 0; i % 8 == 7 && k < used; k++)
			assert_true(has(cache, k, CACHE_DNS, 0));
	}
	assert_true(cache_bytes(cache) >= most - 1000);
	cache_destroy(cache);
}

/* But not for ever: what nobody asks for again after that goes, in its turn. */
static void use_is_forgotten(void **state)
{
	(void)state;
	struct cache *cache = cache_create(64 << 10, SEED);
	unsigned used = fill_in_use(cache), left = 0;
	for (unsigned i = 0; i < 2 * used; i++)
		add(cache, 10000 + i, 0, CACHE_DNS, 0);
	for (unsigned i = 0; i < used; i++)
		left += has(cache, i, CACHE_DNS, 0);
	assert_int_equal(left, 0);
	cache_destroy(cache);
}

/* An answer anew to what is there already is not new, nor does this machine's own word give way: in
 * its place somebody else would be asked. */
static void some_are_kept_though_all_is_in_use(void **state)
{
	(void)state;
	struct cache *cache = cache_create(64 << 10, SEED);
	unsigned used = fill_in_use(cache);
	struct answer *local = answer(20000, -ENOENT, 300, 0);
	local->source = SOURCE_LOCAL;
	for (unsigned i = 0; i < used; i++)
		has(cache, i, CACHE_DNS, 0);
	add(cache, 19999, 0, CACHE_DNS, 0);
	assert_false(has(cache, 19999, CACHE_DNS, 0));
	for (unsigned i = 0; i < used; i++)
		has(cache, i, CACHE_DNS, 0);
	cache_add(cache, local, CACHE_DNS, 0);
	assert_true(has(cache, 20000, CACHE_DNS, 0));
	for (unsigned i = 0; i < used; i++)
		has(cache, i, CACHE_DNS, 0);
	unsigned stays = has(cache, 1, CACHE_DNS, 0) ? 1 : 2; /* one made room */
	struct answer *longer = answer(stays, 0, 300, 0);
	longer->trace = trace_create();
	trace_why(longer->trace, "longer than what stood, so that room has to be made for it");
	cache_add(cache, longer, CACHE_DNS, 0);
	assert_true(has(cache, stays, CACHE_DNS, 0));
	answer_unref(longer);
	answer_unref(local);
	cache_destroy(cache);
}

static void add_in_flood(struct cache *cache, unsigned number, int error, enum cache_part part)
{
	struct answer *a = answer(number, error, 300, 0);
	cache_add_in_flood(cache, a, part, 0);
	answer_unref(a);
}

/* Whatever comes in a flood, it takes a thirty-second part, and what was there stays, in use or
 * not. */
static void a_flood_has_little_room(void **state)
{
	(void)state;
	const size_t bytes = 256 << 10;
	struct cache *cache = cache_create(bytes, SEED);
	for (unsigned i = 0; i < 300; i++)
		add(cache, i, 0, CACHE_DNS, 0);
	size_t before = cache_bytes(cache);
	assert_true(before < bytes / 4 * 3);
	for (unsigned i = 0; i < 5000; i++) {
		const int errors[] = {0, -ENOENT, -ETIMEDOUT};
		add_in_flood(cache, 10000 + i, errors[i % 3], i % 2 ? CACHE_DNS : CACHE_SLOT);
		assert_true(cache_bytes(cache) <= before + bytes / 32);
	}
	assert_true(cache_bytes(cache) > before + bytes / 32 - 1000);
	assert_true(has(cache, 14999, CACHE_DNS, 0));
	for (unsigned i = 0; i < 300; i++)
		assert_true(has(cache, i, CACHE_DNS, 0));
	cache_destroy(cache);
}

/* Who is asked for again in time was no part of it; nor is who was there before. */
static void not_all_in_a_flood_are_its_own(void **state)
{
	(void)state;
	struct cache *cache = cache_create(256 << 10, SEED);
	add(cache, 1, 0, CACHE_DNS, 0);
	add_in_flood(cache, 1, 0, CACHE_DNS); /* refreshed */
	add_in_flood(cache, 2, 0, CACHE_DNS);
	assert_true(has(cache, 2, CACHE_DNS, 0));
	add_in_flood(cache, 3, 0, CACHE_DNS);
	for (unsigned i = 0; i < 5000; i++)
		add_in_flood(cache, 10000 + i, 0, CACHE_DNS);
	assert_true(has(cache, 1, CACHE_DNS, 0));
	assert_true(has(cache, 2, CACHE_DNS, 0));
	assert_false(has(cache, 3, CACHE_DNS, 0));
	cache_destroy(cache);
}

/* The bytes are those that malloc takes, with its note before each block. */
static void counts_what_malloc_takes(void **state)
{
	(void)state;
	struct cache *cache = cache_create(64 << 20, SEED);
	struct answer *kept[1000];
	for (unsigned i = 0; i < 1000; i++)
		kept[i] = answer(i, 0, 300, 0);
	for (unsigned i = 0; i < 1000; i++)
		kept[i]->trace = i % 2 ? trace_create() : NULL;
	size_t before = mallinfo2().uordblks, answers = 0;
	for (unsigned i = 0; i < 1000; i++) {
		cache_add(cache, kept[i], CACHE_DNS, 0);
		answers += malloc_usable_size(kept[i]) + 8;
		answers += kept[i]->trace ? malloc_usable_size(kept[i]->trace) + 8 : 0;
	}
	size_t taken = mallinfo2().uordblks - before + answers;
	/* The sanitizers' malloc counts nothing there, and others round otherwise. */
	if (mallinfo2().uordblks > before)
		assert_in_range(cache_bytes(cache), taken - 1000, taken + 1000);
	cache_destroy(cache);
	for (unsigned i = 0; i < 1000; i++)
		answer_unref(kept[i]);
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

/* ---- failures ---- */

static const struct answer *found(struct cache *cache, unsigned number, uint64_t now)
{
	struct question q = question(number, TYPE_A);
	return cache_find(cache, &q, CACHE_DNS, now);
}

static void put_failure(struct cache *cache, unsigned number, int error, uint64_t now)
{
	struct answer *a = answer(number, error, 1, now);
	a->rcode = RCODE_SERVFAIL;
	cache_add(cache, a, CACHE_DNS, now);
	answer_unref(a);
}

static int error_at(struct cache *cache, uint64_t now)
{
	const struct answer *a = found(cache, 1, now);
	return a ? a->error : 1;
}

/* RFC 9520: 1 s first, twice as long each time, 30 s at most; asked again when it is over, or
 * later, but after a minute of silence it is a new failure. */
static void failures_back_off(void **state)
{
	(void)state;
	static const unsigned seconds[] = {1, 2, 4, 8, 16, 30, 30, 30};
	struct cache *cache = cache_create(1 << 20, SEED);
	uint64_t now = 1000 * SECOND;
	for (size_t i = 0; i < 8; i++) {
		put_failure(cache, 1, i % 2 ? -ETIMEDOUT : -EREMOTEIO, now);
		now += seconds[i] * SECOND;
		assert_int_equal(error_at(cache, now - 1), i % 2 ? -ETIMEDOUT : -EREMOTEIO);
		assert_int_equal(error_at(cache, now), 1);
	}
	assert_int_equal(cache_entries(cache), 1);
	/* 300 in a row are no first one. */
	for (int i = 0; i < 300; i++)
		put_failure(cache, 1, -EBADMSG, now);
	assert_int_equal(error_at(cache, now + 30 * SECOND - 1), -EBADMSG);

	/* An answer ends the row. */
	add(cache, 1, 0, CACHE_DNS, now);
	assert_int_equal(cache_entries(cache), 1);
	cache_forget(cache, &(struct question){.name.len = 1}, CACHE_DNS);
	now += 300 * SECOND;
	assert_int_equal(error_at(cache, now), 1);
	put_failure(cache, 1, -EREMOTEIO, now);
	assert_int_equal(error_at(cache, now + SECOND), 1);
	cache_destroy(cache);
}

/* Without a route nobody was asked; and the DHT has its own measure. */
static void some_failures_do_not(void **state)
{
	(void)state;
	struct cache *cache = cache_create(1 << 20, SEED);
	struct question q = question(1, TYPE_A);
	for (int i = 0; i < 9; i++) {
		put_failure(cache, 1, -ENETUNREACH, 0);
		struct answer *a = answer(1, -ENETUNREACH, 1, 0);
		cache_add(cache, a, CACHE_SLOT, 0);
		answer_unref(a);
	}
	assert_int_equal(error_at(cache, SECOND - 1), -ENETUNREACH);
	assert_int_equal(error_at(cache, SECOND), 1);
	assert_null(cache_find(cache, &q, CACHE_SLOT, SECOND));
	/* Of the DHT, what fails is what was heard last. */
	add(cache, 1, 0, CACHE_ZONE, 0);
	struct answer *a = answer(1, -ENETUNREACH, 1, 0);
	cache_add(cache, a, CACHE_ZONE, 0);
	answer_unref(a);
	assert_int_equal(cache_find(cache, &q, CACHE_ZONE, 0)->error, -ENETUNREACH);
	assert_null(cache_find(cache, &q, CACHE_ZONE, SECOND));
	cache_destroy(cache);
}

static void a_failure_stands_beside_what_was_said(void **state)
{
	(void)state;
	struct cache *cache = cache_create(1 << 20, SEED);
	struct question q = question(1, TYPE_A);
	add(cache, 1, 0, CACHE_DNS, 0);
	put_failure(cache, 1, -EREMOTEIO, 299 * SECOND + SECOND / 2);
	assert_int_equal(cache_entries(cache), 2);
	assert_int_equal(error_at(cache, 300 * SECOND - 1), 0);
	assert_int_equal(error_at(cache, 300 * SECOND), -EREMOTEIO);
	assert_int_equal(error_at(cache, 301 * SECOND), 1);
	/* What is listed is what a reader would get: the failure, while it is told of. */
	assert_int_equal(cache_listed(cache, &q, CACHE_DNS, 301 * SECOND)->error, -EREMOTEIO);
	/* What was said is there still for those who would rather have that. */
	assert_int_equal(cache_stale(cache, &q, CACHE_DNS, 301 * SECOND)->error, 0);
	cache_forget(cache, &q, CACHE_DNS);
	assert_int_equal(cache_entries(cache), 0);
	cache_destroy(cache);
}

/* ---- stale ---- */

static void stale_for_a_day(void **state)
{
	(void)state;
	struct cache *cache = cache_create(1 << 20, SEED);
	struct question q = question(1, TYPE_A), no = question(2, TYPE_A);
	struct question once = question(3, TYPE_A);
	add(cache, 1, 0, CACHE_DNS, 0);
	add(cache, 1, 0, CACHE_ZONE, 0);
	add(cache, 2, -ENOENT, CACHE_DNS, 0);
	struct answer *a = answer(3, 0, 0, 0);
	cache_add(cache, a, CACHE_DNS, 0);
	answer_unref(a);
	assert_null(cache_find(cache, &q, CACHE_DNS, 300 * SECOND));
	assert_non_null(cache_stale(cache, &q, CACHE_DNS, 300 * SECOND));
	assert_non_null(cache_stale(cache, &no, CACHE_DNS, 86700 * SECOND - 1));
	assert_non_null(cache_stale(cache, &q, CACHE_DNS, 86700 * SECOND - 1));
	assert_null(cache_stale(cache, &q, CACHE_DNS, 86700 * SECOND));
	/* A withdrawal from the DHT must get through; TTL 0 was for one use. */
	assert_null(cache_stale(cache, &q, CACHE_ZONE, 300 * SECOND));
	assert_null(cache_stale(cache, &once, CACHE_DNS, 1));
	cache_destroy(cache);
}

/* It stands where the failure would, is listed, and goes when DNS answers. */
static void a_stale_answer_is_a_failure_with_records(void **state)
{
	(void)state;
	struct cache *cache = cache_create(1 << 20, SEED);
	struct question q = question(1, TYPE_A);
	add(cache, 1, 0, CACHE_DNS, 0);
	struct answer *stale = answer_stale(
		cache_stale(cache, &q, CACHE_DNS, 400 * SECOND), 400 * SECOND);
	cache_add(cache, stale, CACHE_DNS, 400 * SECOND);
	assert_ptr_equal(found(cache, 1, 401 * SECOND - 1), stale);
	assert_null(found(cache, 1, 401 * SECOND));
	assert_int_equal(listed(cache, 401 * SECOND), 1);
	assert_int_equal(cache_stale(cache, &q, CACHE_DNS, 401 * SECOND)->ede, EDE_NONE);
	add(cache, 1, 0, CACHE_DNS, 500 * SECOND);
	assert_int_equal(cache_entries(cache), 1);
	assert_int_equal(stale->refs, 1);
	answer_unref(stale);
	cache_destroy(cache);
}

/* ---- prefetch ---- */

static bool ask(struct cache *cache, unsigned number, uint64_t now, bool asked)
{
	const struct answer *answers[CACHE_PARTS];
	struct question q = question(number, TYPE_A);
	return cache_find_all(cache, &q, now, asked, answers);
}

static void popular_names_are_due_once(void **state)
{
	(void)state;
	struct cache *cache = cache_create(1 << 20, SEED);
	add(cache, 1, 0, CACHE_DNS, 0);
	assert_false(ask(cache, 1, 0, true));
	assert_false(ask(cache, 1, 270 * SECOND - 1, true));
	assert_false(ask(cache, 1, 270 * SECOND, false)); /* nobody waits for it */
	assert_true(ask(cache, 1, 270 * SECOND, true));
	assert_false(ask(cache, 1, 271 * SECOND, true)); /* it was said */
	/* Asked for the first time in its last tenth: not popular, until it is asked again. */
	add(cache, 2, 0, CACHE_DNS, 0);
	assert_false(ask(cache, 2, 280 * SECOND, true));
	assert_true(ask(cache, 2, 281 * SECOND, true));
	/* Over: whoever asks waits for it anyway. */
	add(cache, 3, 0, CACHE_DNS, 0);
	assert_false(ask(cache, 3, 1, true));
	assert_false(ask(cache, 3, 300 * SECOND, true));
	/* The DHT is not asked for what nobody wants. */
	add(cache, 4, 0, CACHE_ZONE, 0);
	for (int i = 0; i < 300; i++)
		assert_false(ask(cache, 4, 280 * SECOND, true));
	/* Too short to be asked for in time. */
	struct answer *a = answer(5, 0, 9, 0);
	cache_add(cache, a, CACHE_DNS, 0);
	answer_unref(a);
	for (int i = 0; i < 3; i++)
		assert_false(ask(cache, 5, 9 * SECOND - 1, true));
	/* What came anew begins anew. */
	add(cache, 1, 0, CACHE_DNS, 280 * SECOND);
	assert_false(ask(cache, 1, 579 * SECOND, true));
	cache_destroy(cache);
}

static void finds_all_parts_at_once(void **state)
{
	(void)state;
	struct cache *cache = cache_create(1 << 20, SEED);
	const struct answer *answers[CACHE_PARTS];
	struct question q = question(1, TYPE_A);
	add(cache, 1, 0, CACHE_DNS, 0);
	add(cache, 1, -ENOENT, CACHE_SLOT, 10 * SECOND);
	add(cache, 2, 0, CACHE_ZONE, 0);
	cache_find_all(cache, &q, 300 * SECOND - 1, false, answers);
	assert_int_equal(answers[CACHE_DNS]->error, 0);
	assert_int_equal(answers[CACHE_SLOT]->error, -ENOENT);
	assert_null(answers[CACHE_ZONE]);
	cache_find_all(cache, &q, 300 * SECOND, false, answers);
	assert_null(answers[CACHE_DNS]);
	assert_non_null(answers[CACHE_SLOT]);
	cache_destroy(cache);
}

static void lists_what_was_of_use(void **state)
{
	(void)state;
	struct cache *cache = cache_create(1 << 20, SEED);
	unsigned n = 0;
	for (unsigned i = 0; i < 6; i++)
		add(cache, i, i == 4 ? -ENOENT : 0, i == 5 ? CACHE_ZONE : CACHE_DNS, 0);
	for (unsigned i = 2; i < 6; i++)
		ask(cache, i, 1, true);
	cache_each_used(cache, 2, count, &n);
	assert_int_equal(n, 2);
	n = 0;
	cache_each_used(cache, 300 * SECOND, count, &n);
	assert_int_equal(n, 0);
	cache_destroy(cache);
}

/* ---- pins ---- */

static bool below_ten(void *ctx, const struct question *q)
{
	(void)ctx;
	return q->name.wire[0] == 2 && q->name.wire[1] == 'n';
}

/* n0 to n9 are pinned: no flood of others takes them away, and no flood of theirs takes it all. */
static void others_do_not_push_out_what_is_pinned(void **state)
{
	(void)state;
	const size_t max = 64 << 10;
	struct cache *cache = cache_create(max, SEED);
	cache_pins(cache, below_ten, NULL);
	for (unsigned i = 0; i < 10; i++)
		add(cache, i, i % 2 ? 0 : -ENOENT, CACHE_ZONE, 0);
	for (unsigned i = 10; i < 5000; i++)
		for (int part = 0; part < 3; part++) {
			add(cache, i, i % 2 ? 0 : -ENOENT, (enum cache_part)part, 0);
			has(cache, i, (enum cache_part)part, 0);
		}
	for (unsigned i = 0; i < 10; i++)
		assert_true(has(cache, i, CACHE_ZONE, 0));
	assert_true(cache_bytes(cache) > max - 2048);
	assert_int_equal(listed(cache, 0) > 5, true);
	cache_destroy(cache);
}

static bool any(void *ctx, const struct question *q)
{
	(void)ctx;
	return q->type == TYPE_A;
}

static void what_is_pinned_takes_half_at_most(void **state)
{
	(void)state;
	const size_t max = 64 << 10;
	struct cache *cache = cache_create(max, SEED);
	cache_pins(cache, any, NULL);
	for (unsigned i = 0; i < 2000; i++)
		add(cache, i, 0, CACHE_ZONE, 0);
	assert_true(cache_bytes(cache) <= max / 2);
	assert_true(cache_bytes(cache) > max / 2 - 2048);
	assert_true(has(cache, 1999, CACHE_ZONE, 0));
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
		cmocka_unit_test(what_is_new_gives_way_to_what_is_in_use),
		cmocka_unit_test(use_is_forgotten),
		cmocka_unit_test(some_are_kept_though_all_is_in_use),
		cmocka_unit_test(a_flood_has_little_room),
		cmocka_unit_test(not_all_in_a_flood_are_its_own),
		cmocka_unit_test(counts_what_malloc_takes),
		cmocka_unit_test(a_flood_pushes_out_its_own_kind),
		cmocka_unit_test(large_answers_are_not_kept),
		cmocka_unit_test(failures_back_off),
		cmocka_unit_test(some_failures_do_not),
		cmocka_unit_test(a_failure_stands_beside_what_was_said),
		cmocka_unit_test(stale_for_a_day),
		cmocka_unit_test(a_stale_answer_is_a_failure_with_records),
		cmocka_unit_test(popular_names_are_due_once),
		cmocka_unit_test(finds_all_parts_at_once),
		cmocka_unit_test(walks_past_other_types),
		cmocka_unit_test(lists_what_was_of_use),
		cmocka_unit_test(others_do_not_push_out_what_is_pinned),
		cmocka_unit_test(what_is_pinned_takes_half_at_most),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
