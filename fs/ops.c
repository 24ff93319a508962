/* Attributes, and the table of operations. */
#include "fs/ops.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "fs/attr.h"
#include "fs/draft.h"
#include "fs/edit.h"
#include "fs/record.h"
#include "resolver/clock.h"
#include "resolver/json.h"

/* A record is 64 kB at most; one WRITE carries it. */
#define WRITE_MAX (128u << 10)

struct fs *ops_fs(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

struct node *ops_node(fuse_req_t req, fuse_ino_t ino)
{
	return tree_held(ops_fs(req)->tree, ino, clock_monotonic());
}

uid_t ops_uid(fuse_req_t req)
{
	return fuse_req_ctx(req)->uid;
}

void ops_reply(fuse_req_t req, int error)
{
	int number = -error;
	fuse_reply_err(req, number >= 0 && number < 512 ? number : EIO);
}

static void init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	/* No WRITEBACK_CACHE: it would answer write() before the record is judged. No splice:
	 * records are small. The rest of what libfuse wants is right: ATOMIC_O_TRUNC,
	 * PARALLEL_DIROPS, READDIRPLUS_AUTO. */
	conn->want &= ~(unsigned)(FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_SPLICE_READ |
				  FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
				  FUSE_CAP_POSIX_ACL | FUSE_CAP_EXPORT_SUPPORT);
	conn->want |= conn->capable & (FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_PARALLEL_DIROPS |
					      FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO);
	conn->max_write = WRITE_MAX;
}

/* ---- attributes ---- */

/* How long the kernel may keep what is said of this answer. */
static double record_timeout(bool shared, const struct answer *a)
{
	double left = answer_ttl_left(a, clock_monotonic());
	if (!shared)
		return 0;
	return left < OPS_TIMEOUT_RECORD ? left : OPS_TIMEOUT_RECORD;
}

static int stat_answer(
	struct fs *fs, struct node *node, const struct answer *a, struct stat *ret_stat)
{
	char *text;
	size_t len;
	int r = json_write(a, NULL, &text, &len);
	if (r < 0)
		return r;
	free(text);
	attr_answer(fs, node, a, len, ret_stat);
	return 0;
}

/* What memory says of a node. */
struct seen {
	int error;
	struct stat stat;
	double timeout; /* for which the kernel may keep it */
};

/* A record, in the order of what is nearest to the caller: what he writes, what memory knows, what
 * he has open. `entry`: for an entry of a directory, after which the kernel asks for attributes
 * that it may not keep once more; so these come without their size, which costs writing the text.
 */
static bool recall_record(fuse_req_t req, struct node *node, bool entry, struct seen *ret_seen)
{
	struct fs *fs = ops_fs(req);
	uid_t uid = ops_uid(req);
	struct question q;
	const struct answer *a;
	node_question(node, &q);
	const struct handle *writer = handle_find(fs->handles, HANDLE_DRAFT, node, uid);
	const struct handle *reader = handle_find(fs->handles, HANDLE_TEXT, node, uid);
	/* Before the answer is borrowed: the next call into the resolver takes it back. */
	bool shared = record_is_shared(fs, &q);
	bool known = false;
	if (!writer || !draft_touched(writer->draft))
		known = record_recall(fs, &q, uid, &ret_seen->error, &a);
	if (known && a) {
		ret_seen->timeout = record_timeout(shared && !writer, a);
		if (entry && ret_seen->timeout <= 0)
			attr_answer(fs, node, a, 0, &ret_seen->stat);
		else
			ret_seen->error = stat_answer(fs, node, a, &ret_seen->stat);
	} else if (writer) {
		size_t len;
		draft_text(writer->draft, &len);
		attr_empty(fs, node, uid, len, &ret_seen->stat);
		ret_seen->error = 0;
	} else if (!known && reader) {
		ret_seen->stat = reader->stat;
	} else {
		return known;
	}
	return true;
}

/* True: memory knows, if only that there is an error. False: ask. */
static bool recall(fuse_req_t req, struct node *node, bool entry, struct seen *ret_seen)
{
	const struct fs *fs = ops_fs(req);
	ret_seen->error = 0;
	ret_seen->timeout = 0;
	switch (node->kind) {
	case NODE_ROOT:
	case NODE_CLASS:
	case NODE_TYPE:
	case NODE_CONTROL:
		attr_directory(fs, node, &ret_seen->stat);
		ret_seen->timeout = OPS_TIMEOUT_FIXED;
		return true;
	case NODE_CONTROL_FILE:
		ret_seen->error = attr_control(fs, node, &ret_seen->stat);
		return true;
	case NODE_SCRATCH:
		attr_scratch(fs, node, &ret_seen->stat);
		return true;
	case NODE_RECORD:
		return recall_record(req, node, entry, ret_seen);
	}
	return false;
}

void ops_entry(fuse_req_t req, struct node *node, struct fuse_entry_param *ret_entry)
{
	struct seen seen;
	if (!recall(req, node, true, &seen) || seen.error < 0) {
		/* A phantom: nobody has been asked yet, and the next to look asks again. */
		attr_empty(ops_fs(req), node, ops_uid(req), 0, &seen.stat);
		seen.timeout = 0;
	}
	bool fixed = node->kind == NODE_CONTROL_FILE;
	*ret_entry = (struct fuse_entry_param){
		.ino = node->ino,
		.attr = seen.stat,
		.attr_timeout = seen.timeout,
		.entry_timeout = fixed ? OPS_TIMEOUT_FIXED : seen.timeout,
	};
}

static void reply_stat(
	fuse_req_t req, struct node *node, int flags, int error, const struct answer *a)
{
	struct fs *fs = ops_fs(req);
	struct question q;
	struct stat st;
	(void)flags;
	if (error == 0)
		error = stat_answer(fs, node, a, &st);
	if (error < 0) {
		ops_reply(req, error);
		return;
	}
	node_question(node, &q);
	fuse_reply_attr(req, &st, record_timeout(record_is_shared(fs, &q), a));
}

void ops_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct node *node = ops_node(req, ino);
	struct seen seen;
	(void)fi; /* fstat does not bring it */
	ops_no_rename(req);
	if (!node)
		ops_reply(req, -ENOENT);
	else if (!recall(req, node, false, &seen))
		ops_ask(req, node, 0, reply_stat);
	else if (seen.error < 0)
		ops_reply(req, seen.error);
	else
		fuse_reply_attr(req, &seen.stat, seen.timeout);
}

/* Times and modes are accepted and mean nothing: cp -p, tar, rsync, install and touch set them. */
static int set_attributes(
	fuse_req_t req, struct node *node, const struct stat *attr, int to_set, struct handle *h)
{
	struct fs *fs = ops_fs(req);
	uid_t uid = h && h->writes ? h->uid : ops_uid(req); /* OPEN has decided already */
	struct question q;
	int r = -EPERM;
	switch (node->kind) {
	case NODE_RECORD:
		node_question(node, &q);
		r = record_may_write(fs, &q, uid);
		/* Without a handle it is truncate(1), which withdraws nothing. */
		if (r == 0 && to_set & FUSE_SET_ATTR_SIZE && h && h->kind == HANDLE_DRAFT)
			edit_truncate(h, (uint64_t)attr->st_size);
		return r;
	case NODE_SCRATCH:
		r = node->scratch->uid == uid ? 0 : -EPERM;
		if (r == 0 && to_set & FUSE_SET_ATTR_SIZE)
			r = scratch_truncate(node->scratch, (uint64_t)attr->st_size);
		return r;
	case NODE_CONTROL_FILE:
		return node->control == CONTROL_NODES && (uid == 0 || uid == fs->owner) ? 0 : r;
	case NODE_ROOT:
	case NODE_CLASS:
	case NODE_TYPE:
	case NODE_CONTROL:
		break;
	}
	return r;
}

static void setattr(
	fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi)
{
	struct node *node = ops_node(req, ino);
	struct handle *h = fi ? (struct handle *)(uintptr_t)fi->fh : NULL;
	ops_no_rename(req);
	if (!node) {
		ops_reply(req, -ENOENT);
		return;
	}
	struct fuse_entry_param e;
	ops_entry(req, node, &e);
	/* chown to oneself, or to the owner that is shown (sed -i by root), changes nothing. */
	bool own = !(to_set & FUSE_SET_ATTR_UID) || attr->st_uid == ops_uid(req) ||
		   attr->st_uid == e.attr.st_uid;
	int r = own ? set_attributes(req, node, attr, to_set, h) : -EPERM;
	if (r < 0) {
		ops_reply(req, r);
		return;
	}
	ops_entry(req, node, &e);
	fuse_reply_attr(req, &e.attr, e.attr_timeout);
}

static void statfs(fuse_req_t req, fuse_ino_t ino)
{
	(void)ino;
	/* No blocks: df leaves such a mount out, as it does /proc. */
	struct statvfs st = {.f_bsize = 4096, .f_frsize = 4096, .f_namemax = NAME_FILE_MAX};
	fuse_reply_statfs(req, &st);
}

const struct fuse_lowlevel_ops ops_table = {
	.init = init,
	.lookup = ops_lookup,
	.forget = ops_forget,
	.forget_multi = ops_forget_multi,
	.getattr = ops_getattr,
	.setattr = setattr,
	.access = ops_access,
	.statfs = statfs,
	.open = ops_open,
	.create = ops_create,
	.release = ops_release,
	.read = ops_read,
	.write = ops_write,
	.flush = ops_flush,
	.fsync = ops_fsync,
	.opendir = ops_opendir,
	.readdir = ops_readdir,
	.readdirplus = ops_readdirplus,
	.releasedir = ops_releasedir,
	.unlink = ops_unlink,
	.rename = ops_rename,
	.rmdir = ops_rmdir,
	.mknod = ops_mknod,
	.mkdir = ops_mkdir,
	.symlink = ops_symlink,
	.link = ops_link,
};
