/* What http_session.c, http1_session.c and http2_session.c share. */
#ifndef RESOLVER_HTTP_SESSION_INSIDE_H
#define RESOLVER_HTTP_SESSION_INSIDE_H

#include <event2/buffer.h>

#include "resolver/http_session.h"

struct http1_session;
struct http2_session;

struct http_session {
	struct evbuffer *out;
	const struct http_callbacks *callbacks;
	struct http1_session *one; /* one of the two, once it is known which */
	struct http2_session *two;
	enum http_version version;
	bool taking; /* replies are at once; `ready` is for the others */
	bool ended;
	size_t pending;
	uint64_t requests;
};

static inline bool http_session_full(const struct http_session *s)
{
	return evbuffer_get_length(s->out) > HTTP_UNSENT_MAX;
}
extern const struct http_reply http_no_room; /* 503 */
/* The reply, or that where it is late and there is no room for it. */
const struct http_reply *http_session_fit(const struct http_session *s, const struct http_reply *r);
/* Hands over a request: it counts as pending until http_session_replied. */
void http_session_request(
	struct http_session *s, struct http_exchange *x, const struct http_request *r);
/* The reply stands in `out`. The session may be gone afterwards. */
void http_session_replied(struct http_session *s);

int http1_session_create(struct http_session *s, struct http1_session **ret_session);
void http1_session_destroy(struct http1_session *s);
size_t http1_session_held(const struct http1_session *s);
ssize_t http1_session_take(struct http1_session *s, const uint8_t *bytes, size_t len);

int http2_session_create(struct http_session *s, struct http2_session **ret_session);
void http2_session_destroy(struct http2_session *s);
size_t http2_session_held(const struct http2_session *s);
ssize_t http2_session_take(struct http2_session *s, const uint8_t *bytes, size_t len);

#endif
