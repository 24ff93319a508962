/* The requests of a connection over HTTP/1.1: one at a time, answered in order. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/http1.h"
#include "resolver/http_session_inside.h"

struct http1_session {
	struct http_session *session;
	struct http_exchange exchange;
	bool answering, closes;
	/* A request whose body is on its way; head NULL: there is none. */
	char *head;
	struct http1_head request;
	struct http1_chunks chunks;
	struct http_body body;
};

int http1_session_create(struct http_session *session, struct http1_session **ret_session)
{
	struct http1_session *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->session = session;
	*ret_session = s;
	return 0;
}

static void forget_request(struct http1_session *s)
{
	free(s->head);
	free(s->body.bytes);
	s->head = NULL;
	s->body = (struct http_body){0};
	s->chunks = (struct http1_chunks){0};
}

void http1_session_destroy(struct http1_session *s)
{
	if (!s)
		return;
	if (s->answering && s->exchange.gone)
		s->exchange.gone(s->exchange.ctx);
	forget_request(s);
	free(s);
}

size_t http1_session_held(const struct http1_session *s)
{
	return s->body.cap + (s->head ? s->request.len : 0);
}

static void write_reply(struct http1_session *s, const struct http_reply *r, bool without_body)
{
	char head[HTTP1_REPLY_HEAD];
	struct evbuffer *out = s->session->out;
	size_t len = http1_reply_head(r, clock_wall() / (int64_t)SECOND, s->closes, head);
	if (len == 0) { /* a field of ours that is longer than any should be */
		struct http_reply sorry = {.status = 500, .max_age = HTTP_NO_AGE};
		evbuffer_add(out, head, http1_reply_head(&sorry, 0, s->closes, head));
		return;
	}
	evbuffer_add(out, head, len);
	if (!without_body && r->body_len)
		evbuffer_add(out, r->body, r->body_len);
}

static void on_reply(struct http_exchange *x, const struct http_reply *r)
{
	struct http1_session *s = (struct http1_session *)((char *)x -
							   offsetof(
								   struct http1_session, exchange));
	write_reply(s, http_session_fit(s->session, r), x->head_only);
	s->answering = false;
	s->session->ended |= s->closes;
	http_session_replied(s->session);
}

/* What is no request, or none that we take: nothing behind it can be trusted to be one. */
static void refuse(struct http1_session *s, unsigned status)
{
	struct http_reply r = {.status = status, .max_age = HTTP_NO_AGE};
	s->closes = s->session->ended = true;
	write_reply(s, &r, false);
	forget_request(s);
}

static void hand_over(struct http1_session *s, const struct http1_head *h)
{
	s->exchange = (struct http_exchange){
		.head_only = h->request.method == HTTP_HEAD, .reply = on_reply};
	s->closes = h->closes;
	s->answering = true;
	http_session_request(s->session, &s->exchange, &h->request);
}

/* Keeps the head while its body is on the way. */
static int begin_body(struct http1_session *s, const uint8_t *bytes, const struct http1_head *h)
{
	s->head = malloc(h->len);
	if (!s->head)
		return -ENOMEM;
	memcpy(s->head, bytes, h->len);
	http1_read_head(s->head, h->len, &s->request); /* again: its pieces lie in the copy now */
	if (h->waits)
		evbuffer_add_printf(s->session->out, "HTTP/1.1 100 Continue\r\n\r\n");
	return 0;
}

/* Takes what belongs to the body: 1 when it is whole, 0, -status, -ENOMEM. */
static int take_body(struct http1_session *s, const uint8_t *bytes, size_t len, size_t *ret_used)
{
	struct http_piece data;
	int r = 0;
	*ret_used = 0;
	if (!s->request.chunked) {
		size_t left = s->request.body_len - s->body.len;
		*ret_used = len < left ? len : left;
		r = http_body_add(&s->body, bytes, *ret_used);
		return r < 0 ? r : s->body.len == s->request.body_len;
	}
	while (r == 0 && *ret_used < len) {
		size_t used;
		r = http1_read_chunk(
			&s->chunks, (const char *)bytes + *ret_used, len - *ret_used, &used, &data);
		if (r < 0)
			return r;
		*ret_used += used;
		if (http_body_add(&s->body, data.at, data.len) < 0)
			return -ENOMEM;
	}
	return r;
}

static void hand_over_body(struct http1_session *s)
{
	struct http1_head h = s->request;
	h.request.body = (struct http_piece){(const char *)s->body.bytes, s->body.len};
	hand_over(s, &h);
	forget_request(s);
}

/* One request, or a part of its body: how many bytes; 0: no more for now. */
static ssize_t take_one(struct http1_session *s, const uint8_t *bytes, size_t len)
{
	struct http1_head h;
	size_t used;
	if (s->head) {
		int r = take_body(s, bytes, len, &used);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			refuse(s, (unsigned)-r);
		else if (r == 1)
			hand_over_body(s);
		return (ssize_t)used;
	}
	int r = http1_read_head((const char *)bytes, len, &h);
	if (r < 0)
		refuse(s, (unsigned)-r);
	if (r != 1)
		return 0;
	if (!h.chunked && h.body_len == 0)
		hand_over(s, &h);
	else if (begin_body(s, bytes, &h) < 0)
		return -ENOMEM;
	return (ssize_t)h.len;
}

ssize_t http1_session_take(struct http1_session *s, const uint8_t *bytes, size_t len)
{
	size_t at = 0;
	while (at < len && !s->answering && !s->session->ended && !http_session_full(s->session)) {
		ssize_t n = take_one(s, bytes + at, len - at);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		at += (size_t)n;
	}
	return s->session->ended ? (ssize_t)len : (ssize_t)at;
}
