/* Questions from loopback, out over one connection, and the answers back. */
#include "resolver/tls_relay.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "resolver/clock.h"
#include "resolver/tls_client.h"

#define BURST 64		/* reads before the others have their turn */
#define QUERY_TIME (5 * SECOND) /* libunbound asks again by itself long before */
#define SETUP_TIME (3 * SECOND) /* for connection and handshake */
#define IDLE_TIME                                                                                  \
	(20 * SECOND)	/* without a question: servers keep it for 10 to 30 s (RFC 7766)           \
			 */
#define UNACKED_MS 4000 /* then the kernel says that the way is gone */
#define AGAIN_MAX 3
#define TICK_USEC 500000
#define PIECE 16384

struct relay_query {
	TAILQ_ENTRY(relay_query) link;
	struct sockaddr_in from;
	uint64_t since;
	uint16_t id; /* libunbound's */
	uint16_t as; /* on the connection */
	bool sent;
	unsigned again; /* how often it was lost with its connection */
	size_t question_len, len;
	uint8_t message[RELAY_QUERY_MAX];
};

enum relay_state {
	RELAY_CLOSED,
	RELAY_CONNECTING, /* for the kernel to say that it is there */
	RELAY_SHAKING,	  /* for the handshake */
	RELAY_OPEN,
};

struct tls_relay {
	struct relay relay;
	struct tls_client *client;
	struct server_address server;

	enum relay_state state;
	struct stream stream;
	struct event readable, writable, tick;
	unsigned unanswered; /* connections in a row that were lost without an answer */
	uint64_t began, heard;

	TAILQ_HEAD(, relay_query) queries; /* the oldest first */
	struct relay_query *slots[RELAY_QUERIES_MAX];
	unsigned queries_len;
	uint16_t last;
	struct evbuffer *out;
	uint8_t *in; /* what came and is no whole message */
	size_t in_len;
};
#define IN_BYTES (2 + PACKET_MAX)

/* ---- questions ---- */

static void query_free(struct tls_relay *r, struct relay_query *q)
{
	TAILQ_REMOVE(&r->queries, q, link);
	r->slots[q->as % RELAY_QUERIES_MAX] = NULL;
	r->queries_len--;
	free(q);
}

static void refuse(struct tls_relay *r, struct relay_query *q)
{
	uint8_t servfail[RELAY_QUERY_MAX];

	relay_servfail(q->message, q->question_len, servfail);
	relay_reply(&r->relay, &q->from, q->id, servfail, q->question_len);
	query_free(r, q);
}

static void refuse_all(struct tls_relay *r)
{
	struct relay_query *q;

	while ((q = TAILQ_FIRST(&r->queries)))
		refuse(r, q);
}

/* Into what goes out next. Without memory it is lost, and libunbound asks again. */
static void post(struct tls_relay *r, struct relay_query *q)
{
	uint8_t head[4] = {
		(uint8_t)(q->len >> 8), (uint8_t)q->len, (uint8_t)(q->as >> 8), (uint8_t)q->as};

	evbuffer_add(r->out, head, sizeof(head));
	evbuffer_add(r->out, q->message + 2, q->len - 2);
	q->sent = true;
}

static struct relay_query *query_create(struct tls_relay *r)
{
	struct relay_query *q = r->queries_len < RELAY_QUERIES_MAX ? calloc(1, sizeof(*q)) : NULL;

	if (!q)
		return NULL;
	/* No id that is under way, and the one that was free longest: a late answer meets none. */
	do
		q->as = ++r->last;
	while (r->slots[q->as % RELAY_QUERIES_MAX]);
	r->slots[q->as % RELAY_QUERIES_MAX] = q;
	q->since = clock_monotonic();
	TAILQ_INSERT_TAIL(&r->queries, q, link);
	r->queries_len++;
	return q;
}

/* ---- the connection ---- */

static void make_connection(struct tls_relay *r);

static void close_connection(struct tls_relay *r)
{
	if (r->state != RELAY_CLOSED) {
		event_del(&r->readable);
		event_del(&r->writable);
	}
	stream_close(&r->stream);
	evbuffer_drain(r->out, evbuffer_get_length(r->out));
	r->in_len = 0;
	r->state = RELAY_CLOSED;
}

/* It could not be made, or is of no use: nobody waits for it, until it is time to try again. */
static void fail(struct tls_relay *r, const char *why)
{
	close_connection(r);
	relay_failed(&r->relay, why);
	refuse_all(r);
}

static void fail_by(struct tls_relay *r, int error)
{
	char why[STREAM_WHY_MAX];

	if (error == -ECONNREFUSED || error == -ETIMEDOUT)
		snprintf(why, sizeof(why), "%s", error == -ETIMEDOUT ? "timeout" : "refused");
	else
		stream_why(&r->stream, error, why);
	fail(r, why);
}

/* It is gone: servers close what was idle, networks change, and who closes with questions unread
 * takes his answers with him. What was under way is asked again over another connection, but a
 * question upon which servers close not for ever. */
static void lose(struct tls_relay *r)
{
	struct relay_query *q, *next;

	close_connection(r);
	for (q = TAILQ_FIRST(&r->queries); q; q = next) {
		next = TAILQ_NEXT(q, link);
		if (!q->sent)
			continue;
		if (q->again++ == AGAIN_MAX) {
			refuse(r, q);
			continue;
		}
		q->sent = false;
		r->relay.counters.again++;
	}
	if (r->queries_len)
		make_connection(r);
}

static void end(struct tls_relay *r, int error)
{
	if (r->state == RELAY_OPEN && r->queries_len == 0)
		close_connection(r);
	else if (r->state == RELAY_OPEN && ++r->unanswered <= AGAIN_MAX)
		lose(r);
	else
		fail_by(r, error);
}

static void send_out(struct tls_relay *r)
{
	size_t len;

	while (r->state == RELAY_OPEN && (len = evbuffer_get_length(r->out))) {
		size_t piece = len < PIECE ? len : PIECE;
		const uint8_t *bytes = evbuffer_pullup(r->out, (ev_ssize_t)piece);
		ssize_t n = bytes ? stream_write(&r->stream, bytes, piece) : -ENOMEM;

		if (n == -EAGAIN) {
			event_add(&r->writable, NULL);
			return;
		}
		if (n < 0) {
			end(r, (int)n);
			return;
		}
		evbuffer_drain(r->out, (size_t)n);
	}
}

static void post_all(struct tls_relay *r)
{
	struct relay_query *q;

	TAILQ_FOREACH(q, &r->queries, link)
	if (!q->sent)
		post(r, q);
	send_out(r);
}

/* A reply that nobody waits for any more is passed over. */
static void take_reply(struct tls_relay *r, uint8_t *message, size_t len)
{
	uint16_t id = (uint16_t)(message[0] << 8 | message[1]);
	struct relay_query *q = r->slots[id % RELAY_QUERIES_MAX];

	if (!q || q->as != id || !q->sent ||
		!relay_is_reply(message, len, q->message, q->question_len))
		return;
	r->relay.counters.answers++;
	r->unanswered = 0;
	relay_works(&r->relay);
	relay_reply(&r->relay, &q->from, q->id, message, len);
	query_free(r, q);
}

/* 0, or -EBADMSG: not DNS. */
static int take_replies(struct tls_relay *r)
{
	size_t at = 0;

	while (r->in_len - at >= 2) {
		size_t len = (size_t)r->in[at] << 8 | r->in[at + 1];

		if (len < PACKET_HEADER)
			return -EBADMSG;
		if (r->in_len - at - 2 < len)
			break;
		take_reply(r, r->in + at + 2, len);
		at += 2 + len;
	}
	memmove(r->in, r->in + at, r->in_len - at);
	r->in_len -= at;
	return 0;
}

static int read_once(struct tls_relay *r)
{
	ssize_t n = stream_read(&r->stream, r->in + r->in_len, IN_BYTES - r->in_len);

	if (n <= 0)
		return n ? (int)n : -ECONNRESET;
	r->heard = clock_monotonic();
	r->in_len += (size_t)n;
	return take_replies(r);
}

static void read_replies(struct tls_relay *r)
{
	int e = read_once(r);

	for (int i = 1; i < BURST && e == 0 && r->stream.more; i++)
		e = read_once(r);
	if (e && e != -EAGAIN)
		end(r, e);
	else if (r->stream.more)
		event_active(&r->readable, EV_READ, 0);
}

static void on_opened(struct tls_relay *r)
{
	r->state = RELAY_OPEN;
	r->relay.counters.connections++;
	r->relay.counters.resumed += stream_resumed(&r->stream);
	event_add(&r->readable, NULL);
	if (r->stream.more)
		event_active(&r->readable, EV_READ, 0);
	post_all(r);
}

static void shake(struct tls_relay *r)
{
	int e = stream_handshake(&r->stream);

	if (e == 0)
		on_opened(r);
	else if (e != -EAGAIN)
		fail_by(r, e);
	else
		event_add(r->stream.awaits_room ? &r->writable : &r->readable, NULL);
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct tls_relay *r = ctx;

	(void)fd;
	(void)what;
	if (r->state == RELAY_SHAKING)
		shake(r);
	else
		read_replies(r);
}

static void on_writable(evutil_socket_t fd, short what, void *ctx)
{
	struct tls_relay *r = ctx;
	int error = 0;
	socklen_t len = sizeof(error);

	(void)what;
	switch (r->state) {
	case RELAY_CONNECTING:
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error) {
			fail_by(r, error ? -error : -errno);
			return;
		}
		r->state = RELAY_SHAKING;
		shake(r);
		return;
	case RELAY_SHAKING:
		shake(r);
		return;
	case RELAY_OPEN:
		send_out(r);
		return;
	case RELAY_CLOSED:
		return;
	}
}

/* 0: on its way. */
static int start_connection(struct tls_relay *r)
{
	const struct sockaddr *to = (const struct sockaddr *)&r->server.addr;
	unsigned unacked = UNACKED_MS;
	int on = 1, fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked, sizeof(unacked));
	if (connect(fd, to, r->server.len) < 0 && errno != EINPROGRESS) {
		int error = -errno;

		close(fd);
		return error;
	}
	return tls_client_connect(r->client, fd, &r->stream);
}

static void make_connection(struct tls_relay *r)
{
	int error = start_connection(r);

	if (error < 0) {
		fail_by(r, error);
		return;
	}
	r->state = RELAY_CONNECTING;
	r->began = r->heard = clock_monotonic();
	event_assign(
		&r->readable, r->relay.base, r->stream.fd, EV_READ | EV_PERSIST, on_readable, r);
	event_assign(&r->writable, r->relay.base, r->stream.fd, EV_WRITE, on_writable, r);
	event_add(&r->writable, NULL);
}

/* ---- from libunbound ---- */

static void arm(struct tls_relay *r)
{
	static const struct timeval tick = {.tv_usec = TICK_USEC};

	if (!event_pending(&r->tick, EV_TIMEOUT, NULL))
		event_add(&r->tick, &tick);
}

static bool take_question(struct relay *relay, const struct relay_asked *asked)
{
	struct tls_relay *r = (struct tls_relay *)relay;
	struct relay_query *q = query_create(r);

	if (!q)
		return false;
	q->from = asked->from;
	q->id = (uint16_t)(asked->message[0] << 8 | asked->message[1]);
	q->question_len = asked->question_len;
	q->len = relay_query_pad(asked->message, asked->len, q->message);
	if (r->state == RELAY_CLOSED && relay_waits(relay))
		refuse(r, q);
	else if (r->state == RELAY_OPEN)
		post(r, q);
	else if (r->state == RELAY_CLOSED)
		make_connection(r);
	return true;
}

static void on_taken(struct relay *relay)
{
	struct tls_relay *r = (struct tls_relay *)relay;

	arm(r);
	send_out(r);
}

/* Those for which nothing came. True: nor for anything else since. */
static bool drop_old(struct tls_relay *r, uint64_t now)
{
	struct relay_query *q;
	bool silent = false;

	while ((q = TAILQ_FIRST(&r->queries)) && now - q->since >= QUERY_TIME) {
		silent = silent || (r->state == RELAY_OPEN && r->heard < q->since);
		r->relay.counters.dropped++;
		query_free(r, q);
	}
	return silent;
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct tls_relay *r = ctx;
	uint64_t now = clock_monotonic();
	bool setting_up = r->state == RELAY_CONNECTING || r->state == RELAY_SHAKING;

	(void)fd;
	(void)what;
	if (drop_old(r, now) || (setting_up && now - r->began >= SETUP_TIME))
		fail(r, "timeout");
	if (r->state == RELAY_OPEN && r->queries_len == 0 && now - r->relay.used >= IDLE_TIME)
		close_connection(r);
	if (r->state != RELAY_CLOSED || r->queries_len)
		arm(r);
}

/* ---- the interface ---- */

static void destroy(struct relay *relay)
{
	struct tls_relay *r = (struct tls_relay *)relay;

	while (!TAILQ_EMPTY(&r->queries))
		query_free(r, TAILQ_FIRST(&r->queries));
	event_del(&r->tick);
	if (r->out)
		close_connection(r);
	relay_close(relay);
	tls_client_destroy(r->client);
	if (r->out)
		evbuffer_free(r->out);
	free(r->in);
	free(r);
}

int tls_relay_create(
	struct event_base *base, const struct relay_config *config, struct relay **ret_relay)
{
	static const struct relay_kind kind = {take_question, on_taken, destroy};
	struct tls_relay *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->server = config->word->address;
	r->stream.fd = -1;
	TAILQ_INIT(&r->queries);
	event_assign(&r->tick, base, -1, 0, on_tick, r);
	r->out = evbuffer_new();
	r->in = malloc(IN_BYTES);
	int error = relay_open(&r->relay, base, &kind, config);
	if (error == 0)
		error = r->out && r->in ? tls_client_create(config->word->name, "\3dot", &r->client)
					: -ENOMEM;
	if (error) {
		destroy(&r->relay);
		return error;
	}
	*ret_relay = &r->relay;
	return 0;
}
