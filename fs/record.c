/* A record file. */
#include "fs/record.h"

#include <errno.h>
#include <stdlib.h>

#include "fs/caller.h"
#include "fs/edit.h"
#include "resolver/clock.h"
#include "resolver/json.h"

/* Names that a listing showed keep their answer for a while past their TTL, for him who listed
 * (fs/listed). An answer that came after the listing was not in it. */
#define LISTED_SECONDS 60

static const struct answer *peek_listed(struct fs *fs, const struct question *q, uid_t uid)
{
	uint64_t listed = listed_when(&fs->listed, uid, q->class, q->type);
	if (!listed || clock_monotonic() - listed > LISTED_SECONDS * SECOND)
		return NULL;
	const struct answer *a = resolver_peek_listed(fs->resolver, q, uid);
	return a && a->arrived <= listed ? a : NULL;
}

bool record_is_shared(struct fs *fs, const struct question *q)
{
	return !resolver_published_here(fs->resolver, q);
}

static bool recall(struct fs *fs, const struct question *q, uid_t uid, bool listed, int *ret_error,
	const struct answer **ret_answer)
{
	const struct answer *a = resolver_peek(fs->resolver, q, uid);
	if (!a && listed)
		a = peek_listed(fs, q, uid);
	*ret_answer = NULL;
	/* What was written on this machine is there, whatever was not there a moment ago. */
	if (!(a && a->has_owner) && tree_is_absent(fs->tree, q, uid, clock_monotonic())) {
		*ret_error = -ENOENT;
		return true;
	}
	if (!a)
		return false;
	*ret_error = a->error;
	*ret_answer = a->error ? NULL : a;
	return true;
}

bool record_recall(struct fs *fs, const struct question *q, uid_t uid, int *ret_error,
	const struct answer **ret_answer)
{
	return recall(fs, q, uid, true, ret_error, ret_answer);
}

bool record_recall_fresh(struct fs *fs, const struct question *q, uid_t uid, int *ret_error,
	const struct answer **ret_answer)
{
	return recall(fs, q, uid, false, ret_error, ret_answer);
}

void record_learn(struct fs *fs, const struct question *q, uid_t uid, int error)
{
	if (error == -ENOENT)
		tree_absent(fs->tree, q, uid, clock_monotonic());
}

bool record_is_known(struct fs *fs, const struct node *node, uid_t uid, int *ret_error)
{
	struct question q;
	const struct answer *a;
	*ret_error = 0;
	node_question(node, &q);
	return handle_find(fs->handles, HANDLE_DRAFT, node, uid) ||
	       record_recall(fs, &q, uid, ret_error, &a);
}

int record_shown(struct fs *fs, const struct question *q, uid_t uid, struct rrset **ret_set)
{
	int error;
	const struct answer *a;
	*ret_set = NULL;
	if (!record_recall(fs, q, uid, &error, &a) || !a)
		return 0;
	int r = answer_rrset(a, ret_set);
	return r == -ENOENT ? 0 : r;
}

int record_is_allowed(
	struct resolver *resolver, struct publisher *publisher, const struct question *q, uid_t uid)
{
	int r = publish_may(publisher, uid, q);
	if (r < 0)
		return r;
	/* Root's and the daemon owner's records answer for all: the file is theirs, mode 0644. */
	const struct answer *a = resolver_peek(resolver, q, uid);
	return a && a->has_owner && a->owner != uid && uid != 0 ? -EACCES : 0;
}

int record_may_write(struct fs *fs, const struct question *q, uid_t uid)
{
	return record_is_allowed(fs->resolver, fs->publisher, q, uid);
}

int record_may_create(struct fs *fs, uint16_t class, uint16_t type)
{
	/* The root's name, which is under nobody's key. */
	struct question q = {.class = class, .type = type, .name.len = 1};
	return publish_may(fs->publisher, fs->owner, &q);
}

/* Nothing of the caller's stands here: is there something of somebody else's? */
static int not_own(struct fs *fs, const struct question *q, uid_t uid)
{
	int error;
	const struct answer *a;
	return record_recall(fs, q, uid, &error, &a) && a ? -EPERM : -ENOENT;
}

/* Withdraws what he has published at q. In memory for a moment: the same process may be making room
 * for what it is about to write. */
static int withdraw(struct fs *fs, const struct question *q, const struct pending_caller *caller)
{
	const struct rrset *standing = publish_standing(fs->publisher, caller->uid, q);
	struct rrset *copy = standing ? rrset_copy(standing)
				      : NULL; /* or NULL: it is a help only */
	int r = publish_remove(fs->publisher, caller->uid, q);
	if (r < 0)
		rrset_destroy(copy);
	else
		removal_remember(&fs->removals, caller->uid, caller_process(caller->pid), copy,
			clock_monotonic());
	return r;
}

int record_remove(struct fs *fs, const struct question *q, const struct pending_caller *caller)
{
	uid_t uid = caller->uid;
	int r = withdraw(fs, q, caller);
	/* Under his key it is what another machine with it has written, if anything: whether or not
	 * that has been read here. */
	if (r == -ENOENT && publish_remove_theirs(fs->publisher, uid, q) == 0)
		r = 0;
	if (r == -ENOENT)
		r = not_own(fs, q, uid);
	if (r < 0 && r != -ENOENT)
		return r;
	edit_orphan(fs, q, uid);
	/* `mv /tmp/x NAME` removes, looks and creates: it must not find a phantom in between. */
	tree_absent(fs->tree, q, uid, clock_monotonic());
	return 0;
}

/* Puts back what the caller had at `q` before. */
static void restore(struct fs *fs, const struct question *q, const struct rrset *before, uid_t uid)
{
	int r = before ? publish_set(fs->publisher, uid, before)
		       : publish_remove(fs->publisher, uid, q);
	if (r < 0)
		fs_log_record(FS_NOT_RESTORED, q, uid, "");
	else if (before)
		tree_present(fs->tree, q, uid); /* it may have been removed a moment ago */
}

void record_put_back(struct fs *fs, const struct question *q, const struct pending_caller *caller)
{
	if (publish_standing(fs->publisher, caller->uid, q))
		return;
	struct rrset *set = removal_take(
		&fs->removals, q, caller->uid, caller_process(caller->pid), clock_monotonic());
	if (!set)
		return;
	restore(fs, q, set, caller->uid);
	rrset_destroy(set);
}

int record_rename(struct fs *fs, const struct question *from, const struct question *to, uid_t uid)
{
	const struct rrset *standing = publish_standing(fs->publisher, uid, from);
	if (!standing)
		return not_own(fs, from, uid);
	if (question_equal(from, to))
		return 0; /* one record in another spelling, and rename(2) does nothing then */
	int r = record_may_write(fs, to, uid);
	if (r < 0)
		return r;
	standing = publish_standing(fs->publisher, uid, from); /* valid until the next call */
	struct rrset *set = standing ? rrset_copy(standing) : NULL;
	if (!set)
		return -ENOMEM;
	set->question = *to;
	r = publish_move(fs->publisher, uid, from, set);
	rrset_destroy(set);
	if (r < 0)
		return r;
	edit_orphan(fs, from, uid);
	tree_present(fs->tree, to, uid);
	tree_absent(fs->tree, from, uid, clock_monotonic());
	publish_push(fs->publisher, uid, to);
	publish_push(fs->publisher, uid, from);
	return 0;
}

int record_from_scratch(struct fs *fs, struct scratch_file *file, const struct question *to,
	const struct pending_caller *caller)
{
	int r = record_may_write(fs, to, file->uid);
	if (r < 0)
		return r;
	struct rrset *shown = NULL, *set = NULL;
	const char *why = "";
	r = record_shown(fs, to, file->uid, &shown);
	if (r == 0)
		r = json_read(file->bytes ? file->bytes : "", file->len, to, shown, &set, &why);
	if (r == 0)
		r = publish_set(fs->publisher, file->uid, set);
	rrset_destroy(shown);
	rrset_destroy(set);
	if (r < 0) {
		fs_log_record(FS_REFUSED_RENAME, to, file->uid, why ? why : "");
		refusal_note(&fs->refusals, to, file->uid, &(struct refused){r, why});
		record_put_back(fs, to, caller);
		return r;
	}
	refusal_forget(&fs->refusals, to, file->uid);
	tree_present(fs->tree, to, file->uid);
	publish_push(fs->publisher, file->uid, to);
	file->moved = true; /* what is open has no way to the record */
	return 0;
}

void record_moved(struct scratch_file *file, int error)
{
	if (error < 0)
		file->moved = false;
	else
		scratch_unlink(file);
}

/* A private file with this content, which has no name yet: what has it may be the only copy of
 * something, until the disk has the record's end. */
static int make_copy(struct fs *fs, const struct answer *a, const struct scratch_where *where,
	const struct name_text *name, struct scratch_file **ret_copy)
{
	char *text;
	size_t len;
	struct scratch_file *copy = NULL;
	int r = json_write(a, NULL, &text, &len);
	if (r < 0)
		return r;
	r = scratch_make_unlinked(fs->scratch, where, name->text, name->len, &copy);
	if (r == 0)
		r = scratch_write(copy, text, len, 0);
	free(text);
	if (r < 0 && copy)
		record_copied(copy, r);
	else if (r == 0)
		*ret_copy = copy;
	return r;
}

int record_to_scratch(struct fs *fs, const struct question *from,
	const struct pending_caller *caller, const struct name_text *name,
	struct scratch_file **ret_copy)
{
	uid_t uid = caller->uid;
	const struct answer *a = resolver_peek(fs->resolver, from, uid);
	if (!a || !a->has_owner || a->owner != uid)
		return not_own(fs, from, uid);
	struct scratch_where where = {uid, from->class, from->type};
	struct scratch_file *copy;
	int r = make_copy(fs, a, &where, name, &copy);
	if (r < 0)
		return r;
	r = withdraw(fs, from, caller);
	if (r < 0) {
		record_copied(copy, r);
		return r;
	}
	edit_orphan(fs, from, uid);
	tree_absent(fs->tree, from, uid, clock_monotonic());
	*ret_copy = copy;
	return 0;
}

void record_copied(struct scratch_file *copy, int error)
{
	if (error >= 0)
		scratch_link(copy);
	scratch_close(copy);
	scratch_unref(copy);
}
