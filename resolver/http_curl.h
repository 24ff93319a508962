/* HTTP/1.1 with one server, some connections to it: the thin edge to libcurl. */
#ifndef RESOLVER_HTTP_CURL_H
#define RESOLVER_HTTP_CURL_H

#include "resolver/http_client.h"

struct http_curl;
struct curl_ask;
struct tls_client;

struct http_curl_config {
	struct event_base *base;
	struct tls_client *trust;	     /* NULL: in plain; it must outlive this */
	const struct server_address *server; /* copied */
	const char *authority;		     /* likewise: HOST:PORT for URLs */
};
/* 0, -ENOMEM, -EIO: libcurl does not work. */
int http_curl_create(const struct http_curl_config *config, struct http_curl **ret_curl);
void http_curl_destroy(struct http_curl *c); /* no callbacks; not from one; NULL is fine */
/* As http_client_ask. */
int http_curl_ask(struct http_curl *c, const struct http_ask *what, struct curl_ask **ret_ask);
void http_curl_cancel(struct curl_ask *ask);

#endif
