/* What URLs are made of: percent-encoding, the parameters of a query, base64url. */
#ifndef RESOLVER_HTTP_URL_H
#define RESOLVER_HTTP_URL_H

#include "resolver/http.h"

/* Percent-encoding undone, into cap bytes. The length; -EINVAL (a `%` without its digits), -ENOSPC.
 * In a query `+` stands for a space (`form`). */
int http_unescape(struct http_piece in, bool form, char *buf, size_t cap);

/* The value of a parameter, undone as above; -ENOENT: it is not there; -EEXIST: twice. */
int http_parameter(struct http_piece query, const char *name, char *buf, size_t cap);

/* Base64url without padding (RFC 4648, 5). The number of bytes; -EINVAL (another letter, padding, a
 * length of 4n+1, spare bits that are set), -ENOSPC. */
int http_base64url(const char *text, size_t len, uint8_t *buf, size_t cap);

/* Is this media type the one that the field names, its parameters aside? */
bool http_type_is(struct http_piece field, const char *type);
/* How much an Accept field wants a type, in thousandths: 0 not at all; 1000 where there is no
 * field. `type` is "group/kind". */
unsigned http_accepts(struct http_piece accept, const char *type);

#endif
