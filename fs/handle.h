/* An open file or directory: what its OPEN decided, for the requests that follow.
 *
 * READ, WRITE and RELEASE come without a trustworthy caller (RELEASE has uid 0), so the uid that
 * was checked at OPEN is kept here, and what a reader reads is a snapshot of that moment. */
#ifndef FS_HANDLE_H
#define FS_HANDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#define HANDLE_USER_FILES 4096u /* open at once, as the usual limits of a process times four */
/* Of one record 64 kB of text and four sets, as what stood and what was removed: 350 kB. So the
 * bytes below are what bounds those who write large ones. */
#define HANDLE_USER_DRAFTS 64u
#define HANDLE_USER_BYTES                                                                          \
	(16u << 20) /* of snapshots and drafts: records are 300 bytes, listings more */
/* Of all users together (resolver/share): 16 MB of handles, and 64 MB that they hold. */
#define HANDLE_FILES 65536u
#define HANDLE_DRAFTS 1024u
#define HANDLE_TOTAL_BYTES (64u << 20)

enum handle_kind {
	HANDLE_TEXT,	/* reads a snapshot: a record, a control file */
	HANDLE_DRAFT,	/* writes a record */
	HANDLE_SCRATCH, /* a private file, read and written in place */
	HANDLE_NODES,	/* writes .kadns/nodes, .kadns/signers */
	HANDLE_LIST,	/* writes .kadns/pins or .kadns/keep */
	HANDLE_SECRET,	/* reads and writes .kadns/secret */
	HANDLE_DIR,
};

struct control_input;
struct draft;
struct handle_list;
struct handle_user;
struct listing;
struct memo_text;
struct node;
struct list_draft;
struct scratch_file;
struct secret_draft;
struct watch;

struct handle {
	enum handle_kind kind;
	bool append;
	bool reads, writes;
	bool synced; /* FSYNC came: who closes it wants to know that the network has it */
	struct node *node; /* lives as long as its file is open */
	uid_t uid;
	pid_t process; /* that opened it; of writers only */
	const char *text; /* what stood at OPEN; NULL: opened for writing only */
	size_t text_len;
	struct memo_text *shared; /* whose that text is; NULL: the handle's own */
	uint64_t version; /* TEXT of a record: of what it reads; 0: that there is nothing */
	struct stat stat; /* TEXT of a record: fstat must not ask again (a TTL may be 0) */
	struct draft *draft;
	struct scratch_file *scratch;
	struct control_input *input; /* NODES */
	struct list_draft *lines;    /* LIST */
	struct secret_draft *secret; /* SECRET; NULL: it is read only */
	struct listing *listing;     /* DIR, from its first READDIR on */
	struct watch *watch;	     /* TEXT of a record, from its first POLL on */

	size_t charged; /* bytes */
	struct handle_user *user;
	struct handle_list *list;
	struct handle *next, **prev;
	/* In fs/opened: of the same kind, node and uid; then, of the youngest of these only. */
	struct handle *older, *younger;
	struct handle *in_bucket;
	struct handle *beside, **beside_link; /* of another kind or uid on the same node */
};

/* `owner` is the daemon's user. */
int handle_list_create(uid_t owner, struct handle_list **ret_list);
void handle_list_destroy(struct handle_list *list); /* and every handle */

/* -ENFILE (too many, or too many bytes), -EDQUOT (too many drafts), -ENOMEM. */
int handle_create(
	struct handle_list *list, enum handle_kind kind, uid_t uid, struct handle **ret_handle);
void handle_destroy(struct handle *h); /* with all that it holds; NULL is fine */
/* Counts `bytes` of a snapshot or a draft as this handle's. -ENFILE. */
int handle_charge(struct handle *h, size_t bytes);
void handle_uncharge(struct handle *h);
void handle_discharge(struct handle *h, size_t bytes); /* some of it */
/* Takes a snapshot in place of the one before; frees the text on failure, when there is none. */
int handle_set_text(struct handle *h, char *text, size_t len);
/* The same of a text that others show too, with a reference of its own. It counts as if it were his
 * alone, for he may be the last to have it. */
int handle_share_text(struct handle *h, struct memo_text *text);

/* Makes it a handle of this node, until it is destroyed. */
void handle_set_node(struct handle *h, struct node *node);
/* The youngest handle of this kind that this uid has on the node, or NULL. */
struct handle *handle_find(
	struct handle_list *list, enum handle_kind kind, const struct node *node, uid_t uid);

/* Every one of a kind. It walks over all that is open: for the end of the mount. */
typedef void handle_each_fn(void *ctx, struct handle *h);
void handle_each(struct handle_list *list, enum handle_kind kind, handle_each_fn *fn, void *ctx);
/* How many handles and users have been looked at since the list was made: a test counts by it what
 * others' open files cost a request. */
size_t handle_list_steps(const struct handle_list *list);
/* The youngest file on the node when all on it are one user's; NULL also when they are of several. */
struct handle *handle_find_only(struct handle_list *list, const struct node *node);

#endif
