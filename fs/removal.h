/* What a process has removed a moment ago, and may be about to make anew.
 *
 * `mv /tmp/f NAME`, install, cp --remove-destination and git remove the old file before they create
 * and write the new one; emacs moves it to NAME~. When the new one is refused, the record would be
 * gone, though nobody meant to withdraw it. So what a process removed is kept for a moment, and the
 * draft by which the same process makes it anew puts it back on a refusal.
 *
 * Not so what rm(1) removes: it is another process than the shell that may write rubbish next. And
 * the removal itself goes to the disk at once: a crash in between leaves none, as a rule. */
#ifndef FS_REMOVAL_H
#define FS_REMOVAL_H

#include <sys/types.h>

#include "resolver/rrset.h"

/* At most 64 kB each: 4 MB. A process may remove several before it makes them anew; of more than
 * its share, or when all are taken, the oldest are forgotten, its user's first, which costs only the
 * putting back. */
#define REMOVALS 64
#define REMOVALS_OF_USER 16
#define REMOVAL_SECONDS 2 /* from unlink(2) to open(2), on a machine that is busy */

struct removal {
	uid_t uid;
	pid_t process;
	uint64_t until; /* monotonic */
	struct rrset *set;
};
struct removals { /* zeros are none */
	struct removal slots[REMOVALS];
};

/* `set` stood until now; it is the removals' from now on. NULL is nothing. */
void removal_remember(
	struct removals *r, uid_t uid, pid_t process, struct rrset *set, uint64_t now);
/* What this process has just removed at q, the caller's now; or NULL. */
struct rrset *removal_take(
	struct removals *r, const struct question *q, uid_t uid, pid_t process, uint64_t now);
void removal_finish(struct removals *r);

#endif
