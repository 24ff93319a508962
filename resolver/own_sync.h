/* The thread that waits for the disk, so that the loop does not: fdatasync(2) of one file, or what
 * else it is given to do, one at a time. It speaks with the loop through a socket alone. */
#ifndef RESOLVER_OWN_SYNC_H
#define RESOLVER_OWN_SYNC_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct own_sync;

/* `done` is called from the loop, with 0 or -errno, once for each own_sync_start. `fd` stays the
 * caller's. */
typedef void own_sync_fn(void *ctx, int error);
typedef int own_sync_work(void *ctx); /* called in the thread; 0 or -errno */
int own_sync_create(
	struct event_base *base, int fd, own_sync_fn *done, void *ctx, struct own_sync **ret_sync);
void own_sync_destroy(struct own_sync *s); /* waits for the one under way, without `done` */
/* Waits for nothing: the thread ends by itself when the disk answers, if it ever does. */
void own_sync_abandon(struct own_sync *s);
/* `work` NULL: fdatasync. Not while one is under way. -errno: there will be no `done`. */
int own_sync_start(struct own_sync *s, own_sync_work *work);
/* The one under way is waited for here and now, for `limit` microseconds at most, and `done`
 * called. False: the disk has not answered yet, or a signal came. */
bool own_sync_finish(struct own_sync *s, uint64_t limit);

#endif
