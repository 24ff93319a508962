/* The requests of FUSE, translated: fetch, one call, one reply.
 *
 *   ops.c         attributes, the table of operations
 *   ops_lookup.c  LOOKUP and FORGET
 *   ops_ask.c     what may wait for an answer: GETATTR, ACCESS and OPEN of a record, OPEN of
 *                 what explains one
 *   ops_open.c    OPEN, CREATE, RELEASE
 *   ops_panel.c   files below .kadns/explain and .kadns/claims
 *   ops_io.c      READ, WRITE, FLUSH, FSYNC
 *   ops_poll.c    POLL
 *   ops_change.c  replies that wait for the disk
 *   ops_dir.c     directories
 *   ops_xattr.c   extended attributes
 *   ops_name.c    UNLINK, RENAME, and what is not allowed
 *
 * Nothing but what ops_ask does ever waits for the network, and nothing for the disk but a reply.
 * The daemon checks permissions itself: default_permissions would make the kernel ask GETATTR
 * before `echo > new`. */
#ifndef FS_OPS_H
#define FS_OPS_H

#include <fuse_lowlevel.h>

#include "fs/fs.h"

extern const struct fuse_lowlevel_ops ops_table; /* userdata: struct fs * */
/* Adds what the option xattr offers. Without it the kernel hears ENOSYS once and asks no more,
 * where `ls -l` would ask twice for each file. */
void ops_with_xattr(struct fuse_lowlevel_ops *table);
struct watch_waiters;
extern const struct watch_waiters ops_waiters; /* those of POLL */

/* Directories and control files are always where they are. */
#define OPS_TIMEOUT_FIXED 3600.0
/* A record that is known: long enough that `ls -l; cat` asks once, short enough that nobody waits
 * for the end of an old TTL. */
#define OPS_TIMEOUT_RECORD 1.0

struct fs *ops_fs(fuse_req_t req);
struct node *ops_node(fuse_req_t req, fuse_ino_t ino); /* NULL: the kernel holds no such inode */
uid_t ops_uid(fuse_req_t req);
struct pending_caller ops_caller(fuse_req_t req);

/* 0 or negative errno. Never 512 or more: the kernel would drop such a reply, and the caller hang.
 */
void ops_reply(fuse_req_t req, int error);
/* The same with a handle; one whose caller has gone is released. */
void ops_reply_open(fuse_req_t req, struct handle *h);
/* Replies with the handle, or with the error and gives it up. */
void ops_reply_open_or(fuse_req_t req, int error, struct handle *h);

/* A record's handle reads this answer from now on. */
int ops_snapshot(struct fs *fs, struct handle *h, const struct answer *a);
/* Of one that is watched, when it is read from the beginning. -ENOENT: the record has gone. */
int ops_take_newest(struct fs *fs, struct handle *h);

/* What LOOKUP, CREATE and READDIRPLUS tell the kernel of a node, from memory. Counts no look-up. */
void ops_entry(fuse_req_t req, struct node *node, struct fuse_entry_param *ret_entry);
/* A name in a directory. */
enum ops_name_kind { OPS_NAME_RECORD, OPS_NAME_SCRATCH };
struct ops_name {
	enum ops_name_kind kind;
	struct question question;   /* RECORD */
	struct scratch_where where; /* SCRATCH */
	const char *text;
	size_t len;
};
/* In a TYPE directory. -ENAMETOOLONG; -ENOTDIR: no such directory. */
int ops_name(fuse_req_t req, fuse_ino_t parent, const char *text, struct ops_name *ret_name);

/* A request other than LOOKUP has come: what this thread looked up was not for a rename. */
void ops_no_rename(fuse_req_t req);

/* ops_ask.c: calls fn with what memory or the resolver answers, now or later; fn replies. */
typedef void ops_answered_fn(
	fuse_req_t req, struct node *node, int flags, int error, const struct answer *a);
void ops_ask(fuse_req_t req, struct node *node, int flags, ops_answered_fn *fn);
/* The same, whatever memory has, and waits for what is asked for. */
void ops_ask_for(fuse_req_t req, struct node *node, enum ask_for want, ops_answered_fn *fn);

/* ops_change.c: a request that may change a record begins with the one and ends with the other;
 * `done` replies, at once or when the change is durable, with `r` or why it is not. h: what is
 * written through, or NULL. NULL: replied to, no memory. */
struct ops_change;
typedef void ops_changed_fn(fuse_req_t req, struct handle *h, int r);
struct ops_change *ops_change_begin(fuse_req_t req, struct handle *h, ops_changed_fn *done);
void ops_change_end(struct ops_change *change, int r);
/* The same, but the reply waits for nothing: only the log hears that it was lost. */
void ops_change_end_at_once(struct ops_change *change, int r);
/* Between the two: what of, where that is not of the file that is written. */
enum ops_changes {
	OPS_CHANGES_NOTHING,
	OPS_CHANGES_RECORD,
	OPS_REMOVES_RECORD,
	OPS_CHANGES_LIST,
};
void ops_change_of(struct ops_change *change, const struct question *q, enum ops_changes what);
/* A private file becomes a record (record_from_scratch): it goes when that is durable. */
void ops_change_moves(struct ops_change *change, struct scratch_file *file);
/* A record becomes a private file (record_to_scratch): that has its name when the rest is durable.
 */
void ops_change_copies(struct ops_change *change, struct scratch_file *copy);
/* The reply is true of what earlier requests have written too. */
void ops_change_waits_for_all(struct ops_change *change);
/* Has a request been replied to, its caller being killed, that wrote through h and is not durable?
 */
bool ops_change_is_unsure(const struct fs *fs, const struct handle *h);
void ops_change_closes(struct fs *fs, const struct handle *h); /* it is about to go */

/* ops_receipt.c: calls fn with 0 when the network has the caller's own record of the node, at once or
 * later; -ENOENT: he has none; -ETIMEDOUT, -EINTR, -EAGAIN, -ENOMEM; -ECONNABORTED: kadns ends. h is
 * passed on. */
typedef void ops_received_fn(fuse_req_t req, struct node *node, struct handle *h, int error);
void ops_receipt(fuse_req_t req, struct node *node, struct handle *h, ops_received_fn *fn);

/* ops_panel.c */
void ops_open_panel(fuse_req_t req, struct node *node, int flags);
void ops_recall_panel(fuse_req_t req, const struct node *node, struct stat *ret_stat);

void ops_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void ops_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups);
void ops_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void ops_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_access(fuse_req_t req, fuse_ino_t ino, int mask);
void ops_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	struct fuse_file_info *fi);
void ops_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_poll(
	fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph);
void ops_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi);
void ops_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t size, off_t offset,
	struct fuse_file_info *fi);
void ops_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void ops_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_readdir(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi);
void ops_readdirplus(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi);
void ops_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void ops_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
	const char *newname, unsigned flags);
void ops_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void ops_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void ops_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void ops_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name);
void ops_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname);

#endif
