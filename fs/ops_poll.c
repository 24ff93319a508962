/* POLL: from memory, and a message to the kernel when there is a new version.
 *
 * FUSE_NOTIFY_POLL may be sent from the loop: unlike the notifications about entries and inodes it
 * takes no lock that a request of ours could hold. The kernel finds the open file and wakes who
 * sleeps there, under a spinlock. */
#include "fs/ops.h"

#include <errno.h>
#include <poll.h>

#include "fs/watch.h"

/* A regular file is always ready; the kernel keeps of this what was asked for. */
#define READY (POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM)

static void wake(void *waiter)
{
	fuse_lowlevel_notify_poll(waiter); /* when the file has been closed meanwhile: nothing */
	fuse_pollhandle_destroy(waiter);
}

static void drop(void *waiter)
{
	fuse_pollhandle_destroy(waiter);
}

const struct watch_waiters ops_waiters = {wake, drop};

/* Does he who polls want to hear of changes, or is he content that a file can be read? */
static bool waits_for_change(const struct fuse_file_info *fi)
{
	return fi->poll_events & POLLPRI || !(fi->poll_events & READY);
}

void ops_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph)
{
	struct fs *fs = ops_fs(req);
	struct handle *h = (struct handle *)(uintptr_t)fi->fh;
	bool waits = waits_for_change(fi);
	int r = 0;
	(void)ino;
	if (ph && !waits) {
		fuse_pollhandle_destroy(ph);
		ph = NULL;
	}
	if (h->kind == HANDLE_TEXT && h->node->kind == NODE_RECORD && !h->watch)
		r = watch_create(fs->watches, h, &h->watch);
	bool changed = h->watch && watch_poll(h->watch, ph);
	if (!h->watch && ph)
		fuse_pollhandle_destroy(ph); /* of what does not change, or may not be watched */
	if (r < 0 && waits)
		ops_reply(req, r); /* poll(2) says POLLERR */
	else
		fuse_reply_poll(req, (unsigned)(READY | (changed ? POLLPRI : 0)));
}

int ops_take_newest(struct fs *fs, struct handle *h)
{
	const struct answer *a;
	int r = watch_take(h->watch, &a);
	return r == 0 && a ? ops_snapshot(fs, h, a) : r;
}
