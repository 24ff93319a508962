/* Texts of answers: written once an answer, never another's, and long ones not kept. */
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

#include "fs/memo.h"
#include "resolver/answer.h"
#include "resolver/json.h"
#include "resolver/trace.h"

static struct memo *memo;

static int setup(void **state)
{
	(void)state;
	return memo_create(7, &memo);
}

static int teardown(void **state)
{
	(void)state;
	memo_destroy(memo);
	return 0;
}

static struct answer *answer_of(uint16_t type, const char *text)
{
	struct question q = {.type = type, .class = CLASS_IN};
	struct rrset *set;
	struct answer *a;
	assert_int_equal(name_from_text("www.example.com", 15, &q.name), 0);
	assert_int_equal(json_read(text, strlen(text), &q, NULL, &set, NULL), 0);
	assert_int_equal(answer_from_rrset(&q, set, &a), 0);
	rrset_destroy(set);
	a->source = SOURCE_OWN;
	a->trust = TRUST_SELF;
	return a;
}

static void assert_text(const struct answer *a)
{
	char *written;
	struct memo_text *kept;
	size_t written_len;
	assert_int_equal(json_write(a, NULL, &written, &written_len), 0);
	assert_int_equal(memo_write(memo, a, &kept), 0);
	assert_int_equal(kept->len, written_len);
	assert_memory_equal(kept->bytes, written, written_len);
	free(written);
}

/* How far an own record has come is said in its file; elsewhere, and of what stays here, it is not.
 */
static void test_how_far_it_has_come(void **state)
{
	(void)state;
	struct answer *here = answer_of(TYPE_A, "192.0.2.1\n"),
		      *out = answer_of(TYPE_A, "192.0.2.1\n"),
		      *got = answer_of(TYPE_A, "192.0.2.1\n");
	struct memo_text *text;
	out->goes_out = got->goes_out = true;
	out->replicas = 8;
	out->published = 1700000000;
	out->next = 1700086400;
	got->source = SOURCE_DHT;
	assert_text(here);
	assert_text(got);
	assert_int_equal(memo_write(memo, out, &text), 0);
	assert_non_null(memmem(text->bytes, text->len,
		",\"replicas\":8,\"published\":1700000000,\"next\":1700086400}\n", 56));
	answer_unref(here);
	answer_unref(out);
	answer_unref(got);
}

static void test_written_once(void **state)
{
	(void)state;
	struct answer *a = answer_of(TYPE_A, "192.0.2.1\n");
	struct memo_text *first, *second;
	assert_text(a);
	assert_int_equal(memo_write(memo, a, &first), 0);
	assert_int_equal(memo_write(memo, a, &second), 0);
	assert_ptr_equal(first, second);
	assert_int_equal(first->refs, 1);
	answer_unref(a);
}

/* The slot's reference keeps the address: an answer that comes when another went is never taken for
 * it, though malloc would give it the same place. */
static void test_never_another(void **state)
{
	(void)state;
	char text[32];
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(text, sizeof(text), "10.0.%u.%u\n", i / 256, i % 256);
		struct answer *a = answer_of(TYPE_A, text);
		assert_text(a);
		assert_text(a);
		answer_unref(a);
	}
}

/* Who has a reference reads on when the memo has long forgotten it. */
static void test_shared(void **state)
{
	(void)state;
	char text[8192] = "";
	for (unsigned i = 0; i < 500; i++)
		sprintf(text + strlen(text), "10.1.%u.%u\n", i / 250, i % 250);
	struct answer *a = answer_of(TYPE_A, "192.0.2.1\n"), *many = answer_of(TYPE_A, text);
	struct memo_text *one, *other, *longer;
	assert_int_equal(memo_write(memo, a, &one), 0);
	memo_text_ref(one);
	assert_int_equal(memo_write(memo, many, &longer), 0);
	memo_text_ref(longer);
	assert_int_equal(memo_write(memo, many, &other), 0);
	assert_ptr_not_equal(longer, other);
	answer_unref(a);
	answer_unref(many);
	memo_destroy(memo);
	assert_int_equal(one->refs, 1);
	assert_int_equal(longer->refs, 1);
	assert_non_null(memmem(one->bytes, one->len, "192.0.2.1", 9));
	assert_non_null(memmem(longer->bytes, longer->len, "10.1.1.249", 10));
	memo_text_unref(one);
	memo_text_unref(longer);
	memo_text_unref(NULL);
	assert_int_equal(memo_create(7, &memo), 0);
}

static void test_long_ones_are_not_kept(void **state)
{
	(void)state;
	char text[8192] = "";
	for (unsigned i = 0; i < 500; i++)
		sprintf(text + strlen(text), "10.1.%u.%u\n", i / 250, i % 250);
	struct answer *many = answer_of(TYPE_A, text), *one = answer_of(TYPE_A, "192.0.2.1\n");
	assert_text(many);
	assert_text(one);
	assert_text(many);
	assert_text(one);
	assert_int_equal(many->refs, 1); /* its text only, and that until the next */
	assert_int_equal(one->refs, 2);
	answer_unref(many);
	answer_unref(one);
}

/* A short line may be of an answer that takes 128 kB, or came with a long trace. */
static void test_large_answers_are_not_kept(void **state)
{
	(void)state;
	struct answer *a = answer_of(TYPE_A, "192.0.2.1\n"), *b = answer_of(TYPE_A, "192.0.2.2\n");
	a->trace = trace_create();
	b->trace = trace_create();
	char why[MEMO_ANSWER_MAX];
	memset(why, 'x', sizeof(why));
	why[sizeof(why) - 1] = '\0';
	trace_why(a->trace, why);
	trace_why(b->trace, why + sizeof(why) / 2);
	assert_true(answer_size(a) > MEMO_ANSWER_MAX && answer_size(b) < MEMO_ANSWER_MAX);
	assert_text(a);
	assert_text(b);
	assert_int_equal(a->refs, 1);
	assert_int_equal(b->refs, 2);
	assert_int_equal(memo_version(memo, a), memo_version(memo, a));
	assert_true(memo_version(memo, a) != memo_version(memo, b));
	assert_int_equal(memo_version(memo, NULL), 0);
	answer_unref(a);
	answer_unref(b);
}

static void test_errors(void **state)
{
	(void)state;
	struct question q = {.type = TYPE_A, .class = CLASS_IN, .name.len = 1};
	struct answer *none = answer_without(&q, -ENOENT, 3, EDE_NONE, 60, false);
	struct memo_text *text;
	assert_int_equal(memo_write(memo, none, &text), -ENOENT);
	assert_int_equal(none->refs, 1);
	answer_unref(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_written_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_how_far_it_has_come, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_ones_are_not_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_answers_are_not_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
