/* Connections to a server whose name is known. */
#include "resolver/tls_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

struct tls_client {
	SSL_CTX *ctx;
	SSL_SESSION *session; /* NULL: none yet */
	char *name;
	bool is_address;
};

/* The newest ticket; TLS 1.3 says that each is for one use, and sends another. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_client *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	SSL_SESSION_free(c->session);
	c->session = session;
	return 1; /* ours to free */
}

static SSL_CTX *make_context(const char *alpn)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx)
		return NULL;
	SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY); /* as tls_server.c */
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(ctx,
		SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(
		ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
	SSL_CTX_sess_set_new_cb(ctx, on_session);
	/* Without any authority every certificate is refused, which says what is wrong. */
	SSL_CTX_set_default_verify_paths(ctx);
	ERR_clear_error();
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
		SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)alpn, (unsigned)strlen(alpn)) ==
			0)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

int tls_client_create(const char *name, const char *alpn, struct tls_client **ret_client)
{
	struct tls_client *c = calloc(1, sizeof(*c));
	uint8_t address[sizeof(struct in6_addr)];

	if (!c)
		return -ENOMEM;
	c->ctx = make_context(alpn);
	c->name = strdup(name);
	c->is_address = inet_pton(AF_INET, name, address) == 1 ||
			inet_pton(AF_INET6, name, address) == 1;
	if (!c->ctx || !c->name || SSL_CTX_set_app_data(c->ctx, c) != 1) {
		tls_client_destroy(c);
		return -ENOMEM;
	}
	*ret_client = c;
	return 0;
}

void tls_client_destroy(struct tls_client *c)
{
	if (!c)
		return;
	SSL_SESSION_free(c->session);
	SSL_CTX_free(c->ctx);
	free(c->name);
	free(c);
}

/* A server that is asked for by its address proves that one; there is no SNI of it (RFC 6066, 3).
 */
static bool expect(const struct tls_client *c, SSL *ssl)
{
	if (c->is_address)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), c->name) == 1;
	return SSL_set1_host(ssl, c->name) == 1 && SSL_set_tlsext_host_name(ssl, c->name) == 1;
}

int tls_client_connect(struct tls_client *c, int fd, struct stream *ret_stream)
{
	SSL *ssl = SSL_new(c->ctx);

	*ret_stream = (struct stream){.fd = fd, .tls = ssl};
	if (ssl)
		SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (!ssl || SSL_set_fd(ssl, fd) != 1 || !expect(c, ssl)) {
		stream_close(ret_stream);
		return -ENOMEM;
	}
	if (c->session && SSL_SESSION_is_resumable(c->session))
		SSL_set_session(ssl, c->session);
	SSL_set_connect_state(ssl);
	return 0;
}

int tls_client_trust(struct tls_client *c, void *ssl_ctx)
{
	X509_STORE *store = SSL_CTX_get_cert_store(c->ctx);

	if (X509_STORE_up_ref(store) != 1)
		return -ENOMEM;
	SSL_CTX_set_cert_store(ssl_ctx, store);
	return 0;
}
