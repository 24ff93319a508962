/* DNS over a connection (RFC 7766, over TLS 7858): many questions, answered as they are ready. */
#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/tcp_connection.h"

#define QUERY_MAX 4096
/* What a turn says, gathered: one reply more than this always fits. */
#define REPLIES_BYTES (64u << 10)

struct tcp_wait {
	LIST_ENTRY(tcp_wait) link;
	struct tcp_connection *connection;
	struct ask *ask;
	struct dns_query query;
};

/* One loop, one thread: of the connection whose turn it is. */
static uint8_t replies[REPLIES_BYTES + 2 + PACKET_MAX];
static size_t replies_len;

static bool has_too_much(const struct tcp_connection *c)
{
	return evbuffer_get_length(c->unsent) > tcp_share(c);
}

/* A client that asks and does not read is asked no further. */
static bool over_its_share(const struct tcp_connection *c)
{
	return c->waits_len >= DNS_DOOR_TCP_PENDING_MAX || has_too_much(c);
}

static bool send_replies(struct tcp_connection *c)
{
	bool good = tcp_send(c, replies, replies_len);
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

static void on_tcp_answer(void *ctx, const struct answer *a)
{
	struct tcp_wait *w = ctx;
	struct tcp_connection *c = w->connection;
	static uint8_t reply[2 + PACKET_MAX];
	bool room = tcp_has_room(c);
	size_t len;
	/* More may be on its way to one connection than is kept for it. */
	if (room && has_too_much(c) && tcp_send_unsent(c))
		room = !has_too_much(c);
	if (!room)
		len = dns_door_count(c->door, &w->query, RCODE_SERVFAIL,
			dns_reply_error(
				&w->query, RCODE_SERVFAIL, EDE_NONE, reply + 2, PACKET_MAX));
	else
		len = dns_door_late(c->door, &w->query, a, reply + 2, PACKET_MAX);
	reply[0] = (uint8_t)(len >> 8);
	reply[1] = (uint8_t)len;
	tcp_counters(c->door)->out++;
	LIST_REMOVE(w, link);
	c->waits_len--;
	free(w);
	/* Sent when all callbacks of this turn have been: others may be ready too, and share a
	 * record. Without memory for it the client asks again. */
	evbuffer_add(c->unsent, reply, 2 + len);
	tcp_speak(c);
}

static bool tcp_ask(struct tcp_connection *c, const struct dns_query *q)
{
	if (q->far && tcp_client_has_its_share(c))
		return false;
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
	q.via = door->via;
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

static bool begin(struct tcp_connection *c)
{
	LIST_INIT(&c->waits);
	return true;
}

static void end(struct tcp_connection *c)
{
	struct tcp_wait *w;
	while ((w = LIST_FIRST(&c->waits))) {
		resolver_cancel(w->ask);
		LIST_REMOVE(w, link);
		free(w);
	}
}

static size_t held(const struct tcp_connection *c)
{
	return c->waits_len * sizeof(struct tcp_wait);
}

static bool busy(const struct tcp_connection *c)
{
	return c->waits_len > 0;
}

const struct tcp_speech tcp_speaks_dns = {
	.alpn = "\3dot", /* RFC 7858, registered by RFC 8310 */
	.rest_max = QUERY_MAX + 1,
	.begin = begin,
	.take = answer_all,
	.flush = send_replies,
	.full = over_its_share,
	.busy = busy,
	.held = held,
	.end = end,
};
