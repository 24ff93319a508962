/* What of the cache survives a restart: a file of the state directory, of the daemon's user alone.
 *
 * It holds what DNS said and somebody had use for, while it is fresh: the message, and when it came by
 * the clock that others share. It is read as a message from the network is, by the same scrubbing, and
 * only what is still fresh counts. What was validated is left out: nobody could say of bytes in a file
 * that they were, and the next question has them validated anew. So is all that is not DNS: own
 * records have their database, and the DHT is asked again each minute anyway. No user's view is in
 * it, but the names that were asked for are: hence its mode, 0600. And it counts only where the same
 * upstreams are asked as before: what an office's server said is not true at home. */
#ifndef RESOLVER_CACHE_FILE_H
#define RESOLVER_CACHE_FILE_H

#include "resolver/cache.h"

#define CACHE_FILE_MAX (4u << 20) /* bytes: some 40,000 names; read and written at once */

/* Calls fn for each answer that stands, which takes it over: arrived is 0, ttl and the TTLs in its
 * messages are what is left at `now` (seconds since 1970). Reads until something is wrong. How many
 * answers there were. */
typedef void cache_file_fn(void *ctx, struct answer *a);
struct cache_file_here {
	int64_t now;
	uint64_t upstream; /* upstream_fingerprint */
};
size_t cache_file_parse(const uint8_t *bytes, size_t len, const struct cache_file_here *here,
	cache_file_fn *fn, void *ctx);
/* The same from a file, now. 0, -errno. */
int cache_file_read(const char *path, uint64_t upstream, cache_file_fn *fn, void *ctx);
/* Replaces the file, whole or not at all; not synced, as to lose it costs a question each. */
int cache_file_write(const char *path, uint64_t upstream, struct cache *cache);

#endif
