/* The requests of a connection, by HTTP/1.1 and by HTTP/2, which nghttp2's client speaks here. */
#undef NDEBUG
#include "resolver/http_session.h"

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

#define KEPT 128

/* A door that answers "/now" with the method, path, query and body, keeps "/later", and gives
 * "/big" as many bytes as its query says. */
struct world {
	struct evbuffer *out;
	struct http_callbacks callbacks;
	struct http_session *session;
	struct http_exchange *kept[KEPT];
	size_t kept_len, gone, ready;
	char rest[1 << 20]; /* not taken yet */
	size_t rest_len;
	ssize_t error;
	bool no_room;
};

static void on_gone(void *ctx)
{
	(*(size_t *)ctx)++;
}

static void on_request(void *ctx, struct http_exchange *x, const struct http_request *r)
{
	struct world *w = ctx;
	char text[512];
	if (http_is(r->path, "/later")) {
		x->gone = on_gone;
		x->ctx = &w->gone;
		assert_true(w->kept_len < KEPT);
		w->kept[w->kept_len++] = x;
		return;
	}
	if (http_is(r->path, "/big")) {
		size_t n = (size_t)strtoul(r->query.at, NULL, 10);
		char *body = calloc(1, n);
		struct http_reply reply = {
			.status = 200, .type = "x/y", .body = body, .body_len = n};
		http_reply(x, &reply);
		free(body);
		return;
	}
	int n = snprintf(text, sizeof(text), "%d %.*s %.*s %.*s %zu", (int)r->method,
		(int)r->path.len, r->path.at, (int)r->query.len, r->query.at ? r->query.at : "",
		(int)r->field[HTTP_HOST].len, r->field[HTTP_HOST].at ? r->field[HTTP_HOST].at : "",
		r->body.len);
	struct http_reply reply = {
		.status = 200, .type = "text/plain", .body = text, .body_len = (size_t)n};
	http_reply_add(&reply, "etag", "\"e\"");
	http_reply(x, &reply);
}

static void feed(struct world *w, const void *bytes, size_t len)
{
	assert_true(len <= sizeof(w->rest) - w->rest_len);
	if (len)
		memcpy(w->rest + w->rest_len, bytes, len);
	w->rest_len += len;
	w->error = http_session_take(w->session, (uint8_t *)w->rest, w->rest_len);
	if (w->error < 0)
		return;
	w->rest_len -= (size_t)w->error;
	memmove(w->rest, w->rest + w->error, w->rest_len);
}

static void on_ready(void *ctx)
{
	struct world *w = ctx;
	w->ready++;
	feed(w, NULL, 0);
}

static bool has_room(void *ctx)
{
	struct world *w = ctx;
	return !w->no_room;
}

static void world_begin(struct world *w, enum http_version version)
{
	memset(w, 0, sizeof(*w));
	w->out = evbuffer_new();
	w->callbacks = (struct http_callbacks){on_request, on_ready, has_room, w};
	assert_int_equal(http_session_create(version, w->out, &w->callbacks, &w->session), 0);
}

static void world_end(struct world *w)
{
	http_session_destroy(w->session);
	evbuffer_free(w->out);
}

static void say(struct world *w, const char *text)
{
	feed(w, text, strlen(text));
}

/* What has been said so far, without its dates. */
static void assert_said(struct world *w, const char *text)
{
	char said[4096] = "", *date;
	int n = evbuffer_remove(w->out, said, sizeof(said) - 1);
	said[n > 0 ? n : 0] = '\0';
	while ((date = strstr(said, "date: "))) { /* and what is in all of them */
		char *end = strstr(strstr(date, "nosniff"), "\r\n") + 2;
		memmove(date, end, strlen(end) + 1);
	}
	assert_string_equal(said, text);
}

/* ---- HTTP/1.1 ---- */

static struct world world;

static void requests_are_answered_in_order(void **state)
{
	struct world *w = &world;
	(void)state;
	world_begin(w, HTTP_ANY);
	const char *both = "GET /now?q HTTP/1.1\r\nhost: h\r\n\r\nHEAD /now HTTP/1.1\r\nhost: "
			   "i\r\n\r\n";
	for (size_t i = 0; i < strlen(both); i++)
		feed(w, both + i, 1);
	assert_said(w, "HTTP/1.1 200 OK\r\ncache-control: max-age=0\r\ncontent-length: 12\r\n"
		       "content-type: text/plain\r\netag: \"e\"\r\n\r\n0 /now q h 0"
		       "HTTP/1.1 200 OK\r\ncache-control: max-age=0\r\ncontent-length: 11\r\n"
		       "content-type: text/plain\r\netag: \"e\"\r\n\r\n");
	/* The second waits for the first. */
	say(w, "GET /later HTTP/1.1\r\nhost: h\r\n\r\nGET /big?1 HTTP/1.0\r\n\r\nGET /now");
	assert_said(w, "");
	assert_int_equal(http_session_pending(w->session), 1);
	http_refuse(w->kept[0], 404, "no");
	assert_int_equal(w->ready, 1);
	assert_said(w, "HTTP/1.1 404 Not Found\r\ncontent-length: 3\r\n"
		       "content-type: text/plain; charset=utf-8\r\n\r\nno\n"
		       "HTTP/1.1 200 OK\r\ncache-control: max-age=0\r\nconnection: close\r\n"
		       "content-length: 1\r\ncontent-type: x/y\r\n\r\n");
	assert_true(http_session_ended(w->session));
	assert_int_equal(w->gone, 0);
	world_end(w);
}

static void bodies_come_by_length_and_by_chunks(void **state)
{
	static const char *const requests[] = {
		"PUT /now HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nabcde",
		"PUT /now HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n3\r\n"
		"cde\r\n0\r\n\r\n"};
	struct world *w = &world;
	(void)state;
	world_begin(w, HTTP_1);
	for (size_t i = 0; i < 2; i++)
		for (size_t step = 1; step < 99; step += 7) {
			for (size_t at = 0, n; at < strlen(requests[i]); at += n) {
				n = strlen(requests[i]) - at < step ? strlen(requests[i]) - at
								    : step;
				feed(w, requests[i] + at, n);
			}
			char said[512];
			int n = evbuffer_remove(w->out, said, sizeof(said) - 1);
			said[n > 0 ? n : 0] = '\0';
			assert_non_null(strstr(said, "\r\n\r\n3 /now  h 5"));
		}
	say(w, "PUT /now HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: "
	       "1\r\n\r\n");
	assert_said(w, "HTTP/1.1 100 Continue\r\n\r\n");
	world_end(w); /* in the middle of a body */
}

static void what_is_no_request_ends_the_connection(void **state)
{
	struct world *w = &world;
	(void)state;
	world_begin(w, HTTP_ANY);
	say(w, "GET / HTTP/1.1\r\n\r\nGET /now HTTP/1.1\r\nhost: h\r\n\r\n");
	assert_said(
		w, "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
	assert_true(http_session_ended(w->session));
	world_end(w);
}

static void a_client_that_does_not_read_is_asked_no_further(void **state)
{
	struct world *w = &world;
	(void)state;
	world_begin(w, HTTP_1);
	for (int i = 0; i < 100; i++)
		say(w, "GET /big?60000 HTTP/1.1\r\nhost: h\r\n\r\n");
	assert_true(evbuffer_get_length(w->out) < HTTP_UNSENT_MAX + 61000);
	size_t left = w->rest_len;
	assert_true(left > 0);
	evbuffer_drain(w->out, evbuffer_get_length(w->out));
	feed(w, NULL, 0);
	assert_true(w->rest_len < left);
	world_end(w);
}

static void who_goes_is_told_of(void **state)
{
	struct world *w = &world;
	(void)state;
	world_begin(w, HTTP_1);
	say(w, "GET /later HTTP/1.1\r\nhost: h\r\n\r\n");
	assert_int_equal(w->kept_len, 1);
	http_session_destroy(w->session);
	assert_int_equal(w->gone, 1);
	evbuffer_free(w->out);
}

/* ---- HTTP/2 ---- */

struct client {
	nghttp2_session *ng;
	struct evbuffer *to; /* what it says */
	unsigned status[512];
	size_t bytes[512], closed;
	uint32_t error[512], goaway;
};

static int c_header(nghttp2_session *ng, const nghttp2_frame *f, const uint8_t *name, size_t n,
	const uint8_t *value, size_t v, uint8_t flags, void *ctx)
{
	struct client *c = ctx;
	(void)ng;
	(void)flags;
	(void)v;
	if (n == 7 && memcmp(name, ":status", 7) == 0 && f->hd.stream_id < 512)
		c->status[f->hd.stream_id] = (unsigned)strtoul((const char *)value, NULL, 10);
	return 0;
}

static int c_data(
	nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *ctx)
{
	struct client *c = ctx;
	(void)ng;
	(void)flags;
	(void)data;
	if (id < 512)
		c->bytes[id] += len;
	return 0;
}

static int c_close(nghttp2_session *ng, int32_t id, uint32_t error, void *ctx)
{
	struct client *c = ctx;
	(void)ng;
	c->closed++;
	if (id < 512)
		c->error[id] = error;
	return 0;
}

static int c_frame(nghttp2_session *ng, const nghttp2_frame *f, void *ctx)
{
	struct client *c = ctx;
	(void)ng;
	if (f->hd.type == NGHTTP2_GOAWAY)
		c->goaway = f->goaway.error_code + 1;
	return 0;
}

static void client_begin(struct client *c, uint32_t window)
{
	nghttp2_session_callbacks *callbacks;
	nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window}};
	memset(c, 0, sizeof(*c));
	assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, c_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, c_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, c_close);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, c_frame);
	assert_int_equal(nghttp2_session_client_new(&c->ng, callbacks, c), 0);
	nghttp2_session_callbacks_del(callbacks);
	assert_int_equal(nghttp2_submit_settings(c->ng, NGHTTP2_FLAG_NONE, settings, 1), 0);
}

#define NV(n, v)                                                                                   \
	{                                                                                          \
		(uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v), strlen(n), strlen(v),        \
			NGHTTP2_NV_FLAG_NONE                                                       \
	}

static ssize_t c_body(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t size, uint32_t *flags,
	nghttp2_data_source *source, void *ctx)
{
	size_t *left = source->ptr, n = *left < size ? *left : size;
	(void)ng;
	(void)id;
	(void)ctx;
	memset(buf, 'b', n);
	*left -= n;
	if (*left == 0)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static int32_t client_ask(struct client *c, const char *method, const char *path, size_t *body)
{
	nghttp2_nv nv[] = {NV(":method", method), NV(":scheme", "http"), NV(":authority", "h"),
		NV(":path", path)};
	nghttp2_data_provider p = {.source.ptr = body, .read_callback = c_body};
	int32_t id = nghttp2_submit_request(c->ng, NULL, nv, 4, body ? &p : NULL, NULL);
	assert_true(id > 0);
	return id;
}

/* Both say what they have to, until neither has anything. */
static void exchange(struct world *w, struct client *c)
{
	const uint8_t *bytes;
	ssize_t n;
	bool more = true;
	while (more) {
		more = false;
		while ((n = nghttp2_session_mem_send(c->ng, &bytes)) > 0) {
			feed(w, bytes, (size_t)n);
			more = true;
		}
		size_t len = evbuffer_get_length(w->out);
		if (len) {
			n = nghttp2_session_mem_recv(c->ng, evbuffer_pullup(w->out, -1), len);
			assert_int_equal(n, len);
			evbuffer_drain(w->out, len);
			if (w->error >= 0)
				feed(w, NULL, 0);
			more = true;
		}
		if (w->error < 0)
			more = evbuffer_get_length(w->out) > 0;
	}
}

static void streams_are_answered_as_they_are_ready(void **state)
{
	struct world *w = &world;
	struct client c;
	size_t body = 60000, too_big = 70000;
	(void)state;
	world_begin(w, HTTP_ANY);
	client_begin(&c, 65535);
	int32_t later = client_ask(&c, "GET", "/later", NULL);
	int32_t now = client_ask(&c, "GET", "/now?x", NULL);
	int32_t put = client_ask(&c, "PUT", "/now", &body);
	int32_t large = client_ask(&c, "PUT", "/now", &too_big);
	int32_t head = client_ask(&c, "HEAD", "/now", NULL);
	int32_t big = client_ask(&c, "GET", "/big?200000", NULL);
	int32_t bad = client_ask(&c, "GET", "now", NULL);
	exchange(w, &c);
	assert_true(http_session_is_http2(w->session));
	assert_int_equal(c.status[now], 200);
	assert_int_equal(c.bytes[now], strlen("0 /now x h 0"));
	assert_int_equal(c.status[put], 200);
	assert_int_equal(c.bytes[put], strlen("3 /now  h 60000"));
	assert_int_equal(c.status[large], 413);
	assert_int_equal(c.status[head], 200);
	assert_int_equal(c.bytes[head], 0);
	assert_int_equal(c.bytes[big], 200000);
	assert_true(c.status[bad] == 400 || c.error[bad] == NGHTTP2_PROTOCOL_ERROR);
	assert_int_equal(c.status[later], 0);
	assert_int_equal(http_session_pending(w->session), 1);
	http_refuse(w->kept[0], 404, "no");
	exchange(w, &c);
	assert_int_equal(c.status[later], 404);
	assert_int_equal(c.closed, 7);
	assert_int_equal(http_session_pending(w->session), 0);
	/* A body that never ends: answered, and told to stop. */
	assert_int_equal(w->error, 0);
	nghttp2_session_del(c.ng);
	world_end(w);
}

static void who_resets_takes_his_question_back(void **state)
{
	struct world *w = &world;
	struct client c;
	(void)state;
	world_begin(w, HTTP_2);
	client_begin(&c, 65535);
	int32_t id = client_ask(&c, "GET", "/later", NULL);
	exchange(w, &c);
	nghttp2_submit_rst_stream(c.ng, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
	exchange(w, &c);
	assert_int_equal(w->gone, 1);
	assert_int_equal(http_session_pending(w->session), 0);
	client_ask(&c, "GET", "/later", NULL);
	exchange(w, &c);
	nghttp2_session_del(c.ng);
	world_end(w);
	assert_int_equal(w->gone, 2);
}

/* CVE-2023-44487: requests that are taken back at once, for ever. */
static void rapid_resets_end_the_connection(void **state)
{
	struct world *w = &world;
	struct client c;
	(void)state;
	world_begin(w, HTTP_2);
	client_begin(&c, 65535);
	int i;
	for (i = 0; i < 1000 && w->error >= 0 && !c.goaway; i++) {
		int32_t id = client_ask(&c, "GET", "/later", NULL);
		exchange(w, &c);
		if (c.goaway)
			break;
		nghttp2_submit_rst_stream(c.ng, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
		exchange(w, &c);
		w->kept_len = 0;
	}
	assert_true(i < 300);
	assert_true(c.goaway || w->error < 0);
	nghttp2_session_del(c.ng);
	world_end(w);
}

/* A window of nothing: what it asks for is kept, but not without end. */
static void a_window_that_stays_shut_holds_little(void **state)
{
	struct world *w = &world;
	struct client c;
	(void)state;
	world_begin(w, HTTP_2);
	client_begin(&c, 0);
	nghttp2_settings_entry open = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 65535};
	size_t answered = 0, whole = 0;
	for (int i = 0; i < 90; i++)
		client_ask(&c, "GET", "/big?60000", NULL);
	exchange(w, &c);
	for (int id = 1; id < 2 * 90; id += 2)
		answered += c.status[id] != 0;
	assert_int_equal(answered, 5); /* the fifth is the one too many, and the others wait */
	assert_in_range(
		http_session_held(w->session), HTTP_UNSENT_MAX, HTTP_UNSENT_MAX + 60000 + 90 * 100);
	/* An honest one gets them all, when it can take them. */
	nghttp2_submit_settings(c.ng, NGHTTP2_FLAG_NONE, &open, 1);
	exchange(w, &c);
	for (int id = 1; id < 2 * 90; id += 2)
		whole += c.status[id] == 200 && c.bytes[id] == 60000;
	assert_int_equal(whole, 90);
	nghttp2_session_del(c.ng);
	world_end(w);
}

/* Nor where all are answered at once, later; nor do their bodies, until then. */
static void late_replies_and_bodies_are_bounded_too(void **state)
{
	struct world *w = &world;
	struct client c;
	static char big[60000];
	size_t left[KEPT], n = 0, said = 0, refused = 0;
	struct http_reply reply = {
		.status = 200, .type = "x/y", .body = big, .body_len = sizeof(big)};
	(void)state;
	world_begin(w, HTTP_2);
	client_begin(&c, 0);
	for (int i = 0; i < 90; i++)
		client_ask(&c, "GET", "/later", NULL);
	exchange(w, &c);
	assert_int_equal(w->kept_len, 90);
	assert_in_range(http_session_held(w->session), 90, 90 * 100);
	for (; n < w->kept_len; n++)
		http_reply(w->kept[n], &reply);
	assert_in_range(http_session_held(w->session), HTTP_UNSENT_MAX,
		HTTP_UNSENT_MAX + sizeof(big) + 90 * 100);
	exchange(w, &c);
	for (int id = 1; id < 2 * 90; id += 2) {
		said += c.status[id] == 200;
		refused += c.status[id] == 503;
	}
	assert_int_equal(said, 5); /* the fifth is the one too many */
	assert_int_equal(refused, 85);
	nghttp2_session_del(c.ng);
	world_end(w);

	world_begin(w, HTTP_2);
	client_begin(&c, 65535);
	for (n = 0; n < 90; n++) {
		left[n] = sizeof(big);
		client_ask(&c, "POST", "/later", &left[n]);
	}
	exchange(w, &c);
	assert_in_range(w->kept_len, 1, 5);
	assert_in_range(http_session_held(w->session), 1, HTTP_UNSENT_MAX + 65536 + 90 * 100);
	for (n = 0; n < w->kept_len; n++)
		http_reply(w->kept[n], &reply);
	exchange(w, &c);
	assert_int_equal(http_session_held(w->session), 0);
	nghttp2_session_del(c.ng);
	world_end(w);
}

/* All connections together hold too much: what is late is refused, what is at once is not. */
static void without_room_late_replies_are_refused(void **state)
{
	struct world *w = &world;
	struct client c;
	struct http_reply reply = {.status = 200, .type = "x/y", .body = "x", .body_len = 1};
	(void)state;
	world_begin(w, HTTP_2);
	w->no_room = true;
	client_begin(&c, 65535);
	int32_t later = client_ask(&c, "GET", "/later", NULL);
	int32_t now = client_ask(&c, "GET", "/now", NULL);
	exchange(w, &c);
	http_reply(w->kept[0], &reply);
	exchange(w, &c);
	assert_int_equal(c.status[now], 200);
	assert_int_equal(c.status[later], 503);
	nghttp2_session_del(c.ng);
	world_end(w);
	world_begin(w, HTTP_1);
	w->no_room = true;
	say(w, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
	http_reply(w->kept[0], &reply);
	char said[64] = "";
	assert_true(evbuffer_remove(w->out, said, 13) == 13);
	assert_string_equal(said, "HTTP/1.1 503 ");
	world_end(w);
}

/* A byte or two of HPACK a field, 3 kB each when unfolded. */
static void heads_that_unfold_are_refused(void **state)
{
	struct world *w = &world;
	struct client c;
	char value[2900];
	nghttp2_nv nv[16] = {NV(":method", "GET"), NV(":scheme", "http"), NV(":authority", "h"),
		NV(":path", "/now")};
	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	world_begin(w, HTTP_2);
	client_begin(&c, 65535);
	for (size_t i = 4; i < 16; i++)
		nv[i] = (nghttp2_nv)NV("x", value);
	int32_t some = nghttp2_submit_request(c.ng, NULL, nv, 8, NULL, NULL);
	exchange(w, &c);
	assert_int_equal(c.status[some], 431);
	assert_true(w->error >= 0);
	nghttp2_submit_request(c.ng, NULL, nv, 16, NULL, NULL);
	exchange(w, &c);
	assert_true(w->error < 0);
	nghttp2_session_del(c.ng);
	world_end(w);
}

/* CVE-2024-28182: a head that never ends. */
static void continuations_without_end_are_refused(void **state)
{
	struct world *w = &world;
	struct client c;
	const uint8_t *bytes;
	ssize_t n;
	(void)state;
	world_begin(w, HTTP_2);
	client_begin(&c, 65535);
	while ((n = nghttp2_session_mem_send(c.ng, &bytes)) > 0)
		feed(w, bytes, (size_t)n);
	/* HEADERS without END_HEADERS, then CONTINUATIONs of one byte, a field by index. */
	feed(w, "\0\0\1\1\1\0\0\0\1\x82", 10);
	int i;
	for (i = 0; i < 1000 && w->error >= 0; i++)
		feed(w, "\0\0\1\11\0\0\0\0\1\x84", 10);
	assert_true(i < 100);
	nghttp2_session_del(c.ng);
	world_end(w);
}

static void what_is_no_http2_ends_the_connection(void **state)
{
	struct world *w = &world;
	(void)state;
	world_begin(w, HTTP_2);
	say(w, "GET / HTTP/1.1\r\nhost: h\r\n\r\n");
	assert_true(w->error < 0);
	assert_true(http_session_ended(w->session));
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_answered_in_order),
		cmocka_unit_test(bodies_come_by_length_and_by_chunks),
		cmocka_unit_test(what_is_no_request_ends_the_connection),
		cmocka_unit_test(a_client_that_does_not_read_is_asked_no_further),
		cmocka_unit_test(who_goes_is_told_of),
		cmocka_unit_test(streams_are_answered_as_they_are_ready),
		cmocka_unit_test(who_resets_takes_his_question_back),
		cmocka_unit_test(rapid_resets_end_the_connection),
		cmocka_unit_test(a_window_that_stays_shut_holds_little),
		cmocka_unit_test(late_replies_and_bodies_are_bounded_too),
		cmocka_unit_test(without_room_late_replies_are_refused),
		cmocka_unit_test(heads_that_unfold_are_refused),
		cmocka_unit_test(continuations_without_end_are_refused),
		cmocka_unit_test(what_is_no_http2_ends_the_connection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
