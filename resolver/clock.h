/* The clocks: one that only goes forward, for TTLs and deadlines, and goes on while the machine
 * sleeps, as the world does; one that others share, for signatures. libevent's timers stand still
 * meanwhile: clock_awake is theirs. */
#ifndef RESOLVER_CLOCK_H
#define RESOLVER_CLOCK_H

#include <stdbool.h>
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

/* The clock on the wall may be set while we run, and wrongly. clock_start: early in main. What is
 * signed says clock_signing, the wall's time but where that has been set more than a day ahead
 * since the start (clock_is_ahead): then what it would show else, until a restart. What others have
 * signed is held against clock_latest: the wall's time but where that shows one at which there was
 * no kadns, and the other is later. A time that our own signature bears is void (clock_was_wrong)
 * when it is more than a day ahead of a clock that shows a time at which kadns was there already:
 * it was not this clock that it was taken from. */
void clock_start(void);
bool clock_is_ahead(void);
bool clock_was_wrong(int64_t signed_at);
int64_t clock_signing(void);
int64_t clock_latest(void);

static inline struct timeval clock_timeval(uint64_t us) /* as libevent's timers have it */
{
	return (struct timeval){
		.tv_sec = (time_t)(us / SECOND), .tv_usec = (suseconds_t)(us % SECOND)};
}

#endif
