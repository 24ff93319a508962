/* The DNS door over TCP (RFC 7766): many questions a connection, answered as they are ready. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "resolver/clock.h"
#include "resolver/dns_door_inside.h"

#define IDLE_SECONDS 10	       /* without a whole question; a connection costs us memory */
#define IDLE_SECONDS_CROWDED 2 /* when over half of the places are taken (RFC 7766, 6.2.3) */
#define FILES_FOR_OTHERS 4     /* a door takes one in so many of the descriptors that we may have */
#define UNSENT_MAX (256u << 10) /* a client that asks and does not read is asked no further */
#define DISPLACED_AT_ONCE 8
#define ACCEPT_PAUSE_USEC 500000 /* out of descriptors: accepting again at once would only spin */
#define QUERY_MAX 4096

struct tcp_wait {
	LIST_ENTRY(tcp_wait) link;
	struct tcp_connection *connection;
	struct ask *ask;
	struct dns_query query;
};

struct tcp_connection {
	TAILQ_ENTRY(tcp_connection) link;
	struct dns_door *door;
	struct bufferevent *stream;
	struct sockaddr_storage peer;
	LIST_HEAD(, tcp_wait) waits;
	size_t waits_len;
	struct event idle;
	bool ending; /* the client has said all; what is asked is still answered */
};

static void connection_free(struct tcp_connection *c)
{
	struct tcp_wait *w;
	while ((w = LIST_FIRST(&c->waits))) {
		resolver_cancel(w->ask);
		LIST_REMOVE(w, link);
		free(w);
	}
	TAILQ_REMOVE(&c->door->connections, c, link);
	c->door->connections_len--;
	event_del(&c->idle);
	/* libevent would close it when the loop comes round; a burst of connections, each of which
	 * displaces another, would have all descriptors until then. */
	evutil_socket_t fd = bufferevent_getfd(c->stream);
	bufferevent_setfd(c->stream, -1);
	close(fd);
	bufferevent_free(c->stream);
	free(c);
}

static bool over_its_share(const struct tcp_connection *c)
{
	return c->waits_len >= DNS_DOOR_TCP_PENDING_MAX ||
	       evbuffer_get_length(bufferevent_get_output(c->stream)) > UNSENT_MAX;
}

static void send_reply(struct tcp_connection *c, const uint8_t *reply, size_t len)
{
	uint8_t prefix[2] = {(uint8_t)(len >> 8), (uint8_t)len};
	struct evbuffer *out = bufferevent_get_output(c->stream);
	c->door->counters[DNS_TCP].out++;
	/* Both go out in one segment: bufferevent writes when the loop comes round. */
	evbuffer_add(out, prefix, 2);
	evbuffer_add(out, reply, len);
}

static void read_more(struct tcp_connection *c);

static void end_if_done(struct tcp_connection *c)
{
	if (c->ending && c->waits_len == 0 &&
		evbuffer_get_length(bufferevent_get_output(c->stream)) == 0)
		connection_free(c);
}

static void on_tcp_answer(void *ctx, const struct answer *a)
{
	struct tcp_wait *w = ctx;
	struct tcp_connection *c = w->connection;
	static uint8_t reply[PACKET_MAX]; /* one loop, one thread */
	size_t len = dns_door_late(c->door, &w->query, a, reply, sizeof(reply));
	send_reply(c, reply, len);
	LIST_REMOVE(w, link);
	c->waits_len--;
	free(w);
	read_more(c);
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

static unsigned idle_seconds(const struct dns_door *door)
{
	return door->connections_len * 2 > door->connections_max ? IDLE_SECONDS_CROWDED
								 : IDLE_SECONDS;
}

/* False: not DNS; the connection is of no use. */
static bool answer_one(struct tcp_connection *c, const uint8_t *message, size_t len)
{
	static uint8_t reply[PACKET_MAX];
	struct dns_query q;
	uint8_t rcode;
	size_t reply_len = 0;
	struct dns_door *door = c->door;
	door->counters[DNS_TCP].in++;
	enum dns_reading reading = dns_query_read(message, len, &q, &rcode);
	if (reading == DNS_DROP) {
		door->counters[DNS_TCP].junk++;
		return false;
	}
	struct gate_time now = dns_door_time();
	gate_tick(&door->gate, &now);
	gate_tcp(&door->gate, (const struct sockaddr *)&c->peer, &now, &q);
	q.via = DNS_TCP;
	q.asked = now.now;
	q.keepalive = (uint16_t)(idle_seconds(door) * 10);
	if (reading == DNS_ERROR)
		reply_len = dns_door_count(door, &q, rcode,
			dns_reply_error(&q, rcode, EDE_NONE, reply, sizeof(reply)));
	else
		reply_len = dns_door_at_once(door, &q, reply, sizeof(reply));
	if (reply_len == 0 && !tcp_ask(c, &q))
		reply_len = dns_door_count(door, &q, RCODE_SERVFAIL,
			dns_reply_error(&q, RCODE_SERVFAIL, EDE_NONE, reply, sizeof(reply)));
	if (reply_len)
		send_reply(c, reply, reply_len);
	return true;
}

/* Counted from the last whole question, so that a byte now and then keeps nothing open. */
static void await_question(struct tcp_connection *c)
{
	struct timeval idle = {.tv_sec = (time_t)idle_seconds(c->door)};
	event_add(&c->idle, &idle);
}

/* While its questions are out or our replies not all taken, it is not idle. */
static void on_idle(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct tcp_connection *c = ctx;
	if (c->waits_len || evbuffer_get_length(bufferevent_get_output(c->stream)))
		await_question(c);
	else
		connection_free(c);
}

/* Takes whole questions from the input as long as the client keeps to its share. */
static void read_more(struct tcp_connection *c)
{
	struct evbuffer *in = bufferevent_get_input(c->stream);
	uint8_t prefix[2], message[QUERY_MAX];
	while (!over_its_share(c) && evbuffer_copyout(in, prefix, 2) == 2) {
		size_t len = (size_t)prefix[0] << 8 | prefix[1];
		if (len < PACKET_HEADER || len > sizeof(message)) {
			c->door->counters[DNS_TCP].junk++;
			connection_free(c);
			return;
		}
		if (evbuffer_get_length(in) < 2 + len)
			break;
		evbuffer_drain(in, 2);
		evbuffer_remove(in, message, len);
		/* Alive: to the end of the list of those who may have to give way. */
		await_question(c);
		TAILQ_REMOVE(&c->door->connections, c, link);
		TAILQ_INSERT_TAIL(&c->door->connections, c, link);
		if (!answer_one(c, message, len)) {
			connection_free(c);
			return;
		}
	}
	if (over_its_share(c))
		bufferevent_disable(c->stream, EV_READ);
	else if (!c->ending)
		bufferevent_enable(c->stream, EV_READ);
	end_if_done(c);
}

static void on_read(struct bufferevent *stream, void *ctx)
{
	(void)stream;
	read_more(ctx);
}

static void on_written(struct bufferevent *stream, void *ctx)
{
	(void)stream;
	read_more(ctx);
}

static void on_event(struct bufferevent *stream, short what, void *ctx)
{
	struct tcp_connection *c = ctx;
	(void)stream;
	if (what & BEV_EVENT_EOF) { /* half closed: `dig +tcp` and scripts do that */
		c->ending = true;
		bufferevent_disable(c->stream, EV_READ);
		end_if_done(c);
		return;
	}
	connection_free(c); /* an error, or a client that takes no byte for as long as we wait */
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
		if (!victim || c->waits_len == 0)
			victim = c;
		if (c->waits_len == 0)
			break;
	}
	if (!victim)
		return;
	door->counters[DNS_TCP].displaced++;
	connection_free(victim);
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
	else if (door->connections_len >= door->connections_max)
		displace(door, NULL);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
	int peer_len, void *ctx)
{
	(void)listener;
	struct dns_door *door = ctx;
	struct timeval unread = {.tv_sec = IDLE_SECONDS};
	int on = 1;
	if (!allow_permits(door->gate.allow, peer)) {
		door->counters[DNS_TCP].not_allowed++;
		close(fd);
		return;
	}
	make_room(door, peer);
	struct tcp_connection *c = calloc(1, sizeof(*c));
	if (c)
		c->stream = bufferevent_socket_new(door->base, fd, 0);
	if (!c || !c->stream) {
		free(c);
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->door = door;
	memcpy(&c->peer, peer, (size_t)peer_len);
	TAILQ_INSERT_TAIL(&door->connections, c, link);
	door->connections_len++;
	door->counters[DNS_TCP].connections++;
	bufferevent_setcb(c->stream, on_read, on_written, on_event, c);
	bufferevent_set_timeouts(c->stream, NULL, &unread);
	event_assign(&c->idle, door->base, -1, 0, on_idle, c);
	await_question(c);
	bufferevent_setwatermark(c->stream, EV_READ, 0, QUERY_MAX + 2);
	bufferevent_enable(c->stream, EV_READ | EV_WRITE);
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
static size_t connections_max(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur == RLIM_INFINITY ||
		files.rlim_cur / FILES_FOR_OTHERS >= DNS_DOOR_TCP_MAX)
		return DNS_DOOR_TCP_MAX;
	return files.rlim_cur < FILES_FOR_OTHERS ? 1 : files.rlim_cur / FILES_FOR_OTHERS;
}

int dns_tcp_open(struct dns_door *door, const struct sockaddr *address, socklen_t len)
{
	int on = 1, error;
	door->connections_max = connections_max();
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, address, len) < 0 || listen(fd, 128) < 0) {
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
	evconnlistener_set_error_cb(door->listener, on_accept_error);
	event_assign(&door->listener_retry, door->base, -1, 0, on_retry, door);
	return 0;
}

void dns_tcp_close(struct dns_door *door)
{
	struct tcp_connection *c;
	while ((c = TAILQ_FIRST(&door->connections)))
		connection_free(c);
	if (door->listener) {
		event_del(&door->listener_retry);
		evconnlistener_free(door->listener);
	}
}
