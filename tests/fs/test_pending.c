/* Requests that wait end exactly once, whatever comes first. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fs/pending.h"
#include "fs/rate.h"
#include "tests/fs/fake_resolver.h"
#include "tests/leap.h"

#define OWNER 900

struct outcome {
	unsigned calls;
	int error;
	bool answered;
};

static struct event_base *base;
static struct pending_list *list;

static int create(unsigned lookups)
{
	/* 1 us: the deadline then comes a second later, and no test waits for it but one. */
	const struct pending_config config = {
		.resolver = fake_resolver(base), .publisher = fake_publisher(),
		.deadline = 1, .lookups = lookups, .owner = OWNER};
	return pending_create(base, &config, &list);
}

static int setup(void **state)
{
	(void)state;
	base = event_base_new();
	return create(RATE_MOST);
}

static int teardown(void **state)
{
	(void)state;
	pending_destroy(list);
	event_base_free(base);
	fake_destroy();
	return 0;
}

static void on_end(void *ctx, int error, const struct answer *a)
{
	struct outcome *o = ctx;
	o->calls++;
	o->error = error;
	o->answered = a != NULL;
}

static int ask_as(uid_t uid, const char *name, struct outcome *o, struct pending **ret_pending)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	struct pending_caller caller = {uid, getpid()};
	assert_int_equal(name_from_text(name, strlen(name), &q.name), 0);
	return pending_ask(list, &q, &caller, on_end, o, ret_pending);
}

static void test_answer(void **state)
{
	(void)state;
	struct outcome found = {0}, missing = {0};
	struct pending *p;
	assert_int_equal(ask_as(1, "www.example.com", &found, &p), 0);
	assert_int_equal(ask_as(1, "nothing.alt", &missing, &p), 0);
	assert_int_equal(found.calls, 0); /* never before it returns */
	event_base_dispatch(base);
	assert_int_equal(found.calls, 1);
	assert_int_equal(found.error, 0);
	assert_true(found.answered);
	assert_int_equal(missing.calls, 1);
	assert_int_equal(missing.error, -ENOENT);
	assert_int_equal(pending_count(list), 0);
	assert_int_equal(fake.cancels, 0);
}

/* An answer that never comes: nothing but the deadline ends the loop. */
static void test_deadline(void **state)
{
	(void)state;
	struct outcome o = {0};
	struct pending *p;
	assert_int_equal(ask_as(1, "slow60000.example.com", &o, &p), 0);
	event_base_dispatch(base);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.error, -ETIMEDOUT);
	assert_false(o.answered);
	assert_int_equal(fake.cancels, 1); /* and the late answer calls nobody */
}

static void test_interrupt_by_nobody_leaves_it_waiting(void **state)
{
	(void)state;
	struct outcome o = {0};
	struct pending *p;
	assert_int_equal(ask_as(1, "slow10.example.com", &o, &p), 0);
	pending_interrupt(p); /* no signal is pending here: it was a harmless one */
	pending_interrupt(p);
	assert_int_equal(o.calls, 0);
	event_base_dispatch(base);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.error, 0);
}

static void test_interrupt_of_a_dead_caller(void **state)
{
	(void)state;
	struct outcome o = {0};
	struct pending *p;
	struct question q = {.type = TYPE_A, .class = CLASS_IN, .name.len = 1};
	struct pending_caller caller = {1, 0};
	assert_int_equal(pending_ask(list, &q, &caller, on_end, &o, &p), 0);
	pending_interrupt(p);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.error, -EINTR);
	event_base_dispatch(base); /* neither its answer nor its deadline comes any more */
	assert_int_equal(o.calls, 1);
	assert_int_equal(fake.cancels, 1);
	struct pending_counters c;
	pending_counters(list, &c);
	assert_int_equal(c.interrupted, 1);
}

static void test_share_of_a_user(void **state)
{
	(void)state;
	static struct outcome o, his; /* told once more by the teardown */
	struct pending *p;
	for (unsigned i = 0; i < PENDING_USER_MAX; i++)
		assert_int_equal(ask_as(1, "slow1.example.com", &o, &p), 0);
	assert_int_equal(ask_as(1, "slow1.example.com", &o, &p), -EAGAIN);
	assert_int_equal(ask_as(2, "slow1.example.com", &his, &p), 0);
	event_base_dispatch(base);
	assert_int_equal(o.calls, PENDING_USER_MAX);
	assert_int_equal(his.calls, 1);
	assert_int_equal(ask_as(1, "slow1.example.com", &o, &p), 0);
}

static void test_share_of_all(void **state)
{
	(void)state;
	static struct outcome o; /* as above */
	struct pending *p;
	unsigned most = PENDING_MAX / 4 * 3, new = PENDING_MAX / 8 * 7;
	for (unsigned i = 0; i < most; i++)
		assert_int_equal(
			ask_as(1001 + i / (PENDING_USER_MAX - 1), "slow9.example.com", &o, &p), 0);
	assert_int_equal(ask_as(1001, "slow9.example.com", &o, &p), -EAGAIN);
	for (unsigned i = most; i < new; i++) /* who has nothing yet */
		assert_int_equal(ask_as(5000 + i, "slow9.example.com", &o, &p), 0);
	assert_int_equal(ask_as(9000, "slow9.example.com", &o, &p), -EAGAIN);
	for (unsigned i = new; i < PENDING_MAX; i++)
		assert_int_equal(ask_as(i & 1 ? 0 : OWNER, "slow9.example.com", &o, &p),
			i - new < 2 * PENDING_USER_MAX ? 0 : -EAGAIN);
	assert_int_equal(pending_count(list), new + 2 * PENDING_USER_MAX);
}

static void test_end_of_the_mount(void **state)
{
	(void)state;
	struct outcome o = {0};
	struct pending *p;
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask_as(1, "slow9.example.com", &o, &p), 0);
	pending_destroy(list);
	list = NULL;
	assert_int_equal(o.calls, 3);
	assert_int_equal(o.error, -ECONNABORTED);
	assert_int_equal(fake.cancels, 3);
}

/* The rate is charged for what is asked, not for what is refused for another reason. */
static void test_rate(void **state)
{
	(void)state;
	static struct outcome o; /* as above */
	struct pending *p;
	struct pending_counters c;
	pending_destroy(list);
	list = NULL;
	assert_int_equal(create(10), 0); /* ten seconds' worth: 100 */
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(
			ask_as(1, "slow1.example.com", &o, &p), i < PENDING_USER_MAX ? 0 : -EAGAIN);
	event_base_dispatch(base);
	for (unsigned i = PENDING_USER_MAX; i < 100; i++)
		assert_int_equal(ask_as(1, "slow1.example.com", &o, &p), 0);
	assert_int_equal(ask_as(2, "slow1.example.com", &o, &p), 0);
	unsigned more = 0; /* the real clock may grant some */
	while (ask_as(1, "slow1.example.com", &o, &p) == 0)
		more++;
	assert_in_range(more, 0, 20);
	pending_counters(list, &c);
	assert_int_equal(c.asked, 101 + more);
	assert_int_equal(c.crowded, 1000 - PENDING_USER_MAX);
	assert_int_equal(c.hasty, 1);
}

/* ---- receipts ---- */

static int receive(uid_t uid, struct outcome *o, struct pending **ret_pending)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	struct pending_caller caller = {uid, getpid()};
	assert_int_equal(name_from_text("mine.alt", 8, &q.name), 0);
	return pending_receipt(list, &q, &caller, on_end, o, ret_pending);
}

static void write_record(uid_t uid)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	assert_int_equal(name_from_text("mine.alt", 8, &q.name), 0);
	struct rrset *set = rrset_create(&q, 300);
	assert_int_equal(rrset_add(set, (const uint8_t[]){192, 0, 2, 1}, 4), 0);
	assert_int_equal(publish_set(fake_publisher(), uid, set), 0);
	rrset_destroy(set);
}

static void test_receipt(void **state)
{
	(void)state;
	struct outcome o = {0};
	struct pending *p;
	struct pending_counters c;
	assert_int_equal(receive(1, &o, &p), -ENOENT);
	write_record(1);
	assert_int_equal(receive(1, &o, &p), 0); /* there already */
	fake.receipts_wait = true;
	assert_int_equal(receive(1, &o, &p), -EINPROGRESS);
	assert_int_equal(pending_count(list), 1);
	assert_int_equal(o.calls, 0);
	fake.receipt->fn(fake.receipt, 0);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.error, 0);
	assert_int_equal(pending_count(list), 0);
	pending_counters(list, &c);
	assert_int_equal(c.receipts, 1);
	assert_int_equal(c.asked, 0);
}

/* Nobody tells it: the deadline ends it, the resolver's own and not a second after. */
static void test_receipt_ends_without_one(void **state)
{
	(void)state;
	struct outcome late = {0}, aborted = {0};
	struct pending *p;
	write_record(1);
	fake.receipts_wait = true;
	assert_int_equal(receive(1, &late, &p), -EINPROGRESS);
	event_base_dispatch(base);
	assert_int_equal(late.calls, 1);
	assert_int_equal(late.error, -ETIMEDOUT);
	assert_null(fake.receipt); /* nobody is told any more */
	assert_int_equal(receive(1, &aborted, &p), -EINPROGRESS);
	pending_destroy(list);
	list = NULL;
	assert_int_equal(aborted.calls, 1);
	assert_int_equal(aborted.error, -ECONNABORTED);
	assert_null(fake.receipt);
}

/* Files that wait to be closed and questions are of one share. */
static void test_receipts_are_bounded(void **state)
{
	(void)state;
	struct outcome o = {0};
	struct pending *p;
	write_record(1);
	fake.receipts_wait = true;
	for (unsigned i = 0; i < PENDING_USER_MAX; i++)
		assert_int_equal(receive(1, &o, &p), -EINPROGRESS);
	assert_int_equal(receive(1, &o, &p), -EAGAIN);
	assert_int_equal(ask_as(1, "www.example.com", &o, &p), -EAGAIN);
	assert_int_equal(ask_as(2, "www.example.com", &o, &p), 0);
	assert_int_equal(o.calls, 0);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_answer),
		CASE(test_deadline),
		CASE(test_interrupt_by_nobody_leaves_it_waiting),
		CASE(test_interrupt_of_a_dead_caller),
		CASE(test_share_of_a_user),
		CASE(test_share_of_all),
		CASE(test_rate),
		CASE(test_end_of_the_mount),
		CASE(test_receipt),
		CASE(test_receipt_ends_without_one),
		CASE(test_receipts_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
