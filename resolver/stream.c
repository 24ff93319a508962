/* Plain and TLS streams. */
#include "resolver/stream.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a call of OpenSSL that did not succeed means to us. errno was 0 before it. */
static int tls_error(struct stream *s, int result)
{
	int was = errno;

	switch (SSL_get_error(s->tls, result)) {
	case SSL_ERROR_WANT_READ:
		/* Without EAGAIN it ended behind a buffer of records that were no data, and there
		 * may be more: a peer that sends such records for ever must not hold the loop. */
		s->more = was != EAGAIN && SSL_has_pending(s->tls);
		s->awaits_room = false;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		s->awaits_room = true;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		return was ? -was : -ECONNRESET;
	default:
		return -EPROTO;
	}
}

int stream_handshake(struct stream *s)
{
	if (!s->tls)
		return 0;
	s->more = false;
	ERR_clear_error();
	errno = 0;
	int r = SSL_do_handshake(s->tls);
	if (r == 1) {
		/* What came in one piece with the end of the handshake. */
		s->more = SSL_has_pending(s->tls);
		return 0;
	}
	r = tls_error(s, r);
	return r ? r : -ECONNRESET;
}

static ssize_t plain_read(struct stream *s, void *buf, size_t size)
{
	ssize_t n;

	do
		n = recv(s->fd, buf, size, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	s->more = n > 0 && (size_t)n == size;
	return n < 0 ? -errno : n;
}

ssize_t stream_read(struct stream *s, void *buf, size_t size)
{
	size_t n = 0;

	if (!s->tls)
		return plain_read(s, buf, size);
	ERR_clear_error();
	/* A record carries a question or two: they are gathered, so that the answers can share one.
	 */
	while (n < size) {
		size_t got;

		s->more = false;
		errno = 0;
		if (SSL_read_ex(s->tls, (char *)buf + n, size - n, &got) != 1) {
			int r = tls_error(s, 0);

			if (n == 0)
				return r;
			/* An end, or an error, will be there again when it is asked for. */
			s->more = s->more || r != -EAGAIN;
			return (ssize_t)n;
		}
		n += got;
		s->more = SSL_has_pending(s->tls);
		if (!s->more)
			break;
	}
	return (ssize_t)n;
}

ssize_t stream_write(struct stream *s, const void *buf, size_t len)
{
	size_t n;

	if (!s->tls) {
		ssize_t sent;

		do
			sent = send(s->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		while (sent < 0 && errno == EINTR);
		return sent < 0 ? -errno : sent;
	}
	ERR_clear_error();
	errno = 0;
	if (SSL_write_ex(s->tls, buf, len, &n) == 1)
		return (ssize_t)n;
	int r = tls_error(s, 0);
	return r ? r : -EPIPE;
}

int stream_flush(struct stream *s)
{
	BIO *bio = s->tls ? SSL_get_wbio(s->tls) : NULL;

	s->unflushed = false;
	if (!bio || BIO_wpending(bio) == 0)
		return 0;
	errno = 0;
	if (BIO_flush(bio) > 0)
		return 0;
	s->unflushed = BIO_should_retry(bio);
	return s->unflushed ? -EAGAIN : errno ? -errno : -EPIPE;
}

static void end_tls(struct stream *s)
{
	if (!s->tls)
		return;
	ERR_clear_error();
	/* In the middle of a handshake, or of a record, there is no saying good-bye. */
	if (SSL_is_init_finished(s->tls))
		SSL_shutdown(s->tls);
	stream_flush(s);
	SSL_free(s->tls);
	ERR_clear_error();
	s->tls = NULL;
}

void stream_end(struct stream *s)
{
	end_tls(s);
	shutdown(s->fd, SHUT_WR);
}

void stream_close(struct stream *s)
{
	end_tls(s);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

bool stream_resumed(const struct stream *s)
{
	return s->tls && SSL_session_reused(s->tls);
}

bool stream_speaks(const struct stream *s, const char *protocol)
{
	const unsigned char *chosen = NULL;
	unsigned len = 0;

	if (s->tls)
		SSL_get0_alpn_selected(s->tls, &chosen, &len);
	return len == strlen(protocol) && memcmp(chosen, protocol, len) == 0;
}

void stream_why(const struct stream *s, int error, char ret_why[STREAM_WHY_MAX])
{
	long verdict = s->tls ? SSL_get_verify_result(s->tls) : X509_V_OK;
	unsigned long code = ERR_peek_last_error();
	const char *reason = error == -EPROTO && code ? ERR_reason_error_string(code) : NULL;

	if (verdict != X509_V_OK)
		snprintf(ret_why, STREAM_WHY_MAX, "certificate: %s",
			X509_verify_cert_error_string(verdict));
	else
		snprintf(ret_why, STREAM_WHY_MAX, "%s%s", reason ? "TLS: " : "",
			reason ? reason : strerror(-error));
}
