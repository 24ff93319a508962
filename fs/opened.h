/* Who has what open: the handles of each node, found without a walk over all that are open.
 *
 * An account has 65,536 uids (subuid(5)) and each of them may open thousands of files, the same one
 * too. A request of another user's asks "has he this open?" some times, and must not pay for that.
 * So handles are hashed by kind, node and uid; of each such triple the youngest stands for all. */
#ifndef FS_OPENED_H
#define FS_OPENED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fs/handle.h"

#define OPENED_BUCKETS 16384 /* 128 kB; a power of two: HANDLE_FILES makes 4 to a bucket */

struct opened {
	uint64_t seed; /* secret: who chooses uids and names must not choose a bucket */
	size_t steps;  /* handles looked at so far: what a test counts */
	struct handle *buckets[OPENED_BUCKETS];
};

/* The handle has its node, kind and uid, and is the youngest from now on. */
void opened_enter(struct opened *o, struct handle *h);
void opened_leave(struct opened *o, struct handle *h);
/* The youngest of these, or NULL; the others by ->older. */
struct handle *opened_find(
	struct opened *o, enum handle_kind kind, const struct node *node, uid_t uid);
/* The youngest on the node when all on it are one user's; or NULL. */
struct handle *opened_find_only(struct opened *o, const struct node *node);

#endif
