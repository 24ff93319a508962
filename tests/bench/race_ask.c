/* Asks several DNS servers in turn, one question at a time, each for a name of its own that it has
 * never been asked: what a look-up costs at each, paired in time. For tests/bench/race.sh.
 *
 *   race_ask COUNT SUFFIX PORT...      on 127.0.0.1; COUNT questions each
 *
 * Prints for each port a line: p50, p99 and the longest in microseconds, answers without an error,
 * questions that were not answered within five seconds. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/measure.h"

#define SERVERS 16
#define COUNT_MAX 10000
#define PATIENCE 5000 /* milliseconds; above kadns's deadline, which is an answer too */

struct server {
	int fd;
	const char *port;
	uint64_t took[COUNT_MAX]; /* microseconds */
	size_t answered, good;
};

static size_t write_question(uint8_t *buf, unsigned id, const char *name)
{
	uint8_t *at = buf + 12;
	memcpy(buf,
		(const uint8_t[]){(uint8_t)(id >> 8), (uint8_t)id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0},
		12);
	for (const char *label = name; *label;) {
		size_t len = strcspn(label, ".");
		*at++ = (uint8_t)len;
		memcpy(at, label, len);
		at += len;
		label += len + (label[len] == '.');
	}
	memcpy(at, (const uint8_t[]){0, 0, 1, 0, 1}, 5);
	return (size_t)(at + 5 - buf);
}

static bool await(int fd, unsigned id, uint8_t *ret_rcode)
{
	uint8_t buf[1500];
	struct pollfd f = {fd, POLLIN, 0};
	while (poll(&f, 1, PATIENCE) > 0) {
		ssize_t len = recv(fd, buf, sizeof(buf), 0);
		if (len >= 12 && (unsigned)(buf[0] << 8 | buf[1]) == id) {
			*ret_rcode = buf[3] & 0xf;
			return true;
		}
	}
	return false;
}

static void ask(struct server *s, unsigned i, const char *suffix)
{
	char name[128];
	uint8_t buf[256], rcode;
	snprintf(name, sizeof(name), "q%u-%s-%d.%s", i, s->port, (int)getpid(), suffix);
	size_t len = write_question(buf, i, name);
	double began = measure_seconds();
	if (send(s->fd, buf, len, 0) < 0 || !await(s->fd, i, &rcode))
		return;
	s->took[s->answered++] = (uint64_t)((measure_seconds() - began) * 1e6);
	s->good += rcode == 0;
}

int main(int argc, char **argv)
{
	static struct server servers[SERVERS];
	int count = argc > 3 ? atoi(argv[1]) : 0, len = argc - 3;
	if (count < 1 || count > COUNT_MAX || len > SERVERS || strlen(argv[2]) > 60) {
		fprintf(stderr, "usage: race_ask COUNT SUFFIX PORT...\n");
		return 2;
	}
	for (int i = 0; i < len; i++) {
		struct server *s = &servers[i];
		struct sockaddr_in to = {.sin_family = AF_INET,
			.sin_port = htons((uint16_t)atoi(argv[i + 3])),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		s->port = argv[i + 3];
		s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
			perror("race_ask");
			return 1;
		}
	}
	for (int n = 0; n < count; n++) /* who is asked first changes, as the machine does */
		for (int i = 0; i < len; i++)
			ask(&servers[(i + n) % len], (unsigned)n, argv[2]);
	for (int i = 0; i < len; i++) {
		struct server *s = &servers[i];
		measure_sort(s->took, s->answered);
		size_t last = s->answered ? s->answered - 1 : 0;
		printf("%llu %llu %llu %zu %zu\n", (unsigned long long)s->took[last / 2],
			(unsigned long long)s->took[last * 99 / 100],
			(unsigned long long)s->took[last], s->good, (size_t)count - s->answered);
	}
	return 0;
}
