/* A child's stderr as lines: whole ones, long ones, hostile ones, and the last without its end. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "resolver/child_words.h"

static struct event_base *base;
static struct child_words *words;
static int child_end;
static char heard[16][1100];
static size_t heard_len;

static void hear(void *ctx, const char *line)
{
	assert_ptr_equal(ctx, &words);
	assert_true(heard_len < 16 && strlen(line) < sizeof(heard[0]));
	strcpy(heard[heard_len++], line);
}

static int setup(void **state)
{
	int ends[2];
	(void)state;
	heard_len = 0;
	base = event_base_new();
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	child_end = ends[1];
	words = child_words_create(base, ends[0], hear, &words);
	return words ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	child_words_destroy(words);
	if (child_end >= 0)
		close(child_end);
	event_base_free(base);
	return 0;
}

static void print(const void *bytes, size_t len)
{
	assert_int_equal(write(child_end, bytes, len), len);
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static void test_lines(void **state)
{
	(void)state;
	print("one\ntwo\n\n\nthr", 13);
	assert_int_equal(heard_len, 2);
	print("ee\n", 3);
	assert_int_equal(heard_len, 3);
	assert_string_equal(heard[0], "one");
	assert_string_equal(heard[1], "two");
	assert_string_equal(heard[2], "three");
}

static void test_any_bytes(void **state)
{
	(void)state;
	print("\033[2J\377\0%n\n", 9);
	assert_int_equal(heard_len, 1);
	assert_string_equal(heard[0], "\033[2J\377?%n");
}

static void test_a_long_line_is_cut(void **state)
{
	static char line[3000];
	(void)state;
	memset(line, 'x', sizeof(line));
	line[2998] = '\n';
	line[2999] = 'y';
	print(line, sizeof(line));
	print("\n", 1);
	assert_int_equal(heard_len, 2);
	assert_int_equal(strlen(heard[0]), 1000);
	assert_string_equal(heard[1], "y");
}

/* A child that has died: its last words are heard though they have no end, and the closed pipe
 * does not keep the loop turning. */
static void test_last_words(void **state)
{
	(void)state;
	print("*** stack smashing", 18);
	assert_int_equal(heard_len, 0);
	close(child_end);
	child_end = -1;
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	child_words_destroy(words);
	words = NULL;
	assert_int_equal(heard_len, 1);
	assert_string_equal(heard[0], "*** stack smashing");
}

/* What nobody has had time to read is heard before the end. */
static void test_unread_words(void **state)
{
	(void)state;
	assert_int_equal(write(child_end, "a\nb", 3), 3);
	child_words_destroy(words);
	words = NULL;
	assert_int_equal(heard_len, 2);
	assert_string_equal(heard[1], "b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_any_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_long_line_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_last_words, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unread_words, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
