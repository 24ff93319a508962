/* The relay to a server over TLS, whose connection is played here. */
#undef NDEBUG
#include "resolver/tls_relay.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>

#include "resolver/tls_link.h"
#include "tests/resolver/relay_fixture.h"

/* ---- the connection: one at a time ---- */

struct tls_link {
	struct tls_link_config config;
	struct evbuffer *out;
};
static struct tls_link link_now; /* out NULL: there is none */
static unsigned links;

int __wrap_tls_link_create(const struct tls_link_config *, struct tls_link **);
void __wrap_tls_link_destroy(struct tls_link *);
struct evbuffer *__wrap_tls_link_out(struct tls_link *);
void __wrap_tls_link_send(struct tls_link *);
bool __wrap_tls_link_resumed(const struct tls_link *);

int __wrap_tls_link_create(const struct tls_link_config *config, struct tls_link **ret_link)
{
	assert_null(link_now.out);
	links++;
	link_now = (struct tls_link){.config = *config, .out = evbuffer_new()};
	*ret_link = &link_now;
	return 0;
}

void __wrap_tls_link_destroy(struct tls_link *link)
{
	if (!link)
		return;
	evbuffer_free(link->out);
	link->out = NULL;
}

struct evbuffer *__wrap_tls_link_out(struct tls_link *link)
{
	return link->out;
}

void __wrap_tls_link_send(struct tls_link *link)
{
	assert_ptr_equal(link, &link_now);
}

bool __wrap_tls_link_resumed(const struct tls_link *link)
{
	(void)link;
	return true;
}

static void opens(void)
{
	link_now.config.opened(link_now.config.ctx);
	turn();
}

static void ends(const char *why)
{
	link_now.config.ended(link_now.config.ctx, why);
	turn();
}

static int comes(const void *bytes, size_t len)
{
	int r = link_now.config.bytes(link_now.config.ctx, bytes, len);
	turn();
	return r;
}

/* The next question that was sent: its id on the connection, and its byte. */
static void sent(uint8_t ret_id[3])
{
	uint8_t message[2 + QUESTION_LEN];
	assert_non_null(link_now.out);
	assert_int_equal(evbuffer_remove(link_now.out, message, sizeof(message)), sizeof(message));
	assert_int_equal(message[0] << 8 | message[1], QUESTION_LEN);
	assert_memory_equal(message + 14, "\3www\4", 5);
	memcpy(ret_id, message + 2, 2);
	ret_id[2] = message[2 + OF_ID];
}

static bool sent_nothing(void)
{
	return !link_now.out || evbuffer_get_length(link_now.out) == 0;
}

static void framed(const uint8_t id[3], uint8_t letter, uint8_t ret[2 + QUESTION_LEN])
{
	ret[0] = 0;
	ret[1] = QUESTION_LEN;
	write_reply(id, letter, id[2], ret + 2);
}

static int begin(void **state)
{
	(void)state;
	links = 0;
	return relay_begin("tls://127.0.0.1#dns.test", tls_relay_create);
}

/* ---- the tests ---- */

/* Questions wait for the connection, answers come in any order and in any pieces. */
static void test_pieces(void **state)
{
	uint8_t id[3][3], bytes[3 * (2 + QUESTION_LEN)];
	(void)state;
	for (uint8_t i = 0; i < 3; i++)
		ask(i);
	assert_int_equal(links, 1);
	assert_true(sent_nothing());
	opens();
	for (int i = 0; i < 3; i++)
		sent(id[i]);
	for (int i = 0; i < 3; i++) /* the last first, and in another case */
		framed(id[2 - i], 'W', bytes + i * (2 + QUESTION_LEN));
	for (size_t i = 0; i < sizeof(bytes); i++)
		assert_int_equal(comes(bytes + i, 1), 0);
	for (int i = 2; i >= 0; i--)
		assert_int_equal(heard(), ANSWERED(i));
	assert_int_equal(relay->counters.answers, 3);
	assert_int_equal(relay->counters.connections, 1);
	assert_int_equal(relay->counters.resumed, 1);
	/* All of them at once. */
	for (uint8_t i = 0; i < 3; i++) {
		ask(i);
		sent(id[i]);
		framed(id[i], 'w', bytes + i * (2 + QUESTION_LEN));
	}
	assert_int_equal(comes(bytes, sizeof(bytes)), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(heard(), ANSWERED(i));
	assert_int_equal(links, 1);
}

static void test_hostile(void **state)
{
	static uint8_t large[2 + 65535];
	uint8_t id[3], bytes[2 + QUESTION_LEN];
	(void)state;
	ask(1);
	opens();
	sent(id);
	/* An id that is none of ours, another name, another type, no reply: passed over. */
	id[1] ^= 1;
	framed(id, 'w', bytes);
	assert_int_equal(comes(bytes, sizeof(bytes)), 0);
	id[1] ^= 1;
	framed(id, 'x', bytes);
	assert_int_equal(comes(bytes, sizeof(bytes)), 0);
	framed(id, 'w', bytes);
	bytes[2 + QUESTION_LEN - 3] = 28;
	assert_int_equal(comes(bytes, sizeof(bytes)), 0);
	framed(id, 'w', bytes);
	bytes[4] &= 0x7f;
	assert_int_equal(comes(bytes, sizeof(bytes)), 0);
	/* The largest message, in the largest pieces. */
	large[0] = large[1] = 0xff;
	for (size_t at = 0; at < sizeof(large); at += TLS_LINK_PIECE) {
		size_t n = sizeof(large) - at;
		assert_int_equal(comes(large + at, n < TLS_LINK_PIECE ? n : TLS_LINK_PIECE), 0);
	}
	assert_int_equal(heard(), -1);
	framed(id, 'w', bytes);
	assert_int_equal(comes(bytes, sizeof(bytes)), 0);
	assert_int_equal(heard(), ANSWERED(1));
	assert_int_equal(comes(bytes, sizeof(bytes)), 0); /* and once more: it is nobody's */
	assert_int_equal(heard(), -1);
	/* Shorter than a header: no DNS. */
	assert_int_equal(comes("\0\x0b", 2), -EBADMSG);
}

/* What was under way is asked again over another connection, but not for ever. */
static void test_lost(void **state)
{
	uint8_t id[3];
	(void)state;
	ask(1);
	opens();
	for (unsigned i = 0; i < 3; i++) {
		sent(id);
		ends("reset");
		assert_int_equal(links, i + 2);
		assert_int_equal(heard(), -1);
		opens();
	}
	assert_int_equal(relay->counters.again, 3);
	sent(id);
	ends("reset");
	assert_int_equal(heard(), REFUSED(1));
	assert_int_equal(links, 4);
	assert_string_equal(relay->why, "reset");
	/* One that was idle is no loss. */
	leap(base, SECOND);
	ask(2);
	assert_int_equal(links, 5);
	opens();
	sent(id);
	uint8_t bytes[2 + QUESTION_LEN];
	framed(id, 'w', bytes);
	comes(bytes, sizeof(bytes));
	assert_int_equal(heard(), ANSWERED(2));
	assert_string_equal(relay->why, "");
	ends("reset");
	assert_int_equal(links, 5);
	assert_string_equal(relay->why, "");
}

/* Whoever waits is refused at once, and so is who comes, until it is time to try again. */
static void test_unreachable(void **state)
{
	(void)state;
	ask(1);
	ask(2);
	ends("refused");
	assert_int_equal(heard(), REFUSED(1));
	assert_int_equal(heard(), REFUSED(2));
	assert_int_equal(lines, 1);
	ask(3);
	assert_int_equal(heard(), REFUSED(3));
	assert_int_equal(links, 1);
	for (unsigned i = 0, ms = 250; i < 8; i++, ms = ms < 8000 ? ms * 2 : ms) {
		leap(base, (ms - 50) * 1000);
		ask(4);
		assert_int_equal(heard(), REFUSED(4));
		leap(base, 100 * 1000);
		ask(5);
		assert_int_equal(links, i + 2);
		ends("refused");
		assert_int_equal(heard(), REFUSED(5));
	}
	assert_int_equal(lines, 1); /* it is said once */
}

static void test_silent(void **state)
{
	(void)state;
	ask(1);
	opens();
	leap(base, 3 * SECOND);
	ask(2);
	leap(base, 3 * SECOND);
	/* The first is lost, nothing came since: the connection is of no use. */
	assert_int_equal(heard(), REFUSED(2));
	assert_string_equal(relay->why, "timeout");
	assert_null(link_now.out);
	assert_int_equal(relay->counters.dropped, 1);
}

static void test_idle(void **state)
{
	uint8_t id[3], bytes[2 + QUESTION_LEN];
	(void)state;
	ask(1);
	opens();
	sent(id);
	framed(id, 'w', bytes);
	comes(bytes, sizeof(bytes));
	leap(base, 19 * SECOND);
	assert_non_null(link_now.out);
	leap(base, 2 * SECOND);
	assert_null(link_now.out);
}

/* No question, or another's: nothing is sent. */
static void test_no_question(void **state)
{
	(void)state;
	assert_int_equal(send(libunbound, "abc", 3, 0), 3);
	turn();
	assert_int_equal(relay->counters.dropped, 1);
	assert_int_equal(links, 0);
}

static void ask_many(unsigned from, unsigned to)
{
	uint8_t message[QUESTION_LEN];
	for (unsigned n = from; n < to; n++) { /* a name each */
		write_question((uint8_t)n, (uint8_t)(n >> 8), message);
		message[14] = (uint8_t)n;
		assert_int_equal(send(libunbound, message, sizeof(message), 0), sizeof(message));
	}
	event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* However much has come, the others have their turn; and a relay has its bound. */
static void test_pace(void **state)
{
	unsigned n = 100;
	(void)state;
	ask_many(0, n);
	assert_int_equal(relay->counters.questions, 64);
	turn();
	assert_int_equal(relay->counters.questions, n);
	for (; n < RELAY_QUERIES_MAX + 60; n += 64)
		ask_many(n, n + 64);
	assert_int_equal(relay->counters.questions, RELAY_QUERIES_MAX);
	assert_int_equal(relay->counters.dropped, n - RELAY_QUERIES_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, relay_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pieces),
		TEST(test_hostile),
		TEST(test_lost),
		TEST(test_unreachable),
		TEST(test_silent),
		TEST(test_idle),
		TEST(test_no_question),
		TEST(test_pace),
	};
	/* Nobody's certificate is looked at: no authority has to be read. */
	setenv("SSL_CERT_FILE", "/dev/null", 1);
	setenv("SSL_CERT_DIR", "/dev/null", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
