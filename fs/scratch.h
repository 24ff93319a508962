/* Scratch: the private files of editors, in memory only.
 *
 * sed -i, rsync, vim, emacs, mv and `jq … > t && mv t NAME` make temporary files next to the one
 * that they replace. Such names (no inner dot, dotfiles, name~) are never asked about or published:
 * each uid has its own, sees only its own, and may rename one onto a record. All is bounded, and
 * what nobody has touched for an hour goes when somebody needs room or looks. */
#ifndef FS_SCRATCH_H
#define FS_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SCRATCH_FILE_BYTES 65536u     /* as a draft: what it is renamed to must fit one */
#define SCRATCH_USER_FILES 64u	      /* an editor makes three */
#define SCRATCH_USER_BYTES (1u << 20) /* sixteen full ones */
#define SCRATCH_FILES 4096u	      /* of all users together: 48 of them may be at their bound */
#define SCRATCH_BYTES (16u << 20)     /* and this is the memory it can ever cost */
#define SCRATCH_IDLE_SECONDS                                                                       \
	3600u /* longer than any save takes; shorter than a forgotten editor                       \
	       */

struct scratch;

/* Counted by reference: the directory holds one while the name exists, nodes and open handles
 * theirs. */
struct scratch_file {
	uint64_t ino; /* counted up, never used again */
	uid_t uid;
	uint16_t class, type; /* the directory */
	bool linked;	      /* the name exists */
	bool moved; /* it has become a record, or will: what is open writes to nothing, -EINVAL */
	int64_t changed; /* seconds since 1970 */
	unsigned refs;
	unsigned open; /* handles */
	uint64_t used; /* monotonic, microseconds */
	char *bytes;
	size_t len, cap;
	char *name;
	size_t name_len;
	struct scratch *scratch;	   /* NULL once that is destroyed */
	struct scratch_file *next, **prev; /* every file that has a reference */
};

/* `owner` is the daemon's user (resolver/share). */
int scratch_create(uid_t owner, struct scratch **ret_scratch);
/* Names go; files that are still referenced live until their last scratch_unref. */
void scratch_destroy(struct scratch *s);

struct scratch_file *scratch_ref(struct scratch_file *f);
void scratch_unref(struct scratch_file *f); /* NULL is fine */

struct scratch_where {
	uid_t uid;
	uint16_t class, type;
};
/* Borrowed, or NULL. */
struct scratch_file *scratch_find(
	struct scratch *s, const struct scratch_where *where, const char *name, size_t name_len);
/* A new empty file; borrowed. -EEXIST, -EDQUOT (the user's bound, or that of all), -ENOMEM. */
int scratch_make(struct scratch *s, const struct scratch_where *where, const char *name,
	size_t name_len, struct scratch_file **ret_file);
/* The same, but it has the name only from scratch_link on, which takes it from the file that has it
 * until then. The caller has a reference and a handle. -EDQUOT, -ENOMEM. */
int scratch_make_unlinked(struct scratch *s, const struct scratch_where *where, const char *name,
	size_t name_len, struct scratch_file **ret_file);
void scratch_link(struct scratch_file *f);
/* A handle more, or less. */
void scratch_open(struct scratch_file *f);
void scratch_close(struct scratch_file *f);
/* The name goes; open handles keep the bytes. Without either it takes no share any more, though the
 * kernel may remember it for long. */
void scratch_unlink(struct scratch_file *f);
/* Under a new name in the same directory, in place of a file that had it. 0, -ENOMEM. */
int scratch_rename(struct scratch_file *f, const char *name, size_t name_len);

/* -ENOENT: neither a name nor a handle is left. -EFBIG over SCRATCH_FILE_BYTES, -EDQUOT, -ENOMEM;
 * nothing is written then. */
int scratch_write(struct scratch_file *f, const char *bytes, size_t len, uint64_t offset);
int scratch_truncate(struct scratch_file *f, uint64_t len);

typedef void scratch_each_fn(void *ctx, const struct scratch_file *f);
void scratch_each(
	struct scratch *s, const struct scratch_where *where, scratch_each_fn *fn, void *ctx);
size_t scratch_files(const struct scratch *s);

#endif
