/* A node of ours among twenty, for tests/bench/krpc.sh: sockets, loop and store as in the daemon,
 * so that what is measured is one core's work for others. The other twenty are there to be named in
 * its replies; they do next to nothing.
 *
 *   krpc_node DIR     prints "ready" when the node on 127.9.0.1:6881 knows eight others, until
 * killed */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "dht/udp.h"

#define NODES 21
#define PORT 6881

static struct dht_udp *udp[NODES];

static int start(struct event_base *base, const char *dir, unsigned n)
{
	char path[512];
	struct dht_store *store;
	const struct dht_store_config guests = {.lifetime = DHT_STORE_LIFETIME};
	struct dht_udp_config config = {.bind_len = 1};
	config.bind[0] = (struct dht_endpoint){
		.family = 4, .ip = {127, 9, (uint8_t)n, 1}, .port = PORT};
	snprintf(path, sizeof(path), "%s/guests%u.db", dir, n);
	int r = dht_store_open(path, &guests, &store);
	return r == 0 ? dht_udp_create(base, &config, store, &udp[n], NULL) : r;
}

static void look(evutil_socket_t fd, short what, void *arg)
{
	static bool ready;
	(void)fd;
	(void)what;
	(void)arg;
	struct dht_counters c;
	dht_counters(dht_udp_node(udp[0]), &c);
	if (ready || c.nodes < 8)
		return;
	ready = true;
	puts("ready");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct event_base *base = event_base_new();
	const struct dht_endpoint first = {.family = 4, .ip = {127, 9, 0, 1}, .port = PORT};
	const struct timeval often = {.tv_usec = 200000};
	if (argc != 2 || !base)
		return 2;
	for (unsigned n = 0; n < NODES; n++) {
		int r = start(base, argv[1], n);
		if (r < 0) {
			fprintf(stderr, "krpc_node: %u: %s\n", n, strerror(-r));
			return 1;
		}
		if (n > 0)
			dht_add_node(dht_udp_node(udp[n]), &first);
	}
	struct event *timer = event_new(base, -1, EV_PERSIST, look, NULL);
	if (!timer || event_add(timer, &often) < 0)
		return 1;
	return event_base_dispatch(base);
}
