/* A connection of a door over TCP or TLS: bytes in, bytes out, whoever makes sense of them. What
 * one read brought is answered by one write, and over TLS by one record. */
#include "resolver/tcp_connection.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"

#define UNTAKEN_SECONDS 10	/* one that takes nothing for so long is let go */
#define READ_BYTES 16384	/* a record of TLS has no more */
#define READS_A_TURN 4		/* then the others */
#define LINGER_SECONDS 2	/* a round trip, and a program that is slow to look */
#define LINGER_BYTES (1u << 20) /* what is on its way to us, as a rule; then it is not worth it */
#define PIECE_BYTES 1024 /* libevent's least: a small reply that was added alone takes so much */

/* One loop, one thread: of the connection whose turn it is. */
static uint8_t in[READ_BYTES + TCP_REST_MAX];

void tcp_connection_free(struct tcp_connection *c)
{
	if (c->begun)
		c->door->speech->end(c);
	tcp_handshake_forget(c);
	TAILQ_REMOVE(&c->door->connections, c, link);
	c->door->connections_len--;
	c->door->held -= c->held;
	event_del(&c->idle);
	event_del(&c->readable);
	event_del(&c->writable);
	stream_close(&c->stream);
	evbuffer_free(c->unsent);
	free(c->rest);
	free(c);
}

/* ---- what is kept ---- */

static void count_held(struct tcp_connection *c)
{
	size_t pieces = (size_t)evbuffer_peek(c->unsent, -1, NULL, NULL, 0);
	size_t held = evbuffer_get_length(c->unsent) + pieces * PIECE_BYTES + c->rest_len;
	if (c->begun)
		held += c->door->speech->held(c);
	c->door->held += held - c->held;
	c->held = held;
}

/* NULL: nobody who has not been given up holds anything. */
static struct tcp_connection *who_holds_most(struct dns_door *door)
{
	struct tcp_connection *c, *most = NULL;
	TAILQ_FOREACH(c, &door->connections, link)
	if (!c->given_up && c->held > (most ? most->held : 0))
		most = c;
	return most;
}

/* Counts anew what it holds, and gives up those who hold most as long as all hold too much. They
 * are freed at their next events: we may be in the middle of a turn of any of them, as to ask can
 * be what ends a question of another. */
static void weigh(struct tcp_connection *c)
{
	struct tcp_connection *most;
	count_held(c);
	while (c->door->held > DNS_DOOR_HELD_MAX && (most = who_holds_most(c->door))) {
		tcp_counters(c->door)->displaced++;
		most->given_up = true;
		evbuffer_drain(most->unsent, evbuffer_get_length(most->unsent));
		count_held(most);
		event_active(&most->writable, EV_WRITE, 0);
	}
}

bool tcp_has_room(const struct tcp_connection *c)
{
	return !c->given_up && c->door->held <= DNS_DOOR_HELD_MAX;
}

/* ---- writing ---- */

static bool all_sent(const struct tcp_connection *c)
{
	return evbuffer_get_length(c->unsent) == 0 && !c->stream.unflushed;
}

/* False: it will take nothing any more. */
static bool flush_stream(struct tcp_connection *c)
{
	bool kept = c->stream.unflushed;
	int r = stream_flush(&c->stream);
	if (r == -EAGAIN)
		event_add(&c->writable, NULL);
	if (kept != c->stream.unflushed) /* it begins to wait, or has taken all */
		c->written = clock_monotonic();
	return r == 0 || r == -EAGAIN;
}

/* What it does not take now waits. False: it will take nothing any more. */
bool tcp_send_unsent(struct tcp_connection *c)
{
	size_t len;
	while ((len = evbuffer_get_length(c->unsent))) {
		/* As much as a record has: what TLS did not get rid of must come again the same. A
		 * record has what was added together, too: some clients want each reply in its own.
		 */
		size_t piece = c->stream.tls ? evbuffer_get_contiguous_space(c->unsent) : len;
		if (piece > READ_BYTES)
			piece = READ_BYTES;
		const uint8_t *bytes = evbuffer_pullup(c->unsent, (ev_ssize_t)piece);
		ssize_t n = bytes ? stream_write(&c->stream, bytes, piece) : -ENOMEM;
		if (n == -EAGAIN) {
			event_add(&c->writable, NULL);
			return true;
		}
		if (n < 0)
			return false;
		c->silent = false;
		c->written = clock_monotonic();
		evbuffer_drain(c->unsent, (size_t)n);
	}
	return flush_stream(c);
}

/* False: as above, or no memory to keep it. */
bool tcp_send(struct tcp_connection *c, const uint8_t *bytes, size_t len)
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
		c->silent = false;
		bytes += n;
		len -= (size_t)n;
	}
	return flush_stream(c) && (len == 0 || evbuffer_add(c->unsent, bytes, len) == 0);
}

/* ---- reading ---- */

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
	const struct tcp_speech *speech = c->door->speech;
	size_t len = c->rest_len;
	if (len)
		memcpy(in, c->rest, len);
	/* More than that stands there only where it asked beyond its share. */
	if (readable && !c->ending && len <= speech->rest_max) {
		ssize_t n = stream_read(&c->stream, in + len, READ_BYTES);
		if (n == 0) /* half closed: `dig +tcp` and scripts do that */
			c->ending = c->heard = true;
		else if (n < 0 && n != -EAGAIN)
			return (int)n;
		c->silent |= n > 0;
		len += n > 0 ? (size_t)n : 0;
	}
	ssize_t used = speech->take(c, in, len);
	if (used < 0)
		return (int)used;
	if (!keep_rest(c, (size_t)used, len))
		return -ENOMEM;
	return !c->ending && c->stream.more && !speech->full(c);
}

/* ---- the end ---- */

/* Throws away what comes, and frees it where that is all. */
static void linger(struct tcp_connection *c)
{
	for (int reads = 0; reads < READS_A_TURN && c->lingers && !c->given_up; reads++) {
		ssize_t n = stream_read(&c->stream, in, READ_BYTES);
		if (n == -EAGAIN || n == -EINTR)
			return;
		c->lingers -= n <= 0 || (size_t)n > c->lingers ? c->lingers : (size_t)n;
	}
	if (c->lingers == 0 || c->given_up)
		tcp_connection_free(c);
}

/* To close a socket with bytes in it that nobody has read is to reset the connection, and that
 * makes the other side forget our last reply before its program has seen it (RFC 9112, 9.6): why
 * its megabyte was refused, or its HTTP/2. */
static void finish(struct tcp_connection *c)
{
	struct timeval t = {.tv_sec = LINGER_SECONDS};
	if (c->heard || !all_sent(c)) {
		tcp_connection_free(c);
		return;
	}
	c->door->speech->end(c);
	c->begun = false;
	keep_rest(c, 0, 0);
	count_held(c);
	stream_end(&c->stream);
	c->lingers = LINGER_BYTES;
	event_del(&c->writable);
	event_add(&c->readable, NULL);
	event_add(&c->idle, &t);
	linger(c);
}

/* The kernel acknowledges with our reply, or after 40 ms. A client that writes half a question, and
 * has Nagle's algorithm on, keeps the other half until then: so where we say nothing yet, we say
 * that we have heard. (dnsperf does so, and whoever sends the head and the body of a POST apart.)
 */
static void acknowledge(const struct tcp_connection *c)
{
	int on = 1;
	setsockopt(c->stream.fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

/* What the loop is to tell of next. */
static void await_more(struct tcp_connection *c, bool more)
{
	if (c->ending || c->door->speech->full(c))
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
	if (c->given_up) {
		tcp_connection_free(c);
		return;
	}
	door->time = dns_door_time();
	gate_tick(&door->gate, &door->time);
	for (int reads = 0; more > 0 && reads < READS_A_TURN; reads++)
		more = read_once(c, readable || c->stream.more || c->stream.awaits_room);
	/* It may have been stopped because nothing more fitted, and there is room when that has
	 * been sent: no event would tell of it. */
	bool stopped = more >= 0 && door->speech->full(c);
	/* What was asked before the junk is answered. */
	bool sent = door->speech->flush(c) && more != -EPIPE;
	bool again = stopped && !door->speech->full(c);
	weigh(c);
	if (!sent || c->given_up) {
		tcp_connection_free(c);
		return;
	}
	if (more < 0 || (c->ending && !again && !door->speech->busy(c) && all_sent(c))) {
		finish(c);
		return;
	}
	if (readable && c->silent)
		acknowledge(c);
	await_more(c, more > 0);
	if (again)
		event_active(&c->writable, EV_WRITE, 0);
}

void tcp_begin(struct tcp_connection *c)
{
	c->begun = c->door->speech->begin(c);
	if (!c->begun) {
		tcp_connection_free(c);
		return;
	}
	event_add(&c->readable, NULL);
	take_turn(c, true);
}

void tcp_speak(struct tcp_connection *c)
{
	weigh(c);
	event_active(&c->writable, EV_WRITE, 0);
}

/* ---- events ---- */

void tcp_on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct tcp_connection *c = ctx;
	(void)fd;
	(void)what;
	if (c->shaking)
		tcp_handshake(c);
	else if (c->lingers)
		linger(c);
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
	else if (c->lingers)
		linger(c);
	else if (!tcp_send_unsent(c))
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
	if (!all_sent(c)) {
		since = c->written;
		limit = UNTAKEN_SECONDS * SECOND;
	} else if (c->begun && c->door->speech->busy(c)) {
		since = now;
	}
	if (c->lingers || now - since >= limit) {
		tcp_connection_free(c);
		return;
	}
	uint64_t left = limit - (now - since);
	struct timeval t = {(time_t)(left / SECOND), (suseconds_t)(left % SECOND)};
	event_add(&c->idle, &t);
}
