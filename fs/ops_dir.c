/* Directories: from memory, in snapshots (fs/listing). */
#include "fs/ops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/listing.h"
#include "fs/secret.h"
#include "resolver/clock.h"

#define READDIR_MAX (64u << 10) /* of one reply, whatever the kernel's buffer: work is bounded */
#define PLUS_MAX 256		/* nodes made by one reply */
/* After so long a reply ends with what it has: attributes have the size of a text, which is written
 * for them, and 256 of them may be records of 64 kB. */
#define PLUS_US 1000

static struct handle *handle_of(const struct fuse_file_info *fi)
{
	return (struct handle *)(uintptr_t)fi->fh;
}

static bool is_directory(const struct node *node)
{
	return node->kind == NODE_ROOT || node->kind == NODE_CLASS || node->kind == NODE_TYPE ||
	       node->kind == NODE_CONTROL || node->kind == NODE_PANEL_DIR;
}

void ops_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = ops_fs(req);
	struct node *node = ops_node(req, ino);
	struct handle *h;
	(void)fi;
	int r = !node ? -ENOENT : is_directory(node) ? 0 : -ENOTDIR;
	if (r == 0)
		r = handle_create(fs->handles, HANDLE_DIR, ops_uid(req), &h);
	if (r < 0) {
		ops_reply(req, r);
		return;
	}
	handle_set_node(h, node);
	ops_reply_open(req, h);
}

void ops_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	ops_release(req, ino, fi);
}

static void drop_listing(struct handle *h)
{
	listing_destroy(h->listing);
	h->listing = NULL;
	handle_uncharge(h);
}

/* It grows, and shrinks when it is complete. */
static int charge_listing(struct handle *h)
{
	size_t bytes = listing_bytes(h->listing);
	if (bytes > h->charged)
		return handle_charge(h, bytes - h->charged);
	handle_discharge(h, h->charged - bytes);
	return 0;
}

/* At the first READDIR, and again after a rewind. */
static int make_listing(struct fs *fs, struct handle *h)
{
	struct listing_parts parts = {
		fs->resolver, fs->scratch, fs->tree, secret_may(fs, h->uid) < 0};
	return listing_create(&parts, h->node, h->uid, &h->listing);
}

static int entry_node(struct fs *fs, const struct handle *h, const struct listing_entry *entry,
	struct node **ret_node)
{
	struct question q = {.class = entry->class, .type = entry->type};
	struct scratch_where where = {h->uid, entry->class, entry->type};
	size_t len = strlen(entry->name);
	struct scratch_file *file;
	uint64_t now = clock_monotonic();
	switch (entry->kind) {
	case NODE_CLASS:
		return tree_class(fs->tree, entry->class, now, ret_node);
	case NODE_TYPE:
		return tree_type(fs->tree, entry->class, entry->type, now, ret_node);
	case NODE_CONTROL_FILE:
		return tree_control(fs->tree, entry->control, ret_node);
	case NODE_RECORD:
		if (name_from_file(entry->name, len, &q.name) < 0)
			return -ENOENT;
		return tree_record(fs->tree, &q, now, ret_node);
	case NODE_SCRATCH:
		file = scratch_find(fs->scratch, &where, entry->name, len);
		return file ? tree_scratch(fs->tree, file, ret_node) : -ENOENT;
	case NODE_CONTROL:
		*ret_node = tree_find(fs->tree, TREE_CONTROL);
		return 0;
	case NODE_PANEL_DIR:
		return tree_panel_dir(fs->tree, entry->control,
			(const uint16_t[2]){entry->class, entry->type}, now, ret_node);
	case NODE_ROOT:
	case NODE_PANEL_FILE:
		break;
	}
	return -ENOENT;
}

struct page { /* one reply */
	fuse_req_t req;
	char *bytes;
	size_t len, cap;
	bool plus;
	struct node *nodes[PLUS_MAX]; /* that the reply tells the kernel of */
	size_t nodes_len;
};

static bool put_plain(struct page *p, const char *name, uint64_t ino, mode_t mode, off_t next)
{
	struct fuse_entry_param e = {
		.attr = {.st_ino = ino, .st_mode = mode}}; /* ino 0: no look-up */
	size_t left = p->cap - p->len;
	size_t n = p->plus ? fuse_add_direntry_plus(p->req, p->bytes + p->len, left, name, &e, next)
			   : fuse_add_direntry(
				     p->req, p->bytes + p->len, left, name, &e.attr, next);
	if (n > left)
		return false;
	p->len += n;
	return true;
}

/* With attributes, where memory has them; an entry whose answer has just gone is only named. */
static bool put_plus(struct page *p, const char *name, struct node *node, off_t next)
{
	struct fuse_entry_param e;
	size_t left = p->cap - p->len;
	ops_entry(p->req, node, &e);
	size_t n = fuse_add_direntry_plus(p->req, p->bytes + p->len, left, name, &e, next);
	if (n > left)
		return false;
	p->len += n;
	tree_look(ops_fs(p->req)->tree, node, clock_monotonic());
	p->nodes[p->nodes_len++] = node;
	return true;
}

static bool put_entry(struct page *p, const struct handle *h, size_t i, off_t next)
{
	struct fs *fs = ops_fs(p->req);
	struct listing_entry entry;
	listing_get(h->listing, i, &entry);
	bool file = entry.kind == NODE_RECORD || entry.kind == NODE_SCRATCH ||
		    entry.kind == NODE_CONTROL_FILE;
	mode_t mode = file ? S_IFREG : S_IFDIR;
	struct node *node;
	if (!p->plus || entry_node(fs, h, &entry, &node) < 0)
		return put_plain(p, entry.name, entry.ino, mode, next);
	bool put = p->nodes_len < PLUS_MAX && put_plus(p, entry.name, node, next);
	if (!put)
		tree_forget(fs->tree, node, 0);
	return put;
}

static uint64_t parent_ino(const struct node *dir)
{
	if (dir->kind == NODE_PANEL_DIR && !dir->class)
		return TREE_CONTROL;
	if (dir->kind == NODE_PANEL_DIR)
		return tree_ino_panel_dir(dir->control, dir->type ? dir->class : 0, 0);
	return dir->kind == NODE_TYPE ? tree_ino_class(dir->class) : TREE_ROOT;
}

static void fill_page(struct page *p, const struct handle *h, size_t from)
{
	size_t len = listing_len(h->listing) + 2;
	uint64_t begun = clock_monotonic();
	for (size_t i = from; i < len; i++) {
		off_t next = (off_t)i + 1;
		bool put;
		if (i == 0)
			put = put_plain(p, ".", h->node->ino, S_IFDIR, next);
		else if (i == 1)
			put = put_plain(p, "..", parent_ino(h->node), S_IFDIR, next);
		else
			put = put_entry(p, h, i - 2, next);
		if (!put || (p->plus && clock_monotonic() - begun > PLUS_US))
			return; /* one entry at least: an empty reply means the end */
	}
}

struct reading { /* one READDIR */
	fuse_req_t req;
	struct handle *handle; /* the kernel releases none that is being read */
	size_t size, from;
	bool plus;
};

static void reply_page(const struct reading *reading)
{
	struct fs *fs = ops_fs(reading->req);
	const struct handle *h = reading->handle;
	size_t cap = reading->size < READDIR_MAX ? reading->size : READDIR_MAX;
	struct page p = {.req = reading->req, .cap = cap, .plus = reading->plus};
	p.bytes = malloc(cap);
	if (!p.bytes) {
		ops_reply(reading->req, -ENOMEM);
		return;
	}
	/* What came while it was read is in it too, or will be. */
	if (h->node->kind == NODE_TYPE)
		listed_note(&fs->listed, h->uid, h->node->class, h->node->type, clock_monotonic());
	fill_page(&p, h, reading->from);
	if (fuse_reply_buf(reading->req, p.bytes, p.len) != 0)
		while (p.nodes_len > 0)
			tree_forget(fs->tree, p.nodes[--p.nodes_len], 1);
	free(p.bytes);
}

/* An empty page means the end, so there is one only then. */
static bool has_page(const struct reading *reading)
{
	const struct listing *l = reading->handle->listing;
	return l && (reading->from < listing_len(l) + 2 || listing_complete(l));
}

static void on_turn(void *ctx, int error);

/* What is to be looked for waits for its turn, of which there is one for all who read directories:
 * so however many do, others are served in between. */
static int wait_for_turn(const struct reading *reading)
{
	struct later *later;
	struct reading *copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *reading;
	int r = later_add(ops_fs(reading->req)->laters, 0, on_turn, copy, &later);
	if (r < 0)
		free(copy);
	return r;
}

static void go_on(const struct reading *reading)
{
	int r = 0;
	if (has_page(reading))
		reply_page(reading);
	else
		r = wait_for_turn(reading);
	if (r < 0)
		ops_reply(reading->req, r);
}

static void on_turn(void *ctx, int error)
{
	struct reading reading = *(struct reading *)ctx;
	struct handle *h = reading.handle;
	free(ctx);
	int r = error;
	if (r == 0)
		r = h->listing ? listing_more(h->listing) : make_listing(ops_fs(reading.req), h);
	if (r == 0)
		r = charge_listing(h);
	if (r < 0) {
		drop_listing(h);
		ops_reply(reading.req, r);
		return;
	}
	go_on(&reading);
}

static void read_directory(const struct reading *reading)
{
	if (reading->from == 0)
		drop_listing(reading->handle);
	go_on(reading);
}

void ops_readdir(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	(void)ino;
	read_directory(&(struct reading){req, handle_of(fi), size, (size_t)offset, false});
}

void ops_readdirplus(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	(void)ino;
	read_directory(&(struct reading){req, handle_of(fi), size, (size_t)offset, true});
}
