/* fs/secret: seeds as text, and what is being written to .kadns/secret. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/fs.h"
#include "fs/secret.h"
#include "resolver/clock.h"
#include "tests/fs/fake_resolver.h"

/* RFC 8032, 7.1, test 1; and its public key. */
#define SEED "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define KEY "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define KEY_Z32 "47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy"

static struct fs fs;

static void test_forms(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int r;
		bool has_key;
	} rows[] = {
		{SEED, 0, false},
		{SEED "\n", 0, false},
		{" \t" SEED "\r\n\n", 0, false},
		{"9D61B19DEFFD5A60BA844AF492EC2CC44449C5697B326919703BAC031CAE7F60", 0, false},
		{SEED KEY "\n", 0, true},
		{"", -EINVAL, false},
		{"\n", -EINVAL, false},
		{KEY_Z32, -EINVAL, false}, /* a public key is no secret */
		{"0x" SEED, -EINVAL, false},
		{SEED "0", -EINVAL, false},
		{SEED " " KEY, -EINVAL, false},
		{SEED KEY "00", -EINVAL, false},
		{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f6", -EINVAL, false},
		{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7fg0", -EINVAL,
			false},
		{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f-1", -EINVAL,
			false},
	};
	struct secret s;
	char text[SECRET_TEXT];
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(
			secret_from_text(rows[i].text, strlen(rows[i].text), &s), rows[i].r);
		if (rows[i].r < 0)
			continue;
		assert_int_equal(s.has_key, rows[i].has_key);
		secret_to_text(s.seed, text);
		assert_memory_equal(text, SEED "\n", SECRET_TEXT);
	}
	assert_int_equal(secret_from_text(SEED, 63, &s), -EINVAL);
	assert_int_equal(secret_from_text(SEED "\0", 65, &s), -EINVAL);
}

static int set_up(void **state)
{
	fs = (struct fs){.resolver = fake_resolver(NULL), .publisher = fake_publisher()};
	fake.imports = fake.import_error = 0;
	return secret_draft_create((struct secret_draft **)state);
}

static int tear_down(void **state)
{
	secret_draft_destroy(*state);
	fake_destroy();
	return 0;
}

static int put(struct secret_draft *d, const char *text)
{
	return secret_draft_write(d, &fs, 1000, text, strlen(text));
}

static bool holds(const struct secret_draft *d, const char *what)
{
	return memmem(d, SECRET_INPUT_MAX, what, strlen(what)) != NULL;
}

static void test_counts_at_its_end(void **state)
{
	struct secret_draft *d = *state;
	assert_int_equal(put(d, "9d61b19deffd5a60ba844af492ec2cc4"), 0);
	assert_true(holds(d, "9d61b19deffd5a60"));
	assert_int_equal(put(d, "4449c5697b326919703bac031cae7f60\n"), 0);
	assert_int_equal(fake.imports, 1);
	assert_false(holds(d, "9d61b19deffd5a60"));
	assert_false(holds(d, "4449c5697b326919"));
	assert_int_equal(put(d, " \n"), 0);
	assert_int_equal(secret_draft_close(d, &fs, 1000), 0);
	assert_int_equal(fake.imports, 1);
	assert_int_equal(put(d, SEED "\n"), -EINVAL); /* one is enough */
	assert_int_equal(fake.imports, 1);
	secret_draft_clear(d); /* `>` once more */
	assert_int_equal(put(d, SEED), 0);
	assert_int_equal(secret_draft_close(d, &fs, 1000), 0);
	assert_int_equal(secret_draft_close(d, &fs, 1000), 0);
	assert_int_equal(fake.imports, 2);
}

static void test_refuses(void **state)
{
	struct secret_draft *d = *state;
	char long_text[SECRET_INPUT_MAX + 2];
	assert_int_equal(put(d, "none\n"), -EINVAL);
	assert_int_equal(put(d, SEED "\n"), -EINVAL); /* bash writes on */
	assert_int_equal(secret_draft_close(d, &fs, 1000), 0);
	secret_draft_clear(d);
	memset(long_text, ' ', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	assert_int_equal(put(d, long_text), -EINVAL);
	secret_draft_clear(d);
	assert_int_equal(put(d, SEED), 0);
	assert_int_equal(put(d, long_text), -EINVAL);
	assert_false(holds(d, "9d61b19deffd5a60"));
	secret_draft_clear(d);
	/* The public key behind it is checked: the fake's is made of the uid, which is the seed. */
	assert_int_equal(put(d, SEED KEY "\n"), -EINVAL);
	assert_int_equal(fake.imports, 0);
	secret_draft_clear(d);
	fake.import_error = -EBUSY;
	assert_int_equal(put(d, SEED "\n"), -EBUSY);
	assert_false(holds(d, "9d61b19deffd5a60"));
	secret_draft_clear(d);
	fake.import_error = 0;
	/* Half of one, and its writer is killed: nothing comes of it. */
	assert_int_equal(put(d, SEED), 0);
	secret_draft_clear(d);
	assert_int_equal(secret_draft_close(d, &fs, 1000), 0);
	assert_int_equal(fake.imports, 1);
}

static void test_who_may(void **state)
{
	(void)state;
	char text[SECRET_TEXT];
	fs = (struct fs){.publisher = fake_publisher()};
	assert_int_equal(secret_may(&fs, 1000), 0);
	assert_int_equal(secret_may(&fs, 0), -EACCES);
	fs.root_secrets = true;
	assert_int_equal(secret_may(&fs, 0), 0);
	assert_int_equal(secret_read(&fs, 1000, text), 0);
	assert_memory_equal(text, "e903", 4);
	assert_int_equal(text[SECRET_TEXT - 1], '\n');
}

/* Whoever has held the loop up waits before he does so again. */
static void test_pace(void **state)
{
	struct secret_draft *d = *state;
	pace_spent(&fs.pace, 1000, 1000000, clock_monotonic());
	assert_int_equal(put(d, SEED "\n"), -EAGAIN);
	assert_int_equal(fake.imports, 0);
	/* It has taken nothing, so it may be written once more, and is nothing at a close. */
	assert_false(holds(d, "9d61b19deffd5a60"));
	assert_int_equal(secret_draft_close(d, &fs, 1000), 0);
	assert_int_equal(put(d, SEED "\n"), -EAGAIN);
	assert_int_equal(put(d, SEED), 0);
	assert_int_equal(put(d, "\n"), -EAGAIN);
	assert_int_equal(secret_draft_close(d, &fs, 1000), -EAGAIN);
	fs.pace = (struct pace){0};
	assert_int_equal(secret_draft_close(d, &fs, 1000), 0);
	assert_int_equal(fake.imports, 1);
	assert_int_equal(secret_draft_close(d, &fs, 1000), 0);
	assert_int_equal(fake.imports, 1);
	assert_false(holds(d, "9d61b19deffd5a60"));
	fake.imports = 0;
	secret_draft_clear(d);
	assert_int_equal(secret_draft_write(d, &fs, 1001, SEED "\n", 65), 0);
	assert_int_equal(fake.imports, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test_setup_teardown(test_counts_at_its_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refuses, set_up, tear_down),
		cmocka_unit_test(test_who_may),
		cmocka_unit_test_setup_teardown(test_pace, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
