/* What may wait for an answer: GETATTR, ACCESS and OPEN of a record, OPEN of what explains one.
 * None of them holds a directory's lock, so a slow name delays only whoever asked for it. */
#include "fs/ops.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "fs/record.h"
#include "fs/secret.h"

struct asker {
	fuse_req_t req;
	struct fs *fs;
	struct node *node; /* counted as in use */
	int flags;
	ops_answered_fn *fn;
	struct pending *pending;
};

static void on_answered(void *ctx, int error, const struct answer *a)
{
	struct asker asker = *(struct asker *)ctx;
	free(ctx);
	if (a) { /* not where it was only interrupted */
		struct question q;
		node_question(asker.node, &q);
		record_learn(asker.fs, &q, ops_uid(asker.req), error);
		a = answer_ref(a);
	}
	asker.fn(asker.req, asker.node, asker.flags, error, error ? NULL : a);
	answer_unref(a);
	asker.node->handles--;
	tree_forget(asker.fs->tree, asker.node, 0);
}

static void on_interrupt(fuse_req_t req, void *ctx)
{
	(void)req;
	struct asker *asker = ctx;
	pending_interrupt(asker->pending);
}

static void ask(
	fuse_req_t req, struct node *node, int flags, ops_answered_fn *fn, enum ask_for want)
{
	struct pending_caller caller = ops_caller(req);
	struct fs *fs = ops_fs(req);
	struct asker *asker = malloc(sizeof(*asker));
	if (!asker) {
		ops_reply(req, -ENOMEM);
		return;
	}
	*asker = (struct asker){.req = req, .fs = fs, .node = node, .flags = flags, .fn = fn};
	struct question q;
	node_question(node, &q);
	int r = pending_ask(fs->pending, &q, &caller, on_answered, asker, &asker->pending);
	if (r < 0) {
		free(asker);
		ops_reply(req, r);
		return;
	}
	pending_want(asker->pending, want);
	node->handles++;
	/* libfuse 3.14 calls the function of a request that is interrupted already while it holds
	 * the request's lock, and a reply frees the request: so never register then. */
	if (fuse_req_interrupted(req))
		pending_interrupt(asker->pending);
	else
		fuse_req_interrupt_func(req, on_interrupt, asker);
}

void ops_ask(fuse_req_t req, struct node *node, int flags, ops_answered_fn *fn)
{
	struct question q;
	const struct answer *a;
	int error;
	node_question(node, &q);
	if (!record_recall(ops_fs(req), &q, ops_uid(req), &error, &a)) {
		ask(req, node, flags, fn, ASK_FOR_ANSWER);
		return;
	}
	/* It is borrowed until the resolver is called again, and fn may do that. */
	if (a)
		a = answer_ref(a);
	fn(req, node, flags, error, a);
	answer_unref(a);
}

void ops_ask_for(fuse_req_t req, struct node *node, enum ask_for want, ops_answered_fn *fn)
{
	ask(req, node, 0, fn, want);
}

/* ---- ACCESS ---- */

static void reply_access(
	fuse_req_t req, struct node *node, int flags, int error, const struct answer *a)
{
	(void)node;
	(void)flags;
	(void)a;
	ops_reply(req, error);
}

static int may_access_record(fuse_req_t req, const struct node *node, int mask)
{
	struct question q;
	node_question(node, &q);
	if (mask & X_OK)
		return -EACCES;
	return mask & W_OK ? record_may_write(ops_fs(req), &q, ops_uid(req)) : 0;
}

static int may_access(fuse_req_t req, const struct node *node, int mask)
{
	const struct fs *fs = ops_fs(req);
	uid_t uid = ops_uid(req);
	bool admin = uid == 0 || uid == fs->owner;
	switch (node->kind) {
	case NODE_TYPE:
		return mask & W_OK && record_may_create(ops_fs(req), node->class, node->type) < 0
			       ? -EACCES
			       : 0;
	case NODE_ROOT:
	case NODE_CLASS:
	case NODE_CONTROL:
	case NODE_PANEL_DIR:
		return mask & W_OK ? -EACCES : 0;
	case NODE_PANEL_FILE:
		return mask & (W_OK | X_OK) ? -EACCES : 0;
	case NODE_CONTROL_FILE:
		if (mask & X_OK || (mask & W_OK && !control_may_write(node->control, admin)))
			return -EACCES;
		return node->control == CONTROL_SECRET ? secret_may(fs, uid) : 0;
	case NODE_SCRATCH:
		return mask & X_OK || node->scratch->uid != uid ? -EACCES : 0;
	case NODE_RECORD:
		return may_access_record(req, node, mask);
	}
	return -EACCES;
}

void ops_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	struct node *node = ops_node(req, ino);
	int r = node ? may_access(req, node, mask) : -ENOENT;
	ops_no_rename(req);
	/* What may be done with it needs no question; whether it is there does. */
	bool asks = r == 0 && node->kind == NODE_RECORD &&
		    !handle_find(ops_fs(req)->handles, HANDLE_DRAFT, node, ops_uid(req));
	if (asks)
		ops_ask(req, node, 0, reply_access);
	else
		ops_reply(req, r);
}
