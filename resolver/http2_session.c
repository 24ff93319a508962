/* The requests of a connection over HTTP/2, by nghttp2.
 *
 * What the protocol lets a client do for nothing is bounded: streams that it opens and resets,
 * heads that unfold, frames that say nothing, windows that stay shut. Some of it by nghttp2, whose
 * bounds are set here; what a reply costs that nobody takes, by `held`. */
#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "resolver/clock.h"
#include "resolver/http_date.h"
#include "resolver/http_session_inside.h"

#define RESETS_BURST 100 /* CVE-2023-44487; a page that is left takes its requests back */
#define RESETS_A_SECOND 20
#define CONTINUATIONS_MAX 8 /* CVE-2024-28182; our heads fit one frame */
#define FRAME_MAX 16384	    /* the least that a client may be told */
#define HEADERS_FACTOR 4    /* heads of so many times their bound end the connection */
#define REPLY_HEADERS (7 + HTTP_REPLY_FIELDS)

struct stream2 {
	struct http_exchange exchange;
	LIST_ENTRY(stream2) link;
	TAILQ_ENTRY(stream2) turn; /* while `queued` */
	struct http2_session *session;
	int32_t id;
	unsigned refused; /* the status that its head or body calls for; 0: none */
	bool answering, queued, replied;
	bool ended; /* all of the request is here */
	/* The request, by parts. */
	nghttp2_rcbuf *method, *path, *field[HTTP_FIELDS];
	size_t head_len, head_held; /* held: of what is kept */
	struct http_body body;
	/* The body of the reply. */
	uint8_t *reply;
	size_t reply_len, reply_sent;
};

struct http2_session {
	struct http_session *session;
	nghttp2_session *ng;
	LIST_HEAD(, stream2) streams;
	/* Whole requests, as nghttp2 may not be told to send while it reads. Each is answered by
	 * itself, HEADERS and DATA: dnsperf 2.10 sees but one reply in what it reads at once. */
	TAILQ_HEAD(, stream2) queue;
	struct evbuffer *piece; /* what is said at once, and over TLS in a record of its own */
	size_t held;		/* bytes of replies that the client has not taken */
	size_t asked;		/* bytes of requests, at most as many */
	bool broken;		/* nothing that comes makes sense any more */
};

static struct stream2 *stream_of(nghttp2_session *ng, int32_t id)
{
	return nghttp2_session_get_stream_user_data(ng, id);
}

static void stream_free(struct stream2 *t)
{
	LIST_REMOVE(t, link);
	if (t->queued)
		TAILQ_REMOVE(&t->session->queue, t, turn);
	t->session->held -= t->reply_len;
	t->session->asked -= t->head_held + t->body.cap;
	if (t->answering) {
		t->session->session->pending--;
		if (t->exchange.gone)
			t->exchange.gone(t->exchange.ctx);
	}
	nghttp2_rcbuf_decref(t->method);
	nghttp2_rcbuf_decref(t->path);
	for (size_t i = 0; i < HTTP_FIELDS; i++)
		nghttp2_rcbuf_decref(t->field[i]);
	free(t->body.bytes);
	free(t->reply);
	free(t);
}

/* ---- replies ---- */

static ssize_t read_reply(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t size,
	uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
	struct stream2 *t = source->ptr;
	size_t left = t->reply_len - t->reply_sent, n = left < size ? left : size;
	(void)ng;
	(void)id;
	(void)ctx;
	memcpy(buf, t->reply + t->reply_sent, n);
	t->reply_sent += n;
	if (n == left)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

/* nghttp2 copies them. */
static nghttp2_nv header(const char *name, const char *value)
{
	return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
		.value = (uint8_t *)(uintptr_t)value,
		.namelen = strlen(name),
		.valuelen = strlen(value)};
}

static int submit(struct stream2 *t, const struct http_reply *r)
{
	char status[12], length[24], age[32];
	nghttp2_nv nv[REPLY_HEADERS];
	size_t n = 0;
	snprintf(status, sizeof(status), "%u", r->status);
	nv[n++] = header(":status", status);
	nv[n++] = header("date", http_date_now(clock_wall() / (int64_t)SECOND));
	nv[n++] = header("x-content-type-options", "nosniff");
	if (r->max_age >= 0) {
		snprintf(age, sizeof(age), "max-age=%ld", r->max_age);
		nv[n++] = header("cache-control", age);
	} else if (r->max_age == HTTP_NO_STORE) {
		nv[n++] = header("cache-control", "no-store");
	}
	if (r->status != 204 && r->status != 304) {
		snprintf(length, sizeof(length), "%zu", r->body_len);
		nv[n++] = header("content-length", length);
	}
	if (r->type)
		nv[n++] = header("content-type", r->type);
	for (size_t i = 0; i < r->more_len; i++)
		nv[n++] = header(r->more[i].name, r->more[i].value);
	nghttp2_data_provider body = {.source.ptr = t, .read_callback = read_reply};
	return nghttp2_submit_response(t->session->ng, t->id, nv, n, t->reply_len ? &body : NULL);
}

static void send_all(struct http2_session *s)
{
	const uint8_t *bytes;
	ssize_t n;
	while (!http_session_full(s->session) && (n = nghttp2_session_mem_send(s->ng, &bytes)) > 0)
		evbuffer_add(s->piece, bytes, (size_t)n);
	evbuffer_add_buffer(s->session->out, s->piece); /* moved, and not joined */
}

static void reply_stream(struct stream2 *t, const struct http_reply *r)
{
	bool body = r->body_len && !t->exchange.head_only;
	t->replied = true;
	t->reply = body ? malloc(r->body_len) : NULL;
	if (t->reply) {
		memcpy(t->reply, r->body, r->body_len);
		t->reply_len = r->body_len;
		t->session->held += t->reply_len;
	}
	if ((body && !t->reply) || submit(t, r) < 0)
		nghttp2_submit_rst_stream(
			t->session->ng, NGHTTP2_FLAG_NONE, t->id, NGHTTP2_INTERNAL_ERROR);
}

static void on_reply(struct http_exchange *x, const struct http_reply *r)
{
	struct stream2 *t = (struct stream2 *)((char *)x - offsetof(struct stream2, exchange));
	struct http2_session *s = t->session;
	t->answering = false;
	reply_stream(
		t, s->held > HTTP_UNSENT_MAX ? &http_no_room : http_session_fit(s->session, r));
	if (!s->session->taking)
		send_all(s); /* which may end the stream */
	http_session_replied(s->session);
}

static void refuse(struct stream2 *t, unsigned status)
{
	struct http_reply r = {.status = status, .max_age = HTTP_NO_AGE};
	reply_stream(t, &r);
}

/* ---- requests ---- */

static struct http_piece piece_of(nghttp2_rcbuf *b)
{
	nghttp2_vec v;
	if (!b)
		return (struct http_piece){0};
	v = nghttp2_rcbuf_get_buf(b);
	return (struct http_piece){(const char *)v.base, v.len};
}

/* All of it is here. */
static void answer(struct stream2 *t)
{
	struct http_request r = {.method = http_method(piece_of(t->method))};
	struct http_piece path = piece_of(t->path);
	if (t->refused == 0 && t->session->asked > HTTP_UNSENT_MAX)
		t->refused = 503;
	if (t->refused == 0 && http_is(path, "*") && r.method == HTTP_OPTIONS)
		r.path = path;
	else if (t->refused == 0 && !http_target(&r, path))
		t->refused = 400;
	if (t->refused) {
		refuse(t, t->refused);
		return;
	}
	for (size_t i = 0; i < HTTP_FIELDS; i++)
		r.field[i] = piece_of(t->field[i]);
	r.body = (struct http_piece){(const char *)t->body.bytes, t->body.len};
	t->exchange = (struct http_exchange){.head_only = r.method == HTTP_HEAD, .reply = on_reply};
	t->answering = true;
	http_session_request(t->session->session, &t->exchange, &r);
}

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *ctx)
{
	struct http2_session *s = ctx;
	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	struct stream2 *t = calloc(1, sizeof(*t));
	if (!t)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	t->session = s;
	t->id = frame->hd.stream_id;
	LIST_INSERT_HEAD(&s->streams, t, link);
	nghttp2_session_set_stream_user_data(ng, t->id, t);
	return 0;
}

static void keep(struct stream2 *t, nghttp2_rcbuf **at, nghttp2_rcbuf *value)
{
	size_t held = t->head_held - piece_of(*at).len + piece_of(value).len;
	nghttp2_rcbuf_incref(value);
	nghttp2_rcbuf_decref(*at);
	*at = value;
	t->session->asked += held - t->head_held;
	t->head_held = held;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, nghttp2_rcbuf *name,
	nghttp2_rcbuf *value, uint8_t flags, void *ctx)
{
	struct stream2 *t = stream_of(ng, frame->hd.stream_id);
	struct http_piece n = piece_of(name);
	(void)flags;
	(void)ctx;
	if (!t || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0; /* a trailer */
	/* As RFC 9113, 10.5.1, counts. A few bytes can unfold to very many of these. */
	t->head_len += n.len + piece_of(value).len + 32;
	if (t->head_len > HTTP_HEAD_MAX) {
		t->refused = 431;
		return t->head_len > HTTP_HEAD_MAX * HEADERS_FACTOR ? NGHTTP2_ERR_CALLBACK_FAILURE
								    : 0;
	}
	if (http_is(n, ":method")) {
		keep(t, &t->method, value);
	} else if (http_is(n, ":path")) {
		keep(t, &t->path, value);
	} else if (http_is(n, ":authority")) {
		keep(t, &t->field[HTTP_HOST], value);
	} else {
		enum http_field f = http_field(n);
		if (f < HTTP_FIELDS && !(f == HTTP_HOST && t->field[HTTP_HOST]))
			keep(t, &t->field[f], value);
	}
	return 0;
}

static int on_data(
	nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *bytes, size_t len, void *ctx)
{
	struct stream2 *t = stream_of(ng, id);
	(void)flags;
	(void)ctx;
	if (!t || t->refused)
		return 0;
	size_t cap = t->body.cap;
	int error = t->session->asked > HTTP_UNSENT_MAX ? -EBUSY
							: http_body_add(&t->body, bytes, len);
	t->session->asked += t->body.cap - cap;
	if (error == -EFBIG || error == -EBUSY) {
		t->refused = error == -EBUSY ? 503 : 413;
		refuse(t, t->refused); /* now: it may never end */
	}
	return error == -ENOMEM ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *ctx)
{
	struct http2_session *s = ctx;
	struct stream2 *t;
	if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
		!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	t = stream_of(ng, frame->hd.stream_id);
	if (!t || t->ended)
		return 0;
	t->ended = true;
	if (!t->replied) { /* or else it was refused before its end */
		TAILQ_INSERT_TAIL(&s->queue, t, turn);
		t->queued = true;
	}
	return 0;
}

/* Answered before it has said all: it may stop (RFC 9113, 8.1). */
static int on_sent(nghttp2_session *ng, const nghttp2_frame *frame, void *ctx)
{
	struct stream2 *t;
	(void)ctx;
	if (!(frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) ||
		!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	t = stream_of(ng, frame->hd.stream_id);
	if (t && !t->ended)
		nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, t->id, NGHTTP2_NO_ERROR);
	return 0;
}

static int on_close(nghttp2_session *ng, int32_t id, uint32_t error, void *ctx)
{
	struct stream2 *t = stream_of(ng, id);
	(void)error;
	(void)ctx;
	if (t)
		stream_free(t);
	return 0;
}

/* ---- the session ---- */

static int create_ng(struct http2_session *s)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, HTTP_STREAMS_MAX},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_HEAD_MAX},
		{NGHTTP2_SETTINGS_MAX_FRAME_SIZE, FRAME_MAX},
	};
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
	if (nghttp2_session_callbacks_new(&callbacks))
		return -ENOMEM;
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	int r = nghttp2_option_new(&option);
	if (r == 0) {
		nghttp2_option_set_stream_reset_rate_limit(option, RESETS_BURST, RESETS_A_SECOND);
		nghttp2_option_set_max_continuations(option, CONTINUATIONS_MAX);
		nghttp2_option_set_no_closed_streams(option, 1);
		r = nghttp2_session_server_new2(&s->ng, callbacks, s, option);
		nghttp2_option_del(option);
	}
	nghttp2_session_callbacks_del(callbacks);
	if (r)
		return -ENOMEM;
	if (nghttp2_submit_settings(
		    s->ng, NGHTTP2_FLAG_NONE, settings, sizeof(settings) / sizeof(settings[0]))) {
		nghttp2_session_del(s->ng);
		return -ENOMEM;
	}
	return 0;
}

int http2_session_create(struct http_session *session, struct http2_session **ret_session)
{
	struct http2_session *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->session = session;
	LIST_INIT(&s->streams);
	TAILQ_INIT(&s->queue);
	s->piece = evbuffer_new();
	int error = s->piece ? create_ng(s) : -ENOMEM;
	if (error < 0) {
		if (s->piece)
			evbuffer_free(s->piece);
		free(s);
		return error;
	}
	*ret_session = s;
	return 0;
}

void http2_session_destroy(struct http2_session *s)
{
	struct stream2 *t;
	if (!s)
		return;
	nghttp2_session_del(s->ng); /* without calling back */
	while ((t = LIST_FIRST(&s->streams)))
		stream_free(t);
	evbuffer_free(s->piece);
	free(s);
}

/* As many as the client takes the replies of: the others cost but their heads meanwhile. */
static void answer_all(struct http2_session *s)
{
	struct stream2 *t;
	while ((t = TAILQ_FIRST(&s->queue)) && s->held <= HTTP_UNSENT_MAX &&
		!http_session_full(s->session)) {
		TAILQ_REMOVE(&s->queue, t, turn);
		t->queued = false;
		answer(t);
		send_all(s);
	}
}

size_t http2_session_held(const struct http2_session *s)
{
	return s->held + s->asked;
}

ssize_t http2_session_take(struct http2_session *s, const uint8_t *bytes, size_t len)
{
	ssize_t n = 0;
	if (len && !s->broken && !http_session_full(s->session))
		n = nghttp2_session_mem_recv(s->ng, bytes, len);
	if (n < 0) {
		s->broken = s->session->ended = true;
		/* Says why, if that can be said. */
		nghttp2_session_terminate_session(s->ng, NGHTTP2_ENHANCE_YOUR_CALM);
	}
	send_all(s);
	answer_all(s);
	if (!nghttp2_session_want_read(s->ng) && !nghttp2_session_want_write(s->ng))
		s->session->ended = true;
	return s->broken ? -EPROTO : n;
}
