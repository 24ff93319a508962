/* A clock on the wall that is set while we run. Whoever signs by one that stands ten years ahead
 * for a minute has a seq that nobody can go above for ten years, and nodes keep it: the key is
 * burned. */
#include "resolver/clock.h"

#include <stdbool.h>

#define DAY (86400 * (int64_t)SECOND)
/* Before this there was no kadns of this kind: a clock that shows less has not been set yet. */
#define EARLIEST (INT64_C(1767225600) * (int64_t)SECOND) /* 2026 */

static int64_t started_wall;
static uint64_t started;

void clock_start(void)
{
	started_wall = clock_wall();
	started = clock_monotonic();
}

/* What the wall would show had nobody set it. */
static int64_t unset(void)
{
	return started_wall + (int64_t)(clock_monotonic() - started);
}

/* One that stood in the past from the start was wrong then, so that it is set is as it should be.
 */
bool clock_is_ahead(void)
{
	return started_wall >= EARLIEST && clock_wall() - unset() > DAY;
}

int64_t clock_signing(void)
{
	return clock_is_ahead() ? unset() : clock_wall();
}

int64_t clock_latest(void)
{
	int64_t wall = clock_wall();
	return wall < EARLIEST && unset() > wall ? unset() : wall;
}

bool clock_was_wrong(int64_t signed_at)
{
	int64_t now = clock_signing();
	return now >= EARLIEST && signed_at > now + DAY;
}
