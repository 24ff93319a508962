/* HTTP/2 over TLS with one server: one connection for all requests, made when there is something to
 * ask, closed when there is nothing for a while. One that takes no more (GOAWAY, or its numbers
 * have run out) ends what it has while the next begins. */
#ifndef RESOLVER_HTTP2_CLIENT_H
#define RESOLVER_HTTP2_CLIENT_H

#include "resolver/http_client.h"

struct http2_client;
struct http2_ask;
struct tls_client;

struct http2_client_config {
	struct event_base *base;
	struct tls_client *tls;		     /* it must outlive the client */
	const struct server_address *server; /* copied */
	const char *authority;		     /* likewise: what is asked for, HOST[:PORT] */
	/* A server has chosen no HTTP/2: what waits is handed out by http2_client_surrender. */
	void (*other)(void *ctx);
	void *ctx;
};
/* 0, -ENOMEM. */
int http2_client_create(const struct http2_client_config *config, struct http2_client **ret_client);
void http2_client_destroy(struct http2_client *c); /* no callbacks; not from one; NULL is fine */

/* As http_client_ask, but `what` is to stand, and its path, until the callback. */
int http2_client_ask(
	struct http2_client *c, const struct http_ask *what, struct http2_ask **ret_ask);
void http2_client_cancel(struct http2_ask *ask);

#endif
