/* Whom to ask by what: over TLS by HTTP/2, or, where a server has none, and in plain, by HTTP/1.1.
 */
#include "resolver/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/http2_client.h"
#include "resolver/http_curl.h"
#include "resolver/tls_client.h"

#define HTTPS_PORT 443
#define AUTHORITY_MAX (NAME_TEXT_MAX + 16)

struct http_request {
	struct http_client *client;
	struct http_ask ask;
	struct http2_ask *two; /* one of the two */
	struct curl_ask *one;
	char path[]; /* what asks may not keep it */
};

struct http_client {
	struct event_base *base;
	struct server_address server;
	char authority[AUTHORITY_MAX];
	struct tls_client *tls; /* NULL: in plain */
	struct http2_client *two;
	struct http_curl *one; /* NULL: not needed yet */
	bool older;	       /* the server has no HTTP/2, as far as is known */
};

static int ask(struct http_request *q);

static void on_reply(void *ctx, const struct http_reply *reply)
{
	struct http_request *q = ctx;
	struct http_client *c = q->client;
	http_reply_fn *fn = q->ask.fn;
	void *fn_ctx = q->ask.ctx;

	if (q->two && c->older && reply->outcome == HTTP_LOST && ask(q) == 0)
		return;
	/* Who is found there again may be another. */
	if (reply->outcome == HTTP_UNREACHABLE)
		c->older = false;
	free(q);
	fn(fn_ctx, reply);
}

static void on_older(void *ctx)
{
	struct http_client *c = ctx;

	c->older = true;
}

static int ask_one(struct http_request *q, const struct http_ask *what)
{
	struct http_client *c = q->client;
	struct http_curl_config config = {
		.base = c->base, .trust = c->tls, .server = &c->server, .authority = c->authority};
	int r = c->one ? 0 : http_curl_create(&config, &c->one);

	return r < 0 ? r : http_curl_ask(c->one, what, &q->one);
}

static int ask(struct http_request *q)
{
	struct http_ask what = q->ask;

	what.fn = on_reply;
	what.ctx = q;
	what.path = q->path;
	q->two = NULL;
	q->one = NULL;
	return q->client->two && !q->client->older
		       ? http2_client_ask(q->client->two, &what, &q->two)
		       : ask_one(q, &what);
}

int http_client_ask(
	struct http_client *c, const struct http_ask *what, struct http_request **ret_request)
{
	size_t path = strlen(what->path) + 1;
	struct http_request *q = calloc(1, sizeof(*q) + path);

	if (!q)
		return -ENOMEM;
	q->client = c;
	q->ask = *what;
	memcpy(q->path, what->path, path);
	int r = ask(q);
	if (r < 0)
		free(q);
	else
		*ret_request = q;
	return r;
}

void http_client_cancel(struct http_request *q)
{
	if (q->two)
		http2_client_cancel(q->two);
	else
		http_curl_cancel(q->one);
	free(q);
}

/* ---- the client ---- */

/* The host alone: the name, or the address as a certificate has it; and with the port, as it is
 * asked for. */
static int name_server(
	struct http_client *c, const struct upstream_word *word, char ret_host[NAME_TEXT_MAX])
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&word->address.addr;
	const struct sockaddr_in *in = (const struct sockaddr_in *)&word->address.addr;
	bool six = word->address.addr.ss_family == AF_INET6;
	const void *bytes = six ? (const void *)&in6->sin6_addr : (const void *)&in->sin_addr;
	unsigned port = ntohs(six ? in6->sin6_port : in->sin_port);
	bool plain = word->name || !six;

	if (word->name)
		snprintf(ret_host, NAME_TEXT_MAX, "%s", word->name);
	else if (!inet_ntop(word->address.addr.ss_family, bytes, ret_host, NAME_TEXT_MAX))
		return -EINVAL;
	int len = snprintf(c->authority, sizeof(c->authority), plain ? "%s" : "[%s]", ret_host);
	if (!word->tls || port != HTTPS_PORT)
		snprintf(c->authority + len, sizeof(c->authority) - (size_t)len, ":%u", port);
	return 0;
}

static int set_up_tls(struct http_client *c, const char *host)
{
	int r = tls_client_create(host, "\2h2\10http/1.1", &c->tls);
	struct http2_client_config config = {.base = c->base,
		.tls = c->tls,
		.server = &c->server,
		.authority = c->authority,
		.other = on_older,
		.ctx = c};

	return r < 0 ? r : http2_client_create(&config, &c->two);
}

int http_client_create(
	struct event_base *base, const struct upstream_word *word, struct http_client **ret_client)
{
	struct http_client *c = calloc(1, sizeof(*c));
	char host[NAME_TEXT_MAX];

	if (!c)
		return -ENOMEM;
	c->base = base;
	c->server = word->address;
	int r = name_server(c, word, host);
	if (r == 0 && word->tls)
		r = set_up_tls(c, host);
	if (r < 0) {
		http_client_destroy(c);
		return r;
	}
	*ret_client = c;
	return 0;
}

void http_client_destroy(struct http_client *c)
{
	if (!c)
		return;
	http2_client_destroy(c->two);
	http_curl_destroy(c->one);
	tls_client_destroy(c->tls);
	free(c);
}
