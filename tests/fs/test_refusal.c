/* fs/refusal: what is remembered of refused writes, of whom, and for how long. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/refusal.h"

static struct refusals table;

static int setup(void **state)
{
	(void)state;
	memset(&table, 0, sizeof(table));
	table.seed = 0x0123456789abcdefull;
	return 0;
}

static struct question question(const char *name)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	assert_int_equal(name_from_text(name, strlen(name), &q.name), 0);
	return q;
}

static void note(const char *name, uid_t uid, int error, const char *why)
{
	struct question q = question(name);
	refusal_note(&table, &q, uid, &(struct refused){error, why});
}

static const struct refusal *find(const char *name, uid_t uid)
{
	struct question q = question(name);
	return refusal_find(&table, &q, uid);
}

static void test_of_one_user_and_name(void **state)
{
	(void)state;
	struct question q = question("a.alt"), aaaa = q;
	aaaa.type = TYPE_AAAA;
	assert_null(find("a.alt", 0));
	note("a.alt", 1000, -EINVAL, "bad");
	assert_int_equal(find("a.alt", 1000)->error, -EINVAL);
	assert_true(find("a.alt", 1000)->time > 1700000000);
	assert_null(find("a.alt", 1001));
	assert_null(find("b.alt", 1000));
	assert_null(refusal_find(&table, &aaaa, 1000));
	note("a.alt", 1000, -EFBIG, "large");
	assert_int_equal(find("a.alt", 1000)->error, -EFBIG);
	refusal_forget(&table, &q, 1001);
	assert_non_null(find("a.alt", 1000));
	refusal_forget(&table, &q, 1000);
	assert_null(find("a.alt", 1000));
}

/* However many there are, it does not grow, and the last is known. */
static void test_many(void **state)
{
	(void)state;
	char name[32];
	unsigned known = 0;
	for (unsigned i = 0; i < 4 * REFUSALS; i++) {
		snprintf(name, sizeof(name), "n%u.alt", i);
		note(name, i, -EINVAL, "");
		assert_non_null(find(name, i));
	}
	for (unsigned i = 0; i < 4 * REFUSALS; i++) {
		snprintf(name, sizeof(name), "n%u.alt", i);
		known += find(name, i) != NULL;
	}
	assert_true(known > REFUSALS / 2 && known <= REFUSALS);
}

/* A few that meet in one place push nobody out. */
static void test_few(void **state)
{
	(void)state;
	for (table.seed = 1; table.seed <= 200; table.seed++) {
		memset(table.table, 0, sizeof(table.table));
		for (uid_t uid = 0; uid < 12; uid++)
			note("a.alt", uid, -EINVAL, "");
		for (uid_t uid = 0; uid < 12; uid++)
			assert_non_null(find("a.alt", uid));
	}
}

static void test_lines(void **state)
{
	(void)state;
	static const int errors[] = {EACCES, EDQUOT, EFBIG, EIO, ENOSPC, EPERM, ENOMEM, EINVAL};
	char line[REFUSAL_LINE_MAX];
	struct refusal r = {.error = -EINVAL, .why = "no record", .time = 1700000000};
	size_t len = refusal_line(&r, line);
	assert_string_equal(
		line, "write: EINVAL (Invalid argument): no record, at 2023-11-14T22:13:20Z\n");
	assert_int_equal(len, strlen(line));
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		char want[64];
		r.error = -errors[i];
		r.why = "";
		len = refusal_line(&r, line);
		snprintf(want, sizeof(want), "write: %s (%s): ", strerrorname_np(errors[i]),
			strerror(errors[i]));
		assert_memory_equal(line, want, strlen(want));
		assert_true(len > strlen(want) + 30 && line[len - 1] == '\n');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_of_one_user_and_name, setup),
		cmocka_unit_test_setup(test_many, setup),
		cmocka_unit_test_setup(test_few, setup),
		cmocka_unit_test_setup(test_lines, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
