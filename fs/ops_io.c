/* READ, WRITE, FLUSH, FSYNC: on what OPEN decided. */
#include "fs/ops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/caller.h"
#include "fs/control.h"
#include "fs/draft.h"
#include "fs/edit.h"
#include "resolver/clock.h"
#include "fs/list_draft.h"
#include "fs/secret.h"

static struct handle *handle_of(const struct fuse_file_info *fi)
{
	return (struct handle *)(uintptr_t)fi->fh;
}

static const char *contents(const struct handle *h, size_t *ret_len)
{
	if (h->kind == HANDLE_SCRATCH) {
		*ret_len = h->scratch->len;
		return h->scratch->bytes;
	}
	if (h->kind == HANDLE_DRAFT && draft_touched(h->draft))
		return draft_text(h->draft, ret_len);
	*ret_len = h->text_len;
	return h->text;
}

/* Asked for each time, and wiped: the node keeps none. The page cache would, and it is one for all
 * users of the file: a READ without the owner of its locks is its own, for mmap(2). */
static void read_secret(fuse_req_t req, size_t size, off_t offset, const struct fuse_file_info *fi)
{
	char text[SECRET_TEXT];
	int r = fi->lock_owner ? secret_read(ops_fs(req), handle_of(fi)->uid, text) : -EACCES;
	size_t left = offset >= 0 && offset < SECRET_TEXT ? (size_t)(SECRET_TEXT - offset) : 0;
	if (r < 0)
		ops_reply(req, r);
	else
		fuse_reply_buf(req, text + (SECRET_TEXT - left), size < left ? size : left);
	explicit_bzero(text, sizeof(text));
}

void ops_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct handle *h = handle_of(fi);
	size_t len;
	(void)ino;
	int r = h->reads ? 0 : -EBADF;
	if (r == 0 && offset == 0 && h->watch) /* it was polled */
		r = ops_take_newest(ops_fs(req), h);
	if (r < 0) {
		ops_reply(req, r);
		return;
	}
	if (h->kind == HANDLE_SECRET) {
		read_secret(req, size, offset, fi);
		return;
	}
	const char *bytes = contents(h, &len);
	if (offset < 0 || (uint64_t)offset >= len) {
		fuse_reply_buf(req, NULL, 0);
		return;
	}
	size_t left = len - (size_t)offset;
	fuse_reply_buf(req, bytes + offset, size < left ? size : left);
}

/* Most of its time is the change to the database, if it comes to that. */
static int write_draft(
	struct fs *fs, struct handle *h, const char *bytes, size_t size, uint64_t offset)
{
	uint64_t begin = clock_monotonic();
	int r = edit_write(fs, h, bytes, size, offset);
	uint64_t end = clock_monotonic();
	pace_spent(&fs->pace, h->uid, end - begin, end);
	return r;
}

/* The names that were nothing may be something under new pins: to him, or to all. Others would ask again
 * for what they have heard already. */
static void forget_absent(struct fs *fs, const struct handle *h)
{
	uid_t uid = h->uid;
	if (list_draft_kind(h->lines) != &list_of_pins)
		return;
	if (uid == 0 || uid == fs->owner)
		tree_present_all(fs->tree);
	else
		tree_present_of(fs->tree, uid);
}

static int write_list(
	struct fs *fs, struct handle *h, const char *bytes, size_t size, uint64_t offset)
{
	/* Doubling, and the list that is made of it. */
	size_t need = h->text_len + list_draft_bytes(h->lines) + 3 * size;
	if (need > h->charged && handle_charge(h, need - h->charged) < 0)
		return -EDQUOT;
	int r = list_draft_write(h->lines, bytes, size, offset);
	forget_absent(fs, h);
	return r;
}

/* What libfuse has received lies in its buffer until the next request overwrites as much of it. */
static int write_secret(struct fs *fs, struct handle *h, const char *bytes, size_t size)
{
	int r = secret_draft_write(h->secret, fs, h->uid, bytes, size);
	explicit_bzero((char *)(uintptr_t)bytes, size);
	return r;
}

static int write_handle(
	fuse_req_t req, struct handle *h, const char *bytes, size_t size, uint64_t offset)
{
	struct fs *fs = ops_fs(req);
	switch (h->kind) {
	case HANDLE_DRAFT:
		return write_draft(fs, h, bytes, size, offset);
	case HANDLE_SCRATCH:
		return scratch_write(h->scratch, bytes, size, h->append ? h->scratch->len : offset);
	case HANDLE_NODES:
		return control_input_write(h->input, fs->resolver, bytes, size);
	case HANDLE_LIST:
		return write_list(fs, h, bytes, size, offset);
	case HANDLE_SECRET:
		return write_secret(fs, h, bytes, size);
	case HANDLE_TEXT:
	case HANDLE_DIR:
		break;
	}
	return -EBADF;
}

static void reply_written(fuse_req_t req, struct handle *h, int r)
{
	(void)h;
	if (r < 0)
		ops_reply(req, r);
	else
		fuse_reply_write(req, (size_t)r);
}

void ops_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t size, off_t offset,
	struct fuse_file_info *fi)
{
	struct handle *h = handle_of(fi);
	(void)ino;
	struct ops_change *change = ops_change_begin(req, h, reply_written);
	if (!change)
		return;
	int r = h->writes && offset >= 0 ? write_handle(req, h, bytes, size, (uint64_t)offset)
					 : -EBADF;
	ops_change_end(change, r < 0 ? r : (int)size); /* the kernel sends WRITE_MAX at most */
}

/* A close that waits for nothing but time (fs/pace). */
struct closing {
	fuse_req_t req;
	struct later *later;
};

static void on_paid(void *ctx, int error)
{
	struct closing closing = *(struct closing *)ctx;
	free(ctx);
	(void)error; /* what was written is durable, whatever ends the wait */
	ops_reply(closing.req, 0);
}

static void on_interrupt(fuse_req_t req, void *ctx)
{
	struct closing *closing = ctx;
	(void)req;
	later_end(closing->later, 0);
}

static bool wait_out(fuse_req_t req, const struct handle *h)
{
	struct fs *fs = ops_fs(req);
	uint64_t wait = pace_wait(&fs->pace, h->uid, clock_monotonic());
	/* Of a request that is interrupted already libfuse 3.14 would call on_interrupt while it
	 * holds the request's lock. */
	if (!wait || !draft_has_published(h->draft) || fuse_req_interrupted(req))
		return false;
	struct closing *closing = malloc(sizeof(*closing));
	if (!closing)
		return false;
	closing->req = req;
	if (later_add(fs->laters, wait, on_paid, closing, &closing->later) < 0) {
		free(closing);
		return false;
	}
	fuse_req_interrupt_func(req, on_interrupt, closing);
	return true;
}

static void reply_paid(fuse_req_t req, const struct handle *h, int r)
{
	if (r < 0 || h->kind != HANDLE_DRAFT || !wait_out(req, h))
		ops_reply(req, r);
}

/* Whoever has removed the record meanwhile is owed no receipt. */
static void reply_received(fuse_req_t req, struct node *node, struct handle *h, int error)
{
	(void)node;
	reply_paid(req, h, error == -ENOENT ? 0 : error);
}

/* A file that was fsynced is closed by who opened it. Copies that other processes close, as shells'
 * children do, say nothing; and whoever is killed does not hear what close(2) returns. */
static bool wants_receipt(fuse_req_t req, const struct handle *h)
{
	pid_t pid = fuse_req_ctx(req)->pid;
	return h->kind == HANDLE_DRAFT && h->synced && draft_has_published(h->draft) &&
	       caller_process(pid) == h->process && !caller_is_killed(pid);
}

static void reply_closed(fuse_req_t req, struct handle *h, int r)
{
	if (r == 0 && wants_receipt(req, h))
		ops_receipt(req, h->node, h, reply_received);
	else
		reply_paid(req, h, r);
}

/* Other processes than the opener close their copies of the descriptor in the middle of a line. */
static int flush_handle(fuse_req_t req, struct handle *h)
{
	struct fs *fs = ops_fs(req);
	pid_t pid = fuse_req_ctx(req)->pid;
	int r = 0;
	if (h->kind == HANDLE_DRAFT)
		return edit_flush(fs, h, pid);
	if (h->kind == HANDLE_NODES && caller_process(pid) == h->process)
		return control_input_end(h->input, fs->resolver);
	if (h->kind == HANDLE_LIST && caller_process(pid) == h->process) {
		/* The kernel closes what a killed process had open just as close(2) does. */
		r = caller_is_killed(pid) ? list_draft_drop(h->lines) : list_draft_close(h->lines);
		forget_absent(fs, h);
	}
	if (h->kind == HANDLE_SECRET && h->secret && caller_process(pid) == h->process) {
		if (caller_is_killed(pid))
			secret_draft_clear(h->secret);
		else
			r = secret_draft_close(h->secret, fs, h->uid);
	}
	return r;
}

void ops_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *h = handle_of(fi);
	(void)ino;
	struct ops_change *change = ops_change_begin(req, h, reply_closed);
	if (change)
		ops_change_end(change, flush_handle(req, h));
}

static void reply_synced(fuse_req_t req, struct handle *h, int r)
{
	(void)h;
	ops_reply(req, r);
}

/* What WRITE has answered is durable already, but for EINTR. */
void ops_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct handle *h = handle_of(fi);
	(void)ino;
	(void)datasync;
	struct ops_change *change = ops_change_begin(req, h, reply_synced);
	if (!change)
		return;
	h->synced = true;
	if (ops_change_is_unsure(ops_fs(req), h))
		ops_change_waits_for_all(change);
	ops_change_end(change, h->kind == HANDLE_DRAFT ? edit_sync(ops_fs(req), h) : 0);
}
