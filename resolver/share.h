/* Shares: what one user may take of what there is for all.
 *
 * A bound for each uid is not enough: an account has 65,536 of them (subuid(5)). So nobody may take
 * the last of a total from those who need it to see what is wrong. */
#ifndef RESOLVER_SHARE_H
#define RESOLVER_SHARE_H

#include <stddef.h>
#include <sys/types.h>

/* How far the total may be used up by a user who holds `held` of it already: root and the daemon's
 * owner all of it, who holds nothing yet 7/8, others 3/4. */
size_t share_limit(size_t total, uid_t uid, uid_t owner, size_t held);

#endif
