/* A draft: what one writing handle has written, and when it counts (design, section 6).
 *
 * Pure logic over resolver/json: it says which record set is to be published after each step, and
 * what to put back after a refusal; fs/edit publishes. The life of a draft:
 *
 *   write  bytes that may become a record wait; bytes that are one become a set (the whole draft is
 *          judged, so several lines are one set); bytes that never can are refused
 *   close  by the process that opened the file, or fsync: a last line without newline counts now,
 *          a JSON value that is still open does not. What is no record yet may become one still: a
 *          shell's inner redirection looks like a close
 *   drop   what never counted is lost with all of its draft, and the log says so
 *
 * After a refusal every write is refused: a shell writes on after an error, and the rest of a bad
 * record may look like a good one. Truncation is no content: it withdraws nothing.
 *
 * A record may have several writers at a time, and each is told at once that his record stands. So
 * a draft keeps apart what is its own, and a refusal takes back no more than that. */
#ifndef FS_DRAFT_H
#define FS_DRAFT_H

#include "resolver/json.h"

#define DRAFT_TEXT_MIN 512 /* of the buffer: most records are one line */

struct draft;

/* `shown` (may be NULL) is what the writer reads there, his own or not; it is copied. Of "data" and
 * "rdata" that differ, the one that changed against it counts. With `append` (O_APPEND) what is
 * written is added to the writer's own set, whatever offset it comes with. */
int draft_create(
	const struct question *q, const struct rrset *shown, bool append, struct draft **ret_draft);
void draft_destroy(struct draft *d);
/* The writer has removed this set of his to make room for what he writes (fs/removal): a refusal
 * puts it back, as does a draft that comes to nothing. The draft's from now on; NULL is nothing. */
void draft_replaces(struct draft *d, struct rrset *removed);

/* The writer's own set that stands at this moment, or NULL: before each write and close, and until
 * what they give is published. Where it is not this draft's last, another has written: that is what
 * a refusal puts back and an append adds to, from here on. -ENOMEM. */
int draft_see(struct draft *d, const struct rrset *standing);
/* 0, and in *ret_set a set for the caller to publish and then to hand back by draft_published or
 * draft_refuse; NULL when there is nothing to publish yet. -EINVAL, -EFBIG, -ENOMEM: refused, and
 * the caller undoes. */
int draft_write(
	struct draft *d, const char *bytes, size_t len, uint64_t offset, struct rrset **ret_set);
/* The same for the end of writing. An error refuses nothing yet: more may come, or the draft is
 * dropped. */
int draft_close(struct draft *d, struct rrset **ret_set);
/* Shorter: judged by the next write or close. Longer: ignored, a record has no holes. */
void draft_truncate(struct draft *d, uint64_t len);

/* `set` is published and the draft's from now on. */
void draft_published(struct draft *d, struct rrset *set);
/* Refused, by draft_write or by publishing; every later write is -EINVAL. */
void draft_refuse(struct draft *d);
/* Its file was removed or renamed: as refused, with nothing to undo. */
void draft_orphan(struct draft *d);
bool draft_open(const struct draft *d);	      /* not refused */
const char *draft_why(const struct draft *d); /* of the last refusal; static, "" when unknown */

enum draft_undo {
	DRAFT_CHANGED_NOTHING,
	DRAFT_STANDS,	/* its record, or the gap before it, is to be replaced by *ret_set; NULL:
			   removed */
	DRAFT_REPLACED, /* by another's, which stays */
};
/* What a refusal must put back, where this set stands now. */
enum draft_undo draft_undo(
	const struct draft *d, const struct rrset *standing, const struct rrset **ret_set);
bool draft_has_published(const struct draft *d);
/* Are there bytes that have not come to count? */
bool draft_is_unfinished(const struct draft *d);
/* Was a record removed for it, and nothing has come in its place? */
bool draft_leaves_gap(const struct draft *d);

/* What it takes of memory: its text, and the sets that it keeps. */
size_t draft_bytes(const struct draft *d);
size_t draft_set_bytes(const struct rrset *set); /* NULL: none */

/* What the file seems to hold while it is being written. `touched` is false until the handle has
 * written or truncated. */
bool draft_touched(const struct draft *d);
const char *draft_text(const struct draft *d, size_t *ret_len);

#endif
