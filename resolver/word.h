/* The words of a line, in files that an administrator writes: hosts(5), resolv.conf(5). */
#ifndef RESOLVER_WORD_H
#define RESOLVER_WORD_H

#include <stddef.h>

/* The next word before `end`, blanks being space, tab and CR: its start, and *ret_len, 0 where there
 * is none any more. Borrowed. */
const char *word_next(const char *at, const char *end, size_t *ret_len);

#endif
