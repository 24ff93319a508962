/* A DHT of one kind of nodes on loopback, 127.NET.N.1:6881, N from 0, for tests/bench/race.sh.
 *
 *   race_dht honest NET DIRECTORY  nodes of ours: sockets, engine and store as in the daemon.
 *                                  After SIGUSR1 their sockets are open, and never read again.
 *   race_dht lying NET             answer each get with a value whose signature is false, and
 *                                  everything with other liars, under ids next to the target,
 *                                  and with addresses where nobody is
 *
 * Until it is killed. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dht/message.h"
#include "dht/udp.h"

#define NODES 24
#define PORT 6881
#define NAMED 8	     /* contacts in a liar's reply ... */
#define NAMED_DEAD 3 /* ... of which so many lead nowhere */
#define GARBAGE 900  /* bytes of a liar's value */

static struct dht_endpoint address(unsigned net, unsigned n)
{
	return (struct dht_endpoint){
		.family = 4, .ip = {127, (uint8_t)net, (uint8_t)n, 1}, .port = PORT};
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- honest ---- */

static void start(struct event_base *base, unsigned net, const char *dir, unsigned n)
{
	static struct dht_udp *udp[NODES];
	const struct dht_store_config guests = {.lifetime = DHT_STORE_LIFETIME};
	const struct dht_endpoint first = address(net, 0);
	struct dht_udp_config config = {.bind = {address(net, n)}, .bind_len = 1};
	struct dht_store *store;
	char path[512];
	snprintf(path, sizeof(path), "%s/guests%u.db", dir, n);
	int r = dht_store_open(path, &guests, &store);
	r = r < 0 ? r : dht_udp_create(base, &config, store, &udp[n], NULL);
	if (r < 0) {
		errno = -r;
		die(path);
	}
	if (n > 0)
		dht_add_node(dht_udp_node(udp[n]), &first);
}

static void fall_silent(evutil_socket_t number, short what, void *base)
{
	(void)number;
	(void)what;
	event_base_loopbreak(base);
}

static int be_honest(unsigned net, const char *dir)
{
	struct event_base *base = event_base_new();
	struct event *silence = base ? evsignal_new(base, SIGUSR1, fall_silent, base) : NULL;
	if (!silence || event_add(silence, NULL) < 0)
		return 1;
	for (unsigned n = 0; n < NODES; n++)
		start(base, net, dir, n);
	event_base_dispatch(base);
	for (;;)
		pause();
}

/* ---- lying ---- */

static struct dht_id ids[NODES];

static void make_up_nodes(unsigned net, struct dht_message *reply, const struct dht_message *query)
{
	reply->want4 = true;
	for (unsigned i = 0; i < NAMED; i++) {
		struct dht_contact *c = &reply->nodes[reply->nodes_len++];
		unsigned n = arc4random_uniform(NODES);
		c->id = query->has_target ? query->target : ids[n];
		c->endpoint = i < NAMED_DEAD ? address(net, 200 + n) : address(net, n);
		arc4random_buf(
			c->id.b + 3, DHT_ID_LEN - 3); /* no denser than an asker may believe */
	}
}

static size_t lie(unsigned net, unsigned n, const struct dht_message *query, uint8_t *buf)
{
	static uint8_t value[GARBAGE + 4], key[DHT_KEY_LEN], sig[DHT_SIG_LEN];
	struct dht_message reply = {.kind = DHT_REPLY,
		.transaction = query->transaction,
		.has_id = true,
		.id = ids[n],
		.token = {(const uint8_t *)"token", 5}};
	if (query->method != DHT_PING)
		make_up_nodes(net, &reply, query);
	if (query->method == DHT_GET) {
		memcpy(value, "900:", 4);
		arc4random_buf(value + 4, 200); /* no two alike */
		arc4random_buf(sig, sizeof(sig));
		sig[DHT_SIG_LEN - 1] &= 0xf; /* as a signature must look, to cost a verification */
		reply.value = (struct bytes){value, sizeof(value)};
		reply.key = (struct bytes){key, sizeof(key)};
		reply.sig = (struct bytes){sig, sizeof(sig)};
		reply.has_key = reply.has_sig = reply.has_seq = true;
		reply.seq = 1;
	}
	int len = dht_message_write(&reply, buf, DHT_REPLY_MAX);
	return len < 0 ? 0 : (size_t)len;
}

static void answer(unsigned net, unsigned n, int fd)
{
	uint8_t in[DHT_DATAGRAM_MAX], out[DHT_REPLY_MAX];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	struct dht_message query;
	ssize_t len = recvfrom(fd, in, sizeof(in), 0, (struct sockaddr *)&from, &from_len);
	if (len <= 0 || dht_message_read(in, (size_t)len, &query) < 0 || query.kind != DHT_QUERY)
		return;
	size_t reply = lie(net, n, &query, out);
	if (reply)
		sendto(fd, out, reply, 0, (struct sockaddr *)&from, from_len);
}

static int be_lying(unsigned net)
{
	struct pollfd fds[NODES];
	for (unsigned n = 0; n < NODES; n++) {
		struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
		memcpy(&at.sin_addr, address(net, n).ip, 4);
		arc4random_buf(ids[n].b, DHT_ID_LEN);
		fds[n] = (struct pollfd){socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), POLLIN, 0};
		if (fds[n].fd < 0 || bind(fds[n].fd, (struct sockaddr *)&at, sizeof(at)) < 0)
			die("bind");
	}
	while (poll(fds, NODES, -1) >= 0)
		for (unsigned n = 0; n < NODES; n++)
			if (fds[n].revents)
				answer(net, n, fds[n].fd);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "honest"))
		return be_honest((unsigned)atoi(argv[2]), argv[3]);
	if (argc == 3 && !strcmp(argv[1], "lying"))
		return be_lying((unsigned)atoi(argv[2]));
	fprintf(stderr, "usage: race_dht honest NET DIRECTORY | race_dht lying NET\n");
	return 2;
}
