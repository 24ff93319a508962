/* Requests of ours over one connection of HTTP/2 (RFC 9113), by nghttp2: bytes in, bytes out. It
 * touches no socket and knows no time.
 *
 * The server is a stranger: heads, bodies and frames that mean nothing are bounded, what it pushes
 * is refused, and what is no HTTP/2 ends the connection. */
#ifndef RESOLVER_HTTP2_REQUESTS_H
#define RESOLVER_HTTP2_REQUESTS_H

#include <sys/queue.h>

#include "resolver/http_client.h"

#define HTTP2_TYPE_MAX 64	    /* of a Content-Type; a longer one is none of ours */
#define HTTP2_HEAD_MAX 16384	    /* names and values, and 32 for each */
#define HTTP2_HELD_MAX (8u << 20)   /* bytes of replies that are not whole yet, all together */
#define HTTP2_WASTE_MAX (32u << 20) /* bytes since a reply was whole: then it means us no good */
#define HTTP2_FRAME_COST 1024	    /* what a frame is worth of these: a small one is work too */

struct evbuffer;
struct http2_requests;

/* Kept by who asks, from http2_requests_ask until it is handed back or cancelled. */
struct http2_request {
	TAILQ_ENTRY(http2_request) link; /* of the connection, while it has it; else its owner's */
	const struct http_ask *ask;	 /* until then */
	/* The reply. */
	enum http_outcome outcome; /* HTTP_REPLIED, HTTP_LOST: it may be asked again, HTTP_UNFIT */
	const char *why;
	long status;
	char type[HTTP2_TYPE_MAX];
	uint8_t *body; /* its owner frees it, at any time */
	size_t len;
	/* The connection's. */
	size_t cap, head_len, sent;
	int32_t id;
	bool whole; /* it waits to be handed back */
};

/* `authority` is what `Host:` would say; copied. 0, -ENOMEM. */
int http2_requests_create(const char *authority, struct http2_requests **ret_requests);
void http2_requests_destroy(struct http2_requests *r); /* NULL is fine */

/* 0; -EAGAIN: the server takes no more at once; -EPIPE: this connection takes no more at all, but
 * what is under way goes on; -ENOMEM. */
int http2_requests_ask(struct http2_requests *r, struct http2_request *q);
void http2_requests_cancel(struct http2_requests *r, struct http2_request *q);
/* One that has ended: it is its owner's again. NULL: none. */
struct http2_request *http2_requests_next(struct http2_requests *r);
/* Any one that is under way, likewise: the connection is gone. */
struct http2_request *http2_requests_lose(struct http2_requests *r);
size_t http2_requests_len(const struct http2_requests *r); /* under way */

/* 0; -EPROTO: no HTTP/2, or too much of it; the connection is of no use any more. */
int http2_requests_take(struct http2_requests *r, const uint8_t *bytes, size_t len);
/* What is to be said. 0, -ENOMEM; -EPIPE: there is nothing left to say or to hear; -EPROTO: nor is
 * there, for what came was no HTTP/2. */
int http2_requests_put(struct http2_requests *r, struct evbuffer *out);

#endif
