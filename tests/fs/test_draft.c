/* When a write counts: the rules of design.md, section 6, case by case. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/draft.h"

static struct question question(void)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	assert_int_equal(name_from_text("printer.alt", strlen("printer.alt"), &q.name), 0);
	return q;
}

static struct rrset *set_of(const char *text)
{
	struct question q = question();
	struct rrset *set = NULL;
	assert_int_equal(json_read(text, strlen(text), &q, NULL, &set, NULL), 0);
	return set;
}

static struct draft *draft_over(const char *standing, bool append)
{
	struct question q = question();
	struct rrset *set = standing ? set_of(standing) : NULL;
	struct draft *d;
	assert_int_equal(draft_create(&q, set, append, &d), 0);
	rrset_destroy(set); /* it was copied */
	return d;
}

/* Checks that `set` is what `text` says, and hands it back to the draft as published. */
static void expect_published(struct draft *d, struct rrset *set, const char *text)
{
	struct rrset *expected = set_of(text);
	assert_non_null(set);
	assert_true(rrset_same_data(set, expected));
	assert_int_equal(set->ttl, expected->ttl);
	rrset_destroy(expected);
	draft_published(d, set);
}

/* Writes at the end, as a shell does. `publishes` NULL: nothing yet. */
static void put(struct draft *d, const char *text, const char *publishes)
{
	struct rrset *set;
	size_t len;
	draft_text(d, &len);
	assert_int_equal(draft_write(d, text, strlen(text), len, &set), 0);
	if (publishes)
		expect_published(d, set, publishes);
	else
		assert_null(set);
}

static void put_refused(struct draft *d, const char *text, int error)
{
	struct rrset *set;
	size_t len;
	draft_text(d, &len);
	assert_int_equal(draft_write(d, text, strlen(text), len, &set), error);
	assert_null(set);
	assert_false(draft_open(d));
}

static void close_draft(struct draft *d, const char *publishes)
{
	struct rrset *set;
	assert_int_equal(draft_close(d, &set), 0);
	if (publishes)
		expect_published(d, set, publishes);
	else
		assert_null(set);
}

static void test_echo(void **state)
{
	(void)state;
	struct draft *d = draft_over(NULL, false);
	close_draft(d, NULL); /* the shell's dup2 comes first */
	assert_false(draft_touched(d));
	put(d, "192.0.2.7\n", "192.0.2.7\n");
	assert_true(draft_has_published(d));
	close_draft(d, NULL); /* nothing new */
	assert_false(draft_is_unfinished(d));
	draft_destroy(d);
}

static void test_several_lines_are_one_set(void **state)
{
	(void)state;
	struct draft *d = draft_over(NULL, false);
	put(d, "192.0.2.7\n", "192.0.2.7\n");
	put(d, "192.0.2.8\n", "192.0.2.7\n192.0.2.8\n");
	put(d, "192.0.2.8\n", NULL); /* a duplicate changes nothing */
	put(d, "\n", NULL);	     /* nor does white space after a value */
	draft_destroy(d);
}

static void test_json_by_lines(void **state)
{
	(void)state;
	struct draft *d = draft_over(NULL, false);
	put(d, "{\n", NULL);
	put(d, "\"ttl\":60,\n", NULL);
	assert_true(draft_is_unfinished(d));
	put(d, "\"data\":[\"192.0.2.7\",\n", NULL);
	put(d, "\"192.0.2.8\"]}", "60 192.0.2.7\n60 192.0.2.8\n");
	put(d, "\n", NULL);
	close_draft(d, NULL);
	draft_destroy(d);
}

static void test_last_line_without_newline(void **state)
{
	(void)state;
	struct draft *d = draft_over(NULL, false);
	put(d, "192.0.2.7\n192.0.2.", NULL);
	put(d, "8", NULL);
	close_draft(d, "192.0.2.7\n192.0.2.8\n");
	close_draft(d, NULL);
	draft_destroy(d);
}

static void test_incomplete_json_may_go_on(void **state)
{
	(void)state;
	struct draft *d = draft_over(NULL, false);
	struct rrset *set;
	put(d, " {\"data\":", NULL);
	assert_int_equal(draft_close(d, &set), -EINVAL);
	assert_true(draft_open(d)); /* `exec 3>f; echo … >&3; echo … >&3` closes in between */
	assert_true(draft_is_unfinished(d));
	assert_true(*draft_why(d));
	put(d, "\"192.0.2.7\"}\n", "192.0.2.7\n");
	assert_false(draft_is_unfinished(d));
	draft_destroy(d);
}

static void test_white_space_alone_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"\n", " \t\n", " "};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct draft *d = draft_over("192.0.2.1\n", false);
		const struct rrset *before;
		put_refused(d, texts[i], -EINVAL);
		assert_false(draft_must_undo(d, &before)); /* nothing was changed yet */
		draft_destroy(d);
	}
}

/* A shell writes on after an error: the rest of a bad record must not become a record. */
static void test_all_after_a_refusal_is_refused(void **state)
{
	(void)state;
	struct draft *d = draft_over(NULL, false);
	struct rrset *set;
	put_refused(d, "not an address\n", -EINVAL);
	assert_true(*draft_why(d));
	put_refused(d, "192.0.2.7\n", -EINVAL);
	draft_truncate(d, 0);
	put_refused(d, "192.0.2.7\n", -EINVAL);
	assert_int_equal(draft_close(d, &set), 0);
	assert_null(set);
	assert_false(draft_has_published(d));
	assert_false(draft_is_unfinished(d));
	draft_destroy(d);
}

static void test_refusal_puts_back_what_stood(void **state)
{
	(void)state;
	struct rrset *expected = set_of("60 192.0.2.1\n");
	struct draft *d = draft_over("60 192.0.2.1\n", false);
	const struct rrset *before;
	put(d, "192.0.2.7\n", "192.0.2.7\n");
	put_refused(d, "bad\n", -EINVAL);
	assert_true(draft_must_undo(d, &before));
	assert_true(rrset_same_data(before, expected));
	assert_int_equal(before->ttl, 60);
	draft_destroy(d);
	d = draft_over(NULL, false);
	put(d, "192.0.2.7\n", "192.0.2.7\n");
	put_refused(d, "bad\n", -EINVAL);
	assert_true(draft_must_undo(d, &before));
	assert_null(before); /* there was none: it is removed */
	draft_destroy(d);
	rrset_destroy(expected);
}

static void test_publishing_may_refuse_too(void **state)
{
	(void)state;
	struct draft *d = draft_over(NULL, false);
	struct rrset *set;
	const struct rrset *before;
	assert_int_equal(draft_write(d, "192.0.2.7\n", 10, 0, &set), 0);
	rrset_destroy(set); /* -EDQUOT, say */
	draft_refuse(d);
	assert_false(draft_must_undo(d, &before));
	put_refused(d, "192.0.2.8\n", -EINVAL);
	draft_destroy(d);
}

static void test_bad_last_line(void **state)
{
	(void)state;
	struct draft *d = draft_over(NULL, false);
	struct rrset *set;
	put(d, "192.0.2", NULL);
	assert_int_equal(draft_close(d, &set), -EINVAL);
	assert_false(draft_open(d)); /* text is never "to be continued" once it is closed */
	draft_destroy(d);
}

static void test_nul_and_holes(void **state)
{
	(void)state;
	struct draft *d = draft_over(NULL, false);
	struct rrset *set;
	assert_int_equal(draft_write(d, "192.0.2.7\0\n", 11, 0, &set), -EINVAL);
	assert_null(set);
	draft_destroy(d);
	d = draft_over(NULL, false);
	assert_int_equal(draft_write(d, "192.0.2.7\n", 10, 1, &set), -EINVAL);
	draft_destroy(d);
}

static void test_too_big(void **state)
{
	(void)state;
	char *much = malloc(JSON_INPUT_MAX + 1);
	struct rrset *set;
	assert_non_null(much);
	memset(much, ' ', JSON_INPUT_MAX + 1);
	much[0] = '{';
	struct draft *d = draft_over(NULL, false);
	assert_int_equal(draft_write(d, much, JSON_INPUT_MAX + 1, 0, &set), -EFBIG);
	draft_destroy(d);
	d = draft_over(NULL, false);
	assert_int_equal(draft_write(d, much, JSON_INPUT_MAX, 0, &set), 0);
	assert_null(set);
	assert_int_equal(draft_write(d, "x", 1, JSON_INPUT_MAX, &set), -EFBIG);
	draft_destroy(d);
	d = draft_over(NULL, false);
	assert_int_equal(draft_write(d, "x", 1, UINT64_MAX, &set), -EFBIG);
	draft_destroy(d);
	free(much);
}

static void test_empty_write_is_nothing(void **state)
{
	(void)state;
	struct draft *d = draft_over(NULL, false);
	struct rrset *set;
	assert_int_equal(draft_write(d, "", 0, 0, &set), 0);
	assert_null(set);
	assert_true(draft_open(d));
	assert_false(draft_touched(d));
	draft_destroy(d);
}

static void test_truncation_is_no_content(void **state)
{
	(void)state;
	struct draft *d = draft_over("192.0.2.1\n", false);
	size_t len;
	draft_truncate(d, 0);
	assert_true(draft_touched(d));
	close_draft(d, NULL); /* `> f`: never withdraws */
	assert_false(draft_is_unfinished(d));
	put(d, "192.0.2.7\n192.0.2.8\n", "192.0.2.7\n192.0.2.8\n");
	draft_truncate(d, 10);
	draft_truncate(d, 1000); /* longer: ignored */
	draft_text(d, &len);
	assert_int_equal(len, 10);
	close_draft(d, "192.0.2.7\n");
	draft_truncate(d, 0);
	close_draft(d, NULL);
	put(d, " 192.0.2.7\n", NULL); /* as it stands already */
	draft_truncate(d, 1);
	close_draft(d, NULL); /* white space that is left over is nothing */
	draft_destroy(d);
}

static void test_overwriting_in_place(void **state)
{
	(void)state;
	struct draft *d = draft_over(NULL, false);
	struct rrset *set;
	put(d, "192.0.2.7\n", "192.0.2.7\n");
	assert_int_equal(draft_write(d, "9", 1, 8, &set), 0);
	expect_published(d, set, "192.0.2.9\n");
	draft_destroy(d);
}

static void test_append_adds_to_what_stands(void **state)
{
	(void)state;
	struct draft *d = draft_over("60 192.0.2.1\n", true);
	struct rrset *set;
	/* The kernel's idea of the size is that of the JSON: the offset means nothing. */
	assert_int_equal(draft_write(d, "192.0.2.7\n", 10, 160, &set), 0);
	expect_published(d, set, "60 192.0.2.1\n60 192.0.2.7\n");
	assert_int_equal(draft_write(d, "bad\n", 4, 0, &set), -EINVAL);
	draft_destroy(d);
	d = draft_over("60 192.0.2.1\n", true);
	assert_int_equal(draft_write(d, "{\"ttl\":30,\"data\":\"192.0.2.2\"}", 29, 999, &set), 0);
	expect_published(d, set, "30 192.0.2.1\n30 192.0.2.2\n");
	draft_destroy(d);
	d = draft_over(NULL, true);
	assert_int_equal(draft_write(d, "192.0.2.7\n", 10, 5, &set), 0);
	expect_published(d, set, "192.0.2.7\n");
	draft_destroy(d);
}

static void test_append_of_what_is_there(void **state)
{
	(void)state;
	struct draft *d = draft_over("192.0.2.1\n", true);
	struct rrset *set;
	const struct rrset *before;
	assert_int_equal(draft_write(d, "192.0.2.1\n", 10, 0, &set), 0);
	expect_published(d, set, "192.0.2.1\n");
	assert_int_equal(draft_write(d, "bad\n", 4, 0, &set), -EINVAL);
	assert_true(draft_must_undo(d, &before));
	assert_non_null(before);
	draft_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_several_lines_are_one_set),
		cmocka_unit_test(test_json_by_lines),
		cmocka_unit_test(test_last_line_without_newline),
		cmocka_unit_test(test_incomplete_json_may_go_on),
		cmocka_unit_test(test_white_space_alone_is_refused),
		cmocka_unit_test(test_all_after_a_refusal_is_refused),
		cmocka_unit_test(test_refusal_puts_back_what_stood),
		cmocka_unit_test(test_publishing_may_refuse_too),
		cmocka_unit_test(test_bad_last_line),
		cmocka_unit_test(test_nul_and_holes),
		cmocka_unit_test(test_too_big),
		cmocka_unit_test(test_empty_write_is_nothing),
		cmocka_unit_test(test_truncation_is_no_content),
		cmocka_unit_test(test_overwriting_in_place),
		cmocka_unit_test(test_append_adds_to_what_stands),
		cmocka_unit_test(test_append_of_what_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
