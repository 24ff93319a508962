/* For tests of one thread on an event loop: where the loop would wait, time leaps to the next
 * timer instead, and stands still meanwhile: a slow machine is none to such a test. The loop's
 * clock and its wait are the libc's, whose places these functions take. */
#ifndef TESTS_LEAP_H
#define TESTS_LEAP_H

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LEAP_SECOND INT64_C(1000000)

/* Microseconds that have passed beside those of the real clock; and those that the machine has
 * slept, which the monotonic clock does not count. */
static int64_t passed, slept;

/* Of this clock; real time has a part in it, unless the test says LEAP_STILL: then a slow machine
 * is none to it. But a child or a thread takes real time to answer. */
static inline struct timespec leap_start(clockid_t id)
{
#ifdef LEAP_STILL
	static struct timespec start[CLOCK_TAI + 1]; /* when each was first asked */
	struct timespec *t = &start[id];
	if (t->tv_sec == 0 && t->tv_nsec == 0)
		syscall(SYS_clock_gettime, id, t);
	passed++; /* who looks at the clock until it has gone on is not to look for ever */
	return *t;
#else
	struct timespec now;
	syscall(SYS_clock_gettime, id, &now);
	return now;
#endif
}

int clock_gettime(clockid_t id, struct timespec *ret_time)
{
	if (id < 0 || id > CLOCK_TAI) {
		errno = EINVAL;
		return -1;
	}
	struct timespec start = leap_start(id);
	bool is_awake = id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE;
	int64_t more = start.tv_nsec / 1000 + passed + (is_awake ? 0 : slept);
	*ret_time = (struct timespec){.tv_sec = start.tv_sec + (time_t)(more / LEAP_SECOND),
		.tv_nsec = (long)(more % LEAP_SECOND * 1000)};
	return 0;
}

static inline int leap_socket(void)
{
	struct sockaddr_in self = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval limit = {.tv_sec = 10};
	socklen_t len = sizeof(self);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&self, len) == 0 &&
		getsockname(fd, (struct sockaddr *)&self, &len) == 0)
		connect(fd, (struct sockaddr *)&self, len);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

/* A datagram over loopback is there at once, but where the kernel puts it off: then it comes in its
 * turn, and when one that we send ourselves now is there, so are those before it. */
static inline void leap_let_arrive(void)
{
	static int fd = -1;
	char byte = 0;
	if (fd < 0)
		fd = leap_socket();
	if (send(fd, &byte, 1, 0) == 1)
		(void)!recv(fd, &byte, 1, 0);
}

int epoll_wait(int fd, struct epoll_event *events, int cap, int milliseconds)
{
	int real = milliseconds < 0 ? milliseconds : 0;
	int n = (int)syscall(SYS_epoll_pwait, fd, events, cap, real, NULL, 0);
	if (n != 0 || milliseconds <= 0)
		return n;
	leap_let_arrive();
	n = (int)syscall(SYS_epoll_pwait, fd, events, cap, 0, NULL, 0);
	if (n == 0)
		passed += milliseconds * INT64_C(1000);
	return n;
}

static inline void leap_over(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	*(bool *)ctx = true;
}

/* Lets so many microseconds leap by, with all that happens in them. */
static inline void leap(struct event_base *base, uint64_t microseconds)
{
	bool over = false;
	struct event *e = evtimer_new(base, leap_over, &over);
	struct timeval t = {.tv_sec = (time_t)(microseconds / LEAP_SECOND),
		.tv_usec = (suseconds_t)(microseconds % LEAP_SECOND)};
	event_add(e, &t);
	while (!over)
		event_base_loop(base, EVLOOP_ONCE);
	event_free(e);
}

#endif
