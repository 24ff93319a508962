/* TLS handshakes at a door: each step when its turn has come.
 *
 * A step costs up to a millisecond, so a stranger who only begins handshakes could keep a core
 * busy. All doors together spend no more on them than tls_server allows; who comes then waits in a
 * queue, within the time that a connection has for its first question anyway. */
#include <errno.h>
#include <event2/event.h>

#include "resolver/clock.h"
#include "resolver/tcp_connection.h"
#include "resolver/tls_server.h"

#define TURN_USEC 5000 /* then there is time again for some */

static void wait_for_turn(struct tcp_connection *c)
{
	static const struct timeval turn = {.tv_usec = TURN_USEC};
	struct dns_door *door = c->door;

	event_del(&c->readable);
	event_del(&c->writable);
	c->queued = true;
	TAILQ_INSERT_TAIL(&door->queue, c, turn);
	tcp_counters(door)->queued++;
	if (!event_pending(&door->turn, EV_TIMEOUT, NULL))
		event_add(&door->turn, &turn);
}

static void await(struct tcp_connection *c)
{
	if (c->stream.awaits_room) {
		event_del(&c->readable);
		event_add(&c->writable, NULL);
		return;
	}
	event_add(&c->readable, NULL);
	if (c->stream.more)
		event_active(&c->readable, EV_READ, 0);
}

static void step(struct tcp_connection *c)
{
	struct dns_door *door = c->door;
	uint64_t began = clock_monotonic();
	int r = stream_handshake(&c->stream);

	tls_server_worked(door->tls, clock_monotonic() - began);
	if (r == -EAGAIN) {
		await(c);
		return;
	}
	if (r) {
		tcp_counters(door)->failed++;
		tcp_connection_free(c);
		return;
	}
	c->shaking = false;
	tcp_counters(door)->handshakes++;
	tcp_counters(door)->resumed += stream_resumed(&c->stream);
	tcp_begin(c);
}

void tcp_handshake(struct tcp_connection *c)
{
	if (TAILQ_EMPTY(&c->door->queue) && tls_server_may_work(c->door->tls, clock_monotonic()))
		step(c);
	else
		wait_for_turn(c);
}

void tcp_handshake_forget(struct tcp_connection *c)
{
	if (c->queued)
		TAILQ_REMOVE(&c->door->queue, c, turn);
	c->queued = false;
}

static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
	static const struct timeval turn = {.tv_usec = TURN_USEC};
	struct dns_door *door = ctx;
	struct tcp_connection *c;

	(void)fd;
	(void)what;
	while ((c = TAILQ_FIRST(&door->queue)) &&
		tls_server_may_work(door->tls, clock_monotonic())) {
		tcp_handshake_forget(c);
		step(c);
	}
	if (c)
		event_add(&door->turn, &turn);
}

void tcp_handshakes_open(struct dns_door *door)
{
	TAILQ_INIT(&door->queue);
	event_assign(&door->turn, door->base, -1, 0, on_turn, door);
}

void tcp_handshakes_close(struct dns_door *door)
{
	event_del(&door->turn);
}
