/* The DNS door reads and answers datagrams in groups: whoever asks among others is told, byte for
 * byte, what he is told alone. */
#undef NDEBUG
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "resolver/clock.h"
#include "resolver/dns_door_inside.h"
#include "resolver/resolver_inside.h"
#include "tests/directory.h"

#define NAMES 40
#define DATAGRAMS 150 /* two batches of 64 and a part of one; groups that are full and not */
#define REPLY_MAX 1500

struct datagram {
	size_t len;
	uint8_t bytes[512];
};
struct reply {
	size_t len; /* 0: none came */
	uint8_t bytes[REPLY_MAX];
};

static struct event_base *base;
static struct resolver *resolver;
static struct own *own;
static struct dns_door *door;
static int fd;
static char dir[DIRECTORY_CAP];

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static struct question question(unsigned i)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	char text[32];
	int len = snprintf(text, sizeof(text), "n%u.example", i);
	assert_int_equal(name_from_text(text, (size_t)len, &q.name), 0);
	return q;
}

static void hold(unsigned i)
{
	struct question q = question(i);
	struct rrset *set = rrset_create(&q, 300);
	struct answer *a;
	for (unsigned k = 0; k <= i * 2; k++) /* the last ones are cut over UDP */
		assert_int_equal(
			rrset_add(set, (const uint8_t[]){192, 0, (uint8_t)k, (uint8_t)i}, 4), 0);
	assert_int_equal(answer_from_rrset(&q, set, &a), 0);
	rrset_destroy(set);
	a->source = SOURCE_DNS;
	a->trust = TRUST_DNS;
	/* The TTL is the same throughout the test. */
	a->arrived = clock_monotonic() + 3600 * SECOND;
	cache_add(resolver->cache, a, CACHE_DNS, a->arrived);
	answer_unref(a);
}

static int set_up(void **state)
{
	(void)state;
	static const struct allow nobody_else = {.len = 0};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	struct resolver_config config = {
		.policy = {.upstream = true}, .deadline = SECOND, .cache_bytes = 1 << 20};
	const struct dns_door_config at = {(struct sockaddr *)&in, sizeof(in), &nobody_else};
	char path[96];
	assert_int_equal(directory_make(dir), 0);
	snprintf(path, sizeof(path), "%s/own.db", dir);
	assert_int_equal(own_open(path, 100, 0, 1, &own), 0);
	struct resolver_parts parts = {.own = own};
	base = event_base_new();
	assert_int_equal(resolver_create(base, &config, &parts, &resolver), 0);
	for (unsigned i = 0; i < NAMES; i++)
		hold(i);
	/* A port that is free a moment before. */
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	close(fd);
	assert_int_equal(dns_door_open(base, resolver, &at, &door), 0);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const int room = 200 << 10; /* for all replies at once */
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
	return connect(fd, (struct sockaddr *)&in, sizeof(in));
}

static int tear_down(void **state)
{
	(void)state;
	close(fd);
	dns_door_close(door);
	resolver_destroy(resolver);
	own_close(own);
	event_base_free(base);
	return directory_remove(dir);
}

/* An OPT with a payload size, DO perhaps, a cookie perhaps, or none. */
static size_t put_opt(uint8_t *p, uint32_t choice)
{
	static const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};
	static const uint8_t cookie[] = {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
	if (choice % 4 == 0)
		return 0;
	memcpy(p, opt, sizeof(opt));
	p[7] = choice % 4 == 1 ? 0x80 : 0;
	p[6] = choice % 17 == 0; /* a version that nobody speaks */
	if (choice % 4 != 2)
		return sizeof(opt);
	memcpy(p + sizeof(opt), cookie, sizeof(cookie));
	p[10] = sizeof(cookie);
	return sizeof(opt) + sizeof(cookie);
}

/* Held, or not (without RD: nobody is asked); in any case; of any opcode, class and type; with a
 * bit that is wrong somewhere behind RD, or cut off. The id is the datagram's number. */
static void make(struct datagram *d, unsigned number, uint32_t *random)
{
	struct packet_writer w;
	struct question q = question(next_random(random) % (NAMES + 5));
	uint32_t choice = next_random(random);
	if (choice % 7 == 0)
		q.type = (uint16_t[]){TYPE_ANY, TYPE_AXFR, TYPE_AAAA, 65280}[choice / 7 % 4];
	if (choice % 11 == 0)
		q.class = CLASS_CH;
	packet_begin(&w, d->bytes, sizeof(d->bytes), false);
	packet_put_question(&w, &q);
	int len = packet_end(&w, (uint16_t)number, choice % 13 == 0 ? 0x2800 : 0);
	assert_true(len > 0);
	for (int i = PACKET_HEADER; i < len; i++)
		if (d->bytes[i] >= 'a' && d->bytes[i] <= 'z' && next_random(random) % 2)
			d->bytes[i] ^= 0x20;
	size_t opt = put_opt(d->bytes + len, next_random(random));
	d->bytes[11] = opt > 0;
	d->len = (size_t)len + opt;
	if (choice % 5 == 0)
		d->bytes[3 + next_random(random) % (unsigned)(len - 3)] ^= (uint8_t)(1u
										     << choice / 5 %
												8);
	if (choice % 19 == 0)
		d->len = next_random(random) % d->len;
}

static void turn(void)
{
	for (int i = 0; i < 3; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

/* Replies by their id. A cookie of ours is another each second. */
static void collect(struct reply *replies)
{
	struct reply r;
	ssize_t n;
	while ((n = recv(fd, r.bytes, sizeof(r.bytes), MSG_DONTWAIT)) > 0) {
		r.len = (size_t)n;
		unsigned id = (unsigned)r.bytes[0] << 8 | r.bytes[1];
		assert_in_range(id, 0, DATAGRAMS - 1);
		assert_int_equal(replies[id].len, 0);
		for (size_t i = 0; i + 28 <= r.len; i++)
			if (memcmp(r.bytes + i, (const uint8_t[]){0, 10, 0, 24, 1, 2, 3, 4}, 8) ==
				0)
				memset(r.bytes + i + 12, 0, 16);
		replies[id] = r;
	}
}

static void among_others_as_alone(void **state)
{
	(void)state;
	static struct datagram sent[DATAGRAMS];
	static struct reply alone[DATAGRAMS], among[DATAGRAMS];
	for (uint32_t seed = 1; seed <= 10; seed++) {
		uint32_t random = seed;
		unsigned answered = 0;
		memset(alone, 0, sizeof(alone));
		memset(among, 0, sizeof(among));
		for (unsigned i = 0; i < DATAGRAMS; i++) {
			make(&sent[i], i, &random);
			assert_int_equal(send(fd, sent[i].bytes, sent[i].len, 0), sent[i].len);
			turn();
			collect(alone);
		}
		for (unsigned i = 0; i < DATAGRAMS; i++)
			assert_int_equal(send(fd, sent[i].bytes, sent[i].len, 0), sent[i].len);
		turn();
		collect(among);
		for (unsigned i = 0; i < DATAGRAMS; i++) {
			assert_int_equal(among[i].len, alone[i].len);
			assert_memory_equal(among[i].bytes, alone[i].bytes, alone[i].len);
			answered += alone[i].len > 0;
		}
		assert_in_range(answered, DATAGRAMS / 2, DATAGRAMS);
	}
}

/* Without RD, so that nobody is asked. Read so many microseconds after what was read before, as far
 * as the door can tell: how long it takes to send them does not count. */
static void send_many_after(unsigned count, uint64_t pause)
{
	struct datagram d;
	struct question q = question(0);
	struct packet_writer w;
	packet_begin(&w, d.bytes, sizeof(d.bytes), false);
	packet_put_question(&w, &q);
	int len = packet_end(&w, 0, 0);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(send(fd, d.bytes, (size_t)len, 0), len);
	if (pause)
		door->gulped = clock_monotonic() - pause;
	turn();
	struct reply r;
	while (recv(fd, r.bytes, sizeof(r.bytes), MSG_DONTWAIT) > 0)
		;
}

static void send_many(unsigned count)
{
	send_many_after(count, 0);
}

/* To have sent a hundred or two at once does not make a client a flood; to go on does. */
static void a_gulp_is_no_flood(void **state)
{
	(void)state;
	const struct misses *misses = resolver_misses(resolver);
	door->gulp = 0;
	resolver_misses(resolver)->behind_until = 0;
	for (int i = 0; i < 5; i++) {
		send_many(250);
		assert_false(misses_is_behind(misses, clock_monotonic()));
		door->gulped -= 20000; /* as if so long had passed */
	}
	door->gulp = 900; /* as if three more had come this moment: a build with checks is slower */
	door->gulped = clock_monotonic();
	send_many(100);
	assert_true(misses_is_behind(misses, door->gulped));
}

/* Who sends more in a second than can be looked up is a flood, though all of it is read in time;
 * and none any more soon after. */
static void a_flood_that_is_kept_up_with_is_one(void **state)
{
	(void)state;
	const struct misses *misses = resolver_misses(resolver);
	door->gulp = 0;
	door->gulped = clock_monotonic();
	resolver_misses(resolver)->behind_until = 0;
	for (int i = 0; i < 200; i++) /* 20,000 a second, as if it were that */
		send_many_after(40, 2000);
	assert_false(misses_is_behind(misses, clock_monotonic()));
	for (int i = 0; i < 200; i++) /* 100,000; as of when the last of them were read */
		send_many_after(40, 400);
	assert_true(misses_is_behind(misses, door->gulped));
	resolver_misses(resolver)->behind_until = 0;
	send_many_after(40, 100000);
	assert_false(misses_is_behind(misses, clock_monotonic()));
}

/* ---- replies, whoever asked ---- */

#define CLIENTS 5
#define REPLIES 60

/* From the loopback address, and from a port whose last digit is `digit`: of two clients whose
 * ports end alike one may be taken for the other, at first sight. */
static int connected_to(int server, unsigned digit)
{
	struct sockaddr_storage at;
	struct sockaddr_in6 from;
	socklen_t len = sizeof(at), from_len;
	assert_int_equal(getsockname(server, (struct sockaddr *)&at, &len), 0);
	if (at.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&at)->sin6_addr = in6addr_loopback;
	else
		((struct sockaddr_in *)&at)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (;;) {
		int on = 1, client = socket(at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		/* (One test sends without.) */
		setsockopt(client, IPPROTO_UDP, UDP_NO_CHECK6_RX, &on, sizeof(on));
		assert_int_equal(connect(client, (struct sockaddr *)&at, len), 0);
		from_len = sizeof(from);
		assert_int_equal(getsockname(client, (struct sockaddr *)&from, &from_len), 0);
		if (ntohs(from.sin6_port) % 16 == digit) /* where IPv4 has it as well */
			return client;
		close(client);
	}
}

/* Each client in turn asks; reply i is `lengths[i]` bytes of the number i. In how many messages
 * they went; each client has his own, whole and in order: he is connected, so from the address he
 * asked. */
static unsigned reply_to_clients(struct dns_udp *udp, const size_t lengths[REPLIES], bool alike)
{
	int clients[CLIENTS];
	unsigned runs = 0;
	for (unsigned c = 0; c < CLIENTS; c++)
		clients[c] = connected_to(udp->fd, alike ? 3 : c);
	for (unsigned i = 0; i < REPLIES; i++)
		assert_int_equal(send(clients[i % CLIENTS], "?", 1, 0), 1);
	assert_int_equal(dns_udp_receive(udp), REPLIES);
	for (unsigned i = 0; i < REPLIES; i++) {
		memset(udp->slots[i].reply, (int)i, lengths[i]);
		dns_udp_reply(udp, i, lengths[i]);
	}
	assert_int_equal(dns_udp_send(udp), REPLIES);
	for (unsigned i = 0; i < REPLIES; i++) {
		uint8_t expected[REPLY_MAX], got[REPLY_MAX];
		memset(expected, (int)i, lengths[i]);
		assert_int_equal(
			recv(clients[i % CLIENTS], got, sizeof(got), MSG_DONTWAIT), lengths[i]);
		assert_memory_equal(got, expected, lengths[i]);
		runs = udp->reply[i].run >= runs ? udp->reply[i].run + 1u : runs;
	}
	for (int c = 0; c < CLIENTS; c++)
		close(clients[c]);
	return runs;
}

static void replies_to_one_client_go_as_one(void **state)
{
	(void)state;
	static const struct sockaddr_in loopback = {
		.sin_family = AF_INET, .sin_addr.s_addr = INADDR_ANY};
	struct sockaddr_in four = loopback, any = loopback;
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
	const struct {
		const void *address;
		socklen_t len;
	} binds[] = {{&four, sizeof(four)}, {&any, sizeof(any)}, {&six, sizeof(six)}};
	four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (size_t b = 0; b < sizeof(binds) / sizeof(*binds); b++) {
		struct dns_udp *udp;
		size_t lengths[REPLIES];
		uint32_t random = 7;
		int on = 1, e = dns_udp_open(binds[b].address, binds[b].len, &udp);
		if (e == -EAFNOSUPPORT || e == -EADDRNOTAVAIL)
			continue; /* no IPv6 here */
		assert_int_equal(e, 0);
		for (int i = 0; i < REPLIES; i++)
			lengths[i] = 57;
		assert_int_equal(reply_to_clients(udp, lengths, false), CLIENTS);
		assert_int_equal(reply_to_clients(udp, lengths, true), REPLIES);
		for (int i = 0; i < REPLIES; i++) /* each shorter than his one before */
			lengths[i] = (size_t)(1000 - i);
		assert_int_equal(reply_to_clients(udp, lengths, false), REPLIES / 2);
		for (int i = 0; i < REPLIES; i++) /* or longer */
			lengths[i] = (size_t)(100 + i);
		assert_int_equal(reply_to_clients(udp, lengths, false), REPLIES);
		for (int i = 0; i < REPLIES; i++)
			lengths[i] = 40 + next_random(&random) % 4 * 400;
		reply_to_clients(udp, lengths, false);
		/* A kernel that does not cut up what has no sum, as of an interface that makes
		 * none. */
		assert_int_equal(setsockopt(udp->fd, SOL_SOCKET, SO_NO_CHECK, &on, sizeof(on)), 0);
		setsockopt(udp->fd, IPPROTO_UDP, UDP_NO_CHECK6_TX, &on, sizeof(on));
		for (int i = 0; i < REPLIES; i++)
			lengths[i] = 57;
		assert_int_equal(reply_to_clients(udp, lengths, false), CLIENTS);
		assert_true(udp->in_pieces);
		assert_int_equal(reply_to_clients(udp, lengths, false), REPLIES);
		dns_udp_close(udp);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_to_one_client_go_as_one),
		cmocka_unit_test(among_others_as_alone),
		cmocka_unit_test(a_gulp_is_no_flood),
		cmocka_unit_test(a_flood_that_is_kept_up_with_is_one),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
