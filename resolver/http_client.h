/* Requests over HTTP to one server at one address, many at a time.
 *
 *   http_client     what is asked by what
 *   http2_client    HTTP/2 over TLS, one connection, which is what there is for a server of DNS:
 *                   requests, http2_requests, over a tls_link
 *   http_curl       HTTP/1.1, for servers over TLS that have nothing else, and in plain: libcurl
 *
 * No redirect is followed, no proxy of the environment is asked, no name is looked up, nothing is
 * decompressed; what comes is bounded in bytes and in time. (libcurl speaks HTTP/2 too; but its
 * connection costs 45 us of CPU a question, more than all the rest, in a handle, some timers and
 * two calls of the system for each.) */
#ifndef RESOLVER_HTTP_CLIENT_H
#define RESOLVER_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resolver/upstream_word.h"

#define HTTP_CLIENT_BODY_MAX 65535
#define HTTP_CLIENT_WHY_MAX 128

struct event_base;
struct http_client;
struct http_request;

/* `word`: address, name, tls. 0, -ENOMEM. */
int http_client_create(
	struct event_base *base, const struct upstream_word *word, struct http_client **ret_client);
/* Ends what is under way, without a callback. Not from a callback. */
void http_client_destroy(struct http_client *c);

enum http_outcome {
	HTTP_REPLIED,
	HTTP_LOST,	  /* the connection, under way: it may be asked again */
	HTTP_SLOW,	  /* it did not come in time, others' replies did */
	HTTP_SILENT,	  /* nothing came in time */
	HTTP_UNREACHABLE, /* there is no connection, or not to whom it should be */
	HTTP_UNFIT,	  /* what came is too large, or no HTTP */
};
struct http_reply {
	enum http_outcome outcome;
	char why[HTTP_CLIENT_WHY_MAX]; /* unless it replied: "refused", "timeout", "certificate: …",
					* and others; printable ASCII */
	unsigned connections, resumed; /* that were made for it; of them, with a session of before
					*/
	long status;
	const char *type; /* Content-Type; "": none */
	const uint8_t *body;
	size_t len;
};
/* Called once, never before http_client_ask has returned. Borrowed. */
typedef void http_reply_fn(void *ctx, const struct http_reply *reply);

/* POST or PUT of a body of that type, or GET where there is none; `body` stands until the callback.
 * `path` begins with '/', needs no escape, and is copied. -ENOMEM; -EIO: libcurl does not work;
 * -ENAMETOOLONG: no URL is as long. */
struct http_ask {
	const char *path;
	const char *type; /* of the body, or what is accepted; a constant */
	const uint8_t *body;
	size_t len;
	bool puts;
	size_t most; /* bytes of a reply; 0: HTTP_CLIENT_BODY_MAX */
	http_reply_fn *fn;
	void *ctx;
};
int http_client_ask(
	struct http_client *c, const struct http_ask *ask, struct http_request **ret_request);
void http_client_cancel(struct http_request *request); /* no callback afterwards */

#endif
