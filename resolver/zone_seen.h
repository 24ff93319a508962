/* Which versions of a zone, or of one of its pages, a version was built on.
 *
 * Several daemons may have one key. Each has a number of its own, its writer, in the low bits of
 * every seq that it gives a zone: so a seq names a version and who made it, and stands for all that
 * he made before. What is built on versions of others names the newest of each, in TXT
 * `_kadns.<key>` = `v=1 seen=SEQ,SEQ`; a key that one daemon writes needs no such words. pkarr
 * programs see a TXT record, and a zone that they write has seen nothing.
 *
 * A record set that is missing in a version which has seen the one where it stood has been
 * withdrawn; in one that has not, it was never known. No clock is asked, and nothing has to be kept
 * about what is gone but by who has withdrawn it (own_set_gone). */
#ifndef RESOLVER_ZONE_SEEN_H
#define RESOLVER_ZONE_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Microseconds by which a seq may be behind its time. Half of these are writers: two daemons of one
 * key may have the same number by chance, until one of them has read what the other put. */
#define ZONE_WRITERS (1 << 14)
/* Others than who writes; a seventh pushes out whose version is the oldest, who then counts as not
 * seen: what he has written is laid once more, at worst. */
#define ZONE_SEEN_MAX 6
/* " seen=" and so many numbers. */
#define ZONE_SEEN_TEXT_MAX (6 + ZONE_SEEN_MAX * 20 + 1)

struct zone_seen {
	unsigned len;
	int64_t seq[ZONE_SEEN_MAX + 1]; /* newest first, one of each writer; and its own, maybe */
};

/* A writer from any number. Odd: seqs of programs that count milliseconds are none of his. */
unsigned zone_writer(uint32_t number);
/* His latest seq up to `now`; where that is not above `seen`, his next above that. */
int64_t zone_seq(unsigned writer, int64_t seen, int64_t now);
unsigned zone_seq_writer(int64_t seq);

void zone_seen_add(struct zone_seen *seen, int64_t seq);
/* Has it seen the version `dot`, or a later one of the same writer? */
bool zone_seen_has(const struct zone_seen *seen, int64_t dot);
/* What both have seen. */
void zone_seen_both(struct zone_seen *seen, const struct zone_seen *other);
/* The newest of this writer; 0: none. */
int64_t zone_seen_of(const struct zone_seen *seen, unsigned writer);
/* The word of the marker, "" for none; `but`: a writer who needs not be named, or ZONE_WRITERS. */
size_t zone_seen_text(
	const struct zone_seen *seen, unsigned but, char ret_text[ZONE_SEEN_TEXT_MAX]);
/* What stands behind `seen=`, from anybody's zone: what makes no sense has seen nothing. */
void zone_seen_read(const char *text, struct zone_seen *ret_seen);

#endif
