/* Own records on a disk whose syncs are the test's: slow, or failing, in the thread or in the loop.
 * A C file that includes it is a test of its own. */
#ifndef TESTS_RESOLVER_DISK_FIXTURE_H
#define TESTS_RESOLVER_DISK_FIXTURE_H

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "resolver/own.h"
#include "tests/directory.h"

static pthread_t loop;
/* Of those of the thread: so many so far, so many of the next fail, or that one, counted from now. */
static atomic_int syncs, errors, nth_fails;
/* While it is held each waits until it is one of `let`. A thread that an earlier test left behind is neither
 * counted nor kept, nor does it use up what was let go for another: it knows the test that it began in. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool held;
static int let;
static unsigned test_number;
static _Thread_local unsigned begun_in; /* 0: not yet */
static atomic_int loop_syncs; /* there are none but at the start, and when a disk has failed */
static atomic_bool bad;	      /* all fail */

/* Returns whether it is of this test. */
static inline bool pass_the_gate(void)
{
	pthread_mutex_lock(&gate);
	if (!begun_in)
		begun_in = test_number;
	if (begun_in == test_number)
		syncs++;
	while (begun_in == test_number && held && let == 0)
		pthread_cond_wait(&opened, &gate);
	bool ours = begun_in == test_number;
	if (ours && held)
		let--;
	pthread_mutex_unlock(&gate);
	return ours;
}

static inline void set_gate(bool hold, int more)
{
	pthread_mutex_lock(&gate);
	held = hold;
	let = hold ? let + more : 0;
	pthread_cond_broadcast(&opened);
	pthread_mutex_unlock(&gate);
}

static inline void hold_syncs(void)
{
	set_gate(true, 0);
}

static inline void let_one_go(void)
{
	set_gate(true, 1);
}

static inline void let_go(void)
{
	set_gate(false, 0);
}

int fdatasync(int fd)
{
	(void)fd;
	bool fails = bad;
	if (pthread_equal(loop, pthread_self())) {
		loop_syncs++;
	} else if (pass_the_gate()) {
		if (errors > 0) {
			errors--;
			fails = true;
		}
		if (nth_fails > 0 && --nth_fails == 0)
			fails = true;
	}
	errno = EIO;
	return fails ? -1 : 0;
}

int fsync(int fd)
{
	return fdatasync(fd);
}

static atomic_int send_error, send_errors; /* so many of the thread's messages fail, with that */

ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	if (!pthread_equal(loop, pthread_self()) && send_errors > 0) {
		send_errors--;
		errno = send_error;
		return -1;
	}
	return syscall(SYS_sendto, fd, buf, len, flags, NULL, 0);
}

static char dir[DIRECTORY_CAP];
static char path[96];
static struct event_base *base;
static struct own *own;

static inline void open_file(void)
{
	base = event_base_new();
	assert_int_equal(own_open(path, 100000, 0, 7, &own), 0);
	assert_int_equal(own_start(own, base), 0);
}

static inline void close_file(void)
{
	own_close(own);
	event_base_free(base);
}

static inline int set_up(void **state)
{
	(void)state;
	pthread_mutex_lock(&gate);
	test_number++;
	pthread_mutex_unlock(&gate);
	let_go();
	errors = 0;
	bad = false;
	nth_fails = 0;
	send_errors = 0;
	loop = pthread_self();
	if (directory_make(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/own.db", dir);
	open_file();
	syncs = loop_syncs = 0;
	return 0;
}

static inline int close_and_remove(void **state)
{
	(void)state;
	char side[128];
	static const char *const suffixes[] = {"", "-wal"};
	close_file();
	for (size_t i = 0; i < 2; i++) {
		snprintf(side, sizeof(side), "%s%s", path, suffixes[i]);
		unlink(side);
	}
	return rmdir(dir);
}

static inline int tear_down(void **state)
{
	let_go(); /* a test that failed may have left the thread waiting */
	return close_and_remove(state);
}

static inline struct question question_of(const char *text)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	assert_int_equal(name_from_text(text, strlen(text), &q.name), 0);
	return q;
}

static inline int put(uid_t uid, const char *name, uint8_t last)
{
	static int64_t now;
	struct question q = question_of(name);
	struct rrset *set = rrset_create(&q, 300);
	assert_int_equal(rrset_add(set, (const uint8_t[]){192, 0, 2, last}, 4), 0);
	int r = own_set(own, uid, set, ++now);
	rrset_destroy(set);
	return r;
}

/* The last byte of the address; 0: no such record. */
static inline int get(uid_t uid, const char *name)
{
	struct question q = question_of(name);
	const struct own_record *record = own_find(own, uid, &q);
	return record && record->set ? record->set->data[5] : 0;
}

struct writer {
	struct own_waiter waiter; /* first */
	int calls, error;
};

static inline void on_durable(struct own_waiter *w, int error)
{
	struct writer *writer = (struct writer *)w;
	writer->calls++;
	writer->error = error;
}

static inline void wait_for(struct writer *w)
{
	*w = (struct writer){.waiter.fn = on_durable};
	assert_true(own_wait(own, &w->waiter));
}

static inline void loop_until(const struct writer *w)
{
	while (!w->calls)
		event_base_loop(base, EVLOOP_ONCE);
}

static inline void loop_until_syncing(void)
{
	while (syncs == 0)
		event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

#endif
