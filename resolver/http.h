/* HTTP as far as its versions agree (RFC 9110): a request, its reply, and the exchange of the two.
 *
 *   http_conn    a connection: which version it speaks, its bounds, its deadlines
 *     http1        HTTP/1.1 and 1.0 (RFC 9112): bytes to a head, a reply to bytes
 *     http2        HTTP/2 (RFC 9113), by nghttp2
 *   http_route   which of the following answers a path
 *   http_*       the answers: DNS over HTTPS, files, the program of 2009, pkarr's relay, …
 *
 * A request is borrowed for the call that hands it over; a route keeps what it needs, and answers
 * by http_reply, at once or later. */
#ifndef RESOLVER_HTTP_H
#define RESOLVER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;

#define HTTP_HEAD_MAX 8192  /* the line of the request and its fields (trust.md: 8 kB) */
#define HTTP_BODY_MAX 65535 /* a DNS message; all else is shorter */

struct http_piece { /* some bytes of a stranger's; at NULL: not there */
	const char *at;
	size_t len;
};
bool http_is(struct http_piece p, const char *word);	      /* the very bytes */
bool http_is_any_case(struct http_piece p, const char *word); /* ASCII letters alike */
/* Takes what stands before the mark, and the mark; all of it, where there is none. */
struct http_piece http_take(struct http_piece *from, char mark);
struct http_piece http_trimmed(struct http_piece p); /* without blanks at its ends */

struct http_body { /* zeroed at first; whoever fills it frees `bytes` */
	uint8_t *bytes;
	size_t len, cap;
};
/* 0, -ENOMEM, -EFBIG (over HTTP_BODY_MAX). */
int http_body_add(struct http_body *b, const void *bytes, size_t len);

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_OPTIONS, HTTP_OTHER_METHOD };
enum http_method http_method(struct http_piece name);

/* The fields that a route, or the connection, looks at. Others are passed over. */
enum http_field {
	HTTP_ACCEPT,
	HTTP_CONTENT_TYPE,
	HTTP_HOST, /* in HTTP/2 :authority */
	HTTP_IF_MODIFIED_SINCE,
	HTTP_IF_NONE_MATCH,
	HTTP_ORIGIN,
	HTTP_SEC_FETCH_SITE, /* of browsers: what kind of page asks */
	HTTP_FIELDS,
};
/* Which one it is, in any case of letters; HTTP_FIELDS: none of them. */
enum http_field http_field(struct http_piece name);

struct http_request {
	enum http_method method;
	struct http_piece path, query; /* query: behind the first `?`, or not there */
	struct http_piece field[HTTP_FIELDS];
	struct http_piece body;
};
/* Path and query of a target; "/" stands for an empty path. False: it is not "/…". */
bool http_target(struct http_request *r, struct http_piece target);

struct http_reply {
	unsigned status;
	const char *type; /* of the body; NULL: there is none */
	const void *body;
	size_t body_len;
	long max_age; /* seconds a cache may keep it; HTTP_NO_STORE, HTTP_NO_AGE: not said */
	/* More fields, names in lower case; each of the strings stands for the call. */
#define HTTP_REPLY_FIELDS 8
	struct http_reply_field {
		const char *name, *value;
	} more[HTTP_REPLY_FIELDS];
	size_t more_len;
};
#define HTTP_NO_AGE (-1)
#define HTTP_NO_STORE (-2)
void http_reply_add(struct http_reply *r, const char *name, const char *value);
const char *http_reason(unsigned status); /* "Not Found"; "" for what we never say */

/* One request under way. Whoever has it answers it once; `gone` is called instead when the client
 * goes away first. */
struct http_exchange {
	bool head_only; /* HEAD: all but the body is sent */
	void (*gone)(void *ctx);
	void *ctx;
	void (*reply)(struct http_exchange *x, const struct http_reply *r); /* the connection's */
};
/* The exchange is over with this: it may not be touched afterwards. */
void http_reply(struct http_exchange *x, const struct http_reply *r);
/* A status and one line of plain text, ours, that says why. */
void http_refuse(struct http_exchange *x, unsigned status, const char *why);

#endif
