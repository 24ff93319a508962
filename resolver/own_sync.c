/* The thread that waits for the disk. */
#include "resolver/own_sync.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_NS 10000000 /* before the thread repeats what the kernel had no room for */

struct own_sync {
	atomic_int users; /* the loop and the thread: the last of them frees it */
	int fd;		  /* a copy: an abandoned thread may be the last who needs the file */
	int loop_end, thread_end; /* one message there is an order, one back its errno */
	pthread_t thread;
	struct event *readable;
	own_sync_work *work; /* written before the order is sent */
	own_sync_fn *done;
	void *ctx;
};

static void unref(struct own_sync *s)
{
	if (atomic_fetch_sub(&s->users, 1) > 1)
		return;
	close(s->fd);
	close(s->loop_end);
	close(s->thread_end);
	free(s);
}

static ssize_t receive(int fd, int *ret_number)
{
	ssize_t n;
	do
		n = recv(fd, ret_number, sizeof(*ret_number), 0);
	while (n < 0 && errno == EINTR);
	return n;
}

/* One that is not heard would leave all who wait for the disk waiting for ever: said again until
 * the kernel has room for it. False: it will never be heard. */
static bool say(int fd, int number)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	while (send(fd, &number, sizeof(number), MSG_NOSIGNAL) < 0) {
		if (errno == ENOBUFS || errno == ENOMEM)
			nanosleep(&pause, NULL);
		else if (errno != EINTR)
			return false;
	}
	return true;
}

static int sync_file(int fd)
{
	int r;
	do
		r = fdatasync(fd) < 0 ? -errno : 0;
	while (r == -EINTR);
	return r;
}

/* Ends when the loop has shut its end, or cannot be told anything: then it hears the end, and from
 * then on each round fails. */
static void *wait_for_disk(void *ctx)
{
	struct own_sync *s = ctx;
	int number;
	while (receive(s->thread_end, &number) > 0) {
		number = s->work ? s->work(s->ctx) : sync_file(s->fd);
		if (!say(s->thread_end, number))
			break;
	}
	shutdown(s->thread_end, SHUT_RDWR);
	unref(s);
	return NULL;
}

static void finish(struct own_sync *s)
{
	int error;
	if (receive(s->loop_end, &error) != sizeof(error)) {
		error = -EIO;
		event_del(s->readable); /* the thread has ended: there is nothing more to read */
	}
	s->done(s->ctx, error);
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	finish(ctx);
}

/* Signals are the loop's: libevent hears of those that the thread gets too, but a few are meant for
 * who takes them. */
static int start_thread(struct own_sync *s)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = -pthread_create(&s->thread, NULL, wait_for_disk, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int own_sync_create(
	struct event_base *base, int fd, own_sync_fn *done, void *ctx, struct own_sync **ret_sync)
{
	int ends[2], r, copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return -errno;
	struct own_sync *s = calloc(1, sizeof(*s));
	if (!s || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		r = s ? -errno : -ENOMEM;
		close(copy);
		free(s);
		return r;
	}
	*s = (struct own_sync){.users = 2,
		.fd = copy,
		.loop_end = ends[0],
		.thread_end = ends[1],
		.done = done,
		.ctx = ctx};
	s->readable = event_new(base, s->loop_end, EV_READ | EV_PERSIST, on_readable, s);
	r = !s->readable || event_add(s->readable, NULL) < 0 ? -ENOMEM : start_thread(s);
	if (r < 0) {
		if (s->readable)
			event_free(s->readable);
		s->users = 1;
		unref(s);
		return r;
	}
	*ret_sync = s;
	return 0;
}

void own_sync_destroy(struct own_sync *s)
{
	if (!s)
		return;
	event_free(s->readable);
	shutdown(s->loop_end, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	unref(s);
}

void own_sync_abandon(struct own_sync *s)
{
	event_free(s->readable);
	shutdown(s->loop_end, SHUT_RDWR);
	pthread_detach(s->thread);
	unref(s);
}

int own_sync_start(struct own_sync *s, own_sync_work *work)
{
	int order = 0;
	s->work = work;
	return send(s->loop_end, &order, sizeof(order), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

bool own_sync_finish(struct own_sync *s, uint64_t limit)
{
	struct pollfd answer = {.fd = s->loop_end, .events = POLLIN};
	int ms = limit / 1000 > INT_MAX ? -1 : (int)(limit / 1000);
	if (poll(&answer, 1, ms) <= 0)
		return false;
	finish(s);
	return true;
}
