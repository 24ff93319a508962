/* For the tests of dht/udp: nodes in one loop, on loopback, each with a store in a directory that
 * is gone after the test. Three nodes, where a test does not say NODES before. */
#ifndef TESTS_DHT_UDP_WORLD_H
#define TESTS_DHT_UDP_WORLD_H

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "dht/udp.h"
#include "tests/directory.h"
#include "tests/leap.h"

#ifndef NODES
#define NODES 3
#endif
#define PATIENCE 10 /* seconds until a test that waits has failed; nothing sleeps as long */

static const struct dht_store_config guests = {.lifetime = DHT_STORE_LIFETIME};

struct node {
	char path[96];
	struct dht_store *store;
	struct dht_udp *udp;
};

static char directory[DIRECTORY_CAP];
static struct event_base *base;
static struct node nodes[NODES];

static inline int set_up(void **state)
{
	(void)state;
	if (directory_make(directory))
		return -1;
	for (int i = 0; i < NODES; i++)
		nodes[i] = (struct node){0};
	for (int i = 0; i < NODES; i++)
		snprintf(nodes[i].path, sizeof(nodes[i].path), "%s/%d.db", directory, i);
	base = event_base_new();
	return base ? 0 : -1;
}

static inline void stop(struct node *n)
{
	dht_udp_destroy(n->udp);
	dht_store_close(n->store);
	n->udp = NULL;
	n->store = NULL;
}

/* Its file, once it has stopped: the log went at the end. */
static inline void forget(const struct node *n)
{
	assert_int_equal(unlink(n->path), 0);
}

static inline int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < NODES; i++)
		stop(&nodes[i]);
	event_base_free(base);
	return directory_remove(directory);
}

static inline struct dht_endpoint endpoint(const char *text)
{
	struct dht_endpoint e;
	assert_int_equal(dht_endpoint_from_text(text, &e), 0);
	return e;
}

static inline struct dht_endpoint at_port(const char *text, uint16_t port)
{
	struct dht_endpoint e = endpoint(text);
	e.port = port;
	return e;
}

static inline int try_start(
	struct node *n, const struct dht_udp_config *config, struct dht_endpoint *failed)
{
	assert_int_equal(dht_store_open(n->path, &guests, &n->store), 0);
	return dht_udp_create(base, config, n->store, &n->udp, failed);
}

static inline void start(struct node *n, const char *bind)
{
	struct dht_udp_config config = {.bind = {endpoint(bind)}, .bind_len = 1};
	assert_int_equal(try_start(n, &config, NULL), 0);
	assert_int_not_equal(dht_udp_port(n->udp), 0);
}

static inline struct dht_endpoint address_of(const struct node *n)
{
	return at_port("127.0.0.1:0", dht_udp_port(n->udp));
}

static inline struct dht_counters counters(const struct node *n)
{
	struct dht_counters c;
	dht_counters(dht_udp_node(n->udp), &c);
	return c;
}

static inline double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline void out_of_patience(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

/* Runs the loop until `reached` says so. */
static inline void run_until(bool (*reached)(void *ctx), void *ctx)
{
	bool late = false;
	struct event *guard = evtimer_new(base, out_of_patience, &late);
	assert_non_null(guard);
	evtimer_add(guard, &(struct timeval){.tv_sec = PATIENCE});
	while (!reached(ctx) && !late)
		event_base_loop(base, EVLOOP_ONCE);
	event_free(guard);
	assert_false(late);
}

static inline bool knows_somebody(void *ctx)
{
	return counters(ctx).nodes > 0;
}

static inline bool all_know_somebody(void *ctx)
{
	(void)ctx;
	for (int i = 0; i < NODES; i++) {
		if (nodes[i].udp && !knows_somebody(&nodes[i]))
			return false;
	}
	return true;
}

/* Two nodes that know each other, the second by way of the first. */
static inline void start_two(void)
{
	start(&nodes[0], "127.0.0.1:0");
	start(&nodes[1], "127.0.0.1:0");
	struct dht_endpoint first = address_of(&nodes[0]);
	dht_add_node(dht_udp_node(nodes[1].udp), &first);
	run_until(all_know_somebody, NULL);
}

struct outcome {
	bool over;
	unsigned values;
	struct dht_item item;
	struct dht_result result;
};

static inline bool is_over(void *ctx)
{
	return ((struct outcome *)ctx)->over;
}

static inline void on_put(void *ctx, const struct dht_result *result)
{
	struct outcome *o = ctx;
	o->result = *result;
	o->over = true;
}

static inline void on_get(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	(void)from;
	struct outcome *o = ctx;
	if (item) {
		o->item = *item;
		o->values++;
	} else {
		o->result = *result;
		o->over = true;
	}
}

static inline struct dht_item signed_item(int64_t seq, const char *text)
{
	struct dht_item item = {.is_mutable = true, .seq = seq};
	static const uint8_t seed[DHT_SEED_LEN] = {1};
	assert_int_equal(dht_item_set_string(&item, text, strlen(text)), 0);
	assert_int_equal(dht_item_sign(&item, seed), 0);
	return item;
}

static inline struct outcome put(struct node *n, const struct dht_item *item)
{
	struct outcome o = {0};
	struct dht_lookup *lookup;
	assert_int_equal(dht_put(dht_udp_node(n->udp), item, 0, on_put, &o, &lookup), 0);
	run_until(is_over, &o);
	return o;
}

static inline struct outcome get(struct node *n, const struct dht_item *like)
{
	struct outcome o = {0};
	struct dht_lookup *lookup;
	assert_int_equal(dht_get_mutable(dht_udp_node(n->udp), like->key, like->salt,
				 like->salt_len, on_get, &o, &lookup),
		0);
	run_until(is_over, &o);
	return o;
}

static inline void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
