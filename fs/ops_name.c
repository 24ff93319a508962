/* UNLINK and RENAME, and what a directory of names does not have. All under a directory's lock, so
 * UNLINK does not wait for the disk, as on other file systems: a crash may bring the record back.
 * RENAME does: what is renamed onto a record is often the only copy, and its error must be heard.
 * The network hears of either later. */
#include "fs/ops.h"

#include <errno.h>
#include <stdio.h>

#include "fs/record.h"

static void reply(fuse_req_t req, struct handle *h, int r)
{
	(void)h;
	ops_reply(req, r);
}

static int unlink_name(
	fuse_req_t req, fuse_ino_t parent, const char *text, struct ops_change *change)
{
	struct fs *fs = ops_fs(req);
	struct ops_name name;
	int r = ops_name(req, parent, text, &name);
	if (r == -ENOTDIR) {
		r = -EPERM; /* control files */
	} else if (r == 0 && name.kind == OPS_NAME_RECORD) {
		struct pending_caller caller = ops_caller(req);
		ops_change_of(change, &name.question, OPS_REMOVES_RECORD);
		r = record_remove(fs, &name.question, &caller);
	} else if (r == 0) {
		struct scratch_file *f = scratch_find(
			fs->scratch, &name.where, name.text, name.len);
		r = f ? 0 : -ENOENT;
		if (f)
			scratch_unlink(f);
	}
	return r;
}

void ops_unlink(fuse_req_t req, fuse_ino_t parent, const char *text)
{
	ops_no_rename(req);
	struct ops_change *change = ops_change_begin(req, NULL, reply);
	if (change)
		ops_change_end_at_once(change, unlink_name(req, parent, text, change));
}

struct renaming {
	struct ops_name from, to;
	bool replace;
	struct ops_change *change;
};

static int rename_scratch(fuse_req_t req, const struct renaming *n)
{
	const struct ops_name *from = &n->from, *to = &n->to;
	struct fs *fs = ops_fs(req);
	struct pending_caller caller = ops_caller(req);
	struct scratch_file *f = scratch_find(fs->scratch, &from->where, from->text, from->len);
	if (!f)
		return -ENOENT;
	if (to->kind == OPS_NAME_RECORD) {
		int r = record_from_scratch(fs, f, &to->question, &caller);
		if (r == 0)
			ops_change_moves(n->change, f);
		return r;
	}
	if (!n->replace && scratch_find(fs->scratch, &to->where, to->text, to->len))
		return -EEXIST;
	return scratch_rename(f, to->text, to->len);
}

static int rename_record(fuse_req_t req, const struct renaming *n)
{
	const struct ops_name *from = &n->from, *to = &n->to;
	struct fs *fs = ops_fs(req);
	struct pending_caller caller = ops_caller(req);
	if (to->kind == OPS_NAME_RECORD)
		return record_rename(fs, &from->question, &to->question, caller.uid);
	if (!n->replace && scratch_find(fs->scratch, &to->where, to->text, to->len))
		return -EEXIST;
	struct scratch_file *copy;
	struct name_text name = {to->text, to->len};
	int r = record_to_scratch(fs, &from->question, &caller, &name, &copy);
	if (r == 0)
		ops_change_copies(n->change, copy);
	return r;
}

/* RENAME_NOREPLACE onto a record, when the kernel has found none (a phantom it takes for a file).
 * Whether there is one is known or not, and here nobody may be asked: mv takes EINVAL for a file
 * system without the flag, looks for itself, with a GETATTR that may wait, and renames without. */
static int may_be_new(struct fs *fs, const struct ops_name *to)
{
	int error;
	const struct answer *a;
	if (to->kind != OPS_NAME_RECORD)
		return 0;
	if (!record_recall(fs, &to->question, to->where.uid, &error, &a))
		return -EINVAL;
	return a ? -EEXIST : 0;
}

void ops_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
	const char *newname, unsigned flags)
{
	struct fs *fs = ops_fs(req);
	struct renaming n = {.replace = !(flags & RENAME_NOREPLACE)};
	int r = ops_name(req, parent, name, &n.from);
	ops_no_rename(req);
	n.change = ops_change_begin(req, NULL, reply);
	if (!n.change)
		return;
	if (r == 0)
		r = ops_name(req, newparent, newname, &n.to);
	if (r == -ENOTDIR)
		r = -EPERM; /* directories and control files stay where they are */
	else if (r == 0 && parent != newparent)
		r = -EXDEV; /* another type is another record: mv copies */
	else if (r == 0 && flags & ~(unsigned)RENAME_NOREPLACE)
		r = -EINVAL;
	if (r == 0 && !n.replace)
		r = may_be_new(fs, &n.to);
	if (r == 0 && n.to.kind == OPS_NAME_RECORD)
		ops_change_of(n.change, &n.to.question, OPS_CHANGES_RECORD);
	else if (r == 0 && n.from.kind == OPS_NAME_RECORD)
		ops_change_of(n.change, &n.from.question, OPS_REMOVES_RECORD);
	if (r == 0)
		r = n.from.kind == OPS_NAME_SCRATCH ? rename_scratch(req, &n)
						    : rename_record(req, &n);
	ops_change_end(n.change, r);
}

void ops_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)parent;
	(void)name;
	ops_no_rename(req);
	ops_reply(req, -EPERM);
}

void ops_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	(void)parent;
	(void)name;
	(void)mode;
	(void)rdev;
	ops_no_rename(req);
	ops_reply(req, -EPERM);
}

void ops_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)parent;
	(void)name;
	(void)mode;
	ops_no_rename(req);
	ops_reply(req, -EPERM);
}

void ops_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name)
{
	(void)link;
	(void)parent;
	(void)name;
	ops_no_rename(req);
	ops_reply(req, -EPERM);
}

void ops_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname)
{
	(void)ino;
	(void)newparent;
	(void)newname;
	ops_no_rename(req);
	ops_reply(req, -EPERM);
}
