/* A relay of the node's, and who asks it over loopback as libunbound does. Time leaps. */
#ifndef TESTS_RESOLVER_RELAY_FIXTURE_H
#define TESTS_RESOLVER_RELAY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "resolver/clock.h"
#include "resolver/relay.h"
#include "tests/leap.h"

static struct event_base *base;
static struct relay *relay;
static struct upstream_word word;
static int libunbound;
static char said[512];
static unsigned lines;

static void say(void *ctx, const char *line)
{
	(void)ctx;
	lines++;
	snprintf(said, sizeof(said), "%s", line);
}

/* With the word of upstream= and what makes its relay. */
static int relay_begin(const char *text,
	int create(struct event_base *, const struct relay_config *, struct relay **))
{
	struct relay_config config = {.text = text, .word = &word, .say = say};
	const char *why;
	base = event_base_new();
	lines = 0;
	if (upstream_word_parse(text, &word, &why) < 0 || create(base, &config, &relay) < 0)
		return -1;
	libunbound = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return connect(libunbound, (struct sockaddr *)&relay->at.addr, relay->at.len);
}

static int relay_end(void **state)
{
	(void)state;
	relay_destroy(relay);
	close(libunbound);
	event_base_free(base);
	return 0;
}

static void turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

#define QUESTION_LEN 26
#define OF_ID 17 /* the byte in which names differ: what is under way is not asked again */
/* ww?.?est A, of that id, and by that. */
static void write_question(uint8_t id, uint8_t letter, uint8_t message[QUESTION_LEN])
{
	memcpy(message, "\x77\0\x01\0\0\1\0\0\0\0\0\0\3ww_\4test\0\0\1\0\1", QUESTION_LEN);
	message[1] = id;
	message[15] = letter;
	message[OF_ID] = (uint8_t)('a' + id % 26);
}

static void ask(uint8_t id)
{
	uint8_t message[QUESTION_LEN];
	write_question(id, 'w', message);
	assert_int_equal(send(libunbound, message, sizeof(message), 0), sizeof(message));
	turn();
}

/* The least reply there is, to a question with that byte, with an id of its own. */
static void write_reply(
	const uint8_t *id, uint8_t letter, uint8_t of_id, uint8_t message[QUESTION_LEN])
{
	write_question(0, letter, message);
	memcpy(message, id, 2);
	message[OF_ID] = of_id;
	message[2] = 0x81;
	message[3] = 0x80;
}

/* What has come for libunbound: the id's last byte and the rcode, as ID * 16 + rcode; -1: nothing.
 */
static int heard(void)
{
	uint8_t reply[PACKET_MAX];
	turn();
	ssize_t n = recv(libunbound, reply, sizeof(reply), MSG_DONTWAIT);
	if (n < 0)
		return -1;
	assert_true(n >= QUESTION_LEN && reply[0] == 0x77 && reply[2] & 0x80);
	reply[15] |= 0x20;
	assert_int_equal(reply[OF_ID], 'a' + reply[1] % 26);
	assert_memory_equal(reply + 12, "\3www\4", 5);
	return reply[1] * 16 + (reply[3] & 0xf);
}
#define ANSWERED(id) ((id)*16)
#define REFUSED(id) ((id)*16 + RCODE_SERVFAIL)

#endif
