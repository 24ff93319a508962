/* HTTP over a connection: what tcp_connection.c calls, and http_session.c. */
#include "resolver/http_door.h"

#include <event2/buffer.h>
#include <stdlib.h>

struct http_visitor {
	struct tcp_connection *connection;
	struct http_session *session;
	struct http_callbacks callbacks;
	uint64_t requests; /* of which the connection has been told */
};

static void on_request(void *ctx, struct http_exchange *x, const struct http_request *r)
{
	struct http_visitor *visitor = ctx;
	struct http_visit v = {visitor->connection, x, r};
	http_route(&v);
}

static void on_ready(void *ctx)
{
	struct http_visitor *visitor = ctx;
	tcp_speak(visitor->connection);
}

static bool has_room(void *ctx)
{
	const struct http_visitor *visitor = ctx;
	return tcp_has_room(visitor->connection);
}

static bool begin(struct tcp_connection *c)
{
	struct http_visitor *visitor = calloc(1, sizeof(*visitor));
	if (!visitor)
		return false;
	visitor->connection = c;
	visitor->callbacks = (struct http_callbacks){on_request, on_ready, has_room, visitor};
	if (http_session_create(HTTP_ANY, c->unsent, &visitor->callbacks, &visitor->session) < 0) {
		free(visitor);
		return false;
	}
	c->visitor = visitor;
	return true;
}

static ssize_t take(struct tcp_connection *c, const uint8_t *bytes, size_t len)
{
	struct http_visitor *visitor = c->visitor;
	ssize_t n = http_session_take(visitor->session, bytes, len);
	if (visitor->requests != http_session_requests(visitor->session)) {
		visitor->requests = http_session_requests(visitor->session);
		c->asked = c->door->time.now;
		tcp_connection_lives(c);
	}
	if (http_session_ended(visitor->session))
		c->ending = true;
	return n;
}

static bool flush(struct tcp_connection *c)
{
	return tcp_send_unsent(c);
}

static bool full(const struct tcp_connection *c)
{
	const struct http_session *s = c->visitor->session;
	return evbuffer_get_length(c->unsent) > tcp_share(c) ||
	       (!http_session_is_http2(s) && http_session_pending(s));
}

static bool busy(const struct tcp_connection *c)
{
	return http_session_pending(c->visitor->session) > 0;
}

static size_t held(const struct tcp_connection *c)
{
	return http_session_held(c->visitor->session);
}

static void end(struct tcp_connection *c)
{
	http_session_destroy(c->visitor->session);
	free(c->visitor);
}

const struct tcp_speech tcp_speaks_http = {
	.alpn = "\2h2\10http/1.1",
	.rest_max = HTTP_HEAD_MAX + 4,
	.begin = begin,
	.take = take,
	.flush = flush,
	.full = full,
	.busy = busy,
	.held = held,
	.end = end,
};
