/* What many writes cost: signing and commits by the second, not by the write. One node that knows
 * no other, so that nothing but the publisher itself holds it back; time leaps (tests/leap). */
#undef NDEBUG
#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dht/udp.h"
#include "resolver/clock.h"
#include "resolver/job.h"
#include "resolver/policy.h"
#include "tests/directory.h"
#include "tests/leap.h"

#define UID 1000
#define NAMES 50

static char dir[DIRECTORY_CAP];
static struct event_base *base;
static struct own *own;
static struct signer *signer;
static struct dht_store *store;
static struct dht_udp *udp;
static struct publisher *publisher;
static struct policy policy = {.mode = POLICY_GUARDED, .dht = true, .lookup_always = true};

static void changed(void *ctx, const struct question *q)
{
	(void)ctx;
	(void)q;
}

static int set_up(void **state)
{
	char path[96];
	struct dht_udp_config config = {.bind_len = 1, .judge = publish_judge};
	struct dht_store_config life = {.lifetime = DHT_STORE_LIFETIME_PRIVATE};
	struct publish_config publish = {.policy = &policy, .changed = changed};
	(void)state;
	if (directory_make(dir) != 0)
		return -1;
	base = event_base_new();
	snprintf(path, sizeof(path), "%s/own.db", dir);
	assert_int_equal(own_open(path, 2000, 0, 1, &own), 0);
	snprintf(path, sizeof(path), "%s/keys", dir);
	assert_int_equal(signer_open(path, &signer), 0);
	snprintf(path, sizeof(path), "%s/guests.db", dir);
	assert_int_equal(dht_store_open(path, &life, &store), 0);
	assert_int_equal(dht_endpoint_from_text("127.0.0.1:1", &config.bind[0]), 0);
	config.bind[0].port = 0;
	assert_int_equal(dht_udp_create(base, &config, store, &udp, NULL), 0);
	return publish_create(base, own, signer, dht_udp_node(udp), &publish, &publisher);
}

static int tear_down(void **state)
{
	(void)state;
	publish_destroy(publisher);
	dht_udp_destroy(udp);
	dht_store_close(store);
	signer_close(signer);
	own_close(own);
	event_base_free(base);
	return directory_remove(dir);
}

/* What one echo does. */
static void put(unsigned name, uint8_t last)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "name%u.alt", name);
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	assert_int_equal(name_from_text(text, (size_t)len, &q.name), 0);
	struct rrset *set = rrset_create(&q, 300);
	assert_int_equal(rrset_add(set, (const uint8_t[]){192, 0, 2, last}, 4), 0);
	assert_int_equal(publish_set(publisher, UID, set), 0);
	rrset_destroy(set);
	publish_push(publisher, UID, &q);
}

static struct publish_counters counters(void)
{
	struct publish_counters c;
	publish_counters(publisher, &c);
	return c;
}

static void run_for(uint64_t time)
{
	struct timeval t = {
		.tv_sec = (time_t)(time / SECOND), .tv_usec = (suseconds_t)(time % SECOND)};
	assert_int_equal(event_base_loopexit(base, &t), 0);
	assert_int_equal(event_base_dispatch(base), 0);
}

/* However often and at whatever moments: a zone once a second, and the slots that changed. */
static void test_signatures(void **state)
{
	enum { SECONDS = 2, ROUNDS = 10 };
	(void)state;
	put(0, 1);
	run_for(SECOND / 2);
	assert_int_equal(counters().zones_put, 1); /* one echo is not kept waiting */
	assert_int_equal(counters().slots_put, 1);
	assert_int_equal(counters().signatures, 2);
	run_for(10 * SECOND);
	assert_int_equal(counters().signatures, 2); /* and is said once, network or not */
	for (unsigned round = 0; round < SECONDS * ROUNDS; round++) {
		for (unsigned i = 0; i < NAMES; i++)
			put(i, (uint8_t)round);
		run_for(SECOND / ROUNDS);
	}
	run_for(5 * SECOND);
	struct publish_counters c = counters();
	assert_in_range(c.zones_put, 1 + SECONDS, 1 + SECONDS + 2);
	assert_in_range(c.slots_put, 1 + NAMES, 1 + NAMES * (SECONDS + 2));
	assert_in_range(c.signatures, 1 + NAMES, c.zones_put + c.slots_put);
}

/* What changed is said, and nothing else. */
static void test_only_the_changed(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NAMES; i++)
		put(i, 1);
	run_for(5 * SECOND);
	assert_int_equal(counters().slots_put, NAMES);
	put(7, 2);
	run_for(5 * SECOND);
	assert_int_equal(counters().zones_put, 2);
	assert_int_equal(counters().slots_put, NAMES + 1);
}

/* Many names are signed one after the other, and the loop has time for others in between. */
static void test_starts(void **state)
{
	enum { MANY = 300 };
	(void)state;
	unsigned most = 0;
	for (unsigned i = 0; i < MANY; i++)
		put(i, 1);
	while (counters().slots_put < MANY) {
		uint64_t before = counters().slots_put;
		event_base_loop(base, EVLOOP_ONCE);
		uint64_t done = counters().slots_put - before;
		most = done > most ? (unsigned)done : most;
	}
	assert_in_range(most, 1, 2);
	assert_int_equal(counters().zones_put, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_signatures, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_only_the_changed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_starts, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
