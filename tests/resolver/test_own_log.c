/* Own records, their log and the database on a disk that fails: no checkpoint copies what may be
 * lost yet, the log has an end, and a thread that cannot be heard keeps nobody waiting. */
#undef NDEBUG
#include "tests/resolver/disk_fixture.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include "resolver/own_inside.h"

/* ---- the log and the database ---- */

/* Keys that lie on many pages, in no order. */
static void put_many(unsigned from, unsigned to)
{
	char name[32];
	for (unsigned i = from; i < to; i++) {
		snprintf(name, sizeof(name), "n%08x.test", i * 2654435761u);
		assert_int_equal(put(1 + i % 2, name, 1), 0);
	}
}

static void put_durably(unsigned from, unsigned to)
{
	struct writer w;
	put_many(from, to);
	wait_for(&w);
	loop_until(&w);
	assert_int_equal(w.error, 0);
}

/* It stands still in the midst of a round, which let_go() ends. */
static void hold_the_disk(void)
{
	hold_syncs();
	assert_int_equal(put(1, "held.test", 1), 0);
	for (int before = syncs; syncs == before;)
		event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void assert_sound(size_t records)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;
	assert_int_equal(own_records(own), records);
	close_file();
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(s, 0), "ok");
	sqlite3_finalize(s);
	sqlite3_close(db);
	open_file();
	assert_int_equal(own_records(own), records);
}

static off_t log_size(void)
{
	char side[128];
	struct stat st;
	snprintf(side, sizeof(side), "%s-wal", path);
	assert_int_equal(stat(side, &st), 0);
	return st.st_size;
}

/* What is lost with the log must not be in the database already. */
static void test_no_checkpoint_of_what_is_not_durable(void **state)
{
	(void)state;
	struct writer w;
	put_durably(0, 100);
	hold_the_disk();
	put_many(100, 1500);
	assert_int_equal(loop_syncs, 0);
	assert_true(log_size() > 1000 * 4096);
	wait_for(&w);
	errors = 1;
	let_go();
	loop_until(&w);
	assert_int_equal(w.error, -EIO);
	assert_sound(100);
	put_durably(100, 1500);
	assert_sound(1500);
}

static void loop_until_next_sync(void)
{
	for (int before = syncs; syncs == before;)
		event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* While the disk takes what is long enough for a checkpoint, more comes; then the sync fails that
 * is that one from there on. */
static void fail_after_more_came(int nth, int error, unsigned records)
{
	struct writer w;
	char name[32];
	put_durably(0, 2000);
	own_settle(own, OWN_PATIENT); /* else the log would be so long that the loop waits for it */
	for (unsigned i = 0; i < 1300; i++) /* on other pages than what comes next */
		assert_int_equal(put(1, "a.test", (uint8_t)i), 0);
	hold_syncs();
	loop_until_next_sync();
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "m%u.test", i);
		assert_int_equal(put(2, name, 1), 0);
	}
	wait_for(&w);
	let_one_go();
	loop_until_next_sync();
	nth_fails = nth;
	let_go();
	loop_until(&w);
	assert_int_equal(w.error, error);
	assert_sound(records);
}

/* Nor of what came while the disk took the rest: the next sync is that of what came, and with it
 * that is lost; */
static void test_no_checkpoint_of_what_came_meanwhile(void **state)
{
	(void)state;
	fail_after_more_came(1, -EIO, 2001);
}

/* the one after it is that of the checkpoint, which loses nothing. */
static void test_what_came_meanwhile_is_durable_first(void **state)
{
	(void)state;
	fail_after_more_came(2, 0, 2101);
}

/* The failure comes in the checkpoint: in its sync of the log, of the database, or of the head of
 * the new log. Everything was durable, and stands; what comes next, and fails, is lost alone. */
static void test_failures_in_a_checkpoint(void **state)
{
	(void)state;
	struct writer w;
	struct own_disk_counters c;
	for (int nth = 1; nth <= 3; nth++) {
		unsigned from = (unsigned)(nth - 1) * 2000;
		put_durably(from, from + 200);
		put_many(from + 200, from + 2000);
		wait_for(&w);
		nth_fails = 1 + nth; /* the round's is the first */
		loop_until(&w);
		assert_int_equal(w.error, 0);
		own_settle(own, OWN_PATIENT);
		assert_int_equal(nth_fails, 0);
		own_disk_counters(own, &c);
		assert_int_equal(c.failures, 1);
		put_many(90000, 92000);
		wait_for(&w);
		errors = 1;
		loop_until(&w);
		assert_int_equal(w.error, -EIO);
		assert_sound(from + 2000);
	}
}

static sqlite3_mem_methods memory;
static atomic_int memory_ends; /* with this sync, for SQLite in the thread; 0: never */

static void *give(int size)
{
	bool none = memory_ends && syncs >= memory_ends && !pthread_equal(loop, pthread_self());
	return none ? NULL : memory.xMalloc(size);
}

/* All has been copied into the database, but there is no memory for the commit with which the log
 * would begin anew: the next one begins it, and what fails then is cut off all the same. */
static void test_no_memory_for_a_new_log(void **state)
{
	(void)state;
	struct writer w;
	struct own_disk_counters c;
	put_durably(0, 200);
	put_many(200, 2000);
	wait_for(&w);
	memory_ends = syncs + 3; /* the round's, of the log, of the database */
	loop_until(&w);
	own_settle(own, OWN_PATIENT);
	assert_int_equal(syncs, memory_ends); /* none of a new log */
	memory_ends = 0;
	own_disk_counters(own, &c);
	assert_int_equal(c.failures, 0);
	put_many(2000, 2010);
	wait_for(&w);
	errors = 1;
	loop_until(&w);
	assert_int_equal(w.error, -EIO);
	assert_sound(2000);
	put_durably(2000, 2020);
	assert_sound(2020);
}

/* After a checkpoint the log begins anew, also with a commit that is longer than the old one was;
 * what fails then is cut off from it, and the database is whole. */
static void test_a_failure_in_the_first_commit_after_a_checkpoint(void **state)
{
	(void)state;
	struct writer w;
	put_durably(0, 2000);
	assert_int_equal(log_size() > 1000 * 4096, 1);
	for (int i = 0; i < 3; i++) {
		own_begin(own);
		put_many(2000, 2000 + 6000);
		assert_int_equal(own_end(own), 0);
		wait_for(&w);
		errors = 1;
		loop_until(&w);
		assert_int_equal(w.error, -EIO);
		assert_sound(2000);
	}
}

static ino_t log_file(void)
{
	char log[sizeof(path) + 8];
	struct stat st;
	snprintf(log, sizeof(log), "%s-wal", path);
	assert_int_equal(stat(log, &st), 0);
	return st.st_ino;
}

/* After a failure the file opens but cannot be read, for a while: its log is still the one that is
 * synced then, and not a new one in its place. */
static void test_a_file_that_cannot_be_read_for_a_while(void **state)
{
	(void)state;
	static const char spoil[] = "INSERT INTO record(uid, class, type, name, ttl, data, written)"
				    " VALUES(9, 1, 1, x'ff', 1, x'', 1)";
	static const char mend[] = "PRAGMA locking_mode=EXCLUSIVE; DELETE FROM record WHERE uid=9;"
				   "PRAGMA wal_checkpoint(TRUNCATE)";
	struct writer w;
	sqlite3 *db = NULL;
	put_durably(0, 10);
	ino_t log = log_file();
	assert_int_equal(sqlite3_exec(own->db, spoil, NULL, NULL, NULL), SQLITE_OK);
	wait_for(&w);
	loop_until(&w);
	put_many(10, 20);
	wait_for(&w);
	errors = 1;
	loop_until(&w);
	assert_int_equal(w.error, -EIO);
	assert_int_equal(put(1, "refused.test", 1), -EIO);
	assert_int_equal(log_file(), log);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, mend, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(db);
	while (put(1, "taken.test", 1) < 0)
		event_base_loop(base, EVLOOP_ONCE);
	wait_for(&w);
	loop_until(&w);
	assert_int_equal(w.error, 0);
	assert_int_equal(log_file(), log);
	assert_sound(11);
}

static void test_the_log_stays_short(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8000; i += 100) {
		put_durably(i, i + 100);
		own_settle(own, OWN_PATIENT); /* the copy that this may have begun */
	}
	assert_true(log_size() < 2000 * 4120);
	assert_sound(8000);
}

/* Writers that are always faster than the disk: at four checkpoints' length the loop waits. */
static void test_the_loop_waits_for_a_disk_that_falls_behind(void **state)
{
	(void)state;
	own_settle(own, OWN_PATIENT);
	hold_the_disk();
	put_many(0, 6000);
	let_go();
	int before = syncs;
	/* Two turns: the end of the round under way may come first. Three would do without it. */
	event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	struct own_waiter idle;
	assert_false(own_wait(own, &idle));
	assert_true(syncs >= before + 4); /* what came, the log, the database, the head */
	assert_int_equal(loop_syncs, 0);
	assert_sound(6001);
}

/* ---- the thread ---- */

static void test_the_thread_repeats_what_was_not_heard(void **state)
{
	(void)state;
	struct writer w;
	send_error = ENOBUFS;
	send_errors = 3;
	assert_int_equal(put(1, "a.test", 1), 0);
	wait_for(&w);
	loop_until(&w);
	assert_int_equal(w.error, 0);
	assert_int_equal(send_errors, 0);
}

/* Nobody waits for it then, now or later. */
static void test_a_thread_that_cannot_be_heard(void **state)
{
	(void)state;
	struct writer w;
	send_error = EBADF;
	send_errors = 1;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(put(1, "a.test", 1), 0);
		wait_for(&w);
		loop_until(&w);
		assert_true(w.error < 0);
		assert_int_equal(get(1, "a.test"), 0);
	}
	assert_int_equal(
		event_base_loop(base, EVLOOP_NONBLOCK), 1); /* no event: it does not spin */
	own_settle(own, OWN_PATIENT);
}

/* ---- the disk does not answer ---- */

/* The end comes within its limit, who waits hears that nothing is sure, and what was written is
 * there when it turns out that the disk took it. */
static void test_a_disk_that_never_answers(void **state)
{
	(void)state;
	struct writer w, second;
	struct own_waiter idle;
	struct own_disk_counters c;
	assert_int_equal(put(1, "a.test", 1), 0);
	wait_for(&w);
	loop_until(&w);
	hold_the_disk();
	wait_for(&w);
	assert_int_equal(put(1, "a.test", 2), 0);
	wait_for(&second);
	assert_int_equal(own_settle(own, 10000), -ETIMEDOUT);
	assert_true(w.calls == 1 && w.error == -ETIMEDOUT);
	assert_true(second.calls == 1 && second.error == -ETIMEDOUT);
	own_disk_counters(own, &c);
	assert_int_equal(c.unsettled, 2);
	assert_int_equal(c.failures, 0);
	assert_int_equal(put(1, "a.test", 3), -EIO); /* nothing can be promised any more */
	assert_false(own_wait(own, &idle));
	assert_int_equal(get(1, "a.test"), 2);
	assert_int_equal(own_settle(own, OWN_PATIENT), -ETIMEDOUT);
	assert_int_equal(event_base_loop(base, EVLOOP_NONBLOCK), 1); /* no event is left */
	close_file();
	let_go(); /* the thread, which ends by itself */
	open_file();
	assert_int_equal(get(1, "a.test"), 2);
	assert_int_equal(get(1, "held.test"), 1);
}

/* The same in the midst of a checkpoint: the thread has the connection, and keeps it. Runs last: it
 * is never let go. */
static void test_a_checkpoint_that_never_ends(void **state)
{
	(void)state;
	struct writer w;
	put_many(0, 2000);
	wait_for(&w);
	int before = syncs;
	hold_syncs();
	loop_until_next_sync();
	let_one_go();
	loop_until(&w);
	assert_int_equal(w.error, 0);
	while (syncs == before + 1)
		event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(own_settle(own, 10000), -ETIMEDOUT);
	struct own_disk_counters c;
	own_disk_counters(own, &c);
	assert_int_equal(c.unsettled, 0); /* but nobody may touch the file */
	assert_int_equal(put(1, "a.test", 1), -EIO);
	assert_int_equal(own_records(own), 2000);
}

/* Nothing is waited for that is durable. */
static void test_settling_what_is_durable(void **state)
{
	(void)state;
	struct writer w;
	assert_int_equal(put(1, "a.test", 1), 0);
	wait_for(&w);
	loop_until(&w);
	assert_int_equal(own_settle(own, 0), 0);
	assert_int_equal(put(1, "a.test", 2), 0);
	assert_int_equal(own_settle(own, OWN_PATIENT), 0);
}

int main(void)
{
	sqlite3_mem_methods methods;
	sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory);
	methods = memory;
	methods.xMalloc = give;
	sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
	sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0); /* memory that would not be asked for */
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_no_checkpoint_of_what_is_not_durable),
		TEST(test_no_checkpoint_of_what_came_meanwhile),
		TEST(test_what_came_meanwhile_is_durable_first),
		TEST(test_failures_in_a_checkpoint),
		TEST(test_no_memory_for_a_new_log),
		TEST(test_a_failure_in_the_first_commit_after_a_checkpoint),
		TEST(test_a_file_that_cannot_be_read_for_a_while),
		TEST(test_the_log_stays_short),
		TEST(test_the_loop_waits_for_a_disk_that_falls_behind),
		TEST(test_the_thread_repeats_what_was_not_heard),
		TEST(test_a_thread_that_cannot_be_heard),
		TEST(test_a_disk_that_never_answers),
		TEST(test_settling_what_is_durable),
		cmocka_unit_test_setup_teardown(
			test_a_checkpoint_that_never_ends, set_up, close_and_remove),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
