/* Records as files, without a mount: writing, removing, renaming, and what each user sees. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "fs/draft.h"
#include "fs/edit.h"
#include "fs/record.h"
#include "resolver/clock.h"
#include "resolver/json.h"
#include "tests/fs/fake_resolver.h"

#define ALICE 1001
#define BOB 1002

/* Of no process that opens files here: none makes anew what it has removed (test_removal.c). */
static const struct pending_caller alice = {ALICE, 0}, bob = {BOB, 0};

static struct event_base *base;
static struct fs *fs;

static int setup(void **state)
{
	(void)state;
	base = event_base_new();
	const struct fs_config config = {.resolver = fake_resolver(base),
		.publisher = fake_publisher(),
		.deadline = 1,
		.lookups = 100,
		.owner = 900};
	return fs_create(base, &config, &fs);
}

static int teardown(void **state)
{
	(void)state;
	fs_destroy(fs);
	event_base_free(base);
	fake_destroy();
	return 0;
}

static struct question question(const char *name)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	assert_int_equal(name_from_text(name, strlen(name), &q.name), 0);
	return q;
}

static struct node *node_of(const char *name)
{
	struct question q = question(name);
	struct node *node;
	assert_int_equal(tree_record(fs->tree, &q, 0, &node), 0);
	return node;
}

static int open_as(uid_t uid, const char *name, bool append, struct handle **ret_handle)
{
	struct pending_caller caller = {uid, getpid()};
	return edit_open(fs, node_of(name), &caller, append, ret_handle);
}

static struct handle *open_ok(uid_t uid, const char *name)
{
	struct handle *h;
	assert_int_equal(open_as(uid, name, false, &h), 0);
	return h;
}

static int put(struct handle *h, const char *text)
{
	size_t len;
	draft_text(h->draft, &len);
	return edit_write(fs, h, text, strlen(text), len);
}

static void release(struct handle *h)
{
	edit_release(fs, h);
	handle_destroy(h);
}

static void publish(uid_t uid, const char *name, const char *text)
{
	struct handle *h = open_ok(uid, name);
	assert_int_equal(put(h, text), 0);
	release(h);
}

/* What a user has published, as text; "" none. */
static void expect(uid_t uid, const char *name, const char *text)
{
	struct question q = question(name);
	const struct rrset *set = publish_standing(fs->publisher, uid, &q);
	struct rrset *expected = NULL;
	if (*text)
		assert_int_equal(json_read(text, strlen(text), &q, NULL, &expected, NULL), 0);
	assert_int_equal(set != NULL, expected != NULL);
	if (set) {
		assert_true(rrset_same_data(set, expected));
		assert_int_equal(set->ttl, expected->ttl);
	}
	rrset_destroy(expected);
}

static bool is_absent(const char *name, uid_t uid)
{
	int error;
	return record_is_known(fs, node_of(name), uid, &error) && error == -ENOENT;
}

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
				   : record_to_scratch(fs, &p, &alice, "p", 1);
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
	assert_int_equal(record_to_scratch(fs, &keep, &alice, "t", 1), -EIO);
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

static struct scratch_file *scratch_with(const char *name, const char *text)
{
	struct scratch_where where = {ALICE, CLASS_IN, TYPE_A};
	struct scratch_file *f;
	assert_int_equal(scratch_make(fs->scratch, &where, name, strlen(name), &f), 0);
	assert_int_equal(scratch_write(f, text, strlen(text), 0), 0);
	return f;
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
	assert_false(f->linked);
	assert_int_equal(scratch_write(f, "192.0.2.8\n", 10, 0), -EINVAL); /* to nowhere */
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
	assert_int_equal(record_to_scratch(fs, &q, &bob, "p.alt~", 6), -ENOENT);
	assert_int_equal(record_to_scratch(fs, &q, &alice, "p.alt~", 6), 0);
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
	assert_int_equal(record_to_scratch(fs, &q, &alice, "p.alt~", 6), -EDQUOT);
	assert_null(scratch_find(fs->scratch, &where, "p.alt~", 6));
	expect(ALICE, "p.alt", "192.0.2.1\n");
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

/* A record that cannot be withdrawn was moved onto a file that stood: that file is still there. */
static void test_half_a_move_leaves_the_file(void **state)
{
	(void)state;
	const char *name = "keep5.alt";
	struct question q = question(name);
	struct scratch_where where = {ALICE, CLASS_IN, TYPE_A};
	publish(ALICE, name, "192.0.2.1\n");
	struct scratch_file *f = scratch_with("p.alt~", "mine");
	assert_int_equal(record_to_scratch(fs, &q, &alice, "p.alt~", 6), -EIO);
	assert_ptr_equal(scratch_find(fs->scratch, &where, "p.alt~", 6), f);
	assert_int_equal(record_to_scratch(fs, &q, &alice, "new~", 4), -EIO);
	assert_null(scratch_find(fs->scratch, &where, "new~", 4));
	expect(ALICE, name, "192.0.2.1\n");
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
		CASE(test_same_length_is_no_change),
		CASE(test_publishing_fails),
		CASE(test_flush_of_another_process_means_nothing),
		CASE(test_line_without_newline),
		CASE(test_incomplete_json_is_dropped),
		CASE(test_truncation_withdraws_nothing),
		CASE(test_who_may_write),
		CASE(test_drafts_are_bounded),
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
		CASE(test_shares_of_open_files),
		CASE(test_drafts_are_charged),
		CASE(test_what_was_removed_is_charged),
		CASE(test_half_a_move_leaves_the_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
