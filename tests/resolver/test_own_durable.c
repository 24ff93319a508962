/* Own records on a disk that is slow, or fails: who waits for it, for how many together it is asked
 * once, and what stands afterwards. */
#undef NDEBUG
#include "tests/resolver/disk_fixture.h"

#include <signal.h>
#include <sys/wait.h>

#include "resolver/resolver.h"

static void test_one_sync_for_all_of_a_turn(void **state)
{
	(void)state;
	struct writer w[40];
	uint64_t before = own_commits(own);
	for (unsigned i = 0; i < 40; i++) {
		char name[32];
		snprintf(name, sizeof(name), "n%u.test", i);
		assert_int_equal(put(1000 + i, name, 1), 0);
		wait_for(&w[i]);
	}
	assert_int_equal(own_commits(own) - before, 40);
	assert_int_equal(syncs, 0);
	assert_int_equal(loop_syncs, 0); /* the log has begun already */
	loop_until(&w[39]);
	assert_int_equal(syncs, 1);
	for (unsigned i = 0; i < 40; i++)
		assert_true(w[i].calls == 1 && w[i].error == 0);
	/* Nothing new: nothing to wait for. */
	struct own_waiter idle;
	assert_false(own_wait(own, &idle));
}

/* The loop turns on while the disk does not, and what comes meanwhile shares the next sync; it is
 * not answered by the one that began before it. */
static void test_others_go_on_while_the_disk_is_busy(void **state)
{
	(void)state;
	struct writer first, second, third;
	hold_syncs();
	assert_int_equal(put(1, "a.test", 1), 0);
	wait_for(&first);
	loop_until_syncing();
	assert_int_equal(put(2, "b.test", 2), 0);
	wait_for(&second);
	assert_int_equal(put(3, "c.test", 3), 0);
	wait_for(&third);
	for (int i = 0; i < 100; i++)
		event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(syncs, 1);
	assert_int_equal(first.calls + second.calls + third.calls, 0);
	assert_int_equal(get(2, "b.test"), 2); /* but read at once */
	let_one_go();
	loop_until(&first);
	assert_int_equal(second.calls + third.calls, 0);
	let_go();
	loop_until(&third);
	assert_int_equal(second.calls, 1);
	assert_int_equal(syncs, 2);
}

static void reopen(void)
{
	close_file();
	open_file();
}

static void test_a_failure_leaves_what_was_durable(void **state)
{
	(void)state;
	struct writer w, other;
	assert_int_equal(put(1, "a.test", 1), 0);
	wait_for(&w);
	loop_until(&w);
	assert_int_equal(w.error, 0);

	errors = 1;
	assert_int_equal(put(1, "a.test", 2), 0);
	wait_for(&w);
	assert_int_equal(put(2, "b.test", 3), 0);
	wait_for(&other);
	loop_until(&other);
	assert_int_equal(w.error, -EIO);
	assert_int_equal(other.error, -EIO);
	assert_int_equal(get(1, "a.test"), 1);
	assert_int_equal(get(2, "b.test"), 0);
	struct own_disk_counters c;
	own_disk_counters(own, &c);
	assert_int_equal(c.failures, 1);

	/* It heals by itself, and what is written now is not lost behind what was cut off. */
	assert_int_equal(put(3, "c.test", 4), 0);
	wait_for(&w);
	loop_until(&w);
	assert_int_equal(w.error, 0);
	reopen();
	assert_int_equal(get(1, "a.test"), 1);
	assert_int_equal(get(2, "b.test"), 0);
	assert_int_equal(get(3, "c.test"), 4);
}

/* What came while the disk was failing is lost with it. */
static void test_a_failure_takes_what_came_meanwhile(void **state)
{
	(void)state;
	struct writer first, second;
	hold_syncs();
	assert_int_equal(put(1, "a.test", 1), 0);
	wait_for(&first);
	loop_until_syncing();
	assert_int_equal(put(1, "b.test", 1), 0);
	wait_for(&second);
	errors = 1;
	let_go();
	loop_until(&second);
	assert_int_equal(first.error, -EIO);
	assert_int_equal(second.error, -EIO);
	assert_int_equal(own_records(own), 0);
}

/* A disk that fails for a while: refused, read from memory, and good again without a restart. */
static void test_a_disk_that_stays_bad(void **state)
{
	(void)state;
	struct writer w;
	assert_int_equal(put(1, "a.test", 1), 0);
	wait_for(&w);
	loop_until(&w);
	bad = true;
	assert_int_equal(put(1, "a.test", 2), 0);
	wait_for(&w);
	loop_until(&w);
	assert_int_equal(w.error, -EIO);
	assert_int_equal(put(1, "b.test", 2), -EIO);
	struct own_waiter idle;
	assert_false(own_wait(own, &idle)); /* nobody waits for a disk that is given up */
	assert_int_equal(own_settle(own, OWN_PATIENT), 0);
	struct question q = question_of("a.test");
	assert_int_equal(own_withdraw(own, 1, &q, 99), -EIO);
	uint8_t key[NAME_KEY_LEN] = {0};
	assert_int_equal(own_first_signer(own, &q.name, key), -ENOENT);
	assert_int_equal(own_remember_signer(own, &q.name, key), -EIO);
	struct own_put last;
	assert_int_equal(own_last_put(own, key, &last), 0);
	assert_int_equal(get(1, "a.test"), 1);
	own_begin(own);
	own_end(own);
	bad = false;
	while (put(1, "b.test", 2) < 0)
		event_base_loop(base, EVLOOP_ONCE);
	own_settle(own, OWN_PATIENT);
	assert_int_equal(get(1, "a.test"), 1);
	reopen();
	assert_int_equal(get(1, "a.test"), 1);
	assert_int_equal(get(1, "b.test"), 2);
}

/* What an earlier life has left in the log was durable, and is not cut off with what is lost. */
static void test_a_failure_after_a_crash(void **state)
{
	(void)state;
	struct writer w;
	close_file();
	pid_t child = fork();
	if (child == 0) {
		open_file();
		assert_int_equal(put(1, "a.test", 1), 0);
		own_settle(own, OWN_PATIENT);
		raise(SIGSTOP);
	}
	int status;
	assert_int_equal(waitpid(child, &status, WUNTRACED), child);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	open_file();
	assert_int_equal(get(1, "a.test"), 1);
	errors = 1;
	assert_int_equal(put(1, "a.test", 2), 0);
	wait_for(&w);
	loop_until(&w);
	assert_int_equal(w.error, -EIO);
	assert_int_equal(get(1, "a.test"), 1);
}

/* Over many checkpoints, and with a failure at each place between two of them. */
static void test_failures_around_checkpoints(void **state)
{
	(void)state;
	struct writer w;
	int stands = 0;
	for (int i = 1; i <= 3000; i++) {
		bool fails = i % 97 == 0;
		assert_int_equal(put(1, "a.test", (uint8_t)(i % 250 + 1)), 0);
		if (i % 7 && !fails)
			continue;
		wait_for(&w);
		errors = fails;
		loop_until(&w);
		errors = 0;
		assert_int_equal(w.error, fails ? -EIO : 0);
		if (fails)
			assert_int_equal(get(1, "a.test"), stands);
		stands = get(1, "a.test");
	}
	own_settle(own, OWN_PATIENT);
	stands = get(1, "a.test");
	reopen();
	assert_int_equal(get(1, "a.test"), stands);
}

/* A checkpoint comes when nothing is left to wait for; it is the thread's, and while the disk keeps
 * it waiting the loop turns and answers from memory. */
static void test_a_checkpoint_is_the_threads(void **state)
{
	(void)state;
	struct writer first, last;
	assert_int_equal(put(1, "a.test", 1), 0);
	wait_for(&first);
	hold_syncs();
	loop_until_syncing();
	for (int i = 0; i < 1500; i++)
		assert_int_equal(put(1, "a.test", (uint8_t)(i % 250 + 1)), 0);
	wait_for(&last);
	let_one_go();
	loop_until(&first);
	let_one_go();
	loop_until(&last);
	assert_int_equal(last.error, 0);
	while (syncs < 3) /* the checkpoint's first: of the log, which is clean */
		event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	for (int i = 0; i < 100; i++) {
		event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
		assert_int_equal(get(1, "a.test"), 1499 % 250 + 1);
	}
	assert_int_equal(syncs, 3);
	let_go();
	own_settle(own, OWN_PATIENT);
	assert_int_equal(syncs, 5); /* and of the database, and of the head of the new log */
	assert_int_equal(put(1, "a.test", 7), 0);
	wait_for(&last);
	loop_until(&last);
	assert_int_equal(loop_syncs, 0);
	reopen();
	assert_int_equal(get(1, "a.test"), 7);
}

static int move(uid_t uid, const char *from, const char *to, uint8_t last)
{
	struct question q = question_of(from), other = question_of(to);
	struct rrset *set = rrset_create(&other, 300);
	assert_int_equal(rrset_add(set, (const uint8_t[]){192, 0, 2, last}, 4), 0);
	int r = own_move(own, uid, &q, set, 1000 + last);
	rrset_destroy(set);
	return r;
}

/* From a name to itself, as one in another spelling is: it is still there after a restart. */
static void test_a_move_to_itself(void **state)
{
	(void)state;
	struct question q = question_of("a.test");
	assert_int_equal(put(1, "a.test", 1), 0);
	assert_int_equal(move(1, "a.test", "a.test", 3), 0);
	close_file();
	open_file();
	const struct own_record *record = own_find(own, 1, &q);
	assert_true(record && record->set);
	assert_int_equal(record->set->data[5], 3);
}

/* A kill -9 comes before its one commit or after it; a disk that fails leaves both names as they
 * were. */
static void test_a_move_is_one_commit(void **state)
{
	(void)state;
	struct writer w;
	assert_int_equal(put(1, "a.test", 1), 0);
	assert_int_equal(put(1, "b.test", 2), 0);
	uint64_t before = own_commits(own);
	assert_int_equal(move(1, "a.test", "b.test", 3), 0);
	assert_int_equal(move(1, "b.test", "c.test", 4), 0);
	assert_int_equal(own_commits(own) - before, 2);
	assert_int_equal(move(1, "a.test", "c.test", 5), -ENOENT);
	assert_int_equal(move(2, "c.test", "a.test", 5), -ENOENT);
	wait_for(&w);
	loop_until(&w);
	reopen();
	assert_int_equal(get(1, "a.test") + get(1, "b.test"), 0);
	assert_int_equal(get(1, "c.test"), 4);
	errors = 1;
	assert_int_equal(move(1, "c.test", "a.test", 6), 0);
	wait_for(&w);
	loop_until(&w);
	assert_int_equal(w.error, -EIO);
	assert_int_equal(get(1, "c.test"), 4);
	assert_int_equal(get(1, "a.test"), 0);
	bad = true;
	assert_int_equal(put(1, "x.test", 1), 0);
	own_settle(own, OWN_PATIENT);
	assert_int_equal(move(1, "c.test", "a.test", 7), -EIO);
	assert_int_equal(get(1, "c.test"), 4);
	assert_int_equal(get(1, "a.test"), 0);
	bad = false;
}

static void tell(void *ctx)
{
	++*(int *)ctx;
}

static void test_who_keeps_copies_is_told(void **state)
{
	(void)state;
	int told = 0;
	own_on_lost(own, tell, &told);
	assert_int_equal(own_set_pins(own, 5, "k x\n", 4), 0);
	own_settle(own, OWN_PATIENT);
	assert_int_equal(told, 0);
	errors = 1;
	assert_int_equal(own_set_pins(own, 5, "", 0), 0);
	own_settle(own, OWN_PATIENT);
	assert_int_equal(told, 1);
}

static void watched(void *ctx, const struct resolver_change *change)
{
	(void)change;
	++*(int *)ctx;
}

/* Own records are the last to close, and their last round may fail (ASan sees who is told). */
static void test_a_resolver_that_is_gone_is_not_told(void **state)
{
	(void)state;
	struct resolver_config config = {.deadline = 1000000, .cache_bytes = 1 << 20};
	struct resolver_parts parts = {.own = own};
	struct resolver *r;
	int told = 0;
	assert_int_equal(resolver_create(base, &config, &parts, &r), 0);
	resolver_watch(r, watched, &told);
	errors = 1;
	assert_int_equal(put(1, "a.test", 1), 0);
	own_settle(own, OWN_PATIENT);
	assert_int_equal(told, 1);
	resolver_destroy(r);
	errors = 1;
	assert_int_equal(put(1, "a.test", 1), 0);
	own_settle(own, OWN_PATIENT);
	assert_int_equal(errors, 0);
	assert_int_equal(told, 1);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_one_sync_for_all_of_a_turn),
		TEST(test_others_go_on_while_the_disk_is_busy),
		TEST(test_a_failure_leaves_what_was_durable),
		TEST(test_a_failure_takes_what_came_meanwhile),
		TEST(test_a_disk_that_stays_bad),
		TEST(test_a_failure_after_a_crash),
		TEST(test_failures_around_checkpoints),
		TEST(test_a_checkpoint_is_the_threads),
		TEST(test_a_move_to_itself),
		TEST(test_a_move_is_one_commit),
		TEST(test_who_keeps_copies_is_told),
		TEST(test_a_resolver_that_is_gone_is_not_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
