/* Extended attributes of a record, by the option xattr: what its JSON says of it, for tools that walk.
 *
 *   user.kadns.trust    user.kadns.signer   user.kadns.seq
 *   user.kadns.source   user.kadns.expires  user.kadns.ttl
 *
 * As the members of the JSON, without quotes, and like them absent where there is nothing to say.
 */
#ifndef FS_XATTR_H
#define FS_XATTR_H

#include "resolver/answer.h"

#define XATTR_VALUE 64	/* a key is 52 characters */
#define XATTR_NAMES 128 /* all six names, each with its NUL */

/* -ENODATA: it has no such attribute. No NUL at the end of the value. */
int xattr_get(
	const struct answer *a, const char *name, char ret_value[XATTR_VALUE], size_t *ret_len);
/* Those that it has, as listxattr(2) gives them; returns their length. */
size_t xattr_list(const struct answer *a, char ret_names[XATTR_NAMES]);

#endif
