/* What is being written to .kadns/pins: the list of whoever opened it.
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
#ifndef FS_PIN_DRAFT_H
#define FS_PIN_DRAFT_H

#include "resolver/resolver.h"

/* Lists that it may be the only one to hold: what stood, its last, its whole. An append of a short
 * line makes a long list, so all are counted from the beginning. */
#define PIN_DRAFT_LISTS 3

struct pin_draft;

int pin_draft_create(struct resolver *r, uid_t uid, bool append, struct pin_draft **ret_draft);
void pin_draft_destroy(struct pin_draft *d); /* NULL is fine */
/* 0; -EINVAL (a bad line; not behind what was written; refused before), -EFBIG, -EDQUOT and what
 * resolver_set_pins fails with: refused. */
int pin_draft_write(struct pin_draft *d, const char *bytes, size_t len, uint64_t offset);
int pin_draft_close(struct pin_draft *d);
/* Its writer was killed in the middle: all of it goes, as after a refusal. */
int pin_draft_drop(struct pin_draft *d);
/* The disk has failed a write that it was to hold: what was durable before stands, and the rest is
 * refused. NULL: the file is closed. */
void pin_draft_lost(struct pin_draft *d, uid_t uid, int error);
/* To 0: it begins anew with the next write; to another length: nothing. */
void pin_draft_truncate(struct pin_draft *d, uint64_t len);
size_t pin_draft_bytes(const struct pin_draft *d); /* that it holds */

#endif
