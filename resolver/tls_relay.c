/* Questions from loopback, out over one connection, and the answers back. */
#include "resolver/tls_relay.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "resolver/clock.h"
#include "resolver/tls_client.h"
#include "resolver/tls_link.h"

#define QUERY_TIME (5 * SECOND) /* libunbound asks again by itself long before */
#define QUIET (3 * SECOND)	/* of a new connection, to which old questions came */
#define IDLE_TIME (20 * SECOND) /* servers keep a connection for 10 to 30 s (RFC 7766) */
#define AGAIN_MAX 3
#define TICK_USEC 500000

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

struct tls_relay {
	struct relay relay;
	struct tls_client *client;
	struct server_address server;

	struct tls_link *link; /* NULL: there is no connection */
	bool open;
	struct event tick;
	unsigned unanswered;	/* connections in a row that were lost without an answer */
	uint64_t opened, heard; /* when it was, and when something came over it last; 0: never */

	TAILQ_HEAD(, relay_query) queries; /* the oldest first */
	struct relay_query *slots[RELAY_QUERIES_MAX];
	unsigned queries_len;
	uint16_t last;
	uint8_t *in; /* what came and is no whole message */
	size_t in_len;
};
#define IN_BYTES (2 + PACKET_MAX + TLS_LINK_PIECE)

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

	evbuffer_add(tls_link_out(r->link), head, sizeof(head));
	evbuffer_add(tls_link_out(r->link), q->message + 2, q->len - 2);
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
	tls_link_destroy(r->link);
	r->link = NULL;
	r->open = false;
	r->in_len = 0;
}

/* It could not be made, or is of no use: nobody waits for it, until it is time to try again. */
static void fail(struct tls_relay *r, const char *why)
{
	close_connection(r);
	relay_failed(&r->relay, why);
	refuse_all(r);
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

static void on_ended(void *ctx, const char *why)
{
	struct tls_relay *r = ctx;
	char text[STREAM_WHY_MAX]; /* it may be the link's, which goes */

	snprintf(text, sizeof(text), "%s", why);
	if (r->open && r->queries_len == 0)
		close_connection(r);
	else if (r->open && ++r->unanswered <= AGAIN_MAX)
		lose(r);
	else
		fail(r, text);
}

static void post_all(struct tls_relay *r)
{
	struct relay_query *q;

	TAILQ_FOREACH(q, &r->queries, link)
	if (!q->sent)
		post(r, q);
	tls_link_send(r->link);
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

static int on_bytes(void *ctx, const uint8_t *bytes, size_t len)
{
	struct tls_relay *r = ctx;

	r->heard = clock_monotonic();
	memcpy(r->in + r->in_len, bytes, len); /* what is left over is less than a message */
	r->in_len += len;
	return take_replies(r);
}

static void on_opened(void *ctx)
{
	struct tls_relay *r = ctx;

	r->open = true;
	r->opened = clock_monotonic();
	r->heard = 0;
	r->relay.counters.connections++;
	r->relay.counters.resumed += tls_link_resumed(r->link);
	post_all(r);
}

static void make_connection(struct tls_relay *r)
{
	struct tls_link_config config = {.base = r->relay.base,
		.tls = r->client,
		.server = &r->server,
		.opened = on_opened,
		.bytes = on_bytes,
		.ended = on_ended,
		.ctx = r};
	int error = tls_link_create(&config, &r->link);

	if (error < 0)
		fail(r, strerror(-error));
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
	if (r->open)
		post(r, q);
	else if (!r->link && relay_waits(relay))
		refuse(r, q);
	else if (!r->link)
		make_connection(r);
	return true;
}

static void on_taken(struct relay *relay)
{
	struct tls_relay *r = (struct tls_relay *)relay;

	arm(r);
	if (r->link)
		tls_link_send(r->link);
}

/* Those for which nothing came. True: nor for anything else since, though there was time for it. */
static bool drop_old(struct tls_relay *r, uint64_t now)
{
	struct relay_query *q;
	bool silent = false;

	while ((q = TAILQ_FIRST(&r->queries)) && now - q->since >= QUERY_TIME) {
		silent = silent || (r->open && r->heard < q->since && now - r->opened >= QUIET);
		r->relay.counters.dropped++;
		query_free(r, q);
	}
	return silent;
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct tls_relay *r = ctx;
	uint64_t now = clock_monotonic();

	(void)fd;
	(void)what;
	if (drop_old(r, now))
		fail(r, "timeout");
	if (r->open && r->queries_len == 0 && now - r->relay.used >= IDLE_TIME)
		close_connection(r);
	if (r->link || r->queries_len)
		arm(r);
}

/* ---- the interface ---- */

static void destroy(struct relay *relay)
{
	struct tls_relay *r = (struct tls_relay *)relay;

	while (!TAILQ_EMPTY(&r->queries))
		query_free(r, TAILQ_FIRST(&r->queries));
	event_del(&r->tick);
	close_connection(r);
	relay_close(relay);
	tls_client_destroy(r->client);
	free(r->in);
	free(r);
}

int tls_relay_create(
	struct event_base *base, const struct relay_config *config, struct relay **ret_relay)
{
	static const struct relay_kind kind = {take_question, on_taken, destroy, .repeated = true};
	struct tls_relay *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->server = config->word->address;
	TAILQ_INIT(&r->queries);
	event_assign(&r->tick, base, -1, 0, on_tick, r);
	r->in = malloc(IN_BYTES);
	int error = relay_open(&r->relay, base, &kind, config);
	if (error == 0)
		error = r->in ? tls_client_create(config->word->name, "\3dot", &r->client)
			      : -ENOMEM;
	if (error) {
		destroy(&r->relay);
		return error;
	}
	*ret_relay = &r->relay;
	return 0;
}
