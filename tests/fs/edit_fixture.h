/* For tests of records as files, without a mount: a file system on the fake resolver. */
#ifndef TESTS_FS_EDIT_FIXTURE_H
#define TESTS_FS_EDIT_FIXTURE_H

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

static struct event_base *base;
static struct fs *fs;

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
	(void)state;
	fs_destroy(fs);
	event_base_free(base);
	fake_destroy();
	return 0;
}

static inline struct question question(const char *name)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	assert_int_equal(name_from_text(name, strlen(name), &q.name), 0);
	return q;
}

/* As RENAME does on a disk that takes all, or fails in the end. */
static inline int to_scratch(
	const struct question *q, const struct pending_caller *caller, const char *name, int disk)
{
	struct name_text text = {name, strlen(name)};
	struct scratch_file *copy;
	int r = record_to_scratch(fs, q, caller, &text, &copy);
	if (r == 0)
		record_copied(copy, disk);
	return r;
}

static inline struct node *node_of(const char *name)
{
	struct question q = question(name);
	struct node *node;
	assert_int_equal(tree_record(fs->tree, &q, 0, &node), 0);
	return node;
}

static inline int open_as(uid_t uid, const char *name, bool append, struct handle **ret_handle)
{
	struct pending_caller caller = {uid, getpid()};
	return edit_open(fs, node_of(name), &caller, append, ret_handle);
}

static inline struct handle *open_ok(uid_t uid, const char *name)
{
	struct handle *h;
	assert_int_equal(open_as(uid, name, false, &h), 0);
	return h;
}

static inline int put(struct handle *h, const char *text)
{
	size_t len;
	draft_text(h->draft, &len);
	return edit_write(fs, h, text, strlen(text), len);
}

static inline void release(struct handle *h)
{
	edit_release(fs, h);
	handle_destroy(h);
}

static inline void publish(uid_t uid, const char *name, const char *text)
{
	struct handle *h = open_ok(uid, name);
	assert_int_equal(put(h, text), 0);
	release(h);
}

/* What a user has published, as text; "" none. */
static inline void expect(uid_t uid, const char *name, const char *text)
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

static inline bool is_absent(const char *name, uid_t uid)
{
	int error;
	return record_is_known(fs, node_of(name), uid, &error) && error == -ENOENT;
}

#endif
