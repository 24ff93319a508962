/* A connection of ours to a server over TLS, on the loop: made, shaken, bytes in and bytes out.
 * What is spoken over it is the business of who has it. */
#ifndef RESOLVER_TLS_LINK_H
#define RESOLVER_TLS_LINK_H

#include <stdint.h>

#include "resolver/stream.h"

struct evbuffer;
struct event_base;
struct server_address;
struct tls_client;
struct tls_link;

struct tls_link_config {
	struct event_base *base;
	struct tls_client *tls; /* it must outlive the link */
	const struct server_address *server;
	void (*opened)(void *ctx); /* the handshake is done, and the server is whom it should be */
	/* What came, all of it to be taken, in pieces of TLS_LINK_PIECE at most. 0, or the error
	 * that the link ends with. It does not destroy the link. */
	int (*bytes)(void *ctx, const uint8_t *bytes, size_t len);
	/* It could not be made, or is gone: nothing is called any more, and it is to be destroyed,
	 * now or later. `why` is for people, and printable. */
	void (*ended)(void *ctx, const char *why);
	void *ctx;
};
#define TLS_LINK_PIECE 16384

/* 0: it is on its way; -errno: there is no way, or no memory. */
int tls_link_create(const struct tls_link_config *config, struct tls_link **ret_link);
void tls_link_destroy(struct tls_link *link); /* says good-bye; NULL is fine */

/* What is put here goes out with tls_link_send, or as soon as it is open. */
struct evbuffer *tls_link_out(struct tls_link *link);
/* When all callbacks of this turn of the loop have been, so that what they say shares a record. */
void tls_link_send(struct tls_link *link);

/* Once it is open. */
bool tls_link_resumed(const struct tls_link *link);
bool tls_link_speaks(const struct tls_link *link, const char *protocol); /* what ALPN chose */

#endif
