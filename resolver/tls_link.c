/* Connecting, the handshake, and what is in between bytes and events. */
#include "resolver/tls_link.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "resolver/clock.h"
#include "resolver/server_address.h"
#include "resolver/tls_client.h"

#define BURST 64		/* reads before the others have their turn */
#define SETUP_TIME (3 * SECOND) /* for connection and handshake */
#define UNACKED_MS 4000		/* then the kernel says that the way is gone */

enum link_state {
	LINK_CONNECTING, /* for the kernel to say that it is there */
	LINK_SHAKING,
	LINK_OPEN,
	LINK_ENDED,
};

struct tls_link {
	struct tls_link_config config;
	enum link_state state;
	struct stream stream;
	struct event readable, writable, setup;
	struct evbuffer *out;
};

/* ---- its end ---- */

static void close_link(struct tls_link *link)
{
	if (link->state == LINK_ENDED)
		return;
	link->state = LINK_ENDED;
	event_del(&link->readable);
	event_del(&link->writable);
	event_del(&link->setup);
	stream_close(&link->stream);
}

static void end(struct tls_link *link, int error)
{
	char why[STREAM_WHY_MAX];

	if (error == -ECONNREFUSED || error == -ETIMEDOUT)
		snprintf(why, sizeof(why), "%s", error == -ETIMEDOUT ? "timeout" : "refused");
	else
		stream_why(&link->stream, error, why);
	close_link(link);
	link->config.ended(link->config.ctx, why);
}

/* ---- bytes ---- */

static void send_out(struct tls_link *link)
{
	size_t len;

	while (link->state == LINK_OPEN && (len = evbuffer_get_length(link->out))) {
		size_t piece = len < TLS_LINK_PIECE ? len : TLS_LINK_PIECE;
		const uint8_t *bytes = evbuffer_pullup(link->out, (ev_ssize_t)piece);
		ssize_t n = bytes ? stream_write(&link->stream, bytes, piece) : -ENOMEM;

		if (n == -EAGAIN) {
			event_add(&link->writable, NULL);
			return;
		}
		if (n < 0) {
			end(link, (int)n);
			return;
		}
		evbuffer_drain(link->out, (size_t)n);
	}
}

static int read_once(struct tls_link *link)
{
	static uint8_t bytes[TLS_LINK_PIECE]; /* there is one thread */
	ssize_t n = stream_read(&link->stream, bytes, sizeof(bytes));

	if (n <= 0)
		return n ? (int)n : -ECONNRESET;
	return link->config.bytes(link->config.ctx, bytes, (size_t)n);
}

static void read_in(struct tls_link *link)
{
	int e = read_once(link);

	for (int i = 1; i < BURST && e == 0 && link->stream.more; i++)
		e = read_once(link);
	if (e && e != -EAGAIN)
		end(link, e);
	else if (link->stream.more)
		event_active(&link->readable, EV_READ, 0);
}

static void shake(struct tls_link *link)
{
	int e = stream_handshake(&link->stream);

	if (e == -EAGAIN) {
		event_add(link->stream.awaits_room ? &link->writable : &link->readable, NULL);
		return;
	}
	if (e < 0) {
		end(link, e);
		return;
	}
	link->state = LINK_OPEN;
	event_del(&link->setup);
	event_add(&link->readable, NULL);
	if (link->stream.more)
		event_active(&link->readable, EV_READ, 0);
	tls_link_send(link);
	link->config.opened(link->config.ctx);
}

/* ---- events ---- */

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct tls_link *link = ctx;

	(void)fd;
	(void)what;
	if (link->state == LINK_SHAKING)
		shake(link);
	else
		read_in(link);
}

static void on_connected(struct tls_link *link)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(link->stream.fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error) {
		end(link, error ? -error : -errno);
		return;
	}
	link->state = LINK_SHAKING;
	shake(link);
}

static void on_writable(evutil_socket_t fd, short what, void *ctx)
{
	struct tls_link *link = ctx;

	(void)fd;
	(void)what;
	switch (link->state) {
	case LINK_CONNECTING:
		on_connected(link);
		return;
	case LINK_SHAKING:
		shake(link);
		return;
	case LINK_OPEN:
		send_out(link);
		return;
	case LINK_ENDED:
		return;
	}
}

static void on_setup(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	end(ctx, -ETIMEDOUT);
}

/* ---- the interface ---- */

/* A socket on its way there, or -errno. */
static int start_connecting(const struct server_address *server)
{
	const struct sockaddr *to = (const struct sockaddr *)&server->addr;
	unsigned unacked = UNACKED_MS;
	int on = 1, fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked, sizeof(unacked));
	if (connect(fd, to, server->len) < 0 && errno != EINPROGRESS) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

int tls_link_create(const struct tls_link_config *config, struct tls_link **ret_link)
{
	struct timeval setup = clock_timeval(SETUP_TIME);
	struct tls_link *link = calloc(1, sizeof(*link));
	int r = -ENOMEM;

	if (!link)
		return -ENOMEM;
	*link = (struct tls_link){.config = *config, .state = LINK_ENDED, .stream.fd = -1};
	link->out = evbuffer_new();
	if (!link->out)
		goto out;
	r = start_connecting(config->server);
	if (r < 0)
		goto out;
	r = tls_client_connect(config->tls, r, &link->stream);
	if (r < 0)
		goto out;
	link->state = LINK_CONNECTING;
	event_assign(&link->readable, config->base, link->stream.fd, EV_READ | EV_PERSIST,
		on_readable, link);
	event_assign(&link->writable, config->base, link->stream.fd, EV_WRITE, on_writable, link);
	event_assign(&link->setup, config->base, -1, 0, on_setup, link);
	if (event_add(&link->writable, NULL) < 0 || event_add(&link->setup, &setup) < 0)
		r = -ENOMEM;
out:
	if (r < 0)
		tls_link_destroy(link);
	else
		*ret_link = link;
	return r;
}

void tls_link_destroy(struct tls_link *link)
{
	if (!link)
		return;
	close_link(link);
	if (link->out)
		evbuffer_free(link->out);
	free(link);
}

struct evbuffer *tls_link_out(struct tls_link *link)
{
	return link->out;
}

void tls_link_send(struct tls_link *link)
{
	if (link->state == LINK_OPEN && evbuffer_get_length(link->out))
		event_active(&link->writable, EV_WRITE, 0);
}

bool tls_link_resumed(const struct tls_link *link)
{
	return stream_resumed(&link->stream);
}

bool tls_link_speaks(const struct tls_link *link, const char *protocol)
{
	return stream_speaks(&link->stream, protocol);
}
