/* Keys that one user wants kept alive: a line each, and what follows a `#` is a comment. A key
 * stands once. A list is immutable and counted by reference. */
#ifndef RESOLVER_KEEP_LIST_H
#define RESOLVER_KEEP_LIST_H

#include "resolver/pins.h"

#define KEEP_LIST_MAX 1024 /* of root and the daemon's owner; others: KEEP_USER_KEYS, keep.h */
#define KEEP_LINE_MAX 256  /* a key and what cat says of it */
#define KEEP_TEXT_MAX (KEEP_LIST_MAX * (KEEP_LINE_MAX + 1) * 3 + 1024) /* as PINS_TEXT_MAX */

struct keep_list {
	unsigned refs;
	size_t len;
	uint8_t keys[][NAME_KEY_LEN];
};
#define KEEP_LIST_BYTES (sizeof(struct keep_list) + KEEP_LIST_MAX * NAME_KEY_LEN)

/* As pin_list_read. */
struct keep_input {
	const char *text;
	size_t len;
	const struct keep_list *base; /* NULL: none */
};
int keep_list_read(
	const struct keep_input *in, struct pins_mistake *ret_mistake, struct keep_list **ret_list);
struct keep_list *keep_list_ref(const struct keep_list *list);
void keep_list_unref(const struct keep_list *list); /* NULL is fine */
size_t keep_list_len(const struct keep_list *list); /* of NULL 0 */
bool keep_list_has(const struct keep_list *list, const uint8_t key[NAME_KEY_LEN]);
bool keep_list_equal(const struct keep_list *a, const struct keep_list *b);
/* As keep_list_read reads it. */
void keep_list_write(const struct keep_list *list, struct text *t);

#endif
