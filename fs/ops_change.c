/* Replies to requests that may change records: what they say of it is true after a power loss too,
 * so they wait for the disk, and nobody else does (resolver/own.h). A request that has changed
 * nothing is replied to at once. */
#include <errno.h>
#include <stdlib.h>

#include "fs/edit.h"
#include "fs/ops.h"

struct ops_change {
	struct own_waiter waiter;
	fuse_req_t req;
	struct handle *handle; /* of a file that is written; open until the reply */
	ops_changed_fn *done;
	uint64_t before; /* commits */
	int result;
};

struct ops_change *ops_change_begin(fuse_req_t req, struct handle *h, ops_changed_fn *done)
{
	struct ops_change *c = malloc(sizeof(*c));
	if (!c) {
		ops_reply(req, -ENOMEM);
		return NULL;
	}
	*c = (struct ops_change){.req = req,
		.handle = h,
		.done = done,
		.before = publish_commits(ops_fs(req)->publisher)};
	return c;
}

static void reply(struct ops_change *c, int r)
{
	struct ops_change change = *c;
	free(c);
	change.done(change.req, change.handle, r);
}

static void on_durable(struct own_waiter *w, int error)
{
	struct ops_change *c = (struct ops_change *)w; /* its first member */
	if (error < 0 && c->handle && c->handle->kind == HANDLE_DRAFT)
		edit_lost(ops_fs(c->req), c->handle, error);
	reply(c, error < 0 ? error : c->result);
}

void ops_change_end(struct ops_change *c, int r)
{
	struct publisher *p = ops_fs(c->req)->publisher;
	c->waiter.fn = on_durable;
	c->result = r;
	if (r < 0 || publish_commits(p) == c->before || !publish_wait(p, &c->waiter))
		reply(c, r);
}
