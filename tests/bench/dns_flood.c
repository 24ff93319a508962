/* A flood at a DNS door or a DHT node, and an honest client of the door beside it; for
 * tests/bench/flood.sh.
 *
 *   dns_flood send KIND ADDRESS PORT SOURCE PER_SECOND SECONDS
 *       SOURCE is an address of this host, or NET/8 for another one of it each time.
 *       KIND: junk cut responses cached random; of KRPC ping get put reply; a put has a token that
 *       nobody gave. Prints how many were sent a second.
 *   dns_flood ask ADDRESS PORT SECONDS
 *       500 questions a second for names of tests/bench/flood.sh that are cached, and 50 for names
 *       that are not. Prints for each: asked, answered, p50, p99 in microseconds; then for how many
 *       microseconds it was itself kept from the processor.
 *   dns_flood read FILE SECONDS
 *       Opens, reads and closes it 100 times a second. Prints how often that failed, p50, p99.
 *
 * What is sent is written beforehand, and only ids and names change: the flood is not to be busy
 * with itself on the core that the client needs. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/measure.h"

#define BATCH 50 /* datagrams a system call, and what comes at once */
#define DATAGRAM 320
#define CACHED 1000 /* names n1 to n1000 are cached */
#define ZONE "wild.insecure.test"

static int fd;
static struct sockaddr_in to;

static uint64_t random64(void)
{
	static uint64_t x = 88172645463325252;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static size_t write_question(uint8_t *buf, unsigned id, const char *name)
{
	const uint8_t head[12] = {(uint8_t)(id >> 8), (uint8_t)id, 1, 0, 0, 1};
	const uint8_t tail[5] = {0, 0, 1, 0, 1};
	uint8_t *at = buf + sizeof(head);
	memcpy(buf, head, sizeof(head));
	for (const char *label = name; *label;) {
		size_t len = strcspn(label, ".");
		*at++ = (uint8_t)len;
		memcpy(at, label, len);
		at += len;
		label += len + (label[len] == '.');
	}
	memcpy(at, tail, sizeof(tail));
	return (size_t)(at + sizeof(tail) - buf);
}

static void open_socket(const char *address, const char *port)
{
	int room = 1 << 20;
	to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1) {
		perror(address);
		exit(1);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	prctl(PR_SET_TIMERSLACK, 1);
}

static void sleep_until(double at)
{
	double left = at - measure_seconds();
	if (left > 0)
		nanosleep(&(struct timespec){.tv_nsec = (long)(left * 1e9)}, NULL);
}

/* ---- the flood ---- */

#define KEY "................................"

/* What is random in these is marked by dots. */
static const struct {
	const char *kind, *packet;
} krpc[] = {
	{"ping", "d1:ad2:id20:....................e1:q4:ping1:t4:....1:y1:qe"},
	{"get", "d1:ad2:id20:....................6:target20:....................e1:q3:get1:t4:...."
		"1:y1:qe"},
	{"put", "d1:ad2:id20:....................1:k32:" KEY "3:seqi1e3:sig64:" KEY KEY
		"5:token8:........1:v12:............e1:q3:put1:t4:....1:y1:qe"},
	{"reply", "d1:rd2:id20:....................5:nodes26:..........................e1:t4:....1:"
		  "y1:re"},
};

static size_t write_krpc(const char *packet, uint8_t *buf)
{
	size_t len = strlen(packet);
	for (size_t i = 0; i < len; i++)
		buf[i] = packet[i] == '.' ? (uint8_t)random64() : (uint8_t)packet[i];
	return len;
}

static size_t write_hostile(const char *kind, uint8_t *buf)
{
	for (size_t i = 0; i < sizeof(krpc) / sizeof(*krpc); i++)
		if (!strcmp(kind, krpc[i].kind))
			return write_krpc(krpc[i].packet, buf);
	char name[64];
	uint64_t x = random64();
	size_t len;
	if (!strcmp(kind, "junk")) {
		for (size_t at = 0; at < 128; at += sizeof(x), x = random64())
			memcpy(buf + at, &x, sizeof(x));
		return 1 + random64() % 100;
	}
	if (!strcmp(kind, "random"))
		snprintf(name, sizeof(name), "r%016llx.%s", (unsigned long long)x, ZONE);
	else
		snprintf(name, sizeof(name), "n%u.%s", (unsigned)(x % CACHED + 1), ZONE);
	len = write_question(buf, (unsigned)x, name);
	if (!strcmp(kind, "responses"))
		buf[2] |= 0x80;
	return strcmp(kind, "cut") ? len : 12 + x % (len - 12);
}

struct hostile {
	struct iovec iov;
	uint8_t control[CMSG_SPACE(sizeof(struct in_pktinfo))] __attribute__((aligned(8)));
	uint8_t bytes[DATAGRAM + 8];
};

/* Any address of the host's own may be said to be the source. */
static void set_source(struct hostile *h, in_addr_t source, bool any)
{
	struct in_pktinfo from = {0};
	from.ipi_spec_dst.s_addr = any ? htonl((ntohl(source) & 0xff000000) |
						 (uint32_t)(random64() & 0xfffffe) | 1)
				       : source;
	struct cmsghdr *head = (struct cmsghdr *)h->control;
	*head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(from)),
		.cmsg_level = IPPROTO_IP,
		.cmsg_type = IP_PKTINFO};
	memcpy(CMSG_DATA(head), &from, sizeof(from));
}

static void send_batch(const char *kind, in_addr_t source, bool any)
{
	static struct hostile hostile[BATCH];
	struct mmsghdr batch[BATCH];
	for (size_t i = 0; i < BATCH; i++) {
		struct hostile *h = &hostile[i];
		set_source(h, source, any);
		h->iov = (struct iovec){h->bytes, write_hostile(kind, h->bytes)};
		batch[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &to,
						    .msg_namelen = sizeof(to),
						    .msg_iov = &h->iov,
						    .msg_iovlen = 1,
						    .msg_control = h->control,
						    .msg_controllen = sizeof(h->control)}};
	}
	if (sendmmsg(fd, batch, BATCH, 0) < 0 && errno != EAGAIN && errno != ECONNREFUSED) {
		perror("sendmmsg");
		exit(1);
	}
}

static int flood(char **argv)
{
	struct in_addr source;
	bool any = strchr(argv[3], '/');
	double rate = atof(argv[4]), began, now;
	uint64_t sent = 0;
	argv[3][strcspn(argv[3], "/")] = '\0';
	open_socket(argv[1], argv[2]);
	if (inet_pton(AF_INET, argv[3], &source) != 1)
		return 2;
	for (began = now = measure_seconds(); now < began + atof(argv[5]);
		now = measure_seconds()) {
		if ((double)sent > (now - began) * rate) {
			sleep_until(began + (double)sent / rate);
			continue;
		}
		send_batch(argv[0], source.s_addr, any);
		sent += BATCH;
	}
	printf("%.0f\n", (double)sent / (now - began));
	return 0;
}

/* ---- the client ---- */

#define QUESTIONS_MAX 60000
#define EVERY 500    /* questions a second */
#define READS 100    /* of a file, a second */
#define UNCACHED 11  /* each 11th is for a name that is not cached */
#define PATIENCE 2.0 /* seconds that the last ones have */

static struct {
	double sent;
	uint64_t took; /* 0: not answered */
} questions[QUESTIONS_MAX];

static void hear(void)
{
	uint8_t buf[1500];
	ssize_t len;
	while ((len = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		unsigned id = (unsigned)(buf[0] << 8 | buf[1]);
		if (len < 12 || id >= QUESTIONS_MAX || !(questions[id].sent > 0) ||
			(buf[3] & 0xf) != 0)
			continue; /* an error is no answer */
		if (!questions[id].took)
			questions[id].took = (uint64_t)((measure_seconds() - questions[id].sent) *
							1e6) +
					     1;
	}
}

static void print(size_t asked, bool uncached)
{
	static uint64_t took[QUESTIONS_MAX];
	size_t of = 0, answered = 0;
	for (size_t i = 0; i < asked; i++) {
		if ((i % UNCACHED == 0) != uncached)
			continue;
		of++;
		if (questions[i].took)
			took[answered++] = questions[i].took;
	}
	measure_sort(took, answered);
	size_t last = answered ? answered - 1 : 0;
	printf("%zu %zu %llu %llu\n", of, answered, (unsigned long long)took[last / 2],
		(unsigned long long)took[last * 99 / 100]);
}

/* A client that is held up takes for the server's what is the machine's. */
static unsigned long long held_up(void)
{
	unsigned long long ran = 0, waited = 0;
	FILE *f = fopen("/proc/self/schedstat", "re");
	if (!f || fscanf(f, "%llu %llu", &ran, &waited) != 2)
		waited = 0;
	if (f)
		fclose(f);
	return waited / 1000;
}

static int ask(char **argv)
{
	size_t asked = 0;
	double began = measure_seconds(), seconds = atof(argv[2]), now = began;
	open_socket(argv[0], argv[1]);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return 1;
	while ((now = measure_seconds()) < began + seconds + PATIENCE) {
		struct pollfd f = {fd, POLLIN, 0};
		double next = began + (double)asked / EVERY;
		if (now >= next && now < began + seconds && asked < QUESTIONS_MAX) {
			char name[64];
			uint8_t buf[DATAGRAM];
			if (asked % UNCACHED == 0)
				snprintf(name, sizeof(name), "u%zu-%d.%s", asked, (int)getpid(),
					ZONE);
			else
				snprintf(name, sizeof(name), "n%zu.%s", asked % CACHED + 1, ZONE);
			size_t len = write_question(buf, (unsigned)asked, name);
			questions[asked].sent = measure_seconds();
			send(fd, buf, len, 0);
			asked++;
		}
		double left = next > now ? next - now : 0.001;
		struct timespec wait = {.tv_nsec = (long)((left < 0.01 ? left : 0.01) * 1e9)};
		ppoll(&f, 1, &wait, NULL);
		hear();
	}
	print(asked, false);
	print(asked, true);
	printf("%llu\n", held_up());
	return 0;
}

/* Opens, reads and closes a file again and again, and prints how many times that failed, then p50
 * and p99 in microseconds of those that did not. */
static int read_file(char **argv)
{
	static uint64_t took[QUESTIONS_MAX];
	size_t tried = 0, failed = 0;
	double began = measure_seconds(), now;
	while ((now = measure_seconds()) < began + atof(argv[1]) && tried < QUESTIONS_MAX) {
		char buf[4096];
		int file = open(argv[0], O_RDONLY | O_CLOEXEC);
		if (file < 0 || read(file, buf, sizeof(buf)) <= 0)
			failed++;
		else
			took[tried - failed] = (uint64_t)((measure_seconds() - now) * 1e6) + 1;
		if (file >= 0)
			close(file);
		tried++;
		sleep_until(began + (double)tried / READS);
	}
	size_t good = tried - failed, last = good ? good - 1 : 0;
	measure_sort(took, good);
	printf("%zu %llu %llu\n", failed, (unsigned long long)took[last / 2],
		(unsigned long long)took[last * 99 / 100]);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "read"))
		return read_file(argv + 2);
	if (argc == 8 && !strcmp(argv[1], "send"))
		return flood(argv + 2);
	if (argc == 5 && !strcmp(argv[1], "ask"))
		return ask(argv + 2);
	fprintf(stderr, "usage: dns_flood send KIND ADDRESS PORT SOURCE PER_SECOND SECONDS\n"
			"       dns_flood ask ADDRESS PORT SECONDS\n"
			"       dns_flood read FILE SECONDS\n");
	return 2;
}
