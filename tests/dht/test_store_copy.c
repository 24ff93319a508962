/* The store on a disk that takes its time: the loop never waits for it. */
#undef NDEBUG
#include "tests/dht/store_world.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

static pthread_t loop;
static atomic_int loop_syncs, thread_syncs;
static atomic_bool held; /* those of the thread wait for `go` */
static sem_t go;

int fdatasync(int fd)
{
	(void)fd;
	if (pthread_equal(loop, pthread_self())) {
		loop_syncs++;
		return 0;
	}
	thread_syncs++;
	if (held)
		sem_wait(&go);
	return 0;
}

int fsync(int fd)
{
	return fdatasync(fd);
}

static void keep_many(struct dht_store *store, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		struct dht_item item = immutable_item(i);
		assert_int_equal(keep(store, &item, NOW), 0);
	}
}

static struct dht_store *store_with_a_long_log(void)
{
	struct dht_store *store = opened();
	assert_int_equal(dht_store_begin(store, NOW, NOW), 0);
	loop_syncs = thread_syncs = 0;
	/* Some hundred pages each: the last of them makes the log worth a copy. */
	for (unsigned i = 0; i < 20000 && thread_syncs == 0; i += 200) {
		keep_many(store, i, i + 200);
		dht_store_flush(store, NOW + i, NOW);
	}
	while (thread_syncs == 0)
		sched_yield();
	return store;
}

/* What is in memory is found, what is not is not; what comes waits in memory, and is in the file in
 * the end. */
static void test_the_loop_goes_on(void **state)
{
	(void)state;
	held = true;
	struct dht_store *store = store_with_a_long_log();
	struct dht_item first = immutable_item(0), fresh = immutable_item(99999);
	int syncs = loop_syncs;
	assert_int_equal(find(store, &first, NOW), -EBUSY);
	assert_int_equal(keep(store, &fresh, NOW), 0);
	assert_int_equal(find(store, &fresh, NOW), 0);
	assert_int_equal(dht_store_flush(store, NOW, NOW), -EBUSY);
	assert_int_equal(dht_store_save_nodes(store, NULL, 0), -EBUSY);
	assert_int_equal(find(store, &fresh, NOW), 0);
	assert_int_equal(loop_syncs, syncs);
	held = false;
	for (int i = 0; i < 4; i++)
		sem_post(&go);
	while (dht_store_flush(store, NOW, NOW) == -EBUSY)
		sched_yield();
	assert_int_equal(find(store, &first, NOW), 0);
	assert_int_equal(loop_syncs, 0);   /* also at the beginning of the new log */
	assert_int_equal(thread_syncs, 3); /* the log, the database, the head of the log */
	dht_store_close(store);
	store = opened();
	assert_int_equal(find(store, &fresh, NOW), 0);
	assert_int_equal(find(store, &first, NOW), 0);
	dht_store_close(store);
}

/* It is closed in the midst of it: nothing is lost. */
static void test_closed_meanwhile(void **state)
{
	(void)state;
	held = false;
	struct dht_store *store = store_with_a_long_log();
	struct dht_item fresh = immutable_item(99999);
	assert_int_equal(keep(store, &fresh, NOW), 0);
	dht_store_close(store);
	store = opened();
	assert_int_equal(find(store, &fresh, NOW), 0);
	dht_store_close(store);
}

int main(void)
{
	sem_init(&go, 0, 0);
	loop = pthread_self();
#define CASE(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		CASE(test_the_loop_goes_on),
		CASE(test_closed_meanwhile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
