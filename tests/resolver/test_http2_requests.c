/* Requests over HTTP/2, against nghttp2's own server, and against one that sends what it likes. */
#undef NDEBUG
#include <errno.h>
#include <event2/buffer.h>
#include <nghttp2/nghttp2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/http2_requests.h"
#include "tests/resolver/http2_frames.h"

#define SAID_MAX (1 << 16)

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

/* ---- a server that is well-behaved: what it was asked, as text ---- */

struct server {
	nghttp2_session *ng;
	char said[SAID_MAX];
	size_t len, read;
	const char *reply;
};

static void note(struct server *s, const void *bytes, size_t len)
{
	assert_true(s->len + len + 1 < SAID_MAX);
	memcpy(s->said + s->len, bytes, len);
	s->len += len;
	s->said[s->len] = '\0';
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
	size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *ctx)
{
	(void)ng;
	(void)frame;
	(void)flags;
	note(ctx, name, name_len);
	note(ctx, "=", 1);
	note(ctx, value, value_len);
	note(ctx, " ", 1);
	return 0;
}

static int on_data(
	nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *bytes, size_t len, void *ctx)
{
	(void)ng;
	(void)flags;
	(void)id;
	note(ctx, bytes, len);
	return 0;
}

static ssize_t read_reply(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t size,
	uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
	struct server *s = ctx;
	size_t len = strlen(s->reply);
	(void)ng;
	(void)id;
	(void)source;
	assert_true(len <= size);
	memcpy(buf, s->reply, len);
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)len;
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *ctx)
{
	static const nghttp2_nv head[] = {
		{(uint8_t *)":status", (uint8_t *)"200", 7, 3, 0},
		{(uint8_t *)"content-type", (uint8_t *)"application/dns-message", 12, 23, 0},
	};
	nghttp2_data_provider body = {.read_callback = read_reply};
	struct server *s = ctx;
	if (!s->reply || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM) ||
		(frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
		return 0;
	note(s, "\n", 1);
	return nghttp2_submit_response(ng, frame->hd.stream_id, head, 2, &body);
}

static void server_create(struct server *s, const char *reply, uint32_t streams)
{
	nghttp2_settings_entry most = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams};
	nghttp2_session_callbacks *callbacks;
	*s = (struct server){.reply = reply};
	assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	assert_int_equal(nghttp2_session_server_new(&s->ng, callbacks, s), 0);
	nghttp2_session_callbacks_del(callbacks);
	assert_int_equal(nghttp2_submit_settings(s->ng, 0, &most, 1), 0);
}

static void to_server(struct http2_requests *r, struct server *s)
{
	struct evbuffer *out = evbuffer_new();
	assert_int_equal(http2_requests_put(r, out), 0);
	size_t len = evbuffer_get_length(out);
	assert_int_equal(nghttp2_session_mem_recv(s->ng, evbuffer_pullup(out, -1), len), len);
	evbuffer_free(out);
}

static void to_client(struct http2_requests *r, struct server *s)
{
	const uint8_t *bytes;
	ssize_t n;
	while ((n = nghttp2_session_mem_send(s->ng, &bytes)) > 0)
		assert_int_equal(http2_requests_take(r, bytes, (size_t)n), 0);
	assert_int_equal(n, 0);
}

/* ---- a server that is not: frames as it likes ---- */

static int frame(struct http2_requests *r, uint8_t type, uint8_t flags, uint32_t id,
	const void *payload, size_t len)
{
	static uint8_t bytes[FRAME2_MAX];
	return http2_requests_take(r, bytes, frame2(bytes, type, flags, id, payload, len));
}

#define FRAME(r, type, flags, id, text) frame(r, type, flags, id, text, sizeof(text) - 1)
static const struct http_ask get = {.path = "/a", .type = "a/b"};
static const struct http_ask post = {
	.path = "/p", .type = "a/b", .body = (const uint8_t *)"body", .len = 4};
static const struct http_ask put = {
	.path = "/u", .type = "c/d", .body = (const uint8_t *)"put", .len = 3, .puts = true};

static struct http2_requests *create(void)
{
	struct http2_requests *r;
	assert_int_equal(http2_requests_create("dns.test:8443", &r), 0);
	return r;
}

/* Is what it has to say taken, and what does it amount to? */
static int drain(struct http2_requests *r, size_t *ret_len)
{
	struct evbuffer *out = evbuffer_new();
	int e = http2_requests_put(r, out);
	if (ret_len)
		*ret_len = evbuffer_get_length(out);
	evbuffer_free(out);
	return e;
}

static struct http2_requests *shaken(void)
{
	struct http2_requests *r = create();
	assert_int_equal(drain(r, NULL), 0);
	assert_int_equal(FRAME(r, SETTINGS, 0, 0, ""), 0);
	assert_int_equal(FRAME(r, SETTINGS, ACK, 0, ""), 0);
	assert_int_equal(drain(r, NULL), 0);
	return r;
}

static void asks(struct http2_requests *r, struct http2_request *q, const struct http_ask *ask)
{
	*q = (struct http2_request){.ask = ask};
	assert_int_equal(http2_requests_ask(r, q), 0);
	assert_int_equal(drain(r, NULL), 0);
}

static void is_ended(struct http2_requests *r, struct http2_request *q, enum http_outcome outcome,
	const char *why)
{
	assert_ptr_equal(http2_requests_next(r), q);
	assert_int_equal(q->outcome, outcome);
	assert_string_equal(q->why, why);
	free(q->body);
}

/* The connection is of no use, at once or when that has been said. */
static void is_over(struct http2_requests *r, int e)
{
	assert_true(e == -EPROTO || drain(r, NULL) == -EPROTO);
}

/* ---- the tests ---- */

static void test_asks(void **state)
{
	struct http2_requests *r = create();
	struct http2_request q[3] = {{.ask = &get}, {.ask = &post}, {.ask = &put}};
	struct server s;
	(void)state;
	server_create(&s, "reply", 100);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(http2_requests_ask(r, &q[i]), 0);
	assert_int_equal(http2_requests_len(r), 3);
	to_server(r, &s);
	assert_string_equal(s.said,
		":method=GET :scheme=https :authority=dns.test:8443 :path=/a accept=a/b \n"
		":method=POST :scheme=https :authority=dns.test:8443 :path=/p accept=a/b "
		"content-type=a/b content-length=4 "
		":method=PUT :scheme=https :authority=dns.test:8443 :path=/u accept=c/d "
		"content-type=c/d content-length=3 body\nput\n");
	to_client(r, &s);
	for (size_t i = 0; i < 3; i++) {
		struct http2_request *got = http2_requests_next(r);
		assert_true(got >= q && got < q + 3);
		assert_int_equal(got->outcome, HTTP_REPLIED);
		assert_int_equal(got->status, 200);
		assert_string_equal(got->type, "application/dns-message");
		assert_int_equal(got->len, 5);
		assert_memory_equal(got->body, "reply", 5);
		free(got->body);
	}
	assert_null(http2_requests_next(r));
	assert_int_equal(http2_requests_len(r), 0);
	assert_int_equal(drain(r, NULL), 0);
	nghttp2_session_del(s.ng);
	http2_requests_destroy(r);
}

static void test_as_many_as_it_takes(void **state)
{
	struct http2_requests *r = create();
	struct http2_request q[3] = {{.ask = &get}, {.ask = &get}, {.ask = &get}};
	struct server s;
	(void)state;
	server_create(&s, NULL, 2);
	to_server(r, &s);
	to_client(r, &s);
	assert_int_equal(http2_requests_ask(r, &q[0]), 0);
	assert_int_equal(http2_requests_ask(r, &q[1]), 0);
	assert_int_equal(http2_requests_ask(r, &q[2]), -EAGAIN);
	http2_requests_cancel(r, &q[0]);
	assert_int_equal(http2_requests_ask(r, &q[2]), 0);
	nghttp2_session_del(s.ng);
	http2_requests_destroy(r);
}

/* Before a byte of it is said, on its way, and when its reply is there. */
static void test_cancels(void **state)
{
	struct http2_requests *r = create();
	struct http2_request early = {.ask = &post}, late, whole, other;
	struct server s;
	(void)state;
	server_create(&s, "reply", 100);
	assert_int_equal(http2_requests_ask(r, &early), 0);
	http2_requests_cancel(r, &early);
	memset(&early, 0xff, sizeof(early)); /* it is not looked at any more */
	to_server(r, &s);
	assert_string_equal(s.said, "");
	late = whole = other = (struct http2_request){.ask = &post};
	assert_int_equal(http2_requests_ask(r, &late), 0);
	assert_int_equal(http2_requests_ask(r, &whole), 0);
	assert_int_equal(http2_requests_ask(r, &other), 0);
	to_server(r, &s);
	http2_requests_cancel(r, &late);
	memset(&late, 0xff, sizeof(late));
	to_client(r, &s);
	http2_requests_cancel(r, &whole);
	free(whole.body);
	is_ended(r, &other, HTTP_REPLIED, "");
	assert_null(http2_requests_next(r));
	assert_int_equal(http2_requests_len(r), 0);
	nghttp2_session_del(s.ng);
	http2_requests_destroy(r);
}

static void test_farewell(void **state)
{
	struct http2_requests *r = shaken();
	struct http2_request q[2], more = {.ask = &get};
	(void)state;
	asks(r, &q[0], &get);
	asks(r, &q[1], &get);
	assert_int_equal(FRAME(r, GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0"), 0);
	is_ended(r, &q[1], HTTP_LOST, "it refuses requests"); /* it has not looked at it */
	assert_null(http2_requests_next(r));
	assert_int_equal(http2_requests_ask(r, &more), -EPIPE);
	assert_int_equal(drain(r, NULL), 0);
	assert_int_equal(FRAME(r, HEADERS, END_HEADERS, 1, OK TYPE), 0);
	assert_int_equal(FRAME(r, DATA, END_STREAM, 1, "late"), 0);
	assert_int_equal(q[0].len, 4);
	is_ended(r, &q[0], HTTP_REPLIED, "");
	assert_int_equal(drain(r, NULL), -EPIPE);
	http2_requests_destroy(r);
}

/* The last two of its numbers are used, and what has them is answered; for a third it has none. */
static void test_numbers_run_out(void **state)
{
	(void)state;
	first_stream = LAST_STREAM - 2;
	struct http2_requests *r = shaken();
	first_stream = 1;
	struct http2_request q[2], more = {.ask = &get};
	asks(r, &q[0], &get);
	asks(r, &q[1], &get);
	assert_int_equal(q[1].id, LAST_STREAM);
	assert_int_equal(http2_requests_ask(r, &more), -EPIPE);
	assert_int_equal(http2_requests_len(r), 2);
	for (int i = 0; i < 2; i++) {
		uint32_t id = (uint32_t)q[i].id;
		assert_int_equal(FRAME(r, HEADERS, END_HEADERS, id, OK TYPE), 0);
		assert_int_equal(FRAME(r, DATA, END_STREAM, id, "last"), 0);
		is_ended(r, &q[i], HTTP_REPLIED, "");
	}
	assert_int_equal(http2_requests_ask(r, &more), -EPIPE);
	http2_requests_destroy(r);
}

static void test_resets(void **state)
{
	struct http2_requests *r = shaken();
	struct http2_request q[3];
	(void)state;
	for (size_t i = 0; i < 3; i++)
		asks(r, &q[i], &get);
	assert_int_equal(FRAME(r, RST, 0, 1, "\0\0\0\7"), 0);
	is_ended(r, &q[0], HTTP_LOST, "it refuses requests");
	assert_int_equal(FRAME(r, HEADERS, END_HEADERS, 3, OK TYPE), 0);
	assert_int_equal(FRAME(r, RST, 0, 3, "\0\0\0\2"), 0);
	is_ended(r, &q[1], HTTP_UNFIT, "it resets requests");
	assert_int_equal(FRAME(r, HEADERS, END_HEADERS | END_STREAM, 5, "\x8d"), 0); /* 404 */
	assert_int_equal(q[2].status, 404);
	is_ended(r, &q[2], HTTP_REPLIED, "");
	http2_requests_destroy(r);
}

static void test_connection_gone(void **state)
{
	struct http2_requests *r = shaken();
	struct http2_request q[2], *got;
	(void)state;
	asks(r, &q[0], &get);
	asks(r, &q[1], &get);
	assert_int_equal(FRAME(r, HEADERS, END_HEADERS | END_STREAM, 1, OK), 0);
	got = http2_requests_lose(r);
	assert_true(got == &q[1] && !got->whole);
	got = http2_requests_lose(r);
	assert_true(got == &q[0] && got->whole && got->outcome == HTTP_REPLIED);
	assert_null(http2_requests_lose(r));
	http2_requests_destroy(r);
}

/* One that is too large does not touch the others. */
static void test_bodies(void **state)
{
	static const struct http_ask small = {.path = "/s", .type = "a/b", .most = 100};
	static const uint8_t bytes[16000];
	struct http2_requests *r = shaken();
	struct http2_request q[3];
	(void)state;
	asks(r, &q[0], &get);
	asks(r, &q[1], &small);
	asks(r, &q[2], &get);
	for (uint32_t id = 1; id <= 5; id += 2)
		assert_int_equal(FRAME(r, HEADERS, END_HEADERS, id, OK TYPE), 0);
	assert_int_equal(frame(r, DATA, 0, 3, bytes, 100), 0);
	assert_null(http2_requests_next(r));
	assert_int_equal(frame(r, DATA, 0, 3, bytes, 1), 0);
	is_ended(r, &q[1], HTTP_UNFIT, "the reply is too large");
	assert_int_equal(frame(r, DATA, 0, 3, bytes, 1000), 0); /* it was under way */
	for (int i = 0; i < 5; i++) {
		assert_int_equal(frame(r, DATA, 0, 1, bytes, sizeof(bytes)), 0);
		assert_int_equal(drain(r, NULL), 0);
	}
	is_ended(r, &q[0], HTTP_UNFIT, "the reply is too large");
	assert_int_equal(FRAME(r, DATA, END_STREAM, 5, "fits"), 0);
	is_ended(r, &q[2], HTTP_REPLIED, "");
	http2_requests_destroy(r);
}

/* Hundreds of replies that never end do not take 64 kB each. */
static void test_held(void **state)
{
	enum { MANY = 400 };
	static struct http2_request q[MANY];
	static const uint8_t bytes[16000];
	struct http2_requests *r = shaken();
	size_t held = 0, refused = 0;
	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		asks(r, &q[i], &get);
		assert_int_equal(FRAME(r, HEADERS, END_HEADERS, i * 2 + 1, OK TYPE), 0);
		for (int k = 0; k < 3 && !q[i].whole; k++) {
			assert_int_equal(frame(r, DATA, 0, i * 2 + 1, bytes, sizeof(bytes)), 0);
			drain(r, NULL);
		}
		held += q[i].whole ? 0 : q[i].cap;
		assert_true(held <= HTTP2_HELD_MAX);
	}
	while (http2_requests_next(r))
		refused++;
	assert_true(refused > MANY / 2 && refused < MANY);
	while (http2_requests_lose(r))
		;
	for (size_t i = 0; i < MANY; i++)
		free(q[i].body);
	http2_requests_destroy(r);
}

static void test_heads(void **state)
{
	static uint8_t large[16384];
	struct http2_requests *r = shaken();
	struct http2_request q[4];
	(void)state;
	for (size_t i = 0; i < 4; i++)
		asks(r, &q[i], &get);
	/* A type that is too long is none; and one behind the body is a trailer. */
	memcpy(large,
		OK "\0\x0c"
		   "content-type"
		   "\x40",
		16);
	memset(large + 16, 'x', 64);
	assert_int_equal(frame(r, HEADERS, END_HEADERS, 1, large, 80), 0);
	assert_int_equal(FRAME(r, DATA, 0, 1, "x"), 0);
	assert_int_equal(FRAME(r, HEADERS, END_HEADERS | END_STREAM, 1, TYPE), 0);
	assert_string_equal(q[0].type, "");
	is_ended(r, &q[0], HTTP_REPLIED, "");
	/* 103, and then what counts. */
	assert_int_equal(FRAME(r, HEADERS, END_HEADERS, 3,
				 "\x08\3"
				 "103" TYPE),
		0);
	assert_string_equal(q[1].type, "");
	assert_int_equal(FRAME(r, HEADERS, END_HEADERS | END_STREAM, 3, OK TYPE), 0);
	assert_int_equal(q[1].status, 200);
	assert_string_equal(q[1].type, "a/b");
	is_ended(r, &q[1], HTTP_REPLIED, "");
	/* And one of them without end. */
	for (int i = 0; i < 1000 && !q[2].whole; i++)
		assert_int_equal(FRAME(r, HEADERS, END_HEADERS, 5,
					 "\x08\3"
					 "103"),
			0);
	is_ended(r, &q[2], HTTP_UNFIT, "the reply's head is too large");
	/* A length that is another's. */
	assert_int_equal(FRAME(r, HEADERS, END_HEADERS, 7,
				 OK "\0\x0e"
				    "content-length"
				    "\1"
				    "9"),
		0);
	assert_int_equal(FRAME(r, DATA, END_STREAM, 7, "short"), 0);
	drain(r, NULL);
	is_ended(r, &q[3], HTTP_UNFIT, "what it sends is no HTTP");
	http2_requests_destroy(r);
}

/* A field of four kilobytes, put into the table once and named by a byte as often as that goes. */
static void test_bomb(void **state)
{
	static uint8_t head[16000];
	struct http2_requests *r = shaken();
	struct http2_request q;
	size_t frames = 1;
	int e;
	(void)state;
	asks(r, &q, &get);
	memcpy(head, OK "\x40\1x\x7f\x81\x1e", 7); /* 127 + 3969 - 128 of them, not compressed */
	memset(head + 7, 'y', 3968);
	assert_int_equal(frame(r, HEADERS, END_HEADERS, 1, head, 7 + 3968), 0);
	memset(head, 0xbe, sizeof(head));
	do
		e = frame(r, HEADERS, END_HEADERS | END_STREAM, 1, head, sizeof(head));
	while (e == 0 && drain(r, NULL) == 0 && ++frames < 100);
	is_over(r, e);
	assert_true(frames < 3);
	http2_requests_lose(r);
	free(q.body);
	http2_requests_destroy(r);
}

/* What nobody asked for: floods, and frames that servers may not send. */
static void test_floods(void **state)
{
	static const uint8_t bytes[16000];
	struct http2_requests *r = shaken();
	struct http2_request q = {.ask = &get};
	size_t len, n = 0;
	int e = 0;
	(void)state;
	for (n = 0; e == 0 && n < 100000; n++)
		e = FRAME(r, PING, 0, 0, "12345678");
	assert_true(e < 0 && n < 2000);
	drain(r, &len);
	assert_true(len < 64 << 10);
	http2_requests_destroy(r);

	/* Each of them answered: they are counted all the same. */
	r = shaken();
	for (n = 0, e = 0; e == 0 && n < 100000; n++) {
		e = FRAME(r, PING, 0, 0, "12345678");
		e = e ? e : drain(r, NULL);
	}
	assert_true(e < 0 && n <= HTTP2_WASTE_MAX / HTTP2_FRAME_COST);
	http2_requests_destroy(r);

	r = shaken();
	asks(r, &q, &get);
	for (n = 0, e = FRAME(r, HEADERS, END_HEADERS, 1, OK); e == 0 && n < 10000; n++) {
		e = frame(r, DATA, 0, 1, bytes, sizeof(bytes));
		e = e ? e : drain(r, NULL);
	}
	assert_true(e < 0 && n * sizeof(bytes) <= HTTP2_WASTE_MAX);
	is_ended(r, &q, HTTP_UNFIT, "the reply is too large");
	http2_requests_destroy(r);

	r = shaken();
	asks(r, &q, &get);
	e = FRAME(r, HEADERS, 0, 1, OK);
	for (n = 0; e == 0 && n < 100; n++)
		e = FRAME(r, CONT, 0, 1, TYPE);
	assert_true(e < 0 && n < 20);
	assert_ptr_equal(http2_requests_lose(r), &q);
	http2_requests_destroy(r);

	r = shaken();
	asks(r, &q, &get);
	is_over(r, FRAME(r, PUSH, END_HEADERS, 1,
			   "\0\0\0\2"
			   "\x82\x87\x84"));
	http2_requests_destroy(r);

	r = create();
	is_over(r, http2_requests_take(r, (const uint8_t *)"HTTP/1.1 400 Bad Request\r\n\r\n", 28));
	http2_requests_destroy(r);
	http2_requests_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asks),
		cmocka_unit_test(test_as_many_as_it_takes),
		cmocka_unit_test(test_cancels),
		cmocka_unit_test(test_farewell),
		cmocka_unit_test(test_numbers_run_out),
		cmocka_unit_test(test_resets),
		cmocka_unit_test(test_connection_gone),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_floods),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
