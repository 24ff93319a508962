/* Replies to requests that may change records: what they say of it is true after a power loss too,
 * so they wait for the disk, and nobody else does (resolver/own.h). A request that has changed
 * nothing is replied to at once.
 *
 * Who is killed while he waits is let go, and UNLINK waits for nothing. What the disk loses then
 * nobody hears of in a reply, but the file that it was written through is refused all the same, and
 * the log says it: the change stays until the disk has it, without its request. */
#include <errno.h>
#include <stdlib.h>

#include "fs/caller.h"
#include "fs/edit.h"
#include "fs/ops.h"
#include "fs/list_draft.h"
#include "fs/record.h"
#include "resolver/share.h"

#define LOOK_US                                                                                    \
	100000 /* the kernel tells of one signal only; a later SIGKILL is seen by looking          \
		*/
/* Without a request: half a kilobyte each. Beyond it one waits for the disk, killed or not. */
#define UNSURE_MAX 4096
#define UNSURE_USER_MAX 1024 /* as many files as `rm *` may name, on a disk that stands still */

struct ops_change {
	struct own_waiter waiter; /* its first member */
	struct fs *fs;
	fuse_req_t req; /* NULL: replied to already */
	struct pending_caller caller;
	struct handle *handle;	    /* of a file that is written; NULL: none, or it is closed */
	struct scratch_file *moved; /* private until what it has become is durable */
	struct scratch_file *copy;  /* without a name until what it was has gone durably */
	struct question question;
	enum ops_changes what;
	const struct list_kind *list; /* OPS_CHANGES_LIST */
	ops_changed_fn *done;
	uint64_t before; /* commits */
	int result;
	struct later *look; /* has an ending signal come? */
	LIST_ENTRY(ops_change) unsure;
};

struct ops_change *ops_change_begin(fuse_req_t req, struct handle *h, ops_changed_fn *done)
{
	struct fs *fs = ops_fs(req);
	struct ops_change *c = malloc(sizeof(*c));
	if (!c) {
		ops_reply(req, -ENOMEM);
		return NULL;
	}
	*c = (struct ops_change){.fs = fs,
		.req = req,
		.caller = ops_caller(req),
		.handle = h,
		.done = done,
		.before = publish_commits(fs->publisher)};
	if (h && h->kind == HANDLE_DRAFT) {
		node_question(h->node, &c->question);
		c->what = OPS_CHANGES_RECORD;
	} else if (h && h->kind == HANDLE_LIST) {
		c->what = OPS_CHANGES_LIST;
		c->list = list_draft_kind(h->lines);
		/* Of a list that stands already nothing is written, and it may be not durable yet.
		 */
		ops_change_waits_for_all(c);
	}
	return c;
}

void ops_change_of(struct ops_change *c, const struct question *q, enum ops_changes what)
{
	c->question = *q;
	c->what = what;
}

void ops_change_moves(struct ops_change *c, struct scratch_file *file)
{
	c->moved = scratch_ref(file);
}

void ops_change_copies(struct ops_change *c, struct scratch_file *copy)
{
	c->copy = copy;
}

void ops_change_waits_for_all(struct ops_change *c)
{
	c->before = UINT64_MAX;
}

void ops_change_closes(struct fs *fs, const struct handle *h)
{
	struct ops_change *c;
	LIST_FOREACH(c, &fs->unsure, unsure)
	if (c->handle == h)
		c->handle = NULL;
}

bool ops_change_is_unsure(const struct fs *fs, const struct handle *h)
{
	const struct ops_change *c;
	LIST_FOREACH(c, &fs->unsure, unsure)
	if (c->handle == h)
		return true;
	return false;
}

/* ---- the end ---- */

static void end(struct ops_change *c, int r)
{
	struct ops_change change = *c;
	if (c->look)
		later_end(c->look, -ECANCELED);
	if (c->moved) {
		record_moved(c->moved, r);
		scratch_unref(c->moved);
	}
	if (c->copy)
		record_copied(c->copy, r);
	free(c);
	if (change.req)
		change.done(change.req, change.handle, r);
}

static void lose(struct ops_change *c, int error)
{
	if (error == -ETIMEDOUT) { /* the end of kadns: it stands, or not */
		if (c->what == OPS_CHANGES_RECORD || c->what == OPS_REMOVES_RECORD)
			fs_log_record(FS_UNSETTLED, &c->question, c->caller.uid, "");
		return;
	}
	switch (c->what) {
	case OPS_CHANGES_NOTHING:
		break;
	case OPS_CHANGES_RECORD:
		edit_lost(c->fs, c->handle, &c->question, c->caller.uid, error);
		break;
	case OPS_CHANGES_LIST:
		list_draft_lost(c->handle ? c->handle->lines : NULL, c->list, c->caller.uid, error);
		break;
	case OPS_REMOVES_RECORD:
		fs_log_record(FS_NOT_REMOVED, &c->question, c->caller.uid, "");
		break;
	}
}

static void on_durable(struct own_waiter *w, int error)
{
	struct ops_change *c = (struct ops_change *)w;
	if (!c->req)
		LIST_REMOVE(c, unsure);
	if (error < 0)
		lose(c, error);
	end(c, error < 0 ? error : c->result);
}

/* ---- without its request ---- */

static bool may_be_unsure(const struct fs *fs, uid_t uid)
{
	const struct ops_change *c;
	size_t same = 0, all = 0;
	LIST_FOREACH(c, &fs->unsure, unsure)
	{
		same += c->caller.uid == uid;
		all++;
	}
	return same < UNSURE_USER_MAX && all < share_limit(UNSURE_MAX, uid, fs->owner, same);
}

static void reply_early(struct ops_change *c, int r)
{
	fuse_req_t req = c->req;
	c->req = NULL;
	LIST_INSERT_HEAD(&c->fs->unsure, c, unsure);
	c->done(req, c->handle, r);
}

/* A signal that a program catches and goes on after ends no wait. */
static bool is_ending(const struct ops_change *c)
{
	return caller_signal(c->caller.pid) == CALLER_ENDING || caller_is_killed(c->caller.pid);
}

static void on_look(void *ctx, int error);

static void look(struct ops_change *c)
{
	struct fs *fs = c->fs;
	if (is_ending(c) && may_be_unsure(fs, c->caller.uid))
		reply_early(c, -EINTR);
	else if (later_add(fs->laters, LOOK_US, on_look, c, &c->look) < 0)
		c->look = NULL; /* no memory: it waits for the disk */
}

static void on_look(void *ctx, int error)
{
	struct ops_change *c = ctx;
	c->look = NULL;
	if (error == 0)
		look(c);
}

static void on_interrupt(fuse_req_t req, void *ctx)
{
	(void)req;
	look(ctx);
}

/* ---- waiting ---- */

/* Nothing that a reply must wait for, or it is waited for now. */
static bool wait_for_disk(struct ops_change *c, int r)
{
	struct publisher *p = c->fs->publisher;
	c->waiter.fn = on_durable;
	c->result = r;
	return r >= 0 && publish_commits(p) != c->before && publish_wait(p, &c->waiter);
}

static void wait_for_caller(struct ops_change *c)
{
	/* libfuse 3.14 calls the function of a request that is interrupted already while it holds
	 * the request's lock, and a reply frees the request: so never register then. */
	if (fuse_req_interrupted(c->req))
		look(c);
	else
		fuse_req_interrupt_func(c->req, on_interrupt, c);
}

void ops_change_end(struct ops_change *c, int r)
{
	if (wait_for_disk(c, r))
		wait_for_caller(c);
	else
		end(c, r);
}

void ops_change_end_at_once(struct ops_change *c, int r)
{
	if (!wait_for_disk(c, r))
		end(c, r);
	else if (may_be_unsure(c->fs, c->caller.uid))
		reply_early(c, r);
	else
		wait_for_caller(c);
}
