/* Who has a place at a door over TCP and TLS: listening, the share of each client, and who
 * gives way when places or descriptors run out. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "resolver/bound.h"
#include "resolver/clock.h"
#include "resolver/tcp_connection.h"
#include "resolver/tls_server.h"

#define IDLE_SECONDS 10	       /* without a whole question; a connection costs us memory */
#define IDLE_SECONDS_SHAKING 5 /* for a handshake, that the client would not let wait either */
#define IDLE_SECONDS_CROWDED 2 /* when over half of the places are taken (RFC 7766, 6.2.3) */
#define FILES_FOR_OTHERS 4 /* all doors take one in so many of the descriptors that we may have */
#define DISPLACED_AT_ONCE 8
#define SEND_BYTES 32768 /* two records of TLS; the kernel doubles it for what it spends itself */
#define ACCEPT_PAUSE_USEC 500000 /* out of descriptors: accepting again at once would only spin */

/* Of all doors of this process: descriptors are shared by them. */
static size_t doors, places; /* places: of each */

static bool is_crowded(const struct dns_door *door)
{
	return door->connections_len * 2 > places;
}

unsigned tcp_idle_seconds(const struct dns_door *door)
{
	return is_crowded(door) ? IDLE_SECONDS_CROWDED : IDLE_SECONDS;
}

size_t tcp_share(const struct tcp_connection *c)
{
	return is_crowded(c->door) ? DNS_DOOR_HELD_CROWDED : DNS_DOOR_HELD_ONE;
}

unsigned tcp_patience(const struct tcp_connection *c)
{
	unsigned seconds = tcp_idle_seconds(c->door);
	return c->shaking && seconds > IDLE_SECONDS_SHAKING ? IDLE_SECONDS_SHAKING : seconds;
}

void tcp_connection_lives(struct tcp_connection *c)
{
	TAILQ_REMOVE(&c->door->connections, c, link);
	TAILQ_INSERT_TAIL(&c->door->connections, c, link);
}

/* Ends the connection that was idle longest, of those that `of` shares an address with (NULL: all).
 * Where each waits for us, the one whose last question is the oldest: it may ask again, and nobody
 * holds every place with questions that take long. */
static void displace(struct dns_door *door, const struct sockaddr *of)
{
	struct tcp_connection *c, *victim = NULL;
	TAILQ_FOREACH(c, &door->connections, link)
	{
		if (of && !gate_same_client(of, (const struct sockaddr *)&c->peer))
			continue;
		bool busy = c->begun && door->speech->busy(c);
		if (!victim || !busy)
			victim = c;
		if (!busy)
			break;
	}
	if (!victim)
		return;
	tcp_counters(door)->displaced++;
	tcp_connection_free(victim);
}

/* Who has his share already makes room himself; on this machine all have one address. */
static void make_room(struct dns_door *door, const struct sockaddr *peer)
{
	struct tcp_connection *c;
	size_t has = 0;
	if (!allow_is_loopback(peer))
		TAILQ_FOREACH(c, &door->connections, link)
	has += gate_same_client(peer, (const struct sockaddr *)&c->peer);
	if (has >= DNS_DOOR_TCP_SHARE)
		displace(door, peer);
	else if (door->connections_len >= places)
		displace(door, NULL);
}

bool tcp_client_has_its_share(const struct tcp_connection *c)
{
	const struct tcp_connection *other;
	size_t has = 0;
	TAILQ_FOREACH(other, &c->door->connections, link)
	{
		if (gate_same_client((const struct sockaddr *)&c->peer,
			    (const struct sockaddr *)&other->peer))
			has += other->waits_len;
	}
	return has >= DNS_DOOR_CLIENT_PENDING_MAX;
}

/* Takes the descriptor in any case. */
static struct tcp_connection *connection_create(struct dns_door *door, int fd)
{
	struct tcp_connection *c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return NULL;
	}
	c->stream.fd = fd;
	c->unsent = evbuffer_new();
	if (door->tls && tls_server_accept(door->tls, fd, door->speech->alpn, &c->stream) < 0)
		c->stream.fd = -1;
	if (!c->unsent || c->stream.fd < 0) {
		stream_close(&c->stream);
		if (c->unsent)
			evbuffer_free(c->unsent);
		free(c);
		return NULL;
	}
	c->shaking = door->tls != NULL;
	c->door = door;
	c->asked = c->written = clock_monotonic();
	return c;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
	int peer_len, void *ctx)
{
	(void)listener;
	struct dns_door *door = ctx;
	int on = 1;
	if (!allow_permits(door->gate.allow, peer)) {
		tcp_counters(door)->not_allowed++;
		close(fd);
		return;
	}
	make_room(door, peer);
	struct tcp_connection *c = connection_create(door, fd);
	if (!c)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	memcpy(&c->peer, peer, (size_t)peer_len);
	TAILQ_INSERT_TAIL(&door->connections, c, link);
	door->connections_len++;
	tcp_counters(door)->connections++;
	event_assign(&c->readable, door->base, fd, EV_READ | EV_PERSIST, tcp_on_readable, c);
	event_assign(&c->writable, door->base, fd, EV_WRITE, tcp_on_writable, c);
	event_assign(&c->idle, door->base, -1, 0, tcp_on_idle, c);
	struct timeval idle = {.tv_sec = (time_t)tcp_patience(c)};
	event_add(&c->idle, &idle);
	if (c->shaking)
		event_add(&c->readable, NULL);
	else
		tcp_begin(c);
}

/* Out of descriptors, as a rule: some of ours go, which leaves a few for the other parts too. Where
 * we have none, only others can help, and asking again at once would spin. */
static void on_accept_error(struct evconnlistener *listener, void *ctx)
{
	struct dns_door *door = ctx;
	struct timeval pause = {.tv_usec = ACCEPT_PAUSE_USEC};
	if (door->connections_len == 0) {
		evconnlistener_disable(listener);
		event_add(&door->listener_retry, &pause);
	}
	for (int i = 0; i < DISPLACED_AT_ONCE; i++)
		displace(door, NULL);
}

static void on_retry(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	evconnlistener_enable(((struct dns_door *)ctx)->listener);
}

/* What the other parts need (SQLite, DHT, the mount) must be left where few descriptors are
 * allowed. */
static size_t connections_max(size_t n)
{
	const size_t share = FILES_FOR_OTHERS * n;
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur == RLIM_INFINITY ||
		files.rlim_cur / share >= DNS_DOOR_TCP_MAX)
		return DNS_DOOR_TCP_MAX;
	return files.rlim_cur < share ? 1 : files.rlim_cur / share;
}

int dns_tcp_open(struct dns_door *door, const struct sockaddr *address, socklen_t len)
{
	int on = 1, send_bytes = SEND_BYTES, error;
	tcp_handshakes_open(door);
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Of each that is accepted: else the kernel keeps megabytes for one that does not read, and
	 * they are ours where memory is counted (memory.max). */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof(send_bytes));
	if (address->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bound(fd, address, len) < 0 || listen(fd, 128) < 0) {
		error = -errno;
		close(fd);
		return error;
	}
	door->listener = evconnlistener_new(
		door->base, on_accept, door, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!door->listener) {
		close(fd);
		return -ENOMEM;
	}
	places = connections_max(++doors);
	evconnlistener_set_error_cb(door->listener, on_accept_error);
	event_assign(&door->listener_retry, door->base, -1, 0, on_retry, door);
	return 0;
}

void dns_tcp_close(struct dns_door *door)
{
	struct tcp_connection *c;
	while ((c = TAILQ_FIRST(&door->connections)))
		tcp_connection_free(c);
	if (door->listener) {
		tcp_handshakes_close(door);
		event_del(&door->listener_retry);
		evconnlistener_free(door->listener);
		places = --doors ? connections_max(doors) : 0;
	}
}
