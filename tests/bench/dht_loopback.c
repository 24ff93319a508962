/* Latency of puts and gets among real nodes of ours, for tests/bench/dht.sh: each with a socket of
 * its own at 127.10.A.1, known to the others by dht_relay's 127.20.A.1; all on one loop.
 *
 *   dht_loopback NODES DIRECTORY [RELAY]
 *
 * With RELAY, the process id of dht_relay, that is told to be harsh once the nodes have settled
 * (SIGUSR1: every fifth is dead, 1 % of packets lost). Items have 100 bytes; every second one is
 * signed. */
#undef NDEBUG
#include "dht/udp.h"
#include "tests/bench/series.h"

#include <assert.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NODES_MAX 249
#define OPERATIONS 100
#define SETTLE 15 /* seconds; the simulator has ten, here the processor is busy with them as well  \
		   */
#define DEAD_OF 5 /* as in dht_relay */

enum { PUT_SIX, PUT_ALL, HIT, MUTABLE_END, MISS, ROWS };

static struct event_base *base;
static struct dht_udp *udps[NODES_MAX];
static struct dht_store *stores[NODES_MAX];
static size_t nodes;
static bool harsh;

struct operation {
	const struct dht_item *item;
	uint64_t began, first, took;
	bool found, done;
	struct dht_result result;
};

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static struct dht_endpoint address(uint8_t net, size_t node)
{
	return (struct dht_endpoint){
		.family = 4, .ip = {127, net, (uint8_t)(node + 1), 1}, .port = 6881};
}

static void start(const char *directory)
{
	static const struct dht_store_config guests = {.lifetime = DHT_STORE_LIFETIME};
	for (size_t i = 0; i < nodes; i++) {
		char path[256];
		struct dht_udp_config config = {.bind = {address(10, i)}, .bind_len = 1};
		struct dht_endpoint by = address(20, 0);
		snprintf(path, sizeof(path), "%s/%zu.db", directory, i);
		int r = dht_store_open(path, &guests, &stores[i]);
		r = r < 0 ? r : dht_udp_create(base, &config, stores[i], &udps[i], NULL);
		if (r < 0) {
			fprintf(stderr, "node %zu: %s\n", i, strerror(-r));
			exit(1);
		}
		if (i > 0)
			dht_add_node(dht_udp_node(udps[i]), &by);
	}
}

static void stop(void)
{
	for (size_t i = 0; i < nodes; i++) {
		dht_udp_destroy(udps[i]);
		dht_store_close(stores[i]);
	}
}

/* A living node, from anywhere. */
static struct dht *asker(size_t i)
{
	size_t node = i * 37 % nodes;
	while (harsh && node % DEAD_OF == 0)
		node = (node + 1) % nodes;
	return dht_udp_node(udps[node]);
}

static void finish(struct operation *o, const struct dht_result *result)
{
	o->took = now() - o->began;
	o->result = *result;
	o->done = true;
	event_base_loopbreak(base);
}

static void on_put(void *ctx, const struct dht_result *result)
{
	finish(ctx, result);
}

static void on_get(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	struct operation *o = ctx;
	(void)from;
	if (result) {
		finish(o, result);
		return;
	}
	if (!o->found)
		o->first = now() - o->began;
	o->found = item->value_len == o->item->value_len &&
		   memcmp(item->value, o->item->value, item->value_len) == 0;
}

static void run(struct operation *o, int started)
{
	assert(started == 0);
	while (!o->done)
		event_base_dispatch(base);
}

static struct operation put(struct dht *dht, const struct dht_item *item)
{
	struct dht_lookup *l;
	struct operation o = {.item = item, .began = now()};
	run(&o, dht_put(dht, item, 0, on_put, &o, &l));
	return o;
}

static struct operation get(struct dht *dht, const struct dht_item *item)
{
	struct dht_lookup *l;
	struct dht_id target;
	dht_item_target(item, &target);
	struct operation o = {.item = item, .began = now()};
	run(&o, item->is_mutable ? dht_get_mutable(dht, item->key, NULL, 0, on_get, &o, &l)
				 : dht_get_immutable(dht, &target, on_get, &o, &l));
	return o;
}

static void make_item(size_t i, struct dht_item *ret_item)
{
	uint8_t secret[DHT_SEED_LEN] = {0};
	char text[101];
	snprintf(text, sizeof(text), "record number %86zu", i);
	*ret_item = (struct dht_item){.is_mutable = i % 2, .seq = i % 2 ? 1 : 0};
	dht_item_set_string(ret_item, text, 100);
	memcpy(secret, &i, sizeof(i));
	if (ret_item->is_mutable)
		dht_item_sign(ret_item, secret);
}

static void measure(struct series rows[ROWS])
{
	for (size_t i = 0; i < OPERATIONS; i++) {
		struct dht_item item, nowhere;
		make_item(i, &item);
		struct operation o = put(asker(i), &item);
		bool all = o.result.stored + o.result.stored_here >= 8;
		series_add(&rows[PUT_SIX], o.result.enough, o.result.queries, o.result.enough > 0);
		series_add(&rows[PUT_ALL], o.took, o.result.queries, all);
		o = get(asker(i + 1), &item);
		series_add(&rows[HIT], o.first, o.result.queries, o.found);
		if (item.is_mutable)
			series_add(&rows[MUTABLE_END], o.took, o.result.queries, o.found);
		make_item(100000 + i, &nowhere);
		o = get(asker(i + 2), &nowhere);
		series_add(&rows[MISS], o.took, o.result.queries, !o.found);
	}
}

static void settle(void)
{
	struct timeval time = {.tv_sec = SETTLE};
	event_base_loopexit(base, &time);
	event_base_dispatch(base);
}

int main(int argc, char **argv)
{
	static struct series rows[ROWS] = {{.name = "put, 6th ack"}, {.name = "put, all 8"},
		{.name = "hit, first value"}, {.name = "hit, newest (end)"}, {.name = "miss"}};
	char of[64];
	nodes = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
	if (nodes < 8 || nodes > NODES_MAX) {
		fprintf(stderr, "usage: dht_loopback NODES DIRECTORY [RELAY]\n");
		return 2;
	}
	base = event_base_new();
	assert(base);
	start(argv[2]);
	settle();
	if (argc > 3) {
		harsh = true;
		kill((pid_t)atol(argv[3]), SIGUSR1);
	}
	measure(rows);
	snprintf(of, sizeof(of), "kadns, loopback, %zu%s", nodes, harsh ? ", a fifth dead" : "");
	for (size_t i = 0; i < ROWS; i++)
		series_print(of, &rows[i]);
	stop();
	event_base_free(base);
	return 0;
}
