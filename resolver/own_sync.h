/* The thread that waits for the disk, so that the loop does not: fdatasync(2) of one file, one at a
 * time. It touches nothing else, and speaks with the loop through a socket alone. */
#ifndef RESOLVER_OWN_SYNC_H
#define RESOLVER_OWN_SYNC_H

struct event_base;
struct own_sync;

/* `done` is called from the loop, with 0 or -errno, once for each own_sync_start. `fd` stays the
 * caller's and must outlive it. */
typedef void own_sync_fn(void *ctx, int error);
int own_sync_create(
	struct event_base *base, int fd, own_sync_fn *done, void *ctx, struct own_sync **ret_sync);
void own_sync_destroy(struct own_sync *s); /* waits for the one under way, without `done` */
/* Not while one is under way. -errno: there will be no `done`. */
int own_sync_start(struct own_sync *s);
/* The one under way is waited for here and now, and `done` called. */
void own_sync_finish(struct own_sync *s);

#endif
