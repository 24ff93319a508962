/* The entries of a short master file that the administrator has written: root hints, trust anchors.
 */
#ifndef RESOLVER_ROOT_TEXT_H
#define RESOLVER_ROOT_TEXT_H

#include <stddef.h>

#define ROOT_TEXT_ENTRY_MAX 4096 /* a key has some 700 bytes */

/* The whole file as a string, malloc'd. 0, -EFBIG when it has more than `max` bytes, -EINVAL for a
 * NUL in it, or -errno. */
int root_text_read(const char *path, size_t max, char **ret_text);

/* The next entry, on one line: without comments and parentheses, one space between two words, and
 * the root for the owner where it names none. 1; 0 at the end; -EINVAL for a parenthesis without
 * its other, or an entry that is longer than ROOT_TEXT_ENTRY_MAX. $TTL and the like are passed
 * over. *text begins as the whole and moves on. */
int root_text_next(const char **text, char entry[ROOT_TEXT_ENTRY_MAX]);

/* The address in an entry that is an A or AAAA record, the last word of it; NULL: it is another. */
const char *root_text_address(const char *entry);

#endif
