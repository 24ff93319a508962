/* Asks one DHT node as fast as it answers, 64 queries in flight; for tests/bench/krpc.sh.
 *
 *   krpc_flood ADDRESS PORT WORKLOAD SECONDS PID
 *
 * WORKLOAD: echo ping find_node miss hit get_peers same new. Prints answers a second, the CPU
 * time of the process PID an answer (nanoseconds; what a busy machine changes least), the size of
 * the last answer, errors, and datagrams that were lost. `same` puts 64 signed items, each as it is
 * stored, again and again; `new` puts signed items that the node does not have, 20,000 at most,
 * signed and supplied with tokens beforehand. A query is written once and then only its transaction
 * id and target change. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dht/item.h"
#include "dht/message.h"
#include "tests/bench/measure.h"

#define FLIGHT 64
#define ITEMS_NEW 20000
#define VALUE_LEN 300
#define PATIENCE 200 /* milliseconds without any answer, and what is in flight is lost */

struct packet {
	size_t len, target_at; /* target_at: 0 where it stays */
	uint8_t bytes[DHT_DATAGRAM_MAX];
};

static int fd;
static struct packet *packets;
static size_t packets_len;
static bool endless; /* packets may be sent again */
static uint8_t answers[FLIGHT][DHT_DATAGRAM_MAX];
static uint64_t answered, errors, lost;
static size_t answer_len;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void fill(void *buf, size_t len)
{
	static uint64_t x = 88172645463325252;
	for (size_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		((uint8_t *)buf)[i] = (uint8_t)(x >> 24);
	}
}

static void make_packet(struct packet *p, struct dht_message *m, bool moving)
{
	static const uint8_t mark[4] = {'T', 'T', 'T', 'T'};
	m->kind = DHT_QUERY;
	m->transaction = (struct bytes){mark, 4};
	m->has_id = true;
	memset(m->id.b, 0x42, sizeof(m->id.b));
	m->read_only = true; /* the node is not to ask us in return */
	int len = dht_message_write(m, p->bytes, sizeof(p->bytes));
	if (len < 0)
		exit(1);
	p->len = (size_t)len;
	p->target_at = 0;
	if (moving) {
		uint8_t *at = memmem(p->bytes, p->len, m->target.b, DHT_ID_LEN);
		p->target_at = at ? (size_t)(at - p->bytes) : 0;
	}
}

/* One question and its answer, for the preparations. */
static void ask(struct packet *p, struct dht_message *ret_reply, uint8_t *buf)
{
	for (int attempt = 0; attempt < 20; attempt++) {
		struct pollfd f = {fd, POLLIN, 0};
		if (send(fd, p->bytes, p->len, 0) < 0)
			die("send");
		while (poll(&f, 1, 500) > 0) {
			ssize_t len = recv(fd, buf, DHT_DATAGRAM_MAX, 0);
			if (len > 0 && dht_message_read(buf, (size_t)len, ret_reply) == 0)
				return;
		}
	}
	fprintf(stderr, "krpc_flood: no answer\n");
	exit(1);
}

static void sign(struct dht_item *item, unsigned n)
{
	uint8_t seed[DHT_SEED_LEN] = {1};
	char text[VALUE_LEN];
	pid_t run = getpid(); /* another run's items are other items */
	memset(text, 'x', sizeof(text));
	*item = (struct dht_item){.is_mutable = true, .seq = 1, .salt_len = 16};
	memcpy(item->salt, &n, sizeof(n));
	memcpy(item->salt + 8, &run, sizeof(run));
	dht_item_set_string(item, text, sizeof(text));
	if (dht_item_sign(item, seed) < 0)
		exit(1);
}

/* Asks for the token of an item's target and writes the put. */
static void make_put(struct packet *p, const struct dht_item *item)
{
	static uint8_t buf[DHT_DATAGRAM_MAX];
	struct dht_message m = {.method = DHT_GET, .has_target = true}, reply;
	dht_item_target(item, &m.target);
	make_packet(p, &m, false);
	ask(p, &reply, buf);
	struct dht_message put = {.method = DHT_PUT,
		.has_target = true,
		.target = m.target,
		.token = reply.token,
		.value = {item->value, item->value_len},
		.has_key = true,
		.has_sig = true,
		.has_seq = true,
		.key = {item->key, DHT_KEY_LEN},
		.sig = {item->sig, DHT_SIG_LEN},
		.salt = {item->salt, item->salt_len},
		.seq = item->seq};
	make_packet(p, &put, false);
}

static void make_puts(size_t count, bool stored)
{
	static uint8_t buf[DHT_DATAGRAM_MAX];
	for (unsigned i = 0; i < count; i++) {
		struct dht_item item;
		struct dht_message reply;
		sign(&item, i);
		make_put(&packets[i], &item);
		if (stored) {
			ask(&packets[i], &reply, buf);
			if (reply.kind != DHT_REPLY) {
				fprintf(stderr, "krpc_flood: put refused, %d\n", reply.error);
				exit(1);
			}
		}
	}
	packets_len = count;
}

static void make_gets(void)
{
	make_puts(FLIGHT, true);
	for (unsigned i = 0; i < FLIGHT; i++) {
		struct dht_item item;
		struct dht_message m = {.method = DHT_GET, .has_target = true};
		sign(&item, i);
		dht_item_target(&item, &m.target);
		make_packet(&packets[i], &m, false);
	}
}

static void prepare(const char *workload)
{
	struct dht_message m = {.has_target = true};
	memset(m.target.b, 0xa7, sizeof(m.target.b));
	endless = true;
	packets = calloc(ITEMS_NEW, sizeof(*packets));
	if (!packets)
		die("calloc");
	packets_len = 1;
	if (!strcmp(workload, "ping") || !strcmp(workload, "echo")) {
		m.method = DHT_PING;
		m.has_target = false;
		make_packet(&packets[0], &m, false);
	} else if (!strcmp(workload, "find_node")) {
		m.method = DHT_FIND_NODE;
		make_packet(&packets[0], &m, true);
	} else if (!strcmp(workload, "miss")) {
		m.method = DHT_GET;
		make_packet(&packets[0], &m, true);
	} else if (!strcmp(workload, "get_peers")) {
		m.method = DHT_GET_PEERS;
		make_packet(&packets[0], &m, true);
	} else if (!strcmp(workload, "hit")) {
		make_gets();
	} else if (!strcmp(workload, "same")) {
		make_puts(FLIGHT, true);
	} else if (!strcmp(workload, "new")) {
		make_puts(ITEMS_NEW, false);
		endless = false;
	} else {
		fprintf(stderr, "krpc_flood: no workload %s\n", workload);
		exit(2);
	}
}

/* The transaction id stands before `y`, and after all that is long: found from the end. */
static void mark(struct packet *p, uint32_t number)
{
	static const uint8_t key[] = "1:t4:";
	uint8_t *at = p->bytes + p->len;
	while (memcmp(--at, key, 5) != 0)
		;
	memcpy(at + 5, &number, 4);
}

static size_t send_some(size_t wanted, uint64_t *sent)
{
	static struct packet copies[FLIGHT];
	struct mmsghdr messages[FLIGHT];
	struct iovec iov[FLIGHT];
	size_t n = 0;
	for (; n < wanted && (endless || *sent + n < packets_len); n++) {
		struct packet *p = &copies[n], *from = &packets[(*sent + n) % packets_len];
		p->len = from->len;
		memcpy(p->bytes, from->bytes, from->len);
		mark(p, (uint32_t)(*sent + n));
		if (from->target_at)
			fill(p->bytes + from->target_at, DHT_ID_LEN);
		iov[n] = (struct iovec){p->bytes, p->len};
		messages[n] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[n], .msg_iovlen = 1}};
	}
	int r = n ? sendmmsg(fd, messages, (unsigned)n, 0) : 0;
	if (r < 0)
		die("sendmmsg");
	*sent += (uint64_t)r;
	return (size_t)r;
}

static size_t receive_some(bool wait)
{
	struct mmsghdr messages[FLIGHT];
	struct iovec iov[FLIGHT];
	struct pollfd f = {fd, POLLIN, 0};
	if (wait && poll(&f, 1, PATIENCE) <= 0)
		return 0;
	for (size_t i = 0; i < FLIGHT; i++) {
		iov[i] = (struct iovec){answers[i], sizeof(answers[i])};
		messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[i], .msg_iovlen = 1}};
	}
	int n = recvmmsg(fd, messages, FLIGHT, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		size_t len = messages[i].msg_len;
		answered++;
		errors += len > 4 && memcmp(answers[i] + len - 3, ":ee", 3) == 0;
		answer_len = len;
	}
	return n > 0 ? (size_t)n : 0;
}

/* What all threads of the process have had of the CPU, nanoseconds. */
static uint64_t cpu_time(const char *pid)
{
	char path[512];
	uint64_t sum = 0;
	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	DIR *tasks = opendir(path);
	struct dirent *task;
	while (tasks && (task = readdir(tasks))) {
		unsigned long long ran = 0;
		if (task->d_name[0] == '.')
			continue; /* ../schedstat is that of the first thread once more */
		snprintf(path, sizeof(path), "/proc/%s/task/%s/schedstat", pid, task->d_name);
		FILE *f = fopen(path, "re");
		if (f && fscanf(f, "%llu", &ran) == 1)
			sum += ran;
		if (f)
			fclose(f);
	}
	if (tasks)
		closedir(tasks);
	return sum;
}

static void flood(double duration, const char *pid)
{
	uint64_t cpu = cpu_time(pid);
	uint64_t sent = 0;
	size_t flying = 0;
	double start = measure_seconds(), end = start + duration, now = start;
	while (now < end) {
		flying += send_some(FLIGHT - flying, &sent);
		if (flying == 0)
			break; /* nothing is left to send */
		size_t n = receive_some(true);
		if (n == 0) {
			lost += flying;
			flying = 0;
		}
		flying -= n < flying ? n : flying;
		now = measure_seconds();
	}
	cpu = cpu_time(pid) - cpu;
	printf("%.0f %.0f %zu %llu %llu\n", (double)answered / (now - start),
		answered ? (double)cpu / (double)answered : 0.0, answer_len,
		(unsigned long long)errors, (unsigned long long)lost);
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: krpc_flood ADDRESS PORT WORKLOAD SECONDS PID\n");
		return 2;
	}
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
	struct sockaddr_in us = {.sin_family = AF_INET};
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, "127.200.0.1", &us.sin_addr);
	if (fd < 0 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 ||
		bind(fd, (const struct sockaddr *)&us, sizeof(us)) < 0 ||
		connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		die(argv[1]);
	prepare(argv[3]);
	flood(atof(argv[4]), argv[5]);
	return 0;
}
