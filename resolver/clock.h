/* The clocks: one that only goes forward, for TTLs and deadlines, and goes on while the machine
 * sleeps, as the world does; one that others share, for signatures. libevent's timers stand still
 * meanwhile: clock_awake is theirs. */
#ifndef RESOLVER_CLOCK_H
#define RESOLVER_CLOCK_H

#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#define SECOND ((uint64_t)1000000)

static inline uint64_t clock_of(clockid_t id) /* microseconds */
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec / 1000;
}

static inline uint64_t clock_monotonic(void)
{
	return clock_of(CLOCK_BOOTTIME);
}

static inline uint64_t clock_awake(void)
{
	return clock_of(CLOCK_MONOTONIC);
}

static inline int64_t clock_wall(void) /* microseconds since 1970 */
{
	return (int64_t)clock_of(CLOCK_REALTIME);
}

static inline struct timeval clock_timeval(uint64_t us) /* as libevent's timers have it */
{
	return (struct timeval){
		.tv_sec = (time_t)(us / SECOND), .tv_usec = (suseconds_t)(us % SECOND)};
}

#endif
