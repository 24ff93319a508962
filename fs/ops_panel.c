/* Files below .kadns/explain and .kadns/claims: what is said of a question, to this caller. And below
 * .kadns/wait, whose OPEN waits until the network has the caller's own record.
 *
 * LOOKUP finds any name that a record may have, and asks nobody; OPEN asks, when nothing is held.
 * GETATTR never does: the size is 0, as of files in /proc, but to who has it open. */
#include "fs/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fs/attr.h"
#include "fs/control.h"

static struct control_parts parts_of(struct fs *fs)
{
	return (struct control_parts){fs->resolver, fs->publisher, fs->control_sizes};
}

/* What became of the caller's last write, if it was refused. */
static int add_refusal(
	struct fs *fs, const struct control_about *about, char **text, size_t *text_len)
{
	const struct refusal *refusal = refusal_find(&fs->refusals, about->question, about->uid);
	char line[REFUSAL_LINE_MAX];
	if (!refusal)
		return 0;
	size_t len = refusal_line(refusal, line);
	char *longer = realloc(*text, *text_len + len);
	if (!longer) {
		free(*text);
		return -ENOMEM;
	}
	memcpy(longer + *text_len, line, len);
	*text = longer;
	*text_len += len;
	return 0;
}

static int text_for(
	fuse_req_t req, const struct node *node, int outcome, char **ret_text, size_t *ret_len)
{
	struct control_parts parts = parts_of(ops_fs(req));
	struct question q;
	node_question(node, &q);
	struct control_about about = {node->control, &q, ops_uid(req), outcome};
	int r = control_about(&parts, &about, ret_text, ret_len);
	if (r == 0 && node->control == CONTROL_EXPLAIN)
		r = add_refusal(ops_fs(req), &about, ret_text, ret_len);
	return r;
}

static bool is_held(fuse_req_t req, const struct node *node)
{
	struct control_parts parts = parts_of(ops_fs(req));
	struct question q;
	node_question(node, &q);
	return control_held(&parts, node->control, &q, ops_uid(req));
}

/* An open file's size is that of what it reads. To who has not opened it it is 0: a size would tell
 * whether anybody has asked, and leave no trace of who wanted to know. */
void ops_recall_panel(fuse_req_t req, const struct node *node, struct stat *ret_stat)
{
	struct fs *fs = ops_fs(req);
	const struct handle *h = handle_find(fs->handles, HANDLE_TEXT, node, ops_uid(req));
	attr_panel(fs, node, h ? h->text_len : 0, ret_stat);
}

static int open_text(fuse_req_t req, struct node *node, int outcome, struct handle **ret_handle)
{
	struct fs *fs = ops_fs(req);
	char *text;
	size_t len;
	int r = handle_create(fs->handles, HANDLE_TEXT, ops_uid(req), ret_handle);
	if (r < 0)
		return r;
	handle_set_node(*ret_handle, node);
	(*ret_handle)->reads = true;
	r = text_for(req, node, outcome, &text, &len);
	if (r < 0)
		return r;
	attr_panel(fs, node, len, &(*ret_handle)->stat);
	return handle_set_text(*ret_handle, text, len);
}

/* What went wrong with the question is what is to be explained; only who gave up waiting hears of
 * that instead. */
static void open_asked(
	fuse_req_t req, struct node *node, int flags, int error, const struct answer *a)
{
	struct handle *h = NULL;
	(void)flags;
	(void)a;
	if (error != -EINTR && error != -ECONNABORTED)
		error = open_text(req, node, error, &h);
	ops_reply_open_or(req, error, h);
}

static void open_received(fuse_req_t req, struct node *node, struct handle *none, int error)
{
	struct handle *h = NULL;
	(void)none;
	if (error == 0)
		error = open_text(req, node, 0, &h);
	ops_reply_open_or(req, error, h);
}

void ops_open_panel(fuse_req_t req, struct node *node, int flags)
{
	struct handle *h = NULL;
	if ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC) {
		ops_reply(req, -EACCES);
		return;
	}
	if (node->control == CONTROL_WAIT) {
		ops_receipt(req, node, NULL, open_received);
		return;
	}
	if (!is_held(req, node)) {
		ops_ask_for(req, node, control_asks_for(node->control), open_asked);
		return;
	}
	int r = open_text(req, node, 0, &h);
	ops_reply_open_or(req, r, h);
}
