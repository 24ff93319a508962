/* Records as files, without a mount: removing and renaming, and what each user sees then. */
#undef NDEBUG
#include "tests/fs/edit_fixture.h"

/* Of no process that opens files here: none makes anew what it has removed (test_removal.c). */
static const struct pending_caller alice = {ALICE, 0}, bob = {BOB, 0};

static struct scratch_file *scratch_with(const char *name, const char *text)
{
	struct scratch_where where = {ALICE, CLASS_IN, TYPE_A};
	struct scratch_file *f;
	assert_int_equal(scratch_make(fs->scratch, &where, name, strlen(name), &f), 0);
	assert_int_equal(scratch_write(f, text, strlen(text), 0), 0);
	return f;
}

static void test_remove(void **state)
{
	(void)state;
	struct question q = question("p.alt"), none = question("none.alt"),
			root = question("root.alt");
	int error;
	const struct answer *a;
	publish(ALICE, "p.alt", "192.0.2.1\n");
	assert_int_equal(record_remove(fs, &q, &alice), 0);
	expect(ALICE, "p.alt", "");
	/* `mv /tmp/x p.alt`: the next look-up must not find a phantom. */
	assert_true(is_absent("p.alt", ALICE));
	assert_true(record_recall(fs, &q, ALICE, &error, &a));
	assert_int_equal(error, -ENOENT);
	publish(ALICE, "p.alt", "192.0.2.2\n");
	assert_false(is_absent("p.alt", ALICE));
	/* A phantom goes, somebody else's record does not. */
	assert_int_equal(record_remove(fs, &none, &alice), 0);
	publish(0, "root.alt", "192.0.2.1\n");
	assert_int_equal(record_remove(fs, &root, &alice), -EPERM);
	expect(0, "root.alt", "192.0.2.1\n");
}

static void test_absence_differs_by_view(void **state)
{
	(void)state;
	struct question q = question("p.alt"), new = question("new.alt"),
			root = question("root.alt");
	publish(ALICE, "p.alt", "192.0.2.1\n");
	record_learn(fs, &q, BOB, -ENOENT);
	assert_true(is_absent("p.alt", BOB)); /* he may create his own: cp uses O_EXCL */
	assert_false(is_absent("p.alt", ALICE));
	record_learn(fs, &q, ALICE, -ENOENT); /* what she has written is there all the same */
	assert_false(is_absent("p.alt", ALICE));
	record_learn(fs, &root, BOB, -ENOENT);
	publish(0, "root.alt", "192.0.2.1\n");
	assert_false(is_absent("root.alt", BOB));
	record_learn(fs, &new, BOB, -ETIMEDOUT); /* says nothing about the name */
	assert_false(is_absent("new.alt", BOB));
	record_learn(fs, &new, BOB, -ENOENT);
	assert_true(is_absent("new.alt", BOB));
	struct handle *h = open_ok(BOB, "new.alt");
	assert_false(is_absent("new.alt", BOB)); /* it is being written */
	release(h);
	assert_true(is_absent("new.alt", BOB));
}

static void test_rename(void **state)
{
	(void)state;
	struct question p = question("p.alt"), n = question("n.alt"), bad = question("set5.alt"),
			none = question("none.alt");
	publish(ALICE, "p.alt", "60 192.0.2.1\n");
	assert_int_equal(record_rename(fs, &p, &n, BOB), -ENOENT);
	assert_int_equal(record_rename(fs, &none, &n, ALICE), -ENOENT);
	assert_int_equal(record_rename(fs, &p, &bad, ALICE), -EIO);
	expect(ALICE, "p.alt", "60 192.0.2.1\n");
	record_learn(fs, &n, ALICE, -ENOENT);
	fake.pushes = 0;
	assert_int_equal(record_rename(fs, &p, &n, ALICE), 0);
	expect(ALICE, "p.alt", "");
	expect(ALICE, "n.alt", "60 192.0.2.1\n");
	assert_true(is_absent("p.alt", ALICE));
	assert_false(is_absent("n.alt", ALICE));
	assert_int_equal(fake.pushes, 2); /* both names go to the network */
	publish(0, "root.alt", "192.0.2.1\n");
	struct question root = question("root.alt");
	assert_int_equal(record_rename(fs, &root, &p, ALICE), -EPERM);
	assert_int_equal(record_rename(fs, &n, &root, ALICE), -EACCES);
	expect(ALICE, "n.alt", "60 192.0.2.1\n");
}

/* The new name is written, but the old one cannot be withdrawn: as before, then. */
static void test_half_a_rename(void **state)
{
	(void)state;
	struct question keep = question("keep5.alt"), n = question("n.alt");
	publish(ALICE, "keep5.alt", "192.0.2.1\n");
	assert_int_equal(record_rename(fs, &keep, &n, ALICE), -EIO);
	expect(ALICE, "n.alt", "");
	publish(ALICE, "n.alt", "60 192.0.2.2\n");
	assert_int_equal(record_rename(fs, &keep, &n, ALICE), -EIO);
	expect(ALICE, "n.alt", "60 192.0.2.2\n");
	expect(ALICE, "keep5.alt", "192.0.2.1\n");
	struct scratch_where where = {ALICE, CLASS_IN, TYPE_A};
	assert_int_equal(to_scratch(&keep, &alice, "t", 0), -EIO);
	assert_null(scratch_find(fs->scratch, &where, "t", 1));
	expect(ALICE, "keep5.alt", "192.0.2.1\n");
}

static void on_answer(void *ctx, const struct answer *a)
{
	*(int *)ctx = a->error;
}

/* What a listing showed is answered from memory past its TTL, for a minute; what came after it is
 * asked again. */
static void list_at(uid_t uid, uint64_t when)
{
	listed_note(&fs->listed, uid, CLASS_IN, TYPE_A, when);
}

static void test_listed_names(void **state)
{
	(void)state;
	struct question q = question("www.example.com");
	const struct answer *a;
	int error = 1;
	assert_non_null(resolver_ask(fs->resolver, &q, ALICE, on_answer, &error));
	event_base_dispatch(base);
	assert_int_equal(error, 0);
	assert_true(record_recall(fs, &q, ALICE, &error, &a));
	assert_int_equal(a->error, 0);
	uint64_t arrived = a->arrived;
	fake.expired = true;
	assert_false(record_recall(fs, &q, ALICE, &error, &a));
	list_at(ALICE, arrived - 1);
	assert_false(record_recall(fs, &q, ALICE, &error, &a));
	list_at(ALICE, arrived);
	assert_true(record_recall(fs, &q, ALICE, &error, &a));
	assert_non_null(a);
	((struct answer *)a)->arrived = 0; /* the fake's own object: it has been there for long */
	list_at(ALICE, clock_monotonic() - 59 * SECOND);
	assert_true(record_recall(fs, &q, ALICE, &error, &a));
	assert_false(record_recall(fs, &q, BOB, &error, &a)); /* whom nothing was shown */
	assert_false(record_recall_fresh(fs, &q, ALICE, &error, &a));
	list_at(ALICE, clock_monotonic() - 61 * SECOND);
	assert_false(record_recall(fs, &q, ALICE, &error, &a));
	list_at(BOB, clock_monotonic()); /* each second, and for nobody else */
	assert_true(record_recall(fs, &q, BOB, &error, &a));
	assert_false(record_recall(fs, &q, ALICE, &error, &a));
}

/* jq .data=… of an answer from elsewhere: its `rdata` says what it was. */
static void test_an_answer_from_elsewhere_is_edited(void **state)
{
	(void)state;
	static const char edited[] =
		"{\"data\":[\"192.0.2.9\"],\"rdata\":[{\"address\":\"192.0.2.1\"}]}\n";
	static const char both[] =
		"{\"data\":[\"192.0.2.8\"],\"rdata\":[{\"address\":\"192.0.2.7\"}]}\n";
	struct question q = question("www.example.com");
	int error = 1;
	assert_non_null(resolver_ask(fs->resolver, &q, ALICE, on_answer, &error));
	event_base_dispatch(base);
	struct handle *h = open_ok(ALICE, "www.example.com");
	assert_int_equal(put(h, both), -EINVAL);
	release(h);
	expect(ALICE, "www.example.com", "");
	struct scratch_file *f = scratch_with("t", edited);
	assert_int_equal(record_from_scratch(fs, f, &q, &alice), 0);
	expect(ALICE, "www.example.com", "192.0.2.9\n");
	h = open_ok(BOB, "www.example.com"); /* he still reads the answer */
	assert_int_equal(put(h, edited), 0);
	assert_int_equal(
		put(h, "bad"), -EINVAL); /* the answer was never his: nothing is put back */
	release(h);
	expect(BOB, "www.example.com", "");
}

static void test_a_failure_is_no_absence(void **state)
{
	(void)state;
	struct question q = question("e74.example.com");
	const struct answer *a;
	int error = 1;
	assert_non_null(resolver_ask(fs->resolver, &q, ALICE, on_answer, &error));
	event_base_dispatch(base);
	assert_true(record_recall(fs, &q, ALICE, &error, &a));
	assert_int_equal(error, -EBADMSG);
	assert_null(a);
	assert_int_equal(record_remove(fs, &q, &alice), 0);
}

static void test_scratch_becomes_a_record(void **state)
{
	(void)state;
	struct question q = question("p.alt");
	struct scratch_file *f = scratch_ref(scratch_with("sedX", "bad\n"));
	publish(ALICE, "p.alt", "192.0.2.1\n");
	assert_int_equal(record_from_scratch(fs, f, &q, &alice), -EINVAL);
	assert_true(f->linked); /* nothing is lost */
	expect(ALICE, "p.alt", "192.0.2.1\n");
	assert_int_equal(scratch_write(f, "192.0.2.7", 9, 0), 0);
	assert_int_equal(scratch_truncate(f, 9), 0);
	fake.pushes = 0;
	record_learn(fs, &q, ALICE, -ENOENT);
	assert_int_equal(record_from_scratch(fs, f, &q, &alice), 0); /* without a newline too */
	assert_false(is_absent("p.alt", ALICE));
	assert_int_equal(fake.pushes, 1);
	expect(ALICE, "p.alt", "192.0.2.7\n");
	assert_int_equal(scratch_write(f, "192.0.2.8\n", 10, 0), -EINVAL); /* to nowhere */
	record_moved(f, -EIO); /* the disk has not taken it: it may be the only copy */
	assert_true(f->linked);
	assert_int_equal(scratch_write(f, "192.0.2.9\n", 10, 0), 0);
	assert_int_equal(record_from_scratch(fs, f, &q, &alice), 0);
	expect(ALICE, "p.alt", "192.0.2.9\n");
	assert_true(f->linked);
	record_moved(f, 0);
	assert_false(f->linked);
	assert_int_equal(scratch_write(f, "192.0.2.8\n", 10, 0), -EINVAL);
	assert_int_equal(scratch_truncate(f, 0), -EINVAL);
	scratch_unref(f);
	f = scratch_with("empty", "");
	assert_int_equal(record_from_scratch(fs, f, &q, &alice), -EINVAL);
}

static void test_record_becomes_scratch(void **state)
{
	(void)state;
	struct question q = question("p.alt");
	struct scratch_where where = {ALICE, CLASS_IN, TYPE_A};
	publish(ALICE, "p.alt", "192.0.2.1\n");
	scratch_with("p.alt~", "an older backup, longer than the record that takes its place, "
			       "so that what is left of it would show; and some more of it, "
			       "and more, and more, and more, and more, and more, and more");
	assert_int_equal(to_scratch(&q, &bob, "p.alt~", 0), -ENOENT);
	assert_int_equal(to_scratch(&q, &alice, "p.alt~", 0), 0);
	expect(ALICE, "p.alt", "");
	assert_true(is_absent("p.alt", ALICE));
	struct scratch_file *f = scratch_find(fs->scratch, &where, "p.alt~", 6);
	assert_non_null(f);
	assert_memory_equal(f->bytes, "{\"name\":\"p.alt.\"", 16);
	assert_int_equal(f->bytes[f->len - 1], '\n');
	assert_int_equal(record_from_scratch(fs, f, &q, &alice), 0); /* and back */
	expect(ALICE, "p.alt", "192.0.2.1\n");
}

/* No room for the copy: nothing is left of the attempt. */
static void test_record_does_not_fit_scratch(void **state)
{
	(void)state;
	struct question q = question("p.alt");
	struct scratch_where where = {ALICE, CLASS_IN, TYPE_A};
	char name[] = "f00";
	publish(ALICE, "p.alt", "192.0.2.1\n");
	for (int i = 0; i < (int)(SCRATCH_USER_BYTES / SCRATCH_FILE_BYTES); i++) {
		name[1] = (char)('a' + i);
		struct scratch_file *f = scratch_with(name, "x");
		assert_int_equal(scratch_truncate(f, SCRATCH_FILE_BYTES), 0);
	}
	assert_int_equal(to_scratch(&q, &alice, "p.alt~", 0), -EDQUOT);
	assert_null(scratch_find(fs->scratch, &where, "p.alt~", 6));
	expect(ALICE, "p.alt", "192.0.2.1\n");
}

/* A record that cannot be withdrawn was moved onto a file that stood: that file is still there. */
static void test_half_a_move_leaves_the_file(void **state)
{
	(void)state;
	const char *name = "keep5.alt";
	struct question q = question(name);
	struct scratch_where where = {ALICE, CLASS_IN, TYPE_A};
	publish(ALICE, name, "192.0.2.1\n");
	struct scratch_file *f = scratch_with("p.alt~", "mine");
	assert_int_equal(to_scratch(&q, &alice, "p.alt~", 0), -EIO);
	assert_ptr_equal(scratch_find(fs->scratch, &where, "p.alt~", 6), f);
	assert_int_equal(to_scratch(&q, &alice, "new~", 0), -EIO);
	assert_null(scratch_find(fs->scratch, &where, "new~", 4));
	expect(ALICE, name, "192.0.2.1\n");
}

/* Nor is it gone, nor changed, when the disk fails after that; nobody sees the copy until then. */
static void test_the_disk_fails_after_a_move(void **state)
{
	(void)state;
	struct question q = question("p.alt");
	struct scratch_where where = {ALICE, CLASS_IN, TYPE_A};
	struct name_text backup = {"p.alt~", 6};
	struct scratch_file *f = scratch_with("p.alt~", "mine"), *copy;
	publish(ALICE, "p.alt", "192.0.2.1\n");
	size_t files = scratch_files(fs->scratch);
	assert_int_equal(record_to_scratch(fs, &q, &alice, &backup, &copy), 0);
	assert_ptr_equal(scratch_find(fs->scratch, &where, "p.alt~", 6), f);
	record_copied(copy, -EIO);
	assert_ptr_equal(scratch_find(fs->scratch, &where, "p.alt~", 6), f);
	assert_memory_equal(f->bytes, "mine", 4);
	assert_int_equal(f->len, 4);
	publish(ALICE, "p.alt", "192.0.2.1\n"); /* as own does */
	assert_int_equal(to_scratch(&q, &alice, "new~", -EIO), 0);
	assert_null(scratch_find(fs->scratch, &where, "new~", 4));
	assert_int_equal(scratch_files(fs->scratch), files);
	publish(ALICE, "p.alt", "192.0.2.1\n");
	assert_int_equal(to_scratch(&q, &alice, "p.alt~", 0), 0);
	assert_ptr_not_equal(scratch_find(fs->scratch, &where, "p.alt~", 6), f);
	assert_int_equal(scratch_files(fs->scratch), files);
}

int main(void)
{
	/* What is refused is logged, with the reason; a test has nobody to tell. */
	setlogmask(LOG_UPTO(LOG_ERR));
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_remove),
		CASE(test_absence_differs_by_view),
		CASE(test_rename),
		CASE(test_scratch_becomes_a_record),
		CASE(test_record_becomes_scratch),
		CASE(test_half_a_rename),
		CASE(test_listed_names),
		CASE(test_an_answer_from_elsewhere_is_edited),
		CASE(test_a_failure_is_no_absence),
		CASE(test_record_does_not_fit_scratch),
		CASE(test_half_a_move_leaves_the_file),
		CASE(test_the_disk_fails_after_a_move),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
