/* What all operations of the mount share. No FUSE here: fs/ops* translate requests into calls of
 * record, edit, scratch, listing and control, and their results into replies. */
#ifndef FS_FS_H
#define FS_FS_H

#include <sys/queue.h>

#include "fs/control.h"
#include "fs/handle.h"
#include "fs/later.h"
#include "fs/listed.h"
#include "fs/memo.h"
#include "fs/pace.h"
#include "fs/pending.h"
#include "fs/refusal.h"
#include "fs/removal.h"
#include "fs/scratch.h"
#include "fs/tree.h"
#include "resolver/publish.h"
#include "resolver/resolver.h"

/* A thread that has looked up a name of its own (fs/ops_lookup). */
struct fs_renamer {
	pid_t thread;
	uint64_t until;
};
#define FS_RENAMERS 16 /* by thread; a clash costs a retry by mv */

struct watch_list;

struct fs {
	struct resolver *resolver;
	struct publisher *publisher;
	struct tree *tree;
	struct scratch *scratch;
	struct pending_list *pending;
	struct later_list *laters;
	struct handle_list *handles;
	struct watch_list *watches;
	struct memo *memo;
	struct control_size control_sizes[CONTROL_FILES];
	uid_t owner;	 /* the daemon's user: of directories and of answers from elsewhere */
	dev_t device;	 /* of the mount; 0: not known */
	gid_t group;	 /* of every file: records know a publisher, but no group */
	int64_t started; /* seconds since 1970: mtime of directories */
	struct fs_renamer renamers[FS_RENAMERS];
	struct refusals refusals;
	struct removals removals;
	struct pace pace;
	bool root_secrets; /* root may read and write the seed of its key */
	struct listed listed;
	LIST_HEAD(, ops_change) unsure; /* replied to, and not durable yet (fs/ops_change) */
};

struct watch_waiters;
struct fs_config {
	struct resolver *resolver;
	struct publisher *publisher;
	uint64_t deadline; /* microseconds */
	unsigned lookups;  /* a second, for one user */
	bool root_secrets;
	uid_t owner;
	const struct watch_waiters *waiters; /* NULL: nobody will wait for changes */
};
int fs_create(struct event_base *base, const struct fs_config *config, struct fs **ret_fs);
/* Ends every request that waits, so it comes before the session that they are answered through
 * goes; then what is open, as closing it does. NULL is fine. */
void fs_stop(struct fs *fs);
/* How long a disk that does not answer can hold up the end, and with it the unmount: a busy one
 * takes a second or two, and who waits for the unmount is told to be patient for five. */
#define FS_SETTLE (3 * SECOND)
void fs_destroy(struct fs *fs);

/* A line in the log about a user's record: what became of what he wrote. Each is a kind of line of
 * its own, and his own (fs/log). `why` may be "". */
enum fs_event {
	FS_REFUSED,
	FS_REFUSED_RENAME,
	FS_DROPPED,	  /* closed, or removed, before it was a record */
	FS_NOT_PUBLISHED, /* a private file holds a record */
	FS_OVERTAKEN,	  /* a refusal puts nothing back: another has written since */
	FS_NOT_RESTORED,  /* what stood before is lost */
	FS_LOST,	  /* the disk has failed */
	FS_NOT_REMOVED,	  /* the same, after unlink(2) said it was */
	FS_UNSETTLED,	  /* it did not answer before kadns ended */
};
void fs_log_record(enum fs_event event, const struct question *q, uid_t uid, const char *why);

#endif
