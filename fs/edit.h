/* Writing a record through an open handle: the draft decides, this publishes.
 *
 * A WRITE that completes a record is answered when it is durable on this machine (fs/ops_change.c),
 * because no shell's echo looks at what close() says. Nothing here waits. */
#ifndef FS_EDIT_H
#define FS_EDIT_H

#include "fs/fs.h"

/* A handle that writes the record of `node`. Errors of record_may_write and handle_create. */
int edit_open(struct fs *fs, struct node *node, const struct pending_caller *caller, bool append,
	struct handle **ret_handle);
int edit_write(struct fs *fs, struct handle *h, const char *bytes, size_t len, uint64_t offset);
/* A new length. One that leaves what is shown as it is, as editors set it, is no change. */
void edit_truncate(struct handle *h, uint64_t len);
/* FLUSH: every close of any copy of the descriptor, a redirection's first one before a byte was
 * written. Only the process that opened the file can mean the end of the text by it. */
int edit_flush(struct fs *fs, struct handle *h, pid_t pid);
/* FSYNC: 0 when all that was written stands on this machine. */
int edit_sync(struct fs *fs, struct handle *h);
/* The disk has failed a write that it was to hold (resolver/own.h): what stands is what was durable
 * before, and the handle is refused. NULL: it was not written through one, or that is closed. */
void edit_lost(struct fs *fs, struct handle *h, const struct question *q, uid_t uid, int error);
/* The last copy is closed: to the network, and what never counted is dropped. */
void edit_release(struct fs *fs, struct handle *h);
/* The user's record is removed or renamed: files that are open have no name any more, and writing
 * on would make the record again. Their writes are -EINVAL from now on, for there is no other place
 * to write to. */
void edit_orphan(struct fs *fs, const struct question *q, uid_t uid);

#endif
