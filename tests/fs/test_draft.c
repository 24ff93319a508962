/* When a write counts: the rules of design.md, section 6, case by case. */
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
	assert_int_equal(draft_see(d, set), 0);
	rrset_destroy(set); /* it was copied */
	return d;
}

/* Tells the draft what stands now. */
static void see(struct draft *d, const char *standing)
{
	struct rrset *set = standing ? set_of(standing) : NULL;
	assert_int_equal(draft_see(d, set), 0);
	rrset_destroy(set);
}

/* What a refusal would do where `standing` stands; `before` is what it would put back. */
static void expect_undo(
	const struct draft *d, const char *standing, enum draft_undo undo, const char *before)
{
	struct rrset *stands = standing ? set_of(standing) : NULL;
	struct rrset *expected = before ? set_of(before) : NULL;
	const struct rrset *set;
	assert_int_equal(draft_undo(d, stands, &set), undo);
	assert_int_equal(set != NULL, expected != NULL);
	if (set) {
		assert_true(rrset_same_data(set, expected));
		assert_int_equal(set->ttl, expected->ttl);
	}
	rrset_destroy(stands);
	rrset_destroy(expected);
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
		put_refused(d, texts[i], -EINVAL);
		expect_undo(d, "192.0.2.1\n", DRAFT_CHANGED_NOTHING, "192.0.2.1\n");
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
	struct draft *d = draft_over("60 192.0.2.1\n", false);
	put(d, "192.0.2.7\n", "192.0.2.7\n");
	see(d, "192.0.2.7\n");
	put_refused(d, "bad\n", -EINVAL);
	expect_undo(d, "192.0.2.7\n", DRAFT_STANDS, "60 192.0.2.1\n");
	draft_destroy(d);
	d = draft_over(NULL, false);
	put(d, "192.0.2.7\n", "192.0.2.7\n");
	see(d, "192.0.2.7\n");
	put_refused(d, "bad\n", -EINVAL);
	expect_undo(d, "192.0.2.7\n", DRAFT_STANDS, NULL); /* there was none: it is removed */
	draft_destroy(d);
}

/* Another handle has been told that its record stands: a refusal of this one leaves it. */
static void test_refusal_leaves_what_another_wrote(void **state)
{
	(void)state;
	static const char *const others[] = {"192.0.2.50\n", "60 192.0.2.7\n", NULL};
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		struct draft *d = draft_over("192.0.2.1\n", false);
		put(d, "192.0.2.7\n", "192.0.2.7\n");
		see(d, others[i]);
		put_refused(d, "bad\n", -EINVAL);
		expect_undo(d, others[i], DRAFT_REPLACED, others[i]);
		draft_destroy(d);
	}
	/* What this one goes on to write replaces it, all of it. */
	struct draft *d = draft_over("192.0.2.1\n", false);
	put(d, "192.0.2.7\n", "192.0.2.7\n");
	see(d, "192.0.2.50\n");
	put(d, "192.0.2.8\n", "192.0.2.7\n192.0.2.8\n");
	draft_destroy(d);
	/* Written between this one's open and its first record: that is what stood. */
	d = draft_over("192.0.2.1\n", false);
	see(d, "192.0.2.50\n");
	put(d, "192.0.2.7\n", "192.0.2.7\n");
	see(d, "192.0.2.7\n");
	put_refused(d, "bad\n", -EINVAL);
	expect_undo(d, "192.0.2.7\n", DRAFT_STANDS, "192.0.2.50\n");
	draft_destroy(d);
}

static void test_removed_while_open(void **state)
{
	(void)state;
	struct draft *d = draft_over("192.0.2.1\n", false);
	struct rrset *set;
	put(d, "192.0.2.", NULL);
	draft_orphan(d);
	assert_false(draft_is_unfinished(d));
	assert_int_equal(draft_close(d, &set), 0);
	assert_null(set);
	put_refused(d, "7\n", -EINVAL);
	assert_true(*draft_why(d));
	draft_destroy(d);
}

static void test_publishing_may_refuse_too(void **state)
{
	(void)state;
	struct draft *d = draft_over(NULL, false);
	struct rrset *set;
	assert_int_equal(draft_write(d, "192.0.2.7\n", 10, 0, &set), 0);
	rrset_destroy(set); /* -EDQUOT, say */
	draft_refuse(d);
	expect_undo(d, NULL, DRAFT_CHANGED_NOTHING, NULL);
	put_refused(d, "192.0.2.8\n", -EINVAL);
	draft_destroy(d);
}

/* `{ printf 192.0.2.; echo hi >/dev/null; echo 9; } > f`: the inner redirection closes a copy. */
static void test_bad_last_line_may_go_on(void **state)
{
	(void)state;
	struct draft *d = draft_over(NULL, false);
	struct rrset *set;
	put(d, "192.0.2.", NULL);
	assert_int_equal(draft_close(d, &set), -EINVAL);
	assert_null(set);
	assert_true(*draft_why(d));
	assert_true(draft_open(d));
	assert_true(draft_is_unfinished(d));
	assert_int_equal(draft_close(d, &set), -EINVAL); /* as often as it is asked */
	put(d, "9\n", "192.0.2.9\n");
	assert_false(draft_is_unfinished(d));
	draft_destroy(d);
	d = draft_over(NULL, false); /* what is a record already counts, and may grow too */
	put(d, "192.0.2.1", NULL);
	close_draft(d, "192.0.2.1\n");
	put(d, "0\n", "192.0.2.10\n");
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
	assert_int_equal(draft_write(d, "192.0.2.1\n", 10, 0, &set), 0);
	expect_published(d, set, "192.0.2.1\n");
	assert_int_equal(draft_write(d, "bad\n", 4, 0, &set), -EINVAL);
	expect_undo(d, "192.0.2.1\n", DRAFT_STANDS, "192.0.2.1\n");
	draft_destroy(d);
}

static void test_append_to_what_stands_by_then(void **state)
{
	(void)state;
	struct draft *d = draft_over("192.0.2.1\n", true);
	put(d, "192.0.2.2\n", "192.0.2.1\n192.0.2.2\n");
	see(d, "192.0.2.1\n192.0.2.2\n192.0.2.3\n"); /* another appends as well */
	put(d, "\n", NULL);
	put(d, "; mine\n", NULL);
	put(d, "192.0.2.4\n", "192.0.2.1\n192.0.2.2\n192.0.2.3\n192.0.2.4\n");
	see(d, "192.0.2.50\n"); /* or begins anew: what was added before is gone */
	put(d, "\n", NULL);
	put(d, "192.0.2.5\n", "192.0.2.50\n192.0.2.5\n");
	see(d, "192.0.2.50\n"); /* even when he puts back what stood without this one */
	put(d, "192.0.2.6", NULL);
	close_draft(d, "192.0.2.50\n192.0.2.6\n");
	see(d, "192.0.2.50\n192.0.2.6\n");
	put(d, "0\n", "192.0.2.50\n192.0.2.60\n"); /* the line was not at its end */
	see(d, NULL);
	put(d, "192.0.2.8\n", "192.0.2.8\n");
	draft_truncate(d, 3); /* shorter than what has been added */
	see(d, "192.0.2.9\n");
	put(d, "192.0.2.10\n", "192.0.2.9\n192.0.2.10\n");
	draft_destroy(d);
}

/* Each part is a record set, both together are none. */
static void test_append_judges_the_whole_set(void **state)
{
	(void)state;
	static const uint16_t types[] = {TYPE_CNAME, TYPE_DNAME};
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct question q = question();
		struct rrset *set;
		struct draft *d;
		q.type = types[i];
		assert_int_equal(json_read("a.example.\n", 11, &q, NULL, &set, NULL), 0);
		assert_int_equal(draft_create(&q, set, true, &d), 0);
		assert_int_equal(draft_see(d, set), 0);
		rrset_destroy(set);
		assert_int_equal(draft_write(d, "b.example.\n", 11, 0, &set), -EINVAL);
		assert_null(set);
		assert_string_equal(draft_why(d), "a name has only one record of this type");
		draft_destroy(d);
	}
}

/* `n` addresses, a line each, from 10.HIGH.0.0 on; malloc'd. */
static char *many(unsigned high, unsigned n)
{
	char *text = malloc((size_t)n * 16 + 1), *at = text;
	assert_non_null(text);
	for (unsigned i = 0; i < n; i++)
		at += sprintf(at, "10.%u.%u.%u\n", high, i / 250, i % 250);
	return text;
}

static void test_append_has_the_bound_of_a_draft(void **state)
{
	(void)state;
	char *first = many(1, 2047), *more = many(2, 2);
	struct draft *d = draft_over(first, true);
	struct rrset *set;
	size_t one = strcspn(more, "\n") + 1;
	assert_int_equal(draft_write(d, more, one, 0, &set), 0);
	assert_int_equal(set->count, 2048);
	draft_published(d, set);
	assert_int_equal(draft_write(d, more + one, strlen(more + one), 0, &set), -EFBIG);
	assert_true(*draft_why(d));
	draft_destroy(d);
	free(first);
	free(more);
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
		cmocka_unit_test(test_refusal_leaves_what_another_wrote),
		cmocka_unit_test(test_removed_while_open),
		cmocka_unit_test(test_publishing_may_refuse_too),
		cmocka_unit_test(test_bad_last_line_may_go_on),
		cmocka_unit_test(test_nul_and_holes),
		cmocka_unit_test(test_too_big),
		cmocka_unit_test(test_empty_write_is_nothing),
		cmocka_unit_test(test_truncation_is_no_content),
		cmocka_unit_test(test_overwriting_in_place),
		cmocka_unit_test(test_append_adds_to_what_stands),
		cmocka_unit_test(test_append_of_what_is_there),
		cmocka_unit_test(test_append_to_what_stands_by_then),
		cmocka_unit_test(test_append_judges_the_whole_set),
		cmocka_unit_test(test_append_has_the_bound_of_a_draft),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
