/* For tests of the publisher: one node that knows no other, so that nothing but the publisher
 * itself holds it back; time leaps (tests/leap). */
#ifndef TESTS_PUBLISHER_FIXTURE_H
#define TESTS_PUBLISHER_FIXTURE_H

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
#include "tests/resolver/local_signer.h"

#define UID 1000

static char dir[DIRECTORY_CAP];
static struct event_base *base;
static struct own *own;
static struct signer *signer;
static struct dht_store *store;
static struct dht_udp *udp;
static struct publisher *publisher;
static struct policy policy = {.mode = POLICY_GUARDED, .dht = true, .lookup_always = true};

static inline void changed(void *ctx, const struct question *q)
{
	(void)ctx;
	(void)q;
}

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
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

static inline struct question question_of(unsigned name)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "name%u.alt", name);
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	assert_int_equal(name_from_text(text, (size_t)len, &q.name), 0);
	return q;
}

/* What one echo does. */
static inline void put(unsigned name, uint8_t last)
{
	struct question q = question_of(name);
	struct rrset *set = rrset_create(&q, 300);
	assert_int_equal(rrset_add(set, (const uint8_t[]){192, 0, 2, last}, 4), 0);
	assert_int_equal(publish_set(publisher, UID, set), 0);
	rrset_destroy(set);
	publish_push(publisher, UID, &q);
}

static inline struct publish_counters counters(void)
{
	struct publish_counters c;
	publish_counters(publisher, &c);
	return c;
}

static inline void run_for(uint64_t time)
{
	struct timeval t = {
		.tv_sec = (time_t)(time / SECOND), .tv_usec = (suseconds_t)(time % SECOND)};
	assert_int_equal(event_base_loopexit(base, &t), 0);
	assert_int_equal(event_base_dispatch(base), 0);
}

#endif
