/* What a node says of itself over HTTP: /metrics for Prometheus, /healthz, and .kadns/status and
 * .kadns/nodes as they are. Nothing of it is to be kept by a cache. */
#include <stdlib.h>
#include <string.h>

#include "resolver/http_door.h"
#include "resolver/metrics.h"
#include "resolver/resolver.h"

#define PLAIN "text/plain; charset=utf-8"

/* Takes over the text; NULL: there was no memory for it. */
static void say(const struct http_visit *v, const char *type, char *text, size_t len)
{
	struct http_reply r = {.status = 200,
		.type = type,
		.body = text,
		.body_len = len,
		.max_age = HTTP_NO_STORE};
	if (text)
		http_reply(v->exchange, &r);
	else
		http_refuse(v->exchange, 500, "no memory");
	free(text);
}

static struct resolver *resolver_of(const struct http_visit *v)
{
	return v->connection->door->resolver;
}

void http_status(const struct http_visit *v, struct http_piece rest)
{
	char *text = NULL;
	size_t len = 0;
	(void)rest;
	if (resolver_status(resolver_of(v), &text, &len) < 0)
		text = NULL;
	say(v, PLAIN, text, len);
}

void http_nodes(const struct http_visit *v, struct http_piece rest)
{
	char *text = NULL;
	size_t len = 0;
	(void)rest;
	if (resolver_nodes(resolver_of(v), &text, &len) < 0)
		text = NULL;
	say(v, PLAIN, text, len);
}

void http_metrics(const struct http_visit *v, struct http_piece rest)
{
	struct text t = {0};
	char *status = NULL;
	size_t len = 0;
	(void)rest;
	if (resolver_status(resolver_of(v), &status, &len) < 0)
		t.failed = true;
	else
		metrics_write(status, len, &t);
	free(status);
	if (t.failed)
		text_destroy(&t);
	say(v, "text/plain; version=0.0.4; charset=utf-8", t.bytes, t.len);
}

void http_health(const struct http_visit *v, struct http_piece rest)
{
	const char *ails = resolver_ails(resolver_of(v));
	struct http_reply r = {.status = ails ? 503 : 200,
		.type = PLAIN,
		.body = ails ? ails : "ok\n",
		.max_age = HTTP_NO_STORE};
	(void)rest;
	r.body_len = strlen(r.body);
	http_reply(v->exchange, &r);
}
