/* Which HTTP a connection speaks, and what both have in common. */
#include "resolver/http_session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/http_session_inside.h"

/* RFC 9113, 3.4. No request of HTTP/1.1 begins so. */
static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

int http_session_create(enum http_version version, struct evbuffer *out,
	const struct http_callbacks *callbacks, struct http_session **ret_session)
{
	struct http_session *s = calloc(1, sizeof(*s));
	int error = s ? 0 : -ENOMEM;
	if (!s)
		return error;
	s->out = out;
	s->callbacks = callbacks;
	s->version = version;
	if (version == HTTP_1)
		error = http1_session_create(s, &s->one);
	else if (version == HTTP_2)
		error = http2_session_create(s, &s->two);
	if (error < 0) {
		free(s);
		return error;
	}
	*ret_session = s;
	return 0;
}

void http_session_destroy(struct http_session *s)
{
	if (!s)
		return;
	http1_session_destroy(s->one);
	http2_session_destroy(s->two);
	free(s);
}

/* 0: it is known which; 1: more bytes will tell. */
static int find_version(struct http_session *s, const uint8_t *bytes, size_t len)
{
	size_t n = len < sizeof(preface) - 1 ? len : sizeof(preface) - 1;
	bool two = memcmp(bytes, preface, n) == 0;
	if (two && n < sizeof(preface) - 1)
		return 1;
	s->version = two ? HTTP_2 : HTTP_1;
	return two ? http2_session_create(s, &s->two) : http1_session_create(s, &s->one);
}

ssize_t http_session_take(struct http_session *s, const uint8_t *bytes, size_t len)
{
	if (s->version == HTTP_ANY) {
		int r = len ? find_version(s, bytes, len) : 1;
		if (r)
			return r < 0 ? r : 0;
	}
	s->taking = true;
	ssize_t r = s->two ? http2_session_take(s->two, bytes, len)
			   : http1_session_take(s->one, bytes, len);
	s->taking = false;
	return r;
}

bool http_session_ended(const struct http_session *s)
{
	return s->ended;
}

size_t http_session_pending(const struct http_session *s)
{
	return s->pending;
}

size_t http_session_held(const struct http_session *s)
{
	if (s->one)
		return http1_session_held(s->one);
	return s->two ? http2_session_held(s->two) : 0;
}

uint64_t http_session_requests(const struct http_session *s)
{
	return s->requests;
}

bool http_session_is_http2(const struct http_session *s)
{
	return s->two != NULL;
}

const struct http_reply http_no_room = {.status = 503, .max_age = HTTP_NO_AGE};

const struct http_reply *http_session_fit(const struct http_session *s, const struct http_reply *r)
{
	return s->taking || s->callbacks->has_room(s->callbacks->ctx) ? r : &http_no_room;
}

void http_session_request(
	struct http_session *s, struct http_exchange *x, const struct http_request *r)
{
	s->pending++;
	s->requests++;
	s->callbacks->request(s->callbacks->ctx, x, r);
}

void http_session_replied(struct http_session *s)
{
	s->pending--;
	if (!s->taking)
		s->callbacks->ready(s->callbacks->ctx);
}
