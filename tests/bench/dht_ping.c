/* What dht_relay adds to the delay that it is asked for, for tests/bench/dht.sh: datagrams that
 * nobody works on, there and back, against the round trip that the pair of nodes has by name.
 *
 *   dht_ping FIRST SEED       with the relay of FIRST + 20 nodes and that seed; the last 20 are
 * ours
 *
 * It is in the numbers of everything that runs over the relay, theirs as ours. */
#undef NDEBUG
#include "tests/bench/dht_path.h"
#include "tests/bench/series.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PINGERS 20
#define WAIT 1000 /* milliseconds without any answer: lost */

struct ping {
	uint8_t is_answer;
	uint64_t sent;
};

static struct pollfd sockets[PINGERS];
static size_t first;
static uint64_t seed;
static struct series over = {.name = "ping, above its rtt"};

static void send_to(size_t from, size_t to, const struct ping *p)
{
	struct sockaddr_in at = path_address(20, first + to);
	sendto(sockets[from].fd, p, sizeof(*p), 0, (struct sockaddr *)&at, sizeof(at));
}

/* Whose address among those that others know? */
static size_t node_at(const struct sockaddr_in *at)
{
	for (size_t i = 0; i < PINGERS; i++)
		if (path_address(20, first + i).sin_addr.s_addr == at->sin_addr.s_addr)
			return i;
	return PINGERS;
}

/* Answers what is asked; true when it was an answer. */
static bool take(size_t node)
{
	struct ping p;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(sockets[node].fd, &p, sizeof(p), 0, (struct sockaddr *)&from, &len);
	uint64_t now = path_now();
	size_t other = node_at(&from);
	if (n != sizeof(p) || other == PINGERS)
		return false;
	if (!p.is_answer) {
		p.is_answer = 1;
		send_to(node, other, &p);
		return false;
	}
	series_add(
		&over, now - p.sent - 2 * path_one_way(seed, first + node, first + other), 2, true);
	return true;
}

/* Each pings the one so many places on. */
static void ping_all(size_t places)
{
	size_t answers = 0;
	for (size_t i = 0; i < PINGERS; i++)
		send_to(i, (i + places) % PINGERS, &(struct ping){.sent = path_now()});
	while (answers < PINGERS && poll(sockets, PINGERS, WAIT) > 0)
		for (size_t i = 0; i < PINGERS; i++)
			if (sockets[i].revents & POLLIN)
				answers += take(i);
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: dht_ping FIRST SEED\n");
		return 2;
	}
	first = strtoul(argv[1], NULL, 10);
	seed = strtoull(argv[2], NULL, 10);
	for (size_t i = 0; i < PINGERS; i++) {
		struct sockaddr_in at = path_address(10, first + i);
		sockets[i] = (struct pollfd){
			.fd = socket(AF_INET, SOCK_DGRAM, 0), .events = POLLIN};
		int r = bind(sockets[i].fd, (struct sockaddr *)&at, sizeof(at));
		assert(r == 0);
	}
	for (size_t places = 1; places < PINGERS; places++)
		ping_all(places);
	series_print("the relay by itself", &over);
	return 0;
}
