/* What stands in for DNS: while it cannot be asked, or takes too long, what it said last
 * (serve-stale, RFC 8767); after a restart what it said before; and the keys by which others' copies
 * are proven then (resolver/root_keys). */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/cache_file.h"
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
	/* Behind an answer that is not over nobody is told it: it waits for that to end. */
	bool is_said = now >= said->arrived + said->ttl * SECOND;
	if (failed) { /* who explains it is told how the failure was come by */
		stale->trace = failed->trace;
		failed->trace = NULL;
		answer_unref(failed);
	}
	r->counters.stale += is_said;
	return stale;
}

/* ---- a restart ---- */

#define KEPT_EACH (600 * SECOND) /* what ends without notice loses no more than this */

/* Only what would be asked of DNS today, and would be let through. */
static void restore(void *ctx, struct answer *a)
{
	struct resolver *r = ctx;
	const struct policy *policy = &r->config.policy;
	const struct question q = answer_question(a);
	a->arrived = clock_monotonic();
	a->time = clock_wall() / (int64_t)SECOND;
	a->expires = a->time + a->ttl;
	if (policy_when(policy, &q, CACHE_DNS) == ASK_NOW && !policy_rebinds(policy, a))
		cache_add(r->cache, a, CACHE_DNS, a->arrived);
	answer_unref(a);
}

static uint64_t upstream_of(const struct resolver *r)
{
	return r->parts.upstream ? upstream_fingerprint(r->parts.upstream) : 0;
}

/* A file that cannot be written is tried again; there is nothing that anybody would do about it. */
static void on_keeping(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct resolver *r = ctx;
	cache_file_write(r->cache_file, upstream_of(r), r->cache);
}

void memory_restore(struct resolver *r)
{
	struct timeval t = {.tv_sec = (time_t)(KEPT_EACH / SECOND)};
	r->cache_file = r->config.cache_file ? strdup(r->config.cache_file) : NULL;
	r->config.cache_file = NULL; /* the caller's */
	if (!r->cache_file)
		return;
	cache_file_read(r->cache_file, upstream_of(r), restore, r);
	event_assign(&r->keeping, r->base, -1, EV_PERSIST, on_keeping, r);
	event_add(&r->keeping, &t);
}

void memory_keep(struct resolver *r)
{
	if (!r->cache_file)
		return;
	event_del(&r->keeping);
	cache_file_write(r->cache_file, upstream_of(r), r->cache);
	free(r->cache_file);
}

/* ---- keys ---- */

#define KEYS_ASKED_MAX 16     /* of DNS at a time, with all else that is asked for nobody */
#define KEYS_DELAY 10	      /* seconds: several come together, and cost one file */

static void on_keys_due(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct resolver *r = ctx;
	root_keys_write(r->root_keys);
}

void keys_begin(struct resolver *r)
{
	event_assign(&r->keys_due, r->base, -1, 0, on_keys_due, r);
}

/* What is wanted is a question or two a day for each top-level domain, and not those of who has asked
 * for something below it. */
void keys_heard(struct resolver *r, const struct answer *a)
{
	struct timeval t = {.tv_sec = KEYS_DELAY};
	struct question wanted[ROOT_KEYS_WANTED];
	if (!r->root_keys)
		return;
	root_keys_hear(r->root_keys, a);
	size_t len = root_keys_wanted(r->root_keys, a, wanted);
	for (size_t i = 0; i < len; i++)
		sources_ask_unseen(r, &wanted[i], KEYS_ASKED_MAX);
	if (root_keys_changed(r->root_keys) && !event_pending(&r->keys_due, EV_TIMEOUT, NULL))
		event_add(&r->keys_due, &t);
}
