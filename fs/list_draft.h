/* What is being written to .kadns/pins or .kadns/keep: the list of whoever opened it.
 *
 *   write  every complete line counts at once, durable before the write returns, as with records:
 *          a shell hears of an error in its write or never. It is added to the list that stands
 *   close  by the process that opened the file: a last line without newline counts now; and
 *          without O_APPEND what the handle has not written goes, at once. Until then the old
 *          pins stand beside the new ones: half of a list would leave names without their strict
 *          pin. Where a list has no room for both, the new ones count now too; and what somebody
 *          else has written since the last write stays. When that process is killed before, the
 *          list that stood stands again, alone: half of one was never meant
 *
 * A bad line refuses the write that brings it and every later one of the handle, and puts back the
 * list that stood before, unless somebody has written another since. Truncation alone empties
 * nothing, and nor does white space: a list without pins is written as a comment, `echo "#"`. */
#ifndef FS_LIST_DRAFT_H
#define FS_LIST_DRAFT_H

#include "resolver/resolver.h"

/* Lists that it may be the only one to hold: what stood, its last, its whole. An append of a short
 * line makes a long list, so all are counted from the beginning. */
#define LIST_DRAFT_LISTS 3

/* What the lines are. A list is immutable and counted by reference; NULL is one without lines. */
struct list_kind {
	const char *what;   /* "pins" */
	size_t bytes, text; /* that a list takes at most; that its text has */
	int (*read)(const char *text, size_t len, uid_t uid, const void *base,
		struct pins_mistake *ret_mistake, void **ret_list);
	void *(*ref)(const void *list);
	void (*unref)(const void *list);
	bool (*same)(const void *a, const void *b); /* by what they say */
	const void *(*standing)(struct resolver *r, uid_t uid);
	int (*set)(struct resolver *r, uid_t uid, void *list);
};
extern const struct list_kind list_of_pins, list_to_keep;

struct list_draft;

int list_draft_create(const struct list_kind *kind, struct resolver *r, uid_t uid, bool append,
	struct list_draft **ret_draft);
void list_draft_destroy(struct list_draft *d); /* NULL is fine */
/* 0; -EINVAL (a bad line; not behind what was written; refused before), -EFBIG, -EDQUOT and what
 * the kind's set fails with: refused. */
int list_draft_write(struct list_draft *d, const char *bytes, size_t len, uint64_t offset);
int list_draft_close(struct list_draft *d);
/* Its writer was killed in the middle: all of it goes, as after a refusal. */
int list_draft_drop(struct list_draft *d);
/* The disk has failed a write that it was to hold: what was durable before stands, and the rest is
 * refused. NULL: the file is closed. */
void list_draft_lost(struct list_draft *d, const struct list_kind *kind, uid_t uid, int error);
/* To 0: it begins anew with the next write; to another length: nothing. */
void list_draft_truncate(struct list_draft *d, uint64_t len);
const struct list_kind *list_draft_kind(const struct list_draft *d);
size_t list_draft_bytes(const struct list_draft *d); /* that it holds */

#endif
