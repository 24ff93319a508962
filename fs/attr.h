/* What stat shows of each kind of file (design, section 6, "It is shared"). */
#ifndef FS_ATTR_H
#define FS_ATTR_H

#include <sys/stat.h>

#include "fs/fs.h"

/* ROOT, CONTROL, CLASS, TYPE and PANEL_DIR. */
void attr_directory(struct fs *fs, const struct node *node, struct stat *ret_stat);
void attr_panel(const struct fs *fs, const struct node *node, size_t size, struct stat *ret_stat);
int attr_control(struct fs *fs, const struct node *node, uid_t uid, struct stat *ret_stat);
void attr_scratch(const struct fs *fs, const struct node *node, struct stat *ret_stat);
/* A record that there is, and whose text is `size` bytes long. */
void attr_answer(const struct fs *fs, const struct node *node, const struct answer *a, size_t size,
	struct stat *ret_stat);
/* A record of which nothing is known, or that is being written: `size` bytes, owned by `uid`. A
 * phantom belongs to whoever looks, so that the directory's sticky bit lets him remove it. */
void attr_empty(const struct fs *fs, const struct node *node, uid_t uid, size_t size,
	struct stat *ret_stat);

#endif
