/* The client's side of nghttp2. */
#include "resolver/http2_requests.h"

#include <errno.h>
#include <event2/buffer.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTINUATIONS_MAX 8 /* CVE-2024-28182; heads of 16 kB fit one frame */
#define WINDOW (1 << 20)    /* of the connection: what hundreds of replies need in a round trip */
#define STREAM_WINDOW (64 << 10) /* of a reply: an answer and its head */
#define BODY_FIRST 512		 /* most answers are smaller */

struct http2_requests {
	nghttp2_session *ng;
	char *authority;
	TAILQ_HEAD(http2_list, http2_request) live, whole;
	size_t len; /* of `live` */
	size_t held, waste;
	bool farewell; /* the server has said it */
};

static struct http2_request *request_of(nghttp2_session *ng, int32_t id)
{
	return nghttp2_session_get_stream_user_data(ng, id);
}

/* ---- the end of a request ---- */

/* nghttp2 knows it no more. */
static void take_off(struct http2_requests *r, struct http2_request *q)
{
	nghttp2_session_set_stream_user_data(r->ng, q->id, NULL);
	TAILQ_REMOVE(&r->live, q, link);
	r->len--;
	r->held -= q->cap;
}

static void end(struct http2_requests *r, struct http2_request *q, enum http_outcome outcome,
	const char *why)
{
	take_off(r, q);
	q->outcome = outcome;
	q->why = why;
	q->whole = true;
	TAILQ_INSERT_TAIL(&r->whole, q, link);
}

static void reset(struct http2_requests *r, int32_t id)
{
	nghttp2_submit_rst_stream(r->ng, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
}

static void refuse(struct http2_requests *r, struct http2_request *q, const char *why)
{
	reset(r, q->id);
	end(r, q, HTTP_UNFIT, why);
}

void http2_requests_cancel(struct http2_requests *r, struct http2_request *q)
{
	if (q->whole) {
		TAILQ_REMOVE(&r->whole, q, link);
		return;
	}
	reset(r, q->id);
	take_off(r, q);
}

struct http2_request *http2_requests_next(struct http2_requests *r)
{
	struct http2_request *q = TAILQ_FIRST(&r->whole);

	if (q)
		TAILQ_REMOVE(&r->whole, q, link);
	return q;
}

struct http2_request *http2_requests_lose(struct http2_requests *r)
{
	struct http2_request *q = TAILQ_FIRST(&r->live);

	if (q)
		take_off(r, q);
	return q ? q : http2_requests_next(r);
}

size_t http2_requests_len(const struct http2_requests *r)
{
	return r->len;
}

/* ---- a reply ---- */

static bool is(nghttp2_vec v, const char *text)
{
	return v.len == strlen(text) && memcmp(v.base, text, v.len) == 0;
}

/* A final head has no other before it and no body; what follows a body is a trailer. nghttp2 has
 * seen to it that a status is three digits, and comes first. */
static void take_field(struct http2_request *q, nghttp2_vec name, nghttp2_vec value)
{
	if (is(name, ":status")) {
		q->status = 0;
		for (size_t i = 0; i < value.len; i++)
			q->status = q->status * 10 + (value.base[i] - '0');
	} else if (is(name, "content-type") && q->status >= 200 && q->len == 0) {
		size_t len = value.len < HTTP2_TYPE_MAX ? value.len : 0;

		memcpy(q->type, value.base, len);
		q->type[len] = '\0';
	}
}

/* A ping is 17 bytes, and is answered. */
static int on_begin(nghttp2_session *ng, const nghttp2_frame_hd *head, void *ctx)
{
	struct http2_requests *r = ctx;

	(void)ng;
	(void)head;
	r->waste += HTTP2_FRAME_COST;
	return r->waste > HTTP2_WASTE_MAX ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, nghttp2_rcbuf *name,
	nghttp2_rcbuf *value, uint8_t flags, void *ctx)
{
	struct http2_requests *r = ctx;
	struct http2_request *q = request_of(ng, frame->hd.stream_id);
	nghttp2_vec n = nghttp2_rcbuf_get_buf(name), v = nghttp2_rcbuf_get_buf(value);

	(void)flags;
	/* A few bytes can unfold to very many of these (HPACK), so that a head that nobody wants
	 * any more is work too. */
	r->waste += n.len + v.len + 32;
	if (r->waste > HTTP2_WASTE_MAX)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (!q)
		return 0;
	q->head_len += n.len + v.len + 32;
	if (q->head_len > HTTP2_HEAD_MAX)
		refuse(r, q, "the reply's head is too large");
	else
		take_field(q, n, v);
	return 0;
}

/* 0, or why it cannot be kept. */
static const char *add_body(
	struct http2_requests *r, struct http2_request *q, const uint8_t *bytes, size_t len)
{
	size_t most = q->ask->most ? q->ask->most : HTTP_CLIENT_BODY_MAX;
	size_t cap = q->cap ? q->cap : BODY_FIRST;

	if (len > most - q->len)
		return "the reply is too large";
	while (cap < q->len + len)
		cap *= 2;
	if (cap > q->cap) {
		uint8_t *body = r->held - q->cap + cap <= HTTP2_HELD_MAX ? realloc(q->body, cap)
									 : NULL;

		if (!body)
			return "there is no room for the reply";
		r->held += cap - q->cap;
		q->body = body;
		q->cap = cap;
	}
	memcpy(q->body + q->len, bytes, len);
	q->len += len;
	return NULL;
}

static int on_data(
	nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *bytes, size_t len, void *ctx)
{
	struct http2_requests *r = ctx;
	struct http2_request *q = request_of(ng, id);
	const char *why = q && len ? add_body(r, q, bytes, len) : NULL;

	(void)flags;
	if (why)
		refuse(r, q, why);
	return 0;
}

/* The reply is whole, though of the request something may still have to be said. */
static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *ctx)
{
	struct http2_requests *r = ctx;
	struct http2_request *q;

	r->farewell = r->farewell || frame->hd.type == NGHTTP2_GOAWAY;
	if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
		!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	q = request_of(ng, frame->hd.stream_id);
	if (!q)
		return 0;
	if (q->sent < q->ask->len)
		reset(r, q->id);
	r->waste = 0;
	end(r, q, HTTP_REPLIED, "");
	return 0;
}

/* Without a reply: the server says that it has not looked at it, or that it could not; or nghttp2
 * says that what came is no reply. */
static int on_close(nghttp2_session *ng, int32_t id, uint32_t error, void *ctx)
{
	struct http2_requests *r = ctx;
	struct http2_request *q = request_of(ng, id);

	if (!q)
		return 0;
	if (error == NGHTTP2_REFUSED_STREAM)
		end(r, q, HTTP_LOST, "it refuses requests");
	else if (error == NGHTTP2_PROTOCOL_ERROR)
		end(r, q, HTTP_UNFIT, "what it sends is no HTTP");
	else
		end(r, q, HTTP_UNFIT, "it resets requests");
	return 0;
}

/* ---- a request ---- */

static ssize_t read_body(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t size,
	uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
	struct http2_request *q = request_of(ng, id);

	(void)source;
	(void)ctx;
	if (!q) /* it was cancelled a moment ago */
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	size_t left = q->ask->len - q->sent, n = left < size ? left : size;

	memcpy(buf, q->ask->body + q->sent, n);
	q->sent += n;
	if (n == left)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

/* nghttp2 copies them. */
static nghttp2_nv field(const char *name, const char *value)
{
	return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
		.value = (uint8_t *)(uintptr_t)value,
		.namelen = strlen(name),
		.valuelen = strlen(value)};
}

static int submit(struct http2_requests *r, struct http2_request *q)
{
	const struct http_ask *ask = q->ask;
	nghttp2_data_provider body = {.read_callback = read_body};
	char length[24];
	nghttp2_nv nv[7];
	size_t n = 0;

	nv[n++] = field(":method", !ask->body ? "GET" : ask->puts ? "PUT" : "POST");
	nv[n++] = field(":scheme", "https");
	nv[n++] = field(":authority", r->authority);
	nv[n++] = field(":path", ask->path);
	nv[n++] = field("accept", ask->type);
	if (ask->body) {
		nv[n++] = field("content-type", ask->type);
		snprintf(length, sizeof(length), "%zu", ask->len);
		nv[n++] = field("content-length", length);
	}
	return nghttp2_submit_request(r->ng, NULL, nv, n, ask->body ? &body : NULL, q);
}

int http2_requests_ask(struct http2_requests *r, struct http2_request *q)
{
	if (!nghttp2_session_check_request_allowed(r->ng))
		return -EPIPE;
	/* nghttp2 would keep the others waiting itself, but then they were this connection's. */
	if (r->len >=
		nghttp2_session_get_remote_settings(r->ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
		return -EAGAIN;
	q->status = 0;
	q->type[0] = '\0';
	q->len = q->head_len = q->sent = 0;
	q->whole = false;
	q->id = submit(r, q);
	if (q->id < 0)
		return q->id == NGHTTP2_ERR_NOMEM ? -ENOMEM : -EPIPE;
	r->held += q->cap;
	r->len++;
	TAILQ_INSERT_TAIL(&r->live, q, link);
	return 0;
}

/* ---- bytes ---- */

int http2_requests_take(struct http2_requests *r, const uint8_t *bytes, size_t len)
{
	r->waste += len;
	if (r->waste > HTTP2_WASTE_MAX)
		return -EPROTO;
	return nghttp2_session_mem_recv(r->ng, bytes, len) == (ssize_t)len ? 0 : -EPROTO;
}

int http2_requests_put(struct http2_requests *r, struct evbuffer *out)
{
	const uint8_t *bytes;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(r->ng, &bytes)) > 0)
		if (evbuffer_add(out, bytes, (size_t)n) < 0)
			return -ENOMEM;
	if (n < 0)
		return -EPROTO;
	if (nghttp2_session_want_read(r->ng) || nghttp2_session_want_write(r->ng))
		return 0;
	/* Where the server has not said farewell, nghttp2 has: what came was no HTTP/2. */
	return r->farewell ? -EPIPE : -EPROTO;
}

/* ---- the connection ---- */

static int greet(nghttp2_session *ng)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP2_HEAD_MAX},
	};

	if (nghttp2_submit_settings(
		    ng, NGHTTP2_FLAG_NONE, settings, sizeof(settings) / sizeof(settings[0])) ||
		nghttp2_session_set_local_window_size(ng, NGHTTP2_FLAG_NONE, 0, WINDOW))
		return -ENOMEM;
	return 0;
}

static int create_ng(struct http2_requests *r)
{
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;

	if (nghttp2_session_callbacks_new(&callbacks))
		return -ENOMEM;
	nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin);
	nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	int e = nghttp2_option_new(&option);
	if (e == 0) {
		nghttp2_option_set_max_continuations(option, CONTINUATIONS_MAX);
		nghttp2_option_set_no_closed_streams(option, 1);
		e = nghttp2_session_client_new2(&r->ng, callbacks, r, option);
		nghttp2_option_del(option);
	}
	nghttp2_session_callbacks_del(callbacks);
	return e ? -ENOMEM : greet(r->ng);
}

int http2_requests_create(const char *authority, struct http2_requests **ret_requests)
{
	struct http2_requests *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	TAILQ_INIT(&r->live);
	TAILQ_INIT(&r->whole);
	r->authority = strdup(authority);
	if (!r->authority || create_ng(r) < 0) {
		http2_requests_destroy(r);
		return -ENOMEM;
	}
	*ret_requests = r;
	return 0;
}

void http2_requests_destroy(struct http2_requests *r)
{
	if (!r)
		return;
	nghttp2_session_del(r->ng);
	free(r->authority);
	free(r);
}
