/* LOOKUP and FORGET: from names to nodes. Under a directory's lock, so from memory only. */
#include "fs/ops.h"

#include <errno.h>
#include <string.h>

#include "fs/caller.h"
#include "fs/record.h"
#include "resolver/clock.h"

int ops_name(fuse_req_t req, fuse_ino_t parent, const char *text, struct ops_name *ret_name)
{
	const struct node *dir = ops_node(req, parent);
	if (!dir || dir->kind != NODE_TYPE)
		return -ENOTDIR;
	size_t len = strlen(text);
	if (len > NAME_FILE_MAX) /* the kernel does not say so for us */
		return -ENAMETOOLONG;
	*ret_name = (struct ops_name){
		.kind = OPS_NAME_SCRATCH,
		.question = {.class = dir->class, .type = dir->type},
		.where = {ops_uid(req), dir->class, dir->type},
		.text = text,
		.len = len,
	};
	int r = name_from_file(text, len, &ret_name->question.name);
	if (r == -EINVAL) /* no record has this name: private */
		return 0;
	ret_name->kind = OPS_NAME_RECORD;
	return r;
}

static int class_of(const char *text, uint16_t *ret_class)
{
	bool found = class_from_text(text, strlen(text), ret_class);
	return found && tree_has_class(*ret_class) ? 0 : -ENOENT;
}

static int type_of(const char *text, uint16_t *ret_type)
{
	bool found = type_from_text(text, strlen(text), ret_type);
	return found && tree_has_type(*ret_type) ? 0 : -ENOENT;
}

static int find_in_root(struct fs *fs, const char *text, uint64_t now, struct node **ret_node)
{
	uint16_t class;
	if (strcmp(text, ".kadns") == 0) {
		*ret_node = tree_find(fs->tree, TREE_CONTROL);
		return 0;
	}
	int r = class_of(text, &class);
	return r < 0 ? r : tree_class(fs->tree, class, now, ret_node);
}

static int find_in_class(
	struct fs *fs, uint16_t class, const char *text, uint64_t now, struct node **ret_node)
{
	uint16_t type;
	int r = type_of(text, &type);
	return r < 0 ? r : tree_type(fs->tree, class, type, now, ret_node);
}

static int find_in_control(struct fs *fs, const char *text, uint64_t now, struct node **ret_node)
{
	for (enum control_file f = 0; f < CONTROL_FILES; f++)
		if (strcmp(text, control_name(f)) == 0)
			return control_is_directory(f)
				       ? tree_panel_dir(fs->tree, f, (const uint16_t[2]){0, 0}, now,
						 ret_node)
				       : tree_control(fs->tree, f, ret_node);
	return -ENOENT;
}

/* CLASS, TYPE and NAME as in the mount; every name that a record can have is there. */
static int find_in_panel(struct fs *fs, const struct node *dir, const char *text, uint64_t now,
	struct node **ret_node)
{
	uint16_t at[2] = {dir->class, dir->type};
	struct question q = {.class = dir->class, .type = dir->type};
	int r;
	if (dir->type) {
		r = name_from_file(text, strlen(text), &q.name);
		if (r == 0)
			return tree_panel_file(fs->tree, dir->control, &q, now, ret_node);
		return r == -EINVAL ? -ENOENT : r;
	}
	r = dir->class ? type_of(text, &at[1]) : class_of(text, &at[0]);
	return r < 0 ? r : tree_panel_dir(fs->tree, dir->control, at, now, ret_node);
}

/* ---- the second name of a rename ----
 *
 * rename(2) looks up both names and nothing else. If the new one seemed to be there,
 * RENAME_NOREPLACE would fail with EEXIST without our being asked; coreutils' mv begins with that,
 * finds by stat that nothing is there, and goes on with a struct stat that was never filled in. So
 * to a thread that has just looked up a name of its own, and done nothing else, one unknown name is
 * not there: the next. What looks like a rename and is none (O_PATH, O_EXCL) is told apart by the
 * system call, where /proc shows that. */

#define RENAME_WINDOW (SECOND / 10) /* both look-ups come at once, unless we are very busy */

static struct fs_renamer *renamer(fuse_req_t req)
{
	return &ops_fs(req)->renamers[(unsigned)fuse_req_ctx(req)->pid % FS_RENAMERS];
}

static void may_rename(fuse_req_t req, uint64_t now)
{
	pid_t thread = fuse_req_ctx(req)->pid;
	if (thread > 0) /* 0: outside of our process namespace, so whoever it is */
		*renamer(req) = (struct fs_renamer){thread, now + RENAME_WINDOW};
}

static bool seems_to_rename(fuse_req_t req)
{
	const struct fs_renamer *r = renamer(req);
	pid_t thread = fuse_req_ctx(req)->pid;
	bool seems = thread > 0 && r->thread == thread && clock_monotonic() < r->until;
	ops_no_rename(req); /* one name only */
	return seems && caller_gives_two_names(thread);
}

void ops_no_rename(fuse_req_t req)
{
	struct fs_renamer *r = renamer(req);
	if (r->thread == fuse_req_ctx(req)->pid)
		r->until = 0;
}

/* ---- names ---- */

static int find_record(
	fuse_req_t req, const struct question *q, uint64_t now, struct node **ret_node)
{
	struct fs *fs = ops_fs(req);
	int error, r = tree_record(fs->tree, q, now, ret_node);
	if (r < 0)
		return r;
	if (publish_standing(fs->publisher, ops_uid(req), q)) {
		may_rename(req, now);
		return 0;
	}
	bool known = record_is_known(fs, *ret_node, ops_uid(req), &error);
	/* To mkdir and its kin a name that may be there would be EEXIST, though no name is theirs.
	 */
	bool absent = known ? error == -ENOENT
			    : seems_to_rename(req) || caller_makes_no_file(fuse_req_ctx(req)->pid);
	if (!absent)
		return 0;
	tree_forget(fs->tree, *ret_node, 0);
	return -ENOENT;
}

/* A record's name is there unless the caller has heard a moment ago that it is not; a scratch file
 * is there for its owner only. */
static int find_in_type(
	fuse_req_t req, fuse_ino_t parent, const char *text, uint64_t now, struct node **ret_node)
{
	struct fs *fs = ops_fs(req);
	struct ops_name name;
	int r = ops_name(req, parent, text, &name);
	if (r < 0)
		return r;
	if (name.kind == OPS_NAME_SCRATCH) {
		struct scratch_file *file = scratch_find(fs->scratch, &name.where, text, name.len);
		if (file)
			may_rename(req, now);
		return file ? tree_scratch(fs->tree, file, ret_node) : -ENOENT;
	}
	return find_record(req, &name.question, now, ret_node);
}

static int find(
	fuse_req_t req, fuse_ino_t parent, const char *text, uint64_t now, struct node **ret_node)
{
	struct fs *fs = ops_fs(req);
	const struct node *dir = ops_node(req, parent);
	if (strlen(text) > NAME_FILE_MAX)
		return -ENAMETOOLONG;
	if (!dir)
		return -ENOENT;
	switch (dir->kind) {
	case NODE_ROOT:
		return find_in_root(fs, text, now, ret_node);
	case NODE_CLASS:
		return find_in_class(fs, dir->class, text, now, ret_node);
	case NODE_TYPE:
		return find_in_type(req, parent, text, now, ret_node);
	case NODE_CONTROL:
		return find_in_control(fs, text, now, ret_node);
	case NODE_PANEL_DIR:
		return find_in_panel(fs, dir, text, now, ret_node);
	case NODE_RECORD:
	case NODE_SCRATCH:
	case NODE_CONTROL_FILE:
	case NODE_PANEL_FILE:
		break;
	}
	return -ENOTDIR;
}

void ops_lookup(fuse_req_t req, fuse_ino_t parent, const char *text)
{
	struct node *node;
	uint64_t now = clock_monotonic(); /* read once: it costs as much as a name's hash */
	int r = find(req, parent, text, now, &node);
	if (r < 0) {
		ops_reply(req, r);
		return;
	}
	struct fs *fs = ops_fs(req);
	struct fuse_entry_param e;
	ops_entry(req, node, &e);
	tree_look(fs->tree, node, now);
	if (fuse_reply_entry(req, &e) != 0) /* the caller has gone, the kernel counts nothing */
		tree_forget(fs->tree, node, 1);
}

static void forget_one(struct fs *fs, fuse_ino_t ino, uint64_t lookups)
{
	struct node *node = tree_find(fs->tree, ino);
	if (node)
		tree_forget(fs->tree, node, lookups);
}

void ops_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	forget_one(ops_fs(req), ino, lookups);
	fuse_reply_none(req);
}

void ops_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		forget_one(ops_fs(req), forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}
