/* Each user's share of what is open, and what is left for others. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "fs/handle.h"

#define OWNER 900

static struct handle_list *list;

static int setup(void **state)
{
	(void)state;
	return handle_list_create(OWNER, &list);
}

static int teardown(void **state)
{
	(void)state;
	handle_list_destroy(list);
	return 0;
}

static int open_as(uid_t uid, enum handle_kind kind)
{
	struct handle *h;
	return handle_create(list, kind, uid, &h);
}

static void test_drafts_of_a_user(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HANDLE_USER_DRAFTS; i++)
		assert_int_equal(open_as(1001, HANDLE_DRAFT), 0);
	assert_int_equal(open_as(1001, HANDLE_DRAFT), -EDQUOT);
	assert_int_equal(open_as(1001, HANDLE_TEXT), 0);
	assert_int_equal(open_as(1002, HANDLE_DRAFT), 0);
}

static void test_drafts_of_all(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HANDLE_DRAFTS / 4 * 3; i++)
		assert_int_equal(open_as(2000 + i / 60, HANDLE_DRAFT), 0);
	assert_int_equal(open_as(2000, HANDLE_DRAFT), -EDQUOT);
	assert_int_equal(open_as(2000, HANDLE_TEXT), 0);
	for (unsigned i = 0; i < HANDLE_DRAFTS / 8; i++)
		assert_int_equal(open_as(3000 + i, HANDLE_DRAFT), 0); /* their first */
	assert_int_equal(open_as(4000, HANDLE_DRAFT), -EDQUOT);
	for (unsigned i = 0; i < HANDLE_USER_DRAFTS; i++) {
		assert_int_equal(open_as(0, HANDLE_DRAFT), 0);
		assert_int_equal(open_as(OWNER, HANDLE_DRAFT), 0);
	}
	assert_int_equal(open_as(0, HANDLE_DRAFT), -EDQUOT);
}

static void test_files_of_all(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HANDLE_FILES / 4 * 3; i++)
		assert_int_equal(open_as(2000 + i / 4000, HANDLE_TEXT), 0);
	assert_int_equal(open_as(2000, HANDLE_TEXT), -ENFILE);
	assert_int_equal(open_as(4000, HANDLE_TEXT), 0);
	assert_int_equal(open_as(4000, HANDLE_TEXT), -ENFILE);
	assert_int_equal(open_as(OWNER, HANDLE_TEXT), 0);
	assert_int_equal(open_as(OWNER, HANDLE_TEXT), 0);
}

static void test_bytes(void **state)
{
	(void)state;
	struct handle *h[3], *his, *root;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(handle_create(list, HANDLE_DRAFT, 1001 + i, &h[i]), 0);
		assert_int_equal(handle_charge(h[i], HANDLE_USER_BYTES), 0);
		assert_int_equal(handle_charge(h[i], 1), -ENFILE);
	}
	assert_int_equal(handle_create(list, HANDLE_DRAFT, 1, &his), 0);
	assert_int_equal(handle_charge(his, HANDLE_TOTAL_BYTES / 8), 0);
	assert_int_equal(handle_charge(his, 1), -ENFILE); /* he holds something now */
	assert_int_equal(handle_create(list, HANDLE_DRAFT, 0, &root), 0);
	assert_int_equal(handle_charge(root, HANDLE_TOTAL_BYTES / 8), 0);
	assert_int_equal(handle_charge(root, 1), -ENFILE);
	handle_destroy(h[0]);
	handle_destroy(h[1]);
	assert_int_equal(handle_charge(his, 1), 0);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_drafts_of_a_user),
		CASE(test_drafts_of_all),
		CASE(test_files_of_all),
		CASE(test_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
