/* What was changed lately in a zone that several daemons write, and by which version of it.
 *
 * Of two versions of which neither has seen the other (zone_seen.h) the later may have a record as
 * it was before, for another one's sake. Who changed a record last is therefore told by record: TXT
 * `_kadns.<key>` has, behind what was seen, `changed=HASH:SEQ,HASH`: the end of the H of its
 * question, and the version, in hexadecimal; without one it is the version in which that stands. A
 * key that one daemon writes needs no such words; where they have no room they are left out, and
 * then who reads first keeps what it has. Later is what has the higher seq, so that of two within
 * ZONE_WRITERS microseconds either may be. */
#ifndef RESOLVER_ZONE_CHANGES_H
#define RESOLVER_ZONE_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many of the latest, in each packet: what two have both written while they were cut off from
 * each other is mostly little, and every one takes up 23 of the 996 bytes. */
#define ZONE_CHANGES_MAX 6
#define ZONE_CHANGES_TEXT_MAX (8 + ZONE_CHANGES_MAX * 26 + 1)
#define ZONE_CHANGES_NOW INT64_MAX /* in the version that is being made */

struct zone_changes {
	unsigned len;
	struct zone_change {
		uint32_t hash;
		int64_t seq;
	} change[ZONE_CHANGES_MAX]; /* the latest first, one of each hash */
};

void zone_changes_add(struct zone_changes *changes, uint32_t hash, int64_t seq);
/* 0: not among the latest. */
int64_t zone_changes_of(const struct zone_changes *changes, uint32_t hash);
/* The version in which it stands, or that of which it is made, has this seq. */
void zone_changes_are_of(struct zone_changes *changes, int64_t seq);
/* The word, "" for none. */
size_t zone_changes_text(const struct zone_changes *changes, char ret_text[ZONE_CHANGES_TEXT_MAX]);
/* From anybody's zone: what makes no sense is none. */
void zone_changes_read(const char *text, struct zone_changes *ret_changes);

#endif
