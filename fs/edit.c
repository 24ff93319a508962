/* Writing a record. */
#include "fs/edit.h"

#include <errno.h>

#include "fs/caller.h"
#include "fs/draft.h"
#include "fs/record.h"

int edit_open(struct fs *fs, struct node *node, const struct pending_caller *caller, bool append,
	struct handle **ret_handle)
{
	struct question q;
	node_question(node, &q);
	int r = record_may_write(fs, &q, caller->uid);
	if (r < 0)
		return r;
	struct handle *h;
	r = handle_create(fs->handles, HANDLE_DRAFT, caller->uid, &h);
	if (r < 0)
		return r;
	r = draft_create(&q, publish_standing(fs->publisher, caller->uid, &q), append, &h->draft);
	if (r < 0) {
		handle_destroy(h);
		return r;
	}
	handle_set_node(h, node);
	h->append = append;
	h->writes = true;
	h->process = caller_process(caller->pid);
	*ret_handle = h;
	return 0;
}

/* The refused handle has changed the record before: back to what stood when it was opened. */
static void undo(struct fs *fs, struct handle *h)
{
	struct question q;
	const struct rrset *before;
	node_question(h->node, &q);
	fs_log_record(fs, &q, h->uid, "what was written is refused", draft_why(h->draft));
	if (!draft_must_undo(h->draft, &before))
		return;
	int r = before ? publish_set(fs->publisher, h->uid, before)
		       : publish_remove(fs->publisher, h->uid, &q);
	if (r < 0 && r != -ENOENT) /* removed by somebody meanwhile is as good */
		fs_log_record(fs, &q, h->uid, "what stood before could not be put back", "");
}

static int commit(struct fs *fs, struct handle *h, struct rrset *set)
{
	int r = publish_set(fs->publisher, h->uid, set);
	if (r < 0) {
		rrset_destroy(set);
		draft_refuse(h->draft);
		undo(fs, h);
		return r;
	}
	draft_published(h->draft, set);
	struct question q;
	node_question(h->node, &q);
	tree_present(fs->tree, &q, h->uid);
	return 0;
}

int edit_write(struct fs *fs, struct handle *h, const char *bytes, size_t len, uint64_t offset)
{
	if (!draft_open(h->draft))
		return -EINVAL;
	struct rrset *set;
	int r = draft_write(h->draft, bytes, len, offset, &set);
	if (r < 0)
		undo(fs, h);
	else if (set)
		r = commit(fs, h, set);
	return r;
}

int edit_sync(struct fs *fs, struct handle *h)
{
	if (!draft_open(h->draft))
		return -EINVAL;
	struct rrset *set;
	int r = draft_close(h->draft, &set);
	if (r < 0 && !draft_open(h->draft))
		undo(fs, h);
	else if (r == 0 && set)
		r = commit(fs, h, set);
	return r;
}

int edit_flush(struct fs *fs, struct handle *h, pid_t pid)
{
	if (!draft_is_unfinished(h->draft) || caller_process(pid) != h->process)
		return 0;
	return edit_sync(fs, h);
}

void edit_release(struct fs *fs, struct handle *h)
{
	struct question q;
	node_question(h->node, &q);
	/* A last line that another process than the opener wrote is complete only now. */
	if (draft_is_unfinished(h->draft) && edit_sync(fs, h) < 0 && draft_open(h->draft))
		fs_log_record(fs, &q, h->uid, "dropped", draft_why(h->draft));
	if (draft_has_published(h->draft))
		publish_push(fs->publisher, h->uid, &q);
}
