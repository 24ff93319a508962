/* Questions that come over HTTP: asked as those over TCP are. */
#include <stdlib.h>
#include <string.h>

#include "resolver/http_door.h"
#include "resolver/packet.h"

struct asking {
	struct tcp_connection *connection;
	struct http_exchange *exchange;
	struct ask *ask;
	struct dns_query query;
	struct http_note note;
	http_said_fn *fn;
};

/* One loop, one thread: of the reply that is being made. */
static uint8_t reply[PACKET_MAX];

static void on_gone(void *ctx)
{
	struct asking *a = ctx;
	resolver_cancel(a->ask);
	a->connection->waits_len--;
	free(a);
}

static void on_answer(void *ctx, const struct answer *answer)
{
	struct asking *a = ctx;
	struct http_said said = {
		.query = &a->query, .answer = answer, .reply = reply, .note = &a->note};
	struct dns_door *door = a->connection->door;
	said.len = dns_door_late(door, &a->query, answer, reply, sizeof(reply));
	door->counters[a->query.via].out++;
	a->connection->waits_len--;
	a->fn(a->exchange, &said);
	free(a);
}

static bool ask_later(const struct http_visit *v, const struct dns_query *q,
	const struct http_note *note, http_said_fn *fn)
{
	struct tcp_connection *c = v->connection;
	if (q->far && tcp_client_has_its_share(c))
		return false;
	struct asking *a = calloc(1, sizeof(*a));
	if (!a)
		return false;
	a->connection = c;
	a->exchange = v->exchange;
	a->query = *q;
	a->note = *note;
	a->fn = fn;
	a->ask = resolver_ask(c->door->resolver, &q->question, VIEW_DOOR, on_answer, a);
	if (!a->ask) {
		free(a);
		return false;
	}
	c->waits_len++;
	a->exchange->gone = on_gone;
	a->exchange->ctx = a;
	return true;
}

static size_t say_error(
	struct dns_door *door, const struct dns_query *q, uint8_t rcode, struct http_said *said)
{
	said->len = dns_door_count(
		door, q, rcode, dns_reply_error(q, rcode, EDE_NONE, reply, sizeof(reply)));
	return said->len;
}

bool http_ask(const struct http_visit *v, const uint8_t *message, size_t len,
	const struct http_note *note, http_said_fn *fn)
{
	struct dns_door *door = v->connection->door;
	struct dns_query q;
	struct http_said said = {.query = &q, .reply = reply, .note = note};
	uint8_t rcode;
	enum dns_reading reading = dns_query_read(message, len, &q, &rcode);
	if (reading == DNS_DROP)
		return false;
	gate_tcp(&door->gate, (const struct sockaddr *)&v->connection->peer, &door->time, &q);
	q.asked = door->time.now;
	q.via = door->via;
	q.pads = door->tls != NULL;
	door->counters[q.via].in++;
	if (reading == DNS_ERROR) {
		say_error(door, &q, rcode, &said);
	} else {
		said.len = dns_door_at_once(door, &q, reply, sizeof(reply));
		if (said.len)
			said.answer = resolver_peek(door->resolver, &q.question, VIEW_DOOR);
		else if (ask_later(v, &q, note, fn))
			return true;
		else
			say_error(door, &q, RCODE_SERVFAIL, &said);
	}
	door->counters[q.via].out++;
	fn(v->exchange, &said);
	return true;
}

size_t http_query(const struct question *q, unsigned flags, uint8_t buf[HTTP_QUERY_MAX])
{
	struct packet_writer w;
	struct rr opt = {.owner = {.len = 1},
		.type = TYPE_OPT,
		.class = DNS_UDP_MAX,
		.ttl = flags & HTTP_QUERY_DO ? DNS_OPT_DO : 0,
		.rdata = (const uint8_t *)"",
		.section = PACKET_ADDITIONAL};
	packet_begin(&w, buf, HTTP_QUERY_MAX, false);
	packet_put_question(&w, q);
	packet_put(&w, &opt);
	/* AD: whether it is proven is to be seen in the reply (RFC 6840, 5.7). */
	int len = packet_end(
		&w, 0, (uint16_t)(FLAG_RD | FLAG_AD | (flags & HTTP_QUERY_CD ? FLAG_CD : 0)));
	return len > 0 ? (size_t)len : 0;
}
