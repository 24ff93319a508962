/* The files of the page, in the program: embed.c writes them down. */
#ifndef RESOLVER_PAGE_PAGE_H
#define RESOLVER_PAGE_PAGE_H

#include <stddef.h>

struct page_file {
	const char *name;
	const unsigned char *bytes;
	size_t len;
};
extern const struct page_file page_files[]; /* the last has no name */

#endif
