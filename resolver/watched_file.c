/* Whether a file has changed, by what stat(2) says of it. */
#include "resolver/watched_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t modified_ns(const struct stat *st)
{
	return st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec;
}

static bool same(const struct watched_file *file, const struct stat *st)
{
	return file->seen && !file->gone && file->device == st->st_dev &&
	       file->inode == st->st_ino && file->size == st->st_size &&
	       file->modified_ns == modified_ns(st);
}

static void note(struct watched_file *file, const struct stat *st)
{
	file->device = st->st_dev;
	file->inode = st->st_ino;
	file->size = st->st_size;
	file->modified_ns = modified_ns(st);
	file->seen = true;
	file->gone = 0;
}

/* What there is, at most `size` bytes: no more than stat has said, so that what is appended under
 * way is another file, next time. */
static size_t read_all(int fd, char *text, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, text + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	return len;
}

#define GONE_LOOKS 2

/* There is none now: news at the first look, and where it may go at the second without it. Else
 * what was read before stands. */
static bool is_missing(struct watched_file *file)
{
	bool first = !file->seen;

	file->seen = true;
	if (first)
		file->gone = GONE_LOOKS;
	if (first || !file->may_go || file->gone == GONE_LOOKS)
		return first;
	return ++file->gone == GONE_LOOKS;
}

bool watched_file_changed(struct watched_file *file, size_t max, char **ret_text, size_t *ret_len)
{
	struct stat st;
	size_t size;
	int fd;

	*ret_text = NULL;
	*ret_len = 0;
	/* stat first: it opens nothing where nothing has changed. */
	if (stat(file->path, &st) == 0 && same(file, &st))
		return false;
	/* O_NONBLOCK: a FIFO in its place must not stop us. */
	fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return is_missing(file);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return is_missing(file);
	}
	size = (uintmax_t)st.st_size < max ? (size_t)st.st_size : max;
	*ret_text = size ? malloc(size) : NULL;
	if (*ret_text)
		*ret_len = read_all(fd, *ret_text, size);
	close(fd);
	if (size && !*ret_text)
		return false; /* without memory what was read before stands, and it is tried again
			       */
	note(file, &st);
	return true;
}
