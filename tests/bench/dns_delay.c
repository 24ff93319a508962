/* A resolver that is further away: UDP questions reach another one at once, its answers come back
 * late. For tests/bench/race.sh.
 *
 *   dns_delay LISTEN TO MILLISECONDS     addresses, port 53; until it is killed
 *
 * Each question goes on under an id of our own, which finds who asked it. All answers wait as
 * long, so a queue keeps them in order. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define QUEUE 4096 /* answers that wait; what comes when it is full is lost */
#define DATAGRAM 4096

struct asker {
	struct sockaddr_in at;
	uint8_t id[2];
};

struct late {
	uint64_t at; /* nanoseconds */
	struct sockaddr_in to;
	size_t len;
	uint8_t bytes[DATAGRAM];
};

static struct asker askers[65536];
static struct late queue[QUEUE];
static size_t head, tail; /* ever put in, ever taken out */
static uint64_t delay;

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct sockaddr_in address(const char *text)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(53)};
	if (inet_pton(AF_INET, text, &a.sin_addr) != 1) {
		fprintf(stderr, "dns_delay: no address: %s\n", text);
		exit(2);
	}
	return a;
}

static void take_question(int door, int far, const struct sockaddr_in *to)
{
	static uint16_t serial;
	static uint8_t bytes[DATAGRAM];
	struct asker a;
	socklen_t from_len = sizeof(a.at);
	ssize_t len = recvfrom(
		door, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&a.at, &from_len);
	if (len < 12)
		return;
	memcpy(a.id, bytes, 2);
	askers[++serial] = a;
	bytes[0] = (uint8_t)(serial >> 8);
	bytes[1] = (uint8_t)serial;
	sendto(far, bytes, (size_t)len, 0, (const struct sockaddr *)to, sizeof(*to));
}

static void take_answer(int far)
{
	static struct late dropped;
	struct late *l = head - tail < QUEUE ? &queue[head % QUEUE] : &dropped;
	ssize_t len = recv(far, l->bytes, sizeof(l->bytes), MSG_DONTWAIT);
	if (len < 12 || l == &dropped)
		return;
	const struct asker *a = &askers[l->bytes[0] << 8 | l->bytes[1]];
	memcpy(l->bytes, a->id, 2);
	l->to = a->at;
	l->len = (size_t)len;
	l->at = now() + delay;
	head++;
}

static void deliver(int door)
{
	for (; tail < head && queue[tail % QUEUE].at <= now(); tail++) {
		const struct late *l = &queue[tail % QUEUE];
		sendto(door, l->bytes, l->len, 0, (const struct sockaddr *)&l->to, sizeof(l->to));
	}
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: dns_delay LISTEN TO MILLISECONDS\n");
		return 2;
	}
	struct sockaddr_in at = address(argv[1]), to = address(argv[2]);
	int door = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int far = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	delay = (uint64_t)(atof(argv[3]) * 1e6);
	if (door < 0 || far < 0 || bind(door, (struct sockaddr *)&at, sizeof(at)) < 0) {
		perror("dns_delay");
		return 1;
	}
	for (;;) {
		struct pollfd fds[] = {{door, POLLIN, 0}, {far, POLLIN, 0}};
		uint64_t due = tail < head ? queue[tail % QUEUE].at : 0, t = now();
		uint64_t left = due > t ? due - t : 0;
		struct timespec wait = {(time_t)(left / 1000000000), (long)(left % 1000000000)};
		if (ppoll(fds, 2, due ? &wait : NULL, NULL) < 0 && errno != EINTR)
			return 1;
		if (fds[0].revents)
			take_question(door, far, &to);
		if (fds[1].revents)
			take_answer(far);
		deliver(door);
	}
}
