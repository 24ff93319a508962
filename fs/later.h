/* Requests that wait for time, not for an answer: for the next turn of the loop, when what they
 * want is more work than one turn may do, or for a moment.
 *
 * Each ends exactly once. It knows no FUSE: who waits is a function and its context. */
#ifndef FS_LATER_H
#define FS_LATER_H

#include <stdint.h>

struct event_base;
struct later;
struct later_list;

/* error: 0, the time has come; -ECONNABORTED, the mount goes; or what later_end was told. */
typedef void later_fn(void *ctx, int error);

int later_create(struct event_base *base, struct later_list **ret_list);
void later_destroy(struct later_list *list); /* ends all that wait; NULL is fine */

/* fn is called once, never before this returns: `delay` microseconds from now; 0: in one of the
 * next turns, of which each is for one who waits so, the first come first. -ENOMEM. */
int later_add(
	struct later_list *list, uint64_t delay, later_fn *fn, void *ctx, struct later **ret_later);
/* Ends it now. */
void later_end(struct later *later, int error);

#endif
