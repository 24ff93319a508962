/* HTTP/2 with one server: which connection has which request, what goes out together, and what
 * happens when connections end or nothing comes. The link is played here; time leaps. */
#undef NDEBUG
#include "resolver/http2_client.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <nghttp2/nghttp2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/server_address.h"
#include "resolver/tls_link.h"
#include "tests/leap.h"
#include "tests/resolver/http2_frames.h"

/* ---- connections that have had many requests ---- */

#define LAST_STREAM INT32_MAX /* RFC 9113, 5.1.1: 31 bits, and odd ones are the client's */
static int32_t first_stream = 1;

int __real_nghttp2_session_client_new2(nghttp2_session **ng,
	const nghttp2_session_callbacks *callbacks, void *ctx, const nghttp2_option *option);
int __wrap_nghttp2_session_client_new2(nghttp2_session **ng,
	const nghttp2_session_callbacks *callbacks, void *ctx, const nghttp2_option *option);
int __wrap_nghttp2_session_client_new2(nghttp2_session **ng,
	const nghttp2_session_callbacks *callbacks, void *ctx, const nghttp2_option *option)
{
	int e = __real_nghttp2_session_client_new2(ng, callbacks, ctx, option);
	if (e == 0 && first_stream > 1)
		assert_int_equal(nghttp2_session_set_next_stream_id(*ng, first_stream), 0);
	return e;
}

/* ---- links, in the order in which they were made ---- */

struct tls_link {
	struct tls_link_config config;
	struct evbuffer *out;
	unsigned sends;
	size_t most; /* that was in `out` */
	bool destroyed;
};
#define LINKS_MAX 16
static struct tls_link links[LINKS_MAX];
static unsigned links_len;
static int link_error;
static bool speaks_h2;
static bool deaf; /* what is sent is not taken */

int __wrap_tls_link_create(const struct tls_link_config *, struct tls_link **);
void __wrap_tls_link_destroy(struct tls_link *);
struct evbuffer *__wrap_tls_link_out(struct tls_link *);
void __wrap_tls_link_send(struct tls_link *);
bool __wrap_tls_link_speaks(const struct tls_link *, const char *);
bool __wrap_tls_link_resumed(const struct tls_link *);

int __wrap_tls_link_create(const struct tls_link_config *config, struct tls_link **ret_link)
{
	struct tls_link *link = &links[links_len];
	if (link_error)
		return link_error;
	assert_true(links_len < LINKS_MAX);
	*link = (struct tls_link){.config = *config, .out = evbuffer_new()};
	links_len++;
	*ret_link = link;
	return 0;
}

void __wrap_tls_link_destroy(struct tls_link *link)
{
	if (!link)
		return;
	assert_false(link->destroyed);
	link->destroyed = true;
	evbuffer_free(link->out);
}

struct evbuffer *__wrap_tls_link_out(struct tls_link *link)
{
	return link->out;
}

void __wrap_tls_link_send(struct tls_link *link)
{
	assert_false(link->destroyed);
	link->sends += evbuffer_get_length(link->out) > 0;
	if (evbuffer_get_length(link->out) > link->most)
		link->most = evbuffer_get_length(link->out);
	if (!deaf)
		evbuffer_drain(link->out, evbuffer_get_length(link->out));
}

bool __wrap_tls_link_speaks(const struct tls_link *link, const char *protocol)
{
	(void)link;
	assert_string_equal(protocol, "h2");
	return speaks_h2;
}

/* All but the first. */
bool __wrap_tls_link_resumed(const struct tls_link *link)
{
	return link != links;
}

/* ---- who asks ---- */

static struct event_base *base;
static struct http2_client *client;
static unsigned others, told, with[6], connections, resumed; /* with: by outcome */
static char why[HTTP_CLIENT_WHY_MAX], body[16];
static unsigned again; /* what is told asks so many times again */
static struct http2_ask *ask;

static void on_reply(void *ctx, const struct http_reply *reply);
static const struct http_ask what = {.path = "/q", .type = "a/b", .fn = on_reply};

static void on_reply(void *ctx, const struct http_reply *reply)
{
	(void)ctx;
	told++;
	with[reply->outcome]++;
	connections += reply->connections;
	resumed += reply->resumed;
	snprintf(why, sizeof(why), "%s", reply->why);
	snprintf(body, sizeof(body), "%.*s", (int)reply->len, (const char *)reply->body);
	if (again) {
		again--;
		assert_int_equal(http2_client_ask(client, &what, &ask), 0);
	}
}

static void on_other(void *ctx)
{
	(void)ctx;
	others++;
}

static int begin(void **state)
{
	static const struct server_address server;
	(void)state;
	base = event_base_new();
	links_len = others = told = connections = resumed = again = 0;
	link_error = 0;
	speaks_h2 = true;
	deaf = false;
	memset(with, 0, sizeof(with));
	struct http2_client_config config = {
		.base = base, .server = &server, .authority = "dns.test", .other = on_other};
	return http2_client_create(&config, &client);
}

static int end(void **state)
{
	(void)state;
	http2_client_destroy(client);
	for (unsigned i = 0; i < links_len; i++)
		if (!links[i].destroyed)
			return -1;
	event_base_free(base);
	return 0;
}

static void turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static void asks(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(http2_client_ask(client, &what, &ask), 0);
	turn();
}

static void frame(
	unsigned link, uint8_t type, uint8_t flags, uint32_t id, const void *payload, size_t len)
{
	static uint8_t bytes[FRAME2_MAX];
	struct tls_link *l = &links[link];
	size_t n = frame2(bytes, type, flags, id, payload, len);
	assert_false(l->destroyed);
	if (l->config.bytes(l->config.ctx, bytes, n) < 0)
		l->config.ended(l->config.ctx, "Protocol error"); /* as tls_link does */
	turn();
}
#define FRAME(link, type, flags, id, text) frame(link, type, flags, id, text, sizeof(text) - 1)

static void opens(unsigned link, uint8_t streams)
{
	const uint8_t most[] = {0, 3, 0, 0, 0, streams};
	links[link].config.opened(links[link].config.ctx);
	turn();
	frame(link, SETTINGS, 0, 0, most, sizeof(most));
}

static void answers(unsigned link, uint32_t id)
{
	FRAME(link, HEADERS, END_HEADERS, id, OK TYPE);
	FRAME(link, DATA, END_STREAM, id, "reply");
}

static void ends(unsigned link, const char *because)
{
	links[link].config.ended(links[link].config.ctx, because);
	turn();
}

/* ---- the tests ---- */

/* What is asked in one turn of the loop goes out in one piece, over one connection. */
static void test_together(void **state)
{
	(void)state;
	asks(50);
	assert_int_equal(links_len, 1);
	opens(0, 100);
	assert_int_equal(links[0].sends, 2); /* all of them; and that its settings are known */
	asks(40);
	assert_int_equal(links[0].sends, 3);
	for (uint32_t i = 0; i < 90; i++)
		answers(0, 2 * i + 1);
	assert_int_equal(with[HTTP_REPLIED], 90);
	assert_string_equal(body, "reply");
	assert_int_equal(connections, 1);
	assert_int_equal(links_len, 1);
}

/* What a server takes no more of waits, in its order, and takes no harm when it ends. */
static void test_narrow(void **state)
{
	struct http2_ask *waits;
	(void)state;
	asks(1);
	opens(0, 2);
	asks(3);
	waits = ask;
	http2_client_cancel(waits);
	answers(0, 1);
	answers(0, 3);
	answers(0, 5);
	assert_int_equal(with[HTTP_REPLIED], 3);
	asks(4);
	ends(0, "reset");
	assert_int_equal(with[HTTP_LOST], 2);
	assert_string_equal(why, "reset");
	assert_int_equal(links_len, 2); /* for the two others */
	opens(1, 2);
	answers(1, 1);
	answers(1, 3);
	assert_int_equal(with[HTTP_REPLIED], 5);
}

static void test_unreachable(void **state)
{
	(void)state;
	asks(3);
	again = 3;
	ends(0, "refused");
	assert_int_equal(with[HTTP_UNREACHABLE], 3);
	assert_string_equal(why, "refused");
	/* Who asks again at once has another try, and one only. */
	assert_int_equal(links_len, 2);
	ends(1, "refused");
	assert_int_equal(with[HTTP_UNREACHABLE], 6);
	assert_int_equal(links_len, 2);
	link_error = -ENETUNREACH;
	asks(2);
	assert_int_equal(with[HTTP_UNREACHABLE], 8);
	assert_string_equal(why, strerror(ENETUNREACH));
	assert_int_equal(connections, 0);
}

static void test_other(void **state)
{
	(void)state;
	speaks_h2 = false;
	asks(2);
	links[0].config.opened(links[0].config.ctx);
	assert_int_equal(others, 1);
	assert_int_equal(with[HTTP_LOST], 2);
	assert_true(links[0].destroyed);
	turn();
	assert_int_equal(links_len, 1);
}

/* It ends what it has while the next begins. */
static void test_farewell(void **state)
{
	(void)state;
	asks(3);
	opens(0, 100);
	FRAME(0, GOAWAY, 0, 0, "\0\0\0\3\0\0\0\0");
	assert_int_equal(with[HTTP_LOST], 1); /* the third is not looked at */
	asks(1);
	assert_int_equal(links_len, 2);
	opens(1, 100);
	answers(0, 1);
	assert_false(links[0].destroyed);
	answers(0, 3);
	assert_true(links[0].destroyed);
	answers(1, 1);
	assert_int_equal(with[HTTP_REPLIED], 3);
	assert_false(links[1].destroyed);
	/* One that says so faster than it answers loses what it has. */
	for (unsigned i = 1; i < 8; i++) {
		asks(1);
		if (i > 1)
			opens(i, 100);
		frame(i, GOAWAY, 0, 0, i == 1 ? "\0\0\0\3\0\0\0\0" : "\0\0\0\1\0\0\0\0", 8);
	}
	unsigned open = 0;
	for (unsigned i = 0; i < links_len; i++)
		open += !links[i].destroyed;
	assert_int_equal(open, 4);
	assert_int_equal(with[HTTP_LOST], 1 + 3);
}

/* What has a number is answered where it was asked; what has none any more, by the next one. */
static void test_numbers_run_out(void **state)
{
	(void)state;
	first_stream = LAST_STREAM - 2;
	asks(3);
	first_stream = 1;
	opens(0, 100);
	assert_int_equal(links_len, 2);
	opens(1, 100);
	answers(1, 1);
	assert_int_equal(with[HTTP_REPLIED], 1);
	assert_false(links[0].destroyed);
	answers(0, LAST_STREAM - 2);
	assert_false(links[0].destroyed);
	answers(0, LAST_STREAM);
	assert_true(links[0].destroyed);
	asks(1);
	answers(1, 3);
	assert_int_equal(with[HTTP_REPLIED], 4);
	assert_int_equal(links_len, 2);
}

static void test_garbage(void **state)
{
	(void)state;
	asks(2);
	opens(0, 100);
	FRAME(0, DATA, 0, 0, "a body of nothing");
	assert_true(links[0].destroyed);
	assert_int_equal(with[HTTP_LOST], 2);
	assert_string_equal(why, "what it sends is no HTTP");
	/* A flood, in one piece. */
	static uint8_t pings[2000 * 17];
	size_t len = 0;
	for (int i = 0; i < 2000; i++)
		len += frame2(pings + len, PING, 0, 0, "12345678", 8);
	asks(1);
	assert_int_equal(links_len, 2);
	opens(1, 100);
	assert_int_equal(links[1].config.bytes(links[1].config.ctx, pings, len), -EPROTO);
	ends(1, "Protocol error");
	assert_int_equal(with[HTTP_LOST], 3);
	assert_string_equal(why, "what it sends is no HTTP");
	assert_int_equal(links_len, 2);
}

/* A server that pings and hears nothing: what it is owed does not pile up. */
static void test_deaf(void **state)
{
	unsigned n = 0;
	(void)state;
	asks(1);
	opens(0, 100);
	deaf = true;
	while (!links[0].destroyed && n++ < 100000)
		FRAME(0, PING, 0, 0, "12345678");
	assert_true(links[0].destroyed);
	assert_in_range(links[0].most, 100000, 300000);
	assert_int_equal(with[HTTP_LOST], 1);
	assert_string_equal(why, "what it sends is no HTTP");
}

/* Over a connection over which nothing comes nothing else does: it is not used any more. */
static void test_silent(void **state)
{
	(void)state;
	asks(1);
	opens(0, 100);
	leap(base, LEAP_SECOND);
	asks(1);
	leap(base, LEAP_SECOND * 3);
	assert_int_equal(told, 0);
	leap(base, LEAP_SECOND * 2);
	assert_int_equal(with[HTTP_SILENT], 1);
	assert_int_equal(with[HTTP_LOST], 1);
	assert_string_equal(why, "timeout");
	assert_true(links[0].destroyed);
	/* One that says nothing even to who connects is the link's affair. */
	asks(1);
	assert_int_equal(links_len, 2);
	ends(1, "timeout");
	assert_int_equal(with[HTTP_UNREACHABLE], 1);
}

/* But where others were answered since, it is the question that is slow. */
static void test_slow(void **state)
{
	(void)state;
	asks(2);
	opens(0, 100);
	leap(base, LEAP_SECOND);
	answers(0, 3);
	leap(base, LEAP_SECOND * 5);
	assert_int_equal(with[HTTP_SLOW], 1);
	assert_false(links[0].destroyed);
	answers(0, 1); /* too late: it is nobody's */
	assert_int_equal(told, 2);
}

static void test_idle(void **state)
{
	(void)state;
	asks(1);
	opens(0, 100);
	answers(0, 1);
	leap(base, LEAP_SECOND * 19);
	assert_false(links[0].destroyed);
	leap(base, LEAP_SECOND * 2);
	assert_true(links[0].destroyed);
	asks(1);
	assert_int_equal(links_len, 2);
	opens(1, 100);
	answers(1, 1);
	ends(1, "reset"); /* a server that was first: nobody is told */
	assert_int_equal(told, 2);
	assert_int_equal(connections, 2);
	assert_int_equal(resumed, 1);
	assert_int_equal(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 1);
	leap(base, LEAP_SECOND);
	assert_int_equal(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
}

/* With requests that wait, are under way, and of a connection that ends what it has. */
static void test_end(void **state)
{
	(void)state;
	asks(1);
	opens(0, 1);
	FRAME(0, GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0");
	asks(2);
	opens(1, 1);
	assert_int_equal(told, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_together),
		TEST(test_narrow),
		TEST(test_unreachable),
		TEST(test_other),
		TEST(test_farewell),
		TEST(test_numbers_run_out),
		TEST(test_garbage),
		TEST(test_deaf),
		TEST(test_silent),
		TEST(test_slow),
		TEST(test_idle),
		TEST(test_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
