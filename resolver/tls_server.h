/* The certificate and key of the doors that speak TLS, and what handshakes may cost.
 *
 * One for all of them: each connection brings the protocols that its door speaks (ALPN). Files that
 * change are read anew, and connections that stand keep what they began with. */
#ifndef RESOLVER_TLS_SERVER_H
#define RESOLVER_TLS_SERVER_H

#include <stdint.h>

#include "resolver/stream.h"

struct tls_server;

typedef void tls_say_fn(void *ctx, const char *line);
struct tls_server_config {
	const char *cert; /* PEM: ours first, then those between it and the root */
	const char *key;  /* PEM, without a password: a daemon has nobody to ask */
	tls_say_fn *say;  /* what happens later, when nobody looks at an error */
	void *say_ctx;
};

/* 0, or a negative errno with one line for people in ret_why. */
#define TLS_WHY_MAX 4400
int tls_server_create(const struct tls_server_config *config, struct tls_server **ret_server,
	char ret_why[TLS_WHY_MAX]);
void tls_server_destroy(struct tls_server *s); /* connections may outlive it */
/* These files from now on, whether they have changed or not. An error, and then all stays as it
 * was. */
int tls_server_reload(
	struct tls_server *s, const char *cert, const char *key, char ret_why[TLS_WHY_MAX]);

/* A stream for a connection that was accepted; takes the descriptor, which is not blocking, in any
 * case. `alpn` is a list as on the wire, "\3dot", that stands for ever: a client that offers
 * protocols and none of these is refused, one that offers none is not. -ENOMEM.
 * Looks at the files now and then. */
int tls_server_accept(struct tls_server *s, int fd, const char *alpn, struct stream *ret_stream);

/* Does the certificate name this host? */
bool tls_server_is_named(const struct tls_server *s, const char *host);

/* Handshakes cost a hundred times what an answer does, and a stranger can ask for any number: all
 * together they have a share of the time, and wait for it in turn. `now` is monotonic. */
bool tls_server_may_work(struct tls_server *s, uint64_t now);
void tls_server_worked(struct tls_server *s, uint64_t microseconds);

struct tls_server_counters {
	uint64_t loads, load_failures;
};
void tls_server_counters(const struct tls_server *s, struct tls_server_counters *ret_counters);

#endif
