/* The DNS door reads and answers datagrams in groups: whoever asks among others is told, byte for
 * byte, what he is told alone. */
#undef NDEBUG
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <event2/event.h>
#include <netinet/in.h>
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

/* Without RD, so that nobody is asked. */
static void send_many(unsigned count)
{
	struct datagram d;
	struct question q = question(0);
	struct packet_writer w;
	packet_begin(&w, d.bytes, sizeof(d.bytes), false);
	packet_put_question(&w, &q);
	int len = packet_end(&w, 0, 0);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(send(fd, d.bytes, (size_t)len, 0), len);
	turn();
	struct reply r;
	while (recv(fd, r.bytes, sizeof(r.bytes), MSG_DONTWAIT) > 0)
		;
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
	for (int i = 0; i < 5; i++)
		send_many(250);
	assert_true(misses_is_behind(misses, clock_monotonic()));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(among_others_as_alone),
		cmocka_unit_test(a_gulp_is_no_flood),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
