/* Private files: whose they are, what they hold, and their bounds. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/scratch.h"
#include "resolver/clock.h"
#include "resolver/question.h"

#define OWNER 900

static struct scratch *s;
static const struct scratch_where alice = {1001, CLASS_IN, TYPE_A};
static const struct scratch_where bob = {1002, CLASS_IN, TYPE_A};

static int setup(void **state)
{
	(void)state;
	return scratch_create(OWNER, &s);
}

static int teardown(void **state)
{
	(void)state;
	scratch_destroy(s);
	return 0;
}

static struct scratch_file *make(const struct scratch_where *where, const char *name)
{
	struct scratch_file *f;
	assert_int_equal(scratch_make(s, where, name, strlen(name), &f), 0);
	return f;
}

static struct scratch_file *find(const struct scratch_where *where, const char *name)
{
	return scratch_find(s, where, name, strlen(name));
}

static void test_each_user_has_his_own(void **state)
{
	(void)state;
	struct scratch_file *a = make(&alice, "t"), *b = make(&bob, "t");
	const struct scratch_where elsewhere = {1001, CLASS_IN, TYPE_TXT};
	assert_ptr_not_equal(a, b);
	assert_true(a->ino != b->ino);
	assert_ptr_equal(find(&alice, "t"), a);
	assert_ptr_equal(find(&bob, "t"), b);
	assert_null(find(&elsewhere, "t"));
	assert_null(find(&alice, "T"));
	struct scratch_file *again;
	assert_int_equal(scratch_make(s, &alice, "t", 1, &again), -EEXIST);
}

static void test_numbers_are_not_used_again(void **state)
{
	(void)state;
	struct scratch_file *f = make(&alice, "t");
	uint64_t ino = f->ino;
	scratch_unlink(f);
	assert_null(find(&alice, "t"));
	assert_true(make(&alice, "t")->ino > ino);
	assert_true(ino >= 1ull << 40 && ino < 1ull << 62); /* where no directory or record is */
}

static void test_write_and_truncate(void **state)
{
	(void)state;
	struct scratch_file *f = make(&alice, "t");
	assert_int_equal(scratch_write(f, "hello", 5, 0), 0);
	assert_int_equal(scratch_write(f, "world", 5, 7), 0); /* with a hole */
	assert_int_equal(f->len, 12);
	assert_memory_equal(f->bytes, "hello\0\0world", 12);
	assert_int_equal(scratch_truncate(f, 4), 0);
	assert_int_equal(scratch_truncate(f, 6), 0);
	assert_memory_equal(f->bytes, "hell\0\0", 6); /* nothing of before comes back */
	assert_int_equal(scratch_write(f, NULL, 0, 0), 0);
	assert_int_equal(f->len, 6);
	assert_int_equal(scratch_truncate(f, 1), 0);
	assert_int_equal(scratch_write(f, "x", 1, 5), 0);
	assert_memory_equal(f->bytes, "h\0\0\0\0x", 6); /* nor in a hole */
}

static void test_too_big(void **state)
{
	(void)state;
	struct scratch_file *f = make(&alice, "t");
	assert_int_equal(scratch_write(f, "x", 1, SCRATCH_FILE_BYTES), -EFBIG);
	assert_int_equal(scratch_write(f, "x", 1, UINT64_MAX), -EFBIG);
	assert_int_equal(scratch_write(f, "x", SIZE_MAX, 1), -EFBIG);
	assert_int_equal(scratch_truncate(f, SCRATCH_FILE_BYTES + 1), -EFBIG);
	assert_int_equal(scratch_truncate(f, UINT64_MAX), -EFBIG);
	assert_int_equal(f->len, 0);
	assert_int_equal(scratch_write(f, "x", 1, SCRATCH_FILE_BYTES - 1), 0);
}

static void test_files_of_a_user(void **state)
{
	(void)state;
	char name[16];
	struct scratch_file *f;
	for (unsigned i = 0; i < SCRATCH_USER_FILES; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		make(&alice, name);
	}
	assert_int_equal(scratch_make(s, &alice, "more", 4, &f), -EDQUOT);
	make(&bob, "more"); /* is not his fault */
	scratch_unlink(find(&alice, "f3"));
	make(&alice, "more");
}

static void test_bytes_of_a_user(void **state)
{
	(void)state;
	char name[16];
	unsigned full = SCRATCH_USER_BYTES / SCRATCH_FILE_BYTES;
	for (unsigned i = 0; i < full; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		assert_int_equal(
			scratch_write(make(&alice, name), "x", 1, SCRATCH_FILE_BYTES - 1), 0);
	}
	struct scratch_file *f = make(&alice, "more");
	assert_int_equal(scratch_write(f, "x", 1, 0), -EDQUOT);
	assert_int_equal(f->len, 0);
	/* A file without a name counts as long as somebody has it open. */
	struct scratch_file *open = scratch_ref(find(&alice, "f0"));
	scratch_open(open);
	scratch_unlink(open);
	assert_int_equal(scratch_write(f, "x", 1, 0), -EDQUOT);
	assert_int_equal(open->len, SCRATCH_FILE_BYTES);
	scratch_close(open);
	/* Not while only the kernel remembers it. */
	assert_int_equal(scratch_write(f, "x", 1, 0), 0);
	assert_int_equal(open->len, 0);
	assert_null(open->bytes);
	assert_int_equal(scratch_write(open, "x", 1, 0), -ENOENT);
	assert_int_equal(scratch_truncate(open, 1), -ENOENT);
	scratch_unref(open);
}

static void test_all_users_together(void **state)
{
	(void)state;
	struct scratch_file *f;
	unsigned made = 0;
	unsigned most = SCRATCH_FILES / 4 * 3, new = SCRATCH_FILES / 8 * 7;
	for (uid_t uid = 1001; uid <= 1001 + 70 + new - most; uid++) {
		const struct scratch_where where = {uid, CLASS_IN, TYPE_A};
		char name[16];
		/* Where there is room for the first of each only, the second tells. */
		unsigned tries = made < most ? SCRATCH_USER_FILES : 2;
		for (unsigned i = 0; i < tries; i++) {
			snprintf(name, sizeof(name), "f%u", i);
			int r = scratch_make(s, &where, name, strlen(name), &f);
			assert_true(r ==
				    (made < (i ? most : new) ? 0 : -EDQUOT)); /* the first of his */
			made += r == 0;
		}
	}
	assert_int_equal(scratch_files(s), new);
	const struct scratch_where owner = {OWNER, CLASS_IN, TYPE_A}, root = {0, CLASS_IN, TYPE_A};
	for (unsigned i = 0; i < 3; i++) {
		make(&owner, i ? i > 1 ? "a" : "b" : "c");
		make(&root, i ? i > 1 ? "a" : "b" : "c");
	}
}

static void test_rename(void **state)
{
	(void)state;
	struct scratch_file *a = make(&alice, "a"), *b = make(&alice, "b"), *his = make(&bob, "b");
	assert_int_equal(scratch_write(a, "A", 1, 0), 0);
	scratch_ref(b);
	assert_int_equal(scratch_rename(a, "b", 1), 0);
	assert_null(find(&alice, "a"));
	assert_ptr_equal(find(&alice, "b"), a);
	assert_false(b->linked);
	assert_ptr_equal(find(&bob, "b"), his);
	assert_int_equal(scratch_rename(a, "b", 1), 0); /* onto itself */
	assert_ptr_equal(find(&alice, "b"), a);
	assert_int_equal(scratch_rename(a, "longer", 6), 0);
	assert_ptr_equal(find(&alice, "longer"), a);
	scratch_unref(b);
}

/* Forgotten files go when somebody needs room; open ones do not. */
static void test_idle_files_go(void **state)
{
	(void)state;
	struct scratch_file *old = make(&alice, "old"), *open = make(&alice, "open");
	old->used -= (SCRATCH_IDLE_SECONDS + 1) * SECOND;
	open->used -= (SCRATCH_IDLE_SECONDS + 1) * SECOND;
	open->open = 1;
	make(&bob, "new");
	assert_null(find(&alice, "old"));
	assert_ptr_equal(find(&alice, "open"), open);
}

/* The kernel remembers their names still. */
static void test_idle_files_free_their_share(void **state)
{
	(void)state;
	struct scratch_file *files[SCRATCH_USER_FILES], *more;
	char name[16];
	for (unsigned i = 0; i < SCRATCH_USER_FILES; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		files[i] = scratch_ref(make(&alice, name));
		assert_int_equal(scratch_write(files[i], "x", 1, 0), 0);
	}
	assert_int_equal(scratch_make(s, &alice, "more", 4, &more), -EDQUOT);
	for (unsigned i = 0; i < SCRATCH_USER_FILES; i++)
		files[i]->used -= (SCRATCH_IDLE_SECONDS + 1) * SECOND;
	make(&alice, "more");
	assert_int_equal(scratch_files(s), 1);
	for (unsigned i = 0; i < SCRATCH_USER_FILES; i++) {
		assert_null(files[i]->bytes);
		scratch_unref(files[i]);
	}
}

static void count(void *ctx, const struct scratch_file *f)
{
	assert_int_equal(f->uid, alice.uid);
	(*(unsigned *)ctx)++;
}

static void test_listing_is_private(void **state)
{
	(void)state;
	make(&alice, "a");
	make(&bob, "b");
	scratch_ref(make(&alice, "gone"));
	struct scratch_file *gone = find(&alice, "gone");
	scratch_unlink(gone);
	unsigned n = 0;
	scratch_each(s, &alice, count, &n);
	assert_int_equal(n, 1);
	scratch_unref(gone);
}

static void test_idle_files_are_not_listed(void **state)
{
	(void)state;
	make(&alice, "new");
	struct scratch_file *old = make(&alice, "old"), *open = make(&alice, "open");
	scratch_open(open);
	old->used -= (SCRATCH_IDLE_SECONDS + 1) * SECOND;
	open->used -= (SCRATCH_IDLE_SECONDS + 1) * SECOND;
	unsigned n = 0;
	scratch_each(s, &alice, count, &n);
	assert_int_equal(n, 2);
	assert_null(find(&alice, "old"));
	scratch_close(open);
}

/* The mount goes while a file is open. */
static void test_outlives_its_directory(void **state)
{
	(void)state;
	struct scratch_file *f = scratch_ref(make(&alice, "t"));
	make(&alice, "u");
	scratch_destroy(s);
	s = NULL;
	assert_false(f->linked);
	scratch_unref(f);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_each_user_has_his_own),
		CASE(test_numbers_are_not_used_again),
		CASE(test_write_and_truncate),
		CASE(test_too_big),
		CASE(test_files_of_a_user),
		CASE(test_bytes_of_a_user),
		CASE(test_all_users_together),
		CASE(test_rename),
		CASE(test_idle_files_go),
		CASE(test_idle_files_free_their_share),
		CASE(test_listing_is_private),
		CASE(test_idle_files_are_not_listed),
		CASE(test_outlives_its_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
