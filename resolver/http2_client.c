/* Which connection has which request, and for how long. */
#include "resolver/http2_client.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/http2_requests.h"
#include "resolver/server_address.h"
#include "resolver/tls_link.h"

#define ANSWER_TIME (5 * SECOND) /* libunbound asks again by itself long before */
#define IDLE_TIME (20 * SECOND)	 /* servers keep a connection for 10 to 30 s */
#define TICK (SECOND / 2)
/* One that is used, and some that end what they have; a server that says farewell faster than it
 * answers loses them. */
#define CONNECTIONS_MAX 4
/* Of what a server does not take: more stays with nghttp2, which ends a connection of which nothing
 * but answers to pings and settings is wanted. All questions of a moment are less. */
#define OUT_MAX (256u << 10)
#define NO_HTTP "what it sends is no HTTP"

struct connection {
	TAILQ_ENTRY(connection) link;
	struct http2_client *client;
	struct tls_link *tls;
	struct http2_requests *requests;
	bool open;
	bool broken; /* what came over it was no HTTP/2 */
};

struct http2_ask {
	TAILQ_ENTRY(http2_ask) link; /* of `asks` */
	struct http2_client *client;
	struct connection *on; /* NULL: it waits for one */
	struct http_ask what;
	uint64_t since, serial;
	struct http2_request request;
};

struct http2_client {
	struct http2_client_config config;
	struct server_address server;
	char *authority;
	struct connection *current;	      /* where the next one goes; NULL: it is to be made */
	TAILQ_HEAD(, connection) connections; /* the oldest first */
	unsigned connections_len;
	TAILQ_HEAD(, http2_ask) asks; /* all of them, the oldest first */
	TAILQ_HEAD(, http2_request) waiting;
	uint64_t serial;
	unsigned made, resumed; /* connections that nobody has been told of */
	uint64_t heard, asked;	/* when a reply was whole, and when something was asked, last */
	struct event due, tick;
};

static struct http2_ask *ask_of(struct http2_request *q)
{
	return (struct http2_ask *)((char *)q - offsetof(struct http2_ask, request));
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* ---- the end of a request ---- */

static void ask_free(struct http2_ask *ask)
{
	TAILQ_REMOVE(&ask->client->asks, ask, link);
	free(ask->request.body);
	free(ask);
}

/* It stands in no list but `asks`. */
static void tell(struct http2_ask *ask, enum http_outcome outcome, const char *why)
{
	struct http2_client *c = ask->client;
	const struct http2_request *q = &ask->request;
	struct http_reply reply = {.outcome = outcome,
		.connections = c->made,
		.resumed = c->resumed,
		.status = q->status,
		.type = q->type,
		.body = q->body,
		.len = q->len};

	snprintf(reply.why, sizeof(reply.why), "%s", why);
	c->made = c->resumed = 0;
	ask->what.fn(ask->what.ctx, &reply);
	ask_free(ask);
}

static void take_back(struct http2_ask *ask)
{
	if (ask->on)
		http2_requests_cancel(ask->on->requests, &ask->request);
	else
		TAILQ_REMOVE(&ask->client->waiting, &ask->request, link);
}

/* All that wait now: who is told of it may ask again. */
static void tell_waiting(struct http2_client *c, enum http_outcome outcome, const char *why)
{
	uint64_t last = c->serial;
	struct http2_request *q;

	while ((q = TAILQ_FIRST(&c->waiting)) && ask_of(q)->serial <= last) {
		TAILQ_REMOVE(&c->waiting, q, link);
		tell(ask_of(q), outcome, why);
	}
}

/* ---- connections ---- */

/* In this turn of the loop still, when all that is to be asked in it has been. */
static void soon(struct http2_client *c)
{
	event_active(&c->due, EV_TIMEOUT, 0);
}

static void connection_free(struct connection *k)
{
	struct http2_client *c = k->client;

	if (c->current == k)
		c->current = NULL;
	TAILQ_REMOVE(&c->connections, k, link);
	c->connections_len--;
	tls_link_destroy(k->tls);
	http2_requests_destroy(k->requests);
	free(k);
}

/* It is gone, and nobody knows how much of what was asked over it has been done. */
static void lose(struct connection *k, const char *why)
{
	struct http2_client *c = k->client;
	struct http2_request *q;

	if (c->current == k)
		c->current = NULL;
	while ((q = http2_requests_lose(k->requests)))
		tell(ask_of(q), q->whole ? q->outcome : HTTP_LOST, q->whole ? q->why : why);
	connection_free(k);
	soon(c);
}

static void hand_back(struct connection *k)
{
	struct http2_request *q;

	while ((q = http2_requests_next(k->requests))) {
		if (q->outcome == HTTP_REPLIED)
			k->client->heard = clock_monotonic();
		tell(ask_of(q), q->outcome, q->why);
	}
}

static void on_opened(void *ctx)
{
	struct connection *k = ctx;
	struct http2_client *c = k->client;

	c->made++;
	c->resumed += tls_link_resumed(k->tls);
	k->open = true;
	soon(c);
	if (tls_link_speaks(k->tls, "h2"))
		return;
	connection_free(k);
	c->config.other(c->config.ctx);
	tell_waiting(c, HTTP_LOST, "it speaks no HTTP/2");
}

static int on_bytes(void *ctx, const uint8_t *bytes, size_t len)
{
	struct connection *k = ctx;
	int r = http2_requests_take(k->requests, bytes, len);

	k->broken = r < 0;
	hand_back(k);
	soon(k->client);
	return r;
}

static void on_ended(void *ctx, const char *why)
{
	struct connection *k = ctx;
	struct http2_client *c = k->client;
	char text[STREAM_WHY_MAX]; /* it may be the link's, which goes */

	snprintf(text, sizeof(text), "%s", k->broken ? NO_HTTP : why);
	if (k->open) {
		lose(k, text);
	} else {
		connection_free(k);
		tell_waiting(c, HTTP_UNREACHABLE, text);
	}
}

static int make_connection(struct http2_client *c)
{
	if (c->connections_len == CONNECTIONS_MAX)
		lose(TAILQ_FIRST(&c->connections), "it ends connections with requests under way");
	struct connection *k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	struct tls_link_config config = {.base = c->config.base,
		.tls = c->config.tls,
		.server = &c->server,
		.opened = on_opened,
		.bytes = on_bytes,
		.ended = on_ended,
		.ctx = k};
	int r = http2_requests_create(c->authority, &k->requests);
	if (r == 0)
		r = tls_link_create(&config, &k->tls);
	if (r < 0) {
		http2_requests_destroy(k->requests);
		free(k);
		return r;
	}
	k->client = c;
	c->current = k;
	TAILQ_INSERT_TAIL(&c->connections, k, link);
	c->connections_len++;
	return 0;
}

/* ---- requests on their way ---- */

/* 0; -EAGAIN: not now; -errno: there is no way. */
static int post(struct http2_client *c, struct http2_request *q)
{
	int r = c->current ? 0 : make_connection(c);

	if (r < 0)
		return r;
	if (!c->current->open)
		return -EAGAIN;
	TAILQ_REMOVE(&c->waiting, q, link);
	r = http2_requests_ask(c->current->requests, q);
	if (r == 0)
		ask_of(q)->on = c->current;
	else
		TAILQ_INSERT_HEAD(&c->waiting, q, link);
	return r;
}

static void post_all(struct http2_client *c)
{
	struct http2_request *q;
	int r = 0;

	while (r == 0 && (q = TAILQ_FIRST(&c->waiting))) {
		r = post(c, q);
		if (r == -EPIPE) { /* it takes no more: the next one does */
			c->current = NULL;
			r = 0;
		}
	}
	if (r < 0 && r != -EAGAIN)
		tell_waiting(c, HTTP_UNREACHABLE, strerror(-r));
}

/* What nghttp2 has to say, of requests or of itself. */
static void speak(struct connection *k)
{
	struct evbuffer *out = tls_link_out(k->tls);
	bool room = k->open && evbuffer_get_length(out) < OUT_MAX;
	int r = room ? http2_requests_put(k->requests, out) : 0;

	hand_back(k);
	/* One whose numbers have run out ends here; who has said farewell, by what nghttp2 says. */
	bool over = k != k->client->current && http2_requests_len(k->requests) == 0;
	if (r < 0 || over)
		lose(k, r == -EPROTO ? NO_HTTP : "the server has ended the connection");
	else
		tls_link_send(k->tls);
}

static void on_due(evutil_socket_t fd, short what, void *ctx)
{
	struct http2_client *c = ctx;
	struct connection *k, *next;

	(void)fd;
	(void)what;
	post_all(c);
	for (k = TAILQ_FIRST(&c->connections); k; k = next) {
		next = TAILQ_NEXT(k, link); /* callbacks end none */
		speak(k);
	}
}

/* ---- time ---- */

/* Over a connection over which nothing comes nothing else does. */
static void give_up(struct http2_ask *ask)
{
	struct http2_client *c = ask->client;
	struct connection *k = ask->on ? ask->on : c->current;
	bool others = c->heard > ask->since, silent = !others && k && k->open;

	take_back(ask);
	tell(ask, others ? HTTP_SLOW : silent ? HTTP_SILENT : HTTP_UNREACHABLE, "timeout");
	if (silent)
		lose(k, "timeout");
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct timeval tick = clock_timeval(TICK);
	struct http2_client *c = ctx;
	uint64_t now = clock_monotonic();
	struct http2_ask *ask;

	(void)fd;
	(void)what;
	while ((ask = TAILQ_FIRST(&c->asks)) && now - ask->since >= ANSWER_TIME &&
		ask->since <= now)
		give_up(ask);
	if (c->current && TAILQ_EMPTY(&c->asks) && now - c->asked >= IDLE_TIME)
		connection_free(c->current);
	soon(c);
	if (!TAILQ_EMPTY(&c->connections) || !TAILQ_EMPTY(&c->asks))
		event_add(&c->tick, &tick);
}

/* ---- the interface ---- */

int http2_client_ask(
	struct http2_client *c, const struct http_ask *what, struct http2_ask **ret_ask)
{
	struct timeval tick = clock_timeval(TICK);
	struct http2_ask *ask = calloc(1, sizeof(*ask));

	if (!ask)
		return -ENOMEM;
	ask->client = c;
	ask->what = *what;
	ask->request.ask = &ask->what;
	ask->since = c->asked = later(clock_monotonic(), c->asked);
	ask->serial = ++c->serial;
	TAILQ_INSERT_TAIL(&c->asks, ask, link);
	TAILQ_INSERT_TAIL(&c->waiting, &ask->request, link);
	if (!event_pending(&c->tick, EV_TIMEOUT, NULL))
		event_add(&c->tick, &tick);
	soon(c);
	*ret_ask = ask;
	return 0;
}

void http2_client_cancel(struct http2_ask *ask)
{
	struct http2_client *c = ask->client;

	take_back(ask);
	ask_free(ask);
	soon(c);
}

int http2_client_create(const struct http2_client_config *config, struct http2_client **ret_client)
{
	struct http2_client *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->config = *config;
	c->server = *config->server;
	TAILQ_INIT(&c->connections);
	TAILQ_INIT(&c->asks);
	TAILQ_INIT(&c->waiting);
	event_assign(&c->due, config->base, -1, 0, on_due, c);
	event_assign(&c->tick, config->base, -1, 0, on_tick, c);
	c->authority = strdup(config->authority);
	if (!c->authority) {
		free(c);
		return -ENOMEM;
	}
	*ret_client = c;
	return 0;
}

void http2_client_destroy(struct http2_client *c)
{
	if (!c)
		return;
	while (!TAILQ_EMPTY(&c->asks)) {
		take_back(TAILQ_FIRST(&c->asks));
		ask_free(TAILQ_FIRST(&c->asks));
	}
	while (!TAILQ_EMPTY(&c->connections))
		connection_free(TAILQ_FIRST(&c->connections));
	event_del(&c->due);
	event_del(&c->tick);
	free(c->authority);
	free(c);
}
