/* A wide network on loopback, for tests/bench/dht.sh: datagrams between nodes take their time.
 *
 *   dht_relay NODES SEED       prints "ready", then runs until killed
 *
 * Node i binds 127.10.A.1:6881 (A = i + 1; at 250 the second octet goes on to 11) and is known to
 * the others as 127.20.A.1:6881, where this program listens. What j sends there is delivered to i
 * from 127.20.J.1, so an address remains a node. Each pair has a round trip of its own, 20 to 120
 * ms, half of it each way, the same for whoever runs on it. After SIGUSR1 every fifth node is dead
 * without a word, and one packet of a hundred is lost. */
#include "tests/bench/dht_path.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NODES_MAX 1000
#define DATAGRAM_MAX 2048
#define DEAD_OF 5
#define LOST_OF 100

struct packet {
	uint64_t at;
	uint16_t from, to, len;
	uint8_t data[DATAGRAM_MAX];
};

static int sockets[NODES_MAX];
static size_t nodes;
static uint64_t seed;
static struct packet **heap; /* the first due on top */
static size_t heap_len, heap_cap;
static volatile sig_atomic_t harsh;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void on_signal(int number)
{
	(void)number;
	harsh = 1;
}

/* Whose real address is it? NODES_MAX: nobody's. */
static size_t node_at(const struct sockaddr_in *a)
{
	uint32_t ip = ntohl(a->sin_addr.s_addr);
	size_t node = ((ip >> 16 & 0xff) - 10u) * 249 + (ip >> 8 & 0xff) - 1;
	if (node >= nodes)
		return NODES_MAX;
	struct sockaddr_in real = path_address(10, node);
	return real.sin_addr.s_addr == a->sin_addr.s_addr && real.sin_port == a->sin_port
		       ? node
		       : NODES_MAX;
}

static bool is_lost(size_t from, size_t to)
{
	static uint64_t counter;
	if (!harsh)
		return false;
	return from % DEAD_OF == 0 || to % DEAD_OF == 0 ||
	       path_mix(seed + ++counter) % LOST_OF == 0;
}

static void push(struct packet *p)
{
	if (heap_len == heap_cap) {
		heap_cap = heap_cap ? heap_cap * 2 : 256;
		heap = realloc(heap, heap_cap * sizeof(struct packet *));
		if (!heap)
			die("realloc");
	}
	size_t at = heap_len++;
	for (size_t up; at > 0 && heap[up = (at - 1) / 2]->at > p->at; at = up)
		heap[at] = heap[up];
	heap[at] = p;
}

static struct packet *pop(void)
{
	struct packet *first = heap[0], *last = heap[--heap_len];
	size_t at = 0;
	for (size_t down; (down = 2 * at + 1) < heap_len; at = down) {
		if (down + 1 < heap_len && heap[down + 1]->at < heap[down]->at)
			down++;
		if (heap[down]->at >= last->at)
			break;
		heap[at] = heap[down];
	}
	if (heap_len)
		heap[at] = last;
	return first;
}

static void take(size_t to)
{
	for (;;) {
		struct packet *p = malloc(sizeof(*p));
		struct sockaddr_in from;
		socklen_t from_len = sizeof(from);
		if (!p)
			die("malloc");
		ssize_t len = recvfrom(sockets[to], p->data, sizeof(p->data), 0,
			(struct sockaddr *)&from, &from_len);
		size_t node = len < 0 ? NODES_MAX : node_at(&from);
		if (node == NODES_MAX || is_lost(node, to)) {
			free(p);
			if (len < 0)
				return;
			continue;
		}
		p->at = path_now() + path_one_way(seed, node, to);
		p->from = (uint16_t)node;
		p->to = (uint16_t)to;
		p->len = (uint16_t)len;
		push(p);
	}
}

/* Delivers what is due, and sets the timer for what is not. */
static void deliver(int timer)
{
	while (heap_len && heap[0]->at <= path_now()) {
		struct packet *p = pop();
		struct sockaddr_in real = path_address(10, p->to);
		/* Nobody listens yet, or any more: as far away, a loss. */
		sendto(sockets[p->from], p->data, p->len, 0, (struct sockaddr *)&real,
			sizeof(real));
		free(p);
	}
	if (!heap_len)
		return;
	struct itimerspec at = {.it_value = {.tv_sec = (time_t)(heap[0]->at / 1000000),
					.tv_nsec = (long)(heap[0]->at % 1000000) * 1000}};
	timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static void open_sockets(int epoll)
{
	for (size_t i = 0; i < nodes; i++) {
		struct sockaddr_in at = path_address(20, i);
		int room = 1 << 20;
		sockets[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (sockets[i] < 0 || bind(sockets[i], (struct sockaddr *)&at, sizeof(at)))
			die("bind");
		setsockopt(sockets[i], SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
		struct epoll_event e = {.events = EPOLLIN, .data.u64 = i};
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, sockets[i], &e))
			die("epoll_ctl");
	}
}

int main(int argc, char **argv)
{
	nodes = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	if (!nodes || nodes > NODES_MAX) {
		fprintf(stderr, "usage: dht_relay NODES SEED\n");
		return 2;
	}
	seed = strtoull(argv[2], NULL, 10);
	signal(SIGUSR1, on_signal);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = NODES_MAX};
	if (epoll < 0 || timer < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &e))
		die("epoll");
	open_sockets(epoll);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct epoll_event events[64];
		int n = epoll_wait(epoll, events, 64, -1);
		if (n < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < n; i++) {
			uint64_t expired;
			if (events[i].data.u64 != NODES_MAX)
				take(events[i].data.u64);
			else if (read(timer, &expired, sizeof(expired)) < 0 && errno != EAGAIN)
				die("timerfd");
		}
		deliver(timer);
	}
}
