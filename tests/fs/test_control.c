/* The control panel's files. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/control.h"
#include "resolver/clock.h"
#include "tests/fs/fake_resolver.h"

static struct control_size sizes[CONTROL_FILES];
static struct control_parts parts;
static struct control_input *in;

static int setup(void **state)
{
	(void)state;
	parts = (struct control_parts){fake_resolver(NULL), fake_publisher(), sizes};
	return control_input_create(CONTROL_NODES, &in);
}

static int teardown(void **state)
{
	(void)state;
	control_input_destroy(in);
	fake_destroy();
	return 0;
}

static int put(const char *text)
{
	return control_input_write(in, parts.resolver, text, strlen(text));
}

static void test_lines(void **state)
{
	(void)state;
	assert_int_equal(put("127.0.0.1 4001\n"), 0);
	assert_int_equal(fake.nodes, 1);
	assert_int_equal(put("# a comment\n\n   \t\n[::1]:40"), 0);
	assert_int_equal(fake.nodes, 1);
	assert_int_equal(put("01\r\n"), 0);
	assert_int_equal(fake.nodes, 2);
}

static void test_last_line_counts_at_the_end(void **state)
{
	(void)state;
	assert_int_equal(put("127.0.0.1:4001"), 0);
	assert_int_equal(fake.nodes, 0);
	assert_int_equal(control_input_end(in, parts.resolver), 0);
	assert_int_equal(fake.nodes, 1);
	assert_int_equal(control_input_end(in, parts.resolver), 0);
	assert_int_equal(fake.nodes, 1);
}

static void test_bad_lines(void **state)
{
	(void)state;
	char much[CONTROL_LINE_MAX + 2];
	memset(much, '1', sizeof(much));
	much[sizeof(much) - 1] = '\0';
	assert_int_equal(put("127.0.0.1 1\nrubbish\n127.0.0.1 2\n"), -EINVAL);
	assert_int_equal(fake.nodes, 1); /* what came before it stands */
	assert_int_equal(put(much), -EINVAL);
	assert_int_equal(put("127.0.0.1 3\n"), 0); /* nothing of the long line is left */
	assert_int_equal(fake.nodes, 2);
}

/* Who reads the one, and writes it, is root or the daemon's user. */
static void test_signers(void **state)
{
	(void)state;
	control_input_destroy(in);
	assert_int_equal(control_input_create(CONTROL_SIGNERS, &in), 0);
	assert_int_equal(put("forget a.alt\n# no more\nforget b.alt\n"), 0);
	assert_int_equal(fake.forgotten, 2);
	assert_int_equal(put("127.0.0.1 4001\n"), -EINVAL);
	assert_int_equal(fake.nodes, 0);
	for (enum control_file f = 0; f < CONTROL_FILES; f++) {
		assert_int_equal(control_may_read(f, false), f != CONTROL_SIGNERS);
		assert_true(control_may_read(f, true));
	}
	assert_false(control_may_write(CONTROL_SIGNERS, false));
	assert_true(control_may_write(CONTROL_SIGNERS, true));
}

static void test_key(void **state)
{
	(void)state;
	char *mine, *his;
	size_t len, size;
	assert_int_equal(control_read(&parts, CONTROL_KEY, 1001, &mine, &len), 0);
	assert_int_equal(control_size(&parts, CONTROL_KEY, 1001, &size), 0);
	assert_int_equal(len, size);
	assert_int_equal(len, NAME_KEY_TEXT + 1);
	assert_int_equal(mine[len - 1], '\n');
	assert_int_equal(control_read(&parts, CONTROL_KEY, 1002, &his, &len), 0);
	assert_memory_not_equal(mine, his, len);
	free(mine);
	free(his);
}

static void test_sizes(void **state)
{
	(void)state;
	for (enum control_file f = 0; f < CONTROL_FILES; f++) {
		char *text;
		size_t len, size;
		if (control_is_directory(f)) {
			assert_int_equal(control_read(&parts, f, 0, &text, &len), -EISDIR);
			continue;
		}
		if (f == CONTROL_SECRET) { /* of which no copy is made */
			assert_int_equal(control_read(&parts, f, 0, &text, &len), -EACCES);
			assert_int_equal(control_size(&parts, f, 0, &size), 0);
			assert_int_equal(size, 65);
			continue;
		}
		assert_int_equal(control_read(&parts, f, 0, &text, &len), 0);
		assert_int_equal(control_size(&parts, f, 0, &size), 0);
		assert_int_equal(len, size);
		free(text);
	}
	char *text;
	size_t len, size;
	assert_int_equal(control_read(&parts, CONTROL_STATUS, 0, &text, &len), 0);
	free(text);
	fake.asks = 1234567; /* a second later it is looked at again */
	assert_int_equal(control_size(&parts, CONTROL_STATUS, 0, &size), 0);
	assert_int_equal(size, len);
	sizes[CONTROL_STATUS].until = clock_monotonic();
	assert_int_equal(control_size(&parts, CONTROL_STATUS, 0, &size), 0);
	assert_int_equal(size, len + 6);
	assert_int_equal(control_read(&parts, CONTROL_FILES, 0, &text, &len), -ENOENT);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_lines),
		CASE(test_last_line_counts_at_the_end),
		CASE(test_bad_lines),
		CASE(test_signers),
		CASE(test_key),
		CASE(test_sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
