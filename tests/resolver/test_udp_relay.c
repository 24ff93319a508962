/* The relay between libunbound and a forwarder: a socket here is libunbound, another one the
 * server. */
#undef NDEBUG
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "resolver/clock.h"
#include "resolver/udp_relay.h"
#include "tests/leap.h"

#define MAX 4
#define KEEP (100 * SECOND) /* much longer than the test takes, however slow */

static struct event_base *base;
static struct relay *relay;
static int server, listener, libunbound;
static struct sockaddr_storage last; /* who asked the server last */

static const uint8_t question[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0\3www\4test\0\0\1\0\1";
#define QUESTION (sizeof(question) - 1)

static int setup(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct server_address address;
	struct udp_relay_config config = {.server = &address, .text = "server", .max = MAX};
	socklen_t len = sizeof(at);

	(void)state;
	base = event_base_new();
	listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	server = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(server, (struct sockaddr *)&at, len), 0);
	address.len = len;
	memcpy(&address.addr, &at, len);
	assert_int_equal(udp_relay_create(base, &config, &relay), 0);
	libunbound = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(connect(libunbound, (struct sockaddr *)&relay->at.addr, relay->at.len), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	relay_destroy(relay);
	event_base_free(base);
	close(server);
	close(listener);
	close(libunbound);
	return 0;
}

static void turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static void ask(uint8_t id, bool checking_disabled)
{
	uint8_t message[QUESTION];

	memcpy(message, question, QUESTION);
	message[1] = id;
	message[3] = checking_disabled ? 0x10 : 0;
	assert_int_equal(send(libunbound, message, QUESTION, 0), QUESTION);
	turn();
}

/* What has come to the server, or to libunbound; 0: nothing. */
static size_t received(int fd, uint8_t *ret_message)
{
	socklen_t len = sizeof(last);
	ssize_t n = recvfrom(fd, ret_message, 512, 0, (struct sockaddr *)&last, &len);

	return n < 0 ? 0 : (size_t)n;
}

static void reply(uint8_t *message, size_t len, uint8_t flags, uint8_t rcode)
{
	message[2] |= 0x80 | flags;
	message[3] = (uint8_t)((message[3] & 0x10) | 0x80 | rcode);
	assert_int_equal(sendto(server, message, len, 0, (struct sockaddr *)&last,
				 sizeof(struct sockaddr_in)),
		len);
	turn();
}

static void expect_reply(uint8_t id, uint8_t rcode)
{
	uint8_t message[512];

	assert_int_equal(received(libunbound, message), QUESTION);
	assert_int_equal(message[0], 0x12);
	assert_int_equal(message[1], id);
	assert_int_equal(message[3] & 0xf, rcode);
	assert_memory_equal(message + 12, question + 12, QUESTION - 12);
}

static void expect_nothing(int fd)
{
	uint8_t message[512];

	assert_int_equal(received(fd, message), 0);
}

static void each_has_a_port_and_an_id(void **state)
{
	uint8_t message[512];
	uint32_t ways[MAX];

	(void)state;
	for (uint8_t i = 0; i < MAX; i++) {
		ask(i, false);
		assert_int_equal(received(server, message), QUESTION);
		ways[i] = (uint32_t)((struct sockaddr_in *)&last)->sin_port << 16 |
			  (uint32_t)(message[0] << 8 | message[1]);
		for (uint8_t k = 0; k < i; k++)
			assert_int_not_equal(ways[i], ways[k]);
	}
	assert_int_equal(relay->counters.dropped, 0);
	ask(MAX, false); /* there is no place */
	expect_nothing(server);
	assert_int_equal(relay->counters.dropped, 1);
	reply(message, QUESTION, 0, 0);
	expect_reply(MAX - 1, 0);
	ask(MAX, false);
	assert_int_equal(received(server, message), QUESTION);
}

static void guesses_are_no_answers(void **state)
{
	uint8_t message[512], wrong[512];

	(void)state;
	ask(1, false);
	assert_int_equal(received(server, message), QUESTION);
	memcpy(wrong, message, QUESTION);
	wrong[1] ^= 1;
	reply(wrong, QUESTION, 0, 0);
	memcpy(wrong, message, QUESTION);
	wrong[13] = 'v';
	reply(wrong, QUESTION, 0, 0);
	memcpy(wrong, message, QUESTION);
	reply(wrong, 11, 0, 0);
	expect_nothing(libunbound);
	reply(message, QUESTION, 0, 3);
	expect_reply(1, 3);
}

static void silence_costs_two_packets(void **state)
{
	uint8_t message[512], again[512];

	(void)state;
	ask(1, false);
	assert_int_equal(received(server, message), QUESTION);
	leap(base, 400000);
	expect_nothing(server);
	leap(base, 200000);
	assert_int_equal(received(server, again), QUESTION);
	assert_memory_equal(message, again, QUESTION);
	leap(base, 2300000);
	expect_nothing(server);
	expect_nothing(libunbound);
	leap(base, 200000);
	expect_reply(1, 2);
	ask(2, true); /* as libunbound does then */
	expect_reply(2, 2);
	ask(3, false); /* somebody's new question */
	assert_int_equal(received(server, again), QUESTION);
	leap(base, 4000000);
	assert_int_equal(received(server, again), QUESTION);
	expect_nothing(server);
}

static void what_is_late_counts(void **state)
{
	uint8_t message[512];

	(void)state;
	ask(1, false);
	assert_int_equal(received(server, message), QUESTION);
	leap(base, 2900000);
	reply(message, QUESTION, 0, 0);
	expect_reply(1, 0);
}

static void a_failure_leaves_one(void **state)
{
	uint8_t message[512];

	(void)state;
	ask(1, false);
	assert_int_equal(received(server, message), QUESTION);
	reply(message, QUESTION, 0, 2);
	expect_reply(1, 2);
	ask(2, true);
	assert_int_equal(received(server, message), QUESTION);
	assert_int_equal(message[3], 0x10);
	leap(base, 2900000); /* nor is that sent again */
	expect_nothing(server);
	leap(base, 200000);
	expect_reply(2, 2);
	leap(base, 600000); /* it is forgotten */
	ask(3, true);
	assert_int_equal(received(server, message), QUESTION);
}

static int truncated(void)
{
	uint8_t message[512];
	int fd;

	ask(1, false);
	assert_int_equal(received(server, message), QUESTION);
	reply(message, QUESTION, 2, 0);
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	assert_true(fd >= 0);
	turn();
	return fd;
}

static void what_is_cut_comes_whole(void **state)
{
	uint8_t framed[512];
	int fd = truncated();

	(void)state;
	expect_nothing(libunbound);
	assert_int_equal(recv(fd, framed, sizeof(framed), 0), 2 + QUESTION);
	assert_int_equal(framed[0] << 8 | framed[1], QUESTION);
	framed[4] |= 0x80;
	for (size_t i = 0; i < 2 + QUESTION; i++) {
		expect_nothing(libunbound);
		assert_int_equal(send(fd, framed + i, 1, 0), 1);
		turn();
	}
	expect_reply(1, 0);
	close(fd);
}

/* As bytes behind a length; none: it says nothing, and closes. */
static void over_tcp(const char *bytes, size_t len)
{
	int fd = truncated();

	if (len)
		assert_int_equal(send(fd, bytes, len, 0), len);
	turn();
	close(fd);
	turn();
	expect_reply(1, 2);
	leap(base, 1000000);
}

static void streams_that_say_nothing(void **state)
{
	uint8_t message[512];
	int fd;

	(void)state;
	over_tcp("", 0);
	over_tcp("\0", 1);
	over_tcp("\0\0", 2);
	over_tcp("\0\5abcde", 7);
	fd = truncated(); /* it never says anything */
	leap(base, 1900000);
	expect_nothing(libunbound);
	leap(base, 200000);
	expect_reply(1, 2);
	close(fd);
	close(listener);
	listener = -1;
	ask(1, false); /* nobody listens */
	assert_int_equal(received(server, message), QUESTION);
	reply(message, QUESTION, 2, 0);
	turn();
	expect_reply(1, 2);
}

static void a_connection_has_its_id_too(void **state)
{
	uint8_t framed[512];
	int fd = truncated();

	(void)state;
	assert_int_equal(recv(fd, framed, sizeof(framed), 0), 2 + QUESTION);
	framed[3] ^= 1;
	framed[4] |= 0x80;
	assert_int_equal(send(fd, framed, 2 + QUESTION, 0), 2 + QUESTION);
	turn();
	expect_reply(1, 2);
	close(fd);
}

static void it_ends_with_all_under_way(void **state)
{
	int fd = truncated();

	(void)state;
	ask(2, false);
	close(fd); /* teardown does the rest, under ASan and valgrind */
}

/* Two contexts of libunbound ask while it is found out what the server is. */
static void what_is_kept_is_not_asked_again(void **state)
{
	uint8_t message[512];

	(void)state;
	udp_relay_keep(relay, clock_monotonic() + KEEP);
	ask(1, false);
	assert_int_equal(received(server, message), QUESTION);
	ask(2, true); /* under way */
	ask(3, false);
	expect_nothing(server);
	reply(message, QUESTION, 0, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(received(libunbound, message), QUESTION);
	expect_nothing(libunbound);
	ask(4, true); /* answered */
	ask(5, false);
	expect_nothing(server);
	expect_reply(4, 3);
	expect_reply(5, 3);
	leap(base, KEEP);
	ask(6, false);
	assert_int_equal(received(server, message), QUESTION);
}

/* What was said to one who leaves nothing to the server is for nobody else; and SERVFAIL is none.
 */
static void what_is_not_checked_is_not_kept_for_others(void **state)
{
	uint8_t message[512];

	(void)state;
	udp_relay_keep(relay, clock_monotonic() + KEEP);
	ask(1, true);
	assert_int_equal(received(server, message), QUESTION);
	reply(message, QUESTION, 0, 0);
	expect_reply(1, 0);
	ask(2, false);
	assert_int_equal(received(server, message), QUESTION);
	reply(message, QUESTION, 0, 2);
	expect_reply(2, 2);
	ask(3, true);
	expect_nothing(server);
	expect_reply(3, 0);
	ask(4, false);
	assert_int_equal(received(server, message), QUESTION);
}

/* SERVFAIL may be for what the server holds bogus: who checks himself asks for the data. */
static void who_followed_a_failure_asks_himself(void **state)
{
	uint8_t message[512], again[512];

	(void)state;
	udp_relay_keep(relay, clock_monotonic() + KEEP);
	ask(1, false);
	assert_int_equal(received(server, message), QUESTION);
	ask(2, true);
	ask(3, false);
	expect_nothing(server);
	reply(message, QUESTION, 0, 2);
	expect_reply(3, 2);
	expect_reply(1, 2);
	expect_nothing(libunbound);
	assert_int_equal(received(server, again), QUESTION);
	assert_int_equal(again[3] & 0x10, 0x10);
	reply(again, QUESTION, 0, 0);
	expect_reply(2, 0);
}

/* Whom nothing is said to, with all who wait for the same. */
static void who_followed_silence_is_told(void **state)
{
	uint8_t message[512];

	(void)state;
	udp_relay_keep(relay, clock_monotonic() + KEEP);
	ask(1, false);
	ask(2, true);
	assert_int_equal(received(server, message), QUESTION);
	leap(base, 1000000);
	assert_int_equal(received(server, message), QUESTION);
	leap(base, 3000000);
	expect_reply(2, 2);
	expect_reply(1, 2);
	expect_nothing(server);
}

/* Ended with followers (valgrind and ASan see what is left). */
static void it_ends_with_who_follows(void **state)
{
	(void)state;
	udp_relay_keep(relay, clock_monotonic() + KEEP);
	ask(1, false);
	ask(2, true);
	ask(3, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_has_a_port_and_an_id, setup, teardown),
		cmocka_unit_test_setup_teardown(guesses_are_no_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(silence_costs_two_packets, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_late_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failure_leaves_one, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_cut_comes_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(streams_that_say_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_connection_has_its_id_too, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_kept_is_not_asked_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_not_checked_is_not_kept_for_others, setup, teardown),
		cmocka_unit_test_setup_teardown(
			who_followed_a_failure_asks_himself, setup, teardown),
		cmocka_unit_test_setup_teardown(who_followed_silence_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(it_ends_with_who_follows, setup, teardown),
		cmocka_unit_test_setup_teardown(it_ends_with_all_under_way, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
