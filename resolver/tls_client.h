/* The client's side of TLS to one server: its certificate must be signed by an authority of this
 * system and say the server's name (RFC 8310, strict), and the last session is resumed. */
#ifndef RESOLVER_TLS_CLIENT_H
#define RESOLVER_TLS_CLIENT_H

#include "resolver/stream.h"

struct tls_client;

/* The authorities are those of OpenSSL: /etc/ssl/certs, or SSL_CERT_FILE and SSL_CERT_DIR. `name`
 * may be an address. `alpn` as on the wire, "\3dot"; copied. 0, -ENOMEM. */
int tls_client_create(const char *name, const char *alpn, struct tls_client **ret_client);
void tls_client_destroy(struct tls_client *c); /* when none of its streams is left */
/* On a socket that is connected, or will be. Takes it in any case. -ENOMEM. */
int tls_client_connect(struct tls_client *c, int fd, struct stream *ret_stream);
/* The same authorities for another's SSL_CTX, which are read only once. -ENOMEM. */
int tls_client_trust(struct tls_client *c, void *ssl_ctx);

#endif
