/* Dates as HTTP writes them (RFC 9110, 5.6.7). */
#ifndef RESOLVER_HTTP_DATE_H
#define RESOLVER_HTTP_DATE_H

#include "resolver/http.h"

/* "Sun, 06 Nov 1994 08:49:37 GMT", of seconds since 1970, and back: false where
 * it is none of the three forms. */
#define HTTP_DATE_MAX 32
void http_date(int64_t seconds, char ret_text[HTTP_DATE_MAX]);
/* The same for what is said many times a second; the text stands until the next call. */
const char *http_date_now(int64_t seconds);
bool http_date_read(struct http_piece text, int64_t *ret_seconds);

#endif
