/* Waiting for the network: the close of a file that was fsynced, OPEN below .kadns/wait. Neither
 * FLUSH nor OPEN holds a lock, of the directory or of the file, so nobody else waits with them. */
#include "fs/ops.h"

#include <errno.h>
#include <stdlib.h>

struct receiver {
	fuse_req_t req;
	struct fs *fs;
	struct node *node; /* counted as in use */
	struct handle *handle;
	ops_received_fn *fn;
	struct pending *pending;
};

static void end(struct receiver *waiting, int error)
{
	struct receiver r = *waiting;
	free(waiting);
	r.fn(r.req, r.node, r.handle, error);
	r.node->handles--;
	tree_forget(r.fs->tree, r.node, 0);
}

static void on_receipt(void *ctx, int error, const struct answer *a)
{
	(void)a;
	end(ctx, error);
}

static void on_interrupt(fuse_req_t req, void *ctx)
{
	struct receiver *r = ctx;
	(void)req;
	pending_interrupt(r->pending);
}

void ops_receipt(fuse_req_t req, struct node *node, struct handle *h, ops_received_fn *fn)
{
	struct fs *fs = ops_fs(req);
	struct pending_caller caller = ops_caller(req);
	/* kadns ends: closes that waited for the disk come here while it settles (fs_stop). */
	struct receiver *r = fs->pending ? malloc(sizeof(*r)) : NULL;
	if (!r) {
		fn(req, node, h, fs->pending ? -ENOMEM : -ECONNABORTED);
		return;
	}
	*r = (struct receiver){req, fs, node, h, fn, NULL};
	struct question q;
	node_question(node, &q);
	if (h)
		caller.uid = h->uid; /* who opened it, whoever closes it */
	node->handles++;
	int error = pending_receipt(fs->pending, &q, &caller, on_receipt, r, &r->pending);
	if (error != -EINPROGRESS)
		end(r, error);
	/* libfuse 3.14 calls the function of a request that is interrupted already while it holds
	 * the request's lock, and a reply frees the request: so never register then. */
	else if (fuse_req_interrupted(req))
		pending_interrupt(r->pending);
	else
		fuse_req_interrupt_func(req, on_interrupt, r);
}
