/* Extended attributes, from memory: `ls -l` asks for two of each file, and walking is silent. What
 * memory does not know has none. */
#include "fs/ops.h"

#include <errno.h>

#include "fs/record.h"
#include "fs/xattr.h"

/* Borrowed; NULL: no record, or none that is known. */
static const struct answer *answer_of(fuse_req_t req, fuse_ino_t ino)
{
	struct node *node = ops_node(req, ino);
	const struct answer *a = NULL;
	struct question q;
	int error;
	if (!node || node->kind != NODE_RECORD)
		return NULL;
	node_question(node, &q);
	record_recall(ops_fs(req), &q, ops_uid(req), &error, &a);
	return a;
}

/* Size 0 asks how long it is. */
static void reply(fuse_req_t req, const char *bytes, size_t len, size_t size)
{
	if (size == 0)
		fuse_reply_xattr(req, len);
	else if (len > size)
		ops_reply(req, -ERANGE);
	else
		fuse_reply_buf(req, bytes, len);
}

static void get(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	char value[XATTR_VALUE];
	size_t len;
	const struct answer *a = answer_of(req, ino);
	int r = a ? xattr_get(a, name, value, &len) : -ENODATA;
	ops_no_rename(req);
	if (r < 0)
		ops_reply(req, r);
	else
		reply(req, value, len, size);
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	char names[XATTR_NAMES];
	const struct answer *a = answer_of(req, ino);
	ops_no_rename(req);
	reply(req, names, a ? xattr_list(a, names) : 0, size);
}

static void set(
	fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
	(void)ino;
	(void)name;
	(void)value;
	(void)size;
	(void)flags;
	ops_no_rename(req);
	ops_reply(req, -EPERM);
}

static void remove_one(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	(void)ino;
	(void)name;
	ops_no_rename(req);
	ops_reply(req, -EPERM);
}

void ops_with_xattr(struct fuse_lowlevel_ops *table)
{
	table->getxattr = get;
	table->listxattr = list;
	table->setxattr = set;
	table->removexattr = remove_one;
}
