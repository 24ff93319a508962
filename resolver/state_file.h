/* Small files of the state directory, read and written whole, of the daemon's user alone. */
#ifndef RESOLVER_STATE_FILE_H
#define RESOLVER_STATE_FILE_H

#include <stddef.h>
#include <stdint.h>

/* malloc'd, also when it is empty. 0; -EBADMSG: no plain file, or of more than `max` bytes; -errno.
 */
int state_file_read(const char *path, size_t max, uint8_t **ret_bytes, size_t *ret_len);
/* Replaces the file, whole or not at all; not synced: for what can be had again. 0, -errno. */
int state_file_write(const char *path, const uint8_t *bytes, size_t len);

/* Numbers in such files: big-endian, in so many bytes. */
void state_file_put(uint8_t *to, uint64_t n, size_t bytes);
uint64_t state_file_get(const uint8_t *from, size_t bytes);

#endif
