/* Sends every datagram back, as a reply to a DNS query (QR set): what the kernel alone takes for
 * a question and its answer, which tests/bench/dns.sh measures the DNS door against.
 *
 *   udp_echo ADDRESS PORT     until it is killed */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 64
#define QUERY_MAX 512

struct slot {
	struct sockaddr_in peer;
	struct iovec iov;
	uint8_t bytes[QUERY_MAX];
};

static int listen_at(const char *address, const char *port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || inet_pton(AF_INET, address, &in.sin_addr) != 1 ||
		bind(fd, (const struct sockaddr *)&in, sizeof(in)) < 0)
		return -1;
	return fd;
}

static int echo(int fd)
{
	static struct slot slots[BATCH];
	struct mmsghdr batch[BATCH];
	for (;;) {
		memset(batch, 0, sizeof(batch));
		for (int i = 0; i < BATCH; i++) {
			struct slot *s = &slots[i];
			s->iov = (struct iovec){s->bytes, sizeof(s->bytes)};
			batch[i].msg_hdr = (struct msghdr){.msg_name = &s->peer,
				.msg_namelen = sizeof(s->peer),
				.msg_iov = &s->iov,
				.msg_iovlen = 1};
		}
		int n = recvmmsg(fd, batch, BATCH, MSG_WAITFORONE, NULL);
		if (n < 0)
			return -1;
		for (int i = 0; i < n; i++) {
			slots[i].iov.iov_len = batch[i].msg_len;
			slots[i].bytes[2] |= 0x80;
		}
		sendmmsg(fd, batch, (unsigned)n, 0);
	}
}

int main(int argc, char **argv)
{
	int fd = argc == 3 ? listen_at(argv[1], argv[2]) : -1;
	if (fd < 0) {
		fprintf(stderr, "usage: udp_echo ADDRESS PORT\n");
		return 2;
	}
	return echo(fd) < 0;
}
