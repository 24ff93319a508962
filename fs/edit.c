/* Writing a record. */
#include "fs/edit.h"

#include <errno.h>
#include <string.h>

#include "fs/caller.h"
#include "fs/draft.h"
#include "fs/record.h"
#include "resolver/clock.h"


/* What the draft is to hold is taken from the user's share before it does. `more` is beside what it
 * holds now; what was reserved and not used is given back. */
static int reserve(struct handle *h, size_t more)
{
	size_t need = h->text_len + draft_bytes(h->draft) + more;
	if (need > h->charged)
		return handle_charge(h, need - h->charged) < 0 ? -EDQUOT : 0;
	handle_discharge(h, h->charged - need);
	return 0;
}

static int open_draft(struct fs *fs, const struct question *q, const struct pending_caller *caller,
	bool append, struct handle **ret_handle)
{
	struct handle *h;
	struct rrset *shown = NULL;
	int r = record_may_write(fs, q, caller->uid);
	if (r == 0)
		r = handle_create(fs->handles, HANDLE_DRAFT, caller->uid, &h);
	if (r < 0)
		return r;
	r = record_shown(fs, q, caller->uid, &shown);
	if (r == 0)
		r = draft_create(q, shown, append, &h->draft);
	rrset_destroy(shown);
	if (r == 0)
		r = reserve(h, 0);
	if (r < 0) {
		handle_destroy(h);
		return r;
	}
	h->append = append;
	h->writes = true;
	h->process = caller_process(caller->pid);
	*ret_handle = h;
	return 0;
}

int edit_open(struct fs *fs, struct node *node, const struct pending_caller *caller, bool append,
	struct handle **ret_handle)
{
	struct question q;
	node_question(node, &q);
	int r = open_draft(fs, &q, caller, append, ret_handle);
	if (r < 0) {
		record_put_back(fs, &q, caller);
		return r;
	}
	struct handle *h = *ret_handle;
	handle_set_node(h, node);
	if (!publish_standing(fs->publisher, caller->uid, &q))
		draft_replaces(h->draft, removal_take(&fs->removals, &q, caller->uid, h->process,
						 clock_monotonic()));
	r = reserve(h, 0);
	if (r < 0) { /* what was removed is put back */
		edit_release(fs, h);
		handle_destroy(h);
	}
	return r;
}

static const struct rrset *standing(struct fs *fs, const struct handle *h)
{
	struct question q;
	node_question(h->node, &q);
	return publish_standing(fs->publisher, h->uid, &q);
}

static int put_back(
	struct fs *fs, const struct handle *h, const struct question *q, const struct rrset *before)
{
	if (!before)
		return publish_remove(fs->publisher, h->uid, q);
	int r = publish_set(fs->publisher, h->uid, before);
	if (r == 0)
		tree_present(fs->tree, q, h->uid); /* it may have been removed a moment ago */
	return r;
}

/* The handle is refused, and may have changed the record before: back to what stands without it.
 * What another handle has written since has been acknowledged too, and stays. */
static void undo(struct fs *fs, struct handle *h, enum fs_event what)
{
	struct question q;
	const struct rrset *before;
	node_question(h->node, &q);
	fs_log_record(what, &q, h->uid, draft_why(h->draft));
	switch (draft_undo(h->draft, standing(fs, h), &before)) {
	case DRAFT_CHANGED_NOTHING:
		break;
	case DRAFT_STANDS:
		if (put_back(fs, h, &q, before) < 0)
			fs_log_record(FS_NOT_RESTORED, &q, h->uid, "");
		break;
	case DRAFT_REPLACED:
		fs_log_record(FS_OVERTAKEN, &q, h->uid, "");
		break;
	}
}

/* The first error of a handle: after it all its WRITEs fail, and say less. */
static void note_refusal(struct fs *fs, const struct handle *h, int error)
{
	struct question q;
	struct refused what = {error, draft_why(h->draft)};
	node_question(h->node, &q);
	refusal_note(&fs->refusals, &q, h->uid, &what);
}

static int commit(struct fs *fs, struct handle *h, struct rrset *set)
{
	int r = reserve(h, draft_set_bytes(set));
	if (r == 0)
		r = publish_set(fs->publisher, h->uid, set);
	if (r < 0) {
		rrset_destroy(set);
		draft_refuse(h->draft);
		undo(fs, h, FS_REFUSED);
		return r;
	}
	draft_published(h->draft, set);
	struct question q;
	node_question(h->node, &q);
	tree_present(fs->tree, &q, h->uid);
	refusal_forget(&fs->refusals, &q, h->uid);
	return 0;
}

/* What stands now, for the draft to keep, and room for `len` bytes more of text: its buffer grows
 * by doubling. Nothing has been written when this fails. */
static int see(struct fs *fs, struct handle *h, size_t len)
{
	size_t old;
	const struct rrset *now = standing(fs, h);
	draft_text(h->draft, &old);
	int r = reserve(h, draft_set_bytes(now) + (len ? DRAFT_TEXT_MIN + 2 * (old + len) : 0));
	return r < 0 ? r : draft_see(h->draft, now);
}

int edit_write(struct fs *fs, struct handle *h, const char *bytes, size_t len, uint64_t offset)
{
	if (!draft_open(h->draft))
		return -EINVAL;
	struct rrset *set;
	int r = see(fs, h, len);
	if (r < 0)
		return r;
	r = draft_write(h->draft, bytes, len, offset, &set);
	if (r < 0)
		undo(fs, h, FS_REFUSED);
	else if (set)
		r = commit(fs, h, set);
	if (r < 0)
		note_refusal(fs, h, r);
	reserve(h, 0); /* no more than it has */
	return r;
}

void edit_lost(struct fs *fs, struct handle *h, const struct question *q, uid_t uid, int error)
{
	if (h)
		draft_refuse(h->draft);
	fs_log_record(FS_LOST, q, uid, strerror(-error));
	refusal_note(&fs->refusals, q, uid, &(struct refused){error, strerror(-error)});
	if (!publish_standing(fs->publisher, uid, q))
		tree_present(fs->tree, q, uid); /* others may have it */
}

void edit_truncate(struct handle *h, uint64_t len)
{
	if (draft_touched(h->draft) || len == 0 || len < h->text_len)
		draft_truncate(h->draft, len);
}

int edit_sync(struct fs *fs, struct handle *h)
{
	if (!draft_open(h->draft))
		return -EINVAL;
	struct rrset *set;
	int r = see(fs, h, 0);
	if (r == 0)
		r = draft_close(h->draft, &set);
	if (r == 0 && set)
		r = commit(fs, h, set);
	if (r < 0)
		note_refusal(fs, h, r);
	reserve(h, 0);
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
	/* A last line that another process than the opener wrote is complete only now. */
	bool lost = draft_is_unfinished(h->draft) && edit_sync(fs, h) < 0;
	if (draft_leaves_gap(h->draft))
		/* Another's record may have filled the gap meanwhile, and gone again. */
		draft_see(h->draft, standing(fs, h));
	if (draft_open(h->draft) && (lost || draft_leaves_gap(h->draft))) {
		draft_refuse(h->draft);
		undo(fs, h, FS_DROPPED);
	}
	struct question q;
	node_question(h->node, &q);
	if (draft_has_published(h->draft))
		publish_push(fs->publisher, h->uid, &q);
}

void edit_orphan(struct fs *fs, const struct question *q, uid_t uid)
{
	struct node *node = tree_find_record(fs->tree, q);
	struct handle *h = node ? handle_find(fs->handles, HANDLE_DRAFT, node, uid) : NULL;
	for (; h; h = h->older) {
		bool lost = draft_is_unfinished(h->draft);
		draft_orphan(h->draft);
		if (lost)
			fs_log_record(FS_DROPPED, q, uid, draft_why(h->draft));
	}
}
