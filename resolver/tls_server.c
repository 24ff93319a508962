/* Certificate, key, and what the server's side of TLS allows. */
#include "resolver/tls_server.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "resolver/clock.h"
#include "resolver/watched_file.h"

#define FILE_BYTES_MAX (256u << 10) /* a chain has some kilobytes */
/* Who replaces certificate and key does so one after the other, or writes a while: until then what
 * was loaded stands, and nothing is said. */
#define HALF_DONE (3 * SECOND)
/* A stolen key of the tickets reads what clients of TLS 1.2 said in sessions that were resumed: no
 * more than of so long. */
#define TICKET_KEYS_FOR (12 * 3600 * SECOND)
#define SESSION_SECONDS 7200
/* What was lost may be made up for, but only so much at once: UDP waits meanwhile. A signature
 * takes 30 to 700 us, by the kind of key. */
#define WORK_SHARE 3 /* one part in so many of a core's time */
#define WORK_MOST (2000 * WORK_SHARE)

struct tls_server {
	SSL_CTX *ctx;
	char *cert_path, *key_path;
	struct watched_file cert, key;
	tls_say_fn *say;
	void *say_ctx;
	uint64_t looked_at, ticket_keys_at;
	uint64_t bad_since; /* 0: what the files say is what is in use */
	bool said_bad;
	uint64_t work_at;
	int64_t work_left; /* times WORK_SHARE; below 0: the last one took longer than was left */
	struct tls_server_counters counters;
};

/* ---- reading PEM ---- */

/* What a file says, malloc'd. Read whether it has changed or not. */
struct text {
	char *bytes;
	size_t len;
};

static void text_finish(struct text *t)
{
	if (t->bytes)
		OPENSSL_cleanse(t->bytes, t->len);
	free(t->bytes);
}

static int read_text(const char *path, struct watched_file *file, struct text *ret_text)
{
	*file = (struct watched_file){.path = path};
	if (access(path, R_OK) < 0)
		return -errno;
	watched_file_changed(file, FILE_BYTES_MAX, &ret_text->bytes, &ret_text->len);
	return ret_text->len ? 0 : -ENODATA;
}

/* Without it OpenSSL asks the terminal. */
static int no_password(char *buf, int size, int writing, void *ctx)
{
	(void)buf;
	(void)size;
	(void)writing;
	*(bool *)ctx = true;
	return -1;
}

static const char *openssl_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return reason ? reason : "OpenSSL gives no reason";
}

/* NULL: good for now. */
static const char *judge_time(const X509 *cert)
{
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0)
		return "the certificate has expired";
	if (X509_cmp_current_time(X509_get0_notBefore(cert)) >= 0)
		return "the certificate is not valid yet";
	return NULL;
}

/* The first certificate is ours, those behind it are sent along. NULL, or why not. */
static const char *use_certificates(SSL_CTX *ctx, const struct text *text)
{
	BIO *bio = BIO_new_mem_buf(text->bytes, (int)text->len);
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL, *next;
	const char *why = cert ? judge_time(cert) : "there is no certificate in it (PEM)";

	if (!why && SSL_CTX_use_certificate(ctx, cert) != 1)
		why = openssl_reason();
	X509_free(cert);
	while (!why && (next = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		if (SSL_CTX_add0_chain_cert(ctx, next) != 1) {
			X509_free(next);
			why = openssl_reason();
		}
	BIO_free(bio);
	return why;
}

static const char *use_key(SSL_CTX *ctx, const struct text *text)
{
	bool locked = false;
	const char *why = NULL;
	BIO *bio = BIO_new_mem_buf(text->bytes, (int)text->len);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, &locked) : NULL;

	if (!key)
		why = locked ? "the key has a password, and a daemon has nobody to ask for it"
			     : "there is no private key in it (PEM)";
	else if (X509_check_private_key(SSL_CTX_get0_certificate(ctx), key) != 1)
		why = "the key is not that of the certificate";
	else if (SSL_CTX_use_PrivateKey(ctx, key) != 1)
		why = openssl_reason();
	EVP_PKEY_free(key);
	BIO_free(bio);
	return why;
}

/* ---- the context ---- */

/* RFC 7301: to speak on with somebody who wants another protocol is to be made use of. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	const unsigned char *offered, unsigned offered_len, void *ctx)
{
	const unsigned char *ours = SSL_get_app_data(ssl);
	unsigned char *chosen;

	(void)ctx;
	if (SSL_select_next_proto(&chosen, out_len, ours, (unsigned)strlen((const char *)ours),
		    offered, offered_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *make_context(void)
{
	static const unsigned char who[] = "kadns";
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx)
		return NULL;
	/* Without AUTO_RETRY a read ends behind a buffer that had no data in it: see stream.c. */
	SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* Many records in one system call. */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	/* What resumes a session is with the client: nothing that a stranger could fill here. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_timeout(ctx, SESSION_SECONDS);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
		SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
		SSL_CTX_set_session_id_context(ctx, who, sizeof(who) - 1) == 1)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

static int complain(
	char ret_why[TLS_WHY_MAX], const char *option, const char *path, const char *why)
{
	snprintf(ret_why, TLS_WHY_MAX, "%s=%s: %s", option, path, why);
	ERR_clear_error();
	return -EINVAL;
}

/* Both files, into a context of their own. 0, or -EINVAL with the reason. */
static int load(struct tls_server *s, const char *cert_path, const char *key_path,
	char ret_why[TLS_WHY_MAX])
{
	struct text cert = {0}, key = {0};
	struct watched_file cert_file, key_file;
	const char *why = NULL;
	SSL_CTX *ctx = make_context();
	int r = ctx ? read_text(cert_path, &cert_file, &cert) : -ENOMEM;

	if (r)
		r = complain(ret_why, "tls_cert", cert_path, strerror(-r));
	else if ((r = read_text(key_path, &key_file, &key)))
		r = complain(ret_why, "tls_key", key_path, strerror(-r));
	else if ((why = use_certificates(ctx, &cert)))
		r = complain(ret_why, "tls_cert", cert_path, why);
	else if ((why = use_key(ctx, &key)))
		r = complain(ret_why, "tls_key", key_path, why);
	text_finish(&cert);
	text_finish(&key);
	ERR_clear_error();
	if (r) {
		SSL_CTX_free(ctx);
		s->counters.load_failures++;
		return r;
	}
	SSL_CTX_free(s->ctx); /* connections hold on to theirs */
	s->ctx = ctx;
	s->cert = cert_file;
	s->key = key_file;
	s->ticket_keys_at = clock_monotonic(); /* OpenSSL has made new ones */
	s->bad_since = 0;
	s->said_bad = false;
	s->counters.loads++;
	return 0;
}

/* ---- changes ---- */

static bool file_changed(struct watched_file *file)
{
	struct text text;
	bool changed = watched_file_changed(file, FILE_BYTES_MAX, &text.bytes, &text.len);

	text_finish(&text);
	return changed;
}

static void reload_changed(struct tls_server *s, uint64_t now)
{
	char why[TLS_WHY_MAX];
	char line[TLS_WHY_MAX + 64];

	if (load(s, s->cert_path, s->key_path, why) == 0) {
		s->say(s->say_ctx, "the certificate has changed and is read again");
		return;
	}
	if (!s->bad_since)
		s->bad_since = now;
	if (now - s->bad_since < HALF_DONE || s->said_bad)
		return;
	s->said_bad = true;
	snprintf(line, sizeof(line), "%s; the certificate stays as it was", why);
	s->say(s->say_ctx, line);
}

/* Who has replaced the keys of the tickets has a full handshake to do, once a client. */
static void renew_ticket_keys(struct tls_server *s, uint64_t now)
{
	unsigned char keys[80];
	long len = SSL_CTX_get_tlsext_ticket_keys(s->ctx, NULL, 0);

	if (now - s->ticket_keys_at < TICKET_KEYS_FOR || len > (long)sizeof(keys))
		return;
	if (RAND_bytes(keys, (int)len) == 1 &&
		SSL_CTX_set_tlsext_ticket_keys(s->ctx, keys, len) == 1)
		s->ticket_keys_at = now;
	OPENSSL_cleanse(keys, sizeof(keys));
}

/* At most once a second. */
static void look(struct tls_server *s)
{
	uint64_t now = clock_monotonic();

	if (now - s->looked_at < SECOND)
		return;
	s->looked_at = now;
	bool cert = file_changed(&s->cert), key = file_changed(&s->key);

	if (cert || key)
		s->said_bad = false;
	if (cert || key || s->bad_since)
		reload_changed(s, now);
	renew_ticket_keys(s, now);
}

/* ---- the interface ---- */

int tls_server_reload(
	struct tls_server *s, const char *cert, const char *key, char ret_why[TLS_WHY_MAX])
{
	char *cert_path = strdup(cert), *key_path = strdup(key);
	int r = cert_path && key_path ? load(s, cert_path, key_path, ret_why)
				      : complain(ret_why, "tls_cert", cert, strerror(ENOMEM));

	if (r) {
		free(cert_path);
		free(key_path);
		return r;
	}
	free(s->cert_path);
	free(s->key_path);
	s->cert_path = cert_path;
	s->key_path = key_path;
	return 0;
}

int tls_server_create(const struct tls_server_config *config, struct tls_server **ret_server,
	char ret_why[TLS_WHY_MAX])
{
	struct tls_server *s = calloc(1, sizeof(*s));

	if (!s)
		return complain(ret_why, "tls_cert", config->cert, strerror(ENOMEM));
	s->say = config->say;
	s->say_ctx = config->say_ctx;
	int r = tls_server_reload(s, config->cert, config->key, ret_why);
	if (r) {
		tls_server_destroy(s);
		return r;
	}
	*ret_server = s;
	return 0;
}

void tls_server_destroy(struct tls_server *s)
{
	if (!s)
		return;
	SSL_CTX_free(s->ctx);
	free(s->cert_path);
	free(s->key_path);
	free(s);
}

/* Records are gathered until stream_flush, or until there are 4 kB of them. */
static bool gather_writes(SSL *ssl, int fd)
{
	BIO *buffer = BIO_new(BIO_f_buffer()), *socket = BIO_new_socket(fd, BIO_NOCLOSE);

	if (!buffer || !socket) {
		BIO_free(buffer);
		BIO_free(socket);
		return false;
	}
	SSL_set0_wbio(ssl, BIO_push(buffer, socket));
	return true;
}

int tls_server_accept(struct tls_server *s, int fd, const char *alpn, struct stream *ret_stream)
{
	look(s);
	*ret_stream = (struct stream){.fd = fd, .tls = SSL_new(s->ctx)};
	if (ret_stream->tls && SSL_set_fd(ret_stream->tls, fd) == 1 &&
		gather_writes(ret_stream->tls, fd) &&
		SSL_set_app_data(ret_stream->tls, (void *)(uintptr_t)alpn) == 1) {
		SSL_set_accept_state(ret_stream->tls);
		return 0;
	}
	stream_close(ret_stream);
	return -ENOMEM;
}

bool tls_server_may_work(struct tls_server *s, uint64_t now)
{
	uint64_t gained = now - s->work_at;

	s->work_at = now;
	s->work_left = gained < WORK_MOST ? s->work_left + (int64_t)gained : WORK_MOST;
	if (s->work_left > WORK_MOST)
		s->work_left = WORK_MOST;
	return s->work_left > 0;
}

void tls_server_worked(struct tls_server *s, uint64_t microseconds)
{
	s->work_left -= (int64_t)(microseconds * WORK_SHARE);
}

void tls_server_counters(const struct tls_server *s, struct tls_server_counters *ret_counters)
{
	*ret_counters = s->counters;
}

bool tls_server_is_named(const struct tls_server *s, const char *host)
{
	X509 *cert = SSL_CTX_get0_certificate(s->ctx);

	return cert &&
	       X509_check_host(cert, host, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}
