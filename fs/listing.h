/* What a directory shows: names from memory, never a question to anybody.
 *
 * A listing is made once for an open directory and kept, so that offsets stay what they were while
 * records come and go: a name that stands throughout is shown once. Rewinding makes a new one. So
 * the first page costs half a microsecond a name, and each further one what it holds. */
#ifndef FS_LISTING_H
#define FS_LISTING_H

#include "fs/scratch.h"
#include "fs/tree.h"
#include "resolver/resolver.h"

struct listing;

/* What cannot be listed any more can still be opened: 100,000 names are 6 MB of listing, and
 * a user may have three such open. */
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
};
/* Of a ROOT, CLASS, TYPE or CONTROL node, as `uid` sees it; sorted by name. Without "." and "..".
 */
int listing_create(const struct listing_parts *parts, const struct node *dir, uid_t uid,
	struct listing **ret_listing);
void listing_destroy(struct listing *l); /* NULL is fine */

size_t listing_len(const struct listing *l);
size_t listing_bytes(const struct listing *l);
void listing_get(const struct listing *l, size_t i, struct listing_entry *ret_entry);

#endif
