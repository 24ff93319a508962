/* Three nodes on loopback, each with its resolver and publisher, on one event loop: what one
 * publishes the others answer. No step waits for time: the loop runs until what is expected has
 * happened, and a watchdog ends a test that waits for what never comes. */
#ifndef TESTS_NETWORK_FIXTURE_H
#define TESTS_NETWORK_FIXTURE_H

#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dht/udp.h"
#include "resolver/claim.h"
#include "resolver/clock.h"
#include "resolver/job.h"
#include "resolver/resolver.h"
#include "tests/directory.h"
#define LEAP_STILL
#include "tests/leap.h"
#include "tests/resolver/local_signer.h"

#define NODES 3
#ifndef QUOTA
#define QUOTA 100
#endif
#ifndef WATCHDOG_SECONDS
#define WATCHDOG_SECONDS 20
#endif

struct node {
	char dir[DIRECTORY_CAP];
	struct policy policy;
	struct own *own;
	struct signer *signer;
	struct dht_store *store;
	struct dht_udp *udp;
	struct publisher *publisher;
	struct resolver *resolver;
};

static struct event_base *base;
static struct node nodes[NODES];
static uint64_t looks, resign, pace, keep_pause; /* microseconds between them; 0: as in the daemon */

static inline void on_watchdog(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
	fprintf(stderr, "the watchdog ends this test\n");
	abort();
}

static inline void changed(void *ctx, const struct question *q)
{
	struct node *n = ctx;
	if (n->resolver)
		resolver_changed(n->resolver, q);
}

static inline void start(struct node *n, enum policy_mode mode)
{
	char path[96];
	struct dht_udp_config udp = {.bind_len = 1, .judge = publish_judge};
	if (!n->dir[0]) {
		assert_int_equal(directory_make(n->dir), 0);
	}
	assert_true(snprintf(path, sizeof(path), "%s/own.db", n->dir) < (int)sizeof(path));
	assert_int_equal(own_open(path, QUOTA, 0, 1, &n->own), 0);
	assert_true(snprintf(path, sizeof(path), "%s/keys", n->dir) < (int)sizeof(path));
	assert_int_equal(signer_open(path, &n->signer), 0);
	assert_true(snprintf(path, sizeof(path), "%s/guests.db", n->dir) < (int)sizeof(path));
	struct dht_store_config store = {.lifetime = DHT_STORE_LIFETIME_PRIVATE};
	assert_int_equal(dht_store_open(path, &store, &n->store), 0);
	assert_int_equal(dht_endpoint_from_text("127.0.0.1:1", &udp.bind[0]), 0);
	udp.bind[0].port = 0;
	assert_int_equal(dht_udp_create(base, &udp, n->store, &n->udp, NULL), 0);
	n->policy = (struct policy){.mode = mode, .dht = true, .lookup_always = true};
	n->policy.tofu.name[0] = (struct name){.len = 1};
	n->policy.tofu.len = 1;
	struct publish_config config = {.policy = &n->policy, .republish.interval = looks,
		.resign = resign, .pace = pace,
		.changed = changed, .changed_ctx = n};
	assert_int_equal(publish_create(base, n->own, n->signer, dht_udp_node(n->udp), &config,
		&n->publisher), 0);
	struct resolver_parts parts = {.own = n->own, .publisher = n->publisher,
		.dht = dht_udp_node(n->udp)};
	struct resolver_config rc = {.policy = n->policy, .deadline = 4000000,
		.daemon_owner = 12345, .cache_bytes = 1 << 20, .keep_pause = keep_pause};
	assert_int_equal(resolver_create(base, &rc, &parts, &n->resolver), 0);
}

static inline void stop(struct node *n)
{
	resolver_destroy(n->resolver);
	publish_destroy(n->publisher);
	dht_udp_destroy(n->udp);
	dht_store_close(n->store);
	signer_close(n->signer);
	own_close(n->own);
	char dir[DIRECTORY_CAP];
	memcpy(dir, n->dir, sizeof(dir));
	*n = (struct node){0};
	memcpy(n->dir, dir, sizeof(dir));
}

static inline void join(struct node *n, struct node *to)
{
	struct dht_endpoint e;
	char text[32];
	snprintf(text, sizeof(text), "127.0.0.1:%u", dht_udp_port(to->udp));
	assert_int_equal(dht_endpoint_from_text(text, &e), 0);
	dht_add_node(dht_udp_node(n->udp), &e);
}

static inline size_t known(struct node *n)
{
	struct dht_counters c;
	dht_counters(dht_udp_node(n->udp), &c);
	return c.nodes;
}

static inline void connect_all(enum policy_mode mode)
{
	for (int i = 0; i < NODES; i++)
		start(&nodes[i], mode);
	join(&nodes[1], &nodes[0]);
	join(&nodes[2], &nodes[1]);
	while (known(&nodes[0]) < 2 || known(&nodes[1]) < 2 || known(&nodes[2]) < 2)
		event_base_loop(base, EVLOOP_ONCE);
}

static inline int set_up(void **state)
{
	(void)state;
	base = event_base_new();
	static struct event *watchdog;
	struct timeval t = {.tv_sec = WATCHDOG_SECONDS};
	watchdog = evtimer_new(base, on_watchdog, NULL);
	*state = watchdog;
	return event_add(watchdog, &t);
}

static inline int tear_down(void **state)
{
	for (int i = 0; i < NODES; i++) {
		if (nodes[i].resolver)
			stop(&nodes[i]);
		if (nodes[i].dir[0] && directory_remove(nodes[i].dir) != 0)
			return -1;
		nodes[i] = (struct node){0};
	}
	event_free(*state);
	event_base_free(base);
	return 0;
}

static inline struct question question_of(const char *text)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	assert_int_equal(name_from_text(text, strlen(text), &q.name), 0);
	return q;
}

static inline int put(struct node *n, uid_t uid, const char *name, uint8_t last)
{
	struct question q = question_of(name);
	struct rrset *set = rrset_create(&q, 300);
	assert_int_equal(rrset_add(set, (const uint8_t[]){192, 0, 2, last}, 4), 0);
	int r = publish_set(n->publisher, uid, set);
	rrset_destroy(set);
	if (r == 0)
		publish_push(n->publisher, uid, &q);
	return r;
}

static inline void copy(struct node *n, unsigned i)
{
	char name[32];
	snprintf(name, sizeof(name), "copied%u.example", i);
	struct question q = question_of(name);
	struct rrset *set = rrset_create(&q, 300);
	assert_int_equal(rrset_add(set, (const uint8_t[]){192, 0, 2, 55}, 4), 0);
	publish_copy(n->publisher, set);
	rrset_destroy(set);
}

static inline void until_published(struct node *n, uid_t uid, const char *name)
{
	struct question q = question_of(name);
	const struct own_record *r;
	while ((r = own_find(n->own, uid, &q)) && !r->published)
		event_base_loop(base, EVLOOP_ONCE);
}

struct heard {
	bool done;
	int error;
	uint8_t last;
	size_t count;
	enum answer_trust trust;
};

static inline void on_answer(void *ctx, const struct answer *a)
{
	struct heard *h = ctx;
	struct rrset *set;
	*h = (struct heard){.done = true, .error = a->error, .trust = a->trust};
	if (answer_rrset(a, &set) == 0) {
		h->last = set->data[5];
		h->count = set->count;
		rrset_destroy(set);
	}
}

static inline struct heard ask(struct node *n, uid_t view, const char *name)
{
	struct question q = question_of(name);
	struct heard h = {0};
	assert_non_null(resolver_ask(n->resolver, &q, view, on_answer, &h));
	assert_false(h.done); /* never before resolver_ask has returned */
	while (!h.done)
		event_base_loop(base, EVLOOP_ONCE);
	return h;
}

/* `format` takes the key, once or twice. */
static inline int pin(struct node *n, uid_t uid, const char *format, const char *key)
{
	char text[300];
	struct pins_mistake m;
	struct pin_list *list;
	snprintf(text, sizeof(text), format, key, key);
	struct pins_input in = {.text = text, .len = strlen(text), .uid = uid};
	assert_int_equal(pin_list_read(&in, &m, &list), 0);
	int r = resolver_set_pins(n->resolver, uid, list);
	pin_list_unref(list);
	return r;
}

static inline void key_of(struct node *n, uid_t uid, char ret_key[NAME_KEY_TEXT + 1])
{
	uint8_t key[NAME_KEY_LEN];
	assert_int_equal(publish_key(n->publisher, uid, key), 0);
	key_to_text(key, ret_key);
}

static inline void forget(struct node *n)
{
	char path[sizeof(n->dir) + 16];
	stop(n);
	assert_true(snprintf(path, sizeof(path), "%s/guests.db", n->dir) < (int)sizeof(path));
	assert_int_equal(unlink(path), 0); /* its log went at the end */
}

#endif
