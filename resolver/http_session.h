/* The requests of one connection, and their replies, whichever HTTP it speaks: bytes in, bytes out.
 *
 * It knows no socket and no clock but the wall's, and so runs under a fuzzer as under a door. All
 * that a client can make it hold is bounded: HTTP_STREAMS_MAX requests at a time, and
 * HTTP_UNSENT_MAX bytes of them and as many of replies that it does not take. */
#ifndef RESOLVER_HTTP_SESSION_H
#define RESOLVER_HTTP_SESSION_H

#include <sys/types.h>

#include "resolver/http.h"

struct evbuffer;
struct http_session;

#define HTTP_STREAMS_MAX 100	     /* of HTTP/2; 1.1 answers in order, one at a time */
#define HTTP_UNSENT_MAX (256u << 10) /* then it is asked no further (dns_tcp has the same) */

enum http_version {
	HTTP_ANY, /* 1.1, or 2 with prior knowledge: its preface tells */
	HTTP_1,
	HTTP_2,
};

struct http_callbacks { /* stand as long as the session */
	/* A request, which is answered at once or later. */
	void (*request)(void *ctx, struct http_exchange *x, const struct http_request *r);
	/* A late reply stands in `out`, and bytes that were not taken may be now. It may destroy
	 * the session. */
	void (*ready)(void *ctx);
	/* May a late reply be kept until the client takes it? Else it is 503. */
	bool (*has_room)(void *ctx);
	void *ctx;
};

/* 0 or -ENOMEM. Replies go to the end of `out`. */
int http_session_create(enum http_version version, struct evbuffer *out,
	const struct http_callbacks *callbacks, struct http_session **ret_session);
/* Whoever has an exchange of it is told that it is gone. */
void http_session_destroy(struct http_session *s);

/* Takes some of the bytes: how many. The rest comes again, in front of what follows: 1.1 takes
 * nothing while it answers, neither takes much while `out` is full; nor 1.1 a part of a head. At
 * most HTTP_HEAD_MAX + 4 bytes are left over by it for ever. Negative: the connection is of no use
 * any more; what is in `out` is still to be said. Also with no bytes, when `out` has been sent. */
ssize_t http_session_take(struct http_session *s, const uint8_t *bytes, size_t len);
/* No more requests: close when nothing is pending and `out` is empty. */
bool http_session_ended(const struct http_session *s);
size_t http_session_pending(const struct http_session *s); /* requests that wait for their reply */
uint64_t http_session_requests(const struct http_session *s); /* so far */
/* Bytes of requests and replies that it keeps, beside those in `out`. */
size_t http_session_held(const struct http_session *s);
bool http_session_is_http2(const struct http_session *s);

#endif
