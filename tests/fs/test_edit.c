/* Records as files, without a mount: writing, and what each user may. */
#undef NDEBUG
#include "tests/fs/edit_fixture.h"

/* Of no process that opens files here: none makes anew what it has removed (test_removal.c). */
static const struct pending_caller alice = {ALICE, 0};

static void test_one_echo_is_one_put(void **state)
{
	(void)state;
	struct handle *h = open_ok(ALICE, "p.alt");
	assert_int_equal(edit_flush(fs, h, getpid()), 0);
	assert_int_equal(put(h, "192.0.2.7\n"), 0);
	expect(ALICE, "p.alt", "192.0.2.7\n"); /* before the file is closed */
	assert_int_equal(edit_flush(fs, h, getpid()), 0);
	assert_int_equal(fake.pushes, 0);
	release(h);
	assert_int_equal(fake.sets, 1);
	assert_int_equal(fake.pushes, 1);
}

static void test_refusal_restores(void **state)
{
	(void)state;
	publish(ALICE, "p.alt", "60 192.0.2.1\n");
	struct handle *h = open_ok(ALICE, "p.alt");
	assert_int_equal(put(h, "192.0.2.7\n"), 0);
	assert_int_equal(put(h, "bad\n"), -EINVAL);
	expect(ALICE, "p.alt", "60 192.0.2.1\n");
	assert_int_equal(put(h, "192.0.2.8\n"), -EINVAL);
	assert_int_equal(edit_sync(fs, h), -EINVAL);
	release(h);
	expect(ALICE, "p.alt", "60 192.0.2.1\n");
	h = open_ok(ALICE, "new.alt");
	assert_int_equal(put(h, "192.0.2.7\n"), 0);
	assert_int_equal(put(h, "bad\n"), -EINVAL);
	expect(ALICE, "new.alt", "");
	release(h);
}

/* Each of the two has been told that its record stands. */
static void test_refusal_leaves_what_another_wrote(void **state)
{
	(void)state;
	struct question q = question("p.alt");
	publish(ALICE, "p.alt", "192.0.2.1\n");
	struct handle *h = open_ok(ALICE, "p.alt");
	assert_int_equal(put(h, "192.0.2.2\n"), 0);
	publish(ALICE, "p.alt", "192.0.2.50\n");
	assert_int_equal(put(h, "bad\n"), -EINVAL);
	expect(ALICE, "p.alt", "192.0.2.50\n");
	release(h);
	h = open_ok(ALICE, "p.alt");
	assert_int_equal(put(h, "192.0.2.2\n"), 0);
	assert_int_equal(record_remove(fs, &q, &alice), 0);
	assert_int_equal(put(h, "bad\n"), -EINVAL);
	expect(ALICE, "p.alt", "");
	release(h);
	expect(ALICE, "p.alt", "");
}

static void test_two_append(void **state)
{
	(void)state;
	struct handle *a, *b;
	publish(ALICE, "p.alt", "192.0.2.1\n");
	assert_int_equal(open_as(ALICE, "p.alt", true, &a), 0);
	assert_int_equal(open_as(ALICE, "p.alt", true, &b), 0);
	assert_int_equal(put(a, "192.0.2.2\n"), 0);
	assert_int_equal(put(b, "192.0.2.3\n"), 0);
	expect(ALICE, "p.alt", "192.0.2.1\n192.0.2.2\n192.0.2.3\n");
	assert_int_equal(put(b, "bad\n"), -EINVAL); /* takes back its own only */
	expect(ALICE, "p.alt", "192.0.2.1\n192.0.2.2\n");
	assert_int_equal(put(a, "192.0.2.4"), 0);
	release(a);
	expect(ALICE, "p.alt", "192.0.2.1\n192.0.2.2\n192.0.2.4\n");
	release(b);
}

/* Writing on would make again what was taken away. */
static void test_record_goes_while_it_is_open(void **state)
{
	(void)state;
	struct question p = question("p.alt"), n = question("n.alt");
	for (int way = 0; way < 3; way++) {
		publish(ALICE, "p.alt", "192.0.2.1\n");
		struct handle *h, *other = open_ok(BOB, "p.alt"), *line = open_ok(ALICE, "p.alt"),
				  *beside = open_ok(ALICE, "q.alt");
		assert_int_equal(open_as(ALICE, "p.alt", true, &h), 0);
		assert_int_equal(put(line, "192.0.2.7"), 0);
		int r = way == 0   ? record_remove(fs, &p, &alice)
			: way == 1 ? record_rename(fs, &p, &n, ALICE)
				   : to_scratch(&p, &alice, "p", 0);
		assert_int_equal(r, 0);
		assert_int_equal(put(h, "192.0.2.2\n"), -EINVAL);
		assert_int_equal(edit_sync(fs, h), -EINVAL);
		assert_int_equal(put(other, "192.0.2.3\n"), 0);
		assert_int_equal(put(beside, "192.0.2.3\n"), 0);
		release(beside);
		release(h);
		release(other);
		release(line);
		expect(ALICE, "p.alt", "");
	}
	expect(ALICE, "n.alt", "192.0.2.1\n");
}

static void test_bad_last_line_is_dropped(void **state)
{
	(void)state;
	publish(ALICE, "p.alt", "192.0.2.1\n");
	struct handle *h = open_ok(ALICE, "p.alt");
	assert_int_equal(put(h, "192.0.2.7\n"), 0);
	assert_int_equal(put(h, "192.0.2."), 0);
	assert_int_equal(edit_flush(fs, h, getpid()), -EINVAL);
	expect(ALICE, "p.alt", "192.0.2.7\n"); /* more may come */
	release(h);
	expect(ALICE, "p.alt", "192.0.2.1\n");
	h = open_ok(ALICE, "p.alt");
	assert_int_equal(put(h, "192.0.2."), 0);
	assert_int_equal(edit_flush(fs, h, getpid()), -EINVAL);
	assert_int_equal(put(h, "9\n"), 0);
	release(h);
	expect(ALICE, "p.alt", "192.0.2.9\n");
}

static void test_the_end_is_a_close(void **state)
{
	(void)state;
	struct handle *h = open_ok(ALICE, "p.alt");
	assert_int_equal(put(h, "192.0.2.5"), 0);
	h = open_ok(ALICE, "q.alt");
	assert_int_equal(put(h, "{\"data\":"), 0);
	fs_stop(fs);
	expect(ALICE, "p.alt", "192.0.2.5\n");
	expect(ALICE, "q.alt", "");
	assert_int_equal(fake.pushes, 1);
}

static void on_paid(void *ctx, int error)
{
	*(int *)ctx = error;
}

/* As ops_flush does when the disk has taken what was written. */
static void close_that_is_to_wait(void *ctx)
{
	struct later *later;
	fake.settling = NULL;
	assert_non_null(fs->laters);
	assert_non_null(fs->handles);
	assert_int_equal(later_add(fs->laters, SECOND, on_paid, ctx, &later), 0);
}

/* Who waits for the disk at the end may have to wait for time then: neither is left unanswered. */
static void test_the_end_settles_while_closes_can_wait(void **state)
{
	(void)state;
	int paid = 1;
	fake.settling = close_that_is_to_wait;
	fake.settling_ctx = &paid;
	fs_stop(fs);
	assert_int_equal(paid, -ECONNABORTED);
}

static void test_same_length_is_no_change(void **state)
{
	(void)state;
	struct handle *h = open_ok(ALICE, "p.alt");
	h->text = strdup("what stood at OPEN");
	h->text_len = strlen(h->text);
	edit_truncate(h, h->text_len);
	edit_truncate(h, h->text_len + 1);
	assert_false(draft_touched(h->draft));
	edit_truncate(h, h->text_len - 1);
	assert_true(draft_touched(h->draft));
	release(h);
	h = open_ok(ALICE, "p.alt");
	edit_truncate(h, 0);
	assert_true(draft_touched(h->draft));
	assert_int_equal(put(h, "192.0.2.7\n192.0.2.8\n"), 0);
	edit_truncate(h, 10); /* of what was written */
	release(h);
	expect(ALICE, "p.alt", "192.0.2.7\n");
}

static void test_publishing_fails(void **state)
{
	(void)state;
	struct handle *h = open_ok(ALICE, "set122.alt"); /* EDQUOT */
	assert_int_equal(put(h, "192.0.2.7\n"), -EDQUOT);
	assert_int_equal(put(h, "192.0.2.7\n"), -EINVAL);
	release(h);
	assert_int_equal(fake.pushes, 0);
}

static void test_flush_of_another_process_means_nothing(void **state)
{
	(void)state;
	struct handle *h = open_ok(ALICE, "p.alt");
	pid_t other = fork();
	if (other == 0) {
		pause();
		_exit(0);
	}
	assert_int_equal(put(h, "{\"data\":"), 0);
	assert_int_equal(edit_flush(fs, h, other), 0);
	assert_int_equal(edit_flush(fs, h, getpid()), -EINVAL);
	assert_int_equal(put(h, "\"192.0.2.7\"}"), 0);
	expect(ALICE, "p.alt", "192.0.2.7\n");
	assert_int_equal(edit_flush(fs, h, getpid()), 0);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	release(h);
}

static void test_line_without_newline(void **state)
{
	(void)state;
	struct handle *h = open_ok(ALICE, "p.alt");
	assert_int_equal(put(h, "192.0.2.7"), 0);
	expect(ALICE, "p.alt", "");
	assert_int_equal(edit_flush(fs, h, getpid()), 0);
	expect(ALICE, "p.alt", "192.0.2.7\n");
	release(h);
	h = open_ok(ALICE, "q.alt"); /* written by a child, closed by nobody who may mean it */
	assert_int_equal(put(h, "192.0.2.8"), 0);
	release(h);
	expect(ALICE, "q.alt", "192.0.2.8\n");
	h = open_ok(ALICE, "r.alt");
	assert_int_equal(put(h, "192.0.2.9"), 0);
	assert_int_equal(edit_sync(fs, h), 0);
	expect(ALICE, "r.alt", "192.0.2.9\n");
	release(h);
}

static void test_incomplete_json_is_dropped(void **state)
{
	(void)state;
	publish(ALICE, "p.alt", "192.0.2.1\n");
	struct handle *h = open_ok(ALICE, "p.alt");
	assert_int_equal(put(h, "{\"data\":"), 0);
	release(h);
	expect(ALICE, "p.alt", "192.0.2.1\n");
	assert_int_equal(fake.pushes, 1);
}

static void test_truncation_withdraws_nothing(void **state)
{
	(void)state;
	publish(ALICE, "p.alt", "192.0.2.1\n");
	struct handle *h = open_ok(ALICE, "p.alt");
	draft_truncate(h->draft, 0);
	assert_int_equal(edit_flush(fs, h, getpid()), 0);
	assert_int_equal(edit_sync(fs, h), 0);
	release(h);
	expect(ALICE, "p.alt", "192.0.2.1\n");
}

static void test_who_may_write(void **state)
{
	(void)state;
	struct handle *h;
	struct question q = question("p.alt");
	char key[NAME_KEY_TEXT + 1], name[NAME_KEY_TEXT + 8] = "www.";
	uint8_t bytes[NAME_KEY_LEN];
	publish_key(fs->publisher, ALICE, bytes);
	key_to_text(bytes, key);
	strcat(name, key);
	publish(ALICE, name, "192.0.2.1\n");
	assert_int_equal(open_as(BOB, name, false, &h), -EACCES);
	publish(0, "root.alt", "192.0.2.1\n"); /* answers for all, and is root's */
	assert_int_equal(open_as(BOB, "root.alt", false, &h), -EACCES);
	publish(ALICE, "p.alt", "192.0.2.1\n"); /* a view: bob may have his own */
	publish(BOB, "p.alt", "192.0.2.2\n");
	expect(ALICE, "p.alt", "192.0.2.1\n");
	expect(BOB, "p.alt", "192.0.2.2\n");
	q.class = CLASS_CH;
	assert_int_equal(record_may_write(fs, &q, ALICE), -EPERM);
}

static void test_drafts_are_bounded(void **state)
{
	(void)state;
	struct handle *h;
	for (unsigned i = 0; i < HANDLE_USER_DRAFTS; i++)
		open_ok(ALICE, "p.alt");
	assert_int_equal(open_as(ALICE, "q.alt", false, &h), -EDQUOT);
	open_ok(BOB, "q.alt");
}

/* So many addresses of 10.N.x.y, a line each. */
static char *addresses(unsigned n, unsigned count)
{
	char *text = malloc(count * 16 + 1), *end = text;
	assert_non_null(text);
	for (unsigned i = 0; i < count; i++)
		end += sprintf(end, "10.%u.%u.%u\n", n, i / 250, i % 250);
	return text;
}

/* What a draft keeps is charged before it does: what stood, what he read, what he wrote. */
static void test_drafts_are_charged(void **state)
{
	(void)state;
	enum { COUNT = 2000, SET = COUNT * 8 }; /* of each: length, address, place */
	char *one = addresses(1, COUNT), *two = addresses(2, COUNT);
	publish(ALICE, "p.alt", one);
	struct handle *h = open_ok(ALICE, "p.alt"), *rest;
	assert_in_range(h->charged, SET, SET + 4096); /* shown */
	assert_int_equal(put(h, "["), 0);
	assert_in_range(h->charged, 2 * SET, 2 * SET + 4096); /* before */
	edit_truncate(h, 0);
	assert_int_equal(put(h, two), 0);
	size_t all = 3 * SET + strlen(two);
	assert_in_range(h->charged, all, all + strlen(two) + 4096); /* published */
	/* There is no room for more, and nothing is lost by that. */
	assert_int_equal(handle_create(fs->handles, HANDLE_TEXT, ALICE, &rest), 0);
	size_t full = HANDLE_USER_BYTES - h->charged - 100;
	assert_int_equal(handle_charge(rest, full), 0);
	struct handle *none;
	assert_int_equal(open_as(ALICE, "p.alt", false, &none), -EDQUOT);
	assert_int_equal(put(h, one), -EDQUOT);
	expect(ALICE, "p.alt", two);
	handle_discharge(rest, SET + 8192); /* the one more, but not with what he writes */
	struct handle *more = open_ok(ALICE, "p.alt");
	assert_int_equal(put(more, "["), -EDQUOT);
	expect(ALICE, "p.alt", two);
	release(more);
	/* Text and what stands find room, what it becomes does not: refused as a whole. */
	more = open_ok(ALICE, "q.alt");
	handle_uncharge(rest);
	full = HANDLE_USER_BYTES - h->charged - more->charged;
	assert_int_equal(handle_charge(rest, full - 2 * strlen(one) - DRAFT_TEXT_MIN), 0);
	assert_int_equal(put(more, one), -EDQUOT);
	assert_int_equal(put(more, one), -EINVAL);
	expect(ALICE, "q.alt", "");
	release(more);
	release(h);
	handle_uncharge(rest);
	assert_int_equal(handle_charge(rest, HANDLE_USER_BYTES), 0); /* all was given back */
	handle_destroy(rest);
	free(one);
	free(two);
}

/* So is what was removed to make room; where that is too much the record is put back. */
static void test_what_was_removed_is_charged(void **state)
{
	(void)state;
	enum { COUNT = 2000, SET = COUNT * 8 };
	const struct pending_caller here = {ALICE, getpid()};
	struct question q = question("p.alt");
	struct handle *h, *rest;
	char *one = addresses(1, COUNT);
	publish(ALICE, "p.alt", one);
	assert_int_equal(record_remove(fs, &q, &here), 0);
	h = open_ok(ALICE, "p.alt");
	assert_in_range(h->charged, SET, SET + 4096);
	release(h);
	expect(ALICE, "p.alt", one);
	assert_int_equal(handle_create(fs->handles, HANDLE_TEXT, ALICE, &rest), 0);
	assert_int_equal(handle_charge(rest, HANDLE_USER_BYTES - SET), 0);
	assert_int_equal(record_remove(fs, &q, &here), 0);
	assert_int_equal(open_as(ALICE, "p.alt", false, &h), -EDQUOT);
	expect(ALICE, "p.alt", one);
	handle_destroy(rest);
	free(one);
}

static void test_shares_of_open_files(void **state)
{
	(void)state;
	struct handle *h, *his;
	assert_int_equal(handle_create(fs->handles, HANDLE_TEXT, ALICE, &h), 0);
	assert_int_equal(handle_create(fs->handles, HANDLE_TEXT, BOB, &his), 0);
	assert_int_equal(handle_charge(h, HANDLE_USER_BYTES), 0);
	assert_int_equal(handle_charge(h, 1), -ENFILE);
	assert_int_equal(handle_charge(h, SIZE_MAX), -ENFILE);
	assert_int_equal(handle_charge(his, 1), 0);
	handle_uncharge(h);
	assert_int_equal(handle_charge(h, 1), 0);
	handle_destroy(h);
	handle_destroy(his);
	handle_destroy(NULL);
	unsigned n = 0;
	while (handle_create(fs->handles, HANDLE_DIR, ALICE, &h) == 0)
		n++;
	assert_int_equal(n, HANDLE_USER_FILES);
}

int main(void)
{
	/* What is refused is logged, with the reason; a test has nobody to tell. */
	setlogmask(LOG_UPTO(LOG_ERR));
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_one_echo_is_one_put),
		CASE(test_refusal_restores),
		CASE(test_refusal_leaves_what_another_wrote),
		CASE(test_two_append),
		CASE(test_record_goes_while_it_is_open),
		CASE(test_bad_last_line_is_dropped),
		CASE(test_the_end_is_a_close),
		CASE(test_the_end_settles_while_closes_can_wait),
		CASE(test_same_length_is_no_change),
		CASE(test_publishing_fails),
		CASE(test_flush_of_another_process_means_nothing),
		CASE(test_line_without_newline),
		CASE(test_incomplete_json_is_dropped),
		CASE(test_truncation_withdraws_nothing),
		CASE(test_who_may_write),
		CASE(test_drafts_are_bounded),
		CASE(test_shares_of_open_files),
		CASE(test_drafts_are_charged),
		CASE(test_what_was_removed_is_charged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
