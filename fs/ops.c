/* Attributes, and the table of operations. */
#include "fs/ops.h"

#include <errno.h>
#include <sys/statvfs.h>

#include "fs/attr.h"
#include "fs/caller.h"
#include "fs/draft.h"
#include "fs/edit.h"
#include "fs/list_draft.h"
#include "fs/record.h"
#include "fs/secret.h"
#include "resolver/clock.h"

/* A record is 64 kB at most; one WRITE carries it. */
#define WRITE_MAX (128u << 10)

/* So many RELEASEs may the kernel have sent and not heard of. With its own limit, 12, those of more than
 * a few dozen flat-out readers at a time come in more slowly than OPENs do, until a user's share
 * of open files is full of what he has closed. It is a limit still, as what a process that ends had
 * open comes all at once, before what others ask next: half a millisecond of it. */
#define RELEASES_MAX 256

struct fs *ops_fs(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

struct node *ops_node(fuse_req_t req, fuse_ino_t ino)
{
	struct tree *tree = ops_fs(req)->tree;
	struct node *node = tree_find(tree, ino);
	return node ? node : tree_remake(tree, ino, clock_monotonic());
}

uid_t ops_uid(fuse_req_t req)
{
	return fuse_req_ctx(req)->uid;
}

struct pending_caller ops_caller(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	return (struct pending_caller){ctx->uid, ctx->pid};
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
	conn->max_background = RELEASES_MAX;
}

/* ---- attributes ---- */

/* How long the kernel may keep what is said of this answer. */
static double record_timeout(bool shared, const struct answer *a)
{
	if (!shared)
		return 0;
	double left = answer_ttl_left(a, clock_monotonic());
	return left < OPS_TIMEOUT_RECORD ? left : OPS_TIMEOUT_RECORD;
}

static int stat_answer(
	struct fs *fs, struct node *node, const struct answer *a, struct stat *ret_stat)
{
	struct memo_text *text;
	int r = memo_write(fs->memo, a, &text);
	if (r < 0)
		return r;
	node->size = text->len;
	attr_answer(fs, node, a, text->len, ret_stat);
	return 0;
}

static void stat_draft(struct fs *fs, const struct handle *h, uid_t uid, struct stat *ret_stat)
{
	size_t len = 0;
	if (h->text && !draft_touched(h->draft)) { /* O_RDWR: it reads what stood */
		*ret_stat = h->stat;
		return;
	}
	draft_text(h->draft, &len);
	attr_empty(fs, h->node, uid, len, ret_stat);
}

static const struct handle *find_own(struct fs *fs, const struct node *node, uid_t uid)
{
	const struct handle *h = handle_find(fs->handles, HANDLE_TEXT, node, uid);
	return h ? h : handle_find(fs->handles, HANDLE_DRAFT, node, uid);
}

/* Was a descriptor handed to the caller that another user has opened (`sudo -u bob cmd > f`)? It is
 * for /proc to say: fstat of it comes as a GETATTR of bob's, and the kernel sends no handle with
 * it. */
static bool was_handed(fuse_req_t req, const struct node *node)
{
	return node->handles &&
	       caller_holds(fuse_req_ctx(req)->pid, ops_fs(req)->device, node->ino);
}

/* From what the caller has open or was handed. What others have open is nothing to him: its size
 * and times are theirs. Where several have, which of them handed it to him cannot be told, and it
 * is empty. */
static bool stat_open(fuse_req_t req, struct node *node, struct stat *ret_stat)
{
	struct fs *fs = ops_fs(req);
	uid_t uid = ops_uid(req);
	const struct handle *h = find_own(fs, node, uid);
	if (!h && !was_handed(req, node))
		return false;
	if (!h)
		h = handle_find_only(fs->handles, node);
	if (!h)
		attr_empty(fs, node, uid, 0, ret_stat);
	else if (h->kind == HANDLE_DRAFT)
		stat_draft(fs, h, uid, ret_stat);
	else
		*ret_stat = h->stat;
	return true;
}

/* What memory says of a node. */
struct seen {
	int error;
	struct stat stat;
	double timeout; /* for which the kernel may keep it */
};

/* A record: what stands, which is what OPEN gives and so must be what its size is; else what is
 * open, which goes on when its name has gone; else that there is nothing.
 *
 * `entry`: for an entry of a directory, after which the kernel asks for attributes that it may not
 * keep once more; so the size, which costs writing the text, may be that of the last time. It must
 * not be 0: the kernel would cut what others have mapped. */
static bool recall_record(fuse_req_t req, struct node *node, bool entry, struct seen *ret_seen)
{
	struct fs *fs = ops_fs(req);
	struct question q;
	const struct answer *a;
	node_question(node, &q);
	bool known = record_recall(fs, &q, ops_uid(req), &ret_seen->error, &a);
	if (known && a) {
		a = answer_ref(a); /* it was borrowed until the next call into the resolver */
		bool keeps = !a->has_owner && record_is_shared(fs, &q) &&
			     !handle_find(fs->handles, HANDLE_DRAFT, node, ops_uid(req));
		ret_seen->timeout = record_timeout(keeps, a);
		if (entry && ret_seen->timeout <= 0 && node->size)
			attr_answer(fs, node, a, node->size, &ret_seen->stat);
		else
			ret_seen->error = stat_answer(fs, node, a, &ret_seen->stat);
		answer_unref(a);
		return true;
	}
	if (entry && !handle_find(fs->handles, HANDLE_DRAFT, node, ops_uid(req)))
		return false; /* whose is open does not matter: LOOKUP says the same to everyone */
	if (!stat_open(req, node, &ret_seen->stat))
		return known;
	ret_seen->error = 0;
	return true;
}

/* True: memory knows, if only that there is an error. False: ask. */
static bool recall(fuse_req_t req, struct node *node, bool entry, struct seen *ret_seen)
{
	struct fs *fs = ops_fs(req);
	ret_seen->error = 0;
	ret_seen->timeout = 0;
	switch (node->kind) {
	case NODE_ROOT:
	case NODE_CLASS:
	case NODE_TYPE:
	case NODE_CONTROL:
	case NODE_PANEL_DIR:
		attr_directory(fs, node, &ret_seen->stat);
		ret_seen->timeout = OPS_TIMEOUT_FIXED;
		return true;
	case NODE_PANEL_FILE:
		ops_recall_panel(req, node, &ret_seen->stat);
		return true;
	case NODE_CONTROL_FILE:
		ret_seen->error = attr_control(fs, node, ops_uid(req), &ret_seen->stat);
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
		attr_empty(ops_fs(req), node, ops_uid(req), node->size, &seen.stat);
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
		if (stat_open(req, node, &st)) /* opened while this waited */
			fuse_reply_attr(req, &st, 0);
		else
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

/* SETATTR holds the file's lock and may not ask. What memory does not know and nobody has open is
 * not there: chmod(1) and touch(1) have asked, or have it open, before they come here. */
static int exists(fuse_req_t req, struct node *node)
{
	struct fs *fs = ops_fs(req);
	struct question q;
	const struct answer *a;
	int error = -ENOENT;
	node_question(node, &q);
	if (find_own(fs, node, ops_uid(req)) ||
		(record_recall(fs, &q, ops_uid(req), &error, &a) && a) || was_handed(req, node))
		return 0;
	return error;
}

/* What may not be written is EACCES to who would change its length or touch it, and EPERM to who
 * would set its mode, owner or times, as the manuals of these calls say. */
static int refusal(int error, int to_set)
{
	int touches = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW |
		      FUSE_SET_ATTR_MTIME_NOW | FUSE_SET_ATTR_CTIME;
	bool touch = to_set & (FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW) &&
		     !(to_set & ~touches);
	return error == -EACCES && !touch && !(to_set & FUSE_SET_ATTR_SIZE) ? -EPERM : error;
}

/* Times and modes are accepted and mean nothing: cp -p, tar, rsync, install and touch set them; those
 * of the directory too, where whatever they copy may go (`cp -a DIR/. .`). */
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
		if (r == 0 && !h)
			r = exists(req, node);
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
		if (!control_may_write(node->control, uid == 0 || uid == fs->owner))
			return -EACCES;
		if (to_set & FUSE_SET_ATTR_SIZE && h && h->kind == HANDLE_LIST)
			list_draft_truncate(h->lines, (uint64_t)attr->st_size);
		if (to_set & FUSE_SET_ATTR_SIZE && h && h->kind == HANDLE_SECRET && h->secret)
			secret_draft_clear(h->secret);
		return node->control == CONTROL_SECRET ? secret_may(fs, uid) : 0;
	case NODE_PANEL_FILE:
		return -EACCES;
	case NODE_TYPE:
		return record_may_create(fs, node->class, node->type);
	case NODE_ROOT:
	case NODE_CLASS:
	case NODE_CONTROL:
	case NODE_PANEL_DIR:
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
		ops_reply(req, refusal(r, to_set));
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
	.poll = ops_poll,
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
