/* What a DNS door keeps and sends when answers are late and many: an upstream that the test plays
 * answers when it is told to, and clients over TCP do not read. */
#undef NDEBUG
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "resolver/clock.h"
#include "resolver/dns_door.h"
#include "resolver/dns_door_inside.h"
#include "resolver/resolver_inside.h"
#include "tests/directory.h"
#include "tests/leap.h"
#include "tests/resolver/plain_upstream.h"

#define CLIENTS 120 /* no crowd: 30 MB, if each had its share */

static struct event_base *base;
static struct resolver *resolver;
static struct own *own;
static struct dns_door *door;
static struct sockaddr_in at;
static char dir[DIRECTORY_CAP];
static bool far;

bool __wrap_allow_is_loopback(const struct sockaddr *address);
bool __wrap_allow_is_loopback(const struct sockaddr *address)
{
	(void)address;
	return !far;
}

/* ---- the upstream ---- */

struct upstream_query {
	LIST_ENTRY(upstream_query) link;
	struct question question;
	upstream_fn *fn;
	void *ctx;
};
static LIST_HEAD(, upstream_query) asked;

int upstream_ask(struct upstream *u, const struct question *q, upstream_fn *fn, void *ctx,
	struct upstream_query **ret_query)
{
	(void)u;
	struct upstream_query *query = calloc(1, sizeof(*query));
	*query = (struct upstream_query){.question = *q, .fn = fn, .ctx = ctx};
	LIST_INSERT_HEAD(&asked, query, link);
	*ret_query = query;
	return 0;
}

void upstream_cancel(struct upstream_query *query)
{
	LIST_REMOVE(query, link);
	free(query);
}

void upstream_each_server(const struct upstream *u, upstream_server_fn *fn, void *ctx)
{
	(void)u;
	(void)fn;
	(void)ctx;
}

/* Records of one set. TTL 0: whoever asks now and again has to be waited for each time. */
struct said {
	unsigned records;
	uint16_t len; /* of each */
	uint32_t ttl;
};
static const struct said small = {30, 4, 0}, big = {20, 2816, 0},
			 kept = {20, 2816, 300}; /* 500 B, 56 kB */

static void put_set(struct packet_writer *w, const struct question *q, const struct said *said)
{
	static uint8_t rdata[4096];
	struct rr rr = {.owner = q->name,
		.type = q->type,
		.class = q->class,
		.ttl = said->ttl,
		.rdata = rdata,
		.rdata_len = said->len};
	for (size_t i = 0; i < sizeof(rdata); i += 256) /* strings, if it is a text */
		rdata[i] = 255;
	for (unsigned i = 0; i < said->records; i++) {
		rdata[1] = (uint8_t)i;
		packet_put(w, &rr);
	}
}

/* All that was asked. */
static void answer_all(const struct said *said)
{
	static uint8_t message[PACKET_MAX];
	struct upstream_query *query;
	while ((query = LIST_FIRST(&asked))) {
		struct packet_writer w;
		packet_begin(&w, message, sizeof(message), true);
		packet_put_question(&w, &query->question);
		put_set(&w, &query->question, said);
		int len = packet_end(&w, 0, FLAG_QR | FLAG_RD | FLAG_RA);
		assert_true(len > 0);
		struct upstream_reply reply = {.message = message, .len = (size_t)len, .why = ""};
		LIST_REMOVE(query, link);
		query->fn(query->ctx, &reply);
		free(query);
	}
}

/* ---- */

static int set_up(void **state)
{
	(void)state;
	static struct allow all = {.len = 0};
	char path[96];
	struct resolver_config config = {
		.policy = {.upstream = true}, .deadline = 4 * SECOND, .cache_bytes = 4 << 20};
	assert_int_equal(allow_parse("127.0.0.0/8", &all.nets[0]), 0);
	all.len = 1;
	far = false;
	LIST_INIT(&asked);
	assert_int_equal(directory_make(dir), 0);
	snprintf(path, sizeof(path), "%s/own.db", dir);
	assert_int_equal(own_open(path, 100, 0, 1, &own), 0);
	base = event_base_new();
	struct resolver_parts parts = {.own = own, .upstream = (struct upstream *)&base};
	assert_int_equal(resolver_create(base, &config, &parts, &resolver), 0);
	/* A port that is free a moment before. */
	socklen_t len = sizeof(at);
	at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	close(fd);
	const struct dns_door_config config_of_door = {
		.address = (struct sockaddr *)&at, .address_len = sizeof(at), .allow = &all};
	assert_int_equal(dns_door_open(base, resolver, &config_of_door, &door), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	dns_door_close(door);
	resolver_destroy(resolver);
	own_close(own);
	event_base_free(base);
	return directory_remove(dir);
}

static size_t write_query(unsigned number, uint16_t type, uint8_t *buf, size_t cap)
{
	struct packet_writer w;
	struct question q = {.type = type, .class = CLASS_IN};
	char text[32];
	int n = snprintf(text, sizeof(text), "n%u.example", number);
	assert_int_equal(name_from_text(text, (size_t)n, &q.name), 0);
	packet_begin(&w, buf, cap, false);
	packet_put_question(&w, &q);
	int len = packet_end(&w, (uint16_t)number, FLAG_RD);
	assert_true(len > 0);
	return (size_t)len;
}

static int connected(int type)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), room = 4096;
	assert_true(fd >= 0);
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

/* ---- over TCP ---- */

#define BIG_BYTES (20 * 2816)

/* False: there is no connection any more. */
static bool ask_much(int fd)
{
	uint8_t buf[DNS_DOOR_TCP_PENDING_MAX][2 + 64];
	for (unsigned i = 0; i < DNS_DOOR_TCP_PENDING_MAX; i++) {
		size_t len = write_query(1, TYPE_TXT, buf[i] + 2, sizeof(buf[i]) - 2);
		buf[i][0] = 0;
		buf[i][1] = (uint8_t)len;
		if (send(fd, buf[i], 2 + len, MSG_NOSIGNAL) != (ssize_t)(2 + len))
			return false;
	}
	return true;
}

static long peak_kilobytes(void)
{
	struct rusage used;
	assert_int_equal(getrusage(RUSAGE_SELF, &used), 0);
	return used.ru_maxrss;
}

/* Reads until so many bytes are there, or the end; what the door has to do it does meanwhile. */
static size_t read_some(int fd, uint8_t *buf, size_t want)
{
	size_t len = 0;
	for (int turns = 0; len < want && turns < 100000; turns++) {
		ssize_t n = recv(fd, buf + len, want - len, 0);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			break;
		len += n > 0 ? (size_t)n : 0;
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	return len;
}

/* 3,000 answers of 56 kB, ready at once, for clients that take none of them. */
static void who_does_not_read_is_not_kept_for(void **state)
{
	(void)state;
	static uint8_t reply[PACKET_MAX + 2];
	int fd[CLIENTS];
	long before = peak_kilobytes();
	for (int round = 0; round < 2; round++) {
		for (int i = round * CLIENTS / 2; i < (round + 1) * CLIENTS / 2; i++) {
			fd[i] = connected(SOCK_STREAM);
			assert_true(ask_much(fd[i]));
			event_base_loop(base, EVLOOP_NONBLOCK);
		}
		leap(base, SECOND / 10);
		assert_false(LIST_EMPTY(&asked));
		answer_all(&big);
		assert_in_range(door->held, 1, DNS_DOOR_HELD_MAX + PACKET_MAX);
		leap(base, SECOND / 10);
		assert_in_range(door->held, 1, DNS_DOOR_HELD_MAX);
	}
	/* Answers of 56 kB are kept in 64 kB each. */
	long peak = peak_kilobytes() - before;
	print_message("peak: %ld kB more; %llu displaced\n", peak,
		(unsigned long long)door->counters[DNS_TCP].displaced);
#ifndef __SANITIZE_ADDRESS__ /* which keeps what is freed */
	assert_in_range(peak, 0, 2 * DNS_DOOR_HELD_MAX / 1024);
#endif
	/* A client that reads has its answer, and so has one that asks little. */
	int reads = connected(SOCK_STREAM);
	size_t len = write_query(2, TYPE_TXT, reply + 2, 100);
	reply[0] = 0;
	reply[1] = (uint8_t)len;
	assert_int_equal(send(reads, reply, 2 + len, 0), 2 + len);
	leap(base, SECOND / 10);
	answer_all(&big);
	assert_int_equal(read_some(reads, reply, 2), 2);
	len = (size_t)reply[0] << 8 | reply[1];
	assert_true(len > BIG_BYTES);
	assert_int_equal(read_some(reads, reply, len), len);
	assert_int_equal(reply[3] & 0xf, RCODE_NOERROR);
	close(reads);
	for (int i = 0; i < CLIENTS; i++)
		close(fd[i]);
	leap(base, SECOND / 10);
	assert_int_equal(door->held, 0);
	assert_int_equal(door->connections_len, 0);
}

/* The same of an answer in memory, where nothing is late. */
static void who_does_not_read_what_is_in_memory_is_let_go(void **state)
{
	(void)state;
	int fd[CLIENTS];
	for (int i = 0; i < CLIENTS; i++) {
		fd[i] = connected(SOCK_STREAM);
		ask_much(fd[i]);
		leap(base, SECOND / 1000);
		if (i == 0)
			answer_all(&kept);
		assert_true(LIST_EMPTY(&asked));
		assert_in_range(door->held, 1, DNS_DOOR_HELD_MAX);
	}
	assert_true(door->counters[DNS_TCP].displaced > 0);
	/* Those who came last hold no more than the others. */
	assert_in_range(
		door->connections_len, DNS_DOOR_HELD_MAX / DNS_DOOR_HELD_ONE / 2, CLIENTS - 1);
	for (int i = 0; i < CLIENTS; i++)
		close(fd[i]);
}

/* One that asks for more than is kept for it and reads has all of it, or is told that it failed;
 * none of its questions is lost. */
static void who_reads_has_a_reply_to_each(void **state)
{
	(void)state;
	static uint8_t reply[PACKET_MAX];
	int fd = connected(SOCK_STREAM);
	unsigned good = 0;
	assert_true(ask_much(fd));
	leap(base, SECOND / 10);
	answer_all(&big);
	for (unsigned i = 0; i < DNS_DOOR_TCP_PENDING_MAX; i++) {
		assert_int_equal(read_some(fd, reply, 2), 2);
		size_t len = (size_t)reply[0] << 8 | reply[1];
		assert_int_equal(read_some(fd, reply, len), len);
		if ((reply[3] & 0xf) == RCODE_NOERROR)
			good++;
		else
			assert_int_equal(reply[3] & 0xf, RCODE_SERVFAIL);
		assert_int_equal(reply[2] & 2, 0); /* there is no further TCP to go to */
	}
	assert_in_range(good, DNS_DOOR_HELD_ONE / BIG_BYTES, DNS_DOOR_TCP_PENDING_MAX - 1);
	close(fd);
}

/* ---- over UDP ---- */

struct heard {
	unsigned whole, cut;
	size_t bytes;
};

static struct heard hear(int fd)
{
	struct heard h = {0};
	uint8_t reply[1500];
	ssize_t n;
	while ((n = recv(fd, reply, sizeof(reply), 0)) > 0) {
		h.bytes += (size_t)n;
		if (reply[2] & 2)
			h.cut++;
		else
			h.whole++;
	}
	return h;
}

/* In three of the four seconds of the deadline: the real clock counts as well, and machines are slow. */
#define ASKED 30

/* Asks ten a second for so long. Bytes that were sent. */
static size_t ask_for_a_while(int fd, unsigned tenths)
{
	static unsigned number = 1000;
	size_t sent = 0;
	for (unsigned i = 0; i < tenths; i++) {
		uint8_t query[64];
		size_t len = write_query(number++, TYPE_A, query, sizeof(query));
		assert_int_equal(send(fd, query, len, 0), len);
		sent += len;
		leap(base, SECOND / 10);
	}
	return sent;
}

/* DNSBomb: a server of the attacker's keeps questions waiting that a victim is said to have asked.
 * At once the victim is sent what it is sent of names in memory, and no more. */
static void what_was_asked_for_seconds_is_not_sent_at_once(void **state)
{
	(void)state;
	const size_t whole = 30 * 16 + 29;
	int fd = connected(SOCK_DGRAM);
	far = true;
	size_t sent = ask_for_a_while(fd, ASKED);
	assert_int_equal(hear(fd).bytes, 0);
	answer_all(&small);
	leap(base, SECOND / 100);
	struct heard h = hear(fd);
	assert_int_equal(h.whole, RRL_PER_SECOND);
	assert_int_equal(h.cut, ASKED - RRL_PER_SECOND);
	assert_in_range(h.bytes, h.whole * whole, h.whole * whole + sent);
	assert_int_equal(door->counters[DNS_UDP].limited, h.cut);
	/* What is older than 1.9 s is not sent at all, few as it may be. */
	leap(base, 2 * SECOND);
	sent = ask_for_a_while(fd, 3);
	leap(base, 2 * SECOND);
	answer_all(&small);
	leap(base, SECOND / 100);
	h = hear(fd);
	assert_int_equal(h.whole, 0);
	assert_int_equal(h.cut, 3);
	assert_in_range(h.bytes, 1, sent);
	/* And on this machine nobody forges anything. */
	far = false;
	ask_for_a_while(fd, ASKED);
	answer_all(&small);
	leap(base, SECOND / 100);
	assert_int_equal(hear(fd).whole, ASKED);
	close(fd);
}

/* Who has shown a cookie is where he says. */
static void who_shows_a_cookie_is_sent_all(void **state)
{
	(void)state;
	struct gate gate;
	const struct gate_time t = {10 * SECOND, 1000};
	const struct allow nobody = {.len = 0};
	struct dns_query q = {.far = true, .asked = 10 * SECOND};
	const struct sockaddr *peer = (const struct sockaddr *)&at;
	assert_int_equal(gate_init(&gate, &nobody, &t), 0);
	assert_int_equal(gate_late(&gate, peer, 11 * SECOND, &q), GATE_ANSWER);
	assert_int_equal(gate_late(&gate, peer, 12 * SECOND, &q), GATE_CUT);
	q.known = true;
	for (int i = 0; i < 100; i++)
		assert_int_equal(gate_late(&gate, peer, 14 * SECOND, &q), GATE_ANSWER);
	gate_finish(&gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			who_does_not_read_is_not_kept_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			who_does_not_read_what_is_in_memory_is_let_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_reads_has_a_reply_to_each, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_was_asked_for_seconds_is_not_sent_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_shows_a_cookie_is_sent_all, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
