/* The loop of either validator's process. */
#include "resolver/child_loop.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

/* A loop that has not turned for so long is stuck in libunbound, on a packet made for that: the
 * kernel ends us, and the node starts another. */
#define STUCK_S 12
/* Frames read before libunbound's sockets get their turn again. */
#define READ_BURST 64

void child_loop_send(struct child_loop *loop, const uint8_t *frame, size_t len)
{
	ssize_t n;

	do
		n = send(loop->fd, frame, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		event_base_loopbreak(loop->base);
}

void child_loop_work(struct child_loop *loop)
{
	static const struct timeval second = {.tv_sec = 1};

	if (!event_pending(loop->tick, EV_TIMEOUT, NULL)) {
		alarm(STUCK_S);
		event_add(loop->tick, &second);
	}
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct child_loop *loop = arg;

	(void)fd;
	(void)what;
	alarm(0);
	if (loop->ticked(loop->ctx))
		child_loop_work(loop);
}

static int handle(struct child_loop *loop, size_t len)
{
	struct frame frame;
	int r = frame_open(loop->in, len, &frame);

	return r ? r : loop->handle(loop->ctx, &frame);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct child_loop *loop = arg;

	(void)what;
	for (int i = 0; i < READ_BURST; i++) {
		ssize_t n = recv(fd, loop->in, sizeof(loop->in), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0 || handle(loop, (size_t)n) < 0) {
			event_base_loopbreak(loop->base);
			return;
		}
	}
}

int child_loop_config(struct child_loop *loop, struct upstream_config *ret_config)
{
	struct frame frame;
	ssize_t n = recv(loop->fd, loop->in, sizeof(loop->in), 0);

	if (n <= 0)
		return -EPIPE;
	if (frame_open(loop->in, (size_t)n, &frame))
		return -EBADMSG;
	return frame_get_config(&frame, ret_config);
}

int child_loop_init(struct child_loop *loop)
{
	loop->base = event_base_new();
	if (!loop->base)
		return -ENOMEM;
	loop->readable = event_new(loop->base, loop->fd, EV_READ | EV_PERSIST, on_readable, loop);
	loop->tick = evtimer_new(loop->base, on_tick, loop);
	if (!loop->readable || !loop->tick || event_add(loop->readable, NULL))
		return -ENOMEM;
	return 0;
}

void child_loop_run(struct child_loop *loop)
{
	event_base_dispatch(loop->base);
}

void child_loop_finish(struct child_loop *loop)
{
	alarm(0);
	if (loop->readable)
		event_free(loop->readable);
	if (loop->tick)
		event_free(loop->tick);
	if (loop->base)
		event_base_free(loop->base);
}
