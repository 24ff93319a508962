/* OPEN, CREATE, RELEASE. */
#include "fs/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "fs/attr.h"
#include "fs/caller.h"
#include "fs/control.h"
#include "fs/draft.h"
#include "fs/edit.h"
#include "fs/list_draft.h"
#include "fs/record.h"
#include "fs/secret.h"
#include "resolver/clock.h"
#include "resolver/json.h"

static bool writes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

static bool reads(int flags)
{
	return (flags & O_ACCMODE) != O_WRONLY;
}

/* What a private name lacks to be a record's; NULL: nobody takes it for one. Backups (NAME~,
 * NAME.bak) and what editors save by themselves (#NAME#) are as meant. */
static const char *why_private(const struct scratch_file *f, struct name *ret_name)
{
	const char *text = f->name;
	size_t len = f->name_len;
	if (name_from_text(text, len, ret_name) < 0 || text[0] == '#' || text[len - 1] == '~' ||
		name_is_probe(text, len))
		return NULL;
	if (name_labels(ret_name) == 1)
		return "a single label without its final dot is a private file";
	return "in file names, bytes other than letters, digits, - and _ are written \\DDD";
}

/* A record under a name that only the mount's own user sees is a likely mistake. */
static void warn_of_private_record(const struct handle *h)
{
	const struct scratch_file *f = h->scratch;
	struct question q = {.class = f->class, .type = f->type};
	struct rrset *set;
	const char *why;
	if (!h->writes || !f->linked || !f->len || !(why = why_private(f, &q.name)))
		return;
	if (json_read(f->bytes, f->len, &q, NULL, &set, NULL) < 0)
		return;
	rrset_destroy(set);
	fs_log_record(FS_NOT_PUBLISHED, &q, f->uid, why);
}

static void release(struct fs *fs, struct handle *h)
{
	struct node *node = h->node;
	ops_change_closes(fs, h);
	switch (h->kind) {
	case HANDLE_DRAFT:
		edit_release(fs, h);
		break;
	case HANDLE_SCRATCH:
		warn_of_private_record(h);
		break;
	case HANDLE_NODES:
		if (h->input) /* a last line without newline; nobody hears of an error now */
			control_input_end(h->input, fs->resolver);
		break;
	case HANDLE_LIST:
		if (h->lines) /* the same: what was refused is in the log */
			list_draft_close(h->lines);
		break;
	case HANDLE_SECRET:
		if (h->secret)
			secret_draft_close(h->secret, fs, h->uid);
		break;
	case HANDLE_TEXT:
	case HANDLE_DIR:
		break;
	}
	handle_destroy(h);
	if (node)
		tree_forget(fs->tree, node, 0);
}

/* direct_io: a cached READ cannot be interrupted, and what is read is the snapshot anyway. And what
 * is only read, or private, needs no FLUSH, for which each close(2) would wait: a third of what a
 * cat of a known name waits for. */
static void fill_opened(const struct handle *h, struct fuse_file_info *fi)
{
	fi->fh = (uintptr_t)h;
	fi->direct_io = h->kind != HANDLE_DIR;
	fi->noflush = h->kind == HANDLE_TEXT || h->kind == HANDLE_SCRATCH;
}

void ops_reply_open(fuse_req_t req, struct handle *h)
{
	struct fs *fs = ops_fs(req);
	struct fuse_file_info fi = {0};
	fill_opened(h, &fi);
	if (fuse_reply_open(req, &fi) != 0)
		release(fs, h);
}

void ops_reply_open_or(fuse_req_t req, int error, struct handle *h)
{
	if (error == 0) {
		ops_reply_open(req, h);
		return;
	}
	if (h)
		release(ops_fs(req), h);
	ops_reply(req, error);
}

/* ---- records ---- */

int ops_snapshot(struct fs *fs, struct handle *h, const struct answer *a)
{
	struct memo_text *text;
	resolver_given(fs->resolver, a);
	h->version = 0; /* should it fail: then what there is has not been read */
	int r = memo_write(fs->memo, a, &text);
	if (r < 0)
		return r;
	h->node->size = text->len;
	attr_answer(fs, h->node, a, text->len, &h->stat);
	h->reads = true;
	r = handle_share_text(h, text);
	if (r == 0)
		h->version = memo_version(fs->memo, a);
	return r;
}

static void open_to_read(
	fuse_req_t req, struct node *node, int flags, int error, const struct answer *a)
{
	struct fs *fs = ops_fs(req);
	struct handle *h = NULL;
	(void)flags;
	if (error == 0)
		error = handle_create(fs->handles, HANDLE_TEXT, ops_uid(req), &h);
	if (error == 0) {
		handle_set_node(h, node);
		error = ops_snapshot(fs, h, a);
	}
	ops_reply_open_or(req, error, h);
}

static int open_draft(fuse_req_t req, struct node *node, int flags, struct handle **ret_handle)
{
	struct pending_caller caller = ops_caller(req);
	int r = edit_open(ops_fs(req), node, &caller, flags & O_APPEND, ret_handle);
	if (r < 0)
		return r;
	(*ret_handle)->reads = reads(flags);
	if (flags & O_TRUNC)
		draft_truncate((*ret_handle)->draft, 0);
	return 0;
}

/* O_RDWR without O_TRUNC: what stands can be read until something is written. The kernel does not
 * say whether O_CREAT was given, so a name without a record opens empty. */
static void open_to_change(
	fuse_req_t req, struct node *node, int flags, int error, const struct answer *a)
{
	struct handle *h = NULL;
	if (error == 0 || error == -ENOENT)
		error = open_draft(req, node, flags, &h);
	if (error == 0 && a)
		error = ops_snapshot(ops_fs(req), h, a);
	ops_reply_open_or(req, error, h);
}

/* Who may not write hears of it at once, and can read why. */
static void note_denied(fuse_req_t req, const struct question *q, int error)
{
	struct refused what = {error, ""};
	if (error == -EACCES || error == -EPERM)
		refusal_note(&ops_fs(req)->refusals, q, ops_uid(req), &what);
}

/* O_TRUNC takes the right to write, though nothing comes of it without O_WRONLY. */
static int may_change(fuse_req_t req, const struct node *node)
{
	struct question q;
	node_question(node, &q);
	int r = record_may_write(ops_fs(req), &q, ops_uid(req));
	note_denied(req, &q, r);
	return r;
}

static void open_record(fuse_req_t req, struct node *node, int flags)
{
	struct handle *h = NULL;
	int r = writes(flags) || flags & O_TRUNC ? may_change(req, node) : 0;
	if (r == 0 && !writes(flags)) {
		ops_ask(req, node, flags, open_to_read);
		return;
	}
	if (r == 0 && reads(flags) && !(flags & O_TRUNC)) {
		ops_ask(req, node, flags, open_to_change);
		return;
	}
	if (r == 0)
		r = open_draft(req, node, flags, &h);
	ops_reply_open_or(req, r, h);
}

/* ---- private and control files ---- */

static int open_scratch(fuse_req_t req, struct node *node, int flags, struct handle **ret_handle)
{
	struct fs *fs = ops_fs(req);
	if (node->scratch->uid != ops_uid(req))
		return -EACCES;
	int r = handle_create(fs->handles, HANDLE_SCRATCH, ops_uid(req), ret_handle);
	if (r < 0)
		return r;
	struct handle *h = *ret_handle;
	handle_set_node(h, node);
	h->scratch = scratch_ref(node->scratch);
	scratch_open(h->scratch);
	h->reads = reads(flags);
	h->writes = writes(flags);
	h->append = flags & O_APPEND;
	return flags & O_TRUNC && h->writes ? scratch_truncate(h->scratch, 0) : 0;
}

static enum handle_kind control_kind(enum control_file file, bool to_write)
{
	if (file == CONTROL_SECRET)
		return HANDLE_SECRET;
	if (!to_write)
		return HANDLE_TEXT;
	return file == CONTROL_PINS || file == CONTROL_KEEP ? HANDLE_LIST : HANDLE_NODES;
}

static int open_control(fuse_req_t req, struct node *node, int flags, struct handle **ret_handle)
{
	struct fs *fs = ops_fs(req);
	struct control_parts parts = {fs->resolver, fs->publisher, fs->control_sizes};
	uid_t uid = ops_uid(req);
	bool changes = writes(flags) || flags & O_TRUNC;
	bool admin = uid == 0 || uid == fs->owner;
	if ((changes && !control_may_write(node->control, admin)) ||
		(reads(flags) && !control_may_read(node->control, admin)))
		return -EACCES;
	enum handle_kind kind = control_kind(node->control, writes(flags));
	int r = kind == HANDLE_SECRET ? secret_may(fs, uid) : 0;
	if (r == 0)
		r = handle_create(fs->handles, kind, uid, ret_handle);
	if (r < 0)
		return r;
	struct handle *h = *ret_handle;
	handle_set_node(h, node);
	h->writes = writes(flags);
	h->reads = reads(flags);
	if (h->writes) {
		h->process = caller_process(fuse_req_ctx(req)->pid);
		if (kind == HANDLE_LIST)
			r = list_draft_create(
				node->control == CONTROL_PINS ? &list_of_pins : &list_to_keep,
				fs->resolver, uid, flags & O_APPEND, &h->lines);
		else if (kind == HANDLE_SECRET)
			r = secret_draft_create(&h->secret);
		else
			r = control_input_create(node->control, &h->input);
	}
	if (r == 0 && h->reads && kind != HANDLE_SECRET) {
		char *text;
		size_t len;
		r = control_read(&parts, node->control, uid, &text, &len);
		if (r == 0)
			r = handle_set_text(h, text, len);
	}
	return r;
}

void ops_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct node *node = ops_node(req, ino);
	struct handle *h = NULL;
	int r = -ENOENT;
	ops_no_rename(req);
	if (node && node->kind == NODE_RECORD) {
		open_record(req, node, fi->flags);
		return;
	}
	if (node && node->kind == NODE_PANEL_FILE) {
		ops_open_panel(req, node, fi->flags);
		return;
	}
	if (node && node->kind == NODE_SCRATCH)
		r = open_scratch(req, node, fi->flags, &h);
	else if (node && node->kind == NODE_CONTROL_FILE)
		r = open_control(req, node, fi->flags, &h);
	else if (node)
		r = -EISDIR;
	ops_reply_open_or(req, r, h);
}

/* ---- CREATE ---- */

static int create(fuse_req_t req, const struct ops_name *name, int flags, struct node **ret_node,
	struct handle **ret_handle)
{
	struct fs *fs = ops_fs(req);
	if (name->kind == OPS_NAME_RECORD) {
		int r = tree_record(fs->tree, &name->question, clock_monotonic(), ret_node);
		if (r == 0)
			r = open_draft(req, *ret_node, flags, ret_handle);
		note_denied(req, &name->question, r);
		return r;
	}
	int r = record_may_create(fs, name->where.class, name->where.type);
	if (r < 0)
		return r;
	struct scratch_file *file = scratch_find(fs->scratch, &name->where, name->text, name->len);
	if (file && flags & O_EXCL)
		return -EEXIST;
	bool made = !file;
	r = file ? 0 : scratch_make(fs->scratch, &name->where, name->text, name->len, &file);
	if (r < 0)
		return r;
	r = tree_scratch(fs->tree, file, ret_node);
	if (r == 0)
		r = open_scratch(req, *ret_node, flags, ret_handle);
	if (r < 0 && made)
		scratch_unlink(file);
	return r;
}

void ops_create(
	fuse_req_t req, fuse_ino_t parent, const char *text, mode_t mode, struct fuse_file_info *fi)
{
	struct fs *fs = ops_fs(req);
	struct ops_name name;
	struct node *node = NULL;
	struct handle *h = NULL;
	(void)mode;
	ops_no_rename(req);
	int r = ops_name(req, parent, text, &name);
	if (r == 0)
		r = create(req, &name, fi->flags, &node, &h);
	if (r < 0) {
		if (h)
			release(fs, h);
		else if (node)
			tree_forget(fs->tree, node, 0);
		ops_reply(req, r == -ENOTDIR ? -EACCES : r); /* 0555 above the types */
		return;
	}
	struct fuse_entry_param e;
	ops_entry(req, node, &e);
	fill_opened(h, fi);
	tree_look(fs->tree, node, clock_monotonic());
	if (fuse_reply_create(req, &e, fi) != 0) {
		node->lookups--; /* release forgets it */
		release(fs, h);
	}
}

void ops_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	release(ops_fs(req), (struct handle *)(uintptr_t)fi->fh);
	ops_reply(req, 0); /* nobody sees it */
}
