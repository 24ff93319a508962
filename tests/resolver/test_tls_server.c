/* Certificates that come and change, and what handshakes may cost; and a stream of TLS on a socket
 * pair. */
#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "resolver/clock.h"
#include "resolver/tls_server.h"
#include "tests/directory.h"

static char directory[DIRECTORY_CAP], cert[128], key[128];
static unsigned said;

static void say(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
	said++;
}

static X509 *make(EVP_PKEY *pkey, long serial, long from, long to)
{
	X509 *x = X509_new();
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	X509_gmtime_adj(X509_getm_notBefore(x), from);
	X509_gmtime_adj(X509_getm_notAfter(x), to);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
		(const unsigned char *)"dns.test", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, pkey);
	assert_true(X509_sign(x, pkey, EVP_sha256()) > 0);
	return x;
}

/* Both files, or, with a NULL key path, the certificate alone. */
static void write_pair(long serial, long from, long to, bool with_key)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	X509 *x = make(pkey, serial, from, to);
	FILE *f = fopen(cert, "w");
	assert_true(PEM_write_X509(f, x));
	fclose(f);
	if (with_key) {
		f = fopen(key, "w");
		assert_true(PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL));
		fclose(f);
	}
	X509_free(x);
	EVP_PKEY_free(pkey);
}

static int create(struct tls_server **ret_server, char *why)
{
	struct tls_server_config config = {.cert = cert, .key = key, .say = say};
	return tls_server_create(&config, ret_server, why);
}

static void refuses(const char *part)
{
	struct tls_server *s;
	char why[TLS_WHY_MAX];
	assert_true(create(&s, why) < 0);
	if (!strstr(why, part))
		fail_msg("%s, not %s", why, part);
}

static void test_refused(void **state)
{
	(void)state;
	write_pair(1, -10, 1000, true);
	struct tls_server *s;
	char why[TLS_WHY_MAX];
	assert_int_equal(create(&s, why), 0);
	tls_server_destroy(s);
	tls_server_destroy(NULL);
	write_pair(2, -10, 1000, false);
	refuses("not that of the certificate");
	write_pair(3, -10, -1, true);
	refuses("expired");
	write_pair(4, 100, 1000, true);
	refuses("not valid yet");
	write_pair(5, -10, 1000, true);
	assert_int_equal(truncate(key, 40), 0);
	refuses("no private key");
	assert_int_equal(truncate(cert, 100), 0);
	refuses("no certificate");
	assert_int_equal(truncate(cert, 0), 0);
	refuses("tls_cert=");
	assert_int_equal(unlink(cert), 0);
	refuses("No such file");
	/* A FIFO must not hold us. */
	assert_int_equal(mkfifo(cert, 0600), 0);
	refuses("tls_cert=");
	unlink(cert);
}

/* ---- a stream ---- */

struct pair {
	struct stream server, client;
	SSL_CTX *ctx;
};

static void join(struct pair *p, struct tls_server *s, const char *alpn)
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(tls_server_accept(s, fds[0], "\3dot", &p->server), 0);
	p->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_mode(
		p->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	p->client = (struct stream){.fd = fds[1], .tls = SSL_new(p->ctx)};
	SSL_set_fd(p->client.tls, fds[1]);
	SSL_set_connect_state(p->client.tls);
	if (alpn)
		SSL_set_alpn_protos(
			p->client.tls, (const unsigned char *)alpn, (unsigned)strlen(alpn));
}

/* What the server makes of it. */
static int shake(struct pair *p)
{
	int server = -EAGAIN, client = -EAGAIN;
	for (int i = 0; i < 20 && (server == -EAGAIN || client == -EAGAIN); i++) {
		if (client == -EAGAIN)
			client = stream_handshake(&p->client);
		if (server == -EAGAIN)
			server = stream_handshake(&p->server);
	}
	return server;
}

static long serial_of(const struct pair *p)
{
	X509 *x = SSL_get1_peer_certificate(p->client.tls);
	long serial = x ? ASN1_INTEGER_get(X509_get0_serialNumber(x)) : -1;
	X509_free(x);
	return serial;
}

static void part(struct pair *p)
{
	stream_close(&p->client);
	stream_close(&p->server);
	SSL_CTX_free(p->ctx);
}

static long served(struct tls_server *s)
{
	struct pair p;
	join(&p, s, NULL);
	assert_int_equal(shake(&p), 0);
	long serial = serial_of(&p);
	part(&p);
	return serial;
}

static void test_stream(void **state)
{
	(void)state;
	struct tls_server *s;
	struct pair p;
	char why[TLS_WHY_MAX];
	static uint8_t out[100000], in[100000];
	write_pair(7, -10, 1000, true);
	assert_int_equal(create(&s, why), 0);
	join(&p, s, "\2h2");
	assert_int_equal(shake(&p), -EPROTO);
	stream_why(&p.server, -EPROTO, why);
	assert_non_null(strstr(why, "TLS: "));
	part(&p);
	join(&p, s, "\2h2\3dot");
	assert_int_equal(shake(&p), 0);
	assert_false(stream_resumed(&p.server));
	assert_int_equal(stream_read(&p.server, in, sizeof(in)), -EAGAIN);
	/* Many small records are one read. */
	for (int i = 0; i < 100; i++)
		assert_int_equal(stream_write(&p.client, "0123456789", 10), 10);
	assert_int_equal(stream_read(&p.server, in, sizeof(in)), 1000);
	assert_memory_equal(in + 990, "0123456789", 10);
	/* More than the socket takes: every byte once, whatever is retried. */
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 31 >> 3);
	size_t sent = 0, got = 0, waits = 0;
	for (int rounds = 0; got < 5 * sizeof(out) && rounds < 10000; rounds++) {
		size_t at = sent % sizeof(out);
		ssize_t n = sent < 5 * sizeof(out)
				    ? stream_write(&p.server, out + at, sizeof(out) - at)
				    : -EAGAIN;
		if (n > 0) {
			sent += (size_t)n;
			continue;
		}
		assert_int_equal(n, -EAGAIN);
		waits++;
		n = stream_flush(&p.server);
		assert_true(n == 0 || (n == -EAGAIN && p.server.unflushed));
		n = stream_read(&p.client, in, 5000);
		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(in[i], out[(got + (size_t)i) % sizeof(out)]);
		got += (size_t)n;
	}
	assert_int_equal(got, 5 * sizeof(out));
	assert_true(waits > 2);
	/* The end is told, also behind bytes. */
	assert_int_equal(stream_write(&p.client, "bye", 3), 3);
	stream_close(&p.client);
	assert_int_equal(stream_read(&p.server, in, sizeof(in)), 3);
	assert_int_equal(stream_read(&p.server, in, sizeof(in)), 0);
	SSL_CTX_free(p.ctx);
	stream_close(&p.server);
	stream_close(&p.server); /* once more is nothing */
	tls_server_destroy(s);
}

/* A peer of TLS 1.3 that only renews its keys must not hold who reads for more than a buffer of that. */
static void test_key_updates(void **state)
{
	(void)state;
	struct tls_server *s;
	struct pair p;
	char why[TLS_WHY_MAX], in[100];
	unsigned turns = 0;
	write_pair(8, -10, 1000, true);
	assert_int_equal(create(&s, why), 0);
	join(&p, s, NULL);
	assert_int_equal(shake(&p), 0);
	/* Gathered, and sent in one piece. */
	BIO *wire = BIO_new(BIO_s_mem());
	SSL_set0_wbio(p.client.tls, wire);
	for (int i = 0; i < 4000; i++) {
		assert_int_equal(SSL_key_update(p.client.tls, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(p.client.tls), 1);
	}
	assert_int_equal(stream_write(&p.client, "x", 1), 1);
	char *bytes;
	long len = BIO_get_mem_data(wire, &bytes);
	assert_int_equal(write(p.client.fd, bytes, (size_t)len), len);
	while (stream_read(&p.server, in, sizeof(in)) == -EAGAIN && turns < 1000)
		turns++;
	assert_in_range(turns, 4, 40);
	part(&p);
	tls_server_destroy(s);
}

static void test_reload(void **state)
{
	(void)state;
	struct tls_server *s;
	struct tls_server_counters c;
	struct pair held;
	char why[TLS_WHY_MAX], byte;
	write_pair(11, -10, 1000, true);
	assert_int_equal(create(&s, why), 0);
	assert_int_equal(served(s), 11);
	join(&held, s, NULL);
	assert_int_equal(shake(&held), 0);
	write_pair(12, -10, 1000, true);
	assert_int_equal(tls_server_reload(s, cert, key, why), 0);
	assert_int_equal(served(s), 12);
	assert_int_equal(stream_write(&held.client, "x", 1), 1);
	assert_int_equal(stream_read(&held.server, &byte, 1), 1);
	write_pair(13, -10, 1000, false);
	assert_true(tls_server_reload(s, cert, key, why) < 0);
	assert_int_equal(served(s), 12);
	tls_server_counters(s, &c);
	assert_int_equal(c.loads, 2);
	assert_int_equal(c.load_failures, 1);
	assert_int_equal(said, 0);
	tls_server_destroy(s);
	/* What was begun goes on without it. */
	assert_int_equal(stream_write(&held.client, "y", 1), 1);
	assert_int_equal(stream_read(&held.server, &byte, 1), 1);
	part(&held);
}

/* In a second of which nobody asks for less than all, a third is worked, and never much at once. */
static void test_share(void **state)
{
	(void)state;
	struct tls_server *s;
	char why[TLS_WHY_MAX];
	uint64_t worked = 0, in_turn = 0, longest = 0;
	write_pair(21, -10, 1000, true);
	assert_int_equal(create(&s, why), 0);
	const uint64_t begin = clock_monotonic();
	for (uint64_t now = begin; now < begin + SECOND; now++) {
		in_turn = tls_server_may_work(s, now) ? in_turn : 0;
		if (!tls_server_may_work(s, now))
			continue;
		tls_server_worked(s, 500);
		worked += 500;
		in_turn += 500;
		longest = in_turn > longest ? in_turn : longest;
	}
	assert_in_range(worked, SECOND / 3 - 5000, SECOND / 3 + 5000);
	assert_in_range(longest, 500, 3000);
	tls_server_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_key_updates),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_share),
	};
	signal(SIGPIPE, SIG_IGN);
	if (directory_make(directory) < 0)
		return 1;
	snprintf(cert, sizeof(cert), "%s/cert.pem", directory);
	snprintf(key, sizeof(key), "%s/key.pem", directory);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	directory_remove(directory);
	return failed;
}
