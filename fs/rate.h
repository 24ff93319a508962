/* How fast a user may have strangers asked.
 *
 * A question that memory cannot answer costs upstream two packets and the DHT dozens, and everyone
 * here shares the node's budget for them. So each uid has a bucket of RATE_BURST seconds' worth of
 * look-ups that fills again at the rate; and all uids together have one of RATE_USERS times that,
 * shared out as resolver/share says, for an account may have 65,536 uids. It knows no clock. */
#ifndef FS_RATE_H
#define FS_RATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RATE_DEFAULT 100 /* a second: a shell loop, with a process a name, comes to as many */
#define RATE_MOST 100000 /* so that its tenth, the interval of all, is still a microsecond */
#define RATE_BURST 10	 /* seconds: a script that asks for a thousand names at once is no flood */
#define RATE_USERS 10	 /* so many users may be as fast as they may at once */

struct rate;

/* `owner` is the daemon's user. */
int rate_create(unsigned per_second, uid_t owner, struct rate **ret_rate);
void rate_destroy(struct rate *rate);

/* One look-up more, `now` being monotonic, in microseconds. -EAGAIN: too many; -ENOMEM. */
int rate_take(struct rate *rate, uid_t uid, uint64_t now);

size_t rate_users(const struct rate *rate); /* that it remembers */

#endif
