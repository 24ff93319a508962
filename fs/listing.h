/* What a directory shows: names from memory, never a question to anybody.
 *
 * A listing belongs to an open directory and grows as that is read, by what one turn of the loop may
 * look through; what it has shown stays, so that offsets mean what they meant while records come and
 * go: a name that stands throughout is shown once. Rewinding makes a new one. No page costs more
 * for the size of the directory, nor for that of others; where little is found among much, it comes
 * after some turns. */
#ifndef FS_LISTING_H
#define FS_LISTING_H

#include "fs/scratch.h"
#include "fs/tree.h"
#include "resolver/resolver.h"

struct listing;

/* What cannot be listed any more can still be opened: 100,000 names are 5 MB of listing, and a
 * user may have three such open. */
#define LISTING_MAX 100000u

struct listing_entry {
	uint64_t ino;
	enum node_kind kind;
	uint16_t class, type;
	enum control_file control;
	const char *name; /* borrowed from the listing */
};

struct listing_parts {
	struct resolver *resolver;
	struct scratch *scratch;
	struct tree *tree;
	bool hides_secret; /* from who may not open it: what reads whole trees would fail at it */
};
/* The beginning of it: of a ROOT, CLASS, TYPE or CONTROL node, which must outlive it, as `uid` sees
 * it. Without "." and "..". What comes at once is sorted by name; that is all, in a directory that a
 * person reads. */
int listing_create(const struct listing_parts *parts, const struct node *dir, uid_t uid,
	struct listing **ret_listing);
void listing_destroy(struct listing *l); /* NULL is fine */

/* One turn's worth more; none may have been found. */
int listing_more(struct listing *l);
bool listing_complete(const struct listing *l);

size_t listing_len(const struct listing *l);
size_t listing_bytes(const struct listing *l);
void listing_get(const struct listing *l, size_t i, struct listing_entry *ret_entry);

#endif
