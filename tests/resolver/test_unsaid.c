/* What the disk has not is told to nobody: when the disk fails a moment later it is as if it had
 * never been written, and a network would not forget it. The disk's syncs are this file's. */
#undef NDEBUG
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "tests/resolver/publisher_fixture.h"

static pthread_t loop;
static atomic_bool held, bad; /* the syncs of the thread wait for `go`; the next one fails */
static atomic_int waiting;
static sem_t go;

int fdatasync(int fd)
{
	(void)fd;
	if (pthread_equal(loop, pthread_self()))
		return 0;
	if (held) {
		waiting++;
		sem_wait(&go);
	}
	errno = EIO;
	return atomic_exchange(&bad, false) ? -1 : 0;
}

static int set_up_disk(void **state)
{
	held = bad = false;
	waiting = 0;
	loop = pthread_self();
	sem_init(&go, 0, 0);
	return set_up(state) || own_start(own, base);
}

static uint64_t looked_up(void)
{
	struct dht_counters c;
	dht_counters(dht_udp_node(udp), &c);
	return c.puts + c.published;
}

static int standing(unsigned name)
{
	struct question q = question_of(name);
	const struct rrset *set = publish_standing(publisher, UID, &q);
	return set ? set->data[5] : 0;
}

static void withdraw(unsigned name)
{
	struct question q = question_of(name);
	assert_int_equal(publish_remove(publisher, UID, &q), 0);
}

static void hold(void)
{
	held = true;
	waiting = 0;
}

/* The disk goes on after so long. The thread gets on by the real clock, the rest by one that leaps:
 * so it is waited for first. */
static void let_go(void)
{
	while (!waiting)
		event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	run_for(3 * SECOND);
	assert_int_equal(waiting, 1);
	held = false;
	sem_post(&go);
}

/* The thread has done in each half second what there was to do. */
static void run_with_the_disk(unsigned seconds)
{
	for (unsigned i = 0; i < 2 * seconds; i++) {
		run_for(SECOND / 2);
		own_settle(own, OWN_PATIENT);
	}
}

static void test_not_before_it_is_durable(void **state)
{
	(void)state;
	hold();
	put(1, 1);
	put(2, 1);
	let_go();
	assert_int_equal(counters().zones_put + counters().slots_put + looked_up(), 0);
	while (counters().slots_put < 2)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(counters().zones_put, 1);
}

static void test_never_when_it_is_lost(void **state)
{
	(void)state;
	put(1, 1);
	run_with_the_disk(5);
	struct publish_counters before = counters();
	uint64_t said = looked_up();
	hold();
	bad = true;
	put(1, 2);
	put(2, 2);
	let_go();
	assert_int_equal(looked_up(), said);
	own_settle(own, OWN_PATIENT);
	assert_int_equal(standing(1), 1);
	assert_int_equal(standing(2), 0);
	run_with_the_disk(20);
	assert_int_equal(counters().slots_put, before.slots_put); /* neither of the two */

	hold();
	bad = true;
	withdraw(1);
	let_go();
	assert_int_equal(counters().slots_put, before.slots_put);
	own_settle(own, OWN_PATIENT);
	assert_int_equal(standing(1), 1);
	run_with_the_disk(20);
	assert_int_equal(counters().slots_put, before.slots_put);
	put(1, 3); /* and what is written then is said */
	run_with_the_disk(5);
	assert_int_equal(counters().slots_put, before.slots_put + 1);
}

/* kadns ends while a job waits for the disk. */
static void test_end(void **state)
{
	(void)state;
	hold();
	put(1, 1);
	let_go();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_not_before_it_is_durable, set_up_disk, tear_down),
		cmocka_unit_test_setup_teardown(test_never_when_it_is_lost, set_up_disk, tear_down),
		cmocka_unit_test_setup_teardown(test_end, set_up_disk, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
