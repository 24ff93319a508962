/* A zone of more than one packet: the zone packet, and pages beside it (design, section 3).
 *
 * A zone that does not fit in one packet lies on `len` pages, a power of two: mutable items of the
 * same key with the salt `kadns1:<i>`, each a zone packet of its own. A record set stands on the
 * page that the last four bytes of its H name; the zone packet then carries TXT `_kadns.<key>` =
 * `v=1 pages=N min=SEQ`, and a page whose seq is under SEQ is one of former times.
 *
 * Two things stay in the zone packet, since whoever asks cannot know on which page to look for
 * them: what `_kadns.<key>` says, and wildcards. */
#ifndef RESOLVER_ZONE_PAGES_H
#define RESOLVER_ZONE_PAGES_H

#include "resolver/zone.h"
#include "resolver/zone_changes.h"
#include "resolver/zone_seen.h"

#define PAGES_MAX 1024
#define PAGES_HEAD PAGES_MAX /* the zone packet, where a page is named */
#define PAGES_SALT_MAX 16

struct pages_marker {
	unsigned pages; /* 0: there are none */
	int64_t min;	/* seq of the oldest page that counts */
};

/* Where a record set stands in any zone: to find that is the dear part of the work here. */
struct pages_spot {
	bool head;     /* in the zone packet, whatever the number of pages */
	uint32_t hash; /* the end of its H */
};
struct pages_spot pages_spot(const struct question *q);
/* In a zone of `pages`: a page, or PAGES_HEAD. */
unsigned pages_place_of(const struct pages_spot *spot, unsigned pages);
unsigned pages_place(const struct question *q, unsigned pages);
/* The salt of a page, its length returned; none for PAGES_HEAD. */
size_t pages_salt(unsigned page, uint8_t ret_salt[PAGES_SALT_MAX]);
/* TXT `_kadns.<key>`. */
void pages_question(const uint8_t key[NAME_KEY_LEN], struct question *ret_q);
/* What the zone packet says; a marker that makes no sense is none. */
void pages_marker(
	const struct zone *head, const uint8_t key[NAME_KEY_LEN], struct pages_marker *ret_marker);
/* What a packet, of the zone or of a page, says that it was built on. */
void pages_seen(
	const struct zone *zone, const uint8_t key[NAME_KEY_LEN], struct zone_seen *ret_seen);
/* The same of a version, with itself: nothing for seq 0. */
void pages_seen_of(const struct zone *zone, const uint8_t key[NAME_KEY_LEN], int64_t seq,
	struct zone_seen *ret_seen);
/* Is this RDATA of `_kadns.<key>` a marker? Such no user writes. */
bool pages_is_marker(const uint8_t *rdata, size_t len);

/* The whole of a zone, or as much of it as is known: page[i] is NULL where page i was not read. */
struct pages {
	uint8_t key[NAME_KEY_LEN];
	struct pages_marker
		marker; /* as it was read, without `min` once that is another's business */
	struct zone *head;
	unsigned len;
	struct zone **page;
	unsigned writer; /* who writes it; nothing is said of him */
	/* By page, PAGES_HEAD too: what its packet said, and what is to be said of what is built on
	 * it. */
	struct pages_seen {
		struct zone_seen said, seen;
		struct zone_changes said_changes, changes;
	} * seen;
};
/* Takes over `head` (in the packet of which the marker stands). 0 or -ENOMEM. */
int pages_create(const uint8_t key[NAME_KEY_LEN], struct zone *head, struct pages **ret_pages);
void pages_destroy(struct pages *p); /* NULL is fine */
/* A page that was read; `zone` is taken over. 0 or -ENOMEM. */
int pages_add(struct pages *p, unsigned page, struct zone *zone);
/* `page` is built on the version `seq`. */
void pages_build_on(struct pages *p, unsigned page, int64_t seq);
/* What is on this page; NULL: it was not read. */
struct zone *pages_at(const struct pages *p, unsigned page);
/* Where a set of this question stands or would. */
struct zone *pages_zone(const struct pages *p, const struct question *q);
/* Puts the set where it belongs, and nowhere else; -ENOENT: that page was not read. */
int pages_set(struct pages *p, const struct rrset *set);
int pages_remove(struct pages *p, const struct question *q); /* -ENOENT: it is not there */
/* The same, where its page is known. */
int pages_set_on(struct pages *p, unsigned page, const struct rrset *set);
int pages_remove_on(struct pages *p, unsigned page, const struct question *q);
/* Has every page been read? */
bool pages_whole(const struct pages *p);
/* Does each part that was read fit in `cap` bytes? The marker is counted, without the changes. */
bool pages_fit(const struct pages *p, size_t cap);
/* Of a whole zone: lays it on `len` pages. */
int pages_spread(struct pages *p, unsigned len);
/* It was laid on `before` pages, and is on others: each has seen what all of those had, and has the
 * changes of its own records. */
void pages_have_seen(struct pages *p, unsigned before);
/* The packet of one part: its length, or -EFBIG. `min` is for the marker of the zone packet. The
 * changes are left out where they have no room; what it was built on, where that has none beside a
 * single set, or where more pages would make none. */
int pages_write(
	const struct pages *p, unsigned page, int64_t min, uint8_t ret_packet[ZONE_BYTES_MAX]);
/* The same with the words that it was read with. */
int pages_write_as_read(const struct pages *p, unsigned page, uint8_t ret_packet[ZONE_BYTES_MAX]);

#endif
