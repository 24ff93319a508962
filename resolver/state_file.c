/* Whole files, by way of a second one that takes the place of the first. */
#include "resolver/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void state_file_put(uint8_t *to, uint64_t n, size_t bytes)
{
	while (bytes--) {
		to[bytes] = (uint8_t)n;
		n >>= 8;
	}
}

uint64_t state_file_get(const uint8_t *from, size_t bytes)
{
	uint64_t n = 0;

	while (bytes--)
		n = n << 8 | *from++;
	return n;
}

static int read_open(int fd, size_t max, uint8_t **ret_bytes, size_t *ret_len)
{
	struct stat st;
	uint8_t *bytes;
	ssize_t len;
	int r = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < 0 || (uint64_t)st.st_size > max)
		return -EBADMSG;
	bytes = malloc((size_t)st.st_size + 1);
	if (!bytes)
		return -ENOMEM;
	len = read(fd, bytes, (size_t)st.st_size);
	if (len < 0) {
		r = -errno;
		free(bytes);
		return r;
	}
	*ret_bytes = bytes;
	*ret_len = (size_t)len;
	return 0;
}

int state_file_read(const char *path, size_t max, uint8_t **ret_bytes, size_t *ret_len)
{
	/* Whatever stands there instead of a file must not be waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), r;

	if (fd < 0)
		return -errno;
	r = read_open(fd, max, ret_bytes, ret_len);
	close(fd);
	return r;
}

static int write_new(const char *path, const uint8_t *bytes, size_t len)
{
	int r = 0, fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, bytes, len);
	if (n != (ssize_t)len)
		r = n < 0 ? -errno : -ENOSPC;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

int state_file_write(const char *path, const uint8_t *bytes, size_t len)
{
	char *new;
	int r;

	if (asprintf(&new, "%s.new", path) < 0)
		return -ENOMEM;
	r = write_new(new, bytes, len);
	if (r == 0 && rename(new, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(new);
	free(new);
	return r;
}
