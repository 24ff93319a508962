/* Serve-stale (RFC 8767): while DNS cannot be asked, or takes too long, what it said last. */
#include <errno.h>

#include "resolver/clock.h"
#include "resolver/resolver_inside.h"

/* Bogus is no silence: somebody answers, and lies. What was true before the lie is not to be had
 * from us either, or a lie would go unnoticed. */
static bool is_silent(const struct answer *a)
{
	return a->error && a->error != -ENOENT && !a->bogus && a->error != -EBADMSG;
}

struct answer *stale_instead(
	struct resolver *r, const struct question *q, enum cache_part part, struct answer *failed)
{
	uint64_t now = clock_monotonic();
	const struct answer *said;
	struct answer *stale;
	if (part != CACHE_DNS || (failed && !is_silent(failed)))
		return failed;
	said = cache_stale(r->cache, q, part, now);
	stale = said ? answer_stale(said, now) : NULL;
	if (!stale)
		return failed;
	stale->expires = clock_wall() / (int64_t)SECOND + stale->ttl;
	if (failed) { /* who explains it is told how the failure was come by */
		stale->trace = failed->trace;
		failed->trace = NULL;
		answer_unref(failed);
	}
	r->counters.stale++;
	return stale;
}
