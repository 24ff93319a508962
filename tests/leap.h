/* For tests of one thread on an event loop: where the loop would wait, time leaps to the next
 * timer instead. The loop's clock and its wait are the libc's, whose places these functions take.
 */
#ifndef TESTS_LEAP_H
#define TESTS_LEAP_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LEAP_SECOND INT64_C(1000000)

/* What the loop waits for in earnest: a datagram on its way over loopback, which is there at once
 * but where the kernel puts it off. */
#define LEAP_MILLISECONDS 1

/* Microseconds that have passed beside those of the real clock; and those that the machine has
 * slept, which the monotonic clock does not count. */
static int64_t passed, slept;

static inline void add_to(struct timespec *t, int64_t microseconds)
{
	t->tv_sec += (time_t)(microseconds / LEAP_SECOND);
	t->tv_nsec += (long)(microseconds % LEAP_SECOND * 1000);
	if (t->tv_nsec >= 1000000000) {
		t->tv_nsec -= 1000000000;
		t->tv_sec++;
	}
}

int clock_gettime(clockid_t id, struct timespec *ret_time)
{
	int r = (int)syscall(SYS_clock_gettime, id, ret_time);
	if (r == 0 && (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE))
		add_to(ret_time, passed);
	else if (r == 0)
		add_to(ret_time, passed + slept);
	return r;
}

int epoll_wait(int fd, struct epoll_event *events, int cap, int milliseconds)
{
	int real = milliseconds > LEAP_MILLISECONDS ? LEAP_MILLISECONDS : milliseconds;
	int n = (int)syscall(SYS_epoll_pwait, fd, events, cap, real, NULL, 0);
	if (n == 0 && milliseconds > real)
		passed += (milliseconds - real) * INT64_C(1000);
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
