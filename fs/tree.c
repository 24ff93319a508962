/* The tree: one hash table by inode number, and the short memory of what is not there. */
#include "fs/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/scratch.h"
#include "resolver/clock.h"

/* Inode numbers by kind; no two ranges meet. Records have a keyed hash of 62 bits, and the next
 * free number in the case, not to be expected in the life of a machine, that two live names share
 * it. */
#define INO_CONTROL_FILE 0x10ull
#define INO_TYPE (1ull << 33)	    /* | class << 16 | type */
#define INO_CLASS (1ull << 34)	    /* | class */
#define INO_PANEL_DIR (1ull << 39)  /* | control_file << 32 | class << 16 | type */
#define INO_PANEL_FILE (1ull << 61) /* | 61 bits, as a record's */
#define INO_RECORD (1ull << 62)

#define SPREAD 0x9e3779b97f4a7c15ull /* 2^64 by the golden ratio: neighbours end far apart */
#define BUCKETS_MIN 256
#define ABSENT_SLOTS 8192 /* 192 kB; a power of two */

struct absent {
	uint64_t hash; /* 64 keyed bits stand for the question: a wrong hit is not to be expected */
	uint64_t until;
	uid_t uid;
};

struct tree {
	struct node **buckets;
	size_t buckets_len; /* a power of two */
	size_t nodes;
	uint64_t seed;
	struct node *oldest, *newest;
	struct node root, control;
	uint64_t absent_until; /* from then on nothing is: most look-ups need not look further */
	struct absent absent[ABSENT_SLOTS];
};

/* Multiplicative hashing: inode numbers of directories differ in few bits. */
static size_t bucket_of(const struct tree *tree, uint64_t ino)
{
	return (ino * SPREAD >> 20) & (tree->buckets_len - 1);
}

int tree_create(uint64_t seed, struct tree **ret_tree)
{
	struct tree *tree = calloc(1, sizeof(*tree));
	struct node **buckets = calloc(BUCKETS_MIN, sizeof(*buckets));
	if (!tree || !buckets) {
		free(tree);
		free(buckets);
		return -ENOMEM;
	}
	tree->buckets = buckets;
	tree->buckets_len = BUCKETS_MIN;
	tree->seed = seed;
	tree->root = (struct node){.ino = TREE_ROOT, .kind = NODE_ROOT};
	tree->control = (struct node){.ino = TREE_CONTROL, .kind = NODE_CONTROL};
	*ret_tree = tree;
	return 0;
}

static void free_node(struct node *node)
{
	scratch_unref(node->scratch);
	free(node);
}

void tree_destroy(struct tree *tree)
{
	if (!tree)
		return;
	for (size_t i = 0; i < tree->buckets_len; i++) {
		struct node *node = tree->buckets[i];
		while (node) {
			struct node *next = node->next;
			free_node(node);
			node = next;
		}
	}
	free(tree->buckets);
	free(tree);
}

struct node *tree_find(struct tree *tree, uint64_t ino)
{
	if (ino == TREE_ROOT)
		return &tree->root;
	if (ino == TREE_CONTROL)
		return &tree->control;
	struct node *node = tree->buckets[bucket_of(tree, ino)];
	while (node && node->ino != ino)
		node = node->next;
	return node;
}

/* A table that cannot grow only gets slower. */
static void grow(struct tree *tree)
{
	size_t old_len = tree->buckets_len;
	struct node **old = tree->buckets;
	struct node **buckets = calloc(old_len * 2, sizeof(*buckets));
	if (!buckets)
		return;
	tree->buckets = buckets;
	tree->buckets_len = old_len * 2;
	for (size_t i = 0; i < old_len; i++) {
		struct node *node = old[i];
		while (node) {
			struct node *next = node->next;
			struct node **bucket = &buckets[bucket_of(tree, node->ino)];
			node->next = *bucket;
			*bucket = node;
			node = next;
		}
	}
	free(old);
}

static void leave_order(struct tree *tree, struct node *node)
{
	*(node->older ? &node->older->newer : &tree->oldest) = node->newer;
	*(node->newer ? &node->newer->older : &tree->newest) = node->older;
	node->older = node->newer = NULL;
}

static void enter_order(struct tree *tree, struct node *node, uint64_t now)
{
	node->looked = now;
	node->older = tree->newest;
	*(tree->newest ? &tree->newest->newer : &tree->oldest) = node;
	tree->newest = node;
}

static bool is_droppable(const struct node *node)
{
	return node->kind == NODE_CLASS || node->kind == NODE_TYPE || node->kind == NODE_RECORD ||
	       node->kind == NODE_PANEL_DIR || node->kind == NODE_PANEL_FILE;
}

static void remove_node(struct tree *tree, struct node *node)
{
	struct node **link = &tree->buckets[bucket_of(tree, node->ino)];
	while (*link != node)
		link = &(*link)->next;
	*link = node->next;
	if (is_droppable(node))
		leave_order(tree, node);
	tree->nodes--;
	free_node(node);
}

/* Makes room for one more: the node whose last look-up is longest ago, if that is long enough. */
static bool make_room(struct tree *tree, uint64_t now)
{
	if (tree->nodes < TREE_NODES_MAX)
		return true;
	struct node *node = tree->oldest;
	while (node && node->handles && now - node->looked > TREE_KEEP_SECONDS * SECOND)
		node = node->newer;
	if (!node || node->handles || now - node->looked <= TREE_KEEP_SECONDS * SECOND)
		return false;
	remove_node(tree, node);
	return true;
}

static int add_node(struct tree *tree, uint64_t ino, enum node_kind kind, size_t name_len,
	struct node **ret_node)
{
	if (tree->nodes >= tree->buckets_len)
		grow(tree);
	struct node *node = calloc(1, offsetof(struct node, name.wire) + name_len);
	if (!node)
		return -ENOMEM;
	node->ino = ino;
	node->kind = kind;
	struct node **bucket = &tree->buckets[bucket_of(tree, ino)];
	node->next = *bucket;
	*bucket = node;
	tree->nodes++;
	*ret_node = node;
	return 0;
}

/* A node that may be dropped again. */
static int add_droppable(struct tree *tree, uint64_t ino, enum node_kind kind, size_t name_len,
	uint64_t now, struct node **ret_node)
{
	if (!make_room(tree, now))
		return -ENFILE;
	int r = add_node(tree, ino, kind, name_len, ret_node);
	if (r == 0)
		enter_order(tree, *ret_node, now);
	return r;
}

int tree_type(
	struct tree *tree, uint16_t class, uint16_t type, uint64_t now, struct node **ret_node)
{
	uint64_t ino = tree_ino_type(class, type);
	*ret_node = tree_find(tree, ino);
	int r = *ret_node ? 0 : add_droppable(tree, ino, NODE_TYPE, 0, now, ret_node);
	if (r == 0) {
		(*ret_node)->class = class;
		(*ret_node)->type = type;
	}
	return r;
}

int tree_class(struct tree *tree, uint16_t class, uint64_t now, struct node **ret_node)
{
	uint64_t ino = tree_ino_class(class);
	*ret_node = tree_find(tree, ino);
	int r = *ret_node ? 0 : add_droppable(tree, ino, NODE_CLASS, 0, now, ret_node);
	if (r == 0)
		(*ret_node)->class = class;
	return r;
}

struct node *tree_remake(struct tree *tree, uint64_t ino, uint64_t now)
{
	struct node *node = NULL;
	uint16_t low = (uint16_t)ino, high = (uint16_t)(ino >> 16);
	if (ino == tree_ino_class(low))
		tree_class(tree, low, now, &node);
	else if (ino == tree_ino_type(high, low))
		tree_type(tree, high, low, now, &node);
	for (enum control_file of = 0; !node && of < CONTROL_FILES; of++)
		if (ino == tree_ino_panel_dir(of, high, low))
			tree_panel_dir(tree, of, (const uint16_t[2]){high, low}, now, &node);
	return node;
}

int tree_control(struct tree *tree, enum control_file file, struct node **ret_node)
{
	uint64_t ino = tree_ino_control(file);
	*ret_node = tree_find(tree, ino);
	int r = *ret_node ? 0 : add_node(tree, ino, NODE_CONTROL_FILE, 0, ret_node);
	if (r == 0)
		(*ret_node)->control = file;
	return r;
}

int tree_panel_dir(struct tree *tree, enum control_file of, const uint16_t class_type[2],
	uint64_t now, struct node **ret_node)
{
	uint64_t ino = tree_ino_panel_dir(of, class_type[0], class_type[1]);
	*ret_node = tree_find(tree, ino);
	int r = *ret_node ? 0 : add_droppable(tree, ino, NODE_PANEL_DIR, 0, now, ret_node);
	if (r == 0) {
		(*ret_node)->control = of;
		(*ret_node)->class = class_type[0];
		(*ret_node)->type = class_type[1];
	}
	return r;
}

/* A node that stands for a question: of a record, or of what a control directory says of it. */
struct named {
	enum node_kind kind;
	enum control_file control;
	const struct question *question;
};

static bool is_named(const struct node *node, const struct named *what)
{
	const struct question *q = what->question;
	return node->kind == what->kind && node->control == what->control &&
	       node->type == q->type && node->class == q->class && node->name.len == q->name.len &&
	       memcmp(node->name.wire, q->name.wire, q->name.len) == 0;
}

/* Or NULL, and the number that a new one gets. `range`: the bit that it begins with; the lower ones
 * are a hash. */
static struct node *find_named(
	struct tree *tree, const struct named *what, uint64_t range, uint64_t *ret_ino)
{
	uint64_t spread = question_hash(what->question, tree->seed) + what->control * SPREAD;
	uint64_t ino = range | (spread & (range - 1));
	struct node *node;
	while ((node = tree_find(tree, ino)) && !is_named(node, what))
		ino = range | ((ino + 1) & (range - 1));
	*ret_ino = ino;
	return node;
}

static int take_named(struct tree *tree, const struct named *what, uint64_t range, uint64_t now,
	struct node **ret_node)
{
	const struct question *q = what->question;
	uint64_t ino;
	struct node *node = find_named(tree, what, range, &ino);
	if (!node) {
		int r = add_droppable(tree, ino, what->kind, q->name.len, now, &node);
		if (r < 0)
			return r;
		node->control = what->control;
		node->class = q->class;
		node->type = q->type;
		node->name.len = q->name.len;
		memcpy(node->name.wire, q->name.wire, q->name.len);
	}
	*ret_node = node;
	return 0;
}

struct node *tree_find_record(struct tree *tree, const struct question *q)
{
	struct named what = {.kind = NODE_RECORD, .question = q};
	uint64_t ino;
	return find_named(tree, &what, INO_RECORD, &ino);
}

int tree_record(struct tree *tree, const struct question *q, uint64_t now, struct node **ret_node)
{
	struct named what = {.kind = NODE_RECORD, .question = q};
	return take_named(tree, &what, INO_RECORD, now, ret_node);
}

int tree_panel_file(struct tree *tree, enum control_file of, const struct question *q, uint64_t now,
	struct node **ret_node)
{
	struct named what = {NODE_PANEL_FILE, of, q};
	return take_named(tree, &what, INO_PANEL_FILE, now, ret_node);
}

int tree_scratch(struct tree *tree, struct scratch_file *file, struct node **ret_node)
{
	*ret_node = tree_find(tree, file->ino);
	if (*ret_node)
		return 0;
	int r = add_node(tree, file->ino, NODE_SCRATCH, 0, ret_node);
	if (r < 0)
		return r;
	(*ret_node)->class = file->class;
	(*ret_node)->type = file->type;
	(*ret_node)->scratch = scratch_ref(file);
	return 0;
}

void tree_look(struct tree *tree, struct node *node, uint64_t now)
{
	node->lookups++;
	if (is_droppable(node)) {
		leave_order(tree, node);
		enter_order(tree, node, now);
	}
}

void tree_forget(struct tree *tree, struct node *node, uint64_t lookups)
{
	if (node == &tree->root || node == &tree->control)
		return;
	node->lookups -= lookups < node->lookups ? lookups : node->lookups;
	/* RELEASE is sent without waiting, so FORGET may overtake it. */
	if (!node->lookups && !node->handles)
		remove_node(tree, node);
}

size_t tree_nodes(const struct tree *tree)
{
	return tree->nodes;
}

void node_question(const struct node *node, struct question *ret_question)
{
	/* Not as a whole: what lies behind a name is 200 bytes that nobody looks at. */
	ret_question->type = node->type;
	ret_question->class = node->class;
	ret_question->name.len = node->name.len;
	memcpy(ret_question->name.wire, node->name.wire, node->name.len);
}

uint64_t tree_ino_class(uint16_t class)
{
	return INO_CLASS | class;
}

uint64_t tree_ino_type(uint16_t class, uint16_t type)
{
	return INO_TYPE | (uint64_t) class << 16 | type;
}

uint64_t tree_ino_record(const struct tree *tree, const struct question *q)
{
	return INO_RECORD | (question_hash(q, tree->seed) & (INO_RECORD - 1));
}

uint64_t tree_ino_control(enum control_file file)
{
	return INO_CONTROL_FILE + file;
}

uint64_t tree_ino_panel_dir(enum control_file of, uint16_t class, uint16_t type)
{
	return INO_PANEL_DIR | (uint64_t)of << 32 | (uint64_t) class << 16 | type;
}

static struct absent *absent_slot(
	const struct tree *tree, const struct question *q, uid_t uid, uint64_t *ret_hash)
{
	*ret_hash = question_hash(q, tree->seed) + (uint64_t)uid * SPREAD;
	return (struct absent *)&tree->absent[*ret_hash >> 32 & (ABSENT_SLOTS - 1)];
}

void tree_absent(struct tree *tree, const struct question *q, uid_t uid, uint64_t now)
{
	uint64_t hash;
	struct absent *slot = absent_slot(tree, q, uid, &hash);
	tree->absent_until = now + TREE_ABSENT_SECONDS * SECOND;
	*slot = (struct absent){hash, tree->absent_until, uid};
}

void tree_present(struct tree *tree, const struct question *q, uid_t uid)
{
	uint64_t hash;
	struct absent *slot = absent_slot(tree, q, uid, &hash);
	if (slot->hash == hash)
		slot->until = 0;
}

void tree_present_all(struct tree *tree)
{
	memset(tree->absent, 0, sizeof(tree->absent));
}

void tree_present_of(struct tree *tree, uid_t uid)
{
	for (size_t i = 0; i < ABSENT_SLOTS; i++)
		if (tree->absent[i].uid == uid)
			tree->absent[i].until = 0;
}

bool tree_is_absent(const struct tree *tree, const struct question *q, uid_t uid, uint64_t now)
{
	uint64_t hash;
	if (now >= tree->absent_until)
		return false;
	const struct absent *slot = absent_slot(tree, q, uid, &hash);
	return slot->hash == hash && now < slot->until;
}

bool tree_has_class(uint16_t class)
{
	return class != 0 && class != CLASS_NONE && class != CLASS_ANY;
}

bool tree_has_type(uint16_t type)
{
	return !type_is_meta(type);
}
