/* The log: levels, escaping, and the rate in virtual time. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/log.h"
#include "resolver/clock.h"

static struct event_base *base;
static uint64_t now;
static char said[128][LOG_LINE_MAX + 64];
static int said_level[128];
static size_t said_len;

static uint64_t virtual_now(void)
{
	return now;
}

static void put(int level, const char *line)
{
	assert_true(said_len < 128);
	said_level[said_len] = level;
	snprintf(said[said_len++], sizeof(said[0]), "%s", line);
}

static int setup(void **state)
{
	(void)state;
	now = 1000 * SECOND;
	said_len = 0;
	base = event_base_new();
	log_open(LOG_NOTICE, put, virtual_now);
	return log_attach(base);
}

static int teardown(void **state)
{
	(void)state;
	log_attach(NULL);
	event_base_free(base);
	return 0;
}

static void assert_said(size_t i, const char *line)
{
	assert_true(i < said_len);
	assert_string_equal(said[i], line);
}

static void test_levels(void **state)
{
	(void)state;
	static const char *const words[] = {"error", "warning", "notice", "info", "debug"};
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(log_level_from_text(words[i]), LOG_ERR + (int)i);
		assert_string_equal(log_level_to_text(LOG_ERR + (int)i), words[i]);
	}
	assert_string_equal(log_level_to_text(LOG_EMERG), "error");
	for (const char *const *w = (const char *const[]){"", "Error", "err", "errors", "3", NULL};
		*w; w++)
		assert_int_equal(log_level_from_text(*w), -1);
	for (int most = LOG_ERR; most <= LOG_DEBUG; most++) {
		log_open(most, put, virtual_now);
		said_len = 0;
		now += 2 * SECOND;
		log_line(LOG_ERR, "e");
		log_line(LOG_WARNING, "w");
		log_line(LOG_NOTICE, "n");
		log_line(LOG_INFO, "i");
		log_line(LOG_DEBUG, "d");
		assert_int_equal(said_len, most - LOG_ERR + 1);
		assert_int_equal(said_level[said_len - 1], most);
	}
}

static void test_escape(void **state)
{
	(void)state;
	char line[LOG_LINE_MAX], all[257];
	for (int i = 1; i < 256; i++)
		all[i - 1] = (char)i;
	all[255] = '\0';
	log_escape(all, line, sizeof(line));
	for (const char *at = line; *at; at++)
		assert_true(*at >= ' ' && *at <= '~');
	log_escape("a\nb\r\tc\033[31m\177\x9b"
		   "d\303\251\n",
		line, sizeof(line));
	assert_string_equal(line, "a\\010b\\013\\009c\\027[31m\\127\\155d\\195\\169");
	/* The newline that ends a message is the message's own; two are not. */
	log_escape("x\n\n", line, sizeof(line));
	assert_string_equal(line, "x\\010");
	log_escape("", line, sizeof(line));
	assert_string_equal(line, "");
	/* Cut between pieces, never inside one. */
	char small[7];
	log_escape("ab\001\002", small, sizeof(small));
	assert_string_equal(small, "ab\\001");
	log_escape("abc\001", small, sizeof(small));
	assert_string_equal(small, "abc");
}

static void test_line_is_escaped_and_cut(void **state)
{
	(void)state;
	log_line(LOG_NOTICE, "%s: %s", "evil\n<0>kernel", "\xff%n");
	assert_said(0, "evil\\010<0>kernel: \\255%n");
	char *longer = malloc(4096);
	memset(longer, '\n', 4095);
	longer[4095] = '\0';
	log_line(LOG_NOTICE, "long %s", longer);
	assert_true(strlen(said[1]) < LOG_LINE_MAX);
	assert_true(strlen(said[1]) > LOG_LINE_MAX - 8);
	free(longer);
}

static void complain(unsigned i)
{
	log_line(LOG_WARNING, "complaint %u", i);
}

static void test_rate(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		complain(i);
		now += SECOND / 2000;
	}
	assert_int_equal(said_len, 1);
	assert_said(0, "complaint 0");
	log_flush(); /* half a second: not yet */
	assert_int_equal(said_len, 1);
	log_line(LOG_NOTICE, "another kind");
	assert_said(1, "another kind");
	now += SECOND / 2;
	log_flush();
	assert_said(2, "complaint 999 (998 more like it)");
	assert_int_equal(said_level[2], LOG_WARNING);
	log_flush();
	assert_int_equal(said_len, 3);
	/* That was a line too: the second begins anew. */
	complain(5);
	assert_int_equal(said_len, 3);
	now += SECOND;
	log_flush();
	assert_said(3, "complaint 5");
	now += SECOND;
	complain(6);
	assert_said(4, "complaint 6");
}

/* Without the timer's turn the next of its kind brings the count along. */
static void test_count_comes_with_the_next(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		complain(i);
	now += SECOND;
	complain(3);
	assert_int_equal(said_len, 2);
	assert_said(1, "complaint 3 (2 more like it)");
}

static void test_nothing_is_lost_at_the_end(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		complain(i);
	assert_int_equal(log_attach(NULL), 0);
	assert_said(1, "complaint 2 (1 more like it)");
	/* Without a loop, which is at the start, every line goes. */
	complain(3);
	complain(4);
	assert_int_equal(said_len, 4);
}

static void test_a_long_line_keeps_its_count(void **state)
{
	(void)state;
	char text[LOG_LINE_MAX];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (unsigned i = 0; i < 9; i++)
		log_line(LOG_NOTICE, "%s", text);
	now += SECOND;
	log_flush();
	assert_non_null(strstr(said[1], "x (7 more like it)"));
	assert_true(strlen(said[1]) < LOG_LINE_MAX);
}

static void test_debug_holds_nothing_back(void **state)
{
	(void)state;
	log_open(LOG_DEBUG, put, virtual_now);
	for (unsigned i = 0; i < 20; i++)
		complain(i);
	assert_int_equal(said_len, 20);
}

/* More kinds than there is room for: the one that was silent for longest says what it held. */
static void test_many_kinds(void **state)
{
	(void)state;
	static char formats[140][16];
	complain(0);
	complain(1);
	for (unsigned i = 0; i < 40; i++)
		snprintf(formats[i], sizeof(formats[i]), "kind %u", i);
	now++;
	for (unsigned i = 0; i < 40; i++)
		log_line(LOG_NOTICE, formats[i], 0);
	assert_int_equal(said_len, 41);
	said_len = 0;
	for (unsigned i = 40; i < 140; i++) {
		snprintf(formats[i], sizeof(formats[i]), "kind %u", i);
		log_line(LOG_NOTICE, formats[i], 0);
	}
	assert_int_equal(said_len, 101);
	size_t found = 0;
	for (size_t i = 0; i < said_len; i++)
		found += strcmp(said[i], "complaint 1") == 0;
	assert_int_equal(found, 1);
}

static void complain_of(uid_t uid, unsigned i)
{
	log_line_of(uid, LOG_NOTICE, "user %u: %u", (unsigned)uid, i);
}

/* A noisy user holds back his own lines and nobody else's. */
static void test_users(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++)
		complain_of(1001, i);
	complain_of(1002, 7);
	assert_int_equal(said_len, 2);
	assert_said(1, "user 1002: 7");
	/* With many uids all are one beyond the first eight, who still have their own. */
	for (uid_t uid = 2000; uid < 2100; uid++)
		complain_of(uid, 0);
	assert_int_equal(said_len, LOG_USERS_MAX + 1);
	now += SECOND;
	log_flush();
	assert_said(LOG_USERS_MAX + 1, "user 1001: 99 (98 more like it)");
	assert_said(LOG_USERS_MAX + 2, "user 2099: 0 (92 more like it)");
	now += SECOND;
	log_flush();
	complain_of(3000, 1); /* in the place of who is silent */
	complain_of(3000, 2);
	assert_said(LOG_USERS_MAX + 3, "user 3000: 1");
	assert_int_equal(said_len, LOG_USERS_MAX + 4);
}

/* What the log itself makes libevent say does not come back to it for ever. */
static void again(int level, const char *line)
{
	put(level, line);
	log_line(LOG_ERR, "again");
}

static void test_does_not_recurse(void **state)
{
	(void)state;
	log_open(LOG_NOTICE, again, virtual_now);
	log_line(LOG_ERR, "once");
	assert_int_equal(said_len, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_escape, setup, teardown),
		cmocka_unit_test_setup_teardown(test_line_is_escaped_and_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_count_comes_with_the_next, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_is_lost_at_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_long_line_keeps_its_count, setup, teardown),
		cmocka_unit_test_setup_teardown(test_debug_holds_nothing_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_users, setup, teardown),
		cmocka_unit_test_setup_teardown(test_does_not_recurse, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
