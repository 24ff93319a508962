/* What stat shows. */
#include "fs/attr.h"

#include "fs/control.h"
#include "fs/record.h"
#include "fs/secret.h"
#include "resolver/clock.h"

static void fill(const struct fs *fs, const struct node *node, mode_t mode, struct stat *ret_stat)
{
	*ret_stat = (struct stat){
		.st_ino = node->ino,
		.st_mode = mode,
		.st_nlink = S_ISDIR(mode) ? 2 : 1,
		.st_uid = fs->owner,
		.st_gid = fs->group,
		.st_blksize = 4096,
	};
}

static void set_size(struct stat *st, size_t size)
{
	st->st_size = (off_t)size;
	st->st_blocks = (blkcnt_t)((size + 511) / 512);
}

static void set_time(struct stat *st, int64_t seconds)
{
	st->st_mtim.tv_sec = st->st_ctim.tv_sec = st->st_atim.tv_sec = seconds;
}

void attr_directory(struct fs *fs, const struct node *node, struct stat *ret_stat)
{
	bool writable = node->kind == NODE_TYPE &&
			record_may_create(fs, node->class, node->type) == 0;
	fill(fs, node, S_IFDIR | (writable ? 01777 : 0555), ret_stat);
	set_time(ret_stat, fs->started);
}

int attr_control(struct fs *fs, const struct node *node, uid_t uid, struct stat *ret_stat)
{
	struct control_parts parts = {fs->resolver, fs->publisher, fs->control_sizes};
	size_t size;
	int r = control_size(&parts, node->control, uid, &size);
	if (r < 0)
		return r;
	fill(fs, node, control_mode(node->control), ret_stat);
	if (node->control == CONTROL_SECRET) { /* everybody's own */
		ret_stat->st_uid = uid;
		if (secret_may(fs, uid) < 0)
			ret_stat->st_mode = S_IFREG;
	}
	set_size(ret_stat, size);
	set_time(ret_stat, clock_wall() / (int64_t)SECOND);
	return 0;
}

void attr_panel(const struct fs *fs, const struct node *node, size_t size, struct stat *ret_stat)
{
	fill(fs, node, S_IFREG | 0444, ret_stat);
	set_size(ret_stat, size);
	set_time(ret_stat, clock_wall() / (int64_t)SECOND);
}

void attr_scratch(const struct fs *fs, const struct node *node, struct stat *ret_stat)
{
	fill(fs, node, S_IFREG | 0600, ret_stat);
	ret_stat->st_uid = node->scratch->uid;
	ret_stat->st_nlink = node->scratch->linked;
	set_size(ret_stat, node->scratch->len);
	set_time(ret_stat, node->scratch->changed);
}

void attr_answer(const struct fs *fs, const struct node *node, const struct answer *a, size_t size,
	struct stat *ret_stat)
{
	fill(fs, node, S_IFREG | 0644, ret_stat);
	if (a->has_owner)
		ret_stat->st_uid = a->owner;
	set_size(ret_stat, size);
	set_time(ret_stat, a->time);
}

void attr_empty(
	const struct fs *fs, const struct node *node, uid_t uid, size_t size, struct stat *ret_stat)
{
	fill(fs, node, S_IFREG | 0644, ret_stat);
	ret_stat->st_uid = uid;
	set_size(ret_stat, size);
	set_time(ret_stat, clock_wall() / (int64_t)SECOND);
}
