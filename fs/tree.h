/* The tree: what an inode number stands for. It knows no FUSE and asks nobody.
 *
 *   /            ROOT          /IN           CLASS         /IN/A        TYPE
 *   /.kadns      CONTROL       /.kadns/key   CONTROL_FILE
 *   /.kadns/explain, /.kadns/explain/IN, /.kadns/explain/IN/A       PANEL_DIR
 *   /.kadns/explain/IN/A/www.example.com      PANEL_FILE: what is said of that question
 *   /IN/A/www.example.com      RECORD: a question; there may or may not be an answer to it
 *   /IN/A/sedX1y2              SCRATCH: a private file (fs/scratch)
 *
 * A node lives as long as the kernel remembers it (its lookup count). The inode number of a
 * directory or record is a function of what it names, so it is the same each time and no other name
 * ever gets it; scratch files are counted.
 *
 * The kernel remembers every name that was ever looked up until it is short of memory, and may not
 * be told to forget (fuse_lowlevel_notify_* from the loop deadlocks). So what nobody uses is
 * dropped in the order of the last look-up when there is too much: the next LOOKUP makes the
 * same node with the same number, and the kernel sees no difference. */
#ifndef FS_TREE_H
#define FS_TREE_H

#include <sys/types.h>

#include "resolver/question.h"

struct handle;
struct scratch_file;
struct tree;

#define TREE_ROOT 1 /* FUSE_ROOT_ID */
#define TREE_CONTROL 2

/* At 100 to 350 bytes each, 20 MB or so. More than can be looked up, at 50 us each, in the seconds
 * for which the kernel may use a node without a LOOKUP. */
#define TREE_NODES_MAX (1u << 17)
#define TREE_KEEP_SECONDS 2 /* entry timeouts are a second at most */

enum node_kind {
	NODE_ROOT,
	NODE_CLASS,
	NODE_TYPE,
	NODE_RECORD,
	NODE_SCRATCH,
	NODE_CONTROL,
	NODE_CONTROL_FILE,
	NODE_PANEL_DIR,
	NODE_PANEL_FILE,
};

/* What .kadns has (fs/control.c says of each what it is): files first, then directories in which
 * CLASS/TYPE/NAME is a file. */
enum control_file {
	CONTROL_STATUS,
	CONTROL_NODES,
	CONTROL_KEY,
	CONTROL_SECRET,
	CONTROL_PINS,
	CONTROL_KEEP,
	CONTROL_SIGNERS,
	CONTROL_EXPLAIN,
	CONTROL_CLAIMS,
	CONTROL_WAIT,
	CONTROL_FILES
};

struct node {
	uint64_t ino;
	enum node_kind kind;
	uint16_t class, type;	      /* of CLASS, TYPE, RECORD, SCRATCH and PANEL_*; a PANEL_DIR
				       * above the classes or types has 0 */
	size_t size;		      /* RECORD: of its text when last looked at */
	unsigned handles;	      /* that have it open, and requests that wait for it */
	struct handle *opened;	      /* one for each user and kind (fs/opened) */
	enum control_file control;    /* CONTROL_FILE, PANEL_* */
	struct scratch_file *scratch; /* SCRATCH: a reference of the node's own */
	uint64_t lookups;	      /* what the kernel will FORGET; it may do so before RELEASE */
	uint64_t looked;	      /* when last */
	struct node *next;	      /* in its bucket */
	struct node *older, *newer;   /* CLASS, TYPE, RECORD, PANEL_*: by last look-up */
	struct name name;	      /* RECORD, PANEL_FILE; only its `len` bytes are allocated */
};

/* `seed` is secret: whoever chooses names must not choose inode numbers or buckets. */
int tree_create(uint64_t seed, struct tree **ret_tree);
void tree_destroy(struct tree *tree);

/* NULL: there is none. `now` is monotonic, in microseconds, here and below. */
struct node *tree_find(struct tree *tree, uint64_t ino);
/* Of a number that the kernel holds and tree_find has not: the kernel uses directories for an hour
 * without a LOOKUP, so one that was dropped is made again from its number. NULL: it is no directory's. */
struct node *tree_remake(struct tree *tree, uint64_t ino, uint64_t now);
/* Found or made, its lookup count untouched: a new node has none and goes with the next
 * tree_forget(node, 0), so the caller counts with tree_look or forgets. -ENOMEM; -ENFILE when there
 * are TREE_NODES_MAX and all are in use. */
int tree_class(struct tree *tree, uint16_t class, uint64_t now, struct node **ret_node);
int tree_type(
	struct tree *tree, uint16_t class, uint16_t type, uint64_t now, struct node **ret_node);
int tree_record(struct tree *tree, const struct question *q, uint64_t now, struct node **ret_node);
/* NULL: there is none. */
struct node *tree_find_record(struct tree *tree, const struct question *q);
int tree_control(struct tree *tree, enum control_file file, struct node **ret_node);
/* Below the control directory `of`: `class` and `type` are 0 for the directories above them. */
int tree_panel_dir(struct tree *tree, enum control_file of, const uint16_t class_type[2],
	uint64_t now, struct node **ret_node);
int tree_panel_file(struct tree *tree, enum control_file of, const struct question *q, uint64_t now,
	struct node **ret_node);
int tree_scratch(struct tree *tree, struct scratch_file *file, struct node **ret_node);

/* The kernel was told of it once more. */
void tree_look(struct tree *tree, struct node *node, uint64_t now);
void tree_forget(struct tree *tree, struct node *node, uint64_t lookups);
size_t tree_nodes(const struct tree *tree);

/* The question of a RECORD or PANEL_FILE. */
void node_question(const struct node *node, struct question *ret_question);
/* Numbers for listings, which make no nodes. */
uint64_t tree_ino_class(uint16_t class);
uint64_t tree_ino_type(uint16_t class, uint16_t type);
uint64_t tree_ino_record(const struct tree *tree, const struct question *q);
uint64_t tree_ino_control(enum control_file file);
uint64_t tree_ino_panel_dir(enum control_file of, uint16_t class, uint16_t type);

/* Names that were nothing to somebody a moment ago. LOOKUP may not wait, so it says that almost
 * every name is there; but a tool that has just been told ENOENT (by stat, or because it removed
 * the file itself) and now creates must not hear EEXIST. Each user has his own, as each has his
 * own view of a plain name. Fixed in size: an entry may be pushed out by another before its time,
 * which costs a question and nothing else. */
#define TREE_ABSENT_SECONDS 5
void tree_absent(struct tree *tree, const struct question *q, uid_t uid, uint64_t now);
void tree_present(struct tree *tree, const struct question *q, uid_t uid);
void tree_present_all(struct tree *tree);
void tree_present_of(struct tree *tree, uid_t uid); /* whatever was absent for him */
bool tree_is_absent(const struct tree *tree, const struct question *q, uid_t uid, uint64_t now);

/* Has it a directory? Not what only questions have (ANY) or nothing at all (0). */
bool tree_has_class(uint16_t class);
bool tree_has_type(uint16_t type);

#endif
