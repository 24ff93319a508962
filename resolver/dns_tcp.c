/* A connection of the DNS door over TCP (RFC 7766) or TLS (RFC 7858): many questions, answered as
 * they are ready. What one read brought is answered by one write, and over TLS by one record. */
#include "resolver/dns_tcp.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"

#define UNSENT_MAX (256u << 10) /* a client that asks and does not read is asked no further */
#define UNTAKEN_SECONDS 10	/* and one that takes nothing for so long is let go */
#define QUERY_MAX 4096
#define READ_BYTES 16384 /* a record of TLS has no more */
#define READS_A_TURN 4	 /* then the others */
/* What a turn says, gathered: one reply more than this always fits. */
#define REPLIES_BYTES (64u << 10)

struct tcp_wait {
	LIST_ENTRY(tcp_wait) link;
	struct tcp_connection *connection;
	struct ask *ask;
	struct dns_query query;
};

/* One loop, one thread: these are of the connection whose turn it is. */
static uint8_t in[READ_BYTES + QUERY_MAX + 2];
static uint8_t replies[REPLIES_BYTES + 2 + PACKET_MAX];
static size_t replies_len;

void tcp_connection_free(struct tcp_connection *c)
{
	struct tcp_wait *w;
	while ((w = LIST_FIRST(&c->waits))) {
		resolver_cancel(w->ask);
		LIST_REMOVE(w, link);
		free(w);
	}
	tcp_handshake_forget(c);
	TAILQ_REMOVE(&c->door->connections, c, link);
	c->door->connections_len--;
	event_del(&c->idle);
	event_del(&c->readable);
	event_del(&c->writable);
	stream_close(&c->stream);
	evbuffer_free(c->unsent);
	free(c->rest);
	free(c);
}

/* ---- writing ---- */

static bool over_its_share(const struct tcp_connection *c)
{
	return c->waits_len >= DNS_DOOR_TCP_PENDING_MAX ||
	       evbuffer_get_length(c->unsent) > UNSENT_MAX;
}

/* What it does not take now waits. False: it will take nothing any more. */
static bool send_unsent(struct tcp_connection *c)
{
	size_t len;
	while ((len = evbuffer_get_length(c->unsent))) {
		/* As much as a record has: what TLS did not get rid of must come again the same. */
		size_t piece = len < READ_BYTES ? len : READ_BYTES;
		const uint8_t *bytes = evbuffer_pullup(c->unsent, (ev_ssize_t)piece);
		ssize_t n = bytes ? stream_write(&c->stream, bytes, piece) : -ENOMEM;
		if (n == -EAGAIN) {
			event_add(&c->writable, NULL);
			return true;
		}
		if (n < 0)
			return false;
		c->written = clock_monotonic();
		evbuffer_drain(c->unsent, (size_t)n);
	}
	return true;
}

/* False: as above, or no memory to keep it. */
static bool send_bytes(struct tcp_connection *c, const uint8_t *bytes, size_t len)
{
	while (len && evbuffer_get_length(c->unsent) == 0) {
		ssize_t n = stream_write(&c->stream, bytes, len);
		if (n == -EAGAIN) {
			c->written = clock_monotonic();
			event_add(&c->writable, NULL);
			break;
		}
		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return len == 0 || evbuffer_add(c->unsent, bytes, len) == 0;
}

static bool send_replies(struct tcp_connection *c)
{
	bool good = send_bytes(c, replies, replies_len);
	replies_len = 0;
	return good;
}

/* Behind the others, where its bytes stand already. */
static void add_reply(struct dns_door *door, size_t len)
{
	uint8_t *prefix = replies + replies_len;
	prefix[0] = (uint8_t)(len >> 8);
	prefix[1] = (uint8_t)len;
	replies_len += 2 + len;
	tcp_counters(door)->out++;
}

/* ---- questions ---- */

static void on_tcp_answer(void *ctx, const struct answer *a)
{
	struct tcp_wait *w = ctx;
	struct tcp_connection *c = w->connection;
	static uint8_t reply[2 + PACKET_MAX];
	size_t len = dns_door_late(c->door, &w->query, a, reply + 2, PACKET_MAX);
	reply[0] = (uint8_t)(len >> 8);
	reply[1] = (uint8_t)len;
	tcp_counters(c->door)->out++;
	LIST_REMOVE(w, link);
	c->waits_len--;
	free(w);
	/* Sent when all callbacks of this turn have been: others may be ready too, and share a
	 * record. Without memory for it the client asks again. */
	evbuffer_add(c->unsent, reply, 2 + len);
	event_active(&c->writable, EV_WRITE, 0);
}

static bool tcp_ask(struct tcp_connection *c, const struct dns_query *q)
{
	struct tcp_wait *w = calloc(1, sizeof(*w));
	if (!w)
		return false;
	w->connection = c;
	w->query = *q;
	w->ask = resolver_ask(c->door->resolver, &q->question, VIEW_DOOR, on_tcp_answer, w);
	if (!w->ask) {
		free(w);
		return false;
	}
	LIST_INSERT_HEAD(&c->waits, w, link);
	c->waits_len++;
	return true;
}

/* False: not DNS; the connection is of no use. */
static bool answer_one(struct tcp_connection *c, const uint8_t *message, size_t len)
{
	struct dns_query q;
	uint8_t rcode, *reply = replies + replies_len + 2;
	size_t reply_len = 0;
	struct dns_door *door = c->door;
	tcp_counters(door)->in++;
	enum dns_reading reading = dns_query_read(message, len, &q, &rcode);
	if (reading == DNS_DROP) {
		tcp_counters(door)->junk++;
		return false;
	}
	gate_tcp(&door->gate, (const struct sockaddr *)&c->peer, &door->time, &q);
	q.asked = door->time.now;
	q.keepalive = (uint16_t)(tcp_idle_seconds(door) * 10);
	q.via = door->tls ? DNS_TLS : DNS_TCP;
	q.pads = door->tls != NULL;
	if (reading == DNS_ERROR)
		reply_len = dns_door_count(
			door, &q, rcode, dns_reply_error(&q, rcode, EDE_NONE, reply, PACKET_MAX));
	else
		reply_len = dns_door_at_once(door, &q, reply, PACKET_MAX);
	if (reply_len == 0 && !tcp_ask(c, &q))
		reply_len = dns_door_count(door, &q, RCODE_SERVFAIL,
			dns_reply_error(&q, RCODE_SERVFAIL, EDE_NONE, reply, PACKET_MAX));
	if (reply_len)
		add_reply(door, reply_len);
	return true;
}

/* Answers whole questions as long as the client keeps to its share. Bytes used, or -EBADMSG where
 * what comes is not DNS; -EPIPE: nobody takes the replies. */
static ssize_t answer_all(struct tcp_connection *c, const uint8_t *bytes, size_t size)
{
	size_t at = 0;
	while (size - at >= 2 && !over_its_share(c)) {
		size_t len = (size_t)bytes[at] << 8 | bytes[at + 1];
		if (len < PACKET_HEADER || len > QUERY_MAX) {
			tcp_counters(c->door)->junk++;
			return -EBADMSG;
		}
		if (size - at - 2 < len)
			break;
		c->asked = c->door->time.now;
		if (!answer_one(c, bytes + at + 2, len))
			return -EBADMSG;
		at += 2 + len;
		if (replies_len >= REPLIES_BYTES && !send_replies(c))
			return -EPIPE;
	}
	if (at)
		tcp_connection_lives(c);
	return (ssize_t)at;
}

/* Keeps what was not used of what stands in `in`. */
static bool keep_rest(struct tcp_connection *c, size_t from, size_t to)
{
	free(c->rest);
	c->rest = NULL;
	c->rest_len = to - from;
	if (c->rest_len == 0)
		return true;
	c->rest = malloc(c->rest_len);
	if (c->rest)
		memcpy(c->rest, in + from, c->rest_len);
	return c->rest != NULL;
}

/* What had come before, and what a read brings. 1: there may be more; 0: not now; or an error, and
 * then the connection is of no use. */
static int read_once(struct tcp_connection *c, bool readable)
{
	size_t len = c->rest_len;
	if (len)
		memcpy(in, c->rest, len);
	/* More than that stands there only where it asked beyond its share. */
	if (readable && !c->ending && len <= QUERY_MAX + 1) {
		ssize_t n = stream_read(&c->stream, in + len, READ_BYTES);
		if (n == 0) /* half closed: `dig +tcp` and scripts do that */
			c->ending = true;
		else if (n > 0)
			len += (size_t)n;
		else if (n != -EAGAIN)
			return (int)n;
	}
	ssize_t used = answer_all(c, in, len);
	if (used < 0)
		return (int)used;
	if (!keep_rest(c, (size_t)used, len))
		return -ENOMEM;
	return !c->ending && c->stream.more && !over_its_share(c);
}

/* What the loop is to tell of next. */
static void await_more(struct tcp_connection *c, bool more)
{
	if (c->ending || over_its_share(c))
		event_del(&c->readable);
	else
		event_add(&c->readable, NULL);
	if (more)
		event_active(&c->readable, EV_READ, 0);
	else if (!c->ending && c->stream.awaits_room)
		event_add(&c->writable, NULL);
}

/* Reads, answers, and ends the connection when all is said. */
static void take_turn(struct tcp_connection *c, bool readable)
{
	struct dns_door *door = c->door;
	int more = 1;
	door->time = dns_door_time();
	gate_tick(&door->gate, &door->time);
	replies_len = 0;
	for (int reads = 0; more > 0 && reads < READS_A_TURN; reads++)
		more = read_once(c, readable || c->stream.more || c->stream.awaits_room);
	/* What was asked before the junk is answered. */
	bool sent = more != -EPIPE && send_replies(c);
	if (more < 0 || !sent ||
		(c->ending && c->waits_len == 0 && evbuffer_get_length(c->unsent) == 0))
		tcp_connection_free(c);
	else
		await_more(c, more > 0);
}

void tcp_begin(struct tcp_connection *c)
{
	event_add(&c->readable, NULL);
	take_turn(c, true);
}

/* ---- events ---- */

void tcp_on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct tcp_connection *c = ctx;
	(void)fd;
	(void)what;
	if (c->shaking)
		tcp_handshake(c);
	else
		take_turn(c, true);
}

void tcp_on_writable(evutil_socket_t fd, short what, void *ctx)
{
	struct tcp_connection *c = ctx;
	(void)fd;
	(void)what;
	if (c->shaking)
		tcp_handshake(c);
	else if (!send_unsent(c))
		tcp_connection_free(c);
	else
		take_turn(c, false);
}

/* Counted from the last whole question, so that a byte now and then keeps nothing open. While its
 * questions are out or our replies not all taken, it is not idle, as long as it takes some. */
void tcp_on_idle(evutil_socket_t fd, short what, void *ctx)
{
	struct tcp_connection *c = ctx;
	uint64_t now = clock_monotonic(), limit = tcp_patience(c) * SECOND, since = c->asked;
	(void)fd;
	(void)what;
	if (evbuffer_get_length(c->unsent)) {
		since = c->written;
		limit = UNTAKEN_SECONDS * SECOND;
	} else if (c->waits_len) {
		since = now;
	}
	if (now - since >= limit) {
		tcp_connection_free(c);
		return;
	}
	uint64_t left = limit - (now - since);
	struct timeval t = {(time_t)(left / SECOND), (suseconds_t)(left % SECOND)};
	event_add(&c->idle, &t);
}
