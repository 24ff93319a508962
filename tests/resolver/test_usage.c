/* What each user has published: counted, bounded, and shared out. */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/usage.h"

#define OWNER 900
#define QUOTA 10u
#define BYTES (QUOTA * USAGE_RECORD_BYTES + RRSET_BYTES_MAX)

static struct usage *usage;
static struct rrset *small, *large; /* 16 bytes; 60,012 */

static struct rrset *txt_of(size_t bytes)
{
	static uint8_t rdata[256] = {255};
	struct question q = {.type = TYPE_TXT, .class = CLASS_IN};
	assert_int_equal(name_from_text("a.alt", 5, &q.name), 0);
	struct rrset *set = rrset_create(&q, 300);
	assert_non_null(set);
	for (uint16_t i = 0; bytes >= 258; i++, bytes -= 258) { /* all different */
		memcpy(rdata + 1, &i, sizeof(i));
		assert_int_equal(rrset_add(set, rdata, sizeof(rdata)), 0);
	}
	if (bytes)
		assert_int_equal(rrset_add(set, (const uint8_t *)"\x01x", 2), 0);
	return set;
}

static int setup(void **state)
{
	(void)state;
	small = txt_of(4);
	large = txt_of(258 * 232);
	return usage_create(QUOTA, OWNER, &usage);
}

static int teardown(void **state)
{
	(void)state;
	usage_destroy(usage);
	rrset_destroy(small);
	rrset_destroy(large);
	return 0;
}

static int change(uid_t uid, const struct rrset *before, const struct rrset *after)
{
	int r = usage_check(usage, uid, before, after);
	if (r < 0)
		return r;
	assert_int_equal(usage_reserve(usage, uid), 0);
	if (before)
		usage_remove(usage, uid, before);
	usage_add(usage, uid, after);
	return 0;
}

static void test_records(void **state)
{
	(void)state;
	for (unsigned i = 0; i < QUOTA; i++)
		assert_int_equal(change(1001, NULL, small), 0);
	assert_int_equal(change(1001, NULL, small), -EDQUOT);
	assert_int_equal(change(1001, small, small), 0);
	assert_int_equal(change(1001 + 256, NULL, small), 0);
	assert_int_equal(change(0, NULL, small), 0);
	usage_remove(usage, 1001, small);
	usage_add(usage, 1001, NULL); /* withdrawn */
	assert_int_equal(change(1001, NULL, small), 0);
	assert_int_equal(change(1001, NULL, small), -EDQUOT);
}

static void test_tombstones(void **state)
{
	(void)state;
	for (unsigned i = 0; i < QUOTA * USAGE_TOMBSTONES; i++) {
		assert_int_equal(change(1001, NULL, small), 0);
		usage_remove(usage, 1001, small);
		usage_add(usage, 1001, NULL);
	}
	assert_int_equal(change(1001, NULL, small), -EDQUOT);
	usage_remove(usage, 1001, NULL); /* the network knows */
	assert_int_equal(change(1001, NULL, small), 0);
}

/* An account has many uids, and what each has withdrawn is kept in memory. */
static void test_tombstones_of_all(void **state)
{
	(void)state;
	unsigned max = QUOTA * USAGE_TOMBSTONES * USAGE_USERS, granted = 0;
	for (uid_t uid = 100000; uid < 100000 + 2 * USAGE_USERS; uid++)
		for (unsigned i = 0; i < QUOTA * USAGE_TOMBSTONES; i++)
			if (change(uid, NULL, small) == 0) {
				granted++;
				usage_remove(usage, uid, small);
				usage_add(usage, uid, NULL);
			}
	assert_in_range(granted, max / 4 * 3, max / 8 * 7);
	assert_int_equal(change(100000, NULL, small), -EDQUOT);
	assert_int_equal(change(0, NULL, small), 0);
	assert_int_equal(change(OWNER, NULL, small), 0);
	/* The network hears of one user's after the other: nothing was lost in the counting. */
	for (uid_t uid = 100000; granted >= max / 4 * 3; uid++, granted -= QUOTA * USAGE_TOMBSTONES)
		for (unsigned i = 0; i < QUOTA * USAGE_TOMBSTONES; i++)
			usage_remove(usage, uid, NULL);
	assert_int_equal(change(100000, NULL, small), 0);
	assert_int_equal(change(100000, NULL, small), 0);
}

static void test_bytes(void **state)
{
	(void)state;
	assert_int_equal(change(1001, NULL, large), 0);
	assert_int_equal(change(1001, NULL, large), -EDQUOT); /* of 75,000 */
	assert_int_equal(change(1001, NULL, small), 0);
	assert_int_equal(change(1001, small, large), -EDQUOT); /* nor in its place */
	assert_int_equal(change(1002, NULL, large), 0);
	assert_int_equal(change(1001, large, small), 0);
	assert_int_equal(change(1001, small, large), 0);
	assert_int_equal(change(1001, NULL, large), -EDQUOT); /* nothing was lost in the counting */
}

/* Three quarters are what users who hold something may fill; the rest is the others', root's and
 * the owner's. */
static void test_all(void **state)
{
	(void)state;
	unsigned all = QUOTA * USAGE_USERS, granted = 0;
	for (uid_t uid = 100000; uid < 100200; uid++)
		for (unsigned i = 0; i < QUOTA; i++)
			granted += change(uid, NULL, small) == 0;
	assert_in_range(granted, all / 4 * 3, all / 8 * 7);
	assert_int_equal(change(100000, NULL, small), -EDQUOT);
	for (uid_t uid = 200000; granted < all / 8 * 7; uid++, granted++)
		assert_int_equal(change(uid, NULL, small), 0);
	assert_int_equal(change(300000, NULL, small), -EDQUOT);
	for (unsigned i = 0; i < QUOTA; i++) {
		assert_int_equal(change(0, NULL, small), 0);
		assert_int_equal(change(OWNER, NULL, small), 0);
	}
	assert_int_equal(change(0, NULL, small), -EDQUOT);
}

static void test_bytes_of_all(void **state)
{
	(void)state;
	size_t all = 0, size = large->data_len + large->question.name.len;
	for (uid_t uid = 100000; uid < 100200; uid++)
		all += change(uid, NULL, large) == 0 ? size : 0;
	assert_in_range(all, (size_t)BYTES * USAGE_USERS / 8 * 7 - size,
		(size_t)BYTES * USAGE_USERS / 8 * 7);
	assert_int_equal(change(0, NULL, large), 0);
	assert_int_equal(change(100000, large, small), 0); /* less is no matter of room */
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_records),
		CASE(test_tombstones),
		CASE(test_tombstones_of_all),
		CASE(test_bytes),
		CASE(test_all),
		CASE(test_bytes_of_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
