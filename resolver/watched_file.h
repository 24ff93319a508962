/* A file that others replace under way: is it another than last time?
 *
 * Looked at by its path each time, so that a symbolic link that was turned elsewhere, a file
 * renamed over it and one written in place are all noticed. */
#ifndef RESOLVER_WATCHED_FILE_H
#define RESOLVER_WATCHED_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* As it was when last looked at. Zero it before the first look, but for the path. */
struct watched_file {
	const char *path;
	dev_t device;
	ino_t inode;
	off_t size;
	int64_t modified_ns;
	bool seen;
	bool may_go; /* whoever looks says so: one that is gone twice in a row is empty from then on
		      */
	unsigned gone;
};

/* Reads the file, `max` bytes of it at most, if it is another than last time: true, and a malloc'd
 * text, NULL only with length 0. A file that cannot be read is empty at the first look; one that
 * vanishes later is as it was, for whoever replaces it carelessly has a moment without one, or with
 * may_go for one look. */
bool watched_file_changed(struct watched_file *file, size_t max, char **ret_text, size_t *ret_len);

#endif
