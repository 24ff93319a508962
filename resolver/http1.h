/* HTTP/1.1 and 1.0 (RFC 9112): bytes only, no sockets.
 *
 * Reading is strict, because every laxness here is how one request is smuggled behind another:
 * CRLF, no folded lines, no space before a colon, one Host, one Content-Length or one
 * Transfer-Encoding. */
#ifndef RESOLVER_HTTP1_H
#define RESOLVER_HTTP1_H

#include "resolver/http.h"

struct http1_head {
	struct http_request
		request;      /* without its body; its pieces lie in the bytes that were read */
	size_t len;	      /* of the head, its empty line included */
	size_t body_len;      /* that follow, when it is not chunked */
	bool chunked, closes; /* closes: there is no further request */
	bool waits;	      /* for `100 Continue` before it sends the body */
};
/* Looks for a head at the beginning of the bytes: 1; 0: it is not whole yet; or the status that
 * refuses it, negative: -400, -413, -414, -417, -431, -501, -505. Empty lines before it are passed
 * over. */
int http1_read_head(const char *bytes, size_t len, struct http1_head *ret_head);

/* A body in chunks, as it comes. */
struct http1_chunks { /* zeroed at first */
	enum {
		CHUNK_SIZE,
		CHUNK_EXTENSION,
		CHUNK_SIZE_LF,
		CHUNK_DATA,
		CHUNK_END_CR,
		CHUNK_END_LF,
		CHUNK_TRAILER,
		CHUNK_TRAILER_LF,
		CHUNK_DONE
	} at;
	size_t left;   /* of this chunk */
	size_t digits; /* of its size */
	size_t other;  /* bytes that are no data: HTTP_HEAD_MAX at most, in all of the body */
	size_t body;   /* bytes of data so far: HTTP_BODY_MAX at most */
	bool line;     /* this line of the trailer is not empty */
};
/* Takes bytes until some are data, or all are taken: *ret_used of them, and *ret_data, which may be
 * empty. 1: the body is whole; 0: there is more; -400, -413. */
int http1_read_chunk(struct http1_chunks *c, const char *bytes, size_t len, size_t *ret_used,
	struct http_piece *ret_data);

/* The head of a reply, into `buf`; its length, or 0 where it does not fit. */
#define HTTP1_REPLY_HEAD 1536
size_t http1_reply_head(
	const struct http_reply *r, int64_t now, bool closes, char buf[HTTP1_REPLY_HEAD]);

#endif
