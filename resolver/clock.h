/* The two clocks: one that only goes forward, for TTLs and deadlines; one that others share, for
 * signatures. */
#ifndef RESOLVER_CLOCK_H
#define RESOLVER_CLOCK_H

#include <stdint.h>
#include <time.h>

#define SECOND ((uint64_t)1000000)

static inline uint64_t clock_monotonic(void) /* microseconds */
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec / 1000;
}

static inline int64_t clock_wall(void) /* microseconds since 1970 */
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * (int64_t)SECOND + t.tv_nsec / 1000;
}

#endif
